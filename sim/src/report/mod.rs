//! One replay as one page: what happened, what the crash left, what was lost, and why.
//!
//! ```text
//!   Recording ──► Story ──┬─► header and verdict      how it came out, the commands
//!   (run/record)          ├─► difference              what had to be there, what was
//!                         ├─► per life: lanes         files × calls, what was pending when
//!                         │             steps         each with its answer and its calls
//!                         │             crash         the fate of every pending change
//!                         └─► the plan
//! ```
//!
//! Invariants:
//! 1. The page stands by itself: no script, nothing from outside, all styles within.
//! 2. Whatever comes from a plan, a path or an error is escaped (by `maud`).
//! 3. The same recording gives the same page.

mod crash;
mod difference;
mod lanes;
mod steps;
mod story;
#[cfg(test)]
mod tests;
mod words;

use std::io;
use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::failure::command;
use crate::files;
use crate::mutants::Mutant;
use crate::plan::Plan;
use crate::run::{Failure, Recording, run_recorded};

use difference::Difference;
use story::{Item, Life, Story};

const STYLE: &str = include_str!("page.css");

/// So many of the last lives have their steps shown; the others are folded away.
const LIVES_OPEN: usize = 2;

/// So many of the last blocks of a life are open, if all of them are few.
const BLOCKS_OPEN: usize = 4;

/// Runs a plan and writes its page to a file; returns whether it passed.
///
/// # Errors
/// If the file can't be written.
pub fn write(plan: &Plan, from: &Path, mutant: Option<Mutant>, to: &Path) -> io::Result<bool> {
    let recording = run_recorded(plan, mutant);
    files::write(to, &html(&recording, Some(from)))?;
    Ok(recording.result.is_ok())
}

