//! What part of the fault space a campaign has visited: where × what × while.
//!
//! ```text
//!   engine ─► Watch ─► mutant? ─► [counter] ─► MemDisk        crash images ─► [counter]
//!                                     └──────────► Coverage ◄──────┘
//!                                                     │  reach: what can be visited at all
//!                                                table, page, gaps
//! ```
//!
//! | module  | what it is                                                            |
//! |---------|-----------------------------------------------------------------------|
//! | `site`  | the axes: kinds of calls on kinds of files, faults, phases            |
//! | `layer` | counts what one run does                                              |
//! | `sites` | which calls are made where and when                                   |
//! | `reach` | which cells can be visited, by rule, and which of those are empty     |
//! | `table` | the matrix as text                                                    |
//! | `page`  | the matrix as one HTML page                                           |
//!
//! Invariants:
//! 1. Counting changes nothing that a run does, and is off unless [`install`]ed for the thread.
//! 2. Counts only add up, so the sum over a campaign does not depend on its threads.

mod layer;
mod page;
mod reach;
mod site;
mod sites;
mod table;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use srdb_vfs::{MemDisk, Vfs};

pub use layer::Tracker;
pub use page::page;
pub use reach::{Gap, can_befall, gaps, is_reachable, undeclared};
pub use site::{ACTS, AT_REST, Phase, Place, Site, What, act, act_name};
pub use sites::SITES;
pub use table::table;

use crate::vfs::Layered;

/// The columns of a row: how often the call was made, then what went wrong.
const COLUMNS: usize = What::ALL.len() + 1;

/// Counters of every cell.
#[derive(Debug)]
pub struct Coverage {
    cells: Box<[AtomicU64]>,
}

impl Default for Coverage {
    fn default() -> Self {
        let count = Place::ALL.len() * ACTS * Phase::ALL.len() * COLUMNS;
        Coverage { cells: (0..count).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Coverage {
    fn cell(&self, site: Site, phase: Phase, column: usize) -> &AtomicU64 {
        let row = (site.place as usize * ACTS + site.act) * Phase::ALL.len() + phase as usize;
        &self.cells[row * COLUMNS + column]
    }

    fn call(&self, site: Site, phase: Phase) {
        self.cell(site, phase, 0).fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self, site: Site, phase: Phase, what: What) {
        self.cell(site, phase, what as usize + 1).fetch_add(1, Ordering::Relaxed);
    }

    /// How often a call was made in a phase.
    pub fn calls(&self, site: Site, phase: Phase) -> u64 {
        self.cell(site, phase, 0).load(Ordering::Relaxed)
    }

    /// How often something went wrong there.
    pub fn hits(&self, site: Site, phase: Phase, what: What) -> u64 {
        self.cell(site, phase, what as usize + 1).load(Ordering::Relaxed)
    }

    /// The rows in which anything was counted, in order.
    pub fn rows(&self) -> Vec<(Site, Phase)> {
        let mut rows = Vec::new();
        for &place in Place::ALL {
            for act in 0..ACTS {
                for &phase in Phase::ALL {
                    let site = Site { place, act };
                    let counted =
                        |column| self.cell(site, phase, column).load(Ordering::Relaxed) > 0;
                    if (0..COLUMNS).any(counted) {
                        rows.push((site, phase));
                    }
                }
            }
        }
        rows
    }

    /// Everything that was counted, as JSON: by site, by phase, by what.
    pub fn to_json(&self) -> String {
        let mut sites: BTreeMap<String, BTreeMap<&str, BTreeMap<&str, u64>>> = BTreeMap::new();
        for (site, phase) in self.rows() {
            let row = sites.entry(site.name()).or_default().entry(phase.name()).or_default();
            row.insert("calls", self.calls(site, phase));
            for &what in What::ALL {
                if is_reachable(site, phase, what) || self.hits(site, phase, what) > 0 {
                    row.insert(what.name(), self.hits(site, phase, what));
                }
            }
        }
        serde_json::to_string_pretty(&sites).unwrap_or_default()
    }
}

thread_local! {
    static INSTALLED: RefCell<Option<Arc<Coverage>>> = const { RefCell::new(None) };
}

/// Counts what runs on this thread do from here on, or stops counting.
pub fn install(coverage: Option<Arc<Coverage>>) {
    INSTALLED.set(coverage);
}

/// What is installed for this thread.
pub fn installed() -> Option<Arc<Coverage>> {
    INSTALLED.with_borrow(Clone::clone)
}

/// A disk whose calls are counted.
pub(crate) fn counted(disk: &MemDisk, tracker: &Arc<Tracker>) -> Arc<dyn Vfs> {
    let above = layer::Above { tracker: tracker.clone(), disk: disk.clone() };
    Arc::new(Layered::new(Arc::new(disk.clone()), Arc::new(above)))
}
