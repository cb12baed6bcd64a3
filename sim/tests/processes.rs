//! The simulator as a process: a seed gives the same trace in every one (what depends on the
//! process, its id, its addresses, the seeds of its hash tables, must not reach the disk or a
//! decision), and a command that finds something leaves a small plan and a page behind.

use std::path::Path;
use std::process::{Command, Output};

use sim::campaign::run_seed;
use sim::mutants::Mutant;
use sim::plan::Plan;
use sim::run::{Config, run};

fn sim(arguments: &[&str]) -> Output {
    // The library of plans is found from the root of the repository.
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    command.current_dir(root).args(arguments).output().expect("the simulator runs")
}

fn text(output: Output) -> String {
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_seed_gives_the_same_trace_hash_in_every_process() {
    let first = sim(&["--seed", "42"]);
    assert!(first.status.success(), "{first:?}");
    let first = text(first);
    assert!(first.contains("trace hash"), "{first}");
    assert_eq!(text(sim(&["--seed", "42"])), first);
}

const BUG: &str = "sst-unsynced";

fn planted() -> Config {
    Config { mutant: Mutant::from_name(BUG), exact: false }
}

/// What is in the directory: how many pages, and the small plans.
#[expect(clippy::disallowed_methods, reason = "what the process wrote lies on the real disk")]
fn kept(directory: &Path) -> (usize, Vec<Plan>) {
    let names = std::fs::read_dir(directory).expect("a directory");
    let mut names: Vec<_> = names.map(|entry| entry.expect("an entry").path()).collect();
    names.retain(|name| name.file_stem().is_some_and(|s| s.to_string_lossy().ends_with("-small")));
    let (pages, plans): (Vec<_>, Vec<_>) =
        names.iter().partition(|name| name.extension().is_some_and(|ending| ending == "html"));
    (pages.len(), plans.into_iter().map(|path| Plan::load(path).expect("a plan")).collect())
}

/// The command finds the planted bug and leaves, for each oracle that noticed it, one small plan,
/// which fails, and the page of it.
fn leaves_a_small_plan(arguments: &[&str]) {
    let directory = tempfile::tempdir().expect("a directory");
    let failures = directory.path().to_str().expect("a path");
    let output = sim(&[arguments, &["--mutant", BUG, "--failures", failures]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(output);
    let (pages, plans) = kept(directory.path());
    assert!(!plans.is_empty() && pages == plans.len(), "{said}");
    for plan in &plans {
        assert!(plan.steps.len() <= 6, "{said}");
        assert!(run(plan, planted()).is_err(), "{said}");
    }
    assert!(said.contains("small plan") && said.contains("-small.html"), "{said}");
}

#[test]
fn exhaustive_shrinks_what_it_finds() {
    leaves_a_small_plan(&["exhaustive", "--only", "first-commit", "--images", "10"]);
}

#[test]
fn a_soak_shrinks_what_it_found() {
    let failing = (0..100).find(|seed| run_seed(*seed, planted()).is_err());
    let first = failing.expect("the bug is found").to_string();
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join("soak.json");
    let state = state.to_str().expect("a path");
    // The seed in hand is finished when the time is up.
    let soak = ["soak", "--minutes", "0", "--jobs", "1", "--first", &first, "--state", state];
    leaves_a_small_plan(&soak);
}
