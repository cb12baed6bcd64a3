//! Reading on in a log that has grown since it was read.
//!
//! Invariants
//! 1. What was read is read again only as far as it takes to see that it is still there: the last
//!    record, which the writer could have taken back, and no earlier one without it.
//! 2. What comes behind it is judged as [`super::replay`] judges it.

use std::path::Path;
use std::sync::Arc;

use srdb_vfs::Vfs;

use super::{Logged, Replay, ReplayOutcome, SEGMENT_HEADER, list_segments};
use crate::error::Result;
use crate::format::wal::segment_file_name;
use crate::mutant;
use crate::wal::segment::{Found, SegmentReader, lsn_at};

/// Hands what has come to the log since it was read to `handler`, in order. `None` if the log is
/// not one that goes on from there: its last segment is gone, or its last record was taken back.
/// Then, and after an error, read it anew.
///
/// # Errors
/// As [`super::replay`].
pub(crate) fn go_on(
    vfs: &Arc<dyn Vfs>,
    wal_dir: &Path,
    database_id: u64,
    before: &ReplayOutcome,
    handler: &mut dyn FnMut(Logged) -> Result<()>,
) -> Result<Option<ReplayOutcome>> {
    let Some(last) = before.segments.last() else { return Ok(None) };
    let mut readers = Vec::new();
    for number in list_segments(&**vfs, wal_dir)? {
        let is_next = number > last.number && !mutant::on("follower-stays-in-its-segment");
        if number == last.number || is_next {
            let path = wal_dir.join(segment_file_name(number));
            readers.push(SegmentReader::open(&**vfs, path, number, database_id)?);
        }
    }
    let Some(reader) = readers.first_mut().filter(|reader| reader.number == last.number) else {
        return Ok(None);
    };
    let header = match &reader.header {
        Ok(header) if header.base_lsn == last.base_lsn => *header,
        _ => return Ok(None),
    };
    let mut resumed = SEGMENT_HEADER;
    if let Some((_, offset, known)) = before.last_record.filter(|(n, ..)| *n == last.number) {
        match reader.record_at(offset)? {
            Found::Record { header, .. } if header == known => {
                resumed = offset + known.record_bytes();
            }
            _ => return Ok(None),
        }
    }
    let mut outcome = before.clone();
    (outcome.next_segment, outcome.cut, outcome.clean_close) = (last.number, None, false);
    outcome.end_lsn = lsn_at(&header, resumed);
    let mut replay = Replay { wal_dir, readers, outcome, head_due: false, handler };
    replay.run(resumed)?;
    Ok(Some(replay.finish()))
}
