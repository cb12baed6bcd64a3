//! Makes a failing plan smaller while it goes on failing the same oracle in the same way.
//!
//! Any step may be deleted from a plan (see [`crate::plan`]), so this is delta debugging (Zeller
//! and Hildebrandt, "Simplifying and isolating failure-inducing input"), on operations, schedule,
//! faults and crash images at once:
//!
//! ```text
//!   ┌► delete steps ─► plainer steps ─► plainer options ─┐ something helped
//!   ├────────────────────────────────────────────────────┘
//!   ├─ once: spell out what survived each crash, drop what need not have survived
//!   ├─ few steps left: two changes at once, where neither helps alone
//!   └► nothing helps any more: done
//! ```
//!
//! Invariants:
//! 1. The best plan always fails like the first one ([`Violation::is_like`]), as it is written.
//! 2. Deterministic: the same failure shrinks to the same plan. What bounds it is a number of runs,
//!    not time.
//! 3. Every change goes one way, from the richer to the plainer: it ends.
//!
//! [`Violation::is_like`]: crate::oracle::Violation::is_like

mod combine;
mod images;
mod plainer;
mod questions;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::plan::{After, Image, Options, Plan};
use crate::run::{Config, Failure, run, run_exact};

/// Two changes at once are tried when so few steps are left: there are many pairs.
const STEPS_FEW: usize = 14;

/// What shrinking came to.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The failure of the smallest plan found.
    pub failure: Box<Failure>,
    /// Runs that it took.
    pub runs: u64,
    /// Nothing helps any more; otherwise the runs were used up.
    pub finished: bool,
}

/// How far shrinking has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What was just done.
    pub pass: &'static str,
    /// Runs so far.
    pub runs: u64,
    /// Steps left.
    pub steps: usize,
}

/// Shrinks the plan of a failure, with at most `runs_max` runs.
pub fn shrink(failure: Box<Failure>, config: Config, runs_max: u64) -> Shrunk {
    shrink_watched(failure, config, runs_max, &mut |_| ())
}

