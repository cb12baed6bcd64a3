//! Writer, reader and verifier together, on sound files and on damaged ones.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use srdb_vfs::{MemDisk, OsVfs, ReadMode, Vfs};

use super::reader::Direction;
use super::writer::dictionary_seed;
use super::{SstIdentity, SstMeta, SstReader, SstWriter, verify};
use crate::chunk::{Chunk, Column, ColumnData, Scalar};
use crate::coding::crc::{crc32, crc32_seeded};
use crate::error::{Error, Result};
use crate::format::block::{BlockHeader, ColumnEntry, column_crc, column_seed, directory_end};
use crate::format::sst::{HEADER_BYTES, NODE_BYTES, SstHeader, identity_seed};
use crate::types::{DataType, Physical};

const IDENTITY: SstIdentity =
    SstIdentity { file_number: 31, database_id: 0xDB1D, table_id: 4, schema_checksum: 0x5C4E };

/// A small generator, so that a case is a seed and shrinks by its sizes.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// A value of the type: narrow, repeated or wild, as `style` says.
fn push_value(column: &mut Column, data_type: DataType, style: u64, random: &mut Random) {
    let raw = match style {
        0 => 7,
        1 => random.below(5),
        2 => 1000 + random.below(100),
        _ => random.next(),
    };
    match &mut column.data {
        ColumnData::Bool(v) => v.push(raw & 1 == 1),
        ColumnData::Int(v) => v.push(match data_type {
            DataType::Bool => 0,
            DataType::Int8 => i64::from(raw as i8),
            DataType::Int16 => i64::from(raw as i16),
            DataType::Int32 => i64::from(raw as i32),
            DataType::UInt8 => i64::from(raw as u8),
            DataType::UInt16 => i64::from(raw as u16),
            DataType::UInt32 => i64::from(raw as u32),
            DataType::UInt64 => (raw ^ (1 << 63)) as i64,
            _ => raw as i64,
        }),
        ColumnData::Float32(v) => {
            v.push(if style < 3 { raw as f32 / 4.0 } else { f32::from_bits(raw as u32) });
        }
        ColumnData::Float64(v) => {
            v.push(if style < 3 { raw as f64 / 100.0 } else { f64::from_bits(raw) });
        }
        ColumnData::Decimal(v) => {
            v.push(rust_decimal::Decimal::new(
                raw as i64,
                (raw % if style < 3 { 3 } else { 28 }) as u32,
            ));
        }
        ColumnData::Bytes(v) => match style {
            0 => v.push(b"the same"),
            1 | 2 => v.push(format!("device-{raw}").as_bytes()),
            _ => {
                let text: String =
                    (0..raw % 40).map(|i| char::from(b'a' + ((raw >> i) % 26) as u8)).collect();
                v.push(text.as_bytes());
            }
        },
    }
    column.mark_valid();
}

fn chunk(first_seq: i64, first_time: i64, rows: usize, types: &[DataType], seed: u64) -> Chunk {
    let mut random = Random(seed);
    let mut chunk = Chunk::new(first_seq, types.iter().copied());
    let mut time = first_time;
    for _ in 0..rows {
        time += random.below(3) as i64;
        chunk.times.push(time);
    }
    for (column, &data_type) in chunk.columns.iter_mut().zip(types) {
        let (style, nulls) = (random.below(4), random.below(3));
        for _ in 0..rows {
            if nulls == 0 && random.below(3) == 0 {
                column.push_null();
            } else {
                push_value(column, data_type, style, &mut random);
            }
        }
    }
    chunk
}

/// Chunks of the given sizes that follow on each other, from seq 100.
fn chunks(sizes: &[usize], types: &[DataType], seed: u64) -> Vec<Chunk> {
    let (mut seq, mut time) = (100, -5);
    let mut out = Vec::new();
    for (i, &rows) in sizes.iter().enumerate() {
        let chunk = chunk(seq, time, rows, types, seed ^ (i as u64) << 32);
        (seq, time) = (chunk.end_seq(), *chunk.times.last().unwrap());
        out.push(chunk);
    }
    out
}

