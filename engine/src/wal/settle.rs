//! Settling: what recovery has read and no sync vouches for is made durable before anything is
//! acknowledged on top of it.
//!
//! Recovery may have read records that no sync vouches for: from the page cache, or
//! even left there by a sync that failed in an earlier process, in which case the pages count as
//! clean and a mere sync would not write them. Nor may they be written again in place: they may be
//! durable and acknowledged, and power loss could tear them then. So the first sync of a new
//! writer copies such a segment ([`Unsettled`]), syncs the copy, sees that it holds what recovery
//! read (clean pages may leave the cache at any time), and renames it over the original.
//! Opening a database pays nothing, and nothing is copied after a clean close.

use std::io;
use std::path::{Path, PathBuf};

use srdb_vfs::{Access, Vfs};

use super::segment::{Found, SegmentReader};
use crate::error::Error;
use crate::format::wal::SEGMENT_HEADER_BYTES;

const SEGMENT_HEADER: u64 = SEGMENT_HEADER_BYTES as u64;

/// Bytes copied at a time.
const SETTLE_BYTES: u64 = 1 << 20;

/// What the name of a copy that settles a segment has behind the segment's.
pub(crate) const COPY_SUFFIX: &str = ".copy";

/// An earlier segment with records that are not known to be durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsettled {
    pub(crate) number: u64,
    /// The file offset where its records end.
    pub(crate) bytes: u64,
}

/// Replaces a segment by a synced copy of its records. A segment that is gone was flushed.
/// (If a flush removes it while this runs, the copy stays until recovery removes what is obsolete.)
///
/// # Errors
/// `InvalidData` if the file does not hold any more what recovery read: what a failed sync left in
/// clean pages goes when they leave the page cache.
pub(super) fn settle(
    vfs: &dyn Vfs,
    path: &Path,
    database_id: u64,
    segment: &Unsettled,
) -> io::Result<()> {
    let bytes = segment.bytes;
    let from = match vfs.open(path, Access::Read) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut copy_path = path.as_os_str().to_owned();
    copy_path.push(COPY_SUFFIX);
    let copy_path = PathBuf::from(copy_path);
    match vfs.remove_file(&copy_path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let copy = vfs.create(&copy_path)?;
    let mut buffer = Vec::new();
    let mut at = 0;
    while at < bytes {
        buffer.resize((bytes - at).min(SETTLE_BYTES) as usize, 0);
        from.read_exact_at(&mut buffer, at)?;
        copy.write_all_at(&buffer, at)?;
        at += buffer.len() as u64;
    }
    copy.sync_data()?;
    drop((copy, from));
    require_records(vfs, &copy_path, database_id, segment)?;
    vfs.rename(&copy_path, path)
}

/// Checks that a copy holds records up to its end.
fn require_records(
    vfs: &dyn Vfs,
    copy: &Path,
    database_id: u64,
    segment: &Unsettled,
) -> io::Result<()> {
    let gone = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let refused = |error: Error| match &error {
        Error::Io { source, .. } => io::Error::new(source.kind(), error.to_string()),
        _ => gone(error.to_string()),
    };
    let reader = SegmentReader::open(vfs, copy.to_owned(), segment.number, database_id);
    let mut reader = reader.map_err(refused)?;
    let mut at = SEGMENT_HEADER;
    while at < segment.bytes && reader.header.is_ok() {
        match reader.record_at(at).map_err(refused)? {
            Found::Record { header, .. } => at += header.record_bytes(),
            _ => break,
        }
    }
    if at == segment.bytes && reader.header.is_ok() {
        return Ok(());
    }
    Err(gone(format!(
        "the log held records up to offset {} when it was recovered, and now ends at {at}",
        segment.bytes
    )))
}
