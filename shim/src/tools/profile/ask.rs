//! `shim profile test`: what happens to a call.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use filter::{Call, Runtime, X32_BIT};
use profile::meaning::Reason;
use profile::{Arch, errno_name};
use serde_json::{Value, json};
use strict_json::{MAX_DEPTH, Place, Text, place};

use super::deciding::{AskedCall, Because, because, compile};
use super::failure::Failure;
use super::file::{File, Loaded};
use super::target::TargetArgs;
use super::{arches, batch, show, syscalls, words};
use crate::tools::{Format, paint::Paint, print};

/// Say what happens to a call, and which rule decides that
///
/// The answer is that of the compiled filter: the profile goes through libseccomp as the runtime
/// would have it, and the filter is executed as the kernel does.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// The profile; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The call, by name or number
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    syscall: Option<String>,
    /// Its arguments, decimal, negative or 0x…; those not given are 0
    #[arg(value_parser = batch::number, allow_negative_numbers = true, num_args = 0..=6)]
    arg: Vec<u64>,
    /// Answer calls from standard input, a JSON object a line: {"arch": "x86_64", "nr": 41,
    /// "args": ["0x2"]}; "name" may stand for "nr"
    #[arg(long)]
    batch: bool,
    /// Compile as this runtime does
    #[arg(long, value_enum, default_value = "runc")]
    runtime: RuntimeWord,
    /// The node's architecture; --arch is that of the call
    #[arg(long, value_name = "A", value_parser = arches::parse)]
    native: Option<Arch>,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    target: TargetArgs,
}

/// A runtime, as an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RuntimeWord {
    /// runc.
    Runc,
    /// crun.
    Crun,
}

impl Test {
    pub(super) fn run(&self) -> Result<i32, Failure> {
        let native = match (self.native, self.target.container.arch) {
            (Some(native), _) => native,
            (None, Some(abi)) => arches::node_for(abi),
            (None, None) => arches::host()?,
        };
        let abi = self.target.container.arch.unwrap_or(native);
        let runtime = match self.runtime {
            RuntimeWord::Runc => Runtime::Runc,
            RuntimeWord::Crun => Runtime::Crun,
        };
        if self.batch && self.file.as_path() == Path::new("-") {
            return batch::from_stdin(native, abi, runtime, &self.target.on(native));
        }
        let file = File::read(&self.file)?;
        let loaded = file.load(&self.target.on(native))?;
        let filter = compile(&loaded, native, runtime)?;
        let Some(syscall) = &self.syscall else {
            return batch::answer(&filter, abi, &mut std::io::stdin().lock());
        };
        let (nr, name) = numbered(syscall, abi)?;
        let mut args = [0; 6];
        for (to, from) in args.iter_mut().zip(&self.arg) {
            *to = *from;
        }
        let asked = AskedCall {
            call: Call::new(abi, nr, args),
            arch: abi,
            name: &name,
        };
        let because = because(&filter, &loaded.seccomp, native, runtime, &asked);
        let answer = Answer {
            loaded: &loaded,
            asked,
            given: self.arg.len(),
            runtime,
            outcome: filter.run(&asked.call),
            because,
        };
        match self.format {
            Format::Text => print(&answer.text(Paint::of_stdout())),
            Format::Json => print(&format!("{:#}\n", answer.json())),
        }
        Ok(0)
    }
}

/// A syscall's number on `abi` and its name, of what was given as either.
fn numbered(word: &str, abi: Arch) -> Result<(u32, String), Failure> {
    if let Ok(nr) = batch::number(word) {
        let nr = u32::try_from(nr)
            .map_err(|_| Failure::Asked(format!("{word} is no syscall's number")))?;
        let nr = if abi == Arch::ScmpArchX32 {
            nr | X32_BIT
        } else {
            nr
        };
        return Ok((nr, filter::name(nr, abi).unwrap_or_default()));
    }
    if let Some(nr) = syscalls::nr(word, abi) {
        return Ok((nr, word.to_owned()));
    }
    let on = arches::name(abi);
    let text = if filter::known(word) {
        format!("{on} has no syscall {word}")
    } else {
        let near = syscalls::near(word, abi).map(|near| format!("; did you mean {near}?"));
        let near = near.unwrap_or_else(|| "; a new one can be given by its number".to_owned());
        format!("this libseccomp knows no syscall {word:?}{near}")
    };
    Err(Failure::Asked(text))
}

/// All that is known of one call.
struct Answer<'a> {
    loaded: &'a Loaded,
    asked: AskedCall<'a>,
    given: usize,
    runtime: Runtime,
    outcome: filter::Outcome,
    because: Because,
}

