//! Set pieces: a few steps that belong together, for what chance puts together too seldom.
//!
//! Each is a scenario whose steps all have to be there, in this order, for anything to go wrong;
//! what they are about, and what survives, is drawn like everything else.

use srdb_vfs::{Fault, FaultKind, OpKind, Shows};

use super::{Swarm, fill, limits, pick, questions, target, thousandths};
use crate::db::ROOT;
use crate::draw::Draw;
use crate::plan::{After, Again, At, Compare, Image, Level, Race, Rot, RotFile, Rows, Step, Way};

impl Swarm {
    /// Of files that nobody has opened yet, while a snapshot holds them, `step` takes some away.
    pub(super) fn under_a_reader(&self, draw: &mut impl Draw, step: Step) -> [Step; 5] {
        let read = Step::ReadSnapshot { pick: pick(draw) };
        [Step::Flush, Step::Snapshot, step, Step::Jobs, read]
    }

    /// One of the others.
    pub(super) fn piece(&self, draw: &mut impl Draw) -> Vec<Step> {
        let slot = self.table(draw);
        match draw.below(15) {
            0 => self.torn_batch(draw, slot),
            1 => self.replaced_manifest(draw, slot),
            2 => self.rotten_flush(draw, slot),
            3 => self.index_under_way(draw, slot),
            4 => self.dropped_under_way(draw, slot),
            5 => self.merge_under_way(draw, slot),
            6 => self.cut_checkpoint(draw, slot),
            7 => self.checkpoint_under_way(draw, slot),
            8 => self.limited(draw, slot),
            9 => self.dropped_and_again(draw, slot),
            10 | 11 => self.followed(draw, slot),
            12 => self.closed_in_doubt(draw, slot),
            13 => self.removed_and_unsynced(draw, slot),
            _ => self.index_asked(draw, slot),
        }
    }

    /// Rows enough to fill sectors, and more than an index is asked about at once.
    fn many(&self, draw: &mut impl Draw, slot: u8) -> Rows {
        Rows { table: slot, rows: draw.between(16, 64) as u32, fill: fill(draw, None) }
    }

    fn insert(&self, draw: &mut impl Draw, slot: u8) -> Step {
        Step::Insert { rows: self.many(draw, slot), way: Way::Rows, level: self.some_level(draw) }
    }

    /// The power fails while one commit over many sectors is made durable.
    fn torn_batch(&self, draw: &mut impl Draw, slot: u8) -> Vec<Step> {
        let (first, second) = (self.many(draw, slot), self.table(draw));
        let parts = vec![first, self.many(draw, second)];
        let (level, image) = (Some(Level::Disk), Image::Drawn(draw.bits()));
        vec![
            Step::Aim { at: At { op: OpKind::Sync, file: "*.wal".to_owned(), later: 0 } },
            Step::CrashAt { call: 1, image, after: self.after(draw) },
            Step::Batch { parts, level },
        ]
    }

    /// The power fails while the name of a new MANIFEST, or of CURRENT, is made durable.
    fn replaced_manifest(&self, draw: &mut impl Draw, slot: u8) -> Vec<Step> {
        let (image, call) = (Image::Drawn(draw.bits()), draw.pick(&[1, 1, 2]));
        let root = ROOT.trim_start_matches('/').to_owned();
        vec![
            self.insert(draw, slot),
            Step::Aim { at: At { op: OpKind::SyncDir, file: root, later: 0 } },
            Step::CrashAt { call, image, after: self.after(draw) },
            Step::Flush,
        ]
    }

    /// The edit of a flush is the last that was written, and rots.
    fn rotten_flush(&self, draw: &mut impl Draw, slot: u8) -> Vec<Step> {
        let at = draw.below(1 << 32) as u32;
        let rot = Rot { file: RotFile::Manifest, pick: pick(draw), at, xor: 1 << draw.below(8) };
        let after = After { rot: Some(rot), ..After::default() };
        let death = if draw.chance(50) {
            Step::ProcessCrash { after }
        } else {
            Step::PowerCrash { image: Image::Drawn(draw.bits()), after }
        };
        let mut steps = vec![self.insert(draw, slot), Step::Flush];
        if draw.chance(40) {
            // Or the edit of a merge.
            steps.extend([self.insert(draw, slot), Step::Flush, Step::Compact { table: slot }]);
        }
        steps.extend([Step::Jobs, death]);
        steps
    }

