//! What may and what may not survive a crash of the disk in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{
    Access, CrashChoice, EntryKind, Fate, File, MemDisk, PendingKind, PendingOp, SectorFate,
    SectorRun, Vfs,
};

fn p(path: &str) -> &Path {
    Path::new(path)
}

/// A disk with the durable file `/f` and an open handle of it.
fn disk_with(content: &[u8]) -> (MemDisk, Arc<dyn File>) {
    let disk = MemDisk::new();
    disk.write_file("/f", content).unwrap();
    assert_eq!(disk.pending(), []);
    let file = disk.open(p("/f"), Access::ReadWrite).unwrap();
    (disk, file)
}

/// Keeps the pending changes for which `keep` says so.
fn keeping(disk: &MemDisk, keep: impl Fn(&PendingOp) -> bool) -> CrashChoice {
    let mut choice = CrashChoice::drop_all();
    for op in disk.pending() {
        choice.fates.insert(op.id, if keep(&op) { Fate::Kept } else { Fate::Dropped });
    }
    choice
}

fn kept_names(disk: &MemDisk, keep: impl Fn(&PendingOp) -> bool) -> Vec<String> {
    names(&disk.crash_image(&keeping(disk, keep)))
}

fn names(disk: &MemDisk) -> Vec<String> {
    disk.list().into_iter().map(|(path, _)| path.display().to_string()).collect()
}

/// Every image that keeping or dropping whole changes can give, as names with content.
fn all_images(disk: &MemDisk) -> BTreeSet<BTreeMap<PathBuf, Vec<u8>>> {
    let pending = disk.pending();
    assert!(pending.len() <= 12, "too many to try all");
    let image = |bits: u32| {
        let mut choice = CrashChoice::drop_all();
        for (i, op) in pending.iter().enumerate() {
            choice.fates.insert(op.id, if bits >> i & 1 == 1 { Fate::Kept } else { Fate::Dropped });
        }
        let image = disk.crash_image(&choice);
        let files = image.list().into_iter().filter(|(_, kind)| *kind == EntryKind::File);
        files.map(|(path, _)| (path.clone(), image.read_file(&path).unwrap())).collect()
    };
    (0..1 << pending.len()).map(image).collect()
}

#[test]
fn unsynced_writes_may_be_kept_or_lost_each_on_its_own() {
    let (disk, file) = disk_with(b"......");
    file.write_all_at(b"AA", 0).unwrap();
    file.write_all_at(b"BB", 2).unwrap();
    let contents: BTreeSet<Vec<u8>> =
        all_images(&disk).into_iter().flat_map(BTreeMap::into_values).collect();
    let expected = ["......", "AA....", "..BB..", "AABB.."].map(|text| text.as_bytes().to_vec());
    assert_eq!(contents, expected.into());
}

#[test]
fn a_synced_write_is_in_every_image() {
    let (disk, file) = disk_with(b"old");
    file.write_all_at(b"synced", 0).unwrap();
    file.sync_data().unwrap();
    file.write_all_at(b"x", 10).unwrap();
    for image in all_images(&disk) {
        assert_eq!(image[p("/f")][..6], *b"synced");
    }
}

#[test]
fn a_sync_of_one_file_says_nothing_of_another() {
    let (disk, file) = disk_with(b"old");
    disk.write_file("/g", b"old").unwrap();
    file.write_all_at(b"new", 0).unwrap();
    disk.open(p("/g"), Access::ReadWrite).unwrap().write_all_at(b"new", 0).unwrap();
    file.sync_all().unwrap();
    let image = disk.crash_image(&CrashChoice::drop_all());
    assert_eq!(image.read_file("/f").unwrap(), b"new");
    assert_eq!(image.read_file("/g").unwrap(), b"old");
}

#[test]
fn growth_may_survive_as_a_hole_and_data_be_lost_with_its_length() {
    let (disk, file) = disk_with(b"ab");
    file.append(b"cd").unwrap();
    let hole = keeping(&disk, |op| matches!(op.kind, PendingKind::Length { .. }));
    assert_eq!(disk.crash_image(&hole).read_file("/f").unwrap(), b"ab\0\0");
    let no_length = keeping(&disk, |op| matches!(op.kind, PendingKind::Write { .. }));
    let image = disk.crash_image(&no_length);
    assert_eq!(image.read_file("/f").unwrap(), b"ab");
    // What was lost beyond the end must not come back when the file grows again.
    let file = image.open(p("/f"), Access::ReadWrite).unwrap();
    file.set_len(4).unwrap();
    assert_eq!(image.read_file("/f").unwrap(), b"ab\0\0");
}

