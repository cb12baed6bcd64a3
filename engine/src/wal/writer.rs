//! The writing end of the log: one open segment, and what came before it that is not synced yet.
//!
//! ```text
//!            written_lsn          end_lsn
//!  file ─────────┤ zeros, maybe      │
//!  buffer        ├───────────────────┤   append puts records here, write moves them to the file
//!       ┤ synced_lsn: what is before it survives power loss
//! ```
//!
//! Invariants
//! 1. `synced_lsn <= written_lsn <= end_lsn`. Each record carries the `synced_lsn` of the moment
//!    it was made, which is at most its own position.
//! 2. The file is written in one piece from its start: a write that failed is written again at
//!    the same place, so there is never a hole, and nothing of it counts as written.
//! 3. `synced_lsn` goes up only after every earlier segment that was not synced, this segment and
//!    its name in the directory have all been synced; so what survives is always a prefix.
//! 4. After a failed sync, or a failed write whose bytes could not be taken back, the writer is
//!    poisoned: every later write and sync fails with [`Error::Poisoned`].
//!
//! **Settling.** What recovery has read and no sync vouches for is copied first: see `settle.rs`.
//!
//! **Zero-ahead.** A sync that need not record a new length is faster, so small synced groups find
//! the file extended with zeros ahead of them. Zeros are no record; rotation and close cut them.
//!
//! Nothing here knows of rows or locks; the leader of the group commit owns the writer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{File, Vfs};

use super::carry::{self, CarriedRows};
use super::payload::{self, TableRows};
use super::settle::{Unsettled, settle};
use crate::error::{Error, Result};
use crate::format::wal::{
    RECORD_ALIGN, RECORD_HEADER_BYTES, RecordHeader, RecordKind, SEGMENT_HEADER_BYTES,
    SegmentHeader, payload_crc, segment_file_name, segment_seed,
};
use crate::mutant;

const SEGMENT_HEADER: u64 = SEGMENT_HEADER_BYTES as u64;

/// The default of `zero_ahead`, in bytes.
pub(crate) const ZERO_AHEAD_DEFAULT: u64 = 256 << 10;

/// A group larger than `zero_ahead` divided by this gains nothing from zeros ahead of it.
const ZERO_AHEAD_GROUPS: u64 = 8;

/// A buffer that grew beyond this for one large commit is given back after it was written.
const BUFFER_KEPT_BYTES: usize = 8 << 20;

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Where a new segment starts, and what is known of the log before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    /// The number of the segment to create.
    pub(crate) number: u64,
    /// The position of its first record: where the log before it ends.
    pub(crate) base_lsn: u64,
    /// The number of its first commit.
    pub(crate) first_commit: u64,
    /// Up to where the log before it is known to be synced.
    pub(crate) synced_lsn: u64,
    /// The newest segment whose name and header are known to be durable; 0: none.
    pub(crate) synced_segment: u64,
    /// The earlier segments that are not known to be synced to their end, oldest first.
    pub(crate) unsettled: Vec<Unsettled>,
}

impl Start {
    /// The start of a log that holds nothing: of a new database, or after everything was flushed.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn empty(number: u64, first_commit: u64) -> Start {
        let (base_lsn, synced_lsn, synced_segment) = (0, 0, 0);
        Start { number, base_lsn, first_commit, synced_lsn, synced_segment, unsettled: Vec::new() }
    }
}

/// What the next sync has to make durable before this segment.
#[derive(Debug)]
enum Before {
    /// Written by this process, whose syncs of it never failed: a sync is enough.
    Written { number: u64, file: Arc<dyn File>, path: PathBuf },
    /// Found at recovery.
    Found(Unsettled),
    /// The same, and replaced by a synced copy whose name is still to be synced.
    Copied { number: u64 },
}

/// A place in the buffer to go back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    number: u64,
    end_lsn: u64,
    next_commit: u64,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct LogWriter {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    database_id: u64,
    zero_ahead: u64,

    number: u64,
    base_lsn: u64,
    seed: u32,
    file: Arc<dyn File>,
    path: PathBuf,
    /// Where the records in the file end, as an offset in it.
    written: u64,
    /// The file's length; zeros from `written` on.
    file_bytes: u64,
    /// Whole records, to be put at `written`.
    buffer: Vec<u8>,
    next_commit: u64,

    synced_lsn: u64,
    synced_segment: u64,
    before: Vec<Before>,
    poisoned: Option<String>,
}

