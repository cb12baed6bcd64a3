//! Power loss, failed calls, and what has to be there afterwards.

use srdb_vfs::{CrashChoice, Fate, Fault, FaultKind, MemDisk, OpKind, PendingKind, PendingOp, Vfs};

use super::super::settle::Unsettled;
use super::super::{LogWriter, cut, obsolete_files};
use super::fixture::*;
use crate::error::Error;
use crate::format::wal::SEGMENT_HEADER_BYTES;

/// What power loss leaves if just those changes reach the disk that `keep` says.
fn image(disk: &MemDisk, keep: impl Fn(&PendingOp) -> bool) -> MemDisk {
    let mut choice = CrashChoice::drop_all();
    for op in disk.pending().iter().filter(|op| keep(op)) {
        choice.fates.insert(op.id, Fate::Kept);
    }
    disk.crash_image(&choice)
}

fn fault(op: OpKind, nth: u64, error: FaultKind) -> Fault {
    Fault::new(op, nth, error)
}

#[test]
fn a_torn_last_record_is_cut_at_every_byte() {
    let disk = disk();
    let mut log = new_log(&vfs(&disk), 0);
    append_some(&mut log, 3);
    log.sync().unwrap();
    let whole = log.bytes() as usize;
    append_some(&mut log, 1);
    log.write().unwrap();
    let bytes = disk.read_file(segment(1)).unwrap();
    for len in whole..bytes.len() {
        for garbage in [&[][..], &[0; 100], &[0xab; 100]] {
            let disk = disk.fork();
            disk.write_file(segment(1), &[&bytes[..len], garbage].concat()).unwrap();
            let vfs = vfs(&disk);
            let (count, outcome) = recover(&vfs).unwrap();
            // The padding of the last record is zeros: with it the record is whole.
            if count == 4 {
                assert!(garbage.first() == Some(&0) && bytes[len..].iter().all(|b| *b == 0));
                continue;
            }
            assert_eq!((count, outcome.end_lsn, outcome.next_segment), (3, log.synced_lsn(), 2));
            let expect_cut = len > whole || garbage.first() == Some(&0xab);
            assert_eq!(outcome.cut.is_some(), expect_cut, "{len} {garbage:?}");
            let mut log = reopen(&vfs, &outcome, 0);
            append_some(&mut log, 2);
            log.sync().unwrap();
            assert_eq!(read(&vfs).unwrap().0, 5);
        }
    }
}

#[test]
fn a_later_segment_goes_with_the_tail_before_it() {
    let disk = disk();
    let v = vfs(&disk);
    let mut log = new_log(&v, 0);
    append_some(&mut log, 2);
    log.sync().unwrap();
    for _ in 0..2 {
        append_some(&mut log, 2);
        log.rotate(&[]).unwrap();
    }
    append_some(&mut log, 2);
    log.write().unwrap();
    // All that was written survives, but for the unsynced content of the first segment.
    let lost =
        image(&disk, |op| op.path != segment(1) || !matches!(op.kind, PendingKind::Write { .. }));
    let v = vfs(&lost);
    let (count, outcome) = recover(&v).unwrap();
    assert_eq!((count, outcome.next_segment), (2, 2));
    assert_eq!(outcome.cut.as_ref().unwrap().dropped, [2, 3]);
    let mut log = reopen(&v, &outcome, 0);
    append_some(&mut log, 5);
    log.sync().unwrap();
    assert_eq!(read(&v).unwrap().0, 7);
    // Now the same loss is one of what was synced, and a later record knows.
    append_some(&mut log, 1);
    log.write().unwrap();
    let bytes = lost.read_file(segment(1)).unwrap();
    lost.write_file(segment(1), &bytes[..bytes.len() - 8]).unwrap();
    assert!(is_corrupt(&read(&v), &segment(1)));
}

