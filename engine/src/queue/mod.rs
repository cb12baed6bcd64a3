//! Group commit: many writers hand in commits, one of them at a time writes and syncs for all.
//!
//! ```text
//!            submit             begin                finish                poll
//!  writer ──────────► pending ─────────► in the group ────────► resolved ─────────► gone
//!                        │                                         ▲
//!                        └────────── poison: all at once ──────────┘
//! ```
//!
//! [`Queue`] is the pure state machine: no I/O, no threads, no clock, so a simulator can step it.
//! [`CommitQueue`] puts a lock and a condition around it for threads that block.
//!
//! Invariants
//! 1. There is at most one group at a time; its maker is the leader.
//! 2. Groups take commits in the order of their tickets, without gaps.
//! 3. Every ticket is resolved exactly once, and its result is taken once or discarded.
//! 4. When a group fails, what was handed in behind it fails with it.
//! 5. Once poisoned, nothing enters and no group begins; what was pending fails.

mod pending;

use std::collections::{BTreeMap, VecDeque};

use crate::Durability;
use crate::error::{Error, Result};
use crate::mutant;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

pub(crate) use pending::Pending;
pub use pending::Receipt;

/// Names a submitted commit. Ascending from 1 in the order of submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TicketId(u64);

/// Names the group that is being written; to be given back to [`Queue::finish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupToken {
    first: u64,
    len: usize,
}

/// What a leader has to do: write these commits, in this order.
#[derive(Debug)]
pub(crate) struct Group<P> {
    /// The commits.
    pub(crate) payloads: Vec<P>,
    /// The highest durability any of them asks for.
    pub(crate) durability: Durability,
}

#[derive(Debug)]
struct Queued<P> {
    payload: P,
    bytes: usize,
    durability: Durability,
}

#[derive(Debug)]
enum Slot<R> {
    /// Pending or in the group.
    Waiting,
    /// As `Waiting`, and nobody will ask for the result.
    Forgotten,
    Resolved(Result<R>),
}

/// The state machine. `P` is a commit, `R` what its submitter gets back.
#[derive(Debug)]
pub(crate) struct Queue<P, R> {
    /// Tickets `next_ticket - pending.len() ..`, in order.
    pending: VecDeque<Queued<P>>,
    next_ticket: u64,
    group: Option<GroupToken>,
    slots: BTreeMap<u64, Slot<R>>,
    poisoned: Option<String>,
    /// Bytes of what is pending, and of the group.
    pending_bytes: usize,
    group_bytes: usize,
}

impl<P, R> Queue<P, R> {
    /// An empty queue.
    pub(crate) fn new() -> Self {
        Queue {
            pending: VecDeque::new(),
            next_ticket: 1,
            group: None,
            slots: BTreeMap::new(),
            poisoned: None,
            pending_bytes: 0,
            group_bytes: 0,
        }
    }

    /// Puts a commit of about `bytes` bytes at the end.
    ///
    /// # Errors
    /// `Poisoned`.
    pub(crate) fn submit(
        &mut self,
        payload: P,
        bytes: usize,
        durability: Durability,
    ) -> Result<TicketId> {
        self.check_poison()?;
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.pending.push_back(Queued { payload, bytes, durability });
        self.pending_bytes = self.pending_bytes.saturating_add(bytes);
        self.slots.insert(ticket, Slot::Waiting);
        Ok(TicketId(ticket))
    }

    /// Bytes of the commits that were handed in and are not written yet.
    pub(crate) fn bytes(&self) -> usize {
        self.pending_bytes.saturating_add(self.group_bytes)
    }

    /// Makes the caller the leader of a group: what is pending, up to `bytes_max` but at least
    /// one commit. `None` if there is a leader already, or nothing to do.
    pub(crate) fn begin(&mut self, bytes_max: usize) -> Option<(GroupToken, Group<P>)> {
        if self.group.is_some() || self.poisoned.is_some() {
            return None;
        }
        let mut bytes = self.pending.front()?.bytes;
        let more = self.pending.iter().skip(1).take_while(|next| {
            bytes = bytes.saturating_add(next.bytes);
            bytes <= bytes_max
        });
        let len = 1 + more.count();
        let token = GroupToken { first: self.next_ticket - self.pending.len() as u64, len };
        let mut durability = Durability::Memory;
        if mutant::when("tickets-swapped", || len > 1) {
            self.pending.swap(0, 1);
        }
        let payloads = self
            .pending
            .drain(..len)
            .map(|pending| {
                let is_less = || pending.durability < durability;
                let last = mutant::when("group-takes-the-last-level", is_less);
                durability = durability.max(pending.durability);
                if last {
                    durability = pending.durability;
                }
                self.group_bytes = self.group_bytes.saturating_add(pending.bytes);
                pending.payload
            })
            .collect();
        self.pending_bytes = self.pending_bytes.saturating_sub(self.group_bytes);
        self.group = Some(token);
        Some((token, Group { payloads, durability }))
    }

