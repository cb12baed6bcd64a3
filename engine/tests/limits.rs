//! Limits of tables: what they keep stays, and what they do not keep goes, behind or at once.

use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use srdb::vfs::MemClock;
use srdb::{
    Background, Builder, DataType, Database, Error, Event, Field, Job, Observer, Progress, Result,
    Retention, Schema, Table, row,
};

const SECOND: u64 = 1_000_000_000;

fn builder(dir: &Path, clock: &MemClock) -> Builder {
    let builder = Database::builder(dir).clock(Arc::new(clock.clone()));
    // A MANIFEST that is replaced after every flush: it has to know the limits, too.
    builder.background(Background::Manual).block_rows(16).manifest_bytes_min(0)
}

fn schema() -> Result<Schema> {
    Schema::new([
        Field::new("n", DataType::Int64),
        Field::new("at", DataType::Timestamp).nullable(),
    ])
}

/// Rows `from..to`, in an SST of their own.
fn flushed(db: &Database, table: &Table, from: i64, to: i64) -> Result<()> {
    table.insert_many((from..to).map(|n| row! { "n" => n }))?;
    db.flush()
}

/// Lets the job look at all tables until it finds no more.
fn retain(db: &Database) -> Result<()> {
    while db.step(Job::Retain)? != Progress::Idle {}
    Ok(())
}

fn work(db: &Database) -> Result<()> {
    while let Some(job) = db.jobs().first().copied() {
        db.step(job)?;
    }
    Ok(())
}

#[test]
fn rows_beyond_a_limit_go_with_their_files_and_then_by_eighths() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = MemClock::default();
    let db = builder(dir.path(), &clock).open()?;
    let table = db.create_table("t", schema()?)?;
    flushed(&db, &table, 1, 101)?;
    assert!(!db.jobs().contains(&Job::Retain), "there are no limits");
    table.set_retention(Retention::new().max_rows(100))?;
    work(&db)?;
    assert_eq!(table.first_seq(), 1);
    // Twelve rows of a hundred are no eighth, thirteen are.
    flushed(&db, &table, 101, 113)?;
    work(&db)?;
    assert_eq!(table.first_seq(), 1);
    flushed(&db, &table, 113, 114)?;
    work(&db)?;
    assert_eq!(table.first_seq(), 14);
    // A file goes whole, and the eighth is one of the next.
    flushed(&db, &table, 114, 203)?;
    work(&db)?;
    assert_eq!(table.first_seq(), 103);
    // Rows in memory come on top, until they are asked for to the row.
    table.insert_many((203..206).map(|n| row! { "n" => n }))?;
    retain(&db)?;
    assert_eq!(table.first_seq(), 103);
    assert_eq!(table.retain()?, 3);
    assert_eq!((table.first_seq(), table.count()), (106, 100));
    assert_eq!(db.retain()?, 0);
    assert_eq!(db.stats().dropped_rows, 105);
    db.close()?;

    let db = builder(dir.path(), &clock).open()?;
    let table = db.table("t")?;
    assert_eq!(table.retention(), Retention::new().max_rows(100));
    assert_eq!((table.first_seq(), table.count()), (106, 100));
    table.set_retention(Retention::new())?;
    flushed(&db, &table, 206, 400)?;
    work(&db)?;
    assert_eq!(table.first_seq(), 106, "limits that were taken back drop nothing");
    assert!(db.verify()?.is_clean());
    db.close()
}

#[test]
fn rows_of_an_age_go_to_the_row() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = MemClock::default();
    let db = builder(dir.path(), &clock).open()?;
    let table = db.create_table("t", schema()?)?;
    for from in [1, 21, 41] {
        for n in from..from + 20 {
            table.insert(row! { "n" => n })?;
            clock.advance(SECOND);
        }
        db.flush()?;
    }
    // The n-th was stored 61 - n seconds ago, and a little more.
    table.set_retention(Retention::new().max_age(Duration::from_millis(30_500)))?;
    assert_eq!(table.retain()?, 30);
    assert_eq!(table.first_seq(), 31);
    // Behind: not before an eighth of the file can go.
    clock.advance(2 * SECOND);
    retain(&db)?;
    assert_eq!(table.first_seq(), 31);
    clock.advance(SECOND);
    retain(&db)?;
    assert_eq!(table.first_seq(), 34);
    clock.advance(1_000 * SECOND);
    retain(&db)?;
    assert_eq!((table.first_seq(), table.count()), (61, 0));
    db.close()
}

