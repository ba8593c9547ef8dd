//! The file in its folder: what is refused, what the new one keeps of the old one, and what is left
//! alone.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test ends here"
)]

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bundle::{Bundle, BundleError, MAX_SIZE};
use rustix::fs::XattrFlags;
use tempfile::TempDir;

const NAME: &str = "config.json";
const OLD: &[u8] = b"{\"old\":1}";
const NEW: &[u8] = b"{\"new\":22}";

/// A folder with a config.json in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder"));
        fs::write(folder.config(), OLD).expect("config.json");
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn config(&self) -> PathBuf {
        self.path().join(NAME)
    }

    fn open(&self) -> Bundle {
        self.try_open().expect("opens").expect("is there")
    }

    fn try_open(&self) -> Result<Option<Bundle>, BundleError> {
        Bundle::open(self.path(), OsStr::new(NAME))
    }

    /// The names in it.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).expect("lists");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    /// The old text still stands whole, and nothing beside it.
    fn assert_untouched(&self) {
        assert_eq!(fs::read(self.config()).expect("reads"), OLD);
        assert_eq!(self.names(), [NAME]);
    }
}

/// The test runs as root; if not, says so.
fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skipped(test, "needs root");
    }
    root
}

/// As `integration::skip`, which this crate is below.
fn skipped(test: &str, why: &str) {
    eprintln!("SKIPPED {test}: {why}");
    if let Some(path) = std::env::var_os("SHIM_TEST_SKIPS") {
        let file = OpenOptions::new().append(true).create(true).open(path);
        let mut file = file.expect("the list of skips");
        writeln!(file, "{test}: {why}").expect("a line");
    }
}

#[test]
fn a_bundle_or_file_that_is_not_there_is_none() {
    let folder = Folder::new();
    fs::remove_file(folder.config()).expect("removed");
    assert!(folder.try_open().expect("no error").is_none());
    let nowhere = folder.path().join("no/such");
    let found = Bundle::open(&nowhere, OsStr::new(NAME));
    assert!(found.expect("no error").is_none());
    fs::write(folder.path().join("file"), "").expect("a file");
    let found = Bundle::open(&folder.path().join("file"), OsStr::new(NAME));
    assert!(found.expect("no error").is_none(), "the folder is a file");
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let folder = Folder::new();
    fs::remove_file(folder.config()).expect("removed");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.config(),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .expect("a fifo");
    assert!(matches!(folder.try_open(), Err(BundleError::NotRegular)));
    fs::remove_file(folder.config()).expect("removed");
    fs::create_dir(folder.config()).expect("a folder");
    assert!(matches!(folder.try_open(), Err(BundleError::NotRegular)));
    fs::remove_dir(folder.config()).expect("removed");
    for device in ["/dev/null", "/dev/zero", "/dev/full"] {
        symlink(device, folder.config()).expect("a link");
        assert!(
            matches!(folder.try_open(), Err(BundleError::NotRegular)),
            "{device}"
        );
        fs::remove_file(folder.config()).expect("removed");
    }
    symlink("nowhere", folder.config()).expect("a link");
    assert!(folder.try_open().expect("no error").is_none(), "dangling");
    fs::remove_file(folder.config()).expect("removed");
    symlink(NAME, folder.config()).expect("a link");
    assert!(
        matches!(folder.try_open(), Err(BundleError::Io { .. })),
        "a loop"
    );
}

#[test]
fn sixteen_mib_are_read_and_a_byte_more_is_refused() {
    let folder = Folder::new();
    let file = File::create(folder.config()).expect("config.json");
    file.set_len(MAX_SIZE).expect("sparse");
    let bytes = folder.open().read().expect("reads");
    assert_eq!(bytes.len() as u64, MAX_SIZE);
    file.set_len(MAX_SIZE + 1).expect("sparse");
    assert!(matches!(folder.try_open(), Err(BundleError::TooLarge)));
    // Grown after it was opened: the limit holds for what is read, too.
    file.set_len(10).expect("small");
    let bundle = folder.open();
    file.set_len(MAX_SIZE + 1).expect("grown");
    assert!(matches!(bundle.read(), Err(BundleError::TooLarge)));
}

#[test]
fn the_file_that_was_opened_is_the_one_that_is_read() {
    let folder = Folder::new();
    let bundle = folder.open();
    fs::write(folder.path().join("other"), NEW).expect("another");
    fs::rename(folder.path().join("other"), folder.config()).expect("swapped");
    assert_eq!(bundle.read().expect("reads"), OLD);
}

#[test]
fn the_new_file_has_the_old_ones_mode() {
    for mode in [0o600, 0o644, 0o666, 0o400, 0o4755, 0o2755, 0o640] {
        let folder = Folder::new();
        fs::set_permissions(folder.config(), Permissions::from_mode(mode)).expect("mode");
        folder.open().replace(NEW).expect("replaced");
        let about = fs::metadata(folder.config()).expect("is there");
        assert_eq!(about.mode() & 0o7777, mode, "{mode:o}");
        assert_eq!(fs::read(folder.config()).expect("reads"), NEW);
        assert_eq!(folder.names(), [NAME]);
    }
}

