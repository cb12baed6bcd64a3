//! The contract between the engine and whatever stores its bytes.
//!
//! Two words recur. *Visible*: seen by every later call through the same `Vfs` in this process.
//! *Durable*: survives power loss. Content and directory are made durable apart:
//!
//! | change                                   | visible   | durable after                          |
//! |------------------------------------------|-----------|----------------------------------------|
//! | bytes written, length changed            | on return | `sync_data` or `sync_all` on that file |
//! | file created, renamed, linked, removed   | on return | `sync_dir` on its directory (both, for a rename across two) |
//! | directory created, renamed or removed    | on return | `sync_dir` on its parent               |
//!
//! Invariants every implementation keeps, and the conformance suite checks:
//!
//! 1. A call that returns `Ok` did all of what was asked: no short writes, no silent truncation.
//! 2. A call that returns `Err` may have done any part of it, unless its documentation says less.
//! 3. An interrupted call (`EINTR`) is retried inside, never seen by the engine.
//! 4. Error kinds are those of [`io::ErrorKind`]: `NotFound`, `AlreadyExists`, `StorageFull`,
//!    `IsADirectory`, `NotADirectory`, `DirectoryNotEmpty` and `UnexpectedEof` mean the same
//!    everywhere.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What an opened file is to be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading and mapping only; writing fails.
    Read,
    /// Reading and writing.
    ReadWrite,
}

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// Anything else (a symbolic link, a device); the engine never follows or removes these.
    Other,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The name, without the directory.
    pub name: OsString,
    /// What the name stands for.
    pub kind: EntryKind,
}

/// A file system.
///
/// Paths are taken as they are: the engine builds them from a root that the user names and from
/// names that it derives itself. No method follows a symbolic link in the last component where
/// the operating system lets us refuse it. The empty path is the directory where relative paths
/// start, so that the parent of a bare name can be synced and listed.
pub trait Vfs: Debug + Send + Sync {
    /// Creates a new, empty file for reading and writing.
    ///
    /// The name is visible on return and durable after [`Vfs::sync_dir`] on the parent.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken, `NotFound` if the parent is missing.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Opens an existing file.
    ///
    /// # Errors
    /// `NotFound` if there is none, `IsADirectory` if the name is a directory. The file's methods
    /// that change it fail with `PermissionDenied` if it was opened for reading only.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>>;

    /// Renames a file, replacing `to` if it is a file.
    ///
    /// Visible on return and atomic: whoever looks sees the old or the new file at `to`, never
    /// none. Durable after [`Vfs::sync_dir`] on the parent of `to` (and of `from`, if another).
    /// An error may be returned although the rename took effect.
    ///
    /// # Errors
    /// `NotFound` if `from` or a parent is missing, `IsADirectory` if either is a directory.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Renames a directory, with all that is in it, within the directory that it is in.
    ///
    /// Visible on return and atomic; durable after [`Vfs::sync_dir`] on the parent. Handles, maps
    /// and locks of what is in it keep working. An error may be returned although the rename took
    /// effect.
    ///
    /// # Errors
    /// `NotFound` if `from` is missing, `NotADirectory` if it is a file, `AlreadyExists` if `to` is
    /// taken, `InvalidInput` if `to` is in another directory.
    fn rename_dir(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name. Handles and maps that are open keep working.
    ///
    /// Visible on return, durable after [`Vfs::sync_dir`] on the parent.
    ///
    /// # Errors
    /// `NotFound` if there is none, `IsADirectory` (or `PermissionDenied`) for a directory.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Gives the file at `from` the second name `to`.
    ///
    /// Visible on return, durable after [`Vfs::sync_dir`] on the parent of `to`.
    ///
    /// # Errors
    /// `NotFound` if `from` is missing, `AlreadyExists` if `to` is taken, `CrossesDevices` or
    /// `Unsupported` where the file system can't (the caller then copies).
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Lists a directory, sorted by name so that no run depends on the order of the disk.
    ///
    /// # Errors
    /// `NotFound` if there is none, `NotADirectory` for a file.
    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>>;

    /// Creates one directory; the parent must exist.
    ///
    /// Visible on return, durable after [`Vfs::sync_dir`] on the parent.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken, `NotFound` if the parent is missing.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory.
    ///
    /// Visible on return, durable after [`Vfs::sync_dir`] on the parent.
    ///
    /// # Errors
    /// `NotFound` if there is none, `DirectoryNotEmpty` if it holds anything.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable: creations, renames, links and removals.
    ///
    /// Does not make the files' content durable. On systems without such a call (Windows) this
    /// does nothing, because there a name is as durable as the file system's journal makes it.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// What the name stands for, or `None` if there is nothing.
    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>>;

    /// Takes the exclusive lock of a file, creating it when missing, and holds it until the
    /// returned value is dropped. Other processes and other calls in this process are kept out.
    ///
    /// Returns `None` if somebody else holds it.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>>;
}

/// An open file. All methods take `&self`; concurrent positioned calls do not disturb each other.
pub trait File: Debug + Send + Sync {
    /// Reads exactly `buf.len()` bytes at `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends before that.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `buf` at `offset`, growing the file where needed; a gap reads as zeros.
    ///
    /// Visible on return, durable after [`File::sync_data`]. On an error any part may have been
    /// written.
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;

