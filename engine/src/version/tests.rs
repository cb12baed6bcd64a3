//! Each invariant, broken by an edit of its own, and the snapshot that must say the same again.

use super::*;
use crate::edit::tests::any_change;
use proptest::prelude::*;

fn create(id: u32, name: &str) -> Change {
    Change::CreateTable { id, name: name.into(), schema: Arc::from([1u8, 2]), created_time: 5 }
}

fn sst(file_number: u64, min_seq: i64, max_seq: i64) -> SstMeta {
    SstMeta {
        file_number,
        size: 1000,
        crc: 1,
        rows: (max_seq - min_seq + 1) as u64,
        blocks: 1,
        min_seq,
        max_seq,
        min_time: min_seq * 10,
        max_time: max_seq * 10,
    }
}

fn add(table: u32, meta: SstMeta) -> Change {
    Change::AddSst { table, meta }
}

fn remove(table: u32, file_number: u64) -> Change {
    Change::RemoveSst { table, file_number }
}

fn after(version: &Version, changes: Vec<Change>) -> Version {
    version.apply(&VersionEdit::new(changes)).expect("a sound edit")
}

fn refused(version: &Version, changes: Vec<Change>) -> String {
    version.apply(&VersionEdit::new(changes)).expect_err("an edit that must be refused").what
}

/// Tables 1 `a` with rows 1..=30 in SSTs 2, 3, 4, and 2 `b` without any.
fn sample() -> Version {
    let version = after(
        &Version::default(),
        vec![create(1, "a"), create(2, "b"), Change::NextFile(5), add(1, sst(2, 1, 10))],
    );
    after(
        &version,
        vec![
            add(1, sst(4, 21, 30)),
            add(1, sst(3, 11, 20)),
            Change::LogNumber(3),
            Change::LastCommit(9),
            Change::LastTime(300),
            Change::TableState { table: 1, next_seq: 31, last_time: 305 },
        ],
    )
}

