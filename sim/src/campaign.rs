//! Many seeds over several threads.
//!
//! Which seeds are run and what each of them does is fixed; only which thread does it is not. The
//! combined hash does not depend on that either.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::coverage::{self, Gap};
use crate::draw::SeedDraw;
use crate::generate::{generate, generate_aimed};
use crate::oracle::Violation;
use crate::plan::Plan;
use crate::run::{Config, Failure, Report, run, run_twice};

/// Every seed that is a multiple of this is run twice, for the determinism oracle.
const TWICE_EVERY: u64 = 10;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Campaign {
    /// The first seed.
    pub first: u64,
    /// How many seeds.
    pub seeds: u64,
    /// On how many threads.
    pub threads: usize,
    /// A bug to plant. It ends the campaign when it is found.
    pub config: Config,
    /// A cell of the fault space that every plan aims at. They are not the plans of their seeds.
    pub aim: Option<Gap>,
}

/// What a campaign came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Seeds that were run.
    pub seeds: u64,
    /// What they did, together. The hash is combined from all of them.
    pub total: Report,
    /// The failure of the lowest seed that failed.
    pub failure: Option<Box<Failure>>,
    /// Every seed that failed and what was seen, sorted.
    pub failures: BTreeMap<u64, Violation>,
}

/// Runs one seed.
///
/// # Errors
/// The first violation.
pub fn run_seed(seed: u64, config: Config) -> Result<Report, Box<Failure>> {
    run_plan(&generate(seed, &mut SeedDraw::new(seed)), config)
}

fn run_plan(plan: &Plan, config: Config) -> Result<Report, Box<Failure>> {
    if plan.seed.is_multiple_of(TWICE_EVERY) && config.mutant.is_none() {
        run_twice(plan, config)
    } else {
        run(plan, config)
    }
}

impl Campaign {
    /// Runs it. Stops early when a planted bug was found; runs on after any other failure, so that
    /// one sees how many seeds find it.
    pub fn run(&self) -> Outcome {
        let next = AtomicU64::new(0);
        let stop = AtomicBool::new(false);
        let outcome = Mutex::new(Outcome::default());
        let coverage = coverage::installed();
        let work = || {
            coverage::install(coverage.clone());
            while !stop.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.seeds {
                    return;
                }
                let seed = self.first + number;
                let draw = &mut SeedDraw::new(seed);
                let plan = match self.aim {
                    Some(aim) => generate_aimed(seed, draw, aim),
                    None => generate(seed, draw),
                };
                let result = run_plan(&plan, self.config);
                let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                if result.is_err() && self.config.mutant.is_some() {
                    stop.store(true, Ordering::Relaxed);
                }
                outcome.add(result);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads {
                scope.spawn(work);
            }
            work();
        });
        outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcome {
    fn add(&mut self, result: Result<Report, Box<Failure>>) {
        self.seeds += 1;
        let report = match &result {
            Ok(report) => *report,
            Err(failure) => failure.report,
        };
        self.total.add(&report);
        if let Err(failure) = result {
            self.failures.insert(failure.plan.seed, failure.violation.clone());
            let is_first =
                self.failure.as_ref().is_none_or(|first| failure.plan.seed < first.plan.seed);
            if is_first {
                self.failure = Some(failure);
            }
        }
    }
}

impl Report {
    /// Adds another run's; the order of adding does not matter.
    pub fn add(&mut self, other: &Report) {
        self.hash = self.hash.wrapping_add(other.hash);
        self.steps += other.steps;
        self.cycles += other.cycles;
        self.calls += other.calls;
        self.errors += other.errors;
        self.rotted += other.rotted;
        self.rot_reported += other.rot_reported;
        self.mutant_hits += other.mutant_hits;
    }
}