    /// Writes all of `buf` at the end of the file and returns the offset it was put at.
    ///
    /// Visible on return, durable after [`File::sync_data`]. On an error any part may have been
    /// written. One appender at a time is the caller's duty.
    fn append(&self, buf: &[u8]) -> io::Result<u64>;

    /// Makes content and length durable (not the name, not times: `fdatasync`).
    ///
    /// After an error nothing may be assumed of what was written since the last successful sync:
    /// the operating system may have dropped it and a later sync may succeed all the same. So the
    /// caller must never retry and believe.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes content, length and the file's metadata durable (`fsync`; not the name). Errors as
    /// for [`File::sync_data`].
    fn sync_all(&self) -> io::Result<()>;

    /// Cuts the file or grows it with zeros.
    ///
    /// Visible on return, durable after [`File::sync_data`]. Must not be called while a [`Map`]
    /// of the file is alive.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// The visible length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether the visible length is zero.
    ///
    /// # Errors
    /// As [`File::len`].
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// A read-only view of a **sealed** file: one that nobody writes to or cuts any more.
    fn map(&self) -> io::Result<Arc<dyn Map>>;
}

/// A read-only view of a sealed file: a memory map, or reads behind the same face.
pub trait Map: Debug + Send + Sync {
    /// The length of the view in bytes, fixed when it was made.
    fn len(&self) -> u64;

    /// Whether the view is empty.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes `offset..offset + len`: borrowed from a memory map, owned where they were read.
    ///
    /// # Errors
    /// `UnexpectedEof` if the range leaves the view; otherwise whatever the read or the failing
    /// page gave.
    fn bytes(&self, offset: u64, len: usize) -> io::Result<Cow<'_, [u8]>>;

    /// All bytes at once where they lie in memory, else `None`. For readers that would otherwise
    /// call [`Map::bytes`] for every value.
    fn whole(&self) -> Option<&[u8]>;
}

/// The exclusive lock of a file; released when dropped.
pub trait FileLock: Debug + Send + Sync {
    /// Replaces the lock file's content: who holds it, for the message a second writer gets.
    fn write_holder(&self, text: &str) -> io::Result<()>;

    /// What this process may call itself there. Tells processes apart where there are several, and
    /// is always the same on a simulated disk, where every byte has to be.
    fn holder(&self) -> String;
}

/// Time, and the one random number the engine needs.
pub trait Clock: Debug + Send + Sync {
    /// Nanoseconds since the Unix epoch, UTC. May go back; the engine sees to it that `_time`
    /// does not.
    fn now_ns(&self) -> i64;

    /// Nanoseconds from an arbitrary start that never go back, for measuring.
    fn monotonic_ns(&self) -> u64;

    /// A number that differs from database to database, for the database's identity.
    fn entropy(&self) -> u64;
}
