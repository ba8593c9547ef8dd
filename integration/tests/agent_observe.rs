//! `mode = "observe"`: the agent says what was denied, and nothing else changes.
#![cfg(target_arch = "x86_64")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

use std::io::{IoSlice, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use filter::{Call, Runtime};
use integration::{PolicyDir, RealRuntime, TestAgent, TestBundle, copy_program, policy_for, run};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use profile::{Action, Arch, Seccomp};
use serde_json::{Value, json};

const OBSERVE: &str = "[defaults]\nprofile = \"RuntimeDefault\"\nmode = \"observe\"";

fn plain_profile(policy: &PolicyDir, bundle: &TestBundle, runtime: &RealRuntime) -> Seccomp {
    // What enforce leaves in the bundle is the plain profile.
    let outcome = runtime.run(policy.path(), bundle);
    assert!(outcome.ok(), "{outcome:?}");
    let json = bundle.seccomp().to_string();
    let text = strict_json::Text::check(json.as_bytes(), strict_json::MAX_DEPTH).expect("JSON");
    Seccomp::from_oci(&text.root()).expect("a profile")
}

/// The calls that the profile denies with an errno, without arguments or with telling ones.
fn denied(profile: &Seccomp, as_runtime: Runtime) -> Vec<(u32, Vec<u64>)> {
    let arch = Arch::ScmpArchX86_64;
    let filter = filter::compile(profile, arch, as_runtime).expect("it compiles");
    let telling = [
        ("clone", 0x1000_0000),
        ("socket", 38),
        ("socket", 40),
        ("socket", 46),
        ("personality", 0x4_0000),
        ("personality", 0x40_0008),
        ("personality", 1),
    ];
    let telling = telling
        .into_iter()
        .map(|(name, arg)| (filter::nr(name, arch).expect("a number"), vec![arg]));
    // The kernel's own trampolines, uretprobe and uprobe, pass every filter (Linux 6.12).
    let numbers = (0..480).filter(|nr| ![335, 336].contains(nr));
    // libseccomp 2.6, if the runtime has that, knows more calls than ours: what is past them, none does.
    let numbers = numbers.filter(|nr| !(450..475).contains(nr));
    let all = numbers.map(|nr| (nr, vec![])).chain(telling);
    all.filter(|(nr, args)| {
        let mut all = [0; 6];
        all[..args.len()].copy_from_slice(args);
        filter.run(&Call::new(arch, *nr, all)).action() == Action::ScmpActErrno
    })
    .collect()
}

/// Whether the agent hears of a call that the default profile denies. On runc notifications have
/// names, and a call with many conditions is asked about in part.
fn hears(runtime: &str, (nr, args): &(u32, Vec<u64>)) -> bool {
    let named = filter::name(*nr, Arch::ScmpArchX86_64);
    runtime != "runc" || named.is_some_and(|name| name != "personality" || args != &[1])
}

#[test]
fn every_denied_call_gets_the_errno_of_the_plain_profile() {
    let test = "every_denied_call_gets_the_errno_of_the_plain_profile";
    for runtime in RealRuntime::all(test) {
        let agent = TestAgent::start();
        let enforce = PolicyDir::new("[defaults]\nprofile = \"RuntimeDefault\"");
        let profile = plain_profile(&enforce, &TestBundle::new(&["true"]), &runtime);
        let as_runtime = match runtime.name {
            "runc" => Runtime::Runc,
            _ => Runtime::Crun,
        };
        let calls = denied(&profile, as_runtime);
        assert!(calls.len() > 80, "{}", calls.len());
        let line = |(nr, args): &(u32, Vec<u64>)| {
            let args: Vec<String> = args.iter().map(u64::to_string).collect();
            format!("echo {nr} {0} $(/bin/probe {nr} {0})", args.join(" "))
        };
        let script: Vec<String> = calls.iter().map(line).collect();
        let said = |policy: &PolicyDir| {
            let bundle = TestBundle::new(&["sh", "/probe.sh"]);
            let root = bundle.path().join("rootfs");
            copy_program(
                Path::new(env!("CARGO_BIN_EXE_probe")),
                &root.join("bin/probe"),
            );
            std::fs::write(root.join("probe.sh"), script.join("\n")).expect("the script");
            let outcome = runtime.run(policy.path(), &bundle);
            assert!(outcome.ok(), "{}: {outcome:?}", runtime.name);
            outcome.stdout
        };
        let (plain, observed) = (said(&enforce), said(&agent.policy(OBSERVE)));
        assert_eq!(plain.lines().count(), calls.len());
        assert!(plain.lines().all(|line| line.contains("errno")), "{plain}");
        assert_eq!(plain, observed, "{}", runtime.name);
        // And the agent was asked about nearly all of them.
        let _ = agent.wait_for("ended", |_| true);
        let log = agent.log();
        let first = |line: &&Value| line["event"] == "denied" && line["comm"] == "probe";
        let of_probe = log.iter().filter(first);
        let mut heard: Vec<u64> = of_probe.filter_map(|line| line["nr"].as_u64()).collect();
        let mut expected: Vec<u64> = calls
            .iter()
            .filter(|call| hears(runtime.name, call))
            .map(|(nr, _)| u64::from(*nr))
            .collect();
        heard.sort_unstable();
        expected.sort_unstable();
        assert_eq!(heard, expected, "{}", runtime.name);
    }
}

#[test]
fn a_denial_is_told_with_its_name_and_arguments_and_repeats_as_numbers() {
    let test = "a_denial_is_told_with_its_name_and_arguments_and_repeats_as_numbers";
    for runtime in RealRuntime::all(test) {
        let agent = TestAgent::start();
        let script = "i=0; while [ $i -lt 50 ]; do unshare -U true; i=$((i+1)); done; mount -o bind /bin /tmp";
        let bundle = TestBundle::new(&["sh", "-c", script]);
        let policy = agent.policy(OBSERVE);
        let text = runtime.run(policy.path(), &bundle).text();
        assert!(text.contains("Operation not permitted"), "{text}");
        let ended = agent.wait_for("ended", |_| true);
        assert_eq!(ended["id"], bundle.id());
        let log = agent.log();
        let of = |event: &str, call: &str| -> Vec<serde_json::Value> {
            let fits =
                |line: &&serde_json::Value| line["event"] == event && line["syscall"] == call;
            log.iter().filter(fits).cloned().collect()
        };
        let [first] = of("denied", "unshare").try_into().expect("told once");
        assert_eq!(first["args"]["flags"], "CLONE_NEWUSER");
        assert_eq!(first["errno"], "EPERM");
        assert_eq!(first["comm"], "unshare");
        assert_eq!(first["arch"], "x86_64");
        let repeated = of("repeated", "unshare");
        let again: u64 = repeated
            .iter()
            .filter_map(|line| line["count"].as_u64())
            .sum();
        assert_eq!(again, 49, "{log:#?}");
        let [mount] = of("denied", "mount").try_into().expect("told once");
        assert!(
            mount["args"]["mountflags"]
                .as_str()
                .expect("flags")
                .contains("MS_BIND")
        );
        let [decision] = policy.decisions().try_into().expect("one");
        assert_eq!(decision["mode"], "observe");
        assert!(decision["agent"]["unasked"].is_array(), "{decision}");
    }
}

#[test]
fn each_line_says_whose_it_is() {
    for runtime in RealRuntime::all("each_line_says_whose_it_is") {
        let agent = TestAgent::start();
        let policy = agent.policy(OBSERVE);
        // Twice the same, for a repeat; and the container's own words about itself.
        let bundle = TestBundle::new(&["sh", "-c", "unshare -U true; unshare -U true; echo done"]);
        bundle.edit(|config| {
            config["annotations"] = json!({
                "io.kubernetes.cri.sandbox-namespace": "team-b",
                "io.kubernetes.cri.sandbox-name": "web-1",
                "io.kubernetes.cri.container-name": "web",
                "io.kubernetes.cri.image-name": "example.org/web:1",
                "io.kubernetes.cri.container-type": "container",
                "io.kubernetes.pod.namespace": "kube-system",
            });
        });
        // As containerd places what the CRI asks for.
        let placed = bundle
            .path()
            .join("io.containerd.runtime.v2.task/k8s.io/0123");
        std::fs::create_dir_all(&placed).expect("a folder");
        std::fs::copy(bundle.config_path(), placed.join("config.json")).expect("a copy");
        let mut command = runtime.shimmed(policy.path());
        command.args(["run", "--bundle"]).arg(&placed);
        let outcome = run(command.arg(bundle.id()));
        assert_eq!(outcome.stdout, "done\n", "{outcome:?}");
        let _ = agent.wait_for("ended", |_| true);
        let whose = json!({
            "id": bundle.id(), "engine": "containerd", "namespace": "team-b", "pod": "web-1",
            "container": "web", "image": "example.org/web:1", "mode": "observe",
        });
        let log = agent.log();
        for event in ["attached", "denied", "repeated", "ended"] {
            let line = log.iter().find(|line| line["event"] == event);
            let line = line.unwrap_or_else(|| panic!("no {event}: {log:#?}"));
            for (key, value) in whose.as_object().expect("an object") {
                assert_eq!(&line[key], value, "{event} on {}", runtime.name);
            }
            let time = line["time"].as_str().expect("a time");
            assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
        }
    }
}

/// A policy that observes, and denies umask(2), which a shell calls by itself.
fn without_umask(agent: &TestAgent) -> PolicyDir {
    let rule = "profile = { type = \"Localhost\", localhostProfile = \"a.json\" }";
    let policy = agent.policy(&format!("[defaults]\nmode = \"observe\"\n{rule}"));
    policy.with_profile(
        "a.json",
        r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
            {"names":["umask"],"action":"SCMP_ACT_ERRNO","errnoRet":13}]}"#,
    )
}

