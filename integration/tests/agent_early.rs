//! Calls of runc's init between its filter and the handing over of its listener: Go's scheduler makes
//! some when it likes, and nobody would answer them but for the shim's watcher.
#![cfg(target_arch = "x86_64")]
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use integration::engine::within;
use integration::{Container, KeptAgent, Outcome, PolicyDir, RealRuntime, TestAgent, TestBundle};
use serde_json::Value;

const RECORD: &str = "[defaults]\nprofile = \"Unconfined\"\nmode = \"record\"";

/// Runs `work` that many times, some at a time, on processors that have enough to do without it.
fn under_load(times: u32, work: impl Fn(u32) + Sync) {
    let (over, next) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let one_after_the_other = || {
            let mut at = next.fetch_add(1, Ordering::Relaxed);
            while at < times {
                work(at);
                at = next.fetch_add(1, Ordering::Relaxed);
            }
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(one_after_the_other)).collect();
        let ended: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        over.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok), "a round failed");
    });
}

fn is_early(line: &Value) -> bool {
    line["early"] == true
}

/// What the container's own program called, and how often.
fn own_calls(recording: &Value) -> Vec<(String, u64)> {
    let calls = recording["calls"].as_array().expect("calls").iter();
    let pair = |call: &Value| {
        let name = call["syscall"].as_str().expect("a name").to_owned();
        (name, call["count"].as_u64().expect("a number"))
    };
    calls.map(pair).collect()
}

#[test]
fn no_create_hangs_on_what_runc_calls_early() {
    let Some(runtime) = RealRuntime::find("no_create_hangs_on_what_runc_calls_early", "runc")
    else {
        return;
    };
    let agent = TestAgent::start();
    let policy = agent.policy(RECORD);
    const ROUNDS: u32 = 60;
    under_load(ROUNDS, |round| {
        let bundle = TestBundle::new(&["busybox", "true"]);
        bundle.edit(|config| config["process"]["noNewPrivileges"] = (round % 2 == 0).into());
        // One that hangs is killed after a minute, which is no success either.
        let start = Instant::now();
        let outcome = runtime.run(policy.path(), &bundle);
        assert!(outcome.ok(), "{round}, {:?}: {outcome:?}", start.elapsed());
    });
    let _ = agent.wait_for("ended", |_| true);
    // What the runtimes said last may still be on its way.
    let start = Instant::now();
    let of = |event: &str| -> Vec<Value> {
        let mut log = agent.log();
        log.retain(|line| line["event"] == event);
        log
    };
    while of("ended").len() < 60 && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let attached = of("attached");
    assert_eq!((attached.len(), of("ended").len()), (60, 60));
    for event in ["joined", "turned away", "failed"] {
        assert_eq!(of(event), Vec::<Value>::new(), "{event}");
    }
    for line in &attached {
        assert_eq!(line["unasked"], serde_json::json!(["write"]));
    }
    assert!(attached.iter().any(is_early), "none came early");
    // By whichever way the listener came, each call was counted once.
    let mut counted = BTreeSet::new();
    let mut early = BTreeSet::new();
    for file in std::fs::read_dir(agent.recordings()).expect("recordings") {
        let text = std::fs::read(file.expect("a file").path()).expect("a recording");
        let recording: Value = serde_json::from_slice(&text).expect("JSON");
        counted.insert(own_calls(&recording));
        let by_runtime = recording["byRuntime"].as_array().expect("calls");
        let names = by_runtime
            .iter()
            .filter_map(|call| call["syscall"].as_str());
        early.extend(names.map(str::to_owned));
    }
    assert_eq!(counted.len(), 1, "{counted:#?}");
    assert!(early.contains("futex"), "{early:?}");
}

/// A container that waits to be joined.
fn sleeper<'r>(runtime: &'r RealRuntime, policy: &PolicyDir, bundle: &TestBundle) -> Container<'r> {
    let container = runtime.create(policy.path(), bundle).expect("created");
    let started = container.command(policy.path(), &["start"]);
    assert!(started.ok(), "{started:?}");
    // `start` is over before its own program runs; until then its end would come with the agent's.
    let pid = container.pid(policy.path()).expect("a pid");
    let sleeps = || {
        let read = |file| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
        let read = |file| read(file).map_err(|error| error.to_string());
        let (name, call) = (read("comm")?, read("syscall")?);
        // nanosleep, clock_nanosleep.
        let asleep = ["35 ", "230 "]
            .iter()
            .any(|number| call.starts_with(number));
        (name == "sleep\n" && asleep).then_some(()).ok_or(call)
    };
    within(sleeps).expect("it sleeps");
    container
}

fn exec(runtime: &RealRuntime, policy: &PolicyDir, container: &Container<'_>) -> Outcome {
    let shimmed = runtime.shimmed(policy.path());
    // One that hangs hangs for ever.
    let mut command = Command::new("timeout");
    command.args(["--signal", "KILL", "60"]);
    command.arg(shimmed.get_program()).args(shimmed.get_args());
    command.args(["exec", &container.id, "echo", "joined"]);
    integration::run(&mut command)
}

#[test]
fn no_exec_hangs_on_what_runc_calls_early() {
    let Some(runtime) = RealRuntime::find("no_exec_hangs_on_what_runc_calls_early", "runc") else {
        return;
    };
    let agent = TestAgent::start();
    let policy = agent.policy(RECORD);
    let bundle = TestBundle::new(&["sleep", "1000"]);
    let container = sleeper(&runtime, &policy, &bundle);
    under_load(60, |round| {
        let outcome = exec(&runtime, &policy, &container);
        assert_eq!(outcome.stdout, "joined\n", "{round}: {outcome:?}");
    });
    drop(container);
    let _ = agent.wait_for("ended", |_| true);
    let mut joined = agent.log();
    joined.retain(|line| line["event"] == "joined");
    assert_eq!(joined.len(), 60, "{joined:#?}");
    assert!(joined.iter().any(is_early), "none came early");
}

/// Does `work` while the agent's manager listens, for which the agent waits.
fn heard<T: Send>(agent: &mut KeptAgent, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let work = scope.spawn(work);
        while !work.is_finished() {
            let _ = agent.kept();
            std::thread::sleep(Duration::from_millis(5));
        }
        work.join().expect("the work")
    })
}

#[test]
fn an_agent_that_starts_anew_is_found_by_the_watchers() {
    let test = "an_agent_that_starts_anew_is_found_by_the_watchers";
    let Some(runtime) = RealRuntime::find(test, "runc") else {
        return;
    };
    let mut agent = KeptAgent::start(&[]);
    let policy = PolicyDir::new(&format!(
        "{}profile = \"Unconfined\"\n",
        agent.policy("record")
    ));
    let bundle = TestBundle::new(&["sleep", "1000"]);
    let container = heard(&mut agent, || sleeper(&runtime, &policy, &bundle));
    let early = |agent: &KeptAgent| agent.events("joined").into_iter().filter(is_early).count();
    for _ in 0..2 {
        agent.kill();
        agent.start_again();
        let before = early(&agent);
        let start = Instant::now();
        while early(&agent) == before {
            let outcome = heard(&mut agent, || exec(&runtime, &policy, &container));
            assert_eq!(outcome.stdout, "joined\n", "{outcome:?}");
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{:?}",
                agent.log()
            );
        }
    }
}
