//! Everything at once on real files for half an hour: what commits cost over time, what memory it
//! takes, what is written for a byte, and whether anything is left behind.
//!
//! ```text
//! cargo run --release -p srdb-benches --bin load -- --minutes 30 --out target/load
//! srdb plot target/load samples --y p50,p99,p999 --out latency.svg
//! ```
//!
//! Two writers sync each commit, one hands in many rows at `Os`; a reader checks what it finds; old
//! rows are dropped, snapshots held, copies made. What is seen every few seconds is printed, and
//! kept in a database. The limits of `--memory-max` and `--amplification-max`, files that are left
//! behind and damage fail the run; times are for looking at.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for a terminal")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Parser;
use hdrhistogram::Histogram;
use srdb::{
    Background, DataType, Database, Durability, Error, Field, Job, Progress, Schema, Stats, Table,
    row,
};
use srdb_benches::measure::{anonymous_bytes, now};
use srdb_benches::mixed::content::{EVENTS, LOG};
use srdb_benches::mixed::{self, Latencies, Plan, WriterPlan, check, files, rest};
use srdb_benches::{Fault, Result};

/// Runs a mixed load.
#[derive(Debug, Parser)]
struct Options {
    /// How long.
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// Rows a second, all writers together.
    #[arg(long, default_value_t = 12_000)]
    rows_per_second: u32,
    /// Rows that are kept.
    #[arg(long, default_value_t = 8_000_000)]
    rows_max: u64,
    /// Seconds between two samples.
    #[arg(long, default_value_t = 10.0)]
    sample: f64,
    /// Bytes of the memtables.
    #[arg(long, default_value_t = 32 << 20)]
    memtable_bytes: usize,
    /// MiB of memory beyond mapped files that no sample may exceed.
    #[arg(long, default_value_t = 200)]
    memory_max: u64,
    /// Bytes written for a byte committed, at the end.
    #[arg(long, default_value_t = 3.0)]
    amplification_max: f64,
    /// Where the database is put; a new directory within it is made and removed.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// A database to keep the samples in; it must not exist.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Of all rows, the part that is synced commit by commit: ten rows each, of two writers.
const SYNCED_PART: f64 = 1.0 / 3.0;
const SYNCED_ROWS: usize = 10;
const BULK_ROWS: usize = 1000;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let dir = tempfile::Builder::new().prefix("load-").tempdir_in(&options.dir)?;
    let path = dir.path().join("db");
    let builder = || Database::builder(&path).memtable_bytes(options.memtable_bytes);
    let per_second = f64::from(options.rows_per_second);
    let synced = WriterPlan {
        rows: SYNCED_ROWS,
        per_second: Some(per_second * SYNCED_PART / 2.0 / SYNCED_ROWS as f64),
        durability: Durability::Disk,
    };
    let bulk = WriterPlan {
        rows: BULK_ROWS,
        per_second: Some(per_second * (1.0 - SYNCED_PART) / BULK_ROWS as f64),
        durability: Durability::Os,
    };
    let plan = Plan {
        writers: vec![synced, synced, bulk],
        readers: 1,
        reader_rest: Duration::from_millis(5),
        rows_max: Some(options.rows_max),
        snapshot_held: Duration::from_secs(20),
        checkpoint_every: Duration::from_secs(60),
        checkpoints_in: dir.path().to_owned(),
    };
    let db = mixed::open(builder())?;
    let latencies = Latencies::new()?;
    let acknowledged = Mutex::new(BTreeMap::new());
    let acknowledge = |writer, n| {
        acknowledged.lock().expect("nobody panics").insert(writer, n);
    };
    let mut samples = Samples::new(options)?;
    mixed::run(&plan, &db, &latencies, &acknowledge, || {
        rest(Duration::from_secs_f64(options.sample));
        samples.take(&db, &latencies)
    })?;
    let stats = db.stats();
    let amplification = stats.write_amplification().unwrap_or(0.0);
    println!("{} rows, {amplification:.2} bytes written for one", stats.commits.rows);
    db.close()?;
    drop(db);
    // Nothing is merged behind while files are counted.
    let at_rest = builder().background(Background::Manual);
    let begun = now();
    let db = at_rest.open()?;
    println!("opened after the close in {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    nothing_left_behind(&db, &path)?;
    let acknowledged = acknowledged.into_inner()?;
    let found = check::check(&db, &acknowledged, options.rows_max)?;
    println!("{} rows read and as they have to be, files verified: clean", found.rows);
    db.close()?;
    samples.close()?;
    if samples.memory_most > options.memory_max << 20 {
        return Err(Fault::from(format!("{} MiB of memory", samples.memory_most >> 20)));
    }
    if amplification > options.amplification_max {
        return Err(Fault::from(format!("write amplification is {amplification:.2}")));
    }
    Ok(())
}

/// Holds the files that there are to those that the database knows, once it has removed the others.
/// The caller sees to it that nothing goes on behind.
fn nothing_left_behind(db: &Database, path: &Path) -> Result<()> {
    while db.step(Job::Delete)? != Progress::Idle {}
    let stats = db.stats();
    let sum = |of: fn(&srdb::TableStats) -> u64| stats.tables.iter().map(of).sum::<u64>();
    let known = [
        ("sst", sum(|table| table.ssts)),
        ("idx", sum(|table| table.index_files)),
        ("wal", stats.wal_segments),
    ];
    for (extension, known) in known {
        let found = files(path, extension)?.len() as u64;
        // A segment is made with the first commit.
        if found > known {
            return Err(Fault::from(format!("{found} files .{extension}, of {known} known")));
        }
        println!("{found} files .{extension}, none of them left behind");
    }
    Ok(())
}

/// What is looked at every few seconds.
struct Samples<'a> {
    options: &'a Options,
    begun: Instant,
    memory_most: u64,
    kept: Option<(Database, Table)>,
}

