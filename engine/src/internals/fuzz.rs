//! The bodies of the fuzz targets: each takes any bytes for a file or a column, and asserts what
//! must hold of all of them. What must never happen is a panic; an error is an answer.
//!
//! Each body runs twice: with checksums as they are, and with none
//! ([`super::without_checksums`]).

use std::path::Path;
use std::sync::Arc;

use memchr::memmem::Finder;
use srdb_vfs::{MemDisk, Vfs};

use super::without_checksums;
use crate::chunk::{BytesColumn, Chunk, Column, ColumnData, Mask, Scalar};
use crate::coding::bytes::{Put, Reader};
use crate::column::{
    self, Cell, ColumnView, DictionaryBuilder, DictionaryView, Encoding, FilterScratch, Predicate,
    ROWS_MAX, Test,
};
use crate::edit::{Change, VersionEdit};
use crate::error::{Damage, Result};
use crate::format::manifest::{FIRST_MANIFEST, Meta, manifest_name};
use crate::format::sst::SstHeader;
use crate::manifest::{self, Found, ManifestWriter};
use crate::sst::{BlockRef, SstIdentity, SstMeta, SstReader, SstWriter};
use crate::types::{DataType, Physical};
use crate::version::Version;
use crate::wal::{self, LogWriter, Start, TableRows};
use crate::{Field, Schema};

const DATABASE: u64 = 7;
const FIRST_SEGMENT: u64 = 1;
const WAL_DIR: &str = "wal";
const SST: &str = "000002.sst";
const DATABASE_DIR: &str = "db";

/// Columns of all shapes.
const TYPES: [DataType; 8] = [
    DataType::Int64,
    DataType::UInt64,
    DataType::Bool,
    DataType::Float32,
    DataType::Float64,
    DataType::Decimal,
    DataType::String,
    DataType::Timestamp,
];

/// `bytes` as the only segment of a log: replay gives whole commits in order, or an error; what it
/// cuts, it cuts for good. That times don't go down is for recovery to check.
pub fn wal_replay(bytes: &[u8]) {
    both(|| replay_segment(bytes));
}

/// `bytes` as an SST: what [`verify`](crate::Database::verify) finds nothing wrong with can be
/// read, and one value at a time is the same as whole blocks.
pub fn sst_open(bytes: &[u8]) {
    both(|| read_sst(bytes));
}

/// `bytes` as a column and its dictionary: reading one value is the same as reading all, and
/// searching for some bytes finds the rows that hold them, where what has to ascend does.
///
/// ```text
/// encoding u16 │ rows u16 │ type u8 │ dictionary bytes u16 │ dictionary │ column
/// ```
pub fn block_decode(bytes: &[u8]) {
    both(|| {
        // Most inputs are no column at all.
        let _ = decode_column(bytes);
    });
}

/// `bytes` as a MANIFEST: what loads can be written out as a snapshot and gives the same again, and
/// has no problem that would not have kept it from loading.
pub fn manifest_load(bytes: &[u8]) {
    both(|| load_manifest(bytes));
}

fn both(body: impl Fn()) {
    body();
    without_checksums(body);
}

/// What a log gives: its commits, the tables of what was carried into it, what is to be cut.
type Log = (Vec<wal::CommitRecord>, Vec<wal::DecodedCarry>, Option<wal::Cut>);

fn log_of(vfs: &Arc<dyn Vfs>, carries: bool) -> Result<Log> {
    let (mut commits, mut carried) = (Vec::new(), Vec::new());
    let first = wal::First { number: FIRST_SEGMENT, carries };
    let outcome = wal::replay(vfs, Path::new(WAL_DIR), DATABASE, first, &mut |logged| {
        match logged {
            wal::Logged::Commit(commit) => commits.push(commit),
            wal::Logged::Carry(carry) => carried.extend(carry.tables),
        }
        Ok(())
    })?;
    Ok((commits, carried, outcome.cut))
}