    /// A database that nothing is committed to since it was opened, but an edit of what is done
    /// behind: its sync fails, and the database is closed.
    fn closed_in_doubt(&self, draw: &mut impl Draw, table: u8) -> Vec<Step> {
        let field = draw.below(18) as u8;
        let mut steps = Vec::new();
        for _ in 0..draw.between(2, 4) {
            steps.extend([self.insert(draw, table), Step::Flush]);
        }
        let builds = draw.chance(30);
        steps.extend(builds.then_some(Step::CreateIndex { table, field }));
        steps.push(Step::Close { after: After::default() });
        let (op, error) = match draw.below(3) {
            0 => (OpKind::Write, FaultKind::Eio),
            1 => (OpKind::Sync, FaultKind::SyncFail),
            _ => {
                (OpKind::Sync, FaultKind::SyncDrop { shows: draw.pick(&[Shows::Old, Shows::New]) })
            }
        };
        steps.push(Step::Fault { fault: Fault::new(op, 1, error).on("MANIFEST-*") });
        steps.push(if builds { Step::Jobs } else { Step::Compact { table } });
        steps.push(Step::Close { after: self.after(draw) });
        steps
    }

    /// A recovery removes segments behind the end of the log and does not get to sync that; the
    /// next one finds nothing to remove, and the power fails when the log has come to where they
    /// were.
    fn removed_and_unsynced(&self, draw: &mut impl Draw, table: u8) -> Vec<Step> {
        let one = |draw: &mut _, level| Step::Insert {
            rows: Rows { table, rows: 1, fill: fill(draw, None) },
            way: Way::Rows,
            level: Some(level),
        };
        let at = |file: &str| At { op: OpKind::Sync, file: file.to_owned(), later: 0 };
        let death = || Step::ProcessCrash { after: After::default() };
        // Two segments that are not synced: of them the second alone may survive.
        let mut steps = vec![one(draw, Level::Disk), Step::Flush, one(draw, Level::Os), death()];
        steps.extend([one(draw, Level::Os), death()]);
        let unsynced = Fault::new(OpKind::SyncDir, 1, FaultKind::SyncFail).on("wal");
        let after = After { faults: vec![unsynced], ..After::default() };
        steps.push(Step::Aim { at: at("*.wal") });
        steps.push(Step::CrashAt { call: 1, image: Image::Drawn(draw.bits()), after });
        steps.extend([one(draw, Level::Disk), one(draw, Level::Memory)]);
        steps.push(Step::Aim { at: at("MANIFEST-*") });
        let (image, after) = (Image::Drawn(draw.bits()), self.after(draw));
        steps.extend([Step::CrashAt { call: 1, image, after }, Step::Flush]);
        steps
    }

    /// Limits of a table with several files, and what may become of them.
    fn limited(&self, draw: &mut impl Draw, table: u8) -> Vec<Step> {
        let mut steps = Vec::new();
        for _ in 0..draw.between(1, 4) {
            steps.extend([self.insert(draw, table), Step::Flush]);
        }
        if draw.chance(30) {
            let (image, after) = (Image::Drawn(draw.bits()), self.after(draw));
            steps.push(Step::CrashAt { call: draw.between(1, 6), image, after });
        } else if draw.chance(30) {
            let fault = self.fault(draw).on(draw.pick(&["MANIFEST*", "*.sst"]));
            steps.push(Step::Fault { fault });
        }
        steps.push(Step::SetRetention { table, limits: limits(draw) });
        if draw.chance(50) {
            steps.extend([self.insert(draw, table), Step::Flush]);
        }
        steps.push(if draw.chance(70) { Step::Retain } else { Step::RetainNow { table } });
        match draw.below(4) {
            0 => steps.push(Step::ProcessCrash { after: self.after(draw) }),
            1 => {
                let (image, after) = (Image::Drawn(draw.bits()), self.after(draw));
                steps.push(Step::PowerCrash { image, after });
            }
            _ => {}
        }
        steps.push(Step::Figures);
        steps
    }

    /// The id of a row that was dropped, and that its file still holds, is free.
    fn dropped_and_again(&self, draw: &mut impl Draw, table: u8) -> Vec<Step> {
        let at = draw.below(1000) as u16;
        vec![
            self.insert(draw, table),
            Step::Flush,
            Step::DropRows { table, at },
            Step::InsertAgain { rows: self.many(draw, table), at, of: Again::Dropped },
        ]
    }

