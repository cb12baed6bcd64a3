//! Several tables in one database: made, listed, found, written to together, dropped.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::thread;

use srdb::{DataType, Database, Field, Schema, row};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("shop.db");
    // Who means to open what is there says so; a mistyped path would be a new database else.
    if let Err(srdb::Error::NoDatabase { .. }) =
        Database::builder(&path).create_if_missing(false).open()
    {
        println!("there is no database yet");
    }

    let db = Database::open(&path)?;
    let orders = db.create_table("orders", Schema::new([Field::new("item", DataType::String)])?)?;
    let fields = [Field::new("item", DataType::String), Field::new("change", DataType::Int64)];
    let stock = db.create_table("stock", Schema::new(fields)?)?;
    db.create_table("scratch", Schema::new([Field::new("n", DataType::Int64)])?)?;
    println!("tables: {:?}", db.tables());

    // An order and what it takes from the stock: both are there, or neither, also after a crash.
    let mut batch = db.batch();
    batch.insert(&orders, row! { "item" => "chair" })?;
    batch.insert(&stock, row! { "item" => "chair", "change" => -1 })?;
    let receipt = batch.commit()?;
    println!("orders {:?}, stock {:?}", receipt.seqs_of(&orders), receipt.seqs_of(&stock));

    // Handles are cheap to clone and go to any thread. Commits that arrive together share a sync.
    thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| orders.insert(row! { "item" => "table" }).map(|_| ())))
            .collect();
        let ends = writers.into_iter().map(|writer| writer.join().expect("no writer panics"));
        ends.collect::<srdb::Result<()>>()
    })?;

    db.drop_table("scratch")?;
    for error in [
        db.table("scratch").err(),
        db.create_table("stock", Schema::new([Field::new("n", DataType::Int64)])?).err(),
    ] {
        println!("{}", error.map_or("no error".into(), |error| error.to_string()));
    }
    db.close()?;
    // Every handle is of no more use, also those of tables.
    if let Err(error) = orders.insert(row! { "item" => "lamp" }) {
        println!("{error}");
    }

    let db = Database::open(&path)?;
    for table in &db.stats().tables {
        println!("{}: {} rows, SST files: {}", table.name, table.rows, table.ssts);
    }
    db.close()?;
    Ok(())
}
