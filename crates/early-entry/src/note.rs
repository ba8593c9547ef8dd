//! The mark by which the program knows its own copies (elf(5), "Notes").

use crate::bytes::begins;

/// An ELF note by which any copy of this program, of whatever version, knows another.
#[repr(C, align(4))]
#[derive(Debug)]
pub struct Note {
    name_size: u32,
    description_size: u32,
    kind: u32,
    name: [u8; 16],
    description: [u8; 16],
}

/// The note, for the binary to carry.
pub const NOTE: Note = Note {
    name_size: 13,
    description_size: 16,
    kind: 1,
    name: *b"seccomp-shim\0\0\0\0",
    description: *b"wraps a runtime\0",
};

/// How much of a program's head is searched for the note; linkers put notes right after the program
/// headers.
pub const HEAD: usize = 4096;

/// Whether the head of a program carries the note.
#[inline(always)]
#[must_use]
pub fn carries_note(head: &[u8]) -> bool {
    let mut rest = head;
    if !begins(rest, b"\x7FELF") {
        return false;
    }
    while let [first, _, _, _, after @ ..] = rest {
        // Notes are aligned to four bytes. One byte is looked at before the rest of them.
        if *first == NOTE.name[0]
            && let Some((name, description)) = rest.split_at_checked(NOTE.name.len())
            && begins(name, &NOTE.name)
            && begins(description, &NOTE.description)
        {
            return true;
        }
        rest = after;
    }
    false
}
