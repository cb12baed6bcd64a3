//! What the engine was told by its files, as far as an oracle needs to know.
//!
//! **Vouched.** A WAL record says up to where the log was synced when it was written. So when a
//! write that came after a sync has itself been synced, it vouches for all that the first sync
//! covered: damage there has to be reported, never cut. The same goes for the edits in a MANIFEST.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use srdb_vfs::OpKind;

use super::{Call, Layer};

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Watch {
    state: Mutex<State>,
}

#[derive(Debug, Clone, Default)]
struct State {
    errors: u64,
    /// Those of them that said the disk is full.
    full: u64,
    log_sync_failed: bool,
    logs: BTreeMap<PathBuf, Written>,
    /// So many commits the log of this process knows to be synced; its records say so.
    known: usize,
    /// So many commits a synced record says to be synced.
    vouched: usize,
    /// A log was synced in this process.
    synced: bool,
}

/// What is known of a WAL segment or a MANIFEST, as offsets in its file.
#[derive(Debug, Default, Clone, Copy)]
struct Written {
    /// The end of the header: of the first write. Its sync alone is nothing a record tells of.
    header: u64,
    /// The end of what was written.
    written: u64,
    /// The end of what a sync covered.
    synced: u64,
    /// What was synced when the last write was made.
    synced_at_write: u64,
    /// The end of what a synced write vouches for.
    vouched: u64,
    /// What [`State::known`] was when the last write was made.
    known_at_write: usize,
    /// The same, of the last write that was synced.
    known_at_sync: usize,
    /// The file's name is durable; until then nothing in it vouches for anything.
    named: bool,
    /// The file was cut: the next sync is that of the cut and no record tells of it.
    cut: bool,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another watch that knows the same.
    pub fn fork(&self) -> Watch {
        Watch { state: Mutex::new(self.lock().clone()) }
    }

    /// How many calls have failed that had no right to on a sound disk.
    pub fn errors(&self) -> u64 {
        self.lock().errors
    }

    /// How many of them said that the disk is full, and changed nothing but what was written.
    pub fn full(&self) -> u64 {
        self.lock().full
    }

    /// Whether a sync of the WAL or of a MANIFEST has failed, so that nothing may be believed.
    pub fn log_sync_failed(&self) -> bool {
        self.lock().log_sync_failed
    }

    /// A new process: what it was told starts anew, what is on disk stays.
    pub fn restart(&self) {
        let mut state = self.lock();
        state.errors = 0;
        state.full = 0;
        state.log_sync_failed = false;
        // A recovery finds out what is vouched for, and no more.
        state.synced = false;
        state.known = state.vouched;
        for log in state.logs.values_mut() {
            log.written = log.synced;
            log.synced_at_write = log.vouched;
            log.known_at_write = 0;
            log.cut = false;
        }
    }

    /// Forgets files that a crash has taken the name of: what was written there vouches for
    /// nothing.
    pub fn forget_lost(&self, is_there: impl Fn(&Path) -> bool) {
        self.lock().logs.retain(|path, _| is_there(path));
    }

    /// A step begins, and so many commits are safe from power loss.
    pub fn begin_step(&self, safe: usize) {
        let mut state = self.lock();
        if state.synced {
            state.known = safe;
        }
    }

    /// The database was closed: everything is vouched for.
    pub fn closed(&self, commits: usize) {
        self.lock().vouched = commits;
    }

    /// How many commits are safe even from damage to what was written last.
    pub fn vouched_commits(&self) -> usize {
        self.lock().vouched
    }

    /// How many bytes of a WAL segment or a MANIFEST, from its start, later records vouch for.
    pub fn vouched(&self, log: &Path) -> u64 {
        self.lock().logs.get(log).map_or(0, |s| s.vouched)
    }
}

impl Layer for Watch {
    fn call(&self, call: &Call<'_>, go: &mut dyn FnMut() -> io::Result<u64>) -> io::Result<u64> {
        let result = go();
        let mut state = self.lock();
        match &result {
            Ok(offset)
                if call.op == OpKind::SyncDir || call.is_on("wal") || call.is_on_manifest() =>
            {
                state.note(call, *offset);
            }
            Err(e) if !is_answer(e) => {
                state.errors += 1;
                // Not every refusal is one after which one can go on: a rename that fails may have
                // taken effect, whatever it says, and what can't be taken back, a half-made segment
                // or a record, may turn up again.
                let is_full = e.kind() == io::ErrorKind::StorageFull;
                let in_doubt = match call.op {
                    OpKind::Rename | OpKind::RenameDir => true,
                    OpKind::RemoveFile => call.is_on("wal"),
                    OpKind::SetLen => call.is_on("wal") || call.is_on_manifest(),
                    _ => false,
                };
                state.full += u64::from(is_full && !in_doubt);
                // A MANIFEST that was never synced is not in use yet, and may be given up.
                let in_use = state.logs.get(call.path).is_some_and(|log| log.synced > 0);
                let is_log = call.is_on("wal") || call.is_on_manifest() && in_use;
                state.log_sync_failed |= call.op == OpKind::Sync && is_log;
            }
            _ => {}
        }
        result
    }
}

