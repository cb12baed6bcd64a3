//! Runs a plan: the engine, the disk, the model and the oracles, step by step.
//!
//! ```text
//!   step ─► call the engine ─► settle tickets, judge errors ─► disk crashed? ─► restart
//! ```
//!
//! Invariants:
//! 1. Nothing but the plan decides what happens.
//! 2. Whatever the engine answers goes into the run's hash; what it asks of the disk goes into the
//!    disk's.
//! 3. No panic leaves a run: it is a violation like any other.

mod ask;
mod checkpoint;
mod commit;
mod cut;
mod figures;
mod follow;
mod handle;
mod harm;
mod query;
mod read;
mod record;
mod restart;
mod retain;
mod room;
mod scan;
mod step;

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use srdb::{Database, Error, Receipt, Snapshot, Table, Ticket};
use srdb_vfs::{MemClock, MemDisk, TraceEntry};

use crate::coverage::{self, Phase, Tracker};
use crate::db::kind;
use crate::model::Model;
use crate::mutants::{Mutant, MutantLayer};
use crate::oracle::faults::{Causes, Verdict};
use crate::oracle::manifest::Floors;
use crate::oracle::ssts::Ssts;
use crate::oracle::{Violation, determinism, ending, faults};
use crate::panics;
use crate::plan::{After, At, Image, Plan};
use crate::shape::Shape;
use crate::vfs::{Layered, Watch};

pub use cut::{Medium, PowerCut, Stop};

use record::Recorder;
pub use record::{Answer, DiskCall, Event, Opening, Recording};

/// How many steps a history goes back.
const HISTORY_STEPS: usize = 30;

/// How a plan is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Config {
    /// A bug to plant.
    pub mutant: Option<Mutant>,
    /// Keep every call to the disk, and spell out in the plan what survived each crash.
    pub exact: bool,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// One number for everything that happened.
    pub hash: u64,
    /// Steps done.
    pub steps: u64,
    /// Crashes and what was found after them.
    pub cycles: u64,
    /// Calls that changed the disk.
    pub calls: u64,
    /// Calls that failed, by order or by crash.
    pub errors: u64,
    /// Bytes that rotted, and how many of them the engine reported.
    pub rotted: u64,
    /// See [`Report::rotted`].
    pub rot_reported: u64,
    /// How often the planted bug took effect.
    pub mutant_hits: u64,
}

/// A run that went wrong.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The plan; after an [`Config::exact`] run with every crash image spelt out.
    pub plan: Plan,
    /// What was seen.
    pub violation: Violation,
    /// The step, from 0; as many as the plan has if it was at the end.
    pub step: usize,
    /// The last steps and how they came out, oldest first.
    pub history: Vec<String>,
    /// Every call to the disk, after an exact run.
    pub trace: Vec<TraceEntry>,
    /// What was done up to there.
    pub report: Report,
}

/// Runs a plan.
///
/// # Errors
/// The first violation.
pub fn run(plan: &Plan, config: Config) -> Result<Report, Box<Failure>> {
    finish(plan, config, Recorder::off()).result
}

/// Runs a plan exactly and returns every call it made to the disk, too.
///
/// # Errors
/// The first violation.
pub fn run_traced(
    plan: &Plan,
    mutant: Option<Mutant>,
) -> Result<(Report, Vec<TraceEntry>), Box<Failure>> {
    let done = finish(plan, Config { mutant, exact: true }, Recorder::off());
    let trace = done.trace;
    done.result.map(|report| (report, trace))
}

/// Runs a plan exactly and returns it as it was run: with every crash that happened spelt out.
pub fn run_exact(plan: &Plan, mutant: Option<Mutant>) -> (Plan, Result<Report, Box<Failure>>) {
    let done = finish(plan, Config { mutant, exact: true }, Recorder::off());
    (done.plan, done.result)
}

/// Runs a plan exactly and takes down everything that a report is drawn from.
pub fn run_recorded(plan: &Plan, mutant: Option<Mutant>) -> Recording {
    let record = Recorder::on();
    let done = finish(plan, Config { mutant, exact: true }, record.clone());
    Recording { plan: done.plan, mutant, result: done.result, events: record.take() }
}