#[test]
fn the_new_file_has_the_old_ones_owner_and_group() {
    if !is_root("the_new_file_has_the_old_ones_owner_and_group") {
        return;
    }
    let folder = Folder::new();
    // The group that new files in this folder get is not the file's.
    rustix::fs::chown(folder.path(), None, Some(rustix::fs::Gid::from_raw(4321))).expect("group");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o2755)).expect("set-group-ID");
    for (owner, group) in [(0, 0), (1234, 4321), (100_000, 100_001)] {
        let owned = (
            Some(rustix::fs::Uid::from_raw(owner)),
            Some(rustix::fs::Gid::from_raw(group)),
        );
        rustix::fs::chown(folder.config(), owned.0, owned.1).expect("owner");
        fs::set_permissions(folder.config(), Permissions::from_mode(0o4754)).expect("mode");
        folder.open().replace(NEW).expect("replaced");
        let about = fs::metadata(folder.config()).expect("is there");
        assert_eq!((about.uid(), about.gid()), (owner, group));
        assert_eq!(
            about.mode() & 0o7777,
            0o4754,
            "chown takes set-user-ID away"
        );
    }
}

#[test]
fn the_new_file_has_the_old_ones_attributes() {
    let test = "the_new_file_has_the_old_ones_attributes";
    let folder = Folder::new();
    let wanted: &[(&str, &[u8])] = &[
        ("user.note", b"a\0b"),
        ("user.empty", b""),
        ("user.long", &[7; 3000]),
        ("trusted.overlay.opaque", b"y"),
        ("security.seccomp-shim-test", b"label"),
    ];
    let mut set = Vec::new();
    for (name, value) in wanted {
        match rustix::fs::setxattr(folder.config(), *name, value, XattrFlags::empty()) {
            Ok(()) => set.push((name, value)),
            Err(errno) => skipped(test, &format!("cannot have {name} here: {errno}")),
        }
    }
    folder.open().replace(NEW).expect("replaced");
    assert_eq!(fs::read(folder.config()).expect("reads"), NEW);
    for (name, value) in set {
        let mut found = [0; 4096];
        let length = rustix::fs::getxattr(folder.config(), *name, &mut found).expect(name);
        assert_eq!(&found[..length], *value, "{name}");
    }
}

#[test]
fn a_larger_attribute_than_a_label_is_kept_too() {
    let test = "a_larger_attribute_than_a_label_is_kept_too";
    // ext4 takes no such value; tmpfs does.
    let folder = tempfile::tempdir_in("/dev/shm").map(Folder);
    let Ok(folder) = folder else {
        skipped(test, "no /dev/shm");
        return;
    };
    fs::write(folder.config(), OLD).expect("config.json");
    let value = [9_u8; 20_000];
    let set = rustix::fs::setxattr(folder.config(), "user.large", &value, XattrFlags::empty());
    if let Err(errno) = set {
        skipped(test, &format!("no attribute of 20 kB here: {errno}"));
        return;
    }
    folder.open().replace(NEW).expect("replaced");
    let mut found = vec![0; 65536];
    let length = rustix::fs::getxattr(folder.config(), "user.large", &mut found).expect("kept");
    assert_eq!(&found[..length], value);
}

#[test]
fn an_access_list_that_the_folder_hands_down_gives_nobody_more() {
    let test = "an_access_list_that_the_folder_hands_down_gives_nobody_more";
    let folder = Folder::new();
    fs::set_permissions(folder.config(), Permissions::from_mode(0o660)).expect("mode");
    // Default access list: user::rwx, user:1234:rwx, group::rwx, mask::rwx, other::---.
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 7, u32::MAX),
        (0x02, 7, 1234),
        (0x04, 7, u32::MAX),
        (0x10, 7, u32::MAX),
        (0x20, 0, u32::MAX),
    ];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    let key = "system.posix_acl_default";
    if let Err(errno) = rustix::fs::setxattr(folder.path(), key, &list, XattrFlags::empty()) {
        skipped(test, &format!("no access lists here: {errno}"));
        return;
    }
    folder.open().replace(NEW).expect("replaced");
    let mut found = [0; 4096];
    let list = rustix::fs::getxattr(folder.config(), "system.posix_acl_access", &mut found);
    assert!(list.is_err(), "the old file had no access list");
    let about = fs::metadata(folder.config()).expect("is there");
    assert_eq!(about.mode() & 0o7777, 0o660);
}

#[test]
fn a_link_is_replaced_by_a_file_and_its_target_stays() {
    let folder = Folder::new();
    let target = folder.path().join("target.json");
    fs::rename(folder.config(), &target).expect("moved");
    symlink("target.json", folder.config()).expect("a link");
    folder.open().replace(NEW).expect("replaced");
    let about = fs::symlink_metadata(folder.config()).expect("is there");
    assert!(about.is_file(), "no link any more");
    assert_eq!(fs::read(folder.config()).expect("reads"), NEW);
    assert_eq!(fs::read(target).expect("reads"), OLD);
}

