//! The schema checks queries too: a mistake is an error before a row is read, and no empty answer.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use srdb::{DataType, Database, Field, Query, Schema, agg, col, row};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let db = Database::open(dir.path())?;
    let schema = Schema::new([
        Field::new("sku", DataType::String),
        Field::new("stock", DataType::UInt8),
        Field::new("price", DataType::Decimal),
        Field::new("weight", DataType::Float32),
        Field::new("added", DataType::Timestamp),
    ])?;
    let items = db.create_table("items", schema)?;
    items.insert_many([
        row! {
            "sku" => "7", "stock" => 200, "price" => "0.10", "weight" => 0.1_f32,
            "added" => "2026-11-01T12:00:00Z",
        },
        row! {
            "sku" => "8", "stock" => 0, "price" => "12.00", "weight" => 2.5_f32,
            "added" => "2026-11-02T08:30:00+02:00",
        },
    ])?;

    // A typing mistake is not a field without values, and a number is not a text.
    show("no such field", &items.query().gt("stok", 10));
    show("text and number", &items.query().eq("sku", 7));
    show("number and text", &items.query().eq("stock", "many"));
    show("text in a number", &items.query().contains("stock", "2"));

    // Numbers compare as numbers, whatever their types: 300 is beyond a uint8, and still greater
    // than all of them.
    show("stock < 300", &items.query().lt("stock", 300));
    show("stock > -1", &items.query().gt("stock", -1));
    // Exactly, too: no float64 is 0.1, but a decimal is. A float32 is compared with a float32.
    show("price = '0.10'", &items.query().eq("price", "0.10"));
    show("price = 0.1", &items.query().eq("price", 0.1));
    show("weight = 0.1", &items.query().eq("weight", 0.1));
    show("weight = 0.1_f32", &items.query().eq("weight", 0.1_f32));
    // Text is read as an instant where a timestamp is compared: half past six in UTC.
    show("added = 06:30Z", &items.query().eq("added", "2026-11-02T06:30:00Z"));

    // A condition that a user gives can be checked without a query.
    if let Err(error) = col("price").is_null().and(col("stock").eq("none")).check(items.schema()) {
        println!("check: {error}");
    }
    if let Err(error) = items.query().aggregate([agg::sum("sku")]).collect() {
        println!("sum: {error}");
    }
    db.close()?;
    Ok(())
}

fn show(what: &str, query: &Query) {
    match query.count() {
        Ok(rows) => println!("{what}: {rows} rows"),
        Err(error) => println!("{what}: error: {error}"),
    }
}
