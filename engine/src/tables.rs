//! Creating and dropping tables.
//!
//! ```text
//!   create:  directories, schema.json, all synced ─► one edit, synced ─► visible
//!   drop:    edit, synced ─► invisible ─► files to the delete job
//! ```
//!
//! A crash before the edit leaves a directory without a table: an orphan. After it, a table
//! without rows, or files without a table: orphans too.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::edit::{Change, VersionEdit};
use crate::jobs::Obsolete;
use crate::limits::TABLES_MAX;
use crate::locks::{lock, read, write};
use crate::schema::name::check_table_name;
use crate::state::State;
use crate::table_state::TableState;
use crate::{Error, Result, Schema, layout};

/// Creates tables, all of them or none. Durable on return.
///
/// # Errors
/// [`Error::TableExists`], [`Error::BadName`], [`Error::BadSchema`], [`Error::Limit`],
/// [`Error::Io`], [`Error::Poisoned`].
pub(crate) fn create(state: &State, wanted: Vec<(String, Schema)>) -> Result<Vec<Arc<TableState>>> {
    wanted.iter().try_for_each(|(name, _)| check_table_name(name))?;
    let mut manifest = lock(&state.manifest);
    state.check_writable()?;
    check_free(state, &wanted)?;
    let count = (manifest.version.tables.len() + wanted.len()) as u64;
    if count > TABLES_MAX as u64 {
        let what = "the number of tables";
        return Err(Error::Limit { what, got: count, limit: TABLES_MAX as u64 });
    }
    let created_time = state.options.clock.now_ns();
    let (mut tables, mut edit) = (Vec::new(), VersionEdit::new(Vec::new()));
    for (name, schema) in wanted {
        // An id whose directory was begun is not used again, whatever becomes of this attempt.
        let id = manifest.next_table;
        manifest.next_table += 1;
        let table = Arc::new(TableState::new(&state.root, id, &name, Arc::new(schema)));
        write_dir(state, &table)?;
        let mut encoded = Vec::new();
        table.schema.encode(&mut encoded);
        let (name, schema) = (name.into(), encoded.into());
        edit.push(Change::CreateTable { id, name, schema, created_time });
        for (field, unique) in indexes_of(&table.schema) {
            edit.push(Change::CreateIndex { table: id, field, unique });
            table.add_index(field, unique);
        }
        tables.push(table);
    }
    if tables.is_empty() {
        return Ok(tables);
    }
    sync_dir(state, &state.root.join(layout::TABLES_DIR))?;
    manifest.commit(state, &edit)?;
    let mut all = write(&state.tables);
    tables.iter().for_each(|table| all.insert(Arc::clone(table)));
    Ok(tables)
}

/// That no two of the names are the same, nor that of a table there is.
fn check_free(state: &State, wanted: &[(String, Schema)]) -> Result<()> {
    let taken = read(&state.tables);
    let mut seen = BTreeSet::new();
    for (name, _) in wanted {
        if taken.by_name.contains_key(name) || !seen.insert(name) {
            return Err(Error::TableExists { name: name.clone() });
        }
    }
    Ok(())
}

/// The fields that a schema wants an index of, and whether it is to be unique.
fn indexes_of(schema: &Schema) -> impl Iterator<Item = (u32, bool)> {
    let fields = (0..).zip(schema.fields());
    let indexed = fields.filter(|(_, field)| field.is_unique() || field.is_indexed());
    indexed.map(|(place, field)| (place, field.is_unique()))
}

/// Makes the table's directory and everything in it durable; its name is for the caller to sync.
fn write_dir(state: &State, table: &TableState) -> Result<()> {
    let vfs = &*state.options.vfs;
    let (ssts, indexes) = (table.dir.join(layout::SST_DIR), table.dir.join(layout::INDEX_DIR));
    let has_indexes = indexes_of(&table.schema).next().is_some();
    for dir in [&table.dir, &ssts].into_iter().chain(has_indexes.then_some(&indexes)) {
        vfs.create_dir(dir).map_err(|e| Error::io("create", dir, e))?;
    }
    let path = table.dir.join(layout::SCHEMA_FILE);
    let file = vfs.create(&path).map_err(|e| Error::io("create", &path, e))?;
    let written = file.write_all_at(table.schema.to_json().as_bytes(), 0);
    written.map_err(|e| Error::io("write", &path, e))?;
    file.sync_all().map_err(|e| Error::io("sync", &path, e))?;
    sync_dir(state, &table.dir)
}

fn sync_dir(state: &State, dir: &Path) -> Result<()> {
    let synced: io::Result<()> = state.options.vfs.sync_dir(dir);
    synced.map_err(|e| Error::io("sync", dir, e))
}

/// Drops a table. Durable on return; readers that hold its files keep them until they are done.
///
/// # Errors
/// [`Error::NoTable`], [`Error::Io`], [`Error::Poisoned`].
pub(crate) fn drop(state: &State, name: &str) -> Result<()> {
    let mut manifest = lock(&state.manifest);
    state.check_writable()?;
    let table = state.table(name)?;
    manifest.commit(state, &VersionEdit::new(vec![Change::DropTable { id: table.id }]))?;
    // Under the lock of the manifest: a flush that is about to publish looks at this.
    table.set_dropped();
    write(&state.tables).remove(table.id);
    std::mem::drop(manifest);
    let files = table.take_files();
    let ssts = files.ssts.iter().cloned().map(Obsolete::Sst);
    let indexes = files.indexes.values().flat_map(|index| index.files.values());
    let indexes = indexes.cloned().map(Obsolete::Index);
    // It stays when the last index is dropped, and comes before the edit that makes the first.
    let index_dir = table.dir.join(layout::INDEX_DIR);
    let may_be_there = !matches!(state.options.vfs.kind(&index_dir), Ok(None));
    let rest = [
        Some(Obsolete::File(table.dir.join(layout::SCHEMA_FILE))),
        Some(Obsolete::Dir(table.dir.join(layout::SST_DIR))),
        may_be_there.then_some(Obsolete::Dir(index_dir)),
        Some(Obsolete::Dir(table.dir.clone())),
    ];
    state.add_obsolete(ssts.chain(indexes).chain(rest.into_iter().flatten()));
    Ok(())
}