#[test]
fn another_hard_link_keeps_the_old_content() {
    let folder = Folder::new();
    let other = folder.path().join("other.json");
    fs::hard_link(folder.config(), &other).expect("a link");
    folder.open().replace(NEW).expect("replaced");
    assert_eq!(fs::read(folder.config()).expect("reads"), NEW);
    assert_eq!(fs::read(other).expect("reads"), OLD);
}

#[test]
fn who_holds_the_old_file_open_still_reads_the_old_one() {
    let folder = Folder::new();
    let reader = File::open(folder.config()).expect("opens");
    folder.open().replace(NEW).expect("replaced");
    let mut bytes = [0; 64];
    let length = reader.read_at(&mut bytes, 0).expect("reads");
    assert_eq!(&bytes[..length], OLD);
}

#[test]
fn a_file_swapped_meanwhile_is_not_overwritten() {
    let folder = Folder::new();
    let bundle = folder.open();
    let theirs = folder.path().join("theirs");
    fs::write(&theirs, OLD).expect("another of the same size");
    fs::rename(&theirs, folder.config()).expect("swapped");
    let inode = fs::metadata(folder.config()).expect("is there").ino();
    assert!(matches!(bundle.replace(NEW), Err(BundleError::Changed)));
    assert_eq!(
        fs::metadata(folder.config()).expect("is there").ino(),
        inode
    );
    folder.assert_untouched();
}

#[test]
fn a_file_written_to_meanwhile_is_not_overwritten() {
    // Longer, and of the same length.
    for theirs in [&b"{\"theirs\":333}"[..], b"{\"old\":2}"] {
        let folder = Folder::new();
        let bundle = folder.open();
        std::thread::sleep(Duration::from_millis(20));
        fs::write(folder.config(), theirs).expect("written");
        assert!(matches!(bundle.replace(NEW), Err(BundleError::Changed)));
        assert_eq!(fs::read(folder.config()).expect("reads"), theirs);
        assert_eq!(folder.names(), [NAME]);
    }
}

#[test]
fn a_change_is_noticed_even_if_the_clock_is_put_back() {
    let folder = Folder::new();
    let time = fs::metadata(folder.config())
        .and_then(|about| about.modified())
        .expect("a time");
    let bundle = folder.open();
    std::thread::sleep(Duration::from_millis(20));
    fs::write(folder.config(), b"{\"old\":2}").expect("written");
    let file = OpenOptions::new()
        .write(true)
        .open(folder.config())
        .expect("opens");
    file.set_modified(time).expect("put back");
    assert!(matches!(bundle.replace(NEW), Err(BundleError::Changed)));
    assert_eq!(fs::read(folder.config()).expect("reads"), b"{\"old\":2}");
}

#[test]
fn rights_taken_away_meanwhile_do_not_come_back() {
    let folder = Folder::new();
    fs::set_permissions(folder.config(), Permissions::from_mode(0o666)).expect("mode");
    let bundle = folder.open();
    std::thread::sleep(Duration::from_millis(20));
    fs::set_permissions(folder.config(), Permissions::from_mode(0o600)).expect("mode");
    assert!(matches!(bundle.replace(NEW), Err(BundleError::Changed)));
    folder.assert_untouched();
}

#[test]
fn a_file_taken_away_meanwhile_does_not_come_back() {
    let folder = Folder::new();
    let bundle = folder.open();
    fs::remove_file(folder.config()).expect("removed");
    assert!(bundle.replace(NEW).is_err());
    assert!(folder.names().is_empty());
}

#[test]
fn a_folder_renamed_meanwhile_is_still_the_one() {
    let above = tempfile::tempdir().expect("a folder");
    let (here, there) = (above.path().join("a"), above.path().join("b"));
    fs::create_dir(&here).expect("a folder");
    fs::write(here.join(NAME), OLD).expect("config.json");
    let bundle = Bundle::open(&here, OsStr::new(NAME))
        .expect("opens")
        .expect("is there");
    fs::rename(&here, &there).expect("renamed");
    fs::create_dir(&here).expect("another");
    fs::write(here.join(NAME), OLD).expect("config.json");
    bundle.replace(NEW).expect("replaced");
    assert_eq!(fs::read(there.join(NAME)).expect("reads"), NEW);
    assert_eq!(fs::read(here.join(NAME)).expect("reads"), OLD);
}

#[test]
fn what_a_killed_process_left_behind_is_in_nobodys_way() {
    let folder = Folder::new();
    let left = folder
        .path()
        .join(format!(".{NAME}.seccomp-shim.{}", std::process::id()));
    fs::write(&left, "half").expect("left behind");
    folder.open().replace(NEW).expect("replaced");
    assert_eq!(fs::read(folder.config()).expect("reads"), NEW);
    assert_eq!(folder.names(), [NAME]);
    // A link under that name is not followed.
    let victim = folder.path().join("victim");
    fs::write(&victim, OLD).expect("a victim");
    symlink("victim", &left).expect("a link");
    folder.open().replace(OLD).expect("replaced");
    assert_eq!(fs::read(&victim).expect("reads"), OLD);
    assert_eq!(fs::read(folder.config()).expect("reads"), OLD);
    assert_eq!(folder.names(), [NAME, "victim"]);
}
