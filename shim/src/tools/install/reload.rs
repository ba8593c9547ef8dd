//! Having an engine read its configuration again.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Engine;
use super::host::Host;

/// What to tell the admin to do.
pub(super) fn how(engine: Engine) -> &'static str {
    match engine {
        Engine::Docker => {
            "systemctl reload docker (or send SIGHUP to dockerd); running containers stay"
        }
        Engine::Containerd => "systemctl restart containerd; running containers stay",
        Engine::Crio => "systemctl reload crio (or send SIGHUP to crio); running containers stay",
        Engine::Podman => "nothing: Podman reads its configuration each time",
    }
}

/// What to tell where a reload would be wrong: dockerd does not go back to its own default at one.
pub(super) const RESTART: &str = "systemctl restart docker; do not reload it: no default runtime is named any more, and dockerd goes back to its own only when it starts (20.10 even ends at a reload)";

/// Does it. The text says what was done, or why it could not be.
pub(super) fn reload(engine: Engine, host: &Host) -> Result<String, String> {
    match engine {
        Engine::Podman => Ok(how(engine).to_owned()),
        Engine::Docker => signal("dockerd", host, &["/run/docker.pid", "/var/run/docker.pid"]),
        Engine::Crio => signal(
            "crio",
            host,
            &["/run/crio/crio.pid", "/var/run/crio/crio.pid"],
        ),
        Engine::Containerd => restart(host),
    }
}

/// SIGHUP to the daemon that a pid file names, or else to the only one that runs.
fn signal(name: &str, host: &Host, pid_files: &[&str]) -> Result<String, String> {
    let told = pid_files.iter().find_map(|file| {
        let text = host.read(Path::new(file)).ok()??;
        text.trim().parse::<i32>().ok()
    });
    let pid = match told.filter(|pid| is(*pid, name)) {
        Some(pid) => pid,
        // Of a host mounted elsewhere only its own pid file tells which process is meant.
        None if !host.is_this() => {
            return Err(format!(
                "{} names no running {name}",
                pid_files.join(" or ")
            ));
        }
        None => match running(name).as_slice() {
            [pid] => *pid,
            [] => {
                return Err(format!(
                    "no {name} runs; it will read the file when it starts"
                ));
            }
            several => {
                return Err(format!(
                    "{} processes are called {name}; send SIGHUP to the one meant",
                    several.len()
                ));
            }
        },
    };
    kill(Pid::from_raw(pid), Signal::SIGHUP)
        .map_err(|errno| format!("cannot send SIGHUP to {name} ({pid}): {errno}"))?;
    Ok(format!("sent SIGHUP to {name} ({pid})"))
}

/// containerd reads its configuration when it starts, only.
fn restart(host: &Host) -> Result<String, String> {
    if !host.is_this() || !Path::new("/run/systemd/system").is_dir() {
        return Err(
            "containerd must be restarted, and there is no systemd here to ask; restart it yourself"
                .to_owned(),
        );
    }
    let status = Command::new("systemctl")
        .args(["try-restart", "containerd"])
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok("restarted containerd".to_owned()),
        Ok(status) => Err(format!("systemctl try-restart containerd: {status}")),
        Err(error) => Err(format!("cannot run systemctl: {error}")),
    }
}

/// The processes of a name (proc(5), /proc/pid/comm).
pub(in crate::tools) fn running(name: &str) -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| is(*pid, name)).collect()
}

fn is(pid: i32, name: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == name)
}
