//! A path on the stack.

use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::slice;

/// Room for a path and the NUL that the kernel wants after it. With a length beside it, the compiler
/// would call `memset` to make it.
pub(super) struct Room {
    bytes: MaybeUninit<[u8; LONGEST_PATH]>,
}

/// Longer paths are left to the ordinary path.
const LONGEST_PATH: usize = 256;

impl Room {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self {
            bytes: MaybeUninit::uninit(),
        }
    }

    /// Becomes these parts one after the other; none if they do not fit.
    #[inline(always)]
    pub(super) fn set(&mut self, parts: &[&[u8]]) -> Option<&CStr> {
        let start = self.bytes.as_mut_ptr().cast::<u8>();
        let mut length = 0;
        for part in parts {
            for byte in *part {
                if length + 1 == LONGEST_PATH || *byte == 0 {
                    return None;
                }
                // SAFETY: `length` is below the array's last place, by the line above.
                unsafe { start.add(length).write(*byte) };
                length += 1;
            }
        }
        // SAFETY: `length` is at most the array's last place. All bytes up to there are written
        // then, and of them the last alone is a NUL.
        unsafe {
            start.add(length).write(0);
            let bytes = slice::from_raw_parts(start, length + 1);
            Some(CStr::from_bytes_with_nul_unchecked(bytes))
        }
    }
}
