//! What happens between a death and the next step: what survives, and what goes wrong on the way
//! back up.

use serde::{Deserialize, Serialize};
use srdb_vfs::{Fate, Fault, OpKind};

/// What happens between a crash and the next step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct After {
    /// A byte that has rotted on the medium. Tried on a copy: the run goes on without the damage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rot: Option<Rot>,
    /// Power failures inside the recovery, and inside the recovery from that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nested: Vec<Nested>,
    /// I/O errors inside the last recovery.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// Of which calls the last of `nested` counts; of all that change the disk if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aim: Option<At>,
}

impl After {
    /// Whether nothing special happens.
    pub fn is_plain(&self) -> bool {
        *self == After::default()
    }
}

/// Calls of one kind on files or directories of one name, or those that follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// The kind of call.
    pub op: OpKind,
    /// The name, as [`Fault::file`] has it.
    pub file: String,
    /// The call meant is so many calls that change the disk later: with 1, the change is pending.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub later: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A power failure inside a recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nested {
    /// At which of the recovery's calls that change the disk; 1 is the first.
    pub call: u64,
    /// What survives.
    pub image: Image,
}

/// What survives a power failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Image {
    /// Drawn from this seed when it comes to it.
    Drawn(u64),
    /// These changes, as far as it says; every other one is lost. A failure's plan has this, so
    /// that one sees what survived and can change it.
    Exact(Vec<Survivor>),
}

/// What became of one change that was not durable when the power failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Survivor {
    /// [`srdb_vfs::PendingOp::id`].
    pub id: u64,
    /// What the change was; for the reader only.
    #[serde(default)]
    pub what: String,
    /// How much of it survived.
    pub fate: Fate,
}

/// Bit rot: one byte changed on the medium, in a file that was at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rot {
    /// In what kind of file.
    pub file: RotFile,
    /// In which of those there are.
    pub pick: u16,
    /// Where in the file, drawn from this.
    pub at: u32,
    /// The bits that flip; 0 is taken as 1.
    pub xor: u8,
}

/// The kinds of files that can rot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotFile {
    /// A WAL segment, somewhere in what was written before its last sync but one: the part that
    /// later records vouch for.
    WalVouched,
    /// A WAL segment, anywhere.
    Wal,
    /// An SST.
    Sst,
    /// An index file.
    Index,
    /// The MANIFEST in use, or one left over.
    Manifest,
    /// `CURRENT`, `database.meta`, a `schema.json`.
    Small,
}
