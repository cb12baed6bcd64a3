//! What goes wrong: errors, harm in silence, rot.

use srdb_vfs::{FaultKind, OpKind, Shows};

use super::pick;
use crate::draw::Draw;
use crate::plan::{Rot, RotFile};

/// What goes wrong with an error.
pub(super) fn noisy(op: OpKind, draw: &mut impl Draw) -> FaultKind {
    let bytes = draw.pick(&[0, 1, 8, 60, 511, 512, 513, 4096, 1 << 20, 1 << 20]);
    match (op, draw.below(4)) {
        (OpKind::Sync, 0) | (OpKind::SyncDir, 0..3) => FaultKind::SyncFail,
        (OpKind::Sync, 1) => FaultKind::SyncDrop { shows: Shows::Old },
        (OpKind::Sync, 2) => FaultKind::SyncDrop { shows: Shows::New },
        (OpKind::Sync | OpKind::SyncDir | OpKind::Read, _) | (_, 1) => {
            FaultKind::EioAfter { bytes }
        }
        (OpKind::MapRead, _) | (_, 0) => FaultKind::Eio,
        _ => FaultKind::StorageFull { bytes },
    }
}

/// What goes wrong in silence, where such a call can go wrong so.
pub(super) fn silent(op: OpKind, draw: &mut impl Draw) -> Option<FaultKind> {
    let flip = FaultKind::Flip { at: draw.bits(), xor: 1 << draw.below(8) };
    match (op, draw.below(4)) {
        (OpKind::Write, 0) => Some(FaultKind::LostWrite { cached: false }),
        (OpKind::Write, 1) => Some(FaultKind::LostWrite { cached: true }),
        (OpKind::Write, 2) => {
            Some(FaultKind::MisdirectedWrite { file: pick(draw) % 8, offset: draw.bits() })
        }
        (OpKind::MapRead, 0..2) => Some(FaultKind::StalePage),
        (OpKind::Write | OpKind::Read | OpKind::MapRead, _) => Some(flip),
        _ => None,
    }
}

/// A byte that rots, in files of the kinds that matter most.
pub(super) fn rot(draw: &mut impl Draw) -> Rot {
    let file = draw.pick(&[
        RotFile::WalVouched,
        RotFile::WalVouched,
        RotFile::WalVouched,
        RotFile::Wal,
        RotFile::Sst,
        RotFile::Sst,
        RotFile::Index,
        RotFile::Manifest,
        RotFile::Manifest,
        RotFile::Manifest,
        RotFile::Small,
    ]);
    Rot { file, pick: pick(draw), at: draw.below(1 << 32) as u32, xor: 1 << draw.below(8) }
}
