//! Plainer steps in the place of one.
//!
//! "Plainer" is an order: nothing here ever gives back what it has made plainer.

use std::collections::BTreeSet;

use crate::plan::{Level, Plan, Rows, Step, Way};
use crate::shape::Shape;

use super::images::{plainer_afters, plainer_faults, plainer_images};
use super::questions;

/// How many numbers of calls a crash is tried at, from the first on and from its own down.
const CALLS: u64 = 40;

/// Plainer steps in the place of one, the plainest first.
pub(super) fn steps(step: &Step) -> Vec<Step> {
    let mut plainer = Vec::new();
    match step {
        Step::CreateTable { table, shape } if *shape != Shape::Narrow => {
            plainer.push(Step::CreateTable { table: *table, shape: Shape::Narrow });
        }
        Step::Insert { rows, way, level } => {
            let with = |rows, way, level| Step::Insert { rows, way, level };
            plainer.extend(fewer(rows).into_iter().map(|rows| with(rows, *way, *level)));
            if *way != Way::Rows {
                plainer.push(with(*rows, Way::Rows, *level));
            }
            plainer.extend(levels(*level).into_iter().map(|level| with(*rows, *way, level)));
        }
        Step::BadInsert { rows } => {
            plainer.extend(fewer(rows).into_iter().map(|rows| Step::BadInsert { rows }));
        }
        Step::Batch { parts, level } => {
            if let [rows] = parts[..] {
                plainer.push(Step::Insert { rows, way: Way::Rows, level: *level });
            }
            let with = |parts, level| Step::Batch { parts, level };
            plainer.extend(fewer_parts(parts).into_iter().map(|parts| with(parts, *level)));
            plainer.extend(levels(*level).into_iter().map(|level| with(parts.clone(), level)));
        }
        Step::Submit { parts, level } => {
            if let [rows] = parts[..] {
                plainer.push(Step::Insert { rows, way: Way::Rows, level: Some(*level) });
            }
            plainer.extend(
                fewer_parts(parts).into_iter().map(|parts| Step::Submit { parts, level: *level }),
            );
        }
        Step::Wait { pick } => plainer.extend(picks(*pick).map(|pick| Step::Wait { pick })),
        Step::DropTicket { pick } => {
            plainer.extend(picks(*pick).map(|pick| Step::DropTicket { pick }));
        }
        Step::ReadSnapshot { pick } => {
            plainer.extend(picks(*pick).map(|pick| Step::ReadSnapshot { pick }));
        }
        Step::Advance { pick, rows, backward, read } => {
            let with = |pick, rows| Step::Advance { pick, rows, backward: *backward, read: *read };
            plainer.extend(picks(*pick).map(|pick| with(pick, *rows)));
            plainer.extend([1, *rows / 2].iter().filter(|r| *r < rows).map(|r| with(*pick, *r)));
        }
        Step::Job { pick, steps } => {
            let with = |pick, steps| Step::Job { pick, steps };
            plainer.extend((1..*steps).map(|steps| with(*pick, steps)));
            plainer.extend(picks(*pick).map(|pick| with(pick, *steps)));
        }
        Step::Ask { table, ask, snapshot } => {
            let with = |ask, snapshot| Step::Ask { table: *table, ask, snapshot };
            plainer.extend(snapshot.map(|_| with(ask.clone(), None)));
            plainer.extend(questions::asks(ask).into_iter().map(|ask| with(ask, *snapshot)));
        }
        Step::Aggregate { table, sums, snapshot } => {
            let with = |sums, snapshot| Step::Aggregate { table: *table, sums, snapshot };
            plainer.extend(snapshot.map(|_| with(sums.clone(), None)));
            plainer.extend(questions::sums(sums).into_iter().map(|sums| with(sums, *snapshot)));
        }
        Step::SetRetention { table, limits } => {
            let with = |limits| Step::SetRetention { table: *table, limits };
            plainer.extend(limits.fewer().into_iter().map(with));
        }
        Step::Get { .. } | Step::Scan { .. } => plainer.push(Step::Check),
        Step::Tick { ns } if ns.abs() > 1 => plainer.push(Step::Tick { ns: ns.signum() }),
        Step::Fault { fault } => {
            plainer.extend(plainer_faults(fault).into_iter().map(|fault| Step::Fault { fault }));
        }
        _ => deaths(step, &mut plainer),
    }
    plainer
}