/// The page of a recording; `plan` is where its plan lies, for the commands.
pub fn html(recording: &Recording, plan: Option<&Path>) -> String {
    let story = Story::of(recording);
    let failure = recording.result.as_ref().err();
    let verdict =
        failure.map_or("passed".to_owned(), |f| format!("failed: {}", f.violation.oracle));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "sim: seed " (recording.plan.seed) " " (verdict) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(&story, plan))
                main {
                    @match failure {
                        Some(failure) => (what_went_wrong(&story, failure)),
                        None => (what_was_checked(&story)),
                    }
                    (lives(&story))
                    section {
                        h2 { "The plan" }
                        p { "As it was run, with every crash spelt out." }
                        details { summary { "JSON" } pre { code { (recording.plan.to_json()) } } }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn header(story: &Story<'_>, plan: Option<&Path>) -> Markup {
    let recording = story.recording;
    let (hash, mutant) = match &recording.result {
        Ok(report) => (report.hash, recording.mutant),
        Err(failure) => (failure.report.hash, recording.mutant),
    };
    let failure = recording.result.as_ref().err();
    let steps = recording.plan.steps.len();
    html! {
        header {
            h1 {
                @match failure {
                    Some(_) => span.verdict.bad { "FAILED" },
                    None => span.verdict.ok { "PASSED" },
                }
                " " @match failure {
                    Some(failure) => { "oracle " code { (failure.violation.oracle) } },
                    None => "every oracle is content",
                }
            }
            dl {
                dt { "seed" } dd { (recording.plan.seed) }
                dt { "run" } dd {
                    (words::count(steps, "step")) ", "
                    (words::count(story.lives.len(), "process")) ", "
                    (words::count(story.calls.len(), "call")) " to the disk"
                }
                @if let Some(mutant) = mutant { dt { "planted bug" } dd { code { (mutant.name()) } ": " (mutant.what()) } }
                @if failure.is_none() { dt { "trace hash" } dd { code { (format!("{hash:016x}")) } } }
                @if let Some(plan) = plan { dt { "plan" } dd { code { (plan.display()) } } }
            }
            details {
                summary { "commands" }
                pre { code {
                    @if let Some(plan) = plan {
                        (command(&format!("replay {}", plan.display()), mutant)) "\n"
                        @if failure.is_some() { (command(&format!("shrink {}", plan.display()), mutant)) "\n" }
                    } @else {
                        (command(&format!("run --seed {}", recording.plan.seed), mutant)) "\n"
                    }
                } }
            }
        }
    }
}

/// The verdict of a run that failed, in words and as a table.
fn what_went_wrong(story: &Story<'_>, failure: &Failure) -> Markup {
    let difference = story.deciding().map(Difference::of);
    let sentences = difference.as_ref().map(Difference::sentences).unwrap_or_default();
    let lost = difference.iter().flat_map(Difference::bad);
    let trails: Vec<(u64, Vec<Markup>)> = lost
        .take(3)
        .map(|c| (c.entry.uid - 1, difference::trail(story, c)))
        .filter(|(_, trail)| !trail.is_empty())
        .collect();
    let at = match story.recording.plan.steps.get(failure.step) {
        Some(step) => format!("step {}: {}", failure.step, words::step(step)),
        None => "the end".to_owned(),
    };
    html! {
        section.verdict-box {
            h2 { "What went wrong" }
            @for sentence in sentences.iter().take(6) { p.headline { (sentence) } }
            @if sentences.len() > 6 { p { "And " (sentences.len() - 6) " more; see the table." } }
            @if let Some(error) = story.not_open {
                p.headline { "The database does not open any more: nothing in it can be read." }
                p.quote { (error) }
            }
            @for rot in rotten(story) { p { (rot) } }
            p { "The oracle " code { (failure.violation.oracle) } " asks: " (question(failure.violation.oracle)) }
            p.quote { (failure.violation.what) }
            p.dim { "Noticed at " (at) "." }
            @let lies = lies(story);
            @if !trails.is_empty() || !lies.is_empty() {
                h3 { "Why" }
                @for (step, trail) in &trails {
                    @if trails.len() > 1 { p { "The commit of step " (step) ":" } }
                    ol { @for what in trail { li { (what) } } }
                }
                @if !lies.is_empty() {
                    p { "Promises that the disk did not keep:" }
                    ul { @for lie in &lies { li { (lie) } } }
                }
            }
        }
        @if let (Some(difference), Some(check)) = (&difference, story.deciding()) {
            section {
                h2 { "Expected and found" }
                p {
                    "Read in " (words::place(check.place))
                    @if let Some(death) = check.after { ", after " (words::death(death)) }
                    ": " (difference.brief()) "."
                }
                (difference::table(story, difference))
            }
        }
    }
}

/// What was rotten when the run failed on a copy with a rotten byte.
fn rotten(story: &Story<'_>) -> Vec<Markup> {
    let block = story.lives.last().and_then(|life| life.blocks.last());
    let items = block.map(|block| block.items.as_slice()).unwrap_or_default();
    let is_rotten =
        block.is_some_and(|b| b.place == story::Place::Opening(crate::run::Opening::Rotten));
    let rots = items.iter().filter_map(|item| match item {
        Item::Rot { path, offset, answer, .. } if is_rotten => Some(html! {
            "Byte " b { (offset) } " of " code { (words::path(path)) } " had rotted on a copy of the "
            "disk. The engine " b { (answer) } "."
        }),
        _ => None,
    });
    rots.collect()
}

/// What an oracle asks.
fn question(oracle: &str) -> &'static str {
    match oracle {
        "model" => {
            "is what can be read exactly what was committed, and after a crash a prefix of it \
             that holds all that was safe?"
        }
        "manifest" => {
            "does the MANIFEST name exactly the files that are there, and does it never go back?"
        }
        "tree" => "does the B+Tree of every SST lead to each block, once, by search and by scan?",
        "rows" => "is every row one that was handed in, in its order?",
        "structure" => "does verify find every checksum, B+Tree and block in order?",
        "wal" => {
            "does recovery give the same when repeated and when interrupted; is damage to what \
             was acknowledged reported?"
        }
        "faults" => {
            "had every error a cause, and the right type; does the database open again; is \
             nothing acknowledged after a failed sync?"
        }
        "determinism" => "does the same plan do the same when it is repeated?",
        "panic" => "did nothing panic?",
        "progress" => "did all work end?",
        "image" => "is what recovery found what an independent reader finds in the same bytes?",
        _ => "see sim/src/oracle.",
    }
}

/// Calls that were answered with success and not done; first those that cost something.
fn lies(story: &Story<'_>) -> Vec<Markup> {
    const SHOWN: usize = 4;
    let lost = |at: &story::CallAt<'_>| -> Vec<String> {
        let made_up = |l: &&story::Loss<'_>| {
            l.promised == Some(at.number - 1) && *l.fate != srdb_vfs::Fate::Kept
        };
        let losses = story.last_losses().iter().filter(made_up);
        losses.map(|l| l.op.to_string().replace("/db/", "")).collect()
    };
    let (costly, cheap): (Vec<_>, Vec<_>) =
        story.calls.iter().filter(|at| at.is_lie()).partition(|at| !lost(at).is_empty());
    let line = |at: &story::CallAt<'_>| {
        html! {
            (difference::link(at.number)) " (" (words::place(at.place)) "): "
            (words::call(at)) " " code { (words::path(&at.call.path)) }
            @let lost = lost(at);
            @if !lost.is_empty() {
                ". It was to cover what was then " b { "lost" } ": " (lost.join("; "))
            }
        }
    };
    let mut lies: Vec<Markup> = costly.into_iter().take(SHOWN).map(line).collect();
    if lies.is_empty() {
        lies.extend(cheap.iter().rev().take(SHOWN).rev().map(|at| line(at)));
    } else if !cheap.is_empty() {
        lies.push(html! { span.dim { "and " (cheap.len()) " that cost nothing here" } });
    }
    lies
}

