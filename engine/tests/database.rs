//! The public API, from the outside: what goes in comes out, before and after everything that can
//! happen to a database in between.

use std::path::Path;
use std::sync::Arc;

use srdb::vfs::{CrashChoice, MemClock, MemDisk};
use srdb::{
    Background, Builder, DataType, Database, Durability, Error, Field, Job, Result, Schema, Table,
    Value, row,
};

fn schema() -> Schema {
    Schema::new([
        Field::new("n", DataType::Int64),
        Field::new("name", DataType::String).nullable(),
        Field::new("x", DataType::Float64).default(0.5),
    ])
    .expect("a good schema")
}

fn manual(disk: &MemDisk) -> Builder {
    Database::builder("db")
        .vfs(Arc::new(disk.clone()))
        .clock(Arc::new(MemClock::new(1_000_000, 10)))
        .background(Background::Manual)
        .block_rows(4)
}

fn insert(table: &Table, numbers: impl IntoIterator<Item = i64>) -> Result<()> {
    let rows = numbers.into_iter().map(|n| row! { "n" => n, "name" => format!("row {n}") });
    table.insert_many(rows).map(|_| ())
}

/// The table holds exactly the rows 1..=last, however it is read.
fn check(table: &Table, last: i64) {
    assert_eq!((table.count(), table.last_seq()), (last.unsigned_abs(), last));
    let forward: Vec<_> = table.scan(..).and_then(Iterator::collect).expect("a clean scan");
    let backward: Vec<_> =
        table.scan(..).and_then(|scan| scan.rev().collect()).expect("a clean scan");
    assert!(forward.iter().eq(backward.iter().rev()), "backward is forward reversed");
    assert_eq!(forward.len() as i64, last);
    for (row, n) in forward.iter().zip(1..) {
        assert_eq!(row.seq(), n);
        let expected = [Value::from(n), Value::from(format!("row {n}")), Value::from(0.5)];
        assert_eq!(row.values(), expected);
        assert_eq!(table.get(n).expect("a clean read").as_ref(), Some(row));
        let name = table.get_fields(n, &["name"]).expect("a clean read").expect("there");
        assert_eq!(name.values(), &expected[1..2]);
    }
    assert_eq!(table.get(last + 1).expect("a clean read"), None);
    assert_eq!(table.get(0).expect("a clean read"), None);
}

#[test]
fn rows_survive_flush_close_and_reopen() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for round in 0..3 {
        let db = Database::builder(dir.path()).block_rows(8).memtable_bytes(2000).open()?;
        let table = if round == 0 { db.create_table("t", schema())? } else { db.table("t")? };
        check(&table, round * 100);
        for start in (round * 100 + 1..).step_by(20).take(5) {
            insert(&table, start..start + 20)?;
        }
        check(&table, round * 100 + 100);
        db.flush()?;
        check(&table, round * 100 + 100);
        assert!(db.verify()?.is_clean(), "{:?}", db.verify()?.problems);
        db.close()?;
        assert!(matches!(table.get(1), Err(Error::Closed)));
    }
    Ok(())
}

#[test]
fn rows_survive_without_a_close() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    {
        let db = Database::open(dir.path())?;
        insert(&db.create_table("t", schema())?, 1..=50)?;
        // Dropped without a close: the log has everything.
    }
    let db = Database::open(dir.path())?;
    check(&db.table("t")?, 50);
    insert(&db.table("t")?, 51..=60)?;
    drop(db);
    let db = Database::open(dir.path())?;
    check(&db.table("t")?, 60);
    db.close()
}

#[test]
fn a_power_loss_takes_nothing_that_was_acknowledged_at_disk() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    let table = db.create_table("t", schema())?;
    insert(&table, 1..=10)?;
    db.rotate()?;
    insert(&table, 11..=13)?;
    table.insert_with(row! { "n" => 99 }, Durability::Os)?;
    for steps in 0.. {
        for choice in [CrashChoice::keep_all(), CrashChoice::drop_all()] {
            let image = disk.crash_image(&choice);
            let after = manual(&image).open()?;
            let table = after.table("t")?;
            assert!(table.count() == 13 || table.count() == 14, "{} rows", table.count());
            if table.count() == 13 {
                check(&table, 13);
            }
            assert!(after.verify()?.is_clean(), "after {steps} steps: {:?}", after.verify()?);
        }
        let Some(job) = db.jobs().first().copied() else { break };
        db.step(job)?;
    }
    Ok(())
}

#[test]
fn a_batch_is_one_commit_over_all_its_tables() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    let (a, b) = (db.create_table("a", schema())?, db.create_table("b", schema())?);
    let mut batch = db.batch();
    batch.insert(&a, row! { "n" => 1 })?.insert(&b, row! { "n" => 2 })?;
    batch.insert(&a, row! { "n" => 3 })?;
    let receipt = batch.commit()?;
    assert_eq!(
        (receipt.commit(), receipt.seqs_of(&a), receipt.seqs_of(&b)),
        (1, Some(1..3), Some(1..2))
    );
    let times: Vec<i64> =
        a.scan(..)?.chain(b.scan(..)?).map(|r| r.map(|r| r.time())).collect::<Result<_>>()?;
    assert!(times.iter().all(|time| *time == receipt.time()), "{times:?}");
    Ok(())
}