#[test]
fn of_several_lengths_any_may_be_the_last() {
    let (disk, file) = disk_with(b"abcdef");
    file.set_len(2).unwrap();
    file.set_len(4).unwrap();
    let contents: BTreeSet<Vec<u8>> =
        all_images(&disk).into_iter().flat_map(BTreeMap::into_values).collect();
    let expected = [&b"abcdef"[..], b"ab", b"ab\0\0", b"abcd"].map(<[u8]>::to_vec);
    assert_eq!(contents, expected.into());
}

#[test]
fn a_write_tears_by_sector_and_harms_nothing_around_it() {
    let (disk, file) = disk_with(&[b'o'; 2048]);
    file.write_all_at(&[b'n'; 1400], 500).unwrap(); // sectors 0 to 3, first and last in part
    let op = &disk.pending()[0];
    assert_eq!((op.kind.sectors(), disk.pending().len()), (4, 1));
    let run = |fate| SectorRun { count: 1, fate };
    let tear = |fates: [SectorFate; 4]| {
        let mut choice = CrashChoice::keep_all();
        choice.fates.insert(op.id, Fate::Torn(fates.map(run).to_vec()));
        disk.crash_image(&choice).read_file("/f").unwrap()
    };
    let garbage = SectorFate::Garbage { seed: 7 };
    let image = tear([garbage, SectorFate::Old, SectorFate::New, SectorFate::Zeros]);
    assert!(image[..500].iter().chain(&image[1900..]).all(|b| *b == b'o'), "harm around the write");
    assert!(image[500..512].iter().any(|b| *b != b'o' && *b != b'n'));
    assert!(image[512..1024].iter().all(|b| *b == b'o'));
    assert!(image[1024..1536].iter().all(|b| *b == b'n'));
    assert!(image[1536..1900].iter().all(|b| *b == 0));
    assert_eq!(image, tear([garbage, SectorFate::Old, SectorFate::New, SectorFate::Zeros]));
    let other = SectorFate::Garbage { seed: 8 };
    assert_ne!(image, tear([other, SectorFate::Old, SectorFate::New, SectorFate::Zeros]));
}

#[test]
fn a_file_whose_name_is_not_durable_is_gone_although_it_was_synced() {
    let disk = MemDisk::new();
    let file = disk.create(p("/f")).unwrap();
    file.append(b"synced").unwrap();
    file.sync_all().unwrap();
    assert_eq!(names(&disk.crash_image(&CrashChoice::drop_all())), [""; 0]);
    disk.sync_dir(p("/")).unwrap();
    let image = disk.crash_image(&CrashChoice::drop_all());
    assert_eq!(image.read_file("/f").unwrap(), b"synced");
}

#[test]
fn a_synced_name_says_nothing_of_the_content() {
    let disk = MemDisk::new();
    disk.create(p("/f")).unwrap().append(b"not synced").unwrap();
    disk.sync_dir(p("/")).unwrap();
    let image = disk.crash_image(&CrashChoice::drop_all());
    assert_eq!(image.read_file("/f").unwrap(), b"");
}

#[test]
fn a_directory_that_is_not_durable_takes_its_files_along() {
    let disk = MemDisk::new();
    disk.create_dir(p("/d")).unwrap();
    let file = disk.create(p("/d/f")).unwrap();
    file.append(b"x").unwrap();
    file.sync_all().unwrap();
    disk.sync_dir(p("/d")).unwrap();
    assert_eq!(names(&disk.crash_image(&CrashChoice::drop_all())), [""; 0]);
    disk.sync_dir(p("/")).unwrap();
    assert_eq!(names(&disk.crash_image(&CrashChoice::drop_all())), ["/d", "/d/f"]);
}

#[test]
fn later_creations_may_survive_earlier_ones() {
    let disk = MemDisk::new();
    for name in ["/a", "/b", "/c"] {
        disk.create(p(name)).unwrap();
    }
    assert_eq!(kept_names(&disk, |op| op.path == p("/c")), ["/c"]);
    assert_eq!(all_images(&disk).len(), 8);
}

