//! What a commit gives back: now, or when it is waited for.

use std::ops::Range;
use std::sync::Arc;

use super::lead;
use super::queue::TicketId;
use crate::state::State;
use crate::{Durability, Result, Table};

/// Proof of a commit: its number, its time and the `_seq`s that its rows were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub(crate) commit: u64,
    pub(crate) time: i64,
    pub(crate) durability: Durability,
    /// The first table's rows; in line, because most commits are for one table.
    pub(crate) first: (u32, Range<i64>),
    pub(crate) others: Vec<(u32, Range<i64>)>,
}

impl Receipt {
    /// The commit's number, from 1 over the whole database. 0 if there was nothing to commit.
    pub fn commit(&self) -> u64 {
        self.commit
    }

    /// `_time` of every row of the commit: ns since the Unix epoch, UTC.
    pub fn time(&self) -> i64 {
        self.time
    }

    /// How durable the commit is known to be.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// `_seq` of the first row (of the first table, in a batch over several).
    pub fn seq(&self) -> i64 {
        self.first.1.start
    }

    /// The `_seq`s of all rows (of the first table, in a batch over several).
    pub fn seqs(&self) -> Range<i64> {
        self.first.1.clone()
    }

    /// The `_seq`s of the rows of one table, if the commit had any for it.
    pub fn seqs_of(&self, table: &Table) -> Option<Range<i64>> {
        let mut all = std::iter::once(&self.first).chain(&self.others);
        all.find(|(id, seqs)| *id == table.id() && !seqs.is_empty()).map(|(_, seqs)| seqs.clone())
    }
}

/// A commit that was handed in and not yet waited for.
///
/// Dropping it does not undo the commit: it will be written with the next group, and its result
/// is forgotten.
#[derive(Debug)]
#[must_use = "a commit that nobody waits for may fail without anybody knowing"]
pub struct Ticket {
    state: Arc<State>,
    id: Option<TicketId>,
}

impl Ticket {
    pub(crate) fn new(state: &Arc<State>, id: TicketId) -> Self {
        Ticket { state: Arc::clone(state), id: Some(id) }
    }

    /// Whether [`Ticket::wait`] would return at once.
    pub fn is_done(&self) -> bool {
        self.id.is_none_or(|id| self.state.queue.is_done(id))
    }

    /// Waits until the commit is as durable as it was asked to be. The caller may have to do the
    /// writing, for itself and for everybody who waits.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if the commit was not written, [`crate::Error::Poisoned`] after a
    /// failed sync, [`crate::Error::NoTable`] if the table was dropped meanwhile.
    pub fn wait(mut self) -> Result<Receipt> {
        match self.id.take() {
            Some(id) => {
                let state = Arc::clone(&self.state);
                state.queue.wait(id, &mut |group| lead(&state, &group))?
            }
            None => unreachable!("a ticket is waited for once, by value"),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.state.queue.forget(id);
        }
    }
}
