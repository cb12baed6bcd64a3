//! Deaths, what survives them, and coming up again.
//!
//! ```text
//!   death ─► image ─► rot, on a copy: reported or harmless
//!                └──► recovery, on a copy: the reference
//!                └──► recovery, crashed inside ─► image ─► … ─► recovery under faults
//!                                                            └─► recovery ─► the reference
//!                                                                         └─► the model
//! ```

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use srdb::{Database, Error, Job};
use srdb_vfs::{CrashChoice, MemDisk};

use super::figures::Tally;
use super::step::JOB_STEPS_MAX;
use super::{Event, Opening, Run};
use crate::coverage::Phase;
use crate::db::{is_lock, read_all};
use crate::draw::{Draw, SeedDraw};
use crate::model::{Death, Excuse, Found};
use crate::oracle::image::{Answer, look};
use crate::oracle::{Violation, ending, manifest, structure, wal};
use crate::plan::{After, Image, Rot, Step, Survivor};
use crate::vfs::Watch;

/// Where in a step an image stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// The step's own.
    Step(usize),
    /// That of a nested crash.
    Nested(usize, usize),
}

/// A database on its way back up.
#[derive(Debug, Clone)]
pub(super) struct Coming {
    /// The worst death since it was last open.
    pub(super) death: Death,
    /// What every recovery of what survived that has to find, once known.
    pub(super) reference: Option<Found>,
}

/// In the place of a step: the creation of the database.
const BIRTH: usize = usize::MAX;

impl Run {
    /// The database is created, on an empty disk, with whatever comes in between.
    pub(super) fn be_born(&mut self) -> Result<(), Violation> {
        let birth = self.plan.birth.clone();
        if !self.plan.options.create_if_missing {
            self.must_be_missing()?;
        }
        if birth.is_plain() {
            self.record.note(|| Event::Open(Opening::Birth));
            let db = self.open_sound(&self.disk.clone())?;
            self.tally = Tally::at_opening(&db.stats());
            self.db = Some(db);
        } else {
            let said = self.restart_for(BIRTH, Death::Power, None, &birth)?;
            self.remember(BIRTH, said);
        }
        self.born = true;
        Ok(())
    }

    /// Where there is no database none is made unasked.
    fn must_be_missing(&self) -> Result<(), Violation> {
        let layers = self.layers(&self.disk, &self.watch);
        match crate::db::open(layers, &self.clock, &self.plan.options) {
            Err(Error::NoDatabase { .. }) if self.disk.list().is_empty() => Ok(()),
            other => {
                let what = format!("opening an empty disk without leave to create gave {other:?}");
                Err(Violation::new("faults", what))
            }
        }
    }

    /// The crash that was ordered earlier has happened.
    pub(super) fn crash_as_armed(&mut self) -> Result<(), Violation> {
        let Some(armed) = self.armed.take() else {
            return Err(ending::crashed_unasked());
        };
        let image = Some(&armed.image);
        let said = self.restart_for(armed.step, Death::Power, image, &armed.after)?;
        self.remember(armed.step, said);
        Ok(())
    }

    /// Everything in memory is gone; comes up again and checks what is there.
    pub(super) fn restart(
        &mut self,
        death: Death,
        image: Option<&Image>,
        after: &After,
    ) -> Result<String, Violation> {
        // A death that comes before an armed crash takes its place.
        self.armed = None;
        self.restart_for(self.at, death, image, after)
    }

    fn restart_for(
        &mut self,
        step: usize,
        death: Death,
        image: Option<&Image>,
        after: &After,
    ) -> Result<String, Violation> {
        let follower = self.follower_of_the_dead(after);
        self.forget();
        self.report.cycles += 1;
        let ledger = || self.model.ledger(Some(death));
        self.record.note(|| Event::Death { step, death, ledger: ledger() });
        let disk = match image {
            Some(image) => self.power_image(image, Place::Step(step)),
            None => self.disk.process_crash(),
        };
        self.replace_disk(disk);
        let capacity = self.disk.capacity();
        self.disk.set_capacity(None);
        self.interrupted = false;
        if let Some(rot) = after.rot {
            self.rot(rot, death)?;
        }
        let mut coming = Coming { death, reference: None };
        self.look_ahead(&mut coming)?;
        for (number, nested) in after.nested.iter().enumerate() {
            self.record.note(|| Event::Open(Opening::Nested(number)));
            let is_last = number + 1 == after.nested.len();
            match after.aim.as_ref().filter(|_| is_last) {
                None => self.disk.crash_at(self.disk.calls() + nested.call),
                Some(at) => self.disk.crash_on(at.op, &*at.file, nested.call, at.later),
            }
            if self.come_up_to_a_crash(&mut coming)? {
                let (death, ledger) = (coming.death, || self.model.ledger(Some(coming.death)));
                self.record.note(|| Event::Death { step, death, ledger: ledger() });
                let disk = self.power_image(&nested.image, Place::Nested(step, number));
                self.replace_disk(disk);
                self.look_ahead(&mut coming)?;
            } else {
                self.replace_disk(self.disk.process_crash());
            }
        }
        self.try_without_room(capacity)?;
        let said = self.come_up(&coming, after)?;
        if coming.death != Death::Power {
            self.go_on_following(follower);
        }
        self.disk.set_capacity(self.plan.options.capacity);
        Ok(said)
    }