/// Runs a plan twice; the determinism oracle compares the hashes.
///
/// # Errors
/// The first violation of the first run, or that the second one went another way.
pub fn run_twice(plan: &Plan, config: Config) -> Result<Report, Box<Failure>> {
    let first = run(plan, config)?;
    let second = run(plan, config);
    let second = second.as_ref().map_err(|failure| &failure.violation);
    let Err(violation) = determinism::compare(&first, second) else { return Ok(first) };
    Err(Box::new(Failure {
        plan: plan.clone(),
        violation,
        step: plan.steps.len(),
        history: Vec::new(),
        trace: Vec::new(),
        report: first,
    }))
}

/// A run that is over.
struct Finished {
    plan: Plan,
    result: Result<Report, Box<Failure>>,
    trace: Vec<TraceEntry>,
}

fn finish(plan: &Plan, config: Config, record: Recorder) -> Finished {
    let mut run = Run::new(plan, config);
    run.record = record;
    let result = run.guarded(Run::all);
    run.record_end();
    let trace = run.disk.trace();
    Finished { result: result.map(|()| run.report), plan: run.plan, trace }
}

#[cfg(feature = "mutants")]
fn plant_in_engine(mutant: Option<Mutant>) {
    srdb::mutant::plant(mutant.and_then(Mutant::in_engine));
}

#[cfg(feature = "mutants")]
fn hits_in_engine() -> u64 {
    srdb::mutant::hits()
}

#[cfg(not(feature = "mutants"))]
fn plant_in_engine(_: Option<Mutant>) {}

#[cfg(not(feature = "mutants"))]
fn hits_in_engine() -> u64 {
    0
}

/// A crash that will happen at a call.
#[derive(Debug, Clone)]
struct Armed {
    step: usize,
    image: Image,
    after: After,
}

/// A snapshot and what it must show: per table its rows.
struct Kept {
    snapshot: Snapshot,
    tables: Vec<(u8, Shape, read::Expected)>,
}

/// A run in progress.
struct Run {
    /// The plan; images are replaced by exact ones as they are drawn, if so configured.
    plan: Plan,
    config: Config,
    disk: MemDisk,
    watch: Arc<Watch>,
    /// What has been read of the files, and what must not be taken back.
    ssts: Ssts,
    floors: Floors,
    /// Counts what goes wrong where and when, if somebody wants to know.
    tracker: Option<Arc<Tracker>>,
    clock: MemClock,
    mutant_hits: Arc<AtomicU64>,
    db: Option<Database>,
    model: Model,
    tickets: Vec<(u64, Ticket)>,
    heard: BTreeMap<u64, srdb::Result<Receipt>>,
    snapshots: Vec<Kept>,
    scans: Vec<scan::Open>,
    /// The checkpoints that were made, or begun, and the one that is being made.
    copies: BTreeMap<u8, checkpoint::Copy>,
    making: Option<checkpoint::Making>,
    /// Who reads beside the database.
    follower: Option<follow::Following>,
    /// Handles of tables that were dropped.
    dropped: Vec<Table>,
    /// The database was there once: it is opened, not created.
    born: bool,
    /// The recovery before this one did not end.
    interrupted: bool,
    armed: Option<Armed>,
    /// Of which calls the next armed crash counts.
    aim: Option<At>,
    /// The tables as they were when the database was closed, for hearing of the last commits.
    closed_tables: BTreeMap<u8, Table>,
    /// What the database should have counted since it was opened.
    tally: figures::Tally,
    /// The database has said that it is poisoned.
    poisoned: bool,
    /// When the step began, nothing could be written any more.
    unwritable: bool,
    /// What the disk has done in silence.
    harm: harm::Harm,
    /// The run has come to an early end that is legal.
    over: bool,
    /// The step that is being done.
    at: usize,
    history: VecDeque<(usize, String)>,
    report: Report,
    /// Takes everything down, if a report is wanted.
    record: Recorder,
}

