//! The kernel's own word on seccomp: audit records of type SECCOMP, read from its multicast group.
//!
//! A filter with SECCOMP_FILTER_FLAG_LOG, or the action SCMP_ACT_LOG, has the kernel write one for
//! each call (kernel/seccomp.c, kernel/auditsc.c). They name a process, no container and no
//! arguments, and are read beside an audit daemon, if there is one. All records have numbers, so that
//! lost ones are counted. Whose the process is, its cgroup tells ([`crate::signpost`]).
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foldhash::fast::RandomState;
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_recv_buffer_size_force, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};
use serde_json::{Map, Value, json};

use crate::container::{clean, unpoisoned};
use crate::journal::Journal;
use crate::metrics::{Metrics, Who};
use crate::name;
use crate::observe::{AT_A_TIME, Comm, Denials, Kind};
use crate::signpost::{self, Sign};

/// AUDIT_NLGRP_READLOG and AUDIT_SECCOMP (include/uapi/linux/audit.h).
const READLOG: u32 = 1;
const SECCOMP: u16 = 1326;
/// Room for records that wait for us: 400,000 of them in a second were none too many for this.
const WAITING: usize = 64 << 20;
/// Groups of processes that are told apart.
const GROUPS: usize = 1024;

/// Opens the group; takes CAP_AUDIT_READ.
///
/// # Errors
/// The kernel does not let us.
pub(crate) fn open() -> io::Result<OwnedFd> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::AUDIT),
    )?;
    // Without CAP_NET_ADMIN there is less room, and what is lost is counted.
    let _ = set_socket_recv_buffer_size_force(&socket, WAITING);
    bind(&socket, &SocketAddrNetlink::new(0, READLOG))?;
    Ok(socket)
}

/// Reads records for ever, in a thread of its own.
///
/// # Errors
/// There can be no thread.
pub(crate) fn start(
    socket: OwnedFd,
    journal: Journal,
    metrics: Arc<Metrics>,
    every: Duration,
) -> io::Result<()> {
    set_socket_timeout(&socket, Timeout::Recv, Some(every))?;
    let thread = std::thread::Builder::new().name("audit".to_owned());
    let reader = Reader {
        journal,
        metrics,
        groups: Mutex::default(),
        every,
    };
    thread.spawn(move || reader.read(&socket))?;
    Ok(())
}

struct Reader {
    journal: Journal,
    metrics: Arc<Metrics>,
    /// By cgroup; the empty name stands for processes that were gone.
    groups: Mutex<HashMap<String, Group, RandomState>>,
    every: Duration,
}

/// What is known of a cgroup, and what its processes were denied.
#[derive(Debug, Default)]
struct Group {
    whose: Option<Sign>,
    denials: Denials,
    /// Numbers of the present interval: a series that nobody holds can give way to others.
    numbers: HashMap<(u64, u32, u32), Arc<AtomicU64>, RandomState>,
}

impl Group {
    fn of(path: &str) -> Self {
        let whose = signpost::find(Path::new(signpost::FOLDER), path).or_else(|| {
            let id = container_id(path)?.to_owned();
            Some(Sign {
                id,
                ..Sign::default()
            })
        });
        Self {
            whose,
            ..Self::default()
        }
    }

    fn count(&mut self, metrics: &Metrics, kind: &Kind) {
        let [code, ..] = kind.args;
        if self.numbers.len() >= NUMBERS {
            self.numbers.clear();
        }
        let whose = self.whose.as_ref();
        let number = self.numbers.entry((code, kind.arch, kind.nr));
        let number = number.or_insert_with(|| {
            let who = Who {
                id: whose.map_or("", |whose| &whose.id),
                namespace: whose.and_then(|whose| whose.namespace.as_deref()),
                pod: whose.and_then(|whose| whose.pod.as_deref()),
                container: whose.and_then(|whose| whose.container.as_deref()),
            };
            let syscall = name::syscall(kind.arch, kind.nr);
            metrics.heard(code != RET_LOG, who, &syscall)
        });
        number.fetch_add(1, Ordering::Relaxed);
    }

    /// The fields of a line about it.
    fn names(&self, path: &str) -> Map<String, Value> {
        let mut fields = Map::new();
        if let Some(whose) = &self.whose {
            let filled = |text: &'_ String| Some(text.clone()).filter(|text| !text.is_empty());
            let all = [
                ("id", filled(&whose.id)),
                ("engine", filled(&whose.engine)),
                ("mode", filled(&whose.mode)),
                ("namespace", whose.namespace.clone()),
                ("pod", whose.pod.clone()),
                ("container", whose.container.clone()),
                ("image", whose.image.clone()),
            ];
            for (key, value) in all {
                if let Some(value) = value {
                    fields.insert(key.to_owned(), json!(clean(&value)));
                }
            }
        }
        if !path.is_empty() {
            fields.insert("cgroup".to_owned(), json!(clean(path)));
        }
        fields
    }
}

