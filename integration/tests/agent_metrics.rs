//! The agent's numbers, as Prometheus fetches them.
#![expect(clippy::expect_used, clippy::panic, reason = "a test ends there")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use integration::{KeptAgent, PolicyDir, RealRuntime, TestBundle, run, shim_binary};

const NO_MKDIR: &str = r#"{
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]
}"#;

fn ask(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).expect("the question");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer");
    answer
}

fn scrape(stream: impl Read + Write) -> String {
    let answer = ask(stream, "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("application/openmetrics-text"), "{head}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    body.to_owned()
}

/// The value of the one line that begins so.
fn value(text: &str, start: &str) -> f64 {
    let mut lines = text.lines().filter(|line| line.starts_with(start));
    let (Some(line), None) = (lines.next(), lines.next()) else {
        panic!("not one line {start} in {text}");
    };
    let (_, value) = line.rsplit_once(' ').expect("a value");
    value.parse().expect("a number")
}

#[test]
fn denials_are_counted_by_container_and_call_and_survive_no_longer_than_they_should() {
    let test = "denials_are_counted_by_container_and_call_and_survive_no_longer_than_they_should";
    for runtime in RealRuntime::all(test) {
        let place = tempfile::tempdir().expect("a folder");
        let socket = place.path().join("metrics.sock");
        let agent = KeptAgent::start(&["--metrics", &format!("unix:{}", socket.display())]);
        let now = || scrape(UnixStream::connect(&socket).expect("the door"));
        let before = now();
        assert_eq!(value(&before, "seccomp_shim_containers_attached "), 0.0);
        let rule = "profile = { type = \"Localhost\", localhostProfile = \"a.json\" }";
        let policy = PolicyDir::new(&format!("{}{rule}", agent.policy("observe")))
            .with_profile("a.json", NO_MKDIR);
        let script = "for i in 1 2 3 4 5 6 7 8 9 10; do mkdir /tmp/x; done; sleep 1000";
        let bundle = TestBundle::new(&["sh", "-c", script]);
        let container = runtime.create(policy.path(), &bundle).expect("created");
        assert!(container.command(policy.path(), &["start"]).ok());
        let _ = agent.await_events("denied", 1);
        // mkdir comes from a new process each time, and the tenth soon after the first.
        let series = format!(
            "seccomp_shim_denials_total{{namespace=\"\",pod=\"\",container=\"{}\",syscall=\"mkdir\"}}",
            container.id
        );
        let mut text = now();
        for _ in 0..500 {
            if value(&text, &series) >= 10.0 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
            text = now();
        }
        assert_eq!(value(&text, &series), 10.0, "{text}");
        let answered = "seccomp_shim_notifications_total{answer=\"errno\"}";
        assert_eq!(value(&text, answered), 10.0);
        assert_eq!(value(&text, "seccomp_shim_containers_attached "), 1.0);
        assert_eq!(value(&text, "seccomp_shim_denials_suppressed_total "), 9.0);
        assert_eq!(value(&text, "seccomp_shim_log_lines_dropped_total "), 0.0);
        let latency = "seccomp_shim_answer_latency_seconds";
        assert_eq!(value(&text, &format!("{latency}_count ")), 10.0);
        assert_eq!(
            value(&text, &format!("{latency}_bucket{{le=\"+Inf\"}}")),
            10.0
        );
        let sum = value(&text, &format!("{latency}_sum "));
        assert!(sum > 0.0 && sum < 1.0, "in seconds: {sum}");
        for word in ["pid=", "comm=", "args="] {
            assert!(!text.contains(word), "{word}");
        }
        drop(container);
        let _ = agent.await_events("ended", 1);
        let after = now();
        assert_eq!(value(&after, "seccomp_shim_containers_attached "), 0.0);
        assert_eq!(value(&after, answered), 10.0);
        assert_eq!(value(&after, &series), 10.0);
    }
}

#[test]
fn it_listens_on_loopback_and_answers_one_question_only() {
    if !integration::needs_root("it_listens_on_loopback_and_answers_one_question_only") {
        return;
    }
    // A port that is free now.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = port.local_addr().expect("its address");
    drop(port);
    let _agent = KeptAgent::start(&["--metrics", &address.to_string()]);
    let connect = || TcpStream::connect(address).expect("the port");
    let text = scrape(connect());
    assert!(text.contains("seccomp_shim_notifications_total"), "{text}");
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("nonsense\r\n\r\n", "405"),
    ] {
        let answer = ask(connect(), request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
    let refused =
        run(std::process::Command::new(shim_binary()).args(["agent", "--metrics", "0.0.0.0:9999"]));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("loopback") || refused.stderr.contains("127.0.0.1"));
}
