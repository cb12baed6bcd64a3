//! Bytes from disk are hostile: whatever single byte of whatever file of a closed database is
//! changed, opening, reading and verifying give the right rows or an error that names the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb::vfs::{EntryKind, MemClock, MemDisk};
use srdb::{
    Background, DataType, Database, Decimal, Error, Field, Result, Row, Schema, Value, row,
};

fn open(disk: &MemDisk) -> Result<Database> {
    Database::builder("/db")
        .vfs(Arc::new(disk.clone()))
        .clock(Arc::new(MemClock::new(1_000_000, 10)))
        .background(Background::Manual)
        .block_rows(8)
        .create_if_missing(false)
        .open()
}

/// A closed database that is small and has some of everything.
fn closed_database() -> (MemDisk, Vec<Vec<Row>>) {
    let disk = MemDisk::new();
    let tables = build(&disk).expect("nothing is wrong yet");
    (disk, tables)
}

fn build(disk: &MemDisk) -> Result<Vec<Vec<Row>>> {
    let db = Database::builder("/db")
        .vfs(Arc::new(disk.clone()))
        .clock(Arc::new(MemClock::new(1_000_000, 10)))
        .background(Background::Manual)
        .block_rows(8)
        .open()?;
    let fields = DataType::ALL.map(|t| Field::new(t.name(), t).nullable());
    let all = db.create_table("all types", Schema::new(fields)?)?;
    let plain = db.create_table(
        "plain",
        Schema::new([
            Field::new("n", DataType::Int64),
            Field::new("text", DataType::String).default("the default").comment("a comment"),
        ])?,
    )?;
    for n in 0..11_i64 {
        let mut batch = db.batch();
        batch.insert(&all, any_row(n))?;
        batch.insert(&plain, row! { "n" => n * n, "text" => format!("text {}", n % 3) })?;
        batch.insert(&plain, row! { "n" => -n })?;
        batch.commit()?;
        if n == 6 {
            db.flush()?;
        }
    }
    let rows = [&all, &plain].map(|table| table.scan(..)?.collect::<Result<Vec<_>>>());
    db.close()?;
    rows.into_iter().collect()
}

fn any_row(n: i64) -> srdb::RowBuf {
    let value = |data_type| match data_type {
        DataType::Bool => Value::from(n % 2 == 0),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Value::from(n - 5),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
            Value::from(n.unsigned_abs())
        }
        DataType::Float32 => Value::from(n as f32 / 4.0),
        DataType::Float64 => Value::from(n as f64 / 10.0),
        DataType::Decimal => Value::from(Decimal::new(n * 1000 + 7, 2)),
        DataType::String => Value::from(format!("some longer text number {n}")),
        DataType::Bytes => Value::from(vec![n as u8; n as usize]),
        DataType::Timestamp => Value::Timestamp(n * 1_000_000_007),
        DataType::Duration => Value::Duration(n),
        DataType::Json => Value::Json(format!("{{\"n\":{n}}}")),
        other => panic!("a new type: {other}"),
    };
    let given =
        DataType::ALL.into_iter().enumerate().filter(|(i, _)| !(n as usize + i).is_multiple_of(4));
    given.map(|(_, t)| (t.name(), value(t))).collect()
}

