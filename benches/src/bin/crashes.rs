//! Crashes that only a real operating system can give: a kill in the middle of everything, a full
//! disk, a sync that fails.
//!
//! ```text
//! cargo run --release -p srdb-benches --bin crashes -- kill --times 200
//! cargo run --release -p srdb-benches --bin crashes -- full /a/small/file/system
//! strace -f -e inject=fdatasync:error=EIO:when=40 crashes write DB
//! ```
//!
//! Each runs the mixed load and holds what is found afterwards to what was acknowledged. The last
//! two need what not every machine has: `benches/scripts/` has a script for each that looks first.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for a terminal")]

use std::collections::BTreeMap;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use clap::{Parser, Subcommand};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use srdb::{Builder, Database, Durability, Error};
use srdb_benches::measure::now;
use srdb_benches::mixed::content::Content;
use srdb_benches::mixed::{self, Latencies, Plan, WriterPlan, check, rest};
use srdb_benches::{Fault, Result, SEED};

/// Crashes from outside.
#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    command: Which,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// Kills a process that runs the load, again and again, and looks at what it left.
    Kill {
        /// How often.
        #[arg(long, default_value_t = 200)]
        times: u32,
        /// Milliseconds that a process lives, at the most.
        #[arg(long, default_value_t = 1500)]
        life_max: u64,
        /// Where the database is put; a new directory within it is made and removed.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
    },
    /// Fills a small file system, makes room again, and goes on.
    Full {
        /// A directory on it; 32 to 256 MB are right.
        dir: PathBuf,
    },
    /// Runs the load until it is killed or fails; prints what was acknowledged.
    Write {
        /// The database.
        db: PathBuf,
        /// Seconds after which it ends by itself.
        #[arg(long, default_value_t = 3600.0)]
        seconds: f64,
    },
    /// Holds a database to what `write` printed.
    Check {
        /// The database.
        db: PathBuf,
        /// A file with the lines.
        acknowledged: PathBuf,
    },
}

/// Rows that are kept: few, so that looking at all of them is quick.
const ROWS_MAX: u64 = 100_000;

/// Rows that are left of a full disk.
const ROWS_LEFT: i64 = 50_000;

fn main() -> ExitCode {
    match run(Options::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crashes: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Which) -> Result<()> {
    match command {
        Which::Kill { times, life_max, dir } => kill(times, life_max, &dir),
        Which::Full { dir } => full(&dir),
        Which::Write { db, seconds } => write(&db, seconds),
        Which::Check { db, acknowledged } => {
            let acknowledged = std::io::BufReader::new(open_to_read(&acknowledged)?);
            let found = recheck(&db, &read_lines(acknowledged))?;
            println!("{} rows as they have to be, nothing acknowledged is missing", found.rows);
            Ok(())
        }
    }
}

/// Small memtables and few files: flushes and merges all the time.
fn builder(path: &Path) -> Builder {
    Database::builder(path).memtable_bytes(512 << 10).compaction_files_max(4).compaction_fan_in(3)
}

fn plan(checkpoints_in: &Path) -> Plan {
    let writer = |rows, durability| WriterPlan { rows, per_second: None, durability };
    Plan {
        writers: vec![
            writer(1, Durability::Disk),
            writer(7, Durability::Disk),
            writer(100, Durability::Os),
        ],
        readers: 1,
        reader_rest: Duration::from_millis(1),
        rows_max: Some(ROWS_MAX),
        snapshot_held: Duration::from_millis(150),
        checkpoint_every: Duration::from_millis(300),
        checkpoints_in: checkpoints_in.to_owned(),
    }
}

/// Runs the load, and prints each commit when it is acknowledged.
fn write(path: &Path, seconds: f64) -> Result<()> {
    let db = mixed::open(builder(path))?;
    let above = path.parent().unwrap_or(Path::new("."));
    let acknowledged = |writer: i32, n: i64| {
        // One write: a line that a kill cut off has no end, and does not count.
        let line = format!("{writer} {n}\n");
        let _ = std::io::stdout().write_all(line.as_bytes());
    };
    let begun = now();
    let ran = mixed::run(&plan(above), &db, &Latencies::new()?, &acknowledged, || {
        rest(Duration::from_millis(5));
        Ok(begun.elapsed().as_secs_f64() < seconds)
    });
    if let Err(error) = ran {
        // After a failed sync nothing may be acknowledged any more.
        if db.stats().poisoned {
            let event = srdb::row! { "writer" => -1, "n" => 0 };
            let after = db.table("events")?.insert(event);
            if !matches!(after, Err(Error::Poisoned { .. })) {
                return Err(Fault::from(format!("poisoned, and a commit says {after:?}")));
            }
            println!("poisoned: {error}");
        }
        return Err(error);
    }
    Ok(db.close()?)
}

fn kill(times: u32, life_max: u64, dir: &Path) -> Result<()> {
    let dir = tempfile::Builder::new().prefix("crashes-").tempdir_in(dir)?;
    let path = dir.path().join("db");
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut acknowledged = BTreeMap::new();
    let (mut slowest, mut rows) = (Duration::ZERO, 0);
    for time in 1..=times {
        let life = Duration::from_millis(1 + random.next_u64() % life_max);
        for (writer, n) in live_and_die(&path, life)? {
            let before = acknowledged.insert(writer, n);
            rows += n - before.unwrap_or(-1);
        }
        let begun = now();
        let db = mixed::open(builder(&path))?;
        slowest = slowest.max(begun.elapsed());
        let found = check::check(&db, &acknowledged, ROWS_MAX)
            .map_err(|error| Fault::from(format!("after kill {time}: {error}")))?;
        check_copy(&dir.path().join(mixed::CHECKPOINT))?;
        // Half of them are left as the kill left them, but for the recovery.
        if time % 2 == 0 {
            db.close()?;
        }
        if time % 10 == 0 {
            println!("{time} kills, {rows} rows acknowledged, {} held to be right", found.rows);
        }
    }
    println!("{times} kills: nothing that was acknowledged is missing; slowest open {slowest:?}");
    Ok(())
}

/// A copy that has its name is whole, though its maker was killed.
fn check_copy(path: &Path) -> Result<()> {
    if path.exists() {
        let db = Database::builder(path).create_if_missing(false).open()?;
        check::check(&db, &BTreeMap::new(), ROWS_MAX)?;
        db.close()?;
        std::fs::remove_dir_all(path)?;
    }
    Ok(())
}

/// Starts a process that writes, kills it, and returns the last row acknowledged by each writer.
fn live_and_die(path: &Path, life: Duration) -> Result<BTreeMap<i32, i64>> {
    let mut child = Command::new(std::env::current_exe()?);
    let mut child = child.arg("write").arg(path).stdout(Stdio::piped()).spawn()?;
    let lines = child.stdout.take().map(|out| {
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| read_lines(BufReader::new(out)));
            rest(life);
            let killed = end(&mut child);
            (reader.join(), killed)
        })
    });
    let Some((lines, killed)) = lines else { return Err("no output of the process".into()) };
    if killed? {
        return Err("the process ended before it was killed".into());
    }
    lines.map_err(|_| "a reader panicked".into())
}

