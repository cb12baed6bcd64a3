//! Reads the log after a restart and decides what of it counts.
//!
//! Records are read in order from the first live segment on. Where the next one should be and is
//! not, at position X, the log ends, and the question is why:
//!
//! - **Corrupt**, if anything that can still be read *vouches* for X: a record, or the header of
//!   a segment, that says the log was synced beyond X. Then what stands at X was durable, maybe
//!   acknowledged, and is damaged: an error, nothing is touched.
//! - **A torn tail** otherwise: what a crash leaves of writes that no sync had finished. The log
//!   ends at X, and [`cut`] removes the rest, later segments included.
//!
//! If the start of the first segment cannot be read, X is not known; then a segment that vouches
//! for the first one as a whole (its name and header) decides.
//!
//! A segment ends where the next one begins (`base_lsn` of its header), whatever stands behind
//! that place: so a segment that was cut may lose the cut at power loss and nothing changes.
//!
//! **Why a crash in the middle of [`cut`] is harmless.** The verdict depends on X and on what
//! vouches for X. `cut` only removes bytes at or behind X, none of which vouches for X. So after
//! any part of it the next replay finds the same X and the same verdict. The names of later
//! segments are durably gone before `cut` returns, hence before a segment of the same number is
//! created again; they go newest first, so that what is left is at each moment a whole log.
//!
//! Replay writes nothing. Bytes from disk never make it panic.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{Access, EntryKind, Vfs};

use super::carry::{self, DecodedCarry};
use super::payload::{self, DecodedTable};
use super::segment::{Found, SegmentReader, lsn_at};
use super::settle::{COPY_SUFFIX, Unsettled};
use super::writer::Start;
use crate::error::{Damage, Error, Result};
use crate::format::wal::{
    RECORD_HEADER_BYTES, RecordHeader, RecordKind, SEGMENT_HEADER_BYTES, SegmentHeader,
    parse_segment_file_name, segment_file_name,
};
use crate::mutant;

mod tail;

pub(crate) use tail::go_on;

const SEGMENT_HEADER: u64 = SEGMENT_HEADER_BYTES as u64;

/// One commit, out of the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CommitRecord {
    /// Its number: one more than that of the commit before.
    pub(crate) commit: u64,
    /// `_time` of its rows: ns since the epoch.
    pub(crate) time: i64,
    /// The segment it was read from.
    pub(crate) segment: u64,
    /// Its rows, by table, in the order they were appended in.
    pub(crate) tables: Vec<DecodedTable>,
}

/// What was carried into a segment, out of the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CarryRecord {
    /// The last commit before the segment.
    pub(crate) commit: u64,
    /// The segment.
    pub(crate) segment: u64,
    /// The rows, by table.
    pub(crate) tables: Vec<DecodedCarry>,
}

/// What a log holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Logged {
    /// A commit.
    Commit(CommitRecord),
    /// What was carried into a segment.
    Carry(CarryRecord),
}

/// The segment that a log begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct First {
    /// Its number.
    pub(crate) number: u64,
    /// Rows were carried into it, durably, before the segments that held them went. So it is there
    /// and begins with them, or it is damaged.
    pub(crate) carries: bool,
}

/// A segment that was replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentInfo {
    pub(crate) number: u64,
    pub(crate) base_lsn: u64,
    /// The position where its records end.
    pub(crate) end_lsn: u64,
    /// Length of the file, with whatever stands behind its last record.
    pub(crate) file_bytes: u64,
    /// The number of its first commit, or of the one that would have followed.
    pub(crate) first_commit: u64,
    /// How many commits it holds.
    pub(crate) commits: u64,
}

/// What has to be removed from a log whose tail is torn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The segment the tear is in and the file offset to cut it at; `None` if the tear starts
    /// with a segment that goes as a whole.
    pub(crate) truncate: Option<(u64, u64)>,
    /// The segments to remove, in ascending order.
    pub(crate) dropped: Vec<u64>,
    /// What is wrong at the cut, for the log.
    pub(crate) what: String,
}

