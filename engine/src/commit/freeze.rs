//! Freezing the active generation, and the segments of the log that begin with it.

use std::io::ErrorKind;

use super::carry::{Carried, Small};
use crate::jobs::{Frozen, Generation};
use crate::locks::lock;
use crate::mutant;
use crate::state::{Log, State};
use crate::wal::{CarriedRows, LogWriter};
use crate::{Error, Result, layout};

/// Creates the first segment since the database was opened.
///
/// # Errors
/// [`Error::Io`]; the next try makes it anew.
pub(super) fn open_segment(
    state: &State,
    log: &mut Log,
    carried: &[CarriedRows<'_>],
) -> Result<()> {
    let dir = state.root.join(layout::WAL_DIR);
    let (vfs, ahead) = (&state.options.vfs, state.options.wal_zero_ahead);
    if log.start_failed {
        let path = layout::wal_path(&state.root, log.start.number);
        match vfs.remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(Error::io("remove", &path, e)),
            _ => {}
        }
    }
    // Segments behind the end of the log that an opening has removed stay so: one that came back
    // after a power failure might look like the next of the segment that is made now. Also where
    // this opening found none, for the one before it may have died between removal and sync.
    if !mutant::on("removed-segment-comes-back") {
        vfs.sync_dir(&dir).map_err(|e| Error::io("sync", &dir, e))?;
    }
    let start = log.start.clone();
    let writer = LogWriter::create(vfs, &dir, state.database_id, start, ahead, carried)
        .inspect_err(|_| log.start_failed = true)?;
    log.active.segments.push(writer.number());
    log.writer = Some(writer);
    Ok(())
}

/// Freezes the active generation and opens the next one's segment. Returns whether there was
/// anything to freeze.
///
/// # Errors
/// [`Error::Io`] if the segment can't be made; the active generation goes on then.
pub(crate) fn freeze(state: &State, log: &mut Log, small: Small) -> Result<bool> {
    let active = &log.active;
    let is_new = match small {
        // What was carried in would be carried on as it is.
        Small::Carried => log.last_commit > active.begins_after,
        Small::Flushed => !active.tables.is_empty(),
    };
    // Without rows, but with segments of earlier runs, it is worth it too: nobody else gives them
    // up, and each opening would read and settle all of them.
    if !is_new && active.segments.len() <= 1 {
        return Ok(false);
    }
    let carried = match small {
        Small::Carried => Carried::choose(active, state.options.carry_bytes()),
        Small::Flushed => Carried::default(),
    };
    // The next segment is made now, not at the next commit: its first commit number tells a later
    // recovery that the commits before it were flushed, or carried into it.
    if let Some(writer) = &mut log.writer {
        let rotated = writer.rotate(&carried.rows());
        state.check_log(writer, rotated)?;
        log.active.segments.push(writer.number());
    } else {
        open_segment(state, log, &carried.rows())?;
    }
    let Some(next) = log.active.segments.pop() else {
        panic!("a generation was frozen without a segment to go on in");
    };
    let end_lsn = log.writer.as_ref().map(LogWriter::end_lsn);
    let carry_end = end_lsn.filter(|_| !carried.is_empty());
    let mut fresh =
        Generation { segments: vec![next], begins_after: log.last_commit, ..Generation::default() };
    carried.take(&mut log.active, &mut fresh);
    let generation = std::mem::replace(&mut log.active, fresh);
    let (log_number, last_commit, last_time) = (next, log.last_commit, log.last_time);
    let frozen = Frozen { generation, log_number, last_commit, last_time, carry_end };
    state.note_active(log);
    let mut jobs = lock(&state.jobs);
    jobs.frozen.push_back(std::sync::Arc::new(frozen));
    state.tell_of_room(&mut jobs);
    drop(jobs);
    state.signal.wake();
    Ok(true)
}
