//! A recording, put in order: lives, blocks of calls, what every call left pending.
//!
//! ```text
//!   life      from one start of a process to its death
//!     block   a step of the plan, an opening, the end
//!       call  one call to the disk, or something that was said
//!     end     what died, and what became of everything pending
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use srdb_vfs::{Fate, OpKind, PendingKind, PendingOp};

use crate::model::{Death, Found, Ledger};
use crate::run::{Answer, DiskCall, Event, Opening, Recording};

/// In the place of a step: the creation of the database.
pub(super) const BIRTH: usize = usize::MAX;

/// Where something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a step of the plan.
    Step(usize),
    /// While the database was opened.
    Opening(Opening),
    /// After the last step.
    End,
}

/// A call, its place in the run, and what can be said of it by knowing the others.
#[derive(Debug, Clone)]
pub(super) struct CallAt<'a> {
    pub(super) call: &'a DiskCall,
    /// Counted over the whole run, from 1.
    pub(super) number: usize,
    pub(super) place: Place,
    /// Made by a background job.
    pub(super) job: bool,
    /// Changes whose sync was answered with success and that are pending all the same.
    pub(super) betrayed: Vec<u64>,
    /// How many changes of each path are pending afterwards: of content, of its name.
    pub(super) pending: BTreeMap<PathBuf, (usize, usize)>,
}

impl CallAt<'_> {
    /// The engine was told of success, and nothing was done.
    pub(super) fn is_swallowed(&self) -> bool {
        let call = self.call;
        call.error.is_none() && call.op.changes_the_disk() && call.reached.is_empty()
    }

    /// The engine was told that something is durable, and it is not.
    pub(super) fn is_lie(&self) -> bool {
        self.is_swallowed() || !self.betrayed.is_empty()
    }

    /// It went wrong.
    pub(super) fn is_error(&self) -> bool {
        self.call.error.is_some() && !self.call.is_answer && !self.call.cut
    }

    /// Whether a reader wants to see it by itself.
    pub(super) fn matters(&self) -> bool {
        self.call.op.changes_the_disk() || self.is_error()
    }
}

/// Something in a block.
#[derive(Debug, Clone)]
pub(super) enum Item<'a> {
    Call(usize),
    Job(String),
    JobDone(&'a str),
    Answer(u64, &'a Answer),
    Raised,
    Rot {
        path: &'a Path,
        offset: u64,
        xor: u8,
        answer: &'a str,
    },
    NotOpen(&'a str),
    /// What was read, as a number of [`Story::checks`].
    Check(usize),
}

/// A step, an opening, or the end.
#[derive(Debug, Clone)]
pub(super) struct Block<'a> {
    pub(super) place: Place,
    pub(super) items: Vec<Item<'a>>,
    pub(super) said: Option<&'a str>,
}

/// One pending change when the power failed.
#[derive(Debug, Clone)]
pub(super) struct Loss<'a> {
    pub(super) op: &'a PendingOp,
    pub(super) fate: &'a Fate,
    /// The call that made it.
    pub(super) made: Option<usize>,
    /// The call that told the engine it was durable.
    pub(super) promised: Option<usize>,
}

/// What ended a life.
#[derive(Debug, Clone)]
pub(super) struct End<'a> {
    /// The step that ordered it.
    pub(super) step: usize,
    pub(super) death: Death,
    /// Which power failure inside the recovery it was.
    pub(super) nested: Option<usize>,
    /// What became of what was pending, if the power failed.
    pub(super) losses: Option<Vec<Loss<'a>>>,
    /// The files that the next life finds.
    pub(super) files: &'a [(PathBuf, u64)],
}

/// From one start of a process to its death.
#[derive(Debug, Clone, Default)]
pub(super) struct Life<'a> {
    pub(super) blocks: Vec<Block<'a>>,
    pub(super) end: Option<End<'a>>,
}

/// What was read, beside what had to be there.
#[derive(Debug, Clone)]
pub(super) struct Check<'a> {
    pub(super) place: Place,
    /// What had died before it; none while running.
    pub(super) after: Option<Death>,
    pub(super) ledger: &'a Ledger,
    pub(super) found: &'a Found,
}

/// Which write carried a commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carrier {
    /// The call, by its number in [`Story::calls`].
    pub(super) call: usize,
    /// Where in its file the record begins.
    pub(super) offset: u64,
}

