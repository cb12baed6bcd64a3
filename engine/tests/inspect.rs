//! Looking into single files: what is there is shown, whatever else the bytes are, and every
//! change to them is found.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use proptest::prelude::*;
use srdb::inspect::{Inspector, Kind, Part};
use srdb::vfs::{EntryKind, MemClock, MemDisk, Vfs};
use srdb::{Background, DataType, Database, Durability, Error, Field, Schema, row};

const ROWS: i64 = 70;

/// A database with two SSTs, their index files, a MANIFEST of some edits, and a log with rows.
fn disk() -> &'static MemDisk {
    static DISK: OnceLock<MemDisk> = OnceLock::new();
    DISK.get_or_init(|| make().unwrap_or_else(|e| panic!("{e}")))
}

fn make() -> srdb::Result<MemDisk> {
    let disk = MemDisk::new();
    let db = Database::builder("db")
        .vfs(Arc::new(disk.clone()))
        .clock(Arc::new(MemClock::new(1_000_000, 10)))
        .background(Background::Manual)
        .block_rows(16)
        .open()?;
    let schema = Schema::new([
        Field::new("n", DataType::Int64),
        Field::new("text", DataType::String).nullable().indexed(),
        Field::new("f", DataType::Float64),
        Field::new("d", DataType::Decimal).nullable(),
        Field::new("b", DataType::Bool),
    ])?;
    let table = db.create_table("t", schema)?;
    let rows = |from: i64, to: i64| {
        (from..to).map(|n| {
            let text = (n % 5 > 0).then(|| format!("text {}", n % 7));
            row! { "n" => n, "text" => text, "f" => n as f64 / 3.0, "d" => None::<i64>, "b" => n % 2 == 0 }
        })
    };
    for from in (0..ROWS).step_by(35) {
        table.insert_many(rows(from, from + 35))?;
        db.flush()?;
    }
    for from in 0..9 {
        table.insert_many_with(rows(from, from + 3), Durability::Disk)?;
    }
    Ok(disk.fork())
}

/// A file of that kind.
fn path_of(kind: Kind) -> PathBuf {
    let wanted = match kind {
        Kind::Wal => ".wal",
        Kind::Manifest => "MANIFEST-000001",
        Kind::Sst => ".sst",
        _ => ".idx",
    };
    let files = disk().list().into_iter().filter(|(_, kind)| *kind == EntryKind::File);
    let mut found = files.filter(|(path, _)| path.to_string_lossy().ends_with(wanted));
    // Of the log the last: those before it were flushed, and wait to be removed.
    let found = if kind == Kind::Wal { found.next_back() } else { found.next() };
    found.unwrap_or_else(|| panic!("a file of kind {kind:?}")).0
}

fn bytes_of(kind: Kind) -> Arc<Vec<u8>> {
    disk().content(path_of(kind)).unwrap_or_else(|| panic!("the bytes of a {kind:?}"))
}

fn look(inspector: &Inspector) -> (Vec<Part>, Vec<Error>) {
    let mut parts = Vec::new();
    let problems = inspector.run(|part| {
        // As the command prints them.
        assert!(!part.to_string().is_empty());
        assert!(serde_json::to_string(part).is_ok());
        parts.push(part.clone());
        ControlFlow::Continue(())
    });
    (parts, problems.unwrap_or_else(|e| panic!("{e}")))
}

/// The file with other bytes, in its place in the database or away from it.
fn look_at(kind: Kind, bytes: &[u8], in_place: bool) -> (Vec<Part>, Vec<Error>) {
    let disk = if in_place { disk().fork() } else { MemDisk::new() };
    let path = path_of(kind);
    let path = if in_place { path } else { PathBuf::from(path.file_name().unwrap_or_default()) };
    if in_place {
        disk.remove_file(&path).unwrap_or_else(|e| panic!("{e}"));
    }
    disk.write_file(&path, bytes).unwrap_or_else(|e| panic!("{e}"));
    look(&Inspector::new(kind, &path).vfs(Arc::new(disk)).rows(true))
}

