//! Profiles that `shim record` makes, proven: the workload runs again under what was learned from
//! it, and each call that it made is needed for that, on each runtime and with and without
//! noNewPrivileges.
#![cfg(target_arch = "x86_64")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use integration::{
    Outcome, PolicyDir, RealRuntime, TestAgent, TestBundle, copy_program, shim_binary, skip,
};
use serde_json::{Value, json};

const RECORD: &str = "[defaults]\nprofile = \"Unconfined\"\nmode = \"record\"";

/// A program to prove a profile for. It ends with "done" on a line of its own.
struct Workload {
    test: &'static str,
    /// What it needs of the host, or nothing runs it.
    needs: &'static [&'static str],
    args: &'static [&'static str],
    /// What it needs in its root.
    fill: fn(&Path),
}

impl Workload {
    fn bundle(&self, no_new_privileges: bool) -> TestBundle {
        let bundle = TestBundle::new(self.args);
        let root = bundle.path().join("rootfs");
        (self.fill)(&root);
        bundle.no_new_privileges(no_new_privileges);
        bundle.edit(|config| {
            config["process"]["env"] = json!(["PATH=/bin:/usr/sbin:/usr/bin:/opt", "HOME=/tmp"]);
            let mounts = config["mounts"].as_array_mut().expect("mounts");
            // The host's programs and libraries, which the container cannot write to.
            for folder in ["/usr", "/lib", "/lib64"] {
                if Path::new(folder).is_dir() {
                    mounts.push(
                        json!({"destination": folder, "type": "bind", "source": folder,
                        "options": ["rbind", "ro"]}),
                    );
                }
            }
        });
        bundle
    }

    fn prove(&self) {
        let absent = self.needs.iter().find(|path| !Path::new(path).exists());
        if let Some(absent) = absent {
            skip(self.test, &format!("{absent} is not installed"));
            return;
        }
        let youki = RealRuntime::find(self.test, "youki");
        for runtime in RealRuntime::all(self.test).into_iter().chain(youki) {
            for no_new_privileges in [true, false] {
                self.prove_on(&runtime, no_new_privileges);
            }
        }
    }

    fn prove_on(&self, runtime: &RealRuntime, no_new_privileges: bool) {
        let about = format!("{} on {}, {no_new_privileges}", self.test, runtime.name);
        let agent = TestAgent::start();
        let policy = agent.policy(RECORD);
        // Threads and timers do not do the same in every run.
        let runs = [(), ()].map(|()| {
            let bundle = self.bundle(no_new_privileges);
            let outcome = ran(runtime, &policy, &bundle);
            assert!(worked(&outcome), "recording {about}: {outcome:?}");
            let ended = agent.wait_for("ended", |line| line["id"] == bundle.id());
            ended["recording"].as_str().expect("a name").to_owned()
        });
        let [one, other] = &runs;
        let learned = agent.record(&["merge", one, other]);
        let policy = PolicyDir::of_profile(&learned);
        let outcome = ran(runtime, &policy, &self.bundle(no_new_privileges));
        assert!(worked(&outcome), "{about}: {outcome:?}\n{learned}");

        let profile: Value = serde_json::from_str(&learned).expect("JSON");
        for name in recorded(&agent, &runs) {
            let less = without(&profile, &name);
            let (before, after) = (
                allows(runtime, &profile, &name),
                allows(runtime, &less, &name),
            );
            assert!(before && !after, "{about}: {name}: {before}, then {after}");
        }
    }
}

fn ran(runtime: &RealRuntime, policy: &PolicyDir, bundle: &TestBundle) -> Outcome {
    match runtime.name {
        "youki" => runtime.create_and_start(policy.path(), bundle),
        _ => runtime.run(policy.path(), bundle),
    }
}

fn worked(outcome: &Outcome) -> bool {
    outcome.ok() && outcome.stdout.lines().any(|line| line == "done")
}

/// The calls that some of the recordings saw.
fn recorded(agent: &TestAgent, runs: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    for name in runs {
        let path = agent.recordings().join(format!("{name}.json"));
        let recording: Value =
            serde_json::from_slice(&fs::read(path).expect("read")).expect("JSON");
        let calls = recording["calls"].as_array().expect("calls").clone();
        names.extend(
            calls
                .iter()
                .map(|call| call["syscall"].as_str().expect("a name").to_owned()),
        );
    }
    names.sort();
    names.dedup();
    assert!(names.len() > 10, "{names:?}");
    names
}

/// The profile without a call.
fn without(profile: &Value, name: &str) -> Value {
    let mut profile = profile.clone();
    let rules = profile["syscalls"].as_array_mut().expect("rules");
    for rule in rules.iter_mut() {
        let names = rule["names"].as_array_mut().expect("names");
        names.retain(|other| other != name);
    }
    rules.retain(|rule| {
        rule["names"]
            .as_array()
            .is_some_and(|names| !names.is_empty())
    });
    profile
}

