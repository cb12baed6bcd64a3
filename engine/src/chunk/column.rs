//! A column in memory: a typed vector and, where there are nulls, which slots are valid.

use std::ops::Range;

use rust_decimal::Decimal;

use super::{Bitmap, Mask};
use crate::types::Physical;

/// The values of a column. See [`Physical`] for which type takes which shape.
#[derive(Debug, Clone)]
pub(crate) enum ColumnData {
    Bool(Bitmap),
    Int(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Decimal(Vec<Decimal>),
    Bytes(BytesColumn),
}

/// Byte strings, end to end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BytesColumn {
    /// Where each value ends in `data`; a value starts where the one before ends.
    pub(crate) ends: Vec<u32>,
    /// All values. Below 4 GiB by the limits.
    pub(crate) data: Vec<u8>,
}

impl BytesColumn {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn push(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        debug_assert!(u32::try_from(self.data.len()).is_ok(), "a chunk's text exceeds 4 GiB");
        self.ends.push(self.data.len() as u32);
    }

    /// Where value `index` lies in `data`.
    pub(crate) fn span(&self, index: usize) -> Range<usize> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        start..self.ends[index] as usize
    }

    pub(crate) fn get(&self, index: usize) -> &[u8] {
        &self.data[self.span(index)]
    }

    /// Appends `other[range]`.
    pub(crate) fn extend_from(&mut self, other: &BytesColumn, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let from = other.span(range.start).start;
        let to = other.span(range.end - 1).end;
        let base = self.data.len() as u32;
        self.data.extend_from_slice(&other.data[from..to]);
        self.ends.extend(other.ends[range].iter().map(|end| end - from as u32 + base));
    }
}

/// A column: values and validity.
///
/// Invariant: `validity` is `None` where no slot is null, else as long as the data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) data: ColumnData,
    /// Bit set: the slot holds a value. `None`: all do.
    pub(crate) validity: Option<Bitmap>,
}

/// Bit for bit: a NaN equals itself, -0.0 does not equal 0.0, 1.50 does not equal 1.5.
impl PartialEq for ColumnData {
    fn eq(&self, other: &ColumnData) -> bool {
        match (self, other) {
            (ColumnData::Bool(a), ColumnData::Bool(b)) => a == b,
            (ColumnData::Int(a), ColumnData::Int(b)) => a == b,
            (ColumnData::Float32(a), ColumnData::Float32(b)) => {
                a.iter().map(|v| v.to_bits()).eq(b.iter().map(|v| v.to_bits()))
            }
            (ColumnData::Float64(a), ColumnData::Float64(b)) => {
                a.iter().map(|v| v.to_bits()).eq(b.iter().map(|v| v.to_bits()))
            }
            (ColumnData::Decimal(a), ColumnData::Decimal(b)) => {
                a.iter().map(Decimal::serialize).eq(b.iter().map(Decimal::serialize))
            }
            (ColumnData::Bytes(a), ColumnData::Bytes(b)) => a == b,
            _ => false,
        }
    }
}

impl ColumnData {
    pub(crate) fn new(physical: Physical) -> Self {
        match physical {
            Physical::Bool => ColumnData::Bool(Bitmap::default()),
            Physical::Int => ColumnData::Int(Vec::new()),
            Physical::Float32 => ColumnData::Float32(Vec::new()),
            Physical::Float64 => ColumnData::Float64(Vec::new()),
            Physical::Decimal => ColumnData::Decimal(Vec::new()),
            Physical::Bytes => ColumnData::Bytes(BytesColumn::default()),
        }
    }

    pub(crate) fn physical(&self) -> Physical {
        match self {
            ColumnData::Bool(_) => Physical::Bool,
            ColumnData::Int(_) => Physical::Int,
            ColumnData::Float32(_) => Physical::Float32,
            ColumnData::Float64(_) => Physical::Float64,
            ColumnData::Decimal(_) => Physical::Decimal,
            ColumnData::Bytes(_) => Physical::Bytes,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            ColumnData::Bool(v) => v.len(),
            ColumnData::Int(v) => v.len(),
            ColumnData::Float32(v) => v.len(),
            ColumnData::Float64(v) => v.len(),
            ColumnData::Decimal(v) => v.len(),
            ColumnData::Bytes(v) => v.len(),
        }
    }

