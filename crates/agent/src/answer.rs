//! How a call is answered: as the kernel would, had it the container's plain profile.
#![forbid(unsafe_code)]

use filter::{Call, Program};
use profile::Action;

use crate::sys::{Notification, Reply};

/// What is answered to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    /// Whether the plain profile says something that only a filter can do; the call is denied then.
    pub(crate) strange: bool,
}

/// Runs the plain profile's program on the call's registers, which the container cannot change.
pub(crate) fn answer(program: &Program, call: &Notification) -> Answer {
    let outcome = program.run(&Call {
        nr: call.nr,
        arch: call.arch,
        instruction_pointer: call.instruction_pointer,
        args: call.args,
    });
    let (reply, strange) = match outcome.action() {
        Action::ScmpActErrno => (Reply::Errno(outcome.data()), false),
        Action::ScmpActAllow | Action::ScmpActLog => (Reply::Continue, false),
        // Nobody asks about those: a profile that was proven does not get here.
        _ => (Reply::Errno(EPERM), true),
    };
    Answer { reply, strange }
}

const EPERM: u16 = 1;

#[cfg(test)]
mod tests {
    use filter::Instruction;

    use super::*;

    fn said(value: u32) -> Answer {
        let program = Program::new(vec![Instruction::new(6, value)]).unwrap();
        answer(&program, &crate::sys::tests::call(1, [0; 6]))
    }

    #[test]
    fn the_programs_word_is_the_answer() {
        for (value, reply, strange) in [
            (0x7fff_0000, Reply::Continue, false),
            (0x7ffc_0000, Reply::Continue, false),
            (0x0005_0026, Reply::Errno(38), false),
            (0x0005_0000, Reply::Errno(0), false),
            (0x8000_0000, Reply::Errno(1), true),
            (0x0003_0000, Reply::Errno(1), true),
            (0x7fc0_0000, Reply::Errno(1), true),
        ] {
            assert_eq!(said(value), Answer { reply, strange }, "{value:#x}");
        }
    }
}