fn write(vfs: &dyn Vfs, path: &Path, chunks: &[Chunk], types: &[DataType]) -> SstMeta {
    write_as(vfs, path, IDENTITY, chunks, types)
}

fn write_as(
    vfs: &dyn Vfs,
    path: &Path,
    identity: SstIdentity,
    chunks: &[Chunk],
    types: &[DataType],
) -> SstMeta {
    let mut writer = SstWriter::create(vfs, path, identity, types).unwrap();
    for chunk in chunks {
        writer.add(chunk).unwrap();
    }
    writer.finish_body().unwrap();
    writer.write_header().unwrap();
    writer.sync().unwrap();
    writer.into_meta()
}

fn open(vfs: &dyn Vfs, path: &Path, meta: &SstMeta, types: &[DataType]) -> Result<SstReader> {
    SstReader::open(vfs, path, IDENTITY, meta, types)
}

fn push_scalar(column: &mut Column, scalar: Scalar<'_>) {
    match (&mut column.data, scalar) {
        (_, Scalar::Null) => return column.push_null(),
        (ColumnData::Bool(out), Scalar::Bool(v)) => out.push(v),
        (ColumnData::Int(out), Scalar::Int(v)) => out.push(v),
        (ColumnData::Float32(out), Scalar::Float32(v)) => out.push(v),
        (ColumnData::Float64(out), Scalar::Float64(v)) => out.push(v),
        (ColumnData::Decimal(out), Scalar::Decimal(v)) => out.push(v),
        (ColumnData::Bytes(out), Scalar::Bytes(v)) => out.push(&v),
        (out, scalar) => panic!("{scalar:?} in a {:?} column", out.physical()),
    }
    column.mark_valid();
}

/// Every row of the file by `row`, as the chunk they should make up.
fn get_all(reader: &SstReader, rows: std::ops::Range<i64>) -> Result<Chunk> {
    let mut out = Chunk::new(rows.start, reader.types().iter().copied());
    for seq in rows {
        let row = reader.row(seq)?.unwrap_or_else(|| panic!("seq {seq} is missing"));
        assert_eq!(row.seq(), seq);
        out.times.push(row.time()?);
        for (field, column) in out.columns.iter_mut().enumerate() {
            push_scalar(column, row.get(field)?);
        }
    }
    Ok(out)
}

fn scan(reader: &SstReader, direction: Direction) -> Result<Vec<Chunk>> {
    let blocks = reader.blocks(i64::MIN..=i64::MAX, direction)?;
    blocks.map(|block| block.and_then(|b| b.unpack(None, 0..b.rows()))).collect()
}

fn assert_reads_back(reader: &SstReader, chunks: &[Chunk]) {
    let (first, end) = (chunks[0].first_seq, chunks.last().unwrap().end_seq());
    assert_eq!(scan(reader, Direction::Forward).unwrap(), chunks);
    let mut backward = scan(reader, Direction::Backward).unwrap();
    backward.reverse();
    assert_eq!(backward, chunks);
    for chunk in chunks {
        assert_eq!(&get_all(reader, chunk.first_seq..chunk.end_seq()).unwrap(), chunk);
    }
    for missing in [i64::MIN, 0, first - 1, end, i64::MAX] {
        assert!(reader.row(missing).unwrap().is_none(), "seq {missing}");
    }
    let problems = verify(reader);
    assert!(problems.is_empty(), "{problems:?}");
}

/// Every type, in a file of a few blocks.
fn small() -> (Vec<DataType>, Vec<Chunk>) {
    let types = DataType::ALL.to_vec();
    let chunks = chunks(&[40, 1, 5], &types, 11);
    (types, chunks)
}

