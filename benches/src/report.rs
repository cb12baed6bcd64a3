//! The table: which figure of which work, beside which target.
//!
//! Targets are those of the project's plan. It sets most of them against engines that may not be
//! in this binary; a ratio is taken against the best peer that is, and the text says against whom
//! it was meant.

use std::collections::BTreeMap;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::engines::Kind;
use crate::works::{Outcome, Work};

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Better {
    /// More is.
    More,
    /// Less is.
    Less,
}

/// What srdb has to reach.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub enum Goal {
    /// This figure, in the figure's own unit.
    Figure(f64),
    /// This many times the best peer's figure.
    TimesPeer(f64),
    /// This many times srdb's own figure of one writer.
    TimesOneWriter(f64),
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// What it is, with its unit.
    pub title: &'static str,
    /// The work it comes from.
    pub work: Work,
    /// The figure's name in [`Outcome::figures`].
    pub figure: &'static str,
    /// The shown number is the figure times this.
    pub scale: f64,
    /// Which way is better.
    pub better: Better,
    /// What has to be reached.
    pub goal: Goal,
    /// The target in the plan's words.
    pub target: &'static str,
}

const fn line(
    title: &'static str,
    (work, figure, scale): (Work, &'static str, f64),
    better: Better,
    (goal, target): (Goal, &'static str),
) -> Line {
    Line { title, work, figure, scale, better, goal, target }
}

const MIB: f64 = 1.0 / 1048576.0;
const ONE: Work = Work::Durable { writers: 1, batch: 1 };
const THOUSAND: Work = Work::Durable { writers: 1, batch: 1000 };
const FOUR: Work = Work::Durable { writers: 4, batch: 1 };
const MANY: Work = Work::Durable { writers: 32, batch: 1 };

/// Every line, in the order of the plan, then what issue and README promise.
pub const LINES: &[Line] = {
    use Better::{Less, More};
    use Goal::{Figure, TimesOneWriter, TimesPeer};
    &[
        line(
            "ingest, batches of 1000, not synced, with close, M rows/s",
            (Work::Ingest, "rows_per_s", 1e-6),
            More,
            (TimesPeer(3.0), "≥ 3 × engines with a log"),
        ),
        line(
            "same, CPU of all threads, µs/row",
            (Work::Ingest, "cpu_ns_per_row", 1e-3),
            Less,
            (Figure(500.0), "≤ 0.5"),
        ),
        line(
            "same, bytes handed to write, per row",
            (Work::Ingest, "written_bytes_per_row", 1.0),
            Less,
            (TimesPeer(1.0), "none set"),
        ),
        line(
            "ingest, batches of 1, Os, M rows/s",
            (Work::IngestSinglesOs, "rows_per_s", 1e-6),
            More,
            (Figure(0.69e6), "≥ 1.4 × fjall's 0.49"),
        ),
        line(
            "same, p99, µs",
            (Work::IngestSinglesOs, "p99_us", 1.0),
            Less,
            (Figure(1000.0), "< 1000"),
        ),
        line(
            "ingest, batches of 1, Memory, M rows/s",
            (Work::IngestSinglesMemory, "rows_per_s", 1e-6),
            More,
            (Figure(2e6), "≥ 2"),
        ),
        line(
            "durable commits, 1 writer, batch 1, k/s",
            (ONE, "commits_per_s", 1e-3),
            More,
            (TimesPeer(1.3), "≥ 1.3 × best (fjall 9.1)"),
        ),
        line(
            "durable commits, 1 writer, batch 1000, M rows/s",
            (THOUSAND, "rows_per_s", 1e-6),
            More,
            (TimesPeer(1.2), "≥ 1.2 × best (LMDB 1.8)"),
        ),
        line(
            "durable commits, 4 writers, batch 1, k/s",
            (FOUR, "commits_per_s", 1e-3),
            More,
            (TimesPeer(1.3), "≥ 1.3 × best (RocksDB 13.6)"),
        ),
        line(
            "durable commits, 32 writers, batch 1, k/s",
            (MANY, "commits_per_s", 1e-3),
            More,
            (TimesOneWriter(8.0), "≥ 8 × own single writer"),
        ),
        line(
            "get by random seq, all columns, warm, p50, µs",
            (Work::Get, "p50_us", 1.0),
            Less,
            (TimesPeer(0.6), "≤ 0.6 × best (LMDB 1.10)"),
        ),
        line(
            "full scan, every column, CPU ns/row",
            (Work::Scan, "cpu_ns_per_row", 1.0),
            Less,
            (TimesPeer(0.4), "≤ 0.4 × best (LMDB 141)"),
        ),
        line(
            "ranges of 1000 rows, CPU ns/row",
            (Work::Ranges, "cpu_ns_per_row", 1.0),
            Less,
            (TimesPeer(0.4), "≤ 0.4 × best (redb 123)"),
        ),
        line(
            "bytes on disk after close, of raw",
            (Work::Ingest, "disk_share", 1.0),
            Less,
            (Figure(0.24), "≤ 0.24"),
        ),
        line(
            "open after clean close and read a row, p50, ms",
            (Work::OpenClean, "p50_us", 1e-3),
            Less,
            (Figure(1000.0), "≤ 1"),
        ),
        line(
            "open after kill with a 64 MB log, ms",
            (Work::OpenKilled, "open_ms", 1.0),
            Less,
            (TimesPeer(1.0), "≤ 1 × SQLite"),
        ),
        line(
            "peak memory of ingest, beyond mapped files, MiB",
            (Work::Ingest, "memory_bytes", MIB),
            Less,
            (Figure(1e8), "≤ 100 MB"),
        ),
        line(
            "peak memory of scans, beyond mapped files, MiB",
            (Work::Scan, "memory_bytes", MIB),
            Less,
            (Figure(1e8), "≤ 100 MB"),
        ),
        line(
            "ingest, 1 thread, batches of 1000, k rows/s",
            (Work::Ingest, "rows_per_s", 1e-3),
            More,
            (Figure(50e3), "≥ 50"),
        ),
        line(
            "ingest, 4 threads, batches of 100, k rows/s",
            (Work::IngestThreads, "rows_per_s", 1e-3),
            More,
            (Figure(200e3), "≥ 200"),
        ),
        line(
            "same, p99 of a commit, µs",
            (Work::IngestThreads, "p99_us", 1.0),
            Less,
            (Figure(1000.0), "< 1000"),
        ),
    ]
};

/// The outcomes of a run, by engine and work's name.
pub type Outcomes = BTreeMap<(Kind, String), Outcome>;

/// A line filled in.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Filled {
    /// See [`Line::title`].
    pub title: &'static str,
    /// See [`Line::target`].
    pub target: &'static str,
    /// In the title's unit, by engine.
    pub figures: BTreeMap<&'static str, f64>,
    /// srdb's figure as a multiple of the best peer's.
    pub ratio: Option<f64>,
    /// Whether the goal is reached; `None` where nothing to compare with was measured.
    pub reached: Option<bool>,
}

impl Line {
    fn value(&self, outcomes: &Outcomes, kind: Kind, work: Work) -> Option<f64> {
        outcomes.get(&(kind, work.name()))?.figures.get(self.figure).copied()
    }

    /// The line's figures, if srdb's was measured.
    pub fn fill(&self, outcomes: &Outcomes) -> Option<Filled> {
        let own = self.value(outcomes, Kind::Srdb, self.work)?;
        let peers = Kind::ALL.iter().filter(|kind| **kind != Kind::Srdb);
        let peers = peers.filter_map(|kind| self.value(outcomes, *kind, self.work));
        let best = peers.reduce(match self.better {
            Better::More => f64::max,
            Better::Less => f64::min,
        });
        let goal = match self.goal {
            Goal::Figure(figure) => Some(figure),
            Goal::TimesPeer(times) => best.map(|best| best * times),
            Goal::TimesOneWriter(times) => {
                self.value(outcomes, Kind::Srdb, ONE).map(|one| one * times)
            }
        };
        let figures = Kind::ALL.iter().filter_map(|kind| {
            Some((kind.name(), self.value(outcomes, *kind, self.work)? * self.scale))
        });
        Some(Filled {
            title: self.title,
            target: self.target,
            figures: figures.collect(),
            ratio: best.map(|best| own / best),
            reached: goal.map(|goal| match self.better {
                Better::More => own >= goal,
                Better::Less => own <= goal,
            }),
        })
    }
}

/// The table for a terminal.
pub fn table(lines: &[Filled]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Disabled);
    let engines = Kind::ALL.iter().map(|kind| kind.name());
    let heads = ["work"].into_iter().chain(engines.clone());
    table.set_header(heads.chain(["srdb ÷ best peer", "target", "reached"]));
    for line in lines {
        let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
        let figures = engines.clone().map(|engine| figure(line.figures.get(engine).copied()));
        let reached = line.reached.map_or("-", |reached| if reached { "yes" } else { "no" });
        let cells = [line.title.to_owned()].into_iter().chain(figures);
        table.add_row(cells.chain([figure(line.ratio), line.target.into(), reached.into()]));
    }
    for column in table.column_iter_mut().skip(1).take(Kind::ALL.len() + 1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// Three digits that count.
fn number(value: f64) -> String {
    let digits = if value == 0.0 { 0.0 } else { 2.0 - value.abs().log10().floor() };
    format!("{value:.*}", digits.clamp(0.0, 6.0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(figures: &[(Kind, Work, &str, f64)]) -> Outcomes {
        let mut outcomes = Outcomes::new();
        for (kind, work, figure, value) in figures {
            let outcome = outcomes.entry((*kind, work.name())).or_default();
            outcome.figures.insert((*figure).to_owned(), *value);
        }
        outcomes
    }

    #[test]
    fn a_goal_is_reached_on_its_better_side_only() {
        let of = |title: &str| *LINES.iter().find(|line| line.title.starts_with(title)).unwrap();
        let cpu = of("same, CPU");
        let reached = |value| {
            let measured = outcomes(&[(Kind::Srdb, Work::Ingest, "cpu_ns_per_row", value)]);
            cpu.fill(&measured).and_then(|line| line.reached)
        };
        assert_eq!((reached(499.0), reached(501.0)), (Some(true), Some(false)));
        let many = of("durable commits, 32");
        let reached = |value| {
            let (one, many_writers) = ("commits_per_s", "commits_per_s");
            let measured =
                [(Kind::Srdb, ONE, one, 1000.0), (Kind::Srdb, MANY, many_writers, value)];
            many.fill(&outcomes(&measured)).and_then(|line| line.reached)
        };
        assert_eq!((reached(8001.0), reached(7999.0)), (Some(true), Some(false)));
    }

    #[test]
    fn every_line_names_a_work_that_can_be_asked_for() {
        for line in LINES {
            assert_eq!(Work::of(&line.work.name()).ok(), Some(line.work), "{}", line.title);
        }
    }

    #[test]
    fn numbers_show_three_digits() {
        let shown = [1234.5, 12.345, 0.012_345, 0.0].map(number);
        assert_eq!(shown, ["1234", "12.3", "0.0123", "0"]);
    }
}
