//! Runs a scenario under many schedules, and says how to run the one that failed again.
//!
//! A seed stands for a batch of [`BATCH`] schedules: an even one has them drawn at random, an odd
//! one by PCT, whose first schedule measures the scenario and has no surprises.
//!
//! | variable | effect |
//! |---|---|
//! | `THREADS_SEEDS` | how many seeds each scenario runs; [`SEEDS`] unless set |
//! | `THREADS_SEED` | runs this one seed |
//! | `THREADS_SCHEDULE` | runs one schedule, as a failure printed it |
//! | `THREADS_MUTANT` | plants a bug first: one of the names in `mutants.rs` |

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

/// Schedules of a seed.
pub(crate) const BATCH: usize = 10;

/// Seeds of a scenario.
const SEEDS: u64 = 30;

/// Switches that PCT makes at chosen moments, plus one.
const PCT_DEPTH: usize = 4;

/// A test of each scenario of this file.
macro_rules! explored {
    ($($scenario:ident),+ $(,)?) => {
        mod explored {
            $(#[test]
            fn $scenario() {
                crate::schedules::explore(super::$scenario);
            })+
        }
    };
}
pub(crate) use explored;

/// Runs a scenario under as many schedules as the environment asks for.
///
/// # Panics
/// If one fails, after saying which.
pub(crate) fn explore(scenario: fn()) {
    #[cfg(feature = "mutants")]
    if let Ok(name) = std::env::var("THREADS_MUTANT") {
        srdb::mutant::plant(Some(name.leak()));
    }
    if let Ok(schedule) = std::env::var("THREADS_SCHEDULE") {
        let schedule: String = schedule.split_whitespace().collect();
        let scheduler = ReplayScheduler::new_from_encoded(&schedule);
        Runner::new(scheduler, config(FailurePersistence::Print)).run(scenario);
        return;
    }
    let number = |name| std::env::var(name).ok().map(|n| n.parse().expect("a number"));
    let seeds = match number("THREADS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("THREADS_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        if let Err((_, panic)) = run(scenario, seed, FailurePersistence::Print) {
            eprintln!("seed {seed}; to run it again: .ci/threads --seed {seed} <name of the test>");
            resume_unwind(panic);
        }
    }
}

/// Runs the schedules of one seed until one fails. How many were run; with the panic, if so.
pub(crate) fn run(
    scenario: fn(),
    seed: u64,
    persistence: FailurePersistence,
) -> Result<u64, (u64, Box<dyn std::any::Any + Send>)> {
    let config = config(persistence);
    let begun = Arc::new(AtomicU64::new(0));
    let counted = {
        let begun = Arc::clone(&begun);
        move || {
            begun.fetch_add(1, Ordering::Relaxed);
            scenario();
        }
    };
    let ended = catch_unwind(AssertUnwindSafe(|| match seed.is_multiple_of(2) {
        true => Runner::new(RandomScheduler::new_from_seed(seed, BATCH), config).run(counted),
        false => {
            let scheduler = PctScheduler::new_from_seed(seed, PCT_DEPTH, BATCH);
            Runner::new(scheduler, config).run(counted)
        }
    }));
    let begun = begun.load(Ordering::Relaxed);
    ended.map(|_| begun).map_err(|panic| (begun, panic))
}

fn config(persistence: FailurePersistence) -> Config {
    let mut config = Config::new();
    // A database needs more than the pages that shuttle gives a thread.
    config.stack_size = 1 << 20;
    config.failure_persistence = persistence;
    config.max_steps = MaxSteps::FailAfter(200_000);
    config.silence_warnings = true;
    // What a failed schedule leaves unfinished stays as it is: to go on would be to run more of it.
    config.ungraceful_shutdown_config.immediately_return_on_panic = true;
    config
}
