//! Random sequences of operations give the same results, by value or by kind of error, the same
//! content and the same listings on real files and on the disk in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use srdb_vfs::{Access, DirEntry, EntryKind, File, Map, MemDisk, OsVfs, ReadMode, Vfs};

/// One operation on a few paths and a few slots for handles.
#[derive(Debug, Clone)]
enum Op {
    Create(usize, usize),
    Open(usize, usize, bool),
    Close(usize),
    Rename(usize, usize),
    RenameDir(usize, usize),
    RemoveFile(usize),
    HardLink(usize, usize),
    ReadDir(usize),
    CreateDir(usize),
    RemoveDir(usize),
    SyncDir(usize),
    Kind(usize),
    Read(usize, u64, usize),
    Write(usize, u64, usize, u8),
    Append(usize, usize, u8),
    SetLen(usize, u64),
    Len(usize),
    Sync(usize),
    Map(usize),
}

const PATHS: [&str; 9] = ["a", "b", "d", "e", "d/a", "d/b", "e/a", "d/e", "d/e/a"];
const SLOTS: usize = 4;

fn op() -> impl Strategy<Value = Op> {
    let path = || 0..PATHS.len();
    let slot = || 0..SLOTS;
    let offset = || prop_oneof![4 => 0..40_u64, 2 => 4080..4110_u64, 1 => 0..20_000_u64];
    let len = || prop_oneof![4 => 0..40_usize, 2 => 500..530_usize, 1 => 0..9000_usize];
    prop_oneof![
        4 => (slot(), path()).prop_map(|(s, p)| Op::Create(s, p)),
        3 => (slot(), path(), any::<bool>()).prop_map(|(s, p, w)| Op::Open(s, p, w)),
        1 => slot().prop_map(Op::Close),
        3 => (path(), path()).prop_map(|(a, b)| Op::Rename(a, b)),
        2 => (path(), path()).prop_map(|(a, b)| Op::RenameDir(a, b)),
        2 => path().prop_map(Op::RemoveFile),
        2 => (path(), path()).prop_map(|(a, b)| Op::HardLink(a, b)),
        1 => path().prop_map(Op::ReadDir),
        3 => path().prop_map(Op::CreateDir),
        1 => path().prop_map(Op::RemoveDir),
        2 => path().prop_map(Op::SyncDir),
        1 => path().prop_map(Op::Kind),
        3 => (slot(), offset(), len()).prop_map(|(s, o, l)| Op::Read(s, o, l)),
        6 => (slot(), offset(), len(), 1..255_u8).prop_map(|(s, o, l, b)| Op::Write(s, o, l, b)),
        4 => (slot(), len(), 1..255_u8).prop_map(|(s, l, b)| Op::Append(s, l, b)),
        3 => (slot(), offset()).prop_map(|(s, l)| Op::SetLen(s, l)),
        1 => slot().prop_map(Op::Len),
        2 => slot().prop_map(Op::Sync),
        1 => slot().prop_map(Op::Map),
    ]
}

/// What came out, in a form that can be compared.
#[derive(Debug, PartialEq)]
enum Out {
    Done,
    Number(u64),
    Bytes(Vec<u8>),
    Entries(Vec<DirEntry>),
    Kind(Option<EntryKind>),
    NoHandle,
}

struct Runner<'v> {
    vfs: &'v dyn Vfs,
    root: PathBuf,
    handles: BTreeMap<usize, Arc<dyn File>>,
}

