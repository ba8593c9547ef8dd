//! Commands with a terminal or with words on their standard input.

use std::process::Command;

/// The same command with a terminal, as script(1) gives one.
#[must_use]
pub fn on_a_terminal(command: &Command) -> Command {
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy().replace('\'', r"'\''")))
        .collect();
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command"]);
    script.args([&words.join(" "), "/dev/null"]);
    script
}

/// The same command with a line to read; its input stays open for a second.
#[must_use]
pub fn told(command: &Command, line: &str) -> Command {
    let script = "line=$1; shift; (echo \"$line\"; sleep 1) | \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh", line]);
    shell.arg(command.get_program()).args(command.get_args());
    shell
}
