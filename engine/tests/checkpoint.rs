//! Checkpoints through the public API: whole, of one moment, and nobody's harm.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use srdb::vfs::{Access, Fault, FaultKind, MemDisk, OpKind, Vfs};
use srdb::{Background, DataType, Database, Durability, Error, Field, Progress, Schema, row};

fn schema() -> Schema {
    let fields = [Field::new("n", DataType::Int64), Field::new("twin", DataType::String).indexed()];
    Schema::new(fields).expect("a schema")
}

fn on(disk: &MemDisk, path: &str) -> Database {
    let builder = Database::builder(path).vfs(Arc::new(disk.clone()));
    builder.background(Background::Manual).open().expect("it opens")
}

/// Rows in SSTs, rows in memory, and a table without any.
fn filled(disk: &MemDisk) -> Database {
    let db = on(disk, "/db");
    for name in ["a", "b", "empty"] {
        db.create_table(name, schema()).expect("a table");
    }
    for round in 0..3 {
        for name in ["a", "b"] {
            let rows = (0..100).map(|n| row! { "n" => round * 100 + n, "twin" => n.to_string() });
            db.table(name).expect("there").insert_many(rows).expect("rows");
        }
        if round < 2 {
            db.flush().expect("a flush");
        }
    }
    db
}

fn counts(db: &Database) -> Vec<u64> {
    db.tables().iter().map(|name| db.table(name).expect("there").count()).collect()
}

#[test]
fn a_checkpoint_is_a_database_of_the_moment_and_leaves_the_other_as_it_was() {
    let disk = MemDisk::new();
    let db = filled(&disk);
    let before = db.stats();
    let mut checkpoint = db.begin_checkpoint("/copy").expect("it begins");
    db.table("a").expect("there").insert(row! { "n" => 1, "twin" => "later" }).expect("a row");
    db.drop_table("b").expect("dropped");
    db.flush().expect("a flush");
    while let Some(job) = db.jobs().first().copied()
        && db.step(job).expect("a job") != Progress::Idle
    {}
    while checkpoint.step().expect("a step") == Progress::More {}
    let copy = on(&disk, "/copy");
    assert_eq!(
        (copy.tables(), counts(&copy)),
        (vec!["a".into(), "b".into(), "empty".into()], vec![300, 300, 0])
    );
    assert_eq!(copy.stats().last_commit, before.last_commit);
    let found = copy.table("b").expect("there").query().filter(srdb::col("twin").eq("7")).count();
    assert_eq!(found.expect("an answer"), 3);
    assert!(copy.jobs().is_empty(), "its indexes are complete");
    assert!(copy.verify().expect("verified").is_clean());
    copy.table("b").expect("there").insert(row! { "n" => 9, "twin" => "own" }).expect("a row");
    copy.drop_table("a").expect("dropped");
    copy.close().expect("closed");
    assert!(db.verify().expect("verified").is_clean());
    assert_eq!(counts(&db), [301, 0]);
}

#[test]
fn what_is_linked_takes_no_room_and_what_cant_be_is_copied() {
    for has_links in [true, false] {
        let disk = MemDisk::new();
        let db = filled(&disk);
        disk.set_links(has_links);
        db.checkpoint("/copy").expect("a checkpoint");
        let copy = on(&disk, "/copy");
        assert_eq!(counts(&copy), [300, 300, 0]);
        assert!(copy.verify().expect("verified").is_clean());
        let links = disk.op_count(OpKind::HardLink);
        assert_eq!(links, 8, "an SST and an index file of two tables, flushed twice");
        let creates = disk.op_count(OpKind::Create);
        drop((copy, db));
        let sst = disk.list().into_iter().map(|(path, _)| path);
        let sst = sst.filter(|path| {
            path.starts_with("/copy") && path.extension().is_some_and(|e| e == "sst")
        });
        let first = sst.min().expect("an SST");
        // Written through one name it shows under the other, if they are names of one file.
        disk.open(&first, Access::ReadWrite)
            .expect("opened")
            .write_all_at(b"X", 300)
            .expect("written");
        let damaged = on(&disk, "/db").verify().expect("verified");
        assert_eq!(damaged.is_clean(), !has_links, "{creates} {:?}", damaged.problems);
    }
}

#[test]
fn a_place_that_is_taken_or_makes_no_sense_is_refused_and_left_alone() {
    let disk = MemDisk::new();
    let db = filled(&disk);
    disk.create_dir(Path::new("/taken")).expect("made");
    let calls = disk.calls();
    let refused = |dir: &str| db.checkpoint(dir).expect_err("refused");
    let taken = refused("/taken");
    assert!(matches!(&taken, Error::PathExists { path } if path == Path::new("/taken")), "{taken}");
    assert_eq!(taken.to_string(), "/taken exists already; name a directory that does not");
    assert!(matches!(refused("/db"), Error::Invalid { .. }));
    assert!(matches!(refused("/db/tables/7-x"), Error::Invalid { .. }));
    assert!(matches!(refused("/"), Error::Invalid { .. }));
    assert_eq!(disk.calls(), calls, "nothing was written");
    disk.write_file("/copy.unfinished/tables/notes.txt", b"mine").expect("written");
    let foreign = refused("/copy");
    assert!(foreign.to_string().contains("notes.txt"), "{foreign}");
    assert_eq!(disk.read_file("/copy.unfinished/tables/notes.txt").as_deref(), Some(&b"mine"[..]));
    db.checkpoint("/new/dir/copy").expect("directories above are made");
    db.checkpoint("relative").expect("a relative path");
    assert_eq!(counts(&on(&disk, "/relative")), [300, 300, 0]);
}

