//! `shim record run`: an engine's command, recorded, and the profile at its end.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use agent::{Recording, Store, learn};
use clap::Args;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
use serde_json::Value;

use super::command::{self, Recorded};
use super::session::Session;
use crate::tools::{complain, print};

/// Run an engine's command, record the containers that it makes, and write the profile for them
///
/// Such containers are as good as unconfined; floors of the node's policy hold. Ctrl-C ends the
/// command and the recording, and the profile is still written.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The profile to write. One that is there already is learned from: what it allows is not asked
    /// about again, and stays
    #[arg(short, long, value_name = "FILE", default_value = "recorded.json")]
    output: PathBuf,
    /// Allow calls that came with few different arguments with those alone
    #[arg(long)]
    with_args: bool,
    /// The handler by which docker is told to use shim; the others are told with the command
    #[arg(long, value_name = "NAME", default_value = command::HANDLER)]
    handler: String,
    /// The folder of the policy that records, which that handler names
    #[arg(long, value_name = "DIR", default_value = super::session::FOLDER)]
    folder: PathBuf,
    /// docker run …, podman run …, nerdctl run …, ctr run …, or runc, crun or youki with run …
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

impl Run {
    /// Gives the exit code: the command's, or 1 if there is no profile.
    pub(super) fn run(&self, recordings: &Path) -> i32 {
        match self.try_run(recordings) {
            Ok(code) => code,
            Err(why) => {
                complain(&why);
                1
            }
        }
    }

    fn try_run(&self, recordings: &Path) -> Result<i32, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("shim record run needs root: it decides what containers may do".to_owned());
        }
        let signals = Signals::taken()?;
        let mut session = Session::begin(&self.folder)?;
        let recorded = Recorded::of(&self.command, &self.handler, session.folder())?;
        let learned = self.learned()?;
        session.set_up(
            recorded.ours,
            recorded.behind.as_deref(),
            learned.as_deref(),
        )?;
        let (policy, id_file) = (session.policy(), session.id_file());
        let mut command = recorded.command(session.means(&id_file, &policy));
        let mut agent = session.agent(recordings, &signals)?;
        let watch = Watch {
            session: &session,
            store: Store::new(recordings.to_owned()),
            started: Instant::now(),
            tty: std::io::stderr().is_terminal(),
        };
        let named = self.command.first().map(PathBuf::from).unwrap_or_default();
        let child = signals.spawn(&mut command);
        let child = child.map_err(|error| format!("{} cannot be run: {error}", named.display()));
        let code = match child {
            Ok(child) => Ok(watch.until_over(child, &mut agent, &signals)),
            Err(error) => Err(error),
        };
        // It saves what it has.
        terminate(&agent, Signal::SIGTERM);
        let _ = agent.wait();
        let found = watch.recordings();
        session.end();
        let code = code?;
        if found.is_empty() {
            return Err(format!(
                "no container came to be recorded; {} ended with {code}",
                named.display()
            ));
        }
        self.write(&found)?;
        Ok(code)
    }

    /// The profile that is there already.
    fn learned(&self) -> Result<Option<String>, String> {
        let path = self.output.display();
        let text = match fs::read_to_string(&self.output) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|error| format!("{path}: {error}"))?,
        };
        let profile: Value = serde_json::from_str(&text)
            .map_err(|error| format!("{path} is there and is no profile: {error}"))?;
        let rules = profile.get("syscalls").and_then(Value::as_array);
        let conditional = |rule: &Value| {
            let args = rule.get("args").and_then(Value::as_array);
            args.is_some_and(|args| !args.is_empty())
        };
        if rules.is_none_or(|rules| rules.iter().any(conditional)) {
            return Err(format!(
                "{path} is there, and what it allows under conditions cannot be learned on; \
                 name another --output"
            ));
        }
        Ok(Some(text))
    }

    fn write(&self, found: &[Recording]) -> Result<(), String> {
        let profile = learn(found, self.with_args);
        let text = format!("{profile:#}\n");
        replace(&self.output, &text)
            .map_err(|error| format!("{} is not written: {error}", self.output.display()))?;
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut known: BTreeSet<&str> = BTreeSet::new();
        let mut times = 0_u64;
        for one in found {
            let calls = one.calls.iter();
            seen.extend(calls.clone().map(|call| call.syscall.as_str()));
            times = calls.fold(times, |sum, call| sum.saturating_add(call.count));
            let learned = one.learned.iter().flat_map(|learned| &learned.names);
            known.extend(learned.map(String::as_str));
        }
        let new = seen.difference(&known).count();
        let before = match known.len() {
            0 => String::new(),
            count => format!(", {new} new beside {count} learned before"),
        };
        let open = found.iter().filter(|one| !one.over).count();
        let open = match open {
            0 => String::new(),
            count => format!("; {count} of them had not ended"),
        };
        print(&format!(
            "{}: {} different calls, {times} times{before}, in {} container(s){open}\n",
            self.output.display(),
            seen.len(),
            found.len()
        ));
        Ok(())
    }
}