#[test]
fn a_first_segment_that_never_got_its_name_is_no_corruption() {
    let disk = disk();
    let mut log = new_log(&vfs(&disk), 0);
    append_some(&mut log, 2);
    log.rotate(&[]).unwrap();
    append_some(&mut log, 2);
    log.write().unwrap();
    let unsynced =
        image(&disk, |op| op.path != segment(1) || !matches!(op.kind, PendingKind::Create));
    assert_eq!(unsynced.list().len(), 2, "{:?}", unsynced.list());
    let v = vfs(&unsynced);
    let (count, outcome) = recover(&v).unwrap();
    assert_eq!((count, outcome.next_segment, outcome.next_commit), (0, 1, None));
    assert_eq!(outcome.cut.unwrap().dropped, [2]);
    // Once synced, a missing file is.
    log.sync().unwrap();
    append_some(&mut log, 1);
    log.write().unwrap();
    disk.remove_file(&segment(1)).unwrap();
    assert!(is_corrupt(&read(&vfs(&disk)), &segment(1)));
}

#[test]
fn a_segment_that_was_only_created_is_fine() {
    for left in [0, 1, SEGMENT_HEADER_BYTES - 1, SEGMENT_HEADER_BYTES] {
        for synced in [false, true] {
            let disk = disk();
            let mut log = new_log(&vfs(&disk), 0);
            append_some(&mut log, 2);
            if synced {
                log.sync().unwrap();
            }
            log.rotate(&[]).unwrap();
            let bytes = disk.read_file(segment(2)).unwrap();
            disk.write_file(segment(2), &bytes[..left]).unwrap();
            let v = vfs(&disk);
            let (count, outcome) = recover(&v).unwrap();
            let whole = left == SEGMENT_HEADER_BYTES;
            assert_eq!((count, outcome.next_segment), (2, if whole { 3 } else { 2 }));
            let mut log = reopen(&v, &outcome, 0);
            append_some(&mut log, 1);
            log.sync().unwrap();
            assert_eq!(read(&v).unwrap().0, 3);
        }
    }
}

#[test]
fn a_failed_write_leaves_no_hole_and_does_not_come_back() {
    for done in [0, 1, 60, 10_000] {
        let disk = disk();
        let v = vfs(&disk);
        let mut log = new_log(&v, 0);
        append_some(&mut log, 2);
        log.sync().unwrap();
        append_some(&mut log, 1);
        let mark = log.mark();
        append_some(&mut log, 2);
        disk.inject(fault(OpKind::Write, 1, FaultKind::StorageFull { bytes: done }));
        assert!(matches!(log.write(), Err(Error::Io { op: "write", .. })));
        assert_eq!((log.poisoned(), log.written_lsn()), (None, log.synced_lsn()));
        assert_eq!(log.next_commit(), 6);
        // Also after power loss: what failed has failed.
        for choice in [CrashChoice::keep_all(), CrashChoice::drop_all()] {
            assert_eq!(recover(&vfs(&disk.crash_image(&choice))).unwrap().0, 2);
        }
        log.rollback(mark);
        assert_eq!(log.next_commit(), 4);
        append_some(&mut log, 1);
        log.sync().unwrap();
        let (count, outcome) = read(&v).unwrap();
        assert_eq!((count, outcome.end_lsn, outcome.cut), (4, log.end_lsn(), None));
    }
}

#[test]
fn a_write_that_cannot_be_taken_back_poisons() {
    for (op, error) in [(OpKind::SetLen, FaultKind::Eio), (OpKind::Sync, FaultKind::SyncFail)] {
        let disk = disk();
        let mut log = new_log(&vfs(&disk), 0);
        append_some(&mut log, 1);
        disk.inject(fault(OpKind::Write, 1, FaultKind::EioAfter { bytes: 70 }));
        disk.inject(fault(op, 1, error));
        assert!(matches!(log.write(), Err(Error::Io { .. })));
        assert!(log.poisoned().is_some());
        assert!(matches!(log.write(), Err(Error::Poisoned { .. })));
        assert!(matches!(log.sync(), Err(Error::Poisoned { .. })));
        assert!(matches!(log.rotate(&[]), Err(Error::Poisoned { .. })));
    }
}

#[test]
fn a_failed_sync_is_never_tried_again() {
    for op in [OpKind::Sync, OpKind::SyncDir] {
        let disk = disk();
        let mut log = new_log(&vfs(&disk), 0);
        append_some(&mut log, 1);
        disk.inject(fault(op, 1, FaultKind::SyncFail));
        assert!(matches!(log.sync(), Err(Error::Io { op: "sync", .. })));
        assert_eq!(log.synced_lsn(), 0);
        assert!(matches!(log.sync(), Err(Error::Poisoned { .. })));
        assert!(matches!(log.close(), Err(Error::Poisoned { .. })));
    }
}

