//! The WAL, read to its end: which commits it holds, what was carried into it, and whether it ends
//! where it may.
//!
//! ```text
//!   segment 4                    segment 5
//!   ├ header ┼ commit ┼ commit ──┼ header ┼ commit ┼ X ▒▒▒▒▒▒▒▒▒▒▒▒▒▒
//!                                └ base lsn        └ no record that is due: the log ends.
//!                                                    A torn tail, unless something behind it
//!                                                    says that the log was synced beyond X
//! ```
//!
//! Invariants:
//! 1. Commits are consecutive, by number, by log position, and their times do not go back.
//! 2. A log that is cut loses nothing that anything still readable says was synced.
//! 3. A carry stands at the head of a segment and nowhere else; where the version says that the
//!    first segment has one, it is there.

use super::bytes::{Damage, Result, damaged, ensure};
use super::commit::{self, Part};
use super::segment::{CARRY, CLOSE, COMMIT, HEADER_BYTES, RECORD_BYTES, RecordHeader, Segment};

/// A commit.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Its number.
    pub number: u64,
    /// `_time` of its rows.
    pub time: i64,
    /// Its rows, by table.
    pub parts: Vec<Part>,
}

/// Rows of segments before, which were logged once more at the head of a segment.
#[derive(Debug, Clone)]
pub struct Carry {
    /// The segment.
    pub segment: u64,
    /// How many of the log's commits come before it.
    pub after: usize,
    /// The rows by table, and the `_time` of each.
    pub parts: Vec<(Part, Vec<i64>)>,
}

/// What the WAL holds.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// The commits, in order.
    pub commits: Vec<Commit>,
    /// What was carried, in order.
    pub carries: Vec<Carry>,
    /// Log position of the end.
    pub end_lsn: u64,
    /// The segments that were read.
    pub segments: Vec<u64>,
    /// The log ends with a close.
    pub closed: bool,
    /// Bytes that stand behind the end and are to be cut, zeros not counted as such.
    pub has_tail: bool,
}

/// Where a log begins, by the version.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// The first segment that counts.
    pub segment: u64,
    /// The last commit before.
    pub last_commit: u64,
    /// Its time.
    pub last_time: i64,
    /// Whether that segment begins with a carry.
    pub carries: bool,
}

/// Reads the log; `segments` are those from the first that counts on, by number.
///
/// # Errors
/// If it is damaged.
pub fn read(segments: &[Segment<'_>], start: Start) -> Result<Log> {
    let mut log = Log::default();
    let Some(first) = segments.first() else {
        return match start.carries {
            true => damaged(format!("segment {} is missing, with its carry", start.segment)),
            false => Ok(log),
        };
    };
    let header = first.header.filter(|_| first.number == start.segment);
    let Some(header) = header else {
        ensure(!start.carries, || format!("segment {}, with its carry, is damaged", first.number))?;
        check_head_was_not_synced(segments, start.segment)?;
        log.has_tail = true;
        return Ok(log);
    };
    let mut reading = Reading {
        log: &mut log,
        last_commit: start.last_commit,
        last_time: start.last_time,
        lsn: header.base_lsn,
    };
    let (mut at, mut offset) = (0, HEADER_BYTES);
    reading.enter(first)?;
    if start.carries {
        let is_carry = |header: &RecordHeader| header.kind == CARRY && header.lsn == reading.lsn;
        let head = first.record_header(offset).filter(is_carry);
        let is_whole = head.is_some_and(|header| first.payload(offset, &header).is_some());
        ensure(is_whole, || format!("segment {} has lost its carry", first.number))?;
    }
    loop {
        if let Some(next) = segments.get(at + 1).filter(|next| reading.is_next(&segments[at], next))
        {
            reading.enter(next)?;
            (at, offset) = (at + 1, HEADER_BYTES);
            continue;
        }
        let here = |d: Damage| d.within(format!("segment {}, {offset}", segments[at].number));
        match reading.record(&segments[at], offset).map_err(here)? {
            Some(bytes) => offset += bytes,
            None => break,
        }
    }
    reading.check_end(segments, at, offset)?;
    Ok(log)
}

struct Reading<'a> {
    log: &'a mut Log,
    last_commit: u64,
    last_time: i64,
    /// Where the next record is due.
    lsn: u64,
}

