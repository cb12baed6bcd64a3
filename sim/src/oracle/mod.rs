//! What must be true of every run. Each oracle is one module with one question.
//!
//! | oracle          | asks                                                                      | module |
//! |-----------------|---------------------------------------------------------------------------|--------|
//! | `model`         | is what can be read exactly what was committed, and after a crash a prefix of it that holds all that was safe? | [`crate::model`] |
//! | `image`         | is what the engine makes of its files what a reader that shares nothing with it makes of them? | [`image`] |
//! | `wal`           | does recovery give the same when repeated and when interrupted; is damage to what was acknowledged reported? | [`wal`] |
//! | `manifest`      | does the MANIFEST name exactly the files that are there, and does it never go back? | [`manifest`] |
//! | `tree`          | does the B+Tree of every SST lead to each block, once, by search and by scan? | [`tree`] |
//! | `index`         | does every index file say what the rows of its SST say, and a query of one field what all rows say? | [`index`] |
//! | `query`         | does a question for rows or figures find what the model finds by looking at all rows, by index and without? | [`crate::model`] |
//! | `structure`     | does the engine's own `verify` find everything in order?                  | [`structure`] |
//! | `faults`        | had every error a cause, and the type for it; is nothing acknowledged after a failed sync? | [`faults`] |
//! | `determinism`   | is the trace hash the same when the run is repeated?                      | [`determinism`] |
//! | `panic`         | did nothing panic?                                                        | [`ending`] |
//! | `progress`      | did all work end?                                                         | [`ending`] |
//! | `retention`     | do the limits of a table drop what they are to drop, and nothing else?    | [`retention`] |
//! | `follower`      | does a reader beside the writer see whole commits, none too few, and change nothing? | [`crate::run`] |
//! | `rows`          | on a disk that lies: is every row one that was handed in, in its order?   | [`rows`] |
//!
//! `image`, `manifest`, `tree` and `index` look at bytes only, through [`crate::image`].

use std::fmt;

pub mod determinism;
pub mod ending;
pub mod faults;
pub mod image;
pub mod index;
pub mod manifest;
pub mod retention;
pub mod rows;
pub mod ssts;
pub mod structure;
pub mod tree;
pub mod wal;

/// How much is said at most; rows can be long.
const WHAT_CHARS: usize = 600;

/// The beginning of a message, in which violations of the same kind agree.
const GIST_CHARS: usize = 24;

/// Something that must be true was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The oracle that noticed.
    pub oracle: &'static str,
    /// What it saw.
    pub what: String,
}

impl Violation {
    /// What `oracle` saw.
    pub fn new(oracle: &'static str, what: impl Into<String>) -> Self {
        let mut what: String = what.into();
        if let Some((end, _)) = what.char_indices().nth(WHAT_CHARS) {
            what.truncate(end);
            what.push('…');
        }
        Violation { oracle, what }
    }

    /// Whether two violations look like one and the same bug.
    pub fn is_like(&self, other: &Violation) -> bool {
        let gist = |v: &Violation| -> String {
            v.what.chars().filter(|c| !c.is_ascii_digit()).take(GIST_CHARS).collect()
        };
        self.oracle == other.oracle && gist(self) == gist(other)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.oracle, self.what)
    }
}

impl std::error::Error for Violation {}