fn count(parts: &[Part], name: &str) -> usize {
    parts.iter().filter(|part| part.name == name).count()
}

const KINDS: [Kind; 4] = [Kind::Wal, Kind::Manifest, Kind::Sst, Kind::Index];

#[test]
fn a_sound_file_is_shown_whole() {
    for in_place in [true, false] {
        let look = |kind| {
            let (parts, problems) = look_at(kind, &bytes_of(kind), in_place);
            assert_eq!(parts[0].name, "header");
            (parts, problems)
        };
        let (wal, problems) = look(Kind::Wal);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!((count(&wal, "record"), count(&wal, "row")), (9, 27));
        let (manifest, problems) = look(Kind::Manifest);
        assert!(problems.is_empty(), "{problems:?}");
        assert!(count(&manifest, "edit") > 4);
        let (sst, problems) = look(Kind::Sst);
        // 35 rows in blocks of 16.
        assert_eq!((count(&sst, "block"), count(&sst, "node")), (3, 1));
        assert_eq!(count(&sst, "row"), if in_place { 35 } else { 0 });
        assert_eq!(problems.is_empty(), in_place, "{problems:?}");
        let (index, problems) = look(Kind::Index);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!((count(&index, "leaf"), count(&index, "key")), (1, 7));
        assert_eq!((count(&index, "filter"), count(&index, "node")), (1, 1));
    }
}

#[test]
fn an_sst_away_from_its_database_takes_a_schema() {
    let (path, disk) = (Path::new("a.sst"), MemDisk::new());
    disk.write_file(path, &bytes_of(Kind::Sst)).unwrap_or_else(|e| panic!("{e}"));
    let schema = path_of(Kind::Sst).ancestors().nth(2).map(|table| table.join("schema.json"));
    let schema = schema.and_then(|path| self::disk().read_file(path)).unwrap_or_default();
    let schema = Schema::from_json(&String::from_utf8_lossy(&schema));
    let schema = schema.unwrap_or_else(|e| panic!("{e}"));
    let sst = Inspector::new(Kind::Sst, path).vfs(Arc::new(disk)).rows(true).schema(schema);
    let (parts, problems) = look(&sst);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(count(&parts, "row"), 35);
}

#[test]
fn records_are_read_without_their_header_where_the_database_is_known() {
    for kind in [Kind::Wal, Kind::Manifest] {
        let mut bytes = bytes_of(kind).to_vec();
        bytes[20] ^= 1;
        let name = if kind == Kind::Wal { "record" } else { "edit" };
        let whole = count(&look_at(kind, &bytes_of(kind), true).0, name);
        let (parts, problems) = look_at(kind, &bytes, true);
        assert_eq!(count(&parts, name), whole);
        assert_eq!(problems.len(), 1, "{problems:?}");
        let (parts, problems) = look_at(kind, &bytes, false);
        assert_eq!(count(&parts, name), 0);
        assert!(problems.iter().any(|p| p.to_string().contains("database's id")), "{problems:?}");

        let id = look_at(Kind::Wal, &bytes_of(Kind::Wal), true).0[0].fields.clone();
        let id = id.iter().find(|(name, _)| *name == "database_id").and_then(|(_, id)| id.as_u64());
        let (disk, path) = (MemDisk::new(), path_of(kind));
        let path = PathBuf::from(path.file_name().unwrap_or_default());
        disk.write_file(&path, &bytes).unwrap_or_else(|e| panic!("{e}"));
        let inspector = Inspector::new(kind, &path).vfs(Arc::new(disk));
        let (parts, _) = look(&inspector.database_id(id.unwrap_or_default()));
        assert_eq!(count(&parts, name), whole);
    }
}

