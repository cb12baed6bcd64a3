//! The blocks of a life: each step with its answer, and below it the calls that it made.

use maud::{Markup, html};

use super::difference::{Difference, link, table};
use super::story::{Block, CallAt, Item, Life, Place, Story};
use super::words;
use crate::run::Answer;

/// Steps with so many calls that matter are shown open, if they are among the last; openings with
/// a quarter of that.
const CALLS_OPEN: usize = 40;

/// The blocks of a life, the last `open` of them open.
pub(super) fn blocks(story: &Story<'_>, life: &Life<'_>, open: usize) -> Markup {
    let first_open = life.blocks.len().saturating_sub(open);
    html! {
        @for (at, block) in life.blocks.iter().enumerate() {
            (self::block(story, block, at >= first_open))
        }
    }
}

fn block(story: &Story<'_>, block: &Block<'_>, open: bool) -> Markup {
    let calls = block.items.iter().filter_map(|item| match item {
        Item::Call(at) => story.calls.get(*at),
        _ => None,
    });
    let calls: Vec<&CallAt<'_>> = calls.filter(|call| call.matters()).collect();
    let syncs = calls.iter().filter(|at| at.call.op.is_sync()).count();
    let errors = calls.iter().filter(|at| at.is_error()).count();
    let lies = calls.iter().filter(|at| at.is_lie()).count();
    let step = match block.place {
        Place::Step(number) => story.recording.plan.steps.get(number),
        _ => None,
    };
    let failed = story.recording.result.as_ref().err();
    let is_culprit =
        failed.is_some_and(|f| block.place == Place::Step(f.step)) && block.said.is_none();
    let is_step = matches!(block.place, Place::Step(_));
    let calls_max = if is_step { CALLS_OPEN } else { CALLS_OPEN / 4 };
    let open = open && calls.len() <= calls_max || is_culprit || lies > 0;
    html! {
        details.block.culprit[is_culprit] open[open && !block.items.is_empty()] {
            summary {
                span.number { (label(block.place)) }
                span.what { @match step {
                    Some(step) => (words::step(step)),
                    None => (words::place(block.place)),
                } }
                @if let Some(said) = block.said { span.said { "→ " (said) } }
                @if is_culprit { span.pill.bad { "failed here" } }
                span.counts {
                    @if !calls.is_empty() { (words::count(calls.len(), "call")) }
                    @if syncs > 0 { ", " (words::count(syncs, "sync")) }
                    @if errors > 0 { ", " span.bad-text { (words::count(errors, "error")) } }
                    @if lies > 0 { ", " span.bad-text { (lies) " not done" } }
                }
            }
            @if let Some(step) = step { p.json { code { (step.to_line().chars().take(400).collect::<String>()) } } }
            (items(story, block))
        }
    }
}

fn label(place: Place) -> String {
    match place {
        Place::Step(number) => number.to_string(),
        Place::Opening(_) => "↻".to_owned(),
        Place::End => "■".to_owned(),
    }
}

fn items(story: &Story<'_>, block: &Block<'_>) -> Markup {
    let mut reads = 0;
    let mut dead = 0;
    let mut cut = false;
    let mut rows = Vec::new();
    let flush = |reads: &mut usize, rows: &mut Vec<Markup>| {
        if *reads > 0 {
            let what = words::count(*reads, "call") + " that only looked";
            rows.push(html! { tr.quiet { td {} td colspan="4" { (what) } } });
        }
        *reads = 0;
    };
    for item in &block.items {
        match item {
            Item::Call(at) => {
                let Some(call) = story.calls.get(*at) else { continue };
                if call.call.dead {
                    dead += 1;
                } else if call.matters() {
                    cut |= call.call.cut;
                    flush(&mut reads, &mut rows);
                    rows.push(self::call(story, call));
                } else {
                    reads += 1;
                }
            }
            other => {
                flush(&mut reads, &mut rows);
                rows.push(said(story, other, cut));
            }
        }
    }
    flush(&mut reads, &mut rows);
    if dead > 0 {
        let what = words::count(dead, "further call") + " found the machine gone";
        rows.push(html! { tr.quiet { td {} td colspan="4" { (what) } } });
    }
    html! {
        @if !rows.is_empty() {
            div.scroll { table.calls { tbody { @for row in &rows { (row) } } } }
        }
    }
}

fn call(story: &Story<'_>, at: &CallAt<'_>) -> Markup {
    let call = at.call;
    let durable = story.settled.get(&(at.number - 1));
    let late = call.reached.len().saturating_sub(1);
    html! {
        tr id={ "call" (at.number) } .bad-row[at.is_lie() || at.is_error() || call.cut] .job-row[at.job] {
            td.n { (at.number) }
            td { (words::call(at)) }
            td { code { (words::path(&call.path)) } }
            td {
                @if call.cut { b.bad-text { "here the power fails" } }
                @else if call.is_answer { span.dim { "there is none, or it is there already" } }
                @else if let Some(error) = &call.error { span.bad-text { "failed: " (error) } }
                @else if at.is_lie() { b.bad-text { "answered ok, not done" } }
                @else { "ok" }
                @if late > 0 && call.error.is_none() {
                    span.dim { " — and first did " (late) " that had been put off" }
                }
            }
            td.dim {
                @if !call.made.is_empty() {
                    @match durable {
                        Some(by) if *by + 1 != at.number => { "durable since " (link(by + 1)) },
                        Some(_) => "durable at once",
                        None => "not durable by the end",
                    }
                }
                @if !call.settled.is_empty() && call.op.is_sync() {
                    (words::count(call.settled.len(), "change")) " durable"
                }
            }
        }
    }
}

fn said(story: &Story<'_>, item: &Item<'_>, cut: bool) -> Markup {
    let (class, what) = match item {
        Item::Call(_) => return html! {},
        Item::Job(job) => ("job-said", html! { "background job: " b { (job) } }),
        Item::JobDone(said) => ("job-said", html! { "job step over: " (said) }),
        Item::Answer(uid, answer) => ("ack", self::answer(*uid, answer)),
        Item::Raised => ("ack", html! { "every commit so far is said to be at " b { "Disk" } }),
        Item::NotOpen(error) if cut => ("quiet", html! { "interrupted: " (error) }),
        Item::NotOpen(error) => ("bad-said", html! { "it does not open: " (error) }),
        Item::Rot { path, offset, xor, answer } => (
            "rot-said",
            html! {
                "byte " (offset) " of " code { (words::path(path)) } " has rotted (bits "
                (format!("{xor:08b}")) " flipped); opened, read and verified: " (answer)
            },
        ),
        Item::Check(number) => {
            let Some(check) = story.checks.get(*number) else { return html! {} };
            let difference = Difference::of(check);
            let class = if difference.is_clean() { "ack" } else { "bad-said" };
            let body = html! {
                details {
                    summary { "everything was read: " (difference.brief()) }
                    (table(story, &difference))
                }
            };
            (class, body)
        }
    };
    html! { tr.said-row { td {} td.(class) colspan="4" { (what) } } }
}

fn answer(uid: u64, answer: &Answer) -> Markup {
    let step = uid.saturating_sub(1);
    match answer {
        Answer::Acknowledged { number } => {
            html! { "the commit of step " (step) " is " b { "acknowledged" } ": commit " (number) }
        }
        Answer::Seen => html! { "the commit of step " (step) " can be read" },
        Answer::Failed(error) => html! { "the commit of step " (step) " failed: " (error) },
        Answer::GivenUp => html! { "the commit of step " (step) " did not appear" },
    }
}
