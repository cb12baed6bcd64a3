//! What is known of a file from those beside it. All of it is a help and nothing more: whatever is
//! missing or damaged there is as if it were not there.

use std::path::Path;

use srdb_vfs::{Access, Vfs};

use crate::Schema;
use crate::format::manifest::{META, Meta};
use crate::layout::SCHEMA_FILE;
use crate::manifest::{self, Found};
use crate::version::TableVersion;

/// A schema beside a file is looked at up to this many bytes.
const SCHEMA_BYTES_MAX: u64 = 16 << 20;

/// The id of the database whose directory is `levels` above the file.
pub(super) fn database_id(vfs: &dyn Vfs, path: &Path, levels: usize) -> Option<u64> {
    let root = path.ancestors().nth(levels)?;
    let bytes = read(vfs, &root.join(META), 4096)?;
    Meta::decode(&bytes).ok().map(|meta| meta.database_id)
}

/// The schema with that checksum: from `schema.json` of the table that the SST at `path` is in, or
/// from the MANIFEST of the database.
pub(super) fn schema(vfs: &dyn Vfs, path: &Path, table: u32, checksum: u32) -> Option<Schema> {
    let fits = |schema: &Schema| schema.checksum() == checksum;
    from_json(vfs, path).filter(fits).or_else(|| from_manifest(vfs, path, table).filter(fits))
}

fn from_json(vfs: &dyn Vfs, path: &Path) -> Option<Schema> {
    let bytes = read(vfs, &path.ancestors().nth(2)?.join(SCHEMA_FILE), SCHEMA_BYTES_MAX)?;
    Schema::from_json(std::str::from_utf8(&bytes).ok()?).ok()
}

fn from_manifest(vfs: &dyn Vfs, path: &Path, table: u32) -> Option<Schema> {
    let Found::Database(loaded) = manifest::load(vfs, path.ancestors().nth(4)?).ok()? else {
        return None;
    };
    loaded.version.tables.get(&table).and_then(|table| schema_of(table))
}

fn schema_of(table: &TableVersion) -> Option<Schema> {
    Schema::decode(&mut crate::coding::bytes::Reader::new(&table.schema)).ok()
}

fn read(vfs: &dyn Vfs, path: &Path, bytes_max: u64) -> Option<Vec<u8>> {
    let file = vfs.open(path, Access::Read).ok()?;
    let mut bytes = vec![0; file.len().ok()?.min(bytes_max) as usize];
    file.read_exact_at(&mut bytes, 0).ok()?;
    Some(bytes)
}
