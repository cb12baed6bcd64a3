//! The files that flushes leave behind, and what to do about many of them.
//!
//! There is no compaction yet: nothing merges these files. This shows what there would be to merge,
//! and how to have few of them from the start.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::path::Path;

use srdb::{Background, DataType, Database, Durability, Field, Job, Progress, Schema, Table, row};

const ROWS: i64 = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    // Rows are gathered in memory until there is this much of them, then one file is written.
    fill(&dir.path().join("small.db"), 64 << 10)?;
    // With room for all of them there is one file. This is what to change when files are many.
    fill(&dir.path().join("large.db"), 16 << 20)?;
    Ok(())
}

fn fill(path: &Path, memtable_bytes: usize) -> srdb::Result<()> {
    println!("memtables of {} KiB:", memtable_bytes >> 10);
    let builder = Database::builder(path).memtable_bytes(memtable_bytes);
    // Flushes sync what they write, so rows that can be had again need no sync of their own before.
    let builder = builder.durability(Durability::Os).background(Background::Manual);
    let db = builder.open()?;
    let schema = Schema::new([Field::new("n", DataType::Int64)])?;
    let numbers = db.create_table("numbers", schema)?;
    for start in (0..ROWS).step_by(500) {
        numbers.insert_many((start..start + 500).map(|n| row! { "n" => n }))?;
        // A thread does this unless the background is manual; nobody calls it in a program.
        while db.step(Job::Flush)? != Progress::Idle {}
    }
    show("  before the last flush", &db);
    db.flush()?;
    show("  after it", &db);

    // A file holds a range of `_seq` of its own, so a row is looked for in one of them, and a scan
    // reads one after the other. Many files cost open files and room, more than time.
    println!("  row 12345: {:?}", middle(&numbers)?);
    let rows = numbers.scan(..)?.try_fold(0, |rows, row| row.map(|_| rows + 1))?;
    println!("  rows by a scan: {rows}");
    // Dropping a table is what frees space today.
    db.drop_table("numbers")?;
    while db.step(Job::Delete)? != Progress::Idle {}
    println!("  tables after the drop: {}", db.stats().tables.len());
    db.close()
}

fn middle(numbers: &Table) -> srdb::Result<Option<srdb::Value>> {
    Ok(numbers.get(12_345)?.and_then(|row| row.get("n").cloned()))
}

fn show(when: &str, db: &Database) {
    for table in &db.stats().tables {
        let (files, inside, memory) = (table.ssts, table.sst_rows, table.memtable_rows);
        println!("{when}: SST files: {files}, rows in them: {inside}, in memory: {memory}");
    }
}
