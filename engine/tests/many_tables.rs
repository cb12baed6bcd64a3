//! Many tables with little data: no file for each, no memory beyond the limit, nothing lost.

use std::path::Path;

use srdb::{
    Background, Builder, DataType, Database, Durability, Error, Field, Result, Schema, Table, row,
};
use srdb_vfs::{CrashChoice, EntryKind, MemDisk};

const ROOT: &str = "/db";

fn manual(disk: &MemDisk) -> Builder {
    Database::builder(ROOT)
        .vfs(std::sync::Arc::new(disk.clone()))
        .background(Background::Manual)
        .memtable_bytes(64 << 10)
        .wal_zero_ahead(0)
}

fn schema() -> Result<Schema> {
    Schema::new([Field::new("n", DataType::Int64), Field::new("s", DataType::String).nullable()])
}

fn create(db: &Database, count: usize) -> Result<Vec<Table>> {
    let schema = schema()?;
    db.create_tables((0..count).map(|at| (format!("t{at}"), schema.clone())))
}

fn run_jobs(db: &Database) -> Result<()> {
    while let Some(job) = db.jobs().first().copied() {
        db.step(job)?;
    }
    Ok(())
}

fn files(disk: &MemDisk, extension: &str) -> usize {
    let is_it = |path: &Path| path.extension().is_some_and(|e| e == extension);
    disk.list().iter().filter(|(path, kind)| *kind == EntryKind::File && is_it(path)).count()
}

/// Every row of every table: seq, time and value.
fn contents(tables: &[Table]) -> Result<Vec<Vec<(i64, i64, i64)>>> {
    let value = |row: &srdb::Row| row.get("n").and_then(|v| v.as_i64()).unwrap_or(-1);
    let rows = |table: &Table| {
        table.scan(..)?.map(|row| row.map(|row| (row.seq(), row.time(), value(&row)))).collect()
    };
    tables.iter().map(rows).collect()
}

fn reopen(disk: &MemDisk, count: usize) -> Result<(Database, Vec<Table>)> {
    let db = manual(disk).open()?;
    let tables: Result<_> = (0..count).map(|at| db.table(&format!("t{at}"))).collect();
    Ok((db, tables?))
}

#[test]
fn small_memtables_make_no_files_however_often_they_are_rotated() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).memtable_bytes(1 << 20).open()?;
    let tables = create(&db, 100)?;
    for round in 0..5 {
        for table in &tables {
            table.insert_with(row! { "n" => round, "s" => "few" }, Durability::Memory)?;
        }
        assert!(db.rotate()?);
        run_jobs(&db)?;
        assert!(!db.rotate()?, "nothing is new, so nothing is logged again");
        assert_eq!((files(&disk, "sst"), files(&disk, "wal")), (0, 1), "round {round}");
    }
    let before = contents(&tables)?;
    assert!(before.iter().all(|rows| rows.len() == 5));
    for choice in [CrashChoice::keep_all(), CrashChoice::drop_all()] {
        let (after, tables) = reopen(&disk.crash_image(&choice), 100)?;
        assert_eq!(contents(&tables)?, before, "each with the time it had");
        assert!(after.verify()?.is_clean());
    }
    db.close()?;
    assert_eq!((files(&disk, "sst"), disk.list().len() > 100), (100, true), "close flushes all");
    let (db, tables) = reopen(&disk, 100)?;
    assert_eq!(contents(&tables)?, before);
    db.close()
}

#[test]
fn a_large_memtable_is_flushed_and_small_ones_go_on() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    let tables = create(&db, 4)?;
    for round in 0..300 {
        tables[0].insert(row! { "n" => round, "s" => "x".repeat(1000) })?;
        if round % 50 == 0 {
            tables[1].insert(row! { "n" => round })?;
            tables[2].insert(row! { "n" => round, "s" => "second" })?;
        }
    }
    run_jobs(&db)?;
    let stats = db.stats();
    let ssts: Vec<u64> = stats.tables.iter().map(|table| table.ssts).collect();
    assert!(ssts[0] >= 3, "{ssts:?}");
    assert_eq!(ssts[1..], [0, 0, 0]);
    assert!(stats.active_bytes < 64 << 10);
    let before = contents(&tables)?;
    let (_, tables) = reopen(&disk.crash_image(&CrashChoice::drop_all()), 4)?;
    assert_eq!(contents(&tables)?, before);
    Ok(())
}

