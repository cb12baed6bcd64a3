//! Faults and crashes that aim at one cell of the fault space.
//!
//! Chance alone orders faults by the kind of call and its number, so the calls that are made often
//! get them all. Here a call is picked from [`SITES`], rare ones as likely as common ones, the
//! fault is ordered for that kind of file, and steps follow that bring the database to the phase.

use std::iter;

use srdb_vfs::{Fault, FaultKind, OpKind, Shows};

use super::Swarm;
use crate::coverage::{Gap, Phase, Place, SITES, Site, What, act, can_befall};
use crate::draw::{Draw, SeedDraw};
use crate::plan::{After, Again, At, Compare, Image, Level, Nested, Rows, Step, Way};
use crate::shape::Shape;

/// A kind of call on a kind of file, in a phase.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    place: Place,
    op: OpKind,
    phase: Phase,
}

impl Target {
    /// One of the targets whose phase is meant.
    fn draw(draw: &mut impl Draw, is_meant: impl Fn(Phase) -> bool) -> Target {
        let targets: Vec<Target> = SITES
            .iter()
            .flat_map(|&(place, op, phases)| {
                let target = move |op| phases.iter().map(move |&phase| Target { place, op, phase });
                op.into_iter().flat_map(target)
            })
            .filter(|target| is_meant(target.phase))
            .flat_map(|target| iter::repeat_n(target, target.weight()))
            .collect();
        targets[draw.below(targets.len() as u64) as usize]
    }

    /// The target that would fill a gap; none for one of files at rest.
    pub(super) fn of(gap: Gap) -> Option<Target> {
        let op = OpKind::ALL.get(gap.site.act).copied()?;
        Some(Target { place: gap.site.place, op, phase: gap.phase })
    }

    /// How often it is drawn for each time that others are: what is hard to hit, more.
    fn weight(self) -> usize {
        match (self.place, self.op) {
            _ if self.cuts_a_log() => 12,
            (Place::Sst, _) if self.looks_up() => 12,
            (Place::Manifest, OpKind::SetLen) => 6,
            _ if self.settles_a_carry() => 1,
            (Place::Wal, OpKind::Rename | OpKind::Len) => 4,
            (Place::WalDir, OpKind::SyncDir) => 4,
            (Place::Sst | Place::Index, OpKind::Open | OpKind::Map | OpKind::MapRead) => 3,
            (Place::Manifest | Place::CurrentTemp | Place::MetaTemp, OpKind::RemoveFile) => 4,
            (_, OpKind::Rename | OpKind::RemoveFile | OpKind::Lock) => 2,
            _ => 1,
        }
    }

    /// The call as a crash counts it. Of a rename the disk knows the old name.
    fn at(self, slot: u8) -> At {
        let place = match (self.place, self.op) {
            (Place::Current, OpKind::Rename) => Place::CurrentTemp,
            (Place::Meta, OpKind::Rename) => Place::MetaTemp,
            (place, _) => place,
        };
        let mut file = place.pattern(slot);
        if self.phase == Phase::Checkpoint && place == Place::Root {
            file = "copy*".to_owned();
        }
        // What is renamed over a segment, and read once more before, has a longer name.
        if self.place == Place::Wal
            && (self.op == OpKind::Rename
                || self.op == OpKind::Len && self.phase != Phase::Verify && !self.recovers())
        {
            file = "*.wal.copy".to_owned();
        }
        At { op: self.op, file, later: 0 }
    }

    /// That call, or one of those that come after it and find it pending.
    fn near(self, draw: &mut impl Draw, slot: u8) -> At {
        At { later: draw.pick(&[0, 1, 1, 2, 3]), ..self.at(slot) }
    }

    /// Of the calls for an index, those that building its files makes.
    fn is_of_a_build(self) -> bool {
        matches!(self.place, Place::Sst | Place::Index)
            || self.place == Place::IndexDir && self.op == OpKind::SyncDir
    }

    /// Such calls are made only where there is an index, or a value that must be unique.
    fn looks_up(self) -> bool {
        let writes = matches!(self.phase, Phase::Commit | Phase::Close);
        let reads = matches!(self.op, OpKind::Open | OpKind::Map | OpKind::MapRead);
        let is_in_use = self.place == Place::Index && self.phase == Phase::Read;
        reads && (is_in_use || writes && matches!(self.place, Place::Sst | Place::Index))
    }

