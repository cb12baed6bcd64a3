//! What every [`Vfs`] must do, as one suite: [`run`] it over an implementation.
//!
//! The checks are the sentences of `traits.rs`; what only shows after a crash is not among them.
//! They panic with a message on the first sentence that does not hold.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use crate::traits::{Access, EntryKind, File, Vfs};

/// One check: its name and what to do in an empty directory of its own.
pub type Check = (&'static str, fn(&dyn Vfs, &Path) -> io::Result<()>);

/// All checks.
pub const CHECKS: &[Check] = &[
    ("a_created_file_is_empty_and_listed", created_file),
    ("create_refuses_a_taken_name_and_a_missing_parent", create_refuses),
    ("open_finds_what_was_written", open_finds),
    ("open_refuses_what_is_not_a_file", open_refuses),
    ("reading_past_the_end_is_unexpected_eof", read_past_end),
    ("a_gap_reads_as_zeros", gap),
    ("append_returns_the_offset", append),
    ("writes_of_any_size_are_whole", write_sizes),
    ("a_read_only_file_refuses_changes", read_only),
    ("set_len_cuts_and_grows_with_zeros", set_len),
    ("two_handles_see_one_file", two_handles),
    ("rename_replaces_and_keeps_open_handles", rename),
    ("rename_refuses_what_it_must", rename_refuses),
    ("a_removed_file_stays_readable_through_its_handle", remove_open_file),
    ("remove_refuses_what_it_must", remove_refuses),
    ("a_hard_link_is_a_second_name", hard_link),
    ("hard_link_refuses_what_it_must", hard_link_refuses),
    ("a_directory_is_renamed_with_all_that_is_in_it", rename_dir),
    ("rename_dir_refuses_what_it_must", rename_dir_refuses),
    ("directories_are_created_listed_and_removed", directories),
    ("directory_calls_refuse_what_they_must", directories_refuse),
    ("kind_tells_names_apart", kind),
    ("a_path_through_a_file_leads_nowhere", path_through_file),
    ("syncs_succeed_and_change_nothing", syncs),
    ("a_map_shows_the_whole_file", map),
    ("an_empty_file_can_be_mapped", map_empty),
    ("a_map_outlives_the_name_and_the_handle", map_outlives),
    ("a_lock_keeps_others_out_until_dropped", lock),
    ("the_holder_of_a_lock_is_written_into_it", lock_holder),
    ("errors_name_the_path", errors_name_path),
];

/// Runs every check in a directory of its own below `root`, which must exist.
///
/// # Panics
/// If a check fails, naming it.
pub fn run(vfs: &dyn Vfs, root: &Path) {
    for (name, check) in CHECKS {
        let dir = root.join(name);
        let result = vfs.create_dir(&dir).and_then(|()| check(vfs, &dir));
        if let Err(e) = result {
            panic!("{name}: a call that must succeed failed: {e} ({:?}) on {vfs:?}", e.kind());
        }
    }
}

#[track_caller]
fn refused<T: Debug>(result: io::Result<T>, kinds: &[ErrorKind]) {
    match result {
        Ok(value) => panic!("must be refused with {kinds:?}, but gave {value:?}"),
        Err(e) => assert!(kinds.contains(&e.kind()), "{e}: {:?} is not in {kinds:?}", e.kind()),
    }
}

fn read(file: &dyn File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut buf = vec![0xEE; len];
    file.read_exact_at(&mut buf, offset)?;
    Ok(buf)
}

fn read_all(file: &dyn File) -> io::Result<Vec<u8>> {
    read(file, 0, file.len()? as usize)
}

fn put(vfs: &dyn Vfs, path: &Path, bytes: &[u8]) -> io::Result<Arc<dyn File>> {
    let file = vfs.create(path)?;
    file.write_all_at(bytes, 0)?;
    Ok(file)
}

fn names(vfs: &dyn Vfs, dir: &Path) -> io::Result<Vec<String>> {
    let entries = vfs.read_dir(dir)?;
    Ok(entries.into_iter().map(|entry| entry.name.to_string_lossy().into_owned()).collect())
}

fn created_file(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let file = vfs.create(&dir.join("f"))?;
    assert_eq!(file.len()?, 0);
    assert!(file.is_empty()?);
    let entries = vfs.read_dir(dir)?;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].name.as_os_str(), entries[0].kind), (OsStr::new("f"), EntryKind::File));
    Ok(())
}

