//! A disk in memory at whose calls threads switch.
//!
//! The disk itself knows nothing of shuttle, so that without this a leader would write and sync a
//! whole group before anybody else could do a thing.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::Arc;

use shuttle::sync::atomic::{AtomicU64, Ordering};
use srdb::vfs::{Access, DirEntry, EntryKind, File, FileLock, Map, MemDisk, Vfs};

/// Where a schedule may switch: at each use.
#[derive(Debug, Clone, Default)]
struct Stop(Arc<AtomicU64>);

impl Stop {
    fn here(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

std::thread_local! {
    /// Whether the log's syncs are acknowledged and not done: the bug that a disk plants.
    pub(crate) static LYING: Cell<bool> = const { Cell::new(false) };
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Stops {
    disk: MemDisk,
    stop: Stop,
}

impl Stops {
    pub(crate) fn new(disk: &MemDisk) -> Arc<Self> {
        Arc::new(Stops { disk: disk.clone(), stop: Stop::default() })
    }

    fn file(&self, path: &Path, file: Arc<dyn File>) -> Arc<dyn File> {
        let lies = LYING.get() && path.extension().is_some_and(|extension| extension == "wal");
        Arc::new(StopsFile { file, stop: self.stop.clone(), lies })
    }
}

impl Vfs for Stops {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.stop.here();
        self.disk.create(path).map(|file| self.file(path, file))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        self.stop.here();
        self.disk.open(path, access).map(|file| self.file(path, file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.stop.here();
        self.disk.rename(from, to)
    }

    fn rename_dir(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.stop.here();
        self.disk.rename_dir(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.stop.here();
        self.disk.remove_file(path)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.stop.here();
        self.disk.hard_link(from, to)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.disk.read_dir(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.stop.here();
        self.disk.create_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.stop.here();
        self.disk.remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.stop.here();
        self.disk.sync_dir(path)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        self.disk.kind(path)
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        self.stop.here();
        self.disk.try_lock(path)
    }
}

#[derive(Debug)]
struct StopsFile {
    file: Arc<dyn File>,
    stop: Stop,
    lies: bool,
}

impl File for StopsFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.stop.here();
        self.file.read_exact_at(buf, offset)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.stop.here();
        self.file.write_all_at(buf, offset)
    }

    fn append(&self, buf: &[u8]) -> io::Result<u64> {
        self.stop.here();
        self.file.append(buf)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.stop.here();
        if self.lies { Ok(()) } else { self.file.sync_data() }
    }

    fn sync_all(&self) -> io::Result<()> {
        self.stop.here();
        self.file.sync_all()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.stop.here();
        self.file.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn map(&self) -> io::Result<Arc<dyn Map>> {
        self.stop.here();
        self.file.map()
    }
}