    /// Appends the type's zero, `count` times: what a null slot holds.
    pub(crate) fn push_zeros(&mut self, count: usize) {
        match self {
            ColumnData::Bool(v) => v.extend_filled(count, false),
            ColumnData::Int(v) => v.resize(v.len() + count, 0),
            ColumnData::Float32(v) => v.resize(v.len() + count, 0.0),
            ColumnData::Float64(v) => v.resize(v.len() + count, 0.0),
            ColumnData::Decimal(v) => v.resize(v.len() + count, Decimal::ZERO),
            ColumnData::Bytes(v) => v.ends.resize(v.ends.len() + count, v.data.len() as u32),
        }
    }

    /// Makes a slot of fixed width the type's zero. Byte strings and bits are left as they are:
    /// whoever appends them appends the zero.
    pub(crate) fn set_zero(&mut self, index: usize) {
        match self {
            ColumnData::Int(v) => v[index] = 0,
            ColumnData::Float32(v) => v[index] = 0.0,
            ColumnData::Float64(v) => v[index] = 0.0,
            ColumnData::Decimal(v) => v[index] = Decimal::ZERO,
            ColumnData::Bool(_) | ColumnData::Bytes(_) => {}
        }
    }

    fn value_bytes(&self) -> usize {
        match self {
            ColumnData::Bool(v) => v.len().div_ceil(8),
            ColumnData::Int(v) => v.len() * 8,
            ColumnData::Float32(v) => v.len() * 4,
            ColumnData::Float64(v) => v.len() * 8,
            ColumnData::Decimal(v) => v.len() * 16,
            ColumnData::Bytes(v) => v.ends.len() * 4 + v.data.len(),
        }
    }

    fn extend_from(&mut self, other: &ColumnData, range: Range<usize>) {
        match (self, other) {
            (ColumnData::Bool(a), ColumnData::Bool(b)) => a.extend_from(b, range),
            (ColumnData::Int(a), ColumnData::Int(b)) => a.extend_from_slice(&b[range]),
            (ColumnData::Float32(a), ColumnData::Float32(b)) => a.extend_from_slice(&b[range]),
            (ColumnData::Float64(a), ColumnData::Float64(b)) => a.extend_from_slice(&b[range]),
            (ColumnData::Decimal(a), ColumnData::Decimal(b)) => a.extend_from_slice(&b[range]),
            (ColumnData::Bytes(a), ColumnData::Bytes(b)) => a.extend_from(b, range),
            (a, b) => panic!("a {:?} column can't take {:?}", a.physical(), b.physical()),
        }
    }
}

impl Column {
    /// An empty column.
    pub(crate) fn new(physical: Physical) -> Self {
        Column { data: ColumnData::new(physical), validity: None }
    }

    /// An empty column with room for as much as this one holds.
    pub(crate) fn empty_like(&self) -> Self {
        let mut column = Column::with_room(self.data.physical(), self.len());
        if let (ColumnData::Bytes(room), ColumnData::Bytes(v)) = (&mut column.data, &self.data) {
            // An eighth more: texts vary, and growing again would copy all of them.
            room.data.reserve_exact(v.data.len() + v.data.len() / 8);
        }
        column
    }