fn deaths(step: &Step, plainer: &mut Vec<Step>) {
    match step {
        Step::Close { after } => {
            plainer.extend(plainer_afters(after).into_iter().map(|after| Step::Close { after }));
        }
        Step::ProcessCrash { after } => {
            plainer.extend(
                plainer_afters(after).into_iter().map(|after| Step::ProcessCrash { after }),
            );
        }
        Step::PowerCrash { image, after } => {
            let crash = |image, after| Step::PowerCrash { image, after };
            plainer.extend(plainer_images(image).into_iter().map(|i| crash(i, after.clone())));
            plainer.extend(plainer_afters(after).into_iter().map(|a| crash(image.clone(), a)));
        }
        Step::CrashAt { call, image, after } => {
            let crash = |call, image, after| Step::CrashAt { call, image, after };
            let lost = crate::plan::Image::Exact(Vec::new());
            for image in [&lost, image] {
                plainer.push(Step::PowerCrash { image: image.clone(), after: after.clone() });
            }
            plainer.extend(earlier(*call).map(|call| crash(call, image.clone(), after.clone())));
            plainer
                .extend(plainer_images(image).into_iter().map(|i| crash(*call, i, after.clone())));
            plainer
                .extend(plainer_afters(after).into_iter().map(|a| crash(*call, image.clone(), a)));
        }
        _ => {}
    }
}

/// Earlier calls for a crash, each once.
fn earlier(call: u64) -> impl Iterator<Item = u64> {
    let near = call.saturating_sub(CALLS).max(CALLS.min(call));
    (1..call.min(CALLS)).chain((near.max(1)..call).rev())
}

/// The default, or the plainest there is.
fn levels(level: Option<Level>) -> Vec<Option<Level>> {
    match level {
        None => Vec::new(),
        Some(Level::Disk) => vec![None],
        Some(_) => vec![None, Some(Level::Disk)],
    }
}

/// Small numbers that may pick the same thing, for there are seldom many to pick from.
fn picks(pick: u16) -> impl Iterator<Item = u16> {
    (0..pick.min(4)).chain([pick % 12, pick % 60]).filter(move |smaller| *smaller < pick)
}

fn fewer(rows: &Rows) -> Vec<Rows> {
    let counts: BTreeSet<u32> = [1, 2, rows.rows / 2, rows.rows.saturating_sub(1)].into();
    let counts = counts.into_iter().filter(|count| (1..rows.rows).contains(count));
    let mut fewer: Vec<Rows> = counts.map(|count| Rows { rows: count, ..*rows }).collect();
    if rows.fill != 0 {
        fewer.insert(0, Rows { fill: 0, ..*rows });
    }
    fewer
}

fn fewer_parts(parts: &[Rows]) -> Vec<Vec<Rows>> {
    let mut fewer = Vec::new();
    if parts.len() > 1 {
        for at in 0..parts.len() {
            let mut parts = parts.to_vec();
            parts.remove(at);
            fewer.push(parts);
        }
    }
    for (at, rows) in parts.iter().enumerate() {
        for rows in self::fewer(rows) {
            let mut parts = parts.to_vec();
            parts[at] = rows;
            fewer.push(parts);
        }
    }
    fewer
}

/// Plans with fewer tables, or with lower numbers for them.
pub(super) fn tables(plan: &Plan) -> Vec<Plan> {
    let mut used = BTreeSet::new();
    let mut plan = plan.clone();
    each_table(&mut plan, &mut |table| {
        used.insert(*table);
    });
    let mut plans = Vec::new();
    for from in used.iter().rev() {
        for to in 0..*from {
            let mut other = plan.clone();
            each_table(&mut other, &mut |table| {
                if *table == *from {
                    *table = to;
                }
            });
            plans.push(other);
        }
    }
    plans
}

fn each_table(plan: &mut Plan, f: &mut dyn FnMut(&mut u8)) {
    for step in &mut plan.steps {
        match step {
            Step::CreateTable { table, .. }
            | Step::DropTable { table }
            | Step::Get { table, .. }
            | Step::Scan { table, .. }
            | Step::OpenScan { table, .. }
            | Step::CreateIndex { table, .. }
            | Step::DropIndex { table, .. }
            | Step::Query { table, .. }
            | Step::Ask { table, .. }
            | Step::Aggregate { table, .. }
            | Step::Refused { table } => f(table),
            Step::Insert { rows, .. }
            | Step::InsertAgain { rows, .. }
            | Step::BadInsert { rows } => f(&mut rows.table),
            Step::Batch { parts, .. } | Step::Submit { parts, .. } => {
                parts.iter_mut().for_each(|rows| f(&mut rows.table));
            }
            _ => {}
        }
    }
}
