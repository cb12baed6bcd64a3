//! Reading rows, wherever they are: in a memtable or in an SST.

use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;

use crate::chunk::{Chunk, Column, ColumnData};
use crate::error::Damage;
use crate::row::{Projection, text_ref_of, value_of, value_of_cell, value_ref_of};
use crate::sst::{BlockRef, TIME_COLUMN};
use crate::table_files::TableFiles;
use crate::table_state::TableState;
use crate::{DataType, Error, Result, Row, Value, ValueRef};

/// `_seq`s as a half-open range.
pub(crate) fn resolve_seqs(range: &impl RangeBounds<i64>) -> Range<i64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => i64::MIN,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => i64::MAX,
    };
    start..end
}

/// The row of `seq`, if it is before `end`.
pub(crate) fn get(
    table: &TableState,
    files: &TableFiles,
    end: i64,
    seq: i64,
    projection: &Arc<Projection>,
) -> Result<Option<Row>> {
    if seq >= end || seq < files.first_seq() {
        return Ok(None);
    }
    if let Some(memtable) = files.memtable_of(seq) {
        let row =
            memtable.with_row(seq, |chunk, index| row_of_chunk(table, chunk, index, projection));
        return row.transpose();
    }
    let Some(sst) = files.sst_of(seq) else { return Ok(None) };
    let Some(block) = sst.reader()?.block_of(seq)? else { return Ok(None) };
    row_of_block(table, &block, (seq - block.first_seq()) as usize, projection).map(Some)
}

/// A row of a chunk in memory.
fn row_of_chunk(
    table: &TableState,
    chunk: &Chunk,
    index: usize,
    projection: &Arc<Projection>,
) -> Result<Row> {
    let columns = (0..projection.len()).map(|at| projection.schema_index(at));
    let value = |column: usize| value_of(table.types[column], chunk.columns[column].get(index));
    let values: Result<Vec<Value>, Damage> = columns.map(value).collect();
    let values = values.map_err(|damage| in_memory(&damage))?;
    let seq = chunk.first_seq + index as i64;
    Ok(Row::new(seq, chunk.times[index], Arc::clone(projection), values))
}

/// A row of a block.
fn row_of_block(
    table: &TableState,
    block: &BlockRef<'_>,
    row: usize,
    projection: &Arc<Projection>,
) -> Result<Row> {
    let seq = block.first_seq() + row as i64;
    let mut values = Vec::with_capacity(projection.len());
    for at in 0..projection.len() {
        let field = projection.schema_index(at);
        let data_type = table.types[field];
        values.push(match short_way(block, field + 1, row, data_type) {
            Some(value) => value,
            None => value_of(data_type, block.value(field + 1, row)?).map_err(|damage| {
                let field = table.schema.fields()[field].name();
                block.damaged(format!("row {seq}, field {field:?}: {}", damage.what))
            })?,
        });
    }
    let time = block.cell(TIME_COLUMN, row);
    let time = match time.and_then(|time| time.int(DataType::Timestamp, None)) {
        Some(time) => time,
        None => block.time(row)?,
    };
    Ok(Row::new(seq, time, Arc::clone(projection), values))
}

/// A value of a block, if nothing about it is out of the ordinary.
#[inline]
fn short_way(
    block: &BlockRef<'_>,
    column: usize,
    row: usize,
    data_type: DataType,
) -> Option<Value> {
    let cell = block.cell(column, row)?;
    let dictionary = cell.needs_dictionary().then(|| block.mapped_dictionary(column)).flatten();
    value_of_cell(data_type, &cell, dictionary)
}

/// Rows in memory were checked when they came in; this can't be but through a bug of ours.
fn in_memory(damage: &Damage) -> Error {
    Error::invalid(format!("a row in memory is damaged: {}", damage.what))
}

/// The `_seq`s of the rows whose `_time` is in `times`.
pub(crate) fn seqs_of_times(
    table: &TableState,
    files: &TableFiles,
    end: i64,
    times: &impl RangeBounds<i64>,
) -> Result<Range<i64>> {
    let first = |from: Bound<&i64>, unbounded: i64| match from {
        Bound::Included(time) => first_not_before(table, files, end, *time),
        Bound::Excluded(time) => match time.checked_add(1) {
            Some(time) => first_not_before(table, files, end, time),
            None => Ok(end),
        },
        Bound::Unbounded => Ok(unbounded),
    };
    let start = first(times.start_bound(), files.first_seq())?;
    let stop = match times.end_bound() {
        // The range ends before the first row that is later.
        Bound::Included(time) => first(Bound::Excluded(time), end)?,
        Bound::Excluded(time) => first(Bound::Included(time), end)?,
        Bound::Unbounded => end,
    };
    Ok(start..stop)
}

