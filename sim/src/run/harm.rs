//! What the disk has done behind everybody's back, and what that makes legal from there on.
//!
//! A run is *tainted* once a call has returned `Ok` that did something else, a byte has rotted, or
//! the power has failed on a disk that acknowledged a sync and did not do it. The durability
//! contract (docs/architecture.md) says what may happen then:
//!
//! 1. Whatever reads the damage may answer with a typed error that names the file, for ever after.
//!    A database that does not open ends the run: it is to be restored from a copy.
//! 2. Commits may be lost in silence only where nothing vouches for them:
//!
//!    | damaged                            | may be lost in silence                             |
//!    |------------------------------------|----------------------------------------------------|
//!    | SSTs, `CURRENT`, other small files | nothing                                            |
//!    | one place of the WAL               | what no later synced record vouches for            |
//!    | one place of the MANIFEST          | the making or dropping of the last table           |
//!    | more than one place of these, or a | anything at the end: the voucher may be gone with  |
//!    | sync that was a lie                | what it vouched for                                |
//!
//! 3. Wrong rows, holes, rows twice, panics and hangs: never.
//!
//! Noisy faults taint nothing. But a sync of the log that drops the dirty pages takes what was
//! acknowledged at `Os` with it, and so does an emptied page cache after that.

use std::path::Path;

use srdb::Error;
use srdb_vfs::{FaultKind, Personality, RotPlace};

use super::Run;
use crate::model::{Death, Excuse, Found};
use crate::oracle::{Violation, faults, rows, structure, wal};
use crate::plan::Rot;

/// The damage so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Harm {
    wal: u32,
    manifest: u32,
    other: u32,
    /// The power has failed after a lie.
    lied: bool,
    /// The page cache was emptied, and with it went what no medium holds.
    evicted: bool,
    /// So many of the disk's delivered faults are counted.
    seen: usize,
}

/// The name of the violation that is none: the run has come to an early and legal end.
const OVER: &str = "over";

impl Run {
    /// Gives the disk the nature that the plan says.
    pub(super) fn set_up_disk(&mut self) {
        let options = &self.plan.options;
        self.disk.set_personality(options.personality);
        self.disk.set_map_mode(options.maps);
        self.disk.set_links(options.links);
        if let Personality::Lying { .. } = options.personality {
            self.model.syncs_may_lie();
        }
    }

    /// Takes note of the faults that were delivered.
    pub(super) fn note_faults(&mut self) {
        let delivered = self.disk.delivered();
        for fault in delivered.iter().skip(self.harm.seen) {
            if fault.is_silent() {
                self.harm(&fault.path);
                fault.hit.iter().for_each(|hit| self.harm(hit));
            }
            if matches!(fault.error, FaultKind::SyncDrop { .. }) {
                // What a sync was said to have written may have been dropped with the rest.
                self.harm.lied |= self.disk.lies() > 0;
                if is_wal(&fault.path) {
                    self.model.lost_by_the_system();
                }
            }
        }
        self.harm.seen = delivered.len();
    }

    /// A new disk takes the place of the old one, whose faults are all noted.
    pub(super) fn forget_faults(&mut self) {
        self.note_faults();
        self.harm.seen = 0;
        self.harm.evicted = false;
    }

    fn harm(&mut self, path: &Path) {
        match path {
            _ if is_wal(path) => self.harm.wal += 1,
            _ if is_manifest(path) => self.harm.manifest += 1,
            _ => self.harm.other += 1,
        }
    }

    /// The power has failed.
    pub(super) fn note_power_failure(&mut self) {
        self.harm.lied |= self.disk.lies() > 0;
    }

    /// What may be lost in silence; none if the disk has done no harm.
    pub(super) fn excuse(&mut self) -> Option<Excuse> {
        self.note_faults();
        let harm = self.harm;
        match (harm.wal, harm.manifest, harm.other) {
            _ if harm.lied => Some(Excuse::Anything),
            (0, 0, 0) => None,
            (0, 0, _) => Some(Excuse::Nothing),
            (1, 0, _) => Some(Excuse::AllBut(self.watch.vouched_commits())),
            (0, 1, _) => Some(Excuse::LastEdit),
            _ => Some(Excuse::Anything),
        }
    }

    /// Whether this error is how the engine reports harm that the disk has done.
    pub(super) fn is_report(&mut self, error: &Error) -> bool {
        faults::names_damage(error) && self.excuse().is_some()
    }

