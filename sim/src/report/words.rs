//! Steps, calls and changes in words.

use std::path::Path;

use srdb_vfs::{Fate, Fault, FaultKind, OpKind};

use super::story::{CallAt, Place};
use crate::db::ROOT;
use crate::model::Death;
use crate::plan::{After, Image, Level, Rows, Step};
use crate::run::{DiskCall, Opening};

/// `1 row`, `2 rows`.
pub(super) fn count(n: usize, one: &str) -> String {
    let plural = if one.ends_with('s') { "es" } else { "s" };
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}{plural}") }
}

/// A path without what all have in common.
pub(super) fn path(path: &Path) -> String {
    match path.strip_prefix(ROOT) {
        Ok(rest) if rest.as_os_str().is_empty() => "(database)/".to_owned(),
        Ok(rest) => rest.display().to_string(),
        Err(_) => path.display().to_string(),
    }
}

pub(super) fn place(place: Place) -> String {
    match place {
        Place::Step(number) => format!("step {number}"),
        Place::Opening(Opening::Birth) => "the creation".to_owned(),
        Place::Opening(Opening::Nested(n)) => format!("recovery, to be interrupted ({})", n + 1),
        Place::Opening(Opening::UnderFaults) => "recovery, under I/O errors".to_owned(),
        Place::Opening(Opening::Last) => "recovery".to_owned(),
        Place::Opening(Opening::Copy) => "recovery of a copy, to compare".to_owned(),
        Place::Opening(Opening::Rotten) => "a copy with a rotten byte".to_owned(),
        Place::End => "the end: everything at rest, read once more".to_owned(),
    }
}

pub(super) fn death(death: Death) -> &'static str {
    match death {
        Death::Closed => "the database was closed and opened again",
        Death::Process => "the process died",
        Death::Power => "the power failed",
    }
}

fn level(level: Option<Level>) -> String {
    level.map_or("default level".to_owned(), |level| format!("{level:?}"))
}

