//! Many threads on the real file system: writers, readers and the worker at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use srdb::{
    DataType, Database, Durability, Event, Field, Observer, Result, Schema, Table, Value, row,
};

const WRITERS: i64 = 4;
const COMMITS: i64 = 150;

fn schema() -> Schema {
    Schema::new([
        Field::new("writer", DataType::Int64),
        Field::new("n", DataType::Int64),
        Field::new("pad", DataType::String),
    ])
    .expect("a good schema")
}

/// Each writer's numbers come in its own order without a gap.
fn check(table: &Table) -> Result<BTreeMap<i64, i64>> {
    let mut last = BTreeMap::new();
    let mut time = i64::MIN;
    for (row, seq) in table.scan(..)?.zip(1..) {
        let row = row?;
        assert_eq!(row.seq(), seq);
        assert!(row.time() >= time, "time goes back at row {seq}");
        time = row.time();
        let number = |field| row.get(field).and_then(Value::as_i64).expect("an integer");
        let before = last.insert(number("writer"), number("n")).unwrap_or(0);
        assert_eq!(number("n"), before + 1, "row {seq} of writer {}", number("writer"));
    }
    Ok(last)
}

fn write(table: &Table, writer: i64) -> Result<()> {
    let mut n = 0;
    for commit in 0..COMMITS {
        let durability = match commit % 50 {
            0 => Durability::Disk,
            _ if commit % 2 == 0 => Durability::Os,
            _ => Durability::Memory,
        };
        let rows = (0..commit % 7 + 1).map(|_| {
            n += 1;
            row! { "writer" => writer, "n" => n, "pad" => "x".repeat((n % 50) as usize) }
        });
        let receipt = table.insert_many_with(rows.collect::<Vec<_>>(), durability)?;
        let seqs = receipt.seqs();
        let back = table.get(seqs.end - 1)?.expect("an acknowledged row is visible");
        assert_eq!(back.get("n"), Some(&Value::from(n)));
        assert_eq!(back.get("writer"), Some(&Value::from(writer)));
    }
    Ok(())
}

#[test]
fn writers_and_readers_at_once_see_whole_commits_in_one_order() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = Database::builder(dir.path()).memtable_bytes(20_000).block_rows(64).open()?;
    let table = db.create_table("t", schema())?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let table = table.clone();
                scope.spawn(move || write(&table, writer))
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    check(&table).expect("a clean read");
                    let snapshot = db.snapshot();
                    let snapshot = snapshot.table("t").expect("there");
                    let count = snapshot.scan(..).expect("a clean scan").count() as u64;
                    assert_eq!(count, snapshot.count());
                }
            });
        }
        for writer in writers {
            writer.join().expect("no panic").expect("no error");
        }
        done.store(true, Ordering::Relaxed);
    });
    let written = check(&table)?;
    assert_eq!(written.len() as i64, WRITERS);
    assert!(db.stats().tables[0].ssts > 1, "nothing was flushed behind: {:?}", db.stats());
    assert!(db.verify()?.is_clean());
    db.close()?;
    let db = Database::open(dir.path())?;
    assert_eq!(check(&db.table("t")?)?, written);
    db.close()
}

#[test]
fn dropping_the_last_handle_ends_the_worker_and_frees_the_lock() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for round in 0..20 {
        let db = Database::builder(dir.path()).memtable_bytes(1000).open()?;
        let table = if round == 0 { db.create_table("t", schema())? } else { db.table("t")? };
        let rows = (1..=50).map(|n| row! { "writer" => round, "n" => n, "pad" => "pad" });
        table.insert_many_with(rows.collect::<Vec<_>>(), Durability::Os)?;
        drop((db, table));
        // Also if the worker was in the middle of a step.
        let db = Database::open(dir.path())?;
        assert_eq!(db.table("t")?.count(), (round as u64 + 1) * 50);
    }
    Ok(())
}

/// Lets go of a handle in the middle of the worker's work, once it is the last.
struct LastHolder {
    held: Mutex<Option<Database>>,
    is_last: Mutex<mpsc::Receiver<()>>,
    gone: mpsc::Sender<()>,
}

impl Observer for LastHolder {
    fn event(&self, event: &Event) {
        if matches!(event, Event::FlushEnded { .. }) {
            let held = self.held.lock().unwrap().take();
            self.is_last.lock().unwrap().recv().expect("a word");
            drop(held);
            self.gone.send(()).expect("somebody who waits");
        }
    }
}

#[test]
fn the_worker_that_drops_the_last_handle_does_not_wait_for_itself() -> Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (last, is_last) = mpsc::channel();
    let (gone, is_gone) = mpsc::channel();
    let (held, is_last) = (Mutex::new(None), Mutex::new(is_last));
    let observer = Arc::new(LastHolder { held, is_last, gone });
    let builder = Database::builder(dir.path()).memtable_bytes(1000).carry_bytes_max(0);
    let db = builder.observer(observer.clone()).open()?;
    let table = db.create_table("t", schema())?;
    *observer.held.lock().unwrap() = Some(db.clone());
    for n in 0..2 {
        table.insert(row! { "writer" => 1, "n" => n, "pad" => "x".repeat(2000) })?;
    }
    drop((db, table));
    last.send(()).expect("an observer that waits");
    is_gone.recv_timeout(Duration::from_mins(1)).expect("a worker that goes on");
    Ok(())
}