/// The same, and says how far it has come after each pass.
pub fn shrink_watched(
    failure: Box<Failure>,
    config: Config,
    runs_max: u64,
    watch: &mut dyn FnMut(Progress),
) -> Shrunk {
    let config = Config { exact: false, ..config };
    let mut shrinker =
        Shrinker { best: failure, config, runs: 0, runs_max, tried: BTreeSet::new(), spelt: false };
    // Nothing after the step that failed matters.
    let mut plan = shrinker.best.plan.clone();
    plan.steps.truncate(shrinker.best.step + 1);
    shrinker.attempt(plan);
    type Pass = (&'static str, fn(&mut Shrinker));
    let passes: [Pass; 3] = [
        ("deleting steps", Shrinker::delete_steps),
        ("plainer steps", Shrinker::plainer_steps),
        ("plainer options", Shrinker::plainer_options),
    ];
    loop {
        let before = shrinker.best.plan.clone();
        for (pass, go) in passes {
            go(&mut shrinker);
            watch(Progress { pass, runs: shrinker.runs, steps: shrinker.best.plan.steps.len() });
        }
        if shrinker.best.plan != before {
            continue;
        }
        let was_spelt = shrinker.spelt;
        let pass = if was_spelt {
            shrinker.combine();
            "two changes at once"
        } else {
            shrinker.spell_out();
            "spelling out the crashes"
        };
        watch(Progress { pass, runs: shrinker.runs, steps: shrinker.best.plan.steps.len() });
        let finished = was_spelt && shrinker.best.plan == before && !shrinker.is_spent();
        if finished || shrinker.is_spent() {
            return Shrunk { failure: shrinker.best, runs: shrinker.runs, finished };
        }
    }
}

struct Shrinker {
    best: Box<Failure>,
    config: Config,
    runs: u64,
    runs_max: u64,
    /// Plans that did not fail likewise, as JSON: passes come by the same ones again.
    tried: BTreeSet<String>,
    /// The images are spelt out.
    spelt: bool,
}

impl Shrinker {
    fn is_spent(&self) -> bool {
        self.runs >= self.runs_max
    }

    /// Runs a plan; it becomes the best one if it fails likewise.
    fn attempt(&mut self, plan: Plan) -> bool {
        if self.is_spent() || plan == self.best.plan {
            return false;
        }
        let text = plan.to_json();
        if self.tried.contains(&text) {
            return false;
        }
        self.runs += 1;
        match run(&plan, self.config) {
            Err(mut failure) if failure.violation.is_like(&self.best.violation) => {
                failure.plan = plan;
                self.best = failure;
                true
            }
            _ => {
                self.tried.insert(text);
                false
            }
        }
    }

    /// Runs a plan in which what was pending at a crash may have other numbers than it had.
    ///
    /// Survivors are named by number, and a step that is gone shifts the numbers of all that
    /// follow. So where the plan as it is does not fail, what is pending at each of its crashes is
    /// looked up, and survivors are found again by what they were.
    fn attempt_renumbered(&mut self, plan: &Plan) -> bool {
        if self.attempt(plan.clone()) {
            return true;
        }
        if self.is_spent() || !images::has_survivors(plan) {
            return false;
        }
        self.runs += 1;
        let spelt = run_exact(plan, self.config.mutant).0;
        self.attempt(images::renumbered(plan, &spelt))
    }

    fn delete_steps(&mut self) {
        let mut size = (self.best.plan.steps.len() / 2).max(1);
        loop {
            let mut from = 0;
            while from < self.best.plan.steps.len() && !self.is_spent() {
                let mut plan = self.best.plan.clone();
                let to = (from + size).min(plan.steps.len());
                plan.steps.drain(from..to);
                if !self.attempt_renumbered(&plan) {
                    from += size;
                }
            }
            if size == 1 {
                return;
            }
            size /= 2;
        }
    }

    fn plainer_steps(&mut self) {
        for at in 0..self.best.plan.steps.len() {
            // After one that helped there may be plainer ones still.
            while let Some(step) = self.best.plan.steps.get(at).cloned() {
                let helps = plainer::steps(&step).into_iter().any(|plainer| {
                    let mut plan = self.best.plan.clone();
                    plan.steps[at] = plainer;
                    self.attempt_renumbered(&plan)
                });
                if !helps {
                    break;
                }
            }
        }
        while plainer::tables(&self.best.plan).into_iter().any(|p| self.attempt_renumbered(&p)) {}
    }

    fn plainer_options(&mut self) {
        // As the engine has them, but without the many zeros ahead of the log.
        let plainest = Options { wal_zero_ahead: 0, ..Options::default() };
        let plain: [fn(&mut Options, Options); 13] = [
            |o, plainest| *o = plainest,
            |o, plainest| o.recover_twice = plainest.recover_twice,
            |o, plainest| o.wal_zero_ahead = plainest.wal_zero_ahead,
            |o, plainest| o.memtable_bytes = plainest.memtable_bytes,
            |o, plainest| o.carry_bytes_max = plainest.carry_bytes_max,
            |o, plainest| o.block_rows = plainest.block_rows,
            |o, plainest| o.manifest_bytes_min = plainest.manifest_bytes_min,
            |o, plainest| o.frozen_generations_max = plainest.frozen_generations_max,
            |o, plainest| o.create_if_missing = plainest.create_if_missing,
            |o, plainest| o.durability = plainest.durability,
            |o, plainest| o.personality = plainest.personality,
            |o, plainest| o.maps = plainest.maps,
            |o, plainest| o.capacity = plainest.capacity,
        ];
        let births = images::plainer_afters(&self.best.plan.birth);
        for birth in [After::default()].into_iter().chain(births) {
            let mut plan = self.best.plan.clone();
            plan.birth = birth;
            self.attempt_renumbered(&plan);
        }
        for make_plain in plain {
            let mut plan = self.best.plan.clone();
            make_plain(&mut plan.options, plainest.clone());
            self.attempt_renumbered(&plan);
        }
    }

    /// Replaces what is drawn by what was drawn, so that it can be taken apart.
    fn spell_out(&mut self) {
        self.spelt = true;
        self.runs += 1;
        let mut plan = run_exact(&self.best.plan, self.config.mutant).0;
        images::each(&mut plan, &mut |image| {
            if let Image::Exact(list) = image {
                images::strip(list);
            }
        });
        self.attempt(plan);
    }
}
