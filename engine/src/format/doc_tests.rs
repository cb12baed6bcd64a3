//! `docs/format.md` against the code: every table that states an offset, a code or a magic.
//!
//! Where the code declares a layout as a table, the two tables are compared; where it writes a
//! struct field by field, a struct of known values is written and looked for at the documented
//! places.

use super::block::{self, BlockHeader};
use super::manifest::{self, Header, Meta};
use super::wal::{self, RecordHeader, SegmentHeader};
use super::{FieldAt, tiles};
use super::{index, sst};
use crate::chunk::{Column, ColumnData};
use crate::coding::crc::{crc32, crc32_seeded};
use crate::column::{DictionaryBuilder, Encoding, ZoneMap, encode};
use crate::edit::{Change, VersionEdit};
use crate::index::IndexMeta;
use crate::retention::Retention;
use crate::sst::SstMeta;
use crate::types::DataType;

const DOCUMENT: &str = include_str!("../../../docs/format.md");

/// The rows of the tables under a heading, cell by cell, without their headings.
fn rows(title: &str) -> Vec<Vec<&'static str>> {
    let section = DOCUMENT.split("\n#").find(|section| {
        section.lines().next().is_some_and(|line| line.trim_start_matches('#').trim() == title)
    });
    let section = section.unwrap_or_else(|| panic!("docs/format.md has no section {title:?}"));
    let tables = section.lines().filter(|line| line.starts_with('|'));
    let cells = |line: &'static str| {
        let inside = line.trim_matches('|').split('|').map(str::trim);
        inside.collect::<Vec<_>>()
    };
    tables.map(cells).filter(|row| !row[0].starts_with("---")).collect()
}

/// The OFFSET, SIZE, FIELD of a table that states all of them.
fn layout(title: &str) -> Vec<(usize, usize, &'static str)> {
    let number = |cell: &str| cell.parse::<usize>().ok();
    let fields = rows(title).into_iter();
    fields.filter_map(|row| Some((number(row[0])?, number(row[1])?, row[2]))).collect()
}

fn assert_declared(title: &str, declared: &[FieldAt]) {
    assert_eq!(layout(title), declared, "docs/format.md, {title:?}");
}

/// Compares each documented field of `bytes` with what is expected there. The fields have to fill
/// the struct.
fn assert_written(title: &str, bytes: &[u8], expected: &[(&str, Vec<u8>)]) {
    let documented = layout(title);
    assert!(tiles(&documented, bytes.len()), "{title:?} does not fill {} bytes", bytes.len());
    let mut expected = expected.iter();
    for (offset, size, field) in documented {
        let found = &bytes[offset..offset + size];
        if field == "reserved" {
            assert!(found.iter().all(|byte| *byte == 0), "{title:?}, {field:?}");
            continue;
        }
        let (name, value) = expected.next().unwrap_or_else(|| panic!("{title:?} has {field:?}"));
        assert_eq!((field, found), (*name, &value[..]), "docs/format.md, {title:?}");
    }
    assert_eq!(expected.next(), None, "{title:?} lacks a field");
}

/// `1 snapshot, 2 edit` in the row of a field.
fn codes(title: &str, field: &str) -> Vec<(u64, &'static str)> {
    let row = rows(title).into_iter().find(|row| row[2] == field).expect("a row of that field");
    let codes = row[3].split(", ").map(|code| code.split_once(' ').expect("a code and a name"));
    codes.map(|(code, name)| (code.parse().expect("a code"), name)).collect()
}

macro_rules! le {
    ($value:expr) => {
        $value.to_le_bytes().to_vec()
    };
}

#[test]
fn declared_layouts_are_as_documented() {
    assert_declared("SST header", &sst::HEADER_FIELDS);
    assert_declared("Block header", &block::BLOCK_FIELDS);
    assert_declared("Column entry", &block::COLUMN_FIELDS);
    assert_declared("Dictionary directory", &sst::DIRECTORY_FIELDS);
    assert_declared("Dictionary entry", &sst::DICTIONARY_FIELDS);
    assert_declared("Node header", &sst::NODE_HEADER_FIELDS);
    assert_declared("Leaf node", &sst::LEAF_FIELDS);
    assert_declared("Internal node", &sst::INTERNAL_FIELDS);
    assert_declared("Index header", &index::INDEX_HEADER_FIELDS);
    assert_declared("Leaf header", &index::LEAF_HEADER_FIELDS);
    assert_declared("Page header", &index::PAGE_HEADER_FIELDS);
}

