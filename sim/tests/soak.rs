//! A soak goes on where it stopped, and what it adds up to does not depend on the stops.

use std::io;
use std::path::{Path, PathBuf};

use sim::campaign::Campaign;
use sim::mutants::Mutant;
use sim::plan::Plan;
use sim::run::{Config, run};
use sim::soak::{Soak, State};

fn soak(threads: usize, mutant: Option<Mutant>, failures: &Path) -> Soak {
    let config = Config { mutant, exact: false };
    Soak { threads, config, failures: failures.to_owned() }
}

/// Runs until `seeds` more are done; at least: what is in hand is finished.
fn run_some(soak: &Soak, state: &mut State, seeds: u64) -> io::Result<()> {
    let enough = state.seeds + seeds;
    soak.run(state, |state| Ok(state.seeds < enough))
}

fn state_file(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("below/soak.json")
}

#[test]
fn a_soak_resumes_where_it_stopped() -> io::Result<()> {
    let directory = tempfile::tempdir()?;
    let path = state_file(&directory);
    let soak = soak(3, None, directory.path());
    for first_of_this in [500, 0, 0] {
        // The first seed counts only where there is no state.
        let mut state = State::load(&path, first_of_this)?;
        run_some(&soak, &mut state, 15)?;
        state.save(&path)?;
    }
    let state = State::load(&path, 0)?;
    assert!(state.next >= 545 && state.seeds == state.next - 500, "{state:?}");
    assert_eq!((state.failed, state.failures.len()), (0, 0), "{state:?}");
    let config = Config::default();
    let in_one_go =
        Campaign { first: 500, seeds: state.seeds, threads: 1, config, aim: None }.run();
    assert_eq!(state.total, in_one_go.total, "as if it had never stopped");
    Ok(())
}

#[test]
fn a_state_tells_of_all_seeds_below_next_at_any_time() -> io::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut state = State { next: 40, ..State::default() };
    let mut seen = Vec::new();
    soak(4, None, directory.path()).run(&mut state, |state| {
        seen.push(state.clone());
        Ok(state.seeds < 20)
    })?;
    // A process that dies leaves one of these; its successor begins at `next`.
    let last = seen[seen.len() / 2].clone();
    let campaign =
        Campaign { first: 40, seeds: last.seeds, threads: 1, config: Config::default(), aim: None };
    assert_eq!(last.next, 40 + last.seeds);
    assert_eq!(last.total, campaign.run().total);
    Ok(())
}

#[test]
fn failures_are_kept_as_plans_that_fail() -> io::Result<()> {
    let directory = tempfile::tempdir()?;
    let mutant = Mutant::from_name("sst-unsynced");
    let mut state = State::default();
    run_some(&soak(2, mutant, directory.path()), &mut state, 30)?;
    assert!(state.failed > 0 && state.failures.len() as u64 == state.failed, "{state:?}");
    for kept in state.failures.values() {
        let plan = Plan::load(&kept.plan)?;
        let again = run(&plan, Config { mutant, exact: false });
        assert!(again.is_err_and(|f| f.violation.to_string() == kept.what), "{kept:?}");
    }
    Ok(())
}

#[test]
fn what_is_no_state_is_refused_by_name() {
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/short/flush.json");
    let error = State::load(&plan, 0).map_err(|e| e.to_string());
    assert!(error.as_ref().is_err_and(|e| e.contains("flush.json")), "{error:?}");
}