#[test]
fn a_loop_of_many_kinds_is_told_a_few_at_a_time_and_counted_whole() {
    let test = "a_loop_of_many_kinds_is_told_a_few_at_a_time_and_counted_whole";
    for runtime in RealRuntime::all(test) {
        let agent = TestAgent::start();
        let policy = without_umask(&agent);
        let script = "while ! test -e /tmp/stop; do for a in 0 1 2 3 4 5 6 7; do \
            for b in 0 1 2 3 4 5 6 7; do umask 0$a$b; done; done; done";
        let bundle = TestBundle::new(&["sh", "-c", script]);
        let stop = bundle.path().join("rootfs/tmp/stop");
        let start = Instant::now();
        std::thread::scope(|scope| {
            let running = scope.spawn(|| runtime.run(policy.path(), &bundle));
            std::thread::sleep(Duration::from_millis(3500));
            std::fs::write(&stop, "").expect("a word");
            let outcome = running.join().expect("it ran");
            assert!(outcome.ok(), "{outcome:?}");
        });
        let sums_up = usize::try_from(start.elapsed().as_secs()).expect("few") + 1;
        let ended = agent.wait_for("ended", |_| true);
        let log = agent.log();
        let of = |event| -> Vec<u64> {
            let lines = log.iter().filter(|line| line["event"] == event);
            let counts = lines.map(|line| line["count"].as_u64().unwrap_or(1));
            counts.collect()
        };
        let (first, again) = (of("denied"), of("repeated"));
        assert!(first.len() >= 64, "{}", first.len());
        assert_eq!(ended["kinds"], first.len());
        let at_its_end = first.len();
        assert!(again.len() <= 32 * sums_up + at_its_end, "{}", again.len());
        let all: u64 = first.iter().chain(&again).sum();
        assert_eq!(ended["denials"], all, "{}", runtime.name);
    }
}

