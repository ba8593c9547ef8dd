//! `make bench`: what the agent costs those whom it watches, as ratios within the same run.
//!
//! Every workload tells its own time, so that making containers is no part of it.

use std::ffi::OsString;
use std::io::{IoSlice, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use agent::client::{register, token};
use agent::{Mode, NOTIFY_SOCKET, Registration, Runtime};
use integration::{
    Outcome, PolicyDir, RealRuntime, TestAgent, TestBundle, copy_program, run, shim_binary,
};
use libseccomp::{ScmpAction, ScmpFilterContext, ScmpSyscall};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use serde_json::json;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Bytes that are copied, two calls for each, where every call is asked about.
const ASKED: usize = 200_000;
/// The same under strace, which is so slow on an idle virtual machine (a wake-up of the other core for
/// each call) that a tenth is taken, times ten.
const TRACED: usize = 20_000;
/// Rounds of these.
const FEW: usize = 3;
/// The same where hardly any is asked about: ten times as many, or a row would be over in a tenth of a second.
const UNASKED: usize = 2_000_000;
const RECORD: &str = "[defaults]\nprofile = \"Unconfined\"\nmode = \"record\"";
const OBSERVE: &str = "[defaults]\nprofile = \"RuntimeDefault\"\nmode = \"observe\"";
const ENFORCE: &str = "[defaults]\nprofile = \"RuntimeDefault\"";
const ATTACHED: usize = 500;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints"
)]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["copy", bytes] => bytes
            .parse()
            .map_err(Error::from)
            .and_then(copy)
            .map(|seconds| println!("seconds {seconds}")),
        ["ask"] => ask().map(|median| println!("median {median}")),
        ["storm"] => storm(),
        ["attach", sockets] => attach(Path::new(sockets)),
        [] => all(9),
        [rounds] => rounds.parse().map_err(Error::from).and_then(all),
        _ => Err("bench_agent [ROUNDS]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints")]
fn all(rounds: usize) -> Result<(), Error> {
    println!("| what | aim | runc | crun |\n|---|---|---|---|");
    let mut rows: [(&str, &str, Vec<String>); 5] = [
        (
            "400,000 calls recorded, over `strace -f -c`",
            "≤ 0.25",
            vec![],
        ),
        (
            "4,000,000 calls with all learned, over no filter",
            "≤ 1.3",
            vec![],
        ),
        (
            "the same observed, over the plain profile",
            "≤ 1.05",
            vec![],
        ),
        (
            "the plain profile over no filter, for comparison",
            "",
            vec![],
        ),
        (
            "a quiet container's median answer beside a storm, over alone",
            "≤ 1.3",
            vec![],
        ),
    ];
    for name in ["runc", "crun"] {
        let figures = match RealRuntime::find("bench", name) {
            Some(runtime) => {
                let [recorded, learned, observed, plain] = calls(&runtime, rounds)?;
                [
                    recorded,
                    learned,
                    observed,
                    plain,
                    beside_a_storm(&runtime, rounds)?,
                ]
            }
            None => std::array::from_fn(|_| "–".to_owned()),
        };
        for (row, figure) in rows.iter_mut().zip(figures) {
            row.2.push(figure);
        }
    }
    for (what, aim, figures) in rows {
        println!("| {what} | {aim} | {} |", figures.join(" | "));
    }
    println!(
        "\nagent's memory, {ATTACHED} containers attached (aim: 64 MiB): {}",
        memory()?
    );
    Ok(())
}

/// What `dd bs=1` does, and its seconds. busybox' own dd does not tell them in Debian.
fn copy(bytes: usize) -> Result<f64, Error> {
    let mut from = std::fs::File::open("/dev/zero")?;
    let mut to = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    let mut byte = [0];
    let start = Instant::now();
    for _ in 0..bytes {
        from.read_exact(&mut byte)?;
        std::io::Write::write_all(&mut to, &byte)?;
    }
    Ok(start.elapsed().as_secs_f64())
}

fn seconds(outcome: &Outcome) -> Result<f64, Error> {
    let word = outcome.stdout.trim().strip_prefix("seconds ");
    Ok(word.ok_or_else(|| outcome.text())?.parse()?)
}

