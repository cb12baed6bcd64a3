//! Readers that go on for long: whatever becomes of the files meanwhile, they see what they began
//! with.

use std::sync::Arc;

use srdb::vfs::MemDisk;
use srdb::{
    Background, DataType, Database, Field, Job, Progress, Result, Retention, Row, Schema, Table,
    Value, row,
};

const ROWS: i64 = 1000;

fn create() -> Result<(MemDisk, Database, Table)> {
    let disk = MemDisk::new();
    let builder = Database::builder("/db").vfs(Arc::new(disk.clone()));
    let builder = builder.background(Background::Manual).block_rows(16);
    let db = builder.compaction_files_max(2).compaction_fan_in(2).open()?;
    let field = Field::new("n", DataType::Int64).indexed();
    let table = db.create_table("t", Schema::new([field])?)?;
    Ok((disk, db, table))
}

fn insert(db: &Database, table: &Table) -> Result<()> {
    for part in 0..10 {
        let from = table.last_seq() + 1;
        table.insert_many((from..from + ROWS / 10).map(|n| row! { "n" => n }))?;
        // The last part stays in memory.
        if part < 9 {
            db.flush()?;
        }
    }
    Ok(())
}

/// All work that is there, removing files included.
fn work(db: &Database) -> Result<()> {
    while let Some(job) = db.jobs().first() {
        if db.step(*job)? == Progress::Idle && *job != Job::Retain {
            break;
        }
    }
    Ok(())
}

fn n(row: Result<Row>) -> Result<i64> {
    match row?.get("n") {
        Some(Value::Int(n)) => Ok(*n),
        other => panic!("{other:?}"),
    }
}

/// Takes a scan from both ends by turns; between two rows, now and then, something happens.
fn read_while(mut happens: impl FnMut(&Database, &Table, usize) -> Result<()>) -> Result<()> {
    let (_disk, db, table) = create()?;
    insert(&db, &table)?;
    let snapshot = table.snapshot()?;
    let mut scan = snapshot.scan(..)?;
    let mut found = Vec::new();
    for step in 0..ROWS / 2 {
        if step % 50 == 25 {
            happens(&db, &table, (step / 50) as usize)?;
            work(&db)?;
        }
        found.extend(scan.next().map(n).transpose()?);
        found.extend(scan.next_back().map(n).transpose()?);
    }
    assert!(scan.next().is_none() && scan.next_back().is_none());
    found.sort_unstable();
    assert!(found.into_iter().eq(1..=ROWS), "every row, once");
    assert_eq!(snapshot.count(), ROWS as u64);
    let one = snapshot.query().eq("n", 7).count()?;
    assert_eq!(one, 1, "by index, too");
    drop((scan, snapshot));
    work(&db)?;
    assert_eq!(db.stats().obsolete_files, 0, "nothing is kept for readers that are gone");
    db.close()
}

#[test]
fn a_scan_goes_on_over_merges() -> Result<()> {
    let mut merged = 0;
    read_while(|db, table, _| {
        insert(db, table)?;
        db.compact()?;
        merged = db.stats().compactions.compactions;
        Ok(())
    })?;
    assert!(merged > 0);
    Ok(())
}

#[test]
fn a_scan_goes_on_over_rows_that_are_dropped() -> Result<()> {
    read_while(|db, table, time| {
        db.flush()?;
        table.drop_before(time as i64 * 150)?;
        Ok(())
    })
}

#[test]
fn a_scan_goes_on_over_limits() -> Result<()> {
    read_while(|db, table, time| {
        db.flush()?;
        table.set_retention(Retention::new().max_rows(1000 - 100 * time as u64))
    })
}

#[test]
fn a_scan_goes_on_over_the_end_of_its_table() -> Result<()> {
    read_while(|db, _, time| if time == 3 { db.drop_table("t") } else { Ok(()) })
}
