//! A segment of the WAL: its header, and the headers of its records.
//!
//! ```text
//!   0        128                                       the next segment's base lsn
//!   ├ header ┼ record ┼ record ┼ … ┼ record ───────────┤      records at multiples of 8
//! ```
//!
//! The checksums of a record are seeded by the database, the segment and the record's place in it:
//! so whatever validates at an offset was written to that offset of that file.

use super::bytes::{Reader, check_crc, crc, round_up, seed, seeded};

/// Bytes of a segment's header: where the first record begins.
pub const HEADER_BYTES: usize = 128;

/// Bytes of a record's header.
pub const RECORD_BYTES: usize = 48;

/// The kind of a record that is a commit.
pub const COMMIT: u8 = 1;

/// The kind of a record that says that the log was closed.
pub const CLOSE: u8 = 2;

/// The kind of a record that is a carry: rows of segments before, at the head of a segment.
pub const CARRY: u8 = 3;

/// What the header of a segment says.
#[derive(Debug, Clone, Copy)]
pub struct SegmentHeader {
    /// Log position of the first record.
    pub base_lsn: u64,
    /// The first commit's number.
    pub first_commit: u64,
    /// Up to where the log was synced when the segment was created.
    pub synced_lsn: u64,
    /// The newest segment whose name and header were durable then.
    pub synced_segment: u64,
}

/// What the header of a record says.
#[derive(Debug, Clone, Copy)]
pub struct RecordHeader {
    payload_crc: u32,
    /// Bytes of the payload, with its padding.
    pub payload_bytes: u32,
    /// [`COMMIT`], [`CLOSE`], [`CARRY`], or something newer.
    pub kind: u8,
    /// The reserved bytes are zero.
    pub is_known: bool,
    /// Its own position.
    pub lsn: u64,
    /// The commit's number.
    pub commit: u64,
    /// Up to where the log was synced when the record was made.
    pub synced_lsn: u64,
    /// `_time` of the commit's rows.
    pub time: i64,
}

/// One segment file.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// The number in its name.
    pub number: u64,
    /// Its header, if that can be read.
    pub header: Option<SegmentHeader>,
    bytes: &'a [u8],
    seed: u32,
}

impl<'a> Segment<'a> {
    /// A segment file of a database.
    pub fn new(bytes: &'a [u8], number: u64, database: u64) -> Segment<'a> {
        let header = header(bytes, number, database);
        Segment { number, header, bytes, seed: seed(&[database, number]) }
    }

    /// Whether nothing but zeros stands from an offset on.
    pub fn is_zero_from(&self, at: usize) -> bool {
        self.bytes.get(at..).is_none_or(|tail| tail.iter().all(|byte| *byte == 0))
    }

    /// The header of the record at an offset, if its checksum is right.
    pub fn record_header(&self, at: usize) -> Option<RecordHeader> {
        let bytes = self.bytes.get(at..)?.get(..RECORD_BYTES)?;
        let mut reader = Reader::new(bytes);
        let place = (at as u64).to_le_bytes();
        if reader.u32().ok()? != seeded(self.seed, &[&place, &bytes[4..]]) {
            return None;
        }
        Some(RecordHeader {
            payload_crc: reader.u32().ok()?,
            payload_bytes: reader.u32().ok()?,
            kind: reader.u8().ok()?,
            is_known: reader.take(3).ok()?.iter().all(|byte| *byte == 0),
            lsn: reader.u64().ok()?,
            commit: reader.u64().ok()?,
            synced_lsn: reader.u64().ok()?,
            time: reader.i64().ok()?,
        })
    }

    /// The payload of the record at an offset, if its checksum is right.
    pub fn payload(&self, at: usize, header: &RecordHeader) -> Option<&'a [u8]> {
        let payload = self.bytes.get(at + RECORD_BYTES..)?.get(..header.payload_bytes as usize)?;
        let (place, commit) = ((at as u64).to_le_bytes(), header.commit.to_le_bytes());
        let right = seeded(self.seed, &[&place, &commit, payload]) == header.payload_crc;
        (right && header.payload_bytes.is_multiple_of(8)).then_some(payload)
    }

    /// Headers of records from an offset on, at any multiple of 8, that have a synced lsn greater
    /// than `above`, each with its offset.
    pub fn vouchers(&self, from: usize, above: u64) -> impl Iterator<Item = (usize, RecordHeader)> {
        let first = round_up(from.max(HEADER_BYTES) as u64, 8) as usize;
        (first..self.bytes.len()).step_by(8).filter_map(move |at| {
            // Cheap first: the synced lsn is at 32.
            let synced_lsn = Reader::new(self.bytes.get(at + 32..)?).u64().ok()?;
            let record = if synced_lsn > above { self.record_header(at) } else { None };
            record.map(|record| (at, record))
        })
    }
}

fn header(bytes: &[u8], number: u64, database: u64) -> Option<SegmentHeader> {
    let bytes = bytes.get(..HEADER_BYTES)?;
    let mut reader = Reader::new(bytes);
    let is_ours = reader.take(8).ok()? == b"SRDBWAL\0"
        && check_crc(Reader::new(&bytes[124..]).u32().ok()?, crc(&bytes[..124])).is_ok()
        && reader.u32().ok()? == 1
        && reader.u32().ok()? == 0
        && reader.u64().ok()? == number
        && reader.u64().ok()? == database;
    let header = SegmentHeader {
        base_lsn: reader.u64().ok()?,
        first_commit: reader.u64().ok()?,
        synced_lsn: reader.u64().ok()?,
        synced_segment: reader.u64().ok()?,
    };
    is_ours.then_some(header)
}
