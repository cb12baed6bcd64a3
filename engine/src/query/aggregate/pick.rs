//! One of the values of each group: the least, the greatest, the first, the last.
//!
//! Invariant: least and greatest are by the order of predicates and of sorting (NaN above all
//! numbers, -0.0 equal to 0.0, 1.50 to 1.5); of equal values the first one stays.

use rust_decimal::Decimal;

use super::accumulator::{Accumulator, for_each_value, wrong_shape};
use super::groups::Target;
use crate::chunk::{Bitmap, BytesColumn, Column, ColumnData, Scalar};
use crate::column::ZoneMap;
use crate::row::value_of;
use crate::types::Physical;
use crate::types::exact::cmp_floats;
use crate::{DataType, Error, Result, Value};

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Min,
    Max,
    First,
    Last,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Pick {
    data_type: DataType,
    which: Which,
    slots: Slots,
    seen: Vec<bool>,
    /// Bytes of the values of byte strings.
    held: usize,
}

#[derive(Debug)]
enum Slots {
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Decimal(Vec<Decimal>),
    Bytes(Vec<Vec<u8>>),
}

impl Pick {
    pub(super) fn new(data_type: DataType, which: Which) -> Pick {
        let slots = match data_type.physical() {
            Physical::Bool => Slots::Bool(Vec::new()),
            Physical::Int => Slots::Int(Vec::new()),
            Physical::Float32 => Slots::Float32(Vec::new()),
            Physical::Float64 => Slots::Float64(Vec::new()),
            Physical::Decimal => Slots::Decimal(Vec::new()),
            Physical::Bytes => Slots::Bytes(Vec::new()),
        };
        Pick { data_type, which, slots, seen: Vec::new(), held: 0 }
    }
}

/// Puts the values in their slots where they are wanted; `less` is their order.
#[inline]
fn put<T: Copy>(
    which: Which,
    (slots, seen): (&mut [T], &mut [bool]),
    (column, targets): (&Column, &[Target]),
    value: impl Fn(usize) -> T,
    less: impl Fn(T, T) -> bool,
) {
    macro_rules! go {
        ($new:ident, $old:ident: $wanted:expr) => {
            for_each_value(column, targets, |row, group| {
                let ($new, $old) = (value(row), slots[group]);
                if !seen[group] || $wanted {
                    slots[group] = $new;
                    seen[group] = true;
                }
            })
        };
    }
    match which {
        Which::Min => go!(new, old: less(new, old)),
        Which::Max => go!(new, old: less(old, new)),
        Which::First => go!(new, _old: false),
        Which::Last => go!(new, _old: true),
    }
}

fn put_bytes(
    which: Which,
    (slots, seen, held): (&mut [Vec<u8>], &mut [bool], &mut usize),
    (column, targets): (&Column, &[Target]),
    values: &BytesColumn,
) {
    for_each_value(column, targets, |row, group| {
        let (new, old) = (values.get(row), &mut slots[group]);
        let wanted = !seen[group]
            || match which {
                Which::Min => new < old.as_slice(),
                Which::Max => new > old.as_slice(),
                Which::First => false,
                Which::Last => true,
            };
        if wanted {
            *held -= old.capacity();
            old.clear();
            old.extend_from_slice(new);
            *held += old.capacity();
            seen[group] = true;
        }
    });
}

fn put_bools(
    which: Which,
    room: (&mut [bool], &mut [bool]),
    rows: (&Column, &[Target]),
    values: &Bitmap,
) {
    put(which, room, rows, |row| values.get(row), |a, b| !a & b);
}

impl Accumulator for Pick {
    fn grow(&mut self, groups: usize) {
        self.seen.resize(groups, false);
        match &mut self.slots {
            Slots::Bool(slots) => slots.resize(groups, false),
            Slots::Int(slots) => slots.resize(groups, 0),
            Slots::Float32(slots) => slots.resize(groups, 0.0),
            Slots::Float64(slots) => slots.resize(groups, 0.0),
            Slots::Decimal(slots) => slots.resize(groups, Decimal::ZERO),
            Slots::Bytes(slots) => slots.resize(groups, Vec::new()),
        }
    }