#[test]
fn a_removed_file_may_be_back_with_its_synced_content() {
    let (disk, file) = disk_with(b"content");
    drop(file);
    disk.remove_file(p("/f")).unwrap();
    assert_eq!(disk.read_file("/f"), None);
    let back = disk.crash_image(&CrashChoice::drop_all());
    assert_eq!(back.read_file("/f").unwrap(), b"content");
    assert_eq!(names(&disk.crash_image(&CrashChoice::keep_all())), [""; 0]);
    disk.sync_dir(p("/")).unwrap();
    assert_eq!(names(&disk.crash_image(&CrashChoice::drop_all())), [""; 0]);
}

#[test]
fn a_rename_within_a_directory_happened_or_did_not() {
    let (disk, _file) = disk_with(b"new");
    disk.write_file("/g", b"old").unwrap();
    disk.rename(p("/f"), p("/g")).unwrap();
    let image = |pairs: &[(&str, &[u8])]| -> BTreeMap<PathBuf, Vec<u8>> {
        pairs.iter().map(|(name, content)| (PathBuf::from(name), content.to_vec())).collect()
    };
    let expected = [image(&[("/f", b"new"), ("/g", b"old")]), image(&[("/g", b"new")])];
    assert_eq!(all_images(&disk), expected.into());
    disk.sync_dir(p("/")).unwrap();
    assert_eq!(all_images(&disk), [image(&[("/g", b"new")])].into());
}

#[test]
fn a_rename_of_unsynced_content_may_leave_an_empty_file_in_its_place() {
    let disk = MemDisk::new();
    disk.write_file("/CURRENT", b"old").unwrap();
    disk.create(p("/tmp")).unwrap().append(b"new").unwrap();
    disk.rename(p("/tmp"), p("/CURRENT")).unwrap();
    disk.sync_dir(p("/")).unwrap();
    let image = disk.crash_image(&CrashChoice::drop_all());
    assert_eq!(image.read_file("/CURRENT").unwrap(), b"", "the bug that forgetting a sync is");
}

#[test]
fn a_rename_across_directories_is_two_changes() {
    let disk = MemDisk::new();
    disk.write_file("/a/f", b"x").unwrap();
    disk.write_file("/b/keep", b"").unwrap();
    disk.rename(p("/a/f"), p("/b/f")).unwrap();
    let is_in = |op: &PendingOp| matches!(op.kind, PendingKind::RenameIn { .. });
    assert_eq!(kept_names(&disk, |_| false), ["/a", "/a/f", "/b", "/b/keep"]);
    assert_eq!(kept_names(&disk, is_in), ["/a", "/a/f", "/b", "/b/f", "/b/keep"]);
    assert_eq!(kept_names(&disk, |op| !is_in(op)), ["/a", "/b", "/b/keep"]);
    assert_eq!(kept_names(&disk, |_| true), ["/a", "/b", "/b/f", "/b/keep"]);
    disk.sync_dir(p("/b")).unwrap();
    assert_eq!(kept_names(&disk, |_| false), ["/a", "/a/f", "/b", "/b/f", "/b/keep"]);
    disk.sync_dir(p("/a")).unwrap();
    assert_eq!(kept_names(&disk, |_| false), ["/a", "/b", "/b/f", "/b/keep"]);
}

#[test]
fn a_renamed_directory_is_found_under_one_name_with_what_is_durable_in_it() {
    let disk = MemDisk::new();
    disk.write_file("/old/d/f", b"f").unwrap();
    disk.rename_dir(p("/old"), p("/new")).unwrap();
    disk.create(p("/new/d/g")).unwrap();
    let is_rename = |op: &PendingOp| matches!(op.kind, PendingKind::Rename { .. });
    assert_eq!(kept_names(&disk, |_| false), ["/old", "/old/d", "/old/d/f"]);
    assert_eq!(kept_names(&disk, is_rename), ["/new", "/new/d", "/new/d/f"]);
    let all = ["/old", "/old/d", "/old/d/f", "/old/d/g"];
    assert_eq!(kept_names(&disk, |op| !is_rename(op)), all);
    disk.sync_dir(p("/")).unwrap();
    assert_eq!(kept_names(&disk, |_| false), ["/new", "/new/d", "/new/d/f"]);
}

#[test]
fn a_hard_link_shares_its_content_in_the_image() {
    let (disk, file) = disk_with(b"one");
    disk.hard_link(p("/f"), p("/g")).unwrap();
    file.append(b"!").unwrap();
    file.sync_data().unwrap();
    let image = disk.crash_image(&CrashChoice::keep_all());
    assert_eq!(image.read_file("/g").unwrap(), b"one!");
    image.open(p("/f"), Access::ReadWrite).unwrap().append(b"?").unwrap();
    assert_eq!(image.read_file("/g").unwrap(), b"one!?");
    assert_eq!(kept_names(&disk, |_| false), ["/f"]);
}

