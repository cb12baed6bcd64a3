//! The thread that does the work behind. The only file that starts threads.
//!
//! It ends with the last handle of the database ([`crate::handle::Handle`]), which waits for the
//! step that is under way.

mod pace;

use std::sync::Arc;
use std::time::Duration;

use pace::Pace;

use crate::counters::FileKind;
use crate::mutant;
use crate::state::State;
use crate::sync::{JoinHandle, thread};
use crate::{Progress, Result, compaction, delete, flush, indexes, retain};

/// Starts the worker of a database.
///
/// # Errors
/// [`crate::Error::Io`] if the operating system has no thread to give.
pub(crate) fn start(state: &Arc<State>) -> Result<JoinHandle<()>> {
    let its = Arc::clone(state);
    match thread::Builder::new().name("srdb-worker".to_owned()).spawn(move || run(&its)) {
        Ok(worker) => {
            state.signal.wake();
            Ok(worker)
        }
        Err(error) => Err(crate::Error::io("start a thread for", &state.root, error)),
    }
}

fn run(state: &State) {
    let pace = Pace::new(state.options.compaction_bytes_per_second);
    let mut turns = Turns { pace, flush_failed: false };
    let mut rest: Option<Duration> = None;
    loop {
        // Merges that rest, or limits of age.
        let ages = retain::sleep_for(state);
        if !state.signal.wait(rest.take().into_iter().chain(ages).min()) {
            return;
        }
        // Until there is nothing left to do, or a step failed: then the failure is told to whoever
        // waits for the flush, and the next wake-up tries again.
        while !state.signal.is_stopped() {
            match step(state, &mut turns) {
                Ok(Step::Done) => {}
                Ok(Step::Rest(time)) => {
                    rest = Some(time);
                    break;
                }
                Ok(Step::Idle) | Err(_) => break,
            }
        }
    }
}

/// What decides what comes next.
struct Turns {
    pace: Pace,
    /// The last step of a flush failed.
    flush_failed: bool,
}

/// What a step of the worker came to.
enum Step {
    Done,
    /// There is nothing to do but merges, which have to wait for so long.
    Rest(Duration),
    Idle,
}

/// One step of whatever is most urgent.
fn step(state: &State, turns: &mut Turns) -> Result<Step> {
    // Not `check_writable`: while the database is being closed, a writer may still wait for the
    // flush that gives it room, and the close for that writer.
    let idle = mutant::on("worker-stops-at-closing") && state.check_open().is_err();
    if idle || state.check_alive().is_err() {
        return Ok(Step::Idle);
    }
    let Turns { pace, flush_failed } = turns;
    if !flush::has_work(state) {
        return rest_step(state, pace);
    }
    // What can be removed may be the room that a flush lacked. What fails in either of these two is
    // told to the observer, and holds up no flush.
    if *flush_failed && matches!(delete::step(state), Ok(progress) if progress != Progress::Idle) {
        return Ok(Step::Done);
    }
    if pace.is_turn_of_rest() {
        if let Ok(Step::Done) = rest_step(state, pace) {
            return Ok(Step::Done);
        }
        pace.passed();
    }
    let before = written(state);
    let stepped = flush::step(state);
    *flush_failed = stepped.is_err();
    stepped?;
    pace.flushed(written(state) - before);
    Ok(Step::Done)
}

/// One step of what no writer waits for.
fn rest_step(state: &State, pace: &mut Pace) -> Result<Step> {
    let before = written(state);
    let is_step = if indexes::has_work(state) {
        indexes::step(state)? != Progress::Idle
    } else if delete::has_work(state) {
        delete::step(state)? != Progress::Idle
    } else {
        false
    };
    if is_step {
        pace.spent(written(state) - before);
        return Ok(Step::Done);
    }
    if retain::has_work(state) {
        // Rows that can't be dropped keep nothing else from being done: the observer is told, the
        // round goes on behind them, and the next one tries again.
        drop(retain::step(state));
        pace.spent(0);
        return Ok(Step::Done);
    }
    if !compaction::has_work(state) {
        return Ok(Step::Idle);
    }
    if let Some(time) = pace.merges_rest(state.options.clock.monotonic_ns()) {
        return Ok(Step::Rest(time));
    }
    let progress = compaction::step(state)?;
    let bytes = written(state) - before;
    pace.spent(bytes);
    pace.merged(bytes, state.options.clock.monotonic_ns());
    Ok(if progress == Progress::Idle { Step::Idle } else { Step::Done })
}

/// Bytes of SSTs and index files that were written so far, by whomever.
fn written(state: &State) -> u64 {
    let files = |kind| state.counters.files(kind).bytes.get();
    files(FileKind::Sst) + files(FileKind::Index)
}