/// Errors that say how things are, not that something failed.
pub(crate) fn is_answer(error: &io::Error) -> bool {
    use io::ErrorKind::{
        AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory, NotFound, Unsupported,
    };
    matches!(
        error.kind(),
        NotFound | AlreadyExists | DirectoryNotEmpty | IsADirectory | NotADirectory | Unsupported
    )
}

impl State {
    fn note(&mut self, call: &Call<'_>, appended_at: u64) {
        if call.op == OpKind::RemoveFile {
            self.logs.remove(call.path);
            return;
        }
        if call.op == OpKind::SyncDir {
            let inside = self.logs.iter_mut().filter(|(path, _)| path.parent() == Some(call.path));
            for (path, log) in inside {
                log.named = true;
                if path.extension().is_some_and(|e| e == "wal") {
                    self.vouched = self.vouched.max(log.known_at_sync);
                }
            }
            return;
        }
        let known = self.known;
        let log = self.logs.entry(call.path.to_owned()).or_default();
        match call.op {
            OpKind::Create => *log = Written::default(),
            // Zeros ahead of the records vouch for nothing.
            OpKind::Write if call.data.iter().any(|byte| *byte != 0) => {
                let offset = if call.offset == u64::MAX { appended_at } else { call.offset };
                log.written = log.written.max(offset + call.data.len() as u64);
                if log.header == 0 {
                    log.header = log.written;
                }
                if log.synced > log.header {
                    log.synced_at_write = log.synced;
                }
                log.known_at_write = known;
                log.cut = false;
            }
            OpKind::SetLen => {
                log.written = log.written.min(call.offset);
                log.synced = log.synced.min(call.offset);
                log.synced_at_write = log.synced_at_write.min(call.offset);
                log.vouched = log.vouched.min(call.offset);
                log.cut = true;
            }
            OpKind::Sync if log.cut => log.cut = false,
            OpKind::Sync => {
                log.synced = log.written;
                log.vouched = log.vouched.max(log.synced_at_write);
                log.known_at_sync = log.known_at_write;
                if call.is_on("wal") {
                    self.synced = true;
                    if log.named {
                        self.vouched = self.vouched.max(log.known_at_sync);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use srdb_vfs::{Fault, FaultKind, MemDisk, Vfs};

    use super::super::Layered;
    use super::*;

    #[test]
    fn a_synced_write_vouches_for_what_was_synced_before_it() -> io::Result<()> {
        let watch = Arc::new(Watch::default());
        let vfs = Layered::new(Arc::new(MemDisk::new()), watch.clone());
        let path = Path::new("/000001.wal");
        let file = vfs.create(path)?;
        let mut vouched = Vec::new();
        for _ in 0..3 {
            file.append(&[7; 10])?;
            vouched.push(watch.vouched(path));
            file.sync_data()?;
            vouched.push(watch.vouched(path));
        }
        assert_eq!(vouched, [0, 0, 0, 0, 0, 20], "the first write is a header");
        file.append(&[0; 10])?;
        file.sync_data()?;
        assert_eq!(watch.vouched(path), 20, "zeros say nothing");
        Ok(())
    }

    #[test]
    fn failures_count_and_answers_do_not() -> io::Result<()> {
        let watch = Arc::new(Watch::default());
        let disk = MemDisk::new();
        let vfs = Layered::new(Arc::new(disk.clone()), watch.clone());
        assert!(vfs.read_dir(Path::new("/nothing")).is_err());
        assert_eq!(watch.errors(), 0);
        let file = vfs.create(Path::new("/000001.wal"))?;
        disk.inject(Fault::new(OpKind::Sync, 1, FaultKind::SyncFail));
        assert!(file.sync_data().is_err());
        assert!(watch.errors() == 1 && watch.log_sync_failed());
        watch.restart();
        assert!(watch.errors() == 0 && !watch.log_sync_failed());
        Ok(())
    }
}