    /// A recovery makes such calls where the end of a log is torn.
    fn cuts_a_log(self) -> bool {
        self.recovers()
            && self.place == Place::Wal
            && matches!(self.op, OpKind::SetLen | OpKind::Sync)
    }

    /// The sync of what was carried settles a log that was recovered; nothing else of a rotation
    /// reads one.
    pub(super) fn settles_a_carry(self) -> bool {
        use OpKind::{Len, Open, Read, Rename};
        let settles = matches!(self.op, Len | Open | Read | Rename);
        self.place == Place::Wal && self.phase == Phase::Rotate && settles
    }

    /// A checkpoint makes such calls where an attempt before it has left something.
    fn finds_leftovers(self) -> bool {
        let looks = matches!(self.op, OpKind::ReadDir | OpKind::RemoveFile | OpKind::RemoveDir);
        self.phase == Phase::Checkpoint && looks && !self.takes_back()
    }

    /// A checkpoint makes such calls only where it has failed.
    fn takes_back(self) -> bool {
        let is_at_its_end = match self.op {
            OpKind::RemoveFile => {
                use Place::{Current, Lock, Manifest, Meta};
                matches!(self.place, Lock | Current | Manifest | Meta)
            }
            OpKind::RemoveDir => self.place == Place::Root,
            _ => false,
        };
        self.phase == Phase::Checkpoint && is_at_its_end
    }

    fn recovers(self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Nested)
    }

    /// Such calls are only made to undo a write that has failed.
    fn undoes(self) -> bool {
        match (self.place, self.op) {
            (Place::Manifest | Place::Wal, OpKind::SetLen) => true,
            (Place::Wal, OpKind::Sync | OpKind::RemoveFile) => {
                matches!(self.phase, Phase::Rotate | Phase::Verify)
            }
            _ => false,
        }
    }
}

/// An error that such a call can give, each as likely as any other.
fn noisy(draw: &mut impl Draw, op: OpKind) -> FaultKind {
    let possible: Vec<What> = NOISY.into_iter().filter(|what| can_befall(act(op), *what)).collect();
    let what = draw.pick(&possible);
    error(draw, what)
}

const NOISY: [What; 5] = [What::Eio, What::Half, What::Full, What::SyncFail, What::SyncDrop];

fn error(draw: &mut impl Draw, what: What) -> FaultKind {
    let bytes = draw.pick(&[0, 1, 8, 60, 511, 512, 513, 4096, 1 << 20, 1 << 20]);
    match what {
        What::Half => FaultKind::EioAfter { bytes },
        What::Full => FaultKind::StorageFull { bytes },
        What::SyncFail => FaultKind::SyncFail,
        What::SyncDrop => FaultKind::SyncDrop { shows: draw.pick(&[Shows::Old, Shows::New]) },
        _ => FaultKind::Eio,
    }
}

fn nth(draw: &mut impl Draw) -> u64 {
    draw.pick(&[1, 1, 1, 2, 3])
}

/// The patterns of [`srdb_vfs::CrashChoice::draw`], as the first number that it draws says.
const ONE_ALONE: u64 = 3;
const ONE_TORN: u64 = 4;

fn image_by(draw: &mut impl Draw, pattern: u64) -> Image {
    let seed = draw.bits();
    let is_meant = |seed: &u64| SeedDraw::new(*seed).bits() % 16 == pattern;
    Image::Drawn((0..64).map(|i| seed.wrapping_add(i)).find(is_meant).unwrap_or(seed))
}

/// Where a checkpoint that is aimed at is made: nobody else makes one there.
fn copy_of(slot: u8) -> u8 {
    10 + 2 * slot
}

fn create_index(draw: &mut impl Draw, slot: u8) -> Step {
    Step::CreateIndex { table: slot, field: draw.below(18) as u8 }
}

impl Swarm {
    fn target(&self, draw: &mut impl Draw, is_meant: impl Fn(Phase) -> bool) -> Target {
        let only = self.aim.and_then(Target::of).filter(|target| is_meant(target.phase));
        only.unwrap_or_else(|| Target::draw(draw, is_meant))
    }