    /// Ends the group: each commit gets its result, in the order of the payloads, or all get the
    /// error. The next group may begin.
    ///
    /// With the error, everything that waits behind the group fails too. It was handed in when
    /// nobody knew that what came before it would be missing: a writer that does not wait for one
    /// commit before it hands in the next must not find a hole between them.
    ///
    /// # Panics
    /// If there is no such group, or not one result for each commit.
    pub(crate) fn finish(&mut self, token: GroupToken, results: Result<Vec<R>>) {
        assert_eq!(self.group.take(), Some(token), "finishing the group that began");
        let tickets = token.first..token.first + token.len as u64;
        self.group_bytes = 0;
        match results {
            Ok(results) => {
                assert_eq!(results.len(), token.len, "one result for each commit");
                for (ticket, result) in tickets.zip(results) {
                    self.resolve(ticket, Ok(result));
                }
            }
            Err(error) => {
                self.pending.clear();
                self.pending_bytes = 0;
                for ticket in token.first..self.next_ticket {
                    // A poisoning meanwhile has told those behind the group already.
                    if matches!(self.slots.get(&ticket), Some(Slot::Waiting | Slot::Forgotten)) {
                        self.resolve(ticket, Err(error.clone()));
                    }
                }
            }
        }
    }

    fn resolve(&mut self, ticket: u64, result: Result<R>) {
        match self.slots.insert(ticket, Slot::Resolved(result)) {
            Some(Slot::Waiting) => {}
            Some(Slot::Forgotten) => {
                self.slots.remove(&ticket);
            }
            Some(Slot::Resolved(_)) | None => panic!("ticket {ticket} resolved twice"),
        }
    }

    /// The result, once there is one; it can be taken once.
    ///
    /// # Panics
    /// If the result was taken before, or the ticket forgotten.
    pub(crate) fn poll(&mut self, ticket: TicketId) -> Option<Result<R>> {
        match self.slots.get(&ticket.0) {
            Some(Slot::Waiting) => None,
            Some(Slot::Resolved(_)) => match self.slots.remove(&ticket.0) {
                Some(Slot::Resolved(result)) => Some(result),
                _ => None,
            },
            Some(Slot::Forgotten) | None => panic!("{ticket:?} was taken or forgotten before"),
        }
    }

    /// Whether [`Queue::poll`] would give a result.
    pub(crate) fn is_done(&self, ticket: TicketId) -> bool {
        matches!(self.slots.get(&ticket.0), Some(Slot::Resolved(_)))
    }

    /// Discards the result of a ticket that nobody waits for; its commit happens all the same.
    pub(crate) fn forget(&mut self, ticket: TicketId) {
        match self.slots.get_mut(&ticket.0) {
            Some(slot @ Slot::Waiting) => *slot = Slot::Forgotten,
            Some(Slot::Resolved(_)) => {
                self.slots.remove(&ticket.0);
            }
            Some(Slot::Forgotten) | None => {}
        }
    }

    /// Fails everything that is pending and to come. A group that is being written ends as its
    /// leader says. The first cause counts.
    pub(crate) fn poison(&mut self, cause: impl Into<String>) {
        if self.poisoned.is_some() {
            return;
        }
        let cause = cause.into();
        let first = self.next_ticket - self.pending.len() as u64;
        for ticket in first..self.next_ticket {
            self.resolve(ticket, Err(Error::Poisoned { cause: cause.clone() }));
        }
        self.pending.clear();
        self.pending_bytes = 0;
        self.poisoned = Some(cause);
    }

    /// Why nothing is accepted any more, if so.
    #[cfg(test)]
    pub(crate) fn poisoned(&self) -> Option<&str> {
        self.poisoned.as_deref()
    }

    /// Whether nothing is pending or being written.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.group.is_none()
    }

    fn check_poison(&self) -> Result<()> {
        match &self.poisoned {
            Some(cause) => Err(Error::Poisoned { cause: cause.clone() }),
            None => Ok(()),
        }
    }
}

/// A [`Queue`] for threads that block. Who waits for a commit while nobody leads becomes the
/// leader; everyone else sleeps until the leader is done.
///
/// The lock is held to move commits and results only, never while a leader writes.
#[derive(Debug)]
pub(crate) struct CommitQueue<P, R> {
    queue: Mutex<Queue<P, R>>,
    /// Signalled whenever a group ends or the queue is poisoned.
    changed: Condvar,
    /// How many wait for that; changed and read under the lock. Signalling costs a system call
    /// even where nobody waits.
    sleepers: AtomicUsize,
    group_bytes_max: usize,
}

impl<P, R> CommitQueue<P, R> {
    /// An empty queue whose groups hold up to `group_bytes_max` bytes, or one commit.
    pub(crate) fn new(group_bytes_max: usize) -> Self {
        let (queue, changed) = (Mutex::new(Queue::new()), Condvar::new());
        CommitQueue { queue, changed, sleepers: AtomicUsize::new(0), group_bytes_max }
    }