fn path() -> PathBuf {
    PathBuf::from("/000031.sst")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_written_is_read_back(
        seed: u64,
        types in prop::collection::vec(prop::sample::select(&DataType::ALL[..]), 0..8),
        sizes in prop::collection::vec(prop_oneof![1..40usize, Just(1024), Just(2048), 500..1500usize], 1..4),
    ) {
        let chunks = chunks(&sizes, &types, seed);
        let disk = MemDisk::new();
        let meta = write(&disk, &path(), &chunks, &types);
        assert_reads_back(&open(&disk, &path(), &meta, &types).unwrap(), &chunks);

        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.sst");
        for mode in [ReadMode::Mmap, ReadMode::Pread] {
            let vfs = OsVfs::with_read_mode(mode);
            if mode == ReadMode::Mmap {
                prop_assert_eq!(write(&vfs, &file, &chunks, &types), meta);
            }
            let reader = open(&vfs, &file, &meta, &types).unwrap();
            prop_assert_eq!(&scan(&reader, Direction::Forward).unwrap(), &chunks);
            let last = chunks.last().unwrap();
            let end = last.end_seq();
            let from = (end - 20).max(last.first_seq);
            let tail = last.slice((from - last.first_seq) as usize..last.len());
            prop_assert_eq!(get_all(&reader, from..end).unwrap(), tail);
            prop_assert!(verify(&reader).is_empty());
        }
    }

    #[test]
    fn a_range_gives_the_blocks_that_meet_it(
        sizes in prop::collection::vec(1..6usize, 1..30),
        from in 90..200i64,
        len in 0..60i64,
    ) {
        let chunks = chunks(&sizes, &[DataType::Int64], 3);
        let disk = MemDisk::new();
        let meta = write(&disk, &path(), &chunks, &[DataType::Int64]);
        let reader = open(&disk, &path(), &meta, &[DataType::Int64]).unwrap();
        let meets = |c: &&Chunk| len > 0 && c.first_seq < from + len && c.end_seq() > from;
        let expected: Vec<i64> = chunks.iter().filter(meets).map(|c| c.first_seq).collect();
        let seqs = |direction| -> Vec<i64> {
            let blocks = reader.blocks(from..=from + len - 1, direction).unwrap();
            blocks.map(|b| b.unwrap().first_seq()).collect()
        };
        prop_assert_eq!(&seqs(Direction::Forward), &expected);
        let mut backward = seqs(Direction::Backward);
        backward.reverse();
        prop_assert_eq!(backward, expected);
    }

    #[test]
    fn no_damage_with_true_checksums_makes_anything_panic(seed: u64, count in 1..60usize) {
        let (types, chunks) = small();
        let disk = MemDisk::new();
        let meta = write(&disk, &path(), &chunks, &types);
        let sound = disk.read_file(path()).unwrap();
        let parts = Parts::of(&open(&disk, &path(), &meta, &types).unwrap(), &sound);
        let mut random = Random(seed);
        for round in 0..20 {
            let mut bytes = sound.clone();
            // Sparing the header half of the time, so that open succeeds.
            let from = if round % 2 == 0 { HEADER_BYTES } else { 0 };
            for _ in 0..count {
                let at = from + random.below((sound.len() - from) as u64) as usize;
                bytes[at] = if random.below(2) == 0 { random.next() as u8 } else { 0xFF };
            }
            parts.fix_checksums(&mut bytes);
            disk.write_file(path(), &bytes).unwrap();
            let meta = SstMeta { crc: crc32(&bytes), ..meta };
            if let Ok(reader) = open(&disk, &path(), &meta, &types) {
                read_everything(&reader);
            }
        }
    }
}

