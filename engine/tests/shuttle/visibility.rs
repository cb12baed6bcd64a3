//! Readers meet commits, and memtables that become SSTs.

use srdb::vfs::MemDisk;
use srdb::{Background, Durability, row};

use crate::schedules::explored;
use crate::setup::{
    Crashes, ONE_ROW, Pair, TABLE, builder, create, insert, join, pairs, power_loss, rows, schema,
    spawn,
};

explored! {
    a_row_is_seen_only_once_a_crash_can_not_lose_it,
    a_batch_over_tables_is_seen_whole_or_not_at_all,
    every_row_is_read_once_while_memtables_become_ssts,
    a_snapshot_does_not_move,
}

pub(crate) fn a_row_is_seen_only_once_a_crash_can_not_lose_it() {
    let disk = MemDisk::new();
    let (_db, table) = create(builder(&disk));
    let crashes = Crashes::default();
    let writers = (1..=2).map(|writer| {
        let table = table.clone();
        spawn(move || {
            for n in 1..=2 {
                insert(&table, (writer, n), Durability::Disk).expect("a commit");
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let reader = {
        let (table, crashes) = (table.clone(), crashes.clone());
        spawn(move || {
            let mut seen: Vec<Pair> = Vec::new();
            for _ in 0..4 {
                let count = table.count();
                // Nothing runs between the count and the crash.
                let image = power_loss(&disk);
                let now = rows(&table);
                assert!(now.len() as u64 >= count, "counted {count}, found {now:?}");
                assert!(now.starts_with(&seen), "{seen:?} were seen, and are not in {now:?}");
                crashes.must_keep(image, now[..count as usize].to_vec());
                seen = now;
            }
        })
    };
    join(writers);
    join([reader]);
    crashes.check();
    assert_eq!(table.count(), 4);
}

pub(crate) fn a_batch_over_tables_is_seen_whole_or_not_at_all() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk).memtable_bytes(64).background(Background::Threads));
    let other = db.create_table("other", schema()).expect("a second table");
    let writer = {
        let (db, table, other) = (db.clone(), table.clone(), other.clone());
        spawn(move || {
            for n in 1..=3 {
                let mut batch = db.batch();
                for table in [&table, &other] {
                    batch.insert(table, row! { "writer" => 1, "n" => n }).expect("a row");
                }
                batch.commit_with(Durability::Os).expect("a commit");
            }
        })
    };
    let reader = {
        let db = db.clone();
        spawn(move || {
            let mut last = 0;
            for _ in 0..4 {
                let snapshot = db.snapshot();
                let counts = [TABLE, "other"].map(|name| {
                    let table = snapshot.table(name).expect("the table");
                    let scanned = pairs(table.scan(..).expect("a scan"));
                    assert_eq!(scanned.len() as u64, table.count());
                    table.count()
                });
                assert_eq!(counts[0], counts[1], "half of a commit is seen");
                assert!(counts[0] >= last, "{last} rows were seen, and now {}", counts[0]);
                last = counts[0];
            }
        })
    };
    join([writer, reader]);
    db.close().expect("a close");
}

pub(crate) fn every_row_is_read_once_while_memtables_become_ssts() {
    let disk = MemDisk::new();
    let (db, table) =
        create(builder(&disk).memtable_bytes(ONE_ROW).background(Background::Threads));
    let writer = {
        let table = table.clone();
        spawn(move || {
            for n in 1..=4 {
                insert(&table, (1, n), Durability::Os).expect("a commit");
            }
        })
    };
    let readers = (0..2).map(|way| {
        let table = table.clone();
        spawn(move || {
            let mut last = 0;
            for _ in 0..3 {
                let count = table.count() as i64;
                assert!(count >= last, "{last} rows were seen, and now {count}");
                if way == 0 {
                    let found = rows(&table);
                    assert!(found.len() as i64 >= count);
                    assert!(found.iter().map(|(_, n)| *n).eq(1..=found.len() as i64), "{found:?}");
                } else {
                    for seq in 1..=count {
                        let row = table.get(seq).expect("a row that can be read");
                        assert_eq!(row.map(|row| row.seq()), Some(seq), "of {count}");
                    }
                }
                last = count;
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    join(std::iter::once(writer).chain(readers));
    db.flush().expect("a flush");
    assert_eq!(rows(&table), [(1, 1), (1, 2), (1, 3), (1, 4)]);
    db.close().expect("a close");
}

pub(crate) fn a_snapshot_does_not_move() {
    let disk = MemDisk::new();
    let (db, table) =
        create(builder(&disk).memtable_bytes(ONE_ROW).background(Background::Threads));
    insert(&table, (1, 1), Durability::Os).expect("a commit");
    let writer = {
        let (db, table) = (db.clone(), table.clone());
        spawn(move || {
            for n in 2..=3 {
                insert(&table, (1, n), Durability::Os).expect("a commit");
            }
            db.flush().expect("a flush");
        })
    };
    let reader = {
        let db = db.clone();
        spawn(move || {
            let snapshot = db.snapshot().table(TABLE).expect("the table");
            let first = pairs(snapshot.scan(..).expect("a scan"));
            assert_eq!(first.len() as u64, snapshot.count());
            for _ in 0..2 {
                assert_eq!(pairs(snapshot.scan(..).expect("a scan")), first);
            }
        })
    };
    join([writer, reader]);
    db.close().expect("a close");
}
