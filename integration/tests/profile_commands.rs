//! `shim profile` as people use it: answers, exit statuses, standard input, errors.
#![expect(clippy::expect_used, reason = "helpers of tests fail the test")]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use integration::{Outcome, run_with_input, shim_binary};
use serde_json::Value;

const WEB: &str = r#"{
  "defaultAction": "SCMP_ACT_ERRNO",
  "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
  "syscalls": [
    {"names": ["read", "write", "exit_group"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]},
    {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}}
  ]
}
"#;

const OTHER: &str = r#"{
  "defaultAction": "SCMP_ACT_ERRNO",
  "syscalls": [
    {"names": ["read", "close"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["socket"], "action": "SCMP_ACT_ALLOW"}
  ]
}
"#;

const WRONG: &str = r#"{
  "defaultAction": "SCMP_ACT_ERRNO",
  "syscalls": [
    {"names": ["read"], "action": "SCMP_ACT_ALOW"},
    {"names": ["write"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}
  ]
}
"#;

/// A folder with the three profiles, and `shim profile` run there.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("web.json", WEB),
            ("other.json", OTHER),
            ("wrong.json", WRONG),
        ] {
            fs::write(folder.path().join(name), text).expect("written");
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a line of words on an x86_64 node with Linux 6.18, with `input` on standard input.
    fn ask(&self, line: &str, input: &str) -> Outcome {
        let mut command = Command::new(shim_binary());
        command.arg("profile").args(line.split(' '));
        command.current_dir(self.0.path());
        run_with_input(command.env_remove("CLICOLOR_FORCE"), input)
    }

    fn json(&self, line: &str, code: i32) -> Value {
        let said = self.ask(line, "");
        assert_eq!(said.code, Some(code), "{line}: {}", said.text());
        serde_json::from_str(&said.stdout).expect(line)
    }
}

#[test]
fn check_shows_each_error_with_its_line_and_a_mend() {
    let desk = Desk::new();
    let said = desk.ask("check web.json wrong.json", "");
    assert_eq!(said.code, Some(1));
    for words in [
        "error: \"SCMP_ACT_ALOW\" is no action that runtimes know\n --> wrong.json:4:35\n",
        "4 |     {\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALOW\"},\n",
        "  |                                   ^^^^^^^^^^^^^^^\n",
        "  = help: did you mean \"SCMP_ACT_ALLOW\"?\n",
        "--> wrong.json:5:73\n",
        "wrong.json: 2 errors\n",
        "web.json: ",
    ] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
    assert!(
        !said.stdout.contains('\x1b'),
        "colour goes to terminals alone"
    );
    let json = desk.json("check wrong.json --format json", 1);
    assert_eq!(json["sound"], false);
    assert_eq!(json["files"][0]["findings"][0]["line"], 4);
    assert_eq!(json["files"][0]["findings"][0]["level"], "error");
}

#[test]
fn check_takes_warnings_for_errors_when_strict() {
    let desk = Desk::new();
    let odd = WEB.replace("CAP_SYS_ADMIN", "SYS_ADMIN");
    let said = desk.ask("check -", &odd);
    assert_eq!(said.code, Some(0), "{}", said.text());
    assert!(
        said.stdout.contains("warning: \"SYS_ADMIN\" never matches"),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("--> <stdin>:8:"), "{}", said.stdout);
    let said = desk.ask("check - --strict", &odd);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stdout.contains("error: \"SYS_ADMIN\" never matches"),
        "{}",
        said.stdout
    );
}

#[test]
fn show_sums_a_profile_up() {
    let desk = Desk::new();
    let said = desk.ask("show web.json --arch amd64 --kernel 6.18 --cap docker", "");
    assert!(said.ok(), "{}", said.stderr);
    for words in [
        "read as Docker, for x86_64, Linux 6.18, 14 capabilities\n",
        "default        ERRNO(1)\n",
        "architectures  x86_64, x86; calls of any other kill\n",
        "ALLOW (3)\n  exit_group read write\n",
        "  socket\n    ALLOW where arg0 == 2\n    ERRNO(1) otherwise\n",
    ] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
    let json = desk.json(
        "show web.json --arch x86_64 --cap CAP_SYS_ADMIN --format json",
        0,
    );
    assert_eq!(json["calls"]["mount"], "ALLOW");
    assert_eq!(json["calls"]["socket"][0]["when"][0], "arg0 == 2");
}