    /// Whether it is the power that fails at a target, not the call.
    fn crashes(&self, draw: &mut impl Draw, target: Target) -> bool {
        let what = self.what_at(target);
        let percent = what.map_or(40, |what| if NOISY.contains(&what) { 0 } else { 100 });
        target.op.changes_the_disk() && draw.chance(percent)
    }

    /// What is to go wrong at a target, if the plan has one and it is this.
    fn what_at(&self, target: Target) -> Option<What> {
        let aim = self.aim?;
        (aim.site == Site { place: target.place, act: act(target.op) }).then_some(aim.what)?
    }

    fn fault_at(&self, draw: &mut impl Draw, target: Target, slot: u8) -> Fault {
        let error = match self.what_at(target).filter(|what| NOISY.contains(what)) {
            Some(what) => error(draw, what),
            None => noisy(draw, target.op),
        };
        Fault::new(target.op, nth(draw), error).on(target.at(slot).file)
    }

    /// What survives a crash; rather often one change alone.
    fn image(&self, draw: &mut impl Draw) -> Image {
        let is_alone = |aim: Gap| aim.what == Some(What::Alone);
        let percent = if self.aim.is_some_and(is_alone) { 70 } else { 30 };
        match draw.chance(percent) {
            true => image_by(draw, ONE_ALONE),
            false => Image::Drawn(draw.bits()),
        }
    }

    /// A fault or a crash at one target, and what leads to it.
    pub(super) fn aimed(&self, draw: &mut impl Draw) -> Vec<Step> {
        // The replacement of a MANIFEST has the most calls that must not come in another order.
        let replace = draw.chance(15);
        let replace = self.aim.map_or(replace, |aim| aim.phase == Phase::Replace);
        let target = self.target(draw, |phase| match replace {
            true => phase == Phase::Replace,
            false => phase != Phase::Create,
        });
        let slot = self.table(draw);
        let mut steps = vec![self.some_rows(draw, slot, Level::Os)];
        if target.place == Place::Lock && !target.op.changes_the_disk() {
            // Whoever comes second asks who holds it.
            steps
                .push(Step::Fault { fault: Fault { nth: 1, ..self.fault_at(draw, target, slot) } });
            steps.push(Step::OpenTwice { create: draw.chance(50) });
            return steps;
        }
        if target.recovers() {
            steps.extend(self.death(draw, target, slot));
            return steps;
        }
        self.prepare(draw, target, slot, &mut steps);
        if target.undoes() {
            let write = Target { op: OpKind::Write, ..target };
            let nth = if draw.chance(70) { 1 } else { 2 };
            let error = noisy(draw, OpKind::Write);
            steps.push(Step::Fault {
                fault: Fault::new(write.op, nth, error).on(write.at(slot).file),
            });
        }
        if self.crashes(draw, target) {
            steps.push(Step::Aim { at: target.near(draw, slot) });
            let (call, image) = (nth(draw), self.image(draw));
            steps.push(Step::CrashAt { call, image, after: self.after(draw) });
        } else {
            steps.push(Step::Fault { fault: self.fault_at(draw, target, slot) });
        }
        steps.push(self.entering(draw, target, slot));
        steps
    }

    /// What happens on the way up from a creation, aimed at one of its calls.
    pub(super) fn aimed_birth(&self, draw: &mut impl Draw) -> After {
        let target = self.target(draw, |phase| phase == Phase::Create);
        // What one attempt leaves behind the next one removes.
        let before = draw.below(3);
        self.way_up(draw, target, 0, before)
    }

