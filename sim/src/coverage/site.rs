//! The three axes of the fault space: where (a kind of call on a kind of file), what goes wrong,
//! and while the database does what.

use std::path::Path;

use srdb_vfs::{FaultKind, OpKind, PendingKind};

use crate::db::{ROOT, inside};

/// Declares an enum together with the list of its values and their short names.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[$name] = &[$($name::$value),*];

            /// Its short name.
            pub fn name(self) -> &'static str {
                match self { $($name::$value => $text),* }
            }
        }
    };
}

named! {
    /// What kind of file or directory a call is on.
    Place {
        /// A segment of the log, or the copy that is renamed over it.
        Wal = "wal",
        /// An SST.
        Sst = "sst",
        /// A MANIFEST.
        Manifest = "MANIFEST",
        /// `CURRENT`.
        Current = "CURRENT",
        /// What is renamed to `CURRENT`.
        CurrentTemp = "CURRENT.tmp",
        /// `database.meta`.
        Meta = "meta",
        /// What is renamed to `database.meta`.
        MetaTemp = "meta.tmp",
        /// A table's `schema.json`.
        Schema = "schema.json",
        /// `LOCK`.
        Lock = "LOCK",
        /// The directory that the database's is in.
        Above = "parent dir",
        /// The database's directory.
        Root = "root dir",
        /// The directory of the log.
        WalDir = "wal dir",
        /// The directory of all tables.
        Tables = "tables dir",
        /// A table's directory.
        TableDir = "table dir",
        /// The directory of a table's SSTs.
        SstDir = "sst dir",
        /// An index file.
        Index = "idx",
        /// The directory of a table's index files.
        IndexDir = "idx dir",
    }
}

named! {
    /// What goes wrong.
    What {
        /// The power fails at this call.
        Crash = "crash",
        /// A crash loses the change that the call made.
        Lost = "lost",
        /// A crash keeps it, although it was not durable.
        Kept = "kept",
        /// A crash tears it.
        Torn = "torn",
        /// A crash keeps it and loses every other one.
        Alone = "alone",
        /// An I/O error, and nothing is done.
        Eio = "eio",
        /// An I/O error after a part, or all of it, was done.
        Half = "half",
        /// The disk is full.
        Full = "full",
        /// A sync that fails and leaves what was pending.
        SyncFail = "syncfail",
        /// A sync that fails and forgets what was pending.
        SyncDrop = "syncdrop",
        /// A write that never reaches the medium, and nobody says so.
        LostWrite = "lostwr",
        /// A write that lands elsewhere.
        Misdirected = "misdir",
        /// A bit that changes on its way.
        Flip = "flip",
        /// A mapped read that gives what was there before.
        Stale = "stale",
        /// A bit that changes while the file is at rest.
        Rot = "rot",
    }
}

named! {
    /// What the database is doing.
    Phase {
        /// Coming into being.
        Create = "create",
        /// Opening: recovery from whatever was before.
        Open = "open",
        /// Opening after a recovery that did not end.
        Nested = "nested",
        /// Committing.
        Commit = "commit",
        /// Beginning a segment of the log, and syncing what was carried into it.
        Rotate = "rotate",
        /// Flushing.
        Flush = "flush",
        /// Merging SSTs.
        Compact = "compact",
        /// Replacing the MANIFEST.
        Replace = "replace",
        /// Creating or dropping a table.
        Table = "table",
        /// Creating, building or dropping an index.
        Index = "index",
        /// Removing files.
        Delete = "delete",
        /// Reading rows.
        Read = "read",
        /// Verifying.
        Verify = "verify",
        /// Closing.
        Close = "close",
        /// Making a checkpoint.
        Checkpoint = "checkpoint",
    }
}

/// The kinds of calls, as [`OpKind::ALL`] has them, and one for files that are at rest.
pub const ACTS: usize = OpKind::ALL.len() + 1;

/// The place of a kind of call in that list.
pub fn act(op: OpKind) -> usize {
    OpKind::ALL.iter().position(|known| *known == op).unwrap_or(AT_REST)
}

/// Nothing is called: the file lies there.
pub const AT_REST: usize = ACTS - 1;

/// What a kind of call is called in a table.
pub fn act_name(act: usize) -> &'static str {
    match OpKind::ALL.get(act) {
        None => "at rest",
        Some(OpKind::Create) => "create",
        Some(OpKind::Open) => "open",
        Some(OpKind::Rename | OpKind::RenameDir) => "rename",
        Some(OpKind::RemoveFile) => "remove",
        Some(OpKind::HardLink) => "link",
        Some(OpKind::ReadDir) => "list",
        Some(OpKind::CreateDir) => "make",
        Some(OpKind::RemoveDir) => "unmake",
        Some(OpKind::SyncDir | OpKind::Sync) => "sync",
        Some(OpKind::Kind) => "look at",
        Some(OpKind::Lock) => "lock",
        Some(OpKind::WriteHolder) => "holder",
        Some(OpKind::Read) => "read",
        Some(OpKind::Write) => "write",
        Some(OpKind::SetLen) => "cut",
        Some(OpKind::Len) => "length",
        Some(OpKind::Map) => "map",
        Some(_) => "mapped read",
    }
}

