//! Values as bytes that compare as the values do: what is sorted by, and told apart by.
//!
//! ```text
//! 0  marker   u8    0 null, 1 a value, 2 null where nulls come last
//! 1  value          nothing for null
//!    int …          as in an index: see `index/key.rs`
//!    bytes          each 0 as 0 255, then 0 1
//! ```
//!
//! Descending, the value's bytes are flipped; the marker is not, it says where nulls come.
//!
//! Invariant: equal values have equal bytes, whatever their form: 1.50 and 1.5, 0.0 and -0.0, any
//! two NaNs. So the order is that of the predicates; no key is the beginning of another.

use std::borrow::Cow;

use crate::chunk::{Column, Scalar};
use crate::index::key::put_key;
use crate::types::{Value, u64_to_i64};

/// How a key is ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Direction {
    pub(crate) descending: bool,
    pub(crate) nulls_last: bool,
}

/// Appends the key of row `row` of `column`.
pub(crate) fn push(out: &mut Vec<u8>, column: &Column, row: usize, direction: Direction) {
    push_scalar(out, &column.get(row), direction);
}

/// Appends the key of a value. The values of one column have one kind.
pub(super) fn push_value(out: &mut Vec<u8>, value: &Value, direction: Direction) {
    let scalar = match value {
        Value::Null => Scalar::Null,
        Value::Bool(value) => Scalar::Bool(*value),
        Value::Int(value) | Value::Timestamp(value) | Value::Duration(value) => Scalar::Int(*value),
        Value::UInt(value) => Scalar::Int(u64_to_i64(*value)),
        Value::Float32(value) => Scalar::Float32(*value),
        Value::Float64(value) => Scalar::Float64(*value),
        Value::Decimal(value) => Scalar::Decimal(*value),
        Value::String(value) | Value::Json(value) => Scalar::Bytes(Cow::Borrowed(value.as_bytes())),
        Value::Bytes(value) => Scalar::Bytes(Cow::Borrowed(value)),
    };
    push_scalar(out, &scalar, direction);
}

fn push_scalar(out: &mut Vec<u8>, value: &Scalar<'_>, direction: Direction) {
    if *value == Scalar::Null {
        out.push(if direction.nulls_last { 2 } else { 0 });
        return;
    }
    out.push(1);
    let start = out.len();
    match value {
        Scalar::Bytes(value) => push_bytes(out, value),
        _ => {
            put_key(value, out);
        }
    }
    if direction.descending {
        flip(&mut out[start..]);
    }
}

fn flip(bytes: &mut [u8]) {
    bytes.iter_mut().for_each(|byte| *byte = !*byte);
}

fn push_int(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&(value ^ i64::MIN).to_be_bytes());
}

/// Appends a row's number, by which rows of equal keys are ordered.
pub(crate) fn push_seq(out: &mut Vec<u8>, seq: i64, descending: bool) {
    let start = out.len();
    push_int(out, seq);
    if descending {
        flip(&mut out[start..]);
    }
}

/// The row's number at the end of a key.
pub(crate) fn seq_of(key: &[u8], descending: bool) -> i64 {
    let last = key.last_chunk::<8>().copied().unwrap_or_default();
    let flipped = i64::from_be_bytes(last);
    (if descending { !flipped } else { flipped }) ^ i64::MIN
}

fn push_bytes(out: &mut Vec<u8>, value: &[u8]) {
    let mut rest = value;
    while let Some(zero) = memchr::memchr(0, rest) {
        out.extend_from_slice(&rest[..zero]);
        out.extend_from_slice(&[0, 255]);
        rest = &rest[zero + 1..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(&[0, 1]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Physical;

    fn key(physical: Physical, value: &Scalar<'_>, direction: Direction) -> Vec<u8> {
        let (mut column, mut out) = (Column::new(physical), Vec::new());
        column.push(value);
        push(&mut out, &column, 0, direction);
        out
    }

    /// `values` ascend; neighbours in one list are equal.
    fn check(physical: Physical, values: &[Vec<Scalar<'_>>]) {
        for (i, left) in values.iter().flat_map(|g| g.iter().map(move |v| (g, v))).enumerate() {
            for (j, right) in values.iter().flat_map(|g| g.iter().map(move |v| (g, v))).enumerate()
            {
                let same = std::ptr::eq(left.0, right.0);
                let expected = if same { std::cmp::Ordering::Equal } else { i.cmp(&j) };
                let up = Direction::default();
                let down = Direction { descending: true, nulls_last: true };
                let keys = |d| (key(physical, left.1, d), key(physical, right.1, d));
                let ((a, b), (c, d)) = (keys(up), keys(down));
                assert_eq!(a.cmp(&b), expected, "{:?} {:?}", left.1, right.1);
                assert_eq!(c.cmp(&d), expected.reverse(), "{:?} {:?}", left.1, right.1);
            }
        }
    }

    #[test]
    fn keys_are_ordered_as_their_values() {
        let floats = [f64::NEG_INFINITY, -1.5, -5e-324];
        let mut groups: Vec<Vec<Scalar<'_>>> = vec![vec![Scalar::Null]];
        groups.extend(floats.map(|v| vec![Scalar::Float64(v)]));
        groups.push(vec![Scalar::Float64(-0.0), Scalar::Float64(0.0)]);
        groups.extend([1e-300, 7.0, f64::INFINITY].map(|v| vec![Scalar::Float64(v)]));
        groups.push(vec![Scalar::Float64(f64::NAN), Scalar::Float64(-f64::NAN)]);
        check(Physical::Float64, &groups);
        let ints = [i64::MIN, -1, 0, 1, i64::MAX].map(|v| vec![Scalar::Int(v)]);
        check(Physical::Int, &ints);
        let texts: [&[u8]; 8] = [b"", b"\0", b"\0\0", b"\0\x01", b"a", b"a\0", b"ab", b"\xFF"];
        check(Physical::Bytes, &texts.map(|v| vec![Scalar::Bytes(v.into())]));
        let decimal = |text: &str| Scalar::Decimal(text.parse().unwrap());
        let decimals = [
            vec![Scalar::Null],
            vec![decimal("-79228162514264337593543950335")],
            vec![decimal("-1.5"), decimal("-1.50")],
            vec![decimal("-0.0000000000000000000000000001")],
            vec![decimal("0"), decimal("-0"), decimal("0.000")],
            vec![decimal("0.0000000000000000000000000001")],
            vec![decimal("1.5"), decimal("1.500")],
            vec![decimal("79228162514264337593543950335")],
        ];
        check(Physical::Decimal, &decimals);
    }

    #[test]
    fn a_row_number_comes_back() {
        for seq in [1, 77, i64::MAX] {
            for descending in [false, true] {
                let mut key = vec![1, 2, 3];
                push_seq(&mut key, seq, descending);
                assert_eq!(seq_of(&key, descending), seq);
            }
        }
    }
}