fn create_refuses(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    put(vfs, &dir.join("f"), b"kept")?;
    vfs.create_dir(&dir.join("d"))?;
    refused(vfs.create(&dir.join("f")), &[ErrorKind::AlreadyExists]);
    refused(vfs.create(&dir.join("d")), &[ErrorKind::AlreadyExists]);
    refused(vfs.create(&dir.join("none").join("f")), &[ErrorKind::NotFound]);
    assert_eq!(read_all(&*vfs.open(&dir.join("f"), Access::Read)?)?, b"kept");
    Ok(())
}

fn open_finds(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    drop(put(vfs, &dir.join("f"), b"hello world")?);
    let file = vfs.open(&dir.join("f"), Access::ReadWrite)?;
    assert_eq!(read_all(&*file)?, b"hello world");
    assert_eq!(read(&*file, 6, 3)?, b"wor");
    file.write_all_at(b"HE", 0)?;
    assert_eq!(read_all(&*file)?, b"HEllo world");
    Ok(())
}

fn open_refuses(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    vfs.create_dir(&dir.join("d"))?;
    for access in [Access::Read, Access::ReadWrite] {
        refused(vfs.open(&dir.join("none"), access), &[ErrorKind::NotFound]);
        refused(vfs.open(&dir.join("d"), access), &[ErrorKind::IsADirectory]);
    }
    Ok(())
}

fn read_past_end(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let file = put(vfs, &dir.join("f"), b"12345")?;
    refused(read(&*file, 0, 6), &[ErrorKind::UnexpectedEof]);
    refused(read(&*file, 5, 1), &[ErrorKind::UnexpectedEof]);
    refused(read(&*file, 1 << 40, 1), &[ErrorKind::UnexpectedEof]);
    assert_eq!(read(&*file, 5, 0)?, b"");
    assert_eq!(read(&*file, 9, 0)?, b"");
    Ok(())
}

fn gap(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let file = put(vfs, &dir.join("f"), b"ab")?;
    file.write_all_at(b"", 100)?;
    assert_eq!(file.len()?, 2, "writing nothing must not grow a file");
    file.write_all_at(b"z", 10_000)?;
    let all = read_all(&*file)?;
    assert_eq!(all.len(), 10_001);
    assert_eq!((&all[..2], all[10_000]), (&b"ab"[..], b'z'));
    assert!(all[2..10_000].iter().all(|byte| *byte == 0));
    Ok(())
}

fn append(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let file = vfs.create(&dir.join("f"))?;
    assert_eq!(file.append(b"abc")?, 0);
    assert_eq!(file.append(b"de")?, 3);
    file.write_all_at(b"X", 0)?;
    assert_eq!(file.append(b"")?, 5);
    file.set_len(4)?;
    assert_eq!(file.append(b"f")?, 4);
    assert_eq!(read_all(&*file)?, b"Xbcdf");
    Ok(())
}

fn write_sizes(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let file = vfs.create(&dir.join("f"))?;
    let bytes: Vec<u8> = (0..300_000_u32).map(|i| (i % 251) as u8).collect();
    let mut offset = 0;
    for size in [1, 511, 512, 513, 4095, 4096, 4097, 65_536, 200_000] {
        file.write_all_at(&bytes[offset..offset + size], offset as u64)?;
        offset += size;
    }
    assert_eq!(read_all(&*file)?, bytes[..offset]);
    file.write_all_at(&[7; 5000], 4000)?;
    let all = read_all(&*file)?;
    assert!(all[..4000] == bytes[..4000] && all[9000..] == bytes[9000..offset]);
    assert!(all[4000..9000].iter().all(|byte| *byte == 7));
    Ok(())
}

fn read_only(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    drop(put(vfs, &dir.join("f"), b"abc")?);
    let file = vfs.open(&dir.join("f"), Access::Read)?;
    refused(file.write_all_at(b"x", 0), &[ErrorKind::PermissionDenied]);
    refused(file.append(b"x"), &[ErrorKind::PermissionDenied]);
    refused(file.set_len(1), &[ErrorKind::PermissionDenied]);
    assert_eq!(read_all(&*file)?, b"abc");
    Ok(())
}

