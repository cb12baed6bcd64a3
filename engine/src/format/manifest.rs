//! The files that say what the database consists of: `database.meta`, `CURRENT`, `MANIFEST-000007`.
//!
//! `database.meta`, 64 bytes, written once:
//!
//! | offset | size | field                                            |
//! |--------|------|--------------------------------------------------|
//! | 0      | 8    | magic `SRDBMETA`                                 |
//! | 8      | 4    | format version of the database, 1                |
//! | 12     | 4    | reserved, zero                                   |
//! | 16     | 8    | database id                                      |
//! | 24     | 8    | when it was created, i64 ns since the epoch      |
//! | 32     | 28   | reserved, zero                                   |
//! | 60     | 4    | CRC of the bytes before                          |
//!
//! `CURRENT`, one line: `MANIFEST-000007 0a1b2c3d` and a newline; the second word is the CRC of the
//! first, eight lower-case hex digits.
//!
//! `MANIFEST-N`: a 64-byte header, then records at multiples of 8:
//!
//! | offset | size | header field                                     |
//! |--------|------|--------------------------------------------------|
//! | 0      | 8    | magic `SRDBMANI`                                 |
//! | 8      | 4    | format version, 1                                |
//! | 12     | 4    | reserved, zero                                   |
//! | 16     | 8    | file number, the N of the name                   |
//! | 24     | 8    | database id                                      |
//! | 32     | 8    | edit number of the first record                  |
//! | 40     | 20   | reserved, zero                                   |
//! | 60     | 4    | CRC of the bytes before                          |
//!
//! | offset | size | record field                                     |
//! |--------|------|--------------------------------------------------|
//! | 0      | 4    | CRC of bytes 4..24, seeded                       |
//! | 4      | 4    | payload length in bytes, padding not counted     |
//! | 8      | 4    | CRC of payload and padding, seeded               |
//! | 12     | 2    | kind: 1 snapshot (the first record), 2 edit      |
//! | 14     | 2    | reserved, zero                                   |
//! | 16     | 8    | edit number, one more than the record before     |
//! | 24     | …    | payload, then zeros to the next multiple of 8    |
//!
//! The seed is the CRC of database id, file number and the record's offset, a u64 each: a record
//! that is stale, of another database, or in another place than it was written to never validates.

use crate::coding::bytes::{Put, Reader};
use crate::coding::crc::{crc32, crc32_seeded};

/// The name of the file that says which MANIFEST counts; its presence means a database exists.
pub(crate) const CURRENT: &str = "CURRENT";
/// The file that is renamed over [`CURRENT`].
pub(crate) const CURRENT_TEMP: &str = "CURRENT.tmp";
/// A copy of the MANIFEST until it is renamed over it.
pub(crate) const MANIFEST_TEMP: &str = "MANIFEST.tmp";
/// The name of the file that holds the identity of the database.
pub(crate) const META: &str = "database.meta";
/// The file that is renamed to [`META`].
pub(crate) const META_TEMP: &str = "database.meta.tmp";
/// The name of the file whose lock keeps a second opener out.
pub(crate) const LOCK: &str = "LOCK";
/// The directory of the log's segments.
pub(crate) const WAL_DIR: &str = "wal";
/// The directory of the tables' directories.
pub(crate) const TABLES_DIR: &str = "tables";
/// What the name of every MANIFEST starts with.
pub(crate) const MANIFEST_PREFIX: &str = "MANIFEST-";
/// Number of the MANIFEST that a new database starts with.
pub(crate) const FIRST_MANIFEST: u64 = 1;

/// Bytes of `database.meta`.
pub(crate) const META_BYTES: usize = 64;
/// Bytes of the header of a MANIFEST.
pub(crate) const HEADER_BYTES: usize = 64;
/// Bytes of the header of a record.
pub(crate) const RECORD_HEADER_BYTES: usize = 24;
/// What the offset of every record is a multiple of.
pub(crate) const ALIGN: usize = 8;
/// Bytes of a record's payload: 1 GiB.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 1 << 30;

