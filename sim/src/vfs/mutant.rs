//! Bugs planted on purpose: the proof that the simulator would find them.
//!
//! Most are lies told between the engine and the disk, so that the engine stays as it is. A few
//! need a line in the engine, compiled in only under its feature `mutants` and switched on by
//! name for the thread that runs the simulation.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use srdb_vfs::{File, OpKind};

use super::{Call, Layer};
use crate::db::ROOT;

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// An SST is not synced.
    SstUnsynced,
    /// The directory of an SST is not synced.
    SstDirUnsynced,
    /// The directory of the WAL is not synced.
    WalDirUnsynced,
    /// A WAL segment is removed before the edit that makes it obsolete is synced.
    WalRemovedEarly,
    /// Recovery cuts the log at the first bad record, although later ones were synced.
    CutAtFirstBad,
    /// A commit is acknowledged before its sync.
    AckBeforeSync,
    /// A MANIFEST is not synced.
    ManifestUnsynced,
    /// The directory of the database is not synced: the names of MANIFEST and CURRENT.
    RootDirUnsynced,
}

/// Every mutant, with its name and what it is.
pub const MUTANTS: [(Mutant, &str, &str); 8] = [
    (Mutant::SstUnsynced, "sst-unsynced", "an SST is not synced before the edit that names it"),
    (Mutant::SstDirUnsynced, "sst-dir-unsynced", "the name of an SST is not synced"),
    (Mutant::WalDirUnsynced, "wal-dir-unsynced", "the name of a WAL segment is not synced"),
    (
        Mutant::WalRemovedEarly,
        "wal-removed-early",
        "a WAL segment is removed before the edit that replaces it is synced",
    ),
    (
        Mutant::CutAtFirstBad,
        "cut-at-first-bad",
        "recovery cuts the log at the first bad record though later ones were synced",
    ),
    (Mutant::AckBeforeSync, "ack-before-sync", "a commit is acknowledged before the log is synced"),
    (Mutant::ManifestUnsynced, "manifest-unsynced", "an edit is not synced"),
    (
        Mutant::RootDirUnsynced,
        "root-dir-unsynced",
        "the names of MANIFEST and CURRENT are not synced",
    ),
];

impl Mutant {
    /// The mutant of a name.
    pub fn from_name(name: &str) -> Option<Mutant> {
        MUTANTS.iter().find(|m| m.1 == name).map(|m| m.0)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        MUTANTS.iter().find(|m| m.0 == self).map_or("", |m| m.1)
    }

    /// The name of the line in the engine, if it needs one: then it takes the feature `mutants`.
    pub fn in_engine(self) -> Option<&'static str> {
        (self == Mutant::CutAtFirstBad).then_some("cut_at_first_bad")
    }
}

/// The lie of one mutant.
#[derive(Debug)]
pub struct MutantLayer {
    mutant: Mutant,
    hits: Arc<AtomicU64>,
    put_off: Mutex<PutOff>,
}

/// A sync that was acknowledged and is still to be done.
#[derive(Debug, Default)]
struct PutOff {
    files: Vec<(PathBuf, Arc<dyn File>)>,
    /// An SST was synced, so the next sync of the MANIFEST is that of a flush.
    flushing: bool,
}

impl MutantLayer {
    /// The lie of `mutant`; every lie is counted.
    pub fn new(mutant: Mutant, hits: Arc<AtomicU64>) -> Self {
        MutantLayer { mutant, hits, put_off: Mutex::default() }
    }

    fn swallows(&self, call: &Call<'_>) -> bool {
        let in_dir = |name: &str| call.op == OpKind::SyncDir && call.path.ends_with(name);
        match self.mutant {
            Mutant::SstUnsynced => call.op == OpKind::Sync && call.is_on("sst"),
            Mutant::SstDirUnsynced => in_dir("sst"),
            Mutant::WalDirUnsynced => in_dir("wal"),
            Mutant::WalRemovedEarly => call.op == OpKind::Sync && call.is_on_manifest(),
            Mutant::AckBeforeSync => call.op == OpKind::Sync && call.is_on("wal"),
            Mutant::ManifestUnsynced => call.op == OpKind::Sync && call.is_on_manifest(),
            Mutant::RootDirUnsynced => call.op == OpKind::SyncDir && call.path == Path::new(ROOT),
            Mutant::CutAtFirstBad => false,
        }
    }

