//! What had to be there, and what was: commit by commit.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use srdb_vfs::{Fate, OpKind};

use super::story::{Check, Course, Story};
use super::words;
use crate::model::{Death, Entry, Known, Standing, Values};
use crate::plan::Level;
use crate::run::Answer;

/// What became of one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All its rows are there, as they must or may be.
    There,
    /// None is there, and none need be.
    Gone,
    /// None is there, and all must be.
    Lost,
    /// Some are there.
    Torn,
    /// A row has other values than it had.
    Wrong,
}

/// One commit, compared.
#[derive(Debug)]
pub(super) struct Compared<'a> {
    pub(super) entry: &'a Entry,
    pub(super) rows: usize,
    pub(super) found: usize,
    pub(super) outcome: Outcome,
}

/// A check, commit by commit.
#[derive(Debug)]
pub(super) struct Difference<'a> {
    /// What had died before everything was read.
    pub(super) after: Option<Death>,
    pub(super) commits: Vec<Compared<'a>>,
    /// Rows that no commit explains, per table.
    pub(super) extra: Vec<(u8, usize)>,
    /// Tables that must be there and are not.
    pub(super) tables_lost: Vec<u8>,
    /// Tables that are there and must not be.
    pub(super) tables_extra: Vec<u8>,
}

fn id(values: &Values) -> u64 {
    match values.first() {
        Some(srdb::Value::UInt(id)) => *id,
        _ => 0,
    }
}

impl<'a> Difference<'a> {
    pub(super) fn of(check: &Check<'a>) -> Difference<'a> {
        let mut found: BTreeMap<(u8, u64), Vec<&Values>> = BTreeMap::new();
        for table in check.found {
            for row in &table.rows {
                found.entry((table.slot, id(&row.values))).or_default().push(&row.values);
            }
        }
        let mut commits = Vec::new();
        for entry in &check.ledger.commits {
            let (mut rows, mut there, mut wrong) = (0, 0, false);
            for (slot, values) in
                entry.parts.iter().flat_map(|(t, v)| v.iter().map(move |v| (t, v)))
            {
                rows += 1;
                let Some(copies) = found.get_mut(&(*slot, id(values))) else { continue };
                let Some(copy) = copies.pop() else { continue };
                there += 1;
                wrong |= copy != values;
            }
            let outcome = match (there, entry.known) {
                _ if wrong => Outcome::Wrong,
                _ if there == rows => Outcome::There,
                (0, Known::Safe) => Outcome::Lost,
                (0, _) => Outcome::Gone,
                _ => Outcome::Torn,
            };
            commits.push(Compared { entry, rows, found: there, outcome });
        }
        let mut extra: BTreeMap<u8, usize> = BTreeMap::new();
        for ((slot, _), copies) in &found {
            *extra.entry(*slot).or_default() += copies.len();
        }
        extra.retain(|_, rows| *rows > 0);
        let there: BTreeSet<u8> = check.found.iter().map(|table| table.slot).collect();
        let tables = &check.ledger.tables;
        let is_lost = |(slot, standing): &&(u8, Standing)| {
            *standing == Standing::Live && !there.contains(slot)
        };
        let known: BTreeSet<u8> = tables.iter().map(|table| table.0).collect();
        Difference {
            after: check.after,
            commits,
            extra: extra.into_iter().collect(),
            tables_lost: tables.iter().filter(is_lost).map(|table| table.0).collect(),
            tables_extra: there.difference(&known).copied().collect(),
        }
    }

    pub(super) fn bad(&self) -> impl Iterator<Item = &Compared<'a>> {
        let is_bad = |c: &&Compared<'_>| !matches!(c.outcome, Outcome::There | Outcome::Gone);
        self.commits.iter().filter(is_bad)
    }