/// What `shim profile test` says.
fn allows(runtime: &RealRuntime, profile: &Value, name: &str) -> bool {
    let as_runtime = match runtime.name {
        // It makes of a profile what crun does.
        "youki" => "crun",
        name => name,
    };
    let mut child = Command::new(shim_binary())
        .args([
            "profile",
            "test",
            "--format",
            "json",
            "--runtime",
            as_runtime,
            "-",
            name,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("shim");
    let mut stdin = child.stdin.take().expect("stdin");
    stdin
        .write_all(profile.to_string().as_bytes())
        .expect("written");
    drop(stdin);
    let said = child.wait_with_output().expect("an answer");
    let said: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    said["action"] == "ALLOW"
}

fn nothing(_: &Path) {}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
    fs::write(path, text).expect("the file");
}

#[test]
fn busybox_scripts() {
    Workload {
        test: "busybox_scripts",
        needs: &[],
        args: &[
            "/bin/sh",
            "-c",
            "mkdir /tmp/a; cat /bin/true > /tmp/a/b; ls -l /bin > /tmp/a/c; chmod 700 /tmp/a/b; \
             for i in 1 2 3; do echo $i | grep 2; done; hostname > /tmp/a/d; \
             busybox find /bin | busybox sort | busybox tail -n 1; busybox tar -cf /tmp/t /tmp/a; \
             busybox rm -r /tmp/a; (sleep 0.1; true) & wait; echo done",
        ],
        fill: nothing,
    }
    .prove();
}

#[test]
fn python() {
    Workload {
        test: "python",
        needs: &["/usr/bin/python3"],
        args: &["/usr/bin/python3", "-I", "/opt/work.py"],
        fill: |root| {
            write(
                root,
                "opt/work.py",
                r#"import os, socket, subprocess, tempfile, threading
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "a")
    with open(path, "w") as file:
        file.write("x" * 100000)
    assert os.stat(path).st_size == 100000 and os.listdir(folder) == ["a"]
threads = [threading.Thread(target=sum, args=(range(100000),)) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert subprocess.run(["/bin/echo", "hello"], stdout=subprocess.PIPE).stdout == b"hello\n"
pid = os.fork()
if pid == 0:
    os._exit(3)
assert os.waitpid(pid, 0)[1] == 3 << 8
one, other = socket.socketpair()
one.sendall(b"x")
assert other.recv(1) == b"x"
print("done")
"#,
            );
        },
    }
    .prove();
}

#[test]
fn nginx_serving() {
    Workload {
        test: "nginx_serving",
        needs: &["/usr/sbin/nginx"],
        args: &[
            "/bin/sh",
            "-c",
            "nginx -c /opt/nginx.conf || exit 1; \
             for i in 1 2 3 4 5 6 7 8 9 10; do \
               busybox wget -q -O - http://127.0.0.1:8080/ > /tmp/got || exit 2; done; \
             busybox cmp /tmp/got /srv/index.html || exit 3; \
             busybox wget -q -O - http://127.0.0.1:8080/none 2>/dev/null && exit 4; \
             nginx -c /opt/nginx.conf -s quit; \
             while test -e /tmp/pid; do sleep 0.1; done; echo done",
        ],
        fill: |root| {
            write(root, "srv/index.html", &"<p>hello</p>\n".repeat(1000));
            write(
                root,
                "etc/passwd",
                "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:\n",
            );
            write(root, "etc/group", "root:x:0:\nnogroup:x:65534:\n");
            write(root, "var/log/nginx/error.log", "");
            fs::create_dir_all(root.join("var/lib/nginx")).expect("a folder");
            write(
                root,
                "opt/nginx.conf",
                "user nobody nogroup; worker_processes 2; pid /tmp/pid;\n\
                 error_log /tmp/error.log; events {}\n\
                 http { access_log /tmp/access.log; sendfile on; gzip on;\n\
                 server { listen 127.0.0.1:8080; location / { root /srv; } } }\n",
            );
        },
    }
    .prove();
}

#[test]
fn redis_with_its_benchmark() {
    Workload {
        test: "redis_with_its_benchmark",
        needs: &[
            "/usr/bin/redis-check-rdb",
            "/usr/bin/redis-benchmark",
            "/usr/bin/redis-cli",
        ],
        args: &[
            "/bin/sh",
            "-c",
            "redis-server --port 6379 --dir /tmp --save '' --daemonize yes > /dev/null || exit 1; \
             while ! redis-cli ping > /dev/null 2>&1; do sleep 0.1; done; \
             redis-benchmark -q -n 500 -c 10 -t set,get,lpush,lrange_100 > /dev/null || exit 2; \
             redis-cli bgsave > /dev/null; sleep 1; \
             redis-cli shutdown nosave; echo done",
        ],
        fill: |root| {
            fs::create_dir_all(root.join("opt")).expect("a folder");
            // One program under several names; this is the server's.
            symlink("/usr/bin/redis-check-rdb", root.join("opt/redis-server")).expect("a link");
        },
    }
    .prove();
}

fn with_worker(root: &Path) {
    fs::create_dir_all(root.join("opt")).expect("a folder");
    copy_program(
        Path::new(env!("CARGO_BIN_EXE_worker")),
        &root.join("opt/worker"),
    );
}

#[test]
fn a_rust_program() {
    Workload {
        test: "a_rust_program",
        needs: &[],
        args: &["/opt/worker", "serve"],
        fill: with_worker,
    }
    .prove();
}

#[test]
fn threads_that_fork() {
    Workload {
        test: "threads_that_fork",
        needs: &[],
        args: &["/opt/worker", "crowd"],
        fill: with_worker,
    }
    .prove();
}