#[test]
fn the_death_of_the_process_loses_nothing_and_makes_nothing_durable() {
    let (disk, file) = disk_with(b"old");
    file.write_all_at(b"new", 0).unwrap();
    let lock = disk.try_lock(p("/LOCK")).unwrap().unwrap();
    let next = disk.process_crash();
    assert_eq!(next.read_file("/f").unwrap(), b"new");
    assert_eq!(next.pending(), disk.pending());
    assert!(next.try_lock(p("/LOCK")).unwrap().is_some(), "locks die with their process");
    assert!(disk.try_lock(p("/LOCK")).unwrap().is_none(), "and stay where it lives");
    drop(lock);
    let lost = next.crash_image(&CrashChoice::drop_all());
    assert_eq!(lost.read_file("/f").unwrap(), b"old");
}

#[test]
fn a_crash_stops_every_call_and_has_no_effect() {
    let (disk, file) = disk_with(b"old");
    file.write_all_at(b"1", 0).unwrap();
    let calls = disk.calls();
    disk.crash_at(calls + 2);
    file.write_all_at(b"2", 1).unwrap();
    assert!(!disk.crashed());
    let before = disk.pending();
    assert!(file.sync_data().is_err());
    assert!(disk.crashed());
    assert!(file.len().is_err() && file.read_exact_at(&mut [0], 0).is_err());
    assert!(file.append(b"x").is_err() && file.map().is_err());
    assert!(disk.create(p("/new")).is_err() && disk.read_dir(p("/")).is_err());
    assert!(disk.remove_file(p("/f")).is_err() && disk.sync_dir(p("/")).is_err());
    assert!(disk.try_lock(p("/LOCK")).is_err() && disk.kind(p("/f")).is_err());
    assert_eq!(disk.pending(), before);
    assert_eq!(disk.calls(), calls + 2);
    assert_eq!(disk.crash_image(&CrashChoice::drop_all()).read_file("/f").unwrap(), b"old");
    assert_eq!(disk.crash_image(&CrashChoice::keep_all()).read_file("/f").unwrap(), b"12d");
}

#[test]
fn crashes_nest() {
    let (disk, file) = disk_with(b"0");
    file.append(b"1").unwrap();
    let first = disk.crash_image(&CrashChoice::keep_all());
    assert_eq!((first.pending(), first.calls()), (vec![], 0));
    let file = first.open(p("/f"), Access::ReadWrite).unwrap();
    file.append(b"2").unwrap();
    first.crash_at(first.calls() + 1);
    assert!(file.append(b"3").is_err());
    let second = first.crash_image(&CrashChoice::drop_all());
    assert_eq!(second.read_file("/f").unwrap(), b"01", "what survived once is durable");
    assert_eq!(first.crash_image(&CrashChoice::keep_all()).read_file("/f").unwrap(), b"012");
    assert!(!second.crashed());
    second.open(p("/f"), Access::ReadWrite).unwrap().append(b"4").unwrap();
    assert_eq!(second.read_file("/f").unwrap(), b"014");
}

#[test]
fn a_fork_goes_its_own_way() {
    let (disk, file) = disk_with(&[1; 10_000]);
    file.write_all_at(&[2; 10], 5000).unwrap();
    let map = file.map().unwrap();
    let fork = disk.fork();
    assert_eq!((fork.pending(), fork.calls()), (disk.pending(), disk.calls()));
    assert_eq!(fork.trace_hash(), disk.trace_hash());
    fork.open(p("/f"), Access::ReadWrite).unwrap().write_all_at(&[3; 10], 5000).unwrap();
    fork.create(p("/g")).unwrap();
    file.write_all_at(&[4; 10], 0).unwrap();
    assert_eq!(disk.read_file("/f").unwrap()[..10], [4; 10]);
    assert_eq!(disk.read_file("/f").unwrap()[5000..5010], [2; 10]);
    assert_eq!(fork.read_file("/f").unwrap()[..10], [1; 10]);
    assert_eq!(fork.read_file("/f").unwrap()[5000..5010], [3; 10]);
    assert_eq!(map.bytes(5000, 10).unwrap()[..], [2; 10], "a view keeps what it was made of");
    assert_eq!((disk.list().len(), fork.list().len()), (1, 2));
}

