//! Errors to order: which call of which kind fails, and how.

use std::path::Path;

/// The kinds of calls a fault or a trace entry speaks of.
///
/// New kinds go at the end: the place of a kind goes into the trace hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum OpKind {
    /// [`Vfs::create`](crate::Vfs::create).
    Create,
    /// [`Vfs::open`](crate::Vfs::open).
    Open,
    /// [`Vfs::rename`](crate::Vfs::rename).
    Rename,
    /// [`Vfs::remove_file`](crate::Vfs::remove_file).
    RemoveFile,
    /// [`Vfs::hard_link`](crate::Vfs::hard_link).
    HardLink,
    /// [`Vfs::read_dir`](crate::Vfs::read_dir).
    ReadDir,
    /// [`Vfs::create_dir`](crate::Vfs::create_dir).
    CreateDir,
    /// [`Vfs::remove_dir`](crate::Vfs::remove_dir).
    RemoveDir,
    /// [`Vfs::sync_dir`](crate::Vfs::sync_dir).
    SyncDir,
    /// [`Vfs::kind`](crate::Vfs::kind).
    Kind,
    /// [`Vfs::try_lock`](crate::Vfs::try_lock).
    Lock,
    /// [`FileLock::write_holder`](crate::FileLock::write_holder).
    WriteHolder,
    /// [`File::read_exact_at`](crate::File::read_exact_at).
    Read,
    /// [`File::write_all_at`](crate::File::write_all_at) and
    /// [`File::append`](crate::File::append).
    Write,
    /// [`File::sync_data`](crate::File::sync_data) and [`File::sync_all`](crate::File::sync_all).
    Sync,
    /// [`File::set_len`](crate::File::set_len).
    SetLen,
    /// [`File::len`](crate::File::len).
    Len,
    /// [`File::map`](crate::File::map).
    Map,
}

impl OpKind {
    /// Every kind, in declaration order.
    pub const ALL: [OpKind; 18] = [
        OpKind::Create,
        OpKind::Open,
        OpKind::Rename,
        OpKind::RemoveFile,
        OpKind::HardLink,
        OpKind::ReadDir,
        OpKind::CreateDir,
        OpKind::RemoveDir,
        OpKind::SyncDir,
        OpKind::Kind,
        OpKind::Lock,
        OpKind::WriteHolder,
        OpKind::Read,
        OpKind::Write,
        OpKind::Sync,
        OpKind::SetLen,
        OpKind::Len,
        OpKind::Map,
    ];

    /// Whether such a call changes something or makes it durable. Only these are numbered by
    /// [`MemDisk::calls`](crate::MemDisk::calls): a crash at any other call leaves what a crash
    /// at the next of these leaves.
    pub fn changes_the_disk(self) -> bool {
        !matches!(
            self,
            OpKind::Open
                | OpKind::ReadDir
                | OpKind::Kind
                | OpKind::Read
                | OpKind::Len
                | OpKind::Map
        )
    }

    /// Whether such a call makes things durable.
    pub fn is_sync(self) -> bool {
        matches!(self, OpKind::Sync | OpKind::SyncDir)
    }
}

/// One error to order, delivered once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Fault {
    /// The kind of call that fails.
    pub op: OpKind,
    /// Which call of that kind, counted from the injection on: 1 is the next.
    pub nth: u64,
    /// How it fails.
    pub error: FaultKind,
    /// Only calls on a file or directory of such a name are counted and fail: the last part of the
    /// path, or its beginning or end beside a `*`, as in `*.wal`. Of a rename or link it is the old
    /// name; the root's name is empty. `None` stands for every one.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub file: Option<String>,
}

impl Fault {
    /// The `nth` call of this kind fails, whatever it is on.
    pub fn new(op: OpKind, nth: u64, error: FaultKind) -> Fault {
        Fault { op, nth, error, file: None }
    }

    /// The same, but only on files or directories of such a name; see [`Fault::file`].
    pub fn on(self, file: impl Into<String>) -> Fault {
        Fault { file: Some(file.into()), ..self }
    }

    /// Whether a call of this kind on this path is one that the fault counts.
    pub(super) fn is_for(&self, op: OpKind, path: &Path) -> bool {
        let name = || path.file_name().map_or("".into(), |name| name.to_string_lossy());
        self.op == op && self.file.as_deref().is_none_or(|pattern| is_like(&name(), pattern))
    }
}

fn is_like(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

/// How a call fails.
///
/// What happens while running and leaves an error. Still to come, each as a variant here: a
/// failed sync that drops the dirty pages and marks them clean (ATC'20), a mapped page that goes
/// stale or fails, a lost or misdirected write. A lying sync is a personality of the disk, and a
/// capacity is a property of it; bit rot is [`MemDisk::corrupt`](crate::MemDisk::corrupt).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum FaultKind {
    /// An I/O error, and nothing was done.
    Eio,
    /// An I/O error after a part was done: of a write the first `bytes`, which stay visible and
    /// pending; of a sync or a lock nothing; of any other change all of it (a rename that took
    /// effect and says it did not).
    EioAfter {
        /// How much of a write is done, at most all of it.
        bytes: u64,
    },
    /// `StorageFull`. Of a write the first `bytes` are done and stay; of others nothing.
    StorageFull {
        /// How much of a write is done, at most all of it.
        bytes: u64,
    },
    /// A sync that fails and leaves what was pending visible and pending. For any other call the
    /// same as [`FaultKind::Eio`].
    SyncFail,
}