impl LogWriter {
    /// Creates a segment, with what is `carried` into it at its head. Nothing of it is durable
    /// before the first [`LogWriter::sync`].
    ///
    /// # Errors
    /// Whatever creating or writing gave; then no file is left, as far as that can be done.
    pub(crate) fn create(
        vfs: &Arc<dyn Vfs>,
        wal_dir: &Path,
        database_id: u64,
        start: Start,
        zero_ahead: u64,
        carried: &[CarriedRows<'_>],
    ) -> Result<LogWriter> {
        let header = SegmentHeader {
            number: start.number,
            database_id,
            base_lsn: start.base_lsn,
            first_commit: start.first_commit,
            synced_lsn: start.synced_lsn,
            synced_segment: start.synced_segment,
        };
        let Created { file, path, bytes } = create_segment(&**vfs, wal_dir, &header, carried)?;
        Ok(LogWriter {
            vfs: vfs.clone(),
            dir: wal_dir.to_owned(),
            database_id,
            zero_ahead,
            number: start.number,
            base_lsn: start.base_lsn,
            seed: segment_seed(database_id, start.number),
            file,
            path,
            written: bytes,
            file_bytes: bytes,
            buffer: Vec::new(),
            next_commit: start.first_commit,
            synced_lsn: start.synced_lsn,
            synced_segment: start.synced_segment,
            before: start.unsettled.into_iter().map(Before::Found).collect(),
            poisoned: None,
        })
    }

    /// The number of the open segment.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The position after the last record, written or not.
    pub(crate) fn end_lsn(&self) -> u64 {
        self.written_lsn() + self.buffer.len() as u64
    }

    /// The position up to which the log is in the file: survives the process.
    pub(crate) fn written_lsn(&self) -> u64 {
        self.base_lsn + self.written - SEGMENT_HEADER
    }

    /// The position up to which the log survives power loss.
    pub(crate) fn synced_lsn(&self) -> u64 {
        self.synced_lsn
    }

    /// Bytes of the open segment, header and buffered records included.
    pub(crate) fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Bytes not written yet.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// The number the next commit must have.
    #[cfg(test)]
    pub(crate) fn next_commit(&self) -> u64 {
        self.next_commit
    }

    /// Why no more may be written, if so. To be asked after every error.
    pub(crate) fn poisoned(&self) -> Option<&str> {
        self.poisoned.as_deref()
    }

    /// Appends a commit to the buffer.
    ///
    /// # Panics
    /// If `commit` is not [`LogWriter::next_commit`], or the rows exceed the limits.
    pub(crate) fn append(&mut self, commit: u64, time: i64, tables: &[TableRows<'_>]) {
        assert_eq!(commit, self.next_commit, "commits are numbered without gaps");
        self.append_record(RecordKind::Commit, commit, time, |out| payload::encode(out, tables));
        self.next_commit += 1;
    }

    fn append_record(
        &mut self,
        kind: RecordKind,
        commit: u64,
        time: i64,
        put_payload: impl FnOnce(&mut Vec<u8>),
    ) {
        let (lsn, offset, seed) = (self.end_lsn(), self.bytes(), self.seed);
        let synced_lsn = if mutant::on("vouches-too-early") { lsn } else { self.synced_lsn };
        let (payload_crc, payload_bytes, kind) = (0, 0, kind as u8);
        let header =
            RecordHeader { payload_crc, payload_bytes, kind, lsn, commit, synced_lsn, time };
        put_record(&mut self.buffer, seed, offset, header, put_payload);
    }

    /// The end of the buffer, to be able to go back to.
    pub(crate) fn mark(&self) -> Mark {
        Mark { number: self.number, end_lsn: self.end_lsn(), next_commit: self.next_commit }
    }

    /// Drops the records appended since the mark, none of which may have been written.
    pub(crate) fn rollback(&mut self, mark: Mark) {
        assert!(
            mark.number == self.number
                && (self.written_lsn()..=self.end_lsn()).contains(&mark.end_lsn),
            "going back to {mark:?} from {} in segment {}, written to {}",
            self.end_lsn(),
            self.number,
            self.written_lsn()
        );
        self.buffer.truncate((mark.end_lsn - self.written_lsn()) as usize);
        self.next_commit = mark.next_commit;
    }

    /// Puts the buffer into the file, in one write.
    ///
    /// # Errors
    /// The buffer is kept, nothing of it counts as written and nothing of it is in the file. If
    /// that could not be brought about, the writer is poisoned.
    pub(crate) fn write(&mut self) -> Result<()> {
        self.check_poison()?;
        if self.buffer.is_empty() {
            return Ok(());
        }
        if let Err(e) = self.file.write_all_at(&self.buffer, self.written) {
            let error = Error::io("write", &self.path, e);
            self.take_back(&error);
            return Err(error);
        }
        self.written += self.buffer.len() as u64;
        self.file_bytes = self.file_bytes.max(self.written);
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_KEPT_BYTES);
        Ok(())
    }

    /// Takes back what a failed write may have left, durably: the commits in it are about to be
    /// reported as failed and must not come back, be it after power loss.
    fn take_back(&mut self, error: &Error) {
        let cut = self.file.set_len(self.written).and_then(|()| self.file.sync_data());
        match cut {
            Ok(()) => self.file_bytes = self.written,
            Err(e) => self.poison(format!("{error}, and could not be taken back: {e}")),
        }
    }

    /// Makes everything appended durable: writes the buffer, then syncs what came before this
    /// segment, the segment, and its name.
    ///
    /// # Errors
    /// From copying what recovery found, and from the write: as [`LogWriter::write`]. From a sync:
    /// the writer is poisoned, because nobody knows what is on disk and a sync that is tried again
    /// proves nothing.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.check_poison()?;
        let group_bytes = self.buffer.len() as u64;
        if self.synced_lsn != self.end_lsn() {
            self.settle_found()?;
        }
        self.write()?;
        if self.synced_lsn == self.end_lsn() {
            return Ok(());
        }
        self.extend_with_zeros(group_bytes);
        self.sync_files().map_err(|(path, e)| {
            let error = Error::io("sync", &path, e);
            self.poison(error.to_string());
            error
        })
    }

