//! Where the bytes come from: a file or standard input, plain or gzip (told by its first bytes).

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::Format;
use crate::failure::{Failure, Outcome};

/// Plain bytes, whatever they were packed in.
pub(crate) type Bytes = Box<dyn Read>;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The input as named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// `-`
    Stdin,
    /// A file's path.
    File(PathBuf),
}

/// An input that has been opened.
pub(crate) struct Opened {
    /// Its content, unpacked.
    pub(crate) bytes: Bytes,
    /// Its size as stored, if known.
    pub(crate) stored_bytes: Option<u64>,
    /// How many of the stored bytes have been read.
    pub(crate) position: Position,
}

/// A position that the progress bar watches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Position(Arc<AtomicU64>);

impl Position {
    /// Stored bytes read so far.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Input {
    /// `-` is standard input.
    pub(crate) fn new(name: &str) -> Input {
        match name {
            "-" => Input::Stdin,
            path => Input::File(PathBuf::from(path)),
        }
    }

    /// Opens it and unpacks what it holds.
    pub(crate) fn open(&self) -> Outcome<Opened> {
        let position = Position::default();
        let (stored, stored_bytes): (Bytes, _) = match self {
            Input::Stdin => (Box::new(io::stdin()), None),
            Input::File(path) => {
                let failed = |error| Failure::file("open", path, &error);
                let file = File::open(path).map_err(failed)?;
                let metadata = file.metadata().map_err(failed)?;
                if metadata.is_dir() {
                    let what = format!("{} is a directory, not a file", path.display());
                    return Err(Failure::Failed(what));
                }
                (Box::new(file), Some(metadata.len()))
            }
        };
        let counted = Counted { inner: stored, position: position.clone() };
        let bytes = unpack(counted)
            .map_err(|e| Failure::Failed(format!("could not read the input: {e}")))?;
        Ok(Opened { bytes, stored_bytes, position })
    }
}

/// The format of an input: as said, or by the file's extension.
///
/// # Errors
/// Neither says.
pub(crate) fn format_of(input: &Input, said: Option<Format>) -> Outcome<Format> {
    let by_name = match input {
        Input::Stdin => None,
        Input::File(path) => by_extension(path),
    };
    said.or(by_name).ok_or_else(|| {
        Failure::Usage("can't tell the input's format: say --format csv or ndjson".to_owned())
    })
}

fn by_extension(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "csv" => Some(Format::Csv),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        _ => None,
    }
}

/// Looks at the first bytes and unpacks gzip (all members of it).
fn unpack(mut stored: impl Read + 'static) -> io::Result<Bytes> {
    let mut head = Vec::with_capacity(GZIP_MAGIC.len());
    stored.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut head)?;
    let packed = head == GZIP_MAGIC;
    let whole = io::BufReader::with_capacity(64 << 10, Cursor::new(head).chain(stored));
    Ok(if packed { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

struct Counted {
    inner: Bytes,
    position: Position,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.position.0.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