impl Run {
    fn new(plan: &Plan, config: Config) -> Self {
        Run::on(MemDisk::new(), plan, config)
    }

    fn on(disk: MemDisk, plan: &Plan, config: Config) -> Self {
        disk.set_trace(config.exact);
        let clock = MemClock::default();
        clock.seed_entropy(plan.seed);
        let mut run = Run {
            plan: plan.clone(),
            config,
            disk,
            watch: Arc::default(),
            ssts: Ssts::default(),
            floors: Floors::default(),
            tracker: coverage::installed().map(|coverage| Arc::new(Tracker::new(coverage))),
            clock,
            mutant_hits: Arc::default(),
            db: None,
            model: Model::new(),
            tickets: Vec::new(),
            heard: BTreeMap::new(),
            snapshots: Vec::new(),
            scans: Vec::new(),
            copies: BTreeMap::new(),
            making: None,
            follower: None,
            dropped: Vec::new(),
            born: false,
            interrupted: false,
            armed: None,
            aim: None,
            closed_tables: BTreeMap::new(),
            tally: figures::Tally::default(),
            poisoned: false,
            unwritable: false,
            harm: harm::Harm::default(),
            over: false,
            at: 0,
            history: VecDeque::new(),
            report: Report::default(),
            record: Recorder::off(),
        };
        run.set_up_disk();
        run
    }

    /// Lets `f` run, with the bug planted, and takes down how it ended.
    fn guarded<T>(
        &mut self,
        f: impl FnOnce(&mut Run) -> Result<T, Violation>,
    ) -> Result<T, Box<Failure>> {
        plant_in_engine(self.config.mutant);
        let result = panics::catch(|| catch_unwind(AssertUnwindSafe(|| f(self))));
        let result = result.unwrap_or_else(|said| Err(ending::panicked(said)));
        self.count();
        self.report.mutant_hits += hits_in_engine();
        plant_in_engine(None);
        result.map_err(|violation| {
            Box::new(Failure {
                plan: self.plan.clone(),
                violation,
                step: self.at,
                history: self.history.iter().map(|(step, said)| self.line(*step, said)).collect(),
                trace: self.disk.trace(),
                report: self.report,
            })
        })
    }

    fn all(&mut self) -> Result<(), Violation> {
        self.until_over(|run| {
            run.be_born()?;
            run.disk.set_capacity(run.plan.options.capacity);
            run.go_on(0)
        })
    }

    /// Does the steps from `first` on, to the end.
    fn go_on(&mut self, first: usize) -> Result<(), Violation> {
        for at in first..self.plan.steps.len() {
            self.do_step(at)?;
            if self.disk.crashed() {
                self.crash_as_armed()?;
            }
        }
        self.at = self.plan.steps.len();
        self.end()
    }

    /// Does one step; the power may fail meanwhile.
    fn do_step(&mut self, at: usize) -> Result<(), Violation> {
        self.begin_step(at);
        let step = self.plan.steps[at].clone();
        self.record.note(|| Event::Step { number: at });
        let said = self.step(&step)?;
        self.settle()?;
        self.note_faults();
        self.remember(at, said);
        Ok(())
    }

    fn begin_step(&mut self, at: usize) {
        self.at = at;
        self.report.steps += 1;
        self.watch.begin_step(self.model.safe_at_disk());
        self.unwritable = self.poisoned || self.watch.log_sync_failed();
    }

    /// Brings everything to rest and looks at it once more.
    fn end(&mut self) -> Result<(), Violation> {
        self.disk.crash_at(u64::MAX);
        self.disk.clear_faults();
        self.disk.set_capacity(None);
        self.armed = None;
        // Dropped tables lie on the disk for as long as somebody may look at them.
        self.finish_scans()?;
        self.snapshots.clear();
        self.making = None;
        self.follower = None;
        // Nor is a process at rest that has not noticed yet that pages have left the cache.
        if self.poisoned || self.watch.errors() > 0 || self.was_evicted() {
            self.restart(crate::model::Death::Process, None, &After::default())?;
            self.disk.set_capacity(None);
        }
        self.unwritable = false;
        self.rest()?;
        self.check_all()?;
        self.check_copies()?;
        // What is in memory only is compared with the files once it is written.
        let said = self.close(&After::default())?;
        self.remember(self.at, said);
        Ok(())
    }

