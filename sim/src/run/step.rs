//! One step of a plan: what is called, and what the answer must be.

use srdb::{Error, Job, Progress};

use super::read::place;
use super::scan::Range;
use super::{Armed, Event, Run};
use crate::coverage::Phase;
use crate::db::{schema, table_name};
use crate::model::{Death, Standing};
use crate::oracle::image::look;
use crate::oracle::{Violation, ending, manifest, structure};
use crate::plan::Step;
use crate::shape::Shape;

/// What the database does in a step, for the coverage.
fn phase(step: &Step) -> Phase {
    match step {
        Step::CreateTable { .. }
        | Step::DropTable { .. }
        | Step::SetRetention { .. }
        | Step::Refused { .. } => Phase::Table,
        Step::CreateIndex { .. } | Step::DropIndex { .. } => Phase::Index,
        Step::Rotate => Phase::Rotate,
        Step::Flush | Step::DropRows { .. } | Step::RetainNow { .. } => Phase::Flush,
        Step::Compact { .. } | Step::Retain => Phase::Compact,
        Step::Get { .. }
        | Step::Scan { .. }
        | Step::OpenScan { .. }
        | Step::Advance { .. }
        | Step::Query { .. }
        | Step::Ask { .. }
        | Step::Aggregate { .. }
        | Step::Check
        | Step::ReadSnapshot { .. }
        | Step::UseDropped { .. }
        | Step::Figures => Phase::Read,
        Step::Verify => Phase::Verify,
        Step::Checkpoint { .. } | Step::CheckpointStep { .. } | Step::UseCheckpoint { .. } => {
            Phase::Checkpoint
        }
        Step::OpenTwice { .. } => Phase::Open,
        Step::Close { .. } => Phase::Close,
        _ => Phase::Commit,
    }
}

pub(super) fn phase_of_job(job: Job) -> Phase {
    match job {
        Job::Flush => Phase::Flush,
        Job::BuildIndex => Phase::Index,
        // They make the same calls: SSTs are read, an edit is written.
        Job::Compact | Job::Retain => Phase::Compact,
        Job::Delete => Phase::Delete,
        _ => Phase::Commit,
    }
}

/// More job steps in a row than any amount of work in a plan can need.
pub(super) const JOB_STEPS_MAX: usize = 20_000;

