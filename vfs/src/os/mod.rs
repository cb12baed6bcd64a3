//! Real files: [`OsVfs`] on the operating system's file system, [`OsClock`] on its clocks.
//!
//! Invariants:
//! 1. A path whose last component is a symbolic link is never opened: `O_NOFOLLOW` on Unix, the
//!    reparse point itself (and then refused) on Windows. So nobody who may write into the
//!    database's directory can make srdb write elsewhere by swapping a file for a link.
//! 2. Interrupted and short calls are continued inside; the standard library's own loops do it.
//! 3. Every error names the operation and the path, and keeps the kind the system gave.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "these files are the one place where the real file system and clocks are reached"
)]

mod clock;
mod file;
mod lock;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::{at, refuse};
use crate::traits::{Access, DirEntry, EntryKind, File, FileLock, Vfs};

pub use clock::OsClock;
use file::OsFile;
use lock::OsLock;

/// How sealed files are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReadMode {
    /// Through a memory map: fastest, but an I/O error or a file cut by another program ends the
    /// process.
    #[default]
    Mmap,
    /// Through positioned reads: every failure is an error value. For network file systems.
    Pread,
}

/// The operating system's files.
///
/// The empty path means the current directory, as `Path::parent` gives it for a bare name.
///
/// ```
/// use srdb_vfs::{OsVfs, Vfs};
/// # fn main() -> std::io::Result<()> {
/// # let dir = tempfile::tempdir()?;
/// let vfs = OsVfs::new();
/// let file = vfs.create(&dir.path().join("greeting"))?;
/// file.append(b"hello")?;
/// file.sync_data()?; // the bytes survive power loss …
/// vfs.sync_dir(dir.path())?; // … and so does the name
/// assert_eq!(file.map()?.whole(), Some(&b"hello"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct OsVfs {
    read_mode: ReadMode,
}

impl OsVfs {
    /// Real files, with sealed files memory-mapped.
    pub fn new() -> Self {
        Self::default()
    }

    /// Real files, with sealed files read as told.
    pub fn with_read_mode(read_mode: ReadMode) -> Self {
        OsVfs { read_mode }
    }

    /// How sealed files are read.
    pub fn read_mode(&self) -> ReadMode {
        self.read_mode
    }
}

impl Vfs for OsVfs {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let file = no_follow(&mut options).open(path).map_err(|e| at(e, "create", path))?;
        Ok(Arc::new(OsFile::new(file, path, Access::ReadWrite, self.read_mode)))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(access == Access::ReadWrite);
        let file = no_follow(&mut options).open(path).map_err(|e| at(e, "open", path))?;
        let kind = file.metadata().map_err(|e| at(e, "open", path))?.file_type();
        require_file(entry_kind(kind), "open", path)?;
        Ok(Arc::new(OsFile::new(file, path, access, self.read_mode)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let kind = fs::symlink_metadata(from).map_err(|e| at(e, "rename", from))?.file_type();
        require_file(entry_kind(kind), "rename", from)?;
        fs::rename(from, to).map_err(|e| at(e, "rename to", to))
    }

    fn rename_dir(&self, from: &Path, to: &Path) -> io::Result<()> {
        let doing = "rename directory";
        let kind = fs::symlink_metadata(from).map_err(|e| at(e, doing, from))?.file_type();
        if entry_kind(kind) != EntryKind::Dir {
            let why = "this is not a directory";
            return Err(refuse(io::ErrorKind::NotADirectory, doing, from, why));
        }
        if from.parent() != to.parent() {
            let why = "this is in another directory";
            return Err(refuse(io::ErrorKind::InvalidInput, doing, to, why));
        }
        // Whoever makes the name between this and the rename loses nothing: the system replaces an
        // empty directory at the most.
        if self.kind(to)?.is_some() {
            return Err(refuse(io::ErrorKind::AlreadyExists, doing, to, "the name is taken"));
        }
        fs::rename(from, to).map_err(|e| at(e, doing, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path).map_err(|e| at(e, "remove file", path))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to).map_err(|e| at(e, "link", to))
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let failed = |e| at(e, "list", path);
        let mut entries = Vec::new();
        for entry in fs::read_dir(here_if_empty(path)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry_kind(entry.file_type().map_err(failed)?);
            entries.push(DirEntry { name: entry.file_name(), kind });
        }
        entries.sort();
        Ok(entries)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path).map_err(|e| at(e, "create directory", path))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path).map_err(|e| at(e, "remove directory", path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        sync_dir(here_if_empty(path)).map_err(|e| at(e, "sync directory", path))
    }

    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        match fs::symlink_metadata(here_if_empty(path)) {
            Ok(metadata) => Ok(Some(entry_kind(metadata.file_type()))),
            // A file in the middle of the path: there is nothing of that name either.
            Err(e)
                if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            Err(e) => Err(at(e, "look at", path)),
        }
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        let lock = OsLock::try_take(path)?;
        Ok(lock.map(|lock| Box::new(lock) as Box<dyn FileLock>))
    }
}

fn here_if_empty(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

fn entry_kind(kind: fs::FileType) -> EntryKind {
    if kind.is_file() {
        EntryKind::File
    } else if kind.is_dir() {
        EntryKind::Dir
    } else {
        EntryKind::Other
    }
}

fn require_file(kind: EntryKind, doing: &'static str, path: &Path) -> io::Result<()> {
    match kind {
        EntryKind::File => Ok(()),
        EntryKind::Dir => {
            Err(refuse(io::ErrorKind::IsADirectory, doing, path, "this is a directory"))
        }
        EntryKind::Other => {
            Err(refuse(io::ErrorKind::InvalidInput, doing, path, "this is not a regular file"))
        }
    }
}

/// Makes the options refuse a symbolic link, and not hang on a pipe somebody put in a file's place.
#[cfg(unix)]
fn no_follow(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
}

/// Makes the options open a link itself, which is then refused for not being a regular file.
#[cfg(windows)]
fn no_follow(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
}

#[cfg(unix)]
fn sync_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let dir = fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(path)?;
    match dir.sync_all() {
        // Some file systems have no such call and say so; their names need none or can't be helped.
        Err(e) if matches!(e.raw_os_error(), Some(libc::EINVAL | libc::ENOTSUP)) => Ok(()),
        other => other,
    }
}

#[cfg(windows)]
fn sync_dir(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

#[cfg(test)]
mod tests;