fn set_len(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let file = put(vfs, &dir.join("f"), &[9; 6000])?;
    file.set_len(4100)?;
    assert_eq!(file.len()?, 4100);
    file.set_len(5)?;
    refused(read(&*file, 5, 1), &[ErrorKind::UnexpectedEof]);
    file.set_len(9000)?;
    let all = read_all(&*file)?;
    assert_eq!(all.len(), 9000);
    assert_eq!(all[..5], [9; 5]);
    assert!(all[5..].iter().all(|byte| *byte == 0), "growing must not show what was cut");
    file.set_len(0)?;
    assert!(file.is_empty()?);
    Ok(())
}

fn two_handles(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let one = vfs.create(&dir.join("f"))?;
    let two = vfs.open(&dir.join("f"), Access::ReadWrite)?;
    assert_eq!(one.append(b"one")?, 0);
    assert_eq!(two.append(b"two")?, 3);
    assert_eq!(one.append(b"!")?, 6);
    assert_eq!(read_all(&*one)?, b"onetwo!");
    assert_eq!(read_all(&*two)?, b"onetwo!");
    Ok(())
}

fn rename(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let old = put(vfs, &dir.join("a"), b"old")?;
    let new = put(vfs, &dir.join("b"), b"new")?;
    vfs.rename(&dir.join("b"), &dir.join("a"))?;
    assert_eq!(names(vfs, dir)?, ["a"]);
    assert_eq!(read_all(&*vfs.open(&dir.join("a"), Access::Read)?)?, b"new");
    assert_eq!((read_all(&*old)?, read_all(&*new)?), (b"old".to_vec(), b"new".to_vec()));
    new.append(b"er")?;
    vfs.create_dir(&dir.join("d"))?;
    vfs.rename(&dir.join("a"), &dir.join("d").join("c"))?;
    assert_eq!(
        (names(vfs, dir)?, names(vfs, &dir.join("d"))?),
        (vec!["d".into()], vec!["c".into()])
    );
    assert_eq!(read_all(&*vfs.open(&dir.join("d").join("c"), Access::Read)?)?, b"newer");
    let same = dir.join("d").join("c");
    vfs.rename(&same, &same)?;
    assert_eq!(names(vfs, &dir.join("d"))?, ["c"]);
    Ok(())
}

fn rename_refuses(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    put(vfs, &dir.join("f"), b"f")?;
    vfs.create_dir(&dir.join("d"))?;
    refused(vfs.rename(&dir.join("none"), &dir.join("x")), &[ErrorKind::NotFound]);
    refused(vfs.rename(&dir.join("f"), &dir.join("none").join("x")), &[ErrorKind::NotFound]);
    refused(vfs.rename(&dir.join("d"), &dir.join("e")), &[ErrorKind::IsADirectory]);
    let onto_dir = vfs.rename(&dir.join("f"), &dir.join("d"));
    refused(onto_dir, &[ErrorKind::IsADirectory, ErrorKind::PermissionDenied]);
    assert_eq!(names(vfs, dir)?, ["d", "f"]);
    Ok(())
}

fn remove_open_file(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let file = put(vfs, &dir.join("f"), b"still here")?;
    vfs.remove_file(&dir.join("f"))?;
    vfs.sync_dir(dir)?;
    assert_eq!(names(vfs, dir)?, Vec::<String>::new());
    refused(vfs.open(&dir.join("f"), Access::Read), &[ErrorKind::NotFound]);
    file.append(b", and growing")?;
    file.sync_data()?;
    assert_eq!(read_all(&*file)?, b"still here, and growing");
    put(vfs, &dir.join("f"), b"another")?;
    assert_eq!(read_all(&*file)?, b"still here, and growing");
    Ok(())
}

fn remove_refuses(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    vfs.create_dir(&dir.join("d"))?;
    refused(vfs.remove_file(&dir.join("none")), &[ErrorKind::NotFound]);
    let kinds = [ErrorKind::IsADirectory, ErrorKind::PermissionDenied];
    refused(vfs.remove_file(&dir.join("d")), &kinds);
    assert_eq!(names(vfs, dir)?, ["d"]);
    Ok(())
}