/// `_seq` of the first row before `end` whose `_time` is at or after `time`; `end` if none is.
fn first_not_before(table: &TableState, files: &TableFiles, end: i64, time: i64) -> Result<i64> {
    let none = Arc::new(Projection::of(Arc::clone(&table.schema), &table.name, &[])?);
    let (mut low, mut high) = (files.first_seq(), end);
    while low < high {
        let middle = low + (high - low) / 2;
        let row = get(table, files, end, middle, &none)?;
        if row.is_some_and(|row| row.time() < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// The rows of a table as chunks of the columns that a reader wants.
#[derive(Debug, Clone)]
pub(crate) struct Projected {
    table: Arc<TableState>,
    files: Arc<TableFiles>,
    projection: Arc<Projection>,
    /// Of each field that is wanted, its type and where in the schema it is.
    fields: Box<[(DataType, usize)]>,
}

/// Some consecutive rows, decoded.
#[derive(Debug, Clone)]
pub(crate) struct Decoded {
    chunk: Arc<Chunk>,
    /// Whether the chunk's columns are those of the schema, not those of the projection.
    whole: bool,
    /// Of each field that is wanted, its column's text, where it is text and was decoded for this
    /// reader: checked to be UTF-8 once, not value by value. The column has the ends then, and no
    /// bytes.
    texts: Box<[Option<String>]>,
}

impl Projected {
    pub(crate) fn new(
        table: &Arc<TableState>,
        files: Arc<TableFiles>,
        projection: Projection,
    ) -> Self {
        let fields = (0..projection.len()).map(|at| projection.schema_index(at));
        let fields = fields.map(|index| (table.types[index], index)).collect();
        Projected { table: Arc::clone(table), files, projection: Arc::new(projection), fields }
    }

    /// How many fields are wanted.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The value of the `at`-th field that is wanted of row `seq`, in slot `index` of `decoded`;
    /// null beyond the last field.
    #[inline]
    pub(crate) fn value<'d>(
        &self,
        decoded: &'d Decoded,
        at: usize,
        seq: i64,
        index: usize,
    ) -> Result<ValueRef<'d>> {
        let Some((data_type, field)) = self.fields.get(at) else { return Ok(ValueRef::Null) };
        let column = decoded.column(at, *field);
        if let Some(Some(text)) = decoded.texts.get(at) {
            return text_ref_of(*data_type, column, text, index, |damage| {
                self.damaged(seq, &damage)
            });
        }
        value_ref_of(*data_type, column, index, |damage| self.damaged(seq, &damage))
    }

    pub(crate) fn first_seq(&self) -> i64 {
        self.files.first_seq()
    }

    /// Rows around `seq`, which has to be one of `seqs`: those of its chunk or block that are in
    /// `seqs` too, and perhaps more.
    pub(crate) fn around(&self, seq: i64, seqs: &Range<i64>) -> Result<Decoded> {
        if let Some(memtable) = self.files.memtable_of(seq) {
            let chunk_rows = memtable.chunk_rows();
            let ordinal = (seq - memtable.first_seq()) as usize / chunk_rows;
            let visible = (seqs.end - memtable.first_seq()) as usize;
            let chunk = memtable.chunk(ordinal, visible);
            let chunk = chunk.ok_or_else(|| missing(&self.table, seq))?;
            return Ok(Decoded { chunk, whole: true, texts: Box::default() });
        }
        let sst = self.files.sst_of(seq).ok_or_else(|| missing(&self.table, seq))?;
        let block = sst.reader()?.block_of(seq)?;
        let block = block.ok_or_else(|| missing(&self.table, seq))?;
        let first = block.first_seq();
        let from = seqs.start.max(first) - first;
        let to = seqs.end.min(block.end_seq()) - first;
        let fields: Vec<usize> = self.fields.iter().map(|(_, index)| *index).collect();
        let mut chunk = block.unpack(Some(&fields), from as usize..to as usize)?;
        let types = self.fields.iter().map(|(data_type, _)| *data_type);
        let texts =
            types.zip(&mut chunk.columns).map(|(data_type, column)| take_text(data_type, column));
        let texts = texts.collect();
        Ok(Decoded { chunk: Arc::new(chunk), whole: false, texts })
    }

    /// The row of `seq`, if `decoded` has it.
    pub(crate) fn row(&self, decoded: &Decoded, seq: i64) -> Option<Result<Row>> {
        let index = decoded.index_of(seq)?;
        let values = (0..self.len()).map(|at| self.value(decoded, at, seq, index));
        let values: Result<Vec<Value>> = values.map(|value| Ok(value?.to_value())).collect();
        let row = |values| Row::new(seq, decoded.time(index), Arc::clone(&self.projection), values);
        Some(values.map(row))
    }

    /// Damage in a value of row `seq`, with the file that it is in.
    pub(crate) fn damaged(&self, seq: i64, damage: &Damage) -> Error {
        match self.files.sst_of(seq) {
            Some(sst) => Error::corrupt(&sst.path, 0, format!("row {seq}: {}", damage.what)),
            None => in_memory(damage),
        }
    }
}

impl Decoded {
    /// Where in the chunk row `seq` is.
    pub(crate) fn index_of(&self, seq: i64) -> Option<usize> {
        let index = usize::try_from(seq.checked_sub(self.chunk.first_seq)?).ok()?;
        (index < self.chunk.len()).then_some(index)
    }

    pub(crate) fn time(&self, index: usize) -> i64 {
        self.chunk.times[index]
    }

    /// The column of the `at`-th field that the reader wants, which is field `field` of the schema.
    #[inline]
    fn column(&self, at: usize, field: usize) -> &Column {
        &self.chunk.columns[if self.whole { field } else { at }]
    }
}

/// Moves the bytes of a column of text out of it, if they are UTF-8. If not, they stay, for the
/// value that is not to be found.
pub(crate) fn take_text(data_type: DataType, column: &mut Column) -> Option<String> {
    let (DataType::String | DataType::Json, ColumnData::Bytes(bytes)) =
        (data_type, &mut column.data)
    else {
        return None;
    };
    let text = String::from_utf8(std::mem::take(&mut bytes.data));
    text.map_err(|not_text| bytes.data = not_text.into_bytes()).ok()
}

/// Every row between the first and the last is somewhere, or we have a bug: see `TableFiles`.
fn missing(table: &TableState, seq: i64) -> Error {
    Error::invalid(format!("row {seq} of table {:?} is in no file and not in memory", table.name))
}
