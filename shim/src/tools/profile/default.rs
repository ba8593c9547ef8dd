//! `shim profile default`: the embedded default profile, and why it is as it is.

use clap::Args;
use default_profile::{Answer, Case, Errno, Group, Outcome, Verdict, groups};
use profile::{Arch, Target};
use serde_json::{Value, json};

use super::failure::Failure;
use super::json::print_profile;
use super::target::{ContainerArgs, words as target_words};
use super::words;
use crate::tools::{Format, page::page, paint::Paint, print};

/// Print the embedded default profile for a container, or with --reasons why it is as it is
#[derive(Debug, Args)]
pub(super) struct Default {
    /// Say of each group of calls what happens to it, and why
    #[arg(long)]
    reasons: bool,
    /// For people, or as JSON on one line
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    container: ContainerArgs,
}

impl Default {
    pub(super) fn run(&self) -> Result<i32, Failure> {
        let target = self.container.target()?;
        if !self.reasons {
            print_profile(&default_profile::resolve(&target), self.format);
            return Ok(0);
        }
        let here = groups().filter_map(|group| Some((group, group.outcome(&target)?)));
        match self.format {
            Format::Text => {
                let paint = Paint::of_stdout();
                let mut text = format!(
                    "the default profile for {}\ncalls in no group: {}\n",
                    target_words(&target),
                    denied(default_profile::DEFAULT_ERRNO, target.arch)
                );
                for (group, outcome) in here {
                    text.push_str(&paragraph(group, outcome, &target, paint));
                }
                page(&text);
            }
            Format::Json => {
                let all: Vec<Value> = here
                    .map(|(group, outcome)| value(group, outcome, target.arch))
                    .collect();
                print(&format!("{}\n", json!(all)));
            }
        }
        Ok(0)
    }
}

fn paragraph(group: &Group, outcome: Outcome, target: &Target, paint: Paint) -> String {
    let said = match outcome {
        Outcome::Allow => paint.green("ALLOW"),
        Outcome::Deny(errno) => paint.red(&denied(errno, target.arch)),
        Outcome::ByArgument(_) => paint.yellow("by arguments"),
    };
    let needs = match group.verdict {
        Verdict::Needs {
            any_of, or_since, ..
        } => {
            let since =
                or_since.map(|kernel| format!(", or Linux {}.{}", kernel.major, kernel.minor));
            format!(
                " (needs {}{})",
                any_of.join(" or "),
                since.unwrap_or_default()
            )
        }
        Verdict::ByArgument {
            free_with: caps, ..
        } if !caps.is_empty() => {
            format!(" (allowed with {})", caps.join(" or "))
        }
        _ => String::new(),
    };
    let mut text = format!("\n{}: {said}{needs}\n", paint.bold(group.name));
    text.push_str(&words::wrapped(group.reason.split_whitespace(), "  "));
    if let Outcome::ByArgument(cases) = outcome {
        for case in cases {
            let condition = words::condition(&case.when);
            text.push_str(&format!(
                "    {} where {condition}\n",
                answer(case, target.arch)
            ));
        }
    }
    text.push_str(&words::wrapped(group.syscalls.iter().copied(), "    "));
    text
}

fn answer(case: &Case, arch: Arch) -> String {
    match case.then {
        Answer::Allow => "ALLOW".to_owned(),
        Answer::Deny(errno) => denied(errno, arch),
    }
}

fn denied(errno: Errno, arch: Arch) -> String {
    format!("ERRNO({}) {}", errno.number(arch), errno.name())
}

fn value(group: &Group, outcome: Outcome, arch: Arch) -> Value {
    let number = |errno: Errno| format!("ERRNO({})", errno.number(arch));
    let here = match outcome {
        Outcome::Allow => json!("ALLOW"),
        Outcome::Deny(errno) => json!(number(errno)),
        Outcome::ByArgument(cases) => cases
            .iter()
            .map(|case| {
                let action = match case.then {
                    Answer::Allow => "ALLOW".to_owned(),
                    Answer::Deny(errno) => number(errno),
                };
                json!({"action": action, "when": [words::condition(&case.when)]})
            })
            .collect(),
    };
    let needs: &[&str] = match group.verdict {
        Verdict::Needs { any_of, .. } => any_of,
        Verdict::ByArgument { free_with, .. } => free_with,
        Verdict::Allow | Verdict::Deny(_) => &[],
    };
    json!({
        "name": group.name,
        "reason": group.reason,
        "action": here,
        "capabilities": needs,
        "syscalls": group.syscalls,
    })
}