#[test]
fn meta_and_manifest_are_as_documented() {
    let bytes = Meta { database_id: 0x0102_0304, created_time: -5 }.encode();
    assert_written(
        "Meta",
        &bytes,
        &[
            ("magic", b"SRDBMETA".to_vec()),
            ("version", le!(1u32)),
            ("database id", le!(0x0102_0304u64)),
            ("created time", le!(-5i64)),
            ("crc", le!(crc32(&bytes[..60]))),
        ],
    );
    let header = Header { file_number: 7, database_id: 8, first_edit: 9 };
    let bytes = header.encode();
    assert_written(
        "MANIFEST header",
        &bytes,
        &[
            ("magic", b"SRDBMANI".to_vec()),
            ("version", le!(1u32)),
            ("file number", le!(7u64)),
            ("database id", le!(8u64)),
            ("first edit", le!(9u64)),
            ("crc", le!(crc32(&bytes[..60]))),
        ],
    );
    let kind = manifest::RecordKind::Edit;
    let record = manifest::encode_record(&header, 64, kind, 10, b"payload");
    let seed = crc32(&[8u64, 7, 64].map(u64::to_le_bytes).concat());
    assert_written(
        "MANIFEST record",
        &record[..24],
        &[
            ("header crc", le!(crc32_seeded(seed, &record[4..24]))),
            ("payload bytes", le!(7u32)),
            ("payload crc", le!(crc32_seeded(seed, b"payload\0"))),
            ("kind", le!(2u16)),
            ("edit number", le!(10u64)),
        ],
    );
    assert_eq!(record.len(), 24 + 8);
    for (code, name) in codes("MANIFEST record", "kind") {
        let kind = manifest::RecordKind::from_code(code as u16);
        assert_eq!(format!("{:?}", kind.expect(name)).to_lowercase(), name);
    }
    assert_eq!(manifest::RecordKind::from_code(3), None, "a kind that is not documented");
    assert_eq!(
        manifest::current_text(7),
        format!("MANIFEST-000007 {:08x}\n", { crc32(b"MANIFEST-000007") })
    );
}

#[test]
fn wal_headers_are_as_documented() {
    let header = SegmentHeader {
        number: 1,
        database_id: 2,
        base_lsn: 3,
        first_commit: 4,
        synced_lsn: 5,
        synced_segment: 6,
    };
    let bytes = header.encode();
    assert_written(
        "WAL segment header",
        &bytes,
        &[
            ("magic", b"SRDBWAL\0".to_vec()),
            ("version", le!(1u32)),
            ("number", le!(1u64)),
            ("database id", le!(2u64)),
            ("base lsn", le!(3u64)),
            ("first commit", le!(4u64)),
            ("synced lsn", le!(5u64)),
            ("synced segment", le!(6u64)),
            ("crc", le!(crc32(&bytes[..124]))),
        ],
    );
    let seed = wal::segment_seed(2, 1);
    assert_eq!(seed, crc32(&[2u64, 1].map(u64::to_le_bytes).concat()));
    let payload_crc = wal::payload_crc(seed, 128, 24, b"payload\0");
    let covered = [&le!(128u64)[..], &le!(24u64), b"payload\0"].concat();
    assert_eq!(payload_crc, crc32_seeded(seed, &covered));
    let record = RecordHeader {
        payload_crc,
        payload_bytes: 8,
        kind: wal::RecordKind::Commit as u8,
        lsn: 16,
        commit: 24,
        synced_lsn: 12,
        time: -3,
    };
    let bytes = record.encode(seed, 128);
    let covered = [&le!(128u64)[..], &bytes[4..]].concat();
    assert_written(
        "WAL record header",
        &bytes,
        &[
            ("header crc", le!(crc32_seeded(seed, &covered))),
            ("payload crc", le!(payload_crc)),
            ("payload bytes", le!(8u32)),
            ("kind", vec![1]),
            ("lsn", le!(16u64)),
            ("commit", le!(24u64)),
            ("synced lsn", le!(12u64)),
            ("time", le!(-3i64)),
        ],
    );
    let kinds = [
        (wal::RecordKind::Commit as u64, "commit"),
        (wal::RecordKind::Close as u64, "close"),
        (wal::RecordKind::Carry as u64, "carry"),
    ];
    assert_eq!(codes("WAL record header", "kind"), kinds);
}

