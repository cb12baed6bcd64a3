//! An open file of the operating system.

#![allow(clippy::disallowed_types, reason = "this is the real file behind the trait")]

use std::borrow::Cow;
use std::fs;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use super::ReadMode;
use crate::error::{at, past_end, refuse};
use crate::mmap::MmapView;
use crate::traits::{Access, File, Map};

/// An open file; the cursor is only ever used to ask for the end.
#[derive(Debug)]
pub(super) struct OsFile {
    file: Arc<fs::File>,
    path: Arc<Path>,
    access: Access,
    read_mode: ReadMode,
}

impl OsFile {
    pub(super) fn new(file: fs::File, path: &Path, access: Access, read_mode: ReadMode) -> Self {
        OsFile { file: Arc::new(file), path: path.into(), access, read_mode }
    }

    /// Refuses before the system does, whose errors for this differ from call to call.
    fn require_writable(&self, doing: &'static str) -> io::Result<()> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::Read => Err(refuse(
                io::ErrorKind::PermissionDenied,
                doing,
                &self.path,
                "the file was opened for reading",
            )),
        }
    }
}

impl File for OsFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        read_exact_at(&self.file, buf, offset).map_err(|e| at(e, "read", &self.path))
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.require_writable("write")?;
        write_all_at(&self.file, buf, offset).map_err(|e| at(e, "write", &self.path))
    }

    fn append(&self, buf: &[u8]) -> io::Result<u64> {
        self.require_writable("append to")?;
        // Not O_APPEND: on Linux that would make positioned writes append too. And not a length
        // kept here: a second handle may have written, and asking costs next to nothing.
        let end =
            (&*self.file).seek(SeekFrom::End(0)).map_err(|e| at(e, "append to", &self.path))?;
        write_all_at(&self.file, buf, end).map_err(|e| at(e, "append to", &self.path))?;
        Ok(end)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data().map_err(|e| at(e, "sync", &self.path))
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all().map_err(|e| at(e, "sync", &self.path))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.require_writable("set the length of")?;
        self.file.set_len(len).map_err(|e| at(e, "set the length of", &self.path))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata().map_err(|e| at(e, "look at", &self.path))?.len())
    }

    fn map(&self) -> io::Result<Arc<dyn Map>> {
        match self.read_mode {
            ReadMode::Mmap => Ok(Arc::new(MmapView::of_sealed(&self.file, self.path.clone())?)),
            ReadMode::Pread => Ok(Arc::new(PreadView {
                len: self.len()?,
                file: self.file.clone(),
                path: self.path.clone(),
            })),
        }
    }
}

/// A sealed file behind the face of a map, read on demand.
#[derive(Debug)]
struct PreadView {
    file: Arc<fs::File>,
    path: Arc<Path>,
    len: u64,
}

impl Map for PreadView {
    fn len(&self) -> u64 {
        self.len
    }

    fn bytes(&self, offset: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        // Checked before allocating: `len` may come from damaged bytes.
        match offset.checked_add(len as u64) {
            Some(end) if end <= self.len => {}
            _ => return Err(past_end(&self.path, offset, len, self.len)),
        }
        let mut buf = vec![0; len];
        read_exact_at(&self.file, &mut buf, offset).map_err(|e| at(e, "read", &self.path))?;
        Ok(Cow::Owned(buf))
    }

    fn whole(&self) -> Option<&[u8]> {
        None
    }
}

#[cfg(unix)]
fn read_exact_at(file: &fs::File, buf: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buf, offset)
}

#[cfg(unix)]
fn write_all_at(file: &fs::File, buf: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, buf, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &fs::File, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !buf.is_empty() {
        match file.seek_read(buf, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                buf = &mut buf[n..];
                offset += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(windows)]
fn write_all_at(file: &fs::File, mut buf: &[u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !buf.is_empty() {
        match file.seek_write(buf, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                buf = &buf[n..];
                offset += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
