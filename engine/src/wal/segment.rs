//! Reading one segment: its header, its records one after another, and the search for records
//! behind damage.
//!
//! Invariant: a window of the file is held, never more than [`WINDOW_BYTES`] or one record; its
//! size is bounded by the file's length whatever the bytes say.

use std::path::PathBuf;
use std::sync::Arc;

use srdb_vfs::{Access, File, Vfs};

use crate::error::{Error, Result};
use crate::format::wal::{
    BadSegmentHeader, RECORD_ALIGN, RECORD_HEADER_BYTES, RecordHeader, SEGMENT_HEADER_BYTES,
    SegmentHeader, payload_crc, segment_seed,
};
use crate::mutant;

/// Bytes read at a time.
const WINDOW_BYTES: u64 = 1 << 20;

/// A segment, open for reading.
#[derive(Debug)]
pub(crate) struct SegmentReader {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    /// Length of the file.
    pub(crate) file_bytes: u64,
    /// The header, or what is wrong with it.
    pub(crate) header: Result<SegmentHeader, String>,
    seed: u32,
    file: Arc<dyn File>,
    window: Vec<u8>,
    window_start: u64,
    /// How much was read from the file so far.
    pub(super) bytes_read: u64,
}

/// What stands at a place where a record should.
pub(crate) enum Found<'a> {
    /// A record whose checksums hold.
    Record { header: RecordHeader, payload: &'a [u8] },
    /// Nothing: the file ends here, or only zeros follow.
    Nothing,
    /// Something else.
    Damage(&'static str),
}

/// What the records of a segment vouch for, whether they can be reached or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The highest `synced_lsn` of a record.
    pub(crate) synced_lsn: u64,
    /// The segment's `base_lsn`, as its records have it.
    pub(super) base_lsn: Option<u64>,
}

impl SegmentReader {
    /// Opens a segment and reads its header.
    ///
    /// # Errors
    /// `Corrupt` or `Unsupported` for a whole header that does not belong here: that is never
    /// what a crash leaves.
    pub(crate) fn open(
        vfs: &dyn Vfs,
        path: PathBuf,
        number: u64,
        database_id: u64,
    ) -> Result<SegmentReader> {
        let file = vfs.open(&path, Access::Read).map_err(|e| Error::io("open", &path, e))?;
        let file_bytes = file.len().map_err(|e| Error::io("look at", &path, e))?;
        let mut reader = SegmentReader {
            number,
            path,
            file_bytes,
            header: Err(String::new()),
            seed: segment_seed(database_id, number),
            file,
            window: Vec::new(),
            window_start: 0,
            bytes_read: 0,
        };
        let header_bytes = file_bytes.min(SEGMENT_HEADER_BYTES as u64);
        let bytes = reader.read(0, header_bytes)?.unwrap_or(&[]);
        reader.header = match SegmentHeader::decode(bytes, number, database_id) {
            Ok(header) => Ok(header),
            Err(BadSegmentHeader::Damaged(what)) => Err(what),
            Err(BadSegmentHeader::Foreign(what)) => {
                return Err(Error::corrupt(&reader.path, 0, what));
            }
            Err(BadSegmentHeader::Newer(what)) => {
                return Err(Error::Unsupported { path: reader.path, what });
            }
        };
        Ok(reader)
    }

    /// The bytes `offset..offset + len`, or `None` where the file is shorter.
    fn read(&mut self, offset: u64, len: u64) -> Result<Option<&[u8]>> {
        let Some(end) = offset
            .checked_add(len)
            .filter(|end| *end <= self.file_bytes || mutant::on("length-believed"))
        else {
            return Ok(None);
        };
        if offset < self.window_start || end > self.window_start + self.window.len() as u64 {
            let want = len.max(WINDOW_BYTES).min(self.file_bytes - offset);
            self.window.resize(want as usize, 0);
            self.window.shrink_to(WINDOW_BYTES as usize);
            self.window_start = offset;
            if let Err(e) = self.file.read_exact_at(&mut self.window, offset) {
                self.window.clear();
                return Err(Error::io("read", &self.path, e));
            }
            self.bytes_read += want;
        }
        let start = (offset - self.window_start) as usize;
        Ok(Some(&self.window[start..start + len as usize]))
    }

