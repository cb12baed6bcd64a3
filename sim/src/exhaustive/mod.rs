//! Every power failure that a short plan can meet, instead of some that were drawn.
//!
//! ```text
//!   plan ─► every call that changes the disk ─► k images of what may survive ─► recovery, checks
//!                                                                          └─► every call of that
//!                                         recovery ─► k' images ─► recovery, the same checks ◄──┘
//! ```
//!
//! Bugs of small scope, three operations or fewer, must not depend on luck: a plan of a few steps
//! has some dozens of calls, and what may survive each of them is a few dozen images that matter.
//! The steps, the work of the background, the close at the end, the creation at the start and every
//! way back up are gone through alike, and so is a death of the process between two steps.
//!
//! A database that has come back must pass every oracle; it is then used for a while and loses
//! power once more. What the second power failure inside a recovery leaves must recover to what an
//! undisturbed recovery finds.
//!
//! Invariants:
//! 1. What is tried, found and counted does not depend on how many threads work on it.
//! 2. Of images that are equal, in a place where the same must hold, only the first is recovered.
//! 3. Whatever is found is an ordinary plan with every image spelt out, and fails when replayed.

mod images;
mod point;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use srdb_vfs::{CrashChoice, PendingOp};

use crate::oracle::determinism;
use crate::plan::{Image, Nested, Plan, Survivor};
use crate::run::{Config, Failure, Medium, PowerCut, run};
use images::images;
pub use point::{Place, Point};

/// Where the plans are that are gone through unless others are named.
pub const SHORT_PLANS_DIR: &str = "sim/plans/short";

/// How to go through a plan.
#[derive(Debug, Clone, Copy)]
pub struct Exhaustive {
    /// Images per power failure, at most.
    pub images: u64,
    /// Images per power failure inside a recovery, at most; 0 leaves those out.
    pub nested: u64,
    /// On how many threads.
    pub threads: usize,
    /// A bug to plant. The first failure ends it all then.
    pub config: Config,
}

/// What was gone through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls at which the power failed, and places between calls.
    pub calls: u64,
    /// Different images of these, summed over the calls.
    pub images: u64,
    /// Those among them that no earlier call had: so many were recovered.
    pub recovered: u64,
    /// Calls inside recoveries at which the power failed again.
    pub nested_calls: u64,
    /// Different images of these, per recovery: all recovered.
    pub nested: u64,
}

impl Tally {
    /// Images that were recovered and checked.
    pub fn checked(&self) -> u64 {
        self.recovered + self.nested
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Tally) {
        self.calls += other.calls;
        self.images += other.images;
        self.recovered += other.recovered;
        self.nested_calls += other.nested_calls;
        self.nested += other.nested;
    }
}

/// A failure and where the power failed.
#[derive(Debug, Clone)]
pub struct Find {
    /// Where; none if nothing failed but the plan itself.
    pub point: Option<Point>,
    /// What was seen, with a plan that shows it.
    pub failure: Box<Failure>,
}

/// What came of a plan.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What was gone through.
    pub tally: Tally,
    /// What was found, at most one failure per image, in the order of the plan.
    pub finds: Vec<Find>,
}

/// A power failure, and those of its images that are still to be recovered.
struct Prepared {
    point: Point,
    cut: PowerCut,
    /// With the expectation, so that equal ones can be told.
    images: Vec<(CrashChoice, (u64, u64))>,
}

type Step<T> = Result<T, Box<Failure>>;

impl Exhaustive {
    /// Goes through one plan.
    pub fn run(&self, plan: &Plan) -> Outcome {
        let plan = point::complete(plan);
        let mut outcome = Outcome::default();
        // What fails without any power failure must not be said a thousand times.
        if let Err(failure) = run(&plan, self.config) {
            outcome.finds.push(Find { point: None, failure: self.confirm(failure) });
            return outcome;
        }
        let places = point::places(&plan);
        let mut prepared = Vec::new();
        for result in self.on_threads(places.len(), |at| self.prepare(&plan, places[at])) {
            match result {
                Ok(cuts) => prepared.extend(cuts),
                Err(find) => outcome.finds.push(find),
            }
        }
        if !outcome.finds.is_empty() && self.config.mutant.is_some() {
            return outcome;
        }
        let mut seen = BTreeSet::new();
        let mut work = Vec::new();
        for (number, prepared) in prepared.iter().enumerate() {
            outcome.tally.calls += 1;
            outcome.tally.images += prepared.images.len() as u64;
            let images = prepared.images.iter().enumerate();
            work.extend(images.filter(|(_, image)| seen.insert(image.1)).map(|(i, _)| (number, i)));
        }
        outcome.tally.recovered = work.len() as u64;
        let results = self.on_threads(work.len(), |at| {
            let (number, image) = work[at];
            let Prepared { point, cut, images } = &prepared[number];
            self.survive(&plan, *point, cut, &images[image].0)
        });
        for result in results {
            match result {
                Ok(tally) => outcome.tally.add(&tally),
                Err(find) => outcome.finds.push(find),
            }
        }
        outcome
    }

