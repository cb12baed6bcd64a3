//! Replaces a MANIFEST that has grown by a new one that starts with a snapshot, in steps of one
//! call that changes the disk each.
//!
//! ```text
//! ClearManifest ─► CreateManifest ─► WriteManifest ─► SyncManifest ─► SyncNames
//! ─► ClearTemp ─► CreateTemp ─► WriteTemp ─► SyncTemp ─► Rename ─► SyncSwitch ─► RemoveOld ─► Done
//! └──────────── the old one counts ─────────────────┘      └ not known ┘   └─ the new one ─┘
//! ```
//!
//! Invariants
//! 1. `CURRENT` names a MANIFEST that is whole and durable, name and content, at every moment.
//! 2. The old one is removed only once the new `CURRENT` is durable.
//! 3. No edit is appended meanwhile: the switch owns the writer until it gives back the one that
//!    counts, so no edit can be missing from the snapshot.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{File, Vfs};

use super::create::{remove_if_there, sync_dir};
use super::log::{ManifestWriter, first_bytes};
use crate::edit::VersionEdit;
use crate::error::{Error, Result};
use crate::format::manifest as format;
use crate::format::manifest::Header;
use crate::mutant;

/// What a switch does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SwitchStep {
    /// Remove what an interrupted switch left under the new name.
    ClearManifest,
    /// Create the new MANIFEST.
    CreateManifest,
    /// Write its header and snapshot.
    WriteManifest,
    /// Make its content durable.
    SyncManifest,
    /// Make its name durable.
    SyncNames,
    /// Remove what an interrupted switch left of `CURRENT.tmp`.
    ClearTemp,
    /// Create `CURRENT.tmp`.
    CreateTemp,
    /// Write it.
    WriteTemp,
    /// Make its content durable.
    SyncTemp,
    /// Rename it over `CURRENT`.
    Rename,
    /// Make that durable.
    SyncSwitch,
    /// Remove the old MANIFEST.
    RemoveOld,
    /// Nothing: the new one counts.
    Done,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct ManifestSwitch {
    dir: PathBuf,
    old: ManifestWriter,
    header: Header,
    path: PathBuf,
    bytes: Vec<u8>,
    /// The file of the step at hand: the new MANIFEST.
    manifest: Option<Arc<dyn File>>,
    /// `CURRENT.tmp`.
    temp: Option<Arc<dyn File>>,
    next: SwitchStep,
    failed: Option<String>,
}

impl ManifestSwitch {
    /// Prepares the switch from `old` to MANIFEST `file_number`, which starts with `snapshot`: the
    /// newest version, whose `next_file` is above `file_number`.
    ///
    /// # Errors
    /// [`Error::Limit`] for a snapshot that is too large, with the writer unharmed.
    pub(crate) fn begin(
        dir: &Path,
        old: ManifestWriter,
        file_number: u64,
        snapshot: &VersionEdit,
    ) -> Result<ManifestSwitch, Box<(ManifestWriter, Error)>> {
        assert!(old.is_synced(), "a switch would pass over an edit that is not synced");
        assert!(
            file_number > old.file_number(),
            "MANIFEST {file_number} can't follow {}",
            old.file_number()
        );
        let header = old.next_header(file_number);
        let ready = old.check_alive().and_then(|()| first_bytes(&header, snapshot));
        let bytes = match ready {
            Ok(bytes) => bytes,
            Err(error) => return Err(Box::new((old, error))),
        };
        Ok(ManifestSwitch {
            dir: dir.to_owned(),
            old,
            header,
            path: dir.join(format::manifest_name(file_number)),
            bytes,
            manifest: None,
            temp: None,
            next: SwitchStep::ClearManifest,
            failed: None,
        })
    }

    /// What [`ManifestSwitch::step`] will do.
    #[cfg(test)]
    pub(crate) fn next_step(&self) -> SwitchStep {
        self.next
    }

    /// Does the next step; `true` once all are done.
    ///
    /// # Errors
    /// [`Error::Io`]; then the switch is over, see [`ManifestSwitch::into_writer`], and further
    /// steps are [`Error::Poisoned`].
    pub(crate) fn step(&mut self, vfs: &dyn Vfs) -> Result<bool> {
        if let Some(cause) = &self.failed {
            return Err(Error::Poisoned { cause: cause.clone() });
        }
        match self.do_step(vfs) {
            Ok(next) => {
                self.next = next;
                Ok(next == SwitchStep::Done)
            }
            Err(error) => {
                if mutant::when("rename-error-believed", || self.next == SwitchStep::Rename) {
                    remove_if_there(vfs, &self.path)?;
                }
                self.failed = Some(error.to_string());
                Err(error)
            }
        }
    }

