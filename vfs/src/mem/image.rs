//! Composes what survives a crash out of the durable parts and a choice.
//!
//! Invariants:
//! 1. What was durable and not changed since is in every image.
//! 2. An image has nothing pending: it is what a machine finds on its medium when it comes up.
//! 3. Total: any choice on any disk gives an image, never an error.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::crash::{CrashChoice, Fate, SECTOR_BYTES, SectorFate, SectorRun};
use super::node::{Change, DirNode, FileNode, Ino, Node};
use super::pages::Pages;
use super::state::{ROOT, State};
use super::trace::next_random;

/// The nodes that survive, by number.
pub(super) fn compose(state: &State, choice: &CrashChoice) -> BTreeMap<Ino, Arc<Node>> {
    let mut survivors = BTreeMap::new();
    let mut todo: Vec<(Ino, Arc<Path>)> = vec![(ROOT, Arc::from(Path::new("/")))];
    while let Some((ino, path)) = todo.pop() {
        // A file of several names is met several times.
        if survivors.contains_key(&ino) {
            continue;
        }
        let Some(node) = state.nodes.get(&ino) else { continue };
        let survivor = match &**node {
            Node::File(file) if file.is_on_the_medium() && file.path == path => node.clone(),
            Node::File(file) => {
                Arc::new(Node::File(FileNode::durable(path, content(file, choice))))
            }
            Node::Dir(dir) => {
                // By the path that survives: a renaming of it, or above it, may not.
                let dir = DirNode::durable(path, names(dir, choice));
                todo.extend(dir.live.iter().map(|(name, ino)| (*ino, dir.path_of(name))));
                Arc::new(Node::Dir(dir))
            }
        };
        survivors.insert(ino, survivor);
    }
    survivors
}

fn names(dir: &DirNode, choice: &CrashChoice) -> BTreeMap<std::ffi::OsString, Ino> {
    let mut names = dir.durable.clone();
    for (id, change) in &dir.pending {
        if *choice.fate(*id) == Fate::Kept {
            change.apply(&mut names);
        }
    }
    names
}

fn content(file: &FileNode, choice: &CrashChoice) -> Pages {
    let mut pages = file.durable.clone();
    for (id, change) in &file.pending {
        match (change, choice.fate(*id)) {
            (_, Fate::Kept) => change.apply(&mut pages),
            (Change::Write { offset, data }, Fate::Torn(runs)) => {
                put_torn(&mut pages, *offset, data, runs);
            }
            (_, Fate::Dropped) | (Change::Length { .. }, Fate::Torn(_)) => {}
        }
    }
    pages.trim();
    pages
}

/// Puts the surviving sectors of a write. Bytes outside the write's range are never harmed.
fn put_torn(pages: &mut Pages, offset: u64, data: &[u8], runs: &[SectorRun]) {
    let end = offset + data.len() as u64;
    let mut sector = offset / SECTOR_BYTES;
    for run in runs {
        for _ in 0..run.count {
            let from = offset.max(sector * SECTOR_BYTES);
            let to = end.min((sector + 1) * SECTOR_BYTES);
            if from >= to {
                return;
            }
            let len = (to - from) as usize;
            let new = &data[(from - offset) as usize..(to - offset) as usize];
            match run.fate {
                SectorFate::Old => {}
                SectorFate::New => pages.put_anywhere(from, new),
                SectorFate::Zeros => pages.put_anywhere(from, &[0; SECTOR_BYTES as usize][..len]),
                SectorFate::Garbage { seed } => {
                    pages.put_anywhere(from, &garbage(seed, sector)[..len]);
                }
            }
            sector += 1;
        }
    }
}

fn garbage(seed: u64, sector: u64) -> [u8; SECTOR_BYTES as usize] {
    let mut bytes = [0; SECTOR_BYTES as usize];
    let mut state = seed ^ sector.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    for word in bytes.as_chunks_mut::<8>().0 {
        *word = next_random(&mut state).to_le_bytes();
    }
    bytes
}