fn replay_segment(bytes: &[u8]) {
    let disk = MemDisk::new();
    put(&disk, &Path::new(WAL_DIR).join("000001.wal"), bytes);
    let vfs: Arc<dyn Vfs> = Arc::new(disk);
    if let Ok((.., Some(cut))) = log_of(&vfs, true) {
        assert!(cut.truncate.is_none_or(|(_, at)| at > 128), "what was carried is never cut");
    }
    let Ok((commits, carried, cut)) = log_of(&vfs, false) else { return };
    for table in &carried {
        assert_eq!(table.times.len(), table.rows.rows, "a time a row");
        assert!(table.times.is_sorted() && table.as_carried().is_same(&table.as_carried()));
    }
    for pair in commits.windows(2) {
        assert_eq!(pair[0].commit + 1, pair[1].commit, "commits are numbered without gaps");
    }
    let tables = commits.iter().flat_map(|commit| &commit.tables);
    for table in tables.chain(carried.iter().map(|carried| &carried.rows)) {
        assert_eq!(table.types.len(), table.columns.len(), "a type a column");
        for column in &table.columns {
            assert_eq!(column.len(), table.rows, "a value a row");
            (0..column.len()).for_each(|row| drop(std::hint::black_box(column.get(row))));
        }
    }
    if let Some(cut) = &cut {
        wal::cut(&vfs, Path::new(WAL_DIR), cut).expect("a disk without faults cuts");
        let (again, _, cut) = log_of(&vfs, false).expect("what was cut is whole");
        assert!(cut.is_none(), "cut twice: {cut:?}");
        assert_eq!(again.len(), commits.len(), "commits were cut that had been given");
    }
}

fn read_sst(bytes: &[u8]) {
    let disk = MemDisk::new();
    put(&disk, Path::new(SST), bytes);
    // What the MANIFEST would say, had this file been recorded: everything as the file has it.
    let Ok(header) = SstHeader::decode(bytes) else { return };
    let identity = SstIdentity {
        file_number: header.file_number,
        database_id: header.database_id,
        table_id: header.table_id,
        schema_checksum: header.schema_checksum,
    };
    let meta = SstMeta {
        file_number: header.file_number,
        size: bytes.len() as u64,
        crc: crc32fast::hash(bytes),
        rows: header.rows,
        blocks: header.blocks,
        min_seq: header.min_seq,
        max_seq: header.max_seq,
        min_time: header.min_time,
        max_time: header.max_time,
    };
    let types = &TYPES[..TYPES.len().min((header.columns as usize).saturating_sub(1))];
    let path = Path::new(SST);
    let Ok(reader) = SstReader::open(&disk, path, identity, &meta, types) else { return };
    let problems = crate::sst::verify(&reader);
    let is_sound = problems.is_empty();
    let (mut seq, mut rows) = (meta.min_seq, 0);
    while seq <= meta.max_seq {
        let read = reader.block_of(seq).and_then(|block| match block {
            Some(block) => block.unpack(None, 0..block.rows()).map(|chunk| Some((block, chunk))),
            None => Ok(None),
        });
        match read {
            Ok(Some((block, chunk))) => {
                assert!(block.end_seq() > seq, "the block of {seq} ends at {}", block.end_seq());
                assert_eq!((chunk.len(), chunk.end_seq()), (block.rows(), block.end_seq()));
                compare_with_gets(&reader, &block, &chunk);
                (seq, rows) = (block.end_seq(), rows + chunk.len() as u64);
            }
            Ok(None) => panic!("seq {seq} of {}..={} is nowhere", meta.min_seq, meta.max_seq),
            Err(error) => {
                assert!(!is_sound, "verified, and then: {error}");
                return;
            }
        }
    }
    assert!(!is_sound || rows == meta.rows, "{rows} rows of {}", meta.rows);
}

/// The first, the last and a middle row of the block, value by value.
fn compare_with_gets(reader: &SstReader, block: &BlockRef<'_>, chunk: &Chunk) {
    for at in [0, chunk.len() / 2, chunk.len() - 1] {
        let Ok(Some(row)) = reader.row(chunk.first_seq + at as i64) else { continue };
        for (field, column) in chunk.columns.iter().enumerate() {
            if let (true, Ok(value)) = (block.is_ordered(field), row.get(field)) {
                assert_eq!(value, column.get(at), "field {field} of row {at}");
            }
        }
    }
}