#[test]
fn a_denial_is_told_with_the_name_that_its_program_has_then() {
    let test = "a_denial_is_told_with_the_name_that_its_program_has_then";
    for runtime in RealRuntime::all(test) {
        let agent = TestAgent::start();
        let policy = without_umask(&agent);
        // One thread, in no time.
        let script = "for name in one two three; do echo -n $name > /proc/$$/comm; umask 77; done";
        let bundle = TestBundle::new(&["sh", "-c", script]);
        let outcome = runtime.run(policy.path(), &bundle);
        assert!(outcome.ok(), "{outcome:?}");
        let _ = agent.wait_for("ended", |_| true);
        let log = agent.log();
        let denied = log.iter().filter(|line| line["event"] == "denied");
        let mut names: Vec<_> = denied.map(|line| line["comm"].clone()).collect();
        // umask is called several times, with different masks.
        names.dedup();
        assert_eq!(names, ["one", "two", "three"], "{log:#?}");
    }
}

#[test]
fn without_the_agent_a_create_is_refused_or_enforced_as_the_policy_says() {
    let test = "without_the_agent_a_create_is_refused_or_enforced_as_the_policy_says";
    for runtime in RealRuntime::all(test) {
        let nowhere = tempfile::tempdir().expect("a folder");
        let bundle = TestBundle::new(&["sh", "-c", "echo ran; unshare -U true"]);
        let before = bundle.text();
        let policy = policy_for(nowhere.path(), OBSERVE);
        let refused = runtime.run(policy.path(), &bundle);
        assert!(
            !refused.ok() && !refused.text().contains("ran"),
            "{refused:?}"
        );
        assert!(refused.stderr.contains("needs the agent"), "{refused:?}");
        assert_eq!(bundle.text(), before, "the bundle stays");

        let enforce = format!("{OBSERVE}\nwithout_agent = \"enforce\"");
        let policy = policy_for(nowhere.path(), &enforce);
        let text = runtime.run(policy.path(), &bundle).text();
        assert!(
            text.contains("ran") && text.contains("Operation not permitted"),
            "{text}"
        );
        let [decision] = policy.decisions().try_into().expect("one");
        assert_eq!(decision["agent"]["enforced"], true);
        assert!(bundle.seccomp()["listenerPath"].is_null());
    }
}

