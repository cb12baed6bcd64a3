//! The example of the README: it stands here as it stands there, and it runs.

#[expect(clippy::print_stdout, reason = "an example that shows something")]
mod example {
    use srdb::{DataType, Database, Durability, Field, Schema, row};

    pub(super) fn main() -> srdb::Result<()> {
        let db = Database::open("sensors.db")?;
        let schema = Schema::new([
            Field::new("sensor", DataType::String),
            Field::new("celsius", DataType::Float64).nullable(),
        ])?;
        let readings = db.create_table("readings", schema)?;

        // One row. It is on disk, and synced, when this returns.
        let first = readings.insert(row! { "sensor" => "roof", "celsius" => 21.5 })?;

        // Many rows in one atomic commit, which a crash of this process can't take back.
        let rows = (0..1000).map(|i| row! { "sensor" => "cellar", "celsius" => i / 100 });
        readings.insert_many_with(rows, Durability::Os)?;

        println!("{:?}", readings.get(first.seq())?);
        for row in readings.scan_time(first.time()..)?.rev().take(3) {
            println!("{:?}", row?.get("celsius"));
        }
        db.close()
    }
}

#[test]
fn the_example_of_the_readme_runs() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::env::set_current_dir(directory.path()).expect("a directory that was just made");
    example::main().expect("the example runs");
    let db = srdb::Database::open("sensors.db").expect("the example left a database");
    assert_eq!(db.table("readings").expect("with a table").count(), 1001);
    std::env::set_current_dir("/").expect("a way out of the directory");
}

#[test]
fn the_readme_shows_the_example_that_runs() {
    let this = include_str!("readme.rs").replace("pub(super) fn main", "fn main");
    let (_, inside) = this.split_once("mod example {\n").expect("the example's start");
    let (inside, _) = inside.split_once("\n}\n").expect("the example's end");
    let lines = inside.lines().map(|line| line.strip_prefix("    ").unwrap_or(line));
    let example = lines.collect::<Vec<_>>().join("\n");
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&format!("```rust\n{example}\n```")), "README.md lacks:\n{example}");
}
