//! Draws a plan.
//!
//! Swarm testing (Groce et al., ISSTA 2012): every seed first draws which kinds of steps it has at
//! all and how often, and how big things are. A run that does few things, but those a lot, gets
//! further into corners than one that does a bit of everything.

mod aim;
mod faults;
mod pieces;
pub mod questions;

use srdb_vfs::{Fault, MapMode, OpKind, Personality, RotPlace};

use faults::{noisy, rot, silent};

use crate::coverage::{Gap, Phase};
use crate::draw::Draw;
use crate::plan::{
    After, Again, Compare, Image, Level, Limits, Nested, Options, Plan, Read, Rows, Step, Way,
};
use crate::shape::{STYLES, Shape};

/// The kinds of steps, each with the weight that a plan of middling character gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    CreateTable,
    DropTable,
    Insert,
    BadInsert,
    InsertAgain,
    CreateIndex,
    DropIndex,
    Query,
    Ask,
    Aggregate,
    Batch,
    Submit,
    Wait,
    DropTicket,
    Sync,
    Rotate,
    Flush,
    Compact,
    DropRows,
    SetRetention,
    Retain,
    RetainNow,
    Job,
    Jobs,
    Get,
    Scan,
    Check,
    Verify,
    Snapshot,
    ReadSnapshot,
    DropSnapshot,
    Checkpoint,
    CheckpointStep,
    UseCheckpoint,
    Follow,
    Refresh,
    OpenScan,
    Advance,
    DropScan,
    Figures,
    OpenTwice,
    UseDropped,
    Refused,
    Tick,
    Fault,
    Rot,
    DropCaches,
    Room,
    Close,
    ProcessCrash,
    PowerCrash,
    CrashAt,
}

const KINDS: [(Kind, u32); 52] = [
    (Kind::CreateTable, 4),
    (Kind::DropTable, 3),
    (Kind::Insert, 40),
    (Kind::BadInsert, 1),
    (Kind::InsertAgain, 2),
    (Kind::CreateIndex, 3),
    (Kind::DropIndex, 1),
    (Kind::Query, 6),
    (Kind::Ask, 6),
    (Kind::Aggregate, 3),
    (Kind::Batch, 18),
    (Kind::Submit, 10),
    (Kind::Wait, 6),
    (Kind::DropTicket, 2),
    (Kind::Sync, 6),
    (Kind::Rotate, 5),
    (Kind::Flush, 3),
    (Kind::Compact, 2),
    (Kind::DropRows, 3),
    (Kind::SetRetention, 3),
    (Kind::Retain, 3),
    (Kind::RetainNow, 1),
    (Kind::Job, 30),
    (Kind::Jobs, 3),
    (Kind::Get, 6),
    (Kind::Scan, 4),
    (Kind::Check, 2),
    (Kind::Verify, 3),
    (Kind::Snapshot, 5),
    (Kind::ReadSnapshot, 6),
    (Kind::DropSnapshot, 2),
    (Kind::Checkpoint, 2),
    (Kind::CheckpointStep, 3),
    (Kind::UseCheckpoint, 1),
    (Kind::Follow, 2),
    (Kind::Refresh, 6),
    (Kind::OpenScan, 4),
    (Kind::Advance, 8),
    (Kind::DropScan, 1),
    (Kind::Figures, 2),
    (Kind::OpenTwice, 1),
    (Kind::UseDropped, 1),
    (Kind::Refused, 1),
    (Kind::Tick, 3),
    (Kind::Fault, 4),
    (Kind::Rot, 2),
    (Kind::DropCaches, 1),
    (Kind::Room, 2),
    (Kind::Close, 2),
    (Kind::ProcessCrash, 5),
    (Kind::PowerCrash, 3),
    (Kind::CrashAt, 7),
];

/// The kinds that a plan always has: without them it is about nothing.
const ALWAYS: [Kind; 3] = [Kind::Insert, Kind::PowerCrash, Kind::CrashAt];

/// The kinds of calls that faults are ordered for, the ones that matter most more than once.
const FAULT_OPS: [OpKind; 16] = [
    OpKind::Sync,
    OpKind::Sync,
    OpKind::Sync,
    OpKind::Write,
    OpKind::Write,
    OpKind::Write,
    OpKind::SyncDir,
    OpKind::SyncDir,
    OpKind::Create,
    OpKind::Rename,
    OpKind::RemoveFile,
    OpKind::SetLen,
    OpKind::CreateDir,
    OpKind::Read,
    OpKind::MapRead,
    OpKind::MapRead,
];

