//! Two changes at once, where neither helps alone.
//!
//! A step between an ordered crash and the call it is to hit makes calls of its own, so deleting it
//! means counting less. Two steps may undo each other. Two may do what one could do.

use crate::plan::{Plan, Rows, Step, Way};

use super::plainer::earlier;
use super::{STEPS_FEW, Shrinker};

impl Shrinker {
    /// Tries pairs until one helps: then single changes have their turn again.
    pub(super) fn combine(&mut self) {
        if self.best.plan.steps.len() > STEPS_FEW {
            return;
        }
        let _ = self.crash_at_once()
            || self.merge_neighbours()
            || self.delete_and_crash_earlier()
            || self.delete_two()
            || self.one_for_two();
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

    /// A step is gone, and a crash that counted its calls counts fewer.
    fn delete_and_crash_earlier(&mut self) -> bool {
        let best = self.best.plan.clone();
        for gone in (0..best.steps.len()).rev() {
            for at in 0..gone {
                let Step::CrashAt { call, image, after } = &best.steps[at] else { continue };
                for call in earlier(*call) {
                    let mut plan = best.clone();
                    let (image, after) = (image.clone(), after.clone());
                    plan.steps[at] = Step::CrashAt { call, image, after };
                    plan.steps.remove(gone);
                    if self.attempt_renumbered(&plan) {
                        return true;
                    }
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

    /// Two neighbours become one of the steps that do much at once.
    fn one_for_two(&mut self) -> bool {
        let best = self.best.plan.clone();
        let mut plans = Vec::new();
        for at in 0..best.steps.len().saturating_sub(1) {
            let is_plain = |step: &Step| matches!(step, Step::Flush | Step::Jobs | Step::Sync);
            for one in [Step::Sync, Step::Rotate, Step::Jobs, Step::Flush] {
                if !(is_plain(&best.steps[at]) && is_plain(&best.steps[at + 1])) {
                    plans.push(with(&best, at, &[one]));
                }
            }
        }
        self.attempt_all(plans)
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
