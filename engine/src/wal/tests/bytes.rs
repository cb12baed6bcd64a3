//! What goes in comes out, and looks as documented.

use proptest::prelude::*;

use super::super::payload;
use super::fixture::*;
use crate::DataType;
use crate::format::wal::{RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES};

#[test]
fn every_type_comes_back_as_it_went_in() {
    let disk = disk();
    let vfs = vfs(&disk);
    let values =
        [0, 1, -1, 7, i64::MAX, i64::MIN, 200, 70_000, 5_000_000_000, 0x7ff8_0000_0000_0001];
    let commits = [
        vec![every_type(1, 1, &values, false)],
        vec![every_type(1, 11, &values, true), every_type(9, 1, &[], false)],
        vec![],
        vec![every_type(u32::MAX, i64::MAX - 1, &[3], true)],
        vec![every_type(1, 21, &(0..3000).collect::<Vec<_>>(), true)],
    ];
    let mut log = new_log(&vfs, 0);
    for tables in &commits {
        append(&mut log, tables);
    }
    log.write().unwrap();
    let (read, outcome) = read_from(&vfs, 1).unwrap();
    let read: Vec<_> = read.into_iter().map(|commit| commit.tables).collect();
    assert_eq!(read, commits);
    assert_eq!((outcome.end_lsn, outcome.cut), (log.end_lsn(), None));
}

#[test]
fn many_windows_are_read_as_one() {
    let disk = disk();
    let vfs = vfs(&disk);
    let mut log = new_log(&vfs, 0);
    let values: Vec<i64> = (0..5000).collect();
    let large = every_type(1, 1, &values, true);
    for _ in 0..3 {
        for _ in 0..4 {
            append(&mut log, std::slice::from_ref(&large));
        }
        log.write().unwrap();
        log.rotate(&[]).unwrap();
    }
    assert!(log.end_lsn() > 3 << 20);
    let (read, outcome) = read_from(&vfs, 1).unwrap();
    assert_eq!(read.len(), 12);
    assert!(read.iter().all(|commit| commit.tables[0] == large));
    assert_eq!(read[11].segment, 3);
    assert_eq!((outcome.end_lsn, outcome.segments.len()), (log.end_lsn(), 4));
    let (read, _) = read_from(&vfs, 3).unwrap();
    assert_eq!(read.iter().map(|commit| commit.commit).collect::<Vec<_>>(), [9, 10, 11, 12]);
}

#[test]
fn a_segment_has_the_documented_bytes() {
    let disk = disk();
    let vfs = vfs(&disk);
    let mut log = new_log(&vfs, 0);
    let mut table = every_type(5, 1, &[1, 2, 3], true);
    table.types.retain(|t| matches!(t, DataType::Int16 | DataType::UInt64 | DataType::String));
    table.columns = table.types.iter().map(|t| column(*t, &[1, 2, 3], true)).collect();
    append(&mut log, &[table]);
    log.sync().unwrap();
    log.close().unwrap();
    let bytes = disk.read_file(segment(1)).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines: Vec<&str> =
        hex.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    assert_eq!(lines, GOLDEN, "{lines:#?}");
}

const GOLDEN: &[&str] = &[
    "5352444257414c0001000000000000000100000000000000ed5eed5eed5eed5e",
    "0000000000000000010000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "00000000000000000000000000000000000000000000000000000000088bb900",
    "88f47b279b4af5c7580000000100000000000000000000000100000000000000",
    "0000000000000000e90300000000000001000000050000000100000000000000",
    "0300000003000301010002000000030901010000000000008002000000000000",
    "800000000000000080030d01050000000a0000000a00000031c2b7c3a932c2b7",
    "c3a9030000000000eb8cd330f03b883600000000020000008800000000000000",
    "010000000000000088000000000000000000000000000000",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_rows_come_back(values in proptest::collection::vec(any::<i64>(), 0..200), nulls: bool) {
        let table = every_type(1, 1, &values, nulls);
        let mut bytes = Vec::new();
        payload::encode(&mut bytes, &[table.as_rows()]);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        prop_assert_eq!(payload::decode(&bytes).unwrap(), vec![table]);
    }

    /// A payload that was tampered with decodes to something well-formed or not at all.
    #[test]
    fn a_hostile_payload_never_panics(
        values in proptest::collection::vec(any::<i64>(), 0..40),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = Vec::new();
        payload::encode(&mut bytes, &[every_type(1, 1, &values, true).as_rows()]);
        for (at, xor) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= xor;
        }
        let _ = payload::decode(&bytes[..cut.index(bytes.len() + 1)]);
        if let Ok(tables) = payload::decode(&bytes) {
            for table in tables {
                prop_assert!(table.columns.iter().all(|column| column.len() == table.rows));
            }
        }
    }

    #[test]
    fn hostile_files_never_panic(
        random in proptest::collection::vec(any::<u8>(), 0..600),
        from in any::<proptest::sample::Index>(),
    ) {
        let disk = disk();
        let vfs = vfs(&disk);
        let mut log = new_log(&vfs, 0);
        append_some(&mut log, 3);
        log.sync().unwrap();
        let mut bytes = disk.read_file(segment(1)).unwrap();
        bytes.truncate(from.index(bytes.len()));
        bytes.extend_from_slice(&random);
        disk.write_file(segment(1), &bytes).unwrap();
        disk.write_file(segment(2), &random).unwrap();
        let _ = read_from(&vfs, 1);
        let _ = read_from(&vfs, 2);
    }
}

#[test]
fn headers_have_their_size() {
    let disk = disk();
    let vfs = vfs(&disk);
    let mut log = new_log(&vfs, 0);
    assert_eq!(log.bytes(), SEGMENT_HEADER_BYTES as u64);
    append(&mut log, &[]);
    assert_eq!(log.buffered_bytes(), RECORD_HEADER_BYTES + 8);
}
