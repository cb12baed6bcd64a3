//! Random changes and random choices against a second, naive composition of the image.

use std::path::Path;

use proptest::prelude::*;
use srdb_vfs::{
    Access, CrashChoice, Fate, File, MemDisk, PendingKind, SECTOR_BYTES, SectorFate, Vfs,
};

/// The largest file the operations can make.
const SPACE: usize = 16_384;

#[derive(Debug, Clone)]
enum Op {
    Write(u64, usize, u8),
    Append(usize, u8),
    SetLen(u64),
    Sync,
}

fn op() -> impl Strategy<Value = Op> {
    let len = || prop_oneof![0..30_usize, 500..530_usize, 0..3000_usize];
    let byte = || 1..=255_u8;
    prop_oneof![
        4 => (0..5000_u64, len(), byte()).prop_map(|(o, l, b)| Op::Write(o, l, b)),
        4 => (len(), byte()).prop_map(|(l, b)| Op::Append(l, b)),
        2 => (0..6000_u64).prop_map(Op::SetLen),
        1 => Just(Op::Sync),
    ]
}

/// A file as bytes in one array, and what was changed since the last sync.
#[derive(Default)]
struct Model {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// In the order of the ids: what was written where, or the length set.
    pending: Vec<Result<(usize, Vec<u8>), usize>>,
}

impl Model {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.pending.push(Ok((offset, bytes.to_vec())));
        let end = offset + bytes.len();
        if end > self.live.len() {
            self.pending.push(Err(end));
            self.live.resize(end, 0);
        }
        self.live[offset..end].copy_from_slice(bytes);
    }

    fn set_len(&mut self, len: usize) {
        if len != self.live.len() {
            self.pending.push(Err(len));
            self.live.resize(len, 0);
        }
    }

    fn image(&self, fates: &[Fate]) -> Vec<u8> {
        let (mut space, mut len) = (self.durable.clone(), self.durable.len());
        space.resize(SPACE, 0);
        let mut before = self.durable.len();
        for (change, fate) in self.pending.iter().zip(fates) {
            match change {
                Ok((offset, bytes)) => {
                    let first = *offset as u64 / SECTOR_BYTES;
                    for (i, byte) in bytes.iter().enumerate() {
                        let sector = (offset + i) as u64 / SECTOR_BYTES - first;
                        let at = &mut space[offset + i];
                        *at = match sector_fate(fate, sector) {
                            SectorFate::New => *byte,
                            SectorFate::Zeros => 0,
                            _ => *at,
                        };
                    }
                }
                Err(to) => {
                    if *fate == Fate::Kept {
                        len = *to;
                        if *to < before {
                            space[*to..].fill(0);
                        }
                    }
                    before = *to;
                }
            }
        }
        space.truncate(len);
        space
    }
}

fn sector_fate(fate: &Fate, sector: u64) -> SectorFate {
    match fate {
        Fate::Kept => SectorFate::New,
        Fate::Dropped => SectorFate::Old,
        Fate::Torn(runs) => {
            let mut each = runs.iter().flat_map(|run| (0..run.count).map(|_| run.fate));
            each.nth(sector as usize).unwrap_or(SectorFate::Old)
        }
    }
}

fn generator(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) ^ (state << 20)
    }
}

/// Runs the operations on a fresh disk, and on the model.
fn play(ops: &[Op]) -> (MemDisk, Model) {
    let disk = MemDisk::new();
    disk.write_file("/f", b"").unwrap();
    let file = disk.open(Path::new("/f"), Access::ReadWrite).unwrap();
    let mut model = Model::default();
    for op in ops {
        match *op {
            Op::Write(offset, len, byte) => {
                file.write_all_at(&vec![byte; len], offset).unwrap();
                model.write(offset as usize, &vec![byte; len]);
            }
            Op::Append(len, byte) if model.live.len() + len <= SPACE => {
                file.append(&vec![byte; len]).unwrap();
                model.write(model.live.len(), &vec![byte; len]);
            }
            Op::Append(..) => {}
            Op::SetLen(len) => {
                file.set_len(len).unwrap();
                model.set_len(len as usize);
            }
            Op::Sync => {
                file.sync_data().unwrap();
                model.durable = model.live.clone();
                model.pending.clear();
            }
        }
    }
    (disk, model)
}