#[test]
fn resolve_prints_what_the_engine_makes_of_a_profile() {
    let desk = Desk::new();
    let names = |line: &str| desk.json(line, 0)["syscalls"].as_array().map(Vec::len);
    assert_eq!(names("resolve web.json --arch amd64"), Some(2));
    assert_eq!(
        names("resolve web.json --arch amd64 --cap CAP_SYS_ADMIN"),
        Some(3)
    );
    assert_eq!(
        names("resolve web.json --arch amd64 --dialect oci"),
        Some(3)
    );
    let oci = desk.json("resolve web.json --dialect oci --format json", 0);
    assert_eq!(oci["architectures"], Value::Null);
    for dialect in [
        "",
        " --dialect docker",
        " --dialect podman",
        " --dialect oci",
    ] {
        let said = desk.ask(&format!("resolve -{dialect}"), "{}");
        assert_eq!((said.code, said.stdout.as_str()), (Some(0), "null\n"));
    }
    assert_eq!(desk.ask("resolve wrong.json", "").code, Some(1));
}

#[test]
fn test_says_the_action_the_errno_and_the_rule_with_its_place() {
    let desk = Desk::new();
    let said = desk.ask("test web.json socket 2 --arch x86_64", "");
    assert!(said.stdout.starts_with("ALLOW\n"), "{}", said.text());
    assert!(
        said.stdout
            .contains("the rule at web.json:6:5: ALLOW, where arg0 == 2")
    );
    let said = desk.ask("test web.json socket 0x100000002 --arch x86_64", "");
    assert!(said.stdout.starts_with("ERRNO(1)\n"), "{}", said.text());
    assert!(said.stdout.contains("EPERM"), "{}", said.stdout);
    assert!(
        said.stdout
            .contains("no rule: the default action (web.json:2:20)")
    );
    // Newer than all that the profile names: runc's stub, which crun does not have.
    let newer = "test web.json openat2 -1 --arch x86_64 --format json";
    let json = desk.json(newer, 0);
    assert_eq!(
        (&json["action"], &json["decidedBy"]),
        (&"ERRNO(38)".into(), &"stub".into())
    );
    assert_eq!(json["args"][0], "0xffffffffffffffff");
    let json = desk.json(&format!("{newer} --runtime crun"), 0);
    assert_eq!(
        (&json["action"], &json["decidedBy"]),
        (&"ERRNO(1)".into(), &"default".into())
    );
    let json = desk.json(
        "test web.json mount --arch amd64 --cap CAP_SYS_ADMIN --format json",
        0,
    );
    assert_eq!(
        (&json["action"], &json["rules"][0]["line"]),
        (&"ALLOW".into(), &8.into())
    );
    let json = desk.json("test web.json read --arch x32 --format json", 0);
    assert_eq!(json["decidedBy"], "architecture");
    assert_eq!(json["action"], "KILL_THREAD");
}

#[test]
fn a_batch_answers_each_line_with_one_line() {
    let desk = Desk::new();
    let calls = "{\"arch\":\"x86_64\",\"nr\":41,\"args\":[\"0x2\"]}\n\
                 {\"arch\":\"x86\",\"name\":\"write\",\"args\":[1,\"-1\"]}\n\
                 {\"arch\":\"x32\",\"nr\":0}\n\nnot json\n{\"name\":\"frobnicate\"}\n";
    let line = "--batch --native x86_64";
    let said = desk.ask(&format!("test web.json {line}"), calls);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    let answers: Vec<Value> = said
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let actions: Vec<&str> = answers
        .iter()
        .filter_map(|one| one["action"].as_str())
        .collect();
    assert_eq!(actions, ["ALLOW", "ALLOW", "KILL_THREAD"]);
    assert_eq!(answers.len(), 5);
    assert!(answers.iter().skip(3).all(|one| one["error"].is_string()));
    let both = desk.ask(&format!("test - {line}"), &format!("{WEB}{calls}"));
    assert_eq!(both.stdout, said.stdout, "{}", both.stderr);
}