/// A kind of call on a kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// On what.
    pub place: Place,
    /// What is called: see [`act`].
    pub act: usize,
}

impl Site {
    /// The site of a call; `None` for a path that is no part of a database.
    pub fn of(op: OpKind, path: &Path) -> Option<Site> {
        let place = match Place::of(path)? {
            // Whichever of the two names a layer knows.
            Place::CurrentTemp if op == OpKind::Rename => Place::Current,
            Place::MetaTemp if op == OpKind::Rename => Place::Meta,
            place => place,
        };
        Some(Site { place, act: act(op) })
    }

    /// Its name.
    pub fn name(self) -> String {
        format!("{} {}", self.place.name(), act_name(self.act))
    }
}

impl Place {
    /// What a path stands for; `None` if it is no part of a database.
    pub fn of(path: &Path) -> Option<Place> {
        let Some(inside) = inside(path) else {
            return (Path::new(ROOT).parent() == Some(path)).then_some(Place::Above);
        };
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
        let parts: Vec<&str> = parts.iter().map(|part| &**part).collect();
        Some(match parts[..] {
            [] => Place::Root,
            ["LOCK"] => Place::Lock,
            ["CURRENT"] => Place::Current,
            ["CURRENT.tmp"] => Place::CurrentTemp,
            ["database.meta"] => Place::Meta,
            ["database.meta.tmp"] => Place::MetaTemp,
            ["wal"] => Place::WalDir,
            ["wal", _] => Place::Wal,
            ["tables"] => Place::Tables,
            ["tables", _] => Place::TableDir,
            ["tables", _, "schema.json"] => Place::Schema,
            ["tables", _, "sst"] => Place::SstDir,
            ["tables", _, "sst", _] => Place::Sst,
            ["tables", _, "idx"] => Place::IndexDir,
            ["tables", _, "idx", _] => Place::Index,
            [name] if name.starts_with("MANIFEST") => Place::Manifest,
            _ => return None,
        })
    }

    /// The names that files of this kind have, as [`srdb_vfs::Fault::file`] takes them; of a
    /// table's directory those of table `slot`.
    pub fn pattern(self, slot: u8) -> String {
        match self {
            Place::Wal => "*.wal".to_owned(),
            Place::Sst => "*.sst".to_owned(),
            Place::Index => "*.idx".to_owned(),
            // The copy that a recovery makes, too.
            Place::Manifest => "MANIFEST*".to_owned(),
            Place::Meta => "database.meta".to_owned(),
            Place::MetaTemp => "database.meta.tmp".to_owned(),
            Place::Above => String::new(),
            Place::Root => ROOT.trim_start_matches('/').to_owned(),
            Place::WalDir => "wal".to_owned(),
            Place::Tables => "tables".to_owned(),
            Place::TableDir => format!("*-t{slot}"),
            Place::SstDir => "sst".to_owned(),
            Place::IndexDir => "idx".to_owned(),
            Place::Current | Place::CurrentTemp | Place::Schema | Place::Lock => {
                self.name().to_owned()
            }
        }
    }
}

impl What {
    /// What an ordered fault is.
    pub fn of(fault: &FaultKind) -> What {
        match fault {
            FaultKind::EioAfter { .. } => What::Half,
            FaultKind::StorageFull { .. } => What::Full,
            FaultKind::SyncFail => What::SyncFail,
            FaultKind::SyncDrop { .. } => What::SyncDrop,
            FaultKind::LostWrite { .. } => What::LostWrite,
            FaultKind::MisdirectedWrite { .. } => What::Misdirected,
            FaultKind::Flip { .. } => What::Flip,
            FaultKind::StalePage => What::Stale,
            _ => What::Eio,
        }
    }
}

/// The kind of call that made a pending change.
pub(super) fn maker(change: &PendingKind, path: &Path) -> OpKind {
    match change {
        // Locking a file makes it; whoever holds the lock is written by a call of its own.
        PendingKind::Create if Place::of(path) == Some(Place::Lock) => OpKind::Lock,
        PendingKind::Unlink => OpKind::RemoveFile,
        _ if Place::of(path) == Some(Place::Lock) => OpKind::WriteHolder,
        PendingKind::Write { .. } => OpKind::Write,
        PendingKind::Length { from, to } if to < from => OpKind::SetLen,
        PendingKind::Create => OpKind::Create,
        PendingKind::CreateDir => OpKind::CreateDir,
        PendingKind::Link => OpKind::HardLink,
        PendingKind::RemoveDir => OpKind::RemoveDir,
        // No other directory is renamed.
        PendingKind::Rename { .. } if Place::of(path) == Some(Place::Root) => OpKind::RenameDir,
        PendingKind::Rename { .. }
        | PendingKind::RenameOut { .. }
        | PendingKind::RenameIn { .. } => OpKind::Rename,
        // A length that a write has grown.
        _ => OpKind::Write,
    }
}