#[test]
fn a_fork_has_no_locks_and_no_handles() {
    let (disk, _file) = disk_with(b"x");
    let _lock = disk.try_lock(p("/LOCK")).unwrap().unwrap();
    assert!(disk.fork().try_lock(p("/LOCK")).unwrap().is_some());
    assert!(disk.crash_image(&CrashChoice::keep_all()).try_lock(p("/LOCK")).unwrap().is_some());
    assert!(disk.try_lock(p("/LOCK")).unwrap().is_none());
}

#[test]
fn a_view_made_after_a_write_shows_it() {
    let (disk, file) = disk_with(b"old");
    let before = file.map().unwrap();
    file.write_all_at(b"new", 0).unwrap();
    assert_eq!(file.map().unwrap().whole(), Some(&b"new"[..]));
    file.set_len(2).unwrap();
    assert_eq!(file.map().unwrap().whole(), Some(&b"ne"[..]));
    assert_eq!(before.whole(), Some(&b"old"[..]));
    assert_eq!(disk.op_count(srdb_vfs::OpKind::Map), 3);
}

#[test]
fn pending_changes_keep_distinct_numbers_over_the_death_of_a_process() {
    let (disk, file) = disk_with(b"old");
    file.write_all_at(b"new", 0).unwrap();
    let next = disk.process_crash();
    next.open(p("/f"), Access::ReadWrite).unwrap().append(b"er").unwrap();
    next.create(p("/g")).unwrap();
    let ids: Vec<u64> = next.pending().iter().map(|op| op.id).collect();
    assert!(ids.len() == 4 && ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

#[test]
fn a_chain_of_pending_names_survives_in_any_part() {
    let disk = MemDisk::new();
    disk.create(p("/a")).unwrap();
    disk.rename(p("/a"), p("/b")).unwrap();
    disk.create(p("/a")).unwrap();
    disk.remove_file(p("/b")).unwrap();
    let lists: BTreeSet<Vec<PathBuf>> =
        all_images(&disk).into_iter().map(|image| image.into_keys().collect()).collect();
    let expected = [vec![], vec!["/a".into()], vec!["/b".into()], vec!["/a".into(), "/b".into()]];
    assert_eq!(lists, expected.into());
}

#[test]
fn a_removed_file_lives_as_long_as_its_handle_and_then_is_forgotten() {
    let (disk, file) = disk_with(b"x");
    disk.remove_file(p("/f")).unwrap();
    disk.sync_dir(p("/")).unwrap();
    file.append(b"y").unwrap();
    assert_eq!(file.len().unwrap(), 2);
    assert_eq!(disk.pending(), [], "no crash can bring it back");
    drop(file);
    disk.create(p("/g")).unwrap();
    disk.sync_dir(p("/")).unwrap();
    assert!(format!("{disk:?}").contains("nodes: 2"), "the root and /g: {disk:?}");
}

#[test]
fn bit_rot_shows_in_new_views_and_in_every_image() {
    let (disk, file) = disk_with(b"abc");
    file.map().unwrap();
    disk.corrupt("/f", 1, 0x20).unwrap();
    assert_eq!(file.map().unwrap().whole(), Some(&b"aBc"[..]));
    assert_eq!(disk.crash_image(&CrashChoice::drop_all()).read_file("/f").unwrap(), b"aBc");
    assert!(disk.corrupt("/f", 3, 1).is_err() && disk.corrupt("/none", 0, 1).is_err());
}

#[test]
fn pending_changes_read_like_sentences() {
    let disk = MemDisk::new();
    disk.create_dir(p("/d")).unwrap();
    disk.create(p("/f")).unwrap().append(b"xy").unwrap();
    disk.rename(p("/f"), p("/d/f")).unwrap();
    let texts: Vec<String> = disk.pending().iter().map(ToString::to_string).collect();
    let expected = [
        "create directory /d",
        "create /f",
        "write 2 bytes at 0 of /d/f",
        "length of /d/f from 0 to 2",
        "gain the name /d/f, renamed from /f",
        "lose the name /f, renamed to /d/f",
    ];
    assert_eq!(texts, expected);
}

#[cfg(feature = "serde")]
#[test]
fn a_choice_survives_json() {
    let (disk, file) = disk_with(b"");
    file.append(&[1; 5000]).unwrap();
    let mut state = 1_u64;
    let mut rng = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state >> 17
    };
    for _ in 0..50 {
        let choice = CrashChoice::draw(&disk.pending(), &mut rng);
        let json = serde_json::to_string(&choice).unwrap();
        assert_eq!(serde_json::from_str::<CrashChoice>(&json).unwrap(), choice, "{json}");
    }
}
