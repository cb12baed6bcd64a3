//! Closing meets whatever is under way.

use srdb::vfs::{Fault, FaultKind, MemDisk, OpKind};
use srdb::{Background, Database, Durability, Error, Job, Result};

use crate::schedules::explored;
use crate::setup::{
    ONE_ROW, Pair, TABLE, builder, create, insert, is_closed, join, power_loss, recover, schema,
    spawn,
};

explored! {
    a_commit_is_refused_or_survives_the_close,
    a_writer_that_waits_for_room_does_not_keep_the_close_waiting,
    nothing_changes_the_disk_after_a_close,
    a_close_leaves_no_file_behind,
    a_rotation_that_comes_too_late_makes_no_segment,
    one_of_two_closes_closes,
    a_database_that_was_not_touched_closes_while_a_commit_comes,
}

/// Closes, and says how many changing calls the disk had seen by then.
fn close(db: &Database, disk: &MemDisk) -> u64 {
    db.close().expect("a close");
    disk.calls()
}

pub(crate) fn a_commit_is_refused_or_survives_the_close() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk).background(Background::Threads));
    insert(&table, (0, 1), Durability::Memory).expect("a commit");
    let writers = [Durability::Memory, Durability::Disk].into_iter().zip(1..);
    let writers = writers.map(|(durability, writer)| {
        let table = table.clone();
        spawn(move || -> Vec<Pair> {
            let write = |n| match insert(&table, (writer, n), durability) {
                Ok(_) => Some((writer, n)),
                Err(Error::Closed) => None,
                Err(other) => panic!("{other}"),
            };
            (1..=2).filter_map(write).collect()
        })
    });
    let writers: Vec<_> = writers.collect();
    let closer = {
        let disk = disk.clone();
        spawn(move || close(&db, &disk))
    };
    let mut acknowledged: Vec<Pair> = join(writers).into_iter().flatten().collect();
    let calls = join([closer])[0];
    assert_eq!(disk.calls(), calls, "the disk was changed after the close");
    acknowledged.push((0, 1));
    let mut found = recover(&power_loss(&disk));
    found.sort_unstable();
    acknowledged.sort_unstable();
    assert_eq!(found, acknowledged);
}

pub(crate) fn a_writer_that_waits_for_room_does_not_keep_the_close_waiting() {
    let disk = MemDisk::new();
    let (db, table) =
        create(builder(&disk).memtable_bytes(ONE_ROW).background(Background::Threads));
    let writer = {
        let table = table.clone();
        spawn(move || -> Vec<Pair> {
            let write = |n| insert(&table, (1, n), Durability::Os).is_ok().then_some((1, n));
            (1..=4).map_while(write).collect()
        })
    };
    let closer = {
        let disk = disk.clone();
        spawn(move || close(&db, &disk))
    };
    let acknowledged = join([writer]).remove(0);
    let calls = join([closer])[0];
    assert_eq!(disk.calls(), calls, "the disk was changed after the close");
    assert_eq!(recover(&power_loss(&disk)), acknowledged);
}

pub(crate) fn nothing_changes_the_disk_after_a_close() {
    let disk = MemDisk::new();
    let (db, table) =
        create(builder(&disk).memtable_bytes(ONE_ROW).background(Background::Threads));
    insert(&table, (1, 1), Durability::Os).expect("a commit");
    let acts: [fn(&Database) -> Result<()>; 3] = [
        |db| db.rotate().map(|_| ()),
        |db| db.flush(),
        |db| db.create_table("other", schema()).and_then(|_| db.drop_table("other")),
    ];
    let others = acts.map(|act| {
        let db = db.clone();
        spawn(move || match act(&db) {
            Ok(()) | Err(Error::Closed) => {}
            Err(other) => panic!("{other}"),
        })
    });
    let closer = {
        let disk = disk.clone();
        spawn(move || close(&db, &disk))
    };
    let calls = join([closer])[0];
    join(others);
    assert_eq!(disk.calls(), calls, "the disk was changed after the close");
    assert_eq!(recover(&power_loss(&disk)), [(1, 1)]);
}

pub(crate) fn a_close_leaves_no_file_behind() {
    let disk = MemDisk::new();
    let merging = || builder(&disk).compaction_files_max(2).compaction_fan_in(2);
    let (db, table) = create(merging().memtable_bytes(ONE_ROW).background(Background::Threads));
    // The close flushes the last of them, which makes a merge due.
    (1..=3).for_each(|n| {
        insert(&table, (1, n), Durability::Os).expect("a commit");
    });
    let calls = close(&db, &disk);
    drop((db, table));
    assert_eq!(disk.calls(), calls, "the disk was changed after the close");
    let db = merging().open().expect("a database");
    assert!(!db.jobs().contains(&Job::Delete), "the close left a file behind");
}

pub(crate) fn a_rotation_that_comes_too_late_makes_no_segment() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk));
    insert(&table, (1, 1), Durability::Memory).expect("a commit");
    // The close can't flush then, and leaves a generation that a rotation would freeze.
    disk.inject(Fault::new(OpKind::Write, 1, FaultKind::Eio).on("*.wal"));
    let rotator = {
        let db = db.clone();
        spawn(move || match db.rotate() {
            Ok(_) | Err(Error::Closed | Error::Io { .. }) => {}
            Err(other) => panic!("{other}"),
        })
    };
    let closer = {
        let disk = disk.clone();
        spawn(move || {
            let _ = db.close();
            disk.calls()
        })
    };
    let calls = join([closer])[0];
    join([rotator]);
    assert_eq!(disk.calls(), calls, "the disk was changed after the close");
    assert_eq!(recover(&power_loss(&disk)), [(1, 1)]);
}

pub(crate) fn one_of_two_closes_closes() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk).background(Background::Threads));
    insert(&table, (1, 1), Durability::Memory).expect("a commit");
    let closers = (0..2).map(|_| {
        let db = db.clone();
        spawn(move || db.close())
    });
    let closed = join(closers.collect::<Vec<_>>());
    assert_eq!(closed.iter().filter(|closed| closed.is_ok()).count(), 1);
    assert_eq!(closed.iter().filter(|closed| is_closed(closed)).count(), 1);
    assert_eq!(recover(&power_loss(&disk)), [(1, 1)]);
}

pub(crate) fn a_database_that_was_not_touched_closes_while_a_commit_comes() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk));
    insert(&table, (1, 1), Durability::Disk).expect("a commit");
    db.close().expect("a close");
    let db = builder(&disk).background(Background::Threads).open().expect("a database");
    let table = db.table(TABLE).expect("the table");
    let writer = spawn(move || insert(&table, (1, 2), Durability::Memory).is_ok());
    let closer = {
        let disk = disk.clone();
        spawn(move || close(&db, &disk))
    };
    let written = join([writer])[0];
    let calls = join([closer])[0];
    assert_eq!(disk.calls(), calls, "the disk was changed after the close");
    let expected = [(1, 1), (1, 2)];
    assert_eq!(recover(&power_loss(&disk)), expected[..1 + usize::from(written)]);
}