    /// Something happens to a table while its files are merged.
    fn merge_under_way(&self, draw: &mut impl Draw, table: u8) -> Vec<Step> {
        let field = draw.below(18) as u8;
        let some = |draw: &mut _| Step::Job { pick: pick(draw), steps: draw_steps(draw) };
        let mut steps = Vec::new();
        if draw.chance(50) {
            steps.push(Step::CreateIndex { table, field });
        }
        for _ in 0..draw.between(2, 6) {
            steps.extend([self.insert(draw, table), Step::Flush]);
        }
        steps.push(some(draw));
        steps.push(match draw.below(10) {
            // An index that another merge must not come upon before its files are there.
            0 | 8 | 9 => Step::CreateIndex { table, field },
            1 => Step::DropIndex { table, field },
            2 => Step::DropTable { table },
            3 => Step::Snapshot,
            4 => Step::Close { after: self.after(draw) },
            5 => Step::ProcessCrash { after: self.after(draw) },
            6 => Step::Fault { fault: self.fault(draw).on(draw.pick(&["*.sst", "MANIFEST*"])) },
            _ => Step::Flush,
        });
        if let Some(Step::CreateIndex { .. }) = steps.last() {
            // All its files, before the merge goes on.
            steps.push(Step::Job { pick: 0, steps: draw.between(12, 60) as u16 });
        }
        steps.extend([some(draw), some(draw), Step::Jobs]);
        if draw.chance(50) {
            let (image, after) = (Image::Drawn(draw.bits()), self.after(draw));
            steps.push(Step::PowerCrash { image, after });
        }
        steps
    }

    /// A table is dropped while its flush is half done.
    fn dropped_under_way(&self, draw: &mut impl Draw, table: u8) -> Vec<Step> {
        let some = |draw: &mut _| Step::Job { pick: pick(draw), steps: draw_steps(draw) };
        let (begun, then) = (some(draw), [some(draw), some(draw)]);
        let mut steps = vec![self.insert(draw, table), Step::Rotate, begun];
        steps.push(Step::DropTable { table });
        steps.extend(then);
        steps
    }

    /// The power fails while a checkpoint is made of rows in memory and in SSTs.
    fn cut_checkpoint(&self, draw: &mut impl Draw, slot: u8) -> Vec<Step> {
        let target = target(draw);
        let mut steps = vec![Step::UseCheckpoint { target }, self.insert(draw, slot)];
        if draw.chance(60) {
            steps.extend([Step::Flush, self.insert(draw, slot)]);
        }
        // Most of all at its end.
        if draw.chance(50) {
            let file = draw.pick(&["copy*", "copy*", "CURRENT", "MANIFEST*"]).to_owned();
            let op = if file == "copy*" { OpKind::RenameDir } else { OpKind::Sync };
            steps.push(Step::Aim { at: At { op, file, later: draw.below(4) } });
        }
        let call =
            if matches!(steps.last(), Some(Step::Aim { .. })) { 1 } else { draw.between(1, 50) };
        let (image, after) = (Image::Drawn(draw.bits()), self.after(draw));
        steps.push(Step::CrashAt { call, image, after });
        steps.push(Step::Checkpoint { target, steps: None });
        if draw.chance(50) {
            steps.push(Step::Checkpoint { target, steps: None });
        }
        steps
    }

    /// The database changes while a checkpoint is half done.
    fn checkpoint_under_way(&self, draw: &mut impl Draw, table: u8) -> Vec<Step> {
        let target = target(draw);
        let steps = Some(draw.below(16) as u16);
        let field = draw.below(18) as u8;
        let mut all = vec![Step::UseCheckpoint { target }];
        if draw.chance(50) {
            all.push(Step::CreateIndex { table, field });
        }
        all.extend([self.insert(draw, table), Step::Flush]);
        if draw.chance(50) {
            all.push(self.insert(draw, table));
        }
        all.push(Step::Checkpoint { target, steps });
        for _ in 0..draw.between(1, 3) {
            all.push(match draw.below(5) {
                0 => Step::DropTable { table },
                1 => Step::DropIndex { table, field },
                2 => self.insert(draw, table),
                _ => Step::Flush,
            });
        }
        all.extend([Step::Jobs, Step::CheckpointStep { steps: 1000 }]);
        all
    }

    /// What a follower has seen changes its place, before it goes on and what it saw is read.
    fn followed(&self, draw: &mut impl Draw, table: u8) -> Vec<Step> {
        let os = |step| match step {
            Step::Insert { rows, way, .. } => Step::Insert { rows, way, level: Some(Level::Os) },
            other => other,
        };
        let mut steps = vec![os(self.insert(draw, table))];
        match draw.below(3) {
            0 => steps.push(Step::Rotate),
            1 => steps.push(Step::Flush),
            _ => {}
        }
        steps.push(follow(draw));
        for _ in 0..draw.between(1, 3) {
            match draw.below(8) {
                0 => steps.push(Step::Rotate),
                1 => steps.push(Step::Flush),
                2 => steps.extend([Step::Flush, Step::Compact { table }, Step::Jobs]),
                3 => steps.push(Step::DropTable { table }),
                4 => steps.push(Step::Jobs),
                // The follower outlives its writer.
                5 => steps.push(Step::ProcessCrash { after: self.after(draw) }),
                6 => steps.push(Step::Close { after: self.after(draw) }),
                _ => {}
            }
            steps.push(os(self.insert(draw, table)));
        }
        let read = Step::ReadSnapshot { pick: u16::MAX };
        steps.extend([refresh(draw), Step::Flush, Step::Jobs, read]);
        steps
    }