    /// An empty column with room for `len` values, but for the bytes of byte strings.
    pub(crate) fn with_room(physical: Physical, len: usize) -> Self {
        let mut data = ColumnData::new(physical);
        match &mut data {
            ColumnData::Bool(_) => {}
            ColumnData::Int(v) => v.reserve_exact(len),
            ColumnData::Float32(v) => v.reserve_exact(len),
            ColumnData::Float64(v) => v.reserve_exact(len),
            ColumnData::Decimal(v) => v.reserve_exact(len),
            ColumnData::Bytes(v) => v.ends.reserve_exact(len),
        }
        Column { data, validity: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    pub(crate) fn is_valid(&self, index: usize) -> bool {
        self.validity.as_ref().is_none_or(|v| v.get(index))
    }

    pub(crate) fn null_count(&self) -> usize {
        self.validity.as_ref().map_or(0, |v| v.len() - v.count_ones())
    }

    pub(crate) fn value_bytes(&self) -> usize {
        self.data.value_bytes() + self.validity.as_ref().map_or(0, |v| v.len().div_ceil(8))
    }

    /// Appends a null.
    pub(crate) fn push_null(&mut self) {
        let len = self.len();
        self.validity.get_or_insert_with(|| Bitmap::filled(len, true)).push(false);
        self.data.push_zeros(1);
    }

    /// To be called after a value was pushed to `data` directly.
    pub(crate) fn mark_valid(&mut self) {
        if let Some(validity) = &mut self.validity {
            validity.push(true);
        }
    }

    /// Keeps the first `len` values, and their room; nothing where there are no more.
    pub(crate) fn truncate(&mut self, len: usize) {
        if len >= self.len() {
            return;
        }
        match &mut self.data {
            ColumnData::Bool(v) => v.truncate(len),
            ColumnData::Int(v) => v.truncate(len),
            ColumnData::Float32(v) => v.truncate(len),
            ColumnData::Float64(v) => v.truncate(len),
            ColumnData::Decimal(v) => v.truncate(len),
            ColumnData::Bytes(v) => {
                v.ends.truncate(len);
                v.data.truncate(v.ends.last().map_or(0, |end| *end as usize));
            }
        }
        if let Some(validity) = &mut self.validity {
            validity.truncate(len);
            if validity.count_ones() == len {
                self.validity = None;
            }
        }
    }

    /// Appends `other[range]`. The shapes must agree.
    pub(crate) fn extend_from(&mut self, other: &Column, range: Range<usize>) {
        let len = self.len();
        // A part without nulls needs no bitmap where there is none yet.
        let from = other.validity.as_ref();
        if let Some(from) = from.filter(|v| self.validity.is_some() || !v.is_set(range.clone())) {
            self.validity
                .get_or_insert_with(|| Bitmap::filled(len, true))
                .extend_from(from, range.clone());
        } else if let Some(validity) = &mut self.validity {
            validity.extend_filled(range.len(), true);
        }
        self.data.extend_from(&other.data, range);
    }

    /// Appends the rows of `mask` of `other`, which the mask is as long as. The shapes must agree.
    pub(crate) fn gather_from(&mut self, other: &Column, mask: &Mask) {
        if mask.count() == other.len() {
            return self.extend_from(other, 0..other.len());
        }
        let len = self.len();
        if let Some(from) = &other.validity {
            let validity = self.validity.get_or_insert_with(|| Bitmap::filled(len, true));
            mask.rows().for_each(|row| validity.push(from.get(row)));
        } else if let Some(validity) = &mut self.validity {
            validity.extend_filled(mask.count(), true);
        }
        match (&mut self.data, &other.data) {
            (ColumnData::Bool(a), ColumnData::Bool(b)) => {
                mask.rows().for_each(|row| a.push(b.get(row)));
            }
            (ColumnData::Int(a), ColumnData::Int(b)) => a.extend(mask.rows().map(|row| b[row])),
            (ColumnData::Float32(a), ColumnData::Float32(b)) => {
                a.extend(mask.rows().map(|row| b[row]));
            }
            (ColumnData::Float64(a), ColumnData::Float64(b)) => {
                a.extend(mask.rows().map(|row| b[row]));
            }
            (ColumnData::Decimal(a), ColumnData::Decimal(b)) => {
                a.extend(mask.rows().map(|row| b[row]));
            }
            (ColumnData::Bytes(a), ColumnData::Bytes(b)) => {
                mask.rows().for_each(|row| a.push(b.get(row)));
            }
            (a, b) => panic!("a {:?} column can't take {:?}", a.physical(), b.physical()),
        }
    }
}
