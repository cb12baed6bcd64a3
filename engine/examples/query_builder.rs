//! Conditions, how they nest, order, pages and aggregates.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use srdb::{DataType, Database, Field, Schema, agg, asc, col, desc, row};

#[derive(serde::Deserialize)]
struct Person {
    name: String,
    age: i32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let db = Database::open(dir.path())?;
    let schema = Schema::new([
        Field::new("name", DataType::String),
        Field::new("city", DataType::String),
        Field::new("age", DataType::Int32),
    ])?;
    let people = db.create_table("people", schema)?;
    people.insert_many([
        row! { "name" => "Alice", "city" => "Beijing", "age" => 30 },
        row! { "name" => "Bob", "city" => "Berlin", "age" => 17 },
        row! { "name" => "Carol", "city" => "Beijing", "age" => 41 },
        row! { "name" => "Dave", "city" => "Lima", "age" => 25 },
        row! { "name" => "Erin", "city" => "Berlin", "age" => 68 },
    ])?;

    // Conditions one after the other have all to hold. Only the selected fields are decoded.
    println!("adults in Beijing:");
    let adults = people.query().gt("age", 18).eq("city", "Beijing").select(["name", "age"]);
    for person in adults.collect_as::<Person>()? {
        println!("  {}, {}", person.name, person.age);
    }

    // For `or`, and for anything nested, there are expressions. They are values: build them where
    // the parts are known, print them, keep them.
    let young_or_old = col("age").lt(18).or(col("age").gte(65));
    let expr = young_or_old.and(col("city").in_(["Berlin", "Lima"]));
    println!("{expr}:");
    for row in people.query().filter(expr).rows()? {
        println!("  {:?}", row?.values());
    }

    // With a limit, a sort keeps that many rows and no more. A query reads the table as it was when
    // the query was made, so the pages of one query fit together, whatever is inserted meanwhile.
    let by_age = people.query().order_by(desc("age")).order_by(asc("name"));
    people.insert(row! { "name" => "Frank", "city" => "Oslo", "age" => 99 })?;
    for page in 1..=3 {
        let rows = by_age.clone().paginate(page, 2).collect_as::<Person>()?;
        let names: Vec<_> = rows.into_iter().map(|person| person.name).collect();
        println!("page {page}: {names:?}");
    }

    // Counting reads no more than the conditions need.
    println!("in Berlin: {}", people.query().eq("city", "Berlin").count()?);
    println!("anyone in Paris: {}", people.query().eq("city", "Paris").exists()?);

    let cities = people.query().group_by(["city"]).aggregate([agg::count(), agg::avg("age")]);
    for row in cities.rows()? {
        println!("{}", row?);
    }
    db.close()?;
    Ok(())
}
