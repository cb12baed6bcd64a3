//! What opening repairs by itself, and what it reports instead.
//!
//! The end of the log that a crash tore was never acknowledged as synced: it is cut. A changed byte
//! in what was synced is damage of the medium: no one can know what stood there, so it is reported.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]
#![expect(clippy::disallowed_methods, reason = "it harms the database's files from outside")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb::vfs::MemClock;
use srdb::{Background, DataType, Database, Durability, Field, Schema, row};

fn open(path: &Path) -> srdb::Result<Database> {
    // A clock that begins at the same moment in each run, so that the files are the same each time.
    let builder = Database::builder(path).clock(Arc::new(MemClock::default()));
    builder.background(Background::Manual).open()
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let db = open(dir.path())?;
    let schema = Schema::new([Field::new("n", DataType::Int64)])?;
    let numbers = db.create_table("numbers", schema)?;
    for n in [10, 20, 30] {
        // Two rows a commit, which are with the operating system, not on the disk.
        numbers.insert_many_with([row! { "n" => n }, row! { "n" => n + 1 }], Durability::Os)?;
    }
    println!("committed: {:?}", values(&db)?);
    drop((db, numbers));

    // Now the power fails while the last of it is being written.
    let segment = last_file(&dir.path().join("wal"))?;
    let file = fs::OpenOptions::new().write(true).open(&segment)?;
    file.set_len(file.metadata()?.len() - 5)?;

    // The last commit is not whole, so neither of its rows is there; the others are.
    let db = open(dir.path())?;
    println!("recovered: {:?}", values(&db)?);
    db.table("numbers")?.insert(row! { "n" => 99 })?;
    println!("it goes on: {:?}, sound: {}", values(&db)?, db.verify()?.is_clean());
    db.close()?;

    // Then a byte of a file changes that was synced long ago.
    let sst = last_file(&dir.path().join("tables/1-numbers/sst"))?;
    let mut bytes = fs::read(&sst)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&sst, &bytes)?;
    let db = open(dir.path())?;
    for problem in db.verify()?.problems {
        // The checksum of the whole file is wrong, and that of the part of it that was changed.
        if let srdb::Error::Corrupt { path, offset, .. } = problem {
            let file = path.strip_prefix(dir.path())?.display();
            println!("byte {middle} was changed: {file} is corrupt at offset {offset}");
        }
    }
    // A wrong value is never returned for a right one.
    println!("reading it fails: {}", values(&db).is_err());
    db.close()?;

    // What helps is the file from a backup.
    bytes[middle] ^= 0x40;
    fs::write(&sst, &bytes)?;
    let db = open(dir.path())?;
    println!("restored: {:?}, sound: {}", values(&db)?, db.verify()?.is_clean());
    db.close()?;
    Ok(())
}

fn values(db: &Database) -> srdb::Result<Vec<i64>> {
    let rows = db.table("numbers")?.scan(..)?;
    rows.map(|row| Ok(row?.get("n").and_then(|n| n.as_i64()).unwrap_or_default())).collect()
}

fn last_file(dir: &Path) -> std::io::Result<PathBuf> {
    let paths = fs::read_dir(dir)?.map(|entry| Ok(entry?.path()));
    let paths = paths.collect::<std::io::Result<Vec<_>>>()?;
    paths.into_iter().max().ok_or_else(|| std::io::Error::other("an empty directory"))
}