    /// What stands at `offset`.
    pub(crate) fn record_at(&mut self, offset: u64) -> Result<Found<'_>> {
        if offset == self.file_bytes {
            return Ok(Found::Nothing);
        }
        let seed = self.seed;
        let Some(bytes) = self.read(offset, RECORD_HEADER_BYTES as u64)? else {
            let zeros = self.only_zeros_from(offset)?;
            return Ok(if zeros { Found::Nothing } else { Found::Damage("a record is cut") });
        };
        let header =
            bytes.first_chunk().and_then(|bytes| RecordHeader::decode(bytes, seed, offset));
        let Some(header) = header else {
            let zeros = self.only_zeros_from(offset)?;
            return Ok(if zeros { Found::Nothing } else { Found::Damage("no valid record") });
        };
        if self.header.as_ref().is_ok_and(|segment| header.lsn != lsn_at(segment, offset)) {
            return Ok(Found::Damage("a record of another position"));
        }
        Ok(match self.read(offset, header.record_bytes())? {
            None => Found::Damage("a record is cut"),
            Some(record) => {
                let payload = &record[RECORD_HEADER_BYTES..];
                if payload_crc(seed, offset, header.commit, payload) == header.payload_crc
                    || mutant::on("payload-unchecked")
                {
                    Found::Record { header, payload }
                } else {
                    Found::Damage("bad checksum of a record's payload")
                }
            }
        })
    }

    /// Whether everything from `offset` to the end of the file is zeros.
    fn only_zeros_from(&mut self, mut offset: u64) -> Result<bool> {
        while offset < self.file_bytes {
            let len = WINDOW_BYTES.min(self.file_bytes - offset);
            let bytes = self.read(offset, len)?.unwrap_or(&[]);
            if bytes.iter().any(|byte| *byte != 0) && !mutant::on("damage-taken-for-zeros") {
                return Ok(false);
            }
            offset += len;
        }
        Ok(true)
    }

    /// Searches from `offset` to the end for headers of records, at every place where one could
    /// be. A header is enough: what it says of syncs was true when it was made, whatever became
    /// of its payload.
    pub(crate) fn marks_from(&mut self, offset: u64) -> Result<Marks> {
        let seed = self.seed;
        let base_lsn = self.header.as_ref().ok().map(|header| header.base_lsn);
        let mut marks = Marks { synced_lsn: 0, base_lsn };
        let mut at = offset.max(SEGMENT_HEADER_BYTES as u64).next_multiple_of(RECORD_ALIGN as u64);
        let step = WINDOW_BYTES - RECORD_HEADER_BYTES as u64;
        while at < self.file_bytes {
            let len = WINDOW_BYTES.min(self.file_bytes - at);
            let bytes = self.read(at, len)?.unwrap_or(&[]);
            for start in (0..bytes.len()).step_by(RECORD_ALIGN) {
                let Some(header) = bytes[start..]
                    .first_chunk()
                    .and_then(|bytes| RecordHeader::decode(bytes, seed, at + start as u64))
                else {
                    continue;
                };
                let in_file = at + start as u64 - SEGMENT_HEADER_BYTES as u64;
                let Some(base) = header.lsn.checked_sub(in_file) else { continue };
                if marks.base_lsn.is_none_or(|known| known == base) {
                    marks.base_lsn = Some(base);
                    marks.synced_lsn = marks.synced_lsn.max(header.synced_lsn);
                }
            }
            at += step;
        }
        Ok(marks)
    }
}

/// The log position of file offset `offset`, which is at or behind the header.
pub(crate) fn lsn_at(segment: &SegmentHeader, offset: u64) -> u64 {
    segment.base_lsn + (offset - SEGMENT_HEADER_BYTES as u64)
}