/// Reads all there is in every way, and takes any answer but a panic.
fn read_everything(reader: &SstReader) {
    let _ = scan(reader, Direction::Forward);
    let _ = scan(reader, Direction::Backward);
    for seq in reader.meta().min_seq..=reader.meta().max_seq {
        let Ok(Some(row)) = reader.row(seq) else { continue };
        let _ = row.time();
        for field in 0..reader.types().len() {
            let _ = row.get(field);
            let _ = row.block().zone(field);
        }
    }
    verify(reader);
}

/// Where the checksummed parts of a sound file are.
struct Parts {
    header: SstHeader,
    blocks: Vec<(std::ops::Range<usize>, BlockHeader, Vec<ColumnEntry>)>,
    /// Entry in the directory, dictionary, seed.
    dictionaries: Vec<(usize, std::ops::Range<usize>, u32)>,
}

impl Parts {
    fn of(reader: &SstReader, bytes: &[u8]) -> Parts {
        let mut blocks = Vec::new();
        for block in reader.blocks(i64::MIN..=i64::MAX, Direction::Forward).unwrap() {
            let block = block.unwrap();
            let start = block.offset() as usize;
            let header = BlockHeader::read(block.bytes()).unwrap();
            let columns = (0..usize::from(header.columns))
                .map(|c| ColumnEntry::read(&bytes[start..], c).unwrap());
            blocks.push((start..start + block.bytes().len(), header, columns.collect()));
        }
        let directory = reader.header.directory_offset as usize;
        let dictionaries = reader.dictionaries.iter().enumerate().map(|(i, dictionary)| {
            let entry = dictionary.entry;
            let start = entry.offset as usize;
            let seed = dictionary_seed(IDENTITY.database_id, entry.origin_file, entry.column);
            (directory + 16 + 32 * i, start..start + entry.length as usize, seed)
        });
        Parts { header: reader.header.clone(), blocks, dictionaries: dictionaries.collect() }
    }

    /// Makes every checksum true of what the file now holds, inside out.
    fn fix_checksums(&self, bytes: &mut [u8]) {
        let database = identity_seed(IDENTITY.database_id, &[]);
        let put = |bytes: &mut [u8], at: usize, crc: u32| {
            bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes());
        };
        for (range, header, columns) in &self.blocks {
            let block = &mut bytes[range.clone()];
            // Seeded with the identity that the block now claims.
            let claimed = BlockHeader::read(block).unwrap();
            let seed = column_seed(IDENTITY.database_id, claimed.origin_file, claimed.first_seq);
            for (i, column) in columns.iter().enumerate() {
                let values = column.offset as usize..(column.offset + column.length) as usize;
                let crc = column_crc(seed, i, &block[values]);
                put(block, directory_end(i) + 12, crc);
            }
            let end = directory_end(usize::from(header.columns));
            let crc = crc32_seeded(database, &block[8..end]);
            put(block, 4, crc);
        }
        for (entry, range, seed) in &self.dictionaries {
            let crc = crc32_seeded(*seed, &bytes[range.clone()]);
            put(bytes, entry + 24, crc);
        }
        let directory = self.header.directory_offset as usize;
        let seed = identity_seed(IDENTITY.database_id, &[IDENTITY.file_number]);
        let end = directory + self.header.directory_bytes as usize;
        let crc = crc32_seeded(seed, &bytes[directory + 8..end]);
        put(bytes, directory + 4, crc);
        for node in (self.header.tree_offset as usize..bytes.len()).step_by(NODE_BYTES) {
            put(bytes, node + 4, 0);
            let crc = crc32_seeded(database, &bytes[node..node + NODE_BYTES]);
            put(bytes, node + 4, crc);
        }
        let crc = crc32(&bytes[..252]);
        put(bytes, 252, crc);
    }
}