#[test]
fn sound_edits_give_what_they_say() {
    let version = sample();
    let table = version.table_named("a").unwrap();
    assert_eq!(table.ssts.iter().map(|s| s.file_number).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!((table.next_seq, table.last_time, version.next_table), (31, 305, 3));
    assert_eq!(version.live_files().collect::<Vec<_>>(), [(2, 1), (3, 1), (4, 1)]);
    // Compaction, retention of the front, retention of all, and growth after that.
    let merged = after(
        &version,
        vec![add(1, sst(5, 11, 30)), remove(1, 3), remove(1, 4), Change::NextFile(6)],
    );
    let trimmed = after(&merged, vec![remove(1, 2)]);
    assert_eq!(trimmed.tables[&1].first_seq(), 11);
    let emptied = after(&trimmed, vec![remove(1, 5)]);
    assert_eq!((emptied.tables[&1].first_seq(), emptied.tables[&1].next_seq), (31, 31));
    assert_eq!(emptied.live_files().count(), 0);
    after(&emptied, vec![add(1, sst(6, 31, 40)), Change::NextFile(7)]);
    assert!(
        refused(&emptied, vec![add(1, sst(6, 32, 40)), Change::NextFile(7)]).contains("no SST")
    );
    let dropped = after(&version, vec![Change::DropTable { id: 1 }, create(3, "a")]);
    assert_eq!((dropped.live_files().count(), dropped.table_named("a").unwrap().id), (0, 3));
    assert_eq!(after(&version, vec![Change::Close]), version);
}

#[test]
fn edits_that_break_an_invariant_are_refused() {
    let next = Change::NextFile(9);
    let bad_rows = SstMeta { rows: 9, ..sst(5, 31, 40) };
    let bad_time = SstMeta { min_time: 299, ..sst(5, 31, 40) };
    let backward = SstMeta { min_time: 402, ..sst(5, 31, 40) };
    let seq_zero = SstMeta { min_time: 0, ..sst(5, 0, 10) };
    let seq_max = SstMeta { rows: 1, ..sst(5, 1, 1) };
    let seq_max = SstMeta { min_seq: i64::MAX, max_seq: i64::MAX, ..seq_max };
    let wide = SstMeta { min_seq: i64::MIN, max_seq: i64::MAX, rows: 0, ..sst(5, 1, 1) };
    let cases: Vec<(&str, Vec<Change>)> = vec![
        ("used twice", vec![create(2, "c")]),
        ("used twice", vec![create(3, "c"), Change::DropTable { id: 3 }, create(3, "c")]),
        ("used twice", vec![Change::DropTable { id: 2 }, create(2, "b")]),
        ("used up", vec![create(u32::MAX, "c")]),
        ("are named", vec![create(3, "a")]),
        ("0 bytes", vec![create(3, "")]),
        ("256 bytes", vec![create(3, &"x".repeat(256))]),
        ("no table 9", vec![Change::DropTable { id: 9 }]),
        ("no table 9", vec![add(9, sst(5, 1, 1)), next.clone()]),
        ("no table 9", vec![remove(9, 2)]),
        ("no table 9", vec![Change::TableState { table: 9, next_seq: 1, last_time: 0 }]),
        ("no SST 9", vec![remove(1, 9)]),
        ("no SST 2", vec![remove(2, 2)]),
        ("no SST 2", vec![remove(1, 2), remove(1, 2)]),
        ("not below the next", vec![add(1, sst(5, 31, 40))]),
        ("used twice", vec![add(1, sst(4, 31, 40)), next.clone()]),
        ("used twice", vec![add(2, sst(4, 1, 1)), next.clone()]),
        ("used twice", vec![add(1, sst(0, 31, 40)), next.clone()]),
        ("starts at row 32", vec![add(1, sst(5, 32, 40)), next.clone()]),
        ("starts at row 30", vec![add(1, sst(5, 30, 40)), next.clone()]),
        ("starts at row 21", vec![remove(1, 3)]),
        ("the last SST ends at row 20", vec![remove(1, 4)]),
        ("in no SST", vec![add(2, sst(5, 2, 4)), next.clone()]),
        ("in no SST", vec![Change::TableState { table: 2, next_seq: 7, last_time: 0 }]),
        ("contradicts", vec![add(1, bad_rows), next.clone()]),
        ("contradicts", vec![add(1, backward), next.clone()]),
        ("contradicts", vec![add(2, seq_zero), next.clone()]),
        ("contradicts", vec![add(2, wide), next.clone()]),
        ("next row is", vec![create(3, "c"), add(3, seq_max), next.clone()]),
        ("time goes back", vec![add(1, bad_time), next.clone()]),
        ("next row is 32", vec![Change::TableState { table: 1, next_seq: 32, last_time: 305 }]),
        ("next row goes back", vec![Change::TableState { table: 1, next_seq: 30, last_time: 305 }]),
        (
            "last time goes back",
            vec![Change::TableState { table: 1, next_seq: 31, last_time: 304 }],
        ),
        ("log number goes back", vec![Change::LogNumber(2)]),
        ("file number goes back", vec![Change::NextFile(4)]),
        ("last commit goes back", vec![Change::LastCommit(8)]),
        ("last time goes back", vec![Change::LastTime(299)]),
        ("table id goes back", vec![Change::NextTable(2)]),
        ("alone", vec![Change::Close, Change::NextFile(9)]),
        ("alone", vec![Change::Close, Change::Close]),
    ];
    let version = sample();
    for (want, changes) in cases {
        let what = refused(&version, changes.clone());
        assert!(what.contains(want), "{changes:?} gave {what:?}, not {want:?}");
    }
}

#[test]
fn a_snapshot_gives_the_same_version() {
    let version = sample();
    let trimmed = after(&version, vec![remove(1, 2), Change::DropTable { id: 2 }]);
    for version in [Version::default(), version, trimmed] {
        let edit = VersionEdit::decode(&version.to_snapshot_edit().encode()).unwrap();
        assert_eq!(Version::default().apply(&edit), Ok(version));
    }
}

proptest! {
    #[test]
    fn any_edit_is_applied_or_refused_without_a_panic(
        edits in prop::collection::vec(prop::collection::vec(any_change(), 1..4), 1..6)
    ) {
        let mut version = sample();
        for changes in edits {
            if let Ok(next) = version.apply(&VersionEdit::new(changes)) {
                let snapshot = Version::default().apply(&next.to_snapshot_edit());
                prop_assert_eq!(snapshot.as_ref(), Ok(&next));
                version = next;
            }
        }
    }
}
