//! Index files, written and read back through a disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use srdb_vfs::{MemDisk, Vfs};

use super::*;
use crate::error::{Error, Result};
use crate::types::DataType;

const PATH: &str = "/000009.idx";

type Model = BTreeMap<Vec<u8>, Vec<u32>>;

fn identity(rows: u64) -> IndexIdentity {
    IndexIdentity {
        file_number: 9,
        database_id: 5,
        table_id: 3,
        sst: 8,
        rows,
        field: 2,
        data_type: DataType::String,
    }
}

fn write(model: &Model, rows: u64) -> (MemDisk, IndexMeta) {
    let disk = MemDisk::new();
    let keys = model.len() as u64;
    let mut writer = IndexWriter::create(&disk, Path::new(PATH), identity(rows), keys).unwrap();
    for (key, rows) in model {
        writer.add(key, rows).unwrap();
        if writer.is_full() {
            writer.flush().unwrap();
        }
    }
    writer.finish_body().unwrap();
    writer.write_header().unwrap();
    writer.sync().unwrap();
    let meta = writer.into_meta();
    let bytes = disk.read_file(PATH).unwrap();
    assert_eq!((meta.size, meta.crc), (bytes.len() as u64, crc32fast::hash(&bytes)));
    assert_eq!(meta.entries, model.values().map(|rows| rows.len() as u64).sum::<u64>());
    (disk, meta)
}

fn open(disk: &MemDisk, meta: &IndexMeta, rows: u64) -> Result<IndexReader> {
    IndexReader::open(disk, Path::new(PATH), identity(rows), meta)
}

/// Everything by walking forward.
fn walk(reader: &IndexReader) -> Result<Model> {
    let (mut model, mut cursor) = (Model::new(), reader.seek(b"")?);
    let mut key = Vec::new();
    while cursor.key(&mut key)? {
        let mut rows = Vec::new();
        cursor.rows(&mut rows)?;
        assert_eq!(cursor.count()?, Some(rows.len() as u32));
        model.insert(key.clone(), rows);
        cursor.advance()?;
    }
    Ok(model)
}

/// Everything by walking backward.
fn walk_back(reader: &IndexReader) -> Result<Model> {
    let (mut model, mut cursor) = (Model::new(), reader.last()?);
    let mut key = Vec::new();
    while cursor.key(&mut key)? {
        let mut rows = Vec::new();
        cursor.rows(&mut rows)?;
        let before = model.insert(key.clone(), rows);
        assert_eq!((before, model.first_key_value().map(|(first, _)| first)), (None, Some(&key)));
        cursor.retreat()?;
    }
    Ok(model)
}

/// A file of many leaves and two levels of nodes.
fn large() -> (Model, u64) {
    let key = |i: u32| format!("{:06}{}", i * 3, "k".repeat(i as usize % 250)).into_bytes();
    let rows = |i: u32| if i.is_multiple_of(7) { vec![i, i + 9000, i + 18_000] } else { vec![i] };
    ((0..9000).map(|i| (key(i), rows(i))).collect(), 27_000)
}

#[test]
fn keys_are_found_by_search_and_by_walking_both_ways() {
    let (model, rows) = large();
    let (disk, meta) = write(&model, rows);
    let reader = open(&disk, &meta, rows).unwrap();
    assert!(reader.header.nodes > reader.header.bottom_nodes, "more than one level");
    assert_eq!(walk(&reader).unwrap(), model);
    for (key, expected) in model.iter().step_by(13) {
        let mut rows = Vec::new();
        reader.rows_of(key, &mut rows).unwrap();
        assert_eq!(&rows, expected);
        assert_eq!(reader.count_of(key).unwrap() as usize, expected.len());
        let absent = [key, &b"~"[..]].concat();
        assert_eq!(reader.count_of(&absent).unwrap(), 0);
        let (mut cursor, mut found) = (reader.seek(&absent).unwrap(), Vec::new());
        let next = model.range(absent.clone()..).next().map(|(key, _)| key);
        assert_eq!(cursor.key(&mut found).unwrap().then_some(&found), next);
        assert!(cursor.retreat().unwrap() && cursor.key(&mut found).unwrap());
        assert_eq!(Some(&found), model.range(..absent).next_back().map(|(key, _)| key));
    }
    assert_eq!(walk_back(&reader).unwrap(), model);
    let (mut cursor, mut key) = (reader.seek(b"~").unwrap(), Vec::new());
    assert!(!cursor.key(&mut key).unwrap());
    assert!(cursor.retreat().unwrap() && cursor.key(&mut key).unwrap());
    assert_eq!(Some(&key), model.keys().next_back());
}

