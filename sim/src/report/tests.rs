//! Pages: well-formed, by themselves, and saying what was lost.

use std::path::Path;

use super::*;
use crate::plan::{After, Image, Level, Options, Plan, Rows, Step, Way};
use crate::shape::Shape;

fn plan(steps: Vec<Step>) -> Plan {
    let options = Options { wal_zero_ahead: 0, ..Options::default() };
    Plan { seed: 1, options, birth: After::default(), steps }
}

fn insert() -> Step {
    let rows = Rows { table: 0, rows: 2, fill: 0 };
    Step::Insert { rows, way: Way::Rows, level: Some(Level::Disk) }
}

fn create() -> Step {
    Step::CreateTable { table: 0, shape: Shape::Narrow }
}

fn power() -> Step {
    Step::PowerCrash { image: Image::Exact(Vec::new()), after: After::default() }
}

fn planted(name: &str) -> Option<Mutant> {
    let mutant = Mutant::from_name(name);
    assert!(mutant.is_some(), "there is no mutant {name}");
    mutant
}

/// Elements that have no end.
const VOID: [&str; 2] = ["meta", "br"];

/// Checks that every tag is closed in order and that no `<` or `&` stands by itself.
fn check_well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap_or_default();
    assert!(!rest.is_empty(), "no doctype");
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let Some(end) = rest.find('>') else { panic!("a tag without an end: {rest:.60}") };
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed before {rest:.80}");
            continue;
        }
        let name = tag.split_whitespace().next().unwrap_or_default();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "odd tag {tag}");
        assert!(tag.matches('"').count().is_multiple_of(2), "odd quotes in {tag}");
        if name == "style" {
            rest = &rest[rest.find("</style>").unwrap_or(rest.len())..];
        }
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    for (at, _) in page.match_indices('&') {
        let entity: String = page[at..].chars().take(6).collect();
        let is_one = ["&amp;", "&lt;", "&gt;", "&quot;"].iter().any(|e| entity.starts_with(e));
        assert!(is_one, "a bare ampersand: {entity}");
    }
}

fn page(plan: &Plan, mutant: Option<Mutant>) -> String {
    let page = html(&run_recorded(plan, mutant), Some(Path::new("a/plan.json")));
    check_well_formed(&page);
    for outside in ["http:", "https:", "<script", "<link", "<img", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    page
}

/// The text of a page, tags taken out.
fn text(page: &str) -> String {
    page.split('<').filter_map(|part| part.split_once('>')).map(|part| part.1).collect()
}

#[test]
fn a_lost_commit_is_named_with_the_write_that_carried_it() {
    let page = page(&plan(vec![create(), insert(), insert(), power()]), planted("ack-before-sync"));
    let text = text(&page);
    for said in [
        "FAILED",
        "planted bugack-before-sync: ",
        "The commit of step 2 is lost, with 2 rows. The engine had acknowledged it (Disk)",
        "Its record was written by call",
        "was answered with success and was not done",
        "The engine acknowledged it at Disk",
        "1 commit there, 1 not as they must be",
        "LOST, all 2",
        "all 2",
        "of those lost or torn had been promised to the engine",
        "sim --release -- replay a/plan.json --mutant ack-before-sync",
    ] {
        assert!(text.contains(said), "{said:?} is not in:\n{text}");
    }
}

#[test]
fn a_passing_run_shows_what_was_read() {
    let nested = crate::plan::Nested { call: 2, image: Image::Drawn(0) };
    let after = After { nested: vec![nested.clone(), nested], ..After::default() };
    let crash = Step::PowerCrash { image: Image::Drawn(3), after };
    let page = page(&plan(vec![create(), insert(), Step::Flush, crash, insert()]), None);
    let text = text(&page);
    for said in
        ["PASSED", "trace hash", "Inside the recovery (2): the power failed", "2 commits there"]
    {
        assert!(text.contains(said), "{said:?} is not in:\n{text}");
    }
    let lies = page.matches("class=\"lie\"").count();
    assert!(!text.contains("LOST") && lies == 1, "only the key shows one: {text}");
}

#[test]
fn every_seed_gives_a_page() {
    for seed in 0..12 {
        let plan = crate::generate::generate(seed, &mut crate::draw::SeedDraw::new(seed));
        for mutant in [None, planted("wal-removed-early"), planted("manifest-unsynced")] {
            page(&plan, mutant);
        }
    }
}

#[test]
fn hostile_text_is_escaped() {
    let mut recording = run_recorded(&plan(vec![create()]), None);
    let hostile = "<script>alert(1)</script> & \"quoted\"";
    recording.plan.steps = vec![Step::Fault {
        fault: srdb_vfs::Fault {
            op: srdb_vfs::OpKind::Write,
            nth: 1,
            error: srdb_vfs::FaultKind::Eio,
            file: Some(hostile.to_owned()),
        },
    }];
    let failure = Failure {
        plan: recording.plan.clone(),
        violation: crate::oracle::Violation::new("model", hostile),
        step: 0,
        history: Vec::new(),
        trace: Vec::new(),
        report: crate::run::Report::default(),
    };
    recording.result = Err(Box::new(failure));
    let page = html(&recording, Some(Path::new(hostile)));
    check_well_formed(&page);
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quoted&quot;"));
}

#[test]
fn a_report_changes_nothing() {
    for seed in 0..6 {
        let plan = crate::generate::generate(seed, &mut crate::draw::SeedDraw::new(seed));
        let lean = crate::run::run(&plan, crate::run::Config::default()).ok();
        assert!(lean.is_some());
        assert_eq!(lean, run_recorded(&plan, None).result.ok(), "seed {seed}");
    }
}
