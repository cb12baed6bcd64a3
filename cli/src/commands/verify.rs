//! `srdb verify`: every checksum, every structure.

use std::fmt::Write as _;

use crate::args::DbArgs;
use crate::failure::{Failure, Outcome};

use super::{open, print};

/// Prints what is wrong, a problem a line, and fails if anything is.
pub(crate) fn run(args: &DbArgs) -> Outcome {
    let found = open(&args.db, false)?.verify()?;
    let mut report = String::new();
    for problem in &found.problems {
        // Writing to a String can't fail.
        let _ = writeln!(report, "{problem}");
    }
    let (files, bytes, rows) = (found.files, found.bytes, found.rows);
    let verdict = if found.is_clean() { "clean" } else { "damaged" };
    let _ = write!(report, "{verdict}: {files} files, {bytes} bytes, {rows} rows checked");
    print(&report)?;
    match found.problems.len() {
        0 => Ok(()),
        count => Err(Failure::Problems(count)),
    }
}