#[test]
fn denied_calls_are_enosys_once_the_agent_is_killed() {
    for runtime in RealRuntime::all("denied_calls_are_enosys_once_the_agent_is_killed") {
        let mut agent = TestAgent::start();
        let script = "unshare -U true; sleep 3; unshare -U true; echo went on";
        let bundle = TestBundle::new(&["sh", "-c", script]);
        let policy = agent.policy(OBSERVE);
        let text = std::thread::scope(|scope| {
            let running = scope.spawn(|| runtime.run(policy.path(), &bundle).text());
            let _ = agent.wait_for("denied", |_| true);
            agent.kill();
            running.join().expect("it ran")
        });
        assert!(text.contains("Operation not permitted"), "{text}");
        assert!(text.contains("not implemented"), "{text}");
        assert!(text.contains("went on"), "{text}");
    }
}

/// Sends the agent a state with that token and, in the place of a listener, a pipe. What it says of
/// that; and the pipe's other end.
fn sent_a_pipe(agent: &TestAgent, token: &str) -> (String, std::io::PipeReader) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let stream = UnixStream::connect(agent.sockets().join("notify.sock")).expect("connected");
    let state = format!(
        r#"{{"fds":["seccompFd"],"pid":1,"metadata":"{token}","state":{{"status":"creating"}}}}"#
    );
    let fds = [writer.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&fds)];
    let pieces = [IoSlice::new(state.as_bytes())];
    let to = stream.as_raw_fd();
    sendmsg::<()>(to, &pieces, &rights, MsgFlags::empty(), None).expect("sent");
    drop(writer);
    let refused = agent.wait_for("turned away", |_| true);
    (
        refused["reason"].as_str().expect("words").to_owned(),
        reader,
    )
}