#[test]
fn two_attempts_at_once_are_told_apart_and_one_that_was_given_up_is_cleared() {
    let disk = MemDisk::new();
    let db = filled(&disk);
    let mut first = db.begin_checkpoint("/copy").expect("it begins");
    for _ in 0..12 {
        assert_eq!(first.step().expect("a step"), Progress::More);
    }
    let second = db.checkpoint("/copy").expect_err("somebody makes it");
    assert!(
        matches!(&second, Error::Locked { path, .. } if path == Path::new("/copy.unfinished")),
        "{second}"
    );
    drop(first);
    db.checkpoint("/copy").expect("what was left is removed");
    assert_eq!(counts(&on(&disk, "/copy")), [300, 300, 0]);
    assert!(disk.list().iter().all(|(path, _)| !path.starts_with("/copy.unfinished")));
}

#[test]
fn an_error_leaves_nothing_and_the_next_attempt_succeeds() {
    let clean = MemDisk::new();
    let db = filled(&clean);
    let calls = clean.calls();
    db.checkpoint("/copy").expect("a checkpoint");
    let calls = clean.calls() - calls;
    assert!(calls > 40, "{calls}");
    let ops = [OpKind::Create, OpKind::CreateDir, OpKind::Write, OpKind::Sync, OpKind::SyncDir];
    let ops = ops.into_iter().chain([OpKind::HardLink, OpKind::RenameDir, OpKind::Lock]);
    let mut failed = 0;
    for op in ops {
        for nth in 1.. {
            let disk = MemDisk::new();
            let db = filled(&disk);
            disk.inject(Fault::new(op, nth, FaultKind::EioAfter { bytes: 1 }));
            let result = db.checkpoint("/copy");
            if disk.clear_faults() > 0 {
                result.expect("no call failed");
                break;
            }
            failed += 1;
            assert!(matches!(result, Err(Error::Io { .. })), "{op:?} {nth}: {result:?}");
            // A directory may have been made that nobody has locked yet.
            let left: Vec<_> = disk.list().into_iter().map(|(path, _)| path).collect();
            let is_left = |path: &&std::path::PathBuf| !path.starts_with("/db");
            let left: Vec<_> = left.iter().filter(is_left).collect();
            assert!(left.is_empty() || left == [Path::new("/copy.unfinished")], "{op:?}: {left:?}");
            db.checkpoint("/copy").expect("a checkpoint");
            assert_eq!(counts(&on(&disk, "/copy")), [300, 300, 0]);
        }
    }
    assert!(failed > 40, "{failed}");
}

#[test]
fn a_database_that_takes_no_more_writes_can_be_saved() {
    let disk = MemDisk::new();
    let db = filled(&disk);
    disk.inject(Fault::new(OpKind::Sync, 1, FaultKind::SyncFail));
    let row = || row! { "n" => 1, "twin" => "lost" };
    db.table("a").expect("there").insert(row()).expect_err("the sync fails");
    assert!(matches!(db.flush(), Err(Error::Poisoned { .. })));
    db.checkpoint("/copy").expect("a checkpoint");
    assert_eq!(counts(&on(&disk, "/copy")), [300, 300, 0]);
    db.close().expect_err("poisoned");
    assert!(matches!(db.checkpoint("/other"), Err(Error::Closed)));
}

#[test]
fn writers_go_on_while_checkpoints_are_made_on_real_files() {
    let dir = tempfile::tempdir().expect("a directory");
    let db =
        Database::builder(dir.path().join("db")).memtable_bytes(20_000).open().expect("opened");
    let (a, b) =
        (db.create_table("a", schema()).expect("a"), db.create_table("b", schema()).expect("b"));
    let over = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (db, a, b, over) = (db.clone(), a.clone(), b.clone(), over.clone());
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let mut batch = db.batch();
                    for table in [&a, &b] {
                        batch
                            .insert_many(table, (0..5).map(|n| row! { "n" => n, "twin" => "x" }))
                            .expect("fits");
                    }
                    batch.commit_with(Durability::Os).expect("committed");
                }
            });
        }
        let mut last = 0;
        for round in 0..20 {
            let acknowledged = a.count();
            let path = dir.path().join(format!("copy{round}"));
            db.checkpoint(&path).expect("a checkpoint");
            let begun = a.count();
            let copy = Database::open(&path).expect("it opens");
            let rows = copy.table("a").expect("there").count();
            assert_eq!(rows, copy.table("b").expect("there").count(), "whole commits");
            assert!(
                rows.is_multiple_of(5) && (acknowledged..=begun).contains(&rows) && rows >= last
            );
            assert!(copy.verify().expect("verified").is_clean());
            last = rows;
            copy.close().expect("closed");
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(db.verify().expect("verified").is_clean());
}
