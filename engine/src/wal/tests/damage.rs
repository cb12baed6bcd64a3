//! Damage to what was synced is an error that names the file; nothing is dropped in silence.

use proptest::prelude::*;
use srdb_vfs::{MemDisk, Vfs};

use super::super::{LogWriter, Start};
use super::fixture::*;
use crate::error::Error;
use crate::format::wal::SEGMENT_HEADER_BYTES;

const HEADER: u64 = SEGMENT_HEADER_BYTES as u64;

/// Three segments of three commits each, each commit synced on its own.
fn synced_log() -> (MemDisk, LogWriter) {
    let disk = disk();
    let mut log = new_log(&vfs(&disk), 0);
    for commit in 1..=9 {
        append_some(&mut log, 1);
        log.sync().unwrap();
        if commit % 3 == 0 && commit < 9 {
            log.rotate(&[]).unwrap();
        }
    }
    (disk, log)
}

fn for_each_flip(disk: &MemDisk, mut check: impl FnMut(&MemDisk, u64, u64)) {
    for number in 1..=3 {
        let len = disk.read_file(segment(number)).unwrap().len() as u64;
        for offset in 0..len {
            for xor in [0x01, 0x80, 0xff] {
                let disk = disk.fork();
                disk.corrupt(segment(number), offset, xor).unwrap();
                check(&disk, number, offset);
            }
        }
    }
}

#[test]
fn a_flipped_byte_in_a_closed_log_is_reported_or_harmless() {
    let (disk, mut log) = synced_log();
    let before_close = log.bytes();
    log.close().unwrap();
    for_each_flip(&disk, |disk, number, offset| {
        let result = read(&vfs(disk));
        if number == 3 && offset >= before_close {
            // The record of the close itself: nothing but itself is lost.
            assert_eq!(result.unwrap().0, 9);
        } else {
            assert!(is_corrupt(&result, &segment(number)), "{number} {offset} {result:?}");
        }
    });
}

#[test]
fn a_flipped_byte_in_a_crashed_log_loses_the_last_group_at_most() {
    let (disk, _) = synced_log();
    let (_, outcome) = read(&vfs(&disk)).unwrap();
    let vouched = HEADER + outcome.synced_lsn - outcome.segments[2].base_lsn;
    for_each_flip(&disk, |disk, number, offset| {
        let result = read(&vfs(disk));
        if number == 3 && offset >= vouched {
            assert_eq!(recover(&vfs(disk)).unwrap().0, 8, "the exception that `wal` documents");
        } else {
            assert!(is_corrupt(&result, &segment(number)), "{number} {offset} {result:?}");
        }
    });
}

#[test]
fn damage_names_its_offset() {
    let (disk, _) = synced_log();
    disk.corrupt(segment(1), HEADER + 60, 1).unwrap();
    let error = read(&vfs(&disk)).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { offset: HEADER, .. }), "{error}");
    assert!(error.to_string().contains("although the log was synced beyond"), "{error}");
}

#[test]
fn a_missing_or_shortened_segment_is_reported() {
    let (disk, mut log) = synced_log();
    log.close().unwrap();
    for number in 1..=3 {
        let bytes = disk.read_file(segment(number)).unwrap();
        let lens = (0..bytes.len() - 48).step_by(8);
        for len in lens {
            let disk = disk.fork();
            disk.write_file(segment(number), &bytes[..len]).unwrap();
            let result = read(&vfs(&disk));
            if number < 3 {
                assert!(is_corrupt(&result, &segment(number)), "{number} {len} {result:?}");
            } else {
                // The tail of the whole log, with everything that vouches for it, is gone: no
                // reader can tell that from a crash.
                result.unwrap();
            }
        }
        if number < 3 {
            let disk = disk.fork();
            disk.remove_file(&segment(number)).unwrap();
            assert!(is_corrupt(&read(&vfs(&disk)), &segment(number)));
        }
    }
}

