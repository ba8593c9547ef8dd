//! A machine within the machine, so that an engine can keep its usual folders and names, and nothing
//! of it outlives the test.
//!
//! It has its own processes (pid namespace: the kernel ends them all with the first), mounts (an
//! empty /run and /var/lib, an /etc that keeps its changes aside) and cgroups (a namespace below a
//! cgroup of its own). The first process ends with the thread that made the world, also if that is
//! killed. A cgroup v2 within v1, which crun 1.8 refuses, is not mounted in it.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, process};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::engine::succeeds;
use crate::shim_binary;

/// Such a machine. Its policy directory is /etc/seccomp-shim.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    cgroup: String,
    outer: Child,
    first: Pid,
}

impl World {
    /// Makes one whose /etc holds `files` besides this machine's.
    ///
    /// # Errors
    /// This process may not make it.
    pub fn new(files: &[(&str, String)]) -> io::Result<Self> {
        Self::with_first(&format!("{INNER}{SLEEP}"), files)
    }

    /// Makes one whose first process is systemd, with journald and with none of this machine's
    /// services; /usr/local/bin has shim alone.
    ///
    /// # Errors
    /// This process may not make it, or systemd does not come up in it.
    pub fn booted(files: &[(&str, String)]) -> io::Result<Self> {
        let inner = format!("{INNER}{SYSTEMD}");
        Self::with_first(&inner, files)
    }

    fn with_first(inner: &str, files: &[(&str, String)]) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("w").tempdir()?;
        let etc = folder.path().join("etc");
        for below in ["etc/seccomp-shim", "work", "bin", "dev"] {
            fs::create_dir_all(folder.path().join(below))?;
        }
        for (name, text) in files {
            let path = etc.join(name);
            fs::create_dir_all(path.parent().unwrap_or(&etc))?;
            fs::write(path, text)?;
        }
        let name = folder.path().file_name().unwrap_or_default();
        let cgroup = format!("shim-test-{}-{}", process::id(), name.display());
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "sh", "-ec", OUTER]);
        command.arg(&cgroup).arg(inner).arg(folder.path());
        command.arg(shim_binary());
        let outer = command.stdin(Stdio::null()).spawn()?;
        let mut world = Self {
            folder,
            cgroup,
            outer,
            first: Pid::from_raw(0),
        };
        world.first = world.wait_for_first()?;
        Ok(world)
    }

    fn wait_for_first(&self) -> io::Result<Pid> {
        let ready = self.path().join("ready");
        let start = Instant::now();
        while !ready.exists() {
            if start.elapsed() > Duration::from_secs(20) {
                return Err(io::Error::other("the world did not come up"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let outer = self.outer.id();
        let children = fs::read_to_string(format!("/proc/{outer}/task/{outer}/children"))?;
        let first = children.trim().parse().map_err(io::Error::other)?;
        Ok(Pid::from_raw(first))
    }

    /// A folder that is the same within and without.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where a path of the world is for those outside of it.
    #[must_use]
    pub fn outside(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.first))
    }

    /// A program to be run in the world.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", ENTER]).arg(&self.cgroup);
        command.arg(self.first.to_string()).arg(program);
        command
    }

    /// Starts a daemon in the world, which ends with it; what it says goes to NAME.log.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn daemon(&self, name: &str, command: &mut Command) -> io::Result<Child> {
        let log = fs::File::create(self.path().join(format!("{name}.log")))?;
        let both = log.try_clone()?;
        command.stdin(Stdio::null()).stdout(log).stderr(both);
        command.spawn()
    }

    /// What a daemon said.
    #[must_use]
    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(format!("{name}.log"))).unwrap_or_default()
    }

    /// A world for an engine: with these files below /etc, those of `runtimes/` executable, and a
    /// policy that records.
    ///
    /// # Errors
    /// As [`World::new`]; the files cannot be made executable.
    pub(crate) fn of_engine(files: &[(String, String)]) -> Result<Self, String> {
        let words = |error: io::Error| error.to_string();
        let named: Vec<(&str, String)> = files
            .iter()
            .map(|(name, text)| (name.as_str(), text.clone()))
            .collect();
        let world = Self::new(&named).map_err(words)?;
        world.policy("policy.toml", RECORDED).map_err(words)?;
        if files.iter().any(|(name, _)| name.starts_with("runtimes/")) {
            let script = ["-c", "chmod 755 /etc/runtimes/*"];
            succeeds(world.command("sh").args(script))?;
        }
        Ok(world)
    }

    /// Runtimes for an engine to know besides, each under a policy of its own.
    pub const UNDER_POLICIES: &[(&str, &[&str])] = &[
        ("shim-asked", &["--shim-policy", "/etc/seccomp-shim/asked"]),
        (
            "shim-broken",
            &["--shim-policy", "/etc/seccomp-shim/broken"],
        ),
    ];

    /// Writes the policies of those: one takes what is asked for, one cannot be read.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write_policies(&self) -> Result<(), String> {
        for (name, text) in [("asked/policy.toml", ASKED), ("broken/policy.toml", BROKEN)] {
            self.policy(name, text).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Writes a file below /etc/seccomp-shim.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn policy(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.path().join("policy").join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        // Creates of other tests go on while it changes: it must be the old one or the new one.
        let new = path.with_extension("new");
        fs::write(&new, text)?;
        fs::rename(new, path)
    }

    /// Writes a profile into [`World::path`]; gives what `--security-opt` takes to ask for it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn profile(&self, name: &str, json: &str) -> Result<String, String> {
        let path = self.path().join(name);
        fs::write(&path, json).map_err(|error| error.to_string())?;
        Ok(format!("seccomp={}", path.display()))
    }

    /// The decisions that were recorded in the world's policy directory.
    #[must_use]
    pub fn decisions(&self) -> Vec<serde_json::Value> {
        let path = self.path().join("policy/decisions.jsonl");
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().map(serde_json::from_str);
        lines.filter_map(Result::ok).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Best effort, all of it: the test has said what it had to say.
        if self.first.as_raw() > 1 {
            let _ = kill(self.first, Signal::SIGKILL);
        }
        let _ = self.outer.kill();
        let _ = self.outer.wait();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            let mut left = false;
            for hierarchy in fs::read_dir("/sys/fs/cgroup")
                .into_iter()
                .flatten()
                .flatten()
            {
                left |= !remove(&hierarchy.path().join(&self.cgroup));
            }
            if !left {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Removes a cgroup and those below it; whether it is gone.
fn remove(cgroup: &Path) -> bool {
    for below in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if below.path().is_dir() {
            remove(&below.path());
        }
    }
    fs::remove_dir(cgroup).is_ok() || !cgroup.exists()
}

/// `$0`: the cgroup, `$1`: the script of the first process, `$2`: the folder, `$3`: shim. cpuset's cgroups begin without CPUs.
const OUTER: &str = r#"
for h in /sys/fs/cgroup/*/; do
    [ "$h" != /sys/fs/cgroup/unified/ ] && mkdir "$h$0" || continue
    for f in cpuset.cpus cpuset.mems; do
        [ ! -e "$h$f" ] || cat "$h$f" > "$h$0/$f"
    done
    echo $$ > "$h$0/cgroup.procs"
done
exec unshare --cgroup --pid --fork --kill-child --mount --mount-proc sh -ec "$1" "$2" "$3"
"#;

/// `$0`: the folder, `$1`: shim.
const INNER: &str = r#"
umount /sys/fs/cgroup/unified 2>/dev/null || true
for h in /sys/fs/cgroup/*/; do
    name=$(basename "$h"); options=$name
    [ "$name" != unified ] || continue
    [ "$name" != systemd ] || options=none,name=systemd
    umount "$h"; mount -t cgroup -o "$options" cgroup "$h"
done
mount -t tmpfs -o mode=755 tmpfs /run
mount -t overlay -o lowerdir=/etc,upperdir="$0/etc",workdir="$0/work" overlay /etc
mkdir -p "$0/policy"; mount --bind "$0/policy" /etc/seccomp-shim
mount -t tmpfs -o mode=755 tmpfs /var/lib
"#;

/// `wait` in the first process also collects those whose parents are gone.
const SLEEP: &str = r#"
touch "$0/ready"
sleep infinity & wait
"#;

/// What this machine would start is masked, generators among it, and what the kernel has but once is
/// kept from it: devices, sysctls, the clock, the root of cgroups.
const SYSTEMD: &str = r#"
new="$0/dev"
mount -t tmpfs -o mode=755 tmpfs "$new"
for name in null zero full random urandom tty; do
    touch "$new/$name"; mount --bind "/dev/$name" "$new/$name"
done
mkdir "$new/pts" "$new/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$new/pts"
ln -s pts/ptmx "$new/ptmx"; ln -s null "$new/console"; ln -s /proc/self/fd "$new/fd"
mount --move "$new" /dev
mount -t tmpfs tmpfs "$new"
for h in /sys/fs/cgroup/*/; do
    name=$(basename "$h"); [ "$name" != unified ] || continue
    mkdir "$new/$name"; mount --move "$h" "$new/$name"
done
umount -l /sys/fs/cgroup; mount --move "$new" /sys/fs/cgroup
mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys
mount -t tmpfs -o mode=755 tmpfs /usr/local/bin
cp "$1" /usr/local/bin/shim
rm -rf /etc/systemd/system/*.wants /etc/systemd/system/*.requires
mkdir -p /etc/systemd/system /etc/systemd/system-generators
for unit in /lib/systemd/system/*.wants/*; do
    case $unit in */systemd-journald*) continue ;; esac
    ln -sf /dev/null "/etc/systemd/system/$(basename "$unit")"