/// What replay found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReplayOutcome {
    /// The segments that hold the log, in order; empty if there is none.
    pub(crate) segments: Vec<SegmentInfo>,
    /// The number of the last commit replayed; `None` if there was none.
    pub(crate) last_commit: Option<u64>,
    /// The `_time` of that commit.
    pub(crate) last_time: Option<i64>,
    /// Where the log ends, and is to go on: before the record of a clean close, which has said
    /// what it had to say.
    pub(crate) end_lsn: u64,
    /// Up to where the log is vouched for.
    pub(crate) synced_lsn: u64,
    /// The newest segment that is vouched for as a whole; 0: none.
    pub(crate) synced_segment: u64,
    /// The number of the segment to go on in.
    pub(crate) next_segment: u64,
    /// The number of the commit to go on with; `None` if the log holds no segment.
    pub(crate) next_commit: Option<u64>,
    /// Bytes read from the files.
    pub(crate) bytes_read: u64,
    /// Whether the log ends with the record of a clean close; what stands behind it is to be cut.
    pub(crate) clean_close: bool,
    /// What to remove before going on, if anything.
    pub(crate) cut: Option<Cut>,
    /// The last record, that of a clean close left out: its segment and its offset in that.
    last_record: Option<(u64, u64, RecordHeader)>,
}

impl ReplayOutcome {
    /// The segment that the log begins with.
    pub(crate) fn first_segment(&self) -> Option<&SegmentInfo> {
        self.segments.first()
    }

    /// Whether there are segments behind the end.
    pub(crate) fn ends_early(&self) -> bool {
        self.cut.as_ref().is_some_and(|cut| !cut.dropped.is_empty())
    }

    /// How many segments there are, and bytes of the last one up to the end.
    pub(crate) fn figures(&self) -> (u64, u64) {
        let last = self.segments.last();
        let bytes = last.map_or(0, |last| SEGMENT_HEADER + last.end_lsn - last.base_lsn);
        (self.segments.len() as u64, bytes)
    }

    /// Where the writer is to go on, after [`cut`]. `first_commit` counts if the log is empty.
    pub(crate) fn start(&self, first_commit: u64) -> Start {
        let unsettled = self.segments.iter().filter_map(|segment| {
            let settled =
                segment.number <= self.synced_segment && segment.end_lsn <= self.synced_lsn;
            let bytes = SEGMENT_HEADER + segment.end_lsn - segment.base_lsn;
            (!settled).then_some(Unsettled { number: segment.number, bytes })
        });
        Start {
            number: self.next_segment,
            base_lsn: self.end_lsn,
            first_commit: self.next_commit.unwrap_or(first_commit),
            synced_lsn: self.synced_lsn,
            synced_segment: self.synced_segment,
            unsettled: unsettled.collect(),
        }
    }
}

/// The numbers of all segments in a directory, ascending. Other names are left alone.
pub(crate) fn list_segments(vfs: &dyn Vfs, wal_dir: &Path) -> Result<Vec<u64>> {
    let entries = vfs.read_dir(wal_dir).map_err(|e| Error::io("list", wal_dir, e))?;
    let mut numbers: Vec<u64> = entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::File)
        .filter_map(|entry| parse_segment_file_name(entry.name.to_str()?))
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Reads the segments from `first` on and hands everything in them to `handler`, in order.
/// Segments before `first` are not looked at.
///
/// # Errors
/// `Corrupt` for damage to what was synced, with file and offset; `Unsupported` for what a newer
/// version wrote; whatever reading or `handler` gave.
pub(crate) fn replay(
    vfs: &Arc<dyn Vfs>,
    wal_dir: &Path,
    database_id: u64,
    first: First,
    handler: &mut dyn FnMut(Logged) -> Result<()>,
) -> Result<ReplayOutcome> {
    let mut readers = Vec::new();
    for number in list_segments(&**vfs, wal_dir)? {
        if number >= first.number {
            let path = wal_dir.join(segment_file_name(number));
            readers.push(SegmentReader::open(&**vfs, path, number, database_id)?);
        }
    }
    let outcome = ReplayOutcome {
        segments: Vec::new(),
        last_commit: None,
        last_time: None,
        end_lsn: 0,
        synced_lsn: 0,
        synced_segment: 0,
        next_segment: first.number,
        next_commit: None,
        bytes_read: 0,
        clean_close: false,
        cut: None,
        last_record: None,
    };
    let head_due = first.carries && !mutant::on("carry-unvouched");
    let mut replay = Replay { wal_dir, readers, outcome, head_due, handler };
    replay.run(0)?;
    Ok(replay.finish())
}

