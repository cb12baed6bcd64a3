//! Which cells of the fault space can be visited, and which of those a campaign has left empty.
//!
//! A cell can be visited if its call is ever made in its phase ([`SITES`], learned by counting and
//! then declared) and its fault means something for such a call ([`can_befall`]). Every other cell
//! is blank for one of the reasons in docs/testing.md.

use srdb_vfs::OpKind;

use super::site::{AT_REST, Phase, Place, Site, What};
use super::sites::SITES;
use super::{Coverage, act};

/// Whether a fault means something for a kind of call.
pub fn can_befall(act_of: usize, what: What) -> bool {
    use OpKind::{
        Create, CreateDir, HardLink, Lock, Read, RemoveDir, RemoveFile, Rename, RenameDir, SetLen,
        Write, WriteHolder,
    };
    if act_of == AT_REST {
        return what == What::Rot;
    }
    let Some(&op) = OpKind::ALL.get(act_of) else { return false };
    let makes_a_change = matches!(
        op,
        Create
            | Rename
            | RenameDir
            | RemoveFile
            | HardLink
            | CreateDir
            | RemoveDir
            | Write
            | SetLen
            | Lock
            | WriteHolder
    );
    match what {
        What::Crash => op.changes_the_disk(),
        What::Lost | What::Kept | What::Alone => makes_a_change,
        What::Torn => matches!(op, Write | WriteHolder),
        What::Eio => true,
        What::Half => op != Lock && (makes_a_change || op.is_sync() || op == Read),
        What::Full => {
            matches!(
                op,
                Create | Rename | RenameDir | HardLink | CreateDir | Write | SetLen | WriteHolder
            )
        }
        What::SyncFail => op.is_sync(),
        What::SyncDrop => op == OpKind::Sync,
        // Only the plans that have silent faults at all draw these, by the kind of call.
        What::LostWrite | What::Misdirected | What::Flip | What::Stale => false,
        What::Rot => false,
    }
}

/// Whether a plan can say it, and it would change anything. An edit is taken back only after a
/// write that has failed, and a plan orders errors or a power failure in one recovery, not both.
/// What a recovery removes of a copied MANIFEST was left by one before it that did not end. `LOCK`
/// is there from the creation on, unless a disk has lied about that.
fn can_be_ordered(site: Site, phase: Phase, what: What) -> bool {
    let takes_back = site == Site { place: Place::Manifest, act: act(OpKind::SetLen) };
    let recovers = matches!(phase, Phase::Open | Phase::Nested);
    let by_crash = matches!(what, What::Crash | What::Lost | What::Kept | What::Alone);
    let is_leftover = site == Site { place: Place::Manifest, act: act(OpKind::RemoveFile) };
    let by_change = matches!(what, What::Lost | What::Kept | What::Alone);
    let opens = phase == Phase::Open;
    let makes_lock = site == Site { place: Place::Lock, act: act(OpKind::Lock) };
    !(takes_back && recovers && by_crash
        || is_leftover && opens && by_change
        || makes_lock && recovers && by_change)
}

/// Whether a cell can be visited.
pub fn is_reachable(site: Site, phase: Phase, what: What) -> bool {
    can_befall(site.act, what) && is_declared(site, phase) && can_be_ordered(site, phase, what)
}

fn is_declared(site: Site, phase: Phase) -> bool {
    let declared = |(place, op, phases): &(Place, Option<OpKind>, &[Phase])| {
        *place == site.place && op.map_or(AT_REST, act) == site.act && phases.contains(&phase)
    };
    SITES.iter().any(declared)
}

/// A cell that can be visited and was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Where.
    pub site: Site,
    /// While the database did what.
    pub phase: Phase,
    /// The fault that never happened there; none if the call itself was never made.
    pub what: Option<What>,
}

/// Every cell that can be visited and was not.
pub fn gaps(coverage: &Coverage) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for (place, op, phases) in SITES {
        let site = Site { place: *place, act: op.map_or(AT_REST, act) };
        for &phase in *phases {
            if op.is_some() && coverage.calls(site, phase) == 0 {
                gaps.push(Gap { site, phase, what: None });
                continue;
            }
            let empty = |what: &What| {
                is_reachable(site, phase, *what) && coverage.hits(site, phase, *what) == 0
            };
            let empty = What::ALL.iter().copied().filter(empty);
            gaps.extend(empty.map(|what| Gap { site, phase, what: Some(what) }));
        }
    }
    gaps
}

/// Calls that were made in a phase in which [`SITES`] does not have them.
pub fn undeclared(coverage: &Coverage) -> Vec<(Site, Phase)> {
    coverage.rows().into_iter().filter(|(site, phase)| !is_declared(*site, *phase)).collect()
}
