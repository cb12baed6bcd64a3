//! What a schema refuses, what it converts, and what it fills in.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use srdb::{DataType, Database, Field, Schema, row};

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct User {
    name: String,
    email: String,
    age: Option<u8>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let db = Database::open(dir.path())?;

    let schema = Schema::new([
        Field::new("name", DataType::String).comment("as the user writes it"),
        Field::new("email", DataType::String).unique(),
        Field::new("age", DataType::UInt8).nullable(),
        Field::new("state", DataType::String).default("new"),
        Field::new("balance", DataType::Decimal).default(0),
    ])?;
    let users = db.create_table("users", schema)?;

    // A field that is left out is its default, else null: here are two of one, one of the other.
    users.insert(row! { "name" => "Alice", "email" => "alice@example.com" })?;
    // A decimal from text is exact, and keeps its digits: 1.50, not 1.5.
    users.insert(row! {
        "name" => "Bob", "email" => "bob@example.com", "age" => 30, "balance" => "1.50",
    })?;
    for row in users.scan(..)? {
        println!("{:?}", row?.values());
    }

    // What does not fit is an error that says which row and field. Nothing is rounded or cut, so
    // that what is read is what was meant.
    let wrong = [
        row! { "email" => "c@example.com" },
        row! { "name" => "Carol", "email" => "c@example.com", "age" => 300 },
        row! { "name" => "Carol", "email" => "c@example.com", "age" => "young" },
        row! { "name" => "Carol", "email" => "c@example.com", "agee" => 30 },
        row! { "name" => "Carol", "email" => "bob@example.com" },
    ];
    for row in wrong {
        if let Err(error) = users.insert(row) {
            println!("refused: {error}");
        }
    }
    println!("{} users", users.count());

    // With structs the compiler knows the fields too.
    let dave = User { name: "Dave".into(), email: "dave@example.com".into(), age: Some(52) };
    let receipt = users.insert_struct(&dave)?;
    if let Some(row) = users.get(receipt.seq())? {
        println!("{:?}", row.into_struct::<User>()?);
    }

    // The schema lies beside the rows: whoever opens the database later need not know it.
    for field in users.schema().fields() {
        println!("{}: {}", field.name(), field.data_type());
    }
    db.close()?;
    Ok(())
}