/// What is known of a commit's way to the disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Course<'a> {
    pub(super) carrier: Option<Carrier>,
    /// What the engine answered, and after which call.
    pub(super) answer: Option<(&'a Answer, usize)>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Story<'a> {
    pub(super) recording: &'a Recording,
    pub(super) calls: Vec<CallAt<'a>>,
    pub(super) lives: Vec<Life<'a>>,
    pub(super) checks: Vec<Check<'a>>,
    pub(super) courses: BTreeMap<u64, Course<'a>>,
    /// The call that made each change durable or lost it for good, by the call that made it.
    pub(super) settled: BTreeMap<usize, usize>,
    /// The recovery found nothing to read.
    pub(super) not_open: Option<&'a str>,
}

/// What is pending, while the events are walked through.
#[derive(Default)]
struct Pending<'a> {
    /// The change, the call that made it, the call that promised it was durable.
    ops: BTreeMap<u64, (&'a PendingOp, usize, Option<usize>)>,
}

impl Pending<'_> {
    fn counts(&self) -> BTreeMap<PathBuf, (usize, usize)> {
        let mut counts: BTreeMap<PathBuf, (usize, usize)> = BTreeMap::new();
        for (op, ..) in self.ops.values() {
            let count = counts.entry(op.path.clone()).or_default();
            if op.kind.is_name() { count.1 += 1 } else { count.0 += 1 }
        }
        counts
    }
}

/// Whether a sync by this call covers the change.
fn covers(call: &DiskCall, op: &PendingOp) -> bool {
    match call.op {
        OpKind::Sync => !op.kind.is_name() && op.path == call.path,
        OpKind::SyncDir => op.kind.is_name() && op.path.parent() == Some(&call.path),
        _ => false,
    }
}

impl<'a> Story<'a> {
    pub(super) fn of(recording: &'a Recording) -> Story<'a> {
        let story = Story {
            recording,
            calls: Vec::new(),
            lives: vec![Life::default()],
            checks: Vec::new(),
            courses: BTreeMap::new(),
            settled: BTreeMap::new(),
            not_open: None,
        };
        let walk = Walk {
            story,
            pending: Pending::default(),
            written: BTreeMap::new(),
            place: Place::Opening(Opening::Birth),
            in_job: false,
            ledger: None,
            death: None,
            nested: None,
            losses: None,
        };
        recording.events.iter().fold(walk, Walk::event).story
    }

    /// The check that decided how the run came out, if anything could be read at all.
    pub(super) fn deciding(&self) -> Option<&Check<'a>> {
        if self.not_open.is_some() { None } else { self.checks.last() }
    }

    /// The last power failure whose losses are known.
    pub(super) fn last_losses(&self) -> &[Loss<'a>] {
        let losses = |life: &'_ Life<'a>| life.end.as_ref().is_some_and(|e| e.losses.is_some());
        let last = self.lives.iter().rev().find(|life| losses(life));
        last.and_then(|life| life.end.as_ref()?.losses.as_deref()).unwrap_or_default()
    }
}

struct Walk<'a> {
    story: Story<'a>,
    pending: Pending<'a>,
    /// Writes of records to the log, by the commit's number, that no answer has claimed yet.
    written: BTreeMap<u64, Carrier>,
    place: Place,
    in_job: bool,
    ledger: Option<(&'a Ledger, Option<Death>)>,
    death: Option<(usize, Death)>,
    nested: Option<usize>,
    losses: Option<Vec<Loss<'a>>>,
}

impl<'a> Walk<'a> {
    fn event(mut self, event: &'a Event) -> Self {
        match event {
            Event::Step { number } => {
                self.story.not_open = None;
                self.begin(Place::Step(*number));
            }
            Event::Said { number, said } => self.said(*number, said),
            Event::Job(job) => {
                self.in_job = true;
                self.item(Item::Job(format!("{job:?}").to_lowercase()));
            }
            Event::JobDone(said) => {
                self.in_job = false;
                self.item(Item::JobDone(said));
            }
            Event::Call(call) => self.call(call),
            Event::Answered { uid, answer } => self.answered(*uid, answer),
            Event::Raised => self.item(Item::Raised),
            Event::Death { step, death, ledger } => {
                self.ledger = Some((ledger, Some(*death)));
                self.death = Some((*step, *death));
                self.nested = None;
            }
            Event::Image { nested, fates } => self.image(*nested, fates),
            Event::Files(files) => self.next_life(files),
            Event::Rot { path, offset, xor, answer } => {
                self.item(Item::Rot { path, offset: *offset, xor: *xor, answer });
            }
            Event::Open(opening) => {
                self.story.not_open = None;
                self.begin(Place::Opening(*opening));
            }
            Event::NotOpen(error) => {
                self.story.not_open = Some(error);
                self.item(Item::NotOpen(error));
            }
            Event::Found(found) => self.found(found),
            Event::End(ledger) => {
                self.ledger = Some((ledger, None));
                if self.story.recording.result.is_ok() {
                    self.begin(Place::End);
                }
            }
        }
        self
    }