#[test]
fn a_failed_rotation_leaves_the_segment_open() {
    for nth in [1, 2] {
        let disk = disk();
        let v = vfs(&disk);
        let mut log = new_log(&v, 0);
        append_some(&mut log, 1);
        log.write().unwrap();
        let op = if nth == 1 { OpKind::Create } else { OpKind::Write };
        disk.inject(fault(op, 1, FaultKind::StorageFull { bytes: 17 }));
        assert!(matches!(log.rotate(&[]), Err(Error::Io { .. })));
        append_some(&mut log, 1);
        assert_eq!((log.number(), log.rotate(&[]).unwrap(), log.number()), (1, 1, 2));
        append_some(&mut log, 1);
        log.sync().unwrap();
        assert_eq!(read(&v).unwrap().0, 3);
    }
}

#[test]
fn zeros_ahead_are_the_end_of_the_log() {
    let disk = disk();
    let v = vfs(&disk);
    let mut log = new_log(&v, 4096);
    for _ in 0..3 {
        append_some(&mut log, 1);
        log.sync().unwrap();
    }
    let ahead = disk.read_file(segment(1)).unwrap().len() as u64 - log.bytes();
    assert!((3500..4096).contains(&ahead), "{ahead}");
    let (count, outcome) = read(&v).unwrap();
    assert_eq!((count, outcome.end_lsn, outcome.cut), (3, log.end_lsn(), None));
    let bytes = log.bytes();
    log.rotate(&[]).unwrap();
    assert_eq!(disk.read_file(segment(1)).unwrap().len() as u64, bytes);
    append_some(&mut log, 1);
    log.close().unwrap();
    assert_eq!(disk.read_file(segment(2)).unwrap().len() as u64, log.bytes());
}

#[test]
fn only_a_close_is_a_clean_close() {
    let disk = disk();
    let v = vfs(&disk);
    let mut log = new_log(&v, 4096);
    append_some(&mut log, 2);
    log.sync().unwrap();
    assert!(!read(&v).unwrap().1.clean_close);
    log.close().unwrap();
    let (count, outcome) = read(&v).unwrap();
    assert_eq!((count, outcome.clean_close, outcome.cut.clone()), (2, true, None));
    assert_eq!((outcome.start(1).unsettled, outcome.end_lsn), (vec![], outcome.synced_lsn));
    let (_, outcome) = read(&v).unwrap();
    let mut log = reopen(&v, &outcome, 0);
    append_some(&mut log, 1);
    log.write().unwrap();
    assert!(!read(&v).unwrap().1.clean_close);
    log.close().unwrap();
    let (count, outcome) = read(&v).unwrap();
    assert_eq!((count, outcome.clean_close, outcome.segments.len()), (3, true, 2));
    // A segment that a crash left empty changes nothing: the log goes on in the close's place.
    let left = disk.fork();
    left.write_file(segment(3), b"").unwrap();
    let (_, again) = read(&vfs(&left)).unwrap();
    assert_eq!((again.clean_close, again.end_lsn), (true, outcome.end_lsn));
    assert_eq!(again.cut.clone().map(|cut| (cut.truncate, cut.dropped)), Some((None, vec![3])));
    assert_eq!(again.start(1), outcome.start(1));
    // The close of the first segment stands where the second begins; it no longer counts.
    disk.corrupt(segment(2), 5, 1).unwrap();
    assert!(is_corrupt(&read(&v), &segment(2)));
}

