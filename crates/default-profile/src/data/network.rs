//! Sockets.

use profile::Operator;

use super::names;
use crate::{Answer, Arches, Case, Errno, Group, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "use sockets",
        reason: "Networks are for network namespaces and firewalls to divide.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![
            accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom
            recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown
            socketpair
        ],
    },
    Group {
        name: "make sockets",
        reason: "By enumeration, since the kernel looks at 32 bits of the family and a filter at 64: \
                 a list of families to deny could be walked past with one of the upper bits set. \
                 AF_ALG (38) opens the kernel's crypto code to anyone, and AF_VSOCK (40) reaches the \
                 hypervisor past all network namespaces. Families that this list does not know get \
                 the errno that a kernel without them gives.",
        on: Arches::All,
        verdict: Verdict::ByArgument {
            cases: FAMILIES,
            free_with: &[],
        },
        syscalls: names![socket],
    },
    Group {
        name: "make sockets the old way",
        reason: "C libraries on 32-bit x86 make their sockets with it. Its arguments lie in memory, \
                 where no filter sees them, so that every family can be had through it. Docker and \
                 containerd allow it: without it those programs have no network.",
        on: Arches::All,
        verdict: Verdict::Allow,
        syscalls: names![socketcall],
    },
];

const FAMILIES: &[Case] = &[
    Case::new(0, Operator::ScmpCmpLt, AF_ALG, Answer::Allow),
    Case::new(0, Operator::ScmpCmpEq, AF_NFC, Answer::Allow),
    Case::new(0, Operator::ScmpCmpEq, AF_KCM, Answer::Allow),
    Case::new(0, Operator::ScmpCmpEq, AF_QIPCRTR, Answer::Allow),
    Case::new(0, Operator::ScmpCmpEq, AF_SMC, Answer::Allow),
    Case::new(0, Operator::ScmpCmpEq, AF_XDP, Answer::Allow),
    Case::new(0, Operator::ScmpCmpEq, AF_MCTP, Answer::Allow),
    Case::new(
        0,
        Operator::ScmpCmpEq,
        AF_ALG,
        Answer::Deny(Errno::NotPermitted),
    ),
    Case::new(
        0,
        Operator::ScmpCmpEq,
        AF_VSOCK,
        Answer::Deny(Errno::NotPermitted),
    ),
    Case::new(
        0,
        Operator::ScmpCmpGt,
        AF_MCTP,
        Answer::Deny(Errno::AddressFamilyNotSupported),
    ),
];

// include/linux/socket.h
const AF_ALG: u64 = 38;
const AF_NFC: u64 = 39;
const AF_VSOCK: u64 = 40;
const AF_KCM: u64 = 41;
const AF_QIPCRTR: u64 = 42;
const AF_SMC: u64 = 43;
const AF_XDP: u64 = 44;
const AF_MCTP: u64 = 45;