fn decode_column(bytes: &[u8]) -> Result<(), Damage> {
    let mut input = Reader::new(bytes);
    let (encoding, rows) = (input.u16()?, usize::from(input.u16()?));
    let data_type = TYPES[usize::from(input.u8()?) % TYPES.len()];
    let dictionary_bytes = usize::from(input.u16()?);
    let dictionary = input.take(dictionary_bytes)?;
    let dictionary = if dictionary.is_empty() {
        None
    } else {
        Some(DictionaryView::parse(dictionary, data_type.physical())?)
    };
    let left = input.remaining();
    let bytes = input.take(left)?;
    // Whatever the bytes: no panic, and what is given is what the long way gives.
    let short = |row: usize| {
        let cell = Cell::of(encoding, rows, bytes, row);
        cell.and_then(|cell| cell.scalar(data_type, dictionary))
    };
    let cells: Vec<Option<Scalar<'_>>> = (0..rows.min(ROWS_MAX)).map(short).collect();
    let view = ColumnView::parse(encoding, rows, data_type, bytes, dictionary)?;
    let values: Vec<Option<Scalar<'_>>> = (0..rows).map(|row| view.get(row).ok()).collect();
    for (row, cell) in cells.iter().enumerate().filter(|_| view.is_ordered()) {
        assert!(cell.is_none() || *cell == values[row], "row {row}: {cell:?}, {:?}", values[row]);
    }
    if data_type.physical() == Physical::Bytes && view.is_ordered() {
        // Codes of a dictionary are not looked at where all its entries pass, or none.
        search_column(&view, &values, encoding != Encoding::Dictionary.code());
    }
    for range in [0..rows, rows / 3..rows / 2, rows.saturating_sub(1)..rows] {
        let mut out = Column::new(data_type.physical());
        if view.unpack(range.clone(), &mut out).is_ok() {
            assert_eq!(out.len(), range.len(), "encoding {encoding} of {range:?}");
            for (at, row) in range.enumerate().filter(|_| view.is_ordered()) {
                let (unpacked, got) = (out.get(at), values[row].as_ref());
                assert_eq!(Some(&unpacked), got, "row {row}, encoding {encoding}");
            }
        } else {
            assert_eq!(out.len(), 0, "encoding {encoding} gave rows and damage");
        }
    }
    Ok(())
}

/// The rows that contain some bytes: by the filter, and by the values that were read one by one.
fn search_column(view: &ColumnView<'_>, values: &[Option<Scalar<'_>>], told: bool) {
    let longest = values.iter().flatten().filter_map(|value| match value {
        Scalar::Bytes(text) => Some(&text[..]),
        _ => None,
    });
    let longest = longest.max_by_key(|text| text.len()).unwrap_or_default();
    let middle = longest.len() / 2;
    for needle in [longest.get(middle..middle + 3), longest.get(1..12), longest.get(..1)] {
        let finder = Finder::new(needle.unwrap_or(b"e"));
        for step in [1, 9] {
            let predicate = Predicate::Contains(Box::new(finder.clone().into_owned()));
            let test = Test { predicate, negated: step > 1 };
            let mut wanted = Mask::none(values.len());
            (0..values.len()).step_by(step).for_each(|row| wanted.set(row));
            let mut left = wanted.clone();
            if view.filter(&test, &mut FilterScratch::default(), &mut left).is_err() {
                continue;
            }
            for row in wanted.rows() {
                let holds = match &values[row] {
                    Some(Scalar::Bytes(text)) => finder.find(text).is_some() != test.negated,
                    Some(_) => false,
                    None => {
                        assert!(!told, "the damage of row {row} was passed over");
                        continue;
                    }
                };
                assert_eq!(left.get(row), holds, "{needle:?} in row {row}");
            }
        }
    }
}

fn load_manifest(bytes: &[u8]) {
    let (disk, dir) = (MemDisk::new(), Path::new(DATABASE_DIR));
    create_database(&disk);
    put(&disk, &dir.join(manifest_name(FIRST_MANIFEST)), bytes);
    let found = manifest::load(&disk, dir);
    let problems = manifest::verify(&disk, dir);
    match found {
        Ok(Found::Database(loaded)) => {
            // Opening cuts a torn tail off; what is verified is open, and has none.
            let is_sound = problems.is_empty() || loaded.torn_tail.is_some();
            assert!(is_sound, "loaded, and then: {problems:?}");
            let mut again = Version::default();
            let snapshot = loaded.version.to_snapshot_edit();
            let snapshot = VersionEdit::decode(&snapshot.encode());
            let snapshot = snapshot.expect("an edit that was encoded is one");
            again.change(&snapshot).expect("a version's snapshot is a version");
            assert_eq!(again, loaded.version, "a snapshot lost something");
        }
        Ok(other) => panic!("a directory with CURRENT is {other:?}"),
        Err(error) => assert!(!problems.is_empty(), "verified, and then: {error}"),
    }
}

fn create_database(disk: &MemDisk) {
    let dir = Path::new(DATABASE_DIR);
    disk.create_dir(dir).expect("a new disk has no such directory");
    let meta = Meta { database_id: DATABASE, created_time: 0 };
    manifest::create(disk, dir, &meta).expect("a disk without faults takes a database");
}

