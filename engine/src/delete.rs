//! Removing files that nothing refers to any more.
//!
//! Invariant: what is on this list is not named by any version that a recovery could come to, so
//! that removing it, or failing to, never changes what the database holds.

use std::path::PathBuf;
use std::sync::Arc;

use crate::jobs::{Jobs, Obsolete};
use crate::locks::lock;
use crate::mutant;
use crate::observer::Event;
use crate::state::State;
use crate::{Error, Progress, Result, compaction, indexes};

/// The place in the list of a name that can be removed now: a file that nobody holds, a directory
/// that has nothing left on the list and that no flush, merge or build of an index may write to.
fn ready(jobs: &Jobs, in_use: &[PathBuf]) -> Option<usize> {
    let list = &jobs.obsolete;
    let flushing = jobs.frozen.front();
    list.iter().position(|candidate| match candidate {
        Obsolete::File(_) => true,
        Obsolete::Sst(sst) => Arc::strong_count(sst) == 1 || mutant::on("removed-under-a-reader"),
        Obsolete::Index(file) => {
            Arc::strong_count(file) == 1 || mutant::on("index-removed-under-a-reader")
        }
        Obsolete::Dir(dir) => {
            let is_left = list.iter().any(|o| o.path() != dir && o.path().starts_with(dir));
            // The file of a table that was dropped during its flush comes on the list later.
            let is_written = flushing.is_some_and(|frozen| {
                frozen.generation.tables.values().any(|(table, _)| dir.starts_with(&table.dir))
            });
            let is_in_use = in_use.iter().any(|table| dir.starts_with(table));
            !is_left && !is_in_use && (!is_written || mutant::on("removed-under-a-flush"))
        }
    })
}

/// Whether anything could be removed now.
pub(crate) fn has_work(state: &State) -> bool {
    let in_use = in_use(state);
    ready(&lock(&state.jobs), &in_use).is_some()
}

/// The directories of the tables that a merge or the build of an index writes to.
fn in_use(state: &State) -> Vec<PathBuf> {
    compaction::working_on(state).into_iter().chain(indexes::building(state)).collect()
}

/// Removes one name.
///
/// # Errors
/// [`Error::Io`]; the name goes to the end of the list, to be tried again.
pub(crate) fn step(state: &State) -> Result<Progress> {
    let removed = remove_next(state)?;
    let Some(path) = removed else { return Ok(Progress::Idle) };
    state.counters.removed.add(1);
    state.tell(|| Event::FileRemoved { path });
    Ok(Progress::More)
}

/// Removes one name, and says which. What is gone already is as good as removed.
fn remove_next(state: &State) -> Result<Option<PathBuf>> {
    // Until it is gone, the name is on no list: another step would take its directory for empty,
    // and closing would let go of the database.
    let _one_at_a_time = (!mutant::on("two-removals-at-once")).then(|| lock(&state.flush));
    state.check_alive()?;
    let next = {
        let in_use = in_use(state);
        let mut jobs = lock(&state.jobs);
        ready(&jobs, &in_use).and_then(|at| jobs.obsolete.remove(at))
    };
    let Some(next) = next else { return Ok(None) };
    let vfs = &state.options.vfs;
    let removed = match &next {
        Obsolete::File(_) | Obsolete::Sst(_) | Obsolete::Index(_) => vfs.remove_file(next.path()),
        Obsolete::Dir(path) => vfs.remove_dir(path),
    };
    match removed {
        Ok(()) => Ok(Some(next.path().to_owned())),
        // Removed by an earlier attempt that reported an error all the same.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Some(next.path().to_owned()))
        }
        Err(error) => {
            let error = Error::io("remove", next.path(), error);
            lock(&state.jobs).obsolete.push_back(next);
            Err(error)
        }
    }
}