    fn do_step(&mut self, vfs: &dyn Vfs) -> Result<SwitchStep> {
        let temp = self.dir.join(format::CURRENT_TEMP);
        Ok(match self.next {
            SwitchStep::ClearManifest => {
                remove_if_there(vfs, &self.path)?;
                SwitchStep::CreateManifest
            }
            SwitchStep::CreateManifest => {
                self.manifest = Some(create(vfs, &self.path)?);
                SwitchStep::WriteManifest
            }
            SwitchStep::WriteManifest => {
                write(self.manifest.as_deref(), &self.path, &self.bytes)?;
                SwitchStep::SyncManifest
            }
            SwitchStep::SyncManifest => {
                sync(self.manifest.as_deref(), &self.path)?;
                SwitchStep::SyncNames
            }
            SwitchStep::SyncNames => {
                sync_dir(vfs, &self.dir)?;
                SwitchStep::ClearTemp
            }
            SwitchStep::ClearTemp => {
                remove_if_there(vfs, &temp)?;
                SwitchStep::CreateTemp
            }
            SwitchStep::CreateTemp => {
                self.temp = Some(create(vfs, &temp)?);
                SwitchStep::WriteTemp
            }
            SwitchStep::WriteTemp => {
                let text = format::current_text(self.header.file_number);
                write(self.temp.as_deref(), &temp, text.as_bytes())?;
                SwitchStep::SyncTemp
            }
            SwitchStep::SyncTemp => {
                sync(self.temp.as_deref(), &temp)?;
                SwitchStep::Rename
            }
            SwitchStep::Rename => {
                let current = self.dir.join(format::CURRENT);
                vfs.rename(&temp, &current).map_err(|error| Error::io("rename", &temp, error))?;
                SwitchStep::SyncSwitch
            }
            SwitchStep::SyncSwitch => {
                sync_dir(vfs, &self.dir)?;
                SwitchStep::RemoveOld
            }
            SwitchStep::RemoveOld => {
                remove_if_there(vfs, self.old.path())?;
                SwitchStep::Done
            }
            SwitchStep::Done => SwitchStep::Done,
        })
    }

    /// Ends the switch, wherever it is, and gives back the writer of the MANIFEST that counts.
    ///
    /// Before the rename that is the old one, unharmed: what the switch made is left over, and the
    /// next one must take a higher file number. Where nobody knows whether the rename will survive,
    /// the writer has failed: the database is to be poisoned. A failure to remove the old MANIFEST
    /// is of no account; it is removed at the next open.
    pub(crate) fn into_writer(mut self) -> ManifestWriter {
        let undecided = self.next == SwitchStep::SyncSwitch
            || (self.next == SwitchStep::Rename && self.failed.is_some());
        if undecided {
            let cause = self.failed.unwrap_or_else(|| "a switch was given up".to_owned());
            self.old.fail(format!("it is not known which MANIFEST counts: {cause}"));
            return self.old;
        }
        match self.manifest {
            Some(file) if self.next > SwitchStep::SyncSwitch => {
                let bytes = self.bytes.len() as u64;
                ManifestWriter::behind_first(file, self.path, self.header, bytes)
            }
            _ => self.old,
        }
    }
}

fn create(vfs: &dyn Vfs, path: &Path) -> Result<Arc<dyn File>> {
    vfs.create(path).map_err(|error| Error::io("create", path, error))
}

fn write(file: Option<&dyn File>, path: &Path, bytes: &[u8]) -> Result<()> {
    opened(file).write_all_at(bytes, 0).map_err(|error| Error::io("write", path, error))
}

fn sync(file: Option<&dyn File>, path: &Path) -> Result<()> {
    opened(file).sync_all().map_err(|error| Error::io("sync", path, error))
}

fn opened(file: Option<&dyn File>) -> &dyn File {
    let Some(file) = file else {
        // Our own bug: the steps run in their order.
        panic!("a step of the switch came before the one that creates its file")
    };
    file
}
