//! Imports rows and says which memory that took beyond mapped files.
//!
//! ```text
//! cargo run --release -p srdb-benches --bin memory -- --rows 3000000
//! ```
//!
//! Rows are made one by one, so that what is seen is the database's. It asserts nothing.

#![allow(clippy::print_stdout, reason = "this is a program for a terminal")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use clap::Parser;
use srdb::{Database, Durability};
use srdb_benches::engines::{append, schema};
use srdb_benches::measure::{Meter, anonymous_bytes};
use srdb_benches::{Generator, Result, SEED};

/// Imports rows and says which memory that took.
#[derive(Debug, Parser)]
struct Options {
    /// Rows.
    #[arg(long, default_value_t = 3_000_000)]
    rows: usize,
    /// Rows of a commit.
    #[arg(long, default_value_t = 1000)]
    batch: usize,
    /// Sync each commit.
    #[arg(long)]
    durable: bool,
    /// Where the database is put; a new directory within it is made and removed.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let dir = tempfile::Builder::new().prefix("memory-").tempdir_in(&options.dir)?;
    let before = anonymous_bytes("self").ok_or("this system does not say what memory is taken")?;
    let (peak, ended) = (AtomicU64::new(0), AtomicBool::new(false));
    let cost = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(SeqCst) {
                peak.fetch_max(anonymous_bytes("self").unwrap_or(0), SeqCst);
                #[expect(clippy::disallowed_methods, reason = "memory is looked at now and then")]
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let cost = import(&options, &dir.path().join("db"));
        ended.store(true, SeqCst);
        cost
    })?;
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let rate = options.rows as f64 / cost.wall.as_secs_f64();
    println!("{} rows in {:.2} s, {rate:.0} rows/s", options.rows, cost.wall.as_secs_f64());
    println!("memory beyond mapped files: {:.1} MB at its peak", mb(peak.load(SeqCst)));
    println!("of it before the database was opened: {:.1} MB", mb(before));
    Ok(())
}

fn import(options: &Options, path: &std::path::Path) -> Result<srdb_benches::measure::Cost> {
    let meter = Meter::start();
    let database = Database::open(path)?;
    let mut appender = database.create_table("log", schema()?)?.appender();
    let durability = if options.durable { Durability::Disk } else { Durability::Os };
    let mut generator = Generator::new(SEED);
    for row in 1..=options.rows {
        append(&mut appender, &generator.next_row())?;
        if row % options.batch == 0 || row == options.rows {
            appender.commit_with(durability)?;
        }
    }
    database.close()?;
    Ok(meter.stop())
}