#[test]
fn no_keys_at_all() {
    let (disk, meta) = write(&Model::new(), 10);
    let reader = open(&disk, &meta, 10).unwrap();
    assert_eq!(walk(&reader).unwrap(), Model::new());
    assert_eq!(walk_back(&reader).unwrap(), Model::new());
    assert_eq!(reader.count_of(b"a").unwrap(), 0);
    assert!(!reader.seek(b"a").unwrap().retreat().unwrap());
}

#[test]
fn a_file_of_something_else_is_refused() {
    let model = Model::from([(b"a".to_vec(), vec![1])]);
    let (disk, meta) = write(&model, 10);
    let is_corrupt = |result: Result<IndexReader>| {
        assert!(matches!(result, Err(Error::Corrupt { .. })), "{result:?}");
    };
    is_corrupt(open(&disk, &meta, 11));
    is_corrupt(open(&disk, &IndexMeta { size: 5, ..meta }, 10));
    is_corrupt(open(&disk, &IndexMeta { sst: 5, ..meta }, 10));
    is_corrupt(open(&disk, &IndexMeta { field: 5, ..meta }, 10));
    is_corrupt(open(&disk, &IndexMeta { keys: 5, ..meta }, 10));
    let other = IndexIdentity { database_id: 6, ..identity(10) };
    is_corrupt(IndexReader::open(&disk, Path::new(PATH), other, &meta));
}

#[test]
fn any_changed_byte_is_reported_or_of_no_consequence() {
    let keys = (0..900u32).map(|i| (format!("{i:07}").into_bytes(), vec![i, i + 1000]));
    let model: Model = keys.collect();
    let (disk, meta) = write(&model, 2000);
    let bytes = disk.read_file(PATH).unwrap();
    let leaves_end = open(&disk, &meta, 2000).unwrap().header.leaves_end as usize;
    for at in (0..bytes.len()).step_by(7) {
        let disk = MemDisk::new();
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let file = disk.create(Path::new(PATH)).unwrap();
        file.append(&changed).unwrap();
        let read = open(&disk, &meta, 2000).and_then(|reader| {
            let walked = walk(&reader)?;
            for (key, expected) in model.iter().step_by(100) {
                let mut rows = Vec::new();
                reader.rows_of(key, &mut rows)?;
                assert_eq!(&rows, expected, "byte {at}");
            }
            Ok(walked)
        });
        // By a reader that has checked nothing yet.
        let back = open(&disk, &meta, 2000).and_then(|reader| walk_back(&reader));
        match back {
            Err(Error::Corrupt { path, .. }) => assert_eq!(path, Path::new(PATH)),
            Ok(walked) => assert_eq!(walked, model, "byte {at}, backward"),
            Err(other) => panic!("byte {at}, backward: {other}"),
        }
        match read {
            Err(Error::Corrupt { path, .. }) => assert_eq!(path, Path::new(PATH)),
            Ok(walked) => {
                assert_eq!(walked, model, "byte {at}");
                // The search has not come by every page of the filter, nor to the padding.
                assert!(at >= leaves_end || bytes[at] == 0, "byte {at} was not missed");
            }
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn anything_comes_back(
        model in prop::collection::btree_map(
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::btree_set(0u32..5000, 1..50),
            0..200,
        ),
        bound in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let model: Model =
            model.into_iter().map(|(key, rows)| (key, rows.into_iter().collect())).collect();
        let (disk, meta) = write(&model, 50_000);
        let reader = Arc::new(open(&disk, &meta, 50_000).unwrap());
        prop_assert_eq!(&walk(&reader).unwrap(), &model);
        prop_assert_eq!(&walk_back(&reader).unwrap(), &model);
        let (mut cursor, mut key) = (reader.seek(&bound).unwrap(), Vec::new());
        let found = cursor.key(&mut key).unwrap().then_some(key);
        prop_assert_eq!(found.as_ref(), model.range(bound..).next().map(|(key, _)| key));
    }
}
