//! What an observer is told, and when.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use srdb::vfs::{Fault, FaultKind, MemClock, MemDisk, OpKind};
use srdb::{
    Background, Builder, DataType, Database, Durability, Event, Field, Job, Observer, Progress,
    Schema, row,
};

/// Takes down the events, a word each.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn event(&self, event: &Event) {
        let mut word = String::new();
        let written = match event {
            Event::Opened { last_commit, recovered_rows, .. } => {
                write!(word, "opened {last_commit} {recovered_rows}")
            }
            Event::FlushBegun { bytes } => write!(word, "flush of {}", *bytes > 0),
            Event::FlushEnded { rows, bytes, duration } => {
                write!(word, "flushed {rows} {}", *bytes > 0 && !duration.is_zero())
            }
            Event::FlushFailed { error } => write!(word, "failed: {error}"),
            Event::IndexBuilt { table, field, bytes } => {
                write!(word, "built {table}.{field} {}", *bytes > 0)
            }
            Event::Stalled => write!(word, "stalled"),
            Event::Resumed { duration } => write!(word, "resumed {}", !duration.is_zero()),
            Event::TableCreated { table } => write!(word, "created {table}"),
            Event::TableDropped { table } => write!(word, "dropped {table}"),
            Event::FileRemoved { path } => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                write!(word, "removed {name}")
            }
            Event::Poisoned { .. } => write!(word, "poisoned"),
            Event::Closed => write!(word, "closed"),
            _ => Ok(()),
        };
        assert!(written.is_ok());
        self.0.lock().unwrap_or_else(|e| e.into_inner()).push(word);
    }
}

impl Notes {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(|e| e.into_inner()))
    }
}

fn builder(disk: &MemDisk, observer: Arc<dyn Observer>) -> Builder {
    Database::builder("db")
        .vfs(Arc::new(disk.clone()))
        .clock(Arc::new(MemClock::default()))
        .background(Background::Manual)
        .observer(observer)
}

fn schema() -> srdb::Result<Schema> {
    Schema::new([Field::new("n", DataType::Int64)])
}

#[test]
fn each_thing_is_told_once_and_in_order() -> srdb::Result<()> {
    let (disk, notes) = (MemDisk::new(), Arc::new(Notes::default()));
    let db = builder(&disk, notes.clone()).open()?;
    let table = db.create_table("t", schema()?)?;
    table.insert_many((0..5).map(|n| row! { "n" => n }))?;
    assert_eq!(notes.take(), ["opened 0 0", "created t"]);
    db.flush()?;
    assert_eq!(notes.take(), ["flush of true", "flushed 5 true"]);
    while db.step(Job::Delete)? != Progress::Idle {}
    assert_eq!(notes.take(), ["removed 000001.wal"]);
    table.create_index("n")?;
    while db.step(Job::BuildIndex)? != Progress::Idle {}
    assert_eq!(notes.take(), ["built t.n true"]);
    table.insert(row! { "n" => 6 })?;
    drop((db, table));
    let db = builder(&disk, notes.clone()).open()?;
    assert_eq!(notes.take(), ["opened 2 1"]);
    db.drop_table("t")?;
    db.close()?;
    let told = notes.take();
    assert_eq!((told.first(), told.last()), (Some(&"dropped t".into()), Some(&"closed".into())));
    assert!(told.contains(&"removed t".into()) || told.iter().any(|t| t.ends_with("-t")));
    Ok(())
}

#[test]
fn failures_and_waits_are_told() -> srdb::Result<()> {
    let (disk, notes) = (MemDisk::new(), Arc::new(Notes::default()));
    let db = builder(&disk, notes.clone()).memtable_bytes(100).open()?;
    let table = db.create_table("t", schema()?)?;
    let ten = || (0..10).map(|n| row! { "n" => n });
    table.insert_many(ten())?;
    table.insert_many(ten())?;
    notes.take();
    table.insert_many(ten())?;
    let told = notes.take();
    assert_eq!(told.first().map(String::as_str), Some("stalled"));
    assert_eq!(told.last().map(String::as_str), Some("resumed true"));
    assert!(told.contains(&"flushed 10 true".into()), "{told:?}");
    assert_eq!(db.stats().stalls.stalls, 1);
    assert!(db.stats().stalls.ns > 0);

    disk.inject(Fault::new(OpKind::Create, 1, FaultKind::Eio).on("*.sst"));
    assert!(db.flush().is_err());
    let told = notes.take();
    assert!(told.last().is_some_and(|told| told.starts_with("failed: ")), "{told:?}");
    assert_eq!(db.stats().flushes.failed, 1);

    disk.inject(Fault::new(OpKind::Sync, 1, FaultKind::SyncFail).on("*.wal"));
    assert!(table.insert_with(row! { "n" => 1 }, Durability::Disk).is_err());
    assert_eq!(notes.take(), ["poisoned"]);
    assert!(table.insert(row! { "n" => 1 }).is_err());
    assert!(db.close().is_err());
    assert_eq!(notes.take(), ["closed"]);
    Ok(())
}

/// Falls over whatever it is told.
struct Clumsy;

impl Observer for Clumsy {
    fn event(&self, event: &Event) {
        panic!("an observer that panics, at {event:?}");
    }
}

#[test]
fn an_observer_that_panics_harms_nothing() -> srdb::Result<()> {
    let disk = MemDisk::new();
    let db = builder(&disk, Arc::new(Clumsy)).memtable_bytes(100).open()?;
    let table = db.create_table("t", schema()?)?;
    for _ in 0..20 {
        table.insert_many((0..10).map(|n| row! { "n" => n }))?;
    }
    db.close()?;
    let db = builder(&disk, Arc::new(Clumsy)).open()?;
    assert_eq!(db.table("t")?.count(), 200);
    assert!(db.verify()?.is_clean());
    Ok(())
}