    fn add(&mut self, column: Option<&Column>, targets: &[Target]) -> Result<()> {
        let Some(column) = column else { return Err(wrong_shape(None)) };
        let (which, seen, rows) = (self.which, &mut self.seen[..], (column, targets));
        match (&mut self.slots, &column.data) {
            (Slots::Bool(slots), ColumnData::Bool(values)) => {
                put_bools(which, (slots, seen), rows, values);
            }
            (Slots::Int(slots), ColumnData::Int(values)) => {
                put(which, (slots, seen), rows, |row| values[row], |a, b| a < b);
            }
            (Slots::Float32(slots), ColumnData::Float32(values)) => {
                let less = |a: f32, b: f32| a < b || (b.is_nan() && !a.is_nan());
                put(which, (slots, seen), rows, |row| values[row], less);
            }
            (Slots::Float64(slots), ColumnData::Float64(values)) => {
                let less = |a: f64, b: f64| a < b || (b.is_nan() && !a.is_nan());
                put(which, (slots, seen), rows, |row| values[row], less);
            }
            (Slots::Decimal(slots), ColumnData::Decimal(values)) => {
                put(which, (slots, seen), rows, |row| values[row], |a, b| a < b);
            }
            (Slots::Bytes(slots), ColumnData::Bytes(values)) => {
                put_bytes(which, (slots, seen, &mut self.held), rows, values);
            }
            (_, other) => return Err(wrong_shape(Some(other.physical()))),
        }
        Ok(())
    }

    fn add_zone(&mut self, zone: &ZoneMap, group: usize) -> bool {
        let Pick { which, slots, seen, .. } = self;
        let pick = |(min, max)| if *which == Which::Min { min } else { max };
        if matches!(which, Which::First | Which::Last) {
            return false;
        }
        if zone.valid_count() == 0 {
            return true;
        }
        let better = |less: bool, greater: bool| {
            !seen[group] || if *which == Which::Min { less } else { greater }
        };
        match slots {
            Slots::Bool(slots) => {
                let Some(new) = zone.bools().0.map(pick_bool(*which)) else { return false };
                if better(!new & slots[group], new & !slots[group]) {
                    slots[group] = new;
                }
            }
            Slots::Int(slots) => {
                let Some(new) = zone.int_bounds().map(pick) else { return false };
                if better(new < slots[group], new > slots[group]) {
                    slots[group] = new;
                }
            }
            Slots::Float64(slots) => {
                // NaNs are outside of the bounds, and of 0.0 and -0.0 they may have either.
                let Some(new) = zone.float_bounds().map(pick_float(*which)) else { return false };
                if zone.has_nan() || new == 0.0 {
                    return false;
                }
                let order = cmp_floats(new, slots[group]);
                if better(order.is_lt(), order.is_gt()) {
                    slots[group] = new;
                }
            }
            Slots::Float32(_) | Slots::Decimal(_) | Slots::Bytes(_) => return false,
        }
        seen[group] = true;
        true
    }

    fn bytes(&self) -> usize {
        let slot = match self.slots {
            Slots::Bool(_) => 1,
            Slots::Int(_) | Slots::Float64(_) => 8,
            Slots::Float32(_) => 4,
            Slots::Decimal(_) => 16,
            Slots::Bytes(_) => size_of::<Vec<u8>>(),
        };
        self.seen.capacity() * (slot + 1) + self.held
    }

    fn value(&mut self, group: usize) -> Result<Value> {
        if !self.seen[group] {
            return Ok(Value::Null);
        }
        let scalar = match &self.slots {
            Slots::Bool(slots) => Scalar::Bool(slots[group]),
            Slots::Int(slots) => Scalar::Int(slots[group]),
            Slots::Float32(slots) => Scalar::Float32(slots[group]),
            Slots::Float64(slots) => Scalar::Float64(slots[group]),
            Slots::Decimal(slots) => Scalar::Decimal(slots[group]),
            Slots::Bytes(slots) => Scalar::Bytes(slots[group].as_slice().into()),
        };
        value_of(self.data_type, scalar).map_err(|damage| {
            Error::invalid(format!("a stored value is no {}: {}", self.data_type, damage.what))
        })
    }
}

fn pick_bool(which: Which) -> impl Fn((bool, bool)) -> bool {
    move |(min, max)| if which == Which::Min { min } else { max }
}

fn pick_float(which: Which) -> impl Fn((f64, f64)) -> f64 {
    move |(min, max)| if which == Which::Min { min } else { max }
}
