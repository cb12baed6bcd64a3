//! Indexes and unique fields: kept with the rows, through flush, crash and reopening; built later;
//! dropped; and refusing what is there already.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use srdb::vfs::{CrashChoice, EntryKind, MemClock, MemDisk};
use srdb::{
    Background, Builder, DataType, Database, Durability, Error, Field, Job, Result, Schema, Table,
    row,
};

fn schema() -> Schema {
    Schema::new([
        Field::new("id", DataType::Int64).unique(),
        Field::new("host", DataType::String).indexed().nullable(),
        Field::new("x", DataType::Float64),
    ])
    .expect("a good schema")
}

fn manual(disk: &MemDisk) -> Builder {
    Database::builder("db")
        .vfs(Arc::new(disk.clone()))
        .clock(Arc::new(MemClock::new(1_000_000, 10)))
        .background(Background::Manual)
        .block_rows(4)
}

fn insert(table: &Table, ids: impl IntoIterator<Item = i64>) -> Result<()> {
    let row = |id: i64| row! { "id" => id, "host" => format!("h{}", id % 3), "x" => id as f64 };
    table.insert_many(ids.into_iter().map(row)).map(|_| ())
}

/// The database holds rows of the ids 1..=last, its files are sound, and its index files are those
/// of `fields` indexed fields and nothing else.
fn check(disk: &MemDisk, db: &Database, last: i64, fields: u64) {
    let table = db.table("t").expect("the table");
    assert_eq!(table.count() as i64, last);
    let problems = db.verify().expect("a verification").problems;
    assert!(problems.is_empty(), "{problems:?}");
    while let Some(job) = db.jobs().first().copied() {
        db.step(job).expect("a step");
    }
    let ssts = db.stats().tables[0].ssts;
    assert_eq!(index_files(disk).len() as u64, ssts * fields);
    for id in 1..=last {
        let twice = insert(&table, [id]);
        assert!(matches!(twice, Err(Error::NotUnique { seq: Some(seq), .. }) if seq == id));
    }
    assert_eq!(table.count() as i64, last);
}

fn index_files(disk: &MemDisk) -> BTreeSet<String> {
    let files = disk.list().into_iter().filter(|(_, kind)| *kind == EntryKind::File);
    let names = files.map(|(path, _)| path.display().to_string());
    names.filter(|name| name.ends_with(".idx")).collect()
}

#[test]
fn indexes_are_kept_through_flush_crash_and_close() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    let table = db.create_table("t", schema())?;
    assert_eq!(table.indexes(), ["id", "host"]);
    insert(&table, 1..=30)?;
    db.flush()?;
    insert(&table, 31..=40)?;
    check(&disk, &db, 40, 2);
    drop((db, table));
    let disk = disk.crash_image(&CrashChoice::drop_all());
    let db = manual(&disk).open()?;
    check(&disk, &db, 40, 2);
    insert(&db.table("t")?, 41..=50)?;
    db.close()?;
    let db = manual(&disk).open()?;
    check(&disk, &db, 50, 2);
    Ok(())
}

#[test]
fn a_value_is_there_once_within_a_commit_a_group_and_a_table() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    let table = db.create_table("t", schema())?;
    let refused = insert(&table, [1, 2, 1]);
    assert!(matches!(refused, Err(Error::NotUnique { seq: None, .. })), "{refused:?}");
    let message = refused.map_err(|e| e.to_string()).expect_err("refused");
    assert!(message.contains("\"t\"") && message.contains("\"id\"") && message.contains('1'));
    // Three commits in one group: the second has what the first has, the third is sound and has
    // what the second had besides.
    let row = |id: i64| row! { "id" => id, "x" => 0.0 };
    let first = table.submit([row(1), row(2)], Durability::Disk)?;
    let second = table.submit([row(3), row(2)], Durability::Disk)?;
    let third = table.submit([row(3)], Durability::Disk)?;
    assert!(first.wait().is_ok());
    assert!(matches!(second.wait(), Err(Error::NotUnique { .. })));
    assert!(third.wait().is_ok());
    assert_eq!(table.count(), 3);
    let ids: Vec<_> = table.scan(..)?.map(|row| row.map(|row| row.values()[0].clone())).collect();
    assert_eq!(ids.into_iter().collect::<Result<Vec<_>>>()?, [1i64, 2, 3].map(Into::into));
    Ok(())
}

#[test]
fn nulls_are_not_values_and_long_texts_are_compared_whole() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    let schema = Schema::new([Field::new("text", DataType::String).unique().nullable()])?;
    let table = db.create_table("t", schema)?;
    let long = |end: &str| format!("{}{end}", "x".repeat(300));
    for round in 0..3 {
        table.insert(row! { "text" => srdb::Value::Null })?;
        table.insert(row! { "text" => long(&format!("{round}")) })?;
        for old in 0..=round {
            let twice = table.insert(row! { "text" => long(&format!("{old}")) });
            assert!(matches!(twice, Err(Error::NotUnique { .. })), "{twice:?}");
        }
        db.flush()?;
    }
    assert!(db.verify()?.is_clean());
    Ok(())
}

#[test]
fn an_index_made_later_is_built_behind_and_goes_on_after_a_crash() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    let table = db.create_table("t", schema())?;
    for start in [1, 11, 21] {
        insert(&table, start..start + 10)?;
        db.flush()?;
    }
    insert(&table, 31..=35)?;
    assert!(matches!(table.create_index("y"), Err(Error::NoField { .. })));
    assert!(matches!(table.create_index("id"), Err(Error::IndexExists { .. })));
    assert!(matches!(table.drop_index("x"), Err(Error::NoIndex { .. })));
    assert!(matches!(table.drop_index("id"), Err(Error::Invalid { .. })));
    table.create_index("x")?;
    // Wherever the build is interrupted, it comes to the same end.
    for steps in 0.. {
        let copy = disk.crash_image(&CrashChoice::drop_all());
        let again = manual(&copy).open()?;
        assert_eq!(again.table("t")?.indexes(), ["id", "host", "x"]);
        check(&copy, &again, 35, 3);
        if db.step(Job::BuildIndex)? == srdb::Progress::Idle {
            assert!(steps > 10, "{steps} steps");
            break;
        }
    }
    check(&disk, &db, 35, 3);
    db.flush()?;
    check(&disk, &db, 35, 3);
    table.drop_index("x")?;
    check(&disk, &db, 35, 2);
    db.drop_table("t")?;
    while let Some(job) = db.jobs().first().copied() {
        db.step(job)?;
    }
    let left =
        disk.list().into_iter().filter(|(path, _)| path.starts_with(Path::new("/db/tables")));
    assert_eq!(left.count(), 1, "the directory of tables itself");
    Ok(())
}

#[test]
fn damage_to_an_index_file_is_found() -> Result<()> {
    let disk = MemDisk::new();
    let db = manual(&disk).open()?;
    insert(&db.create_table("t", schema())?, 1..=200)?;
    db.close()?;
    for path in index_files(&disk) {
        let len = disk.read_file(&path).expect("the file").len() as u64;
        for at in (0..len).step_by(97) {
            let disk = disk.fork();
            disk.corrupt(&path, at, 4).expect("a damaged byte");
            let db = manual(&disk).open()?;
            let problems = db.verify()?.problems;
            let names_it = |e: &Error| matches!(e, Error::Corrupt { path: p, .. } if Path::new("/").join(p) == Path::new(&path));
            assert!(problems.iter().any(names_it), "byte {at} of {path}: {problems:?}");
        }
    }
    Ok(())
}