/// The files that faults are ordered for by name.
const FAULT_FILES: [&str; 5] = ["*.wal", "MANIFEST*", "*.sst", "*.idx", "CURRENT*"];

const WAYS: [Way; 9] = [
    Way::Rows,
    Way::Rows,
    Way::Rows,
    Way::Rows,
    Way::Appender,
    Way::AppenderTicket,
    Way::Ticket,
    Way::Struct,
    Way::Try,
];

const READS: [Read; 6] =
    [Read::Rows, Read::Rows, Read::Rows, Read::Refs, Read::Refs, Read::Structs];

/// Draws the plan of `seed` from `draw`.
pub fn generate(seed: u64, draw: &mut impl Draw) -> Plan {
    let options = options(draw);
    let swarm = Swarm::draw(draw);
    plan(seed, draw, options, &swarm)
}

/// Draws a plan that aims at one cell of the fault space, again and again. It is not the plan of
/// its seed.
pub fn generate_aimed(seed: u64, draw: &mut impl Draw, aim: Gap) -> Plan {
    let mut options = options(draw);
    if aim::Target::of(aim).is_some_and(aim::Target::settles_a_carry) {
        options = Options { carry_bytes_max: 1 << 19, memtable_bytes: 1 << 20, ..options };
    }
    let swarm = Swarm { aim: Some(aim), aimed_percent: 50, ..Swarm::draw(draw) };
    plan(seed, draw, options, &swarm)
}

fn plan(seed: u64, draw: &mut impl Draw, options: Options, swarm: &Swarm) -> Plan {
    let mut steps: Vec<Step> = (0..swarm.tables)
        .map(|table| Step::CreateTable { table, shape: swarm.shape(draw) })
        .collect();
    for _ in 0..swarm.steps {
        if draw.is_spent() {
            break;
        }
        if draw.chance(swarm.aimed_percent) {
            steps.extend(swarm.aimed(draw));
        } else if draw.chance(swarm.piece_percent) {
            steps.extend(swarm.piece(draw));
        } else {
            let step = swarm.step(draw);
            let takes_away = matches!(step, Step::DropTable { .. } | Step::DropIndex { .. });
            if takes_away && draw.chance(25) {
                steps.extend(swarm.under_a_reader(draw, step));
            } else {
                steps.push(step);
            }
        }
    }
    let birth = match draw.below(10) {
        _ if swarm.aim.is_some_and(|aim| aim.phase == Phase::Create) => swarm.aimed_birth(draw),
        0 => swarm.after(draw),
        1 | 2 => swarm.aimed_birth(draw),
        _ => After::default(),
    };
    Plan { seed, options, birth: After { rot: None, ..birth }, steps }
}

fn options(draw: &mut impl Draw) -> Options {
    Options {
        memtable_bytes: draw.pick(&[256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 1 << 20]),
        carry_bytes_max: draw.pick(&[0, 0, 100, 400, 2 << 10, 1 << 20]),
        block_rows: draw.pick(&[1, 2, 4, 16, 64, 256, 2048]),
        wal_zero_ahead: draw.pick(&[0, 0, 4 << 10, 64 << 10]),
        manifest_bytes_min: draw.pick(&[0, 0, 1, 1 << 20]),
        frozen_generations_max: draw.pick(&[1, 2, 2, 4]),
        compaction_files_max: draw.pick(&[0, 1, 2, 4, 10]),
        compaction_fan_in: draw.pick(&[2, 2, 3, 5]),
        durability: draw.pick(&[Level::Memory, Level::Os, Level::Disk, Level::Disk]),
        recover_twice: draw.chance(30),
        personality: personality(draw),
        maps: if draw.chance(30) { MapMode::Reads } else { MapMode::Memory },
        links: draw.chance(75),
        capacity: draw.chance(5).then(|| draw.pick(&[128 << 10, 256 << 10, 1 << 20])),
        create_if_missing: draw.chance(75),
    }
}

/// Most disks do what POSIX says.
fn personality(draw: &mut impl Draw) -> Personality {
    match draw.below(20) {
        0..3 => Personality::Ordered,
        3 => Personality::Lying { percent: draw.pick(&[5, 30, 100]), seed: draw.bits() },
        _ => Personality::Posix,
    }
}