    /// Whether what was put off is done now, before this call.
    fn settles(&self, call: &Call<'_>) -> bool {
        match self.mutant {
            Mutant::AckBeforeSync => call.op != OpKind::Read,
            _ => false,
        }
    }
}

impl Layer for MutantLayer {
    fn call(&self, call: &Call<'_>, go: &mut dyn FnMut() -> io::Result<u64>) -> io::Result<u64> {
        let mut put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wal_removal = call.op == OpKind::RemoveFile && call.is_on("wal");
        if self.settles(call) {
            for (_, file) in put_off.files.drain(..) {
                file.sync_data()?;
            }
        }
        put_off.flushing |= call.op == OpKind::Sync && call.is_on("sst");
        if !self.swallows(call) {
            let result = go();
            if self.mutant == Mutant::WalRemovedEarly && is_wal_removal {
                for (_, file) in put_off.files.drain(..) {
                    file.sync_data()?;
                }
            }
            return result;
        }
        match (self.mutant, call.file) {
            // Only the edit of a flush makes a segment obsolete; the one that vouches for it comes
            // before the removal too.
            (Mutant::WalRemovedEarly, _) if !put_off.flushing && put_off.files.is_empty() => {
                return go();
            }
            (Mutant::WalRemovedEarly | Mutant::AckBeforeSync, Some(file)) => {
                put_off.flushing = false;
                put_off.files.push((call.path.to_owned(), file.clone()));
            }
            _ => {}
        }
        self.hits.fetch_add(1, Ordering::Relaxed);
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use srdb_vfs::{CrashChoice, MemDisk, Vfs};

    use super::super::Layered;
    use super::*;

    fn disk_of(mutant: Mutant) -> (MemDisk, Layered, Arc<AtomicU64>) {
        let (disk, hits) = (MemDisk::new(), Arc::new(AtomicU64::new(0)));
        let layer = Arc::new(MutantLayer::new(mutant, hits.clone()));
        (disk.clone(), Layered::new(Arc::new(disk), layer), hits)
    }

    fn survives(disk: &MemDisk, path: &str) -> Option<Vec<u8>> {
        disk.crash_image(&CrashChoice::drop_all()).read_file(path)
    }

    #[test]
    fn an_early_ack_is_made_good_by_the_next_call() -> io::Result<()> {
        let (disk, vfs, hits) = disk_of(Mutant::AckBeforeSync);
        let file = vfs.create(Path::new("/1.wal"))?;
        vfs.sync_dir(Path::new("/"))?;
        file.append(b"commit")?;
        file.sync_data()?;
        assert_eq!(survives(&disk, "/1.wal"), Some(Vec::new()));
        file.append(b", next")?;
        assert_eq!(survives(&disk, "/1.wal"), Some(b"commit".to_vec()));
        assert_eq!(hits.load(Ordering::Relaxed), 1);
        Ok(())
    }

    #[test]
    fn the_edit_of_a_flush_waits_for_the_removal() -> io::Result<()> {
        let (disk, vfs, hits) = disk_of(Mutant::WalRemovedEarly);
        let [manifest, sst, wal] = ["/MANIFEST-1", "/2.sst", "/1.wal"].map(Path::new);
        let [manifest, sst, _wal] = [vfs.create(manifest)?, vfs.create(sst)?, vfs.create(wal)?];
        vfs.sync_dir(Path::new("/"))?;
        manifest.append(b"1")?;
        manifest.sync_data()?;
        assert_eq!(survives(&disk, "/MANIFEST-1"), Some(b"1".to_vec()), "not of a flush");
        sst.sync_data()?;
        manifest.append(b"2")?;
        manifest.sync_data()?;
        assert_eq!(survives(&disk, "/MANIFEST-1"), Some(b"1".to_vec()));
        vfs.remove_file(wal_path())?;
        assert_eq!(survives(&disk, "/MANIFEST-1"), Some(b"12".to_vec()));
        assert_eq!(hits.load(Ordering::Relaxed), 1);
        Ok(())
    }

    fn wal_path() -> &'static Path {
        Path::new("/1.wal")
    }
}
