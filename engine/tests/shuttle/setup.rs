//! What the scenarios have in common: a small database, its rows, and what a crash leaves of it.

use std::sync::{Arc, Mutex};

use srdb::vfs::{CrashChoice, MemClock, MemDisk};
use srdb::{
    Background, Builder, DataType, Database, Durability, Error, Field, Receipt, Result, Scan,
    Schema, Table, Value, row,
};

use crate::stops::Stops;

/// The table that most scenarios use.
pub(crate) const TABLE: &str = "t";

/// Bytes of the memtables after which a generation is frozen: one row, so each commit.
pub(crate) const ONE_ROW: usize = 1;

/// A row: the number of the writer, and of the row among its own.
pub(crate) type Pair = (i64, i64);

/// How the scenarios open a database on `disk`. Nothing happens behind unless they say so.
pub(crate) fn builder(disk: &MemDisk) -> Builder {
    Database::builder("/db")
        .vfs(Stops::new(disk))
        .clock(Arc::new(MemClock::default()))
        .background(Background::Manual)
        .block_rows(2)
        .wal_zero_ahead(0)
}

/// A new database with an empty table.
pub(crate) fn create(builder: Builder) -> (Database, Table) {
    let db = builder.open().expect("a new database");
    let table = db.create_table(TABLE, schema()).expect("a new table");
    (db, table)
}

pub(crate) fn schema() -> Schema {
    let fields = [Field::new("writer", DataType::Int64), Field::new("n", DataType::Int64)];
    Schema::new(fields).expect("a good schema")
}

/// Inserts one row.
pub(crate) fn insert(table: &Table, (writer, n): Pair, durability: Durability) -> Result<Receipt> {
    table.insert_many_with([row! { "writer" => writer, "n" => n }], durability)
}

/// Everything in a table, which has to be numbered without a gap.
pub(crate) fn rows(table: &Table) -> Vec<Pair> {
    pairs(table.scan(..).expect("a scan"))
}

/// What a scan from the beginning gives.
pub(crate) fn pairs(scan: Scan) -> Vec<Pair> {
    let pair = |(at, row): (usize, Result<srdb::Row>)| {
        let row = row.expect("a row that can be read");
        assert_eq!(row.seq(), at as i64 + 1, "the rows are numbered without a gap");
        let number = |name| row.get(name).and_then(Value::as_i64).expect("a number");
        (number("writer"), number("n"))
    };
    scan.enumerate().map(pair).collect()
}

/// Starts a thread that the scenario waits for.
pub(crate) fn spawn<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> shuttle::thread::JoinHandle<T> {
    shuttle::thread::spawn(run)
}

/// Waits for threads, and gives what they returned in their order.
pub(crate) fn join<T>(threads: impl IntoIterator<Item = shuttle::thread::JoinHandle<T>>) -> Vec<T> {
    let threads: Vec<_> = threads.into_iter().collect();
    threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
}

/// The disk as the power loss of this moment leaves it when everything that may be lost is.
pub(crate) fn power_loss(disk: &MemDisk) -> MemDisk {
    disk.crash_image(&CrashChoice::drop_all())
}

/// Recovers what is on a disk, which has to be sound, and gives the rows of the table.
pub(crate) fn recover(disk: &MemDisk) -> Vec<Pair> {
    let db = builder(disk).open().expect("a database that recovers");
    let verification = db.verify().expect("a verification");
    assert!(verification.is_clean(), "{:?}", verification.problems);
    let rows = db.table(TABLE).map_or_else(|_| Vec::new(), |table| rows(&table));
    db.close().expect("a close");
    rows
}

/// Disks that crashes would have left, each with the rows that must be on it: looked at in the end,
/// when nothing else runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crashes(Arc<Mutex<Vec<Crash>>>);

/// A disk, and the rows that must be on it.
type Crash = (MemDisk, Vec<Pair>);

impl Crashes {
    /// A disk that must hold these rows.
    pub(crate) fn must_keep(&self, image: MemDisk, rows: Vec<Pair>) {
        self.0.lock().expect("one thread at a time").push((image, rows));
    }

    /// What was acknowledged must survive whatever its durability is for.
    pub(crate) fn acknowledged(&self, disk: &MemDisk, row: Pair, durability: Durability) {
        match durability {
            Durability::Memory => {}
            Durability::Os => self.must_keep(disk.process_crash(), vec![row]),
            Durability::Disk => self.must_keep(power_loss(disk), vec![row]),
        }
    }

    /// Recovers all of them.
    pub(crate) fn check(&self) {
        for (image, expected) in self.0.lock().expect("one thread at a time").drain(..) {
            let found = recover(&image);
            for row in expected {
                assert!(found.contains(&row), "a crash lost {row:?}, which was kept: {found:?}");
            }
        }
    }
}

/// Each writer's rows are there in its order.
pub(crate) fn assert_in_order(rows: &[Pair]) {
    let mut last = std::collections::BTreeMap::new();
    for (writer, n) in rows {
        let before = last.insert(*writer, *n);
        assert!(before.is_none_or(|before| before < *n), "writer {writer} out of order: {rows:?}");
    }
}

/// Whether a call came too late for a database that was closed.
pub(crate) fn is_closed<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::Closed))
}
