//! A disk without room: what is acknowledged stays, and room that is made is used.

use std::io::ErrorKind;
use std::sync::Arc;

use srdb::{Builder, DataType, Database, Error, Field, Result, Schema, Table, row};
use srdb_vfs::{Fault, FaultKind, MemDisk, OpKind};

/// Bytes of the disk.
const CAPACITY: u64 = 1 << 20;

fn builder(disk: &MemDisk) -> Builder {
    Database::builder("/db")
        .vfs(Arc::new(disk.clone()))
        .memtable_bytes(16 << 10)
        // A merge may take the room that is made, until it fails and gives it back.
        .compaction_files_max(usize::MAX)
        .carry_bytes_max(0)
        .block_rows(64)
        .wal_zero_ahead(0)
}

fn create(db: &Database) -> Result<Table> {
    db.create_table("t", Schema::new([Field::new("n", DataType::Int64)])?)
}

/// Values that no encoding makes small.
fn value(n: i64) -> i64 {
    n.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

/// Inserts until the disk is full; how many rows there are.
fn fill(table: &Table) -> Result<i64> {
    for n in table.last_seq() + 1.. {
        match table.insert(row! { "n" => value(n) }) {
            Ok(_) => {}
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::StorageFull => {
                return Ok(n - 1);
            }
            Err(other) => return Err(other),
        }
    }
    Ok(0)
}

#[test]
fn a_writer_goes_on_when_room_was_made_from_outside() -> Result<()> {
    let disk = MemDisk::new();
    let db = builder(&disk).open()?;
    let table = create(&db)?;
    for round in 1..=3 {
        disk.set_capacity(Some(CAPACITY * round));
        let rows = fill(&table)?;
        assert_eq!(table.count(), rows as u64, "what was refused is not there");
        disk.set_capacity(Some(CAPACITY * (round + 1)));
        // However often the flush has failed meanwhile: that there is room now is what counts.
        for n in rows + 1..=rows + 3000 {
            table.insert(row! { "n" => value(n) })?;
        }
    }
    db.close()?;
    let db = builder(&disk).open()?;
    for (at, row) in db.table("t")?.scan(..)?.enumerate() {
        assert_eq!(row?.get("n"), Some(&srdb::Value::Int(value(at as i64 + 1))));
    }
    db.close()
}

#[test]
fn what_can_be_removed_is_removed_while_a_flush_fails() -> Result<()> {
    const FAILURES: u64 = 50;
    let disk = MemDisk::new();
    let db = builder(&disk).open()?;
    let table = create(&db)?;
    for n in 1..=3000 {
        table.insert(row! { "n" => value(n) })?;
    }
    db.flush()?;
    for nth in 1..=FAILURES {
        let full = FaultKind::StorageFull { bytes: 0 };
        disk.inject(Fault::new(OpKind::Create, nth, full).on("*.sst"));
    }
    table.insert(row! { "n" => 3001 })?;
    db.rotate()?;
    wait_until(|| db.stats().flushes.failed > 0);
    let before = db.stats().removed_files;
    table.drop_before(1500)?;
    wait_until(|| db.stats().removed_files > before);
    let failed = db.stats().flushes.failed;
    assert!(failed < FAILURES, "{failed} attempts came before any file was removed");
    while db.flush().is_err() {}
    db.close()
}

#[test]
fn who_would_not_wait_hears_of_the_failure_and_has_the_flush_tried_again() -> Result<()> {
    let disk = MemDisk::new();
    let db = builder(&disk).open()?;
    let table = create(&db)?;
    for nth in 1..=2 {
        let full = FaultKind::StorageFull { bytes: 0 };
        disk.inject(Fault::new(OpKind::Create, nth, full).on("*.sst"));
    }
    // Nobody else writes: without them the worker would rest for ever.
    let mut failures = 0;
    wait_until(|| {
        match table.try_insert(row! { "n" => 1 }) {
            Ok(_) | Err(Error::WouldStall) => {}
            Err(Error::Io { .. }) => failures += 1,
            Err(other) => panic!("{other}"),
        }
        db.stats().flushes.flushes > 1
    });
    assert!((1..=2).contains(&failures), "{failures}");
    db.close()
}

/// Gives the others their turn until something is so, or clearly never will be.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let is_so = |_| {
        std::thread::yield_now();
        is_so()
    };
    assert!((0..1_000_000).any(is_so), "waited in vain");
}
