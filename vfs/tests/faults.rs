//! Errors ordered for a call, and the trace of what was called.

use std::io::ErrorKind;
use std::path::Path;

use srdb_vfs::{
    Access, CrashChoice, Fault, FaultKind, MapMode, MemDisk, OpKind, PendingKind, Shows, Vfs,
};

fn p(path: &str) -> &Path {
    Path::new(path)
}

fn order(disk: &MemDisk, op: OpKind, nth: u64, error: FaultKind) {
    disk.inject(Fault::new(op, nth, error));
}

#[test]
fn the_nth_call_of_its_kind_fails_once() {
    let disk = MemDisk::new();
    let file = disk.create(p("/f")).unwrap();
    file.append(b"before").unwrap();
    order(&disk, OpKind::Write, 2, FaultKind::Eio);
    file.append(b"1").unwrap();
    file.sync_data().unwrap();
    let error = file.append(b"2").unwrap_err();
    assert!(error.to_string().contains("/f"), "{error}");
    file.append(b"3").unwrap();
    assert_eq!(disk.read_file("/f").unwrap(), b"before13");
    assert_eq!(disk.op_count(OpKind::Write), 4);
}

#[test]
fn a_short_write_stays_visible_and_pending() {
    let disk = MemDisk::new();
    disk.write_file("/f", b"").unwrap();
    let file = disk.open(p("/f"), Access::ReadWrite).unwrap();
    order(&disk, OpKind::Write, 1, FaultKind::EioAfter { bytes: 3 });
    assert!(file.append(b"abcdef").is_err());
    assert_eq!(disk.read_file("/f").unwrap(), b"abc");
    assert_eq!(disk.pending()[0].kind, PendingKind::Write { offset: 0, len: 3 });
    order(&disk, OpKind::Write, 1, FaultKind::EioAfter { bytes: 99 });
    assert!(file.append(b"def").is_err());
    assert_eq!(disk.read_file("/f").unwrap(), b"abcdef");
}

#[test]
fn a_full_disk_keeps_what_fitted() {
    let disk = MemDisk::new();
    let file = disk.create(p("/f")).unwrap();
    order(&disk, OpKind::Write, 1, FaultKind::StorageFull { bytes: 2 });
    assert_eq!(file.append(b"abc").unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.read_file("/f").unwrap(), b"ab");
    order(&disk, OpKind::Create, 1, FaultKind::StorageFull { bytes: 0 });
    assert_eq!(disk.create(p("/g")).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.list().len(), 1);
}

#[test]
fn a_failed_sync_leaves_all_of_it_pending() {
    let disk = MemDisk::new();
    let file = disk.create(p("/f")).unwrap();
    file.append(b"abc").unwrap();
    let pending = disk.pending();
    for error in [FaultKind::SyncFail, FaultKind::Eio] {
        order(&disk, OpKind::Sync, 1, error.clone());
        assert!(file.sync_data().is_err());
        order(&disk, OpKind::SyncDir, 1, error);
        assert!(disk.sync_dir(p("/")).is_err());
        assert_eq!(disk.pending(), pending);
    }
    assert_eq!(disk.read_file("/f").unwrap(), b"abc");
    assert_eq!(disk.crash_image(&CrashChoice::drop_all()).list(), []);
}

#[test]
fn a_sync_may_fail_and_take_effect() {
    let disk = MemDisk::new();
    let file = disk.create(p("/f")).unwrap();
    file.append(b"abc").unwrap();
    order(&disk, OpKind::Sync, 1, FaultKind::EioAfter { bytes: 0 });
    assert!(file.sync_data().is_err());
    order(&disk, OpKind::SyncDir, 1, FaultKind::EioAfter { bytes: 0 });
    assert!(disk.sync_dir(p("/")).is_err());
    let image = disk.crash_image(&CrashChoice::drop_all());
    assert_eq!(image.read_file("/f").unwrap(), b"abc");
}

#[test]
fn a_change_of_a_name_may_fail_and_take_effect() {
    let disk = MemDisk::new();
    let after = |op| order(&disk, op, 1, FaultKind::EioAfter { bytes: 0 });
    after(OpKind::Create);
    assert!(disk.create(p("/a")).is_err());
    after(OpKind::HardLink);
    assert!(disk.hard_link(p("/a"), p("/b")).is_err());
    after(OpKind::RemoveFile);
    assert!(disk.remove_file(p("/a")).is_err());
    after(OpKind::CreateDir);
    assert!(disk.create_dir(p("/d")).is_err());
    let names: Vec<_> = disk.list().into_iter().map(|(path, _)| path).collect();
    assert_eq!(names, [p("/b"), p("/d")]);
}

