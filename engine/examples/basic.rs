//! Opens a database, puts rows in, and reads them by number.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use srdb::{DataType, Database, Durability, Field, Schema, row};

fn main() -> Result<(), Box<dyn Error>> {
    // A program would give a path that stays, as `Database::open("sensors.db")`.
    let dir = tempfile::tempdir()?;
    let db = Database::open(dir.path())?;

    let schema = Schema::new([
        Field::new("sensor", DataType::String),
        Field::new("celsius", DataType::Float64),
    ])?;
    let readings = db.create_table("readings", schema)?;

    // The receipt says which numbers the rows got. They are dense, so they are all one needs to
    // find a row again.
    let receipt = readings.insert(row! { "sensor" => "roof", "celsius" => 21.5 })?;
    println!("one row: _seq {}, durable: {:?}", receipt.seq(), receipt.durability());

    // One commit for many rows costs one write and at most one sync, and is there whole or not at
    // all. Measurements that can be taken again need not wait for the disk.
    let rows =
        (0..5).map(|i| row! { "sensor" => "cellar", "celsius" => 12.0 + f64::from(i) / 4.0 });
    let receipt = readings.insert_many_with(rows, Durability::Os)?;
    println!("many rows: _seq {:?}, durable: {:?}", receipt.seqs(), receipt.durability());

    match readings.get(1)? {
        Some(row) => println!("row 1: {:?}", row.values()),
        None => println!("there is no row 1"),
    }
    // To ask for a number that no row has is no error.
    println!("row 100: {:?}", readings.get(100)?);

    // Scans are lazy and go both ways: the latest three are read, not all.
    for row in readings.scan(..)?.rev().take(3) {
        let row = row?;
        println!("_seq {}: {:?}", row.seq(), row.values());
    }

    println!("{} rows", readings.count());
    // Not needed for safety, but the next open need not read the log then.
    db.close()?;
    Ok(())
}
