//! Runs that stop where the power fails, and go on from there as often as one likes.
//!
//! ```text
//!   plan ─► reach ─► PowerCut ─► medium(choice) ─► Medium ─► go_on: recovery, the rest of the plan
//!                       ▲                            │
//!                       └──────── power_cut(call) ◄──┘  the power fails inside the recovery, too
//! ```
//!
//! Invariants:
//! 1. Going on from here is what an ordinary run of the same plan does from there on, so whatever
//!    is found this way can be written down as a plan that finds it again.
//! 2. Nothing done to what was made of a cut or a medium changes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use srdb_vfs::{CrashChoice, MemDisk, PendingOp};

use super::restart::Coming;
use super::{Config, Failure, Report, Run};
use crate::db::is_lock;
use crate::model::Death;
use crate::oracle::Violation;
use crate::plan::{After, Plan, Step};

/// Where in a plan to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// At the crash that the plan itself orders with [`Step::CrashAt`].
    Armed,
    /// After the last step.
    End,
    /// At this call that changes the disk, from 1, on the way back up after the last step, which is
    /// a restart; without any step, while the database is created.
    Inside(u64),
}

/// The power has failed; what survives is still open.
pub struct PowerCut {
    run: Run,
    coming: Coming,
}

/// What survived a power failure, before anything looked at it.
pub struct Medium {
    run: Run,
    coming: Coming,
}

impl PowerCut {
    /// Runs a plan as far as it says; none if it never comes to that.
    ///
    /// # Errors
    /// The first violation on the way.
    pub fn reach(plan: &Plan, config: Config, stop: Stop) -> Result<Option<Self>, Box<Failure>> {
        let mut run = Run::new(plan, config);
        let coming = run.guarded(|run| run.until(stop))?;
        Ok(coming.map(|coming| PowerCut { run, coming }))
    }

    /// Every change that may be lost.
    pub fn pending(&self) -> Vec<PendingOp> {
        self.run.disk.pending()
    }

    /// One number for what a recovery from here may find: where it is equal, and what survives is
    /// too, a recovery has to pass the same checks. The clock is left out, which decides about
    /// nothing.
    pub fn expectation(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        let Run { model, floors, copies, .. } = &self.run;
        format!("{model:?} {floors:?} {copies:?} {:?}", self.coming).hash(&mut hasher);
        hasher.finish()
    }

    /// One number for what survives; the holder of the lock, which nothing reads, is left out.
    pub fn image_hash(&self, choice: &CrashChoice) -> u64 {
        self.run.disk.crash_image(choice).content_hash(is_lock)
    }

    /// What survives by this choice.
    ///
    /// # Errors
    /// What a recovery of a copy, run to its rest, did wrong.
    pub fn medium(&self, choice: &CrashChoice) -> Result<Medium, Box<Failure>> {
        let mut run = self.run.fork(self.run.disk.clone());
        let mut coming = self.coming.clone();
        run.guarded(|run| {
            run.report.cycles += 1;
            let disk = run.disk.crash_image(choice);
            run.replace_disk(disk);
            run.look_ahead(&mut coming)
        })?;
        Ok(Medium { run, coming })
    }
}

impl Medium {
    /// Comes up as far as this call that changes the disk, from 1, where the power fails again;
    /// none if recovery makes fewer.
    ///
    /// # Errors
    /// What that did wrong.
    pub fn power_cut(&self, call: u64) -> Result<Option<PowerCut>, Box<Failure>> {
        let mut run = self.run.fork(self.run.disk.fork());
        let mut coming = self.coming.clone();
        let has_failed = run.guarded(|run| run.interrupt(call, &mut coming))?;
        Ok(has_failed.then_some(PowerCut { run, coming }))
    }

    /// One number for what is on the medium, as [`PowerCut::image_hash`] has it.
    pub fn hash(&self) -> u64 {
        self.run.disk.content_hash(is_lock)
    }

    /// Comes up, does the steps of `plan` from `first` on, and checks everything.
    ///
    /// # Errors
    /// The first violation.
    pub fn go_on(&self, plan: &Plan, first: usize) -> Result<Report, Box<Failure>> {
        let mut run = self.run.fork(self.run.disk.fork());
        run.plan = plan.clone();
        run.at = first.saturating_sub(1);
        run.guarded(|run| {
            run.until_over(|run| {
                let said = run.come_up(&self.coming, &After::default())?;
                run.remember(run.at, said);
                run.go_on(first)
            })
        })?;
        Ok(run.report)
    }
}

impl Run {
    /// Runs as far as `stop`; none if it is never reached.
    fn until(&mut self, stop: Stop) -> Result<Option<Coming>, Violation> {
        let power = Coming { death: Death::Power, reference: None };
        let (last, inside) = match stop {
            Stop::Inside(call) => (self.plan.steps.len().checked_sub(1), Some(call)),
            Stop::Armed | Stop::End => (None, None),
        };
        if let (None, Some(call)) = (last, inside) {
            return self.inside(Death::Power, &self.disk.clone(), call);
        }
        self.be_born()?;
        for at in 0..last.unwrap_or(self.plan.steps.len()) {
            self.do_step(at)?;
            if self.disk.crashed() {
                if stop == Stop::Armed {
                    self.forget();
                    return Ok(Some(power));
                }
                self.crash_as_armed()?;
            }
        }
        let (Some(last), Some(call)) = (last, inside) else {
            self.forget();
            return Ok((stop == Stop::End).then_some(power));
        };
        self.begin_step(last);
        match self.plan.steps[last].clone() {
            Step::Close { .. } => match self.let_go()?.1 {
                Some(death) => self.inside(death, &self.disk.clone(), call),
                None => Ok(None),
            },
            Step::ProcessCrash { .. } => self.inside(Death::Process, &self.disk.clone(), call),
            Step::PowerCrash { image, .. } => {
                self.forget();
                let disk = self.disk.crash_image(&self.choice(&image));
                self.inside(Death::Power, &disk, call)
            }
            _ => Ok(None),
        }
    }

    /// Dies, and comes up as far as a call, where the power fails.
    fn inside(
        &mut self,
        death: Death,
        disk: &MemDisk,
        call: u64,
    ) -> Result<Option<Coming>, Violation> {
        self.forget();
        self.replace_disk(disk.process_crash());
        let mut coming = Coming { death, reference: None };
        self.look_ahead(&mut coming)?;
        Ok(self.interrupt(call, &mut coming)?.then_some(coming))
    }

    /// Another run that stands where this one does and has nothing open, on `disk`.
    fn fork(&self, disk: MemDisk) -> Run {
        let hits = self.mutant_hits.load(Ordering::Relaxed);
        let mut run = Run::on(disk, &self.plan, self.config);
        run.watch = Arc::new(self.watch.fork());
        run.ssts = self.ssts.clone();
        run.floors = self.floors.clone();
        run.clock = self.clock.fork();
        run.mutant_hits = Arc::new(AtomicU64::new(hits));
        run.model = self.model.clone();
        run.harm = self.harm;
        run.copies = self.copies.clone();
        run.at = self.at;
        run
    }
}
