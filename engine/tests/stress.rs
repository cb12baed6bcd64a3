//! Everything at once, on real threads and the real file system, round after round.
//!
//! In a round three writers, two readers and a maintainer work on one database until its close
//! cuts them off, or until all handles are dropped without one. The next round opens it again and
//! goes on where the rows end. Checked all the time:
//!
//! - each writer's rows are numbered without a gap, in its order, as far as it was acknowledged;
//! - what a batch put into two tables is in both or in neither;
//! - counts only grow; a snapshot reads the same twice;
//! - after a close every acknowledged row is there; after a drop, those at `Os` and `Disk`.
//!
//! `STRESS_ROUNDS` says how many rounds: few unless set, so that `cargo test` stays short.
//! `.ci/tsan` runs it under ThreadSanitizer.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use srdb::{
    Batch, DataType, Database, Durability, Error, Field, Result, Scan, Schema, Table, Value, row,
};

/// Rounds, unless `STRESS_ROUNDS` says otherwise.
const ROUNDS: u64 = 4;

/// Commits of each writer in a round, if the close does not come first.
const COMMITS: i64 = 150;

/// Writers of single tables; the one after them writes batches over both.
const WRITERS: i64 = 3;

/// The number of the last row of each writer.
type Last = BTreeMap<i64, i64>;

fn schema() -> Schema {
    let fields = [Field::new("writer", DataType::Int64), Field::new("n", DataType::Int64)];
    Schema::new(fields).expect("a good schema")
}

fn open(path: &Path) -> Database {
    let builder = Database::builder(path).memtable_bytes(6_000).block_rows(32);
    builder.open().expect("a database that opens")
}

fn table(db: &Database, name: &str) -> Table {
    match db.table(name) {
        Ok(table) => table,
        Err(_) => db.create_table(name, schema()).expect("a new table"),
    }
}

/// Reads everything; each writer's numbers must come in order without a gap.
fn check(scan: Scan) -> Last {
    let mut last = Last::new();
    for (row, seq) in scan.zip(1..) {
        let row = row.expect("a row that can be read");
        assert_eq!(row.seq(), seq);
        let number = |field| row.get(field).and_then(Value::as_i64).expect("an integer");
        let before = last.insert(number("writer"), number("n")).unwrap_or(0);
        assert_eq!(number("n"), before + 1, "row {seq} of writer {}", number("writer"));
    }
    last
}

/// Whether the database goes on; an error that is not the close's own is a failure.
fn goes_on<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(Error::Closed) => None,
        Err(other) => panic!("{other}"),
    }
}

fn durability(commit: i64) -> Durability {
    match commit % 40 {
        0 => Durability::Disk,
        n if n % 3 == 0 => Durability::Os,
        _ => Durability::Memory,
    }
}

/// Writes rows after `last`; the last acknowledged, and the last acknowledged at `Os` or `Disk`.
fn write(table: &Table, writer: i64, mut last: i64) -> (i64, i64) {
    let mut safe = last;
    for commit in 0..COMMITS {
        let ns = last + 1..=last + commit % 5 + 1;
        let end = *ns.end();
        let rows = ns.map(|n| row! { "writer" => writer, "n" => n });
        let durability = durability(commit + writer);
        let written = table.insert_many_with(rows, durability);
        let Some(receipt) = goes_on(written) else { break };
        last = end;
        if durability != Durability::Memory {
            safe = end;
        }
        let Some(back) = goes_on(table.get(receipt.seqs().end - 1)) else { break };
        let back = back.expect("an acknowledged row is visible");
        assert_eq!(back.get("n"), Some(&Value::from(end)));
    }
    (last, safe)
}

/// As [`write`], the same rows to both tables, in one batch each.
fn write_batches(db: &Database, tables: [&Table; 2], mut last: i64) -> (i64, i64) {
    let mut safe = last;
    for commit in 0..COMMITS {
        let mut batch: Batch = db.batch();
        for table in tables {
            batch.insert(table, row! { "writer" => WRITERS, "n" => last + 1 }).expect("a row");
        }
        let durability = durability(commit);
        if goes_on(batch.commit_with(durability)).is_none() {
            break;
        }
        last += 1;
        if durability != Durability::Memory {
            safe = last;
        }
    }
    (last, safe)
}

