//! What each column of a table takes, in memory's form and on disk. Reads the directory of every
//! block, and no value.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::sst::{SstReader, TIME_COLUMN};
use crate::table_files::TableFiles;
use crate::table_state::TableState;
use crate::{DataType, Result};

/// What a column takes in the SSTs of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ColumnStats {
    /// The field's name; `_time` for the moments at which rows were stored.
    pub name: String,
    /// The field's type, by its name.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Rows.
    pub rows: u64,
    /// How many of them are null.
    pub nulls: u64,
    /// Bytes of the values in the plain encoding, nulls included.
    pub raw_bytes: u64,
    /// Bytes of the values as they are stored, dictionaries included. Neither the directories of
    /// the blocks nor their padding are in it.
    pub stored_bytes: u64,
    /// Bytes of the dictionaries among these.
    pub dictionary_bytes: u64,
    /// Blocks by the encoding that the column has in them.
    pub encodings: BTreeMap<String, u64>,
}

/// Of `_time` and each field, in the order of the schema.
///
/// # Errors
/// [`crate::Error::Corrupt`], [`crate::Error::Io`].
pub(crate) fn column_stats(table: &TableState, files: &TableFiles) -> Result<Vec<ColumnStats>> {
    let time = std::iter::once(("_time", DataType::Timestamp));
    let fields = table.schema.fields().iter().map(|field| (field.name(), field.data_type()));
    let types: Vec<(&str, DataType)> = time.chain(fields).collect();
    let mut columns: Vec<ColumnStats> = types
        .iter()
        .map(|(name, data_type)| ColumnStats {
            name: (*name).to_owned(),
            data_type: data_type.name().to_owned(),
            rows: 0,
            nulls: 0,
            raw_bytes: 0,
            stored_bytes: 0,
            dictionary_bytes: 0,
            encodings: BTreeMap::new(),
        })
        .collect();
    for sst in &files.ssts {
        let reader = sst.reader()?;
        add_blocks(reader, &types, &mut columns)?;
        for (column, bytes) in reader.dictionary_sizes() {
            if let Some(stats) = columns.get_mut(column) {
                stats.stored_bytes += bytes;
                stats.dictionary_bytes += bytes;
            }
        }
    }
    Ok(columns)
}

fn add_blocks(
    reader: &SstReader,
    types: &[(&str, DataType)],
    columns: &mut [ColumnStats],
) -> Result<()> {
    let mut seq = reader.meta().min_seq;
    while let Some(block) = reader.block_of(seq)? {
        for (column, (stats, (_, data_type))) in columns.iter_mut().zip(types).enumerate() {
            let zone = block.column_zone(column)?;
            let (encoding, stored) = block.column_form(column)?;
            let rows = u64::from(zone.rows);
            stats.rows += rows;
            stats.nulls += u64::from(zone.null_count);
            stats.raw_bytes += match data_type.plain_width() {
                Some(width) => rows * width as u64,
                // A text has its length before it.
                None => rows * 4 + zone.bytes_total(),
            };
            stats.stored_bytes += stored;
            *stats.encodings.entry(encoding).or_default() += 1;
        }
        seq = block.end_seq();
    }
    debug_assert_eq!(columns[TIME_COLUMN].name, "_time");
    Ok(())
}
