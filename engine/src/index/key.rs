//! Index keys: a value as bytes that compare as the values do.
//!
//! ```text
//! bool       1 B   0 or 1
//! ints       8 B   big-endian, the sign bit flipped
//! floats     8 B   as a float64, big-endian; negative: all bits flipped, else the sign bit
//! decimal   24 B   value × 10^28 as a big-endian integer, the sign bit flipped
//! strings  ≤ 255 B   the bytes, cut where they are longer
//! ```
//!
//! Invariants
//! 1. For two values of one type, `a < b` implies `key(a) <= key(b)`, and equal values have equal
//!    keys: -0.0 and 0.0 are equal, so are all NaN, which stand above everything else, and so are
//!    1.5 and 1.50.
//! 2. Different values have different keys, but for strings that agree in their first
//!    [`KEY_BYTES_MAX`] bytes. So a key of that length stands for many values, and whoever looks
//!    for one has to look at the rows, too.
//! 3. A null has no key.

use rust_decimal::Decimal;

use crate::chunk::Scalar;
use crate::mutant;
use crate::types::exact::product;

/// Bytes of the longest key.
pub(crate) const KEY_BYTES_MAX: usize = 255;

/// Bytes of a decimal's key: 10^28 and a 96-bit integer need 190 bits and a sign.
const DECIMAL_BYTES: usize = 24;

/// Digits after the point that a decimal has at the most.
const DECIMAL_SCALE_MAX: u32 = 28;

const SIGN: u64 = 1 << 63;

/// Appends the key of a value; says whether there is one, which there is not for a null.
pub(crate) fn put_key(value: &Scalar<'_>, out: &mut Vec<u8>) -> bool {
    match value {
        Scalar::Null => return false,
        Scalar::Bool(value) => out.push(u8::from(*value)),
        Scalar::Int(value) => out.extend_from_slice(&(*value as u64 ^ SIGN).to_be_bytes()),
        Scalar::Float32(value) => put_float(f64::from(*value), out),
        Scalar::Float64(value) => put_float(*value, out),
        Scalar::Decimal(value) => out.extend_from_slice(&decimal_key(*value)),
        Scalar::Bytes(value) => out.extend_from_slice(&value[..value.len().min(KEY_BYTES_MAX)]),
    }
    true
}

/// Whether a key may stand for more than one value.
pub(crate) fn is_cut(key: &[u8]) -> bool {
    key.len() >= KEY_BYTES_MAX
}

fn put_float(value: f64, out: &mut Vec<u8>) {
    let bits = match value {
        _ if value.is_nan() => f64::NAN.to_bits() & !SIGN,
        0.0 if !mutant::when("zeros-told-apart", || value.is_sign_negative()) => 0,
        _ => value.to_bits(),
    };
    let ordered = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    out.extend_from_slice(&ordered.to_be_bytes());
}

fn decimal_key(value: Decimal) -> [u8; DECIMAL_BYTES] {
    let factor = 10u128.pow(DECIMAL_SCALE_MAX - value.scale().min(DECIMAL_SCALE_MAX));
    let (high, low) = product(value.mantissa().unsigned_abs(), factor);
    let mut key = [0; DECIMAL_BYTES];
    // Below 2^96 × 10^28, so the high half has no more than 64 bits.
    key[..8].copy_from_slice(&(high as u64).to_be_bytes());
    key[8..].copy_from_slice(&low.to_be_bytes());
    if value.is_sign_negative() && !value.is_zero() {
        // Two's complement, so that more negative is less.
        let mut carry = true;
        for byte in key.iter_mut().rev() {
            let (sum, over) = (!*byte).overflowing_add(u8::from(carry));
            (*byte, carry) = (sum, over);
        }
    }
    key[0] ^= 0x80;
    key
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    fn key(value: &Scalar<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(put_key(value, &mut out));
        out
    }

    fn decimals() -> impl Strategy<Value = Decimal> {
        let mantissa = prop_oneof![-100i128..100, -(1i128 << 96) + 1..1i128 << 96];
        (mantissa, 0u32..=28).prop_map(|(m, scale)| Decimal::from_i128_with_scale(m, scale))
    }

    fn floats() -> impl Strategy<Value = f64> {
        let special =
            [0.0, -0.0, 1.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324];
        prop_oneof![prop::sample::select(special.to_vec()), any::<f64>()]
    }

    /// NaN is equal to itself and above everything else.
    fn compare_floats(a: f64, b: f64) -> Ordering {
        a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
    }

    proptest! {
        #[test]
        fn ints_order(a: i64, b: i64) {
            prop_assert_eq!(key(&Scalar::Int(a)).cmp(&key(&Scalar::Int(b))), a.cmp(&b));
        }

        #[test]
        fn floats_order(a in floats(), b in floats()) {
            let keys = key(&Scalar::Float64(a)).cmp(&key(&Scalar::Float64(b)));
            prop_assert_eq!(keys, compare_floats(a, b));
            let (a, b) = (a as f32, b as f32);
            let keys = key(&Scalar::Float32(a)).cmp(&key(&Scalar::Float32(b)));
            prop_assert_eq!(keys, compare_floats(a.into(), b.into()));
        }

        #[test]
        fn decimals_order(a in decimals(), b in decimals()) {
            prop_assert_eq!(key(&Scalar::Decimal(a)).cmp(&key(&Scalar::Decimal(b))), a.cmp(&b));
        }

        #[test]
        fn strings_order(a: Vec<u8>, b: Vec<u8>) {
            let keys = key(&Scalar::Bytes(Cow::Borrowed(&a))).cmp(&key(&Scalar::Bytes(Cow::Borrowed(&b))));
            prop_assert_eq!(keys, a.cmp(&b));
        }
    }

    #[test]
    fn long_strings_are_cut() {
        let long =
            |last| Scalar::Bytes(Cow::Owned([vec![b'x'; KEY_BYTES_MAX], vec![last]].concat()));
        assert_eq!(key(&long(1)), key(&long(2)));
        assert!(is_cut(&key(&long(1))));
        assert!(!is_cut(&key(&Scalar::Int(1))));
        assert!(!put_key(&Scalar::Null, &mut Vec::new()));
    }

    #[test]
    fn keys_are_as_documented() {
        assert_eq!(key(&Scalar::Bool(true)), [1]);
        assert_eq!(key(&Scalar::Int(1)), [0x80, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(key(&Scalar::Int(-1)), [0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(key(&Scalar::Float64(-0.0)), [0x80, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(key(&Scalar::Float32(1.0)), [0xBF, 0xF0, 0, 0, 0, 0, 0, 0]);
        let mut one = [0; DECIMAL_BYTES];
        one[8..].copy_from_slice(&10u128.pow(28).to_be_bytes());
        one[0] = 0x80;
        assert_eq!(key(&Scalar::Decimal(Decimal::new(100, 2))), one);
    }
}
