//! The matrix as one HTML page that needs nothing else: a heat map, one table for each phase.

use std::fmt::Write as _;

use super::table::short;
use super::{Coverage, Phase, Site, What, gaps, is_reachable};

const STYLE: &str = "
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 78em; padding: 0 1em;
       color: #1c2430; background: #fff }
h1 { font-size: 1.5em } h2 { font-size: 1.1em; margin: 1.8em 0 .4em }
nav a { margin-right: .8em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .15em .5em; text-align: right; border: 1px solid #e3e7ec; min-width: 3.6em }
th { font-weight: 600; background: #f4f6f8; position: sticky; top: 0 }
th.site, td.site { text-align: left; min-width: 12em; font-weight: 400 }
td.none { background: repeating-linear-gradient(45deg, #fafafa 0 4px, #f0f1f3 4px 8px) }
td.empty { background: #c62828; color: #fff; font-weight: 600 }
.h0 { background: #eaf4ee } .h1 { background: #cfe8d8 } .h2 { background: #a5d4b6 }
.h3 { background: #6fb98a } .h4 { background: #3f9a63; color: #fff }
.key td { min-width: 0 }
@media (prefers-color-scheme: dark) {
 body { color: #dde3ea; background: #14181d } th { background: #1f262e }
 th, td { border-color: #2b333c }
 td.none { background: repeating-linear-gradient(45deg, #171c22 0 4px, #1d232a 4px 8px) }
 .h0 { background: #1b2f24 } .h1 { background: #21442f } .h2 { background: #28603d }
 .h3 { background: #2f7d4c } .h4 { background: #3b9d60 } a { color: #8fc7ff }
}";

/// The page, for a campaign of so many seeds.
pub fn page(coverage: &Coverage, seeds: u64) -> String {
    let mut out = String::new();
    // Writing to a string never fails.
    let _ = write(&mut out, coverage, seeds);
    out
}

fn write(out: &mut String, coverage: &Coverage, seeds: u64) -> std::fmt::Result {
    let empty = gaps(coverage).len();
    writeln!(out, "<!doctype html><html lang=en><meta charset=utf-8>")?;
    writeln!(out, "<meta name=viewport content='width=device-width'>")?;
    writeln!(out, "<title>srdb: the fault space</title><style>{STYLE}</style>")?;
    writeln!(out, "<h1>What {seeds} seeds of the simulator have visited</h1>")?;
    writeln!(
        out,
        "<p>Each row is a kind of call on a kind of file; each column is what went wrong with it; \
         each table is what the database was doing. <b>{empty}</b> cells that can be visited are \
         empty.</p><table class=key><tr><td class=h0>few<td class=h2><td class=h4>many\
         <td class=empty>0<td class=site>can be visited and was not<td class=none>&nbsp;\
         <td class=site>can't be: such a call knows no such fault</table><p><nav>"
    )?;
    let rows = coverage.rows();
    for phase in Phase::ALL {
        write!(out, "<a href='#{0}'>{0}</a>", phase.name())?;
    }
    writeln!(out, "</nav>")?;
    for &phase in Phase::ALL {
        writeln!(out, "<h2 id={0}>{0}</h2><table><tr><th class=site>call<th>calls", phase.name())?;
        for what in What::ALL {
            write!(out, "<th>{}", what.name())?;
        }
        writeln!(out)?;
        for (site, _) in rows.iter().filter(|row| row.1 == phase) {
            write_row(out, coverage, *site, phase)?;
        }
        writeln!(out, "</table>")?;
    }
    writeln!(out, "</html>")
}

fn write_row(out: &mut String, coverage: &Coverage, site: Site, phase: Phase) -> std::fmt::Result {
    let calls = coverage.calls(site, phase);
    write!(out, "<tr><td class=site>{}<td>{}", site.name(), short(calls))?;
    for &what in What::ALL {
        let hits = coverage.hits(site, phase, what);
        match hits {
            0 if is_reachable(site, phase, what) => write!(out, "<td class=empty>0")?,
            0 => write!(out, "<td class=none>")?,
            // One more shade for each factor of eight.
            _ => write!(out, "<td class=h{}>{}", (hits.ilog2() / 3).min(4), short(hits))?,
        }
    }
    writeln!(out)
}