/// Calls of one cgroup whose numbers are at hand.
const NUMBERS: usize = 256;

impl Reader {
    fn read(&self, socket: &OwnedFd) {
        let mut buffer = vec![0; 64 << 10];
        let mut last: Option<u64> = None;
        let mut told = std::time::Instant::now();
        loop {
            match recv(socket, &mut buffer, RecvFlags::empty()) {
                Ok((count, _)) => {
                    let message = buffer.get(..count).unwrap_or_default();
                    if let Some((kind, text)) = split(message) {
                        if let Some(serial) = serial(text) {
                            let before = last.unwrap_or(serial);
                            let lost = serial.saturating_sub(before).saturating_sub(1);
                            self.metrics.unread.fetch_add(lost, Ordering::Relaxed);
                            last = Some(before.max(serial));
                        }
                        if let Some(record) = Record::parse(text).filter(|_| kind == SECCOMP) {
                            self.note(&record);
                        }
                    }
                }
                // The numbers tell how many were lost.
                Err(Errno::NOBUFS | Errno::INTR | Errno::AGAIN) => {}
                Err(errno) => {
                    let mut fields = Map::new();
                    let why = io::Error::from(errno).to_string();
                    fields.insert("reason".to_owned(), json!(why));
                    self.journal.say("audit ended", fields);
                    return;
                }
            }
            if told.elapsed() >= self.every {
                told = std::time::Instant::now();
                self.tell_repeats();
            }
        }
    }

    fn note(&self, record: &Record) {
        let path = cgroup(record.pid).unwrap_or_default();
        let mut groups = unpoisoned(&self.groups);
        if groups.len() >= GROUPS && !groups.contains_key(&path) {
            groups.clear();
        }
        let kind = record.kind();
        let group = groups
            .entry(path.clone())
            .or_insert_with(|| Group::of(&path));
        group.count(&self.metrics, &kind);
        if !group.denials.note(kind, record.pid) {
            return;
        }
        let names = group.names(&path);
        drop(groups);
        let fields = describe(names, &kind, record.pid);
        self.journal.say(event(kind), fields);
    }

    fn tell_repeats(&self) {
        let mut lines = Vec::new();
        for (path, group) in &mut *unpoisoned(&self.groups) {
            group.numbers.clear();
            for one in group.denials.repeats(AT_A_TIME) {
                let names = group.names(path);
                let (event, mut fields) = match one.kind {
                    Some(kind) => ("repeated", describe(names, &kind, one.pid)),
                    None => ("suppressed", names),
                };
                fields.insert("count".to_owned(), json!(one.count));
                fields.insert("total".to_owned(), json!(one.total));
                lines.push((event, fields));
            }
        }
        for (event, fields) in lines {
            self.journal.say(event, fields);
        }
    }
}

/// SECCOMP_RET_LOG in `code`: the call was made.
const RET_LOG: u64 = 0x7ffc_0000;

/// The action, which is all that a record says of the outcome, in the place of an argument.
fn event(kind: Kind) -> &'static str {
    match kind.args {
        [RET_LOG, ..] => "logged",
        _ => "denied",
    }
}

fn describe(mut fields: Map<String, Value>, kind: &Kind, pid: u32) -> Map<String, Value> {
    let [code, ..] = kind.args;
    let action = match code {
        0x8000_0000 => "kill process",
        0 => "kill thread",
        0x3_0000 => "trap",
        0x5_0000 => "errno",
        0x7fc0_0000 => "notify",
        0x7ff0_0000 => "trace",
        RET_LOG => "log",
        _ => "other",
    };
    let end = kind.comm.iter().position(|byte| *byte == 0);
    let comm = kind.comm.get(..end.unwrap_or(kind.comm.len()));
    let comm = String::from_utf8_lossy(comm.unwrap_or_default()).into_owned();
    let all = [
        ("source", json!("audit")),
        ("pid", json!(pid)),
        ("comm", json!(clean(&comm))),
        ("syscall", json!(name::syscall(kind.arch, kind.nr))),
        ("nr", json!(kind.nr)),
        ("arch", json!(name::arch_name(kind.arch, kind.nr))),
        ("action", json!(action)),
    ];
    fields.extend(all.map(|(key, value)| (key.to_owned(), value)));
    fields
}

/// A netlink message's type and text.
fn split(message: &[u8]) -> Option<(u16, &str)> {
    // struct nlmsghdr: length, type, flags, sequence, port; 16 bytes.
    let kind = message.get(4..6)?.try_into().ok()?;
    let text = message.get(16..)?;
    let text = text.split(|byte| *byte == 0).next()?;
    Some((u16::from_ne_bytes(kind), str::from_utf8(text).ok()?))
}

