//! The mutants' own tests: the lies, and the table.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use srdb_vfs::{CrashChoice, Fault, FaultKind, File, MemDisk, OpKind, Vfs};

use super::*;
use crate::vfs::Layered;

struct Bench {
    disk: MemDisk,
    vfs: Layered,
    hits: Arc<AtomicU64>,
}

impl Bench {
    fn with(mutant: &str) -> Bench {
        let Some(mutant) = Mutant::from_name(mutant) else { panic!("there is no {mutant}") };
        let (disk, hits) = (MemDisk::new(), Arc::new(AtomicU64::new(0)));
        let layer = Arc::new(MutantLayer::new(mutant, hits.clone()));
        Bench { vfs: Layered::new(Arc::new(disk.clone()), layer), disk, hits }
    }

    /// A file whose name is durable.
    fn file(&self, path: &str) -> io::Result<Arc<dyn File>> {
        let file = self.vfs.create(Path::new(path))?;
        self.disk.sync_dir(Path::new("/"))?;
        Ok(file)
    }

    fn survives(&self, path: &str) -> Option<Vec<u8>> {
        self.disk.crash_image(&CrashChoice::drop_all()).read_file(path)
    }

    fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}

#[test]
fn an_early_ack_is_made_good_by_the_next_call() -> io::Result<()> {
    let bench = Bench::with("ack-before-sync");
    let file = bench.file("/1.wal")?;
    file.append(b"commit")?;
    file.sync_data()?;
    assert_eq!(bench.survives("/1.wal"), Some(Vec::new()));
    file.append(b", next")?;
    assert_eq!(bench.survives("/1.wal"), Some(b"commit".to_vec()));
    assert_eq!(bench.hits(), 1);
    Ok(())
}

#[test]
fn the_edit_of_a_flush_waits_for_the_removal() -> io::Result<()> {
    let bench = Bench::with("wal-removed-early");
    let manifest = bench.file("/MANIFEST-1")?;
    let (sst, _wal) = (bench.file("/2.sst")?, bench.file("/1.wal")?);
    manifest.append(b"1")?;
    manifest.sync_data()?;
    assert_eq!(bench.survives("/MANIFEST-1"), Some(b"1".to_vec()), "not of a flush");
    sst.sync_data()?;
    manifest.append(b"2")?;
    manifest.sync_data()?;
    manifest.append(b"3")?;
    manifest.sync_data()?;
    assert_eq!(bench.survives("/MANIFEST-1"), Some(b"1".to_vec()), "nor the one behind it");
    bench.vfs.remove_file(Path::new("/1.wal"))?;
    assert_eq!(bench.survives("/MANIFEST-1"), Some(b"123".to_vec()));
    assert_eq!(bench.hits(), 2);
    Ok(())
}

#[test]
fn a_failed_sync_is_forgiven_and_left_undone() -> io::Result<()> {
    let bench = Bench::with("wal-sync-error-believed");
    let file = bench.file("/1.wal")?;
    file.append(b"commit")?;
    bench.disk.inject(Fault::new(OpKind::Sync, 1, FaultKind::SyncFail));
    file.sync_data()?;
    assert_eq!((bench.survives("/1.wal"), bench.hits()), (Some(Vec::new()), 1));
    file.sync_data()?;
    assert_eq!((bench.survives("/1.wal"), bench.hits()), (Some(b"commit".to_vec()), 1));
    Ok(())
}

#[test]
fn only_the_first_sync_of_a_segment_is_left_out() -> io::Result<()> {
    let bench = Bench::with("new-segment-unsynced");
    for path in ["/1.wal", "/2.wal"] {
        let file = bench.file(path)?;
        file.append(b"a")?;
        file.sync_data()?;
        assert_eq!(bench.survives(path), Some(Vec::new()), "{path}");
        file.sync_data()?;
        assert_eq!(bench.survives(path), Some(b"a".to_vec()), "{path}");
    }
    assert_eq!(bench.hits(), 2);
    Ok(())
}

#[test]
fn a_write_is_taken_back_only_where_it_failed() -> io::Result<()> {
    let bench = Bench::with("failed-group-left");
    let file = bench.file("/1.wal")?;
    file.append(b"0123")?;
    file.set_len(2)?;
    assert_eq!((file.len()?, bench.hits()), (2, 0));
    bench.disk.inject(Fault::new(OpKind::Write, 1, FaultKind::EioAfter { bytes: 1 }));
    assert!(file.append(b"xy").is_err());
    file.set_len(2)?;
    assert_eq!((file.len()?, bench.hits()), (3, 1));
    Ok(())
}

#[test]
fn the_table_is_long_and_names_no_mutant_twice() {
    assert!(MUTANTS.len() >= 25, "{}", MUTANTS.len());
    let names: BTreeSet<&str> = MUTANTS.iter().map(|mutant| mutant.name()).collect();
    assert_eq!(names.len(), MUTANTS.len());
    for mutant in MUTANTS {
        assert_eq!(Mutant::from_name(mutant.name()), Some(*mutant));
        let is_plain = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(mutant.name().chars().all(is_plain), "{}", mutant.name());
        assert!(!mutant.what().ends_with('.') && mutant.what().len() > 20, "{}", mutant.name());
    }
    assert!(MUTANTS.is_sorted_by_key(|mutant| mutant.class()), "by class");
}