/// The character of one plan.
struct Swarm {
    weights: Vec<u32>,
    tables: u8,
    steps: u64,
    rows_max: u64,
    /// How the values go, if it is the same everywhere.
    style: Option<u32>,
    shape: Option<Shape>,
    levels: [u32; 3],
    call_max: u64,
    nested_percent: u64,
    rot_percent: u64,
    recovery_fault_percent: u64,
    /// Whether the disk does harm in silence. Few plans have it: from there on less can be checked.
    silent: bool,
    /// How many of a hundred steps are faults and crashes aimed at one call.
    aimed_percent: u64,
    /// The one call, if it is the same everywhere.
    aim: Option<Gap>,
    /// How many of a hundred others are set pieces.
    piece_percent: u64,
}

impl Swarm {
    fn draw(draw: &mut impl Draw) -> Swarm {
        let weight = |&(kind, weight): &(Kind, u32)| {
            let times = draw.pick(&[0, 1, 1, 2, 5]);
            let least = u32::from(ALWAYS.contains(&kind));
            weight * times.max(least)
        };
        let mut weights: Vec<u32> = KINDS.iter().map(weight).collect();
        let silent = draw.chance(12);
        for (kind, weight) in KINDS.iter().zip(&mut weights) {
            *weight *= u32::from(silent || kind.0 != Kind::Rot);
        }
        let levels = [draw.below(5), draw.below(5), 1 + draw.below(5)].map(|w| w as u32);
        Swarm {
            weights,
            levels,
            tables: draw.pick(&[1, 1, 2, 3, 4, 9]),
            steps: draw.pick(&[10, 20, 40, 80, 120]),
            rows_max: draw.pick(&[1, 3, 10, 40]),
            style: draw.chance(30).then(|| draw.below(u64::from(STYLES)) as u32),
            shape: draw.chance(60).then(|| draw.pick(&Shape::ALL)),
            call_max: draw.pick(&[3, 10, 30, 100]),
            nested_percent: draw.pick(&[0, 20, 60]),
            rot_percent: draw.pick(&[0, 30, 80]),
            recovery_fault_percent: draw.pick(&[0, 0, 0, 30]),
            silent,
            aimed_percent: draw.pick(&[0, 0, 5, 20]),
            aim: None,
            piece_percent: draw.pick(&[0, 0, 5, 20]),
        }
    }

