//! Did nothing panic, did all work end? The oracles `panic` and `progress`.
//!
//! An `assert!` of the engine that fails is a bug, and so is a panic on whatever lies on a disk:
//! the contract knows errors only. And work must end: a job that always finds something to do would
//! never let a database close.
//!
//! What they can't see: a call that never returns (a run is one thread, and nothing interrupts it;
//! threads that wait for each other are what the tests under shuttle are for), and work that is
//! never begun, unless rows or files are missing for it.

use srdb::Job;

use super::Violation;

/// Something has panicked.
pub fn panicked(said: String) -> Violation {
    Violation::new("panic", said)
}

/// Jobs still have work after so many steps.
pub fn jobs_go_on(jobs: &[Job], steps: usize) -> Violation {
    Violation::new("progress", format!("jobs {jobs:?} have work after {steps} steps"))
}

/// The disk has crashed out of turn: the run has lost its thread.
pub fn crashed_unasked() -> Violation {
    Violation::new("progress", "the disk crashed and nobody ordered it")
}
