//! Group commit: from rows that callers hand in to rows that readers see.
//!
//! ```text
//!   submit ──► queue ──► leader: number ─► append to log ─► write ─► sync ─► memtables ─► publish
//!                          └── one for a whole group; whoever waits first leads
//! ```
//!
//! Invariants
//! 1. Commits are numbered, logged, applied and published in one order: that of the queue.
//! 2. Nothing is published before the log holds it as durably as the commit that asked for most
//!    in its group.
//! 3. A group that could not be written leaves no trace: numbers, `_seq`s and the log are as
//!    before. If even that can't be had, or a sync fails, the database is poisoned.

mod carry;
mod freeze;
mod leader;
mod room;
mod ticket;

use std::sync::Arc;

pub(crate) use carry::Small;
pub(crate) use freeze::freeze;
pub(crate) use leader::{close_log, lead};
pub(crate) use room::{submit_within, try_submit};
pub use ticket::Ticket;

use crate::counters::MEASURED_ONE_IN;
use crate::handle::Handle;
use crate::queue::Pending;
use crate::state::State;
use crate::{Durability, Result};

/// Puts a commit into the queue.
///
/// # Errors
/// [`crate::Error::Closed`], [`crate::Error::Poisoned`].
pub(crate) fn submit(state: &Arc<Handle>, pending: Pending) -> Result<Ticket> {
    state.check_writable()?;
    enqueue(state, pending)
}

/// [`submit`], also while the database is being closed.
pub(crate) fn enqueue(state: &Arc<Handle>, mut pending: Pending) -> Result<Ticket> {
    begin(state, &mut pending);
    let bytes = pending.tables.iter().map(|(_, batch)| batch.bytes()).sum();
    let durability = pending.durability;
    let id = state.queue.submit(pending, bytes, durability)?;
    Ok(Ticket::new(state, id))
}

/// Notes when a commit is handed in, if the time that it takes is measured.
fn begin(state: &State, pending: &mut Pending) {
    if !pending.tables.is_empty() && is_measured(state, pending.durability) {
        pending.begun = Some(state.options.clock.monotonic_ns());
    }
}

/// Whether the time that a commit takes is measured. A look at the clock is nothing beside a sync,
/// and something beside a commit to memory.
fn is_measured(state: &State, durability: Durability) -> bool {
    let commits = state.counters.commits.commits.get();
    durability == Durability::Disk || commits.is_multiple_of(MEASURED_ONE_IN)
}
