//! Whether a MANIFEST that was read is still what counts, without reading it again.
//!
//! It only grows at its end, but its last record can be taken back and another one put in its
//! place, where it could not be written to its end; and another MANIFEST can take its place.

use std::io;
use std::path::{Path, PathBuf};

use srdb_vfs::{Access, Vfs};

use super::load::{Loaded, read_current};
use crate::error::{Error, Result};
use crate::format::manifest as format;
use crate::mutant;

/// A MANIFEST as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    path: PathBuf,
    number: u64,
    /// Where its last record begins.
    last_record: u64,
    /// That record, and what stands behind it, if it is torn: it may be whole by now.
    last: Vec<u8>,
}

impl Standing {
    /// What was loaded.
    pub(crate) fn of(loaded: &Loaded) -> Standing {
        let last_record = loaded.last_record;
        let mut last = loaded.bytes.get(last_record as usize..).unwrap_or_default().to_vec();
        last.extend(&loaded.torn);
        Standing { path: loaded.path.clone(), number: loaded.header.file_number, last_record, last }
    }

    /// Whether it is what counts in `dir`, and has not changed.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corrupt`] for a damaged `CURRENT`.
    pub(crate) fn stands(&self, vfs: &dyn Vfs, dir: &Path) -> Result<bool> {
        let is_switched = read_current(vfs, dir)? != Some(self.number);
        if is_switched {
            return Ok(mutant::on("follower-misses-a-switch"));
        }
        match self.is_unchanged(vfs) {
            Ok(is_unchanged) => Ok(is_unchanged),
            // Another one counts by now; or it was cut meanwhile.
            Err(error) if is_passing(&error) => Ok(false),
            Err(error) => Err(Error::io("read", &self.path, error)),
        }
    }

    fn is_unchanged(&self, vfs: &dyn Vfs) -> io::Result<bool> {
        let file = vfs.open(&self.path, Access::Read)?;
        if file.len()? != self.last_record + self.last.len() as u64 {
            return Ok(false);
        }
        let mut last = vec![0; self.last.len()];
        file.read_exact_at(&mut last, self.last_record)?;
        Ok(last == self.last)
    }
}

/// The number and the length of the MANIFEST that counts; none if that can't be said, or there is
/// none. What is the same twice has not moved between.
pub(crate) fn place(vfs: &dyn Vfs, dir: &Path) -> Option<(u64, u64)> {
    let number = read_current(vfs, dir).ok()??;
    let file = vfs.open(&dir.join(format::manifest_name(number)), Access::Read).ok()?;
    Some((number, file.len().ok()?))
}

/// Whether a file that is gone, or shorter than it was, gives this error.
pub(crate) fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof)
}