#[test]
fn trees_of_one_two_and_three_levels() {
    for blocks in [1, 200, 201, 40_001] {
        let sizes = vec![1; blocks];
        let chunks = chunks(&sizes, &[], 5);
        let disk = MemDisk::new();
        let meta = write(&disk, &path(), &chunks, &[]);
        let reader = open(&disk, &path(), &meta, &[]).unwrap();
        assert_eq!(reader.block_count() as usize, blocks);
        for (i, expected) in chunks.iter().enumerate() {
            let row = reader.row(expected.first_seq).unwrap().unwrap();
            assert_eq!(row.block().ordinal() as usize, i);
            assert_eq!(row.time().unwrap(), expected.times[0]);
        }
        assert_eq!(scan(&reader, Direction::Forward).unwrap(), chunks);
        let problems = verify(&reader);
        assert!(problems.is_empty(), "{blocks} blocks: {problems:?}");
    }
}

#[test]
fn any_flipped_byte_is_reported_and_never_gives_a_wrong_row() {
    let (types, chunks) = small();
    for mapped in [true, false] {
        let disk = MemDisk::new();
        let dir = tempfile::tempdir().unwrap();
        let vfs: &dyn Vfs = if mapped { &disk } else { &OsVfs::with_read_mode(ReadMode::Pread) };
        let path = if mapped { path() } else { dir.path().join("a.sst") };
        let meta = write(vfs, &path, &chunks, &types);
        let reader = open(vfs, &path, &meta, &types).unwrap();
        assert!(!reader.dictionaries.is_empty(), "this test needs a dictionary");
        let size = meta.size as usize;
        // Without a map only some of the offsets: each costs many system calls.
        for at in (0..size).step_by(if mapped { 1 } else { 61 }) {
            let flip = || {
                let file = vfs.open(&path, srdb_vfs::Access::ReadWrite).unwrap();
                let mut byte = [0];
                file.read_exact_at(&mut byte, at as u64).unwrap();
                byte[0] ^= 1 << (at % 8);
                file.write_all_at(&byte, at as u64).unwrap();
            };
            flip();
            if let Ok(reader) = open(vfs, &path, &meta, &types) {
                let mut expected = chunks.iter();
                for block in
                    reader.blocks(i64::MIN..=i64::MAX, Direction::Forward).into_iter().flatten()
                {
                    let expected = expected.next().unwrap();
                    if let Ok(chunk) = block.and_then(|b| b.unpack(None, 0..b.rows())) {
                        assert_eq!(&chunk, expected, "byte {at}");
                    }
                }
                for chunk in &chunks {
                    match get_all(&reader, chunk.first_seq..chunk.end_seq()) {
                        Ok(rows) => assert_eq!(&rows, chunk, "byte {at}"),
                        Err(Error::Corrupt { path: named, .. }) => assert_eq!(named, path),
                        Err(other) => panic!("byte {at}: {other}"),
                    }
                }
                let problems = verify(&reader);
                assert!(!problems.is_empty(), "byte {at} of {size}");
                for problem in problems {
                    assert!(matches!(problem, Error::Corrupt { .. }), "byte {at}: {problem}");
                }
            }
            flip();
        }
        assert_reads_back(&open(vfs, &path, &meta, &types).unwrap(), &chunks);
    }
}