fn put(disk: &MemDisk, path: &Path, bytes: &[u8]) {
    disk.write_file(path, bytes).expect("a new disk takes any file");
}

/// The inputs that fuzzing starts on, by target and name: small and valid, without checksums.
pub fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    without_checksums(|| {
        let mut seeds = Vec::new();
        for (name, rows) in [("empty", 0), ("one", 1), ("some", 40)] {
            seeds.push(("wal_replay", name.to_owned(), seed_wal(rows, 0, false)));
            seeds.push(("manifest_load", name.to_owned(), seed_manifest(rows)));
        }
        seeds.push(("wal_replay", "closed".to_owned(), seed_wal(3, 0, true)));
        seeds.push(("wal_replay", "carried".to_owned(), seed_wal(5, 7, false)));
        for (name, sizes) in [("one", &[1][..]), ("blocks", &[16, 16, 5]), ("long", &[300])] {
            seeds.push(("sst_open", name.to_owned(), seed_sst(sizes)));
        }
        seeds.extend(seed_columns().into_iter().map(|(name, bytes)| ("block_decode", name, bytes)));
        seeds
    })
}

/// Rows of all types; every fifth value null.
fn seed_chunk(first_seq: i64, rows: usize) -> Chunk {
    let mut chunk = Chunk::new(first_seq, TYPES);
    for row in first_seq..first_seq + rows as i64 {
        chunk.times.push(1_000 * row + row % 7);
        for (column, data_type) in chunk.columns.iter_mut().zip(TYPES) {
            if row % 5 == 4 && data_type != DataType::Timestamp {
                column.push_null();
            } else {
                push(column, row, data_type);
            }
        }
    }
    chunk
}

fn push(column: &mut Column, row: i64, data_type: DataType) {
    let text = format!("message {} of {}", row % 9, row * row);
    match &mut column.data {
        ColumnData::Bool(bits) => bits.push(row % 3 == 0),
        ColumnData::Int(values) if data_type == DataType::Timestamp => values.push(row << 20),
        ColumnData::Int(values) => values.push(row * row % 1000),
        ColumnData::Float32(values) => values.push(row as f32 / 4.0),
        ColumnData::Float64(values) => values.push((row * 37 % 1000) as f64 / 100.0),
        ColumnData::Decimal(values) => values.push(crate::Decimal::new(row * 101, 2)),
        ColumnData::Bytes(values) => values.push(text.as_bytes()),
    }
    column.mark_valid();
}

/// A segment that so many rows were carried into, and then so many committed.
fn seed_wal(rows: usize, carried: usize, close: bool) -> Vec<u8> {
    let disk = MemDisk::new();
    let dir = Path::new(WAL_DIR);
    disk.create_dir(dir).expect("a new disk has no such directory");
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    let start = Start::empty(FIRST_SEGMENT, 1);
    let (types, chunk) = (&TYPES[..], seed_chunk(1, carried));
    let table = TableRows { table: 1, first_seq: 1, rows: carried, types, columns: &chunk.columns };
    let head = [wal::CarriedRows { rows: table, times: &chunk.times }];
    let head = if carried > 0 { &head[..] } else { &[] };
    let log = LogWriter::create(&vfs, dir, DATABASE, start, 0, head);
    let mut log = log.expect("a disk without faults");
    let commits = [rows / 4, rows - rows / 4];
    let mut first_seq = 1 + carried as i64;
    for (at, rows) in commits.into_iter().filter(|rows| *rows > 0).enumerate() {
        let chunk = seed_chunk(first_seq, rows);
        let (types, columns) = (&TYPES[..], &chunk.columns[..]);
        let table = TableRows { table: 1, first_seq, rows, types, columns };
        log.append(at as u64 + 1, 1_000 * first_seq, &[table]);
        log.sync().expect("a disk without faults syncs");
        first_seq += rows as i64;
    }
    if close {
        log.close().expect("a disk without faults closes");
    }
    disk.read_file(dir.join("000001.wal")).expect("the segment was written")
}

fn seed_sst(sizes: &[usize]) -> Vec<u8> {
    let disk = MemDisk::new();
    let identity =
        SstIdentity { file_number: 2, database_id: DATABASE, table_id: 1, schema_checksum: 0 };
    let written = || -> Result<()> {
        let mut writer = SstWriter::create(&disk, Path::new(SST), identity, &TYPES)?;
        let mut first_seq = 1;
        for rows in sizes {
            writer.add(&seed_chunk(first_seq, *rows))?;
            first_seq += *rows as i64;
        }
        writer.finish_body()?;
        writer.write_header()?;
        writer.sync()
    };
    written().expect("a disk without faults takes an SST");
    disk.read_file(SST).expect("the SST was written")
}

