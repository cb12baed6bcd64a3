//! Layers between the engine and the disk.
//!
//! ```text
//!   engine ──► Watch (what the engine was told) ──► mutant, maybe (a lie) ──► MemDisk
//! ```
//!
//! A [`Layer`] sees every call but those through a map that lies in memory, may pass it on, swallow
//! it or put it off, and sees the outcome.

mod moving;
mod watch;

use std::borrow::Cow;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{Access, DirEntry, EntryKind, File, FileLock, Map, OpKind, Vfs};

pub use moving::Moving;
pub use watch::Watch;
pub(crate) use watch::is_answer;

/// A call on its way to the disk.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// What is called.
    pub op: OpKind,
    /// On which path; of a file the one it was opened by.
    pub path: &'a Path,
    /// The offset of a read or write; the length of a `set_len`; `u64::MAX` for an append.
    pub offset: u64,
    /// The bytes of a write.
    pub data: &'a [u8],
    /// The file, of a call on a file.
    pub file: Option<&'a Arc<dyn File>>,
}

impl Call<'_> {
    /// Whether the call is on a file of this extension.
    pub fn is_on(&self, extension: &str) -> bool {
        self.path.extension().is_some_and(|e| e == extension)
    }

    /// Whether the call is on a MANIFEST.
    pub fn is_on_manifest(&self) -> bool {
        self.path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("MANIFEST"))
    }
}

/// Something that stands between the engine and the disk.
pub trait Layer: Debug + Send + Sync {
    /// Handles one call. `go` passes it on; it returns the offset of an append, else 0.
    ///
    /// # Errors
    /// Those of the disk, or of its own making.
    fn call(&self, call: &Call<'_>, go: &mut dyn FnMut() -> io::Result<u64>) -> io::Result<u64>;
}

/// A [`Vfs`] with a layer on top.
#[derive(Debug, Clone)]
pub struct Layered {
    inner: Arc<dyn Vfs>,
    layer: Arc<dyn Layer>,
}

impl Layered {
    /// Puts `layer` on top of `inner`.
    pub fn new(inner: Arc<dyn Vfs>, layer: Arc<dyn Layer>) -> Self {
        Layered { inner, layer }
    }

    /// Passes a call that returns more than an offset through the layer. A swallowed one fails:
    /// there is no answer to give.
    fn run<T>(
        &self,
        op: OpKind,
        path: &Path,
        mut go: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        let mut answer = None;
        let call = Call { op, path, offset: 0, data: &[], file: None };
        self.layer.call(&call, &mut || {
            answer = Some(go()?);
            Ok(0)
        })?;
        answer.ok_or_else(|| io::Error::other("the call was swallowed"))
    }

    /// Passes a call without an answer; a swallowed one looks like success.
    fn tell(
        &self,
        op: OpKind,
        path: &Path,
        mut go: impl FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        let call = Call { op, path, offset: 0, data: &[], file: None };
        self.layer.call(&call, &mut || go().map(|()| 0)).map(drop)
    }

