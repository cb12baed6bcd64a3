//! Is everything the same when the run is repeated?
//!
//! All that is found here is worth as much as its replay. A clock, the address of something, the
//! order of a hash table or of threads that decides anything makes a seed mean nothing, and mostly
//! without any other sign. Compared are the hash of all that the engine asked of the disk and
//! answered, and every count.
//!
//! What it can't see: what differs from one process to the next but not within one
//! (`tests/processes.rs` runs two), and what makes no difference to calls and answers.

use super::Violation;
use crate::run::Report;

/// Compares a run with its repetition.
///
/// # Errors
/// If they differ.
pub fn compare(first: &Report, second: Result<&Report, &Violation>) -> Result<(), Violation> {
    if second == Ok(first) {
        return Ok(());
    }
    Err(violation(format!("the same plan gave {first:?}, then {second:?}")))
}

/// Compares what was seen with what the plan that was written down for it gives.
///
/// # Errors
/// If the plan gives something else, or nothing.
pub fn replayed(seen: &Violation, again: Option<&Violation>) -> Result<(), Violation> {
    if again.is_some_and(|again| again.is_like(seen)) {
        return Ok(());
    }
    let again = again.map_or("nothing".to_owned(), Violation::to_string);
    Err(violation(format!("{seen}; replayed, the plan gives {again}")))
}

fn violation(what: String) -> Violation {
    Violation::new("determinism", what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repetition_that_differs_in_anything_is_seen() {
        let first = Report { hash: 1, ..Report::default() };
        assert_eq!(compare(&first, Ok(&first)), Ok(()));
        assert!(compare(&first, Ok(&Report { errors: 1, ..first })).is_err());
        let failed = Violation::new("model", "a row is missing");
        assert!(compare(&first, Err(&failed)).is_err());
        assert_eq!(replayed(&failed, Some(&failed)), Ok(()));
        assert!(replayed(&failed, None).is_err());
    }
}
