//! A writer in one process and a follower in another: what the follower sees is whole, never goes
//! back, and is all there is in the end. It ends when the writer has done its work.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use srdb::{Batch, DataType, Database, Durability, Error, Field, Follower, Schema, row};

const COMMITS: i64 = 600;
const PLACE: &str = "SRDB_TEST_WRITER_PLACE";

fn commit(db: &Database, n: i64) -> srdb::Result<()> {
    let mut batch: Batch = db.batch();
    for name in ["a", "b"] {
        batch.insert_many(&db.table(name)?, (0..5).map(|i| row! { "n" => n * 5 + i }))?;
    }
    let durability = if n % 50 == 0 { Durability::Disk } else { Durability::Os };
    batch.commit_with(durability).map(drop)
}

/// The writer, where the test below has started it; else there is nothing to do.
#[test]
fn writer_process() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    let builder = Database::builder(Path::new(&place)).memtable_bytes(4 << 10);
    let builder = builder.carry_bytes_max(512).manifest_bytes_min(0).compaction_files_max(2);
    let db = builder.open().expect("a database");
    let schema = Schema::new([Field::new("n", DataType::Int64).indexed()]).expect("a schema");
    db.create_tables(["a", "b"].map(|name| (name, schema.clone()))).expect("tables");
    for n in 0..COMMITS {
        commit(&db, n).expect("a commit");
        if n % 100 == 7 {
            db.create_table("other", schema.clone()).expect("a table");
            db.drop_table("other").expect("a drop");
        }
    }
    db.close().expect("a close");
}

fn start(place: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["writer_process", "--exact"]).env(PLACE, place).stdout(Stdio::null());
    command.spawn().expect("a writer")
}

/// Reads both tables, which must have the same rows, without a gap.
fn rows_of(follower: &Follower) -> i64 {
    let view = follower.snapshot();
    let Ok(a) = view.table("a") else { return 0 };
    let read = |name: &str| {
        let rows = view.table(name).expect("the table").scan(..).expect("a scan");
        rows.map(|row| row.expect("a row").get("n").and_then(|n| n.as_i64())).collect::<Vec<_>>()
    };
    let rows = read("a");
    assert_eq!(rows, read("b"), "commits are whole");
    assert!(rows.iter().copied().eq((0..rows.len() as i64).map(Some)), "the first ones, in order");
    let last = rows.len() as i64 - 1;
    assert_eq!(a.query().eq("n", last).count().expect("a query"), u64::from(last >= 0));
    rows.len() as i64
}

#[test]
fn a_follower_keeps_up_with_a_writer_in_another_process() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("db");
    let mut writer = start(&path);
    let mut follower = None;
    let (mut seen, mut refreshes, mut ended) = (0, 0, false);
    // One more round after its end, which must show everything.
    while !ended {
        ended = writer.try_wait().expect("its state").is_some();
        let Some(follower) = &follower else {
            match Database::follow(&path) {
                Ok(opened) => follower = Some(opened),
                Err(Error::NoDatabase { .. }) if !ended => {}
                Err(error) => panic!("following gave: {error}"),
            }
            continue;
        };
        match follower.refresh() {
            Ok(_) => {}
            Err(Error::Overtaken { .. }) if !ended => continue,
            Err(error) => panic!("refresh {refreshes} gave: {error}"),
        }
        refreshes += 1;
        let rows = rows_of(follower);
        assert!(rows >= seen, "from {seen} back to {rows} rows");
        seen = rows;
        if refreshes == 3 && !ended {
            match Database::open(&path) {
                Err(Error::Locked { holder, .. }) => {
                    let holder = holder.unwrap_or_default();
                    assert!(holder.contains(&writer.id().to_string()), "{holder:?}");
                }
                Ok(_) => assert!(writer.try_wait().expect("its state").is_some(), "two writers"),
                Err(error) => panic!("a second writer gave: {error}"),
            }
        }
    }
    assert_eq!(seen, COMMITS * 5, "after {refreshes} refreshes");
    assert!(writer.wait().expect("its end").success());
}
