//! What the agent takes no more of, and how it says so.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

use std::io::{IoSlice, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use integration::{RealRuntime, TestAgent, TestBundle, needs_root, skip};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// Sends a state of that many bytes, with an fd; gives what the agent says of it.
fn answer_to(agent: &TestAgent, length: usize) -> String {
    let state = |padding: &str| {
        format!(
            "{{\"fds\":[\"seccompFd\"],\"pid\":1,\"metadata\":\"{length}\",\"state\":{{\"status\":\
             \"creating\",\"annotations\":{{\"a\":\"{padding}\"}}}}}}"
        )
    };
    let padding = length.checked_sub(state("").len()).expect("long enough");
    let state = state(&"}".repeat(padding));
    assert_eq!(state.len(), length);
    let (_reader, writer) = std::io::pipe().expect("a pipe");
    let mut stream = UnixStream::connect(agent.sockets().join("notify.sock")).expect("connected");
    let before = agent.log().len();
    let fds = [writer.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&fds)];
    let pieces = [IoSlice::new(state.as_bytes())];
    let to = stream.as_raw_fd();
    let sent = sendmsg::<()>(to, &pieces, &rights, MsgFlags::empty(), None).expect("sent");
    // What is too long is hung up on.
    let _ = stream.write_all(&state.as_bytes()[sent..]);
    let start = Instant::now();
    loop {
        let log = agent.log();
        let mut new = log[before..].iter();
        if let Some(line) = new.find(|line| line["event"] == "turned away") {
            return line["reason"].as_str().expect("words").to_owned();
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{log:#?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_state_may_have_a_mebibyte_and_no_byte_more() {
    if !needs_root("a_state_may_have_a_mebibyte_and_no_byte_more") {
        return;
    }
    let agent = TestAgent::start();
    for length in [200, 4096, 1 << 16, 1 << 20] {
        // It was read: nobody has registered that token.
        let said = answer_to(&agent, length);
        assert!(said.contains("token"), "{length}: {said}");
    }
    for length in [(1 << 20) + 1, (1 << 20) + (1 << 16)] {
        let said = answer_to(&agent, length);
        assert!(
            said.contains("longer than 1048576 bytes"),
            "{length}: {said}"
        );
    }
    assert!(answer_to(&agent, 1 << 20).contains("token"));
}

fn set_fds(agent: &TestAgent, most: u64) {
    let pid = Pid::from_raw(agent.pid().cast_signed());
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(4096),
    };
    prlimit(pid, Resource::Nofile, limit).expect("a limit");
}

#[test]
fn without_fds_it_refuses_in_one_line_and_answers_on() {
    let test = "without_fds_it_refuses_in_one_line_and_answers_on";
    for runtime in RealRuntime::all(test) {
        let agent = TestAgent::start();
        let policy = agent.policy("[defaults]\nprofile = \"RuntimeDefault\"\nmode = \"observe\"");
        let script = "while ! test -e /tmp/go; do sleep 0.1; done; unshare -U true; sleep 1000";
        let bundle = TestBundle::new(&["sh", "-c", script]);
        let container = runtime.create(policy.path(), &bundle).expect("created");
        assert!(container.command(policy.path(), &["start"]).ok());
        let _ = agent.wait_for("attached", |_| true);
        let fds = std::fs::read_dir(format!("/proc/{}/fd", agent.pid())).expect("its fds");
        let open = u64::try_from(fds.count()).expect("few");
        // None but the one in reserve, and fewer than a container takes.
        for most in [open, open + 3] {
            set_fds(&agent, most);
            for _ in 0..2 {
                let start = Instant::now();
                let refused = runtime.run(policy.path(), &TestBundle::new(&["echo", "ran"]));
                let said = refused.stderr.trim_end();
                assert!(!refused.ok() && refused.stdout.is_empty(), "{refused:?}");
                assert_eq!(said.lines().count(), 1, "{refused:?}");
                assert!(said.contains("raise its RLIMIT_NOFILE"), "{most}: {said}");
                assert!(start.elapsed() < Duration::from_secs(10), "{most}");
            }
        }
        // Who is attached is answered all the while.
        std::fs::write(bundle.path().join("rootfs/tmp/go"), "").expect("a word");
        let denied = agent.wait_for("denied", |line| line["syscall"] == "unshare");
        assert_eq!(denied["errno"], "EPERM", "{denied}");
        set_fds(&agent, 1024);
        let outcome = runtime.run(policy.path(), &TestBundle::new(&["echo", "ran"]));
        assert_eq!(outcome.stdout, "ran\n", "{outcome:?}");
        assert!(agent.log().len() < 100, "{} lines", agent.log().len());
    }
}

#[test]
fn an_agent_that_hangs_with_a_full_queue_holds_no_create_up_for_ever() {
    let test = "an_agent_that_hangs_with_a_full_queue_holds_no_create_up_for_ever";
    let Some(runtime) = RealRuntime::find(test, "runc") else {
        return;
    };
    let agent = TestAgent::start();
    let stop = |signal| {
        let pid = nix::unistd::Pid::from_raw(agent.pid().cast_signed());
        nix::sys::signal::kill(pid, signal).expect("a signal");
    };
    stop(nix::sys::signal::Signal::SIGSTOP);
    // Each that waits takes an fd of ours.
    let all = rustix::process::getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: all,
        maximum: all,
    };
    rustix::process::setrlimit(Resource::Nofile, limit).expect("a limit");
    let address = SocketAddrUnix::new(agent.sockets().join("register.sock")).expect("a path");
    let mut waiting = Vec::new();
    loop {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
        let Ok(socket) = socket else {
            skip(test, "the queue is longer than the fds are many");
            return;
        };
        match connect(&socket, &address) {
            Ok(()) => waiting.push(socket),
            Err(full) => break assert_eq!(full, rustix::io::Errno::AGAIN),
        }
    }
    let observe = "[defaults]\nprofile = \"RuntimeDefault\"\nmode = \"observe\"";
    let policy = agent.policy(&format!("{observe}\nwithout_agent = \"enforce\""));
    let start = Instant::now();
    let outcome = runtime.run(policy.path(), &TestBundle::new(&["echo", "ran"]));
    assert_eq!(outcome.stdout, "ran\n", "{outcome:?}");
    assert!(start.elapsed() < Duration::from_secs(40), "{outcome:?}");
    let [decision] = policy.decisions().try_into().expect("one");
    assert_eq!(decision["agent"]["enforced"], true, "{decision}");
    stop(nix::sys::signal::Signal::SIGCONT);
}
