//! What may become of the pending changes at a crash, spelt out as plain data.
//!
//! A [`CrashChoice`] names for every pending change whether it reached the medium. It is drawn
//! from a seed, written by hand, stored in a plan and edited there; the same choice on the same
//! disk always gives the same image.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Bytes per sector: what the medium writes whole or not at all.
pub const SECTOR_BYTES: u64 = 512;

/// A change that is visible and not durable: a crash may keep it or lose it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PendingOp {
    /// Its number on this disk, rising in the order of the changes.
    pub id: u64,
    /// What it changed; of a file the last name it was given.
    pub path: PathBuf,
    /// What the change was.
    pub kind: PendingKind,
}

impl fmt::Display for PendingOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            PendingKind::Write { offset, len } => {
                write!(f, "write {len} bytes at {offset} of {path}")
            }
            PendingKind::Length { from, to } => write!(f, "length of {path} from {from} to {to}"),
            PendingKind::Create => write!(f, "create {path}"),
            PendingKind::CreateDir => write!(f, "create directory {path}"),
            PendingKind::Link => write!(f, "link {path}"),
            PendingKind::Unlink => write!(f, "remove {path}"),
            PendingKind::RemoveDir => write!(f, "remove directory {path}"),
            PendingKind::Rename { to } => write!(f, "rename {path} to {}", to.display()),
            PendingKind::RenameOut { to } => {
                write!(f, "lose the name {path}, renamed to {}", to.display())
            }
            PendingKind::RenameIn { from } => {
                write!(f, "gain the name {path}, renamed from {}", from.display())
            }
        }
    }
}

/// The kinds of pending changes.
///
/// A write that makes a file longer is two changes, the bytes and the length; a rename from one
/// directory to another is two, one in each. Each survives on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum PendingKind {
    /// Bytes written into a file.
    Write {
        /// Where the first byte went.
        offset: u64,
        /// How many bytes.
        len: u64,
    },
    /// The length of a file, grown by a write or set.
    Length {
        /// The length before.
        from: u64,
        /// The length after.
        to: u64,
    },
    /// A file created.
    Create,
    /// A directory created.
    CreateDir,
    /// A further name given to a file.
    Link,
    /// A file's name removed.
    Unlink,
    /// A directory removed.
    RemoveDir,
    /// A file or directory renamed within its directory: all of it happened, or nothing.
    Rename {
        /// The new path.
        to: PathBuf,
    },
    /// A file renamed into another directory: the loss of the old name.
    RenameOut {
        /// The new path.
        to: PathBuf,
    },
    /// A file renamed from another directory: the gain of the new name.
    RenameIn {
        /// The old path.
        from: PathBuf,
    },
}

impl PendingKind {
    /// How many sectors of the file a write touches; 0 for anything else.
    pub fn sectors(&self) -> u64 {
        match *self {
            PendingKind::Write { offset, len } if len > 0 => {
                offset.saturating_add(len - 1) / SECTOR_BYTES - offset / SECTOR_BYTES + 1
            }
            _ => 0,
        }
    }

    /// Whether the change is one of a directory rather than of a file's content or length.
    pub fn is_name(&self) -> bool {
        !matches!(self, PendingKind::Write { .. } | PendingKind::Length { .. })
    }
}

/// What became of one pending change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Fate {
    /// It never reached the medium.
    #[default]
    Dropped,
    /// It reached the medium whole.
    Kept,
    /// A write of which each sector has a fate of its own, from the first sector it touches on;
    /// sectors beyond the list are old. For anything but a write the same as `Dropped`.
    Torn(Vec<SectorRun>),
}

/// Neighbouring sectors of a torn write that share a fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SectorRun {
    /// How many sectors.
    pub count: u64,
    /// What each of them holds.
    pub fate: SectorFate,
}

/// What one sector of a torn write holds, within the range of the write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SectorFate {
    /// What it held before.
    Old,
    /// What was written.
    New,
    /// Zeros.
    Zeros,
    /// Bytes that look random and follow from the seed and the sector's number.
    Garbage {
        /// Where the bytes come from.
        seed: u64,
    },
}

/// What became of every pending change: with the disk it was made for, one surviving image.
///
/// ```
/// use std::path::Path;
/// use srdb_vfs::{CrashChoice, Fate, MemDisk, PendingKind, Vfs};
/// # fn main() -> std::io::Result<()> {
/// let disk = MemDisk::new();
/// let file = disk.create(Path::new("/log"))?;
/// file.append(b"a record")?;
///
/// // The name and the length survive, the bytes do not: a hole.
/// let mut choice = CrashChoice::keep_all();
/// for op in disk.pending() {
///     if let PendingKind::Write { .. } = op.kind {
///         choice.fates.insert(op.id, Fate::Dropped);
///     }
/// }
/// let survived = disk.crash_image(&choice);
/// assert_eq!(survived.read_file("/log"), Some(vec![0; 8]));
/// assert_eq!(disk.crash_image(&CrashChoice::drop_all()).read_file("/log"), None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CrashChoice {
    /// The fate of every pending change that `fates` does not name.
    #[cfg_attr(feature = "serde", serde(default))]
    pub unlisted: Fate,
    /// The fate of pending changes by [`PendingOp::id`].
    #[cfg_attr(feature = "serde", serde(default))]
    pub fates: BTreeMap<u64, Fate>,
}

