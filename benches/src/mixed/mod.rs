//! A load of everything at once, on real files: writers, readers, snapshots that are held,
//! checkpoints, and the oldest rows dropped, all of it while flushes and merges go on behind.
//!
//! | file      | what it is                                                            |
//! |-----------|-----------------------------------------------------------------------|
//! | `content` | rows that say what has to be in them                                  |
//! | `writers` | threads that commit at a pace, or as fast as they are let             |
//! | `readers` | gets, scans, questions by index and over all rows, each answer checked |
//! | `keeper`  | snapshots, checkpoints                                                |
//! | `check`   | is everything there that was acknowledged, and nothing else?          |
//!
//! Whatever is read is held to what it has to be: a wrong answer ends the load with an error.

pub mod check;
pub mod content;
mod keeper;
mod readers;
mod writers;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use hdrhistogram::Histogram;
use srdb::{Builder, Database, Durability, Error, Retention, Table};

pub use keeper::CHECKPOINT;

use crate::Result;
use crate::measure::now;

/// A writer: how much it commits at once, how often, and how durably.
#[derive(Debug, Clone, Copy)]
pub struct WriterPlan {
    /// Rows of a commit.
    pub rows: usize,
    /// Commits a second; as many as it is let where there is no number.
    pub per_second: Option<f64>,
    /// Where a commit is when it is acknowledged.
    pub durability: Durability,
}

/// What a load consists of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whoever writes; its place in the list is its name.
    pub writers: Vec<WriterPlan>,
    /// Threads that read.
    pub readers: usize,
    /// Between two questions of a reader.
    pub reader_rest: Duration,
    /// Rows of the log that are kept, if not all are.
    pub rows_max: Option<u64>,
    /// How long a snapshot is held.
    pub snapshot_held: Duration,
    /// Between two checkpoints.
    pub checkpoint_every: Duration,
    /// A directory that checkpoints may be put into.
    pub checkpoints_in: PathBuf,
}

/// What everybody who takes part shares.
#[derive(Debug)]
pub(crate) struct Shared<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) db: &'a Database,
    pub(crate) log: Table,
    pub(crate) events: Table,
    pub(crate) stop: &'a AtomicBool,
    pub(crate) latencies: &'a Latencies,
}

impl Shared<'_> {
    /// Whether to go on.
    pub(crate) fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

/// What takes longer counts as so much.
const LONGEST: Duration = Duration::from_secs(600);

/// What is counted since somebody last looked.
#[derive(Debug)]
pub struct Latencies {
    /// Of commits, in µs, by the durability of the writer: up to `Os`, and `Disk`.
    commits: [Mutex<Histogram<u64>>; 2],
    /// Answers to readers.
    answers: Mutex<Histogram<u64>>,
}

impl Latencies {
    /// Of nothing yet.
    ///
    /// # Errors
    /// Never: three digits are fine.
    pub fn new() -> Result<Self> {
        let empty = || Histogram::new_with_max(LONGEST.as_micros() as u64, 3).map(Mutex::new);
        Ok(Latencies { commits: [empty()?, empty()?], answers: empty()? })
    }

    pub(crate) fn committed(&self, durability: Durability, took: Duration) {
        record(&self.commits[usize::from(durability == Durability::Disk)], took);
    }

    pub(crate) fn answered(&self, took: Duration) {
        record(&self.answers, took);
    }

    /// What was counted of commits that are synced, and starts anew.
    pub fn take_synced(&self) -> Histogram<u64> {
        take(&self.commits[1])
    }

    /// What was counted of the other commits, and starts anew.
    pub fn take_unsynced(&self) -> Histogram<u64> {
        take(&self.commits[0])
    }

    /// What was counted of readers' questions, and starts anew.
    pub fn take_answers(&self) -> Histogram<u64> {
        take(&self.answers)
    }
}

fn record(histogram: &Mutex<Histogram<u64>>, took: Duration) {
    let mut histogram = histogram.lock().unwrap_or_else(PoisonError::into_inner);
    histogram.saturating_record(took.as_micros() as u64);
}

fn take(histogram: &Mutex<Histogram<u64>>) -> Histogram<u64> {
    let mut histogram = histogram.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = histogram.clone();
    histogram.reset();
    taken
}

/// Opens a database for the load; makes its tables where they are missing.
///
/// # Errors
/// Whatever kept it from being opened.
pub fn open(builder: Builder) -> srdb::Result<Database> {
    let db = builder.open()?;
    let missing = |name| matches!(db.table(name), Err(Error::NoTable { .. }));
    if missing(content::LOG) {
        db.create_table(content::LOG, content::log_schema()?)?;
    }
    if missing(content::EVENTS) {
        db.create_table(content::EVENTS, content::events_schema()?)?;
    }
    Ok(db)
}

/// Runs the load until `meanwhile`, which is called again and again, says `false`, or somebody
/// fails. Each commit is told to `acknowledged`: its writer, and the number of its last row.
///
/// # Errors
/// Whatever the first that failed had to say.
pub fn run(
    plan: &Plan,
    db: &Database,
    latencies: &Latencies,
    acknowledged: &(dyn Fn(i32, i64) + Sync),
    mut meanwhile: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let stop = AtomicBool::new(false);
    let (log, events) = (db.table(content::LOG)?, db.table(content::EVENTS)?);
    if let Some(rows) = plan.rows_max {
        log.set_retention(Retention::new().max_rows(rows))?;
    }
    let shared = Arc::new(Shared { plan, db, log, events, stop: &stop, latencies });
    std::thread::scope(|scope| {
        let mut threads: Vec<ScopedJoinHandle<'_, Result<()>>> = Vec::new();
        for (name, writer) in plan.writers.iter().enumerate() {
            let shared = Arc::clone(&shared);
            threads.push(
                scope.spawn(move || writers::write(&shared, name as i32, writer, acknowledged)),
            );
        }
        for number in 0..plan.readers {
            let shared = Arc::clone(&shared);
            threads.push(scope.spawn(move || readers::read(&shared, number as u64)));
        }
        let keeper = Arc::clone(&shared);
        threads.push(scope.spawn(move || keeper::keep(&keeper)));
        let mut ended = Ok(true);
        while matches!(ended, Ok(true)) && !threads.iter().any(ScopedJoinHandle::is_finished) {
            ended = meanwhile();
        }
        stop.store(true, Ordering::Relaxed);
        let mut result = ended.map(|_| ());
        for thread in threads {
            let left =
                thread.join().unwrap_or_else(|_| Err("a thread of the load panicked".into()));
            result = result.and(left);
        }
        result
    })
}

/// Waits for so long.
pub fn rest(time: Duration) {
    #[expect(clippy::disallowed_methods, reason = "a load has a pace")]
    std::thread::sleep(time);
}

/// Waits until the files that nothing refers to are removed, a minute at the most.
pub fn remove_obsolete(db: &Database) {
    let begun = now();
    while db.stats().obsolete_files > 0 && begun.elapsed() < Duration::from_secs(60) {
        rest(Duration::from_millis(10));
    }
}

/// The files below a directory whose names end like this.
///
/// # Errors
/// Whatever kept the directory from being listed.
pub fn files(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    #[expect(clippy::disallowed_methods, reason = "looking at the files from outside")]
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    Ok(found)
}
