//! Not, and what it makes of nulls.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use srdb::{DataType, Database, Expr, Field, Schema, Table, col, row};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let db = Database::open(dir.path())?;
    let schema = Schema::new([
        Field::new("title", DataType::String),
        Field::new("status", DataType::String).nullable(),
        Field::new("stars", DataType::Int32).nullable(),
    ])?;
    let posts = db.create_table("posts", schema)?;
    posts.insert_many([
        row! { "title" => "A", "status" => "public", "stars" => 5 },
        row! { "title" => "B", "status" => "deleted", "stars" => 3 },
        row! { "title" => "C", "status" => "draft" },
        row! { "title" => "D", "stars" => 4 },
    ])?;

    show(&posts, col("status").ne("deleted"))?;
    // The same, as `not` of it. D is in neither: whether an unknown status is "deleted" is unknown,
    // and so is the opposite. A query returns rows for which the whole is true.
    show(&posts, col("status").eq("deleted").not())?;
    // Whoever wants nulls too says so.
    show(&posts, col("status").ne("deleted").or(col("status").is_null()))?;

    show(&posts, col("status").not_in(["deleted", "draft"]))?;
    show(&posts, col("title").not_between("B", "C"))?;
    show(&posts, col("status").not_starts_with("d"))?;
    // This is never unknown.
    show(&posts, col("status").not_null())?;

    // Of C it is unknown whether it is public or has few stars: not the one, and the other unknown.
    show(&posts, col("status").eq("public").or(col("stars").lt(4)).not())?;
    // Here C's stars don't matter: `false and unknown` is false, so `not` of it is true.
    show(&posts, col("status").eq("public").and(col("stars").gt(4)).not())?;
    db.close()?;
    Ok(())
}

fn show(posts: &Table, expr: Expr) -> srdb::Result<()> {
    let text = expr.to_string();
    let rows = posts.query().filter(expr).collect()?;
    let titles: Vec<_> = rows.iter().filter_map(|row| row.get("title")?.as_str()).collect();
    println!("{text}: {titles:?}");
    Ok(())
}