    /// Does pieces of work on several threads; the results come in the order of the pieces. If a
    /// bug is planted, nothing after the first failure is done.
    fn on_threads<T: Send>(
        &self,
        pieces: usize,
        work: impl Fn(usize) -> Result<T, Find> + Sync,
    ) -> Vec<Result<T, Find>> {
        let next = AtomicUsize::new(0);
        let end = AtomicUsize::new(pieces);
        let results = Mutex::new(Vec::new());
        let worker = || {
            loop {
                let piece = next.fetch_add(1, Ordering::Relaxed);
                if piece >= end.load(Ordering::Relaxed) {
                    return;
                }
                let result = work(piece);
                if result.is_err() && self.config.mutant.is_some() {
                    end.fetch_min(piece + 1, Ordering::Relaxed);
                }
                results.lock().unwrap_or_else(PoisonError::into_inner).push((piece, result));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.min(pieces) {
                scope.spawn(worker);
            }
            worker();
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(piece, _)| *piece);
        results.retain(|(piece, _)| *piece < end.load(Ordering::Relaxed));
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Lets the power fail at every call of a place.
    fn prepare(&self, plan: &Plan, place: Place) -> Result<Vec<Prepared>, Find> {
        let mut cuts = Vec::new();
        if let Place::Process(at) = place {
            let plan = Point::process_death(at, plan);
            run(&plan, self.config)
                .map_err(|failure| Find { point: None, failure: self.confirm(failure) })?;
        }
        for call in 1.. {
            let point = Point { place, call };
            let (prefix, stop) = point.prefix(plan);
            let reached = PowerCut::reach(&prefix, self.config, stop);
            let reached = reached.map_err(|failure| {
                let (plan, _) = point.plan(plan, Image::Exact(Vec::new()), None);
                Find { point: Some(point), failure: self.confirm(with_plan(failure, plan)) }
            })?;
            let Some(cut) = reached else { break };
            let expectation = cut.expectation();
            let images = images(&cut, self.images, plan.seed ^ call);
            let images = images.into_iter().map(|(choice, hash)| (choice, (expectation, hash)));
            cuts.push(Prepared { point, images: images.collect(), cut });
            if let Place::After(_) = place {
                break;
            }
        }
        Ok(cuts)
    }

    /// Recovers from one image, undisturbed and then interrupted at each call.
    fn survive(
        &self,
        plan: &Plan,
        point: Point,
        cut: &PowerCut,
        choice: &CrashChoice,
    ) -> Result<Tally, Find> {
        let mut tally = Tally::default();
        self.survive_once(plan, point, cut, choice)
            .and_then(|medium| self.interrupted(plan, point, (cut, choice), &medium, &mut tally))
            .map_err(|failure| Find { point: Some(point), failure: self.confirm(failure) })?;
        Ok(tally)
    }

    fn survive_once(
        &self,
        plan: &Plan,
        point: Point,
        cut: &PowerCut,
        choice: &CrashChoice,
    ) -> Step<Medium> {
        let full = |nested| point.plan(plan, exact(&cut.pending(), choice), nested);
        let medium = cut.medium(choice).map_err(|f| with_plan(f, full(None).0))?;
        // The images need not be spelt out as long as nothing fails.
        let (lean, first) = point.plan(plan, Image::Exact(Vec::new()), None);
        medium.go_on(&lean, first).map_err(|f| with_plan(f, full(None).0))?;
        Ok(medium)
    }

    fn interrupted(
        &self,
        plan: &Plan,
        point: Point,
        (cut, choice): (&PowerCut, &CrashChoice),
        medium: &Medium,
        tally: &mut Tally,
    ) -> Step<()> {
        let full = |nested| point.plan(plan, exact(&cut.pending(), choice), Some(nested)).0;
        let none = || Image::Exact(Vec::new());
        let (lean, first) = point.plan(plan, none(), Some(Nested { call: 0, image: none() }));
        let mut seen = BTreeSet::from([medium.hash()]);
        for call in 1.. {
            if self.nested == 0 {
                break;
            }
            let inner = medium.power_cut(call);
            let inner = inner.map_err(|f| with_plan(f, full(Nested { call, image: none() })))?;
            let Some(inner) = inner else { break };
            tally.nested_calls += 1;
            for (choice, hash) in images(&inner, self.nested, plan.seed ^ call) {
                if !seen.insert(hash) {
                    continue;
                }
                tally.nested += 1;
                let done = inner.medium(&choice).and_then(|inner| inner.go_on(&lean, first));
                done.map_err(|f| {
                    let image = exact(&inner.pending(), &choice);
                    with_plan(f, full(Nested { call, image }))
                })?;
            }
        }
        Ok(())
    }

    /// Replays the plan of a failure, for its history and its trace. One that does not come again
    /// is a failure of its own kind.
    fn confirm(&self, failure: Box<Failure>) -> Box<Failure> {
        let again = run(&failure.plan, Config { exact: true, ..self.config }).err();
        let violation = again.as_ref().map(|again| &again.violation);
        match (determinism::replayed(&failure.violation, violation), again) {
            (Err(violation), _) => Box::new(Failure { violation, ..*failure }),
            (Ok(()), again) => again.unwrap_or(failure),
        }
    }
}

fn with_plan(failure: Box<Failure>, plan: Plan) -> Box<Failure> {
    Box::new(Failure { plan, ..*failure })
}

/// A choice, spelt out.
fn exact(pending: &[PendingOp], choice: &CrashChoice) -> Image {
    let survivor = |op: &PendingOp| Survivor {
        id: op.id,
        what: op.to_string(),
        fate: choice.fate(op.id).clone(),
    };
    Image::Exact(pending.iter().map(survivor).collect())
}