impl Answer<'_> {
    fn text(&self, paint: Paint) -> String {
        let action = self.outcome.action();
        let data = u32::from(self.outcome.data());
        let same = profile::meaning::Outcome::new(action, Some(data));
        let mut text = format!("{}\n", show::coloured(same, paint));
        let mut line = |label: &str, words: &str| {
            text.push_str(&format!(
                "  {} {words}\n",
                paint.blue(&format!("{label:<9}"))
            ));
        };
        let args = self.asked.call.args.iter().take(self.given.max(1));
        let args: Vec<String> = args.map(|arg| words::number(*arg)).collect();
        let more = if self.given < 6 { ", …" } else { "" };
        let (nr, arch) = (self.asked.call.nr, arches::name(self.asked.arch));
        let (name, unnamed) = match self.asked.name {
            "" => ("?", ", which this libseccomp has no name for"),
            name => (name, ""),
        };
        let args = args.join(", ");
        line(
            "call",
            &format!("{name}({args}{more}), number {nr} of {arch}{unnamed}"),
        );
        if let Some(name) = self.errno_name() {
            line("errno", name);
        }
        for words in self.decided() {
            line("decided", &words);
        }
        line(
            "compiled",
            &format!("as {} does, with libseccomp", self.runtime),
        );
        text
    }

    fn errno_name(&self) -> Option<&'static str> {
        let errno = self.outcome.action() == profile::Action::ScmpActErrno;
        errno_name(self.outcome.data().into()).filter(|_| errno)
    }

    /// What decided, a sentence a line.
    fn decided(&self) -> Vec<String> {
        let name = &self.loaded.file.name;
        match &self.because {
            Because::Stub => vec![
                "no rule: the call is newer than all that the profile names, and runc answers \
                 ENOSYS to such"
                    .to_owned(),
            ],
            Because::Model(why) => self.reason(why),
            Because::Otherwise(why, model) => {
                let mut lines = self.reason(why);
                let said: Vec<String> = model.outcomes().iter().map(ToString::to_string).collect();
                let said = said.join(" or ");
                lines.push(format!(
                    "but the rules of {name} say {said}: this libseccomp compiles them to \
                     something else"
                ));
                lines
            }
        }
    }

    fn reason(&self, why: &Reason) -> Vec<String> {
        let name = &self.loaded.file.name;
        match why {
            Reason::Architecture => vec![format!(
                "the profile does not list the architecture {}, so its calls kill",
                arches::name(self.asked.arch)
            )],
            Reason::Default => {
                let place = self.default_place();
                let place = place.map(|at| format!(" ({name}:{}:{})", at.line, at.column));
                vec![format!(
                    "no rule: the default action{}",
                    place.unwrap_or_default()
                )]
            }
            Reason::Rule(at) => vec![self.rule(*at)],
            Reason::Conditions(all) => all.iter().map(|at| self.rule(*at)).collect(),
        }
    }

    fn rule(&self, at: usize) -> String {
        let name = &self.loaded.file.name;
        let place = self.loaded.places.get(at);
        let place = place.map(|at| format!("{name}:{}:{}", at.line, at.column));
        let rule = self.loaded.seccomp.rules.get(at);
        let args = rule
            .map(|rule| words::all(&rule.args))
            .filter(|args| !args.is_empty());
        let args = args.map(|args| format!(", where {args}"));
        let outcome = rule.map(profile::meaning::Outcome::of_rule);
        format!(
            "the rule at {}: {}{}",
            place.unwrap_or_default(),
            outcome.map(|one| one.to_string()).unwrap_or_default(),
            args.unwrap_or_default()
        )
    }

    /// Where `defaultAction` stands.
    fn default_place(&self) -> Option<Place> {
        let bytes = &self.loaded.file.bytes;
        let text = Text::check(bytes, MAX_DEPTH).ok()?;
        let mut members = text.root().members();
        let found = members.find(|member| member.key == "defaultAction")?;
        Some(place(bytes, found.value.range().start))
    }

    fn json(&self) -> Value {
        let (why, model) = match &self.because {
            Because::Stub => (None, None),
            Because::Model(why) => (Some(why), None),
            Because::Otherwise(why, model) => (Some(why), Some(model)),
        };
        let rules: &[usize] = match why {
            Some(Reason::Rule(at)) => std::slice::from_ref(at),
            Some(Reason::Conditions(all)) => all,
            _ => &[],
        };
        let located = |at: &usize| {
            let place = self.loaded.places.get(*at);
            json!({"index": at, "line": place.map(|at| at.line), "column": place.map(|at| at.column)})
        };
        let rules: Vec<Value> = rules.iter().map(located).collect();
        let words = match why {
            None => "stub",
            Some(Reason::Architecture) => "architecture",
            Some(Reason::Default) => "default",
            Some(Reason::Rule(_) | Reason::Conditions(_)) => "rule",
        };
        let args = self.asked.call.args.map(|arg| format!("{arg:#x}"));
        let is_errno = self.outcome.action() == profile::Action::ScmpActErrno;
        json!({
            "action": self.outcome.to_string(),
            "errno": is_errno.then(|| self.outcome.data()),
            "errnoName": self.errno_name(),
            "arch": arches::name(self.asked.arch),
            "nr": self.asked.call.nr,
            "name": (!self.asked.name.is_empty()).then_some(self.asked.name),
            "args": args,
            "decidedBy": words,
            "rules": rules,
            "rulesSay": model.map(|model| {
                model.outcomes().iter().map(ToString::to_string).collect::<Vec<_>>()
            }),
            "runtime": self.runtime.to_string(),
        })
    }
}
