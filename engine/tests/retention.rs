//! Dropping the oldest rows: nobody who comes later sees them, whatever still holds them.

use std::path::Path;

use srdb::{
    Background, DataType, Database, Error, Field, Job, Progress, Result, Schema, Table, col, row,
};

fn open(dir: &Path) -> Result<Database> {
    Database::builder(dir).background(Background::Manual).block_rows(16).open()
}

fn schema() -> Result<Schema> {
    Schema::new([
        Field::new("n", DataType::Int64).unique(),
        Field::new("host", DataType::String).indexed(),
    ])
}

/// Rows `from..to`, of which the `n` is the `_seq`.
fn insert(table: &Table, from: i64, to: i64) -> Result<()> {
    let rows = (from..to).map(|n| row! { "n" => n, "host" => format!("host-{}", n % 5) });
    table.insert_many(rows).map(drop)
}

fn work(db: &Database) -> Result<()> {
    while let Some(job) = db.jobs().first().copied() {
        db.step(job)?;
    }
    Ok(())
}

/// That the table has rows `first..end` and no others, whichever way they are asked for.
fn check(table: &Table, first: i64, end: i64) -> Result<()> {
    let figures = (table.first_seq(), table.count() as i64, table.last_seq());
    assert_eq!(figures, (first, end - first, end - 1));
    let seqs: Vec<i64> = table.scan(..)?.map(|row| Ok(row?.seq())).collect::<Result<_>>()?;
    assert_eq!(seqs, (first..end).collect::<Vec<_>>());
    assert!(table.get(first - 1)?.is_none());
    assert_eq!(table.get(first)?.is_some(), first < end);
    assert_eq!(table.query().count()?, figures.1 as u64);
    for host in 0..5 {
        let found = table.query().filter(col("host").eq(format!("host-{host}"))).collect()?;
        let seqs: Vec<i64> = found.iter().map(|row| row.seq()).collect();
        assert_eq!(seqs, (first..end).filter(|n| n % 5 == host).collect::<Vec<_>>());
    }
    Ok(())
}

#[test]
fn dropped_rows_are_gone_from_files_memory_and_indexes() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = open(dir.path())?;
    let table = db.create_table("t", schema()?)?;
    insert(&table, 1, 101)?;
    db.flush()?;
    insert(&table, 101, 201)?;
    db.flush()?;
    insert(&table, 201, 251)?;
    let before = table.snapshot()?;

    assert_eq!(table.drop_before(1)?, 0, "nothing is below the first row");
    // Of the first SST only some rows, in the middle of a block.
    assert_eq!(table.drop_before(41)?, 40);
    check(&table, 41, 251)?;
    assert_eq!(db.stats().tables[0].ssts, 2);
    assert_eq!(table.drop_before(20)?, 0, "what is dropped stays so");
    // All of the first SST, and some of the second.
    assert_eq!(table.drop_before(150)?, 109);
    check(&table, 150, 251)?;
    assert_eq!(db.stats().tables[0].ssts, 1);
    // What is left goes when the file is merged.
    db.compact()?;
    check(&table, 150, 251)?;
    assert_eq!(db.stats().tables[0].sst_rows, 101);
    // Rows that are in memory.
    insert(&table, 251, 301)?;
    assert_eq!(table.drop_before(280)?, 130);
    check(&table, 280, 301)?;
    assert!(db.verify()?.is_clean(), "{:?}", db.verify()?.problems);
    // Whoever read before goes on reading.
    assert_eq!((before.first_seq(), before.count(), before.scan(..)?.count()), (1, 250, 250));
    assert!(before.get(7)?.is_some());
    drop(before);
    work(&db)?;
    db.close()?;

    let db = open(dir.path())?;
    let table = db.table("t")?;
    check(&table, 280, 301)?;
    // The value of a row that is gone may come again, that of one that is there may not.
    insert(&table, 5, 6)?;
    assert!(matches!(insert(&table, 290, 291), Err(Error::NotUnique { .. })));
    assert_eq!(table.last_seq(), 301);
    db.close()
}

#[test]
fn a_table_that_lost_all_its_rows_goes_on_with_their_numbers() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = open(dir.path())?;
    let table = db.create_table("t", schema()?)?;
    insert(&table, 1, 51)?;
    // Beyond the last row: those that come later are not meant.
    assert_eq!(table.drop_before(i64::MAX)?, 50);
    check(&table, 51, 51)?;
    insert(&table, 51, 61)?;
    check(&table, 51, 61)?;
    assert_eq!(table.drop_before(61)?, 10);
    while db.step(Job::Delete)? != Progress::Idle {}
    db.close()?;

    let db = open(dir.path())?;
    let table = db.table("t")?;
    check(&table, 61, 61)?;
    insert(&table, 61, 71)?;
    check(&table, 61, 71)?;
    db.drop_table("t")?;
    assert!(matches!(table.drop_before(65), Err(Error::NoTable { .. })));
    db.close()
}
