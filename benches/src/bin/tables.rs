//! Many tables with little data each: what it costs to make them, to rotate the log again and
//! again, and to open them after a close and after a kill.
//!
//! ```text
//! cargo run --release -p srdb-benches --bin tables -- --tables 1000 --rows 10 --rounds 5
//! ```
//!
//! It asserts counts, of files, rows and bytes in memory. Times are for looking at.

#![allow(clippy::print_stdout, reason = "this is a program for a terminal")]

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use srdb::{Background, DataType, Database, Durability, Field, Schema, row};
use srdb_benches::Result;
use srdb_benches::measure::{Meter, anonymous_bytes};

/// Makes many tables with few rows each.
#[derive(Debug, Parser)]
struct Options {
    /// Tables.
    #[arg(long, default_value_t = 1000)]
    tables: usize,
    /// Rows of each table that come between two rotations.
    #[arg(long, default_value_t = 10)]
    rows: usize,
    /// Rotations of the log.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Makes the tables one by one, where they are made together otherwise.
    #[arg(long)]
    singly: bool,
    /// Where the database is put; a new directory within it is made and removed.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// What this program calls itself with: opens the database there, writes, and dies.
    #[arg(long, hide = true)]
    die_in: Option<PathBuf>,
}

/// Times `work` and says so.
fn timed<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let meter = Meter::start();
    let done = work()?;
    println!("{what}: {:.1} ms", meter.stop().wall.as_secs_f64() * 1e3);
    Ok(done)
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(path) = &options.die_in {
        write(&options, &open(path)?, 0)?;
        std::process::abort();
    }
    let dir = tempfile::Builder::new().prefix("tables-").tempdir_in(&options.dir)?;
    let path = dir.path().join("db");
    let how = if options.singly { "one by one" } else { "together" };
    let db = open(&path)?;
    timed(&format!("{} tables made {how}", options.tables), || create(&options, &db))?;
    for round in 1..=options.rounds {
        write(&options, &db, round)?;
        timed(&format!("rotation {round} and its flush"), || {
            db.rotate()?;
            run_jobs(&db)
        })?;
        figures(&db, &path)?;
        let files = count(&path, "sst")?;
        assert_eq!(files, 0, "little data makes no files");
    }
    let rows = (options.rows * options.rounds) as u64;
    timed("close, which flushes everything", || Ok(db.close()?))?;
    println!("{} SSTs after the close", count(&path, "sst")?);
    let db = timed("open after a close", || open(&path))?;
    check(&options, &db, rows)?;
    db.close()?;
    let child = |round: &str| {
        let mut command = Command::new(std::env::current_exe()?);
        let (tables, rows) = (options.tables.to_string(), options.rows.to_string());
        command.args(["--tables", &tables, "--rows", &rows, "--rounds", round]);
        let died = !command.arg("--die-in").arg(&path).status()?.success();
        Result::<bool>::Ok(died)
    };
    assert!(child("1")?, "the other process dies");
    let db = timed("open after a kill", || open(&path))?;
    check(&options, &db, rows + options.rows as u64)?;
    figures(&db, &path)?;
    Ok(db.close()?)
}

fn open(path: &Path) -> Result<Database> {
    Ok(Database::builder(path).background(Background::Manual).open()?)
}

fn run_jobs(db: &Database) -> Result<()> {
    while let Some(job) = db.jobs().first().copied() {
        db.step(job)?;
    }
    Ok(())
}

fn create(options: &Options, db: &Database) -> Result<()> {
    let schema = Schema::new([
        Field::new("at", DataType::Timestamp),
        Field::new("value", DataType::Float64),
        Field::new("note", DataType::String).nullable(),
    ])?;
    let names = (0..options.tables).map(name);
    if options.singly {
        for name in names {
            db.create_table(&name, schema.clone())?;
        }
    } else {
        db.create_tables(names.map(|name| (name, schema.clone())))?;
    }
    Ok(())
}

fn name(table: usize) -> String {
    format!("table-{table:05}")
}

/// Gives each table its rows, in commits over a hundred tables.
fn write(options: &Options, db: &Database, round: usize) -> Result<()> {
    let tables: Vec<usize> = (0..options.tables).collect();
    for hundred in tables.chunks(100) {
        let mut batch = db.batch();
        for number in hundred {
            let rows = (0..options.rows).map(|n| {
                let value = (number * n) as f64 / 10.0;
                row! { "at" => (round * 1000 + n) as i64, "value" => value, "note" => "a few words" }
            });
            batch.insert_many(&db.table(&name(*number))?, rows)?;
        }
        batch.commit_with(Durability::Os)?;
    }
    Ok(())
}

fn check(options: &Options, db: &Database, rows: u64) -> Result<()> {
    assert_eq!(db.tables().len(), options.tables);
    for number in 0..options.tables {
        assert_eq!(db.table(&name(number))?.count(), rows, "rows of table {number}");
    }
    Ok(())
}

fn figures(db: &Database, path: &Path) -> Result<()> {
    let stats = db.stats();
    let memory = anonymous_bytes("self").unwrap_or(0);
    println!(
        "  {} SSTs, {} segments of {} bytes; {} bytes in memtables; process {:.1} MB",
        count(path, "sst")?,
        count(path, "wal")?,
        stats.wal_bytes,
        stats.active_bytes,
        memory as f64 / 1e6,
    );
    assert!(stats.active_bytes < 32 << 20, "memory under the limit of all tables together");
    Ok(())
}

/// The files with an extension in a directory and below.
fn count(dir: &Path, extension: &str) -> Result<usize> {
    let mut files = 0;
    #[expect(clippy::disallowed_methods, reason = "what is counted is what lies on the disk")]
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        files += match path.is_dir() {
            true => count(&path, extension)?,
            false => usize::from(path.extension().is_some_and(|found| found == extension)),
        };
    }
    Ok(files)
}
