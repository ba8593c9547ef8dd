//! What every article on seccomp shows, through Docker and the shim.

use integration::engine::{Came, CommandLine, Docker, fails, operations, says, shows};
use integration::run;

use crate::audit::Audit;

pub(crate) fn deny_all(docker: &Docker) -> Came {
    let asked = docker
        .world
        .profile("deny.json", r#"{"defaultAction": "SCMP_ACT_ERRNO"}"#)?;
    for runtime in ["shim-runc", "shim-asked"] {
        let options = ["--rm", "--security-opt", &asked];
        let outcome = run(&mut docker.run(runtime, &options, &["echo", "I run"]));
        if outcome.ok() || outcome.text().contains("I run\n") {
            return Err(format!("{runtime}: {}", outcome.text()));
        }
    }
    Ok(())
}

pub(crate) fn unshare(docker: &Docker) -> Came {
    operations::unshare_is_for_the_unconfined(docker)?;
    // Docker's own default refuses it as well, which Podman's does not.
    let words = ["unshare", "-U", "true"];
    let outcome = fails(&mut docker.run("shim-asked", &["--rm"], &words), 1)?;
    says(&outcome, "Operation not permitted").map(drop)
}

/// What busybox' echo needs to start and speak, on x86-64 and aarch64.
pub(crate) fn allow_list(docker: &Docker) -> Came {
    let asked = docker.world.profile(
        "echo.json",
        r#"{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
            "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": [
                "execve", "exit_group", "exit", "write", "read", "brk", "mmap", "mprotect", "arch_prctl", "prctl",
                "set_tid_address", "set_robust_list", "rseq", "prlimit64", "getrandom", "readlink",
                "readlinkat", "newfstatat", "fstat", "getuid", "futex", "close", "fcntl", "openat",
                "getdents64", "getcwd", "chdir", "fchdir", "capget", "capset", "setuid", "setgid",
                "setgroups", "epoll_ctl", "epoll_pwait", "nanosleep", "rt_sigreturn", "rt_sigaction",
                "rt_sigprocmask", "sigaltstack", "getpid", "getppid", "gettid", "tgkill", "faccessat2", "faccessat",
                "statfs", "fstatfs", "lstat", "stat", "sched_yield", "clone", "pipe2", "ioctl",
                "statx", "openat2", "close_range", "munmap", "madvise"]}]}"#,
    )?;
    let options = ["--rm", "--security-opt", &asked];
    for runtime in ["shim-runc", "shim-asked"] {
        shows(
            &mut docker.run(runtime, &options, &["echo", "allowed"]),
            "allowed",
        )?;
        let outcome = fails(&mut docker.run(runtime, &options, &["mkdir", "/x"]), 1)?;
        says(&outcome, "Operation not permitted")?;
    }
    Ok(())
}

pub(crate) fn log(docker: &Docker) -> Came {
    let asked = docker.world.profile(
        "log.json",
        r#"{"defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_LOG"}]}"#,
    )?;
    let mut audit = Audit::listen().map_err(|error| format!("no audit: {error}"))?;
    let options = ["--rm", "--security-opt", &asked];
    shows(
        &mut docker.run("shim-asked", &options, &["mkdir", "-v", "/x"]),
        "",
    )?;
    let nr = if cfg!(target_arch = "aarch64") {
        "syscall=34 "
    } else {
        "syscall=83 "
    };
    if audit.says(&["comm=\"mkdir\"", nr, "code=0x7ffc0000"]) {
        Ok(())
    } else {
        Err("no record of mkdir in the kernel's log".to_owned())
    }
}