/// The files in `wal_dir` that no log starting with segment `first_number` needs: earlier
/// segments, and what a crash left of copies. For recovery to remove.
pub(crate) fn obsolete_files(
    vfs: &dyn Vfs,
    wal_dir: &Path,
    first_number: u64,
) -> Result<Vec<PathBuf>> {
    let entries = vfs.read_dir(wal_dir).map_err(|e| Error::io("list", wal_dir, e))?;
    let is_obsolete = |name: &str| match name.strip_suffix(COPY_SUFFIX) {
        Some(original) => parse_segment_file_name(original).is_some(),
        None => parse_segment_file_name(name).is_some_and(|number| number < first_number),
    };
    Ok(entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::File)
        .filter(|entry| entry.name.to_str().is_some_and(is_obsolete))
        .map(|entry| wal_dir.join(&entry.name))
        .collect())
}

/// Removes the torn tail that [`replay`] found. Durable on return.
///
/// # Errors
/// Whatever the file system gave; replay and cut again then.
pub(crate) fn cut(vfs: &Arc<dyn Vfs>, wal_dir: &Path, cut: &Cut) -> Result<()> {
    for number in cut.dropped.iter().rev().filter(|_| !mutant::on("segments-behind-the-tail")) {
        let path = wal_dir.join(segment_file_name(*number));
        vfs.remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
    }
    if !cut.dropped.is_empty() {
        vfs.sync_dir(wal_dir).map_err(|e| Error::io("sync", wal_dir, e))?;
    }
    if let Some((number, offset)) = cut.truncate {
        let path = wal_dir.join(segment_file_name(number));
        let file = vfs.open(&path, Access::ReadWrite).map_err(|e| Error::io("open", &path, e))?;
        let offset = if mutant::on("tail-skips-segment") { SEGMENT_HEADER } else { offset };
        file.set_len(offset).map_err(|e| Error::io("cut", &path, e))?;
        file.sync_data().map_err(|e| Error::io("sync", &path, e))?;
    }
    Ok(())
}

/// Why reading went no further.
struct Stop {
    /// The segment being read, by its place in `readers`, and the offset reached in it; `None`
    /// if not even the first one could be read.
    reached: Option<(usize, u64)>,
    /// Whether nothing but zeros follows in that segment.
    quiet: bool,
    /// What to blame if it turns out that this was synced.
    path: PathBuf,
    offset: u64,
    what: String,
}

struct Replay<'a> {
    wal_dir: &'a Path,
    readers: Vec<SegmentReader>,
    outcome: ReplayOutcome,
    /// The log has to begin with what was carried, and that was not read yet.
    head_due: bool,
    handler: &'a mut dyn FnMut(Logged) -> Result<()>,
}

