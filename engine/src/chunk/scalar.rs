//! One value of a column, borrowed where that can be.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::{Column, ColumnData};

/// One value, in the shape of its column (see [`crate::types::Physical`]).
#[derive(Debug, Clone)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float32(f32),
    Float64(f64),
    Decimal(Decimal),
    Bytes(Cow<'a, [u8]>),
}

/// Bit for bit, as columns compare.
impl PartialEq for Scalar<'_> {
    fn eq(&self, other: &Scalar<'_>) -> bool {
        match (self, other) {
            (Scalar::Null, Scalar::Null) => true,
            (Scalar::Bool(a), Scalar::Bool(b)) => a == b,
            (Scalar::Int(a), Scalar::Int(b)) => a == b,
            (Scalar::Float32(a), Scalar::Float32(b)) => a.to_bits() == b.to_bits(),
            (Scalar::Float64(a), Scalar::Float64(b)) => a.to_bits() == b.to_bits(),
            (Scalar::Decimal(a), Scalar::Decimal(b)) => a.serialize() == b.serialize(),
            (Scalar::Bytes(a), Scalar::Bytes(b)) => a == b,
            _ => false,
        }
    }
}

impl Scalar<'_> {
    /// Whether this is a value of such a column.
    pub(crate) fn has_shape_of(&self, data: &ColumnData) -> bool {
        matches!(
            (self, data),
            (Scalar::Bool(_), ColumnData::Bool(_))
                | (Scalar::Int(_), ColumnData::Int(_))
                | (Scalar::Float32(_), ColumnData::Float32(_))
                | (Scalar::Float64(_), ColumnData::Float64(_))
                | (Scalar::Decimal(_), ColumnData::Decimal(_))
                | (Scalar::Bytes(_), ColumnData::Bytes(_))
        )
    }
}

impl Column {
    /// Value `index`, which must be below `len()`.
    pub(crate) fn get(&self, index: usize) -> Scalar<'_> {
        if !self.is_valid(index) {
            return Scalar::Null;
        }
        match &self.data {
            ColumnData::Bool(v) => Scalar::Bool(v.get(index)),
            ColumnData::Int(v) => Scalar::Int(v[index]),
            ColumnData::Float32(v) => Scalar::Float32(v[index]),
            ColumnData::Float64(v) => Scalar::Float64(v[index]),
            ColumnData::Decimal(v) => Scalar::Decimal(v[index]),
            ColumnData::Bytes(v) => Scalar::Bytes(Cow::Borrowed(v.get(index))),
        }
    }

    /// Appends a value, which must have the column's shape or be null.
    pub(crate) fn push(&mut self, value: &Scalar<'_>) {
        match (&mut self.data, value) {
            (_, Scalar::Null) => return self.push_null(),
            (ColumnData::Bool(v), Scalar::Bool(value)) => v.push(*value),
            (ColumnData::Int(v), Scalar::Int(value)) => v.push(*value),
            (ColumnData::Float32(v), Scalar::Float32(value)) => v.push(*value),
            (ColumnData::Float64(v), Scalar::Float64(value)) => v.push(*value),
            (ColumnData::Decimal(v), Scalar::Decimal(value)) => v.push(*value),
            (ColumnData::Bytes(v), Scalar::Bytes(value)) => v.push(value),
            (data, value) => panic!("a {:?} column can't take {value:?}", data.physical()),
        }
        self.mark_valid();
    }
}
