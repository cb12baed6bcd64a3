//! Two changes at once, where neither helps alone.
//!
//! A step between an ordered crash and the call it is to hit makes calls of its own, so deleting it
//! means counting less. Two steps may undo each other. Two may do what one could do.

use srdb_vfs::Fault;

use crate::plan::{After, Plan, Rows, Step, Way};

use super::plainer::{steps, tables};
use super::{STEPS_FEW, Shrinker};

/// So many earlier calls are tried for a crash: what is gone made few.
const CALLS: usize = 24;

/// So many neighbours are tried to be done by one step.
const WINDOW: usize = 4;

/// At so many calls something ordered is tried to come true.
const ORDERED: u64 = 12;

const CLOSE: Step =
    Step::Close { after: After { rot: None, nested: Vec::new(), faults: Vec::new(), aim: None } };

impl Shrinker {
    /// Tries pairs until one helps: then single changes have their turn again.
    pub(super) fn combine(&mut self) {
        if self.best.plan.steps.len() > STEPS_FEW {
            return;
        }
        let _ = self.crash_at_once()
            || self.merge_neighbours()
            || self.delete_two()
            || self.change_and_crash_earlier()
            || self.one_for_many()
            || self.do_more_and_delete()
            || self.order_before_one();
    }

    fn attempt_all(&mut self, plans: impl IntoIterator<Item = Plan>) -> bool {
        plans.into_iter().any(|plan| self.attempt_renumbered(&plan))
    }

    /// An ordered crash becomes one that happens right after a later step.
    fn crash_at_once(&mut self) -> bool {
        let best = self.best.plan.clone();
        let mut plans = Vec::new();
        for (at, step) in best.steps.iter().enumerate() {
            let Step::CrashAt { image, after, .. } = step else { continue };
            for behind in at + 1..best.steps.len() {
                let mut plan = best.clone();
                let crash = Step::PowerCrash { image: image.clone(), after: after.clone() };
                plan.steps.insert(behind + 1, crash);
                plan.steps.remove(at);
                plans.push(plan);
            }
        }
        self.attempt_all(plans)
    }

    /// Two neighbours that do the same become one that does as much.
    fn merge_neighbours(&mut self) -> bool {
        let best = self.best.plan.clone();
        let merged = (0..best.steps.len().saturating_sub(1)).flat_map(|at| {
            merged(&best.steps[at], &best.steps[at + 1]).into_iter().map(move |step| (at, step))
        });
        let plans: Vec<Plan> = merged.map(|(at, step)| with(&best, at, &[step])).collect();
        self.attempt_all(plans)
    }

    /// Something is gone, and a crash that counted its calls counts fewer.
    fn change_and_crash_earlier(&mut self) -> bool {
        let best = self.best.plan.clone();
        let mut changed = Vec::new();
        for (at, step) in best.steps.iter().enumerate().rev() {
            if !matches!(step, Step::CrashAt { .. }) {
                let mut plan = best.clone();
                plan.steps.remove(at);
                changed.push(plan);
            }
        }
        changed.extend(tables(&best));
        for (at, step) in best.steps.iter().enumerate() {
            if matches!(step, Step::Insert { .. } | Step::Batch { .. } | Step::Submit { .. }) {
                changed.extend(steps(step).into_iter().map(|plainer| {
                    let mut plan = best.clone();
                    plan.steps[at] = plainer;
                    plan
                }));
            }
        }
        changed.into_iter().any(|plan| self.crash_earlier(&plan))
    }

    fn crash_earlier(&mut self, plan: &Plan) -> bool {
        for at in 0..plan.steps.len() {
            let Step::CrashAt { call, image, after } = &plan.steps[at] else { continue };
            for call in (1..*call).rev().take(CALLS) {
                let mut plan = plan.clone();
                let (image, after) = (image.clone(), after.clone());
                plan.steps[at] = Step::CrashAt { call, image, after };
                if self.attempt_renumbered(&plan) {
                    return true;
                }
            }
        }
        false
    }

    fn delete_two(&mut self) -> bool {
        let best = self.best.plan.clone();
        let count = best.steps.len();
        let pairs = (0..count).flat_map(|first| (first + 1..count).map(move |next| (first, next)));
        let plans = pairs.map(|(first, next)| {
            let mut plan = best.clone();
            plan.steps.remove(next);
            plan.steps.remove(first);
            plan
        });
        self.attempt_all(plans.collect::<Vec<_>>())
    }