#[test]
fn edits_are_as_documented() {
    let meta = SstMeta {
        file_number: 1,
        size: 2,
        crc: 3,
        rows: 4,
        blocks: 5,
        min_seq: 6,
        max_seq: 7,
        min_time: 8,
        max_time: 9,
    };
    let mut bytes = Vec::new();
    meta.put(&mut bytes);
    assert_written(
        "SST of an edit",
        &bytes,
        &[
            ("file number", le!(1u64)),
            ("size", le!(2u64)),
            ("crc", le!(3u32)),
            ("rows", le!(4u64)),
            ("blocks", le!(5u32)),
            ("min seq", le!(6i64)),
            ("max seq", le!(7i64)),
            ("min time", le!(8i64)),
            ("max time", le!(9i64)),
        ],
    );
    let index_meta =
        IndexMeta { file_number: 1, size: 2, crc: 3, sst: 4, field: 5, keys: 6, entries: 7 };
    let mut bytes = Vec::new();
    index_meta.put(&mut bytes);
    assert_written(
        "Index file of an edit",
        &bytes,
        &[
            ("file number", le!(1u64)),
            ("size", le!(2u64)),
            ("crc", le!(3u32)),
            ("SST", le!(4u64)),
            ("field", le!(5u32)),
            ("keys", le!(6u64)),
            ("entries", le!(7u64)),
        ],
    );
    let (name, schema) = ("".into(), [].into());
    let changes = [
        ("create table", Change::CreateTable { id: 1, name, schema, created_time: 2 }),
        ("drop table", Change::DropTable { id: 1 }),
        ("add SST", Change::AddSst { table: 1, meta }),
        ("remove SST", Change::RemoveSst { table: 1, file_number: 2 }),
        ("log number", Change::LogNumber(1)),
        ("next file", Change::NextFile(1)),
        ("last commit", Change::LastCommit(1)),
        ("last time", Change::LastTime(1)),
        ("next table", Change::NextTable(1)),
        ("table state", Change::TableState { table: 1, next_seq: 2, last_time: 3 }),
        ("close", Change::Close),
        ("create index", Change::CreateIndex { table: 1, field: 2, unique: true }),
        ("drop index", Change::DropIndex { table: 1, field: 2 }),
        ("add index file", Change::AddIndexFile { table: 1, meta: index_meta }),
        ("carried into", Change::CarriedInto(1)),
        ("drop rows", Change::DropRows { table: 1, first_seq: 2 }),
        ("set retention", Change::SetRetention { table: 1, limits: Retention::new() }),
    ];
    let documented = rows("Version edit").into_iter().skip(1);
    for (row, (name, change)) in documented.clone().zip(&changes) {
        let bytes = VersionEdit::new(vec![change.clone()]).encode();
        let tag = u16::from_le_bytes([bytes[4], bytes[5]]);
        assert_eq!((row[0], row[1]), (tag.to_string().as_str(), *name));
        // An empty string or blob is its length alone.
        let sizes = [
            ("u64", 8),
            ("i64", 8),
            ("u32", 4),
            ("string", 4),
            ("blob", 4),
            ("64 bytes", 64),
            ("48 bytes", 48),
            ("u8", 1),
        ];
        let body = row[2].split("; ").next().unwrap_or_default().replace("`i64::MIN`", "");
        let documented: usize = sizes.iter().map(|(word, n)| body.matches(word).count() * n).sum();
        assert_eq!(documented, bytes.len() - 10, "the body of {name:?}: {body}");
    }
    assert_eq!(documented.count(), changes.len());
}

