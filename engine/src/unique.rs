//! Unique fields: no two rows of a table may have the same value; nulls are not values.
//!
//! The leader of a group asks before it numbers a commit, so what it has to look at is fixed: rows
//! that are in the table, and rows of commits that stand before this one in the same group.
//!
//! Invariant: a commit is refused as a whole, and leaves nothing behind in [`Seen`].

use std::collections::BTreeSet;

use crate::chunk::Scalar;
use crate::index::key;
use crate::mutant;
use crate::queue::Pending;
use crate::row::{RowBatch, value_of};
use crate::table_files::TableFiles;
use crate::table_state::TableState;
use crate::{Error, Result};

/// The values of unique fields in the commits of a group so far: table, field, value.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeSet<(u32, u32, Vec<u8>)>);

/// Whether the rows of a commit may be added, to the table and to the group.
///
/// # Errors
/// [`Error::NotUnique`]; [`Error::Corrupt`] or [`Error::Io`] if an index can't be read.
pub(crate) fn check(commit: &Pending, seen: &mut Seen) -> Result<()> {
    let mut added = Vec::new();
    let checked = commit.tables.iter().try_for_each(|(table, batch)| {
        let files = table.files();
        let unique = files.indexes.iter().filter(|(_, index)| index.unique);
        unique
            .map(|(field, _)| *field)
            .try_for_each(|field| check_field(table, &files, batch, field, seen, &mut added))
    });
    if checked.is_err() && !mutant::when("refused-values-kept", || !added.is_empty()) {
        for value in &added {
            seen.0.remove(value);
        }
    }
    checked
}

fn check_field(
    table: &TableState,
    files: &TableFiles,
    batch: &RowBatch,
    field: u32,
    seen: &mut Seen,
    added: &mut Vec<(u32, u32, Vec<u8>)>,
) -> Result<()> {
    let column = &batch.columns()[field as usize];
    let mut key = Vec::new();
    for row in 0..batch.rows() {
        let value = column.get(row);
        key.clear();
        if !key::put_key(&value, &mut key) {
            continue;
        }
        let whole = match &value {
            Scalar::Bytes(bytes) if key::is_cut(&key) => bytes.to_vec(),
            _ => key.clone(),
        };
        let entry = (table.id, field, whole);
        let is_new = seen.0.insert(entry.clone());
        let is_own = || added.contains(&entry);
        if !is_new
            && !mutant::when("unique-own-rows-unasked", is_own)
            && !mutant::when("unique-queue-unasked", || !is_own())
        {
            return Err(not_unique(table, field, value, None));
        }
        added.push(entry);
        if let Some(seq) = find(files, field, &value, &key)? {
            return Err(not_unique(table, field, value, Some(seq)));
        }
    }
    Ok(())
}

/// The row that has a value, if there is one.
fn find(files: &TableFiles, field: u32, value: &Scalar<'_>, key: &[u8]) -> Result<Option<i64>> {
    let mut rows = Vec::new();
    for memtable in files.memtables.iter().rev() {
        rows.clear();
        memtable.with_groups(field, |groups| groups.rows_of(key, 0, u32::MAX, &mut rows));
        for row in &rows {
            let seq = memtable.first_seq() + i64::from(*row);
            if seq < files.dropped_below {
                continue;
            }
            let is_same = |found: &Scalar<'_>| is_same(key, found, value);
            let column = field as usize;
            let same = memtable.with_row(seq, |chunk, at| is_same(&chunk.columns[column].get(at)));
            if same == Some(true) && !mutant::on("unique-memory-unasked") {
                return Ok(Some(seq));
            }
        }
    }
    let Some(index) = files.indexes.get(&field) else { return Ok(None) };
    for sst in files.ssts.iter().rev() {
        let Some(file) = index.files.get(&sst.meta.file_number) else { continue };
        rows.clear();
        file.reader()?.rows_of(key, &mut rows)?;
        for row in &rows {
            let seq = sst.meta.min_seq + i64::from(*row);
            if seq < files.dropped_below && !mutant::on("dropped-value-still-taken") {
                continue;
            }
            let Some(found) = sst.reader()?.row(seq)? else { continue };
            if is_same(key, &found.get(field as usize)?, value)
                && !mutant::on("unique-files-unasked")
            {
                return Ok(Some(seq));
            }
        }
    }
    Ok(None)
}

/// Whether a value whose key is the same is the same itself.
fn is_same(key: &[u8], found: &Scalar<'_>, wanted: &Scalar<'_>) -> bool {
    !key::is_cut(key) || found == wanted
}

fn not_unique(table: &TableState, field: u32, value: Scalar<'_>, seq: Option<i64>) -> Error {
    let place = field as usize;
    let text = value_of(table.types[place], value);
    Error::NotUnique {
        table: table.name.clone(),
        field: table.schema.fields()[place].name().to_owned(),
        value: text.map_or_else(|damage| damage.what, |value| value.to_string()),
        seq,
    }
}
