//! Where in a plan the power can fail, and the plan that says so.
//!
//! Invariant: for every point, `plan` gives an ordinary plan of which `prefix` is the beginning, so
//! that a run of the one goes as a run of the other did.

use crate::plan::{After, Image, Level, Nested, Plan, Rows, Step, Way};
use crate::run::Stop;

/// A place in a plan, in the order of time, at each of whose calls the power can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// While the database is created.
    Birth,
    /// While this step is done.
    During(usize),
    /// While the database comes up again, in this step, which is a restart.
    Restart(usize),
    /// Between this step and the next.
    After(usize),
    /// While the database comes up again from a death of the process after this step.
    Process(usize),
}

/// A place and the call there that finds the power gone, from 1; places between calls have only
/// call 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The place.
    pub place: Place,
    /// Which of the calls that change the disk.
    pub call: u64,
}

/// What is done to a plan before it is gone through: the work of the background and a close are
/// part of it, and recoveries are compared.
pub(super) fn complete(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    plan.options.recover_twice = true;
    if !matches!(plan.steps.last(), Some(Step::Close { .. })) {
        plan.steps.extend([Step::Jobs, Step::Close { after: After::default() }]);
    }
    plan
}

/// Every place in a plan.
pub(super) fn places(plan: &Plan) -> Vec<Place> {
    let mut places = vec![Place::Birth];
    for (at, step) in plan.steps.iter().enumerate() {
        places.push(Place::During(at));
        if is_restart(step) {
            places.push(Place::Restart(at));
        }
        places.extend([Place::After(at), Place::Process(at)]);
    }
    places
}

fn is_restart(step: &Step) -> bool {
    matches!(step, Step::Close { .. } | Step::ProcessCrash { .. } | Step::PowerCrash { .. })
}

/// What is done with a database that has come back: what it writes now has to last.
fn afterlife() -> [Step; 2] {
    let rows = Rows { table: 0, rows: 1, fill: 1 };
    [
        Step::Insert { rows, way: Way::Rows, level: Some(Level::Disk) },
        Step::PowerCrash { image: Image::Exact(Vec::new()), after: After::default() },
    ]
}

impl Point {
    /// The plan as far as the power failure, and how a run knows that it is there.
    pub fn prefix(&self, plan: &Plan) -> (Plan, Stop) {
        let mut plan = plan.clone();
        let stop = match self.place {
            Place::Birth => {
                plan.steps.clear();
                Stop::Inside(self.call)
            }
            Place::During(at) => {
                plan.steps.truncate(at + 1);
                let (image, after) = (Image::Exact(Vec::new()), After::default());
                plan.steps.insert(at, Step::CrashAt { call: self.call, image, after });
                Stop::Armed
            }
            Place::Restart(at) => {
                plan.steps.truncate(at + 1);
                if let Some(after) = plan.steps.last_mut().and_then(Step::after_mut) {
                    *after = After::default();
                }
                Stop::Inside(self.call)
            }
            Place::After(at) => {
                plan.steps.truncate(at + 1);
                Stop::End
            }
            Place::Process(at) => {
                plan.steps.truncate(at + 1);
                plan.steps.push(Step::ProcessCrash { after: After::default() });
                Stop::Inside(self.call)
            }
        };
        (plan, stop)
    }

    /// The whole plan: the power fails here and `image` survives. If it fails again on the way back
    /// up, that is all; if not, the database is used for a while.
    ///
    /// Also gives the first step after the power failure.
    pub fn plan(&self, plan: &Plan, image: Image, nested: Option<Nested>) -> (Plan, usize) {
        let (mut plan, _) = self.prefix(plan);
        let ends_here = nested.is_some();
        let mut after = After { nested: nested.into_iter().collect(), ..After::default() };
        match self.place {
            Place::During(at) => {
                plan.steps[at] = Step::CrashAt { call: self.call, image, after };
            }
            Place::After(_) => plan.steps.push(Step::PowerCrash { image, after }),
            Place::Birth | Place::Restart(_) | Place::Process(_) => {
                after.nested.insert(0, Nested { call: self.call, image });
                match plan.steps.last_mut() {
                    None => plan.birth = after,
                    Some(last) => *last.after_mut().unwrap_or(&mut After::default()) = after,
                }
            }
        }
        let first = plan.steps.len();
        if !ends_here {
            plan.steps.extend(afterlife());
        }
        (plan, first)
    }

    /// The plan in which only the process dies, after this step.
    pub fn process_death(at: usize, plan: &Plan) -> Plan {
        let point = Point { place: Place::Process(at), call: 0 };
        let (mut plan, _) = point.prefix(plan);
        plan.steps.extend(afterlife());
        plan
    }

    /// The place and the call, as a part of a file name.
    pub fn name(&self) -> String {
        let call = self.call;
        match self.place {
            Place::Birth => format!("creation-call{call}"),
            Place::During(at) => format!("step{at}-call{call}"),
            Place::Restart(at) => format!("restart{at}-call{call}"),
            Place::After(at) => format!("after{at}"),
            Place::Process(at) => format!("process{at}-call{call}"),
        }
    }
}
