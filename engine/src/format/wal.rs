//! The bytes of a WAL segment: its name, its header, the header of a record.
//!
//! ```text
//! segment   header │ record │ record │ … │ record │ (zeros)
//!           128 B  │ 48 B header + payload, padded with zeros to 8 bytes
//! ```
//!
//! Invariants
//! 1. The log position (LSN) of file offset `o` is `base_lsn + o - SEGMENT_HEADER_BYTES`.
//! 2. Both checksums of a record depend on the database's id, the segment's number and the offset
//!    of the record, so that a record which is not where it was written, or is left over from
//!    another segment or database, never validates.
//! 3. A record at position `l` has `synced_lsn <= l`.
//!
//! What the payload holds is in `wal/payload.rs` and `wal/carry.rs`.

use crate::coding::bytes::{Put, Reader};
use crate::coding::crc::{crc32, crc32_seeded};
use crate::error::Damage;
use crate::mutant;

/// First bytes of a segment.
pub(crate) const MAGIC: [u8; 8] = *b"SRDBWAL\0";

/// Version of the segment format.
pub(crate) const VERSION: u32 = 1;

/// Bytes of [`SegmentHeader`].
pub(crate) const SEGMENT_HEADER_BYTES: usize = 128;

/// Bytes of [`RecordHeader`].
pub(crate) const RECORD_HEADER_BYTES: usize = 48;

/// Records start, and their padded payloads end, at multiples of this.
pub(crate) const RECORD_ALIGN: usize = 8;

const SEGMENT_CRC_AT: usize = SEGMENT_HEADER_BYTES - 4;
const SEGMENT_RESERVED_AT: usize = 64;

const _: () = assert!(SEGMENT_HEADER_BYTES.is_multiple_of(RECORD_ALIGN));
const _: () = assert!(RECORD_HEADER_BYTES.is_multiple_of(RECORD_ALIGN));

/// The name of segment `number` in the directory `wal`: `000012.wal`.
pub(crate) fn segment_file_name(number: u64) -> String {
    format!("{number:06}.wal")
}

/// The number of a segment's file name; `None` for a name that no segment has.
pub(crate) fn parse_segment_file_name(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".wal")?.parse().ok()?;
    (segment_file_name(number) == name).then_some(number)
}

/// The start of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// The segment's number, as in its file name.
    pub(crate) number: u64,
    /// The database it belongs to.
    pub(crate) database_id: u64,
    /// The log position of the first record.
    pub(crate) base_lsn: u64,
    /// The number of the first commit.
    pub(crate) first_commit: u64,
    /// Up to where the log was known to be synced when the segment was created.
    pub(crate) synced_lsn: u64,
    /// The newest segment whose name and header were known to be durable then; 0: none.
    pub(crate) synced_segment: u64,
}

/// Why bytes are no header of the segment they were found in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BadSegmentHeader {
    /// What a crash may leave of a segment that was being created, or damage.
    Damaged(String),
    /// A whole header that does not belong here.
    Foreign(String),
    /// Written by a newer version.
    Newer(String),
}

impl SegmentHeader {
    /// The header as it stands at offset 0.
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.put_u32(VERSION);
        bytes.put_u32(0);
        bytes.put_u64(self.number);
        bytes.put_u64(self.database_id);
        bytes.put_u64(self.base_lsn);
        bytes.put_u64(self.first_commit);
        bytes.put_u64(self.synced_lsn);
        bytes.put_u64(self.synced_segment);
        let mut out = [0; SEGMENT_HEADER_BYTES];
        out[..bytes.len()].copy_from_slice(&bytes);
        let crc = crc32(&out[..SEGMENT_CRC_AT]);
        out[SEGMENT_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads the start of the file of segment `number`; `bytes` is shorter if the file is.
    pub(crate) fn decode(
        bytes: &[u8],
        number: u64,
        database_id: u64,
    ) -> Result<Self, BadSegmentHeader> {
        let header = Self::read(bytes)?;
        if header.database_id != database_id {
            return Err(BadSegmentHeader::Foreign("a segment of another database".into()));
        }
        header.check(number).map_err(BadSegmentHeader::Foreign)?;
        Ok(header)
    }

    /// Reads the start of a segment, whichever it is.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BadSegmentHeader> {
        let damaged = |damage: Damage| BadSegmentHeader::Damaged(damage.what);
        let mut reader = Reader::new(bytes);
        let header = reader.take(SEGMENT_HEADER_BYTES).map_err(|_| {
            BadSegmentHeader::Damaged(format!("the segment header is cut at {}", bytes.len()))
        })?;
        let mut crc = Reader::new(&header[SEGMENT_CRC_AT..]);
        if crc.u32().map_err(damaged)? != crc32(&header[..SEGMENT_CRC_AT]) {
            return Err(BadSegmentHeader::Damaged("bad checksum of the segment header".into()));
        }
        let mut fields = Reader::new(header);
        if fields.take(MAGIC.len()).map_err(damaged)? != MAGIC {
            return Err(BadSegmentHeader::Foreign("no WAL segment: wrong magic".into()));
        }
        let version = fields.u32().map_err(damaged)?;
        let reserved = fields.u32().map_err(damaged)?;
        if version != VERSION
            || reserved != 0
            || header[SEGMENT_RESERVED_AT..SEGMENT_CRC_AT].iter().any(|b| *b != 0)
        {
            return Err(BadSegmentHeader::Newer(format!("WAL segment of version {version}")));
        }
        let mut next = || fields.u64().map_err(damaged);
        Ok(SegmentHeader {
            number: next()?,
            database_id: next()?,
            base_lsn: next()?,
            first_commit: next()?,
            synced_lsn: next()?,
            synced_segment: next()?,
        })
    }