    fn wrap(&self, path: &Path, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(LayeredFile { path: path.to_owned(), file, layer: self.layer.clone() })
    }
}

impl Vfs for Layered {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = self.run(OpKind::Create, path, || self.inner.create(path))?;
        Ok(self.wrap(path, file))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let file = self.run(OpKind::Open, path, || self.inner.open(path, access))?;
        Ok(self.wrap(path, file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.tell(OpKind::Rename, to, || self.inner.rename(from, to))
    }

    fn rename_dir(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.tell(OpKind::RenameDir, to, || self.inner.rename_dir(from, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.tell(OpKind::RemoveFile, path, || self.inner.remove_file(path))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.tell(OpKind::HardLink, to, || self.inner.hard_link(from, to))
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.run(OpKind::ReadDir, path, || self.inner.read_dir(path))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.tell(OpKind::CreateDir, path, || self.inner.create_dir(path))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.tell(OpKind::RemoveDir, path, || self.inner.remove_dir(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.tell(OpKind::SyncDir, path, || self.inner.sync_dir(path))
    }

    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        self.run(OpKind::Kind, path, || self.inner.kind(path))
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        let lock = self.run(OpKind::Lock, path, || self.inner.try_lock(path))?;
        let wrap = |lock| -> Box<dyn FileLock> {
            Box::new(LayeredLock { path: path.to_owned(), lock, layer: self.layer.clone() })
        };
        Ok(lock.map(wrap))
    }
}

#[derive(Debug)]
struct LayeredFile {
    path: PathBuf,
    file: Arc<dyn File>,
    layer: Arc<dyn Layer>,
}

impl LayeredFile {
    fn call(
        &self,
        op: OpKind,
        offset: u64,
        data: &[u8],
        go: &mut dyn FnMut() -> io::Result<u64>,
    ) -> io::Result<u64> {
        let call = Call { op, path: &self.path, offset, data, file: Some(&self.file) };
        self.layer.call(&call, go)
    }
}

impl File for LayeredFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let go = &mut || self.file.read_exact_at(buf, offset).map(|()| 0);
        self.call(OpKind::Read, offset, &[], go).map(drop)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let go = &mut || self.file.write_all_at(buf, offset).map(|()| 0);
        self.call(OpKind::Write, offset, buf, go).map(drop)
    }

    fn append(&self, buf: &[u8]) -> io::Result<u64> {
        self.call(OpKind::Write, u64::MAX, buf, &mut || self.file.append(buf))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.call(OpKind::Sync, 0, &[], &mut || self.file.sync_data().map(|()| 0)).map(drop)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.call(OpKind::Sync, 0, &[], &mut || self.file.sync_all().map(|()| 0)).map(drop)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.call(OpKind::SetLen, len, &[], &mut || self.file.set_len(len).map(|()| 0)).map(drop)
    }

    fn len(&self) -> io::Result<u64> {
        let mut len = 0;
        let go = &mut || {
            len = self.file.len()?;
            Ok(0)
        };
        self.call(OpKind::Len, 0, &[], go)?;
        Ok(len)
    }

    fn map(&self) -> io::Result<Arc<dyn Map>> {
        let mut map = None;
        let go = &mut || {
            map = Some(self.file.map()?);
            Ok(0)
        };
        self.call(OpKind::Map, 0, &[], go)?;
        let map = map.ok_or_else(|| io::Error::other("the call was swallowed"))?;
        if map.whole().is_some() {
            return Ok(map);
        }
        Ok(Arc::new(LayeredMap { path: self.path.clone(), map, layer: self.layer.clone() }))
    }
}

/// A view whose every read is a call of its own.
#[derive(Debug)]
struct LayeredMap {
    path: PathBuf,
    map: Arc<dyn Map>,
    layer: Arc<dyn Layer>,
}

impl Map for LayeredMap {
    fn len(&self) -> u64 {
        self.map.len()
    }

    fn bytes(&self, offset: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        let mut bytes = None;
        let call = Call { op: OpKind::MapRead, path: &self.path, offset, data: &[], file: None };
        self.layer.call(&call, &mut || {
            bytes = Some(self.map.bytes(offset, len)?);
            Ok(0)
        })?;
        bytes.ok_or_else(|| io::Error::other("the call was swallowed"))
    }

    fn whole(&self) -> Option<&[u8]> {
        None
    }
}

#[derive(Debug)]
struct LayeredLock {
    path: PathBuf,
    lock: Box<dyn FileLock>,
    layer: Arc<dyn Layer>,
}

impl FileLock for LayeredLock {
    fn write_holder(&self, text: &str) -> io::Result<()> {
        let op = OpKind::WriteHolder;
        let call = Call { op, path: &self.path, offset: 0, data: text.as_bytes(), file: None };
        self.layer.call(&call, &mut || self.lock.write_holder(text).map(|()| 0)).map(drop)
    }

    fn holder(&self) -> String {
        self.lock.holder()
    }
}

#[cfg(test)]
mod tests {
    use srdb_vfs::MemDisk;

    use super::*;

    #[derive(Debug)]
    struct Through;

    impl Layer for Through {
        fn call(&self, _: &Call<'_>, go: &mut dyn FnMut() -> io::Result<u64>) -> io::Result<u64> {
            go()
        }
    }

    #[test]
    fn a_layer_that_does_nothing_changes_nothing() {
        let plain = MemDisk::new();
        let under = MemDisk::new();
        let layered = Layered::new(Arc::new(under.clone()), Arc::new(Through));
        for vfs in [&plain as &dyn Vfs, &layered] {
            let run = || -> io::Result<()> {
                vfs.create_dir(Path::new("/d"))?;
                let file = vfs.create(Path::new("/d/f"))?;
                assert_eq!(file.append(b"abc")?, 0);
                assert_eq!(file.append(b"abc")?, 3);
                file.write_all_at(b"xy", 1)?;
                file.sync_data()?;
                file.set_len(5)?;
                assert_eq!(file.len()?, 5);
                vfs.rename(Path::new("/d/f"), Path::new("/d/g"))?;
                vfs.sync_dir(Path::new("/d"))?;
                assert_eq!(vfs.read_dir(Path::new("/d"))?.len(), 1);
                assert!(vfs.open(Path::new("/d/f"), Access::Read).is_err());
                let map = vfs.open(Path::new("/d/g"), Access::Read)?.map()?;
                assert_eq!(map.bytes(0, 5)?.as_ref(), b"axyab");
                Ok(())
            };
            assert!(run().is_ok());
        }
        assert_eq!(plain.trace_hash(), under.trace_hash());
    }
}
