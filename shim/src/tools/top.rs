//! `shim agent top`: who is being denied what, as the agent sees it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use agent::CONTROL_SOCKET;
use clap::Args;
use crossterm::event::{Event, KeyCode, KeyModifiers, poll, read};
use crossterm::terminal::{self, ClearType};
use crossterm::{cursor, execute, queue};
use serde_json::Value;

use super::{Format, complain, print};
use crate::errno_words;

/// Watch who is being denied what; q ends it
#[derive(Debug, Args)]
pub(super) struct Top {
    /// The folder of the agent's sockets
    #[arg(long, value_name = "DIR", default_value = policy::AGENT_SOCKETS)]
    socket_dir: PathBuf,
    /// Print what is known now, and end
    #[arg(long)]
    once: bool,
    /// For people, or as JSON: one line for each look
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// How often it looks, and how long the agent may take to answer.
const EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);
/// Where nobody says how large the screen is.
const WIDTH: usize = 120;

impl Top {
    pub(super) fn run(&self) -> i32 {
        match self.look() {
            Ok(()) => 0,
            Err(error) => {
                let path = self.socket_dir.join(CONTROL_SOCKET);
                let why = errno_words::chain(&error);
                complain(&format!(
                    "the agent at {} cannot be asked: {why}; is `shim agent` running?",
                    path.display()
                ));
                1
            }
        }
    }

    fn look(&self) -> io::Result<()> {
        let mut agent = Questions::open(&self.socket_dir.join(CONTROL_SOCKET))?;
        let screen = io::stdout().is_terminal() && self.format == Format::Text;
        if !self.once && screen {
            terminal::enable_raw_mode()?;
            let done = show(&mut agent);
            let mut out = io::stdout();
            let _ = execute!(out, cursor::Show, terminal::LeaveAlternateScreen);
            let _ = terminal::disable_raw_mode();
            return done;
        }
        loop {
            let now = agent.top()?;
            match self.format {
                Format::Json => print(&format!("{now}\n")),
                Format::Text => print(&frame(&now, &HashMap::new(), WIDTH, usize::MAX)),
            }
            if self.once {
                return Ok(());
            }
            std::thread::sleep(EVERY);
        }
    }
}

/// The screen, until q, Escape or Control-C.
fn show(agent: &mut Questions) -> io::Result<()> {
    let mut out = io::stdout();
    execute!(out, terminal::EnterAlternateScreen, cursor::Hide)?;
    let mut before = HashMap::new();
    loop {
        let now = agent.top()?;
        let (width, height) = terminal::size()?;
        let text = frame(&now, &before, width.into(), height.into());
        queue!(out, cursor::MoveTo(0, 0))?;
        for line in text.lines() {
            queue!(out, terminal::Clear(ClearType::CurrentLine))?;
            write!(out, "{line}\r\n")?;
        }
        queue!(out, terminal::Clear(ClearType::FromCursorDown))?;
        out.flush()?;
        before = rows(&now)
            .into_iter()
            .map(|row| (row.key(), row.count))
            .collect();
        let next = Instant::now().checked_add(EVERY);
        while let Some(rest) = next.and_then(|next| next.checked_duration_since(Instant::now())) {
            if !poll(rest)? {
                break;
            }
            if let Event::Key(key) = read()? {
                let control = key.modifiers.contains(KeyModifiers::CONTROL);
                match key.code {
                    KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
                    KeyCode::Char('c') if control => return Ok(()),
                    _ => {}
                }
            }
        }
    }
}

/// The agent's control socket.
struct Questions {
    ask: UnixStream,
    answers: BufReader<UnixStream>,
}

impl Questions {
    fn open(path: &Path) -> io::Result<Self> {
        let ask = UnixStream::connect(path)?;
        ask.set_read_timeout(Some(PATIENCE))?;
        let answers = BufReader::new(ask.try_clone()?);
        Ok(Self { ask, answers })
    }

