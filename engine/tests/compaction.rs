//! Merging SSTs: what is merged reads as before, by every way there is, and the files are few.

#![expect(clippy::disallowed_methods, reason = "a test that counts the files that lie there")]

use std::fs;
use std::path::Path;

use srdb::{
    Background, DataType, Database, Field, Job, Progress, Result, Row, Schema, Table, col, row,
};

const BLOCK_ROWS: usize = 64;

fn open(dir: &Path) -> Result<Database> {
    Database::builder(dir)
        .background(Background::Manual)
        .block_rows(BLOCK_ROWS)
        .compaction_files_max(4)
        .compaction_fan_in(3)
        .open()
}

fn schema() -> Result<Schema> {
    Schema::new([
        Field::new("n", DataType::Int64),
        Field::new("host", DataType::String).indexed(),
        Field::new("load", DataType::Float64).nullable(),
    ])
}

/// Rows `from..to`, of which the `n` is the `_seq`.
fn insert(table: &Table, from: i64, to: i64) -> Result<()> {
    let rows = (from..to).map(|n| {
        let load = (n % 7 != 0).then_some(n as f64 / 8.0);
        row! { "n" => n, "host" => format!("host-{}", n % 13), "load" => load }
    });
    table.insert_many(rows).map(drop)
}

fn work(db: &Database) -> Result<()> {
    while let Some(job) = db.jobs().first().copied() {
        db.step(job)?;
    }
    Ok(())
}

fn files_in(dir: &Path, table: &str, kind: &str) -> usize {
    fs::read_dir(dir.join("tables").join(table).join(kind)).map_or(0, Iterator::count)
}

fn all(table: &Table) -> Result<Vec<Row>> {
    table.scan(..)?.collect()
}

/// Every row, every way to read it.
fn check(table: &Table, rows: i64) -> Result<()> {
    assert_eq!(table.count(), rows as u64);
    let found = all(table)?;
    let seqs: Vec<i64> = found.iter().map(Row::seq).collect();
    assert_eq!(seqs, (1..=rows).collect::<Vec<_>>());
    for row in &found {
        assert_eq!(row.get("n").and_then(|v| v.as_i64()), Some(row.seq()));
        assert_eq!(table.get(row.seq())?.as_ref(), Some(row));
    }
    for host in 0..13 {
        let name = format!("host-{host}");
        let by_index: Vec<i64> = table
            .query()
            .filter(col("host").eq(name.as_str()))
            .collect()?
            .iter()
            .map(Row::seq)
            .collect();
        let expected: Vec<i64> = (1..=rows).filter(|n| n % 13 == host).collect();
        assert_eq!(by_index, expected, "{name}");
    }
    Ok(())
}

#[test]
fn many_flushes_become_few_files_and_no_row_changes() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = open(dir.path())?;
    let table = db.create_table("t", schema()?)?;
    let mut next = 1;
    // Some flushes are a few rows, some several blocks and a tail.
    for size in [3, 200, 64, 1, 1, 130, 700, 5, 64, 64, 63, 2, 90, 300, 1, 40] {
        insert(&table, next, next + size)?;
        next += size;
        db.flush()?;
        work(&db)?;
        check(&table, next - 1)?;
        assert!(db.verify()?.is_clean(), "{:?}", db.verify()?.problems);
    }
    let ssts = db.stats().tables[0].ssts;
    assert!(ssts <= 6, "{ssts} files");
    assert_eq!(files_in(dir.path(), "1-t", "sst") as u64, ssts);
    assert_eq!(files_in(dir.path(), "1-t", "idx") as u64, ssts);
    db.compact()?;
    work(&db)?;
    assert_eq!(db.stats().tables[0].ssts, 1);
    assert_eq!(files_in(dir.path(), "1-t", "sst"), 1);
    assert_eq!(files_in(dir.path(), "1-t", "idx"), 1);
    check(&table, next - 1)?;
    db.close()?;

    let db = open(dir.path())?;
    let table = db.table("t")?;
    check(&table, next - 1)?;
    // Blocks of merged files are merged again.
    insert(&table, next, next + 10)?;
    db.compact()?;
    check(&table, next + 9)?;
    assert!(db.verify()?.is_clean(), "{:?}", db.verify()?.problems);
    db.close()
}

#[test]
fn who_reads_a_merged_file_goes_on_reading_it() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = open(dir.path())?;
    let table = db.create_table("t", schema()?)?;
    for batch in 0..4 {
        insert(&table, batch * 100 + 1, batch * 100 + 101)?;
        db.flush()?;
    }
    let snapshot = table.snapshot()?;
    let mut scan = table.scan(..)?;
    assert_eq!(scan.next().transpose()?.map(|row| row.seq()), Some(1));
    db.compact()?;
    work(&db)?;
    assert_eq!(files_in(dir.path(), "1-t", "sst"), 5, "four are held, one is new");
    assert_eq!(scan.rev().map(|row| row.map(|row| row.seq())).last().transpose()?, Some(2));
    assert_eq!(snapshot.count(), 400);
    assert_eq!(snapshot.scan(..)?.count(), 400);
    drop(snapshot);
    work(&db)?;
    assert_eq!(files_in(dir.path(), "1-t", "sst"), 1);
    db.close()
}

#[test]
fn what_happens_to_the_table_meanwhile_is_not_undone() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = open(dir.path())?;
    let table = db.create_table("t", schema()?)?;
    for batch in 0..6 {
        insert(&table, batch * 100 + 1, batch * 100 + 101)?;
        db.flush()?;
    }
    // An index is made while files are merged, another is dropped.
    assert_eq!(db.step(Job::Compact)?, Progress::More);
    table.create_index("n")?;
    table.drop_index("host")?;
    work(&db)?;
    assert_eq!(table.indexes(), ["n"]);
    assert_eq!(files_in(dir.path(), "1-t", "idx"), files_in(dir.path(), "1-t", "sst"));
    check(&table, 600)?;
    assert!(db.verify()?.is_clean(), "{:?}", db.verify()?.problems);
    // Closing ends a merge that is under way, and leaves nothing of it behind.
    for batch in 6..12 {
        insert(&table, batch * 100 + 1, batch * 100 + 101)?;
        db.flush()?;
    }
    while !db.jobs().contains(&Job::Compact) {
        db.step(db.jobs()[0])?;
    }
    db.step(Job::Compact)?;
    db.step(Job::Compact)?;
    let ssts = db.stats().tables[0].ssts;
    db.close()?;
    assert_eq!(files_in(dir.path(), "1-t", "sst") as u64, ssts);
    // A table is dropped while its files are merged.
    let db = open(dir.path())?;
    check(&db.table("t")?, 1200)?;
    db.step(Job::Compact)?;
    db.step(Job::Compact)?;
    db.drop_table("t")?;
    work(&db)?;
    assert_eq!(fs::read_dir(dir.path().join("tables")).map_or(0, Iterator::count), 0);
    db.close()
}