fn seed_manifest(tables: usize) -> Vec<u8> {
    let (disk, dir) = (MemDisk::new(), Path::new(DATABASE_DIR));
    create_database(&disk);
    let mut schema = Vec::new();
    Schema::new([Field::new("n", DataType::Int64)]).expect("a schema").encode(&mut schema);
    let schema: Arc<[u8]> = schema.into();
    let written = || -> Result<()> {
        let Found::Database(loaded) = manifest::load(&disk, dir)? else { return Ok(()) };
        let mut log = ManifestWriter::resume(&disk, dir, &loaded)?;
        for id in 1..=tables.min(5) as u32 {
            let (name, schema) = (format!("table-{id}").into(), Arc::clone(&schema));
            log.append(&VersionEdit::new(vec![
                Change::NextTable(id + 1),
                Change::CreateTable { id, name, schema, created_time: 5 },
            ]))?;
            log.sync()?;
            log.append(&VersionEdit::new(seed_flush(id)))?;
            log.sync()?;
        }
        if tables > 5 {
            log.append(&VersionEdit::new(vec![Change::DropTable { id: 2 }]))?;
            log.sync()?;
            log.append(&VersionEdit::new(vec![Change::Close]))?;
            log.sync()?;
        }
        Ok(())
    };
    written().expect("a disk without faults takes edits");
    let path = dir.join(manifest_name(FIRST_MANIFEST));
    disk.read_file(path).expect("the MANIFEST was written")
}

/// What the flush of one SST of table `id` changes.
fn seed_flush(id: u32) -> Vec<Change> {
    let file_number = u64::from(id) * 3;
    let meta = SstMeta {
        file_number,
        size: 4096,
        crc: 1,
        rows: 10,
        blocks: 1,
        min_seq: 1,
        max_seq: 10,
        min_time: 1,
        max_time: 9,
    };
    vec![
        Change::NextFile(file_number + 1),
        Change::AddSst { table: id, meta },
        Change::TableState { table: id, next_seq: 11, last_time: 9 },
        Change::LogNumber(file_number),
        Change::LastCommit(u64::from(id) * 10),
        Change::LastTime(9),
    ]
}

/// A column of each type, in some shapes, so that each encoding is among them.
fn seed_columns() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    let runs = ColumnData::Int((0..600).map(|row| row / 150 * 7 % 5).collect());
    let mut words = BytesColumn::default();
    for row in 0..300_u64 {
        words.push(
            format!("request {:x} took {} ms", row * 40_503 % 65_536, row * 37 % 999).as_bytes(),
        );
    }
    for (name, at, data) in [("runs", 0, runs), ("words", 6, ColumnData::Bytes(words))] {
        seeds.push((name.to_owned(), seed_column(&Column { data, validity: None }, at)));
    }
    for (at, data_type) in TYPES.into_iter().enumerate() {
        for (shape, rows) in [("constant", 9_i64), ("nulls", 64), ("plain", 300)] {
            let mut column = Column::new(data_type.physical());
            for row in 0..rows {
                match shape {
                    "constant" => push(&mut column, 3, data_type),
                    "nulls" if row % 4 == 1 => column.push_null(),
                    _ => push(&mut column, row, data_type),
                }
            }
            let bytes = seed_column(&column, at);
            seeds.push((format!("{data_type:?}-{shape}").to_lowercase(), bytes));
        }
    }
    seeds
}

/// The input of [`block_decode`] for a column of the `at`-th of [`TYPES`].
fn seed_column(column: &Column, at: usize) -> Vec<u8> {
    let (mut builder, mut payload) = (DictionaryBuilder::new(), Vec::new());
    let encoded = column::encode(column, TYPES[at], &mut builder, &mut payload);
    let mut dictionary = Vec::new();
    if builder.is_used() {
        builder.finish(&mut dictionary);
    }
    let mut bytes = Vec::new();
    bytes.put_u16(encoded.encoding.code());
    bytes.put_u16(column.len() as u16);
    bytes.push(at as u8);
    bytes.put_u16(dictionary.len() as u16);
    bytes.extend_from_slice(&dictionary);
    bytes.extend_from_slice(&payload);
    bytes
}
