//! Does `verify` find every checksum, B+Tree and block in order?
//!
//! It asks the engine about itself, so it can't see a mistake that writer and reader share; for
//! that there are `image`, `manifest` and `tree`.

use srdb::{Database, Error};

use super::Violation;

/// Runs `verify`, which must find nothing.
///
/// # Errors
/// The first problem it finds.
pub fn check(db: &Database) -> Result<(), Violation> {
    match problems(db).as_slice() {
        [] => Ok(()),
        [first, others @ ..] => Err(found(first, others.len())),
    }
}

/// Everything that `verify` finds, its own failure included.
pub fn problems(db: &Database) -> Vec<Error> {
    db.verify().map_or_else(|e| vec![e], |verification| verification.problems)
}

/// What is said about problems.
pub fn found(first: &Error, others: usize) -> Violation {
    Violation::new("structure", format!("verify found: {first}; and {others} other problems"))
}
