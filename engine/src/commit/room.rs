//! Room in memory for the rows of a commit: who waits for it, and who would rather be told.
//!
//! ```text
//!   active   ├──── half ────┼──── opens with the flush ────┤ memtable_bytes
//!   frozen   ├── in files ──┼── still to be written ───────┤
//! ```
//!
//! While a generation is being flushed, the active one may fill to the half, and beyond it as far
//! as the flush has come (`Jobs::room`). A writer that is faster than the flush is slowed down to
//! its pace, block by block. It waits for a condition that the flush tells at each block; it
//! neither sleeps nor turns in circles. With [`Background::Manual`] it does the steps itself.
//!
//! Invariants
//! 1. Only the leader of a group waits, before it takes the lock of the log.
//! 2. Nobody misses room: what one looks at, and the wait for its change, are under one lock.
//! 3. A commit that is refused was never in the queue.

use std::sync::Arc;
use std::time::Duration;

use super::carry::Small;
use super::freeze::freeze;
use super::ticket::Ticket;
use crate::handle::Handle;
use crate::locks::lock;
use crate::mutant;
use crate::observer::Event;
use crate::options::Background;
use crate::queue::Pending;
use crate::state::State;
use crate::sync::PoisonError;
use crate::{Error, Result, flush};

/// Returns once the active generation has room, freezing it when it is full.
///
/// # Errors
/// Why the last flush failed, once to each attempt.
pub(super) fn wait_for_room(state: &State) -> Result<()> {
    let mut begun = None;
    let room = find_room(state, &mut begun);
    if let Some(begun) = begun {
        let ns = state.options.clock.monotonic_ns().saturating_sub(begun);
        state.counters.stalls.waited(ns);
        state.tell(|| Event::Resumed { duration: Duration::from_nanos(ns) });
    }
    room
}

/// [`wait_for_room`]; notes when it began to wait, if it had to.
fn find_room(state: &State, begun: &mut Option<u64>) -> Result<()> {
    let (bytes_max, frozen_max) = (state.options.memtable_bytes, state.options.frozen_max);
    loop {
        let seen = {
            let mut log = lock(&state.log);
            let jobs = lock(&state.jobs);
            if log.active.bytes < jobs.room(bytes_max, frozen_max) {
                return Ok(());
            }
            if jobs.frozen.len() < frozen_max {
                drop(jobs);
                return freeze(state, &mut log, Small::Carried).map(|_| ());
            }
            jobs.turn
        };
        if begun.is_none() {
            *begun = Some(state.options.clock.monotonic_ns());
            state.tell(|| Event::Stalled);
        }
        await_turn(state, seen, None)?;
    }
}

/// Waits until there may be more room than when somebody looked, or for `at_most` so many ns.
///
/// # Errors
/// Why the last flush failed; [`Error::Poisoned`], [`Error::Closed`].
fn await_turn(state: &State, seen: u64, at_most: Option<u64>) -> Result<()> {
    if state.options.background == Background::Manual {
        // Nobody else would do it.
        return flush::step(state).map(|_| ());
    }
    let mut jobs = lock(&state.jobs);
    if jobs.turn == seen && jobs.error.take().is_some() {
        // An attempt failed that nobody waited for. Meanwhile there may be room on the disk, say:
        // what counts for this writer is the next one.
        state.signal.wake();
    }
    while jobs.turn == seen {
        state.check_alive()?;
        if let Some(error) = jobs.error.take() {
            // The worker rests after a failure; whoever needs the room makes it try again.
            state.signal.wake();
            return Err(error);
        }
        let Some(ns) = at_most else {
            jobs = state.jobs_changed.wait(jobs).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let waited = state.jobs_changed.wait_timeout(jobs, Duration::from_nanos(ns));
        let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return Ok(());
        }
        jobs = woken;
    }
    Ok(())
}

/// Why a commit that does not wait any longer has no room: the flush that failed last, if nobody
/// has heard of that yet. The worker rests since, so it is told to try again.
fn refusal(state: &State) -> Error {
    let failed = match state.options.background {
        // Whoever did the step has heard of it.
        Background::Manual => None,
        Background::Threads => lock(&state.jobs).error.take(),
    };
    let Some(error) = failed else { return Error::WouldStall };
    state.signal.wake();
    error
}

/// Puts a commit into the queue, if there is room for it behind all those that are in it. What is
/// handed in meanwhile comes behind it.
///
/// # Errors
/// [`Error::WouldStall`], or why the last flush failed: nothing was written; [`Error::Closed`],
/// [`Error::Poisoned`].
pub(crate) fn try_submit(state: &Arc<Handle>, pending: Pending) -> Result<Ticket> {
    submit_within(state, pending, Duration::ZERO)
}

/// [`try_submit`], which waits for room up to `timeout`.
///
/// # Errors
/// As [`try_submit`].
pub(crate) fn submit_within(
    state: &Arc<Handle>,
    mut pending: Pending,
    timeout: Duration,
) -> Result<Ticket> {
    let clock = &state.options.clock;
    let timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    let begun = (timeout > 0).then(|| clock.monotonic_ns());
    let mut has_waited = false;
    // The wait for room is a part of what it takes.
    super::begin(state, &mut pending);
    let submitted = loop {
        state.check_writable()?;
        let durability = pending.durability;
        let bytes = pending.tables.iter().map(|(_, batch)| batch.bytes()).sum();
        let mut seen = 0;
        let has_rows = !pending.tables.is_empty();
        let admit = |ahead| {
            let jobs = lock(&state.jobs);
            seen = jobs.turn;
            // A generation that is full is frozen without a wait.
            let (bytes_max, frozen_max) = (state.options.memtable_bytes, state.options.frozen_max);
            let room = jobs.room(bytes_max, frozen_max);
            let has_room = state.active_bytes().saturating_add(ahead) < room;
            let admitted = !has_rows || jobs.frozen.len() < frozen_max || has_room;
            admitted || mutant::on("try-waits")
        };
        match state.queue.submit_if(pending, bytes, durability, admit)? {
            Ok(id) => break Ok(Ticket::new(state, id)),
            Err(refused) => pending = refused,
        }
        if mutant::on("try-writes") {
            super::submit(state, pending)?.wait()?;
            return Err(Error::WouldStall);
        }
        let waited = begun.map_or(0, |begun| clock.monotonic_ns().saturating_sub(begun));
        if waited >= timeout {
            break Err(refusal(state));
        }
        has_waited = true;
        if let Err(error) = await_turn(state, seen, Some(timeout - waited)) {
            break Err(error);
        }
    };
    let stalls = &state.counters.stalls;
    if let (true, Some(begun)) = (has_waited, begun) {
        stalls.waited(clock.monotonic_ns().saturating_sub(begun));
    }
    if matches!(submitted, Err(Error::WouldStall)) {
        stalls.refused.add(1);
    }
    submitted
}
