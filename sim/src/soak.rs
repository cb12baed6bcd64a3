//! Seeds for as long as one likes, on all cores, going on where the last soak stopped.
//!
//! ```text
//!   state: every seed below `next` is done ◄── collector ◄── worker, worker … : seed after seed
//! ```
//!
//! Invariants:
//! 1. A state tells of all seeds below `next` and of no other, so whenever the process dies, the
//!    next one repeats a few seeds and skips and counts twice none.
//! 2. On disk there is one whole state at any time: a new one is written beside it and renamed.
//! 3. What a range of seeds adds up to depends neither on the threads nor on how often it was
//!    stopped in between.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::campaign::run_seed;
use crate::failure::spell_out;
use crate::run::{Config, Failure, Report};

/// Where the state is kept, unless said otherwise.
pub const STATE_FILE: &str = "sim/failures/soak.json";

/// How long to wait for a result before looking at the time.
const TICK: Duration = Duration::from_millis(200);

/// Failures whose plans are kept; of more there is only the number.
const FAILURES_KEPT: u64 = 100;

/// How far all soaks so far have come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The first seed that is not done.
    pub next: u64,
    /// How many are done.
    pub seeds: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What they did, together.
    pub total: Report,
    /// How many failed.
    pub failed: u64,
    /// The failures that were kept, by seed.
    pub failures: BTreeMap<u64, Kept>,
}

/// A failure that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// What was seen.
    pub what: String,
    /// The plan that shows it.
    pub plan: PathBuf,
}

/// What to do.
#[derive(Debug, Clone)]
pub struct Soak {
    /// On how many threads.
    pub threads: usize,
    /// A bug to plant.
    pub config: Config,
    /// Where to write the plans of failures.
    pub failures: PathBuf,
}

type Done = (u64, Result<Report, Box<Failure>>);

impl State {
    /// Reads a state; one that is not there begins with seed `first`.
    ///
    /// # Errors
    /// If it can't be read or makes no sense; the message names the file.
    pub fn load(path: &Path, first: u64) -> io::Result<State> {
        let named = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        match real_files::read(path) {
            Ok(text) => serde_json::from_str(&text)
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, named(&e))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Ok(State { next: first, ..State::default() })
            }
            Err(e) => Err(io::Error::new(e.kind(), named(&e))),
        }
    }

    /// Replaces the state on disk, whole or not at all.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        real_files::replace(path, &serde_json::to_string_pretty(self)?)
    }
}

impl Soak {
    /// Runs seeds from where `state` stands, until `go_on` says otherwise, which is asked a few
    /// times a second and may show or save what it is given. Seeds in hand are then finished.
    ///
    /// # Errors
    /// Those of `go_on`, and if the plan of a failure can't be written.
    pub fn run(
        &self,
        state: &mut State,
        mut go_on: impl FnMut(&State) -> io::Result<bool>,
    ) -> io::Result<()> {
        let next = AtomicU64::new(state.next);
        let stop = AtomicBool::new(false);
        let (sender, results) = sync_channel(64);
        let work = |sender: std::sync::mpsc::SyncSender<Done>| {
            while !stop.load(Ordering::Relaxed) {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if sender.send((seed, run_seed(seed, self.config))).is_err() {
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.threads.max(1) {
                let sender = sender.clone();
                scope.spawn(|| work(sender));
            }
            drop(sender);
            let result = self.collect(&results, state, &mut go_on, &stop);
            // However that ended, the workers must not wait for somebody to listen.
            stop.store(true, Ordering::Relaxed);
            drop(results);
            result
        })
    }

    fn collect(
        &self,
        results: &Receiver<Done>,
        state: &mut State,
        go_on: &mut impl FnMut(&State) -> io::Result<bool>,
        stop: &AtomicBool,
    ) -> io::Result<()> {
        // Done, but not all before them.
        let mut ahead = BTreeMap::new();
        loop {
            match results.recv_timeout(TICK) {
                Ok((seed, result)) => drop(ahead.insert(seed, result)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            while let Some(result) = ahead.remove(&state.next) {
                self.add(state, result)?;
            }
            if !stop.load(Ordering::Relaxed) && !go_on(state)? {
                stop.store(true, Ordering::Relaxed);
            }
        }
    }

    fn add(&self, state: &mut State, result: Result<Report, Box<Failure>>) -> io::Result<()> {
        let seed = state.next;
        state.next += 1;
        state.seeds += 1;
        match result {
            Ok(report) => state.total.add(&report),
            Err(failure) => {
                state.total.add(&failure.report);
                state.failed += 1;
                if state.failed <= FAILURES_KEPT {
                    let failure = spell_out(failure, self.config.mutant);
                    let plan = failure.save(&self.failures)?;
                    let kept = Kept { what: failure.violation.to_string(), plan };
                    state.failures.insert(seed, kept);
                }
            }
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "the state lies on the real disk")]
#[expect(clippy::disallowed_types, reason = "the state lies on the real disk")]
mod real_files {
    use std::fs::{self, File};
    use std::io::{self, Write};
    use std::path::Path;

    pub(super) fn read(path: &Path) -> io::Result<String> {
        fs::read_to_string(path)
    }

    pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory {
            fs::create_dir_all(directory)?;
        }
        let temp = path.with_extension("tmp");
        let mut file = File::create(&temp)?;
        file.write_all(text.as_bytes())?;
        // Synced before it takes the name: the name never leads to half a state.
        file.sync_all()?;
        fs::rename(&temp, path)
    }
}