#[test]
fn what_recovery_took_from_the_cache_is_copied_before_it_is_vouched_for() {
    let disk = disk();
    let mut log = new_log(&vfs(&disk), 0);
    append_some(&mut log, 2);
    log.sync().unwrap();
    append_some(&mut log, 2);
    log.write().unwrap();
    // The process dies after a sync that failed: the pages count as clean, the disk is without.
    let cached = disk.read_file(segment(1)).unwrap();
    let disk = disk.crash_image(&CrashChoice::drop_all());
    let file = disk.open(&segment(1), srdb_vfs::Access::ReadWrite).unwrap();
    file.write_all_at(&cached, 0).unwrap();
    file.sync_data().unwrap();
    let v = vfs(&disk);
    let (count, outcome) = recover(&v).unwrap();
    assert_eq!(count, 4);
    let start = outcome.start(1);
    assert_eq!(start.unsettled, [Unsettled { number: 1, bytes: cached.len() as u64 }]);
    let mut log = reopen(&v, &outcome, 0);
    append_some(&mut log, 1);
    let syncs = disk.op_count(OpKind::Sync);
    log.sync().unwrap();
    assert_eq!(disk.op_count(OpKind::Rename), 1);
    assert_eq!(disk.op_count(OpKind::Sync) - syncs, 2, "of the copy and of the new segment");
    assert_eq!(disk.pending(), []);
    assert_eq!(read(&v).unwrap().0, 5);
    // Once is enough.
    append_some(&mut log, 1);
    log.sync().unwrap();
    assert_eq!(disk.op_count(OpKind::Rename), 1);
    // A segment that was flushed and removed meanwhile is no loss.
    let (_, outcome) = read(&v).unwrap();
    let mut log = reopen(&v, &outcome, 0);
    disk.remove_file(&segment(1)).unwrap();
    append_some(&mut log, 1);
    log.sync().unwrap();
    assert_eq!(log.synced_lsn(), log.end_lsn());
}

#[test]
fn obsolete_files_are_older_segments_and_copies() {
    let disk = disk();
    for name in ["000001.wal", "000002.wal", "000003.wal", "000003.wal.copy", "x.copy", "notes"] {
        disk.write_file(dir().join(name), b"").unwrap();
    }
    let obsolete = obsolete_files(&*vfs(&disk), &dir(), 3).unwrap();
    let copy = dir().join("000003.wal.copy");
    assert_eq!(obsolete, [segment(1), segment(2), copy]);
}

/// What the test knows of a log it crashes again and again.
struct Known {
    /// Commits that are acknowledged as synced.
    synced: u64,
    /// Commits that were ever appended and not rejected.
    appended: u64,
}

#[test]
fn whatever_a_crash_leaves_is_a_prefix_with_all_that_was_synced() {
    for seed in 1..=2_000 {
        crash_again_and_again(seed);
    }
}

fn crash_again_and_again(seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut rng = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8
    };
    let mut disk = disk();
    let mut known = Known { synced: 0, appended: 0 };
    for round in 0..4 {
        let v = vfs(&disk);
        let (count, outcome) = match read(&v) {
            Ok(read) => read,
            Err(e) => panic!("seed {seed} round {round}: {e}"),
        };
        assert!(
            (known.synced..=known.appended).contains(&count),
            "seed {seed} round {round}: {count} commits, {} synced of {}",
            known.synced,
            known.appended
        );
        known.appended = count;
        let zero_ahead = [0, 0, 1024, 4096][rng() as usize % 4];
        let crash_in = disk.calls() + 1 + rng() % if rng() % 3 == 0 { 6 } else { 60 };
        disk.crash_at(crash_in);
        let alive = || -> crate::Result<()> {
            if let Some(found) = &outcome.cut {
                cut(&v, &dir(), found)?;
            }
            let mut log =
                LogWriter::create(&v, &dir(), DATABASE, outcome.start(1), zero_ahead, &[])?;
            for _ in 0..rng() % 40 {
                step(&mut log, &mut known, rng() % 16)?;
            }
            Ok(())
        };
        let mut alive = alive;
        let _ = alive();
        disk = if rng() % 4 == 0 {
            disk.process_crash()
        } else {
            disk.crash_image(&CrashChoice::draw(&disk.pending(), &mut rng))
        };
    }
}

fn step(log: &mut LogWriter, known: &mut Known, choice: u64) -> crate::Result<()> {
    match choice {
        0..=8 => {
            append_some(log, 1 + choice % 3);
            known.appended = log.next_commit() - 1;
        }
        9 | 10 => log.write()?,
        11 => {
            log.rotate(&[])?;
        }
        15 => {
            log.close()?;
            known.synced = log.next_commit() - 1;
        }
        _ => {
            log.sync()?;
            known.synced = log.next_commit() - 1;
        }
    }
    Ok(())
}