/// The number in `audit(1700000000.123:456): `.
fn serial(text: &str) -> Option<u64> {
    let (_, rest) = text.strip_prefix("audit(")?.split_once(':')?;
    rest.split_once(')')?.0.parse().ok()
}

/// What a record of type SECCOMP says, as far as it is of use.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    pid: u32,
    comm: String,
    arch: u32,
    nr: u32,
    code: u64,
}

impl Record {
    /// Reads one: words of the form `key=value`, of which the process has a say in `comm` and `exe`
    /// alone; the kernel quotes those, or writes them in hexadecimal.
    fn parse(text: &str) -> Option<Self> {
        let (head, tail) = text.split_once(" comm=")?;
        let (comm, rest) = match tail.strip_prefix('"') {
            Some(quoted) => {
                let (comm, rest) = quoted.split_once('"')?;
                (comm.to_owned(), rest)
            }
            None => {
                let (hex, rest) = tail.split_once(' ')?;
                (unhex(hex)?, rest)
            }
        };
        // The exe comes next, and cannot hold a quote if it is quoted.
        let (_, rest) = rest.split_once(" sig=")?;
        let words = |text: &str, key: &str| {
            let mut words = text.split(' ');
            words.find_map(|word| word.strip_prefix(key)?.strip_prefix('=').map(str::to_owned))
        };
        let hex = |text: String| {
            let digits = text.strip_prefix("0x").unwrap_or(&text).to_owned();
            u64::from_str_radix(&digits, 16).ok()
        };
        Some(Self {
            pid: words(head, "pid")?.parse().ok()?,
            comm,
            arch: u32::try_from(hex(words(rest, "arch")?)?).ok()?,
            nr: words(rest, "syscall")?.parse().ok()?,
            code: hex(words(rest, "code")?)?,
        })
    }

    fn kind(&self) -> Kind {
        let mut comm: Comm = [0; 16];
        for (to, from) in comm.iter_mut().take(15).zip(self.comm.bytes()) {
            *to = from;
        }
        Kind {
            arch: self.arch,
            nr: self.nr,
            errno: 0,
            comm,
            args: [self.code, 0, 0, 0, 0, 0],
        }
    }
}

fn unhex(hex: &str) -> Option<String> {
    let digits = hex.as_bytes();
    let bytes = digits.chunks(2).map(|two| {
        let two = str::from_utf8(two).ok()?;
        u8::from_str_radix(two, 16).ok()
    });
    let bytes: Option<Vec<u8>> = bytes.collect();
    Some(String::from_utf8_lossy(&bytes?).into_owned())
}

/// The cgroup of a process that is still there: the longest of its paths.
fn cgroup(pid: u32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let path = paths.max_by_key(|path| path.len())?;
    Some(path.to_owned()).filter(|path| path != "/")
}

/// The container's id: the last 64 hexadecimal digits of the path, which is how engines name cgroups.
fn container_id(group: &str) -> Option<&str> {
    let mut words = group.rsplit(|c: char| !c.is_ascii_hexdigit());
    words.find(|word| word.len() == 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "audit(1700000000.123:456): auid=4294967295 uid=0 gid=0 ses=4294967295 \
        pid=77 comm=\"sh\" exe=\"/bin/busybox\" sig=0 arch=c000003e syscall=62 compat=0 \
        ip=0x7f code=0x50000";

    #[test]
    fn a_record_is_read() {
        let record = Record::parse(RECORD).unwrap();
        assert_eq!((record.pid, record.nr, record.code), (77, 62, 0x5_0000));
        assert_eq!((record.comm.as_str(), record.arch), ("sh", 0xc000_003e));
        assert_eq!(serial(RECORD), Some(456));
    }

    #[test]
    fn a_process_cannot_write_the_record_of_another() {
        // A name with a quote or a blank comes in hexadecimal.
        let evil = RECORD.replace("\"sh\"", "782220737973");
        let record = Record::parse(&evil).unwrap();
        assert_eq!((record.comm.as_str(), record.nr), ("x\" sys", 62));
        let evil = RECORD.replace("/bin/busybox", "/pid=1/syscall=1");
        assert_eq!(Record::parse(&evil).unwrap().nr, 62);
    }

    #[test]
    fn containers_are_known_by_their_cgroups() {
        let id = "0123456789abcdef".repeat(4);
        for path in [
            format!("/docker/{id}"),
            format!("/system.slice/docker-{id}.scope"),
            format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"),
        ] {
            assert_eq!(container_id(&path), Some(id.as_str()), "{path}");
        }
        assert_eq!(container_id("/user.slice"), None);
    }
}