#[test]
fn a_bad_row_keeps_its_whole_batch_out() -> Result<()> {
    let db = manual(&MemDisk::new()).open()?;
    let table = db.create_table("t", schema())?;
    let rows = [row! { "n" => 1 }, row! { "n" => "two" }];
    match table.insert_many(rows) {
        Err(Error::BadRow { row: 1, field, .. }) => assert_eq!(field, "n"),
        other => panic!("a bad row was expected, got {other:?}"),
    }
    assert_eq!(table.count(), 0);
    Ok(())
}

#[test]
fn a_ticket_waits_for_a_commit_that_others_may_write() -> Result<()> {
    let db = manual(&MemDisk::new()).open()?;
    let table = db.create_table("t", schema())?;
    let first = table.submit([row! { "n" => 1 }], Durability::Memory)?;
    let second = table.submit([row! { "n" => 2 }], Durability::Disk)?;
    assert_eq!((first.is_done(), table.count()), (false, 0));
    assert_eq!(second.wait()?.seqs(), 2..3);
    assert!(first.is_done());
    assert_eq!(first.wait()?.seqs(), 1..2);
    drop(table.submit([row! { "n" => 3 }], Durability::Os)?);
    assert_eq!(db.jobs(), [Job::Commit]);
    db.step(Job::Commit)?;
    assert_eq!(table.count(), 3);
    Ok(())
}

#[test]
fn a_snapshot_stays_where_it_is() -> Result<()> {
    let db = manual(&MemDisk::new()).open()?;
    let table = db.create_table("t", schema())?;
    insert(&table, 1..=6)?;
    let snapshot = db.snapshot();
    let scan = table.scan(..)?;
    insert(&table, 7..=20)?;
    db.flush()?;
    db.drop_table("t")?;
    while db.jobs().contains(&Job::Delete) {
        db.step(Job::Delete)?;
    }
    assert_eq!((snapshot.table("t")?.count(), snapshot.table("t")?.scan(..)?.count()), (6, 6));
    assert_eq!(scan.count(), 6);
    assert!(matches!(table.get(1), Err(Error::NoTable { .. })));
    Ok(())
}

#[test]
fn rows_are_found_by_their_time() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    let table = db.create_table("t", schema())?;
    let mut times = Vec::new();
    for n in 1..=30 {
        insert(&table, [n])?;
        times.push(table.get(n)?.expect("just inserted").time());
        if n == 17 {
            db.flush()?;
        }
    }
    for (from, to) in [(0, 29), (5, 5), (3, 20), (29, 29)] {
        let rows: Vec<i64> = table
            .scan_time(times[from]..=times[to])?
            .map(|r| r.map(|r| r.seq()))
            .collect::<Result<_>>()?;
        let expected: Vec<i64> = (from as i64 + 1..=to as i64 + 1).collect();
        assert_eq!(rows, expected);
    }
    assert_eq!(table.scan_time(times[29] + 1..)?.count(), 0);
    assert_eq!(table.scan_time(..times[0])?.count(), 0);
    Ok(())
}

#[test]
fn a_dropped_table_is_gone_for_good() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    let table = db.create_table("t", schema())?;
    insert(&table, 1..=6)?;
    db.drop_table("t")?;
    assert!(matches!(insert(&table, [7]), Err(Error::NoTable { .. })));
    let again = db.create_table("t", schema())?;
    insert(&again, 1..=3)?;
    let reopened = manual(&disk.process_crash()).open()?;
    check(&reopened.table("t")?, 3);
    Ok(())
}

#[test]
fn a_second_opening_is_refused_and_names_the_holder() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = Database::open(dir.path())?;
    match Database::open(dir.path()) {
        Err(Error::Locked { holder: Some(holder), .. }) => {
            assert!(holder.contains(&std::process::id().to_string()), "{holder}");
        }
        other => panic!("a lock was expected, got {other:?}"),
    }
    db.close()?;
    Database::open(dir.path())?.close()
}

#[test]
fn what_is_not_a_database_is_left_alone() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let missing = Database::builder(dir.path().join("none")).create_if_missing(false).open();
    assert!(matches!(missing, Err(Error::NoDatabase { .. })), "{missing:?}");
    assert!(!Path::new(&dir.path().join("none")).exists());
}

#[test]
fn the_manifest_is_replaced_when_it_has_grown() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    // 40 fields with long comments make an edit of about 20 KB.
    let fields =
        (0..40).map(|i| Field::new(format!("field {i}"), DataType::Int8).comment("x".repeat(500)));
    let wide = Schema::new(fields)?;
    let keep = db.create_table("keep", schema())?;
    for _ in 0..60 {
        db.create_table("wide", wide.clone())?;
        db.drop_table("wide")?;
    }
    let before =
        disk.list().into_iter().find(|(path, _)| path.to_string_lossy().contains("MANIFEST"));
    insert(&keep, 1..=6)?;
    db.flush()?;
    let after =
        disk.list().into_iter().filter(|(path, _)| path.to_string_lossy().contains("MANIFEST"));
    let after: Vec<_> = after.collect();
    assert_eq!(after.len(), 1, "{after:?}");
    assert_ne!(before.as_ref(), after.first());
    check(&manual(&disk.crash_image(&CrashChoice::drop_all())).open()?.table("keep")?, 6);
    Ok(())
}
