//! Dropping a table meets whoever uses it.

use srdb::vfs::MemDisk;
use srdb::{Background, Durability, Error, row};

use crate::schedules::explored;
use crate::setup::{
    ONE_ROW, TABLE, builder, create, insert, join, pairs, power_loss, recover, schema, spawn,
};

explored! {
    a_snapshot_outlives_the_drop_of_its_table,
    a_row_is_read_or_its_table_is_gone,
    a_commit_to_a_dropped_table_is_refused_or_goes_with_it,
    a_flush_and_the_drop_of_one_of_its_tables,
    a_table_that_is_dropped_is_no_problem_of_a_verification,
    of_two_that_create_a_table_one_does,
}

pub(crate) fn a_snapshot_outlives_the_drop_of_its_table() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk).background(Background::Threads));
    insert(&table, (1, 1), Durability::Os).expect("a commit");
    db.flush().expect("a flush");
    insert(&table, (1, 2), Durability::Os).expect("a commit");
    let reader = {
        let db = db.clone();
        spawn(move || {
            let Ok(snapshot) = db.snapshot().table(TABLE) else { return };
            assert_eq!(snapshot.count(), 2);
            assert_eq!(pairs(snapshot.scan(..).expect("a scan")), [(1, 1), (1, 2)]);
        })
    };
    let dropper = {
        let db = db.clone();
        spawn(move || db.drop_table(TABLE).expect("a drop"))
    };
    join([reader, dropper]);
    db.close().expect("a close");
    assert_eq!(recover(&power_loss(&disk)), []);
}

pub(crate) fn a_row_is_read_or_its_table_is_gone() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk));
    insert(&table, (1, 1), Durability::Os).expect("a commit");
    let dropper = {
        let db = db.clone();
        spawn(move || db.drop_table(TABLE).expect("a drop"))
    };
    let reader = spawn(move || {
        for _ in 0..3 {
            match table.get(1) {
                Ok(row) => assert!(row.is_some(), "a row is gone, and its table is not"),
                Err(Error::NoTable { .. }) => {}
                Err(other) => panic!("{other}"),
            }
            match table.scan(..) {
                Ok(scan) => assert_eq!(pairs(scan), [(1, 1)]),
                Err(Error::NoTable { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    });
    join([dropper, reader]);
}

pub(crate) fn a_commit_to_a_dropped_table_is_refused_or_goes_with_it() {
    let disk = MemDisk::new();
    let (db, table) =
        create(builder(&disk).memtable_bytes(ONE_ROW).background(Background::Threads));
    let other = db.create_table("other", schema()).expect("a second table");
    let writer = {
        let (db, table, other) = (db.clone(), table.clone(), other.clone());
        spawn(move || {
            let mut committed = 0;
            for n in 1..=3 {
                let mut batch = db.batch();
                for table in [&table, &other] {
                    if batch.insert(table, row! { "writer" => 1, "n" => n }).is_err() {
                        return committed;
                    }
                }
                match batch.commit_with(Durability::Disk) {
                    Ok(_) => committed += 1,
                    Err(Error::NoTable { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            committed
        })
    };
    let dropper = {
        let db = db.clone();
        spawn(move || db.drop_table("other").expect("a drop"))
    };
    let committed = join([writer])[0];
    join([dropper]);
    let expected: Vec<_> = (1..=committed).map(|n| (1, n)).collect();
    assert_eq!(crate::setup::rows(&table), expected);
    assert_eq!(recover(&power_loss(&disk)), expected);
    db.close().expect("a close");
    assert_eq!(recover(&power_loss(&disk)), expected);
}

pub(crate) fn a_flush_and_the_drop_of_one_of_its_tables() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk).background(Background::Threads));
    let other = db.create_table("other", schema()).expect("a second table");
    insert(&table, (1, 1), Durability::Os).expect("a commit");
    insert(&other, (1, 1), Durability::Os).expect("a commit");
    let flusher = {
        let db = db.clone();
        spawn(move || db.flush().expect("a flush"))
    };
    let dropper = {
        let db = db.clone();
        spawn(move || db.drop_table("other").expect("a drop"))
    };
    join([flusher, dropper]);
    assert_eq!(recover(&power_loss(&disk)), [(1, 1)]);
    db.close().expect("a close");
    assert_eq!(recover(&power_loss(&disk)), [(1, 1)]);
    let left = disk.list();
    assert!(!left.iter().any(|(path, _)| path.to_string_lossy().contains("-other")), "{left:?}");
}

pub(crate) fn a_table_that_is_dropped_is_no_problem_of_a_verification() {
    let disk = MemDisk::new();
    let (db, table) = create(builder(&disk).background(Background::Threads));
    insert(&table, (1, 1), Durability::Os).expect("a commit");
    db.flush().expect("a flush");
    let verifier = {
        let db = db.clone();
        spawn(move || {
            let verification = db.verify().expect("a verification");
            assert!(verification.is_clean(), "{:?}", verification.problems);
        })
    };
    let dropper = {
        let db = db.clone();
        spawn(move || db.drop_table(TABLE).expect("a drop"))
    };
    join([verifier, dropper]);
    db.close().expect("a close");
}

pub(crate) fn of_two_that_create_a_table_one_does() {
    let disk = MemDisk::new();
    let (db, _table) = create(builder(&disk));
    let creators = (1..=2).map(|writer| {
        let db = db.clone();
        spawn(move || match db.create_table("other", schema()) {
            Ok(table) => insert(&table, (writer, 1), Durability::Disk).map(|_| true),
            Err(Error::TableExists { .. }) => db.table("other").map(|_| false),
            Err(other) => Err(other),
        })
    });
    let created = join(creators.collect::<Vec<_>>());
    let created: Vec<bool> = created.into_iter().map(|c| c.expect("an answer")).collect();
    assert_eq!(created.iter().filter(|created| **created).count(), 1);
    assert_eq!(db.tables(), ["other", TABLE]);
    assert_eq!(db.table("other").expect("the table").count(), 1);
}
