//! What shrinking makes of plans, piece by piece.

use srdb_vfs::{Fate, Fault, FaultKind, OpKind, SectorFate, SectorRun};

use super::images::{plainer_afters, plainer_faults, plainer_images, renumbered};
use super::*;
use crate::draw::SeedDraw;
use crate::generate::questions as generate_questions;
use crate::mutants::Mutant;
use crate::plan::{Level, Nested, Rows, Step, Survivor, Way};
use crate::shape::Shape;

fn insert(table: u8, rows: u32) -> Step {
    let rows = Rows { table, rows, fill: 31 };
    Step::Insert { rows, way: Way::Appender, level: Some(Level::Disk) }
}

fn crash(image: Image) -> Step {
    Step::PowerCrash { image, after: After::default() }
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan { seed: 1, options: Options::default(), birth: After::default(), steps }
}

fn survivor(id: u64, what: &str, fate: Fate) -> Survivor {
    Survivor { id, what: what.to_owned(), fate }
}

fn with(mutant: &str) -> Config {
    let mutant = Mutant::from_name(mutant);
    assert!(mutant.is_some());
    Config { mutant, exact: false }
}

#[test]
fn questions_become_as_plain_as_can_be() {
    let mut draw = SeedDraw::new(3);
    for _ in 0..50 {
        let ask =
            Step::Ask { table: 0, ask: generate_questions::ask(&mut draw), snapshot: Some(7) };
        let sums = generate_questions::sums(&mut draw);
        let sums = Step::Aggregate { table: 0, sums, snapshot: None };
        for step in [ask, sums] {
            for last in [false, true] {
                let plainest = descend(step.clone(), plainer::steps, last).to_line();
                let plain = [
                    r#"{"do":"ask","table":0,"ask":{}}"#,
                    r#"{"do":"aggregate","table":0,"sums":{"figures":[]}}"#,
                ];
                assert!(plain.contains(&plainest.as_str()), "{plainest}");
            }
        }
    }
}

/// Follows the plainest way down until there is none; it must end.
fn descend<T: Clone>(from: T, plainer: impl Fn(&T) -> Vec<T>, last: bool) -> T {
    let mut at = from;
    for _ in 0..10_000 {
        let ways = plainer(&at);
        let next = if last { ways.last() } else { ways.first() };
        match next {
            None => return at,
            Some(next) => at = next.clone(),
        }
    }
    panic!("this goes on for ever")
}

fn torn() -> Fate {
    let garbage = SectorFate::Garbage { seed: 9 };
    Fate::Torn(vec![
        SectorRun { count: 2, fate: garbage },
        SectorRun { count: 1, fate: SectorFate::New },
    ])
}

#[test]
fn every_way_down_ends() {
    let nested = Nested { call: 5, image: Image::Exact(vec![survivor(4, "w", torn())]) };
    let error = FaultKind::EioAfter { bytes: 9 };
    let fault = Fault { op: OpKind::Sync, nth: 3, error, file: None };
    let after = After {
        nested: vec![nested.clone(), nested],
        faults: vec![fault.clone()],
        rot: None,
        aim: None,
    };
    let image = Image::Exact(vec![survivor(1, "a", torn()), survivor(2, "b", Fate::Kept)]);
    for step in [
        Step::CreateTable { table: 3, shape: Shape::Every },
        insert(0, 40),
        Step::Batch { parts: vec![Rows { table: 0, rows: 9, fill: 7 }; 3], level: None },
        Step::Submit { parts: vec![Rows { table: 0, rows: 9, fill: 7 }], level: Level::Os },
        Step::Job { pick: 60_000, steps: 12 },
        Step::Fault { fault: fault.clone() },
        Step::Tick { ns: -77 },
        Step::CrashAt { call: 90, image: image.clone(), after: after.clone() },
        Step::Close { after: after.clone() },
    ] {
        for last in [false, true] {
            descend(step.clone(), plainer::steps, last);
        }
    }
    assert_eq!(descend(image, plainer_images, false), Image::Exact(Vec::new()));
    assert!(descend(after, plainer_afters, true).is_plain());
    assert_eq!(descend(fault, plainer_faults, true).error, FaultKind::Eio);
}