    /// Replaces the segments that recovery found by copies. Comes before the write, so that a full
    /// disk leaves no more than a failed write does; the next try makes new copies.
    fn settle_found(&mut self) -> Result<()> {
        for at in 0..self.before.len() {
            let Before::Found(segment) = &self.before[at] else { continue };
            if mutant::on("unsettled") {
                continue;
            }
            let path = self.dir.join(segment_file_name(segment.number));
            if let Err(e) = settle(&*self.vfs, &path, self.database_id, segment) {
                if e.kind() != io::ErrorKind::InvalidData {
                    return Err(Error::io("copy", &path, e));
                }
                // What was read into memory is not in the log any more.
                let error = Error::corrupt(&path, 0, e.to_string());
                self.poison(error.to_string());
                return Err(error);
            }
            self.before[at] = Before::Copied { number: segment.number };
        }
        Ok(())
    }

    fn sync_files(&mut self) -> Result<(), (PathBuf, io::Error)> {
        for before in &self.before {
            match before {
                Before::Written { file, path, .. } => {
                    file.sync_data().map_err(|e| (path.clone(), e))?;
                }
                // Copied, or there would be no sync.
                Before::Found(_) | Before::Copied { .. } => {}
            }
        }
        self.file.sync_data().map_err(|e| (self.path.clone(), e))?;
        let renamed = self.before.iter().any(|before| matches!(before, Before::Copied { .. }));
        if renamed || self.synced_segment < self.number {
            self.vfs.sync_dir(&self.dir).map_err(|e| (self.dir.clone(), e))?;
        }
        self.before.clear();
        self.synced_segment = self.number;
        self.synced_lsn = self.end_lsn();
        Ok(())
    }

    /// Extends the file with zeros if the next group like this one would make it longer. Failing
    /// to is no harm: the zeros only save time, and whatever part of them is there stays zeros.
    fn extend_with_zeros(&mut self, group_bytes: u64) {
        let due = self.written + group_bytes > self.file_bytes;
        if !due || group_bytes > self.zero_ahead / ZERO_AHEAD_GROUPS {
            return;
        }
        let to = self.written + self.zero_ahead;
        while self.file_bytes < to {
            let bytes = (to - self.file_bytes).min(ZEROS.len() as u64);
            let wrote = self.file.write_all_at(&ZEROS[..bytes as usize], self.file_bytes);
            // Also if it failed: a part may be there, for `cut_zeros` to remove.
            self.file_bytes += bytes;
            if wrote.is_err() {
                self.zero_ahead = 0;
                return;
            }
        }
    }

    /// Ends this segment and goes on in the next one, with what is `carried` into it at its head.
    /// Returns the number of the one that ended.
    ///
    /// The buffer is written; nothing is synced, which the next [`LogWriter::sync`] makes up for.
    ///
    /// # Errors
    /// From writing the buffer or creating the next segment: this one stays open and whole.
    pub(crate) fn rotate(&mut self, carried: &[CarriedRows<'_>]) -> Result<u64> {
        self.write()?;
        let header = SegmentHeader {
            number: self.number + 1,
            database_id: self.database_id,
            base_lsn: self.end_lsn(),
            first_commit: self.next_commit,
            synced_lsn: self.synced_lsn,
            synced_segment: self.synced_segment,
        };
        let created = create_segment(&*self.vfs, &self.dir, &header, carried);
        let Created { file, path, bytes } = match created {
            Ok(created) => created,
            Err(error) => {
                self.take_back_segment(header.number, &error);
                return Err(error);
            }
        };
        self.cut_zeros();
        let ended = self.number;
        let before_file = std::mem::replace(&mut self.file, file);
        let before_path = std::mem::replace(&mut self.path, path);
        // Also an empty segment, if its name and header are not durable: it is a link of the chain.
        if self.synced_lsn < header.base_lsn || self.synced_segment < ended {
            let (file, path) = (before_file, before_path);
            self.before.push(Before::Written { number: ended, file, path });
        }
        self.number = header.number;
        self.base_lsn = header.base_lsn;
        self.seed = segment_seed(self.database_id, header.number);
        self.written = bytes;
        self.file_bytes = bytes;
        Ok(ended)
    }

    /// Takes back what a failed creation may have left, durably: the log goes on in this segment,
    /// and a segment that came back after power loss would say that this one ends before that.
    fn take_back_segment(&mut self, number: u64, error: &Error) {
        let path = self.dir.join(segment_file_name(number));
        let removed = match self.vfs.remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => self.vfs.sync_dir(&self.dir),
        };
        if let Err(e) = removed {
            self.poison(format!("{error}, and could not be taken back: {e}"));
        }
    }