    /// The layers above a disk. Copies of the disk get a watch of their own.
    fn layers(&self, disk: &MemDisk, watch: &Arc<Watch>) -> Arc<Layered> {
        let mut vfs: Arc<dyn srdb_vfs::Vfs> = match &self.tracker {
            Some(tracker) if Arc::ptr_eq(watch, &self.watch) => coverage::counted(disk, tracker),
            _ => Arc::new(disk.clone()),
        };
        if let Some(mutant) = self.config.mutant {
            let layer = MutantLayer::new(mutant, self.mutant_hits.clone());
            vfs = Arc::new(Layered::new(vfs, Arc::new(layer)));
        }
        Arc::new(Layered::new(vfs, watch.clone()))
    }

    /// From here on the database does this.
    fn enter(&self, phase: Phase) -> Phase {
        self.tracker.as_ref().map_or(phase, |tracker| tracker.enter(phase))
    }

    fn open(&self, disk: &MemDisk) -> srdb::Result<Database> {
        self.enter(self.opening());
        let vfs = self.record.above(self.layers(disk, &self.watch), disk);
        crate::db::open(vfs, &self.clock, &self.options())
            .inspect_err(|e| self.record.note(|| Event::NotOpen(e.to_string())))
    }

    /// How the database is opened now.
    fn options(&self) -> crate::plan::Options {
        let mut options = self.plan.options.clone();
        options.create_if_missing |= !self.born;
        options
    }

    /// Opens the database where nothing may keep it from opening.
    fn open_sound(&mut self, disk: &MemDisk) -> Result<Database, Violation> {
        self.open(disk).map_err(|e| {
            let what = format!("the database does not open on a sound disk: {e}");
            self.cannot_open(&e, Violation::new("faults", what))
        })
    }

    /// The database; a run without one is at an end.
    fn db(&self) -> Result<Database, Violation> {
        let none = || Violation::new("faults", "there is no open database");
        self.db.clone().ok_or_else(none)
    }

    /// Takes an error for what it is: one that had a cause, or a violation.
    fn judge(&mut self, doing: &str, error: &Error) -> Result<&'static str, Violation> {
        let causes = Causes {
            noisy: self.watch.errors() > 0 || self.disk.crashed(),
            poisoned: self.poisoned,
            evicted: self.is_eviction(error),
        };
        let verdict = faults::judge(doing, error, causes, || self.excuse().is_some())?;
        self.poisoned |= verdict == Verdict::Poisons;
        Ok(kind(error))
    }

    /// Nothing may be acknowledged once a sync of a log has failed.
    fn check_writable(&self, doing: &str) -> Result<(), Violation> {
        faults::acknowledged(doing, self.unwritable)
    }

    /// How a step came out goes into the hash and into the history.
    fn remember(&mut self, step: usize, said: String) {
        self.record.note(|| Event::Said { number: step, said: said.clone() });
        for byte in said.as_bytes().iter().chain(&[0xFF]) {
            let hash = (self.report.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
            self.report.hash = hash ^ (hash >> 31);
        }
        if self.history.len() == HISTORY_STEPS {
            self.history.pop_front();
        }
        self.history.push_back((step, said));
    }

    fn line(&self, step: usize, said: &str) -> String {
        match self.plan.steps.get(step) {
            Some(what) => format!("{step:>4}  {}  =>  {said}", what.to_line()),
            None if step == usize::MAX => format!("      the creation  =>  {said}"),
            None => format!("      the end  =>  {said}"),
        }
    }

    /// Adds up what the disk and the layers counted, before they are replaced.
    fn count(&mut self) {
        self.report.calls += self.disk.calls();
        self.report.errors += self.watch.errors();
        self.report.mutant_hits = self.mutant_hits.load(Ordering::Relaxed);
        self.report.hash = self.report.hash.rotate_left(17) ^ self.disk.trace_hash();
    }
}