    /// What holds of every header of segment `number`.
    pub(crate) fn check(&self, number: u64) -> Result<(), String> {
        if self.number != number {
            return Err(format!("segment {} under the name of {number}", self.number));
        }
        if self.synced_lsn > self.base_lsn || self.synced_segment >= self.number {
            return Err(format!("segment {number} vouches for what comes after it"));
        }
        if self.base_lsn > u64::MAX / 2 || !(1..u64::MAX / 2).contains(&self.first_commit) {
            return Err(format!(
                "segment {number} starts at {} with commit {}",
                self.base_lsn, self.first_commit
            ));
        }
        Ok(())
    }
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum RecordKind {
    /// One commit: rows of any number of tables.
    Commit = 1,
    /// The database was closed: everything before is synced. Carries the last commit's number.
    Close = 2,
    /// Rows of earlier segments, which are held in memory and not in SSTs. Only at the head of a
    /// segment. Carries the last commit's number.
    Carry = 3,
}

/// The start of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    /// CRC of the payload with its padding; see [`payload_crc`].
    pub(crate) payload_crc: u32,
    /// Bytes of the payload with its padding: a multiple of [`RECORD_ALIGN`].
    pub(crate) payload_bytes: u32,
    /// A [`RecordKind`], or a kind that this version does not know.
    pub(crate) kind: u8,
    /// The record's own position.
    pub(crate) lsn: u64,
    /// The commit's number.
    pub(crate) commit: u64,
    /// Up to where the log was known to be synced when the record was made.
    pub(crate) synced_lsn: u64,
    /// `_time` of the commit's rows: ns since the epoch.
    pub(crate) time: i64,
}

/// The seed of all checksums of the records in a segment.
pub(crate) fn segment_seed(database_id: u64, number: u64) -> u32 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&database_id.to_le_bytes());
    bytes[8..].copy_from_slice(&number.to_le_bytes());
    crc32(&bytes)
}

/// The CRC of the padded payload of commit `commit` whose record starts at file offset `offset`.
pub(crate) fn payload_crc(seed: u32, offset: u64, commit: u64, payload: &[u8]) -> u32 {
    let mut place = [0; 16];
    place[..8].copy_from_slice(&offset.to_le_bytes());
    place[8..].copy_from_slice(&commit.to_le_bytes());
    crc32_seeded(crc32_seeded(seed, &place), payload)
}

/// The CRC of a header's bytes from 4 on, at file offset `offset`.
fn header_crc(seed: u32, offset: u64, bytes: &[u8; RECORD_HEADER_BYTES]) -> u32 {
    let mut covered = [0; RECORD_HEADER_BYTES + 4];
    covered[..8].copy_from_slice(&offset.to_le_bytes());
    covered[8..].copy_from_slice(&bytes[4..]);
    crc32_seeded(seed, &covered)
}

/// A little-endian `u32` at a fixed place.
fn u32_at(bytes: &[u8; RECORD_HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// A little-endian `u64` at a fixed place.
fn u64_at(bytes: &[u8; RECORD_HEADER_BYTES], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

impl RecordHeader {
    /// The header as it stands at file offset `offset` of the segment with that seed.
    pub(crate) fn encode(&self, seed: u32, offset: u64) -> [u8; RECORD_HEADER_BYTES] {
        let mut out = [0; RECORD_HEADER_BYTES];
        out[4..8].copy_from_slice(&self.payload_crc.to_le_bytes());
        out[8..12].copy_from_slice(&self.payload_bytes.to_le_bytes());
        out[12] = self.kind;
        out[16..24].copy_from_slice(&self.lsn.to_le_bytes());
        out[24..32].copy_from_slice(&self.commit.to_le_bytes());
        out[32..40].copy_from_slice(&self.synced_lsn.to_le_bytes());
        out[40..48].copy_from_slice(&self.time.to_le_bytes());
        let crc = header_crc(seed, offset, &out);
        out[..4].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The header at file offset `offset`, or `None` if these bytes are none.
    pub(crate) fn decode(
        bytes: &[u8; RECORD_HEADER_BYTES],
        seed: u32,
        offset: u64,
    ) -> Option<RecordHeader> {
        // Cheap tests first: a search for records tries every aligned place of a file.
        let header = RecordHeader {
            payload_crc: u32_at(bytes, 4),
            payload_bytes: u32_at(bytes, 8),
            kind: bytes[12],
            lsn: u64_at(bytes, 16),
            commit: u64_at(bytes, 24),
            synced_lsn: u64_at(bytes, 32),
            time: u64_at(bytes, 40) as i64,
        };
        let plausible = bytes[13..16] == [0; 3] && header.check().is_ok();
        let is_sound = || u32_at(bytes, 0) == header_crc(seed, offset, bytes);
        (plausible && (is_sound() || mutant::on("record-unchecked"))).then_some(header)
    }

    /// What holds of every record's header.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Self { payload_bytes, kind, lsn, synced_lsn, .. } = *self;
        if kind == 0 || !(payload_bytes as usize).is_multiple_of(RECORD_ALIGN) {
            return Err(format!("a record of kind {kind} with {payload_bytes} bytes"));
        }
        if synced_lsn > lsn || lsn > u64::MAX / 2 {
            return Err(format!("a record at {lsn} vouches up to {synced_lsn}"));
        }
        Ok(())
    }

    /// Bytes of the whole record.
    pub(crate) fn record_bytes(&self) -> u64 {
        RECORD_HEADER_BYTES as u64 + u64::from(self.payload_bytes)
    }
}