impl<'a> Samples<'a> {
    fn new(options: &'a Options) -> Result<Self> {
        let kept = match &options.out {
            Some(out) => {
                let db = Database::open(out)?;
                let table = db.create_table("samples", schema()?);
                let table = table.map_err(|error| match error {
                    Error::TableExists { .. } => Fault::from("--out names an older run"),
                    other => other.into(),
                })?;
                Some((db, table))
            }
            None => None,
        };
        println!(
            "{:>7} {:>11} {:>8} {:>8} {:>8} {:>8} | {:>8} {:>8} | {:>8} {:>6} {:>5} {:>7} {:>6}",
            "s",
            "rows",
            "p50 ms",
            "p99",
            "p99.9",
            "most",
            "Os p99",
            "read p99",
            "MiB",
            "files",
            "amp",
            "stalls",
            "MB"
        );
        Ok(Samples { options, begun: now(), memory_most: 0, kept })
    }

    /// Takes a sample; whether to go on.
    fn take(&mut self, db: &Database, latencies: &Latencies) -> Result<bool> {
        let stats = db.stats();
        let memory = anonymous_bytes("self").unwrap_or(0);
        self.memory_most = self.memory_most.max(memory);
        let (synced, unsynced) = (latencies.take_synced(), latencies.take_unsynced());
        let answers = latencies.take_answers();
        let seconds = self.begun.elapsed().as_secs_f64();
        let of = |name: &str, figure: fn(&srdb::TableStats) -> u64| {
            stats.tables.iter().find(|table| table.name == name).map_or(0, figure)
        };
        let files = of(LOG, |t| t.ssts + t.index_files) + of(EVENTS, |t| t.ssts + t.index_files);
        let bytes = of(LOG, |t| t.sst_bytes + t.index_bytes);
        let amplification = stats.write_amplification().unwrap_or(0.0);
        let stalled = stats.stalls.ns as f64 / 1e6;
        println!(
            "{seconds:>7.0} {:>11} {:>8.2} {:>8.2} {:>8.2} {:>8.2} | {:>8.2} {:>8.2} | {:>8.1} \
             {files:>6} {amplification:>5.2} {:>7} {:>6}",
            stats.commits.rows,
            ms(&synced, 0.5),
            ms(&synced, 0.99),
            ms(&synced, 0.999),
            synced.max() as f64 / 1e3,
            ms(&unsynced, 0.99),
            ms(&answers, 0.99),
            memory as f64 / f64::from(1 << 20),
            stats.stalls.stalls,
            bytes / 1_000_000,
        );
        if let Some((_, table)) = &self.kept {
            table.insert(row! {
                "rows" => stats.commits.rows,
                "p50" => ms(&synced, 0.5), "p99" => ms(&synced, 0.99),
                "p999" => ms(&synced, 0.999), "most" => synced.max() as f64 / 1e3,
                "memory" => memory as f64 / f64::from(1 << 20),
                "files" => files, "amplification" => amplification, "stalled" => stalled,
            })?;
        }
        self.note(&stats)?;
        Ok(seconds < self.options.minutes * 60.0)
    }

    fn note(&self, stats: &Stats) -> Result<()> {
        if stats.poisoned { Err(Fault::from("the database is poisoned")) } else { Ok(()) }
    }

    fn close(&self) -> Result<()> {
        self.kept.as_ref().map_or(Ok(()), |(db, _)| Ok(db.close()?))
    }
}

fn ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e3
}

fn schema() -> Result<Schema> {
    Ok(Schema::new([
        Field::new("rows", DataType::Int64),
        Field::new("p50", DataType::Float64).comment("ms of a synced commit"),
        Field::new("p99", DataType::Float64),
        Field::new("p999", DataType::Float64),
        Field::new("most", DataType::Float64),
        Field::new("memory", DataType::Float64).comment("MiB beyond mapped files"),
        Field::new("files", DataType::Int64),
        Field::new("amplification", DataType::Float64),
        Field::new("stalled", DataType::Float64).comment("ms that writers waited for room, so far"),
    ])?)
}
