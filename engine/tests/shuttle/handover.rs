//! Writers meet the worker: a generation is full, and another waits for its flush.

use std::time::Duration;

use srdb::vfs::{Fault, FaultKind, MemDisk, OpKind};
use srdb::{Background, Durability, Error, row};

use crate::schedules::explored;
use crate::setup::{
    ONE_ROW, Pair, TABLE, assert_in_order, builder, create, insert, join, power_loss, recover,
    rows, schema, spawn,
};

explored! {
    writers_that_wait_for_room_get_it,
    a_flush_that_fails_is_told_to_a_writer_and_tried_again,
    writers_that_wait_for_room_hear_of_a_poisoning,
    writers_that_would_not_wait_get_room_or_are_told,
    flushes_by_callers_and_by_the_worker_take_turns,
    the_last_handle_ends_the_worker,
}

pub(crate) fn writers_that_wait_for_room_get_it() {
    let disk = MemDisk::new();
    let (db, table) =
        create(builder(&disk).memtable_bytes(ONE_ROW).background(Background::Threads));
    let writers = (1..=2).map(|writer| {
        let table = table.clone();
        spawn(move || {
            for n in 1..=3 {
                insert(&table, (writer, n), Durability::Os).expect("a commit");
            }
        })
    });
    join(writers.collect::<Vec<_>>());
    let found = rows(&table);
    assert_in_order(&found);
    assert_eq!(found.len(), 6);
    db.close().expect("a close");
    assert_eq!(recover(&power_loss(&disk)), found);
}

pub(crate) fn a_flush_that_fails_is_told_to_a_writer_and_tried_again() {
    let disk = MemDisk::new();
    let (db, table) =
        create(builder(&disk).memtable_bytes(ONE_ROW).background(Background::Threads));
    disk.inject(Fault::new(OpKind::Sync, 1, FaultKind::SyncFail).on("*.sst"));
    let writers = (1..=2).map(|writer| {
        let table = table.clone();
        spawn(move || {
            let write = |n| match insert(&table, (writer, n), Durability::Os) {
                Ok(_) => Some((writer, n)),
                Err(Error::Io { .. }) => None,
                Err(other) => panic!("{other}"),
            };
            (1..=3).filter_map(write).collect()
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut acknowledged: Vec<Pair> =
        join(writers).into_iter().flat_map(|rows: Vec<_>| rows).collect();
    let mut found = rows(&table);
    assert_in_order(&found);
    found.sort_unstable();
    acknowledged.sort_unstable();
    assert_eq!(found, acknowledged);
    assert!(!db.stats().poisoned);
    // Where no writer came by, the failure is the flush's own.
    let _ = db.flush();
    db.close().expect("a close");
    assert_eq!(recover(&power_loss(&disk)).len(), found.len());
}

pub(crate) fn writers_that_wait_for_room_hear_of_a_poisoning() {
    let disk = MemDisk::new();
    let (db, table) =
        create(builder(&disk).memtable_bytes(ONE_ROW).background(Background::Threads));
    disk.inject(Fault::new(OpKind::Sync, 1, FaultKind::SyncFail).on("MANIFEST-*"));
    let writer = {
        let table = table.clone();
        spawn(move || {
            for n in 1..=4 {
                match insert(&table, (1, n), Durability::Os) {
                    Ok(_) | Err(Error::Io { .. } | Error::Poisoned { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        })
    };
    let creator = {
        let db = db.clone();
        spawn(move || {
            // This edit, or that of a flush, is the one whose sync fails.
            let _ = db.create_table("other", schema());
        })
    };
    join([writer, creator]);
    assert!(db.stats().poisoned);
    assert!(matches!(insert(&table, (2, 1), Durability::Os), Err(Error::Poisoned { .. })));
    assert!(db.close().is_err());
}

/// One waits for as long as it takes, one tries again and again, one a few times.
pub(crate) fn writers_that_would_not_wait_get_room_or_are_told() {
    let disk = MemDisk::new();
    let (db, table) =
        create(builder(&disk).memtable_bytes(ONE_ROW).background(Background::Threads));
    let patient = {
        let table = table.clone();
        spawn(move || {
            for n in 1..=3 {
                let row = row! { "writer" => 1, "n" => n };
                table.insert_timeout(row, Duration::MAX).expect("room at some time");
            }
            3
        })
    };
    let impatient = {
        let table = table.clone();
        spawn(move || {
            let mut written = 0;
            for _ in 0..3 {
                match table.try_insert(row! { "writer" => 2, "n" => written + 1 }) {
                    Ok(_) => written += 1,
                    Err(Error::WouldStall) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            written
        })
    };
    let written: i64 = join([patient, impatient]).into_iter().sum();
    let found = rows(&table);
    assert_in_order(&found);
    assert_eq!(found.len() as i64, written);
    db.close().expect("a close");
    assert_eq!(recover(&power_loss(&disk)), found);
}

pub(crate) fn flushes_by_callers_and_by_the_worker_take_turns() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk).background(Background::Threads));
    let threads = (1..=2).map(|writer| {
        let (db, table) = (db.clone(), table.clone());
        spawn(move || {
            for n in 1..=2 {
                insert(&table, (writer, n), Durability::Memory).expect("a commit");
                db.flush().expect("a flush");
                let count = db.snapshot().table(TABLE).expect("the table").count();
                assert!(db.stats().tables[0].rows >= count);
            }
        })
    });
    join(threads.collect::<Vec<_>>());
    let found = rows(&table);
    assert_eq!(recover(&power_loss(&disk)), found, "a flush is durable on return");
    assert_eq!(found.len(), 4);
    db.close().expect("a close");
}

pub(crate) fn the_last_handle_ends_the_worker() {
    let disk = MemDisk::new();
    let (db, table) =
        create(builder(&disk).memtable_bytes(ONE_ROW).background(Background::Threads));
    let other = {
        let table = table.clone();
        spawn(move || insert(&table, (1, 1), Durability::Os).map(|_| ()))
    };
    insert(&table, (2, 1), Durability::Os).expect("a commit");
    drop((db, table));
    join([other]).pop().expect("one").expect("a commit");
    let reopened = builder(&disk).background(Background::Threads).open();
    let db = reopened.expect("a directory that is free again");
    let found = rows(&db.table(TABLE).expect("the table"));
    assert_eq!(found.len(), 2);
    db.close().expect("a close");
    assert_eq!(recover(&power_loss(&disk)), found);
}