    /// Comes up on the disk as full as it was, which may fail, and never does harm.
    fn try_without_room(&mut self, capacity: Option<u64>) -> Result<(), Violation> {
        if capacity.is_none() {
            return Ok(());
        }
        self.disk.set_capacity(capacity);
        if let Err(e) = self.open(&self.disk.clone()) {
            self.judge("opening on a full disk", &e)?;
            self.interrupted = true;
        }
        self.replace_disk(self.disk.process_crash());
        self.disk.set_capacity(None);
        Ok(())
    }

    /// Everything in memory is gone.
    pub(super) fn forget(&mut self) {
        self.tickets.clear();
        self.heard.clear();
        self.snapshots.clear();
        self.scans.clear();
        self.making = None;
        self.follower = None;
        self.dropped.clear();
        self.closed_tables.clear();
        self.db = None;
    }

    /// Recovers a copy, if the plan wants that and it has not been done, for what every recovery
    /// from here on must find.
    pub(super) fn look_ahead(&mut self, coming: &mut Coming) -> Result<(), Violation> {
        // Where harm was done each recovery may see something else.
        let twice = self.plan.options.recover_twice && self.excuse().is_none();
        if twice && coming.reference.is_none() {
            coming.reference = Some(self.recover_a_copy()?);
            self.report.cycles += 1;
        }
        Ok(())
    }

    /// Comes up as far as a call that changes the disk, where the power fails; false if there is no
    /// such call. The disk is left as it is then.
    pub(super) fn interrupt(&mut self, call: u64, coming: &mut Coming) -> Result<bool, Violation> {
        self.disk.crash_at(self.disk.calls() + call);
        self.come_up_to_a_crash(coming)
    }

    /// Comes up as far as the crash that has been ordered.
    fn come_up_to_a_crash(&mut self, coming: &mut Coming) -> Result<bool, Violation> {
        self.report.cycles += 1;
        let seen = look(&self.disk);
        let opened = self.open(&self.disk.clone());
        if self.disk.crashed() {
            self.interrupted = true;
            if coming.death != Death::Power {
                // What only the page cache held may be lost now.
                *coming = Coming { death: Death::Power, reference: None };
            }
            return Ok(true);
        }
        // What is done to look at it is no part of the recovery.
        self.disk.crash_at(u64::MAX);
        let db = opened.map_err(|e| self.cannot_open(&e, not_open(&e)))?;
        let found = self.found(&db)?;
        if self.excuse().is_none() {
            seen.agrees(&mut self.ssts, &db, &found)?;
            wal::same_again(coming.reference.as_ref(), &found)?;
        }
        Ok(false)
    }

    /// Comes up for good and checks what is there.
    pub(super) fn come_up(&mut self, coming: &Coming, after: &After) -> Result<String, Violation> {
        if !after.faults.is_empty() {
            after.faults.iter().for_each(|fault| self.disk.inject(fault.clone()));
            self.record.note(|| Event::Open(Opening::UnderFaults));
            if let Err(e) = self.open(&self.disk.clone()) {
                self.judge("opening", &e)?;
            }
            self.replace_disk(self.disk.process_crash());
        }
        self.record.note(|| Event::Open(Opening::Last));
        let seen = look(&self.disk);
        // Where harm was done the bytes do not say what must be there.
        if self.excuse().is_none() {
            // What a close leaves is durable, but for what a sync has dropped and the cache shows.
            let is_durable = coming.death != Death::Process && !self.disk.has_ghosts();
            self.floors.advance(&seen, is_durable)?;
        }
        let followed = match self.excuse() {
            None => self.unrecovered(&self.disk)?,
            Some(_) => None,
        };
        let db = self.open_sound(&self.disk.clone())?;
        let found = self.found(&db)?;
        if self.excuse().is_none() {
            seen.agrees(&mut self.ssts, &db, &found)?;
            wal::same_again(coming.reference.as_ref(), &found)?;
            wal::same_again(followed.as_ref(), &found)?;
        }
        self.ssts.forget_all_but(&seen);
        self.recovered(&found, coming.death)?;
        self.enter(Phase::Verify);
        self.tally = Tally::at_opening(&db.stats());
        self.db = Some(db);
        self.check_structure()?;
        self.check_copies()?;
        let rows: usize = found.iter().map(|table| table.rows.len()).sum();
        let death = coming.death;
        Ok(format!("{death:?}: {rows} rows in {} commits", self.model.commit_count()))
    }