#[test]
fn damage_in_the_middle_leaves_what_can_be_found() {
    let sst = bytes_of(Kind::Sst);
    let (parts, _) = look_at(Kind::Sst, &sst, true);
    let blocks: Vec<u64> = parts.iter().filter(|p| p.name == "block").map(|p| p.offset).collect();
    let mut bytes = sst.to_vec();
    bytes[blocks[1] as usize + 9] ^= 4;
    let (parts, problems) = look_at(Kind::Sst, &bytes, true);
    assert_eq!((count(&parts, "block"), count(&parts, "row")), (2, 16 + 3));
    let at = |p: &Error| matches!(p, Error::Corrupt { offset, .. } if *offset / 8 == blocks[1] / 8);
    assert!(problems.iter().any(at), "{problems:?}");

    let wal = bytes_of(Kind::Wal);
    let (parts, _) = look_at(Kind::Wal, &wal, true);
    let records: Vec<_> = parts.iter().filter(|part| part.name == "record").collect();
    let mut bytes = wal.to_vec();
    bytes[records[3].offset as usize + 50] ^= 4;
    let (parts, problems) = look_at(Kind::Wal, &bytes, true);
    assert_eq!(count(&parts, "record"), 3);
    let [Error::Corrupt { offset, what, .. }] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!(*offset, records[3].offset);
    assert!(what.contains("was synced"), "{what}");
}

#[test]
fn breaking_off_ends_the_run() {
    for kind in KINDS {
        let inspector = Inspector::new(kind, path_of(kind)).vfs(Arc::new(disk().fork())).rows(true);
        let mut seen = 0;
        let found = inspector.run(|_| {
            seen += 1;
            if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(found.is_ok() && seen == 2, "{kind:?}: {seen} parts, {found:?}");
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(&KINDS[..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_changed_byte_is_found(kind in kinds(), at in any::<prop::sample::Index>(), xor in 1u8..) {
        let mut bytes = bytes_of(kind).to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= xor;
        let (_, problems) = look_at(kind, &bytes, true);
        prop_assert!(!problems.is_empty(), "byte {at} of a {kind:?}");
        look_at(kind, &bytes, false);
    }

    #[test]
    fn a_cut_file_is_read_up_to_the_cut(kind in kinds(), at in any::<prop::sample::Index>()) {
        let bytes = bytes_of(kind);
        let at = at.index(bytes.len());
        for in_place in [true, false] {
            let (parts, problems) = look_at(kind, &bytes[..at], in_place);
            // A log or a MANIFEST may end behind any of its records.
            let may_end = matches!(kind, Kind::Wal | Kind::Manifest) && !parts.is_empty();
            prop_assert!(may_end || !problems.is_empty(), "{kind:?} cut at {at}");
        }
    }

    #[test]
    fn any_bytes_are_borne(
        kind in kinds(),
        patches in prop::collection::vec((any::<prop::sample::Index>(), any::<[u8; 8]>()), 1..8),
        more in prop::collection::vec(any::<u8>(), 0..64),
        mend in any::<bool>(),
    ) {
        let mut bytes = bytes_of(kind).to_vec();
        for (at, patch) in patches {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + patch.len());
            bytes[at..end].copy_from_slice(&patch[..end - at]);
        }
        bytes.extend(more);
        if mend && matches!(kind, Kind::Sst | Kind::Index) {
            // A header that says what it likes, with a checksum that holds.
            let crc = crc32fast::hash(&bytes[..252]);
            bytes[252..256].copy_from_slice(&crc.to_le_bytes());
        }
        look_at(kind, &bytes, true);
        look_at(kind, &bytes, false);
    }

    #[test]
    fn a_header_that_lies_is_borne(
        kind in prop::sample::select(vec![Kind::Sst, Kind::Index]),
        at in 10usize..240,
        patch in prop::sample::select(vec![[0u8; 8], [255; 8], [1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 128]]),
    ) {
        let mut bytes = bytes_of(kind).to_vec();
        bytes[at..at + 8].copy_from_slice(&patch);
        let crc = crc32fast::hash(&bytes[..252]);
        bytes[252..256].copy_from_slice(&crc.to_le_bytes());
        look_at(kind, &bytes, true);
        look_at(kind, &bytes, false);
    }
}
