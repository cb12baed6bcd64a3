//! What is particular to real files; the rest is in the conformance suite.

use std::fs;
use std::io::ErrorKind;

use super::*;

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_never_opened_locked_or_renamed() {
    let dir = tempfile::tempdir().unwrap();
    let (target, link) = (dir.path().join("target"), dir.path().join("link"));
    fs::write(&target, b"precious").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let vfs = OsVfs::new();
    assert!(vfs.open(&link, Access::Read).is_err());
    assert!(vfs.open(&link, Access::ReadWrite).is_err());
    assert!(vfs.try_lock(&link).is_err());
    assert_eq!(vfs.create(&link).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(vfs.rename(&link, &target).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(vfs.kind(&link).unwrap(), Some(EntryKind::Other));
    assert_eq!(vfs.read_dir(dir.path()).unwrap()[0].kind, EntryKind::Other);
    assert_eq!(fs::read(&target).unwrap(), b"precious");
}

#[test]
fn only_a_mapped_file_can_be_had_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    fs::write(&path, b"abc").unwrap();
    let map = |mode| {
        let vfs = OsVfs::with_read_mode(mode);
        vfs.open(&path, Access::Read).unwrap().map().unwrap()
    };
    assert_eq!(map(ReadMode::Mmap).whole(), Some(&b"abc"[..]));
    assert!(map(ReadMode::Pread).whole().is_none());
    assert_eq!(OsVfs::default().read_mode(), ReadMode::Mmap);
}

#[test]
fn a_lock_is_one_lock_under_every_spelling_of_its_path() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("d")).unwrap();
    let vfs = OsVfs::new();
    let held = vfs.try_lock(&dir.path().join("LOCK")).unwrap();
    assert!(held.is_some());
    assert!(vfs.try_lock(&dir.path().join("d/../LOCK")).unwrap().is_none());
    assert!(OsVfs::new().try_lock(&dir.path().join("./LOCK")).unwrap().is_none());
}

#[test]
fn clocks_go_on_and_entropy_differs() {
    use crate::traits::Clock;
    let clock = OsClock::new();
    let (a, b) = (clock.monotonic_ns(), clock.monotonic_ns());
    assert!(a <= b);
    assert_ne!(clock.entropy(), clock.entropy());
    let other = std::thread::scope(|s| s.spawn(|| clock.entropy()).join().unwrap());
    assert_ne!(clock.entropy(), other);
}
