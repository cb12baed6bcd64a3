//! Checks everything about an open index file, and that it says what the rows of its SST say.

use super::{IndexMeta, IndexReader, KeyGroups};
use crate::error::Result;

/// The whole file's checksum is computed over pieces of this many bytes.
const PIECE_BYTES: u64 = 1 << 20;

/// Reads the whole file, then compares it with the rows, which `gather` gets from the SST.
///
/// # Errors
/// [`crate::Error::Corrupt`] for the first problem there is; whatever `gather` gave.
pub(crate) fn verify(
    reader: &IndexReader,
    expected: &IndexMeta,
    gather: impl FnOnce() -> Result<KeyGroups>,
) -> Result<()> {
    let mut crc = crc32fast::Hasher::new();
    let mut at = 0;
    while at < expected.size {
        let len = (expected.size - at).min(PIECE_BYTES);
        crc.update(&reader.bytes(at, len as usize)?);
        at += len;
    }
    if crc.finalize() != expected.crc {
        return Err(reader.corrupt(0, "the file does not match its checksum in the MANIFEST"));
    }
    let groups = gather()?;
    let (mut cursor, mut key) = (reader.seek(b"")?, Vec::new());
    let (mut found, mut wanted) = (Vec::new(), Vec::new());
    for number in groups.sorted() {
        found.clear();
        wanted.clear();
        groups.rows(number, &mut wanted);
        if !cursor.key(&mut key)? || key != groups.key(number) {
            return Err(reader.corrupt(0, "a value of the rows is not in the index"));
        }
        cursor.rows(&mut found)?;
        if found != wanted {
            return Err(reader.corrupt(0, "a value has other rows in the index than in the table"));
        }
        if !reader.may_contain(&key)? {
            return Err(reader.corrupt(0, "the filter denies a key that is there"));
        }
        cursor.advance()?;
    }
    if cursor.key(&mut key)? {
        return Err(reader.corrupt(0, "a key of the index is in no row"));
    }
    Ok(())
}
