//! A database that is read beside its writer, as another process would read it.
//!
//! What a follower sees is checked against the model: whole commits, the first of them, none left
//! out that was in the system's hands when it looked, and no fewer than it saw before. It changes
//! nothing on the disk. While it looks, at a call that the plan names, the writer may go on with
//! its work: that is when files are gone that were named a moment ago. A follower is a process of
//! its own: it goes on when that of the writer dies, but not when the power fails.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use srdb::{Database, Error, Follower, Job, Progress, Snapshot};
use srdb_vfs::{MemDisk, OpKind, Vfs};

use super::read::difference;
use super::step::phase_of_job;
use super::{Kept, Run};
use crate::coverage::Tracker;
use crate::db::{ROOT, found_row, slot_of, table_name};
use crate::model::{Found, FoundTable, Standing, TableId};
use crate::oracle::Violation;
use crate::plan::{After, Race};
use crate::vfs::{Call, Layer, Layered, Moving};

/// A follower, and how many commits it has seen at least.
pub(super) struct Following {
    follower: Follower,
    beside: Arc<Beside>,
    disk: Arc<Moving>,
    seen: usize,
}

/// Something that the writer does while a follower looks.
type Act = Box<dyn FnOnce() + Send>;

/// Stands between a follower and the disk.
struct Beside {
    looking: Mutex<Looking>,
    disk: Mutex<MemDisk>,
    tracker: Option<Arc<Tracker>>,
}

#[derive(Default)]
struct Looking {
    /// What the writer does before so many more calls.
    act: Option<(u64, Act)>,
    /// A call that changes the disk, or takes a lock.
    forbidden: Option<OpKind>,
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Beside")
    }
}

impl Beside {
    fn lock(&self) -> MutexGuard<'_, Looking> {
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layer for Beside {
    fn call(&self, call: &Call<'_>, go: &mut dyn FnMut() -> io::Result<u64>) -> io::Result<u64> {
        use OpKind::{Kind, Len, Map, MapRead, Open, Read, ReadDir};
        let act = {
            let mut looking = self.lock();
            if !matches!(call.op, Open | Read | Len | Map | MapRead | ReadDir | Kind) {
                looking.forbidden = Some(call.op);
            }
            match looking.act.take() {
                Some((0, act)) => Some(act),
                Some((left, act)) => {
                    looking.act = Some((left - 1, act));
                    None
                }
                None => None,
            }
        };
        if let Some(act) = act {
            act();
        }
        let result = go();
        if let Some(tracker) = &self.tracker {
            tracker.passes_over(&self.disk.lock().unwrap_or_else(PoisonError::into_inner));
        }
        result
    }
}

impl Run {
    /// Opens the database for reading beside its writer, in the place of a follower there is.
    pub(super) fn follow(&mut self, race: Option<Race>, unread: bool) -> Result<String, Violation> {
        let (looking, at) = (Mutex::default(), Mutex::new(self.disk.clone()));
        let beside = Arc::new(Beside { looking, disk: at, tracker: self.tracker.clone() });
        let disk = Arc::new(Moving::new(Arc::new(self.disk.clone())));
        let below = Layered::new(disk.clone(), self.watch.clone());
        let vfs = Arc::new(Layered::new(Arc::new(below), beside.clone()));
        self.follower = None;
        let (safe, done) = (self.model.safe_at_os(), self.race(&beside, race)?);
        let builder = Database::builder(ROOT).vfs(vfs).clock(Arc::new(self.clock.clone()));
        let followed = builder.follow();
        self.after_race(&beside, &done)?;
        match followed {
            _ if self.disk.crashed() => Ok("the power has failed".to_owned()),
            Err(e) => self.judge_follower("following", &e),
            Ok(follower) => {
                self.follower = Some(Following { follower, beside, disk, seen: 0 });
                self.look_at_follower(safe, unread)
            }
        }
    }

