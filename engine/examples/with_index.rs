//! An index on a field: made with the table or later, and when a query uses it.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use srdb::{Background, DataType, Database, Field, Job, Progress, Query, Schema, row};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    // The index of rows that are there is built behind, by a thread. Here it is done step by step
    // instead, so that this prints the same each time.
    let db = Database::builder(dir.path()).background(Background::Manual).open()?;
    let schema = Schema::new([
        Field::new("order", DataType::Int64).indexed(),
        Field::new("customer", DataType::String),
    ])?;
    let orders = db.create_table("orders", schema)?;
    let customer = |order: i64| format!("customer {}", order * 7919 % 1000);
    orders.insert_many((0..10_000).map(|n| row! { "order" => n, "customer" => customer(n) }))?;
    db.flush()?;

    // Without an index every block is a candidate, unless its least and greatest value exclude it;
    // customers lie in any order, so they exclude nothing.
    let query = || orders.query().eq("customer", "customer 42");
    show("without an index", &query())?;

    // Queries are right at any moment. Until the index of a file is built they read the file.
    orders.create_index("customer")?;
    show("before it is built", &query())?;
    while db.step(Job::BuildIndex)? != Progress::Idle {}
    println!("indexes: {:?}", orders.indexes());
    show("with it", &query())?;

    // Rows that come later are in the index as they are inserted.
    let later = 10_000..11_000;
    orders.insert_many(later.map(|n| row! { "order" => n, "customer" => customer(n) }))?;
    show("with more rows, in memory", &query())?;

    // An index serves ranges as well. It is left aside where it would name many rows, because to
    // read the blocks in order is cheaper then.
    show("a range", &orders.query().between("order", 100, 104))?;
    show("a wide range", &orders.query().gte("order", 5000))?;

    orders.drop_index("customer")?;
    println!("indexes: {:?}", orders.indexes());
    db.close()?;
    Ok(())
}

fn show(when: &str, query: &Query) -> srdb::Result<()> {
    let (rows, plan) = (query.count()?, query.explain()?);
    match plan.indexed.is_empty() {
        true => println!("{when}: {rows} rows; {} blocks to filter", plan.filtered),
        false => println!("{when}: {rows} rows; the index names {}", plan.index_rows),
    }
    Ok(())
}