fn dd(runtime: &RealRuntime, policy: Option<&Path>, bytes: usize) -> Result<f64, Error> {
    let bundle = ours(&["copy", &bytes.to_string()])?;
    let outcome = match policy {
        Some(policy) => runtime.run(policy, &bundle),
        None => {
            let id = bundle.id();
            let mut bare = runtime.bare();
            run(bare.args(["run", "--bundle"]).arg(bundle.path()).arg(id))
        }
    };
    seconds(&outcome)
}

fn strace() -> Result<f64, Error> {
    let (exe, bytes) = (std::env::current_exe()?, OsString::from(TRACED.to_string()));
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-o", "/dev/null"]);
    let traced = run(command.args([exe.as_os_str(), "copy".as_ref(), bytes.as_ref()]));
    Ok(seconds(&traced)? * (ASKED / TRACED) as f64)
}

/// The copying recorded over strace, ratcheted over nothing, observed over enforced.
fn calls(runtime: &RealRuntime, rounds: usize) -> Result<[String; 4], Error> {
    let agent = TestAgent::start();
    let (record, observe) = (agent.policy(RECORD), agent.policy(OBSERVE));
    let enforce = PolicyDir::new(ENFORCE);
    dd(runtime, Some(record.path()), ASKED)?;
    let recording = agent.wait_for("ended", |line| line.get("recording").is_some());
    let name = recording.get("recording").and_then(|name| name.as_str());
    let mut show = Command::new(shim_binary());
    show.args(["record", "--recordings"])
        .arg(agent.recordings());
    let learned = run(show.args(["show", name.unwrap_or_default()]));
    let ratchet = agent
        .policy(&format!("{RECORD}\nlearned = \"a.json\""))
        .with_profile("a.json", &learned.stdout);
    let unasked = [
        None,
        Some(ratchet.path()),
        Some(enforce.path()),
        Some(observe.path()),
    ];
    let mut times: [Vec<f64>; 6] = Default::default();
    for round in 0..rounds {
        for turn in 0..times.len() {
            // Another one is first each time: what comes after a storm of questions may be slower.
            let which = round.wrapping_add(turn) % times.len();
            let time = match which {
                // These are far from their aim.
                0 | 1 if round >= FEW => continue,
                0 => strace()?,
                1 => dd(runtime, Some(record.path()), ASKED)?,
                other => {
                    let policy = unasked.get(other - 2).copied().flatten();
                    dd(runtime, policy, UNASKED)?
                }
            };
            if let Some(all) = times.get_mut(which) {
                all.push(time);
            }
        }
    }
    let [strace, recorded, nothing, ratcheted, enforced, observed] = times.map(median);
    let figure =
        |one: f64, of: f64| format!("{:.2} ({:.0} ms / {:.0} ms)", one / of, one * 1e3, of * 1e3);
    Ok([
        figure(recorded, strace),
        figure(ratcheted, nothing),
        figure(observed, enforced),
        figure(enforced, nothing),
    ])
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A container that runs this program.
fn ours(words: &[&str]) -> Result<TestBundle, Error> {
    let bundle = TestBundle::new(&[&["/bin/bench"], words].concat());
    copy_program(
        &std::env::current_exe()?,
        &bundle.path().join("rootfs/bin/bench"),
    );
    bundle.edit(|config| {
        if let Some(mounts) = config.get_mut("mounts").and_then(|all| all.as_array_mut()) {
            for folder in ["/lib", "/lib64", "/usr"] {
                if Path::new(folder).is_dir() {
                    mounts.push(json!({"destination": folder, "type": "bind",
                        "source": folder, "options": ["rbind", "ro"]}));
                }
            }
        }
    });
    Ok(bundle)
}

fn beside_a_storm(runtime: &RealRuntime, rounds: usize) -> Result<String, Error> {
    let agent = TestAgent::start();
    let policy = agent.policy(OBSERVE);
    let (quiet, loud) = (ours(&["ask"])?, ours(&["storm"])?);
    let text = quiet.text();
    let median_of = || -> Result<f64, Error> {
        quiet.write_text(&text);
        let said = runtime.run(policy.path(), &quiet);
        let word = said
            .stdout
            .trim()
            .strip_prefix("median ")
            .ok_or_else(|| said.text())?;
        Ok(word.parse()?)
    };
    let loud_text = loud.text();
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.push(median_of()?);
        loud.write_text(&loud_text);
        let storm = runtime
            .create(policy.path(), &loud)
            .map_err(|outcome| outcome.text())?;
        let started = storm.command(policy.path(), &["start"]);
        if !started.ok() {
            return Err(started.text().into());
        }
        std::thread::sleep(Duration::from_millis(500));
        beside.push(median_of()?);
    }
    let (alone, beside) = (median(alone), median(beside));
    Ok(format!(
        "{:.2} ({:.1} µs / {:.1} µs)",
        beside / alone,
        beside / 1e3,
        alone / 1e3
    ))
}

