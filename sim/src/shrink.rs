//! Makes a failing plan smaller while it goes on failing the same oracle.
//!
//! Any step may be deleted from a plan (see [`crate::plan`]), so this is delta debugging: delete
//! ever smaller runs of steps, then make what is left plainer, until nothing helps any more.
//! Images stay as they were spelt out as long as that fails; where an earlier step is gone their
//! numbers may mean nothing any more, so drawing them again, or simply losing everything, is
//! tried, too.

use crate::plan::{After, Image, Options, Plan, Step};
use crate::run::{Config, Failure, run};

/// What shrinking came to.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The failure of the smallest plan found.
    pub failure: Box<Failure>,
    /// Runs that it took.
    pub runs: u64,
}

/// Shrinks the plan of a failure, with at most `runs_max` runs.
pub fn shrink(failure: Box<Failure>, config: Config, runs_max: u64) -> Shrunk {
    let mut shrinker = Shrinker { best: failure, config, runs: 0, runs_max };
    // Nothing after the step that failed matters.
    let mut plan = shrinker.best.plan.clone();
    plan.steps.truncate(shrinker.best.step + 1);
    shrinker.attempt(plan);
    loop {
        let before = shrinker.best.plan.clone();
        shrinker.delete_steps();
        shrinker.plainer_steps();
        shrinker.plainer_options();
        if shrinker.best.plan == before || shrinker.runs >= runs_max {
            return Shrunk { failure: shrinker.best, runs: shrinker.runs };
        }
    }
}

struct Shrinker {
    best: Box<Failure>,
    config: Config,
    runs: u64,
    runs_max: u64,
}

impl Shrinker {
    /// Runs a plan; it becomes the best one if it fails likewise.
    fn attempt(&mut self, plan: Plan) -> bool {
        if self.runs >= self.runs_max || plan == self.best.plan {
            return false;
        }
        self.runs += 1;
        match run(&plan, self.config) {
            Err(mut failure) if failure.violation.is_like(&self.best.violation) => {
                failure.plan = plan;
                self.best = failure;
                true
            }
            _ => false,
        }
    }

    fn delete_steps(&mut self) {
        let mut size = (self.best.plan.steps.len() / 2).max(1);
        loop {
            let mut from = 0;
            while from < self.best.plan.steps.len() {
                let mut plan = self.best.plan.clone();
                let to = (from + size).min(plan.steps.len());
                plan.steps.drain(from..to);
                if !self.attempt(plan) {
                    from += size;
                }
            }
            if size == 1 {
                return;
            }
            size /= 2;
        }
    }

    fn plainer_steps(&mut self) {
        for at in 0..self.best.plan.steps.len() {
            let Some(step) = self.best.plan.steps.get(at).cloned() else { return };
            for plainer in plainer(&step) {
                let mut plan = self.best.plan.clone();
                plan.steps[at] = plainer;
                // The plainest that fails, not the last one.
                if self.attempt(plan) {
                    break;
                }
            }
        }
    }

    fn plainer_options(&mut self) {
        let plain: [fn(&mut Options); 6] = [
            |o| o.recover_twice = false,
            |o| o.wal_zero_ahead = 0,
            |o| o.memtable_bytes = 1 << 20,
            |o| o.block_rows = 2048,
            |o| o.manifest_bytes_min = 1 << 20,
            |o| o.frozen_generations_max = 1,
        ];
        let mut plan = self.best.plan.clone();
        plan.birth = After::default();
        self.attempt(plan);
        for make_plain in plain {
            let mut plan = self.best.plan.clone();
            make_plain(&mut plan.options);
            self.attempt(plan);
        }
    }
}

/// Plainer steps in the place of one, the plainest first.
fn plainer(step: &Step) -> Vec<Step> {
    let images = |image: &Image| match image {
        Image::Exact(list) if list.is_empty() => Vec::new(),
        Image::Exact(list) => {
            let mut plainer = vec![Image::Exact(Vec::new())];
            for at in 0..list.len() {
                let mut list = list.clone();
                list.remove(at);
                plainer.push(Image::Exact(list));
            }
            plainer
        }
        Image::Drawn(_) => {
            let mut plainer = vec![Image::Exact(Vec::new())];
            plainer.extend((0..8).map(Image::Drawn));
            plainer
        }
    };
    let mut plainer = Vec::new();
    match step {
        Step::Insert { rows, way, level } => {
            for count in [1, 2, rows.rows / 2] {
                let fewer = crate::plan::Rows { rows: count.clamp(1, rows.rows), fill: 0, ..*rows };
                plainer.push(Step::Insert { rows: fewer, way: *way, level: *level });
            }
        }
        Step::Batch { parts, level } => {
            for part in parts {
                plainer.push(Step::Batch { parts: vec![*part], level: *level });
            }
        }
        Step::Submit { parts, level } if parts.len() > 1 => {
            for part in parts {
                plainer.push(Step::Submit { parts: vec![*part], level: *level });
            }
        }
        Step::Close { after } if !after.is_plain() => {
            plainer.push(Step::Close { after: After::default() });
        }
        Step::ProcessCrash { after } if !after.is_plain() => {
            plainer.push(Step::ProcessCrash { after: After::default() });
        }
        Step::PowerCrash { image, after } => {
            let crash = |image: Image, after| Step::PowerCrash { image, after };
            plainer.extend(images(image).into_iter().map(|image| crash(image, after.clone())));
            plainer.extend(plainer_afters(after).into_iter().map(|a| crash(image.clone(), a)));
        }
        Step::CrashAt { call, image, after } => {
            let crash = |call, image: Image, after| Step::CrashAt { call, image, after };
            let lost = || Image::Exact(Vec::new());
            plainer.push(Step::PowerCrash { image: lost(), after: after.clone() });
            plainer.push(Step::PowerCrash { image: image.clone(), after: after.clone() });
            plainer.extend(images(image).into_iter().map(|i| crash(*call, i, after.clone())));
            plainer
                .extend(plainer_afters(after).into_iter().map(|a| crash(*call, image.clone(), a)));
            plainer.extend((1..*call).map(|call| crash(call, image.clone(), after.clone())));
        }
        _ => {}
    }
    plainer
}

fn plainer_afters(after: &After) -> Vec<After> {
    if after.is_plain() {
        return Vec::new();
    }
    let mut plainer = vec![
        After::default(),
        After { rot: None, ..after.clone() },
        After { faults: Vec::new(), ..after.clone() },
    ];
    for at in 0..after.nested.len() {
        let mut after = after.clone();
        after.nested.remove(at);
        plainer.push(after);
    }
    plainer
}