#[test]
fn verify_judges_content_where_the_checksums_are_true() {
    let types = [DataType::Int64];
    let chunks = chunks(&[1; 201], &types, 9);
    let disk = MemDisk::new();
    let meta = write(&disk, &path(), &chunks, &types);
    let sound = disk.read_file(path()).unwrap();
    let reader = open(&disk, &path(), &meta, &types).unwrap();
    let parts = Parts::of(&reader, &sound);
    let (leaf, root) = (reader.header.tree_offset as usize, reader.header.root_offset as usize);
    let second = parts.blocks[1].0.start;
    let last = parts.blocks[200].0.start;
    let cases = [
        ("seq", second + 24, "should be"),
        ("rows", second + 12, ""),
        ("origin file", second + 16, "" /* a dictionary's name only */),
        ("zone map of the field", second + directory_end(1) + 16, "zone map"),
        ("leaf key", leaf + 32 + 8 * 199, ""),
        ("separator", root + 32 + 8, "separator"),
        ("child", root + 32 + 1600, "wrong place"),
        ("block offset", leaf + 32 + 1600 + 8, "block"),
        ("block size", leaf + 32 + 3200 + 4, "block"),
        ("last block's table", last + 8, "of table"),
        ("max time", 64, ""),
        ("padding of a node", root + 4090, "not zero"),
    ];
    for (name, at, what) in cases {
        let mut bytes = sound.clone();
        bytes[at] ^= 8;
        parts.fix_checksums(&mut bytes);
        disk.write_file(path(), &bytes).unwrap();
        let mut meta = SstMeta { crc: crc32(&bytes), ..meta };
        if name == "max time" {
            meta.max_time ^= 8;
        }
        let problems = match open(&disk, &path(), &meta, &types) {
            Ok(reader) => verify(&reader),
            Err(error) => vec![error],
        };
        let text = format!("{problems:?}");
        if name == "origin file" {
            continue;
        }
        assert!(!problems.is_empty() && text.contains(what), "{name}: {text}");
    }
}

#[test]
fn times_that_go_down_between_blocks_are_found() {
    let disk = MemDisk::new();
    let mut chunks = chunks(&[2, 2], &[], 1);
    chunks[0].times = vec![10, 20];
    chunks[1].times = vec![20, 30];
    let meta = write(&disk, &path(), &chunks, &[]);
    let first = disk.read_file(path()).unwrap();
    // The same file with a second block whose times are lower, built by writing it as a first one.
    let mut low = chunks.clone();
    low[0].times = vec![1, 2];
    low[1].times = vec![11, 30];
    let other = PathBuf::from("/other.sst");
    let low_meta = write(&disk, &other, &low, &[]);
    let low_bytes = disk.read_file(&other).unwrap();
    assert_eq!(low_bytes.len(), first.len());
    let parts = Parts::of(&open(&disk, &path(), &meta, &[]).unwrap(), &first);
    let low_parts = Parts::of(&open(&disk, &other, &low_meta, &[]).unwrap(), &low_bytes);
    let (to, from) = (parts.blocks[1].0.clone(), low_parts.blocks[1].0.clone());
    assert_eq!(to, from);
    let mut bytes = first.clone();
    bytes[to].copy_from_slice(&low_bytes[from]);
    disk.write_file(path(), &bytes).unwrap();
    let meta = SstMeta { crc: crc32(&bytes), ..meta };
    let problems = verify(&open(&disk, &path(), &meta, &[]).unwrap());
    assert!(
        problems.len() == 1 && problems[0].to_string().contains("time goes down"),
        "{problems:?}"
    );
}

#[test]
fn a_block_in_another_blocks_place_is_noticed() {
    let types = [];
    let chunks = chunks(&[1, 1], &types, 2);
    let disk = MemDisk::new();
    let meta = write(&disk, &path(), &chunks, &types);
    let mut bytes = disk.read_file(path()).unwrap();
    let parts = Parts::of(&open(&disk, &path(), &meta, &types).unwrap(), &bytes);
    let (first, second) = (parts.blocks[0].0.clone(), parts.blocks[1].0.clone());
    assert_eq!(first.len(), second.len(), "this test needs blocks of one size");
    let other = bytes[first].to_vec();
    bytes[second].copy_from_slice(&other);
    disk.write_file(path(), &bytes).unwrap();
    let reader = open(&disk, &path(), &meta, &types).unwrap();
    assert!(reader.row(100).unwrap().is_some());
    let error = reader.row(101).unwrap_err();
    assert!(error.to_string().contains("seq 100 stands where that of 101 should"), "{error}");
}

