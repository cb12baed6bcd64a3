//! A power failure: what was pending, and what became of it.

use maud::{Markup, html};
use srdb_vfs::{Fate, SectorFate, SectorRun};

use super::difference::link;
use super::story::{BIRTH, End, Loss, sectors};
use super::words;
use crate::db::is_lock;
use crate::model::Death;

/// Sectors that are drawn of one write.
const SECTORS_DRAWN: u64 = 64;

/// What ended a life, and what it left.
pub(super) fn end(end: &End<'_>) -> Markup {
    let step = match end.step {
        BIRTH => "during the creation".to_owned(),
        step => format!("as step {step} says"),
    };
    html! {
        div.death.power[end.death == Death::Power] {
            h4 {
                @if let Some(nested) = end.nested { "Inside the recovery (" (nested + 1) "): " }
                (words::death(end.death)) ", " (step)
            }
            @if let Some(losses) = &end.losses { (image(losses)) }
            details {
                summary { (words::count(end.files.len(), "file")) " found by the next process" }
                ul.files { @for (path, bytes) in end.files {
                    li { code { (words::path(path)) } " " span.dim { (words::count(*bytes as usize, "byte")) } }
                } }
            }
        }
    }
}

fn image(all: &[Loss<'_>]) -> Markup {
    // Who holds the lock is written down for people; nothing reads it.
    let losses: Vec<&Loss<'_>> = all.iter().filter(|l| !is_lock(&l.op.path)).collect();
    if losses.is_empty() {
        return html! { p { "All that matters was durable, and survived." } };
    }
    let of = |is: fn(&Fate) -> bool| losses.iter().filter(|l| is(l.fate)).count();
    let kept = of(|f| matches!(f, Fate::Kept));
    let dropped = of(|f| matches!(f, Fate::Dropped));
    let torn = of(|f| matches!(f, Fate::Torn(_)));
    let promised = losses.iter().filter(|l| l.promised.is_some() && *l.fate != Fate::Kept).count();
    html! {
        p {
            "Not durable: " (words::count(losses.len(), "change")) "; "
            (kept) " survived, " (dropped) " lost, " (torn) " torn."
            @if promised > 0 {
                " " b.bad-text { (promised) " of those lost or torn had been promised to the engine." }
            }
        }
        div.scroll { table.image {
            thead { tr { th { "change" } th { "made by" } th { "promised by" } th { "fate" } } }
            tbody { @for loss in &losses { (row(loss)) } }
        } }
    }
}

fn row(loss: &Loss<'_>) -> Markup {
    let (class, fate) = match loss.fate {
        Fate::Kept => ("ok", "survived"),
        Fate::Dropped => ("lost", "lost"),
        Fate::Torn(_) => ("torn", "torn"),
    };
    let broken = loss.promised.is_some() && *loss.fate != Fate::Kept;
    html! {
        tr.bad-row[broken] {
            td { (change(loss)) }
            td { @if let Some(call) = loss.made { (link(call + 1)) } @else { span.dim { "an earlier process" } } }
            td {
                @match loss.promised {
                    Some(call) => { (link(call + 1)) " " b.bad-text { "answered ok, not done" } },
                    None => span.dim { "nothing: never synced" },
                }
            }
            td { span.pill.(class) { (fate) } @if let Fate::Torn(runs) = loss.fate { (strip(loss, runs)) } }
        }
    }
}

fn change(loss: &Loss<'_>) -> String {
    loss.op.to_string().replace("/db/", "")
}

/// The sectors of a torn write, side by side.
fn strip(loss: &Loss<'_>, runs: &[SectorRun]) -> Markup {
    let (first, count) = sectors(&loss.op.kind);
    let listed = runs.iter().flat_map(|run| (0..run.count).map(|_| run.fate));
    let all = listed.chain(std::iter::repeat(SectorFate::Old)).take(count as usize);
    let drawn: Vec<(u64, SectorFate)> = (first..).zip(all).take(SECTORS_DRAWN as usize).collect();
    html! {
        span.strip {
            @for (sector, fate) in &drawn {
                @let (class, what) = match fate {
                    SectorFate::Old => ("s-old", "as before"),
                    SectorFate::New => ("s-new", "as written"),
                    SectorFate::Zeros => ("s-zero", "zeros"),
                    SectorFate::Garbage { .. } => ("s-bad", "garbage"),
                };
                span.(class) title={ "sector " (sector) ": " (what) } {}
            }
        }
        @if count > SECTORS_DRAWN { span.dim { " the first " (SECTORS_DRAWN) " of " (count) " sectors" } }
    }
}
