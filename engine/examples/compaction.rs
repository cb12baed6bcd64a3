//! The files that flushes leave behind, and how many become few.
//!
//! Each flush writes one file a table. Where these become many, neighbours are merged, behind:
//! nobody has to ask for it, and who reads meanwhile notices nothing.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use srdb::{Background, DataType, Database, Durability, Field, Job, Progress, Schema, Table, row};

const ROWS: i64 = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    // Rows are gathered in memory until there is this much of them, then one file is written.
    let builder = Database::builder(dir.path()).memtable_bytes(16 << 10);
    // Flushes sync what they write, so rows that can be had again need no sync of their own before.
    let builder = builder.durability(Durability::Os);
    // A thread does the work behind, unless the background is manual: here each step is shown.
    let db = builder.background(Background::Manual).open()?;
    let schema = Schema::new([Field::new("n", DataType::Int64)])?;
    let numbers = db.create_table("numbers", schema)?;
    for start in (0..ROWS).step_by(500) {
        numbers.insert_many((start..start + 500).map(|n| row! { "n" => n }))?;
        while db.step(Job::Flush)? != Progress::Idle {}
    }
    db.flush()?;
    show("flushed", &db);

    // A snapshot goes on reading the files that it was taken of.
    let before = numbers.snapshot()?;
    // More than ten files: five neighbours of one size become one, again and again.
    while db.step(Job::Compact)? != Progress::Idle {}
    show("merged as a thread does it", &db);
    // Into as few as can be. There is rarely a reason to ask for this.
    db.compact()?;
    show("merged into one", &db);
    println!("row 12345: {:?}, and before: {:?}", middle(&numbers)?, before.get(12_345)?.is_some());

    // What was merged is removed once nobody reads it.
    drop(before);
    while db.step(Job::Delete)? != Progress::Idle {}
    println!("files that wait to be removed: {}", db.stats().obsolete_files);
    db.close()?;
    Ok(())
}

fn middle(numbers: &Table) -> srdb::Result<Option<srdb::Value>> {
    Ok(numbers.get(12_345)?.and_then(|row| row.get("n").cloned()))
}

fn show(when: &str, db: &Database) {
    for table in &db.stats().tables {
        println!("{when}: SST files: {}, rows in them: {}", table.ssts, table.sst_rows);
    }
}