#[test]
fn a_batch_answers_before_it_waits_for_more() {
    use std::io::{BufRead, BufReader};
    let desk = Desk::new();
    let mut child = Command::new(shim_binary())
        .args(["profile", "test", "--batch", "--native", "x86_64"])
        .arg(desk.path("web.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("shim starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for _ in 0..3 {
        stdin.write_all(b"{\"name\":\"read\"}\n").expect("asked");
        let answer = answers.next().expect("a line").expect("read");
        assert!(answer.contains("ALLOW"), "{answer}");
    }
    drop(stdin);
    assert!(child.wait().expect("ends").success());
}

#[test]
fn diff_tells_which_calls_changed_and_under_which_arguments() {
    let desk = Desk::new();
    let said = desk.ask("diff web.json other.json --arch x86_64", "");
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    for words in [
        "--- web.json\n+++ other.json\n",
        "architectures: x86 no longer let in",
        "ERRNO(1) -> ALLOW (1)\n  close\n",
        "ALLOW -> ERRNO(1) (2)\n  exit_group write\n",
        "  socket\n    ERRNO(1) -> ALLOW where arg0 != 2\n",
    ] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
    let same = desk.ask("diff web.json -", WEB);
    assert_eq!(
        (same.code, same.stdout.contains("no difference")),
        (Some(0), true)
    );
    let json = desk.json("diff web.json other.json --arch x86_64 --format json", 1);
    assert_eq!(json["architectures"]["lost"][0], "x86");
    assert_eq!(json["calls"][0]["syscall"], "close");
    assert_eq!(desk.ask("diff web.json wrong.json", "").code, Some(2));
    assert_eq!(desk.ask("diff web.json missing.json", "").code, Some(2));
}

#[test]
fn a_difference_can_be_looked_at_as_one_page() {
    let desk = Desk::new();
    let said = desk.ask("diff web.json other.json --arch x86_64 --format html", "");
    assert_eq!(said.code, Some(1));
    let page = said.stdout;
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert!(
        !page.contains("<script") && !page.contains("http"),
        "it stands alone"
    );
    for words in [
        "title=\"close: less strict\"><span>close</span> <b>E1 → A ▲</b>",
        "title=\"write: stricter\"><span>write</span> <b>A → E1 ▼</b>",
        "<tr><td>socket<td>ERRNO(1)<td>ALLOW<td>where arg0 != 2\n",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn restrict_and_merge_print_one_profile_of_several() {
    let desk = Desk::new();
    let batch = |profile: &str, call: &str| {
        fs::write(desk.path("made.json"), profile).expect("written");
        let said = desk.ask(
            &format!("test made.json {call} --arch x86_64 --runtime crun"),
            "",
        );
        said.stdout.lines().next().unwrap_or_default().to_owned()
    };
    let made = desk.ask("restrict web.json other.json --arch x86_64", "");
    assert_eq!((made.code, made.stderr.as_str()), (Some(0), ""));
    for (call, expect) in [
        ("read", "ALLOW"),
        ("write", "ERRNO(1)"),
        ("socket 2", "ALLOW"),
        ("socket 3", "ERRNO(1)"),
    ] {
        assert_eq!(batch(&made.stdout, call), expect, "{call}");
    }
    let made = desk.ask("merge web.json - --arch x86_64", OTHER);
    assert_eq!(made.code, Some(0));
    assert!(
        made.stderr.contains("calls of SCMP_ARCH_X86 kill"),
        "{}",
        made.stderr
    );
    for (call, expect) in [
        ("close", "ALLOW"),
        ("write", "ALLOW"),
        ("socket 3", "ALLOW"),
        ("bpf", "ERRNO(1)"),
    ] {
        assert_eq!(batch(&made.stdout, call), expect, "{call}");
    }
    let two = |path: &str| {
        format!(
            r#"{{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"{path}","syscalls":[
                {{"names":["mount"],"action":"SCMP_ACT_NOTIFY"}}]}}"#
        )
    };
    fs::write(desk.path("a.json"), two("/run/a")).expect("written");
    for tool in ["merge", "restrict"] {
        let said = desk.ask(&format!("{tool} a.json -"), &two("/run/b"));
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
        assert!(said.stderr.contains("two listeners"), "{}", said.stderr);
    }
}

#[test]
fn default_prints_the_embedded_profile_and_its_reasons() {
    let desk = Desk::new();
    let json = desk.json("default --arch arm64 --kernel 6.1 --format json", 0);
    assert_eq!(json["architectures"][0], "SCMP_ARCH_AARCH64");
    let allows = |line: &str| {
        let profile = desk.json(line, 0);
        let names = profile["syscalls"][0]["names"].as_array().cloned();
        names.unwrap_or_default().contains(&"mount".into())
    };
    assert!(!allows("default --arch amd64"));
    assert!(allows("default --arch amd64 --cap CAP_SYS_ADMIN"));
    let said = desk.ask("default --reasons --arch amd64", "");
    assert!(
        said.ok() && said.stdout.contains("(needs CAP_SYS_TIME)"),
        "{}",
        said.stdout
    );
    let json = desk.json("default --reasons --format json", 0);
    assert!(json[0]["reason"].is_string());
}

#[test]
fn what_is_asked_wrongly_exits_with_2() {
    let desk = Desk::new();
    for (line, words) in [
        ("show missing.json", "cannot read missing.json"),
        ("test web.json opeant --arch amd64", "did you mean openat?"),
        (
            "test web.json open --arch arm64",
            "aarch64 has no syscall open",
        ),
        ("test web.json read x --arch amd64", "no number of 64 bits"),
        ("show web.json --arch pdp11", "no such architecture"),
        ("show web.json --kernel new", "no kernel version"),
        ("merge web.json", "2 values required"),
        ("diff - -", "stands twice"),
        ("frobnicate", "unrecognized subcommand"),
    ] {
        let said = desk.ask(line, "");
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{line}");
        assert!(said.stderr.contains(words), "{line}: {}", said.stderr);
    }
}

#[test]
fn libseccomp_is_not_waited_for_without_end() {
    // On these rules libseccomp 2.5.4 does not come to an end.
    let desk = Desk::new();
    let rule = |errno: u32, args: &[(u32, &str, u64)]| {
        let arg = |&(index, op, value): &(u32, &str, u64)| {
            format!(r#"{{"index":{index},"value":{value},"op":"SCMP_CMP_{op}"}}"#)
        };
        let args: Vec<String> = args.iter().map(arg).collect();
        format!(
            r#"{{"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":{errno},"args":[{}]}}"#,
            args.join(",")
        )
    };
    let (five, high) = (5, 1 << 32);
    let rules = [
        rule(2, &[(0, "GT", five), (1, "EQ", high + five)]),
        rule(3, &[(2, "LT", u64::MAX), (1, "LT", 0), (0, "NE", five)]),
        rule(4, &[(0, "NE", five), (1, "NE", high - 1)]),
        rule(5, &[(0, "GE", 8), (1, "NE", high), (2, "EQ", five)]),
    ];
    let profile = format!(
        r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{}]}}"#,
        rules.join(",")
    );
    let said = desk.ask("test - read --arch x86_64", &profile);
    assert_eq!(said.code, Some(1), "{}", said.text());
    let words = "libseccomp did not compile the profile in 5 s of CPU time";
    assert!(said.stderr.contains(words), "{}", said.stderr);
}

#[test]
fn a_profile_that_no_runtime_starts_is_refused_with_the_place_of_the_rule() {
    let desk = Desk::new();
    let notify = WEB.replace(
        r#""exit_group"], "action": "SCMP_ACT_ALLOW""#,
        r#""exit_group"], "action": "SCMP_ACT_NOTIFY""#,
    );
    let said = desk.ask("test - read", &notify.replace(r#""write", "#, ""));
    assert_eq!(said.code, Some(1), "{}", said.text());
    assert!(
        said.stderr.contains("needs a listenerPath (<stdin>:5:5)"),
        "{}",
        said.stderr
    );
}