    fn life(&mut self) -> &mut Life<'a> {
        if self.story.lives.is_empty() {
            self.story.lives.push(Life::default());
        }
        let last = self.story.lives.len() - 1;
        &mut self.story.lives[last]
    }

    fn begin(&mut self, place: Place) {
        self.place = place;
        self.in_job = false;
        self.life().blocks.push(Block { place, items: Vec::new(), said: None });
    }

    fn item(&mut self, item: Item<'a>) {
        let place = self.place;
        if self.life().blocks.is_empty() {
            self.begin(place);
        }
        if let Some(block) = self.life().blocks.last_mut() {
            block.items.push(item);
        }
    }

    /// What a step came to may be known only after further lives.
    fn said(&mut self, number: usize, said: &'a str) {
        let is_it = |block: &&mut Block<'a>| block.place == Place::Step(number);
        let mut blocks = self.story.lives.iter_mut().rev().flat_map(|l| l.blocks.iter_mut().rev());
        if let Some(block) = blocks.find(is_it) {
            block.said = Some(said);
        }
    }

    fn call(&mut self, call: &'a DiskCall) {
        let number = self.story.calls.len() + 1;
        let mut betrayed = Vec::new();
        for id in &call.settled {
            if let Some((_, made, _)) = self.pending.ops.remove(id) {
                self.story.settled.insert(made, number - 1);
            }
        }
        if call.error.is_none() && call.op.is_sync() {
            for (id, (op, _, promised)) in &mut self.pending.ops {
                if covers(call, op) {
                    betrayed.push(*id);
                    promised.get_or_insert(number - 1);
                }
            }
        }
        for op in &call.made {
            self.pending.ops.insert(op.id, (op, number - 1, None));
        }
        for (at, commit) in &call.records {
            let offset = call.offset.saturating_add(*at);
            self.written.insert(*commit, Carrier { call: number - 1, offset });
        }
        let (place, job) = (self.place, self.in_job);
        let pending = self.pending.counts();
        self.story.calls.push(CallAt { call, number, place, job, betrayed, pending });
        self.item(Item::Call(number - 1));
    }

    fn answered(&mut self, uid: u64, answer: &'a Answer) {
        let carrier = match answer {
            Answer::Acknowledged { number } => self.written.remove(number),
            // The record of a commit that failed is the one that nobody has claimed.
            _ => self.written.pop_last().map(|(_, carrier)| carrier),
        };
        let after = self.story.calls.len();
        let course = self.story.courses.entry(uid).or_default();
        course.carrier = carrier.or(course.carrier);
        course.answer = Some((answer, after));
        self.item(Item::Answer(uid, answer));
    }

    fn image(&mut self, nested: Option<usize>, fates: &'a [(PendingOp, Fate)]) {
        self.nested = nested;
        let known = &self.pending.ops;
        let loss = |(op, fate): &'a (PendingOp, Fate)| {
            let known = known.get(&op.id);
            let (made, promised) = (known.map(|k| k.1), known.and_then(|k| k.2));
            Loss { op, fate, made, promised }
        };
        self.losses = Some(fates.iter().map(loss).collect());
        self.pending.ops.clear();
        self.written.clear();
    }

    fn next_life(&mut self, files: &'a [(PathBuf, u64)]) {
        let (step, mut death) = self.death.unwrap_or((BIRTH, Death::Process));
        let losses = self.losses.take();
        if losses.is_some() {
            death = Death::Power;
        } else if self.nested.is_some() {
            death = Death::Process;
        }
        let end = End { step, death, nested: self.nested.take(), losses, files };
        self.life().end = Some(end);
        self.story.lives.push(Life::default());
    }

    fn found(&mut self, found: &'a Found) {
        let Some((ledger, after)) = self.ledger else { return };
        self.story.checks.push(Check { place: self.place, after, ledger, found });
        self.item(Item::Check(self.story.checks.len() - 1));
    }
}

/// How many sectors a torn fate speaks of, and the first one of the write.
pub(super) fn sectors(kind: &PendingKind) -> (u64, u64) {
    match kind {
        PendingKind::Write { offset, .. } => (offset / srdb_vfs::SECTOR_BYTES, kind.sectors()),
        _ => (0, 0),
    }
}