    fn because(&self, c: &Compared<'_>) -> String {
        let level = level(c.entry.level);
        match self.after {
            Some(death) => format!(
                " The engine had acknowledged it ({level}); then {}; recovery does not find it.",
                words::death(death)
            ),
            None => format!(" The engine had acknowledged it ({level}), and it can't be read."),
        }
    }

    /// What is wrong, a sentence each.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        for c in self.bad() {
            let (step, rows) = (c.entry.uid - 1, words::count(c.rows, "row"));
            sentences.push(match c.outcome {
                Outcome::Lost => {
                    format!("The commit of step {step} is lost, with {rows}.{}", self.because(c))
                }
                Outcome::Torn => format!(
                    "Of the commit of step {step} only {} of {rows} are there: a commit survives \
                     whole or not at all.",
                    c.found
                ),
                _ => format!("A row of the commit of step {step} has other values than it had."),
            });
        }
        for (slot, rows) in &self.extra {
            let rows = words::count(*rows, "row");
            sentences
                .push(format!("t{slot} has {rows} that no commit explains, or has them twice."));
        }
        for slot in &self.tables_lost {
            sentences.push(format!("Table t{slot} is lost."));
        }
        for slot in &self.tables_extra {
            sentences.push(format!("Table t{slot} is there and must not be."));
        }
        sentences
    }

    /// How many commits are as they should be.
    fn sound(&self) -> usize {
        self.commits.iter().filter(|c| c.outcome == Outcome::There).count()
    }

    /// In a few words, for a summary.
    pub(super) fn brief(&self) -> String {
        let gone = self.commits.iter().filter(|c| c.outcome == Outcome::Gone).count();
        let bad = self.bad().count();
        let mut brief = format!("{} there", words::count(self.sound(), "commit"));
        if gone > 0 {
            brief += &format!(", {gone} gone as they may be");
        }
        if bad > 0 {
            brief += &format!(", {bad} not as they must be");
        }
        brief
    }

    pub(super) fn is_clean(&self) -> bool {
        self.sentences().is_empty()
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Memory => "Memory",
        Level::Os => "Os",
        Level::Disk => "Disk",
    }
}

/// How many commits are shown before the ones that matter.
const COMMITS_SHOWN: usize = 60;

/// The commits of a check as a table.
pub(super) fn table(story: &Story<'_>, difference: &Difference<'_>) -> Markup {
    let skipped = difference.commits.len().saturating_sub(COMMITS_SHOWN);
    let is_shown = |(at, c): &(usize, &Compared<'_>)| {
        *at >= skipped || !matches!(c.outcome, Outcome::There | Outcome::Gone)
    };
    html! {
        div.scroll { table.commits {
            thead { tr {
                th { "commit of" } th { "rows" } th { "found" } th { "asked for" } th { "the engine said" }
                th { "carried by" } th { "must it be there?" }
            } }
            tbody {
                @for (_, c) in difference.commits.iter().enumerate().filter(is_shown) {
                    (row(story, c))
                }
            }
        } }
        @if skipped > 0 { p.note { "Of the " (skipped) " oldest commits only those not as they must be are shown." } }
    }
}