    /// Lets the follower go on.
    pub(super) fn refresh(
        &mut self,
        race: Option<Race>,
        unread: bool,
    ) -> Result<String, Violation> {
        let Some(Following { follower, beside, disk, seen }) = self.follower.take() else {
            return Ok("no follower".to_owned());
        };
        let (safe, done) = (self.model.safe_at_os(), self.race(&beside, race)?);
        let before = follower.last_commit();
        let refreshed = follower.refresh();
        self.after_race(&beside, &done)?;
        if self.disk.crashed() {
            return Ok("the power has failed".to_owned());
        }
        let is_same = follower.last_commit() == before;
        self.follower = Some(Following { follower, beside, disk, seen });
        match refreshed {
            Err(_) if !is_same => Err(wrong("a refresh has failed, and moved")),
            Err(e) => self.judge_follower("a refresh", &e),
            Ok(false) if !is_same => Err(wrong("a refresh that found nothing new has moved")),
            Ok(_) => self.look_at_follower(safe, unread),
        }
    }

    /// The follower, which outlives the writer. After a failure, and where the writer comes back
    /// in another way than it went, it may see less than before.
    pub(super) fn follower_of_the_dead(&mut self, after: &After) -> Option<Following> {
        let may_lose = self.has_failed() || !after.is_plain();
        let follower = self.follower.take()?;
        Some(Following { seen: if may_lose { 0 } else { follower.seen }, ..follower })
    }

    /// A writer has come up in the place of one whose process ended.
    pub(super) fn go_on_following(&mut self, follower: Option<Following>) {
        if let Some(Following { beside, disk, .. }) = &follower {
            *beside.disk.lock().unwrap_or_else(PoisonError::into_inner) = self.disk.clone();
            disk.move_to(Arc::new(self.disk.clone()));
        }
        self.follower = follower;
    }

    /// Takes an error of a follower for what it is: whatever that is, the writer knows nothing of
    /// it and goes on.
    fn judge_follower(&mut self, doing: &str, error: &Error) -> Result<String, Violation> {
        let poisoned = self.poisoned;
        let said = self.judge_read(doing, error);
        self.poisoned = poisoned;
        said
    }

    /// Whether what failed may be there all the same, and what is not durable be gone.
    fn has_failed(&mut self) -> bool {
        let is_harmed = self.excuse().is_some();
        is_harmed || self.watch.errors() > 0 || self.poisoned || self.was_evicted()
    }

    /// Gets ready what the writer does meanwhile.
    fn race(&self, beside: &Beside, race: Option<Race>) -> Result<Arc<Done>, Violation> {
        let done = Arc::new(Done::default());
        let Some(Race { call, pick, steps, rotate }) = race else { return Ok(done) };
        let (db, tracker, to) = (self.db()?, self.tracker.clone(), done.clone());
        let act = move || {
            if rotate {
                to.add("rotate", Ok(db.rotate().err()));
            }
            for _ in 0..steps {
                // What limits drop is held to the model where it is a step of the plan.
                let mut jobs = db.jobs();
                jobs.retain(|job| *job != Job::Retain);
                let Some(job) = jobs.get(usize::from(pick) % jobs.len().max(1)).copied() else {
                    break;
                };
                if let Some(tracker) = &tracker {
                    tracker.enter(phase_of_job(job));
                }
                let stepped = db.step(job);
                let failed = stepped.is_err();
                to.add("a job", stepped.map(|p| (p, job)).map_or_else(|e| Ok(Some(e)), Err));
                if failed {
                    break;
                }
            }
        };
        beside.lock().act = Some((call, Box::new(act)));
        Ok(done)
    }

    /// What came of it, and that the follower has kept its hands off.
    fn after_race(&mut self, beside: &Beside, done: &Done) -> Result<(), Violation> {
        let mut looking = beside.lock();
        looking.act = None;
        if let Some(op) = looking.forbidden {
            return Err(wrong(&format!("a follower has called {op:?}")));
        }
        drop(looking);
        for (doing, result) in done.take() {
            match result {
                Ok(None) => self.check_writable(doing)?,
                Ok(Some(e)) => drop(self.judge(doing, &e)?),
                Err((Progress::Done, job)) if job != Job::Delete => {
                    self.check_writable("the end of a job")?;
                }
                Err(_) => {}
            }
        }
        self.settle()
    }

