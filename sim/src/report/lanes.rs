//! One life drawn: files from top to bottom, calls from left to right, what was pending when.

use std::collections::BTreeMap;
use std::path::Path;

use maud::{Markup, html};
use srdb_vfs::OpKind;

use super::story::{CallAt, Item, Life, Place, Story};
use super::words;

/// Calls that are drawn of one life, the last ones.
const CALLS_DRAWN: usize = 300;

const LEFT: usize = 190;
/// Calls stand so far apart, if they are many or few.
const STEPS: [usize; 2] = [9, 26];
const LANE: usize = 24;
const TOP: usize = 38;

/// Draws a life; nothing if it made no call that changes the disk.
pub(super) fn draw(story: &Story<'_>, life: &Life<'_>) -> Markup {
    let items = life.blocks.iter().flat_map(|block| &block.items);
    let calls = items.filter_map(|item| match item {
        Item::Call(at) => story.calls.get(*at).filter(|call| call.matters() && !call.call.dead),
        _ => None,
    });
    let mut calls: Vec<&CallAt<'_>> = calls.collect();
    if calls.is_empty() {
        return html! {};
    }
    let skipped = calls.len().saturating_sub(CALLS_DRAWN);
    calls.drain(..skipped);
    let mut lanes: BTreeMap<&Path, usize> = BTreeMap::new();
    for at in &calls {
        lanes.entry(at.call.path.as_path()).or_default();
    }
    for (number, lane) in lanes.values_mut().enumerate() {
        *lane = TOP + number * LANE + LANE / 2;
    }
    let step = (920 / calls.len()).clamp(STEPS[0], STEPS[1]);
    let power = life.end.as_ref().is_some_and(|end| end.losses.is_some());
    let width = LEFT + calls.len() * step + 30;
    let height = TOP + lanes.len() * LANE + 6;
    let end_x = LEFT + calls.len() * step + 4;
    html! {
        @if skipped > 0 { p.note { "The first " (skipped) " calls of this life are not drawn." } }
        div.scroll {
            svg.lanes width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) }
                role="img" aria-label="calls to the disk over time, a lane for each file" {
                (bands(&calls, step, height))
                @for (path, y) in &lanes {
                    line.rail x1=(LEFT) y1=(y) x2=(end_x) y2=(y) {}
                    text.name x=(LEFT - 8) y=(y + 4) text-anchor="end" { (short(path)) }
                }
                @for (path, y) in &lanes { (pending(&calls, path, step, *y)) }
                @for (i, at) in calls.iter().enumerate() {
                    @if let Some(y) = lanes.get(at.call.path.as_path()) {
                        (mark(at, step, LEFT + i * step + step / 2, *y))
                    }
                }
                @if power {
                    line.crash x1=(end_x) y1="4" x2=(end_x) y2=(height) {}
                    text.crash-text x=(end_x - 4) y="12" text-anchor="end" { "power fails" }
                }
            }
        }
    }
}

fn short(path: &Path) -> String {
    let name = words::path(path);
    let chars = name.chars().count();
    if chars <= 26 {
        name
    } else {
        format!("…{}", name.chars().skip(chars - 25).collect::<String>())
    }
}

