//! The exclusive lock of a file: kept against other processes and against this one.
//!
//! The system's lock alone is not enough: where it belongs to the process rather than to the open
//! file (NFS), a second taker in this process would get it too. So the paths locked by this
//! process are also held in one set.

#![allow(clippy::disallowed_types, reason = "what is locked is a real file")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{entry_kind, no_follow, require_file};
use crate::error::at;
use crate::traits::FileLock;

/// The canonical paths of the files this process holds the lock of.
static HELD: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn held() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A held lock; dropping it releases first the file, then the path.
#[derive(Debug)]
pub(super) struct OsLock {
    file: fs::File,
    path: PathBuf,
}

impl OsLock {
    /// Takes the lock, or returns `None` if it is held.
    pub(super) fn try_take(path: &Path) -> io::Result<Option<OsLock>> {
        let failed = |e| at(e, "lock", path);
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = no_follow(&mut options).open(path).map_err(failed)?;
        let kind = file.metadata().map_err(failed)?.file_type();
        require_file(entry_kind(kind), "lock", path)?;
        let path = fs::canonicalize(path).map_err(failed)?;

        // Held over the whole of it, so that two takers can't both pass the first test.
        let mut held = held();
        if held.contains(&path) {
            return Ok(None);
        }
        match file.try_lock() {
            Ok(()) => {
                held.insert(path.clone());
                Ok(Some(OsLock { file, path }))
            }
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(e)) => Err(failed(e)),
        }
    }
}

impl FileLock for OsLock {
    fn write_holder(&self, text: &str) -> io::Result<()> {
        let write = || {
            self.file.set_len(0)?;
            let mut file = &self.file;
            io::Seek::rewind(&mut file)?;
            file.write_all(text.as_bytes())
        };
        write().map_err(|e| at(e, "write the holder into", &self.path))
    }

    fn holder(&self) -> String {
        format!("process {}", std::process::id())
    }
}

impl Drop for OsLock {
    fn drop(&mut self) {
        let mut held = held();
        // An error can't be returned from here, and closing the file releases the lock anyway.
        let _ = self.file.unlock();
        held.remove(&self.path);
    }
}
