//! Rows to batches, batches to commits: one thread reads on while another waits for the disk.
//!
//! ```text
//! append ──► appender ──(batch full)──► submit ──► channel ──► wait, count, acknowledge
//!            this thread                            the loader's thread
//! ```
//!
//! 1. Batches are committed and acknowledged in order; what is committed is always the beginning
//!    of what was appended, in whole batches.
//! 2. After a commit has failed nothing more is waited for. Batches handed in behind it may still
//!    be queued: the caller must then leave the database without closing it, which would write
//!    them and so leave a hole.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use srdb::{Appender, Durability, Error, Table, Ticket, ValueRef};

use crate::failure::{Failure, Outcome};

/// Batches that may wait in the channel: enough to share a sync, few enough for memory.
const BATCHES_WAITING_MAX: usize = 4;

/// How rows are committed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batching {
    /// Rows of a batch.
    pub(crate) rows: usize,
    /// Where a batch is when it is acknowledged.
    pub(crate) durability: Durability,
    /// Whether each acknowledged batch is said on standard output.
    pub(crate) acks: bool,
    /// Abort the process half-way through a batch once this many rows are acknowledged.
    pub(crate) crash_after: Option<u64>,
}

/// See the module's documentation.
pub(crate) struct Loader {
    batching: Batching,
    appender: Appender,
    /// Rows handed in.
    submitted: u64,
    committed: Arc<Committed>,
    thread: Option<CommitThread>,
    broken: bool,
}

/// What has been committed and acknowledged.
#[derive(Debug, Default)]
struct Committed {
    rows: AtomicU64,
    batches: AtomicU64,
}

struct CommitThread {
    sender: SyncSender<Submitted>,
    handle: JoinHandle<Outcome>,
}

struct Submitted {
    ticket: Ticket,
    rows: u64,
}

impl Loader {
    /// A loader into this table.
    pub(crate) fn new(table: &Table, batching: Batching) -> Loader {
        Loader {
            batching,
            appender: table.appender(),
            submitted: 0,
            committed: Arc::default(),
            thread: None,
            broken: false,
        }
    }

    /// Takes a row; `line` is where it stands in the input. A row that is refused leaves no trace.
    ///
    /// # Errors
    /// The row does not fit; or an earlier batch could not be committed.
    pub(crate) fn append(&mut self, row: &[ValueRef<'_>], line: u64) -> Outcome {
        self.appender.append_row(row).map_err(|error| match error {
            Error::BadRow { field, what, .. } => Failure::field(line, &field, what),
            Error::Limit { .. } => Failure::line(line, error.to_string()),
            other => Failure::Engine(other),
        })?;
        self.crash_if_asked()?;
        match self.appender.rows() >= self.batching.rows {
            true => self.submit(),
            false => Ok(()),
        }
    }

    /// Commits what is left, waits for everything, and says what could not be committed.
    ///
    /// # Errors
    /// A commit failed, or could not be acknowledged.
    pub(crate) fn finish(&mut self) -> Outcome {
        if self.appender.rows() > 0 {
            self.submit()?;
        }
        self.settle()
    }

    /// Forgets what is not a whole batch, and waits for the batches that are.
    ///
    /// # Errors
    /// As [`Loader::finish`].
    pub(crate) fn stop(&mut self) -> Outcome {
        self.appender.clear();
        self.settle()
    }

    /// Whether a commit failed or could not be acknowledged: see invariant 2.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Rows taken so far.
    pub(crate) fn rows_taken(&self) -> u64 {
        self.submitted + self.appender.rows() as u64
    }

    /// Rows committed so far, and the batches they came in.
    pub(crate) fn committed(&self) -> (u64, u64) {
        let Committed { rows, batches } = &*self.committed;
        (rows.load(Ordering::Acquire), batches.load(Ordering::Acquire))
    }

    fn submit(&mut self) -> Outcome {
        let rows = self.appender.rows() as u64;
        let ticket = self.appender.submit(self.batching.durability)?;
        self.submitted += rows;
        let thread = self.thread.get_or_insert_with(|| {
            let (sender, receiver) = sync_channel(BATCHES_WAITING_MAX);
            let (committed, acks) = (Arc::clone(&self.committed), self.batching.acks);
            let handle = std::thread::spawn(move || wait_for_all(&receiver, &committed, acks));
            CommitThread { sender, handle }
        });
        match thread.sender.send(Submitted { ticket, rows }) {
            Ok(()) => Ok(()),
            // It went away: it says why.
            Err(_) => self.settle(),
        }
    }

    /// Waits until all that was submitted is committed.
    fn settle(&mut self) -> Outcome {
        let Some(CommitThread { sender, handle }) = self.thread.take() else { return Ok(()) };
        drop(sender);
        let settled = handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        self.broken |= settled.is_err();
        settled
    }

    /// Half-way through a batch, so that there is something to lose.
    fn crash_if_asked(&mut self) -> Outcome {
        let half = self.appender.rows() == self.batching.rows.div_ceil(2);
        if half && self.batching.crash_after.is_some_and(|after| self.submitted >= after) {
            self.settle()?;
            std::process::abort();
        }
        Ok(())
    }
}

fn wait_for_all(submitted: &Receiver<Submitted>, committed: &Committed, acks: bool) -> Outcome {
    for Submitted { ticket, rows } in submitted {
        ticket.wait()?;
        committed.batches.fetch_add(1, Ordering::AcqRel);
        let all = committed.rows.fetch_add(rows, Ordering::AcqRel) + rows;
        if acks {
            let mut out = std::io::stdout().lock();
            let printed = writeln!(out, "committed rows={all}").and_then(|()| out.flush());
            // Not as quiet as elsewhere: who asked for acknowledgements relies on them.
            printed.map_err(|e| Failure::Failed(format!("could not acknowledge: {e}")))?;
        }
    }
    Ok(())
}