/// The version of the format that this build writes, and the only one it reads.
pub(crate) const FORMAT_VERSION: u32 = 1;
/// First bytes of `database.meta`.
pub(crate) const META_MAGIC: [u8; 8] = *b"SRDBMETA";
/// First bytes of a MANIFEST.
pub(crate) const MANIFEST_MAGIC: [u8; 8] = *b"SRDBMANI";

const CRC_AT: usize = 60;
const _: () = assert!(META_BYTES == CRC_AT + 4 && HEADER_BYTES == CRC_AT + 4);
const _: () =
    assert!(HEADER_BYTES.is_multiple_of(ALIGN) && RECORD_HEADER_BYTES.is_multiple_of(ALIGN));
const _: () = assert!(PAYLOAD_BYTES_MAX < u32::MAX as usize - 2 * ALIGN);

/// Why bytes were refused: damage, or a version that this build does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The bytes are not what was written: what is wrong, and where.
    Damaged(usize, String),
    /// The bytes are whole, and of a format that this build does not know.
    Unknown(String),
}

impl Refused {
    /// Names the file, `base` being where the refused slice starts in it.
    pub(crate) fn in_file(self, path: &std::path::Path, base: u64) -> crate::Error {
        match self {
            Refused::Damaged(at, what) => crate::Error::corrupt(path, base + at as u64, what),
            Refused::Unknown(what) => crate::Error::Unsupported { path: path.to_owned(), what },
        }
    }
}

impl From<crate::error::Damage> for Refused {
    fn from(damage: crate::error::Damage) -> Self {
        Refused::Damaged(damage.at, damage.what)
    }
}

/// The name of MANIFEST `number`.
pub(crate) fn manifest_name(number: u64) -> String {
    format!("{MANIFEST_PREFIX}{number:06}")
}

/// The number in the name of a MANIFEST, `None` for any other name.
pub(crate) fn manifest_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix(MANIFEST_PREFIX)?.parse().ok()?;
    (manifest_name(number) == name).then_some(number)
}

/// The content of `CURRENT`.
pub(crate) fn current_text(number: u64) -> String {
    let name = manifest_name(number);
    format!("{name} {:08x}\n", crc32(name.as_bytes()))
}

/// The number of the MANIFEST that the content of `CURRENT` names.
pub(crate) fn parse_current(bytes: &[u8]) -> Result<u64, Refused> {
    let bad = || Refused::Damaged(0, "not the name of a MANIFEST and its CRC".to_owned());
    let text = std::str::from_utf8(bytes).map_err(|_| bad())?;
    let number = text.split(' ').next().and_then(manifest_number).ok_or_else(bad)?;
    if current_text(number) == text { Ok(number) } else { Err(bad()) }
}

/// Checks magic, CRC and version of a 64-byte header; the reader stands behind the version.
fn open_header<'a>(bytes: &'a [u8], magic: &[u8; 8]) -> Result<Reader<'a>, Refused> {
    let mut reader = Reader::new(bytes);
    let body = Reader::new(bytes).take(CRC_AT)?;
    if reader.take(magic.len())? != magic {
        return Err(Refused::Damaged(0, "wrong magic".to_owned()));
    }
    let mut crc = Reader::new(bytes);
    crc.take(CRC_AT)?;
    if crc.u32()? != crc32(body) {
        return Err(Refused::Damaged(0, "the header's CRC is wrong".to_owned()));
    }
    let version = reader.u32()?;
    if version != FORMAT_VERSION {
        return Err(Refused::Unknown(format!("format version {version}")));
    }
    Ok(reader)
}

/// Reads up to the CRC; a reserved byte in use means a feature that came later.
fn close_header(mut reader: Reader<'_>) -> Result<(), Refused> {
    let rest = CRC_AT.saturating_sub(reader.position());
    reserved(reader.take(rest)?)
}

fn reserved(bytes: &[u8]) -> Result<(), Refused> {
    if bytes.iter().all(|&byte| byte == 0) {
        Ok(())
    } else {
        Err(Refused::Unknown("reserved bytes of the header are in use".to_owned()))
    }
}

fn seal(mut out: Vec<u8>) -> Vec<u8> {
    out.resize(CRC_AT, 0);
    let crc = crc32(&out);
    out.put_u32(crc);
    out
}