/// Kills a process; whether it had ended by itself.
fn end(child: &mut Child) -> Result<bool> {
    let ended = child.try_wait()?.is_some();
    child.kill()?;
    child.wait()?;
    Ok(ended)
}

/// The last whole line of each writer.
fn read_lines(mut from: impl std::io::BufRead) -> BTreeMap<i32, i64> {
    let mut last = BTreeMap::new();
    let mut line = String::new();
    while from.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        let whole = line.strip_suffix('\n').and_then(|line| line.split_once(' '));
        let numbers = whole
            .and_then(|(writer, n)| Some((writer.parse::<i32>().ok()?, n.parse::<i64>().ok()?)));
        last.extend(numbers);
        line.clear();
    }
    last
}

fn recheck(path: &Path, acknowledged: &BTreeMap<i32, i64>) -> Result<check::Found> {
    let db = mixed::open(builder(path))?;
    let found = check::check(&db, acknowledged, ROWS_MAX)?;
    db.close()?;
    Ok(found)
}

/// Fills the file system until a commit is refused; makes room; goes on. Three times.
fn full(dir: &Path) -> Result<()> {
    let (path, ballast) = (dir.join("db"), dir.join("ballast"));
    fill(&ballast, 8 << 20)?;
    let acknowledged = Mutex::new(BTreeMap::new());
    let acknowledge = |writer, n| {
        acknowledged.lock().expect("nobody panics").insert(writer, n);
    };
    let mut plan = plan(dir);
    // Nothing is dropped: it has to become full.
    plan.rows_max = None;
    // A copy would hold on to what is dropped.
    plan.checkpoint_every = Duration::MAX;
    for round in 1..=3 {
        let db = mixed::open(builder(&path))?;
        let ran = mixed::run(&plan, &db, &Latencies::new()?, &acknowledge, || {
            rest(Duration::from_millis(5));
            Ok(true)
        });
        let Err(error) = ran else { return Err("the disk did not get full".into()) };
        let is_full = error.downcast_ref::<Error>().is_some_and(is_storage_full);
        println!("round {round}: {error}");
        if !is_full {
            return Err(Fault::from(format!("not an error of a full disk: {error:?}")));
        }
        let acknowledged = acknowledged.lock().expect("nobody panics").clone();
        // Still readable, all of it.
        let rows_kept = if round == 1 { u64::MAX } else { 0 };
        check::check(&db, &acknowledged, rows_kept)?;
        #[expect(clippy::disallowed_methods, reason = "room is made from outside")]
        std::fs::remove_file(&ballast)?;
        // With room again it goes on as it is, and as it is found by whoever opens it.
        let mut appender = db.table("log")?.appender();
        appender.append_row(&Content::of(100 + round, 0).values())?;
        appender.commit()?;
        check::check(&db, &acknowledged, rows_kept)?;
        db.close()?;
        let db = mixed::open(builder(&path))?;
        check::check(&db, &acknowledged, rows_kept)?;
        // Every writer finds where it was in what is left.
        let log = db.table("log")?;
        log.drop_before(log.last_seq() - ROWS_LEFT)?;
        mixed::remove_obsolete(&db);
        db.close()?;
        fill(&ballast, 8 << 20)?;
    }
    println!("full three times: clear errors, nothing acknowledged is missing, and it goes on");
    Ok(())
}

fn is_storage_full(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::StorageFull) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[expect(clippy::disallowed_methods, reason = "a file beside the database")]
fn fill(path: &Path, bytes: usize) -> Result<()> {
    Ok(std::fs::write(path, vec![1; bytes])?)
}

#[expect(clippy::disallowed_types, reason = "a file beside the database")]
fn open_to_read(path: &Path) -> Result<std::fs::File> {
    Ok(std::fs::File::open(path)?)
}
