//! Looking into text: its start, its end, a part, a pattern.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use srdb::{DataType, Database, Field, Query, Schema, col, row};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let db = Database::open(dir.path())?;
    let schema = Schema::new([
        Field::new("email", DataType::String),
        Field::new("note", DataType::String).nullable(),
    ])?;
    let users = db.create_table("users", schema)?;
    users.insert_many([
        row! { "email" => "alice@gmail.com", "note" => "prefers tea" },
        row! { "email" => "bob@example.com", "note" => "100% coffee" },
        row! { "email" => "carol@gmail.com" },
        row! { "email" => "Alan@example.org", "note" => "茶がすき" },
    ])?;

    show("ends_with @gmail.com", &users.query().ends_with("email", "@gmail.com"))?;
    // Case counts: this is not Alan.
    show("starts_with al", &users.query().starts_with("email", "al"))?;
    // No character is special, so text from a user needs no escaping.
    show("contains %", &users.query().contains("note", "%"))?;
    show("contains 茶", &users.query().contains("note", "茶"))?;

    // A null holds no text, and lacks none either: carol, who has no note, is in neither answer.
    show("contains tea", &users.query().contains("note", "tea"))?;
    show("not_contains tea", &users.query().not_contains("note", "tea"))?;

    // A pattern matches anywhere unless ^ and $ pin it; (?i) is for either case.
    show("matches (?i)^al", &users.query().matches("email", "(?i)^al"))?;
    show("matches com$ or org$", &users.query().matches("email", r"\.(com|org)$"))?;

    let expr = col("email").ends_with("@gmail.com").and(col("note").not_null());
    show("both", &users.query().filter(expr))?;

    // A pattern that can't be read is an error before any row is.
    if let Err(error) = users.query().matches("email", "(").count() {
        println!("refused: {}", error.to_string().lines().next().unwrap_or_default());
    }
    db.close()?;
    Ok(())
}

fn show(what: &str, query: &Query) -> srdb::Result<()> {
    let rows = query.collect()?;
    let emails: Vec<_> = rows.iter().filter_map(|row| row.get("email")?.as_str()).collect();
    println!("{what}: {}", emails.join(", "));
    Ok(())
}
