//! Exhaustive mode: tiny plans are clean at every call, a planted bug is found without luck, what
//! it finds replays, and nothing depends on the number of threads.

use std::path::{Path, PathBuf};

use sim::exhaustive::{Exhaustive, Outcome};
use sim::mutants::Mutant;
use sim::plan::Plan;
use sim::run::{Config, run};

fn plan(name: &str) -> Plan {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/short");
    Plan::load(&directory.join(format!("{name}.json"))).unwrap_or_else(|e| panic!("{e}"))
}

fn go_through(plan: &Plan, threads: usize, mutant: Option<Mutant>) -> Outcome {
    let config = Config { mutant, exact: false };
    Exhaustive { images: 50, nested: 3, threads, config }.run(plan)
}

fn mutant(name: &str) -> Option<Mutant> {
    Some(Mutant::from_name(name).unwrap_or_else(|| panic!("there is no mutant {name}")))
}

fn told(outcome: &Outcome) -> String {
    outcome.finds.iter().map(|find| find.failure.describe(None, None)).collect()
}

fn library() -> Vec<(PathBuf, Plan)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/short");
    let mut plans = Plan::load_all(&directory).unwrap_or_else(|e| panic!("{e}"));
    plans.sort_by(|a, b| a.0.cmp(&b.0));
    plans
}

#[test]
fn the_short_plans_are_short_and_many() {
    let plans = library();
    assert!(plans.len() >= 30, "{} plans", plans.len());
    for (path, plan) in plans {
        let steps = plan.steps.len();
        assert!((3..=6).contains(&steps), "{} has {steps} steps", path.display());
    }
}

/// A few of them, so that the tests stay quick; `sim exhaustive` goes through all.
#[test]
fn short_plans_are_clean() {
    for (path, plan) in library().into_iter().step_by(6) {
        let config = Config::default();
        let outcome = Exhaustive { images: 3, nested: 0, threads: 2, config }.run(&plan);
        assert!(outcome.finds.is_empty(), "{}: {}", path.display(), told(&outcome));
        assert!(outcome.tally.calls > 40, "{}: {:?}", path.display(), outcome.tally);
    }
}

#[test]
fn planted_bugs_are_found_without_luck() {
    for name in ["sst-unsynced", "ack-before-sync", "current-unsynced", "wal-removed-early"] {
        let config = Config { mutant: mutant(name), exact: false };
        let go = Exhaustive { images: 10, nested: 0, threads: 2, config };
        let found = library().iter().find_map(|(_, plan)| go.run(plan).finds.into_iter().next());
        assert!(found.is_some(), "{name} survives every power failure");
    }
}

#[test]
fn a_first_commit_is_clean_whenever_the_power_fails() {
    let outcome = go_through(&plan("first-commit"), 2, None);
    assert!(outcome.finds.is_empty(), "{}", told(&outcome));
    let tally = outcome.tally;
    assert!(tally.calls > 50 && tally.recovered > 100 && tally.nested > 300, "{tally:?}");
}

#[test]
fn what_is_tried_does_not_depend_on_the_threads() {
    let plan = plan("first-commit");
    let (alone, together) = (go_through(&plan, 1, None), go_through(&plan, 4, None));
    assert_eq!(alone.tally, together.tally);
    let mutant = mutant("sst-unsynced");
    let (alone, together) = (go_through(&plan, 1, mutant), go_through(&plan, 4, mutant));
    assert!(!alone.finds.is_empty());
    let seen = |outcome: &Outcome| {
        let first = outcome.finds.first().map(|f| (f.point, f.failure.violation.clone()));
        (first, outcome.finds.len())
    };
    assert_eq!(seen(&alone), seen(&together));
}

#[test]
fn what_is_found_is_an_ordinary_plan_that_fails_again() {
    for name in ["sst-unsynced", "wal-dir-unsynced", "manifest-unsynced"] {
        let mutant = mutant(name);
        let outcome = go_through(&plan("first-commit"), 2, mutant);
        let Some(find) = outcome.finds.first() else { panic!("{name} was not found") };
        let read = Plan::from_json(&find.failure.plan.to_json());
        assert_eq!(read.ok().as_ref(), Some(&find.failure.plan));
        let config = Config { mutant, exact: false };
        let again = run(&find.failure.plan, config);
        assert!(
            again.is_err_and(|again| again.violation == find.failure.violation),
            "{}",
            told(&outcome)
        );
        assert!(run(&find.failure.plan, Config::default()).is_ok(), "without the bug it is fine");
    }
}