    /// Whether this error says that the log or the MANIFEST is not what this process read or wrote,
    /// and it is not: a failed sync had left that in clean pages, which have left the cache.
    pub(super) fn is_eviction(&self, error: &Error) -> bool {
        self.harm.evicted
            && matches!(error, Error::Corrupt { path, .. } if is_wal(path) || is_manifest(path))
    }

    /// Whether this process may believe what is not there any more: [`Run::is_eviction`].
    pub(super) fn was_evicted(&self) -> bool {
        self.harm.evicted
    }

    /// Whether anything has happened that the database may be poisoned by.
    pub(super) fn may_be_poisoned(&mut self) -> bool {
        let failed = self.watch.errors() > 0 || self.disk.crashed();
        failed || self.poisoned || self.excuse().is_some()
    }

    /// An error on the way up: the legal end of the run, or a violation.
    pub(super) fn cannot_open(&mut self, error: &Error, otherwise: Violation) -> Violation {
        if self.is_report(error) { self.over(format!("reported: {error}")) } else { otherwise }
    }

    /// Ends the run, legally.
    pub(super) fn over(&mut self, why: String) -> Violation {
        self.over = true;
        self.remember(self.at, format!("the end: {why}"));
        Violation::new(OVER, why)
    }

    /// Lets `f` run; a run that is over early is a good one.
    pub(super) fn until_over(
        &mut self,
        f: impl FnOnce(&mut Run) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        match f(self) {
            Err(violation) if self.over && violation.oracle == OVER => Ok(()),
            result => result,
        }
    }

    /// Checks what a recovery found, on a sound disk or on one that has done harm.
    pub(super) fn recovered(&mut self, found: &Found, death: Death) -> Result<(), Violation> {
        let Some(excuse) = self.excuse() else { return self.model.recover(found, death) };
        rows::check(&self.plan, found)?;
        if self.model.recover_damaged(found, death, excuse)? {
            return Ok(());
        }
        Err(self.over(format!("lost in silence, legally: {excuse:?}")))
    }

    /// Runs `verify`, which finds nothing but harm that the disk has done.
    pub(super) fn check_structure(&mut self) -> Result<(), Violation> {
        let problems = structure::problems(&self.db()?);
        match problems.iter().find(|problem| !self.is_report(problem)) {
            Some(problem) => Err(structure::found(problem, problems.len() - 1)),
            None => Ok(()),
        }
    }

    /// A byte rots, and stays so.
    pub(super) fn rot_for_good(&mut self, rot: Rot, place: RotPlace) -> String {
        let Some((path, offset)) = wal::rotten_byte(&self.disk, &self.watch, rot) else {
            return "nothing to rot".to_owned();
        };
        if self.disk.rot(&path, offset, rot.xor.max(1), place).is_err() {
            return "nothing to rot".to_owned();
        }
        self.report.rotted += 1;
        self.harm(&path);
        format!("byte {offset} of {}", path.display())
    }

    /// The page cache is emptied.
    pub(super) fn drop_caches(&mut self) -> String {
        let changed = self.disk.drop_caches();
        if changed.iter().any(|path| is_wal(path)) {
            self.model.lost_by_the_system();
        }
        self.harm.evicted |= !changed.is_empty();
        format!("{} files show something else", changed.len())
    }

    /// The disk has so much room left. When there is no limit any more, and nothing but its want
    /// has gone wrong, all that is to be done has to succeed, without reopening.
    pub(super) fn room(&mut self, bytes: Option<u64>) -> Result<String, Violation> {
        let was_full = self.disk.capacity().is_some();
        self.disk.set_capacity(bytes.map(|bytes| self.disk.used().saturating_add(bytes)));
        let (errors, full) = (self.watch.errors(), self.watch.full());
        if !was_full || bytes.is_some() || errors > full || self.disk.clear_faults() > 0 {
            return Ok("set".to_owned());
        }
        if self.armed.is_some() || self.excuse().is_some() {
            return Ok("set".to_owned());
        }
        let fails = |what: &str, error: &Error| {
            let what = format!("{what} fails though the disk is no longer full: {error}");
            Violation::new("faults", what)
        };
        let db = self.db()?;
        db.sync().map_err(|e| fails("sync", &e))?;
        self.settle()?;
        self.model.synced();
        db.flush().map_err(|e| fails("flush", &e))?;
        self.settle()?;
        Ok(format!("set; all is well after {full} refusals"))
    }
}

fn is_wal(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(".wal"))
}

fn is_manifest(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("MANIFEST"))
}
