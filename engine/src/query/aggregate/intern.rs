//! Values told apart: each different value of a column gets a number, from 0.
//!
//! Invariants
//! 1. Numbers are dense and in the order of first sight. Null has a number of its own.
//! 2. Equal is as in order: 1.50 is 1.5, 0.0 is -0.0, any two NaNs are one. The form that is kept
//!    is the first seen.
//! 3. What can't be numbered any more makes [`Interner::bytes`] exceed every limit.
//! 4. The table is never iterated and its hash is fixed, so that the same rows give the same
//!    numbers on every run.

use hashbrown::HashTable;
use rust_decimal::Decimal;

use crate::chunk::{Column, ColumnData};
use crate::column::{hash_bytes, hash_int};
use crate::mutant;
use crate::types::Physical;
use crate::types::exact::cmp_floats;

/// Bytes that an entry of the table takes: a number, a tag, and room at a load of 7/8 or less.
const ENTRY_BYTES: usize = 8;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Interner {
    /// By number; the slot of null is null.
    values: Column,
    null: Option<u32>,
    /// Of all but null.
    table: HashTable<u32>,
    /// There are no more numbers, or no more places for bytes: what came since is not told apart.
    full: bool,
}

/// Numbers of values; the greatest u32 is no number.
const VALUES_MAX: usize = u32::MAX as usize;

/// A hash that is the same for equal values.
pub(super) fn hash_float(value: f64) -> u64 {
    let one = if value.is_nan() { f64::NAN } else { value + 0.0 };
    hash_int(one.to_bits() as i64)
}

pub(super) fn hash_decimal(value: Decimal) -> u64 {
    let one = value.normalize();
    let mantissa = one.mantissa();
    let high = (mantissa >> 64) as i64 ^ i64::from(one.scale()).rotate_left(40);
    hash_int(mantissa as i64 ^ hash_int(high) as i64)
}

impl Interner {
    pub(crate) fn new(physical: Physical) -> Interner {
        let values = Column::new(physical);
        Interner { values, null: None, table: HashTable::new(), full: false }
    }

    /// How many values there are, null included.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The values by their numbers.
    pub(crate) fn values(&self) -> &Column {
        &self.values
    }

    /// Bytes of memory; more than any limit where values are not told apart any more.
    pub(crate) fn bytes(&self) -> usize {
        if self.full {
            return usize::MAX;
        }
        self.values.value_bytes() + self.table.capacity() * ENTRY_BYTES
    }

    /// The number of null.
    pub(crate) fn null(&mut self) -> u32 {
        if let Some(id) = self.null
            && !mutant::on("null-keys-differ")
        {
            return id;
        }
        let id = self.values.len() as u32;
        self.values.push_null();
        self.null = Some(id);
        id
    }

    #[inline]
    pub(crate) fn int(&mut self, value: i64) -> u32 {
        let Interner { values, table, full, .. } = self;
        let ColumnData::Int(data) = &mut values.data else { return 0 };
        let is_it = |id: &u32| data[*id as usize] == value;
        let hash = hash_int(value);
        if let Some(id) = table.find(hash, is_it) {
            return *id;
        }
        if data.len() >= VALUES_MAX {
            *full = true;
            return 0;
        }
        let id = data.len() as u32;
        data.push(value);
        values.mark_valid();
        let ColumnData::Int(data) = &values.data else { return 0 };
        table.insert_unique(hash, id, |id| hash_int(data[*id as usize]));
        id
    }

    /// The number of a string of bytes.
    #[inline]
    pub(crate) fn bytes_of(&mut self, value: &[u8]) -> u32 {
        let Interner { values, table, full, .. } = self;
        let ColumnData::Bytes(data) = &mut values.data else { return 0 };
        let is_it = |id: &u32| data.get(*id as usize) == value;
        let hash = hash_bytes(value);
        if let Some(id) = table.find(hash, is_it) {
            return *id;
        }
        if data.len() >= VALUES_MAX || data.data.len() + value.len() > u32::MAX as usize {
            *full = true;
            return 0;
        }
        let id = data.len() as u32;
        data.push(value);
        values.mark_valid();
        let ColumnData::Bytes(data) = &values.data else { return 0 };
        table.insert_unique(hash, id, |id| hash_bytes(data.get(*id as usize)));
        id
    }