/// A band behind the calls of each step, with its number above.
fn bands(calls: &[&CallAt<'_>], step: usize, height: usize) -> Markup {
    let mut runs: Vec<(Place, usize, usize)> = Vec::new();
    for (i, at) in calls.iter().enumerate() {
        match runs.last_mut() {
            Some((place, _, to)) if *place == at.place => *to = i + 1,
            _ => runs.push((at.place, i, i + 1)),
        }
    }
    let label = |place: Place, calls: usize| match (place, calls * step) {
        (Place::Step(number), ..44) => number.to_string(),
        (Place::Step(number), _) => format!("step {number}"),
        (Place::Opening(crate::run::Opening::Birth), 60..) => "creation".to_owned(),
        (Place::Opening(_), 60..) => "recovery".to_owned(),
        (Place::Opening(_), _) => "r".to_owned(),
        (Place::End, _) => "end".to_owned(),
    };
    html! {
        @for (number, (place, from, to)) in runs.iter().enumerate() {
            @let x = LEFT + from * step;
            rect.band.odd[number % 2 == 1].recovery[matches!(place, Place::Opening(_))]
                x=(x) y="18" width=((to - from) * step) height=(height - 18) {
                title { (words::place(*place)) }
            }
            text.step x=(x + 3) y="30" { (label(*place, to - from)) }
        }
        @for (i, at) in calls.iter().enumerate().filter(|(_, at)| at.job) {
            @let x = LEFT + i * step;
            rect.job x=(x) y="14" width=(step) height="4" {
                title { "call " (at.number) ": by a background job" }
            }
        }
    }
}

/// Bars where a path has pending changes: of its content thick, of its name thin.
fn pending(calls: &[&CallAt<'_>], path: &Path, step: usize, y: usize) -> Markup {
    let count = |at: &CallAt<'_>| at.pending.get(path).copied().unwrap_or_default();
    let spans = |is: &dyn Fn((usize, usize)) -> bool| {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for (i, at) in calls.iter().enumerate() {
            if !is(count(at)) {
                continue;
            }
            match spans.last_mut() {
                Some((_, to)) if *to == i => *to = i + 1,
                _ => spans.push((i, i + 1)),
            }
        }
        spans
    };
    let x = |i: usize| LEFT + i * step + step / 2;
    html! {
        @for (from, to) in spans(&|(content, _)| content > 0) {
            rect.dirty x=(x(from)) y=(y - 4) width=((to - from) * step) height="8" {
                title { "content not durable" }
            }
        }
        @for (from, to) in spans(&|(_, names)| names > 0) {
            rect.unnamed x=(x(from)) y=(y + 6) width=((to - from) * step) height="3" {
                title { "name not durable" }
            }
        }
    }
}

fn mark(at: &CallAt<'_>, step: usize, x: usize, y: usize) -> Markup {
    let call = at.call;
    let said = match (&call.error, at.is_lie()) {
        _ if call.cut => " — here the power fails".to_owned(),
        (Some(error), _) => format!(" — failed: {error}"),
        (None, true) => " — answered ok, NOT DONE".to_owned(),
        (None, false) => String::new(),
    };
    let title =
        format!("call {}: {} {}{said}", at.number, words::call(at), words::path(&call.path));
    let diamond = |r: usize| format!("{},{y} {x},{} {},{y} {x},{}", x - r, y - r, x + r, y + r);
    html! {
        a href={ "#call" (at.number) } {
            title { (title) }
            rect.hit x=(x - step / 2) y=(y - LANE / 2) width=(step) height=(LANE) {}
            @if call.cut {
                circle.cut cx=(x) cy=(y) r="7" {}
            } @else if call.is_answer {
                circle.other cx=(x) cy=(y) r="2" {}
            } @else if call.error.is_some() {
                path.fault d={ "M" (x - 5) " " (y - 5) "L" (x + 5) " " (y + 5) "M" (x + 5) " " (y - 5) "L" (x - 5) " " (y + 5) } {}
            } @else if at.is_lie() {
                polygon.lie points=(diamond(7)) {}
                text.lie-text x=(x) y=(y + 4) text-anchor="middle" { "!" }
            } @else if call.op.is_sync() {
                polygon.sync points=(diamond(6)) {}
            } @else if call.op == OpKind::Write {
                circle.write cx=(x) cy=(y) r="4" {}
            } @else if matches!(call.op, OpKind::RemoveFile | OpKind::RemoveDir) {
                polygon.remove points={ (x - 5) "," (y - 4) " " (x + 5) "," (y - 4) " " (x) "," (y + 5) } {}
            } @else if matches!(call.op, OpKind::Create | OpKind::CreateDir | OpKind::Rename | OpKind::RenameDir | OpKind::HardLink) {
                polygon.create points={ (x - 5) "," (y + 4) " " (x + 5) "," (y + 4) " " (x) "," (y - 5) } {}
            } @else {
                circle.other cx=(x) cy=(y) r="2" {}
            }
        }
    }
}

/// What the marks mean.
pub(super) fn legend() -> Markup {
    let key = |shape: Markup, what: &str| {
        html! {
            span.key { svg width="22" height="18" viewBox="0 0 22 18" aria-hidden="true" { (shape) } (what) }
        }
    };
    html! {
        p.legend {
            (key(html! { circle.write cx="11" cy="9" r="4" {} }, "write"))
            (key(html! { polygon.sync points="5,9 11,3 17,9 11,15" {} }, "sync"))
            (key(html! { polygon.lie points="4,9 11,2 18,9 11,16" {} text.lie-text x="11" y="13" text-anchor="middle" { "!" } }, "sync or change answered ok, not done"))
            (key(html! { polygon.create points="6,13 16,13 11,4" {} }, "create, rename"))
            (key(html! { polygon.remove points="6,5 16,5 11,14" {} }, "remove"))
            (key(html! { path.fault d="M6 4L16 14M16 4L6 14" {} }, "failed"))
            (key(html! { circle.cut cx="11" cy="9" r="6" {} }, "here the power fails"))
            (key(html! { rect.dirty x="0" y="5" width="22" height="8" {} }, "content not durable"))
            (key(html! { rect.unnamed x="0" y="8" width="22" height="3" {} }, "name not durable"))
            (key(html! { rect.job x="0" y="7" width="22" height="4" {} }, "background job"))
        }
    }
}
