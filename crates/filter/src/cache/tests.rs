use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use std::time::SystemTime;

use super::*;
use crate::{Endian, Instruction, Program, Runtime};
use profile::Arch;

const KERNEL: [&[u8]; 2] = [b"6.18.0", b"#1 SMP"];

fn key(profile: u8) -> Key {
    Key::new(
        &[profile; 32],
        Arch::ScmpArchX86_64,
        Runtime::Crun,
        KERNEL,
        &[],
    )
}

fn filter(value: u32) -> Entry {
    let end = Instruction::new(0x06, value);
    let program = Program::new(vec![end]).unwrap();
    Entry::Filter(
        program.to_bytes(Endian::of_audit_arch(if cfg!(target_endian = "big") {
            0
        } else {
            0x4000_0000
        })),
    )
}

struct Kept {
    folder: tempfile::TempDir,
    cache: Cache,
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path());
        Self { folder, cache }
    }

    fn file(&self, key: &Key) -> PathBuf {
        self.folder.path().join(key.name())
    }

    fn names(&self) -> usize {
        fs::read_dir(self.folder.path()).unwrap().count()
    }
}

fn open(folder: &Path) -> Cache {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    Cache::new(rustix::fs::open(folder, flags, Mode::empty()).unwrap())
}

#[test]
fn what_is_put_is_got_by_its_key_alone() {
    let kept = Kept::new();
    assert_eq!(kept.cache.get(&key(1)), None);
    kept.cache.put(&key(1), &filter(7)).unwrap();
    kept.cache.put(&key(2), &Entry::Nothing).unwrap();
    assert_eq!(kept.cache.get(&key(1)), Some(filter(7)));
    assert_eq!(kept.cache.get(&key(2)), Some(Entry::Nothing));
    assert_eq!(kept.cache.get(&key(3)), None);
    kept.cache.put(&key(1), &filter(8)).unwrap();
    let again = open(kept.folder.path());
    assert_eq!(again.get(&key(1)), Some(filter(8)));
    assert_eq!(
        fs::metadata(kept.file(&key(1))).unwrap().mode() & 0o7777,
        0o600
    );
}

#[test]
fn every_changed_byte_is_a_miss() {
    let kept = Kept::new();
    kept.cache.put(&key(1), &filter(7)).unwrap();
    let file = kept.file(&key(1));
    let good = fs::read(&file).unwrap();
    for (at, bit) in (0..good.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut bad = good.clone();
        bad[at] ^= 1 << bit;
        fs::write(&file, bad).unwrap();
        assert_eq!(kept.cache.get(&key(1)), None, "byte {at}");
    }
    for length in 0..good.len() {
        fs::write(&file, &good[..length]).unwrap();
        assert_eq!(kept.cache.get(&key(1)), None, "{length} bytes");
    }
    fs::write(&file, [&good[..], &[0]].concat()).unwrap();
    assert_eq!(kept.cache.get(&key(1)), None);
    fs::write(&file, &good).unwrap();
    assert_eq!(kept.cache.get(&key(1)), Some(filter(7)));
}

#[test]
fn an_entry_under_anothers_name_is_a_miss() {
    let kept = Kept::new();
    kept.cache.put(&key(1), &filter(7)).unwrap();
    fs::rename(kept.file(&key(1)), kept.file(&key(2))).unwrap();
    assert_eq!(kept.cache.get(&key(2)), None);
}

#[test]
fn a_program_that_the_kernel_would_refuse_is_a_miss() {
    let kept = Kept::new();
    // A jump out of the program.
    let bytes = Instruction::new(0x05, 9).to_bytes(Endian::Little).to_vec();
    kept.cache.put(&key(1), &Entry::Filter(bytes)).unwrap();
    assert_eq!(kept.cache.get(&key(1)), None);
}

#[test]
fn what_others_could_have_written_is_a_miss() {
    let kept = Kept::new();
    kept.cache.put(&key(1), &filter(7)).unwrap();
    let file = kept.file(&key(1));
    let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    for loose in [0o620, 0o602, 0o644, 0o400, 0o4600] {
        mode(loose);
        assert_eq!(kept.cache.get(&key(1)), None, "{loose:o}");
    }
    mode(0o600);
    let other = kept.folder.path().join("other");
    fs::hard_link(&file, &other).unwrap();
    assert_eq!(kept.cache.get(&key(1)), None, "a second name");
    fs::remove_file(&file).unwrap();
    symlink(&other, &file).unwrap();
    assert_eq!(kept.cache.get(&key(1)), None, "a link");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(kept.cache.get(&key(1)), None, "a folder");
    fs::remove_dir(&file).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &file, FileType::Fifo, FILE_MODE, 0).unwrap();
    assert_eq!(
        kept.cache.get(&key(1)),
        None,
        "a fifo, which nobody writes to"
    );
    fs::remove_file(&file).unwrap();
    fs::rename(&other, &file).unwrap();
    assert_eq!(kept.cache.get(&key(1)), Some(filter(7)));
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&file, Some(65_534), None).unwrap();
        assert_eq!(kept.cache.get(&key(1)), None, "another's");
        std::os::unix::fs::chown(&file, Some(0), None).unwrap();
        assert_eq!(kept.cache.get(&key(1)), Some(filter(7)));
    }
}