    fn top(&mut self) -> io::Result<Value> {
        self.ask.write_all(b"top\n")?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

/// One kind of denial in one container.
struct Row {
    who: String,
    syscall: String,
    errno: String,
    comm: String,
    args: String,
    count: u64,
}

impl Row {
    fn key(&self) -> String {
        let Self {
            who,
            syscall,
            errno,
            comm,
            args,
            ..
        } = self;
        format!("{who} {syscall} {errno} {comm} {args}")
    }
}

fn word(value: &Value, key: &str) -> Option<String> {
    Some(value.get(key)?.as_str()?.to_owned())
}

fn rows(now: &Value) -> Vec<Row> {
    let list = |value: &Value, key: &str| {
        let list = value.get(key).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let mut rows = Vec::new();
    for one in list(now, "containers") {
        let names = ["namespace", "pod", "container"];
        let names: Vec<_> = names.iter().filter_map(|key| word(&one, key)).collect();
        let who = match names.as_slice() {
            [] => word(&one, "id").unwrap_or_default(),
            names => names.join("/"),
        };
        for kind in list(&one, "kinds") {
            let args = match kind.get("args") {
                Some(Value::Object(args)) => args
                    .iter()
                    .map(|(name, value)| match value {
                        Value::String(text) => format!("{name}={text}"),
                        other => format!("{name}={other}"),
                    })
                    .collect::<Vec<_>>()
                    .join(" "),
                _ => String::new(),
            };
            let text = |key| word(&kind, key).unwrap_or_default();
            rows.push(Row {
                who: who.clone(),
                syscall: text("syscall"),
                errno: text("errno"),
                comm: text("comm"),
                args,
                count: kind.get("count").and_then(Value::as_u64).unwrap_or(0),
            });
        }
    }
    rows
}

/// One look as text: what grew most since the one before comes first.
fn frame(now: &Value, before: &HashMap<String, u64>, width: usize, height: usize) -> String {
    let mut rows = rows(now);
    let grown = |row: &Row| match before.is_empty() {
        true => 0,
        false => row
            .count
            .saturating_sub(before.get(&row.key()).copied().unwrap_or(0)),
    };
    rows.sort_by_key(|row| std::cmp::Reverse((grown(row), row.count)));
    let containers = now.get("containers").and_then(Value::as_array);
    let attached = containers.into_iter().flatten();
    let attached = attached.filter(|one| one.get("attached") == Some(&Value::Bool(true)));
    let all: u64 = rows.iter().map(|row| row.count).sum();
    let mut lines = vec![
        format!(
            "{} containers attached, {all} denials   {}",
            attached.count(),
            word(now, "time").unwrap_or_default()
        ),
        format!(
            "{:>9} {:>7} {:<18} {:<8} {:<16} {:<40} ARGUMENTS",
            "DENIALS", "PER SEC", "SYSCALL", "ERRNO", "COMMAND", "CONTAINER"
        ),
    ];
    for row in rows
        .iter()
        .take(height.saturating_sub(lines.len().saturating_add(1)))
    {
        let mut line = String::new();
        // Writing to a String does not fail.
        let _ = write!(
            line,
            "{:>9} {:>7} {:<18} {:<8} {:<16} {:<40} {}",
            row.count,
            grown(row),
            row.syscall,
            row.errno,
            row.comm,
            row.who,
            row.args
        );
        lines.push(line);
    }
    let mut text = String::new();
    for line in lines {
        let line: String = line.chars().take(width).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_grows_most_comes_first() {
        let now = |mount: u64, bpf: u64| {
            json!({"time": "t", "containers": [{
            "id": "x", "pod": "p", "namespace": "n", "container": "c", "attached": true,
            "kinds": [
                {"syscall": "mount", "errno": "EPERM", "comm": "m", "args": {}, "count": mount},
                {"syscall": "bpf", "errno": "EPERM", "comm": "b", "args": {"cmd": 5}, "count": bpf},
            ]}]})
        };
        let first = frame(&now(100, 1), &HashMap::new(), 200, 50);
        let at = |text: &str, word: &str| text.find(word).unwrap();
        assert!(at(&first, "mount") < at(&first, "bpf"), "{first}");
        assert!(
            first.contains("n/p/c") && first.contains("cmd=5"),
            "{first}"
        );
        let before = rows(&now(100, 1))
            .into_iter()
            .map(|row| (row.key(), row.count));
        let second = frame(&now(101, 9), &before.collect(), 200, 50);
        assert!(at(&second, "bpf") < at(&second, "mount"), "{second}");
        assert_eq!(frame(&now(1, 1), &HashMap::new(), 20, 4).lines().count(), 3);
    }
}
