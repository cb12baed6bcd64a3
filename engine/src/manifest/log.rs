//! Appends version edits to the MANIFEST.
//!
//! ```text
//!            append                    sync
//!  durable ─────────► one unsynced ─────────► durable
//!     ▲          │                      │
//!     └─ cut ────┘ failed, undone       └── failed ──► failed: takes nothing more
//! ```
//!
//! Invariants
//! 1. At most one record is not synced; `scan.rs` tells a tear from corruption by that.
//! 2. A record that could not be written is cut off again, and the cut synced, before the error is
//!    returned: a later crash does not bring back an edit that was reported as failed. Where that
//!    fails too, nobody knows what is on disk, and the writer takes nothing more.
//! 3. After a failed sync the writer takes nothing more; the sync is not retried.
//! 4. Nor is that of an earlier process believed: a failed sync may have left an edit in pages that
//!    are marked clean, so that every later sync succeeds without it. After anything but a clean
//!    close the MANIFEST that was read is copied, and the synced copy renamed over it, before
//!    anything depends on what was read. In place it can't be written again: power loss could tear
//!    edits that are durable. After a clean close nothing needs that: all but the close record was
//!    synced by whoever closed, and a close record whose sync failed is taken out of sight.
//!
//! Append and sync are two calls, so that a job that is made of steps makes them in two steps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{Access, File, Vfs};

use super::create::remove_if_there;
use super::load::Loaded;
use crate::edit::VersionEdit;
use crate::error::{Error, Result};
use crate::format::manifest::{
    HEADER_BYTES, Header, MANIFEST_TEMP, PAYLOAD_BYTES_MAX, RecordKind, encode_record,
};
use crate::mutant;

/// Below this a MANIFEST is never replaced: 1 MiB.
pub(crate) const REPLACE_BYTES_MIN: u64 = 1 << 20;
/// How many times its snapshot a MANIFEST must be for it to be replaced.
pub(crate) const REPLACE_GROWTH_MIN: u64 = 4;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct ManifestWriter {
    file: Arc<dyn File>,
    path: PathBuf,
    header: Header,
    /// Where the next record goes.
    offset: u64,
    /// Where the last record that was synced ends.
    synced_end: u64,
    /// The number of the next record.
    next_edit: u64,
    /// Bytes of header and snapshot.
    snapshot_bytes: u64,
    /// Whether all records are durable.
    synced: bool,
    /// Why nothing more is taken.
    failure: Option<String>,
}

impl ManifestWriter {
    /// Goes on with the MANIFEST that was loaded, and makes durable what was read: copies it but
    /// for a torn tail, and syncs the directory, whose `CURRENT` may have been switched just before
    /// the process died. Only after this may anything depend on what was loaded.
    ///
    /// # Errors
    /// [`Error::Io`]; nothing that was durable is lost.
    pub(crate) fn resume(vfs: &dyn Vfs, dir: &Path, loaded: &Loaded) -> Result<ManifestWriter> {
        let path = loaded.path.clone();
        let io = |op, path: &Path| {
            let path = path.to_owned();
            move |error| Error::io(op, &path, error)
        };
        if !loaded.clean_close && !mutant::on("found-manifest-believed") {
            let temp = dir.join(MANIFEST_TEMP);
            remove_if_there(vfs, &temp)?;
            let copy = vfs.create(&temp).map_err(io("create", &temp))?;
            copy.write_all_at(&loaded.bytes, 0).map_err(io("write", &temp))?;
            copy.sync_all().map_err(io("sync", &temp))?;
            drop(copy);
            vfs.rename(&temp, &path).map_err(io("rename", &temp))?;
            vfs.sync_dir(dir).map_err(io("sync", dir))?;
        }
        let file = vfs.open(&path, Access::ReadWrite).map_err(io("open", &path))?;
        if loaded.clean_close {
            file.sync_data().map_err(io("sync", &path))?;
        }
        Ok(ManifestWriter {
            file,
            path,
            header: loaded.header,
            offset: loaded.end,
            synced_end: loaded.end,
            next_edit: loaded.next_edit,
            snapshot_bytes: loaded.snapshot_bytes,
            synced: true,
            failure: None,
        })
    }

    /// A writer behind the first bytes of a MANIFEST, see [`first_bytes`], written and synced.
    pub(super) fn behind_first(
        file: Arc<dyn File>,
        path: PathBuf,
        header: Header,
        bytes: u64,
    ) -> ManifestWriter {
        ManifestWriter {
            file,
            path,
            header,
            offset: bytes,
            synced_end: bytes,
            next_edit: header.first_edit + 1,
            snapshot_bytes: bytes,
            synced: true,
            failure: None,
        }
    }

