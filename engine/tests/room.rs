//! Writers that are faster than the flush: who is slowed down, who is refused, and what it costs.

use std::sync::Arc;
use std::time::Duration;

use srdb::{
    Background, Builder, DataType, Database, Durability, Error, Field, Job, Progress, Result,
    Schema, Table, row,
};
use srdb_vfs::{MemClock, MemDisk};

/// Bytes of a row in memory: its time and its value.
const ROW: usize = 16;

/// Rows that fill the memtables.
const FULL: usize = 1024;

fn manual(disk: &MemDisk) -> Builder {
    Database::builder("/db")
        .vfs(Arc::new(disk.clone()))
        .background(Background::Manual)
        .memtable_bytes(ROW * FULL)
        .carry_bytes_max(0)
        .block_rows(64)
        .wal_zero_ahead(0)
}

fn create(db: &Database) -> Result<Table> {
    db.create_table("t", Schema::new([Field::new("n", DataType::Int64)])?)
}

fn rows(count: usize) -> impl Iterator<Item = srdb::RowBuf> {
    (0..count).map(|n| row! { "n" => n as i64 })
}

/// Inserts rows one by one until there is no room; how many.
fn fill(table: &Table) -> Result<usize> {
    for count in 0.. {
        match table.try_submit(rows(1), Durability::Memory) {
            Ok(ticket) => drop(ticket.wait()?),
            Err(Error::WouldStall) => return Ok(count),
            Err(other) => return Err(other),
        }
    }
    Ok(0)
}

#[test]
fn room_opens_block_by_block_while_a_flush_gets_on() -> Result<()> {
    let db = manual(&MemDisk::new()).open()?;
    let table = create(&db)?;
    table.insert_many_with(rows(FULL), Durability::Memory)?;
    // The first row behind them freezes them; then half of the room is there at once.
    assert_eq!(fill(&table)?, FULL / 2);
    let before = table.count();
    assert!(matches!(table.try_insert(row! { "n" => 1 }), Err(Error::WouldStall)));
    assert_eq!(table.count(), before, "nothing was written");
    let mut opened = Vec::new();
    // Its end frees the place for another one, which would be filled, too.
    while db.step(Job::Flush)? != Progress::Done {
        opened.push(fill(&table)?);
    }
    let opened: Vec<usize> = opened.into_iter().filter(|rows| *rows > 0).collect();
    assert_eq!(opened, [32; 16], "half of the room, block by block");
    let stats = db.stats();
    assert!(stats.stalls.refused > 16 && stats.stalls.stalls == 0, "{:?}", stats.stalls);
    db.close()
}

#[test]
fn a_writer_that_waits_does_the_steps_it_needs_and_no_more() -> Result<()> {
    let db = manual(&MemDisk::new()).open()?;
    let table = create(&db)?;
    table.insert_many_with(rows(FULL), Durability::Memory)?;
    fill(&table)?;
    table.insert_with(row! { "n" => 1 }, Durability::Memory)?;
    let stats = db.stats();
    assert_eq!((stats.frozen_generations, stats.stalls.stalls), (1, 1), "the flush goes on");
    db.close()
}

#[test]
fn a_timeout_is_kept_and_what_it_refuses_is_not_written() -> Result<()> {
    // Each look at the clock takes a millisecond.
    let clock = Arc::new(MemClock::new(0, 1_000_000));
    let db = manual(&MemDisk::new()).clock(clock).open()?;
    let table = create(&db)?;
    table.insert_many_with(rows(FULL), Durability::Memory)?;
    fill(&table)?;
    let before = table.count();
    let refused = table.insert_timeout(row! { "n" => 1 }, Duration::from_micros(10));
    assert!(matches!(refused, Err(Error::WouldStall)), "{refused:?}");
    assert_eq!(table.count(), before);
    table.insert_timeout(row! { "n" => 1 }, Duration::from_secs(60))?;
    assert_eq!(table.count(), before + 1);
    let mut batch = db.batch();
    batch.insert_many(&table, rows(3))?;
    batch.commit_timeout(Durability::Os, Duration::from_secs(60))?;
    assert_eq!(table.count(), before + 4);
    db.close()
}

#[test]
fn what_is_in_the_queue_counts() -> Result<()> {
    let db = manual(&MemDisk::new()).open()?;
    let table = create(&db)?;
    table.insert_many_with(rows(FULL), Durability::Memory)?;
    table.insert_with(row! { "n" => 1 }, Durability::Memory)?;
    assert_eq!(db.stats().frozen_generations, 1);
    let ahead = table.submit(rows(2 * FULL), Durability::Memory)?;
    let behind = table.try_submit(rows(1), Durability::Memory);
    assert!(matches!(behind, Err(Error::WouldStall)));
    ahead.wait()?;
    db.close()
}

#[test]
fn writers_with_threads_behind_get_room_within_their_time() -> Result<()> {
    let db = manual(&MemDisk::new()).background(Background::Threads).open()?;
    let table = create(&db)?;
    let count: u64 = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    (0..4 * FULL)
                        .map(|n| {
                            let row = row! { "n" => n as i64 };
                            table.insert_timeout(row, Duration::from_secs(60)).map(|_| 1)
                        })
                        .sum::<Result<u64>>()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap_or(Ok(0))).sum::<Result<u64>>()
    })?;
    assert_eq!((count, table.count()), (12 * FULL as u64, 12 * FULL as u64));
    db.close()
}