#[test]
fn what_is_carried_is_an_eighth_of_the_memtables_at_the_most() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    // Of 64 KiB an eighth is 8 KiB: of twelve memtables of 1 KiB seven fit, or eight.
    let tables = create(&db, 12)?;
    for table in &tables {
        table.insert(row! { "n" => 1, "s" => "x".repeat(1000) })?;
    }
    db.rotate()?;
    run_jobs(&db)?;
    let carried = db.stats().tables.iter().filter(|table| table.memtable_rows > 0).count();
    assert!((7..=8).contains(&carried), "{carried}");
    assert_eq!(files(&disk, "sst"), 12 - carried);
    Ok(())
}

#[test]
fn a_flush_and_a_limit_of_nothing_carry_nothing() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    let table = &create(&db, 1)?[0];
    table.insert(row! { "n" => 1 })?;
    db.rotate()?;
    run_jobs(&db)?;
    assert_eq!(files(&disk, "sst"), 0);
    db.flush()?;
    assert_eq!(files(&disk, "sst"), 1, "also what had been carried before");
    db.close()?;
    let db = manual(&disk).carry_bytes_max(0).open()?;
    db.table("t0")?.insert(row! { "n" => 2 })?;
    db.rotate()?;
    run_jobs(&db)?;
    assert_eq!(files(&disk, "sst"), 2);
    db.close()
}

#[test]
fn tables_are_created_together_or_not_at_all() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    create(&db, 2)?;
    let schema = schema()?;
    for names in [["new", "t1"], ["new", "new"], ["new", ""]] {
        let refused = db.create_tables(names.map(|name| (name, schema.clone())));
        assert!(matches!(refused, Err(Error::TableExists { .. } | Error::BadName { .. })));
    }
    assert_eq!(db.tables(), ["t0", "t1"]);
    assert!(db.create_tables(Vec::<(&str, Schema)>::new())?.is_empty());
    for at in 1.. {
        let disk = disk.crash_image(&CrashChoice::keep_all());
        let db = manual(&disk).open()?;
        disk.crash_at(disk.calls() + at);
        let made = db.create_tables(["a", "b", "c"].map(|name| (name, schema.clone()))).is_ok();
        let (after, _) = reopen(&disk.crash_image(&CrashChoice::drop_all()), 2)?;
        assert!([2, 5].contains(&after.tables().len()) && (!made || after.tables().len() == 5));
        if made {
            return Ok(());
        }
    }
    Ok(())
}

/// A rotation, its flush and a commit behind it, with the power failing before each call.
#[test]
fn a_power_loss_at_any_call_of_a_rotation_loses_nothing() -> Result<()> {
    let mut crashes = 0;
    for at in 1.. {
        let disk = MemDisk::new();
        let db = manual(&disk).open()?;
        let tables = create(&db, 3)?;
        for (n, table) in tables.iter().enumerate().take(2) {
            table.insert(row! { "n" => n as i64 })?;
            table.insert(row! { "n" => 10 + n as i64, "s" => "x" })?;
        }
        let before = contents(&tables)?;
        let from = disk.calls();
        disk.crash_at(from + at);
        let outcome = db.rotate().and_then(|_| run_jobs(&db));
        let is_over = !disk.crashed();
        for choice in [CrashChoice::keep_all(), CrashChoice::drop_all()] {
            let (after, tables) = reopen(&disk.crash_image(&choice), 3)?;
            assert_eq!(contents(&tables)?, before, "call {at}");
            tables[2].insert(row! { "n" => 77 })?;
            assert!(after.verify()?.is_clean(), "call {at}");
        }
        if is_over {
            outcome?;
            break;
        }
        crashes += 1;
    }
    assert!(crashes > 5, "{crashes}");
    Ok(())
}

/// Where nothing else holds the rows, damage to what was carried is told, not cut.
#[test]
fn damage_to_what_was_carried_is_reported() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    let tables = create(&db, 2)?;
    tables[0].insert(row! { "n" => 1, "s" => "carried" })?;
    db.rotate()?;
    run_jobs(&db)?;
    let wal = Path::new(ROOT).join("wal/000002.wal");
    let Some(bytes) = disk.read_file(&wal) else { panic!("the segment is not there") };
    for at in 0..bytes.len() {
        let image = disk.crash_image(&CrashChoice::drop_all());
        let mut rotten = bytes.clone();
        rotten[at] ^= 1;
        assert!(image.write_file(&wal, &rotten).is_ok());
        let opened = manual(&image).open();
        assert!(matches!(opened, Err(Error::Corrupt { .. } | Error::Unsupported { .. })), "{at}");
    }
    Ok(())
}
