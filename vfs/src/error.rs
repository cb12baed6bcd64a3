//! Puts the path and the operation into an [`io::Error`] and keeps its kind.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An I/O error that says where it happened; the payload of the errors this crate returns.
#[derive(Debug)]
struct At {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.doing, self.path.display(), self.source)
    }
}

impl Error for At {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// The same error, of the same kind, with a message that reads "`doing` `path`: cause".
pub(crate) fn at(source: io::Error, doing: &'static str, path: &Path) -> io::Error {
    io::Error::new(source.kind(), At { doing, path: path.to_path_buf(), source })
}

/// A new error of `kind` whose message reads "`doing` `path`: `why`".
pub(crate) fn refuse(
    kind: io::ErrorKind,
    doing: &'static str,
    path: &Path,
    why: &str,
) -> io::Error {
    at(io::Error::new(kind, why), doing, path)
}

/// The error for a range that leaves a file or a view of `len` bytes.
pub(crate) fn past_end(path: &Path, offset: u64, wanted: usize, len: u64) -> io::Error {
    refuse(
        io::ErrorKind::UnexpectedEof,
        "read",
        path,
        &format!("{wanted} bytes at offset {offset} leave the {len} bytes there are"),
    )
}
