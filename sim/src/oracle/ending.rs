//! Did nothing panic, did all work end? The oracles `panic` and `progress`.
//!
//! An `assert!` of the engine that fails is a bug, and so is a panic on whatever lies on a disk:
//! the contract knows errors only. And work must end: a job that always finds something to do would
//! never let a database close.
//!
//! What they can't see: a call that never returns (a run is one thread, and nothing interrupts it;
//! threads that wait for each other are what the tests under shuttle are for), and work that is
//! never begun, unless rows or files are missing for it: those of an index are looked for whenever
//! no job has work.

use srdb::{Database, Job};

use super::Violation;

/// Something has panicked.
pub fn panicked(said: String) -> Violation {
    Violation::new("panic", said)
}

/// Jobs still have work after so many steps.
pub fn jobs_go_on(jobs: &[Job], steps: usize) -> Violation {
    Violation::new("progress", format!("jobs {jobs:?} have work after {steps} steps"))
}

/// Checks that no job has left work undone without knowing of it.
///
/// # Errors
/// The first table that has an SST without the file of an index.
pub fn all_done(db: &Database) -> Result<(), Violation> {
    let snapshot = db.snapshot();
    let unfinished =
        |name: &String| snapshot.table(name).is_ok_and(|table| table.is_index_unfinished());
    match snapshot.tables().into_iter().find(unfinished) {
        Some(name) => {
            let what = format!("an index of {name:?} lacks files, and no job has work");
            Err(Violation::new("progress", what))
        }
        None => Ok(()),
    }
}

/// The disk has crashed out of turn: the run has lost its thread.
pub fn crashed_unasked() -> Violation {
    Violation::new("progress", "the disk crashed and nobody ordered it")
}