#[test]
fn a_young_row_keeps_all_behind_it() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = MemClock::new(1_000 * SECOND as i64, 0);
    let db = builder(dir.path(), &clock).open()?;
    let table = db.create_table("t", schema()?)?;
    let at = |seconds: i64| srdb::Value::Timestamp(seconds * SECOND as i64);
    // Two old blocks, one with a young row in its middle, one that is old.
    for n in 1..=64 {
        let value = if n == 40 { at(995) } else { at(n) };
        table.insert(row! { "n" => n, "at" => value })?;
    }
    table.insert(row! { "n" => 65 })?;
    db.flush()?;
    table.set_retention(Retention::new().max_age_of("at", Duration::from_secs(100)))?;
    assert_eq!(table.retain()?, 39);
    clock.advance(94 * SECOND);
    assert_eq!(table.retain()?, 0);
    clock.advance(2 * SECOND);
    // The last has no value, and was stored 96 seconds ago.
    assert_eq!(table.retain()?, 25);
    clock.advance(5 * SECOND);
    assert_eq!(table.retain()?, 1);
    db.close()
}

#[test]
fn the_newest_file_is_kept_whatever_its_bytes() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = builder(dir.path(), &MemClock::default()).open()?;
    let table = db.create_table("t", schema()?)?;
    table.create_index("n")?;
    for from in [1, 101, 201, 301] {
        flushed(&db, &table, from, from + 100)?;
    }
    let stats = db.stats().tables.remove(0);
    let bytes = stats.sst_bytes + stats.index_bytes;
    table.set_retention(Retention::new().max_bytes(bytes))?;
    retain(&db)?;
    assert_eq!(table.first_seq(), 1);
    table.set_retention(Retention::new().max_bytes(bytes - 1))?;
    retain(&db)?;
    assert_eq!(table.first_seq(), 101);
    table.set_retention(Retention::new().max_bytes(0))?;
    retain(&db)?;
    assert_eq!((table.first_seq(), db.stats().tables[0].ssts), (301, 1));
    db.close()
}

#[test]
fn a_field_that_says_no_age_is_refused_by_name() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = builder(dir.path(), &MemClock::default()).open()?;
    let table = db.create_table("t", schema()?)?;
    let of = |field: &str| table.set_retention(Retention::new().max_age_of(field, Duration::ZERO));
    match of("n") {
        Err(Error::TypeMismatch { field, data_type, what }) => {
            assert_eq!((field.as_str(), data_type), ("n", "int64"));
            assert!(what.contains("\"t\""), "{what}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(of("none"), Err(Error::NoField { .. })));
    assert!(table.retention().is_unlimited());
    db.drop_table("t")?;
    assert!(matches!(of("at"), Err(Error::NoTable { .. })));
    assert!(matches!(table.retain(), Err(Error::NoTable { .. })));
    db.close()
}

/// Does what the worker may do: as soon as rows are in SSTs, it looks at the limits.
#[derive(Default)]
struct AtOnce(Mutex<Option<Database>>);

impl Observer for AtOnce {
    fn event(&self, event: &Event) {
        let database = self.0.lock().expect("nobody panics with it").clone();
        if let (Event::FlushEnded { .. }, Some(db)) = (event, database) {
            retain(&db).expect("nothing fails");
        }
    }
}

#[test]
fn rows_that_go_behind_meanwhile_are_counted() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let worker = Arc::new(AtOnce::default());
    let db = builder(dir.path(), &MemClock::default()).observer(worker.clone()).open()?;
    let tables = [db.create_table("a", schema()?)?, db.create_table("b", schema()?)?];
    let fill = || -> Result<()> {
        let rows = || (0..100).map(|n| row! { "n" => n });
        tables.iter().try_for_each(|table| table.insert_many(rows()).map(drop))
    };
    tables.iter().try_for_each(|table| table.set_retention(Retention::new().max_rows(10)))?;
    *worker.0.lock().expect("nobody panics with it") = Some(db.clone());
    fill()?;
    assert_eq!(tables[0].retain()?, 90);
    assert_eq!(tables[1].retain()?, 0, "gone before the call");
    fill()?;
    assert_eq!(db.retain()?, 200);
    fill()?;
    assert_eq!(tables[0].drop_before(221)?, 100, "with the seventy that only the limits drop");
    *worker.0.lock().expect("nobody panics with it") = None;
    db.close()
}

struct Dropped(Mutex<mpsc::Sender<u64>>);

impl Observer for Dropped {
    fn event(&self, event: &Event) {
        if let (Event::RowsDropped { rows, .. }, Ok(sender)) = (event, self.0.lock()) {
            let _ = sender.send(*rows);
        }
    }
}

#[test]
fn the_worker_drops_rows_as_time_goes_by() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = MemClock::default();
    let (sender, dropped) = mpsc::channel();
    let builder = builder(dir.path(), &clock).background(Background::Threads);
    let db = builder.observer(Arc::new(Dropped(Mutex::new(sender)))).open()?;
    let table = db.create_table("t", schema()?)?;
    flushed(&db, &table, 1, 101)?;
    table.set_retention(Retention::new().max_age(Duration::from_secs(10)))?;
    assert!(dropped.recv_timeout(Duration::from_millis(200)).is_err(), "they are young");
    clock.advance(11 * SECOND);
    // Nobody wakes the worker: it looks at the clock after a second.
    assert_eq!(dropped.recv_timeout(Duration::from_secs(60)), Ok(100));
    assert_eq!(table.count(), 0);
    db.close()
}