#[test]
fn a_read_may_fail_halfway() {
    let disk = MemDisk::new();
    disk.write_file("/f", b"abcdef").unwrap();
    let file = disk.open(p("/f"), Access::Read).unwrap();
    order(&disk, OpKind::Read, 1, FaultKind::EioAfter { bytes: 2 });
    let mut buf = [b'?'; 4];
    assert!(file.read_exact_at(&mut buf, 1).is_err());
    assert_eq!(buf[..2], *b"bc");
    file.read_exact_at(&mut buf, 1).unwrap();
    assert_eq!(buf, *b"bcde");
}

#[test]
fn what_means_nothing_for_a_call_is_a_plain_error() {
    let disk = MemDisk::new();
    for error in [
        FaultKind::StalePage,
        FaultKind::LostWrite { cached: true },
        FaultKind::SyncDrop { shows: Shows::New },
        FaultKind::Flip { at: 0, xor: 1 },
    ] {
        order(&disk, OpKind::Create, 1, error);
        assert_eq!(disk.create(p("/f")).unwrap_err().kind(), ErrorKind::Other);
    }
    assert_eq!(disk.list(), []);
    assert!(disk.delivered().iter().all(|d| d.error == FaultKind::Eio && d.path == p("/f")));
    assert_eq!((disk.delivered().len(), disk.misled()), (4, false));
}

#[test]
fn a_rename_may_fail_and_take_effect() {
    let disk = MemDisk::new();
    disk.write_file("/a", b"x").unwrap();
    order(&disk, OpKind::Rename, 1, FaultKind::EioAfter { bytes: 0 });
    assert!(disk.rename(p("/a"), p("/b")).is_err());
    assert_eq!(disk.read_file("/b").unwrap(), b"x");
    order(&disk, OpKind::Rename, 1, FaultKind::Eio);
    assert!(disk.rename(p("/b"), p("/c")).is_err());
    assert_eq!(disk.read_file("/b").unwrap(), b"x");
}

#[test]
fn every_kind_of_call_can_fail_and_succeeds_afterwards() {
    let disk = MemDisk::new();
    disk.write_file("/f", b"abc").unwrap();
    let call = |op: OpKind| {
        let file = || disk.open(p("/f"), Access::ReadWrite);
        match op {
            OpKind::Create => disk.create(p("/new")).map(drop),
            OpKind::Open => file().map(drop),
            OpKind::Rename => disk.rename(p("/new"), p("/newer")),
            OpKind::RemoveFile => disk.remove_file(p("/newer")),
            OpKind::HardLink => disk.hard_link(p("/f"), p("/link")),
            OpKind::ReadDir => disk.read_dir(p("/")).map(drop),
            OpKind::CreateDir => disk.create_dir(p("/d")),
            OpKind::RemoveDir => disk.remove_dir(p("/d")),
            OpKind::SyncDir => disk.sync_dir(p("/")),
            OpKind::Kind => disk.kind(p("/f")).map(drop),
            OpKind::Lock => disk.try_lock(p("/LOCK")).map(|lock| assert!(lock.is_some())),
            OpKind::WriteHolder => {
                disk.try_lock(p("/LOCK")).and_then(|lock| lock.unwrap().write_holder("me"))
            }
            OpKind::Read => file().and_then(|file| file.read_exact_at(&mut [0], 0)),
            OpKind::Write => file().and_then(|file| file.write_all_at(b"x", 0)),
            OpKind::Sync => file().and_then(|file| file.sync_all()),
            OpKind::SetLen => file().and_then(|file| file.set_len(2)),
            OpKind::Len => file().and_then(|file| file.len().map(drop)),
            OpKind::Map => file().and_then(|file| file.map().map(drop)),
            OpKind::MapRead => {
                disk.set_map_mode(MapMode::Reads);
                file().and_then(|file| file.map()?.bytes(0, 1).map(drop))
            }
            OpKind::RenameDir => {
                disk.create_dir(p("/old")).unwrap_or_default();
                disk.rename_dir(p("/old"), p("/renamed"))
            }
            other => panic!("a kind that this test does not know: {other:?}"),
        }
    };
    for op in OpKind::ALL {
        order(&disk, op, 1, FaultKind::Eio);
        assert_eq!(call(op).unwrap_err().kind(), ErrorKind::Other, "{op:?}");
        assert_eq!(disk.clear_faults(), 0, "{op:?} was delivered");
        call(op).unwrap_or_else(|e| panic!("{op:?}: {e}"));
    }
}

#[test]
fn a_fault_of_a_name_passes_over_other_files() {
    let disk = MemDisk::new();
    for (pattern, name) in [("1.wal", "1.wal"), ("*.sst", "2.sst"), ("MANIFEST-*", "MANIFEST-7")] {
        disk.inject(Fault::new(OpKind::Create, 2, FaultKind::Eio).on(pattern));
        assert!(disk.create(p("/other")).is_ok());
        let path = format!("/{name}");
        for fails in [false, true] {
            assert_eq!(disk.create(p(&path)).is_err(), fails, "{pattern}");
            disk.remove_file(p(&path)).unwrap_or_default();
        }
        disk.remove_file(p("/other")).unwrap();
        assert_eq!(disk.clear_faults(), 0);
    }
}