    fn lock(&self) -> MutexGuard<'_, Queue<P, R>> {
        // No code of a caller runs under the lock, and our own leaves the queue whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`Queue::submit`]. Somebody has to [`CommitQueue::wait`] or
    /// [`CommitQueue::try_lead`] afterwards, or the commit stays where it is.
    pub(crate) fn submit(
        &self,
        payload: P,
        bytes: usize,
        durability: Durability,
    ) -> Result<TicketId> {
        self.lock().submit(payload, bytes, durability)
    }

    /// [`CommitQueue::submit`], if `admit` says so: it is asked with the bytes of the commits that
    /// are in the queue, and none comes between. Gives back what is not admitted.
    pub(crate) fn submit_if(
        &self,
        payload: P,
        bytes: usize,
        durability: Durability,
        admit: impl FnOnce(usize) -> bool,
    ) -> Result<std::result::Result<TicketId, P>> {
        let mut queue = self.lock();
        if !admit(queue.bytes()) {
            return Ok(Err(payload));
        }
        queue.submit(payload, bytes, durability).map(Ok)
    }

    /// Waits for a commit, leading groups with `lead` while nobody else does. `lead` returns one
    /// result for each payload.
    ///
    /// # Errors
    /// Whatever the leader of the ticket's group returned; `Poisoned`, if it panicked.
    pub(crate) fn wait(
        &self,
        ticket: TicketId,
        lead: &mut dyn FnMut(Group<P>) -> Result<Vec<R>>,
    ) -> Result<R> {
        let mut queue = self.lock();
        loop {
            if let Some(result) = queue.poll(ticket) {
                return result;
            }
            queue = match queue.begin(self.group_bytes_max) {
                Some(group) => {
                    drop(queue);
                    self.lead(group, lead);
                    self.lock()
                }
                None => {
                    self.sleepers.fetch_add(1, Ordering::Relaxed);
                    let woken = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                    self.sleepers.fetch_sub(1, Ordering::Relaxed);
                    woken
                }
            };
        }
    }

    /// Leads one group, if anything is pending and nobody leads. Returns whether it did.
    pub(crate) fn try_lead(&self, lead: &mut dyn FnMut(Group<P>) -> Result<Vec<R>>) -> bool {
        let Some(group) = self.lock().begin(self.group_bytes_max) else { return false };
        self.lead(group, lead);
        true
    }

    fn lead(
        &self,
        (token, group): (GroupToken, Group<P>),
        lead: &mut dyn FnMut(Group<P>) -> Result<Vec<R>>,
    ) {
        let mut leading = Leading { queue: self, token, results: None };
        leading.results = Some(lead(group));
        // Dropping hands out the results.
    }

    /// See [`Queue::is_done`].
    pub(crate) fn is_done(&self, ticket: TicketId) -> bool {
        self.lock().is_done(ticket)
    }

    /// See [`Queue::poll`].
    #[cfg(test)]
    pub(crate) fn poll(&self, ticket: TicketId) -> Option<Result<R>> {
        self.lock().poll(ticket)
    }

    /// See [`Queue::forget`].
    pub(crate) fn forget(&self, ticket: TicketId) {
        self.lock().forget(ticket);
    }

    /// See [`Queue::poison`].
    pub(crate) fn poison(&self, cause: impl Into<String>) {
        self.lock().poison(cause);
        self.changed.notify_all();
    }

    /// See [`Queue::poisoned`].
    #[cfg(test)]
    pub(crate) fn poisoned(&self) -> Option<String> {
        self.lock().poisoned().map(str::to_owned)
    }

    /// See [`Queue::is_idle`].
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().is_idle()
    }
}

/// Ends the group when dropped, so that followers do not wait for a leader that panicked.
struct Leading<'a, P, R> {
    queue: &'a CommitQueue<P, R>,
    token: GroupToken,
    results: Option<Result<Vec<R>>>,
}

impl<P, R> Drop for Leading<'_, P, R> {
    fn drop(&mut self) {
        let mut queue = self.queue.lock();
        let len = self.token.len;
        let results = match self.results.take() {
            Some(Ok(results)) if results.len() != len => {
                Err(format!("{} results for a group of {len} commits", results.len()))
            }
            Some(results) => Ok(results),
            None => Err("the thread that wrote for all panicked".to_owned()),
        };
        let results = results.unwrap_or_else(|cause| {
            queue.poison(cause.as_str());
            Err(Error::Poisoned { cause })
        });
        queue.finish(self.token, results);
        let somebody_waits = self.queue.sleepers.load(Ordering::Relaxed) > 0;
        drop(queue);
        if somebody_waits && !mutant::on("group-end-unsignalled") {
            self.queue.changed.notify_all();
        }
    }
}

#[cfg(all(test, shuttle))]
mod shuttle_tests;
#[cfg(test)]
mod tests;
