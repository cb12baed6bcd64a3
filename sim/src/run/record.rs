//! What a run did, event by event: what a report is drawn from.
//!
//! Invariants:
//! 1. Switched off, it costs a look at an `Option`. Switched on, it changes nothing: it asks the
//!    disk only what leaves no trace.
//! 2. A [`DiskCall`] is taken down above everything that may lie to the engine, together with what
//!    reached the disk. So a sync that was answered and never done can be told from one that was.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use srdb::{Job, Progress};
use srdb_vfs::{Fate, MemDisk, OpKind, PendingOp, TraceEntry};

use super::{Failure, Report, Run};
use crate::db::read_all;
use crate::model::{Death, Found, Ledger};
use crate::mutants::Mutant;
use crate::plan::Plan;
use crate::vfs::{Call, Layer, Layered, is_answer};

/// A run, taken down.
#[derive(Debug)]
pub struct Recording {
    /// The plan, every crash that happened spelt out.
    pub plan: Plan,
    /// The bug that was planted.
    pub mutant: Option<Mutant>,
    /// How it came out.
    pub result: Result<Report, Box<Failure>>,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A step begins.
    Step {
        /// Its place in the plan.
        number: usize,
    },
    /// How a step came out; `usize::MAX` for the creation, past the last for the end.
    Said {
        /// Its place in the plan.
        number: usize,
        /// In words.
        said: String,
    },
    /// A background job does one step.
    Job(Job),
    /// The background job's step is over.
    JobDone(String),
    /// The engine called the disk.
    Call(Box<DiskCall>),
    /// What the engine answered about a commit.
    Answered {
        /// The commit: its step plus 1.
        uid: u64,
        /// What.
        answer: Answer,
    },
    /// Every commit so far was said to be at `Disk`.
    Raised,
    /// What held the database died.
    Death {
        /// The step that ordered it; `usize::MAX` for the creation.
        step: usize,
        /// What died.
        death: Death,
        /// What must be there afterwards, and what may be.
        ledger: Ledger,
    },
    /// The power failed: what became of each change that was not durable.
    Image {
        /// Which power failure inside the recovery it was, or the one that began it.
        nested: Option<usize>,
        /// The changes, in order.
        fates: Vec<(PendingOp, Fate)>,
    },
    /// The files that the next process finds, with their lengths.
    Files(Vec<(PathBuf, u64)>),
    /// A byte rotted on a copy of the disk, which was then opened.
    Rot {
        /// The file.
        path: PathBuf,
        /// The byte.
        offset: u64,
        /// The bits that flipped.
        xor: u8,
        /// What the engine said to it.
        answer: String,
    },
    /// The database is opened.
    Open(Opening),
    /// It did not open.
    NotOpen(String),
    /// Everything that can be read.
    Found(Found),
    /// The end of the run, and what must be there then.
    End(Ledger),
}

/// Why the database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// For the first time.
    Birth,
    /// To be interrupted by this power failure, from 0.
    Nested(usize),
    /// Under I/O errors.
    UnderFaults,
    /// For good.
    Last,
    /// On a copy of the disk, to compare. Its calls are not taken down.
    Copy,
    /// On a copy of the disk with a rotten byte. Its calls are not taken down.
    Rotten,
}

/// What the engine answered about a commit.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It succeeded.
    Acknowledged {
        /// Its number in the database.
        number: u64,
    },
    /// Nobody waited for it, and its rows can be read.
    Seen,
    /// It failed.
    Failed(String),
    /// Nobody waited for it, and a later commit succeeded without it.
    GivenUp,
}

/// One call of the engine.
#[derive(Debug, Clone)]
pub struct DiskCall {
    /// What was called.
    pub op: OpKind,
    /// On which path; of a rename or link the new one.
    pub path: PathBuf,
    /// As the call had it; `u64::MAX` for an append.
    pub offset: u64,
    /// Bytes of a write.
    pub len: u64,
    /// [`MemDisk::calls`] afterwards.
    pub number: u64,
    /// What the engine was told went wrong.
    pub error: Option<String>,
    /// The error says how things are, as that there is no such file; nothing went wrong.
    pub is_answer: bool,
    /// The power failed at this call.
    pub cut: bool,
    /// The machine was gone.
    pub dead: bool,
    /// What reached the disk during the call. Nothing: the call was swallowed.
    pub reached: Vec<TraceEntry>,
    /// The changes that are pending since.
    pub made: Vec<PendingOp>,
    /// The changes that are durable, or gone, since.
    pub settled: Vec<u64>,
    /// The beginning of what was written.
    pub head: Vec<u8>,
    /// Headers of the records in a write to the log, each with its place in the write.
    pub records: Vec<(u64, u64)>,
}

/// Takes events down, or does nothing.
#[derive(Debug, Clone)]
pub(super) struct Recorder(Option<Arc<Mutex<Vec<Event>>>>);