#[test]
fn a_column_of_another_block_is_noticed() {
    let types = [DataType::Float64];
    let mut chunks = chunks(&[1, 1], &types, 2);
    for (chunk, value) in chunks.iter_mut().zip([1.0, 2.0]) {
        chunk.columns[0] = Column { data: ColumnData::Float64(vec![value]), validity: None };
    }
    let disk = MemDisk::new();
    let meta = write(&disk, &path(), &chunks, &types);
    let mut bytes = disk.read_file(path()).unwrap();
    let parts = Parts::of(&open(&disk, &path(), &meta, &types).unwrap(), &bytes);
    let [(a, _, from), (b, _, to)] = &parts.blocks[..] else { panic!("two blocks") };
    // The column together with its directory entry, checksum included, and a true header checksum.
    let (from, to) = (from[1], to[1]);
    assert_eq!(from.length, to.length);
    let column = bytes[a.start + from.offset as usize..][..from.length as usize].to_vec();
    bytes[b.start + to.offset as usize..][..column.len()].copy_from_slice(&column);
    let entry = bytes[a.start + directory_end(1)..a.start + directory_end(2)].to_vec();
    bytes[b.start + directory_end(1)..b.start + directory_end(2)].copy_from_slice(&entry);
    let crc = crc32_seeded(
        identity_seed(IDENTITY.database_id, &[]),
        &bytes[b.start + 8..b.start + directory_end(2)],
    );
    bytes[b.start + 4..b.start + 8].copy_from_slice(&crc.to_le_bytes());
    disk.write_file(path(), &bytes).unwrap();
    let reader = open(&disk, &path(), &meta, &types).unwrap();
    let row = reader.row(101).unwrap().unwrap();
    let error = row.get(0).unwrap_err();
    assert!(error.to_string().contains("fails its checksum"), "{error}");
}

#[test]
fn open_refuses_a_file_that_is_not_the_recorded_one() {
    let (types, chunks) = small();
    let disk = MemDisk::new();
    let meta = write(&disk, &path(), &chunks, &types);
    let refused = |identity: SstIdentity, meta: &SstMeta, types: &[DataType], what: &str| {
        let error = SstReader::open(&disk, &path(), identity, meta, types).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        assert!(error.to_string().contains(what), "{error}: {what}");
    };
    refused(SstIdentity { file_number: 32, ..IDENTITY }, &meta, &types, "file number is 31");
    refused(SstIdentity { database_id: 1, ..IDENTITY }, &meta, &types, "database id");
    refused(SstIdentity { table_id: 1, ..IDENTITY }, &meta, &types, "table id is 4, not 1");
    refused(SstIdentity { schema_checksum: 1, ..IDENTITY }, &meta, &types, "schema checksum");
    refused(IDENTITY, &meta, &types[1..], "columns");
    refused(IDENTITY, &SstMeta { file_number: 1, ..meta }, &types, "file number");
    refused(IDENTITY, &SstMeta { size: meta.size + 1, ..meta }, &types, "bytes, not");
    refused(IDENTITY, &SstMeta { rows: 10, ..meta }, &types, "rows is 46, not 10");
    refused(IDENTITY, &SstMeta { blocks: 4, ..meta }, &types, "blocks");
    refused(IDENTITY, &SstMeta { min_seq: 99, ..meta }, &types, "first seq");
    refused(IDENTITY, &SstMeta { max_seq: 99, ..meta }, &types, "last seq");
    refused(IDENTITY, &SstMeta { min_time: 99, ..meta }, &types, "first time");
    refused(IDENTITY, &SstMeta { max_time: 99, ..meta }, &types, "last time");

    let mut newer = disk.read_file(path()).unwrap();
    newer[8] = 2;
    let crc = crc32(&newer[..252]);
    newer[252..256].copy_from_slice(&crc.to_le_bytes());
    disk.write_file(path(), &newer).unwrap();
    let error = open(&disk, &path(), &meta, &types).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");

    let error = open(&disk, Path::new("/none.sst"), &meta, &types).unwrap_err();
    assert!(matches!(error, Error::Io { op: "open", .. }), "{error:?}");
}

