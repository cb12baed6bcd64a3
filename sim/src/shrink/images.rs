//! Crash images and what happens on the way back up, taken apart.

use srdb_vfs::{Fate, Fault, FaultKind, SectorFate, SectorRun};

use crate::plan::{After, Image, Plan, Rot, Step, Survivor};

/// So many seeds are tried in the place of a drawn image, after losing everything: among them are
/// keeping everything, only the names, only the contents. Unlike a list they mean the same
/// wherever the crash is.
const SEEDS: u64 = 24;

/// Calls `f` with every image of a plan, in the order of their crashes.
pub(super) fn each(plan: &mut Plan, f: &mut dyn FnMut(&mut Image)) {
    plan.birth.nested.iter_mut().for_each(|nested| f(&mut nested.image));
    for step in &mut plan.steps {
        match step {
            Step::PowerCrash { image, after } | Step::CrashAt { image, after, .. } => {
                f(image);
                after.nested.iter_mut().for_each(|nested| f(&mut nested.image));
            }
            Step::ProcessCrash { after } | Step::Close { after } => {
                after.nested.iter_mut().for_each(|nested| f(&mut nested.image));
            }
            _ => {}
        }
    }
}

fn all(plan: &Plan) -> Vec<Image> {
    let mut images = Vec::new();
    each(&mut plan.clone(), &mut |image| images.push(image.clone()));
    images
}

/// Whether an image names survivors by their numbers.
pub(super) fn has_survivors(plan: &Plan) -> bool {
    all(plan).iter().any(|image| matches!(image, Image::Exact(list) if !list.is_empty()))
}

/// Takes out what was lost: what a list does not name is lost anyway.
pub(super) fn strip(list: &mut Vec<Survivor>) {
    list.retain(|survivor| survivor.fate != Fate::Dropped);
}

/// The plan with its survivors found again, by what they were, among what `spelt`, the same plan
/// after an exact run, says was pending.
pub(super) fn renumbered(plan: &Plan, spelt: &Plan) -> Plan {
    let mut plan = plan.clone();
    let mut pending = all(spelt).into_iter();
    each(&mut plan, &mut |image| {
        let (Image::Exact(list), Some(Image::Exact(pending))) = (image, pending.next()) else {
            return;
        };
        let mut pending = pending;
        for survivor in list.iter_mut() {
            // Each only once: two changes may read the same. Offsets may have moved, too.
            let same = pending.iter().position(|p| p.what == survivor.what);
            let alike = || pending.iter().position(|p| gist(&p.what) == gist(&survivor.what));
            if let Some(at) = same.or_else(alike) {
                let found = pending.remove(at);
                (survivor.id, survivor.what) = (found.id, found.what);
            }
        }
        list.sort_by_key(|survivor| survivor.id);
        list.dedup_by_key(|survivor| survivor.id);
    });
    plan
}

/// What a change was, but for its numbers.
fn gist(what: &str) -> String {
    what.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// Plainer images in the place of one, the plainest first.
pub(super) fn plainer_images(image: &Image) -> Vec<Image> {
    match image {
        Image::Exact(list) => plainer_lists(list).into_iter().map(Image::Exact).collect(),
        Image::Drawn(seed) => {
            let drawn = (0..SEEDS.min(*seed)).map(Image::Drawn);
            [Image::Exact(Vec::new())].into_iter().chain(drawn).collect()
        }
    }
}

/// Shorter lists, halves first, then lists with one plainer fate.
fn plainer_lists(list: &[Survivor]) -> Vec<Vec<Survivor>> {
    let mut plainer = Vec::new();
    let mut size = list.len();
    while size > 0 {
        for from in (0..list.len()).step_by(size) {
            let mut list = list.to_vec();
            list.drain(from..(from + size).min(list.len()));
            plainer.push(list);
        }
        size /= 2;
    }
    for (at, survivor) in list.iter().enumerate() {
        for fate in plainer_fates(&survivor.fate) {
            let mut list = list.to_vec();
            list[at].fate = fate;
            plainer.push(list);
        }
    }
    plainer
}

/// Kept is plainer than torn, torn without garbage than with; lost is dealt with by the list.
fn plainer_fates(fate: &Fate) -> Vec<Fate> {
    let Fate::Torn(runs) = fate else { return Vec::new() };
    let mut plainer = vec![Fate::Kept];
    let rank = |fate: SectorFate| match fate {
        SectorFate::Old => 0,
        SectorFate::New => 1,
        SectorFate::Zeros => 2,
        SectorFate::Garbage { .. } => 3,
    };
    for (at, run) in runs.iter().enumerate() {
        for fate in [SectorFate::Old, SectorFate::New, SectorFate::Zeros] {
            if rank(fate) < rank(run.fate) {
                let mut runs = runs.clone();
                runs[at].fate = fate;
                plainer.push(Fate::Torn(joined(&runs)));
            }
        }
    }
    plainer.retain(|p| p != fate);
    plainer
}

/// Neighbouring runs of one fate made one; old sectors at the end go without saying.
fn joined(runs: &[SectorRun]) -> Vec<SectorRun> {
    let mut joined: Vec<SectorRun> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(last) if last.fate == run.fate => last.count += run.count,
            _ => joined.push(*run),
        }
    }
    while joined.last().is_some_and(|run| run.fate == SectorFate::Old) {
        joined.pop();
    }
    joined
}

