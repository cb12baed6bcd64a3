//! What kind of disk it is: how much more, or less, a crash may do than POSIX allows.
//!
//! | personality | what a crash may do                                                         |
//! |-------------|-----------------------------------------------------------------------------|
//! | `posix`     | whatever POSIX does not forbid: rules 1 to 6 of the [module](super)         |
//! | `ordered`   | less: names in order, no length without its data                            |
//! | `lying`     | more: lose what a sync has acknowledged                                     |
//!
//! **Ordered** is modelled on ext4 with `data=ordered`, its default. "All data is forced directly
//! out to the main file system prior to its metadata being committed to the journal"
//! (Documentation/admin-guide/ext4.rst of Linux), and the journal is one, for the whole disk. So:
//!
//! 1. The changes of names that survive are a prefix of all that were made, across directories. A
//!    rename into another directory is one change: both of its halves survive, or none.
//! 2. `sync_dir` commits that journal: every change of a name so far becomes durable, in whichever
//!    directory.
//! 3. The lengths of one file that survive are a prefix of those it had. A length that survives and
//!    made the file longer covers no hole: what was written there before it survives whole.
//!
//! Bytes within the old length are free as before, kept, lost or torn: that mode does not journal
//! them. Lengths of different files, and lengths against names, are free as well, since allocation
//! is delayed until the data is written. ext4 also commits the journal at the `fsync` of a file;
//! this is not modelled, because it is no promise (fast commits, other file systems), and leaving
//! it out only adds images.
//!
//! **Lying** is a disk, a controller or a hypervisor that acknowledges a sync and does nothing:
//! what was pending stays so. Which syncs are lies follows from a seed and their number.

use std::collections::BTreeMap;

use super::crash::{CrashChoice, Fate};
use super::node::{Change, FileNode, NameChange, Node, Taken};
use super::state::State;
use super::trace::next_random;

/// See the table in `mem/personality.rs`, which is also in [`MemDisk`](crate::MemDisk)'s module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Personality {
    /// A crash does whatever POSIX does not forbid.
    #[default]
    Posix,
    /// A crash leaves the names in the order in which they changed, and no length without its
    /// data: ext4 with `data=ordered`.
    Ordered,
    /// Syncs are acknowledged and not done.
    Lying {
        /// How many of a hundred, drawn for each; 100 for all.
        percent: u8,
        /// What they are drawn from.
        seed: u64,
    },
}

impl Personality {
    /// Whether the sync of this number is a lie.
    pub(super) fn lies(self, sync: u64) -> bool {
        match self {
            Personality::Lying { percent, seed } => {
                let mut state = seed ^ sync.wrapping_mul(0xD6E8_FEB8_6659_FD93);
                next_random(&mut state) % 100 < u64::from(percent)
            }
            _ => false,
        }
    }
}

/// What is left of a choice on an ordered disk: what it must not keep is dropped, and what it must
/// not lose is kept.
pub(super) fn in_order(state: &State, choice: &CrashChoice) -> CrashChoice {
    let mut legal = choice.clone();
    let mut names: BTreeMap<u64, &NameChange> = BTreeMap::new();
    for node in state.nodes.values() {
        match &**node {
            Node::Dir(dir) => names.extend(dir.pending.iter().map(|(id, change)| (*id, change))),
            Node::File(file) => lengths_in_order(file, &mut legal),
        }
    }
    let mut kept = true;
    for (id, change) in names {
        // The loss of the old name follows the gain of the new one.
        let is_second_half =
            matches!(change, NameChange::Remove { taken: Taken::RenamedTo(_), .. });
        kept = kept && (is_second_half || *choice.fate(id) == Fate::Kept);
        legal.fates.insert(id, if kept { Fate::Kept } else { Fate::Dropped });
    }
    legal
}

fn lengths_in_order(file: &FileNode, legal: &mut CrashChoice) {
    let mut kept = true;
    for (at, (id, change)) in file.pending.iter().enumerate() {
        let Change::Length { from, to } = change else { continue };
        kept = kept && *legal.fate(*id) == Fate::Kept;
        legal.fates.insert(*id, if kept { Fate::Kept } else { Fate::Dropped });
        if !kept || to <= from {
            continue;
        }
        for (id, earlier) in &file.pending[..at] {
            if let Change::Write { offset, data } = earlier
                && offset + data.len() as u64 > *from
                && offset < to
            {
                legal.fates.insert(*id, Fate::Kept);
            }
        }
    }
}
