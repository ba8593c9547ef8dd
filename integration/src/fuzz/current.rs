//! The input that a worker is at, in a file that its parent can read whatever becomes of it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The file: a count, a length, then the input.
#[derive(Debug)]
pub(crate) struct Current {
    file: File,
}

const HEADER: usize = 16;

impl Current {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        Ok(Self { file })
    }

    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self { file })
    }

    /// Notes the input numbered `count`.
    pub(crate) fn put(&self, count: u64, input: &[u8]) -> io::Result<()> {
        let length = u64::try_from(input.len()).unwrap_or(0);
        let mut header = [0; HEADER];
        for (to, from) in header
            .iter_mut()
            .zip(count.to_le_bytes().into_iter().chain(length.to_le_bytes()))
        {
            *to = from;
        }
        self.file.write_all_at(input, 16)?;
        self.file.write_all_at(&header, 0)
    }

    /// The number of the input that was noted last; 0 before the first.
    pub(crate) fn count(&self) -> u64 {
        self.number(0)
    }

    /// The input that was noted last.
    pub(crate) fn input(&self) -> Vec<u8> {
        let length = usize::try_from(self.number(8)).unwrap_or(0);
        let mut input = vec![0; length];
        match self.file.read_exact_at(&mut input, 16) {
            Ok(()) => input,
            Err(_) => Vec::new(),
        }
    }

    fn number(&self, at: u64) -> u64 {
        let mut bytes = [0; 8];
        match self.file.read_exact_at(&mut bytes, at) {
            Ok(()) => u64::from_le_bytes(bytes),
            Err(_) => 0,
        }
    }
}
