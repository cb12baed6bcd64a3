//! Sums and means of decimals, exactly.
//!
//! A decimal has 28 digits behind the point at the most and 29 before it, so that a sum takes more
//! than 128 bits. Values of one scale, which is what a field has mostly, are added as integers;
//! when the scale changes, the sum so far is put aside as a whole and a fraction.
//!
//! Invariants
//! 1. No digit is ever lost: a sum that fits no decimal is an error. Only a mean is rounded, once,
//!    to what a decimal holds, halves to even.
//! 2. A sum has the scale of the values with most digits behind the point: 1.50 + 2 is 3.50; less
//!    only where it would not fit and the digits left out are zeros.

use rust_decimal::Decimal;

use super::accumulator::{Accumulator, for_each_value, wrong_shape};
use super::groups::Target;
use crate::chunk::{Column, ColumnData};
use crate::{DataType, Error, Result, Value};

/// Digits behind the point that a decimal may have.
const SCALE_MAX: u32 = 28;

/// 10^28, in which fractions are counted.
const ONE: i128 = 10_i128.pow(SCALE_MAX);

/// The greatest integer of a decimal.
const MANTISSA_MAX: u128 = (1 << 96) - 1;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct DecimalSum {
    mean: bool,
    /// As text, for errors.
    call: String,
    sums: Vec<Sum>,
    /// A sum that went beyond 128 bits before the point.
    overflow: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    /// Of values of scale `scale`, as integers.
    recent: i128,
    scale: u32,
    scale_max: u32,
    /// Put aside: before the point, and behind it in 10^-28.
    whole: i128,
    fraction: i128,
    count: u64,
}

impl Sum {
    #[inline]
    fn add(&mut self, value: Decimal) -> Option<()> {
        let (mantissa, scale) = (value.mantissa(), value.scale());
        self.count += 1;
        if scale == self.scale
            && let Some(recent) = self.recent.checked_add(mantissa)
        {
            self.recent = recent;
            return Some(());
        }
        self.put_aside()?;
        self.recent = mantissa;
        self.scale = scale;
        self.scale_max = self.scale_max.max(scale);
        Some(())
    }

    fn put_aside(&mut self) -> Option<()> {
        let unit = 10_i128.pow(self.scale);
        let (whole, fraction) = (self.recent / unit, self.recent % unit);
        // Both below 10^28 in magnitude.
        let fraction = fraction * 10_i128.pow(SCALE_MAX - self.scale) + self.fraction;
        self.whole = self.whole.checked_add(whole)?.checked_add(fraction / ONE)?;
        self.fraction = fraction % ONE;
        self.recent = 0;
        Some(())
    }

    /// Whether it is below zero, and what its magnitude is before the point and behind it.
    fn magnitude(&mut self) -> Option<(bool, u128, u128)> {
        self.put_aside()?;
        let (mut whole, mut fraction) = (self.whole, self.fraction);
        if whole > 0 && fraction < 0 {
            (whole, fraction) = (whole - 1, fraction + ONE);
        } else if whole < 0 && fraction > 0 {
            (whole, fraction) = (whole + 1, fraction - ONE);
        }
        let negative = whole < 0 || fraction < 0;
        Some((negative, whole.unsigned_abs(), fraction.unsigned_abs()))
    }

    fn total(&mut self) -> Option<Decimal> {
        let (negative, whole, fraction) = self.magnitude()?;
        let mut scale = self.scale_max;
        loop {
            let cut = 10_u128.pow(SCALE_MAX - scale);
            if !fraction.is_multiple_of(cut) {
                return None;
            }
            if let Some(value) = decimal(negative, whole, fraction / cut, scale) {
                return Some(value);
            }
            scale = scale.checked_sub(1)?;
        }
    }

    /// Digit by digit behind the point, then rounded to as many as fit.
    fn mean(&mut self) -> Option<Decimal> {
        let (negative, whole, fraction) = self.magnitude()?;
        let count = u128::from(self.count);
        let (quotient, mut rest) = (whole / count, whole % count);
        let (mut digits, mut unit) = (0_u128, ONE as u128);
        for _ in 0..SCALE_MAX {
            unit /= 10;
            rest = rest * 10 + fraction / unit % 10;
            digits = digits * 10 + rest / count;
            rest %= count;
        }
        // What is behind the last digit, against one half of it.
        let mut exact = rest == 0;
        let mut behind = (rest * 2).cmp(&count);
        for scale in (0..=SCALE_MAX).rev() {
            let up = behind.is_gt() || (behind.is_eq() && digits % 2 == 1);
            let rounded = digits + u128::from(up);
            let one = 10_u128.pow(scale);
            let value = decimal(negative, quotient + rounded / one, rounded % one, scale);
            if value.is_some() {
                return value;
            }
            let digit = digits % 10;
            digits /= 10;
            behind =
                if exact { digit.cmp(&5) } else { digit.cmp(&5).then(std::cmp::Ordering::Greater) };
            exact &= digit == 0;
        }
        None
    }
}