fn hard_link(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let file = put(vfs, &dir.join("a"), b"one")?;
    match vfs.hard_link(&dir.join("a"), &dir.join("b")) {
        // A file system may lack links; the engine then copies.
        Err(e) if matches!(e.kind(), ErrorKind::Unsupported | ErrorKind::CrossesDevices) => {
            return Ok(());
        }
        result => result?,
    }
    file.append(b" two")?;
    assert_eq!(read_all(&*vfs.open(&dir.join("b"), Access::Read)?)?, b"one two");
    vfs.rename(&dir.join("a"), &dir.join("b"))?;
    assert_eq!(names(vfs, dir)?, ["a", "b"], "renaming a name of a file to another is nothing");
    vfs.remove_file(&dir.join("a"))?;
    assert_eq!(read_all(&*vfs.open(&dir.join("b"), Access::Read)?)?, b"one two");
    Ok(())
}

fn rename_dir(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    vfs.create_dir(&dir.join("a"))?;
    vfs.create_dir(&dir.join("a").join("inner"))?;
    let file = put(vfs, &dir.join("a").join("inner").join("f"), b"one")?;
    let Some(lock) = vfs.try_lock(&dir.join("a").join("LOCK"))? else {
        panic!("a lock that nobody holds must be given")
    };
    vfs.rename_dir(&dir.join("a"), &dir.join("b"))?;
    vfs.sync_dir(dir)?;
    assert_eq!(names(vfs, dir)?, ["b"]);
    assert_eq!(names(vfs, &dir.join("b"))?, ["LOCK", "inner"]);
    file.append(b"!")?;
    let moved = dir.join("b").join("inner").join("f");
    assert_eq!(read_all(&*vfs.open(&moved, Access::Read)?)?, b"one!");
    assert!(vfs.try_lock(&dir.join("b").join("LOCK")).is_ok_and(|taken| taken.is_none()));
    drop(lock);
    assert!(vfs.try_lock(&dir.join("b").join("LOCK"))?.is_some());
    vfs.create_dir(&dir.join("a"))?;
    put(vfs, &dir.join("b").join("inner").join("g"), b"two")?;
    assert_eq!(names(vfs, &dir.join("b").join("inner"))?, ["f", "g"]);
    Ok(())
}

fn rename_dir_refuses(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    put(vfs, &dir.join("f"), b"f")?;
    vfs.create_dir(&dir.join("d"))?;
    vfs.create_dir(&dir.join("empty"))?;
    refused(vfs.rename_dir(&dir.join("none"), &dir.join("x")), &[ErrorKind::NotFound]);
    refused(vfs.rename_dir(&dir.join("f"), &dir.join("x")), &[ErrorKind::NotADirectory]);
    for taken in ["f", "empty"] {
        let onto = vfs.rename_dir(&dir.join("d"), &dir.join(taken));
        refused(onto, &[ErrorKind::AlreadyExists]);
    }
    let elsewhere = vfs.rename_dir(&dir.join("d"), &dir.join("empty").join("d"));
    refused(elsewhere, &[ErrorKind::InvalidInput]);
    assert_eq!(names(vfs, dir)?, ["d", "empty", "f"]);
    Ok(())
}

fn hard_link_refuses(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    put(vfs, &dir.join("a"), b"a")?;
    put(vfs, &dir.join("b"), b"b")?;
    refused(vfs.hard_link(&dir.join("none"), &dir.join("c")), &[ErrorKind::NotFound]);
    refused(vfs.hard_link(&dir.join("a"), &dir.join("b")), &[ErrorKind::AlreadyExists]);
    refused(vfs.hard_link(&dir.join("a"), &dir.join("x").join("b")), &[ErrorKind::NotFound]);
    assert_eq!(read_all(&*vfs.open(&dir.join("b"), Access::Read)?)?, b"b");
    Ok(())
}

