//! Calls that are not ours.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use integration::Recording;

use crate::call::{Recorder, words};

/// Calls that make no container, with whatever words.
const CALLS: &[&str] = &[
    "",
    "--version",
    "-v",
    "--help",
    "features",
    "list --format json",
    "state id",
    "--root /r --log /none/l.json --log-format json state create",
    "kill --all id KILL",
    "kill create 9",
    "delete --force id",
    "--root create delete id",
    "--log create --log-format run ps id",
    "start id",
    "exec id create --bundle /b",
    "exec --cwd create --env run=1 id sh -c create",
    "exec --process /p.json -d id",
    "exec id prog --shim-policy /p --shim-nonsense",
    "exec -t id --version --log /l --bundle",
    "spec --bundle /b",
    "checkpoint --image-path create id",
    "update --resources - id",
    "pause id",
    "events --stats id",
    "no-such-command --bundle /b id",
    "-- state id",
];

fn nowhere() -> &'static Path {
    Path::new("/nonexistent/policy")
}

#[test]
fn a_call_that_makes_no_container_reaches_the_runtime_as_it_came() {
    let runc = Recorder::new("runc");
    let crun = Recorder::new("crun");
    for line in CALLS {
        for recorder in [&runc, &crun] {
            let found = recorder.same(nowhere(), "", &words(line), "0");
            assert_eq!(found.stdin, b"some\0input\n", "{line}");
        }
    }
}

#[test]
fn arguments_reach_the_runtime_to_the_byte() {
    let recorder = Recorder::new("runc");
    let odd: Vec<Vec<u8>> = vec![
        b"exec".to_vec(),
        b"\xFF\xFE id".to_vec(),
        b"".to_vec(),
        b" ".to_vec(),
        b"a\nb\x1b[31m".to_vec(),
        "ſ\u{212A}".as_bytes().to_vec(),
        vec![b'x'; 100_000],
        b"--log=\xFF".to_vec(),
    ];
    let odd: Vec<OsString> = odd.into_iter().map(OsString::from_vec).collect();
    recorder.same(nowhere(), "", &odd, "0");
    recorder.same(
        nowhere(),
        "",
        &[OsString::from_vec(b"\xFFstate".to_vec())],
        "0",
    );
}

#[test]
fn the_environment_reaches_the_runtime_to_the_byte() {
    let recorder = Recorder::new("runc");
    let setup = "exec env -i $(printf 'B=\\377\\376') A= Z=1 LD_PRELOAD=/x XDG_RUNTIME_DIR=/r NOTIFY_SOCKET=/n \
                 SECCOMP_SHIM_TRACE=debug _= RECORD_TO=\"$RECORD_TO\" A=2 RECORD_END=0 \"$@\"";
    let found = recorder.same(nowhere(), setup, &words("state id"), "0");
    let environ = String::from_utf8_lossy(&found.environ).into_owned();
    for word in [
        "Z=1",
        "NOTIFY_SOCKET=/n",
        "LD_PRELOAD=/x",
        "SECCOMP_SHIM_TRACE=debug",
    ] {
        assert!(
            environ.split('\0').any(|entry| entry == word),
            "{word}: {environ:?}"
        );
    }
    assert!(found.environ.windows(4).any(|bytes| bytes == b"B=\xFF\xFE"));
}

#[test]
fn fds_signals_and_the_rest_reach_the_runtime_as_they_came() {
    let recorder = Recorder::new("runc");
    for (setup, check) in SETUPS {
        let found = recorder.same(nowhere(), setup, &words("kill id TERM"), "0");
        assert!(check(&found), "{setup}: {found:?}");
    }
}

type Check = fn(&Recording) -> bool;

/// How a caller can leave a process, and what of it the runtime finds.
pub(crate) const SETUPS: &[(&str, Check)] = &[
    ("", |found| has(found, &[0, 1, 2])),
    (
        "exec 3</dev/null 4</etc/passwd 5>/dev/zero 6<&0 7>&1 8<. 9</dev/null; export LISTEN_FDS=7 LISTEN_PID=$$",
        |found| {
            let listen = format!("LISTEN_PID={}", found.pid);
            (0..=9).all(|fd| found.fds.contains_key(&fd))
                && String::from_utf8_lossy(&found.environ)
                    .split('\0')
                    .any(|entry| entry == listen)
        },
    ),
    ("exec 0<&-", |found| !found.fds.contains_key(&0)),
    ("exec 1>&-", |found| !found.fds.contains_key(&1)),
    ("exec 2>&-", |found| !found.fds.contains_key(&2)),
    ("exec 0<&- 1>&- 2>&-", |found| {
        (0..=2).all(|fd| !found.fds.contains_key(&fd))
    }),
    ("exec 0<&- 2>&- 7</dev/null", |found| {
        has(found, &[1, 7]) && !found.fds.contains_key(&0) && !found.fds.contains_key(&2)
    }),
    ("trap '' PIPE", |found| ignores(found, 13)),
    ("trap '' PIPE HUP XFSZ INT", |found| {
        [13, 1, 25, 2]
            .into_iter()
            .all(|signal| ignores(found, signal))
    }),
    ("", |found| !ignores(found, 13)),
    ("set -- env --block-signal=USR1,PIPE,TERM \"$@\"", |found| {
        bits(found, "SigBlk") == 1 << 9 | 1 << 12 | 1 << 14
    }),
    (
        "set -- env --block-signal=USR1,XFSZ sh -c 'kill -USR1 $$; kill -XFSZ $$; exec \"$@\"' sh \"$@\"",
        |found| bits(found, "ShdPnd") == 1 << 9 | 1 << 24,
    ),
    (
        "set -- bash -c 'for fd in $(seq 10 900); do eval \"exec $fd</dev/null\"; done; exec \"$@\"' bash \"$@\"",
        |found| (10..=900).all(|fd| found.fds.contains_key(&fd)),
    ),
    ("umask 027", |found| found.status("Umask") == "0027"),
    ("umask 0", |found| found.status("Umask") == "0000"),
    ("cd /usr/lib", |found| found.cwd == b"/usr/lib"),
    ("ulimit -n 64; ulimit -c 0", |found| {
        found.limits.contains("Max open files            64")
    }),
];

fn has(found: &Recording, fds: &[i32]) -> bool {
    fds.iter().all(|fd| found.fds.contains_key(fd))
}

fn bits(found: &Recording, key: &str) -> u64 {
    u64::from_str_radix(found.status(key), 16).unwrap_or(0)
}

fn ignores(found: &Recording, signal: u32) -> bool {
    bits(found, "SigIgn") & 1 << (signal - 1) != 0
}

#[test]
fn the_runtimes_end_is_the_calls_end() {
    use std::os::unix::process::ExitStatusExt;
    let recorder = Recorder::new("runc");
    for end in ["0", "1", "2", "7", "126", "127", "128", "137", "255"] {
        recorder.same(nowhere(), "", &words("state id"), end);
    }
    // A hang-up that was ignored before this test began (by nohup, say) ends nobody.
    let own = std::fs::read_to_string("/proc/self/status").expect("status");
    let ignored = own
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:\t"))
        .expect("SigIgn");
    let hang_up = u64::from_str_radix(ignored, 16).expect("a mask") & 1 == 0;
    for signal in [1, 9, 13, 15]
        .into_iter()
        .filter(|signal| hang_up || *signal != 1)
    {
        let mut line = recorder.shimmed(nowhere());
        line.extend(words("state id"));
        let end = format!("-{signal}");
        let recorded = recorder.call("", &line, &end, "");
        assert_eq!(recorded.output.status.signal(), Some(signal));
    }
}
