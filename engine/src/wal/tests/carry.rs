//! Rows that are logged again at the head of a segment.

use srdb_vfs::{CrashChoice, MemDisk, Vfs};

use super::super::carry::DecodedCarry;
use super::super::{CarryRecord, CommitRecord, First, LogWriter, Logged, cut, replay};
use super::fixture::*;
use crate::error::{Error, Result};
use crate::format::wal::{RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES};

type Log = (Vec<CommitRecord>, Vec<CarryRecord>);

fn carried() -> Vec<DecodedCarry> {
    let values = [0, 1, -1, i64::MIN, 0x7ff8_0000_0000_0001];
    let (all, few) = (every_type(7, 3, &values, true), every_type(9, 1, &[5], false));
    let times = vec![-5, -5, 0, 7, 1_002];
    vec![DecodedCarry { rows: all, times }, DecodedCarry { rows: few, times: vec![i64::MIN] }]
}

/// Two commits in segment 1, what is carried and one commit in segment 2.
fn rotated(disk: &MemDisk) -> LogWriter {
    let mut log = new_log(&vfs(disk), 0);
    append_some(&mut log, 2);
    let carried = carried();
    let borrowed: Vec<_> = carried.iter().map(DecodedCarry::as_carried).collect();
    log.rotate(&borrowed).unwrap();
    append_some(&mut log, 1);
    log
}

fn read_log(disk: &MemDisk, number: u64, carries: bool) -> Result<Log> {
    let (mut commits, mut carries_read) = (Vec::new(), Vec::new());
    let first = First { number, carries };
    let outcome = replay(&vfs(disk), &dir(), DATABASE, first, &mut |logged| {
        match logged {
            Logged::Commit(commit) => commits.push(commit),
            Logged::Carry(carry) => carries_read.push(carry),
        }
        Ok(())
    })?;
    if let Some(found) = &outcome.cut {
        cut(&vfs(disk), &dir(), found)?;
    }
    Ok((commits, carries_read))
}

fn numbers(log: &Log) -> (Vec<u64>, Vec<u64>) {
    let commits = log.0.iter().map(|commit| commit.commit).collect();
    (commits, log.1.iter().map(|carry| carry.segment).collect())
}

#[test]
fn what_is_carried_comes_back_from_the_segment_and_from_the_one_before() {
    let disk = disk();
    rotated(&disk).sync().unwrap();
    for (first, commits) in [(1, vec![1, 2, 3]), (2, vec![3])] {
        let log = read_log(&disk, first, first == 2).unwrap();
        assert_eq!(numbers(&log), (commits, vec![2]), "from {first}");
        assert_eq!((log.1[0].commit, &log.1[0].tables), (2, &carried()));
    }
}

#[test]
fn a_sync_covers_what_is_carried() {
    let disk = disk();
    let mut log = rotated(&disk);
    log.sync().unwrap();
    let image = disk.crash_image(&CrashChoice::drop_all());
    assert_eq!(numbers(&read_log(&image, 2, true).unwrap()), (vec![3], vec![2]));
}

/// A carry that is torn is cut as long as the segments before are there, and missed where it is all
/// that there is; at whatever byte.
#[test]
fn a_torn_carry_is_cut_behind_its_origin_and_corrupt_without() {
    let disk = disk();
    let log = rotated(&disk);
    let mut whole = disk.read_file(segment(2)).unwrap();
    drop(log);
    let end = whole.len();
    assert!(end > SEGMENT_HEADER_BYTES + RECORD_HEADER_BYTES);
    for at in 0..end {
        for torn in [true, false] {
            let disk = disk.fork();
            whole[at] ^= 0x10;
            disk.write_file(segment(2), if torn { &whole[..at] } else { &whole }).unwrap();
            whole[at] ^= 0x10;
            let read = numbers(&read_log(&disk.fork(), 1, false).unwrap());
            assert_eq!(read, (vec![1, 2], vec![]), "at {at}");
            let alone = read_log(&disk, 2, true);
            assert!(matches!(alone, Err(Error::Corrupt { .. })), "at {at}: {alone:?}");
        }
    }
    disk.remove_file(&segment(2)).unwrap();
    assert!(matches!(read_log(&disk, 2, true), Err(Error::Corrupt { .. })));
    assert_eq!(numbers(&read_log(&disk, 2, false).unwrap()), (vec![], vec![]));
}

#[test]
fn a_log_has_to_begin_with_what_was_carried() {
    let disk = disk();
    let mut log = rotated(&disk);
    log.rotate(&[]).unwrap();
    append_some(&mut log, 1);
    log.sync().unwrap();
    assert_eq!(numbers(&read_log(&disk, 3, false).unwrap()), (vec![4], vec![]));
    assert!(matches!(read_log(&disk, 3, true), Err(Error::Corrupt { .. })));
}

#[test]
fn a_rotation_that_fails_carries_nothing() {
    use srdb_vfs::{Fault, FaultKind, OpKind};
    let disk = disk();
    let mut log = new_log(&vfs(&disk), 0);
    append_some(&mut log, 2);
    log.sync().unwrap();
    let carried = carried();
    let borrowed: Vec<_> = carried.iter().map(DecodedCarry::as_carried).collect();
    for bytes in [0, 1, 127, 128, 129, 200, 600] {
        disk.inject(Fault::new(OpKind::Write, 1, FaultKind::EioAfter { bytes }));
        assert!(matches!(log.rotate(&borrowed), Err(Error::Io { .. })), "{bytes}");
        assert_eq!(log.number(), 1);
    }
    append_some(&mut log, 1);
    log.rotate(&borrowed).unwrap();
    log.sync().unwrap();
    let read = numbers(&read_log(&disk, 1, false).unwrap());
    assert_eq!(read, (vec![1, 2, 3], vec![2]));
}