    fn step(&self, draw: &mut impl Draw) -> Step {
        match KINDS[draw.weighted(&self.weights)].0 {
            Kind::CreateTable => {
                Step::CreateTable { table: self.table(draw), shape: self.shape(draw) }
            }
            Kind::DropTable => Step::DropTable { table: self.table(draw) },
            Kind::Insert => {
                let way = draw.pick(&WAYS);
                Step::Insert { rows: self.rows(draw), way, level: self.some_level(draw) }
            }
            Kind::BadInsert => Step::BadInsert { rows: self.rows(draw) },
            Kind::InsertAgain => Step::InsertAgain {
                rows: self.rows(draw),
                at: thousandths(draw),
                of: draw.pick(&[
                    Again::There,
                    Again::There,
                    Again::Own,
                    Again::Queued,
                    Again::Refused,
                    Again::Dropped,
                ]),
            },
            Kind::CreateIndex => {
                Step::CreateIndex { table: self.table(draw), field: draw.below(18) as u8 }
            }
            Kind::DropIndex => {
                Step::DropIndex { table: self.table(draw), field: draw.below(18) as u8 }
            }
            Kind::Query => Step::Query {
                table: self.table(draw),
                field: draw.below(18) as u8,
                at: thousandths(draw),
                compare: draw.pick(&[
                    Compare::Equal,
                    Compare::Equal,
                    Compare::Less,
                    Compare::AtLeast,
                ]),
                backward: draw.chance(30),
            },
            Kind::Ask => Step::Ask {
                table: self.table(draw),
                ask: questions::ask(draw),
                snapshot: draw.chance(25).then(|| pick(draw)),
            },
            Kind::Aggregate => Step::Aggregate {
                table: self.table(draw),
                sums: questions::sums(draw),
                snapshot: draw.chance(25).then(|| pick(draw)),
            },
            Kind::Batch => Step::Batch { parts: self.parts(draw), level: self.some_level(draw) },
            Kind::Submit => Step::Submit { parts: self.parts(draw), level: self.level(draw) },
            Kind::Wait => Step::Wait { pick: pick(draw) },
            Kind::DropTicket => Step::DropTicket { pick: pick(draw) },
            Kind::Sync => Step::Sync,
            Kind::Rotate => Step::Rotate,
            Kind::Flush => Step::Flush,
            Kind::Compact => Step::Compact { table: self.table(draw) },
            Kind::DropRows => {
                Step::DropRows { table: self.table(draw), at: draw.below(1100) as u16 }
            }
            Kind::SetRetention => {
                Step::SetRetention { table: self.table(draw), limits: limits(draw) }
            }
            Kind::Retain => Step::Retain,
            Kind::RetainNow => Step::RetainNow { table: self.table(draw) },
            Kind::Job => Step::Job { pick: pick(draw), steps: draw.pick(&[1, 1, 1, 2, 5, 12]) },
            Kind::Jobs => Step::Jobs,
            Kind::Get => Step::Get {
                table: self.table(draw),
                at: thousandths(draw),
                fields: some_fields(draw),
                snapshot: draw.chance(20).then(|| pick(draw)),
            },
            Kind::Scan => Step::Scan {
                table: self.table(draw),
                from: thousandths(draw),
                to: thousandths(draw),
                by_time: draw.chance(30),
                backward: draw.chance(40),
                fields: some_fields(draw),
                read: draw.pick(&READS),
            },
            Kind::OpenScan => Step::OpenScan {
                table: self.table(draw),
                from: thousandths(draw),
                to: thousandths(draw),
                by_time: draw.chance(20),
                fields: some_fields(draw),
                snapshot: draw.chance(25).then(|| pick(draw)),
            },
            Kind::Advance => Step::Advance {
                pick: pick(draw),
                rows: draw.pick(&[1, 1, 2, 5, 20, 100]),
                backward: draw.chance(40),
                read: draw.pick(&READS),
            },
            Kind::DropScan => Step::DropScan { pick: pick(draw) },
            Kind::Figures => Step::Figures,
            Kind::OpenTwice => Step::OpenTwice { create: draw.chance(50) },
            Kind::UseDropped => Step::UseDropped { pick: pick(draw) },
            Kind::Refused => Step::Refused { table: self.table(draw) },
            Kind::Check => Step::Check,
            Kind::Verify => Step::Verify,
            Kind::Snapshot => Step::Snapshot,
            Kind::ReadSnapshot => Step::ReadSnapshot { pick: pick(draw) },
            Kind::DropSnapshot => Step::DropSnapshot { pick: pick(draw) },
            Kind::Checkpoint => {
                let steps = draw.chance(50).then(|| draw.pick(&[1, 3, 8, 20]));
                Step::Checkpoint { target: target(draw), steps }
            }
            Kind::CheckpointStep => Step::CheckpointStep { steps: draw.pick(&[1, 3, 8, 100]) },
            Kind::UseCheckpoint => Step::UseCheckpoint { target: target(draw) },
            Kind::Follow => pieces::follow(draw),
            Kind::Refresh => pieces::refresh(draw),
            Kind::Tick => {
                let ns = draw.between(1, 10_000_000_000) as i64;
                Step::Tick { ns: if draw.chance(30) { -ns } else { ns } }
            }
            Kind::Fault => Step::Fault { fault: self.fault(draw) },
            Kind::Rot => Step::Rot {
                rot: rot(draw),
                place: draw.pick(&[RotPlace::Both, RotPlace::Medium, RotPlace::Cache]),
            },
            Kind::DropCaches => Step::DropCaches,
            Kind::Room => {
                let bytes = draw.pick(&[0, 1 << 12, 1 << 13, 1 << 14, 1 << 16]);
                Step::Room { bytes: draw.chance(50).then_some(bytes) }
            }
            Kind::Close => Step::Close { after: self.after(draw) },
            Kind::ProcessCrash => Step::ProcessCrash { after: self.after(draw) },
            Kind::PowerCrash => {
                Step::PowerCrash { image: Image::Drawn(draw.bits()), after: self.after(draw) }
            }
            Kind::CrashAt => Step::CrashAt {
                call: draw.between(1, self.call_max),
                image: Image::Drawn(draw.bits()),
                after: self.after(draw),
            },
        }
    }

    fn table(&self, draw: &mut impl Draw) -> u8 {
        draw.below(u64::from(self.tables)) as u8
    }

    fn shape(&self, draw: &mut impl Draw) -> Shape {
        self.shape.unwrap_or_else(|| draw.pick(&Shape::ALL))
    }

    fn rows(&self, draw: &mut impl Draw) -> Rows {
        let rows = draw.between(1, self.rows_max) as u32;
        let fill = fill(draw, self.style);
        Rows { table: self.table(draw), rows, fill }
    }

