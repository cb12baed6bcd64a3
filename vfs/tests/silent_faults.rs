//! What a disk does behind one's back: pages that a failed sync dropped, writes that get lost or go
//! astray, bits that flip, mapped pages that are stale, room that ends.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use srdb_vfs::{
    Access, CrashChoice, Fault, FaultKind, File, MapMode, MemDisk, OpKind, RotPlace, Shows, Vfs,
};

/// Bytes of a page of the cache.
const PAGE: usize = 4096;

fn p(path: &str) -> &Path {
    Path::new(path)
}

fn order(disk: &MemDisk, op: OpKind, error: FaultKind) {
    disk.inject(Fault::new(op, 1, error));
}

fn disk_with(content: &[u8]) -> (MemDisk, Arc<dyn File>) {
    let disk = MemDisk::new();
    disk.write_file("/f", content).unwrap();
    let file = disk.open(p("/f"), Access::ReadWrite).unwrap();
    (disk, file)
}

fn on_medium(disk: &MemDisk, path: &str) -> Vec<u8> {
    disk.crash_image(&CrashChoice::drop_all()).read_file(path).unwrap()
}

/// A sync fails, drops what was written, and the next one succeeds.
fn drop_pages(disk: &MemDisk, file: &dyn File, shows: Shows) {
    order(disk, OpKind::Sync, FaultKind::SyncDrop { shows });
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
}

#[test]
fn dropped_pages_may_show_the_old_bytes() {
    let (disk, file) = disk_with(b"old");
    file.write_all_at(b"newer", 0).unwrap();
    drop_pages(&disk, &*file, Shows::Old);
    assert_eq!(disk.read_file("/f").unwrap(), b"old");
    assert_eq!(disk.crash_image(&CrashChoice::keep_all()).read_file("/f").unwrap(), b"old");
    file.append(b"!").unwrap();
    file.sync_data().unwrap();
    assert_eq!(on_medium(&disk, "/f"), b"old!");
}

#[test]
fn dropped_pages_may_show_the_new_bytes_that_no_sync_writes_any_more() {
    let (disk, file) = disk_with(b"old");
    file.write_all_at(b"newer", 0).unwrap();
    drop_pages(&disk, &*file, Shows::New);
    assert_eq!(disk.read_file("/f").unwrap(), b"newer");
    assert_eq!(disk.pending(), [], "they are clean");
    assert_eq!(on_medium(&disk, "/f"), b"old\0\0", "the length became durable, over a hole");
    let next = disk.process_crash();
    assert_eq!(next.read_file("/f").unwrap(), b"newer", "the cache outlives the process");
    assert_eq!(next.drop_caches(), [p("/f")]);
    assert_eq!(next.read_file("/f").unwrap(), b"old\0\0");
    assert_eq!(next.drop_caches(), [""; 0].map(p));
}

#[test]
fn a_dropped_page_gets_onto_the_medium_when_it_is_dirtied_again() {
    let (disk, file) = disk_with(&[b'o'; 3 * PAGE]);
    file.write_all_at(&[b'n'; 3 * PAGE], 0).unwrap();
    drop_pages(&disk, &*file, Shows::New);
    file.write_all_at(b"x", PAGE as u64 + 7).unwrap();
    let torn = disk.crash_image(&CrashChoice::keep_all()).read_file("/f").unwrap();
    file.sync_data().unwrap();
    let synced = on_medium(&disk, "/f");
    assert_eq!(torn, synced, "kept whole or synced is the same");
    assert!(synced[..PAGE].iter().chain(&synced[2 * PAGE..]).all(|byte| *byte == b'o'));
    assert_eq!(synced[PAGE..PAGE + 9], *b"nnnnnnnxn");
    assert!(synced[PAGE + 8..2 * PAGE].iter().all(|byte| *byte == b'n'));
}

