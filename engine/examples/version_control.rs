//! Which files a database consists of is a version of it: the MANIFEST logs them, a snapshot keeps
//! one.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::path::Path;

use srdb::{Background, DataType, Database, Field, Job, Progress, Schema, row};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    // A MANIFEST is replaced by a shorter one when it has grown long. With 0 this is after every
    // flush, so that it can be seen here.
    let builder = Database::builder(dir.path()).background(Background::Manual);
    let db = builder.manifest_bytes_min(0).open()?;
    let schema = Schema::new([Field::new("n", DataType::Int64)])?;
    let numbers = db.create_table("numbers", schema)?;
    println!("a new table: {}", manifest(dir.path())?);

    // A commit changes no version: it is in the log. A flush does: it adds an SST and lets go of a
    // part of the log, both with one record of the MANIFEST, so no crash comes between them.
    numbers.insert_many((1..=3).map(|n| row! { "n" => n }))?;
    println!("a commit: {}", manifest(dir.path())?);
    db.flush()?;
    // MANIFESTs and SSTs share their numbers, and none is used twice: 2 is the SST.
    println!("a flush: {}", manifest(dir.path())?);

    // A snapshot is all tables at one moment, whole commits only. It costs no copy: it holds the
    // list of files and memtables, which never change, and where the rows ended.
    let snapshot = db.snapshot();
    numbers.insert_many((4..=10).map(|n| row! { "n" => n }))?;
    db.flush()?;
    let then = snapshot.table("numbers")?;
    println!("then {} rows, now {}", then.count(), numbers.count());

    let table = dir.path().join("tables/1-numbers");
    // It outlives even its table: the files go when nobody reads them any more.
    db.drop_table("numbers")?;
    while db.step(Job::Delete)? == Progress::More {}
    let rows = then.scan(..)?.collect::<srdb::Result<Vec<_>>>()?;
    let values: Vec<_> = rows.iter().filter_map(|row| row.get("n")?.as_i64()).collect();
    println!("tables now: {:?}, then: {:?} with {values:?}", db.tables(), snapshot.tables());
    println!("files are there: {}", table.exists());

    drop((snapshot, then));
    while db.step(Job::Delete)? == Progress::More {}
    println!("without the snapshot: {}", table.exists());
    db.close()?;
    Ok(())
}

/// Which MANIFEST counts. Another takes its place by a rename of this file, so there is always one.
fn manifest(database: &Path) -> std::io::Result<String> {
    let current = std::fs::read_to_string(database.join("CURRENT"))?;
    let name = current.split(' ').next().unwrap_or_default();
    Ok(format!("CURRENT names {name}"))
}
