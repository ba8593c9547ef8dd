//! The heap of the runtime path: memory is taken piece after piece, and not given back.
//!
//! A create takes some thousand small pieces and execs; giving them back and finding them again was a
//! sixth of its instructions. So pieces come from a room of fixed size, one after the other, and
//! only the last one can grow or be given back. Large pieces, which grow and would leave holes, come
//! from the system's heap, as does all that no longer fits once a tool runs for longer.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The program's heap.
pub(crate) struct Heap {
    /// How much of the room is taken.
    taken: AtomicUsize,
    room: Room,
}

/// More than a create with a Docker-sized profile takes. Pages that nobody touches cost nothing.
const SIZE: usize = 512 * 1024;

#[repr(align(64))]
struct Room(UnsafeCell<[u8; SIZE]>);

/// The largest piece that comes from the room, in bytes.
const SMALL: usize = 512;

/// The largest alignment that the room has.
const ALIGNED: usize = align_of::<Room>();

impl Heap {
    pub(crate) const fn new() -> Self {
        Self {
            taken: AtomicUsize::new(0),
            room: Room(UnsafeCell::new([0; SIZE])),
        }
    }

    /// Takes a piece of the room; none if there is no room for it.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        if layout.align() > ALIGNED || layout.size() > SMALL {
            return None;
        }
        let mut taken = self.taken.load(Ordering::Relaxed);
        loop {
            let start = taken.checked_next_multiple_of(layout.align())?;
            let end = start
                .checked_add(layout.size())
                .filter(|end| *end <= SIZE)?;
            match self.swap(taken, end) {
                // SAFETY: `start` is not above `end`, which is within the room.
                Ok(()) => return Some(unsafe { self.room.0.get().cast::<u8>().add(start) }),
                Err(now) => taken = now,
            }
        }
    }

    /// Where in the room a piece starts; none if it is the system's.
    fn start_of(&self, piece: *mut u8) -> Option<usize> {
        let start = piece.addr().checked_sub(self.room.0.get().addr())?;
        (start < SIZE).then_some(start)
    }

    /// The last piece, from `start` to `end`, now ends at `new_end`; otherwise nothing changes. It
    /// stays the last as long as `taken` says so, whatever others took and gave back meanwhile.
    fn move_end(&self, start: usize, end: usize, new_end: usize) -> bool {
        start <= new_end && new_end <= SIZE && self.swap(end, new_end).is_ok()
    }

    fn swap(&self, taken: usize, now: usize) -> Result<(), usize> {
        let relaxed = Ordering::Relaxed;
        let swapped = self.taken.compare_exchange(taken, now, relaxed, relaxed);
        swapped.map(drop)
    }
}

// SAFETY: the room is only handed out in pieces of which no two overlap, as `taken` moves in one
// atomic step; nothing here reads or writes in a piece that is somebody's. WHY: a global allocator
// is shared by all threads.
unsafe impl Sync for Heap {}

// SAFETY: a piece of the room is aligned and as large as asked for, and nobody else's until it is
// given back, when `taken` goes back to its start; all other pieces are the system's, which keeps the
// same contract. `start_of` tells them apart, as the system never hands out a part of a static. WHY:
// the trait is unsafe.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(piece) => piece,
            // SAFETY: the caller's contract is the same.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        match self.start_of(piece) {
            Some(start) => {
                // What is not the last piece stays taken.
                let _ = self.move_end(start, start.wrapping_add(layout.size()), start);
            }
            // SAFETY: it is the system's, and the caller's contract is the same.
            None => unsafe { System.dealloc(piece, layout) },
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(start) = self.start_of(piece) else {
            // SAFETY: it is the system's, and the caller's contract is the same.
            return unsafe { System.realloc(piece, layout, size) };
        };
        let (end, new_end) = (
            start.wrapping_add(layout.size()),
            start.saturating_add(size),
        );
        if new_end <= end || (size <= SMALL && self.move_end(start, end, new_end)) {
            return piece;
        }
        // SAFETY: the caller promises that `size` is not zero and fits with the alignment.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both are at least as long as the old piece, which is shorter, and no piece
            // overlaps another.
            unsafe { std::ptr::copy_nonoverlapping(piece, new, layout.size()) };
        }
        new
    }
}