#[test]
fn what_is_cut_after_dropped_pages_stays_cut() {
    let (disk, file) = disk_with(&[b'o'; 2 * PAGE]);
    file.write_all_at(&[b'n'; 2 * PAGE], 0).unwrap();
    drop_pages(&disk, &*file, Shows::New);
    file.set_len(10).unwrap();
    file.set_len(2 * PAGE as u64).unwrap();
    file.sync_data().unwrap();
    let synced = on_medium(&disk, "/f");
    assert_eq!(synced[..10], [b'o'; 10]);
    assert!(synced[10..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_lost_write_is_on_no_medium_though_it_was_synced() {
    for cached in [false, true] {
        let (disk, file) = disk_with(b"old");
        order(&disk, OpKind::Write, FaultKind::LostWrite { cached });
        assert_eq!(file.append(b"new").unwrap(), 3);
        file.append(b"!").unwrap();
        file.sync_data().unwrap();
        let seen: &[u8] = if cached { b"oldnew!" } else { b"old\0\0\0!" };
        assert_eq!(disk.read_file("/f").unwrap(), seen);
        // The next write dirtied the page: with the cache it carried the lost bytes along.
        assert_eq!(on_medium(&disk, "/f"), seen);
        order(&disk, OpKind::Write, FaultKind::LostWrite { cached });
        file.write_all_at(b"OLD", 0).unwrap();
        file.sync_data().unwrap();
        assert_eq!(on_medium(&disk, "/f"), seen, "cached: {cached}");
        assert!(disk.misled());
    }
}

#[test]
fn a_misdirected_write_lands_in_a_sector_of_this_file_or_another() {
    let (disk, file) = disk_with(&[b'f'; 2000]);
    disk.write_file("/a", b"").unwrap();
    disk.write_file("/g", &[b'g'; 600]).unwrap();
    for (pick, offset, hit) in [(0, 1000, "/f"), (1, 513, "/g"), (2, 600 + 513, "/g")] {
        order(&disk, OpKind::Write, FaultKind::MisdirectedWrite { file: pick, offset });
        file.write_all_at(&[b'x'; 100], 1990).unwrap();
        file.sync_data().unwrap();
        assert_eq!(disk.delivered().last().unwrap().hit.as_deref(), Some(p(hit)));
    }
    let (f, g) = (on_medium(&disk, "/f"), on_medium(&disk, "/g"));
    assert_eq!((f.len(), g.len()), (2090, 600), "one grows as it was told, the other does not");
    let others = |bytes: &[u8], byte| bytes.iter().filter(|b| **b != byte).count();
    assert_eq!((others(&f[..512], b'f'), others(&f[512..612], b'x')), (0, 0));
    assert_eq!((others(&f[612..2000], b'f'), others(&f[2000..], 0)), (0, 0));
    assert_eq!((others(&g[..512], b'g'), others(&g[512..], b'x')), (0, 0));
}

#[test]
fn a_flipped_bit_of_a_write_stays_and_one_of_a_read_does_not() {
    let (disk, file) = disk_with(b"abc");
    order(&disk, OpKind::Write, FaultKind::Flip { at: 4, xor: 0x20 });
    file.write_all_at(b"abc", 0).unwrap();
    assert_eq!(disk.read_file("/f").unwrap(), b"aBc");
    order(&disk, OpKind::Read, FaultKind::Flip { at: 0, xor: 0 });
    let mut buf = [0; 3];
    file.read_exact_at(&mut buf, 0).unwrap();
    assert_eq!(buf, *b"`Bc");
    file.read_exact_at(&mut buf, 0).unwrap();
    assert_eq!(buf, *b"aBc");
}

#[test]
fn a_view_that_reads_sees_faults_and_never_more_than_it_was_made_for() {
    let (disk, file) = disk_with(&[]);
    disk.set_map_mode(MapMode::Reads);
    file.append(&[7; PAGE + 10]).unwrap();
    let view = file.map().unwrap();
    file.append(b"more").unwrap();
    assert!(view.whole().is_none());
    assert_eq!((view.len(), view.bytes(4090, 16).unwrap()[..] == [7; 16]), (4106, true));
    assert_eq!(view.bytes(4090, 17).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(view.bytes(u64::MAX, 2).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    order(&disk, OpKind::MapRead, FaultKind::Eio);
    let error = view.bytes(0, 1).unwrap_err();
    assert!(error.to_string().contains("/f"), "{error}");
    order(&disk, OpKind::MapRead, FaultKind::Flip { at: 1, xor: 1 });
    assert_eq!(view.bytes(0, 3).unwrap()[..], [7, 6, 7]);
    disk.corrupt("/f", 2, 8).unwrap();
    assert_eq!(view.bytes(0, 3).unwrap()[..], [7, 7, 15], "rot shows");
    file.set_len(1).unwrap();
    assert!(view.bytes(0, 3).is_err(), "what would be a SIGBUS is an error");
    disk.remove_file(p("/f")).unwrap();
    disk.sync_dir(p("/")).unwrap();
    drop(file);
    assert_eq!(view.bytes(0, 1).unwrap()[..], [7], "a view keeps its file");
}

#[test]
fn a_stale_page_shows_what_the_medium_held_before() {
    let (disk, file) = disk_with(&[]);
    disk.set_map_mode(MapMode::Reads);
    file.append(&[1; 2 * PAGE]).unwrap();
    file.sync_data().unwrap();
    file.write_all_at(&[2; PAGE], 0).unwrap();
    file.sync_data().unwrap();
    let view = file.map().unwrap();
    order(&disk, OpKind::MapRead, FaultKind::StalePage);
    assert_eq!(view.bytes(PAGE as u64 - 2, 4).unwrap()[..], [1, 1, 0, 0]);
    assert_eq!(view.bytes(PAGE as u64 - 2, 4).unwrap()[..], [2, 2, 1, 1], "for one read");
}

#[test]
fn rot_of_the_medium_shows_when_the_page_has_left_the_cache() {
    let (disk, _file) = disk_with(b"abc");
    disk.rot("/f", 1, 0x20, RotPlace::Medium).unwrap();
    assert_eq!(disk.read_file("/f").unwrap(), b"abc");
    assert_eq!(on_medium(&disk, "/f"), b"aBc");
    assert_eq!(disk.drop_caches(), [p("/f")]);
    assert_eq!(disk.read_file("/f").unwrap(), b"aBc");
}

#[test]
fn rot_of_the_cache_goes_unless_a_write_carries_it_along() {
    let (disk, file) = disk_with(b"abc");
    disk.rot("/f", 1, 0x20, RotPlace::Cache).unwrap();
    assert_eq!(disk.read_file("/f").unwrap(), b"aBc");
    assert_eq!(on_medium(&disk, "/f"), b"abc");
    disk.drop_caches();
    assert_eq!(disk.read_file("/f").unwrap(), b"abc");
    disk.rot("/f", 1, 0x20, RotPlace::Cache).unwrap();
    file.append(b"d").unwrap();
    file.sync_data().unwrap();
    assert_eq!(on_medium(&disk, "/f"), b"aBcd");
}

#[test]
fn a_full_disk_takes_what_fits_and_more_once_something_is_removed() {
    let disk = MemDisk::new();
    let file = disk.create(p("/f")).unwrap();
    file.append(&[1; 100]).unwrap();
    assert_eq!(disk.used(), 3 * PAGE as u64, "the root, the file, its page");
    disk.set_capacity(Some(5 * PAGE as u64));
    let error = file.append(&[2; 3 * PAGE]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(file.len().unwrap(), 3 * PAGE as u64, "a partial write stays");
    assert_eq!(disk.delivered().last().unwrap().error, FaultKind::StorageFull { bytes: 12_188 });
    assert_eq!(disk.create(p("/g")).map(drop).unwrap_err().kind(), ErrorKind::StorageFull);
    assert!(disk.create_dir(p("/d")).is_err() && disk.try_lock(p("/LOCK")).is_err());
    file.write_all_at(&[3; PAGE], 5).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(p("/")).unwrap();
    let image = disk.crash_image(&CrashChoice::drop_all());
    assert!(image.create(p("/g")).is_err(), "a crash makes no room");
    file.set_len(10).unwrap();
    let other = disk.create(p("/g")).unwrap();
    other.append(b"fits").unwrap();
    assert!(file.append(&[4; PAGE]).is_err());
    disk.remove_file(p("/g")).unwrap();
    assert!(file.append(&[4; PAGE]).is_err(), "an open file takes up room");
    drop(other);
    file.append(b"fits again").unwrap();
    disk.set_capacity(None);
    file.append(&[5; 20 * PAGE]).unwrap();
    assert!(!disk.misled(), "a full disk says so");
}