#[test]
fn a_listener_with_an_unknown_token_is_closed() {
    if !integration::needs_root("a_listener_with_an_unknown_token_is_closed") {
        return;
    }
    let (why, mut reader) = sent_a_pipe(&TestAgent::start(), "0");
    assert!(why.contains("token"), "{why}");
    // The other end is closed everywhere.
    assert_eq!(reader.read(&mut [0]).expect("the end"), 0);
}

#[test]
fn what_is_no_listener_is_closed_although_its_token_is_known() {
    let test = "what_is_no_listener_is_closed_although_its_token_is_known";
    let Some(runtime) = RealRuntime::find(test, "crun") else {
        return;
    };
    let agent = TestAgent::start();
    let policy = agent.policy(OBSERVE);
    let bundle = TestBundle::new(&["sh", "-c", "unshare -U true; echo done"]);
    // crun sends its listener at start; the token is in the bundle until then.
    bundle.no_new_privileges(true);
    let container = runtime.create(policy.path(), &bundle).expect("created");
    let token = bundle.seccomp()["listenerMetadata"].clone();
    let (why, mut reader) = sent_a_pipe(&agent, token.as_str().expect("a token"));
    assert!(why.contains("no listener"), "{why}");
    assert_eq!(reader.read(&mut [0]).expect("the end"), 0);
    // Whose token it is goes on.
    assert!(container.command(policy.path(), &["start"]).ok());
    let denied = agent.wait_for("denied", |line| line["syscall"] == "unshare");
    assert_eq!(denied["id"], container.id);
}

#[test]
fn a_container_that_waits_for_its_start_keeps_nobody_waiting() {
    let test = "a_container_that_waits_for_its_start_keeps_nobody_waiting";
    let Some(crun) = RealRuntime::find(test, "crun") else {
        return;
    };
    let agent = TestAgent::start();
    let policy = agent.policy(OBSERVE);
    // Each holds a connection to the agent that says nothing.
    let waiting: Vec<TestBundle> = (0..5)
        .map(|_| TestBundle::new(&["unshare", "-U"]))
        .collect();
    let created = waiting.iter().map(|bundle| {
        bundle.no_new_privileges(true);
        crun.create(policy.path(), bundle).expect("created")
    });
    let created: Vec<_> = created.collect();
    for runtime in RealRuntime::all(test) {
        let bundle = TestBundle::new(&["sh", "-c", "unshare -U true; echo done"]);
        let outcome = runtime.run(policy.path(), &bundle);
        assert_eq!(outcome.stdout, "done\n", "{}: {outcome:?}", runtime.name);
        let _ = agent.wait_for("denied", |line| line["id"] == bundle.id());
    }
    // The last one first.
    for container in created.iter().rev() {
        assert!(container.command(policy.path(), &["start"]).ok());
        let _ = agent.wait_for("ended", |line| line["id"] == container.id.as_str());
    }
}

#[test]
fn another_user_cannot_register() {
    if !integration::needs_root("another_user_cannot_register") {
        return;
    }
    let agent = TestAgent::start();
    let sockets = agent.sockets();
    // As if somebody had opened the folder.
    for (path, mode) in [
        (sockets.parent().expect("a folder").to_owned(), 0o755),
        (sockets.clone(), 0o755),
        (sockets.join("register.sock"), 0o666),
    ] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
    }
    let thread = std::thread::spawn(move || {
        // SAFETY: setresuid(2) takes numbers alone; called raw it is for this thread alone.
        #[allow(unsafe_code, reason = "one thread as another user")]
        let done = unsafe { libc::syscall(libc::SYS_setresuid, -1_i64, 65534_i64, -1_i64) };
        assert_eq!(done, 0);
        let mut stream = UnixStream::connect(sockets.join("register.sock")).expect("connected");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    });
    assert_eq!(thread.join().expect("it ended"), "", "no word");
    let refused = agent.wait_for("turned away", |_| true);
    assert!(
        refused["reason"].as_str().expect("words").contains("65534"),
        "{refused}"
    );
}
