//! The matrix as text: a row for each call, its phases below it, a column for each fault.

use std::fmt::Write as _;

use super::{Coverage, Phase, Site, What, is_reachable};

/// Characters of the first column.
const NAME_CHARS: usize = 24;
/// Characters of each of the others.
const CELL_CHARS: usize = 9;

/// The matrix. A cell that can't be visited is blank; one that can and was not is `EMPTY`.
pub fn table(coverage: &Coverage) -> String {
    let mut out = String::new();
    // Writing to a string never fails.
    let _ = write(&mut out, coverage);
    out
}

fn write(out: &mut String, coverage: &Coverage) -> std::fmt::Result {
    write!(out, "{:<NAME_CHARS$}{:>CELL_CHARS$}", "", "calls")?;
    for what in What::ALL {
        write!(out, "{:>CELL_CHARS$}", what.name())?;
    }
    writeln!(out)?;
    let mut last = None;
    for (site, phase) in coverage.rows() {
        if last.replace(site) != Some(site) {
            writeln!(out, "{}", site.name())?;
        }
        write!(out, "  {:<1$}", phase.name(), NAME_CHARS - 2)?;
        write!(out, "{:>CELL_CHARS$}", short(coverage.calls(site, phase)))?;
        for &what in What::ALL {
            write!(out, "{:>CELL_CHARS$}", cell(coverage, site, phase, what))?;
        }
        out.truncate(out.trim_end().len());
        writeln!(out)?;
    }
    Ok(())
}

fn cell(coverage: &Coverage, site: Site, phase: Phase, what: What) -> String {
    match coverage.hits(site, phase, what) {
        0 if is_reachable(site, phase, what) => "EMPTY".to_owned(),
        0 => String::new(),
        count => short(count),
    }
}

/// A count in at most five characters.
pub(super) fn short(count: u64) -> String {
    match count {
        0..100_000 => count.to_string(),
        100_000..10_000_000 => format!("{}k", count / 1_000),
        _ => format!("{}M", count / 1_000_000),
    }
}
