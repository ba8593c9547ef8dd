//! The agent is killed and started again, and no container feels it.
#![expect(clippy::expect_used, reason = "a test ends there")]

use std::time::{Duration, Instant};

use integration::{KeptAgent, PolicyDir, RealRuntime, TestBundle};

/// kill(2) is a call that the shell makes by itself, and this is an errno of no other cause.
const NO_KILL: &str = r#"{
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42}]
}"#;
/// errno 42 in words.
const REASON: &str = "No message of desired type";

fn policy(agent: &KeptAgent) -> PolicyDir {
    let rule = "profile = { type = \"Localhost\", localhostProfile = \"a.json\" }";
    PolicyDir::new(&format!("{}{rule}", agent.policy("observe"))).with_profile("a.json", NO_KILL)
}

/// Some shells that are denied without a pause, and the different answers that they got, counted.
fn load(shells: u32, each: u32) -> String {
    let one = format!("i=0; while [ $i -lt {each} ]; do kill -0 1 && echo made; i=$((i+1)); done");
    let all = format!("( {one} ) 2>&1 & ").repeat(shells.try_into().expect("few"));
    format!("( {all} wait ) | busybox sort | busybox uniq -c; echo done")
}

#[test]
fn killed_again_and_again_it_leaves_no_call_without_its_errno() {
    let test = "killed_again_and_again_it_leaves_no_call_without_its_errno";
    for runtime in RealRuntime::all(test) {
        let mut agent = KeptAgent::start(&[]);
        let policy = policy(&agent);
        let bundle = TestBundle::new(&["sh", "-c", &load(3, 15_000)]);
        let (outcome, kills) = std::thread::scope(|scope| {
            let container = scope.spawn(|| runtime.run(policy.path(), &bundle));
            let mut kills = 0;
            while !container.is_finished() {
                // Soon after the start at first, then at other points of its work.
                std::thread::sleep(Duration::from_millis(kills * 7 % 60));
                agent.kill();
                std::thread::sleep(Duration::from_millis(kills % 4));
                agent.start_again();
                kills += 1;
                assert!(kills < 2000, "the container hangs");
            }
            (container.join().expect("the container"), kills)
        });
        assert!(kills > 10, "{}: {kills} kills only", runtime.name);
        assert!(outcome.ok(), "{}: {outcome:?}", runtime.name);
        let lines: Vec<_> = outcome.stdout.lines().collect();
        let [answers, "done"] = lines.as_slice() else {
            let log = agent.log();
            panic!(
                "{}: more than one answer: {outcome:?} {log:#?}",
                runtime.name
            );
        };
        let answers = answers.trim_start();
        assert!(answers.starts_with("45000 "), "{}: {answers}", runtime.name);
        assert!(answers.ends_with(REASON), "{}: {answers}", runtime.name);
        assert_eq!(outcome.stderr, "", "{}", runtime.name);
        // Not by the word "ended": an agent may be killed between the end and its line of it.
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) && is_anything_left(&mut agent) {
            std::thread::sleep(Duration::from_millis(10));
        }
        nothing_is_left(&mut agent);
    }
}

fn is_anything_left(agent: &mut KeptAgent) -> bool {
    agent.kept().iter().any(|name| name != "socket") || !agent.state_files().is_empty()
}

/// Of a container that is over, nothing is kept: two sockets to listen at are.
fn nothing_is_left(agent: &mut KeptAgent) {
    let mut sockets = agent.kept();
    sockets.retain(|name| name != "socket");
    assert_eq!(sockets, Vec::<String>::new());
    assert_eq!(agent.state_files(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn what_is_created_before_a_new_start_starts_after_it() {
    for runtime in RealRuntime::all("what_is_created_before_a_new_start_starts_after_it") {
        for no_new_privileges in [true, false] {
            let mut agent = KeptAgent::start(&[]);
            let policy = policy(&agent);
            let script = "kill -0 1 2>/tmp/said; sleep 1000";
            let bundle = TestBundle::new(&["sh", "-c", script]);
            // By this, crun hands the listener over at create, or at start.
            bundle.no_new_privileges(no_new_privileges);
            let container = runtime.create(policy.path(), &bundle).expect("created");
            agent.kill();
            agent.start_again();
            let started = container.command(policy.path(), &["start"]);
            assert!(started.ok(), "{}: {started:?}", runtime.name);
            let denied = agent.await_events("denied", 1);
            assert_eq!(denied[0]["syscall"], "kill", "{}", runtime.name);
            assert_eq!(denied[0]["errno"], "ENOMSG", "{}", runtime.name);
            // Once more while it runs, this time as a service is told to stop.
            agent.stop();
            agent.start_again();
            let resumed = agent.await_events("resumed", 1);
            assert_eq!(resumed[0]["id"], container.id, "{}", runtime.name);
            let words = ["exec", "sh", "-c", "kill -0 1"];
            let id_first = [words[0], &container.id, words[1], words[2], words[3]];
            let said = integration::run(runtime.shimmed(policy.path()).args(id_first));
            assert!(said.stderr.contains(REASON), "{}: {said:?}", runtime.name);
            drop(container);
            let _ = agent.await_events("ended", 1);
            nothing_is_left(&mut agent);
        }
    }
}

#[test]
fn the_manager_is_told_of_its_state() {
    if !integration::needs_root("the_manager_is_told_of_its_state") {
        return;
    }
    let mut agent = KeptAgent::start(&[]);
    agent.wait_for("WATCHDOG=1");
    agent.stop();
    agent.wait_for("STOPPING=1");
}

#[test]
fn it_keeps_no_privilege() {
    if !integration::needs_root("it_keeps_no_privilege") {
        return;
    }
    let agent = KeptAgent::start(&["--metrics", "127.0.0.1:0"]);
    let tasks = std::fs::read_dir(format!("/proc/{}/task", agent.pid())).expect("its threads");
    for task in tasks {
        let path = task.expect("a thread").path().join("status");
        let status = std::fs::read_to_string(path).expect("its status");
        let field = |name: &str| {
            let mut lines = status.lines();
            let line = lines.find_map(|line| line.strip_prefix(name));
            line.expect("the field").trim_start_matches(':').trim()
        };
        assert_eq!(field("NoNewPrivs"), "1");
        for set in ["CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"] {
            assert_eq!(u64::from_str_radix(field(set), 16), Ok(0), "{set}");
        }
    }
    // Not dumpable: its files in /proc are root's, and so a debugger must have CAP_SYS_PTRACE. Which
    // can be told from outside by a process of the same user without it.
    let stolen = integration::run(
        std::process::Command::new("setpriv")
            .args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"])
            .args(["ls", "-l", &format!("/proc/{}/fd", agent.pid())]),
    );
    assert!(!stolen.ok() || !stolen.stdout.contains("->"), "{stolen:?}");
}
