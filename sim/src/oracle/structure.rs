//! Does `verify` find every checksum, B+Tree and block in order?

use srdb::{Database, Error};

use super::Violation;

/// Runs `verify`, which must find nothing but, if `had_cause`, that it could not read.
///
/// # Errors
/// The first problem it finds.
pub fn check(db: &Database, had_cause: bool) -> Result<(), Violation> {
    let excused = |e: &Error| had_cause && matches!(e, Error::Io { .. });
    let verification = match db.verify() {
        Ok(verification) => verification,
        Err(e) if excused(&e) => return Ok(()),
        Err(e) => return Err(Violation::new("structure", format!("verify failed: {e}"))),
    };
    let mut problems = verification.problems.iter().filter(|problem| !excused(problem));
    match problems.next() {
        None => Ok(()),
        Some(problem) => {
            let others = problems.count();
            let what = format!("verify found {problem}, and {others} other problems");
            Err(Violation::new("structure", what))
        }
    }
}