fn directories(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    for name in ["b", "c", "a", "B", "ä"] {
        vfs.create_dir(&dir.join(name))?;
    }
    put(vfs, &dir.join("bb"), b"")?;
    let entries = vfs.read_dir(dir)?;
    assert!(entries.is_sorted_by(|a, b| a.name < b.name), "not sorted by name: {entries:?}");
    assert_eq!(entries.len(), 6);
    assert_eq!(entries.iter().filter(|entry| entry.kind == EntryKind::Dir).count(), 5);
    vfs.create_dir(&dir.join("a").join("inner"))?;
    assert_eq!(names(vfs, &dir.join("a"))?, ["inner"]);
    vfs.remove_dir(&dir.join("a").join("inner"))?;
    vfs.remove_dir(&dir.join("a"))?;
    assert_eq!(vfs.read_dir(dir)?.len(), 5);
    Ok(())
}

fn directories_refuse(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    put(vfs, &dir.join("f"), b"")?;
    vfs.create_dir(&dir.join("d"))?;
    put(vfs, &dir.join("d").join("f"), b"")?;
    refused(vfs.create_dir(&dir.join("d")), &[ErrorKind::AlreadyExists]);
    refused(vfs.create_dir(&dir.join("f")), &[ErrorKind::AlreadyExists]);
    refused(vfs.create_dir(&dir.join("none").join("d")), &[ErrorKind::NotFound]);
    refused(vfs.remove_dir(&dir.join("none")), &[ErrorKind::NotFound]);
    refused(vfs.remove_dir(&dir.join("d")), &[ErrorKind::DirectoryNotEmpty]);
    refused(vfs.remove_dir(&dir.join("f")), &[ErrorKind::NotADirectory]);
    refused(vfs.read_dir(&dir.join("none")), &[ErrorKind::NotFound]);
    refused(vfs.read_dir(&dir.join("f")), &[ErrorKind::NotADirectory]);
    refused(vfs.sync_dir(&dir.join("none")), &[ErrorKind::NotFound]);
    refused(vfs.sync_dir(&dir.join("f")), &[ErrorKind::NotADirectory]);
    Ok(())
}

fn kind(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    put(vfs, &dir.join("f"), b"")?;
    vfs.create_dir(&dir.join("d"))?;
    assert_eq!(vfs.kind(&dir.join("f"))?, Some(EntryKind::File));
    assert_eq!(vfs.kind(&dir.join("d"))?, Some(EntryKind::Dir));
    assert_eq!(vfs.kind(&dir.join("none"))?, None);
    assert_eq!(vfs.kind(&dir.join("none").join("deeper"))?, None);
    assert_eq!(vfs.kind(dir)?, Some(EntryKind::Dir));
    assert_eq!(vfs.kind(Path::new(""))?, Some(EntryKind::Dir), "where relative paths start");
    Ok(())
}

fn path_through_file(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    put(vfs, &dir.join("f"), b"")?;
    let through = dir.join("f").join("x");
    assert_eq!(vfs.kind(&through)?, None);
    // Windows calls it not found.
    let kinds = [ErrorKind::NotADirectory, ErrorKind::NotFound];
    refused(vfs.create(&through), &kinds);
    refused(vfs.open(&through, Access::Read), &kinds);
    refused(vfs.create_dir(&through), &kinds);
    refused(vfs.remove_file(&through), &kinds);
    refused(vfs.rename(&dir.join("f"), &through), &kinds);
    Ok(())
}

fn syncs(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let file = put(vfs, &dir.join("f"), b"bytes")?;
    file.sync_data()?;
    file.sync_all()?;
    vfs.sync_dir(dir)?;
    vfs.sync_dir(Path::new(""))?;
    assert_eq!(read_all(&*file)?, b"bytes");
    assert_eq!(names(vfs, dir)?, ["f"]);
    Ok(())
}

fn map(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let bytes: Vec<u8> = (0..20_000_u32).map(|i| (i % 253) as u8).collect();
    let file = put(vfs, &dir.join("f"), &bytes)?;
    file.sync_data()?;
    let map = vfs.open(&dir.join("f"), Access::Read)?.map()?;
    assert_eq!((map.len(), map.is_empty()), (20_000, false));
    assert_eq!(*map.bytes(0, 20_000)?, bytes);
    assert_eq!(*map.bytes(4090, 20)?, bytes[4090..4110]);
    assert_eq!(*map.bytes(20_000, 0)?, []);
    if let Some(whole) = map.whole() {
        assert_eq!(whole, bytes);
    }
    refused(map.bytes(19_999, 2), &[ErrorKind::UnexpectedEof]);
    refused(map.bytes(20_001, 0), &[ErrorKind::UnexpectedEof]);
    refused(map.bytes(u64::MAX, 2), &[ErrorKind::UnexpectedEof]);
    refused(map.bytes(1, usize::MAX), &[ErrorKind::UnexpectedEof]);
    Ok(())
}