impl Run {
    /// Does a step and says how it came out.
    pub(super) fn step(&mut self, step: &Step) -> Result<String, Violation> {
        self.enter(phase(step));
        match step {
            Step::CreateTable { table, shape } => self.create_table(*table, *shape),
            Step::DropTable { table } => self.drop_table(*table),
            Step::Insert { rows, way, level } => self.insert(*rows, *way, *level),
            Step::BadInsert { rows } => self.insert_bad(*rows),
            Step::InsertAgain { rows, at, of } => self.insert_again(*rows, *at, *of),
            Step::CreateIndex { table, field } => self.index(*table, *field, true),
            Step::DropIndex { table, field } => self.index(*table, *field, false),
            Step::Query { table, field, at, compare, backward } => {
                self.query((*table, *field, *at), *compare, *backward)
            }
            Step::Ask { table, ask, snapshot } => self.ask(*table, ask, *snapshot),
            Step::Aggregate { table, sums, snapshot } => self.aggregate(*table, sums, *snapshot),
            Step::Batch { parts, level } => self.batch(parts, *level),
            Step::Submit { parts, level } => self.submit(parts, *level),
            Step::Wait { pick } => self.wait(*pick),
            Step::DropTicket { pick } => Ok(self.drop_ticket(*pick)),
            Step::Sync => {
                let result = self.db()?.sync();
                self.raised("sync", result)
            }
            Step::Rotate => {
                let result = self.db()?.rotate().map(drop);
                self.told("rotate", result)
            }
            Step::Flush => {
                let result = self.db()?.flush();
                self.raised("flush", result)
            }
            Step::DropRows { table, at } => self.drop_rows(*table, *at),
            Step::SetRetention { table, limits } => self.set_retention(*table, *limits),
            Step::Retain => self.retain(),
            Step::RetainNow { table } => self.retain_now(*table),
            Step::Compact { table } => self.compact(*table),
            Step::Job { pick, steps } => self.job(*pick, *steps),
            Step::Jobs => self.jobs(),
            Step::Get { table, at, fields, snapshot } => self.get(*table, *at, *fields, *snapshot),
            &Step::Scan { table, from, to, by_time, backward, fields, read } => {
                self.scan(Range { table, from, to, by_time, fields }, backward, read)
            }
            &Step::OpenScan { table, from, to, by_time, fields, snapshot } => {
                self.open_scan(Range { table, from, to, by_time, fields }, snapshot)
            }
            Step::Advance { pick, rows, backward, read } => {
                self.advance_scan(*pick, *rows, *backward, *read)
            }
            Step::DropScan { pick } => Ok(self.drop_scan(*pick)),
            Step::Figures => self.figures(),
            Step::OpenTwice { create } => self.open_twice(*create),
            Step::UseDropped { pick } => self.use_dropped(*pick),
            Step::Refused { table } => self.refused(*table),
            Step::Check => self.check(),
            Step::Verify => self.verify(),
            Step::Snapshot => self.take_snapshot(),
            Step::ReadSnapshot { pick } => self.read_snapshot(*pick),
            Step::DropSnapshot { pick } => Ok(self.drop_snapshot(*pick)),
            Step::Checkpoint { target, steps } => self.checkpoint(*target, *steps),
            Step::CheckpointStep { steps } => self.step_checkpoint(*steps),
            Step::UseCheckpoint { target } => self.use_checkpoint(*target),
            Step::Follow { race, unread } => self.follow(*race, *unread),
            Step::Refresh { race, unread } => self.refresh(*race, *unread),
            Step::Tick { ns } => Ok(self.tick(*ns)),
            Step::Fault { fault } => {
                self.disk.inject(fault.clone());
                Ok("ordered".to_owned())
            }
            Step::Rot { rot, place } => Ok(self.rot_for_good(*rot, *place)),
            Step::DropCaches => Ok(self.drop_caches()),
            Step::Room { bytes } => self.room(*bytes),
            Step::Aim { at } => {
                self.aim = Some(at.clone());
                Ok("aimed".to_owned())
            }
            Step::Close { after } => self.close(after),
            Step::ProcessCrash { after } => self.restart(Death::Process, None, after),
            Step::PowerCrash { image, after } => self.restart(Death::Power, Some(image), after),
            Step::CrashAt { call, image, after } => {
                let (step, image, after) = (self.at, image.clone(), after.clone());
                match self.aim.take() {
                    None => self.disk.crash_at(self.disk.calls() + call),
                    Some(aim) => self.disk.crash_on(aim.op, aim.file, *call, aim.later),
                }
                self.armed = Some(Armed { step, image, after });
                Ok("armed".to_owned())
            }
        }
    }

    /// A call that acknowledges something.
    pub(super) fn told(
        &mut self,
        doing: &str,
        result: srdb::Result<()>,
    ) -> Result<String, Violation> {
        match result {
            Ok(()) => {
                self.check_writable(doing)?;
                Ok("ok".to_owned())
            }
            Err(e) => self.judge(doing, &e).map(str::to_owned),
        }
    }

    /// A call that raises every commit so far to `Disk`.
    pub(super) fn raised(
        &mut self,
        doing: &str,
        result: srdb::Result<()>,
    ) -> Result<String, Violation> {
        let is_ok = result.is_ok();
        let said = self.told(doing, result)?;
        self.settle()?;
        if is_ok {
            self.record.note(|| Event::Raised);
            self.model.synced();
        }
        Ok(said)
    }

    fn create_table(&mut self, slot: u8, shape: Shape) -> Result<String, Violation> {
        let refused = |e: &Error| Violation::new("faults", format!("a schema was refused: {e}"));
        let schema = schema(shape).map_err(|e| refused(&e))?;
        let standing = self.model.table(slot).map(|(_, table)| table.standing);
        let result = self.db()?.create_table(&table_name(slot), schema);
        match (result, standing) {
            (Ok(_), Some(Standing::Live)) => {
                Err(Violation::new("model", format!("table t{slot} was created twice")))
            }
            (Ok(_), _) => {
                self.check_writable("the creation of a table")?;
                self.model.created(slot, shape, Standing::Live);
                Ok("ok".to_owned())
            }
            (Err(Error::TableExists { .. }), Some(_)) => {
                self.model.set_standing(slot, Standing::Live);
                Ok("table exists".to_owned())
            }
            (Err(e), standing) => {
                let said = self.judge("creating a table", &e)?;
                match standing {
                    _ if self.unwritable => {}
                    None => self.model.created(slot, shape, Standing::MaybeCreated),
                    // Either of the two attempts may have been made after all.
                    Some(Standing::MaybeCreated) => self.model.may_also_be(slot, shape),
                    Some(_) => {}
                }
                Ok(said.to_owned())
            }
        }
    }