#[test]
fn each_method_of_the_writer_makes_one_changing_call_and_the_header_comes_last() {
    let types = [DataType::Bytes];
    let disk = MemDisk::new();
    let mut calls = disk.calls();
    let mut made = |disk: &MemDisk| {
        let made = disk.calls() - calls;
        calls = disk.calls();
        made
    };
    let mut writer = SstWriter::create(&disk, &path(), IDENTITY, &types).unwrap();
    assert_eq!(made(&disk), 1);
    let (mut writes, mut random) = (0, Random(8));
    for i in 0..30 {
        let mut chunk = Chunk::new(1 + i, types);
        chunk.times.push(i);
        let ColumnData::Bytes(column) = &mut chunk.columns[0].data else { panic!("bytes") };
        let noise: Vec<u8> = (0..20_000).flat_map(|_| random.next().to_le_bytes()).collect();
        column.push(&noise[..100_000]);
        writer.add(&chunk).unwrap();
        let now = made(&disk);
        assert!(now <= 1);
        writes += now;
    }
    assert_eq!(writes, 2, "3 MB in pieces of a little more than 1 MiB");
    writer.finish_body().unwrap();
    assert_eq!(made(&disk), 1);
    let bytes = disk.read_file(path()).unwrap();
    assert!(bytes[..HEADER_BYTES].iter().all(|&b| b == 0));
    assert!(SstHeader::decode(&bytes[..256]).unwrap_err().what.contains("never finished"));
    writer.write_header().unwrap();
    assert_eq!(made(&disk), 1);
    writer.sync().unwrap();
    assert_eq!(made(&disk), 1);
    let meta = writer.into_meta();
    let bytes = disk.read_file(path()).unwrap();
    assert_eq!((meta.size, meta.crc), (bytes.len() as u64, crc32(&bytes)));
    let reader = open(&disk, &path(), &meta, &types).unwrap();
    assert!(verify(&reader).is_empty());
}

#[test]
fn a_selection_of_fields_and_rows() {
    let types = [DataType::Int32, DataType::String, DataType::Bool];
    let chunks = chunks(&[50], &types, 21);
    let disk = MemDisk::new();
    let meta = write(&disk, &path(), &chunks, &types);
    let reader = open(&disk, &path(), &meta, &types).unwrap();
    let block = reader.block_of(100).unwrap().unwrap();
    let some = block.unpack(Some(&[2, 0]), 7..31).unwrap();
    let whole = chunks[0].slice(7..31);
    assert_eq!((some.first_seq, &some.times), (107, &whole.times));
    assert_eq!(some.columns, [whole.columns[2].clone(), whole.columns[0].clone()]);
    assert!(block.unpack_times(3..3).unwrap().is_empty());
    let mut column = Column::new(Physical::Bytes);
    block.unpack_column(1, 0..10, &mut column).unwrap();
    block.unpack_column(1, 10..50, &mut column).unwrap();
    assert_eq!(column, chunks[0].columns[1]);
}

/// Constants only, so that this is about the file and not about which encoding is chosen.
#[test]
fn the_bytes_of_a_file_do_not_change() {
    let types = [DataType::Int64, DataType::String];
    let chunks: Vec<Chunk> = (0..201)
        .map(|i| {
            let mut chunk = Chunk::new(1 + i, types);
            chunk.times.push(1_700_000_000_000_000_000);
            push_scalar(&mut chunk.columns[0], Scalar::Int(7));
            push_scalar(&mut chunk.columns[1], Scalar::Bytes(b"seven"[..].into()));
            chunk
        })
        .collect();
    let disk = MemDisk::new();
    let meta = write(&disk, &path(), &chunks, &types);
    // Another number here is another format: raise SST_VERSION and keep reading the old one.
    assert_eq!((meta.size, format!("{:08x}", meta.crc)), (77_824, "b001f0ff".to_owned()));
}
