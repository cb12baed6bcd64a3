//! A disk that another one can take the place of: for who outlives the process that wrote to it.
//!
//! What is open stays what it was: it was read before, and what is sealed does not change.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use srdb_vfs::{Access, DirEntry, EntryKind, File, FileLock, Vfs};

/// See the module's documentation.
#[derive(Debug)]
pub struct Moving(Mutex<Arc<dyn Vfs>>);

impl Moving {
    /// For now on this disk.
    pub fn new(vfs: Arc<dyn Vfs>) -> Self {
        Moving(Mutex::new(vfs))
    }

    /// From now on on that one.
    pub fn move_to(&self, vfs: Arc<dyn Vfs>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = vfs;
    }

    fn now(&self) -> Arc<dyn Vfs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Vfs for Moving {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.now().create(path)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        self.now().open(path, access)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.now().rename(from, to)
    }

    fn rename_dir(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.now().rename_dir(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.now().remove_file(path)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.now().hard_link(from, to)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.now().read_dir(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.now().create_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.now().remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.now().sync_dir(path)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        self.now().kind(path)
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        self.now().try_lock(path)
    }
}