/// The content of `database.meta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    /// Tells this database from every other: in the headers of its files and in their CRC seeds.
    pub(crate) database_id: u64,
    /// When it was created: ns since the epoch.
    pub(crate) created_time: i64,
}

impl Meta {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(META_BYTES);
        out.extend_from_slice(&META_MAGIC);
        out.put_u32(FORMAT_VERSION);
        out.put_u32(0);
        out.put_u64(self.database_id);
        out.put_i64(self.created_time);
        seal(out)
    }

    /// Reads the whole file's content; anything behind it is damage.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Refused> {
        let mut reader = open_header(bytes, &META_MAGIC)?;
        reserved(reader.take(4)?)?;
        let meta = Meta { database_id: reader.u64()?, created_time: reader.i64()? };
        close_header(reader)?;
        if bytes.len() != META_BYTES {
            return Err(Refused::Damaged(META_BYTES, "bytes behind the end".to_owned()));
        }
        Ok(meta)
    }
}

/// The header of a MANIFEST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The number in the file's name.
    pub(crate) file_number: u64,
    /// The database the file belongs to.
    pub(crate) database_id: u64,
    /// Edit number of the first record, the snapshot.
    pub(crate) first_edit: u64,
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(&MANIFEST_MAGIC);
        out.put_u32(FORMAT_VERSION);
        out.put_u32(0);
        out.put_u64(self.file_number);
        out.put_u64(self.database_id);
        out.put_u64(self.first_edit);
        seal(out)
    }

    /// Reads the start of `bytes`; the rest is the records'.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Refused> {
        let mut reader = open_header(bytes, &MANIFEST_MAGIC)?;
        reserved(reader.take(4)?)?;
        let header = Header {
            file_number: reader.u64()?,
            database_id: reader.u64()?,
            first_edit: reader.u64()?,
        };
        close_header(reader)?;
        Ok(header)
    }

    /// The seed of the CRCs of the record at `offset`.
    pub(crate) fn seed(&self, offset: u64) -> u32 {
        let mut place = [0; 24];
        place[..8].copy_from_slice(&self.database_id.to_le_bytes());
        place[8..16].copy_from_slice(&self.file_number.to_le_bytes());
        place[16..].copy_from_slice(&offset.to_le_bytes());
        crc32(&place)
    }
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    /// A whole version as one edit: always and only the first record.
    Snapshot,
    /// A change to the version before.
    Edit,
}

impl RecordKind {
    pub(crate) const fn code(self) -> u16 {
        match self {
            RecordKind::Snapshot => 1,
            RecordKind::Edit => 2,
        }
    }

    pub(crate) fn from_code(code: u16) -> Option<Self> {
        match code {
            1 => Some(RecordKind::Snapshot),
            2 => Some(RecordKind::Edit),
            _ => None,
        }
    }
}

/// The header of a record, its CRC already checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    /// Bytes of the payload, without padding.
    pub(crate) payload_bytes: usize,
    /// Seeded CRC of payload and padding.
    pub(crate) payload_crc: u32,
    /// Code of the [`RecordKind`].
    pub(crate) kind: u16,
    /// Bytes for a later use: zero.
    pub(crate) reserved: u16,
    /// The edit's number.
    pub(crate) edit_number: u64,
}

impl RecordHeader {
    /// Reads the start of `bytes`; `None` unless it was written there: length and CRC.
    pub(crate) fn decode(bytes: &[u8], seed: u32) -> Option<Self> {
        let mut reader = Reader::new(bytes.get(..RECORD_HEADER_BYTES)?);
        let crc = reader.u32().ok()?;
        if crc != crc32_seeded(seed, &bytes[4..RECORD_HEADER_BYTES]) {
            return None;
        }
        Some(RecordHeader {
            payload_bytes: reader.u32().ok()? as usize,
            payload_crc: reader.u32().ok()?,
            kind: reader.u16().ok()?,
            reserved: reader.u16().ok()?,
            edit_number: reader.u64().ok()?,
        })
    }

    /// Bytes of the whole record: header, payload and padding.
    pub(crate) fn record_bytes(&self) -> usize {
        RECORD_HEADER_BYTES + self.payload_bytes.next_multiple_of(ALIGN)
    }
}

