//! Which flags each runtime has, before and after the subcommand.
//!
//! Sources: `--help` of runc 1.1.5, crun 1.8.1 and youki 0.7.0 and of each of their `create`, `run`
//! and `restore`; runc 1.2 to 1.5's manual pages; crun's `src/{crun,run,create,restore}.c`. What
//! one of them takes at `create`, `run` or `restore` stands in every table, since engines pass the
//! same words to whichever runtime is installed and the others follow runc in time.
#![forbid(unsafe_code)]

use super::flags::Flag;
use super::flags::Role::{Bundle, Config, Help, Log, LogFormat, Version};

/// runc before the subcommand.
pub(super) const RUNC_GLOBAL: &[Flag] = &[
    Flag::switch("debug"),
    Flag::value("log").role(Log),
    Flag::value("log-format").role(LogFormat),
    Flag::value("root"),
    Flag::value("criu"),
    Flag::switch("systemd-cgroup"),
    Flag::value("rootless"),
    Flag::switch("help").short(b"h").role(Help),
    Flag::switch("version").short(b"v").role(Version),
];

/// runc after `create`, `run` and `restore`.
pub(super) const RUNC_MAKE: &[Flag] = &[
    Flag::value("bundle").short(b"b").role(Bundle),
    Flag::value("console-socket"),
    Flag::value("pidfd-socket"),
    Flag::value("pid-file"),
    Flag::value("preserve-fds"),
    Flag::switch("no-pivot"),
    Flag::switch("no-new-keyring"),
    Flag::switch("no-subreaper"),
    Flag::switch("detach").short(b"d"),
    Flag::switch("keep"),
    Flag::switch("help").short(b"h").role(Help),
    Flag::value("image-path"),
    Flag::value("work-path"),
    Flag::value("parent-path"),
    Flag::switch("tcp-established"),
    Flag::switch("ext-unix-sk"),
    Flag::switch("shell-job"),
    Flag::switch("file-locks"),
    Flag::value("manage-cgroups-mode"),
    Flag::value("empty-ns"),
    Flag::switch("auto-dedup"),
    Flag::switch("lazy-pages"),
    Flag::value("lsm-profile"),
    Flag::value("lsm-mount-context"),
    Flag::value("status-fd"),
    Flag::value("page-server"),
    Flag::value("network-lock"),
];

/// crun before the subcommand. The last three are argp's own.
pub(super) const CRUN_GLOBAL: &[Flag] = &[
    Flag::switch("debug"),
    Flag::value("cgroup-manager"),
    Flag::switch("systemd-cgroup"),
    Flag::value("log").role(Log),
    Flag::value("log-format").role(LogFormat),
    Flag::value("log-level"),
    Flag::value("root"),
    Flag::value("rootless"),
    Flag::switch("version").short(b"vV").role(Version),
    Flag::switch("help").short(b"?").role(Help),
    Flag::switch("usage").role(Help),
    Flag::value("program-name"),
    Flag::value("HANG").inline(),
];

/// crun after `create`, `run` and `restore`.
pub(super) const CRUN_MAKE: &[Flag] = &[
    Flag::value("bundle").short(b"b").role(Bundle),
    Flag::value("config").short(b"f").role(Config),
    Flag::value("console-socket"),
    Flag::value("pidfd-socket"),
    Flag::value("pid-file"),
    Flag::value("preserve-fds"),
    Flag::switch("no-pivot"),
    Flag::switch("no-new-keyring"),
    Flag::switch("no-subreaper"),
    Flag::switch("detach").short(b"d"),
    Flag::switch("keep"),
    Flag::value("image-path"),
    Flag::value("work-path"),
    Flag::value("parent-path"),
    Flag::switch("tcp-established"),
    Flag::switch("tcp-close"),
    Flag::switch("ext-unix-sk"),
    Flag::switch("shell-job"),
    Flag::switch("file-locks"),
    Flag::value("manage-cgroups-mode"),
    Flag::value("empty-ns"),
    Flag::switch("auto-dedup"),
    Flag::switch("lazy-pages"),
    Flag::value("lsm-profile"),
    Flag::value("lsm-mount-context"),
    Flag::value("status-fd"),
    Flag::value("page-server"),
    Flag::value("network-lock"),
    Flag::switch("help").short(b"?").role(Help),
    Flag::switch("usage").role(Help),
    Flag::value("program-name"),
    Flag::value("HANG").inline(),
];

/// youki before the subcommand.
pub(super) const YOUKI_GLOBAL: &[Flag] = &[
    Flag::value("log").short(b"l").role(Log),
    Flag::switch("debug"),
    Flag::value("log-format").role(LogFormat),
    Flag::value("root").short(b"r"),
    Flag::switch("systemd-cgroup").short(b"s"),
    Flag::switch("systemd-log"),
    Flag::value("log-level"),
    Flag::switch("version").short(b"vV").role(Version),
    Flag::switch("help").short(b"h").role(Help),
];

/// youki after `create` and `run`; it has no `restore` yet.
pub(super) const YOUKI_MAKE: &[Flag] = &[
    Flag::value("bundle").short(b"b").role(Bundle),
    Flag::value("console-socket").short(b"c"),
    Flag::value("pidfd-socket"),
    Flag::value("pid-file").short(b"p"),
    Flag::value("preserve-fds"),
    Flag::switch("no-pivot"),
    Flag::switch("no-new-keyring"),
    Flag::switch("no-subreaper"),
    Flag::switch("detach").short(b"d"),
    Flag::switch("keep"),
    Flag::value("image-path"),
    Flag::value("work-path"),
    Flag::value("parent-path"),
    Flag::switch("tcp-established"),
    Flag::switch("ext-unix-sk"),
    Flag::switch("shell-job"),
    Flag::switch("file-locks"),
    Flag::value("manage-cgroups-mode"),
    Flag::value("empty-ns"),
    Flag::switch("auto-dedup"),
    Flag::switch("lazy-pages"),
    Flag::value("lsm-profile"),
    Flag::value("lsm-mount-context"),
    Flag::value("status-fd"),
    Flag::value("page-server"),
    Flag::value("network-lock"),
    Flag::switch("help").short(b"h").role(Help),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argv::flags::Takes;

    const ALL: &[&[Flag]] = &[
        RUNC_GLOBAL,
        RUNC_MAKE,
        CRUN_GLOBAL,
        CRUN_MAKE,
        YOUKI_GLOBAL,
        YOUKI_MAKE,
    ];

    #[test]
    fn no_table_names_a_flag_twice() {
        for table in ALL {
            for (at, flag) in table.iter().enumerate() {
                for other in &table[at + 1..] {
                    assert_ne!(flag.long, other.long);
                    assert!(!flag.short.iter().any(|letter| other.short.contains(letter)));
                }
            }
        }
    }

    #[test]
    fn a_long_name_takes_a_value_in_all_tables_or_in_none() {
        for flag in ALL.iter().flat_map(|table| table.iter()) {
            for other in ALL.iter().flat_map(|table| table.iter()) {
                if flag.long == other.long {
                    assert_eq!(
                        flag.takes == Takes::Value,
                        other.takes == Takes::Value,
                        "{}",
                        flag.long
                    );
                }
            }
        }
    }

    #[test]
    fn no_make_flag_of_crun_is_the_beginning_of_another() {
        // Otherwise a version without the shorter one would read it as the longer one.
        for flag in CRUN_MAKE {
            for other in CRUN_MAKE {
                assert!(
                    flag.long == other.long || !other.long.starts_with(flag.long),
                    "{} begins {}",
                    flag.long,
                    other.long
                );
            }
        }
    }
}