/// Plainer ways back up in the place of one, the plainest first.
pub(super) fn plainer_afters(after: &After) -> Vec<After> {
    if after.is_plain() {
        return Vec::new();
    }
    let mut plainer = vec![
        After::default(),
        After { nested: Vec::new(), ..after.clone() },
        After { rot: None, ..after.clone() },
        After { aim: None, ..after.clone() },
        After { faults: Vec::new(), ..after.clone() },
    ];
    for (at, nested) in after.nested.iter().enumerate() {
        let with = |change: &dyn Fn(&mut After)| {
            let mut after = after.clone();
            change(&mut after);
            after
        };
        plainer.push(with(&|after| drop(after.nested.remove(at))));
        plainer.extend((1..nested.call).map(|call| with(&|after| after.nested[at].call = call)));
        for image in plainer_images(&nested.image) {
            plainer.push(with(&|after| after.nested[at].image = image.clone()));
        }
    }
    for (at, fault) in after.faults.iter().enumerate() {
        let without = after.faults.iter().enumerate().filter(|(i, _)| *i != at);
        let faults: Vec<Fault> = without.map(|(_, fault)| fault.clone()).collect();
        plainer.push(After { faults, ..after.clone() });
        for fault in plainer_faults(fault) {
            let mut after = after.clone();
            after.faults[at] = fault;
            plainer.push(after);
        }
    }
    for rot in after.rot.iter().flat_map(plainer_rots) {
        plainer.push(After { rot: Some(rot), ..after.clone() });
    }
    plainer.retain(|p| p != after);
    plainer
}

/// Faults at an earlier call, or of a plainer kind.
pub(super) fn plainer_faults(fault: &Fault) -> Vec<Fault> {
    let nths = (1..fault.nth).map(|nth| Fault { nth, ..fault.clone() });
    let mut plainer: Vec<Fault> = nths.collect();
    let mut kinds = Vec::new();
    match &fault.error {
        FaultKind::Eio | FaultKind::SyncFail => {}
        FaultKind::EioAfter { bytes } if *bytes > 0 => {
            kinds.extend([FaultKind::Eio, FaultKind::EioAfter { bytes: 0 }]);
        }
        FaultKind::StorageFull { bytes } if *bytes > 0 => {
            kinds.extend([FaultKind::Eio, FaultKind::StorageFull { bytes: 0 }]);
        }
        _ => kinds.push(FaultKind::Eio),
    }
    if fault.op.is_sync() && !kinds.is_empty() {
        kinds.insert(0, FaultKind::SyncFail);
    }
    plainer.extend(kinds.into_iter().map(|error| Fault { error, ..fault.clone() }));
    plainer
}

fn plainer_rots(rot: &Rot) -> Vec<Rot> {
    let mut plainer = Vec::new();
    let picks = [0, rot.pick % 2, rot.pick % 16];
    plainer.extend(picks.into_iter().filter(|p| *p < rot.pick).map(|pick| Rot { pick, ..*rot }));
    let ats = [0, rot.at % 64, rot.at % 512, rot.at % 4096];
    plainer.extend(ats.into_iter().filter(|at| *at < rot.at).map(|at| Rot { at, ..*rot }));
    if rot.xor > 1 {
        plainer.push(Rot { xor: 1, ..*rot });
    }
    plainer
}