#[test]
fn a_crash_can_wait_for_a_call_on_a_name() {
    let disk = MemDisk::new();
    disk.crash_on(OpKind::Create, "*.wal", 2, 0);
    for name in ["/a", "/1.wal", "/b"] {
        assert!(disk.create(p(name)).is_ok());
    }
    assert!(disk.create(p("/2.wal")).is_err() && disk.crashed());
    assert!(disk.read_dir(p("/")).is_err());
    let disk = MemDisk::new();
    disk.crash_on(OpKind::Create, "*.wal", 1, 0);
    disk.crash_at(u64::MAX);
    assert!(disk.create(p("/1.wal")).is_ok(), "taken back");
    let disk = MemDisk::new();
    disk.crash_on(OpKind::Create, "*.wal", 1, 2);
    for name in ["/a", "/1.wal", "/2.wal"] {
        assert!(disk.create(p(name)).is_ok());
    }
    assert!(disk.create(p("/b")).is_err() && disk.crashed(), "two calls later");
}

#[test]
fn faults_can_be_taken_back() {
    let disk = MemDisk::new();
    order(&disk, OpKind::Create, 1, FaultKind::Eio);
    order(&disk, OpKind::Create, 5, FaultKind::Eio);
    assert_eq!(disk.clear_faults(), 2);
    assert!(disk.create(p("/f")).is_ok());
}

#[test]
fn the_trace_tells_every_call_and_its_outcome() {
    let disk = MemDisk::new();
    disk.set_trace(true);
    let file = disk.create(p("/f")).unwrap();
    file.append(b"abc").unwrap();
    assert!(disk.rename(p("/none"), p("/g")).is_err());
    file.read_exact_at(&mut [0; 3], 0).unwrap();
    let trace = disk.trace();
    assert_eq!(trace.iter().map(|entry| entry.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(trace.iter().map(|entry| entry.call).collect::<Vec<_>>(), [1, 2, 3, 3]);
    assert_eq!((trace[1].op, trace[1].offset, trace[1].len), (OpKind::Write, 0, 3));
    assert_eq!(trace[1].content, trace[3].content, "what was read is what was written");
    assert_eq!(trace[2].error, Some(ErrorKind::NotFound));
    assert_eq!(trace[2].to.as_deref(), Some(p("/g")));
    assert!(trace[2].to_string().contains("Rename /none -> /g"), "{}", trace[2]);

    let image = disk.crash_image(&CrashChoice::keep_all());
    assert_eq!(image.trace_hash(), disk.trace_hash(), "one hash for a run over its crashes");
    image.read_dir(p("/")).unwrap();
    assert_ne!(image.trace_hash(), disk.trace_hash());
}

#[test]
fn the_trace_hash_sees_arguments_bytes_and_outcomes() {
    let run = |path: &str, offset: u64, bytes: &[u8], fault: bool| {
        let disk = MemDisk::new();
        if fault {
            order(&disk, OpKind::Write, 1, FaultKind::EioAfter { bytes: 99 });
        }
        let file = disk.create(p(path)).unwrap();
        let _ = file.write_all_at(bytes, offset);
        disk.trace_hash()
    };
    let base = run("/f", 0, b"abc", false);
    assert_eq!(base, run("/f", 0, b"abc", false));
    let others = [
        run("/g", 0, b"abc", false),
        run("/f", 1, b"abc", false),
        run("/f", 0, b"abd", false),
        run("/f", 0, b"abc\0", false),
        run("/f", 0, b"abc", true),
    ];
    assert!(others.iter().all(|other| *other != base), "{base} in {others:?}");
}

#[test]
fn misuse_is_an_error_and_never_a_panic() {
    let disk = MemDisk::new();
    let file = disk.create(p("/f")).unwrap();
    assert_eq!(file.write_all_at(b"x", u64::MAX).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(file.write_all_at(b"x", 1 << 50).unwrap_err().kind(), ErrorKind::FileTooLarge);
    assert_eq!(file.set_len(u64::MAX).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(file.read_exact_at(&mut [0], u64::MAX).is_err());
    assert!(disk.remove_dir(p("/")).is_err() && disk.remove_file(p("/")).is_err());
    assert!(disk.rename(p("/"), p("/x")).is_err() && disk.rename(p("/f"), p("/")).is_err());
    assert!(disk.create(p("")).is_err() && disk.create_dir(p("/")).is_err());
    assert!(disk.hard_link(p("/f"), p("/")).is_err() && disk.try_lock(p("/")).is_err());
    assert_eq!(disk.list().len(), 1);
}