    /// Compares what the follower sees with the model: how many rows, and, unless they are to be
    /// read later, which ones. Keeps it as a snapshot.
    fn look_at_follower(&mut self, safe: usize, unread: bool) -> Result<String, Violation> {
        let Some(Following { follower, seen, .. }) = &self.follower else {
            return Ok("no follower".to_owned());
        };
        let (snapshot, seen) = (follower.snapshot(), *seen);
        let found = if unread { Ok(Vec::new()) } else { read_view(&snapshot) };
        let found = match found {
            Ok(found) => found,
            Err(e) => return self.judge_follower("reading what a follower sees", &e),
        };
        if self.has_failed() {
            return Ok("a follower".to_owned());
        }
        let mut ends: BTreeMap<TableId, usize> = BTreeMap::new();
        let mut tables = Vec::new();
        for (id, table) in self.model.tables().filter(|(_, t)| t.standing == Standing::Live) {
            let Ok(there) = snapshot.table(&table_name(table.slot)) else {
                return Err(wrong(&format!("a follower does not see t{}", table.slot)));
            };
            let (first, due) = (there.first_seq(), table.rows.first_seq());
            if first != due {
                return Err(wrong(&format!("t{} begins with row {first}, not {due}", table.slot)));
            }
            let end = there.last_seq() as usize;
            let rows = table.rows.up_to(end);
            let read = found.iter().find(|read| read.slot == table.slot);
            if let Some(what) = read.and_then(|read| difference(&read.rows, rows.kept())) {
                return Err(wrong(&format!("t{}: {what}", table.slot)));
            }
            ends.insert(id, end);
            tables.push((table.slot, table.shape, rows));
        }
        let slots = snapshot.tables().into_iter().map(|name| slot_of(&name).unwrap_or(u8::MAX));
        if let Some(more) = slots.into_iter().find(|slot| self.model.table(*slot).is_none()) {
            return Err(wrong(&format!("a follower sees t{more}, which is gone")));
        }
        let commits = self.model.commits_of(&ends);
        let commits = commits.ok_or_else(|| wrong(&format!("not whole commits: {ends:?}")))?;
        if commits < safe.max(seen) {
            let what = format!("{commits} commits, {safe} were safe and {seen} seen before");
            return Err(wrong(&what));
        }
        if let Some(following) = &mut self.follower {
            following.seen = commits;
        }
        self.snapshots.push(Kept { snapshot, tables });
        Ok(format!("{commits} commits"))
    }

    /// What a follower makes of a disk before anybody has recovered it; none if there is no
    /// database yet.
    pub(super) fn unrecovered(&self, disk: &MemDisk) -> Result<Option<Found>, Violation> {
        let before = disk.pending();
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        let followed = match Database::builder(ROOT).vfs(vfs).follow() {
            Err(Error::NoDatabase { .. }) => return Ok(None),
            followed => followed.and_then(|follower| read_view(&follower.snapshot())),
        };
        if disk.pending() != before || disk.list().iter().all(|(path, _)| path != Path::new(ROOT)) {
            return Err(wrong("following a database that nobody has open has changed the disk"));
        }
        followed.map(Some).map_err(|e| wrong(&format!("before recovery it gives: {e}")))
    }
}

/// What the writer did: each answer is that of a job, or else that of a call, with its error.
#[derive(Default)]
struct Done(Mutex<Vec<(&'static str, Answer)>>);

type Answer = Result<Option<Error>, (Progress, Job)>;

impl Done {
    fn add(&self, doing: &'static str, answer: Answer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((doing, answer));
    }

    fn take(&self) -> Vec<(&'static str, Answer)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All rows of all tables.
fn read_view(view: &Snapshot) -> srdb::Result<Found> {
    let mut found = Found::new();
    for name in view.tables() {
        let table = view.table(&name)?;
        let rows = table.scan(..)?.map(|row| row.map(found_row));
        found.push(FoundTable {
            slot: slot_of(&name).unwrap_or(u8::MAX),
            fields: table.schema().len(),
            first_seq: table.first_seq(),
            limits: table.retention(),
            rows: rows.collect::<srdb::Result<_>>()?,
        });
    }
    Ok(found)
}

fn wrong(what: &str) -> Violation {
    Violation::new("follower", what)
}