    fn parts(&self, draw: &mut impl Draw) -> Vec<Rows> {
        let count = draw.between(1, u64::from(self.tables) + 1);
        (0..count).map(|_| self.rows(draw)).collect()
    }

    fn level(&self, draw: &mut impl Draw) -> Level {
        [Level::Memory, Level::Os, Level::Disk][draw.weighted(&self.levels)]
    }

    fn some_level(&self, draw: &mut impl Draw) -> Option<Level> {
        (!draw.chance(20)).then(|| self.level(draw))
    }

    fn fault(&self, draw: &mut impl Draw) -> Fault {
        let op = draw.pick(&FAULT_OPS);
        let noisy = noisy(op, draw);
        let silent = if self.silent && draw.chance(50) { silent(op, draw) } else { None };
        let nth_max = draw.pick(&[1, 3, 12]);
        let fault = Fault::new(op, draw.between(1, nth_max), silent.unwrap_or(noisy));
        if draw.chance(30) { fault.on(draw.pick(&FAULT_FILES)) } else { fault }
    }

    fn after(&self, draw: &mut impl Draw) -> After {
        let mut after = After::default();
        while after.nested.len() < 4 && draw.chance(self.nested_percent) {
            let call_max = draw.pick(&[3, 8, 20]);
            let call = draw.between(1, call_max);
            after.nested.push(Nested { call, image: Image::Drawn(draw.bits()) });
        }
        if draw.chance(self.rot_percent) {
            after.rot = Some(rot(draw));
        }
        if draw.chance(self.recovery_fault_percent) {
            after.faults.push(self.fault(draw));
        }
        after
    }
}

/// Limits small enough to matter; none take them back.
fn limits(draw: &mut impl Draw) -> Limits {
    Limits {
        rows: draw.chance(40).then(|| draw.pick(&[0, 1, 3, 10, 50])),
        bytes: draw.chance(30).then(|| draw.pick(&[0, 16 << 10, 40 << 10, 100 << 10])),
        age: draw.chance(30).then(|| draw.pick(&[0, 2_000, 20_000, 1_000_000, 5_000_000_000])),
        age_of: draw.chance(25).then(|| draw.pick(&[0, 1_000_000_000, 1 << 60, 1 << 62])),
    }
}

/// One of the places where checkpoints are made: few, so that they are in each other's way.
fn target(draw: &mut impl Draw) -> u8 {
    draw.below(3) as u8
}

fn pick(draw: &mut impl Draw) -> u16 {
    draw.below(1 << 16) as u16
}

/// A place in a table; now and then an end of it, or beyond.
/// What values are drawn from, in this style or any.
fn fill(draw: &mut impl Draw, style: Option<u32>) -> u32 {
    let style = style.unwrap_or_else(|| draw.below(u64::from(STYLES)) as u32);
    style + STYLES * draw.between(1, 7_999) as u32
}

fn thousandths(draw: &mut impl Draw) -> u16 {
    if draw.chance(20) { draw.pick(&[0, 1, 999, 1000, 1100]) } else { draw.below(1001) as u16 }
}

/// Some of a row's fields, or all.
fn some_fields(draw: &mut impl Draw) -> Option<u32> {
    draw.chance(40).then(|| draw.below(1 << 32) as u32)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::draw::{ByteDraw, SeedDraw};

    #[test]
    fn the_same_seed_gives_the_same_plan() {
        for seed in 0..50 {
            let plan = |seed| generate(seed, &mut SeedDraw::new(seed));
            assert_eq!(plan(seed), plan(seed));
            assert_ne!(plan(seed).steps, plan(seed + 1).steps);
        }
    }

    #[test]
    fn every_kind_of_step_is_drawn() {
        let name = |step: &Step| step.to_line().split('"').nth(3).map(str::to_owned);
        let drawn: BTreeSet<_> = (0..200)
            .flat_map(|seed| generate(seed, &mut SeedDraw::new(seed)).steps)
            .map(|step| name(&step))
            .collect();
        // And the aim of a crash, which is drawn together with it.
        assert_eq!(drawn.len(), KINDS.len() + 1, "{drawn:?}");
    }

    #[test]
    fn any_bytes_give_a_plan() {
        for len in 0..64 {
            let bytes: Vec<u8> = (0..len).map(|i: u8| i.wrapping_mul(37)).collect();
            assert!(!generate(0, &mut ByteDraw::new(&bytes)).steps.is_empty());
        }
    }
}