    /// A death whose recovery is aimed at.
    fn death(&self, draw: &mut impl Draw, target: Target, slot: u8) -> Vec<Step> {
        let before = u64::from(target.phase == Phase::Nested) * (1 + draw.below(2));
        let mut after = self.way_up(draw, target, slot, before);
        if target.phase == Phase::Nested && after.aim.is_none() && draw.chance(50) {
            // Interrupted just there, so that it has to be done again.
            let again = Target { phase: Phase::Open, ..target };
            after.aim = target.op.changes_the_disk().then(|| again.at(slot));
        }
        // A log is cut where its end was torn.
        let image = if target.cuts_a_log() { image_by(draw, ONE_TORN) } else { self.image(draw) };
        let aims = target.op == OpKind::SetLen || target.cuts_a_log();
        if draw.chance(50) && !aims {
            return vec![Step::PowerCrash { image, after }];
        }
        if target.place == Place::Manifest && target.op == OpKind::SetLen {
            // A recovery writes an edit of its own where a flush has outlived its log.
            let aim = Target { place: Place::Wal, op: OpKind::RemoveFile, phase: Phase::Delete };
            return vec![
                Step::Flush,
                Step::Aim { at: aim.at(slot) },
                Step::CrashAt { call: 1, image, after },
                Step::Jobs,
            ];
        }
        let write = match target {
            _ if target.cuts_a_log() => [(Place::Wal, OpKind::Sync, Phase::Commit); 3],
            _ => [
                (Place::Wal, OpKind::Sync, Phase::Commit),
                (Place::Manifest, OpKind::Sync, Phase::Table),
                (Place::Manifest, OpKind::Sync, Phase::Flush),
            ],
        };
        let (place, op, phase) = draw.pick(&write);
        let write = Target { place, op, phase };
        let mut steps = Vec::new();
        if target.cuts_a_log() {
            // Else the power failure takes the segment as a whole.
            steps.push(self.some_rows(draw, slot, Level::Disk));
        }
        self.prepare(draw, write, slot, &mut steps);
        steps.push(Step::Aim { at: write.at(slot) });
        steps.push(Step::CrashAt { call: 1, image, after });
        steps.push(self.entering(draw, write, slot));
        steps
    }

    /// Power failures inside `before` recoveries, then what is aimed at.
    fn way_up(&self, draw: &mut impl Draw, target: Target, slot: u8, before: u64) -> After {
        let mut after = After::default();
        for _ in 0..before {
            let call_max = match target {
                _ if target.cuts_a_log() => 8,
                // A creation makes more calls than a recovery before it is over.
                _ if target.phase == Phase::Create => draw.pick(&[8, 26]),
                _ => draw.pick(&[3, 8, 20]),
            };
            let call = draw.between(1, call_max);
            after.nested.push(Nested { call, image: self.image(draw) });
        }
        if self.crashes(draw, target) {
            after.nested.push(Nested { call: nth(draw), image: self.image(draw) });
            after.aim = Some(target.near(draw, slot));
        } else {
            if target.place == Place::Manifest && target.op == OpKind::SetLen {
                let write = Fault::new(OpKind::Write, 1, noisy(draw, OpKind::Write));
                after.faults.push(write.on("MANIFEST-*"));
            }
            after.faults.push(self.fault_at(draw, target, slot));
        }
        after
    }

    fn some_rows(&self, draw: &mut impl Draw, slot: u8, level: Level) -> Step {
        let rows = Rows { table: slot, ..self.rows(draw) };
        Step::Insert { rows, way: Way::Rows, level: Some(level) }
    }