    /// The number of the value in slot `row` of a column of the same shape.
    #[inline]
    pub(crate) fn of(&mut self, column: &Column, row: usize) -> u32 {
        if !column.is_valid(row) {
            return self.null();
        }
        match &column.data {
            ColumnData::Int(from) => self.int(from[row]),
            ColumnData::Bytes(from) => self.bytes_of(from.get(row)),
            _ => self.other(column, row),
        }
    }

    /// Values of which there are few, or that are slow to tell apart anyway.
    fn other(&mut self, column: &Column, row: usize) -> u32 {
        let Interner { values, table, full, .. } = self;
        let hash = hash_at(&column.data, row);
        let is_it = |id: &u32| are_equal(&values.data, *id as usize, &column.data, row);
        if let Some(id) = table.find(hash, is_it) {
            return *id;
        }
        if values.len() >= VALUES_MAX {
            *full = true;
            return 0;
        }
        let id = values.len() as u32;
        values.push(&column.get(row));
        let data = &values.data;
        table.insert_unique(hash, id, |id| hash_at(data, *id as usize));
        id
    }
}

/// The hash of a slot, which holds a value.
#[inline]
pub(super) fn hash_at(data: &ColumnData, row: usize) -> u64 {
    match data {
        ColumnData::Bool(values) => hash_int(values.get(row).into()),
        ColumnData::Int(values) => hash_int(values[row]),
        ColumnData::Float32(values) => hash_float(values[row].into()),
        ColumnData::Float64(values) => hash_float(values[row]),
        ColumnData::Decimal(values) => hash_decimal(values[row]),
        ColumnData::Bytes(values) => hash_bytes(values.get(row)),
    }
}

fn are_equal(a: &ColumnData, i: usize, b: &ColumnData, j: usize) -> bool {
    match (a, b) {
        (ColumnData::Bool(a), ColumnData::Bool(b)) => a.get(i) == b.get(j),
        (ColumnData::Int(a), ColumnData::Int(b)) => a[i] == b[j],
        (ColumnData::Float32(a), ColumnData::Float32(b)) => {
            cmp_floats(a[i].into(), b[j].into()).is_eq()
        }
        (ColumnData::Float64(a), ColumnData::Float64(b)) => cmp_floats(a[i], b[j]).is_eq(),
        (ColumnData::Decimal(a), ColumnData::Decimal(b)) => a[i] == b[j],
        (ColumnData::Bytes(a), ColumnData::Bytes(b)) => a.get(i) == b.get(j),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::Scalar;

    fn ids(physical: Physical, values: &[Scalar<'_>]) -> Vec<u32> {
        let (mut column, mut interner) = (Column::new(physical), Interner::new(physical));
        values.iter().for_each(|value| column.push(value));
        (0..values.len()).map(|row| interner.of(&column, row)).collect()
    }

    #[test]
    fn equal_values_have_one_number() {
        let floats = [0.0, -0.0, f64::NAN, 1.5, -f64::NAN, 0.0].map(Scalar::Float64);
        assert_eq!(ids(Physical::Float64, &floats), [0, 0, 1, 2, 1, 0]);
        let texts = ["1.5", "1.50", "0", "-0.00", "15", "79228162514264337593543950335"];
        let decimals = texts.map(|text| Scalar::Decimal(text.parse().expect("a decimal")));
        assert_eq!(ids(Physical::Decimal, &decimals), [0, 0, 1, 1, 2, 3]);
        let ints = [Scalar::Int(7), Scalar::Null, Scalar::Int(0), Scalar::Null, Scalar::Int(0)];
        assert_eq!(ids(Physical::Int, &ints), [0, 1, 2, 1, 2]);
        let bytes = [&b""[..], b"\0", b"a", b"", b"\0\0"].map(|v| Scalar::Bytes(v.into()));
        assert_eq!(ids(Physical::Bytes, &bytes), [0, 1, 2, 0, 3]);
        let bools = [true, false, true].map(Scalar::Bool);
        assert_eq!(ids(Physical::Bool, &bools), [0, 1, 0]);
    }

    #[test]
    fn many_values_stay_apart() {
        let mut interner = Interner::new(Physical::Int);
        for round in 0..2 {
            for value in 0..100_000 {
                assert_eq!(interner.int(value << 20), value as u32, "round {round}");
            }
        }
    }
}