/// `whole` and `fraction` in 10^-scale, if that is a decimal.
fn decimal(negative: bool, whole: u128, fraction: u128, scale: u32) -> Option<Decimal> {
    let mantissa = whole.checked_mul(10_u128.pow(scale))?.checked_add(fraction)?;
    if mantissa > MANTISSA_MAX {
        return None;
    }
    let mantissa = mantissa as i128;
    Decimal::try_from_i128_with_scale(if negative { -mantissa } else { mantissa }, scale).ok()
}

impl DecimalSum {
    pub(super) fn new(mean: bool, call: String) -> DecimalSum {
        DecimalSum { mean, call, sums: Vec::new(), overflow: false }
    }

    fn overflow(&self, about: i128) -> Error {
        Error::Overflow {
            aggregate: self.call.clone(),
            value: format!("about {about}"),
            data_type: DataType::Decimal.name(),
        }
    }
}

impl Accumulator for DecimalSum {
    fn grow(&mut self, groups: usize) {
        self.sums.resize(groups, Sum::default());
    }

    fn add(&mut self, column: Option<&Column>, targets: &[Target]) -> Result<()> {
        let Some(column @ Column { data: ColumnData::Decimal(values), .. }) = column else {
            return Err(wrong_shape(column.map(|column| column.data.physical())));
        };
        let (sums, overflow) = (&mut self.sums, &mut self.overflow);
        for_each_value(column, targets, |row, group| {
            *overflow |= sums[group].add(values[row]).is_none();
        });
        if self.overflow { Err(self.overflow(i128::MAX)) } else { Ok(()) }
    }

    fn bytes(&self) -> usize {
        self.sums.capacity() * size_of::<Sum>()
    }

    fn value(&mut self, group: usize) -> Result<Value> {
        let sum = &mut self.sums[group];
        if sum.count == 0 {
            return Ok(Value::Null);
        }
        let result = if self.mean { sum.mean() } else { sum.total() };
        let whole = sum.whole;
        result.map(Value::Decimal).ok_or_else(|| self.overflow(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(texts: &[&str]) -> Sum {
        let mut sum = Sum::default();
        for text in texts {
            sum.add(text.parse().expect("a decimal")).expect("it fits");
        }
        sum
    }

    fn total(texts: &[&str]) -> Option<String> {
        sum(texts).total().map(|value| value.to_string())
    }

    const MAX: &str = "79228162514264337593543950335";
    const MIN: &str = "-79228162514264337593543950335";

    #[test]
    fn sums_are_exact() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(total(&["1.50", "2", "-0.25"]), some("3.25"));
        assert_eq!(total(&["1.5", "1.50"]), some("3.00"));
        assert_eq!(total(&["-0.7", "0.3"]), some("-0.4"));
        assert_eq!(total(&["0.0000000000000000000000000001", "-1"]), {
            some("-0.9999999999999999999999999999")
        });
        assert_eq!(total(&[MAX, "0.0000000000000000000000000001"]), None);
        // Out of range in between, and back.
        assert_eq!(total(&[MAX, MAX, "0.1", MIN, MIN]), some("0.1"));
        assert_eq!(total(&[MAX, MAX]), None);
        // Digits that don't fit, but are zeros.
        assert_eq!(total(&[MAX, "1.00", "-1.00"]), some(MAX));
    }

    #[test]
    fn means_are_rounded_once() {
        let mean = |texts: &[&str]| sum(texts).mean().expect("a mean").normalize().to_string();
        assert_eq!(mean(&["1", "2"]), "1.5");
        assert_eq!(mean(&["1", "0", "0"]), "0.3333333333333333333333333333");
        assert_eq!(mean(&["2", "0", "0"]), "0.6666666666666666666666666667");
        assert_eq!(mean(&["-2", "0", "0"]), "-0.6666666666666666666666666667");
        assert_eq!(mean(&["20", "0", "0"]), "6.6666666666666666666666666667");
        assert_eq!(mean(&["200", "0", "0"]), "66.666666666666666666666666667");
        assert_eq!(mean(&[MAX, MAX]), MAX);
        assert_eq!(mean(&[MAX, MIN, "1"]), "0.3333333333333333333333333333");
        // Halves to even: …335 and …334 have …334.5 in the middle.
        assert_eq!(mean(&[MAX, "79228162514264337593543950334"]), {
            "79228162514264337593543950334"
        });
        assert_eq!(mean(&["0.0000000000000000000000000001", "0"]), "0");
        assert_eq!(mean(&["0.0000000000000000000000000003", "0"]), {
            "0.0000000000000000000000000002"
        });
    }
}