/// A call that the default profile denies.
fn denied() {
    // That it fails is what it is for.
    let _ = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER);
}

/// The median of many denied calls, in nanoseconds.
fn ask() -> Result<u128, Error> {
    let mut times: Vec<u128> = (0..20_000)
        .map(|_| {
            let start = Instant::now();
            denied();
            start.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    times.get(10_000).copied().ok_or_else(|| "no times".into())
}

/// Denied calls from 256 threads, until it is killed.
fn storm() -> Result<(), Error> {
    for _ in 0..256 {
        let thread = std::thread::Builder::new().stack_size(64 << 10);
        thread.spawn(|| {
            loop {
                denied();
            }
        })?;
    }
    loop {
        std::thread::park();
    }
}

/// The agent's resident memory with many containers, which are processes that do what a runtime
/// does: register, load a filter, hand over its listener.
fn memory() -> Result<String, Error> {
    let agent = TestAgent::start();
    let mut attached = Attached(Vec::new());
    for _ in 0..ATTACHED {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("attach").arg(agent.sockets());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut word = [0; 3];
        let ready = child
            .stdout
            .take()
            .ok_or("no stdout")?
            .read_exact(&mut word);
        attached.0.push(child);
        ready?;
    }
    let start = Instant::now();
    let count = || {
        agent
            .log()
            .iter()
            .filter(|line| line.get("event") == Some(&json!("attached")))
            .count()
    };
    while count() < ATTACHED && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.pid()))?;
    let field = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim().to_owned()
    };
    Ok(format!(
        "{} resident with {} attached, {} threads",
        field("VmRSS:"),
        count(),
        field("Threads:")
    ))
}

/// Processes that end when dropped.
struct Attached(Vec<Child>);

impl Drop for Attached {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

const PLAIN: &str = r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"],
    "syscalls":[{"names":["acct"],"action":"SCMP_ACT_ERRNO"}]}"#;

/// What a runtime does with a container that is to be attended to.
#[expect(clippy::print_stdout, reason = "it says that it is ready")]
fn attach(sockets: &Path) -> Result<(), Error> {
    let token = token()?;
    let registration = Registration {
        token: token.clone(),
        mode: Mode::Observe,
        runtime: Runtime::Crun,
        runtime_name: "crun".to_owned(),
        no_new_privileges: true,
        native: std::env::consts::ARCH.to_owned(),
        id: token.clone(),
        bundle: "/".to_owned(),
        engine: "unknown".to_owned(),
        namespace: None,
        pod: None,
        container: None,
        image: None,
        plain: PLAIN.to_owned(),
        asking: PLAIN.replace("ERRNO", "NOTIFY"),
        asks_by_default: false,
        unasked: Vec::new(),
        learned: None,
    };
    let connection = register(sockets, &registration)?;
    let mut filter = ScmpFilterContext::new(ScmpAction::Allow)?;
    filter.add_rule(ScmpAction::Notify, ScmpSyscall::from_name("acct")?)?;
    filter.load()?;
    let listener = filter.get_notify_fd()?;
    let pid = std::process::id();
    let state = json!({"ociVersion": "1.0.2", "fds": ["seccompFd"], "pid": pid, "metadata": token,
        "state": {"ociVersion": "1.0.2", "id": "x", "status": "creating", "pid": pid, "bundle": "/"}});
    let socket = UnixStream::connect(sockets.join(NOTIFY_SOCKET))?;
    let text = state.to_string();
    let fds = [listener];
    let sent = sendmsg::<()>(
        socket.as_raw_fd(),
        &[IoSlice::new(text.as_bytes())],
        &[ControlMessage::ScmRights(&fds)],
        MsgFlags::empty(),
        None,
    )?;
    if sent != text.len() {
        return Err("the state went out in part".into());
    }
    drop((connection, socket));
    nix::unistd::close(listener)?;
    println!("ok");
    std::io::Write::flush(&mut std::io::stdout())?;
    // Until the benchmark is over.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