/// Written beside and renamed.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o644);
    let written = file.open(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&beside, path))
        .inspect_err(|_| {
            // Nothing half-written is left; the error is told.
            let _ = fs::remove_file(&beside);
        })
}

/// The signals that end a recording, held back so that the profile is written.
pub(super) struct Signals {
    set: SigSet,
    fd: SignalFd,
}

impl Signals {
    fn taken() -> Result<Self, String> {
        let mut set = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            set.add(signal);
        }
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let fd = set
            .thread_block()
            .and_then(|()| SignalFd::with_flags(&set, flags));
        fd.map(|fd| Self { set, fd })
            .map_err(|errno| format!("signals cannot be waited for: {errno}"))
    }

    fn came(&self) -> bool {
        matches!(self.fd.read_signal(), Ok(Some(_)))
    }

    /// Starts a program, which inherits what is held back: nothing, for that moment.
    pub(super) fn spawn(&self, command: &mut Command) -> std::io::Result<Child> {
        if self.came() {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        self.set.thread_unblock()?;
        let child = command.spawn();
        self.set.thread_block()?;
        child
    }
}

fn terminate(child: &Child, signal: Signal) {
    if let Ok(pid) = i32::try_from(child.id()) {
        // It may have ended already.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// What is looked at while the command runs.
struct Watch<'a> {
    session: &'a Session,
    store: Store,
    started: Instant,
    tty: bool,
}

impl Watch<'_> {
    /// Waits for the command and the containers that it leaves behind, or for a signal.
    fn until_over(&self, mut child: Child, agent: &mut Child, signals: &Signals) -> i32 {
        let mut code = None;
        let mut stopping = 0_u32;
        let mut told = Instant::now();
        let mut said = false;
        loop {
            if signals.came() {
                stopping = stopping.saturating_add(1);
                let signal = match stopping {
                    1 => Signal::SIGTERM,
                    _ => Signal::SIGKILL,
                };
                if code.is_none() {
                    terminate(&child, signal);
                }
            }
            if code.is_none()
                && let Ok(Some(status)) = child.try_wait()
            {
                let by_signal = status.signal().map(|signal| signal.saturating_add(128));
                code = Some(status.code().or(by_signal).unwrap_or(1));
            }
            if let Some(code) = code {
                let running = self.session.running();
                if running == 0 || stopping > 0 {
                    self.tell(true);
                    return code;
                }
                if !said {
                    said = true;
                    complain(&format!(
                        "{running} container(s) run on; Ctrl-C ends the recording"
                    ));
                }
            }
            if let Ok(Some(_)) = agent.try_wait() {
                complain("the agent has ended; its log says why");
                terminate(&child, Signal::SIGTERM);
                return 1;
            }
            if told.elapsed() > if self.tty { BRISK } else { CALM } {
                told = Instant::now();
                self.tell(false);
            }
            std::thread::sleep(TICK);
        }
    }

    /// Says how far it has come, on standard error.
    fn tell(&self, last: bool) {
        let found = self.recordings();
        let names: BTreeSet<&str> = found
            .iter()
            .flat_map(|one| one.calls.iter().map(|call| call.syscall.as_str()))
            .collect();
        let calls = found.iter().flat_map(|one| &one.calls);
        let times = calls.fold(0_u64, |sum, call| sum.saturating_add(call.count));
        let line = format!(
            "shim: recording {} container(s): {} different calls, {times} times, {} s",
            found.len(),
            names.len(),
            self.started.elapsed().as_secs()
        );
        let line = match (self.tty, last) {
            (true, false) => format!("\r\x1b[K{line}"),
            (true, true) => "\r\x1b[K".to_owned(),
            (false, false) => format!("{line}\n"),
            (false, true) => return,
        };
        // Progress that nobody reads is no progress to report.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    /// The recordings of this session's containers; a folder that cannot be read has none yet.
    fn recordings(&self) -> Vec<Recording> {
        let containers = self.session.containers();
        let all = self.store.all().unwrap_or_default();
        let newest = |id: &String| all.iter().rfind(|(_, one)| one.id == *id);
        let found = containers.iter().filter_map(newest);
        found.map(|(_, one)| one.clone()).collect()
    }
}

/// How often it is looked at what goes on.
const TICK: Duration = Duration::from_millis(50);
/// How often progress is told to a terminal, and else.
const BRISK: Duration = Duration::from_secs(1);
const CALM: Duration = Duration::from_secs(10);