fn rows(parts: &[Rows]) -> String {
    let part = |p: &Rows| format!("{} into t{}", count(p.rows as usize, "row"), p.table);
    parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn fault(fault: &Fault) -> String {
    let how = match &fault.error {
        FaultKind::Eio => "fails with EIO, nothing done".to_owned(),
        FaultKind::EioAfter { bytes } => format!("fails with EIO after {bytes} bytes"),
        FaultKind::StorageFull { bytes } => format!("finds the disk full after {bytes} bytes"),
        FaultKind::SyncFail => "fails; what was pending stays pending".to_owned(),
        other => format!("goes wrong: {other:?}"),
    };
    let file = fault.file.as_ref().map_or(String::new(), |file| format!(" of {file}"));
    format!("{:?} number {} from here{file} {how}", fault.op, fault.nth)
}

fn after(after: &After) -> String {
    let mut what = Vec::new();
    if !after.nested.is_empty() {
        what.push(count(after.nested.len(), "power failure") + " inside the recovery");
    }
    if !after.faults.is_empty() {
        what.push(count(after.faults.len(), "I/O error") + " inside it");
    }
    if let Some(rot) = after.rot {
        what.push(format!("a rotten byte in a file of kind {:?}", rot.file));
    }
    if what.is_empty() { String::new() } else { format!("; {}", what.join(", ")) }
}

fn image(image: &Image) -> String {
    match image {
        Image::Exact(list) if list.is_empty() => "all that was not synced is lost".to_owned(),
        Image::Exact(list) => {
            let lost = list.iter().filter(|s| s.fate == Fate::Dropped).count();
            let kept = count(list.len() - lost, "change");
            if lost == list.len() {
                return "all that was not synced is lost".to_owned();
            }
            format!("of what was not synced, {kept} survive in whole or in part")
        }
        Image::Drawn(seed) => format!("what survives is drawn from seed {seed}"),
    }
}

/// What a step does, in words.
pub(super) fn step(step: &Step) -> String {
    match step {
        Step::CreateTable { table, shape } => format!("create table t{table} ({shape:?})"),
        Step::DropTable { table } => format!("drop table t{table}"),
        Step::Insert { rows: r, level: l, .. } => format!("insert {}, {}", rows(&[*r]), level(*l)),
        Step::BadInsert { rows: r } => format!("insert {}, one of which does not fit", rows(&[*r])),
        Step::Batch { parts, level: l } => format!("batch: {}, {}", rows(parts), level(*l)),
        Step::Submit { parts, level: l } => format!("queue: {}, {l:?}", rows(parts)),
        Step::Wait { .. } => "wait for a queued commit".to_owned(),
        Step::DropTicket { .. } => "let go of a queued commit's ticket".to_owned(),
        Step::Sync => "sync: raise everything to Disk".to_owned(),
        Step::Rotate => "freeze the memtable, begin a new log segment".to_owned(),
        Step::Flush => "flush: move all rows into SSTs".to_owned(),
        Step::DropRows { table, .. } => format!("drop the oldest rows of t{table}"),
        Step::SetRetention { table, limits } => format!("set limits of t{table}: {limits:?}"),
        Step::Retain => "background: drop what limits do not keep".to_owned(),
        Step::RetainNow { table } => format!("drop what the limits of t{table} do not keep"),
        Step::Compact { table } => format!("merge the SSTs of t{table}"),
        Step::Job { steps, .. } => {
            format!("background: {} of one job", count(usize::from(*steps), "step"))
        }
        Step::Jobs => "background: all jobs, until none has work".to_owned(),
        Step::Check => "read everything and compare".to_owned(),
        Step::Verify => "verify".to_owned(),
        Step::Tick { ns } => format!("the clock moves by {ns} ns"),
        Step::Fault { fault: f } => format!("order an I/O error: {}", fault(f)),
        Step::Close { after: a } => format!("close and open again{}", after(a)),
        Step::ProcessCrash { after: a } => format!("the process dies{}", after(a)),
        Step::PowerCrash { image: i, after: a } => {
            format!("the power fails: {}{}", image(i), after(a))
        }
        Step::CrashAt { call, image: i, after: a } => {
            format!("order a power failure at call {call} from here: {}{}", image(i), after(a))
        }
        other => other.to_line(),
    }
}

/// What a call did, in words; its path is shown beside it.
pub(super) fn call(at: &CallAt<'_>) -> String {
    let call = at.call;
    let rename = |verb: &str| match call.reached.last() {
        Some(entry) => format!("{verb} from {}", path(&entry.path)),
        None => verb.to_owned(),
    };
    match call.op {
        OpKind::Write => written(call),
        OpKind::Sync => "sync".to_owned(),
        OpKind::SyncDir => "sync names of".to_owned(),
        OpKind::SetLen => format!("set length {}", call.offset),
        OpKind::Create => "create".to_owned(),
        OpKind::CreateDir => "create directory".to_owned(),
        OpKind::RemoveFile => "remove".to_owned(),
        OpKind::RemoveDir => "remove directory".to_owned(),
        OpKind::Rename => rename("rename"),
        OpKind::RenameDir => rename("rename directory"),
        OpKind::HardLink => rename("link"),
        OpKind::Lock => "lock".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// What was written, as far as its beginning shows it.
fn written(call: &DiskCall) -> String {
    let bytes = match call.offset {
        u64::MAX => format!("append {}", count(call.len as usize, "byte")),
        offset => format!("write {} at {offset}", count(call.len as usize, "byte")),
    };
    let commits: Vec<String> = call.records.iter().map(|(_, n)| n.to_string()).collect();
    let is_zeros = call.head.iter().all(|byte| *byte == 0);
    let what = if !commits.is_empty() {
        let noun = if commits.len() == 1 { "commit" } else { "commits" };
        format!("{noun} {}", commits.join(", "))
    } else if is_zeros {
        "zeros".to_owned()
    } else if call.head.starts_with(b"SRDBWAL\0") {
        "segment header".to_owned()
    } else if call.head.starts_with(b"SRDBMANI") {
        "header and snapshot".to_owned()
    } else if path(&call.path).starts_with("MANIFEST") {
        "version edit".to_owned()
    } else {
        return bytes;
    };
    format!("{bytes}: {what}")
}
