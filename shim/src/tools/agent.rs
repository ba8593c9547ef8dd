//! `shim agent`: the notification agent.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use agent::{LogTo, MetricsAt, Options};
use clap::{Args, Subcommand};

use super::top::Top;
use super::{complain, print_bytes};
use crate::errno_words;

/// Be the node's agent: say what containers are denied, and learn what they need
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Agent {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The folder of its sockets, which the policy names as agent.sockets
    #[arg(long, value_name = "DIR", default_value = policy::AGENT_SOCKETS)]
    socket_dir: PathBuf,
    /// Where it writes what it sees, as JSON lines; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    log: PathBuf,
    /// The folder to keep recordings in
    #[arg(long, value_name = "DIR", default_value = agent::RECORDINGS)]
    recordings: PathBuf,
    /// Where it serves numbers for Prometheus at /metrics, if anywhere: unix:PATH or 127.0.0.1:PORT
    #[arg(long, value_name = "WHERE")]
    metrics: Option<MetricsAt>,
    /// Read the kernel's audit records too: denials of containers in mode observe-lite, and what
    /// those in mode audit would have been denied
    #[arg(long)]
    audit: bool,
    /// How often repeated denials are summed up, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
    /// Take the container alone whose id is in this file, for a recording in one go
    #[arg(long, hide = true, value_name = "FILE")]
    only: Option<PathBuf>,
    /// Compile what stands on standard input, for the agent itself
    #[arg(long, hide = true)]
    compile: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Top(Top),
}

impl Agent {
    pub(super) fn run(&self) -> i32 {
        if let Some(Verb::Top(top)) = &self.verb {
            return top.run();
        }
        if self.compile {
            return compile();
        }
        let log = if self.log.as_os_str() == "-" {
            LogTo::Stdout
        } else {
            LogTo::File(self.log.clone())
        };
        let options = Options {
            sockets: self.socket_dir.clone(),
            log,
            metrics: self.metrics.clone(),
            audit: self.audit,
            recordings: self.recordings.clone(),
            every: Duration::from_secs(self.every),
            only: self.only.clone(),
            compile: (
                PathBuf::from("/proc/self/exe"),
                vec!["agent".to_owned(), "--compile".to_owned()],
            ),
        };
        match agent::serve(&options) {
            Ok(()) => 0,
            Err(error) => {
                complain(&errno_words::chain(&error));
                1
            }
        }
    }
}

fn compile() -> i32 {
    let mut input = Vec::new();
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut input) {
        complain(&error.to_string());
        return 1;
    }
    match agent::compile(&input) {
        Ok(program) => {
            print_bytes(&program);
            0
        }
        Err(why) => {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), why.as_bytes());
            1
        }
    }
}