#[test]
fn zeros_over_synced_records_are_reported() {
    let (disk, mut log) = synced_log();
    log.close().unwrap();
    for number in 1..=2 {
        let mut bytes = disk.read_file(segment(number)).unwrap();
        bytes[SEGMENT_HEADER_BYTES + 8..].fill(0);
        let disk = disk.fork();
        disk.write_file(segment(number), &bytes).unwrap();
        assert!(is_corrupt(&read(&vfs(&disk)), &segment(number)));
    }
}

#[test]
fn a_record_of_another_place_is_no_record() {
    let disk = disk();
    let v = vfs(&disk);
    let mut log = new_log(&v, 0);
    // The same commits with the same content, in another segment, another database, elsewhere.
    let first = SEGMENT_HEADER_BYTES;
    append_some(&mut log, 1);
    let second = log.bytes() as usize;
    append_some(&mut log, 1);
    log.write().unwrap();
    let ours = disk.read_file(segment(1)).unwrap();

    let mut moved = ours.clone();
    moved.truncate(second);
    moved.extend_from_slice(&ours[first..second]);
    disk.write_file(segment(1), &moved).unwrap();
    assert_eq!(recover(&v).unwrap().0, 1);

    for (database, number, base_lsn) in [(DATABASE + 1, 1, 0), (DATABASE, 2, 0), (DATABASE, 1, 8)] {
        let other = super::fixture::disk();
        let start = Start { base_lsn, ..Start::empty(number, 1) };
        let mut log = LogWriter::create(&vfs(&other), &dir(), database, start, 0, &[]).unwrap();
        append_some(&mut log, 2);
        log.write().unwrap();
        let theirs = other.read_file(segment(number)).unwrap();
        let mixed = [&ours[..second], &theirs[second..]].concat();
        disk.write_file(segment(1), &mixed).unwrap();
        assert_eq!(recover(&v).unwrap().0, 1, "{database} {number} {base_lsn}");
    }
}

#[test]
fn a_whole_segment_of_another_place_is_never_taken_for_a_crash() {
    let (disk, _) = synced_log();
    let bytes = disk.read_file(segment(1)).unwrap();
    disk.write_file(segment(2), &bytes).unwrap();
    assert!(is_corrupt(&read(&vfs(&disk)), &segment(2)));

    let other = super::fixture::disk();
    let start = Start::empty(1, 1);
    LogWriter::create(&vfs(&other), &dir(), DATABASE + 1, start, 0, &[]).unwrap();
    let result = read(&vfs(&other));
    assert!(is_corrupt(&result, &segment(1)), "{result:?}");
}

#[test]
fn names_that_are_no_segments_are_left_alone() {
    let (disk, _) = synced_log();
    for name in ["7.wal", "0000002.wal", "000002.wal.old", "notes", "-00001.wal", "+00002.wal"] {
        disk.write_file(dir().join(name), b"?").unwrap();
    }
    disk.create_dir(&dir().join("000009.wal")).unwrap();
    assert_eq!(read(&vfs(&disk)).unwrap().0, 9);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Several bytes of a closed log at once: right commits, all of them, or an error.
    #[test]
    fn scattered_damage_is_never_taken_for_a_crash(
        damage in proptest::collection::vec((1u64..=3, any::<proptest::sample::Index>(), 1u8..), 1..5),
    ) {
        let (disk, mut log) = synced_log();
        let before_close = log.bytes();
        log.close().unwrap();
        let mut close_hit = false;
        for (number, at, xor) in damage {
            let len = disk.read_file(segment(number)).unwrap().len();
            let at = at.index(len) as u64;
            close_hit |= number == 3 && at >= before_close;
            disk.corrupt(segment(number), at, xor).unwrap();
        }
        match read(&vfs(&disk)) {
            Ok((count, _)) => prop_assert!(count == 9 || close_hit, "{} commits", count),
            Err(error) => prop_assert!(matches!(error, Error::Corrupt { .. }), "{}", error),
        }
    }
}
