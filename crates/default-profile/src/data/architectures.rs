//! Calls of one architecture.

use profile::Arch;

use super::names;
use crate::{Arches, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "x86 segment bases",
        reason: "The C library sets up thread-local storage with it.",
        on: Arches::Only(&[Arch::ScmpArchX86_64, Arch::ScmpArchX32]),
        verdict: Verdict::Allow,
        syscalls: names![arch_prctl],
    },
    Group {
        name: "x86 segments",
        reason: "Wine and old 32-bit thread libraries make segments of their own.",
        on: Arches::Only(X86),
        verdict: Verdict::Allow,
        syscalls: names![modify_ldt],
    },
    Group {
        name: "x86 real mode",
        reason: "Runs 16-bit code for DOS emulators, through a corner of the kernel that few look \
                 at.",
        on: Arches::Only(X86),
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![vm86 vm86old],
    },
    Group {
        name: "ARM",
        reason: "Thread pointer, instruction cache, breakpoints, and file calls with their arguments \
                 in another order: the C library's way to ordinary work.",
        on: Arches::Only(&[Arch::ScmpArchArm, Arch::ScmpArchAarch64]),
        verdict: Verdict::Allow,
        syscalls: names![
            arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2
        ],
    },
    Group {
        name: "RISC-V",
        reason: "Code generators flush the instruction cache, and the C library asks what the \
                 processor can.",
        on: Arches::Only(&[Arch::ScmpArchRiscv64]),
        verdict: Verdict::Allow,
        syscalls: names![riscv_flush_icache riscv_hwprobe],
    },
    Group {
        name: "POWER",
        reason: "The C library switches contexts and syncs files with them.",
        on: Arches::Only(&[Arch::ScmpArchPpc64le]),
        verdict: Verdict::Allow,
        syscalls: names![swapcontext sync_file_range2],
    },
    Group {
        name: "POWER hardware and firmware",
        reason: "Firmware calls, coprocessors, page protection in units of its own, debug registers: \
                 no ordinary program needs them, and no engine allows them.",
        on: Arches::Only(POWER),
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![
            rtas spu_create spu_run subpage_prot switch_endian sys_debug_setcontext
        ],
    },
    Group {
        name: "numbers that POWER took over from x86",
        reason: "They stand in the table and have no code behind them.",
        on: Arches::Only(POWER),
        verdict: Verdict::Deny(Errno::NotImplemented),
        syscalls: names![modify_ldt vm86],
    },
    Group {
        name: "IBM Z",
        reason: "Memory of PCI functions that the container was given, and run-time counters of its \
                 own threads.",
        on: Arches::Only(S390),
        verdict: Verdict::Allow,
        syscalls: names![s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr],
    },
    Group {
        name: "IBM Z hardware",
        reason: "Guarded storage and what the hypervisor tells of the machine; no engine allows \
                 them.",
        on: Arches::Only(S390),
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![s390_guarded_storage s390_sthyi],
    },
    Group {
        name: "MIPS",
        reason: "Cache control and a bag of old system calls; no engine allows them.",
        on: Arches::Only(MIPS),
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![cachectl cacheflush sysmips],
    },
    Group {
        name: "PCI configuration",
        reason: "Reads and writes the configuration of devices.",
        on: Arches::All,
        verdict: Verdict::Deny(Errno::NotPermitted),
        syscalls: names![pciconfig_iobase pciconfig_read pciconfig_write],
    },
];

const X86: &[Arch] = &[Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32];
const POWER: &[Arch] = &[
    Arch::ScmpArchPpc,
    Arch::ScmpArchPpc64,
    Arch::ScmpArchPpc64le,
];
const S390: &[Arch] = &[Arch::ScmpArchS390, Arch::ScmpArchS390x];
const MIPS: &[Arch] = &[
    Arch::ScmpArchMips,
    Arch::ScmpArchMips64,
    Arch::ScmpArchMips64n32,
    Arch::ScmpArchMipsel,
    Arch::ScmpArchMipsel64,
    Arch::ScmpArchMipsel64n32,
];