    fn drop_table(&mut self, slot: u8) -> Result<String, Violation> {
        let standing = self.model.table(slot).map(|(_, table)| table.standing);
        let handle = self.db()?.table(&table_name(slot)).ok();
        let result = self.db()?.drop_table(&table_name(slot));
        match (result, standing) {
            (Ok(()), None) => {
                Err(Violation::new("model", format!("table t{slot} was dropped and is not there")))
            }
            (Ok(()), Some(_)) => {
                self.check_writable("the removal of a table")?;
                self.model.dropped(slot);
                handle.into_iter().for_each(|table| self.keep_dropped(table));
                Ok("ok".to_owned())
            }
            (Err(Error::NoTable { .. }), None) => Ok("no table".to_owned()),
            (Err(Error::NoTable { .. }), Some(Standing::MaybeCreated | Standing::MaybeDropped)) => {
                Ok("no table".to_owned())
            }
            (Err(e), standing) => {
                let said = self.judge("dropping a table", &e)?;
                if standing == Some(Standing::Live) && !self.unwritable {
                    self.model.set_standing(slot, Standing::MaybeDropped);
                }
                Ok(said.to_owned())
            }
        }
    }

    /// Drops the oldest rows of a table.
    fn drop_rows(&mut self, slot: u8, at: u16) -> Result<String, Violation> {
        let Some((table, rows)) = self.both(slot)? else { return Ok("no table".to_owned()) };
        let seq = place(at, rows.len());
        let due = (seq.min(rows.len() as i64 + 1) - rows.first_seq()).max(0);
        let result = table.drop_before(seq);
        self.model.dropped_before(slot, seq, result.is_ok());
        match result {
            Ok(dropped) if dropped != due.unsigned_abs() => {
                let what = format!("{dropped} rows of t{slot} were dropped, not {due}");
                Err(Violation::new("model", what))
            }
            other => self.told("drop rows", other.map(drop)),
        }
    }

    /// Merges the files of a table.
    fn compact(&mut self, slot: u8) -> Result<String, Violation> {
        let Some(table) = self.table(slot)? else { return Ok("no table".to_owned()) };
        let result = table.compact();
        self.told("compact", result)
    }

    /// Lets one job after the other do one step.
    fn job(&mut self, pick: u16, steps: u16) -> Result<String, Violation> {
        let db = self.db()?;
        let mut said = "no work".to_owned();
        for _ in 0..steps {
            let jobs = db.jobs();
            if jobs.is_empty() {
                break;
            }
            let job = jobs[usize::from(pick) % jobs.len()];
            self.enter(phase_of_job(job));
            match self.step_job(&db, job)? {
                Ok(progress) => {
                    if progress == Progress::Done && job != Job::Delete {
                        self.check_writable("the end of a job")?;
                    }
                    said = format!("{job:?} {progress:?}");
                }
                Err(e) => return Ok(format!("{job:?} {}", self.judge("a job", &e)?)),
            }
        }
        Ok(said)
    }

    /// Lets jobs step until none has work.
    pub(super) fn jobs(&mut self) -> Result<String, Violation> {
        let db = self.db()?;
        for steps in 0..JOB_STEPS_MAX {
            let Some(job) = db.jobs().first().copied() else {
                ending::all_done(&db)?;
                return Ok(format!("{steps} steps"));
            };
            self.enter(phase_of_job(job));
            if let Err(e) = self.step_job(&db, job)? {
                return Ok(format!("{job:?} {}", self.judge("a job", &e)?));
            }
        }
        Err(ending::jobs_go_on(&db.jobs(), JOB_STEPS_MAX))
    }