fn row(story: &Story<'_>, c: &Compared<'_>) -> Markup {
    let none = Course::default();
    let course = story.courses.get(&c.entry.uid).unwrap_or(&none);
    let parts: Vec<String> =
        c.entry.parts.iter().map(|(slot, rows)| format!("{} in t{slot}", rows.len())).collect();
    let must = match c.entry.known {
        Known::Safe => "yes: it was acknowledged as that durable, or raised to it",
        Known::Acknowledged => "no: not durable enough for this death",
        Known::Failed => "no: it had failed; it may come back",
        Known::Queued => "no: nobody had heard of it yet",
    };
    let (class, found) = match c.outcome {
        Outcome::There if c.rows == 0 => ("dim", "its tables are gone".to_owned()),
        Outcome::There => ("ok", format!("all {}", c.rows)),
        Outcome::Gone => ("dim", "none, as is legal".to_owned()),
        Outcome::Lost => ("bad", format!("LOST, all {}", c.rows)),
        Outcome::Torn => ("bad", format!("TORN, {} of {}", c.found, c.rows)),
        Outcome::Wrong => ("bad", "WRONG VALUES".to_owned()),
    };
    let said = match &course.answer {
        None => "nothing yet".to_owned(),
        Some((Answer::Acknowledged { number }, _)) => format!("ok: commit {number}"),
        Some((Answer::Seen, _)) => "nobody waited; it could be read".to_owned(),
        Some((Answer::Failed(_), _)) => "failed".to_owned(),
        Some((Answer::GivenUp, _)) => "nobody waited; it did not appear".to_owned(),
    };
    let at_call = course.answer.as_ref().map(|(_, call)| *call).filter(|call| *call > 0);
    html! {
        tr.bad-row[class == "bad"] {
            td { "step " (c.entry.uid - 1) }
            td { (parts.join(", ")) @if parts.is_empty() { "its tables are gone" } }
            td { span.pill.(class) { (found) } }
            td { (level(c.entry.level)) }
            td { (said) @if let Some(call) = at_call { span.dim { ", after " (link(call)) } } }
            td {
                @match course.carrier {
                    Some(carrier) => {
                        (link(carrier.call + 1)) span.dim {
                            ", " (words::path(&story.calls[carrier.call].call.path)) " at "
                            (carrier.offset)
                        }
                    }
                    None => span.dim { "—" },
                }
            }
            td { (must) }
        }
    }
}

/// A call, as a link to where it is shown.
pub(super) fn link(number: usize) -> Markup {
    html! { a href={ "#call" (number) } { "call " (number) } }
}

/// Why a commit is not there: its way to the disk, as sentences.
pub(super) fn trail(story: &Story<'_>, c: &Compared<'_>) -> Vec<Markup> {
    let mut trail = Vec::new();
    let Some(course) = story.courses.get(&c.entry.uid) else { return trail };
    let Some(carrier) = course.carrier else { return trail };
    let at = &story.calls[carrier.call];
    let path = &at.call.path;
    let name = words::path(path);
    trail.push(html! {
        "Its record was written by " (link(at.number)) " (" (words::place(at.place)) ") into "
        code { (name) } " at " (carrier.offset) "."
    });
    let losses = story.last_losses();
    let is_its = |made: Option<usize>| made == Some(carrier.call);
    for call in story.calls.iter().skip(carrier.call + 1) {
        if call.call.op == OpKind::Sync && call.call.path == *path && call.is_lie() {
            trail.push(html! {
                b { "The sync of " code { (name) } " by " (link(call.number)) " was answered with "
                "success and was not done" } " then."
            });
            break;
        }
        if call.call.op == OpKind::Sync && call.call.path == *path && call.call.error.is_none() {
            trail.push(html! { "It was synced by " (link(call.number)) "." });
            break;
        }
    }
    if let Some((Answer::Acknowledged { .. }, after)) = &course.answer {
        trail.push(html! {
            "The engine acknowledged it at " b { (level(c.entry.level)) } " after " (link(*after)) "."
        });
    }
    let removed = story.calls.iter().skip(carrier.call).find(|call| {
        call.call.op == OpKind::RemoveFile && call.call.path == *path && call.call.error.is_none()
    });
    if let Some(call) = removed {
        trail.push(html! {
            b { code { (name) } " was removed by " (link(call.number)) } " (" (words::place(call.place))
            "): from there on only an SST could hold these rows."
        });
    }
    for loss in losses.iter().filter(|loss| is_its(loss.made)) {
        let fate = match loss.fate {
            Fate::Kept => "survived",
            Fate::Dropped => "was lost",
            Fate::Torn(_) => "was torn",
        };
        trail.push(
            html! { "At the power failure it was pending, and " b { (fate) } ": " (loss.op) "." },
        );
    }
    trail
}
