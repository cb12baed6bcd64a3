//! What opening and closing costs a database that nobody writes to.

use std::path::PathBuf;
use std::sync::Arc;

use srdb::vfs::{MemClock, MemDisk, OpKind};
use srdb::{Background, DataType, Database, Field, Result, Schema, row};

fn open(disk: &MemDisk) -> Result<Database> {
    Database::builder("/db")
        .vfs(Arc::new(disk.clone()))
        .clock(Arc::new(MemClock::new(0, 1)))
        .background(Background::Manual)
        .open()
}

fn segments(disk: &MemDisk) -> Vec<PathBuf> {
    let files = disk.list().into_iter().map(|(path, _)| path);
    files.filter(|path| path.extension().is_some_and(|end| end == "wal")).collect()
}

#[test]
fn opening_and_closing_again_and_again_leaves_no_log_behind() -> Result<()> {
    let disk = MemDisk::new();
    let db = open(&disk)?;
    let table = db.create_table("t", Schema::new([Field::new("n", DataType::Int64)])?)?;
    table.insert_many((0..100).map(|n| row! { "n" => n }))?;
    db.close()?;
    let closed = segments(&disk);
    let mut creates = Vec::new();
    for _ in 0..5 {
        let before = disk.op_count(OpKind::Create);
        let db = open(&disk)?;
        assert_eq!(db.table("t")?.count(), 100);
        db.close()?;
        creates.push(disk.op_count(OpKind::Create) - before);
    }
    assert_eq!(segments(&disk).len(), closed.len());
    assert_eq!(creates, [0; 5], "files made by each opening and closing");
    // And it still takes rows, and keeps them.
    let db = open(&disk)?;
    db.table("t")?.insert(row! { "n" => 100 })?;
    db.close()?;
    let db = open(&disk)?;
    assert_eq!(db.table("t")?.count(), 101);
    assert!(db.verify()?.is_clean());
    db.close()
}
