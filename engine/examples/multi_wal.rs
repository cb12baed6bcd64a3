//! The segments of the log: when a new one begins, when an old one goes, and recovery from several.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]
#![expect(clippy::disallowed_methods, reason = "it looks at the database's files from outside")]

use std::error::Error;
use std::path::Path;

use srdb::{Background, DataType, Database, Field, Job, Progress, Schema, row};

fn open(path: &Path) -> srdb::Result<Database> {
    // Nothing runs behind, and three generations of memtables may wait for their flush: so there
    // are several segments to look at. Otherwise a thread would flush each at once.
    let builder = Database::builder(path).background(Background::Manual);
    builder.frozen_generations_max(3).open()
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let db = open(dir.path())?;
    let schema = Schema::new([Field::new("n", DataType::Int64)])?;
    let numbers = db.create_table("numbers", schema.clone())?;
    // There is one log for all tables, so a commit over several of them is one write.
    let others = db.create_table("others", schema)?;

    for segment in 0..3 {
        let mut batch = db.batch();
        for n in 0..4 {
            batch.insert(&numbers, row! { "n" => segment * 10 + n })?;
        }
        batch.insert(&others, row! { "n" => segment })?;
        batch.commit()?;
        // The rows in memory are frozen, and the log goes on in a new segment. This happens by
        // itself when the memtables are full.
        db.rotate()?;
    }
    println!("{} generations wait, segments: {:?}", db.stats().frozen_generations, segments(&dir)?);

    // The process ends here. No row is in an SST; all of them are in the log.
    drop((db, numbers, others));
    let db = open(dir.path())?;
    let (numbers, others) = (db.table("numbers")?, db.table("others")?);
    println!("recovered: {} and {} rows", numbers.count(), others.count());
    println!("segments: {:?}", segments(&dir)?);

    // Once rows are in SSTs, and the MANIFEST says so, their segments are of no more use.
    numbers.insert(row! { "n" => 99 })?;
    db.flush()?;
    while db.step(Job::Delete)? != Progress::Idle {}
    println!("after a flush: {:?}", segments(&dir)?);

    // What is in SSTs is not read from the log again; what came later is.
    numbers.insert(row! { "n" => 100 })?;
    drop((db, numbers, others));
    let db = open(dir.path())?;
    let numbers = db.table("numbers")?;
    let stats = &db.stats().tables[0];
    println!("{} rows, {} of them from the log", numbers.count(), stats.memtable_rows);
    db.close()?;
    Ok(())
}

fn segments(database: impl AsRef<Path>) -> std::io::Result<Vec<String>> {
    let entries = std::fs::read_dir(database.as_ref().join("wal"))?;
    let mut names: Vec<_> = entries
        .map(|e| Ok(e?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, std::io::Error>>()?;
    names.sort();
    Ok(names)
}