fn read(table: &Table, done: &AtomicBool) {
    let mut before = 0;
    while !done.load(Ordering::Relaxed) {
        let count = table.count();
        assert!(count >= before, "{before} rows were there, now {count}");
        before = count;
        let Some(scan) = goes_on(table.scan(..)) else { return };
        let rows: i64 = check(scan).values().sum();
        assert!(rows as u64 >= count, "{count} rows were counted, {rows} read");
    }
}

fn read_snapshots(db: &Database, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        let snapshot = db.snapshot();
        let scan = |name| check(snapshot.table(name).expect("there").scan(..).expect("a scan"));
        let (a, b) = (scan("a"), scan("b"));
        assert_eq!(a.get(&WRITERS), b.get(&WRITERS), "half of a batch is seen");
        assert_eq!((scan("a"), scan("b")), (a, b), "the snapshot has moved");
    }
}

/// Flushes, rotates, syncs, verifies, makes tables and drops them.
fn maintain(db: &Database, done: &AtomicBool) {
    let act = |turn: u64| -> Result<()> {
        match turn % 6 {
            0 => db.flush(),
            1 => db.rotate().map(|_| ()),
            2 => db.sync(),
            3 => {
                let table = db.create_table("passing", schema())?;
                table.insert_with(row! { "writer" => 1, "n" => 1 }, Durability::Memory)?;
                Ok(())
            }
            4 => db.drop_table("passing"),
            _ => {
                let verification = db.verify()?;
                assert!(verification.is_clean(), "{:?}", verification.problems);
                assert!(!db.stats().poisoned);
                Ok(())
            }
        }
    };
    let mut turn = 0;
    while !done.load(Ordering::Relaxed) && goes_on(act(turn)).is_some() {
        turn += 1;
    }
}

/// One round from what was there before; what must be there after it, and what may.
fn round(db: &Database, last: &BTreeMap<&str, Last>, close: bool) -> BTreeMap<String, [Last; 2]> {
    let (a, b) = (table(db, "a"), table(db, "b"));
    let _ = db.drop_table("passing");
    let before = a.count();
    let of = |name, writer| last.get(name).and_then(|last| last.get(&writer)).copied().unwrap_or(0);
    let done = AtomicBool::new(false);
    let mut written: BTreeMap<String, [Last; 2]> = BTreeMap::new();
    std::thread::scope(|scope| {
        let (a, b, done) = (&a, &b, &done);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (name, table) = if writer == 0 { ("b", b) } else { ("a", a) };
                let last = of(name, writer);
                (name, writer, scope.spawn(move || write(table, writer, last)))
            })
            .collect();
        let last = of("a", WRITERS);
        let batches = scope.spawn(move || write_batches(db, [a, b], last));
        scope.spawn(|| read(a, done));
        scope.spawn(|| read_snapshots(db, done));
        let maintainer = scope.spawn(|| maintain(db, done));
        if close {
            while a.count() < before + 200 && !maintainer.is_finished() {
                std::thread::yield_now();
            }
            db.close().expect("a close");
        }
        let mut note = |name: &str, writer, (last, safe): (i64, i64)| {
            // A close writes all of it; a drop loses what was in memory only.
            let [must, may] = written.entry(name.to_owned()).or_default();
            must.insert(writer, if close { last } else { safe });
            may.insert(writer, last);
        };
        for (name, writer, thread) in writers {
            note(name, writer, thread.join().expect("no panic"));
        }
        let both = batches.join().expect("no panic");
        ["a", "b"].into_iter().for_each(|name| note(name, WRITERS, both));
        done.store(true, Ordering::Relaxed);
    });
    written
}

#[test]
fn everything_at_once_for_some_rounds() {
    let rounds = std::env::var("STRESS_ROUNDS").map_or(ROUNDS, |n| n.parse().expect("a number"));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut last: BTreeMap<&str, Last> = BTreeMap::new();
    for number in 0..rounds {
        let written = round(&open(dir.path()), &last, number % 2 == 0);
        let db = open(dir.path());
        for name in ["a", "b"] {
            let found = check(table(&db, name).scan(..).expect("a scan"));
            let [must, may] = &written[name];
            for (writer, must) in must {
                let found = found.get(writer).copied().unwrap_or(0);
                let range = *must..=may[writer];
                assert!(range.contains(&found), "{name}, writer {writer}: {found} of {range:?}");
            }
            last.insert(name, found);
        }
        assert_eq!(last["a"].get(&WRITERS), last["b"].get(&WRITERS), "half of a batch is left");
        assert!(db.verify().expect("a verification").is_clean());
        drop(db);
    }
}
