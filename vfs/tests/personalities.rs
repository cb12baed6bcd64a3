//! What a crash may do to disks of different kinds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use srdb_vfs::{
    Access, CrashChoice, Fate, MemDisk, PendingKind, Personality, SectorFate, SectorRun, Vfs,
};

fn p(path: &str) -> &Path {
    Path::new(path)
}

fn disk_of(personality: Personality) -> MemDisk {
    let disk = MemDisk::new();
    disk.set_personality(personality);
    disk
}

fn names(disk: &MemDisk) -> Vec<PathBuf> {
    disk.list().into_iter().map(|(path, _)| path).collect()
}

/// Every choice of keeping and dropping whole changes.
fn all_choices(disk: &MemDisk) -> Vec<CrashChoice> {
    let pending = disk.pending();
    let choice = |bits: u32| {
        let mut choice = CrashChoice::drop_all();
        for (i, op) in pending.iter().enumerate() {
            choice.fates.insert(op.id, if bits >> i & 1 == 1 { Fate::Kept } else { Fate::Dropped });
        }
        choice
    };
    (0..1 << pending.len()).map(choice).collect()
}

#[test]
fn an_ordered_disk_keeps_a_prefix_of_the_names_across_directories() {
    let disk = disk_of(Personality::Ordered);
    for dir in ["/d", "/e"] {
        disk.create_dir(p(dir)).unwrap();
    }
    disk.sync_dir(p("/")).unwrap();
    disk.create(p("/d/1")).unwrap();
    disk.create(p("/e/2")).unwrap();
    disk.rename(p("/d/1"), p("/e/3")).unwrap();
    disk.remove_file(p("/e/2")).unwrap();
    let images: BTreeSet<Vec<PathBuf>> =
        all_choices(&disk).iter().map(|choice| names(&disk.crash_image(choice))).collect();
    let list = |files: &[&str]| {
        let mut list = vec![PathBuf::from("/d"), PathBuf::from("/e")];
        list.extend(files.iter().map(PathBuf::from));
        list.sort();
        list
    };
    let prefixes = [&[][..], &["/d/1"], &["/d/1", "/e/2"], &["/e/2", "/e/3"], &["/e/3"]].map(list);
    assert_eq!(images, prefixes.into());
}

#[test]
fn syncing_a_directory_of_an_ordered_disk_commits_the_names_of_all() {
    let disk = disk_of(Personality::Ordered);
    disk.create_dir(p("/d")).unwrap();
    disk.create(p("/d/f")).unwrap();
    disk.create(p("/g")).unwrap();
    disk.sync_dir(p("/d")).unwrap();
    assert_eq!(disk.pending(), []);
    assert_eq!(names(&disk.crash_image(&CrashChoice::drop_all())).len(), 3);
}

#[test]
fn no_length_survives_on_an_ordered_disk_without_what_it_covers() {
    let disk = disk_of(Personality::Ordered);
    disk.write_file("/f", b"12").unwrap();
    let file = disk.open(p("/f"), Access::ReadWrite).unwrap();
    file.append(b"34").unwrap();
    file.write_all_at(b"X", 0).unwrap();
    file.append(b"56").unwrap();
    let images: BTreeSet<Vec<u8>> = all_choices(&disk)
        .iter()
        .map(|choice| disk.crash_image(choice).read_file("/f").unwrap())
        .collect();
    let whole = ["12", "X2", "1234", "X234", "123456", "X23456"];
    assert_eq!(images, whole.map(|text| text.as_bytes().to_vec()).into());
    // A torn write in the old part is as legal as ever.
    let overwrite = disk.pending().into_iter().find(|op| op.kind.sectors() > 0 && op.id > 2);
    let mut choice = CrashChoice::drop_all();
    let zeros = Fate::Torn(vec![SectorRun { count: 1, fate: SectorFate::Zeros }]);
    let write = |op: &srdb_vfs::PendingOp| op.kind == PendingKind::Write { offset: 0, len: 1 };
    let id = disk.pending().iter().find(|op| write(op)).unwrap().id;
    assert!(overwrite.is_some());
    choice.fates.insert(id, zeros);
    assert_eq!(disk.crash_image(&choice).read_file("/f").unwrap(), b"\x002");
}

#[test]
fn an_illegal_choice_is_made_legal_and_a_legal_one_left_alone() {
    let disk = disk_of(Personality::Ordered);
    disk.create(p("/a")).unwrap();
    disk.create(p("/b")).unwrap();
    let ids: Vec<u64> = disk.pending().iter().map(|op| op.id).collect();
    let mut choice = CrashChoice::drop_all();
    choice.fates.insert(ids[1], Fate::Kept);
    let legal = disk.legal(&choice);
    assert_eq!((legal.fate(ids[0]), legal.fate(ids[1])), (&Fate::Dropped, &Fate::Dropped));
    assert_eq!(disk.legal(&legal), legal);
    disk.set_personality(Personality::Posix);
    assert_eq!(disk.legal(&choice), choice);
}

#[test]
fn a_lying_disk_acknowledges_syncs_and_loses_what_they_covered() {
    let disk = disk_of(Personality::Lying { percent: 100, seed: 1 });
    let file = disk.create(p("/f")).unwrap();
    file.append(b"x").unwrap();
    let pending = disk.pending();
    file.sync_all().unwrap();
    disk.sync_dir(p("/")).unwrap();
    assert!(disk.sync_dir(p("/none")).is_err());
    assert_eq!((disk.pending(), disk.lies()), (pending, 3));
    assert_eq!(disk.crash_image(&CrashChoice::drop_all()).list(), []);
    assert_eq!(disk.crash_image(&CrashChoice::keep_all()).read_file("/f").unwrap(), b"x");
}

#[test]
fn which_syncs_are_lies_follows_from_the_seed_and_goes_on_over_crashes() {
    let lies = |seed: u64| {
        let mut disk = disk_of(Personality::Lying { percent: 50, seed });
        let mut told = Vec::new();
        for round in 0..40 {
            if round % 10 == 9 {
                disk = disk.crash_image(&CrashChoice::keep_all());
            }
            let before = disk.lies();
            disk.sync_dir(p("/")).unwrap();
            told.push(disk.lies() - before);
        }
        told
    };
    assert_eq!(lies(7), lies(7));
    assert_ne!(lies(7), lies(8));
    let count: u64 = lies(7).iter().sum();
    assert!((8..32).contains(&count), "{count}");
    assert_ne!(lies(7)[..9], lies(7)[9..18], "not the same again after each crash");
}