    /// Neighbours become one of the steps that do much at once.
    fn one_for_many(&mut self) -> bool {
        let best = self.best.plan.clone();
        let mut plans = Vec::new();
        for count in (2..=WINDOW).rev() {
            for at in 0..(best.steps.len() + 1).saturating_sub(count) {
                plans.extend(much().into_iter().map(|one| {
                    let mut plan = best.clone();
                    plan.steps.splice(at..at + count, [one]);
                    plan
                }));
            }
        }
        self.attempt_all(plans)
    }

    /// Something that was ordered between steps is ordered before one that does what they did.
    fn order_before_one(&mut self) -> bool {
        let best = self.best.plan.clone();
        let mut plans = Vec::new();
        for (at, step) in best.steps.iter().enumerate() {
            for (before, behind) in [(1, 1), (2, 1), (1, 0), (2, 0), (0, 2), (3, 1), (1, 2)] {
                let window = at.saturating_sub(before)..(at + behind + 1).min(best.steps.len());
                if at < before || window.len() != before + behind + 1 {
                    continue;
                }
                let numbers = (1..=ORDERED).filter_map(|number| ordered_at(step, number));
                for order in numbers {
                    plans.extend(much().into_iter().map(|one| {
                        let mut plan = best.clone();
                        plan.steps.splice(window.clone(), [order.clone(), one]);
                        plan
                    }));
                }
            }
        }
        plans.retain(|plan| plan.steps.len() < best.steps.len());
        self.attempt_all(plans)
    }

    /// A step does more than it did, and another one is gone.
    fn do_more_and_delete(&mut self) -> bool {
        let best = self.best.plan.clone();
        let mut plans = Vec::new();
        for (at, step) in best.steps.iter().enumerate() {
            if !matches!(step, Step::Rotate | Step::Job { .. } | Step::Jobs | Step::Insert { .. }) {
                continue;
            }
            for gone in (0..best.steps.len()).filter(|gone| *gone != at) {
                plans.extend([Step::Flush, CLOSE].into_iter().map(|more| {
                    let mut plan = best.clone();
                    plan.steps[at] = more;
                    plan.steps.remove(gone);
                    plan
                }));
            }
        }
        self.attempt_all(plans)
    }
}

/// The steps that do much at once.
fn much() -> [Step; 5] {
    [Step::Flush, Step::Jobs, Step::Sync, Step::Rotate, CLOSE]
}

/// Something ordered, to come true at another call.
fn ordered_at(step: &Step, number: u64) -> Option<Step> {
    match step {
        Step::Fault { fault } => {
            Some(Step::Fault { fault: Fault { nth: number, ..fault.clone() } })
        }
        Step::CrashAt { image, after, .. } => {
            Some(Step::CrashAt { call: number, image: image.clone(), after: after.clone() })
        }
        _ => None,
    }
}

/// The plan with the steps `at` and `at + 1` replaced.
fn with(plan: &Plan, at: usize, steps: &[Step]) -> Plan {
    let mut plan = plan.clone();
    plan.steps.splice(at..at + 2, steps.iter().cloned());
    plan
}

/// Steps that may do what two do.
fn merged(first: &Step, next: &Step) -> Vec<Step> {
    match (first, next) {
        (
            Step::Insert { rows: a, way, level },
            Step::Insert { rows: b, level: other_level, .. },
        ) if a.table == b.table => {
            let rows = Rows { rows: a.rows.saturating_add(b.rows), ..*a };
            vec![
                Step::Insert { rows, way: *way, level: *level },
                Step::Insert { rows, way: *way, level: *other_level },
            ]
        }
        (Step::Submit { parts, level }, Step::Wait { .. } | Step::Job { .. } | Step::Jobs) => {
            match parts[..] {
                [rows] => vec![Step::Insert { rows, way: Way::Rows, level: Some(*level) }],
                _ => vec![Step::Batch { parts: parts.clone(), level: Some(*level) }],
            }
        }
        (Step::Job { pick, steps }, Step::Job { steps: more, .. }) => {
            vec![Step::Job { pick: *pick, steps: steps.saturating_add(*more) }, Step::Jobs]
        }
        (Step::Rotate, Step::Job { .. } | Step::Jobs) => vec![Step::Flush, Step::Jobs],
        (Step::Job { .. }, Step::Jobs) | (Step::Jobs, Step::Job { .. }) => vec![Step::Jobs],
        _ => Vec::new(),
    }
}
