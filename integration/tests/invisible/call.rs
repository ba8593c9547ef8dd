//! One call, made twice: to the recorder itself, and to the recorder behind the shim.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use integration::{RECORD_END, RECORD_TO, Recording, copy_program, shim_binary};
use tempfile::TempDir;

/// A recorder by the name of a runtime, in a folder of its own.
pub(crate) struct Recorder {
    folder: TempDir,
    name: &'static str,
}

/// What a call came to.
pub(crate) struct Recorded {
    pub(crate) output: Output,
    pub(crate) recording: Option<Recording>,
}

impl Recorder {
    pub(crate) fn new(name: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        copy_program(
            Path::new(env!("CARGO_BIN_EXE_recorder")),
            &folder.path().join(name),
        );
        Self { folder, name }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    /// The words that begin a call of the shim in front of the recorder.
    pub(crate) fn shimmed(&self, policy: &Path) -> Vec<OsString> {
        vec![
            shim_binary().into(),
            "--shim-runtime".into(),
            self.path().into(),
            "--shim-policy".into(),
            policy.into(),
        ]
    }

    /// Runs `words` as the shell script `setup` leaves the process, with `input` piped in.
    pub(crate) fn call(&self, setup: &str, words: &[OsString], end: &str, input: &str) -> Recorded {
        use std::io::Write;
        let file = self.folder.path().join("recording");
        // It may not be there yet.
        let _ = std::fs::remove_file(&file);
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{setup}\nexec \"$@\""));
        command.arg("sh").args(words);
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.env(RECORD_TO, &file).env(RECORD_END, end);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a shell");
        let mut pipe = child.stdin.take().expect("its standard input");
        // Who does not read it does not get it.
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        let output = child.wait_with_output().expect("it ends");
        Recorded {
            output,
            recording: Recording::read(&file),
        }
    }

    /// Makes the call to the recorder itself and behind the shim, checks that the recorder found the
    /// same, and gives what it found behind the shim.
    #[track_caller]
    pub(crate) fn same(
        &self,
        policy: &Path,
        setup: &str,
        words: &[OsString],
        end: &str,
    ) -> Recording {
        let mut bare = vec![self.path().into_os_string()];
        bare.extend_from_slice(words);
        let mut shimmed = self.shimmed(policy);
        shimmed.extend_from_slice(words);
        let input = "some\0input\n";
        let bare = self.call(setup, &bare, end, input);
        let shimmed = self.call(setup, &shimmed, end, input);
        assert_eq!(bare.output, shimmed.output, "{setup}: {words:?}");
        let expected = bare.recording.expect("a recording of the runtime alone");
        let found = shimmed
            .recording
            .unwrap_or_else(|| panic!("nothing recorded: {words:?}: {:?}", shimmed.output));
        assert_eq!(
            comparable(&expected),
            comparable(&found),
            "{setup}: {words:?}"
        );
        assert_eq!(found.name(), self.path(), "argv[0] is the runtime's path");
        assert_eq!(found.words(), words, "the words are those given");
        found
    }
}

/// The recording without what differs from call to call: the process and the numbers of pipes.
pub(crate) fn comparable(recording: &Recording) -> Recording {
    let mut recording = recording.clone();
    let pid = recording.pid.to_string();
    recording.pid = 0;
    for on in recording.fds.values_mut() {
        if on.starts_with(b"pipe:") {
            *on = b"pipe".to_vec();
        }
    }
    let environ = String::from_utf8_lossy(&recording.environ)
        .replace(&format!("LISTEN_PID={pid}"), "LISTEN_PID=own");
    recording.environ = environ.into_bytes();
    recording
}

/// Words as the shell would split them.
pub(crate) fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}