#[test]
fn a_file_as_long_as_no_entry_is_a_miss() {
    let kept = Kept::new();
    kept.cache.put(&key(1), &filter(7)).unwrap();
    let file = fs::File::options();
    let file = file.clone().write(true).open(kept.file(&key(1))).unwrap();
    // Nothing but holes behind it; none of it is read.
    for length in [entry::LONGEST as u64, entry::LONGEST as u64 + 1, 1 << 42] {
        file.set_len(length).unwrap();
        assert_eq!(kept.cache.get(&key(1)), None, "{length}");
    }
}

#[test]
fn the_longest_program_is_kept_and_one_that_is_longer_is_a_miss() {
    let kept = Kept::new();
    let end = Instruction::new(0x06, 7).to_bytes(Endian::Little);
    for (instructions, got) in [(4096, true), (4097, false)] {
        let entry = Entry::Filter(end.repeat(instructions));
        kept.cache.put(&key(1), &entry).unwrap();
        assert_eq!(kept.cache.get(&key(1)).is_some(), got, "{instructions}");
    }
}

/// Many at once, of few keys: each finds nothing, or what was put under its key, whole.
#[test]
fn who_reads_while_others_write_gets_all_or_nothing() {
    let kept = Kept::new();
    let folder = kept.folder.path();
    std::thread::scope(|scope| {
        for writer in 0..4_u32 {
            scope.spawn(move || {
                let cache = open(folder);
                for round in 0..200_u32 {
                    let number = u8::try_from((writer + round) % 3).unwrap();
                    // Threads are one process, whose files beside have one name.
                    let _ = cache.put(&key(number), &filter(number.into()));
                }
            });
            scope.spawn(move || {
                let cache = open(folder);
                for round in 0..2_000_u32 {
                    let number = u8::try_from((writer + round) % 3).unwrap();
                    let got = cache.get(&key(number));
                    assert!(
                        got.is_none() || got == Some(filter(number.into())),
                        "{got:?}"
                    );
                }
            });
        }
    });
}

#[test]
fn the_oldest_go_where_there_are_too_many() {
    let kept = Kept::new();
    let many = u16::try_from(evict::MOST).unwrap() + 20;
    let keys: Vec<Key> = (0..many)
        .map(|number| {
            let mut profile = [0; 32];
            profile[..2].copy_from_slice(&number.to_le_bytes());
            Key::new(&profile, Arch::ScmpArchX86_64, Runtime::Crun, KERNEL, &[])
        })
        .collect();
    for key in &keys {
        kept.cache.put(key, &filter(7)).unwrap();
    }
    assert_eq!(kept.names(), evict::MOST);
    assert_eq!(kept.cache.get(keys.last().unwrap()), Some(filter(7)));
    assert_eq!(kept.cache.get(&keys[0]), None);
}

#[test]
fn what_was_never_finished_goes() {
    let kept = Kept::new();
    let left = kept.folder.path().join(".new.1");
    fs::write(&left, "half").unwrap();
    kept.cache.put(&key(1), &filter(7)).unwrap();
    assert!(left.exists(), "it may still be written");
    let long_ago = SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::options()
        .write(true)
        .open(&left)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    kept.cache.put(&key(1), &filter(7)).unwrap();
    assert!(!left.exists());
}

#[test]
fn everything_that_a_filter_depends_on_is_in_its_key() {
    let stat = rustix::fs::stat("/").unwrap();
    let file = FileId::of(&stat);
    let mut later = stat;
    later.st_mtime += 1;
    let later = FileId::of(&later);
    let (x64, crun) = (Arch::ScmpArchX86_64, Runtime::Crun);
    let keys = [
        Key::new(&[1; 32], x64, crun, KERNEL, &[file]),
        Key::new(&[2; 32], x64, crun, KERNEL, &[file]),
        Key::new(&[1; 32], Arch::ScmpArchX32, crun, KERNEL, &[file]),
        Key::new(&[1; 32], x64, Runtime::Runc, KERNEL, &[file]),
        Key::new(&[1; 32], x64, crun, [b"6.18.1", b"#1 SMP"], &[file]),
        Key::new(&[1; 32], x64, crun, [b"6.18.0", b"#2 SMP"], &[file]),
        Key::new(&[1; 32], x64, crun, KERNEL, &[later]),
        Key::new(&[1; 32], x64, crun, KERNEL, &[file, file]),
    ];
    for (at, one) in keys.iter().enumerate() {
        for other in keys.iter().skip(at + 1) {
            assert_ne!(one, other);
        }
    }
}