    /// What an opening is, for the coverage.
    pub(super) fn opening(&self) -> Phase {
        match (self.born, self.interrupted) {
            (false, _) => Phase::Create,
            (true, false) => Phase::Open,
            (true, true) => Phase::Nested,
        }
    }

    /// A new disk takes the place of the old one; a new process knows nothing of the old one.
    pub(super) fn replace_disk(&mut self, disk: MemDisk) {
        self.count();
        self.forget_faults();
        self.disk = disk;
        self.record_files();
        if let Some(tracker) = &self.tracker {
            tracker.replace_disk();
        }
        self.watch.restart();
        let there: BTreeSet<PathBuf> = self.disk.list().into_iter().map(|(path, _)| path).collect();
        self.watch.forget_lost(|path| there.contains(path));
        self.poisoned = false;
        self.unwritable = false;
    }

    /// What a power failure leaves. Spells it out in the plan if so configured.
    fn power_image(&mut self, image: &Image, place: Place) -> MemDisk {
        let choice = self.choice(image);
        if let Some(tracker) = &self.tracker {
            tracker.power_fails(&self.disk, &choice);
        }
        if self.config.exact {
            self.spell_out(&choice, place);
        }
        self.note_power_failure();
        self.disk.crash_image(&choice)
    }

    /// An image as a choice of this disk's pending changes.
    pub(super) fn choice(&self, image: &Image) -> CrashChoice {
        let choice = match image {
            Image::Drawn(seed) => {
                let mut draw = SeedDraw::new(*seed);
                CrashChoice::draw(&self.disk.pending(), &mut || draw.bits())
            }
            Image::Exact(survivors) => {
                let mut choice = CrashChoice::drop_all();
                choice.fates.extend(survivors.iter().map(|s| (s.id, s.fate.clone())));
                choice
            }
        };
        self.disk.legal(&choice)
    }

    fn spell_out(&mut self, choice: &CrashChoice, place: Place) {
        let nested = match place {
            Place::Step(_) => None,
            Place::Nested(_, number) => Some(number),
        };
        self.record.note(|| {
            let fate = |op: srdb_vfs::PendingOp| (choice.fate(op.id).clone(), op);
            let fates = self.disk.pending().into_iter().map(fate).map(|(fate, op)| (op, fate));
            Event::Image { nested, fates: fates.collect() }
        });
        let survivor = |op: srdb_vfs::PendingOp| Survivor {
            id: op.id,
            what: op.to_string(),
            fate: choice.fate(op.id).clone(),
        };
        let exact = Image::Exact(self.disk.pending().into_iter().map(survivor).collect());
        let step = match place {
            Place::Step(step) | Place::Nested(step, _) => step,
        };
        let after = match self.plan.steps.get_mut(step) {
            None if step == BIRTH => &mut self.plan.birth,
            Some(Step::PowerCrash { image, after } | Step::CrashAt { image, after, .. }) => {
                if let Place::Step(_) = place {
                    *image = exact;
                    return;
                }
                after
            }
            Some(Step::ProcessCrash { after } | Step::Close { after }) => after,
            _ => return,
        };
        if let Place::Nested(_, number) = place
            && let Some(nested) = after.nested.get_mut(number)
        {
            nested.image = exact;
        }
    }

    /// Everything in a recovered database.
    fn found(&mut self, db: &Database) -> Result<Found, Violation> {
        self.enter(Phase::Read);
        match read_all(db) {
            Ok(Ok(found)) => {
                self.record.note(|| Event::Found(found.clone()));
                Ok(found)
            }
            Ok(Err(what)) => Err(Violation::new("model", format!("after recovery {what}"))),
            Err(e) => {
                let what = format!("after recovery a read fails: {e}");
                Err(self.cannot_open(&e, Violation::new("faults", what)))
            }
        }
    }