impl Replay<'_> {
    /// What was found, once all is read.
    fn finish(self) -> ReplayOutcome {
        let mut outcome = self.outcome;
        outcome.bytes_read = self.readers.iter().map(|reader| reader.bytes_read).sum();
        if outcome.clean_close
            && let Some(last) = outcome.segments.last_mut()
        {
            // The next segment begins where the close stands and so takes its place: like this
            // nothing is left behind that is not vouched for.
            last.end_lsn = outcome.synced_lsn;
            outcome.end_lsn = outcome.synced_lsn;
        }
        outcome
    }

    /// Reads the segments; of the first one, from offset `resumed` on, if it is not 0.
    fn run(&mut self, resumed: u64) -> Result<()> {
        if self.head_due && self.readers.is_empty() {
            let path = self.wal_dir.join(segment_file_name(self.outcome.next_segment));
            return Err(Error::corrupt(
                &path,
                0,
                "the file is missing, with the rows carried in it",
            ));
        }
        let mut reached = None;
        for index in 0..self.readers.len() {
            let header = match self.enter(index) {
                Ok(header) => header,
                Err((path, what)) => {
                    return self.end(Stop { reached, quiet: true, path, offset: 0, what });
                }
            };
            let from = match resumed {
                at if index == 0 && at > 0 => {
                    self.outcome.next_segment = header.number + 1;
                    at
                }
                _ => {
                    self.accept_header(index, &header)?;
                    SEGMENT_HEADER
                }
            };
            let (offset, end) = self.read_segment(index, &header, from)?;
            reached = Some((index, offset));
            if let Some((quiet, what)) = end {
                return self.end(self.blame(index, offset, quiet, what));
            }
        }
        Ok(())
    }

    /// The header of the next segment, or which file is missing or damaged in its place.
    fn enter(&self, index: usize) -> Result<SegmentHeader, (PathBuf, String)> {
        let reader = &self.readers[index];
        let expected = self.outcome.next_segment;
        if reader.number != expected {
            let path = self.wal_dir.join(segment_file_name(expected));
            return Err((path, format!("the file is missing, but {} is there", reader.number)));
        }
        reader.header.clone().map_err(|what| (reader.path.clone(), what))
    }

    /// Takes in a segment that follows on what was read so far.
    fn accept_header(&mut self, index: usize, header: &SegmentHeader) -> Result<()> {
        let reader = &self.readers[index];
        let outcome = &mut self.outcome;
        let follows = outcome.next_commit.is_none_or(|next| next == header.first_commit)
            && (outcome.segments.is_empty() || outcome.end_lsn == header.base_lsn);
        if !follows {
            let what = format!(
                "the segment starts with commit {} at {}, the one before ends before commit {} at {}",
                header.first_commit,
                header.base_lsn,
                outcome.next_commit.unwrap_or(0),
                outcome.end_lsn
            );
            return Err(Error::corrupt(&reader.path, 0, what));
        }
        outcome.end_lsn = header.base_lsn;
        outcome.next_commit = Some(header.first_commit);
        outcome.next_segment = header.number + 1;
        outcome.clean_close = false;
        outcome.synced_lsn = outcome.synced_lsn.max(header.synced_lsn);
        outcome.synced_segment = outcome.synced_segment.max(header.synced_segment);
        outcome.segments.push(SegmentInfo {
            number: header.number,
            base_lsn: header.base_lsn,
            end_lsn: header.base_lsn,
            file_bytes: reader.file_bytes,
            first_commit: header.first_commit,
            commits: 0,
        });
        Ok(())
    }

    /// Reads the records of a segment from an offset up to where the next one begins. Returns the
    /// offset after the last one and, unless that is where the next segment begins, what stands
    /// there: whether it is nothing, and its name.
    fn read_segment(
        &mut self,
        index: usize,
        header: &SegmentHeader,
        from: u64,
    ) -> Result<(u64, Option<(bool, &'static str)>)> {
        let limit = self.readers.get(index + 1).and_then(|next| {
            let next = next.header.as_ref().ok()?;
            (next.number == header.number + 1).then_some(next.base_lsn)
        });
        let reader = &mut self.readers[index];
        let path = reader.path.clone();
        let mut offset = from;
        loop {
            if limit == Some(lsn_at(header, offset)) && !self.head_due {
                return Ok((offset, None));
            }
            let (record, payload) = match reader.record_at(offset)? {
                Found::Record { header, payload } => (header, payload),
                Found::Nothing => return Ok((offset, Some((true, "the log ends here")))),
                Found::Damage(what) => return Ok((offset, Some((false, what)))),
            };
            let next = offset + record.record_bytes();
            if limit.is_some_and(|limit| lsn_at(header, next) > limit) {
                return Ok((offset, Some((false, "a record reaches into the next segment"))));
            }
            let is_carry = record.kind == RecordKind::Carry as u8;
            if is_carry != (offset == SEGMENT_HEADER) && (is_carry || self.head_due) {
                let what = match is_carry {
                    true => "rows are carried into the middle of a segment",
                    false => "the log does not begin with what was carried into it",
                };
                return Err(Error::corrupt(&path, offset, what));
            }
            let outcome = &mut self.outcome;
            if let Some(logged) = accept_record(outcome, header, &record, payload, &path, offset)? {
                (self.handler)(logged)?;
            }
            self.head_due = false;
            offset = next;
        }
    }

    /// Which file is at fault if the log, though synced further, ends at `offset` of `index`: this
    /// one, or the next one if this one ends properly and the next cannot be read.
    fn blame(&self, index: usize, offset: u64, quiet: bool, what: &'static str) -> Stop {
        let reached = Some((index, offset));
        if quiet
            && index + 1 < self.readers.len()
            && let Err((path, what)) = self.enter(index + 1)
        {
            return Stop { reached, quiet, path, offset: 0, what };
        }
        let path = self.readers[index].path.clone();
        Stop { reached, quiet, path, offset, what: what.to_owned() }
    }

    /// The log ends: corrupt, if something vouches for what is missing; else torn.
    fn end(&mut self, stop: Stop) -> Result<()> {
        // What was carried was synced before the MANIFEST said so.
        let is_vouched = self.head_due || self.is_vouched(&stop)?;
        if is_vouched && !mutant::on("cut-at-first-bad") {
            let what = format!("{}, although the log was synced beyond", stop.what);
            return Err(Error::corrupt(&stop.path, stop.offset, what));
        }
        let first_dropped = stop.reached.map_or(0, |(index, _)| index + 1);
        let dropped: Vec<u64> = self.readers[first_dropped..].iter().map(|r| r.number).collect();
        let truncate = stop
            .reached
            .filter(|_| !stop.quiet)
            .map(|(index, offset)| (self.readers[index].number, offset));
        if truncate.is_some() || !dropped.is_empty() {
            // A log that was closed stays closed: what is cut behind the close was no part of it.
            self.outcome.cut = Some(Cut { truncate, dropped, what: stop.what });
        }
        Ok(())
    }

    /// Whether anything behind the stop says that the log was synced beyond it.
    fn is_vouched(&mut self, stop: &Stop) -> Result<bool> {
        let end_lsn = self.outcome.end_lsn;
        let Some((index, offset)) = stop.reached else {
            return self.is_first_vouched();
        };
        if !stop.quiet && self.readers[index].marks_from(offset)?.synced_lsn > end_lsn {
            return Ok(true);
        }
        for reader in &mut self.readers[index + 1..] {
            let in_header = reader.header.as_ref().map_or(0, |header| header.synced_lsn);
            if in_header > end_lsn || reader.marks_from(0)?.synced_lsn > end_lsn {
                return Ok(true);
            }
        }
        Ok(!stop.quiet && mutant::on("tail-refused"))
    }

    /// Whether the first segment, of which nothing can be read in order, was ever synced.
    fn is_first_vouched(&mut self) -> Result<bool> {
        let first = self.outcome.next_segment;
        for reader in &mut self.readers {
            let marks = reader.marks_from(0)?;
            // A record that knows of a sync its segment's header does not know of, or that went
            // beyond the segment's start: so this segment was synced, and all before it.
            let in_records = match &reader.header {
                Ok(header) => marks.synced_lsn > header.synced_lsn,
                Err(_) => marks.base_lsn.is_some_and(|base| marks.synced_lsn > base),
            };
            let in_header = reader.header.as_ref().map_or(0, |header| header.synced_segment);
            if in_records || in_header >= first {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Takes in a record whose checksums hold; returns what is in it.
fn accept_record(
    outcome: &mut ReplayOutcome,
    segment: &SegmentHeader,
    record: &RecordHeader,
    payload: &[u8],
    path: &Path,
    offset: u64,
) -> Result<Option<Logged>> {
    let next_commit = outcome.next_commit.unwrap_or(segment.first_commit);
    let is = |kind: RecordKind| record.kind == kind as u8;
    let (is_commit, is_close) = (is(RecordKind::Commit), is(RecordKind::Close));
    if !is_commit && !is_close && !is(RecordKind::Carry) {
        let what = format!("a WAL record of kind {}", record.kind);
        return Err(Error::Unsupported { path: path.to_owned(), what });
    }
    let expected = if is_commit { next_commit } else { next_commit - 1 };
    if record.commit != expected || is_close && !payload.is_empty() {
        let what = format!("commit {} where {expected} is due", record.commit);
        return Err(Error::corrupt(path, offset, what));
    }
    let in_payload = |damage: Damage| damage.in_file(path, offset + RECORD_HEADER_BYTES as u64);
    let (commit, time, number) = (record.commit, record.time, segment.number);
    let logged = if is_close {
        None
    } else if is_commit {
        let tables = payload::decode(payload).map_err(in_payload)?;
        Some(Logged::Commit(CommitRecord { commit, time, segment: number, tables }))
    } else {
        let tables = carry::decode(payload).map_err(in_payload)?;
        Some(Logged::Carry(CarryRecord { commit, segment: number, tables }))
    };
    outcome.end_lsn = lsn_at(segment, offset + record.record_bytes());
    outcome.clean_close = is_close;
    if !is_close {
        outcome.last_record = Some((number, offset, *record));
    }
    if record.synced_lsn > segment.synced_lsn {
        outcome.synced_segment = outcome.synced_segment.max(segment.number);
    }
    outcome.synced_lsn = outcome.synced_lsn.max(record.synced_lsn);
    if let Some(info) = outcome.segments.last_mut() {
        info.end_lsn = outcome.end_lsn;
        info.commits += u64::from(is_commit);
    }
    if is_commit {
        outcome.next_commit = Some(record.commit + 1);
        outcome.last_commit = Some(record.commit);
        outcome.last_time = Some(record.time);
    }
    Ok(logged)
}
