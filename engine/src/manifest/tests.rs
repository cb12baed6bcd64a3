//! The MANIFEST under crashes, tears, rot and failing calls.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use srdb_vfs::{
    CrashChoice, Fate, Fault, FaultKind, MemDisk, OpKind, PendingKind, SectorFate, SectorRun, Vfs,
};

use super::*;
use crate::edit::{Change, VersionEdit};
use crate::error::{Error, Result};
use crate::format::manifest::{HEADER_BYTES, Meta, RecordKind, encode_record};
use crate::sst::SstMeta;
use crate::version::Version;

const META: Meta = Meta { database_id: 0x1234_5678_9ABC, created_time: 99 };

fn dir() -> &'static Path {
    Path::new("/db")
}

/// A disk with the directory in which a database may be created.
fn disk() -> MemDisk {
    let disk = MemDisk::new();
    disk.create_dir(dir()).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

fn loaded(disk: &MemDisk) -> Box<Loaded> {
    match load(disk, dir()).unwrap() {
        Found::Database(loaded) => loaded,
        other => panic!("{other:?}"),
    }
}

fn sst(file_number: u64, min_seq: i64, max_seq: i64) -> SstMeta {
    SstMeta {
        file_number,
        size: 4096,
        crc: 7,
        rows: (max_seq - min_seq + 1) as u64,
        blocks: 1,
        min_seq,
        max_seq,
        min_time: min_seq,
        max_time: max_seq,
    }
}

fn edits() -> Vec<VersionEdit> {
    let schema = Arc::from([1u8, 2, 3]);
    vec![
        VersionEdit::new(vec![Change::CreateTable {
            id: 1,
            name: "readings".into(),
            schema,
            created_time: 5,
        }]),
        VersionEdit::new(vec![Change::NextFile(4), Change::LogNumber(3)]),
        VersionEdit::new(vec![
            Change::AddSst { table: 1, meta: sst(4, 1, 100) },
            Change::NextFile(6),
            Change::LogNumber(5),
            Change::LastCommit(8),
        ]),
    ]
}

fn push(writer: &mut ManifestWriter, version: &mut Version, edit: &VersionEdit) -> Result<()> {
    let next = version.apply(edit).unwrap();
    writer.append(edit)?;
    writer.sync()?;
    *version = next;
    Ok(())
}

/// A database with all of `edits()`, and the versions after each of them.
fn filled(disk: &MemDisk) -> (ManifestWriter, Vec<Version>) {
    create(disk, dir(), &META).unwrap();
    let found = loaded(disk);
    let mut writer = ManifestWriter::resume(disk, dir(), &found).unwrap();
    let mut version = found.version;
    let mut versions = vec![version.clone()];
    for edit in edits() {
        push(&mut writer, &mut version, &edit).unwrap();
        versions.push(version.clone());
    }
    (writer, versions)
}

fn manifest_path() -> PathBuf {
    dir().join("MANIFEST-000001")
}

/// A disk whose database has these bytes for a MANIFEST.
fn with_manifest(disk: &MemDisk, bytes: &[u8]) -> MemDisk {
    let disk = disk.fork();
    disk.write_file(manifest_path(), bytes).unwrap();
    disk
}

fn names_file(error: &Error, path: &Path) -> bool {
    match error {
        Error::Corrupt { path: named, .. } | Error::Unsupported { path: named, .. } => {
            named == path
        }
        _ => false,
    }
}

#[test]
fn reopening_gives_the_version_that_was_written() {
    let disk = disk();
    let (mut writer, versions) = filled(&disk);
    let found = loaded(&disk);
    assert_eq!(&found.version, versions.last().unwrap());
    assert_eq!((found.meta, found.next_edit, found.clean_close), (META, 5, false));
    writer.append(&VersionEdit::close()).unwrap();
    assert!(!writer.is_synced());
    writer.sync().unwrap();
    let found = loaded(&disk);
    assert!(found.clean_close && found.torn_tail.is_none());
    assert_eq!(&found.version, versions.last().unwrap());
    assert!(verify(&disk, dir()).is_empty());
    // A closed database goes on, and is then no longer a cleanly closed one.
    let mut writer = ManifestWriter::resume(&disk, dir(), &found).unwrap();
    writer.append(&VersionEdit::new(vec![Change::NextFile(50)])).unwrap();
    let found = loaded(&disk);
    assert_eq!((found.version.next_file, found.clean_close), (50, false));
}

#[test]
fn the_tail_is_cut_wherever_it_was_torn() {
    let disk = disk();
    let (_, versions) = filled(&disk);
    let bytes = disk.read_file(manifest_path()).unwrap();
    let last = scan::scan(&bytes, META.database_id, 1).unwrap().records.pop().unwrap();
    let start = last.offset as usize;
    for len in start..bytes.len() {
        let mut zeroed = bytes.clone();
        zeroed[len..].fill(0);
        for torn in [bytes[..len].to_vec(), zeroed] {
            let whole = torn == bytes;
            let disk = with_manifest(&disk, &torn);
            let found = loaded(&disk);
            let tail = (torn.len() > start && !whole).then_some(start as u64..torn.len() as u64);
            assert_eq!(found.torn_tail, tail, "cut at {len}");
            assert_eq!(found.version, versions[if whole { 3 } else { 2 }], "cut at {len}");
            assert_eq!(verify(&disk, dir()).is_empty(), tail.is_none());
            let mut writer = ManifestWriter::resume(&disk, dir(), &found).unwrap();
            let edit = VersionEdit::new(vec![Change::NextFile(77)]);
            push(&mut writer, &mut found.version.clone(), &edit).unwrap();
            let again = loaded(&disk.crash_image(&CrashChoice::drop_all()));
            assert_eq!(again.version.next_file, 77);
            assert!(again.torn_tail.is_none());
        }
    }
}

#[test]
fn any_flipped_byte_of_a_closed_database_is_found_or_harmless() {
    let disk = disk();
    let (mut writer, versions) = filled(&disk);
    writer.append(&VersionEdit::close()).unwrap();
    writer.sync().unwrap();
    let want = versions.last().unwrap();
    let mut harmless = 0;
    for name in ["MANIFEST-000001", "CURRENT", "database.meta"] {
        let path = dir().join(name);
        let len = disk.read_file(&path).unwrap().len();
        for (at, xor) in (0..len).flat_map(|at| [(at, 1u8), (at, 0x80), (at, 0xFF)]) {
            let disk = disk.fork();
            disk.corrupt(&path, at as u64, xor).unwrap();
            match load(&disk, dir()) {
                Ok(Found::Database(found)) => {
                    assert_eq!(&found.version, want, "{name} at {at}");
                    assert!(!found.clean_close && found.torn_tail.is_some());
                    harmless += 1;
                }
                Ok(other) => panic!("{name} at {at}: {other:?}"),
                Err(error) => assert!(names_file(&error, &path), "{name} at {at}: {error}"),
            }
            assert!(!verify(&disk, dir()).is_empty(), "{name} at {at}");
        }
    }
    // Only the record of the close itself may rot unnoticed: header, count, tag, length, padding.
    assert_eq!(harmless, 3 * (24 + 16));
}

#[test]
fn rot_in_a_synced_record_of_a_crashed_database_is_corruption() {
    let disk = disk();
    filled(&disk);
    let bytes = disk.read_file(manifest_path()).unwrap();
    let scanned = scan::scan(&bytes, META.database_id, 1).unwrap();
    let last = scanned.records.last().unwrap().offset as usize;
    for at in HEADER_BYTES..last {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        // Even if the write of the last record was torn, beyond its header.
        for len in [bytes.len(), last + 24] {
            let error = load(&with_manifest(&disk, &bytes[..len]), dir()).unwrap_err();
            assert!(names_file(&error, &manifest_path()), "{at}: {error}");
        }
    }
}

#[test]
fn a_record_in_another_place_or_of_another_file_does_not_count() {
    let disk = disk();
    let (_, versions) = filled(&disk);
    let bytes = disk.read_file(manifest_path()).unwrap();
    let records = scan::scan(&bytes, META.database_id, 1).unwrap().records;
    let last = records.last().unwrap().offset as usize;
    // The last record again, behind itself: stale bytes, not a record.
    let mut twice = bytes.clone();
    twice.extend_from_slice(&bytes[last..]);
    let found = loaded(&with_manifest(&disk, &twice));
    assert_eq!(&found.version, versions.last().unwrap());
    assert_eq!(found.torn_tail, Some(bytes.len() as u64..twice.len() as u64));
    // The whole file under another number, or in another database.
    assert!(scan::scan(&bytes, META.database_id, 2).is_err());
    assert!(scan::scan(&bytes, META.database_id + 1, 1).is_err());
}

#[test]
fn a_failed_append_is_undone_and_a_failed_sync_ends_the_writer() {
    for kind in [FaultKind::Eio, FaultKind::StorageFull { bytes: 30 }] {
        let disk = disk();
        let (mut writer, versions) = filled(&disk);
        let edit = VersionEdit::new(vec![Change::NextFile(20)]);
        disk.inject(Fault::new(OpKind::Write, 1, kind));
        assert!(matches!(writer.append(&edit), Err(Error::Io { .. })));
        assert_eq!(writer.failure(), None);
        for choice in [CrashChoice::keep_all(), CrashChoice::drop_all()] {
            let found = loaded(&disk.crash_image(&choice));
            assert_eq!((&found.version, &found.torn_tail), (versions.last().unwrap(), &None));
        }
        writer.append(&edit).unwrap();
        disk.inject(Fault::new(OpKind::Sync, 1, FaultKind::SyncFail));
        assert!(matches!(writer.sync(), Err(Error::Io { .. })));
        assert!(writer.failure().is_some());
        assert!(matches!(writer.sync(), Err(Error::Poisoned { .. })));
        assert!(matches!(writer.append(&edit), Err(Error::Poisoned { .. })));
    }
}

#[test]
fn a_failed_append_that_can_not_be_undone_ends_the_writer() {
    for op in [OpKind::SetLen, OpKind::Sync] {
        let disk = disk();
        let (mut writer, _) = filled(&disk);
        let edit = VersionEdit::new(vec![Change::NextFile(20)]);
        disk.inject(Fault::new(OpKind::Write, 1, FaultKind::EioAfter { bytes: 99 }));
        disk.inject(Fault::new(op, 1, FaultKind::Eio));
        assert!(matches!(writer.append(&edit), Err(Error::Io { .. })));
        assert!(writer.failure().is_some());
        assert!(matches!(writer.append(&edit), Err(Error::Poisoned { .. })));
    }
}

/// The images that a crash now may leave: all, nothing, each pending change alone kept or alone
/// lost, and writes torn in the ways of one sector.
fn images(disk: &MemDisk) -> Vec<MemDisk> {
    let mut choices = vec![CrashChoice::keep_all(), CrashChoice::drop_all()];
    for op in disk.pending() {
        for (base, fate) in
            [(CrashChoice::drop_all(), Fate::Kept), (CrashChoice::keep_all(), Fate::Dropped)]
        {
            let mut choice = base;
            choice.fates.insert(op.id, fate);
            choices.push(choice);
        }
        if let PendingKind::Write { .. } = op.kind {
            for fate in [SectorFate::Zeros, SectorFate::Garbage { seed: 3 }] {
                let mut choice = CrashChoice::keep_all();
                let run = SectorRun { count: op.kind.sectors(), fate };
                choice.fates.insert(op.id, Fate::Torn(vec![run]));
                choices.push(choice);
            }
        }
    }
    choices.iter().map(|choice| disk.crash_image(choice)).collect()
}

/// Goes on with whatever is there: creates, or resumes and appends; then once more after a crash.
fn recovers(disk: &MemDisk, allowed: &[Version]) {
    match load(disk, dir()).unwrap() {
        Found::Database(found) => {
            assert!(allowed.contains(&found.version), "{:?}", found.version);
            let mut writer = ManifestWriter::resume(disk, dir(), &found).unwrap();
            for stale in leftovers(disk, dir(), writer.file_number()).unwrap() {
                disk.remove_file(&stale).unwrap();
            }
            let mut version = found.version.clone();
            let edit = VersionEdit::new(vec![Change::LastCommit(1_000)]);
            push(&mut writer, &mut version, &edit).unwrap();
            for image in images(disk) {
                assert_eq!(loaded(&image).version, version);
            }
        }
        Found::Absent | Found::HalfCreated => {
            assert!(allowed.is_empty(), "the database is gone");
            create(disk, dir(), &META).unwrap();
            for image in images(disk) {
                assert_eq!(loaded(&image).version.next_file, 2);
            }
        }
        Found::Foreign(name) => panic!("{name:?}"),
    }
}

#[test]
fn a_switch_that_is_cut_short_leaves_the_old_manifest_or_the_new() {
    let steps = SwitchStep::Done as usize;
    for stop in 0..=steps {
        let disk = disk();
        let (writer, versions) = filled(&disk);
        let mut newest = versions.last().unwrap().clone();
        let mut writer = writer;
        push(&mut writer, &mut newest, &VersionEdit::new(vec![Change::NextFile(10)])).unwrap();
        let snapshot = newest.to_snapshot_edit();
        let mut switch = ManifestSwitch::begin(dir(), writer, 9, &snapshot).unwrap();
        for _ in 0..stop {
            let before = switch.next_step();
            let calls = disk.calls();
            switch.step(&disk).unwrap();
            assert!(disk.calls() <= calls + 1, "{before:?} makes more than one call");
        }
        let allowed = [newest.clone()];
        for image in images(&disk) {
            recovers(&image, &allowed);
        }
        recovers(&disk.process_crash(), &allowed);
        // The same process goes on, too, wherever it stopped.
        let undecided = switch.next_step() == SwitchStep::SyncSwitch;
        let mut writer = switch.into_writer();
        assert_eq!(writer.failure().is_some(), undecided, "after {stop} steps");
        if !undecided {
            let edit = VersionEdit::new(vec![Change::NextFile(11)]);
            push(&mut writer, &mut newest, &edit).unwrap();
            for image in images(&disk) {
                assert_eq!(loaded(&image).version, newest, "after {stop} steps");
            }
        }
        if stop == steps {
            assert_eq!(writer.file_number(), 9);
            assert!(disk.read_file(manifest_path()).is_none());
            assert!(verify(&disk, dir()).is_empty());
        }
    }
}

#[test]
fn a_switch_that_fails_gives_back_the_writer_that_counts() {
    let kinds = [OpKind::Create, OpKind::Write, OpKind::Sync, OpKind::SyncDir, OpKind::Rename];
    for (op, nth) in kinds.into_iter().flat_map(|op| [(op, 1), (op, 2)]) {
        for error in [FaultKind::Eio, FaultKind::EioAfter { bytes: 5 }] {
            let disk = disk();
            let (mut writer, versions) = filled(&disk);
            let mut newest = versions.last().unwrap().clone();
            push(&mut writer, &mut newest, &VersionEdit::new(vec![Change::NextFile(10)])).unwrap();
            let snapshot = newest.to_snapshot_edit();
            let mut switch = ManifestSwitch::begin(dir(), writer, 9, &snapshot).unwrap();
            disk.inject(Fault::new(op, nth, error));
            let failed = loop {
                match switch.step(&disk) {
                    Ok(true) => break false,
                    Ok(false) => {}
                    Err(_) => break true,
                }
            };
            let at = switch.next_step();
            let poisoned = failed && at >= SwitchStep::Rename && at <= SwitchStep::SyncSwitch;
            let mut writer = switch.into_writer();
            assert_eq!(writer.failure().is_some(), poisoned, "{op:?} {nth} at {at:?}");
            if !poisoned {
                disk.clear_faults();
                let edit = VersionEdit::new(vec![Change::NextFile(12)]);
                push(&mut writer, &mut newest, &edit).unwrap();
            }
            for image in images(&disk) {
                assert_eq!(loaded(&image).version, newest, "{op:?} {nth} at {at:?}");
            }
        }
    }
}

#[test]
fn creation_may_crash_at_every_call() {
    let counted = disk();
    let before = counted.calls();
    create(&counted, dir(), &META).unwrap();
    let empty = loaded(&counted).version;
    for call in before + 1..=counted.calls() + 1 {
        let disk = disk();
        disk.crash_at(call);
        let done = create(&disk, dir(), &META).is_ok();
        assert_eq!(done, call > counted.calls());
        let mut all = images(&disk);
        all.push(disk.process_crash());
        for image in all {
            match load(&image, dir()).unwrap() {
                Found::Database(_) => recovers(&image, std::slice::from_ref(&empty)),
                _ => {
                    assert!(!done, "the database is gone");
                    recovers(&image, &[]);
                }
            }
        }
    }
}

#[test]
fn a_directory_is_told_for_what_it_is() {
    let vfs = disk();
    let found = |vfs: &MemDisk| load(vfs, dir());
    assert!(matches!(load(&vfs, Path::new("/nowhere")), Ok(Found::Absent)));
    assert!(matches!(found(&vfs), Ok(Found::Absent)));
    vfs.write_file(dir().join("LOCK"), b"").unwrap();
    assert!(matches!(found(&vfs), Ok(Found::Absent)));
    vfs.write_file(dir().join("holiday.jpg"), b"").unwrap();
    assert!(matches!(found(&vfs), Ok(Found::Foreign(name)) if name == "holiday.jpg"));

    let full = disk();
    filled(&full);
    let lose = |names: &[&str]| {
        let vfs = full.fork();
        for name in names {
            vfs.remove_file(&dir().join(name)).unwrap();
        }
        vfs
    };
    let missing = |vfs: &MemDisk, name: &str| {
        let error = found(vfs).unwrap_err();
        assert!(names_file(&error, &dir().join(name)), "{error}");
        assert!(!verify(vfs, dir()).is_empty());
    };
    missing(&lose(&["database.meta"]), "database.meta");
    missing(&lose(&["MANIFEST-000001"]), "MANIFEST-000001");
    assert!(matches!(found(&lose(&["CURRENT"])), Ok(Found::HalfCreated)));
    let vfs = lose(&["CURRENT"]);
    vfs.write_file(dir().join("wal/000003.wal"), b"").unwrap();
    missing(&vfs, "CURRENT");
    let vfs = lose(&["CURRENT", "MANIFEST-000001", "database.meta"]);
    vfs.create_dir(&dir().join("tables/1-readings")).unwrap();
    missing(&vfs, "CURRENT");
    let vfs = lose(&["CURRENT"]);
    vfs.write_file(dir().join("MANIFEST-000002"), b"").unwrap();
    missing(&vfs, "CURRENT");
}

/// The bytes of the MANIFEST, one more record behind them.
fn with_record(disk: &MemDisk, kind: RecordKind, skip: u64, payload: &[u8]) -> Vec<u8> {
    let found = loaded(disk);
    let mut bytes = disk.read_file(manifest_path()).unwrap();
    let number = found.next_edit + skip;
    bytes.extend(encode_record(&found.header, found.end, kind, number, payload));
    bytes
}

#[test]
fn a_later_edit_is_unsupported_and_a_senseless_one_corrupt() {
    let close = VersionEdit::close().encode();
    let mut unknown = close.clone();
    unknown[4] = 200;
    let senseless = VersionEdit::new(vec![Change::DropTable { id: 77 }]).encode();
    let cases = [
        (RecordKind::Edit, 0, unknown, false),
        (RecordKind::Edit, 0, senseless, true),
        (RecordKind::Edit, 0, close[..9].to_vec(), true),
        (RecordKind::Edit, 1, close.clone(), true),
        (RecordKind::Snapshot, 0, close, true),
    ];
    for (kind, skip, payload, corrupt) in cases {
        let disk = disk();
        filled(&disk);
        let bytes = with_record(&disk, kind, skip, &payload);
        let disk = with_manifest(&disk, &bytes);
        let error = load(&disk, dir()).unwrap_err();
        assert_eq!(matches!(error, Error::Corrupt { .. }), corrupt, "{error}");
        assert!(names_file(&error, &manifest_path()), "{error}");
        assert_eq!(verify(&disk, dir()).len(), 1);
    }
}

#[test]
fn a_close_with_anything_behind_it_is_not_a_clean_one() {
    let disk = disk();
    filled(&disk);
    let mut bytes = with_record(&disk, RecordKind::Edit, 0, &VersionEdit::close().encode());
    assert!(loaded(&with_manifest(&disk, &bytes)).clean_close);
    bytes.push(0);
    assert!(!loaded(&with_manifest(&disk, &bytes)).clean_close);
}

#[test]
fn what_was_resumed_is_durable_though_the_process_died_before_it_synced() {
    let disk = disk();
    let (mut writer, _) = filled(&disk);
    writer.append(&VersionEdit::new(vec![Change::NextFile(99)])).unwrap();
    let disk = disk.process_crash();
    let found = loaded(&disk);
    assert_eq!(found.version.next_file, 99);
    ManifestWriter::resume(&disk, dir(), &found).unwrap();
    let after = loaded(&disk.crash_image(&CrashChoice::drop_all()));
    assert_eq!(after.version.next_file, 99);
}

#[test]
fn golden_bytes_of_a_new_database() {
    let disk = disk();
    create(&disk, dir(), &META).unwrap();
    let mut hash = crc32fast::Hasher::new();
    for name in ["database.meta", "CURRENT", "MANIFEST-000001"] {
        hash.update(&disk.read_file(dir().join(name)).unwrap());
    }
    assert_eq!(disk.read_file(manifest_path()).unwrap().len(), 64 + 24 + 24);
    // Computed from docs/format.md alone, in another language.
    assert_eq!(hash.finalize(), 0xE8C2_B5D4);
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(tail in any::<Vec<u8>>(), at in 0usize..400, byte in any::<u8>()) {
        let disk = disk();
        filled(&disk);
        let mut bytes = disk.read_file(manifest_path()).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.extend(tail);
        let _ = scan::scan(&bytes, META.database_id, 1);
        let _ = scan::scan(&bytes[at..], META.database_id, 1);
        let disk = with_manifest(&disk, &bytes);
        let _ = load(&disk, dir());
        let _ = verify(&disk, dir());
    }
}