done
for generator in /lib/systemd/system-generators/*; do
    ln -sf /dev/null "/etc/systemd/system-generators/$(basename "$generator")"
done
: > /etc/fstab
echo 0123456789abcdef0123456789abcdef > /etc/machine-id
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\n' > /etc/systemd/journald.conf.d/volatile.conf
cat > /etc/systemd/system/up.target <<END
[Unit]
DefaultDependencies=no
Requires=up.service systemd-journald.service
END
cat > /etc/systemd/system/up.service <<END
[Unit]
DefaultDependencies=no
After=systemd-journald.service
[Service]
Type=oneshot
ExecStart=/bin/touch $0/ready
END
export container=shim
exec unshare --uts --ipc setpriv --bounding-set -sys_time,-sys_module,-sys_boot,-sys_rawio \
    /lib/systemd/systemd --system --unit=up.target --show-status=0 \
    systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1 > "$0/systemd.log" 2>&1
"#;

/// `$0`: the cgroup, `$1`: the first process, then the words of the command.
const ENTER: &str = r#"
for h in /sys/fs/cgroup/*/"$0"; do echo $$ > "$h/cgroup.procs"; done
first=$1; shift
exec nsenter --target "$first" --mount --pid --cgroup --wd=/ -- "$@"
"#;

const RECORDED: &str = "version = 1\nlog.decisions = \"/etc/seccomp-shim/decisions.jsonl\"\n";
const ASKED: &str = "version = 1\nlog.decisions = \"off\"\n[defaults]\nprofile = \"Requested\"\n";
const BROKEN: &str = "version = 1\n[defaults]\nprofile = \"RuntimeDefalt\"\n";
