//! The simulator under a fuzzer: its bytes spell a plan, by the same generator that seeds do.

use crate::draw::{ByteDraw, Draw, SeedDraw};
use crate::generate::generate;
use crate::run::{Config, run};

/// Steps of a plan at most, so that an input takes milliseconds.
const STEPS_MAX: usize = 60;

/// Runs the plan that these bytes spell, with every oracle.
///
/// # Panics
/// With all that is to be said, if an oracle sees a violation.
pub fn plan(bytes: &[u8]) {
    let mut plan = generate(0, &mut ByteDraw::new(bytes));
    plan.steps.truncate(STEPS_MAX);
    if let Err(failure) = run(&plan, Config::default()) {
        panic!("{}\nthe plan:\n{}", failure.describe(None, None), failure.plan.to_json());
    }
}

/// What a corpus starts with: bytes without meaning, each of another length, with their names.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let bytes = |number: u64| {
        let mut draw = SeedDraw::new(number);
        (0..96 * (number + 1)).map(|_| draw.bits() as u8).collect()
    };
    (0..8).map(|number| (number.to_string(), bytes(number))).collect()
}
