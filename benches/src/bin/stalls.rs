//! Commits that arrive faster than they can be flushed: how long each of them takes.
//!
//! ```text
//! cargo run --release -p srdb-benches --bin stalls -- --seconds 20
//! ```
//!
//! One thread commits as fast as it is let, at `Os`, so that no sync is in the figures; the
//! database slows it down to the pace of the flush. It asserts nothing.

#![allow(clippy::print_stdout, reason = "this is a program for a terminal")]

use std::path::PathBuf;

use clap::Parser;
use hdrhistogram::Histogram;
use srdb::{Database, Durability};
use srdb_benches::engines::{append, schema};
use srdb_benches::measure::now;
use srdb_benches::{Generator, Result, SEED};

/// Commits faster than can be flushed.
#[derive(Debug, Parser)]
struct Options {
    /// Seconds to go on for.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Rows of a commit.
    #[arg(long, default_value_t = 100)]
    batch: usize,
    /// Bytes of the memtables.
    #[arg(long, default_value_t = 8 << 20)]
    memtable_bytes: usize,
    /// Where the database is put; a new directory within it is made and removed.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let dir = tempfile::Builder::new().prefix("stalls-").tempdir_in(&options.dir)?;
    let db = Database::builder(dir.path().join("db"));
    let db = db.memtable_bytes(options.memtable_bytes).open()?;
    let table = db.create_table("log", schema()?)?;
    let mut generator = Generator::new(SEED);
    let mut histogram = Histogram::<u64>::new(3)?;
    let begun = now();
    let mut appender = table.appender();
    let mut commits = 0_u64;
    while begun.elapsed().as_secs() < options.seconds {
        for _ in 0..options.batch {
            append(&mut appender, &generator.next_row())?;
        }
        let handed_in = now();
        appender.commit_with(Durability::Os)?;
        histogram.record(handed_in.elapsed().as_micros() as u64)?;
        commits += 1;
    }
    let stats = db.stats();
    println!("{commits} commits of {} rows, {} flushes", options.batch, stats.flushes.flushes);
    println!("{} stalls of {:.1} ms together", stats.stalls.stalls, stats.stalls.ns as f64 / 1e6);
    for (name, at) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)] {
        println!("{name:>7} {:>10.3} ms", histogram.value_at_quantile(at) as f64 / 1e3);
    }
    println!("    max {:>10.3} ms", histogram.max() as f64 / 1e3);
    Ok(db.close()?)
}