    /// Appends an edit: visible on return, durable after [`ManifestWriter::sync`].
    ///
    /// The edit is one that the version accepted. Nothing may depend on it before the sync, and no
    /// other may be appended.
    ///
    /// # Errors
    /// [`Error::Io`] if it could not be written; the MANIFEST is as before unless
    /// [`ManifestWriter::failure`] says otherwise. [`Error::Poisoned`] after that. [`Error::Limit`]
    /// for an edit that is too large.
    pub(crate) fn append(&mut self, edit: &VersionEdit) -> Result<()> {
        self.check_alive()?;
        assert!(self.synced, "edit {} would follow one that is not synced", self.next_edit);
        let payload = checked_payload(edit)?;
        let record =
            encode_record(&self.header, self.offset, RecordKind::Edit, self.next_edit, &payload);
        if let Err(error) = self.file.write_all_at(&record, self.offset) {
            let undone = self.file.set_len(self.offset).and_then(|()| self.file.sync_data());
            if undone.is_err() {
                self.failure = Some(format!("a failed write could not be undone: {error}"));
            }
            return Err(Error::io("write", &self.path, error));
        }
        self.offset += record.len() as u64;
        self.next_edit += 1;
        self.synced = false;
        Ok(())
    }

    /// Makes the last edit durable.
    ///
    /// # Errors
    /// [`Error::Io`]: whether the edit is durable is not known, the database is to be poisoned.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.check_alive()?;
        if let Err(error) = self.file.sync_data() {
            self.failure = Some(format!("a sync failed: {error}"));
            return Err(Error::io("sync", &self.path, error));
        }
        self.synced = true;
        self.synced_end = self.offset;
        Ok(())
    }

    /// Takes a close record whose sync has failed out of sight. The next process would find it in
    /// the page cache, and believe it although it may never reach the medium; without it, that
    /// process copies what it finds. If this fails too, nothing is left to try.
    pub(crate) fn hide_close(&mut self) {
        let _ = self.file.set_len(self.synced_end);
    }

    /// Whether all that was appended is durable.
    pub(crate) fn is_synced(&self) -> bool {
        self.synced
    }

    /// Why the writer takes nothing more: the database is to be poisoned.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Whether the MANIFEST has grown so much that it is to be replaced by a snapshot. With a
    /// minimum of 0 it always has.
    pub(crate) fn has_outgrown(&self, bytes_min: u64) -> bool {
        let has_grown = self.offset > self.snapshot_bytes.saturating_mul(REPLACE_GROWTH_MIN);
        self.offset > bytes_min && (has_grown || bytes_min == 0)
    }

    /// The number in the MANIFEST's name.
    pub(crate) fn file_number(&self) -> u64 {
        self.header.file_number
    }

    /// The MANIFEST's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The header of the MANIFEST that would replace this one.
    pub(super) fn next_header(&self, file_number: u64) -> Header {
        Header { file_number, first_edit: self.next_edit, ..self.header }
    }

    /// Ends the writer for a reason from outside.
    pub(super) fn fail(&mut self, cause: String) {
        self.failure = Some(cause);
    }

    pub(super) fn check_alive(&self) -> Result<()> {
        match &self.failure {
            Some(cause) => Err(Error::Poisoned { cause: cause.clone() }),
            None => Ok(()),
        }
    }
}

/// Header and snapshot of a new MANIFEST: what it must hold before `CURRENT` may name it.
///
/// # Errors
/// [`Error::Limit`] for a snapshot that is too large.
pub(super) fn first_bytes(header: &Header, snapshot: &VersionEdit) -> Result<Vec<u8>> {
    let payload = checked_payload(snapshot)?;
    let mut bytes = header.encode();
    bytes.extend(encode_record(
        header,
        HEADER_BYTES as u64,
        RecordKind::Snapshot,
        header.first_edit,
        &payload,
    ));
    Ok(bytes)
}

pub(super) fn checked_payload(edit: &VersionEdit) -> Result<Vec<u8>> {
    let payload = edit.encode();
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Error::Limit {
            what: "bytes of a version edit",
            got: payload.len() as u64,
            limit: PAYLOAD_BYTES_MAX as u64,
        });
    }
    Ok(payload)
}
