//! Every mutant there is. `docs/testing.md` shows the same table; a test compares them.

mod crashes;
mod features;

use super::lie::Lie;
use super::{Class, How, Mutant};

const fn lie(name: &'static str, class: Class, what: &'static str, lie: Lie) -> Mutant {
    Mutant { name, class, what, how: How::Lie(lie) }
}

const fn line(name: &'static str, class: Class, what: &'static str) -> Mutant {
    Mutant { name, class, what, how: How::Line }
}

/// Every mutant, by class.
pub static MUTANTS: &[Mutant] = &joined(crashes::MUTANTS, features::MUTANTS);

const fn joined(
    first: &[Mutant],
    second: &[Mutant],
) -> [Mutant; crashes::MUTANTS.len() + features::MUTANTS.len()] {
    let mut all = [first[0]; crashes::MUTANTS.len() + features::MUTANTS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < first.len() { first[at] } else { second[at - first.len()] };
        at += 1;
    }
    all
}
