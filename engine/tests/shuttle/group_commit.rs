//! Writers meet in the queue: one of them leads, for all, and hands over.

use srdb::vfs::{Fault, FaultKind, MemDisk, OpKind};
use srdb::{Durability, Error, Job, row};

use crate::schedules::explored;
use crate::setup::{
    Crashes, Pair, assert_in_order, builder, create, insert, join, power_loss, recover, rows, spawn,
};

explored! {
    every_commit_is_acknowledged_once_and_as_durable_as_it_asked,
    a_failed_sync_acknowledges_nobody_and_leaves_nobody_waiting,
    a_failed_write_leaves_no_trace_and_the_next_group_goes_on,
    commits_that_nobody_waits_for_are_led_by_whoever_does,
}

pub(crate) fn every_commit_is_acknowledged_once_and_as_durable_as_it_asked() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk));
    let crashes = Crashes::default();
    let writers = [Durability::Memory, Durability::Os, Durability::Disk].into_iter().zip(1..);
    let writers = writers.map(|(durability, writer)| {
        let (disk, table, crashes) = (disk.clone(), table.clone(), crashes.clone());
        spawn(move || {
            [1, 2].map(|n| {
                let receipt = insert(&table, (writer, n), durability).expect("a commit");
                crashes.acknowledged(&disk, (writer, n), durability);
                assert_eq!(receipt.durability(), durability);
                ((writer, n), receipt)
            })
        })
    });
    let mut receipts: Vec<_> = join(writers).into_iter().flatten().collect();
    receipts.sort_by_key(|(_, receipt)| receipt.commit());
    let commits: Vec<_> = receipts.iter().map(|(_, receipt)| receipt.commit()).collect();
    assert_eq!(commits, [1, 2, 3, 4, 5, 6]);
    let expected: Vec<Pair> = receipts.iter().map(|(row, _)| *row).collect();
    let found = rows(&table);
    assert_eq!(found, expected, "the order of the rows is not that of the commits");
    assert_in_order(&found);
    assert_eq!(
        receipts.iter().map(|(_, r)| r.seqs().start).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6]
    );
    db.sync().expect("a sync");
    assert_eq!(recover(&power_loss(&disk)), expected);
    crashes.check();
}

pub(crate) fn a_failed_sync_acknowledges_nobody_and_leaves_nobody_waiting() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk));
    disk.inject(Fault::new(OpKind::Sync, 2, FaultKind::SyncFail).on("*.wal"));
    let writers = (1..=3).map(|writer| {
        let (disk, table) = (disk.clone(), table.clone());
        spawn(move || {
            let mut acknowledged = Vec::new();
            for n in 1..=2 {
                match insert(&table, (writer, n), Durability::Disk) {
                    Ok(_) => acknowledged.push((power_loss(&disk), (writer, n))),
                    Err(Error::Io { .. } | Error::Poisoned { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            acknowledged
        })
    });
    let acknowledged: Vec<_> = join(writers).into_iter().flatten().collect();
    // The sync of the segment's first group creates it, the second is the one that fails.
    let late = insert(&table, (4, 1), Durability::Disk);
    assert_eq!(db.stats().poisoned, late.is_err());
    if !db.stats().poisoned {
        return;
    }
    let mut seen = rows(&table);
    let mut written: Vec<Pair> = acknowledged.iter().map(|(_, row)| *row).collect();
    seen.sort_unstable();
    written.sort_unstable();
    assert_eq!(seen, written, "what is seen is what was acknowledged");
    for (image, row) in acknowledged {
        assert!(recover(&image).contains(&row), "{row:?} was acknowledged, and lost");
    }
}

pub(crate) fn a_failed_write_leaves_no_trace_and_the_next_group_goes_on() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk));
    insert(&table, (0, 1), Durability::Disk).expect("a commit");
    disk.inject(Fault::new(OpKind::Write, 1, FaultKind::StorageFull { bytes: 20 }).on("*.wal"));
    let writers = (1..=3).map(|writer| {
        let table = table.clone();
        spawn(move || {
            [1, 2].map(|n| match insert(&table, (writer, n), Durability::Os) {
                Ok(_) => Some((writer, n)),
                Err(Error::Io { .. }) => None,
                Err(other) => panic!("{other}"),
            })
        })
    });
    let mut acknowledged: Vec<Pair> = join(writers).into_iter().flatten().flatten().collect();
    assert!((3..6).contains(&acknowledged.len()), "one group failed, and one only");
    assert!(!db.stats().poisoned);
    acknowledged.push((0, 1));
    acknowledged.sort_unstable();
    let found = rows(&table);
    assert_in_order(&found);
    let recovered = recover(&disk.process_crash());
    assert_eq!(recovered, found);
    let mut found = found;
    found.sort_unstable();
    assert_eq!(found, acknowledged);
}

pub(crate) fn commits_that_nobody_waits_for_are_led_by_whoever_does() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk));
    let forgetful = {
        let table = table.clone();
        spawn(move || {
            for n in 1..=3 {
                let one = [row! { "writer" => 1, "n" => n }];
                drop(table.submit(one, Durability::Memory).expect("a ticket"));
            }
        })
    };
    let stepper = {
        let db = db.clone();
        spawn(move || {
            for _ in 0..2 {
                db.step(Job::Commit).expect("a step");
            }
        })
    };
    let waiter = {
        let table = table.clone();
        spawn(move || {
            let ticket = |n: i64| {
                let one = [row! { "writer" => 2, "n" => n }];
                table.submit(one, Durability::Disk).expect("a ticket")
            };
            let (first, second) = (ticket(1), ticket(2));
            assert!(second.wait().expect("a commit").commit() > 1);
            assert!(first.is_done(), "commits are acknowledged in their order");
            first.wait().expect("a commit");
        })
    };
    join([forgetful, stepper, waiter]);
    db.sync().expect("a sync");
    let found = rows(&table);
    assert_eq!(found.len(), 5);
    assert_in_order(&found);
    assert_eq!(recover(&power_loss(&disk)), found);
}
