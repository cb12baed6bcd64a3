//! Faults to order: which call of which kind goes wrong, and how.

use std::path::{Path, PathBuf};

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
    /// [`Map::bytes`](crate::Map::bytes), on a disk with [`MapMode::Reads`](crate::MapMode).
    MapRead,
    /// [`Vfs::rename_dir`](crate::Vfs::rename_dir).
    RenameDir,
}

impl OpKind {
    /// Every kind, in declaration order.
    pub const ALL: [OpKind; 20] = [
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
        OpKind::MapRead,
        OpKind::RenameDir,
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
                | OpKind::MapRead
        )
    }

    /// Whether such a call makes things durable.
    pub fn is_sync(self) -> bool {
        matches!(self, OpKind::Sync | OpKind::SyncDir)
    }
}

/// One fault to order, delivered once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Fault {
    /// The kind of call it befalls.
    pub op: OpKind,
    /// Which call of that kind, counted from the injection on: 1 is the next.
    pub nth: u64,
    /// What goes wrong.
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

/// A fault that was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The kind of call it befell.
    pub op: OpKind,
    /// The path of that call; of a file its last known name.
    pub path: PathBuf,
    /// What went wrong: [`FaultKind::Eio`] where what was ordered means nothing for such a call.
    /// What a [capacity](crate::MemDisk::set_capacity) refuses is [`FaultKind::StorageFull`].
    pub error: FaultKind,
    /// Another file that was harmed: the one a misdirected write hit.
    pub hit: Option<PathBuf>,
    /// [`MemDisk::calls`](crate::MemDisk::calls) at that moment.
    pub call: u64,
}

impl Delivered {
    /// Whether the call returned `Ok` although something went wrong.
    pub fn is_silent(&self) -> bool {
        self.error.is_silent()
    }
}

/// What goes wrong in a call.
///
/// The first four are *noisy*: the call returns an error, and what it left is legal by the
/// contract of [`Vfs`](crate::Vfs) and [`File`](crate::File). The others are *silent*, but for
/// [`FaultKind::SyncDrop`]: the call returns `Ok`, and only a checksum can tell.
///
/// A kind that means nothing for the call it is ordered for is an [`FaultKind::Eio`] there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum FaultKind {
    /// An I/O error, and nothing was done.
    Eio,
    /// An I/O error after a part was done: of a write the first `bytes`, which stay visible and
    /// pending; of a read the first `bytes` of the buffer; of a lock nothing; of any other change
    /// all of it: a rename that took effect and says it did not, a sync that made everything
    /// durable and says it did not. Of other calls nothing.
    EioAfter {
        /// How much of a read or write is done, at most all of it.
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
    /// A file's sync that fails, drops the file's dirty pages and marks them clean: the next sync
    /// succeeds and the data is on no medium (Rebello et al., "Can Applications Recover from fsync
    /// Failures?", USENIX ATC 2020: what Linux does, ext4, XFS and Btrfs alike).
    ///
    /// A directory's sync keeps what was pending, as with [`FaultKind::SyncFail`]: a file system
    /// that can't write its journal stops, it does not go on without a part of it.
    SyncDrop {
        /// What reads see afterwards.
        shows: Shows,
    },
    /// A write that returns `Ok` and whose bytes never reach the medium, synced or not. The length
    /// that it gives the file is kept, so that the bytes are a hole, or what was there before.
    LostWrite {
        /// Whether the page cache shows the bytes, until the page leaves it or the machine dies.
        cached: bool,
    },
    /// A write that returns `Ok` and whose bytes land elsewhere, on the medium and in the cache, as
    /// far as the file there is long; where they belong nothing happens but that the file grows.
    MisdirectedWrite {
        /// In which file: 0 is the same one; else one of the others that are not empty, counted in
        /// the order of their paths and round again.
        file: u16,
        /// Where, reduced to the length of the file and to the start of a sector.
        offset: u64,
    },
    /// A byte that changes on its way: of a write before it is in the cache, of a read or a mapped
    /// read in the answer only.
    Flip {
        /// Which byte, counted round the bytes of the call.
        at: u64,
        /// The bits that change; 0 is taken as 1.
        xor: u8,
    },
    /// A mapped read whose pages are stale: each shows what the medium held before the sync that
    /// last changed it, of a file written once so zeros. For this one read.
    StalePage,
}

/// What reads see of dirty pages that a failed sync has dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Shows {
    /// What is on the medium: bytes and length are as at the last good sync (Btrfs).
    Old,
    /// What was written, as long as the page stays in the cache; it is written only if it is
    /// dirtied again, all of it then. The length stays pending and becomes durable with the next
    /// sync, over a hole (ext4, XFS).
    New,
}

impl FaultKind {
    /// Whether the call returns `Ok` although something went wrong.
    pub fn is_silent(&self) -> bool {
        matches!(
            self,
            FaultKind::LostWrite { .. }
                | FaultKind::MisdirectedWrite { .. }
                | FaultKind::Flip { .. }
                | FaultKind::StalePage
        )
    }

    /// What it comes to for a call of this kind.
    pub(super) fn on(self, op: OpKind) -> FaultKind {
        let means_something = match self {
            FaultKind::Eio | FaultKind::EioAfter { .. } | FaultKind::StorageFull { .. } => true,
            FaultKind::SyncFail => op.is_sync(),
            FaultKind::SyncDrop { .. } if op == OpKind::SyncDir => return FaultKind::SyncFail,
            FaultKind::SyncDrop { .. } => op == OpKind::Sync,
            FaultKind::LostWrite { .. } | FaultKind::MisdirectedWrite { .. } => op == OpKind::Write,
            FaultKind::Flip { .. } => {
                matches!(op, OpKind::Write | OpKind::Read | OpKind::MapRead)
            }
            FaultKind::StalePage => op == OpKind::MapRead,
        };
        if means_something { self } else { FaultKind::Eio }
    }
}
