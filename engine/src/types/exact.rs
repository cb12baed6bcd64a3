//! Numbers of different kinds compared by what they are, never through a cast that rounds.
//!
//! Invariants
//! 1. Every comparison here is that of the real numbers: `0.1` as a float is not `0.1` as a
//!    decimal, and 2^53 + 1 is not the float 2^53.
//! 2. Beyond the reals: -0.0 equals 0.0; a NaN equals any NaN and is greater than every number,
//!    infinity included. So the order is total.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::ValueRef;

/// A number of any kind.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Int(i128),
    Decimal(Decimal),
    Float(f64),
}

/// Beyond every integer of every type, and far from the ends of i128.
const FAR: i128 = 1 << 100;

impl Number {
    /// The number that a value is.
    pub(crate) fn of(value: ValueRef<'_>) -> Option<Number> {
        Some(match value {
            ValueRef::Int(v) => Number::Int(v.into()),
            ValueRef::UInt(v) => Number::Int(v.into()),
            ValueRef::Float32(v) => Number::Float(v.into()),
            ValueRef::Float64(v) => Number::Float(v),
            ValueRef::Decimal(v) => Number::Decimal(v),
            _ => return None,
        })
    }

    /// The greatest integer that is not above, cut to ±2^100.
    pub(crate) fn floor(self) -> i128 {
        let whole = match self {
            Number::Int(v) => v,
            Number::Decimal(v) => v.floor().to_i128().unwrap_or(0),
            Number::Float(v) if v.is_nan() => FAR,
            Number::Float(v) => v.floor() as i128,
        };
        whole.clamp(-FAR, FAR)
    }

    /// The least integer that is not below, cut to ±2^100.
    pub(crate) fn ceil(self) -> i128 {
        let whole = match self {
            Number::Int(v) => v,
            Number::Decimal(v) => v.ceil().to_i128().unwrap_or(0),
            Number::Float(v) if v.is_nan() => FAR,
            Number::Float(v) => v.ceil() as i128,
        };
        whole.clamp(-FAR, FAR)
    }

    /// How this compares with a float.
    pub(crate) fn cmp_float(self, other: f64) -> Ordering {
        match self {
            Number::Float(v) => cmp_floats(v, other),
            Number::Int(v) => cmp_int_float(v, other),
            Number::Decimal(v) => cmp_decimal_float(v, other),
        }
    }

    /// How this compares with a decimal.
    pub(crate) fn cmp_decimal(self, other: Decimal) -> Ordering {
        match self {
            Number::Decimal(v) => v.cmp(&other),
            Number::Float(v) => cmp_decimal_float(other, v).reverse(),
            Number::Int(v) => match Decimal::try_from_i128_with_scale(v, 0) {
                Ok(v) => v.cmp(&other),
                // Beyond every decimal.
                Err(_) => v.cmp(&0),
            },
        }
    }

    /// The greatest float that is not above, and the least that is not below: the same where the
    /// number is a float.
    pub(crate) fn float_neighbours(self) -> (f64, f64) {
        let near = match self {
            Number::Float(v) => return (v, v),
            Number::Int(v) => v as f64,
            // The text of a decimal has all its digits, and reading it rounds once.
            Number::Decimal(v) => v.to_string().parse().unwrap_or(0.0),
        };
        match self.cmp_float(near) {
            Ordering::Equal => (near, near),
            Ordering::Less => (near.next_down(), near),
            Ordering::Greater => (near, near.next_up()),
        }
    }
}

/// The total order of floats; see the module's documentation.
pub(crate) fn cmp_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn cmp_int_float(int: i128, float: f64) -> Ordering {
    // 2^127: every float from here on is above every i128, and the other way round below.
    const END: f64 = (1_u128 << 127) as f64;
    if float.is_nan() || float >= END {
        return Ordering::Less;
    }
    if float < -END {
        return Ordering::Greater;
    }
    let whole = float.trunc();
    int.cmp(&(whole as i128))
        .then_with(|| 0.0.partial_cmp(&(float - whole)).unwrap_or(Ordering::Equal))
}

fn cmp_decimal_float(decimal: Decimal, float: f64) -> Ordering {
    let whole = decimal.trunc();
    // A decimal's whole part has 96 bits.
    let by_whole = cmp_int_float(whole.to_i128().unwrap_or(0), float.trunc());
    if by_whole != Ordering::Equal {
        return by_whole;
    }
    cmp_fractions(decimal.fract(), float.fract())
}

