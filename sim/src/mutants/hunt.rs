//! Hunting mutants: seed after seed until an oracle notices.
//!
//! Invariant: what comes out of a hunt does not depend on how many threads it had. Each mutant is
//! hunted by one thread, from the same first seed on; only different ones are hunted side by side.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Mutant;
use crate::campaign::Campaign;
use crate::run::{Config, Failure, run};
use crate::shrink::shrink;

/// A hunt.
#[derive(Debug, Clone)]
pub struct Hunt {
    /// Whom.
    pub mutants: Vec<Mutant>,
    /// The first seed.
    pub first: u64,
    /// A mutant has survived when so many seeds have found nothing.
    pub seeds: u64,
    /// How many threads.
    pub threads: usize,
    /// In how many runs what was found is shrunk; 0 for not at all.
    pub shrink_runs: u64,
}

/// What became of one mutant.
#[derive(Debug)]
pub struct Verdict {
    /// The mutant.
    pub mutant: Mutant,
    /// Seeds that were run, the one that found it included.
    pub seeds: u64,
    /// How often it took effect in them.
    pub hits: u64,
    /// The run that found it.
    pub killed: Option<Box<Failure>>,
    /// The same plan fails without it too: the engine itself is at fault, or the simulator.
    pub is_false: bool,
    /// How many steps are left of the plan that found it, if it was shrunk.
    pub steps: Option<usize>,
}

impl Verdict {
    /// Found, and for what it does.
    pub fn is_killed(&self) -> bool {
        self.killed.is_some() && self.hits > 0 && !self.is_false
    }
}

impl Hunt {
    /// Hunts all of them; the verdicts are in their order.
    pub fn run(&self) -> Vec<Verdict> {
        let next = AtomicUsize::new(0);
        let verdicts: Mutex<BTreeMap<usize, Verdict>> = Mutex::default();
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(mutant) = self.mutants.get(at) else { return };
                let verdict = self.one(*mutant);
                verdicts.lock().unwrap_or_else(PoisonError::into_inner).insert(at, verdict);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads {
                scope.spawn(work);
            }
            work();
        });
        verdicts.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
    }

    fn one(&self, mutant: Mutant) -> Verdict {
        let config = Config { mutant: Some(mutant), exact: false };
        let outcome =
            Campaign { first: self.first, seeds: self.seeds, threads: 1, config, aim: None }.run();
        let (hits, killed) = (outcome.total.mutant_hits, outcome.failure);
        let is_false = killed.as_ref().is_some_and(|f| run(&f.plan, Config::default()).is_err());
        let found = killed.clone().filter(|_| self.shrink_runs > 0 && !is_false);
        let steps = found.map(|f| shrink(f, config, self.shrink_runs).failure.plan.steps.len());
        Verdict { mutant, seeds: outcome.seeds, hits, killed, is_false, steps }
    }
}

/// The median of the seeds that it took to kill those that were killed; 0 if none was.
pub fn median_seeds(verdicts: &[Verdict]) -> u64 {
    let mut seeds: Vec<u64> = verdicts.iter().filter(|v| v.is_killed()).map(|v| v.seeds).collect();
    seeds.sort_unstable();
    seeds.get(seeds.len() / 2).copied().unwrap_or(0)
}
