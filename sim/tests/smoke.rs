//! The simulator as part of the tests: some seeds, every kept plan, and bugs that must be caught.

use std::path::{Path, PathBuf};

use sim::campaign::{Campaign, run_seed};
use sim::mutants::{Hunt, Mutant};
use sim::plan::{Image, Plan, Step};
use sim::run::{Config, run, run_traced};
use sim::shrink::shrink;

const SOUND: Config = Config { mutant: None, exact: false };

fn planted(name: &str) -> Mutant {
    Mutant::from_name(name).unwrap_or_else(|| panic!("there is no {name}"))
}

fn with(mutant: Mutant) -> Config {
    Config { mutant: Some(mutant), exact: false }
}

#[test]
fn seeds_find_nothing() {
    let outcome = Campaign { first: 0, seeds: 150, threads: 2, config: SOUND, aim: None }.run();
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
    let total = outcome.total;
    assert!(total.cycles > 500 && total.errors > 100 && total.rotted > 10, "{total:?}");
}

#[test]
fn the_same_seed_gives_the_same_hash_whoever_runs_it() {
    let campaign =
        |threads| Campaign { first: 1000, seeds: 20, threads, config: SOUND, aim: None }.run();
    let (alone, together) = (campaign(1).total, campaign(4).total);
    assert_eq!(alone, together);
    assert_ne!(alone.hash, 0);
}

#[test]
fn a_run_does_not_depend_on_being_watched() {
    for seed in 0..10 {
        let plan = sim::generate::generate(seed, &mut sim::draw::SeedDraw::new(seed));
        let lean = run(&plan, SOUND).map_err(|f| f.describe(None, None));
        let traced = run_traced(&plan, None).map_err(|f| f.describe(None, None));
        assert_eq!(lean, traced.map(|(report, _)| report), "seed {seed}");
    }
}

fn kept_plans() -> Vec<(PathBuf, Plan)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    let mut plans = Plan::load_all(&directory).unwrap_or_else(|e| panic!("{e}"));
    plans.sort_by(|a, b| a.0.cmp(&b.0));
    plans
}

#[test]
fn kept_plans_find_nothing_any_more() {
    let plans = kept_plans();
    assert!(!plans.is_empty());
    for (path, plan) in plans {
        if let Err(failure) = run(&plan, SOUND) {
            panic!("{}", failure.describe(Some(&path), None));
        }
    }
}

/// The canary: if lies told to the engine go unnoticed, so would its bugs.
#[test]
fn planted_bugs_are_caught() {
    let some = ["sst-unsynced", "ack-before-sync", "wal-removed-early", "hole-in-the-log"];
    let hunt = Hunt {
        mutants: some.map(planted).to_vec(),
        first: 0,
        seeds: 500,
        threads: 2,
        shrink_runs: 0,
    };
    let verdicts = hunt.run();
    assert_eq!(verdicts.len(), some.len());
    for verdict in verdicts {
        assert!(verdict.is_killed(), "{verdict:?}");
    }
}

#[test]
fn a_failure_shrinks_to_a_few_steps_that_still_fail() {
    for name in ["ack-before-sync", "sst-unsynced", "wal-dir-unsynced", "edit-before-sst"] {
        let mutant = planted(name);
        let failing = (0..1000).find_map(|seed| run_seed(seed, with(mutant)).err());
        let Some(failure) = failing else { panic!("nothing found {mutant:?}") };
        let shrunk = shrink(failure, with(mutant), 2_000);
        let (plan, violation) = (shrunk.failure.plan, shrunk.failure.violation);
        assert!(plan.steps.len() <= 6, "{name}: {}", plan.to_json());
        assert!(run(&plan, with(mutant)).is_err_and(|f| f.violation.is_like(&violation)));
        assert!(run(&plan, SOUND).is_ok(), "without the bug it is fine");
    }
}

#[test]
fn an_exact_plan_replays_what_a_drawn_one_did() {
    let mutant = planted("sst-unsynced");
    let failing = (0..1000).find_map(|seed| run_seed(seed, with(mutant)).err());
    let Some(drawn) = failing else { panic!("nothing found {mutant:?}") };
    let exact = sim::failure::spell_out(drawn.clone(), Some(mutant));
    let is_exact = |step: &Step| match step {
        Step::PowerCrash { image, .. } => matches!(image, Image::Exact(_)),
        _ => true,
    };
    let done = exact.plan.steps.iter().take(exact.step + 1);
    assert!(done.clone().all(is_exact), "{}", exact.plan.to_json());
    let again = run(&exact.plan, with(mutant));
    assert!(again.is_err_and(|f| f.violation == drawn.violation && f.step == drawn.step));
}
