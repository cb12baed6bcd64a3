//! Splits the bytes of a MANIFEST into records and judges its end. Pure: no I/O, any bytes.
//!
//! ```text
//! header │ snapshot │ edit │ edit │ edit │ tail
//!                                        ▲ end
//! ```
//!
//! Invariants
//! 1. A record counts only if everything before it does: none is ever skipped.
//! 2. The writer syncs each record before it appends the next, so at most the last one can be
//!    torn. A bad record with a later one behind it (its header is enough) was therefore synced
//!    once: that is corruption, an error.
//! 3. A bad tail is torn and may be cut, because nothing depends on an edit before it is synced: no
//!    file is deleted, no segment dropped, no commit acknowledged on its strength.
//! 4. The snapshot was synced before `CURRENT` named the file, so it is never torn.
//!
//! The exception to 3: bit rot in the last record of a database that crashed looks like a tear and
//! is cut. Two things narrow it. A clean close ends with a record that holds nothing and stands
//! behind all others, so by 2 rot before it is found and rot in it costs nothing. And recovery
//! finds that the WAL segment `log_number` of the version is missing if a lost edit had obsoleted
//! it.

use std::ops::Range;

use crate::coding::crc::crc32_seeded;
use crate::format::manifest::{
    ALIGN, HEADER_BYTES, Header, PAYLOAD_BYTES_MAX, RECORD_HEADER_BYTES, RecordHeader, RecordKind,
    Refused,
};

/// A record whose checksums and place are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Where it starts in the file.
    pub(crate) offset: u64,
    /// Its number, consecutive within the file.
    pub(crate) edit_number: u64,
    /// Where its payload lies in the file.
    pub(crate) payload: Range<usize>,
}

/// What a MANIFEST consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The file's header.
    pub(crate) header: Header,
    /// The records; the first is the snapshot.
    pub(crate) records: Vec<Record>,
    /// Where the last record ends. What is behind it, if anything, is a torn tail.
    pub(crate) end: usize,
}

/// Scans the MANIFEST `file_number` of the database `database_id`.
pub(crate) fn scan(bytes: &[u8], database_id: u64, file_number: u64) -> Result<Scan, Refused> {
    let header = Header::decode(bytes)?;
    if header.file_number != file_number {
        let what = format!("this is MANIFEST {}, under another's name", header.file_number);
        return Err(Refused::Damaged(16, what));
    }
    if header.database_id != database_id {
        return Err(Refused::Damaged(24, "this MANIFEST is another database's".to_owned()));
    }
    let mut scan = Scan { header, records: Vec::new(), end: HEADER_BYTES };
    let mut edit_number = header.first_edit;
    while scan.end < bytes.len() {
        let Some((found, payload)) = record_at(bytes, scan.end, &header) else {
            judge_tail(bytes, &scan, edit_number)?;
            break;
        };
        check_record(&found, scan.end, edit_number, scan.records.is_empty())?;
        scan.records.push(Record { offset: scan.end as u64, edit_number, payload });
        scan.end += found.record_bytes();
        edit_number = edit_number
            .checked_add(1)
            .ok_or_else(|| Refused::Damaged(scan.end, "the edit numbers are used up".to_owned()))?;
    }
    // Invariant 4.
    if scan.records.is_empty() {
        return Err(Refused::Damaged(HEADER_BYTES, "the snapshot is damaged".to_owned()));
    }
    Ok(scan)
}

/// The header of the record at `at` and where its payload lies, if the record is whole.
pub(crate) fn record_at(
    bytes: &[u8],
    at: usize,
    header: &Header,
) -> Option<(RecordHeader, Range<usize>)> {
    let seed = header.seed(at as u64);
    let found = RecordHeader::decode(bytes.get(at..)?, seed)?;
    if found.payload_bytes > PAYLOAD_BYTES_MAX {
        return None;
    }
    let start = at + RECORD_HEADER_BYTES;
    let padded = bytes.get(start..at.checked_add(found.record_bytes())?)?;
    if crc32_seeded(seed, padded) != found.payload_crc {
        return None;
    }
    Some((found, start..start + found.payload_bytes))
}

/// What must hold of a record that was read as it was written.
fn check_record(
    found: &RecordHeader,
    at: usize,
    edit_number: u64,
    first: bool,
) -> Result<(), Refused> {
    if found.edit_number != edit_number {
        let what = format!("edit {} where {edit_number} was due", found.edit_number);
        return Err(Refused::Damaged(at, what));
    }
    if found.reserved != 0 {
        return Err(Refused::Unknown("reserved bytes of a record are in use".to_owned()));
    }
    match RecordKind::from_code(found.kind) {
        None => Err(Refused::Unknown(format!("a record of kind {}", found.kind))),
        Some(kind) if (kind == RecordKind::Snapshot) != first => {
            Err(Refused::Damaged(at, format!("a record of kind {} is out of place", found.kind)))
        }
        Some(_) => Ok(()),
    }
}

/// Tells a torn tail (`Ok`) from damage to what was synced: invariant 2.
fn judge_tail(bytes: &[u8], scan: &Scan, edit_number: u64) -> Result<(), Refused> {
    let mut at = scan.end + ALIGN;
    // No more records can have followed than fit in: a bound that makes a chance hit absurd.
    let records_max = (bytes.len() - scan.end) / RECORD_HEADER_BYTES + 1;
    let numbers = edit_number..=edit_number.saturating_add(records_max as u64);
    while at < bytes.len() {
        let later = RecordHeader::decode(&bytes[at..], scan.header.seed(at as u64));
        if later.is_some_and(|later| numbers.contains(&later.edit_number)) {
            let what = format!("the record is damaged, and another stands behind it at {at}");
            return Err(Refused::Damaged(scan.end, what));
        }
        at += ALIGN;
    }
    Ok(())
}