impl Runner<'_> {
    fn path(&self, path: usize) -> PathBuf {
        self.root.join(PATHS[path])
    }

    fn on(&self, slot: usize, f: impl Fn(&dyn File) -> io::Result<Out>) -> io::Result<Out> {
        self.handles.get(&slot).map_or(Ok(Out::NoHandle), |file| f(&**file))
    }

    fn run(&mut self, op: &Op) -> io::Result<Out> {
        match *op {
            Op::Create(slot, path) => {
                self.handles.remove(&slot);
                self.handles.insert(slot, self.vfs.create(&self.path(path))?);
            }
            Op::Open(slot, path, write) => {
                self.handles.remove(&slot);
                let access = if write { Access::ReadWrite } else { Access::Read };
                self.handles.insert(slot, self.vfs.open(&self.path(path), access)?);
            }
            Op::Close(slot) => drop(self.handles.remove(&slot)),
            Op::Rename(from, to) => self.vfs.rename(&self.path(from), &self.path(to))?,
            Op::RenameDir(from, to) => self.vfs.rename_dir(&self.path(from), &self.path(to))?,
            Op::RemoveFile(path) => self.vfs.remove_file(&self.path(path))?,
            Op::HardLink(from, to) => self.vfs.hard_link(&self.path(from), &self.path(to))?,
            Op::ReadDir(path) => return self.vfs.read_dir(&self.path(path)).map(Out::Entries),
            Op::CreateDir(path) => self.vfs.create_dir(&self.path(path))?,
            Op::RemoveDir(path) => self.vfs.remove_dir(&self.path(path))?,
            Op::SyncDir(path) => self.vfs.sync_dir(&self.path(path))?,
            Op::Kind(path) => return self.vfs.kind(&self.path(path)).map(Out::Kind),
            Op::Read(slot, offset, len) => {
                return self.on(slot, |file| {
                    let mut buf = vec![0; len];
                    file.read_exact_at(&mut buf, offset)?;
                    Ok(Out::Bytes(buf))
                });
            }
            Op::Write(slot, offset, len, byte) => {
                return self.on(slot, |file| {
                    file.write_all_at(&vec![byte; len], offset).map(|()| Out::Done)
                });
            }
            Op::Append(slot, len, byte) => {
                return self.on(slot, |file| file.append(&vec![byte; len]).map(Out::Number));
            }
            Op::SetLen(slot, len) => {
                return self.on(slot, |file| file.set_len(len).map(|()| Out::Done));
            }
            Op::Len(slot) => return self.on(slot, |file| file.len().map(Out::Number)),
            Op::Sync(slot) => return self.on(slot, |file| file.sync_data().map(|()| Out::Done)),
            Op::Map(slot) => {
                return self.on(slot, |file| {
                    let map: Arc<dyn Map> = file.map()?;
                    Ok(Out::Bytes(map.bytes(0, map.len() as usize)?.into_owned()))
                });
            }
        }
        Ok(Out::Done)
    }

    /// Every name and every content.
    fn everything(&self) -> BTreeMap<&'static str, Option<Out>> {
        let look = |path: &'static str| {
            let full = self.root.join(path);
            let found = match self.vfs.kind(&full).unwrap() {
                Some(EntryKind::File) => {
                    let file = self.vfs.open(&full, Access::Read).unwrap();
                    let mut all = vec![0; file.len().unwrap() as usize];
                    file.read_exact_at(&mut all, 0).unwrap();
                    Some(Out::Bytes(all))
                }
                Some(_) => Some(Out::Entries(self.vfs.read_dir(&full).unwrap())),
                None => None,
            };
            (path, found)
        };
        PATHS.into_iter().map(look).collect()
    }
}

/// Equal, or two ways of saying that a directory stands where a file is wanted: Linux refuses to
/// rename a file over the directory it is in for not being empty.
fn same_kind(a: io::ErrorKind, b: io::ErrorKind) -> bool {
    use io::ErrorKind::{DirectoryNotEmpty, IsADirectory, PermissionDenied};
    let alike = [IsADirectory, PermissionDenied, DirectoryNotEmpty];
    a == b || (alike.contains(&a) && alike.contains(&b))
}

fn agree(ops: &[Op], read_mode: ReadMode) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let (os, mem) = (OsVfs::with_read_mode(read_mode), MemDisk::new());
    let mut on_os = Runner { vfs: &os, root: dir.path().into(), handles: BTreeMap::new() };
    let mut on_mem = Runner { vfs: &mem, root: "/".into(), handles: BTreeMap::new() };
    for (i, op) in ops.iter().enumerate() {
        match (on_os.run(op), on_mem.run(op)) {
            (Ok(a), Ok(b)) => prop_assert_eq!(a, b, "operation {} {:?}", i, op),
            (Err(a), Err(b)) => {
                prop_assert!(same_kind(a.kind(), b.kind()), "operation {i} {op:?}: {a} and {b}");
            }
            (a, b) => prop_assert!(false, "operation {i} {op:?}: {a:?} and {b:?}"),
        }
    }
    prop_assert_eq!(on_os.everything(), on_mem.everything());

    // Whatever happened, keeping all of it is what was visible, and so is the death of the process.
    let list = mem.list();
    let image = mem.crash_image(&srdb_vfs::CrashChoice::keep_all());
    for other in [&image, &mem.process_crash(), &mem.fork()] {
        prop_assert_eq!(&other.list(), &list);
        let on_other = Runner { vfs: other, root: "/".into(), handles: BTreeMap::new() };
        prop_assert_eq!(on_other.everything(), on_mem.everything());
    }
    prop_assert!(image.pending().is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_gives_the_same_on_both(ops in prop::collection::vec(op(), 1..80)) {
        agree(&ops, ReadMode::Mmap)?;
    }

    #[test]
    fn any_sequence_gives_the_same_on_both_when_read(ops in prop::collection::vec(op(), 1..80)) {
        agree(&ops, ReadMode::Pread)?;
    }
}

#[test]
fn paths_are_taken_alike_with_and_without_a_leading_slash() {
    let disk = MemDisk::new();
    disk.create(Path::new("a")).unwrap();
    assert_eq!(disk.kind(Path::new("/a")).unwrap(), Some(EntryKind::File));
    assert_eq!(disk.kind(Path::new("./a")).unwrap(), Some(EntryKind::File));
    let up = disk.kind(Path::new("/../a")).unwrap_err();
    assert_eq!(up.kind(), io::ErrorKind::InvalidInput);
}