fn map_empty(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let map = vfs.create(&dir.join("f"))?.map()?;
    assert_eq!((map.len(), map.is_empty()), (0, true));
    assert_eq!(*map.bytes(0, 0)?, []);
    assert!(map.whole().is_none_or(<[u8]>::is_empty));
    refused(map.bytes(0, 1), &[ErrorKind::UnexpectedEof]);
    Ok(())
}

fn map_outlives(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let map = put(vfs, &dir.join("f"), b"mapped")?.map()?;
    vfs.remove_file(&dir.join("f"))?;
    vfs.sync_dir(dir)?;
    put(vfs, &dir.join("f"), b"other!")?;
    assert_eq!(*map.bytes(0, 6)?, *b"mapped");
    Ok(())
}

fn lock(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let path = dir.join("LOCK");
    let held = vfs.try_lock(&path)?;
    assert!(held.is_some(), "a lock that nobody holds must be given");
    assert_eq!(vfs.kind(&path)?, Some(EntryKind::File));
    assert!(vfs.try_lock(&path)?.is_none(), "a held lock must not be given again");
    let other = vfs.try_lock(&dir.join("OTHER"))?;
    assert!(other.is_some(), "locks of different files are independent");
    drop(held);
    let again = vfs.try_lock(&path)?;
    assert!(again.is_some(), "a dropped lock must be free");
    assert!(vfs.try_lock(&path)?.is_none());
    refused(vfs.try_lock(&dir.join("none").join("LOCK")), &[ErrorKind::NotFound]);
    refused(vfs.try_lock(dir), &[ErrorKind::IsADirectory, ErrorKind::PermissionDenied]);
    Ok(())
}

fn lock_holder(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let path = dir.join("LOCK");
    let Some(held) = vfs.try_lock(&path)? else { panic!("a lock that nobody holds must be given") };
    held.write_holder("process 12345 on a long host name")?;
    held.write_holder("process 7")?;
    drop(held);
    assert_eq!(read_all(&*vfs.open(&path, Access::Read)?)?, b"process 7");
    assert!(vfs.try_lock(&path)?.is_some());
    let kept = read_all(&*vfs.open(&path, Access::Read)?)?;
    assert_eq!(kept, b"process 7", "taking a lock leaves the text for the message");
    Ok(())
}

fn errors_name_path(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let missing = dir.join("the-missing-name");
    let file = put(vfs, &dir.join("the-file-name"), b"x")?;
    let texts = [
        vfs.open(&missing, Access::Read).err().map(|e| e.to_string()),
        vfs.remove_file(&missing).err().map(|e| e.to_string()),
        vfs.rename(&missing, &dir.join("x")).err().map(|e| e.to_string()),
        vfs.read_dir(&missing).err().map(|e| e.to_string()),
    ];
    for text in texts {
        assert!(text.as_ref().is_some_and(|text| text.contains("the-missing-name")), "{text:?}");
    }
    let text = read(&*file, 0, 2).err().map(|e| e.to_string());
    assert!(text.as_ref().is_some_and(|text| text.contains("the-file-name")), "{text:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{MemDisk, OsVfs, ReadMode, Vfs};

    #[test]
    fn mem_disk_conforms() {
        super::run(&MemDisk::new(), Path::new("/"));
    }

    #[test]
    fn mem_disk_conforms_below_a_relative_directory() {
        let disk = MemDisk::new();
        disk.create_dir(Path::new("db")).unwrap();
        super::run(&disk, Path::new("db"));
    }

    #[test]
    fn os_files_conform_when_mapped() {
        let dir = tempfile::tempdir().unwrap();
        super::run(&OsVfs::with_read_mode(ReadMode::Mmap), dir.path());
    }

    #[test]
    fn os_files_conform_when_read() {
        let dir = tempfile::tempdir().unwrap();
        super::run(&OsVfs::with_read_mode(ReadMode::Pread), dir.path());
    }
}
