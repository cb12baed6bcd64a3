//! What may survive a power failure, the choices that find bugs first.
//!
//! ```text
//!   systematic, one of each kind in turn ─► every combination, if they are few ─► drawn
//! ```
//!
//! Invariants:
//! 1. Each choice it gives leaves another image.
//! 2. It gives as many as were asked for, unless there are fewer; of a set of pending changes with
//!    few combinations it gives every image there is.

use std::collections::BTreeSet;

use srdb_vfs::{CrashChoice, Fate, PendingKind, PendingOp, SectorFate, SectorRun};

use crate::db::is_lock;
use crate::draw::{Draw, SeedDraw};
use crate::run::PowerCut;

/// Choices that are tried for each that is wanted: many leave the same image.
const TRIES: u64 = 16;

/// Sectors at which one long write is torn, at most.
const TEARS_MAX: u64 = 64;

/// Up to `count` choices that leave different images, each with its image's hash.
pub(super) fn images(cut: &PowerCut, count: u64, seed: u64) -> Vec<(CrashChoice, u64)> {
    let pending = cut.pending();
    // Who holds the lock is written into its file, and nothing reads that.
    let (lock, rest): (Vec<_>, Vec<_>) =
        pending.iter().cloned().partition(|op| !op.kind.is_name() && is_lock(&op.path));
    let mut found = Found { cut, seen: BTreeSet::new(), images: Vec::new(), count };
    let with_lock = |mut choice: CrashChoice| {
        choice.fates.extend(lock.iter().map(|op| (op.id, Fate::Kept)));
        choice
    };
    let combinations = rest.iter().map(fate_count).fold(1, u64::saturating_mul);
    let tries = count.saturating_mul(TRIES);
    found.take(systematic(&rest).into_iter().map(with_lock));
    if combinations <= tries {
        found.take((0..combinations).map(|number| with_lock(combination(&rest, number))));
    } else {
        let mut draw = SeedDraw::new(seed);
        found.take((0..tries).map(|_| CrashChoice::draw(&pending, &mut || draw.bits())));
    }
    found.images
}

struct Found<'a> {
    cut: &'a PowerCut,
    seen: BTreeSet<u64>,
    images: Vec<(CrashChoice, u64)>,
    count: u64,
}

impl Found<'_> {
    fn take(&mut self, choices: impl Iterator<Item = CrashChoice>) {
        for choice in choices {
            if self.images.len() as u64 >= self.count {
                return;
            }
            let hash = self.cut.image_hash(&choice);
            if self.seen.insert(hash) {
                self.images.push((choice, hash));
            }
        }
    }
}

/// The choice that gives every change a fate by its place in the list.
fn choose(pending: &[PendingOp], fate: impl Fn(usize, &PendingOp) -> Fate) -> CrashChoice {
    let mut choice = CrashChoice::drop_all();
    choice.fates.extend(pending.iter().enumerate().map(|(i, op)| (op.id, fate(i, op))));
    choice
}

fn kept_if(kept: bool) -> Fate {
    if kept { Fate::Kept } else { Fate::Dropped }
}

/// The choices that are known to find bugs: one of each kind in turn, so that the first few are as
/// unlike as can be.
fn systematic(pending: &[PendingOp]) -> Vec<CrashChoice> {
    let is_write = |op: &PendingOp| op.kind.sectors() > 0;
    let is_length = |op: &PendingOp| matches!(op.kind, PendingKind::Length { .. });
    let whole = [
        CrashChoice::keep_all(),
        CrashChoice::drop_all(),
        choose(pending, |_, op| kept_if(op.kind.is_name())),
        choose(pending, |_, op| kept_if(!op.kind.is_name())),
        choose(pending, |_, op| kept_if(!is_write(op))),
        choose(pending, |_, op| kept_if(!is_length(op))),
    ];
    // The newest changes first: they are what the call in hand is about.
    let newest = (0..pending.len()).rev();
    let mut kinds = vec![
        whole.to_vec(),
        newest.clone().map(|at| choose(pending, |i, _| kept_if(i != at))).collect(),
        newest.clone().map(|at| choose(pending, |i, _| kept_if(i == at))).collect(),
        newest.clone().map(|at| choose(pending, |i, _| kept_if(i < at))).collect(),
        newest.clone().map(|at| choose(pending, |i, _| kept_if(i > at))).collect(),
    ];
    let torn = newest.flat_map(|at| tears(&pending[at].kind).into_iter().map(move |t| (at, t)));
    kinds.push(
        torn.clone()
            .map(|(at, tear)| {
                choose(pending, |i, _| if i == at { tear.clone() } else { Fate::Kept })
            })
            .collect(),
    );
    kinds.push(
        torn.map(|(at, tear)| {
            choose(pending, |i, _| if i == at { tear.clone() } else { kept_if(i < at) })
        })
        .collect(),
    );
    let longest = kinds.iter().map(Vec::len).max().unwrap_or(0);
    let mut choices = Vec::new();
    for round in 0..longest {
        choices.extend(kinds.iter_mut().filter_map(|kind| kind.get_mut(round)).map(std::mem::take));
    }
    choices
}

/// A write torn at each of its sectors, either end of it lost, zero or garbage.
fn tears(kind: &PendingKind) -> Vec<Fate> {
    let sectors = kind.sectors();
    let bad = [SectorFate::Old, SectorFate::Zeros, SectorFate::Garbage { seed: 7 }];
    let mut tears = Vec::new();
    for cut in (0..sectors).rev().take(TEARS_MAX as usize) {
        for fate in bad {
            let run = |count, fate| SectorRun { count, fate };
            tears.push(Fate::Torn(vec![run(cut, SectorFate::New), run(sectors - cut, fate)]));
            tears.push(Fate::Torn(vec![run(cut, fate), run(sectors - cut, SectorFate::New)]));
        }
    }
    tears
}

/// How many fates one change can have, at the granularity of sectors.
fn fate_count(op: &PendingOp) -> u64 {
    match op.kind.sectors() {
        0 => 2,
        sectors => 4u64.saturating_pow(sectors.min(64) as u32),
    }
}

/// One of these fates.
fn fate(op: &PendingOp, number: u64) -> Fate {
    let garbage = SectorFate::Garbage { seed: 7 };
    let each = [SectorFate::New, SectorFate::Old, SectorFate::Zeros, garbage];
    let sector = |at: u64| each[(number >> (2 * at).min(63) & 3) as usize];
    match op.kind.sectors() {
        0 => kept_if(number == 0),
        sectors => {
            Fate::Torn((0..sectors).map(|at| SectorRun { count: 1, fate: sector(at) }).collect())
        }
    }
}

/// One of all the combinations of fates, by its number.
fn combination(pending: &[PendingOp], mut number: u64) -> CrashChoice {
    let mut choice = CrashChoice::drop_all();
    for op in pending {
        let count = fate_count(op);
        choice.fates.insert(op.id, fate(op, number % count));
        number /= count;
    }
    choice
}
