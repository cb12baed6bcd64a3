//! What is there after a close, and what after a process that ended without one.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::path::Path;

use srdb::{Background, DataType, Database, Durability, Field, Schema, row};

/// Without a thread that works behind, dropping the database is what the end of a process is: no
/// more I/O, and the lock goes.
fn open(path: &Path) -> srdb::Result<Database> {
    Database::builder(path).background(Background::Manual).open()
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("app.db");

    let db = open(&path)?;
    let schema = Schema::new([Field::new("event", DataType::String)])?;
    let events = db.create_table("events", schema)?;
    events.insert(row! { "event" => "started" })?;
    // One process at a time: a second handle would not know what the first one holds in memory.
    if let Err(srdb::Error::Locked { .. }) = open(&path) {
        println!("it is locked while it is open");
    }
    db.close()?;
    show("after a close", &path)?;

    // Each level says what its commit outlives.
    let db = open(&path)?;
    let events = db.table("events")?;
    events.insert_with(row! { "event" => "synced" }, Durability::Disk)?;
    events.insert_with(row! { "event" => "with the operating system" }, Durability::Os)?;
    events.insert_with(row! { "event" => "in a buffer" }, Durability::Memory)?;
    println!("{} rows before the process ends", events.count());
    drop((db, events)); // and no close
    // What survives is a prefix of the commits. The one in the buffer went with the process.
    show("after an end without a close", &path)?;

    // A sync raises all that was committed before it.
    let db = open(&path)?;
    let events = db.table("events")?;
    events.insert_with(row! { "event" => "in a buffer, then synced" }, Durability::Memory)?;
    db.sync()?;
    drop((db, events));
    show("after a sync and no close", &path)?;
    Ok(())
}

fn show(when: &str, path: &Path) -> srdb::Result<()> {
    let db = open(path)?;
    println!("{when}:");
    for row in db.table("events")?.scan(..)? {
        let row = row?;
        println!("  _seq {}: {:?}", row.seq(), row.values());
    }
    db.close()
}