impl Reading<'_> {
    /// Whether a segment begins where reading stands.
    fn is_next(&self, here: &Segment<'_>, next: &Segment<'_>) -> bool {
        next.number == here.number + 1 && next.header.is_some_and(|h| h.base_lsn == self.lsn)
    }

    fn enter(&mut self, segment: &Segment<'_>) -> Result<()> {
        let first = segment.header.map_or(0, |h| h.first_commit);
        ensure(first.checked_sub(1) == Some(self.last_commit), || {
            format!(
                "segment {} begins with commit {first}, after commit {}",
                segment.number, self.last_commit
            )
        })?;
        self.log.segments.push(segment.number);
        Ok(())
    }

    /// Reads the record at an offset and gives its bytes; none if the one that is due is not there,
    /// or is the last.
    fn record(&mut self, segment: &Segment<'_>, offset: usize) -> Result<Option<usize>> {
        let Some(header) = segment.record_header(offset) else { return Ok(None) };
        let Some(payload) = segment.payload(offset, &header) else { return Ok(None) };
        let due = match header.kind {
            CLOSE | CARRY => self.last_commit,
            _ => self.last_commit.saturating_add(1),
        };
        if header.lsn != self.lsn {
            return Ok(None);
        }
        ensure(header.commit == due, || format!("commit {} where {due} is due", header.commit))?;
        ensure(header.is_known && header.synced_lsn <= header.lsn, || {
            "a record says what can't be".to_owned()
        })?;
        match header.kind {
            COMMIT => self.commit(&header, payload)?,
            CARRY => {
                ensure(offset == HEADER_BYTES && header.time == 0, || {
                    "a carry is not at the head of its segment".to_owned()
                })?;
                let (segment, after) = (segment.number, self.log.commits.len());
                let parts = commit::decode_carry(payload).map_err(|d| d.within("a carry"))?;
                self.log.carries.push(Carry { segment, after, parts });
            }
            CLOSE => {
                let right = payload.is_empty() && header.time == 0;
                ensure(right && header.synced_lsn == header.lsn, || {
                    "a close says what can't be".to_owned()
                })?;
                self.log.closed = true;
                return Ok(None);
            }
            kind => return damaged(format!("a record of kind {kind}")),
        }
        let bytes = RECORD_BYTES + payload.len();
        self.lsn += bytes as u64;
        Ok(Some(bytes))
    }

    fn commit(&mut self, header: &RecordHeader, payload: &[u8]) -> Result<()> {
        let here = |d: Damage| d.within(format!("commit {}", header.commit));
        ensure(header.time >= self.last_time, || {
            format!("commit {} is of {} and {}", header.commit, header.time, self.last_time)
        })?;
        let parts = commit::decode(payload).map_err(here)?;
        self.last_commit = header.commit;
        self.last_time = header.time;
        self.log.commits.push(Commit { number: header.commit, time: header.time, parts });
        Ok(())
    }

    /// Nothing behind the end may say that the log was synced beyond it.
    fn check_end(&mut self, segments: &[Segment<'_>], at: usize, offset: usize) -> Result<()> {
        let lsn = self.lsn;
        let here = &segments[at];
        let wrong = |by: String| {
            damaged(format!("the log ends at {offset} of segment {}, and {by}", here.number))
        };
        if let Some((behind, _)) = here.vouchers(offset, lsn).next() {
            return wrong(format!("the record at {behind} says that it was synced beyond"));
        }
        for later in &segments[at + 1..] {
            if later.header.is_some_and(|h| h.synced_lsn > lsn)
                || later.vouchers(HEADER_BYTES, lsn).next().is_some()
            {
                return wrong(format!("segment {} says it was synced beyond", later.number));
            }
        }
        self.log.end_lsn = lsn;
        let close = if self.log.closed { RECORD_BYTES } else { 0 };
        self.log.has_tail = at + 1 < segments.len() || !here.is_zero_from(offset + close);
        Ok(())
    }
}

/// Where the log begins can't be read. That is a crash's doing only if nothing shows that it was
/// synced once.
fn check_head_was_not_synced(segments: &[Segment<'_>], first: u64) -> Result<()> {
    let wrong =
        |by: String| damaged(format!("segment {first}, the first, can't be read, and {by}"));
    for segment in segments {
        let header = segment.header.filter(|_| segment.number > first);
        if header.is_some_and(|header| header.synced_segment >= first) {
            return wrong(format!("segment {} says it was synced", segment.number));
        }
        let vouches = |(at, record): &(usize, RecordHeader)| {
            let offset = (at - HEADER_BYTES) as u64;
            let base = record.lsn.saturating_sub(offset);
            record.synced_lsn > segment.header.map_or(base, |header| header.synced_lsn)
        };
        if let Some((at, _)) = segment.vouchers(HEADER_BYTES, 0).find(vouches) {
            return wrong(format!("a record at {at} of {} vouches for it", segment.number));
        }
    }
    Ok(())
}
