//! Had every error a cause, and the type for it? Is nothing acknowledged that can't be kept?
//!
//! The other oracles look at what is there; this one at what was said. An engine that answers every
//! call with an error loses nothing, and one that swallows the error of a sync may be lucky for
//! long: neither shows in the rows. What may account for an error:
//!
//! | cause                                        | legal answers                               |
//! |----------------------------------------------|---------------------------------------------|
//! | a call failed as ordered, or the power       | `Io`; `Poisoned`, and then for good         |
//! | harm that the disk has done in silence       | `Poisoned`; whatever names the damaged file |
//! | pages lost from an emptied page cache        | `Corrupt` of their file, which poisons      |
//! | the database is poisoned                     | `Poisoned`, but never to a read             |
//! | none                                         | none                                        |
//!
//! What it can't see: which fault caused which error. A cause counts until the database is opened
//! again, so an error without one hides behind an earlier fault; seeds without faults are drawn so
//! that it has nowhere to hide. And whether the path in an `Io` is that of the call which failed.
//!
//! What only one step can ask (a second open is refused, so are rows that don't fit, and neither
//! changes the disk) is asked where it is done, in `run/handle.rs` and `run/commit.rs`.

use std::io::ErrorKind;

use srdb::Error;

use super::Violation;
use crate::db::ROOT;

/// What may account for an error, as far as it is known without asking the disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Causes {
    /// A call has failed as ordered, or the power has failed, since the database was opened.
    pub noisy: bool,
    /// The database has said that it is poisoned.
    pub poisoned: bool,
    /// This error says that a file is not what the database read or wrote, and it is not.
    pub evicted: bool,
}

/// What an error is that had a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It ends one call.
    Legal,
    /// From here on nothing can be written any more.
    Poisons,
}

/// Judges the error that `doing` ended with. Whether the disk has done harm in silence is asked
/// only if nothing else accounts for the error.
///
/// # Errors
/// If nothing accounts for it.
pub fn judge(
    doing: &str,
    error: &Error,
    causes: Causes,
    mut silent_harm: impl FnMut() -> bool,
) -> Result<Verdict, Violation> {
    match error {
        Error::Io { .. } if causes.noisy => Ok(Verdict::Legal),
        Error::Poisoned { .. } if causes.noisy || silent_harm() || causes.poisoned => {
            Ok(Verdict::Poisons)
        }
        _ if causes.evicted => Ok(Verdict::Poisons),
        _ if names_damage(error) && silent_harm() => Ok(Verdict::Legal),
        _ => Err(violation(format!("{doing} failed without a cause: {error}"))),
    }
}

/// Whether this is how the engine reports damage: by the file.
pub fn names_damage(error: &Error) -> bool {
    match error {
        // What is only looked at by `verify` and not needed, as a copy of a schema.
        Error::Io { path, source, .. } => {
            path.starts_with(ROOT) && source.kind() == ErrorKind::NotFound
        }
        Error::Corrupt { path, .. } | Error::Unsupported { path, .. } => path.starts_with(ROOT),
        Error::NoDatabase { .. } => true,
        _ => false,
    }
}

/// Reads go on after poisoning.
///
/// # Errors
/// If a read ended with it.
pub fn judge_read(doing: &str, error: &Error) -> Result<(), Violation> {
    match error {
        Error::Poisoned { .. } => Err(violation(format!("{doing}: reads go on after poisoning"))),
        _ => Ok(()),
    }
}

/// Nothing is acknowledged once a sync of a log has failed: what it was to write may be gone, and
/// with it what later records stand on.
///
/// # Errors
/// If `doing` was.
pub fn acknowledged(doing: &str, unwritable: bool) -> Result<(), Violation> {
    if unwritable {
        return Err(violation(format!("{doing} was acknowledged after a failed sync")));
    }
    Ok(())
}

fn violation(what: String) -> Violation {
    Violation::new("faults", what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corrupt() -> Error {
        let path = std::path::Path::new(ROOT).join("CURRENT");
        Error::Corrupt { path, offset: 0, what: "a checksum".into() }
    }

    #[test]
    fn an_error_needs_a_cause_that_accounts_for_its_type() {
        let noisy = Causes { noisy: true, ..Causes::default() };
        let evicted = Causes { evicted: true, ..Causes::default() };
        let judged = |error: &Error, causes, silent| judge("a test", error, causes, || silent).ok();
        assert_eq!(judged(&corrupt(), Causes::default(), false), None);
        assert_eq!(judged(&corrupt(), noisy, false), None, "a failed call damages nothing");
        assert_eq!(judged(&corrupt(), noisy, true), Some(Verdict::Legal));
        assert_eq!(judged(&corrupt(), evicted, false), Some(Verdict::Poisons));
        assert_eq!(judged(&Error::Closed, noisy, true), None, "nothing excuses the wrong type");
    }

    #[test]
    fn nothing_is_acknowledged_after_a_failed_sync() {
        assert!(acknowledged("a commit", false).is_ok());
        assert!(acknowledged("a commit", true).is_err_and(|v| v.oracle == "faults"));
    }
}