    /// An index comes or goes while a job that writes its files is half done.
    fn index_under_way(&self, draw: &mut impl Draw, table: u8) -> Vec<Step> {
        let field = draw.below(18) as u8;
        let (create, gone) = (Step::CreateIndex { table, field }, Step::DropIndex { table, field });
        let some = |draw: &mut _| Step::Job { pick: pick(draw), steps: draw_steps(draw) };
        let mut steps = vec![self.insert(draw, table)];
        match draw.below(3) {
            // While a flush writes that does not know it yet.
            0 => steps.extend([Step::Rotate, some(draw), create, some(draw)]),
            // While a flush writes its file, too.
            1 => steps.extend([create, Step::Rotate, some(draw), some(draw), gone]),
            // While its own files are built; these may fail.
            _ => {
                steps.extend([Step::Flush, create]);
                if draw.chance(50) {
                    let fault = self.fault(draw);
                    let file = draw.pick(&["*.idx", "*.idx", "*.sst", "MANIFEST*"]);
                    steps.push(Step::Fault { fault: fault.on(file) });
                }
                steps.push(some(draw));
                if draw.chance(50) {
                    steps.push(gone);
                }
            }
        }
        steps.push(Step::Jobs);
        if draw.chance(50) {
            let (image, after) = (Image::Drawn(draw.bits()), self.after(draw));
            steps.push(Step::PowerCrash { image, after });
        }
        steps
    }

    /// An index of files that hold rows enough for it to be asked, and questions.
    fn index_asked(&self, draw: &mut impl Draw, table: u8) -> Vec<Step> {
        // Of one of the first, which some tables have indexes of from the start; or of any.
        let field = if draw.chance(50) { draw.between(1, 4) } else { draw.below(18) } as u8;
        let mut rows = self.many(draw, table);
        // Values that go up, so that few are less than one of the first.
        let goes_up = draw.chance(50);
        if goes_up {
            let style = draw.below(25) as u32 * 5 + 1;
            rows.fill = fill(draw, Some(style));
        }
        // Or a few rows to a value, so that those of the last that is wanted are too many.
        let has_ties = !goes_up && draw.chance(70);
        if has_ties {
            let style = draw.below(25) as u32 * 5 + 3;
            let count = draw.between(100, 300) as u32;
            rows = Rows { rows: count, fill: fill(draw, Some(style)), ..rows };
        }
        let insert = Step::Insert { rows, way: Way::Rows, level: self.some_level(draw) };
        let mut steps = vec![Step::CreateIndex { table, field }, insert];
        if draw.chance(70) {
            steps.push(Step::Flush);
        }
        if draw.chance(30) {
            steps.push(self.insert(draw, table));
        }
        if self.silent && draw.chance(50) {
            let at = draw.below(1 << 32) as u32;
            let rot = Rot { file: RotFile::Index, pick: pick(draw), at, xor: 1 << draw.below(8) };
            steps.push(Step::Rot { rot, place: srdb_vfs::RotPlace::Both });
        }
        let compares = [Compare::Equal, Compare::Less, Compare::AtLeast];
        for compare in [Compare::Equal, draw.pick(&compares), draw.pick(&compares)] {
            let early = goes_up && draw.chance(70);
            let at = if early { draw.below(100) as u16 } else { thousandths(draw) };
            let backward = draw.chance(30);
            steps.push(Step::Query { table, field, at, compare, backward });
        }
        for _ in 0..2 {
            steps.push(Step::Ask { table, ask: questions::first_of(draw, field), snapshot: None });
        }
        steps
    }
}

/// How far a job is when something comes in between.
fn draw_steps(draw: &mut impl Draw) -> u16 {
    draw.between(1, 12) as u16
}

/// A follower comes.
pub(super) fn follow(draw: &mut impl Draw) -> Step {
    Step::Follow { race: race(draw), unread: draw.chance(50) }
}

/// A follower goes on.
pub(super) fn refresh(draw: &mut impl Draw) -> Step {
    Step::Refresh { race: race(draw), unread: draw.chance(50) }
}

/// What the writer does while a follower looks, if it does anything.
fn race(draw: &mut impl Draw) -> Option<Race> {
    if draw.chance(50) {
        return None;
    }
    let call = draw.pick(&[0, 2, 5, 8, 11, 14, 17, 20, 30]) + draw.below(3);
    let steps = draw.pick(&[1, 3, 10, 40, 100]);
    Some(Race { call, pick: draw.pick(&[0, 0, 1]), steps, rotate: draw.chance(30) })
}
