//! Counts, call by call, what goes wrong where and when.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use srdb_vfs::{CrashChoice, Fate, MemDisk, OpKind, PendingKind, PendingOp};

use super::Coverage;
use super::site::{AT_REST, Phase, Place, Site, What, maker};
use crate::vfs::{Call, Layer};

/// What one run does, told to a [`Coverage`] that several runs may share.
#[derive(Debug)]
pub struct Tracker {
    coverage: Arc<Coverage>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// A MANIFEST that is to replace the one in use is being made.
    replacing: bool,
    /// While what each name was last changed, by kind of call.
    made: BTreeMap<(PathBuf, OpKind), Phase>,
    /// So many faults that the disk has delivered are counted.
    delivered: usize,
}

impl Tracker {
    /// Counts into `coverage`.
    pub fn new(coverage: Arc<Coverage>) -> Self {
        let state =
            State { phase: Phase::Create, replacing: false, made: BTreeMap::new(), delivered: 0 };
        Tracker { coverage, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on the database does this; what it did so far.
    pub fn enter(&self, phase: Phase) -> Phase {
        let mut state = self.lock();
        state.replacing = false;
        std::mem::replace(&mut state.phase, phase)
    }

    /// A disk that has delivered nothing takes the place of the old one.
    pub fn replace_disk(&self) {
        self.lock().delivered = 0;
    }

    /// What the disk has delivered so far befell others, who do not count: they only read.
    pub fn passes_over(&self, disk: &MemDisk) {
        let mut state = self.lock();
        state.delivered += disk.delivered_after(state.delivered).len();
    }

    /// The power fails, and this is what becomes of what was pending.
    pub fn power_fails(&self, disk: &MemDisk, choice: &CrashChoice) {
        let mut state = self.lock();
        let pending = disk.pending();
        let kept = pending.iter().filter(|op| *choice.fate(op.id) != Fate::Dropped).count();
        for op in &pending {
            let made_by = maker(&op.kind, &op.path);
            let Some(site) = Site::of(made_by, new_name(op)) else { continue };
            let path = new_name(op);
            let Some(phase) = state.made.get(&(path.to_owned(), made_by)) else { continue };
            let what = match choice.fate(op.id) {
                Fate::Dropped => What::Lost,
                Fate::Torn(_) if op.kind.sectors() > 0 => What::Torn,
                Fate::Torn(_) => What::Lost,
                Fate::Kept => What::Kept,
            };
            self.coverage.count(site, *phase, what);
            if what == What::Kept && kept == 1 && pending.len() > 1 {
                self.coverage.count(site, *phase, What::Alone);
            }
        }
        state.made.clear();
    }

    /// A byte of a file that was at rest has rotted.
    pub fn rots(&self, path: &Path) {
        if let Some(place) = Place::of(path) {
            self.coverage.count(Site { place, act: AT_REST }, Phase::Open, What::Rot);
        }
    }
}

impl State {
    /// What the database is doing, by the call it makes: steps do the work of others, too.
    fn phase_of(&mut self, site: Site, op: OpKind) -> Phase {
        use Phase::{Checkpoint, Create, Index, Nested, Open, Read, Table, Verify};
        // A disk that lies may have lost the database: then it is made anew.
        if matches!(self.phase, Open | Nested) && is_creation(site, op) {
            self.phase = Create;
        }
        if matches!(self.phase, Create | Open | Nested | Table | Index | Read | Verify | Checkpoint)
        {
            return self.phase;
        }
        let is_manifest = site.place == Place::Manifest;
        if is_manifest && matches!(op, OpKind::RemoveFile | OpKind::Create) {
            self.replacing = true;
        }
        // An edit that is taken back is not one of the new MANIFEST.
        self.replacing &= !(is_manifest && op == OpKind::SetLen);
        if self.replacing && matches!(site.place, Place::Manifest | Place::Root) {
            return Phase::Replace;
        }
        // A writer that has to wait for room flushes.
        let flush = if self.phase == Phase::Compact { Phase::Compact } else { Phase::Flush };
        match (site.place, op) {
            (Place::Current | Place::CurrentTemp, _) => Phase::Replace,
            (Place::Sst | Place::Index, OpKind::Create | OpKind::Write | OpKind::Sync) => flush,
            (Place::SstDir | Place::IndexDir, OpKind::SyncDir) => flush,
            // Only closing writes an edit of its own.
            (Place::Manifest, _) if self.phase != Phase::Close => flush,
            (Place::Wal | Place::WalDir, _) if self.phase == Phase::Flush => Phase::Rotate,
            _ => self.phase,
        }
    }

    fn note(&mut self, call: &Call<'_>, phase: Phase) {
        if !call.op.changes_the_disk() || matches!(call.op, OpKind::Sync | OpKind::SyncDir) {
            return;
        }
        self.made.insert((call.path.to_owned(), call.op), phase);
    }
}

/// Whether only the creation of a database makes such a call.
fn is_creation(site: Site, op: OpKind) -> bool {
    match site.place {
        Place::MetaTemp | Place::CurrentTemp | Place::Above => true,
        Place::Root | Place::WalDir | Place::Tables => op == OpKind::CreateDir,
        _ => false,
    }
}

/// The path that a call was made on; of a rename, as a layer knows it, the new name.
fn new_name(change: &PendingOp) -> &Path {
    match &change.kind {
        PendingKind::Rename { to } | PendingKind::RenameOut { to } => to,
        _ => &change.path,
    }
}

/// The tracker above a disk.
#[derive(Debug)]
pub(super) struct Above {
    pub(super) tracker: Arc<Tracker>,
    pub(super) disk: MemDisk,
}

impl Layer for Above {
    fn call(&self, call: &Call<'_>, go: &mut dyn FnMut() -> io::Result<u64>) -> io::Result<u64> {
        let was_up = !self.disk.crashed();
        let result = go();
        if let Some(site) = Site::of(call.op, call.path)
            && was_up
        {
            let mut state = self.tracker.lock();
            let phase = state.phase_of(site, call.op);
            state.note(call, phase);
            let coverage = &self.tracker.coverage;
            coverage.call(site, phase);
            if self.disk.crashed() {
                coverage.count(site, phase, What::Crash);
            }
            for fault in self.disk.delivered_after(state.delivered) {
                state.delivered += 1;
                if let Some(site) = Site::of(fault.op, &fault.path) {
                    coverage.count(site, phase, What::of(&fault.error));
                }
            }
        }
        result
    }
}