impl CrashChoice {
    /// Everything visible survives.
    pub fn keep_all() -> Self {
        CrashChoice { unlisted: Fate::Kept, fates: BTreeMap::new() }
    }

    /// Only what was made durable survives.
    pub fn drop_all() -> Self {
        CrashChoice { unlisted: Fate::Dropped, fates: BTreeMap::new() }
    }

    /// The fate of a pending change.
    pub fn fate(&self, id: u64) -> &Fate {
        self.fates.get(&id).unwrap_or(&self.unlisted)
    }

    /// Draws a choice: first a pattern that is known to find bugs (all, none, all but one, only
    /// one, up to one, from one on, names without content, content without names, lengths without
    /// content), or else weights by which each change has its own fate drawn.
    ///
    /// Every pending change is named in the result, so that it can be read and edited.
    pub fn draw(pending: &[PendingOp], rng: &mut dyn FnMut() -> u64) -> Self {
        let mut choice = CrashChoice::drop_all();
        if pending.is_empty() {
            return choice;
        }
        let pattern = rng() % 16;
        // What was done last is as likely as everything before it: rare calls are there.
        let pivot = match rng() % (2 * pending.len() as u64) {
            drawn if drawn < pending.len() as u64 => drawn as usize,
            _ => pending.len() - 1,
        };
        // The write that is torn where everything up to the pivot is kept: a write that makes its
        // file longer is two changes, of which the length is the later one.
        let torn = pending[..=pivot].iter().rposition(|op| op.kind.sectors() > 0);
        let weights = Weights::draw(rng);
        for (i, op) in pending.iter().enumerate() {
            let is_write = op.kind.sectors() > 0;
            let when = |kept| if kept { Fate::Kept } else { Fate::Dropped };
            let fate = match pattern {
                0 => Fate::Kept,
                1 => Fate::Dropped,
                2 => when(i != pivot),
                3 => when(i == pivot),
                4 | 5 if Some(i) == torn => tear(&op.kind, &weights, rng),
                4 | 5 => when(i <= pivot),
                6 => when(op.kind.is_name()),
                7 => when(!op.kind.is_name()),
                8 => when(!is_write),
                9 | 10 => when(i >= pivot),
                _ => weights.fate(&op.kind, rng),
            };
            choice.fates.insert(op.id, fate);
        }
        choice
    }
}

/// How often, of 256, something happens in one drawn choice.
#[derive(Debug)]
struct Weights {
    keep_write: u64,
    tear_write: u64,
    keep_length: u64,
    keep_name: u64,
    garbage: u64,
}

impl Weights {
    fn draw(rng: &mut dyn FnMut() -> u64) -> Self {
        // Extremes are as likely as everything between them: bugs often need "almost all".
        let mut weight = || match rng() % 4 {
            0 => 16,
            1 => 240,
            _ => rng() % 257,
        };
        Weights {
            keep_write: weight(),
            tear_write: weight(),
            keep_length: weight(),
            keep_name: weight(),
            garbage: weight(),
        }
    }

    fn fate(&self, kind: &PendingKind, rng: &mut dyn FnMut() -> u64) -> Fate {
        let keep = match kind {
            PendingKind::Write { .. } if rng() % 256 < self.tear_write => {
                return tear(kind, self, rng);
            }
            PendingKind::Write { .. } => self.keep_write,
            PendingKind::Length { .. } => self.keep_length,
            _ => self.keep_name,
        };
        if rng() % 256 < keep { Fate::Kept } else { Fate::Dropped }
    }
}

/// Draws the sectors of a torn write, in runs so that a big write stays a short list.
fn tear(kind: &PendingKind, weights: &Weights, rng: &mut dyn FnMut() -> u64) -> Fate {
    let mut left = kind.sectors();
    let mut runs = Vec::new();
    while left > 0 {
        let count = if rng().is_multiple_of(2) { 1 } else { 1 + rng() % left };
        let fate = if rng() % 256 < weights.garbage {
            match rng() % 2 {
                0 => SectorFate::Zeros,
                _ => SectorFate::Garbage { seed: rng() },
            }
        } else {
            match rng() % 2 {
                0 => SectorFate::Old,
                _ => SectorFate::New,
            }
        };
        runs.push(SectorRun { count, fate });
        left -= count;
    }
    Fate::Torn(runs)
}