#[test]
fn types_and_encodings_are_as_documented() {
    let documented = rows("Types").into_iter().skip(1);
    let types = DataType::ALL.into_iter().map(|data_type| {
        let width = data_type.plain_width().map_or(String::new(), |width| width.to_string());
        (data_type.code().to_string(), data_type.name().to_owned(), width)
    });
    let documented = documented.map(|row| (row[0].into(), row[1].into(), row[2].into()));
    assert_eq!(documented.collect::<Vec<_>>(), types.collect::<Vec<_>>());

    let documented = rows("Column encodings").into_iter().filter(|row| row.len() == 4);
    let documented = documented.skip(1).map(|row| (row[0].to_owned(), row[1].replace(' ', "")));
    let encodings = Encoding::ALL
        .into_iter()
        .map(|encoding| (encoding.code().to_string(), format!("{encoding:?}").to_lowercase()));
    assert_eq!(documented.collect::<Vec<_>>(), encodings.collect::<Vec<_>>());
}

#[test]
fn magics_are_as_documented() {
    let mut directory = Vec::new();
    sst::encode_directory(0, &[], &mut directory);
    let mut header = [0; block::BLOCK_HEADER_BYTES];
    BlockHeader { table_id: 1, rows: 1, columns: 0, origin_file: 1, first_seq: 1, bytes: 40 }
        .write(1, &mut header);
    let magics = [
        (&manifest::META_MAGIC[..], "database.meta"),
        (&manifest::MANIFEST_MAGIC, "MANIFEST"),
        (&wal::MAGIC, "WAL segment"),
        (&sst::SST_MAGIC, "SST"),
        (&header[..4], "block"),
        (&directory[..4], "dictionary directory"),
        (&index::INDEX_MAGIC, "index file"),
    ];
    let text = |magic: &[u8]| format!("`{}`", String::from_utf8_lossy(magic).replace('\0', "\\0"));
    let magics = magics.map(|(magic, of)| vec![text(magic), of.to_owned()]);
    assert_eq!(rows("Magics")[1..], magics);
}

#[test]
fn zone_map_and_integers_are_as_documented() {
    let values: Vec<i64> = (0..8).map(|i| i * i * 1000 - 5).collect();
    let sum: i128 = values.iter().copied().map(i128::from).sum();
    let column = Column { data: ColumnData::Int(values), validity: None };
    let mut bytes = Vec::new();
    let encoded = encode(&column, DataType::Int64, &mut DictionaryBuilder::new(), &mut bytes);
    let mut zone = Vec::new();
    encoded.zone.put(&mut zone);
    let wide = |value: i64| [value.to_le_bytes(), [0; 8]].concat();
    assert_written(
        "Zone map",
        &zone,
        &[
            ("rows", le!(8u32)),
            ("nulls", le!(0u32)),
            ("flags", vec![1]),
            ("min", wide(-5)),
            ("max", wide(48_995)),
            ("sum", le!(sum)),
        ],
    );
    assert_eq!(zone.len(), ZoneMap::BYTES);
    assert_eq!(encoded.encoding, Encoding::FrameOfReference);
    let header = layout("Integers");
    let packed = header.last().map_or(0, |(offset, size, _)| offset + size);
    // One byte of flags stands before; 16 bits hold 49,000.
    assert_written(
        "Integers",
        &bytes[1..1 + packed],
        &[
            ("base", le!(-5i64)),
            ("width", vec![16]),
            ("patch bytes", vec![0]),
            ("patch count", le!(0u16)),
        ],
    );
    assert_eq!(bytes.len(), 1 + packed + 8 * 2);
}

#[test]
fn limits_and_shapes_are_as_documented() {
    let has = |text: String| assert!(DOCUMENT.contains(&text), "docs/format.md lacks {text:?}");
    let keys = sst::ORDER;
    has(format!("with {keys} blocks or fewer the only leaf is the"));
    has(format!("Nodes of {} bytes", sst::NODE_BYTES));
    has(format!("1 to {} rows with consecutive seqs", crate::chunk::ROWS_MAX));
    has(format!("field count u16 (1 to {})", crate::limits::FIELDS_MAX));
    has(format!("A name is 1 to {} bytes", crate::limits::NAME_BYTES_MAX));
}