/// The file that an error blames.
fn blamed(error: &Error) -> &Path {
    match error {
        Error::Corrupt { path, .. } | Error::Unsupported { path, .. } => path,
        other => panic!("damage was reported as {other:?}"),
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Outcomes {
    refused_to_open: usize,
    reported: usize,
    harmless: usize,
}

/// Opens, reads and verifies a damaged database; only the files in `blame` may be blamed.
fn examine(disk: &MemDisk, blame: &[&Path], expected: &[Vec<Row>], outcomes: &mut Outcomes) {
    let check_blame = |error: &Error| assert!(blame.contains(&blamed(error)), "{error}");
    let db = match open(disk) {
        Ok(db) => db,
        Err(error) => {
            check_blame(&error);
            outcomes.refused_to_open += 1;
            return;
        }
    };
    let mut damaged = false;
    for (name, expected) in ["all types", "plain"].iter().zip(expected) {
        let table = db.table(name).expect("an opened database has its tables");
        assert_eq!(table.count(), expected.len() as u64, "rows of {name:?}");
        let scan = table.scan(..).expect("a scan starts");
        for (row, right) in scan.zip(expected) {
            match row {
                Ok(row) => assert_eq!(&row, right),
                Err(error) => {
                    check_blame(&error);
                    damaged = true;
                }
            }
        }
        for right in expected {
            match table.get(right.seq()) {
                Ok(row) => assert_eq!(row.as_ref(), Some(right)),
                Err(error) => check_blame(&error),
            }
        }
    }
    let verified = db.verify().expect("verify itself works");
    verified.problems.iter().for_each(check_blame);
    assert!(!damaged || !verified.is_clean(), "a read found damage, and verify did not");
    match verified.is_clean() {
        true => outcomes.harmless += 1,
        false => outcomes.reported += 1,
    }
}

#[test]
fn any_changed_byte_of_a_closed_database_is_harmless_or_blamed_on_its_file() {
    let (disk, expected) = closed_database();
    let files: Vec<PathBuf> = disk
        .list()
        .into_iter()
        .filter(|(_, kind)| *kind == EntryKind::File)
        .map(|(path, _)| path)
        .collect();
    assert!(files.len() >= 10, "the closed database has few files: {files:?}");
    let mut silent = Vec::new();
    for file in &files {
        let len = disk.read_file(file).expect("a listed file").len() as u64;
        let mut outcomes = Outcomes::default();
        for offset in 0..len {
            // One bit, and every fifth time all of them.
            let xor = if offset % 5 == 0 { 0xff } else { 1 << (offset % 8) };
            let damaged = disk.fork();
            damaged.corrupt(file, offset, xor).expect("the offset is in the file");
            examine(&damaged, &[file], &expected, &mut outcomes);
        }
        if outcomes.harmless > 0 {
            silent.push((file.clone(), outcomes));
        }
    }
    // Who held the lock is for a message only, and the MANIFEST's last record, which only vouches
    // for the others, is cut as a torn tail would be. Nothing else passes unnoticed.
    for (file, outcomes) in silent {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let excused = name == "LOCK" || name.starts_with("MANIFEST") || name.ends_with(".wal");
        assert!(excused, "{}: {outcomes:?}", file.display());
    }
}

#[test]
fn a_file_that_is_gone_or_cut_is_blamed() {
    let (disk, expected) = closed_database();
    for (file, kind) in disk.list() {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if kind != EntryKind::File || name == "LOCK" {
            continue;
        }
        let bytes = disk.read_file(&file).expect("a listed file");
        for keep in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            let damaged = disk.fork();
            damaged.write_file(&file, &bytes[..keep]).expect("room");
            // A MANIFEST that ends too early, but after a whole record, is found out by the log
            // that should go on where it ends.
            let log = Path::new("/db/wal/000001.wal");
            examine(&damaged, &[&file, log], &expected, &mut Outcomes::default());
        }
    }
}

/// Of rows far from each other many are read at once: those before a damaged block come all the
/// same, then the error, then nothing.
#[test]
fn rows_before_a_damaged_block_come_first() -> Result<()> {
    let disk = MemDisk::new();
    let open = || {
        let builder = Database::builder("/db").vfs(Arc::new(disk.clone()));
        builder.clock(Arc::new(MemClock::new(1_000_000, 10))).background(Background::Manual)
    };
    let db = open().block_rows(64).open()?;
    let schema = Schema::new([
        Field::new("kind", DataType::Int64).indexed(),
        Field::new("text", DataType::String),
    ])?;
    let table = db.create_table("t", schema)?;
    let row = |n: i64| row! { "kind" => n % 97, "text" => format!("the text of row {n}") };
    table.insert_many((1..=6400).map(row))?;
    db.close()?;
    let is_sst = |path: &Path| path.extension().is_some_and(|extension| extension == "sst");
    let sst = disk.list().into_iter().map(|(path, _)| path).find(|path| is_sst(path));
    let sst = sst.expect("an SST");
    // In the blocks, which are most of the file, and mostly text.
    let len = disk.read_file(&sst).expect("it is there").len() as u64;
    disk.corrupt(&sst, len * 3 / 5, 0xff).expect("it is there");
    let db = open().open()?;
    let table = db.table("t")?;
    let damaged = (1..=6400).find(|seq| table.get(*seq).is_err()).expect("a damaged block");
    assert!((1000..5000).contains(&damaged), "the block of {damaged}");
    let wanted: Vec<i64> = (1..=6400).filter(|n| n % 97 == 5).collect();
    let bad = |seq: &i64| table.get(*seq).is_err();
    let before: Vec<i64> = wanted.iter().copied().take_while(|seq| !bad(seq)).collect();
    let after: Vec<i64> = wanted.iter().rev().copied().take_while(|seq| !bad(seq)).collect();
    assert!(before.len() > 10 && after.len() > 10 && before.len() + after.len() < wanted.len());
    // Reading ahead doubles: none of these is where a group happens to begin.
    assert!(![before.len(), after.len()].iter().any(|rows| (rows + 1).is_power_of_two()));
    for (backward, expected) in [(false, before), (true, after)] {
        let query = table.query().eq("kind", 5);
        let query = if backward { query.order_by(srdb::desc("_seq")) } else { query };
        let mut rows = query.rows()?;
        let mut seqs = Vec::new();
        let error = loop {
            match rows.next() {
                Some(Ok(row)) => seqs.push(row.seq()),
                Some(Err(error)) => break error,
                None => panic!("no error, backward: {backward}"),
            }
        };
        assert_eq!(seqs, expected, "backward: {backward}");
        assert_eq!(blamed(&error), sst);
        assert!(rows.next().is_none());
    }
    Ok(())
}