impl Recorder {
    pub(super) fn off() -> Recorder {
        Recorder(None)
    }

    pub(super) fn on() -> Recorder {
        Recorder(Some(Arc::default()))
    }

    pub(super) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn note(&self, event: impl FnOnce() -> Event) {
        if let Some(events) = &self.0 {
            let event = event();
            lock(events).push(event);
        }
    }

    pub(super) fn take(&self) -> Vec<Event> {
        self.0.as_ref().map(|events| std::mem::take(&mut *lock(events))).unwrap_or_default()
    }

    /// A step of a background job.
    pub(super) fn job(
        &self,
        job: Job,
        step: impl FnOnce() -> srdb::Result<Progress>,
    ) -> srdb::Result<Progress> {
        self.note(|| Event::Job(job));
        let result = step();
        self.note(|| match &result {
            Ok(progress) => Event::JobDone(format!("{progress:?}")),
            Err(e) => Event::JobDone(e.to_string()),
        });
        result
    }

    /// The layers over a disk, with one on top that takes every call down.
    pub(super) fn above(&self, vfs: Arc<Layered>, disk: &MemDisk) -> Arc<Layered> {
        match &self.0 {
            None => vfs,
            Some(events) => {
                let scribe = Scribe { disk: disk.clone(), events: events.clone() };
                Arc::new(Layered::new(vfs, Arc::new(scribe)))
            }
        }
    }
}

fn lock(events: &Mutex<Vec<Event>>) -> MutexGuard<'_, Vec<Event>> {
    events.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run {
    /// The files that the process finds now.
    pub(super) fn record_files(&self) {
        self.record.note(|| {
            let list = self.disk.list().into_iter();
            let bytes = |path: &PathBuf| self.disk.read_file(path).map(|b| b.len() as u64);
            Event::Files(list.filter_map(|(p, _)| bytes(&p).map(|b| (p, b))).collect())
        });
    }

    /// What is there at the end, as far as it can be read, and what must be.
    pub(super) fn record_end(&mut self) {
        if !self.record.is_on() {
            return;
        }
        self.record.note(|| Event::End(self.model.ledger(None)));
        let Some(db) = self.db.clone() else { return };
        let read = std::panic::AssertUnwindSafe(|| read_all(&db));
        let found = crate::panics::catch(|| std::panic::catch_unwind(read));
        if let Ok(Ok(Ok(found))) = found {
            self.record.note(|| Event::Found(found));
        }
    }
}

/// The layer that takes calls down.
#[derive(Debug)]
struct Scribe {
    disk: MemDisk,
    events: Arc<Mutex<Vec<Event>>>,
}

/// Bytes of a write that are kept, for a reader to know what it is.
const HEAD_BYTES: usize = 128;

/// See docs/format.md.
const WAL_HEADER_BYTES: usize = 48;

impl Layer for Scribe {
    fn call(&self, call: &Call<'_>, go: &mut dyn FnMut() -> io::Result<u64>) -> io::Result<u64> {
        let traced = self.disk.trace_len();
        let before = self.disk.pending();
        let dead = self.disk.crashed();
        let result = go();
        let after = self.disk.pending();
        let last = before.last().map_or(0, |op| op.id);
        let settled = before.iter().filter(|op| after.iter().all(|a| a.id != op.id));
        let is_log = call.op == OpKind::Write && call.is_on("wal");
        let taken_down = DiskCall {
            op: call.op,
            path: call.path.to_owned(),
            offset: match result {
                Ok(offset) if call.offset == u64::MAX => offset,
                _ => call.offset,
            },
            len: call.data.len() as u64,
            number: self.disk.calls(),
            error: result.as_ref().err().map(io::Error::to_string),
            is_answer: result.as_ref().is_err_and(is_answer),
            cut: !dead && self.disk.crashed(),
            dead,
            reached: self.disk.trace_from(traced),
            settled: settled.map(|op| op.id).collect(),
            made: after.iter().filter(|op| op.id > last).cloned().collect(),
            head: call.data[..call.data.len().min(HEAD_BYTES)].to_vec(),
            records: if is_log { records(call.data) } else { Vec::new() },
        };
        lock(&self.events).push(Event::Call(Box::new(taken_down)));
        result
    }
}

/// The commits in a write to the log: the place of each record's header, and its commit's number.
fn records(data: &[u8]) -> Vec<(u64, u64)> {
    let mut records = Vec::new();
    let mut at = if data.starts_with(b"SRDBWAL\0") { 128 } else { 0 };
    while let Some(header) = data.get(at..at + WAL_HEADER_BYTES) {
        let word =
            |at: usize| header[at..at + 8].iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
        let (payload, kind) = ((word(8) & 0xFFFF_FFFF) as usize, header[12]);
        if kind != 1 || payload % 8 != 0 {
            break;
        }
        records.push((at as u64, word(24)));
        at += WAL_HEADER_BYTES + payload;
    }
    records
}