    /// Forgets what is not synced in segments before `number`: their rows are durable in SSTs and
    /// the files are about to be removed.
    pub(crate) fn forget_before(&mut self, number: u64) {
        self.before.retain(|before| match before {
            Before::Written { number: n, .. } | Before::Copied { number: n } => {
                *n >= number && !mutant::on("newer-segments-forgotten")
            }
            Before::Found(segment) => segment.number >= number,
        });
    }

    /// Syncs everything and ends the log with a record that vouches for all of it.
    ///
    /// # Errors
    /// As [`LogWriter::sync`].
    pub(crate) fn close(&mut self) -> Result<()> {
        self.sync()?;
        self.append_record(RecordKind::Close, self.next_commit - 1, 0, |_| {});
        self.write()?;
        self.cut_zeros();
        self.zero_ahead = 0;
        self.sync()
    }

    /// Cuts the zeros ahead. Only for tidiness: no reader takes zeros for records.
    fn cut_zeros(&mut self) {
        if self.file_bytes > self.written && self.file.set_len(self.written).is_ok() {
            self.file_bytes = self.written;
        }
    }

    fn check_poison(&self) -> Result<()> {
        match &self.poisoned {
            Some(cause) => Err(Error::Poisoned { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    fn poison(&mut self, cause: String) {
        self.poisoned.get_or_insert(cause);
    }
}

/// Appends a record that is to stand at `offset`: its header, with the checksum and the length of
/// the payload filled in, and the payload.
fn put_record(
    out: &mut Vec<u8>,
    seed: u32,
    offset: u64,
    header: RecordHeader,
    put_payload: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0; RECORD_HEADER_BYTES]);
    put_payload(out);
    out.resize(out.len().next_multiple_of(RECORD_ALIGN), 0);
    let (header_place, payload) = out[start..].split_at_mut(RECORD_HEADER_BYTES);
    let Ok(payload_bytes) = u32::try_from(payload.len()) else {
        panic!("a record of {} bytes passed the limits", payload.len());
    };
    let payload_crc = payload_crc(seed, offset, header.commit, payload);
    let header = RecordHeader { payload_crc, payload_bytes, ..header };
    if let Err(what) = header.check() {
        panic!("{what}");
    }
    header_place.copy_from_slice(&header.encode(seed, offset));
}

/// A segment that was just made.
struct Created {
    file: Arc<dyn File>,
    path: PathBuf,
    /// Of the header and of what was carried.
    bytes: u64,
}

/// Creates the file of a segment and writes its header and what is carried into it: in one write,
/// so that there is all of it or, to go by what is reported, nothing.
fn create_segment(
    vfs: &dyn Vfs,
    dir: &Path,
    header: &SegmentHeader,
    carried: &[CarriedRows<'_>],
) -> Result<Created> {
    if let Err(what) = header.check(header.number) {
        panic!("{what}");
    }
    let mut head = header.encode().to_vec();
    if !carried.is_empty() {
        let record = RecordHeader {
            payload_crc: 0,
            payload_bytes: 0,
            kind: RecordKind::Carry as u8,
            lsn: header.base_lsn,
            commit: header.first_commit - 1,
            synced_lsn: header.synced_lsn,
            time: 0,
        };
        let seed = segment_seed(header.database_id, header.number);
        put_record(&mut head, seed, SEGMENT_HEADER, record, |out| carry::encode(out, carried));
    }
    let path = dir.join(segment_file_name(header.number));
    let file = vfs.create(&path).map_err(|e| Error::io("create", &path, e))?;
    if let Err(e) = file.write_all_at(&head, 0) {
        // So that the name is free when this is tried again; recovery drops the file otherwise.
        let _ = vfs.remove_file(&path);
        return Err(Error::io("write", &path, e));
    }
    Ok(Created { file, path, bytes: head.len() as u64 })
}