/// The verdict of a run that passed: what was read after each death.
fn what_was_checked(story: &Story<'_>) -> Markup {
    html! {
        section {
            h2 { "What was read, and what had to be there" }
            p {
                "Each time everything was read and compared. "
                "Of commits that were not durable enough any may be gone, with all that follow."
            }
            @for check in &story.checks {
                @let difference = Difference::of(check);
                details open[story.checks.len() == 1] {
                    summary {
                        (words::place(check.place))
                        @if let Some(death) = check.after { ", after " (words::death(death)) }
                        ": " (difference.brief())
                    }
                    (difference::table(story, &difference))
                }
            }
        }
    }
}

fn lives(story: &Story<'_>) -> Markup {
    let first_open = story.lives.len().saturating_sub(LIVES_OPEN);
    html! {
        section {
            h2 { "What happened" }
            p {
                "A process at a time, from its start to its death. Each lane is a file or directory; "
                "marks are calls, in order from left to right; a bar shows what a power failure could "
                "lose just then. A mark leads to its call."
            }
            (lanes::legend())
            @for (number, life) in story.lives.iter().enumerate() {
                (self::life(story, number, life, number >= first_open))
            }
        }
    }
}

/// The first and the last step that a life did.
fn steps_of(life: &Life<'_>) -> String {
    let mut steps = life.blocks.iter().filter_map(|block| match block.place {
        story::Place::Step(number) => Some(number),
        _ => None,
    });
    match (steps.clone().next(), steps.next_back()) {
        (Some(first), Some(last)) if first == last => format!(", step {first}"),
        (Some(first), Some(last)) => format!(", steps {first} to {last}"),
        _ => ", recovery alone".to_owned(),
    }
}

fn life(story: &Story<'_>, number: usize, life: &Life<'_>, open: bool) -> Markup {
    if life.blocks.is_empty() && life.end.is_none() {
        return html! {};
    }
    let ends = match &life.end {
        Some(end) => words::death(end.death),
        None if story.recording.result.is_ok() => "to the end of the plan",
        None => "to the failure",
    };
    html! {
        details.life open[open] {
            summary { h3 { "Process " (number + 1) (steps_of(life)) ": " (ends) } }
            (lanes::draw(story, life))
            (steps::blocks(story, life, BLOCKS_OPEN))
            @if let Some(end) = &life.end { (crash::end(end)) }
        }
    }
}
