//! The thread that does the work behind. The only file that starts threads.
//!
//! The thread holds the database weakly and never while it waits, so that dropping the last
//! handle ends it: at most one step is finished first.

use std::sync::Arc;

use crate::mutant;
use crate::signal::Signal;
use crate::state::State;
use crate::sync::thread;
use crate::{Progress, Result, compaction, delete, flush, indexes};

/// Starts the worker of a database.
///
/// # Errors
/// [`crate::Error::Io`] if the operating system has no thread to give.
pub(crate) fn start(state: &Arc<State>) -> Result<()> {
    let (weak, signal) = (Arc::downgrade(state), Arc::clone(&state.signal));
    let started =
        thread::Builder::new().name("srdb-worker".to_owned()).spawn(move || run(&weak, &signal));
    match started {
        Ok(_detached) => {
            state.signal.wake();
            Ok(())
        }
        Err(error) => Err(crate::Error::io("start a thread for", &state.root, error)),
    }
}

fn run(state: &std::sync::Weak<State>, signal: &Signal) {
    let _kept = mutant::on("worker-keeps-the-database").then(|| state.upgrade());
    while signal.wait() {
        // Until there is nothing left to do, or a step failed: then the failure is told to whoever
        // waits for the flush, and the next wake-up tries again.
        loop {
            let Some(state) = state.upgrade() else { return };
            match step(&state) {
                Ok(true) => {}
                Ok(false) | Err(_) => break,
            }
        }
    }
}

/// One step of whatever is most urgent; whether there was any.
fn step(state: &State) -> Result<bool> {
    // Not `check_writable`: while the database is being closed, a writer may still wait for the
    // flush that gives it room, and the close for that writer.
    let idle = mutant::on("worker-stops-at-closing") && state.check_open().is_err();
    if idle || state.check_alive().is_err() {
        return Ok(false);
    }
    if flush::has_work(state) {
        flush::step(state)?;
        return Ok(true);
    }
    if indexes::has_work(state) {
        return indexes::step(state).map(|progress| progress != Progress::Idle);
    }
    if delete::has_work(state) {
        delete::step(state)?;
        return Ok(true);
    }
    if compaction::has_work(state) {
        return compaction::step(state).map(|progress| progress != Progress::Idle);
    }
    Ok(false)
}