    fn tick(&mut self, ns: i64) -> String {
        use srdb_vfs::Clock;
        let now = self.clock.now_ns().saturating_add(ns);
        self.clock.set(now);
        format!("now {now}")
    }

    pub(super) fn close(&mut self, after: &crate::plan::After) -> Result<String, Violation> {
        let (said, death) = self.let_go()?;
        match death {
            // What happens now was armed earlier.
            None => Ok(said),
            Some(death) => Ok(format!("{said}, {}", self.restart(death, None, after)?)),
        }
    }

    /// Closes the database. Says what that comes to for what is in it; none if the power failed.
    pub(super) fn let_go(&mut self) -> Result<(String, Option<Death>), Violation> {
        self.enter(Phase::Close);
        self.write_what_nobody_waits_for()?;
        for slot in self.model.tables().map(|(_, table)| table.slot).collect::<Vec<_>>() {
            if let Some(table) = self.table(slot)? {
                self.closed_tables.insert(slot, table);
            }
        }
        let result = self.db()?.close();
        let closed = result.is_ok();
        let said = match result {
            Ok(()) => {
                self.check_writable("a close")?;
                "ok".to_owned()
            }
            // It lets go of the database all the same.
            Err(e) => self.judge("close", &e)?.to_owned(),
        };
        self.settle()?;
        if self.disk.crashed() {
            if closed {
                self.model.synced();
            }
            return Ok((said, None));
        }
        let death = if closed { Death::Closed } else { Death::Process };
        if death == Death::Closed {
            self.model.synced();
            self.watch.closed(self.model.commit_count());
            if let Err(e) = self.db()?.sync()
                && !matches!(e, Error::Closed)
            {
                let what = format!("a closed database answers {e}");
                return Err(Violation::new("faults", what));
            }
        }
        self.use_closed(&self.db()?)?;
        let is_read =
            !(self.snapshots.is_empty() && self.scans.is_empty() && self.making.is_none());
        // What could not be removed, or written, is the next opening's.
        let went_well = self.disk.delivered().is_empty() && self.plan.options.capacity.is_none();
        if death == Death::Closed && went_well && !is_read && self.excuse().is_none() {
            manifest::nothing_left_over(&look(&self.disk))?;
        }
        self.finish_scans()?;
        Ok((said, Some(death)))
    }

    /// Once the database is closed only tickets can tell what became of a commit.
    fn write_what_nobody_waits_for(&mut self) -> Result<(), Violation> {
        let open: Vec<u64> = self.tickets.iter().map(|(uid, _)| *uid).collect();
        while self.model.waiting().any(|commit| !open.contains(&commit.uid)) {
            let db = self.db()?;
            if !db.jobs().contains(&Job::Commit) {
                break;
            }
            if let Err(e) = self.record.job(Job::Commit, || db.step(Job::Commit)) {
                self.judge("a job", &e)?;
                break;
            }
            self.settle()?;
        }
        Ok(())
    }

    /// Lets everything come to rest and checks that nothing is left over.
    pub(super) fn rest(&mut self) -> Result<(), Violation> {
        let said = self.jobs()?;
        self.settle()?;
        self.remember(self.at, said);
        Ok(())
    }

    /// Runs `verify`. It may have to write what was held back, which may fail.
    fn verify(&mut self) -> Result<String, Violation> {
        let problems = structure::problems(&self.db()?);
        for problem in &problems {
            match problem {
                Error::Io { .. } => drop(self.judge("verify", problem)?),
                _ if self.is_eviction(problem) || self.is_report(problem) => {}
                _ => return Err(structure::found(problem, problems.len() - 1)),
            }
        }
        Ok(format!("{} problems", problems.len()))
    }

    /// Every check that an open database at rest must pass.
    pub(super) fn check_all(&mut self) -> Result<(), Violation> {
        self.enter(Phase::Read);
        let said = self.check()?;
        self.remember(self.at, said);
        let said = self.ask_around()?;
        self.remember(self.at, said);
        self.enter(Phase::Verify);
        self.check_structure()?;
        // What can't be read can't be flushed, so what it is kept in can't go.
        if self.excuse().is_some() {
            return Ok(());
        }
        manifest::at_rest(&look(&self.disk))
    }
}