/// Both below 1 in magnitude.
fn cmp_fractions(decimal: Decimal, float: f64) -> Ordering {
    let (a, b) = (decimal.mantissa(), float);
    let sign = |negative: bool, zero: bool| if zero { 0 } else { 1 - 2 * i32::from(negative) };
    let by_sign = sign(a < 0, a == 0).cmp(&sign(b < 0.0, b == 0.0));
    if by_sign != Ordering::Equal || a == 0 {
        return by_sign;
    }
    // decimal = a / 10^scale, float = m / 2^shift: compare a × 2^shift with m × 10^scale.
    let bits = b.to_bits();
    let exponent = (bits >> 52 & 0x7FF) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let m = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    let shift = 1075 - exponent.max(1);
    let magnitudes = if shift > 160 {
        // Below 2^-107, and so below 10^-28, the least that a decimal can be.
        Ordering::Greater
    } else {
        // a < 10^28 < 2^94; m < 2^53 and 10^scale < 2^94.
        let left = shifted(a.unsigned_abs(), shift as u32);
        let right = product(u128::from(m), 10_u128.pow(decimal.scale()));
        left.cmp(&right)
    };
    if a < 0 { magnitudes.reverse() } else { magnitudes }
}

/// `value × 2^shift` as high and low half; `shift` is up to 160, the product below 2^256.
fn shifted(value: u128, shift: u32) -> (u128, u128) {
    match shift {
        0 => (0, value),
        1..128 => (value >> (128 - shift), value << shift),
        _ => (value << (shift - 128), 0),
    }
}

/// `a × b` as high and low half.
pub(crate) fn product(a: u128, b: u128) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let (a1, a0, b1, b0) = (a >> 64, a & LOW, b >> 64, b & LOW);
    let (low, middle, cross) = (a0 * b0, a1 * b0, a0 * b1);
    let carried = (low >> 64) + (middle & LOW) + (cross & LOW);
    let high = a1 * b1 + (middle >> 64) + (cross >> 64) + (carried >> 64);
    (high, carried << 64 | low & LOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn decimals_and_floats_compare_as_real_numbers() {
        use Ordering::{Equal, Greater, Less};
        let cases = [
            ("0.5", 0.5, Equal),
            // 0.1 as a float is a little above 0.1, 0.3 a little below 0.3.
            ("0.1", 0.1, Less),
            ("0.3", 0.3, Greater),
            ("-0.1", -0.1, Greater),
            ("0", -0.0, Equal),
            ("0", 5e-324, Less),
            ("-0.0000000000000000000000000001", -1e-29, Less),
            ("0.0000000000000000000000000001", 1e-27, Less),
            ("9007199254740993", 9_007_199_254_740_992.0, Greater),
            ("79228162514264337593543950335", 7.9e28, Greater),
            ("79228162514264337593543950335", 8e28, Less),
            ("1", f64::INFINITY, Less),
            ("1", f64::NEG_INFINITY, Greater),
            ("1", f64::NAN, Less),
            ("-3.25", -3.25, Equal),
            ("2.5000000000000000000000000001", 2.5, Greater),
        ];
        for (text, float, expected) in cases {
            assert_eq!(Number::Decimal(decimal(text)).cmp_float(float), expected, "{text} {float}");
            assert_eq!(
                Number::Float(float).cmp_decimal(decimal(text)),
                expected.reverse(),
                "{float} {text}"
            );
        }
    }

    /// Rust prints a float with as many digits as asked for, exactly: an independent way.
    #[test]
    fn fractions_compare_as_their_digits() {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
            state >> 11
        };
        for _ in 0..20_000 {
            let scale = (next() % 29) as u32;
            let mantissa = i128::from(next()) % 10_i128.pow(scale.min(27)).max(1);
            let a = Decimal::try_from_i128_with_scale(mantissa, scale).unwrap();
            let near: f64 = a.to_string().parse().unwrap();
            let float = match next() % 4 {
                0 => near,
                1 => near.next_up(),
                2 => near.next_down().max(0.0),
                _ => near * (1.0 + next() as f64 / (1_u64 << 60) as f64),
            };
            let (left, right) = (format!("{a:.40}"), format!("{float:.1100}"));
            let left = format!("{left:0<width$}", width = right.len());
            let left = format!("{left:0>width$}", width = right.len());
            if left.find('.') == right.find('.') {
                let expected = left.cmp(&right);
                assert_eq!(Number::Decimal(a).cmp_float(float), expected, "{a} {float:e}");
            }
        }
    }

    #[test]
    fn integers_have_their_float_neighbours() {
        let between = Number::Int((1 << 53) + 1);
        let (below, above) = between.float_neighbours();
        assert_eq!((below as i128, above as i128), (1 << 53, (1 << 53) + 2));
        assert_eq!(Number::Int(7).float_neighbours(), (7.0, 7.0));
        let (below, above) = Number::Decimal(decimal("0.1")).float_neighbours();
        assert!(below < above && above == 0.1);
        assert_eq!((Number::Float(-1.5).floor(), Number::Float(-1.5).ceil()), (-2, -1));
        assert_eq!(Number::Float(f64::NEG_INFINITY).floor(), -FAR);
    }

    #[test]
    fn products_carry() {
        assert_eq!(product(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
        assert_eq!(product(1 << 100, 1 << 100), (1 << 72, 0));
    }
}