/// The same choice without garbage, which the model can't know.
fn without_garbage(mut choice: CrashChoice) -> CrashChoice {
    for fate in choice.fates.values_mut() {
        if let Fate::Torn(runs) = fate {
            for run in runs {
                if let SectorFate::Garbage { .. } = run.fate {
                    run.fate = SectorFate::Zeros;
                }
            }
        }
    }
    choice
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_image_is_what_the_choice_spells_out(
        ops in prop::collection::vec(op(), 1..25),
        seed in any::<u64>(),
    ) {
        let (disk, model) = play(&ops);
        let pending = disk.pending();
        prop_assert_eq!(pending.len(), model.pending.len());
        prop_assert_eq!(&disk.read_file("/f").unwrap(), &model.live);
        let mut rng = generator(seed);
        for _ in 0..8 {
            let choice = without_garbage(CrashChoice::draw(&pending, &mut rng));
            let fates: Vec<Fate> = pending.iter().map(|op| choice.fate(op.id).clone()).collect();
            let image = disk.crash_image(&choice);
            prop_assert_eq!(image.read_file("/f").unwrap(), model.image(&fates), "{:?}", choice);
            prop_assert!(image.pending().is_empty());
        }
        prop_assert_eq!(&disk.read_file("/f").unwrap(), &model.live, "an image changed the disk");
    }

    #[test]
    fn equal_runs_are_equal_to_the_byte(
        ops in prop::collection::vec(op(), 1..25),
        seed in any::<u64>(),
    ) {
        let ((one, _), (two, _)) = (play(&ops), play(&ops));
        prop_assert_eq!(one.trace_hash(), two.trace_hash());
        prop_assert_eq!(one.pending(), two.pending());
        let choice = CrashChoice::draw(&one.pending(), &mut generator(seed));
        prop_assert_eq!(&choice, &CrashChoice::draw(&two.pending(), &mut generator(seed)));
        let (one, two) = (one.crash_image(&choice), two.crash_image(&choice));
        prop_assert_eq!(one.read_file("/f"), two.read_file("/f"));
        prop_assert_eq!(one.trace_hash(), two.trace_hash());
    }
}

#[test]
fn draws_reach_every_fate() {
    let disk = MemDisk::new();
    let file = disk.create(Path::new("/f")).unwrap();
    file.append(&[1; 3000]).unwrap();
    disk.create(Path::new("/g")).unwrap();
    disk.remove_file(Path::new("/g")).unwrap();
    let pending = disk.pending();
    let mut rng = generator(1);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..2000 {
        let choice = CrashChoice::draw(&pending, &mut rng);
        for op in &pending {
            let kind = match op.kind {
                PendingKind::Write { .. } => "write",
                PendingKind::Length { .. } => "length",
                _ => "name",
            };
            match choice.fate(op.id) {
                Fate::Torn(runs) => {
                    assert_eq!(runs.iter().map(|run| run.count).sum::<u64>(), op.kind.sectors());
                    for run in runs {
                        seen.insert(match run.fate {
                            SectorFate::Old => (kind, "sector old"),
                            SectorFate::New => (kind, "sector new"),
                            SectorFate::Zeros => (kind, "sector zeros"),
                            SectorFate::Garbage { .. } => (kind, "sector garbage"),
                        });
                    }
                }
                Fate::Kept => drop(seen.insert((kind, "kept"))),
                Fate::Dropped => drop(seen.insert((kind, "dropped"))),
            }
        }
    }
    assert_eq!(seen.len(), 10, "three kinds kept and dropped, four sector fates: {seen:?}");
}

/// A canary: should this number change, then so does every trace hash ever written down.
#[test]
fn the_trace_hash_of_a_fixed_run_does_not_change() {
    let disk = MemDisk::new();
    let file: std::sync::Arc<dyn File> = disk.create(Path::new("/f")).unwrap();
    file.append(b"twelve bytes").unwrap();
    file.sync_data().unwrap();
    file.read_exact_at(&mut [0; 5], 3).unwrap();
    assert!(disk.open(Path::new("/none"), Access::Read).is_err());
    assert_eq!(disk.trace_hash(), 0x66b8_aac2_6bc2_91f4, "{:016x}", disk.trace_hash());
}
