//! Exhaustive mode: tiny plans are clean at every call, a planted bug is found without luck, what
//! it finds replays, and nothing depends on the number of threads.

use std::path::Path;

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
