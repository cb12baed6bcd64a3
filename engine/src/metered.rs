//! A file system that counts what is written to another one, by kind of file.
//!
//! Everything that the engine changes goes through here, so no writer of files has to count, and
//! none can forget to. Reads are passed on as they are: a map is that of the file system below.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{Access, Clock, DirEntry, EntryKind, File, FileLock, Map, Vfs};

use crate::counters::{Counters, FileKind};
use crate::layout;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Metered {
    below: Arc<dyn Vfs>,
    meter: Arc<Meter>,
}

/// What the files of one file system share.
#[derive(Debug)]
struct Meter {
    /// The database's directory. A file elsewhere is of no kind that it knows.
    root: PathBuf,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
}

impl Metered {
    pub(crate) fn new(
        below: Arc<dyn Vfs>,
        root: &Path,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
    ) -> Self {
        let root = root.to_owned();
        Metered { below, meter: Arc::new(Meter { root, clock, counters }) }
    }

    fn metered(&self, path: &Path, below: Arc<dyn File>) -> Arc<dyn File> {
        let (kind, meter) = (self.meter.kind_of(path), Arc::clone(&self.meter));
        Arc::new(MeteredFile { below, kind, meter })
    }
}

impl Meter {
    fn kind_of(&self, path: &Path) -> FileKind {
        if path.starts_with(&self.root) { layout::kind_of(path) } else { FileKind::Other }
    }

    fn sync(&self, kind: FileKind, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let begun = self.clock.monotonic_ns();
        sync()?;
        let ns = self.clock.monotonic_ns().saturating_sub(begun);
        let counters = self.counters.files(kind);
        counters.syncs.add(1);
        counters.sync_ns.add(ns);
        if kind == FileKind::Wal {
            self.counters.latencies.wal_syncs.record([ns]);
        }
        Ok(())
    }
}

impl Vfs for Metered {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.below.create(path).map(|file| self.metered(path, file))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let file = self.below.open(path, access)?;
        Ok(if access == Access::Read { file } else { self.metered(path, file) })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.below.rename(from, to)
    }

    fn rename_dir(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.below.rename_dir(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.below.remove_file(path)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.below.hard_link(from, to)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.below.read_dir(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.below.create_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.below.remove_dir(path)
    }

    /// Counts with the files that the directory is there for.
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.meter.sync(self.meter.kind_of(path), || self.below.sync_dir(path))
    }

    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        self.below.kind(path)
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        self.below.try_lock(path)
    }
}

/// A file that may be written to.
#[derive(Debug)]
struct MeteredFile {
    below: Arc<dyn File>,
    kind: FileKind,
    meter: Arc<Meter>,
}

impl MeteredFile {
    fn wrote(&self, bytes: usize) {
        let counters = self.meter.counters.files(self.kind);
        counters.writes.add(1);
        counters.bytes.add(bytes as u64);
    }
}

impl File for MeteredFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.below.read_exact_at(buf, offset)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.below.write_all_at(buf, offset)?;
        self.wrote(buf.len());
        Ok(())
    }

    fn append(&self, buf: &[u8]) -> io::Result<u64> {
        let offset = self.below.append(buf)?;
        self.wrote(buf.len());
        Ok(offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.meter.sync(self.kind, || self.below.sync_data())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.meter.sync(self.kind, || self.below.sync_all())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.below.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.below.len()
    }

    fn is_empty(&self) -> io::Result<bool> {
        self.below.is_empty()
    }

    fn map(&self) -> io::Result<Arc<dyn Map>> {
        self.below.map()
    }
}

#[cfg(test)]
mod tests {
    use srdb_vfs::{Fault, FaultKind, MemClock, MemDisk, OpKind, conformance};

    use super::*;

    fn metered(disk: &MemDisk, root: &str) -> (Metered, Arc<Counters>) {
        let counters = Arc::new(Counters::default());
        let (clock, below) = (Arc::new(MemClock::new(0, 5)), Arc::new(disk.clone()));
        (Metered::new(below, Path::new(root), clock, Arc::clone(&counters)), counters)
    }

    #[test]
    fn what_is_metered_is_a_file_system_like_any_other() {
        let (vfs, counters) = metered(&MemDisk::new(), "root");
        vfs.create_dir(Path::new("root")).unwrap_or_else(|e| panic!("{e}"));
        conformance::run(&vfs, Path::new("root"));
        assert!(counters.files(FileKind::Other).bytes.get() > 0);
    }

    #[test]
    fn calls_that_succeeded_are_counted_with_their_kind() -> io::Result<()> {
        let disk = MemDisk::new();
        let (vfs, counters) = metered(&disk, "db");
        for dir in ["db", "db/wal", "elsewhere"] {
            vfs.create_dir(Path::new(dir))?;
        }
        let log = vfs.create(Path::new("db/wal/000001.wal"))?;
        log.write_all_at(&[1; 100], 0)?;
        log.append(&[2; 11])?;
        log.sync_data()?;
        vfs.sync_dir(Path::new("db/wal"))?;
        disk.inject(Fault::new(OpKind::Write, 1, FaultKind::StorageFull { bytes: 3 }));
        assert!(log.write_all_at(&[3; 7], 111).is_err());
        disk.inject(Fault::new(OpKind::Sync, 1, FaultKind::Eio));
        assert!(log.sync_all().is_err());
        // A copy of the database is not the database.
        vfs.create(Path::new("elsewhere/000001.wal"))?.append(&[4; 1000])?;
        let of = |kind| {
            let files = counters.files(kind);
            (files.writes.get(), files.bytes.get(), files.syncs.get(), files.sync_ns.get())
        };
        assert_eq!(of(FileKind::Wal), (2, 111, 2, 10));
        assert_eq!(of(FileKind::Other), (1, 1000, 0, 0));
        for kind in [FileKind::Sst, FileKind::Index, FileKind::Manifest] {
            assert_eq!(of(kind), (0, 0, 0, 0), "{kind:?}");
        }
        Ok(())
    }
}