    /// Recovers a copy of the disk, lets it come to rest, and checks that nothing is left over.
    fn recover_a_copy(&mut self) -> Result<Found, Violation> {
        let disk = self.disk.fork();
        self.record.note(|| Event::Open(Opening::Copy));
        let vfs = self.layers(&disk, &Arc::new(Watch::default()));
        let open = crate::db::open(vfs, &self.clock_copy(), &self.options());
        let db = open.map_err(|e| not_open(&e))?;
        let found = self.found(&db)?;
        let mut steps = 0;
        // What limits drop would be missed below.
        let next = |db: &Database| db.jobs().into_iter().find(|job| *job != Job::Retain);
        while let Some(job) = next(&db) {
            let failed = |e: Error| Violation::new("faults", format!("a job after recovery: {e}"));
            db.step(job).map_err(failed)?;
            steps += 1;
            if steps > JOB_STEPS_MAX {
                return Err(ending::jobs_go_on(&db.jobs(), JOB_STEPS_MAX));
            }
        }
        structure::check(&db)?;
        let seen = look(&disk);
        manifest::at_rest(&seen)?;
        seen.agrees(&mut self.ssts, &db, &found)?;
        wal::same_again(Some(&found), &self.found(&db)?)?;
        Ok(found)
    }

    /// A clock of its own, so that a copy does not move that of the run.
    pub(super) fn clock_copy(&self) -> srdb_vfs::MemClock {
        let clock = srdb_vfs::MemClock::default();
        clock.seed_entropy(self.plan.seed);
        clock
    }

    /// A byte rots on a copy of the disk. It must be reported, or do no harm.
    fn rot(&mut self, rot: Rot, death: Death) -> Result<(), Violation> {
        if self.excuse().is_some() {
            return Ok(());
        }
        let disk = self.disk.fork();
        disk.clear_faults();
        let Some((path, offset)) = wal::rotten_byte(&disk, &self.watch, rot) else { return Ok(()) };
        if disk.corrupt(&path, offset, rot.xor.max(1)).is_err() {
            return Ok(());
        }
        if let Some(tracker) = &self.tracker {
            tracker.rots(&path);
        }
        self.report.rotted += 1;
        self.report.cycles += 1;
        let seen = look(&disk);
        let here = |v: Violation| {
            let what = format!("byte {offset} of {} has rotted: {}", path.display(), v.what);
            Violation::new(v.oracle, what)
        };
        let answer = self.answer(&disk).map_err(here)?;
        self.record.note(|| Event::Open(Opening::Rotten));
        self.record.note(|| {
            let (path, xor) = (path.clone(), rot.xor.max(1));
            Event::Rot { path, offset, xor, answer: answer.to_string() }
        });
        let mut ssts = self.ssts.clone();
        seen.agrees_on_damage(&mut ssts, &answer).map_err(here)?;
        if let Answer::Read(_, found, problem) = &answer {
            self.record.note(|| Event::Found(found.clone()));
            self.report.rot_reported += u64::from(problem.is_some());
            let excuse = match death {
                // A clean close vouches for everything.
                Death::Closed => Excuse::Nothing,
                _ => wal::excuse(&self.watch, rot.file, &path, offset),
            };
            let lost = self.model.check_damaged(found, death, excuse);
            let silent = |v: Violation| Violation::new("wal", format!("in silence; {}", v.what));
            return lost.map_err(|v| here(silent(v)));
        }
        self.report.rot_reported += 1;
        Ok(())
    }

    /// What the engine makes of a damaged disk.
    fn answer(&self, disk: &MemDisk) -> Result<Answer, Violation> {
        let is_right = |e: &Error| {
            use Error::{Corrupt, NoDatabase, Unsupported};
            matches!(e, Corrupt { .. } | Unsupported { .. } | NoDatabase { .. })
        };
        let vfs = self.layers(disk, &Arc::new(Watch::default()));
        let before = disk.content_hash(is_lock);
        let db = match crate::db::open(vfs, &self.clock_copy(), &self.options()) {
            Ok(db) => db,
            Err(e) if disk.content_hash(is_lock) != before => {
                return Err(Violation::new("wal", format!("it is not opened, and changed: {e}")));
            }
            Err(e) if is_right(&e) => return Ok(Answer::Refused(e)),
            Err(e) => return Err(Violation::new("wal", format!("the answer is {e}"))),
        };
        match read_all(&db) {
            Ok(Err(what)) => Err(Violation::new("wal", what)),
            Ok(Ok(found)) => {
                let problem = structure::problems(&db).into_iter().next();
                Ok(Answer::Read(db, found, problem))
            }
            Err(e) if is_right(&e) => Ok(Answer::Unread(e)),
            Err(e) => Err(Violation::new("wal", format!("the answer is {e}"))),
        }
    }
}

fn not_open(error: &Error) -> Violation {
    Violation::new("faults", format!("the database does not open after a crash: {error}"))
}