    /// What has to have happened for the phase to make its calls.
    fn prepare(&self, draw: &mut impl Draw, target: Target, slot: u8, steps: &mut Vec<Step>) {
        let phase = target.phase;
        match phase {
            // Looking for a value that must be there once reads files, which are opened only once:
            // an SST has not been when it has just been written.
            _ if target.looks_up() => {
                let shape = Shape::Keyed;
                steps.extend([
                    Step::DropTable { table: slot },
                    Step::CreateTable { table: slot, shape },
                ]);
                steps.extend([self.some_rows(draw, slot, Level::Disk), Step::Flush]);
                if target.place == Place::Index || draw.chance(50) {
                    steps.push(Step::ProcessCrash { after: After::default() });
                }
                if phase == Phase::Close {
                    let rows = Rows { table: slot, ..self.rows(draw) };
                    steps.push(Step::Submit { parts: vec![rows], level: Level::Memory });
                }
                return;
            }
            _ if target.settles_a_carry() => {
                steps.push(self.some_rows(draw, slot, Level::Os));
                steps.extend([Step::ProcessCrash { after: After::default() }, Step::Rotate]);
            }
            Phase::Commit | Phase::Table => {}
            // A log that was recovered is settled by the first sync.
            Phase::Close if draw.chance(50) => {
                steps.push(Step::ProcessCrash { after: After::default() });
                steps.push(self.some_rows(draw, slot, Level::Memory));
            }
            Phase::Rotate | Phase::Verify | Phase::Close => {
                steps.push(self.some_rows(draw, slot, Level::Memory));
            }
            Phase::Delete | Phase::Read => {
                steps.push(Step::Flush);
                if phase == Phase::Delete && draw.chance(50) {
                    steps.push(Step::DropTable { table: slot });
                }
            }
            _ => {}
        }
        match phase {
            Phase::Checkpoint => self.before_a_checkpoint(draw, target, slot, steps),
            Phase::Commit if draw.chance(40) => {
                steps.push(Step::ProcessCrash { after: After::default() });
            }
            Phase::Table => steps.push(Step::DropTable { table: slot }),
            Phase::Index => {
                steps.push(Step::Flush);
                if target.is_of_a_build() {
                    steps.push(create_index(draw, slot));
                }
            }
            Phase::Close if draw.chance(30) => {
                steps.extend([Step::Flush, Step::DropTable { table: slot }]);
            }
            Phase::Compact => {
                if target.is_of_a_build() && draw.chance(60) {
                    steps.extend([create_index(draw, slot), Step::Flush, Step::Jobs]);
                }
                steps.push(Step::Flush);
                steps.extend([self.some_rows(draw, slot, Level::Disk), Step::Flush]);
            }
            _ => {}
        }
    }

    /// Room for a checkpoint, and something to be in it.
    fn before_a_checkpoint(
        &self,
        draw: &mut impl Draw,
        target: Target,
        slot: u8,
        steps: &mut Vec<Step>,
    ) {
        steps.push(Step::UseCheckpoint { target: copy_of(slot) });
        if matches!(target.place, Place::Index | Place::IndexDir) {
            let shape = Shape::Keyed;
            steps.extend([
                Step::DropTable { table: slot },
                Step::CreateTable { table: slot, shape },
                self.some_rows(draw, slot, Level::Os),
            ]);
        }
        if draw.chance(70) {
            steps.push(Step::Flush);
        }
        if draw.chance(70) {
            steps.push(self.some_rows(draw, slot, Level::Os));
        }
        if target.finds_leftovers() {
            let some = Some(draw.between(4, 40) as u16);
            steps.push(Step::Checkpoint { target: copy_of(slot), steps: some });
            // Begun elsewhere, it is given up here.
            steps.push(Step::Checkpoint { target: copy_of(slot) + 1, steps: Some(0) });
        }
        if target.takes_back() {
            let fault = Fault::new(OpKind::RenameDir, 1, FaultKind::Eio).on("copy*");
            steps.push(Step::Fault { fault });
        }
    }

    /// A step in which the database is in this phase.
    fn entering(&self, draw: &mut impl Draw, target: Target, slot: u8) -> Step {
        match target.phase {
            Phase::Commit if target.looks_up() => {
                let rows = Rows { table: slot, ..self.rows(draw) };
                Step::InsertAgain { rows, at: draw.below(1000) as u16, of: Again::There }
            }
            Phase::Read if target.looks_up() => Step::Query {
                table: slot,
                field: draw.below(18) as u8,
                at: draw.below(1000) as u16,
                compare: Compare::Equal,
                backward: false,
            },
            Phase::Checkpoint => Step::Checkpoint { target: copy_of(slot), steps: None },
            Phase::Index if target.is_of_a_build() => Step::Jobs,
            Phase::Index => create_index(draw, slot),
            Phase::Rotate if target.settles_a_carry() => Step::Jobs,
            Phase::Rotate => Step::Rotate,
            Phase::Flush | Phase::Replace => Step::Flush,
            Phase::Compact => Step::Compact { table: slot },
            Phase::Table => Step::CreateTable { table: slot, shape: self.shape(draw) },
            Phase::Delete => Step::Jobs,
            Phase::Read => Step::Check,
            Phase::Verify => Step::Verify,
            Phase::Close => Step::Close { after: After::default() },
            _ => self.some_rows(draw, slot, Level::Disk),
        }
    }
}