/// Encodes a record that will be written at `offset`.
///
/// The caller has checked [`PAYLOAD_BYTES_MAX`].
pub(crate) fn encode_record(
    header: &Header,
    offset: u64,
    kind: RecordKind,
    edit_number: u64,
    payload: &[u8],
) -> Vec<u8> {
    assert!(payload.len() <= PAYLOAD_BYTES_MAX, "a payload of {} bytes", payload.len());
    assert!(offset.is_multiple_of(ALIGN as u64), "a record at offset {offset}");
    let seed = header.seed(offset);
    let mut padded = payload.to_vec();
    padded.resize(payload.len().next_multiple_of(ALIGN), 0);
    let mut fields = Vec::with_capacity(RECORD_HEADER_BYTES - 4);
    fields.put_u32(payload.len() as u32);
    fields.put_u32(crc32_seeded(seed, &padded));
    fields.put_u16(kind.code());
    fields.put_u16(0);
    fields.put_u64(edit_number);
    let mut out = Vec::with_capacity(RECORD_HEADER_BYTES + padded.len());
    out.put_u32(crc32_seeded(seed, &fields));
    out.extend_from_slice(&fields);
    out.extend_from_slice(&padded);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_current_are_canonical() {
        assert_eq!(manifest_name(7), "MANIFEST-000007");
        assert_eq!(manifest_number("MANIFEST-000007"), Some(7));
        assert_eq!(manifest_number("MANIFEST-12345678"), Some(12_345_678));
        for bad in ["MANIFEST-7", "MANIFEST-+00007", "MANIFEST-", "manifest-000007", "CURRENT"] {
            assert_eq!(manifest_number(bad), None, "{bad}");
        }
        assert_eq!(current_text(7), "MANIFEST-000007 b366fa16\n");
        assert_eq!(parse_current(current_text(7).as_bytes()), Ok(7));
    }

    #[test]
    fn any_flipped_bit_of_current_and_of_the_headers_is_refused() {
        let header = Header { file_number: 7, database_id: 0xABCD, first_edit: 3 };
        let meta = Meta { database_id: 0xABCD, created_time: -5 };
        assert_eq!(Header::decode(&header.encode()), Ok(header));
        assert_eq!(Meta::decode(&meta.encode()), Ok(meta));
        type Accepts = fn(&[u8]) -> bool;
        let cases: [(Vec<u8>, Accepts); 3] = [
            (header.encode(), |bytes| Header::decode(bytes).is_ok()),
            (meta.encode(), |bytes| Meta::decode(bytes).is_ok()),
            (current_text(7).into_bytes(), |bytes| parse_current(bytes).is_ok()),
        ];
        for (good, accepts) in cases {
            for bit in 0..good.len() * 8 {
                let mut bytes = good.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(!accepts(&bytes), "bit {bit}");
            }
            for len in 0..good.len() {
                assert!(!accepts(&good[..len]), "cut to {len}");
            }
        }
    }

    #[test]
    fn a_later_version_and_reserved_bytes_are_unknown_not_damage() {
        for at in [8, 12, 59] {
            let mut bytes = Meta { database_id: 1, created_time: 2 }.encode();
            bytes[at] += 1;
            let crc = crc32(&bytes[..CRC_AT]);
            bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
            assert!(matches!(Meta::decode(&bytes), Err(Refused::Unknown(_))), "byte {at}");
        }
    }

    #[test]
    fn record_bytes_are_as_documented_and_belong_to_their_place() {
        let header = Header { file_number: 7, database_id: 1, first_edit: 3 };
        let bytes = encode_record(&header, 64, RecordKind::Edit, 9, b"abc");
        assert_eq!(bytes.len(), 32);
        assert_eq!(bytes[4..8], [3, 0, 0, 0]);
        assert_eq!(bytes[12..24], [2, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&bytes[24..], b"abc\0\0\0\0\0");
        assert!(RecordHeader::decode(&bytes, header.seed(64)).is_some());
        assert!(RecordHeader::decode(&bytes, header.seed(72)).is_none());
        let other = Header { file_number: 8, ..header };
        assert!(RecordHeader::decode(&bytes, other.seed(64)).is_none());
        let other = Header { database_id: 2, ..header };
        assert!(RecordHeader::decode(&bytes, other.seed(64)).is_none());
    }
}
