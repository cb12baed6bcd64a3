//! A commit that was handed in, until somebody waits for it.

use std::sync::Arc;

use super::lead;
use crate::handle::Handle;
use crate::queue::TicketId;
use crate::{Receipt, Result};

/// A commit that was handed in and not yet waited for.
///
/// Dropping it does not undo the commit: it will be written with the next group, and its result
/// is forgotten.
#[derive(Debug)]
#[must_use = "a commit that nobody waits for may fail without anybody knowing"]
pub struct Ticket {
    state: Arc<Handle>,
    id: Option<TicketId>,
}

impl Ticket {
    pub(crate) fn new(state: &Arc<Handle>, id: TicketId) -> Self {
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
                state.queue.wait(id, &mut |group| lead(&state, group))?
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
