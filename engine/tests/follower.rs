//! A database that is read beside its writer: what is seen, when, and that nothing is touched.

#![expect(clippy::disallowed_methods, reason = "a test that compares the files that lie there")]

use std::fs;
use std::path::Path;

use srdb::{Background, DataType, Database, Durability, Error, Field, Follower, Job, Schema, row};

fn schema() -> Schema {
    Schema::new([
        Field::new("n", DataType::Int64).indexed(),
        Field::new("text", DataType::String).nullable(),
    ])
    .expect("a schema")
}

fn open(path: &Path) -> Database {
    let builder = Database::builder(path).background(Background::Manual).wal_zero_ahead(0);
    builder.carry_bytes_max(0).open().expect("a database")
}

fn numbers(follower: &Follower, table: &str) -> Vec<i64> {
    let table = follower.table(table).expect("the table");
    let rows = table.scan(..).expect("a scan").map(|row| row.expect("a row"));
    rows.map(|row| row.get("n").and_then(|n| n.as_i64()).expect("a number")).collect()
}

/// Every file of a directory with its content.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(&dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path.display().to_string();
            match path.is_dir() {
                true => {
                    found.push((name, Vec::new()));
                    left.push(path);
                }
                false => found.push((name, fs::read(&path).expect("a file"))),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_follower_moves_when_it_is_told_to_and_its_snapshots_never_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(dir.path());
    let t = db.create_table("t", schema()).expect("a table");
    t.insert(row! { "n" => 1 }).expect("a row");
    let follower = Database::follow(dir.path()).expect("a follower");
    let first = follower.table("t").expect("the table");
    assert!(!follower.refresh().expect("a refresh"), "nothing is new");
    t.insert(row! { "n" => 2 }).expect("a row");
    assert_eq!(numbers(&follower, "t"), [1]);
    assert!(follower.refresh().expect("a refresh"));
    assert_eq!(numbers(&follower, "t"), [1, 2]);
    assert_eq!((first.count(), first.query().gte("n", 0).count().ok()), (1, Some(1)));
    t.insert_with(row! { "n" => 3 }, Durability::Memory).expect("a row");
    follower.refresh().expect("a refresh");
    assert_eq!(numbers(&follower, "t"), [1, 2], "it is in the writer's memory only");
    db.sync().expect("a sync");
    assert!(follower.refresh().expect("a refresh"));
    assert_eq!((numbers(&follower, "t"), follower.last_commit()), (vec![1, 2, 3], 3));
}

#[test]
fn what_a_follower_sees_stays_when_the_writer_removes_its_files() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(dir.path());
    let t = db.create_table("t", schema()).expect("a table");
    let all: Vec<i64> = (0..30).collect();
    for part in all.chunks(10) {
        t.insert_many(part.iter().map(|n| row! { "n" => *n })).expect("rows");
        db.flush().expect("a flush");
    }
    let follower = Database::follow(dir.path()).expect("a follower");
    let old = follower.table("t").expect("the table");
    db.compact().expect("a merge");
    while db.step(Job::Delete).expect("a step") != srdb::Progress::Idle {}
    assert_eq!(numbers(&follower, "t"), all);
    assert_eq!(old.query().eq("n", 17).count().ok(), Some(1), "by an index file that is gone");
    assert!(follower.refresh().expect("a refresh"));
    assert_eq!(numbers(&follower, "t"), all);
    db.drop_table("t").expect("a drop");
    while db.step(Job::Delete).expect("a step") != srdb::Progress::Idle {}
    assert_eq!(numbers(&follower, "t"), all);
    assert!(follower.refresh().expect("a refresh"));
    assert!(matches!(follower.table("t"), Err(Error::NoTable { .. })));
    assert!(follower.tables().is_empty());
    assert_eq!(old.query().eq("n", 17).count().ok(), Some(1));
}

#[test]
fn it_goes_on_over_rotations_closes_and_reopenings() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut db = open(dir.path());
    db.create_table("t", schema()).expect("a table");
    let follower = Database::follow(dir.path()).expect("a follower");
    let mut all = Vec::new();
    for n in 0..40 {
        let t = db.table("t").expect("the table");
        t.insert(row! { "n" => n }).expect("a row");
        all.push(n);
        match n % 8 {
            2 => drop(db.rotate().expect("a rotation")),
            4 => db.flush().expect("a flush"),
            5 => {
                db.close().expect("a close");
                db = open(dir.path());
            }
            // The writer dies.
            6 => {
                drop((t, db));
                db = open(dir.path());
            }
            _ => {}
        }
        follower.refresh().expect("a refresh");
        assert_eq!(numbers(&follower, "t"), all);
    }
}

#[test]
fn it_touches_nothing_and_needs_no_writer() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("db");
    assert!(matches!(Database::follow(&path), Err(Error::NoDatabase { .. })));
    assert!(!path.exists());
    let db = open(&path);
    let t = db.create_table("t", schema()).expect("a table");
    t.insert_many((0..10).map(|n| row! { "n" => n })).expect("rows");
    drop((t, db));
    fs::remove_file(path.join("LOCK")).expect("a lock");
    // A crash has torn the last write.
    let segment = path.join("wal/000001.wal");
    let mut log = fs::read(&segment).expect("a log");
    log.extend([7; 20]);
    fs::write(&segment, log).expect("a log");
    let before = contents(&path);
    let follower = Database::follow(&path).expect("a follower");
    assert_eq!(numbers(&follower, "t"), (0..10).collect::<Vec<_>>());
    follower.refresh().expect("a refresh");
    assert_eq!(numbers(&follower, "t"), (0..10).collect::<Vec<_>>());
    assert!(contents(&path) == before, "nothing is changed");
}

#[test]
fn a_file_that_is_missing_is_damage_where_nobody_has_removed_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(dir.path());
    let t = db.create_table("t", schema()).expect("a table");
    t.insert(row! { "n" => 1 }).expect("a row");
    db.flush().expect("a flush");
    let follower = Database::follow(dir.path()).expect("a follower");
    let sst = contents(dir.path()).into_iter().find(|(name, _)| name.ends_with(".sst"));
    let (sst, _) = sst.expect("an SST");
    fs::remove_file(&sst).expect("the SST");
    t.insert(row! { "n" => 2 }).expect("a row");
    follower.refresh().expect("it is open");
    assert_eq!(numbers(&follower, "t"), [1, 2]);
    match Database::follow(dir.path()) {
        Err(Error::Corrupt { path, what, .. }) => {
            assert!(path.display().to_string() == sst && what.contains("missing"), "{what}");
        }
        other => panic!("a missing file gave {other:?}"),
    }
}