#[test]
fn torn_sectors_become_old_ones_one_by_one() {
    let list = |fate| Image::Exact(vec![survivor(1, "a", fate)]);
    let fates: Vec<Image> = plainer_images(&list(torn()));
    assert!(fates.contains(&list(Fate::Kept)));
    let old_then_new = vec![
        SectorRun { count: 2, fate: SectorFate::Old },
        SectorRun { count: 1, fate: SectorFate::New },
    ];
    assert!(fates.contains(&list(Fate::Torn(old_then_new))), "{fates:?}");
}

#[test]
fn survivors_are_found_again_by_what_they_were() {
    let of = |ids: [u64; 2]| {
        let list = [survivor(ids[0], "write", Fate::Kept), survivor(ids[1], "length", Fate::Kept)];
        plan(vec![crash(Image::Exact(list.to_vec()))])
    };
    let pending = vec![
        survivor(5, "other", Fate::Dropped),
        survivor(6, "write", Fate::Dropped),
        survivor(7, "length", Fate::Dropped),
    ];
    let spelt = plan(vec![crash(Image::Exact(pending))]);
    assert_eq!(renumbered(&of([11, 12]), &spelt), of([6, 7]));
}

#[test]
fn tables_are_renumbered_downwards() {
    let before = plan(vec![
        Step::CreateTable { table: 2, shape: Shape::Narrow },
        insert(2, 1),
        Step::Batch { parts: vec![Rows { table: 2, rows: 1, fill: 0 }], level: None },
    ]);
    let plans = plainer::tables(&before);
    let first = plans.first().map(Plan::to_json).unwrap_or_default();
    assert!(first.matches("\"table\":0").count() == 3, "{first}");
    assert!(plainer::tables(&plan(vec![insert(0, 1)])).is_empty());
}

#[test]
fn a_wordy_plan_becomes_what_matters() {
    // Whatever stands around them, these are the steps that show a log without a durable name.
    let noise = |n| [Step::Tick { ns: 7 }, Step::Check, insert(1, n), Step::Rotate];
    let mut steps = vec![
        Step::CreateTable { table: 1, shape: Shape::Every },
        Step::CreateTable { table: 2, shape: Shape::Log },
    ];
    (1..8).for_each(|n| steps.extend(noise(n)));
    steps.push(insert(2, 30));
    steps.push(crash(Image::Drawn(1)));
    steps.extend(noise(3));
    let config = with("wal-dir-unsynced");
    let wordy = plan(steps);
    let Err(failure) = run(&wordy, config) else { panic!("nothing fails") };
    let mut passes = Vec::new();
    let watch = &mut |progress: Progress| passes.push(progress);
    let shrunk = shrink_watched(failure.clone(), config, 5_000, watch);
    let plan = &shrunk.failure.plan;
    assert!(shrunk.finished && plan.steps.len() == 3, "{}", plan.to_json());
    let [Step::CreateTable { table: 0, shape: Shape::Narrow }, insert, crash] = &plan.steps[..]
    else {
        panic!("{}", plan.to_json())
    };
    let rows = Rows { table: 0, rows: 1, fill: 0 };
    assert_eq!(*insert, Step::Insert { rows, way: Way::Rows, level: None });
    assert_eq!(*crash, self::crash(Image::Exact(Vec::new())));
    assert!(passes.len() > 3 && passes.last().is_some_and(|p| p.steps == 3), "{passes:?}");
    let again = shrink(failure, config, 5_000);
    assert_eq!((again.failure.plan, again.runs), (shrunk.failure.plan, shrunk.runs));
}

#[test]
fn runs_are_bounded() {
    let steps = vec![
        Step::CreateTable { table: 0, shape: Shape::Narrow },
        insert(0, 9),
        crash(Image::Exact(Vec::new())),
    ];
    let config = with("wal-dir-unsynced");
    let Err(failure) = run(&plan(steps), config) else { panic!("nothing fails") };
    let shrunk = shrink(failure, config, 3);
    assert!(shrunk.runs <= 4 && !shrunk.finished, "{shrunk:?}");
}
