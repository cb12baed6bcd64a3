//! A MANIFEST: its header and its edits, up to the first place where there is none.

use std::ops::ControlFlow;

use serde_json::Value as Json;
use srdb_vfs::Access;

use super::{Flow, Part, Walk};
use crate::Error;
use crate::edit::VersionEdit;
use crate::format::manifest::{
    HEADER_BYTES, Header, RecordHeader, RecordKind, Refused, manifest_number,
};
use crate::manifest::{record_at, scan};
use crate::version::Version;

pub(super) fn walk(walk: &mut Walk<'_>) -> Flow {
    let path = &walk.of.path;
    let file = walk.of.vfs.open(path, Access::Read).map_err(|e| Error::io("open", path, e))?;
    let len = file.len().map_err(|e| Error::io("look at", path, e))?;
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, 0).map_err(|e| Error::io("read", path, e))?;
    let header = match Header::decode(&bytes) {
        Ok(header) => header,
        Err(refused) => {
            let is_newer = matches!(refused, Refused::Unknown(_));
            walk.problems.push(refused.in_file(&walk.of.path, 0));
            let known = manifest_number(walk.file_name()).zip(walk.database_id());
            let Some((file_number, database_id)) = known.filter(|_| !is_newer) else {
                if !is_newer {
                    let what = "without a header, the edits can only be checked with the \
                                database's id, and under the file's own name";
                    walk.problem(HEADER_BYTES as u64, what);
                }
                return Ok(ControlFlow::Continue(()));
            };
            Header { file_number, database_id, first_edit: 0 }
        }
    };
    let has_header = walk.problems.is_empty();
    if has_header {
        walk.check_database_id(24, header.database_id);
        let named = manifest_number(walk.file_name());
        if let Some(named) = named.filter(|named| *named != header.file_number) {
            let what = format!("MANIFEST {} under the name of {named}", header.file_number);
            walk.problem(16, what);
        }
        let part = Part::new("header", 0, HEADER_BYTES as u64)
            .with("file_number", header.file_number)
            .with("database_id", header.database_id)
            .with("first_edit", header.first_edit)
            .with("file_bytes", len);
        if walk.part(&part).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(edits(walk, &bytes, &header, has_header))
}

fn edits(walk: &mut Walk<'_>, bytes: &[u8], header: &Header, has_header: bool) -> ControlFlow<()> {
    // `None` after an edit that could not be applied: those behind it can't be judged any more.
    let mut version = Some(Version::default());
    let mut at = HEADER_BYTES;
    while let Some((record, payload)) = record_at(bytes, at, header) {
        let edit = VersionEdit::decode(bytes.get(payload.clone()).unwrap_or_default());
        walk.part(&part(&record, at as u64, edit.as_ref().ok()))?;
        let applied = match (edit, &mut version) {
            (Err(refused), _) => Err(refused.in_file(&walk.of.path, payload.start as u64)),
            (Ok(edit), Some(version)) => version
                .change(&edit)
                .map_err(|damage| damage.in_file(&walk.of.path, payload.start as u64)),
            (Ok(_), None) => Ok(()),
        };
        if let Err(error) = applied {
            walk.problems.push(error);
            version = None;
        }
        at += record.record_bytes();
    }
    // What recovery would say of the order of the edits, and of what is behind the last.
    if !has_header {
        if at < bytes.len() {
            walk.problem(at as u64, "no valid record");
        }
        return ControlFlow::Continue(());
    }
    match scan(bytes, header.database_id, header.file_number) {
        Ok(scan) if scan.end < bytes.len() => {
            let what = "no valid record; nothing stands behind it, as after a write that a crash \
                        tore";
            walk.problem(scan.end as u64, what);
        }
        Ok(_) => {}
        Err(refused) => walk.problems.push(refused.in_file(&walk.of.path, 0)),
    }
    ControlFlow::Continue(())
}

fn part(record: &RecordHeader, at: u64, edit: Option<&VersionEdit>) -> Part {
    let kind = match RecordKind::from_code(record.kind) {
        Some(RecordKind::Snapshot) => Json::from("snapshot"),
        Some(RecordKind::Edit) => Json::from("edit"),
        None => Json::from(record.kind),
    };
    let changes = edit.map(|edit| &edit.changes[..]).unwrap_or_default();
    let shown = changes.iter().map(|change| match serde_json::to_value(change) {
        // So that a change without a body has the same form as the others.
        Ok(Json::String(name)) => serde_json::json!({ name: {} }),
        Ok(shown) => shown,
        Err(e) => Json::from(e.to_string()),
    });
    Part::new("edit", at, record.record_bytes() as u64)
        .with("number", record.edit_number)
        .with("kind", kind)
        .with("changes", shown.collect::<Vec<_>>())
}
