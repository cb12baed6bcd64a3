//! Limits of tables: setting them, and the job that drops what they do not keep.

use std::time::Duration;

use srdb::{DataType, Database, Error, Job, Progress, Result as Answer, Retention};
use srdb_vfs::Clock;

use super::Run;
use super::step::JOB_STEPS_MAX;
use crate::db::table_name;
use crate::oracle::image::look;
use crate::oracle::retention::{Due, File};
use crate::oracle::{Violation, ending};
use crate::plan::Limits;
use crate::shape::Shape;

impl Run {
    /// Sets the limits of a table.
    pub(super) fn set_retention(&mut self, slot: u8, limits: Limits) -> Result<String, Violation> {
        let Some(table) = self.table(slot)? else { return Ok("no table".to_owned()) };
        let Some((_, model)) = self.model.table(slot) else { return Ok("no table".to_owned()) };
        let field = timestamp_of(model.shape);
        let is_refused = limits.age_of.is_some() && field.is_none();
        let name = field.map_or("id", |place| model.shape.fields()[place].0);
        let limits = retention(limits, name);
        match table.set_retention(limits.clone()) {
            Err(Error::TypeMismatch { .. }) if is_refused => Ok("refused".to_owned()),
            Ok(()) if is_refused => {
                let what = format!("t{slot} has a limit of age by field {name:?}, no timestamp");
                Err(Violation::new("retention", what))
            }
            result => {
                self.model.limited(slot, limits, result.is_ok());
                self.told("set limits", result)
            }
        }
    }

    /// Lets the job look at all tables until it finds no more to do.
    pub(super) fn retain(&mut self) -> Result<String, Violation> {
        let db = self.db()?;
        let (mut was_idle, mut tables) = (false, 0);
        for _ in 0..JOB_STEPS_MAX {
            let dues = self.dues()?;
            match self.step_retain(&db, &dues)? {
                // The round before may have been one that was under way.
                Ok(Progress::Idle) if was_idle => {
                    if self.excuse().is_none() {
                        dues.iter().try_for_each(Due::check_at_rest)?;
                    }
                    return Ok(format!("{tables} steps"));
                }
                Ok(Progress::Idle) => was_idle = true,
                Ok(_) => {
                    self.check_writable("the end of a job")?;
                    (was_idle, tables) = (false, tables + 1);
                }
                Err(e) => return Ok(format!("Retain {}", self.judge("a job", &e)?)),
            }
        }
        Err(ending::jobs_go_on(&db.jobs(), JOB_STEPS_MAX))
    }

    /// Drops what the limits of a table do not keep, to the row.
    pub(super) fn retain_now(&mut self, slot: u8) -> Result<String, Violation> {
        let Some(table) = self.table(slot)? else { return Ok("no table".to_owned()) };
        let result = self.db()?.flush();
        let flushed = self.raised("flush", result)?;
        if flushed != "ok" {
            return Ok(flushed);
        }
        self.enter(crate::coverage::Phase::Compact);
        let due = self.dues()?.into_iter().find(|due| due.slot == slot);
        let result = table.retain();
        let first = table.first_seq();
        if let Some(due) = &due {
            self.note_dropped(due, first, result.is_ok())?;
        }
        let due = due.map_or(0, |due| (due.kept - due.begin).max(0).unsigned_abs());
        match result {
            Ok(rows) if rows != due && self.excuse().is_none() => {
                let what = format!("{rows} rows of t{slot} were dropped, not {due}");
                Err(Violation::new("retention", what))
            }
            other => self.told("retain", other.map(drop)),
        }
    }

    /// One step of a background job, and what the model makes of it.
    pub(super) fn step_job(
        &mut self,
        db: &Database,
        job: Job,
    ) -> Result<Answer<Progress>, Violation> {
        if job == Job::Retain {
            let dues = self.dues()?;
            return self.step_retain(db, &dues);
        }
        Ok(self.record.job(job, || db.step(job)))
    }

    fn step_retain(&mut self, db: &Database, dues: &[Due]) -> Result<Answer<Progress>, Violation> {
        let result = self.record.job(Job::Retain, || db.step(Job::Retain));
        for due in dues {
            if let Some(table) = self.table(due.slot)? {
                self.note_dropped(due, table.first_seq(), result.is_ok())?;
            }
        }
        Ok(result)
    }

    /// A table that is due begins with row `first` now.
    fn note_dropped(&mut self, due: &Due, first: i64, is_sure: bool) -> Result<(), Violation> {
        if self.excuse().is_none() {
            due.check(first)?;
        }
        if first > due.begin {
            self.model.dropped_before(due.slot, first, true);
        } else if !is_sure {
            due.candidates().for_each(|seq| self.model.dropped_before(due.slot, seq, false));
        }
        Ok(())
    }

    /// What is to become of each table with limits, if the job looks at it now.
    fn dues(&mut self) -> Result<Vec<Due>, Violation> {
        let limited = |table: &crate::model::Table| !table.limits.is_unlimited();
        let slots: Vec<u8> =
            self.model.tables().filter(|(_, t)| limited(t)).map(|(_, t)| t.slot).collect();
        if slots.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.clock.fork().now_ns();
        let image = look(&self.disk).image;
        let tables = image.ok().flatten().map(|image| image.manifest.version.tables);
        let mut dues = Vec::new();
        for slot in slots {
            let Some((_, rows)) = self.both(slot)? else { continue };
            let Some((_, model)) = self.model.table(slot) else { continue };
            let stored = tables.iter().flat_map(|tables| tables.values());
            let stored = stored.into_iter().find(|table| table.name == table_name(slot));
            let bytes = |sst: u64| -> u64 {
                let files = stored.iter().flat_map(|table| &table.index_files);
                files.filter(|((of, _), _)| *of == sst).map(|(_, file)| file.size).sum()
            };
            let files = stored.iter().flat_map(|table| &table.ssts).map(|sst| File {
                min_seq: sst.min_seq,
                max_seq: sst.max_seq,
                bytes: sst.size + bytes(sst.file),
            });
            let field = timestamp_of(model.shape);
            dues.push(Due::of(slot, &model.limits, &rows, field, files.collect(), now));
        }
        Ok(dues)
    }
}

/// The place of the first field that is a timestamp.
fn timestamp_of(shape: Shape) -> Option<usize> {
    shape.fields().iter().position(|field| field.1 == DataType::Timestamp)
}

fn retention(limits: Limits, field: &str) -> Retention {
    let ns = Duration::from_nanos;
    let all = limits.age.into_iter().fold(Retention::new(), |all, age| all.max_age(ns(age)));
    let all = limits.age_of.into_iter().fold(all, |all, age| all.max_age_of(field, ns(age)));
    let all = limits.rows.into_iter().fold(all, Retention::max_rows);
    limits.bytes.into_iter().fold(all, Retention::max_bytes)
}
