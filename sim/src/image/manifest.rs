//! The MANIFEST: a log of version edits, read to its end.
//!
//! ```text
//!   0        64                                              end
//!   ├ header ┼ record: snapshot ┼ record: edit ┼ … ┼ torn? ──┤     records at multiples of 8
//! ```
//!
//! Invariant: what is read is what was synced, and perhaps the one record after it. A record that
//! can't be read is a torn tail only if nothing behind it shows that it was synced.

use super::bytes::{Reader, Result, check_crc, crc, damaged, ensure, round_up, seed, seeded};
use super::edit::{self, Change};
use super::version::Version;

/// Bytes of the file's header.
const HEADER_BYTES: usize = 64;

/// Bytes of a record's header.
const RECORD_BYTES: usize = 24;

/// Bytes of a payload, at most.
const PAYLOAD_BYTES_MAX: u64 = 1 << 30;

/// What a MANIFEST says.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The number in its name.
    pub number: u64,
    /// All its edits applied.
    pub version: Version,
    /// The number of the last edit.
    pub last_edit: u64,
    /// The database was closed and nothing was changed since.
    pub closed: bool,
    /// Where a torn tail begins, which is to be cut.
    pub torn_at: Option<u64>,
}

/// The header of a record.
struct Header {
    payload_bytes: u64,
    payload_crc: u32,
    kind: u16,
    reserved: u16,
    edit: u64,
}

impl Manifest {
    /// Reads a MANIFEST.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn decode(bytes: &[u8], number: u64, database: u64) -> Result<Manifest> {
        let first = header(bytes, number, database).map_err(|d| d.within("the header"))?;
        let mut at = HEADER_BYTES;
        let mut manifest = Manifest {
            number,
            version: Version::empty(),
            last_edit: 0,
            closed: false,
            torn_at: None,
        };
        let mut due = first;
        while at < bytes.len() {
            let here = |what: &str| format!("the record at {at} {what}");
            let place = seed(&[database, number, at as u64]);
            let Some((header, payload, padding)) = record(bytes, at, place) else {
                ensure(due != first, || here("is the snapshot and damaged"))?;
                if let Some(behind) =
                    later_record(bytes, at, due, |at| seed(&[database, number, at]))
                {
                    return damaged(here(&format!(
                        "is damaged, and one at {behind} vouches for it"
                    )));
                }
                manifest.torn_at = Some(at as u64);
                break;
            };
            let right_kind = header.kind == if due == first { 1 } else { 2 };
            ensure(right_kind && header.reserved == 0, || here("is of an unknown kind"))?;
            ensure(padding.iter().all(|byte| *byte == 0), || here("is padded with something"))?;
            ensure(header.edit == due, || here(&format!("has the number {}", header.edit)))?;
            manifest.apply(payload).map_err(|d| d.within(here("")))?;
            manifest.last_edit = due;
            let Some(next) = due.checked_add(1) else { return damaged("no edit number is left") };
            due = next;
            at += RECORD_BYTES + round_up(header.payload_bytes, 8) as usize;
        }
        ensure(due != first, || "the snapshot is missing".to_owned())?;
        ensure(number < manifest.version.next_file, || {
            format!("its own number is not below the next file, {}", manifest.version.next_file)
        })?;
        Ok(manifest)
    }

    fn apply(&mut self, payload: &[u8]) -> Result<()> {
        let changes = edit::decode(payload)?;
        self.closed = matches!(changes[..], [Change::Close]);
        ensure(self.closed || !changes.iter().any(|c| matches!(c, Change::Close)), || {
            "a close is not alone in its edit".to_owned()
        })?;
        self.version.apply(&changes)
    }
}

/// The number of the first edit.
fn header(bytes: &[u8], number: u64, database: u64) -> Result<u64> {
    let mut reader = Reader::new(bytes);
    let header = reader.take(HEADER_BYTES)?;
    let mut reader = Reader::new(header);
    ensure(reader.take(8)? == b"SRDBMANI", || "the magic is wrong".to_owned())?;
    check_crc(Reader::new(&header[60..]).u32()?, crc(&header[..60]))?;
    let version = reader.u32()?;
    ensure(version == 1, || format!("version {version}"))?;
    reader.reserved(4)?;
    let (file, id, first) = (reader.u64()?, reader.u64()?, reader.u64()?);
    reader.reserved(20)?;
    ensure(file == number && id == database, || "this is another file's".to_owned())?;
    Ok(first)
}

/// The record at an offset, if it is whole: its header, payload and padding.
fn record(bytes: &[u8], at: usize, place: u32) -> Option<(Header, &[u8], &[u8])> {
    let header = record_header(bytes, at, place)?;
    let padded = round_up(header.payload_bytes, 8);
    let padded = bytes.get(at + RECORD_BYTES..)?.get(..usize::try_from(padded).ok()?)?;
    if seeded(place, &[padded]) != header.payload_crc {
        return None;
    }
    let (payload, padding) = padded.split_at_checked(header.payload_bytes as usize)?;
    Some((header, payload, padding))
}

/// The header of the record at an offset, if its checksum is right.
fn record_header(bytes: &[u8], at: usize, place: u32) -> Option<Header> {
    let bytes = bytes.get(at..)?.get(..RECORD_BYTES)?;
    let mut reader = Reader::new(bytes);
    if reader.u32().ok()? != seeded(place, &[&bytes[4..]]) {
        return None;
    }
    let header = Header {
        payload_bytes: u64::from(reader.u32().ok()?),
        payload_crc: reader.u32().ok()?,
        kind: reader.u16().ok()?,
        reserved: reader.u16().ok()?,
        edit: reader.u64().ok()?,
    };
    (header.payload_bytes <= PAYLOAD_BYTES_MAX).then_some(header)
}

/// Where, behind an offset, the header of a record stands that is not before `due`.
fn later_record(bytes: &[u8], at: usize, due: u64, place: impl Fn(u64) -> u32) -> Option<usize> {
    (at + 8..bytes.len()).step_by(8).find(|&behind| {
        // Cheap first: the number is at 16.
        let number = bytes.get(behind + 16..).and_then(|b| Reader::new(b).u64().ok());
        number.is_some_and(|number| number >= due)
            && record_header(bytes, behind, place(behind as u64)).is_some()
    })
}
