//! A file of the cache:
//!
//! ```text
//! magic 8 | key 32 | length of the program 4, little-endian | program | SHA-256 of all before 32
//! ```
#![forbid(unsafe_code)]

use sha2::{Digest, Sha256};

use super::Key;
use crate::check::MAX_INSTRUCTIONS;
use crate::instruction::{Endian, INSTRUCTION_BYTES};
use crate::program::Program;

/// What is kept for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The program, as this machine's kernel reads it.
    Filter(Vec<u8>),
    /// There is nothing to hand over: the runtime compiles for itself.
    Nothing,
}

impl Entry {
    pub(super) fn to_bytes(&self, key: &Key) -> Vec<u8> {
        let program: &[u8] = match self {
            Self::Filter(program) => program,
            Self::Nothing => &[],
        };
        let mut bytes = Vec::with_capacity(OVERHEAD.saturating_add(program.len()));
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(key.digest());
        // A program of more than 4 GiB would not be read back.
        let length = u32::try_from(program.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(program);
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8], key: &Key) -> Option<Self> {
        let (body, digest) = bytes.split_last_chunk::<32>()?;
        let rest = body.strip_prefix(MAGIC)?;
        let (of, rest) = rest.split_first_chunk::<32>()?;
        let (length, program) = rest.split_first_chunk::<4>()?;
        let whole = of == key.digest()
            && usize::try_from(u32::from_le_bytes(*length)).ok() == Some(program.len())
            && Sha256::digest(body)[..] == digest[..];
        if !whole {
            return None;
        }
        if program.is_empty() {
            return Some(Self::Nothing);
        }
        let endian = if cfg!(target_endian = "big") {
            Endian::Big
        } else {
            Endian::Little
        };
        Program::from_bytes(program, endian).ok()?;
        Some(Self::Filter(program.to_vec()))
    }
}

const MAGIC: &[u8] = b"SHIMBPF\x01";
const OVERHEAD: usize = 8 + 32 + 4 + 32;
/// The longest file that can be an entry, in bytes.
pub(super) const LONGEST: usize = OVERHEAD + MAX_INSTRUCTIONS * INSTRUCTION_BYTES;
