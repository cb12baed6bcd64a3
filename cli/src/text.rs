//! From the one text form of every value (that of its `Display`) exactly back to the value.
//!
//! | type | text |
//! |---|---|
//! | bool | `true`, `false` |
//! | integers | digits, `-` where negative |
//! | floats | the shortest that reads back as the same: `20.0`, `1e-7`, `NaN`, `inf`, `-inf` |
//! | decimal | as it was given, trailing zeros too: `1.50` |
//! | string, json | itself |
//! | bytes | hexadecimal, lower case, after `0x`, which may be left out in what is read |
//! | timestamp | RFC 3339 in UTC, as many digits as it has: `2014-04-01T00:05:00Z` |
//! | duration | ISO 8601: `PT1.5S` |
//!
//! Invariants
//! 1. `parse_*` never rounds, cuts or wraps: a text that the type can't hold exactly is an error.
//! 2. `parse_*` of a value's text is that value (a NaN's payload excepted). Durations and JSON are
//!    left to the engine, which reads their text itself.

use std::fmt::LowerExp;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

/// Significant digits that every float64 keeps, and every float32.
const DIGITS_SAFE: (usize, usize) = (15, 6);

/// `true` or `false`.
pub(crate) fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{} is neither true nor false", quoted(text))),
    }
}

/// A signed integer; its width is checked by the engine.
pub(crate) fn parse_int(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("{} is no integer of 64 bits", quoted(text)))
}

/// An unsigned integer; its width is checked by the engine.
pub(crate) fn parse_uint(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{} is no unsigned integer of 64 bits", quoted(text)))
}

/// A float64 that keeps every digit of the text.
pub(crate) fn parse_float64(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("{} is no number", quoted(text)))?;
    match keeps_digits(text, value, value.is_subnormal(), DIGITS_SAFE.0) {
        true => Ok(value),
        false => Err(format!("{} has more digits than a float64 keeps", quoted(text))),
    }
}

/// A float32 that keeps every digit of the text.
pub(crate) fn parse_float32(text: &str) -> Result<f32, String> {
    let value: f32 = text.parse().map_err(|_| format!("{} is no number", quoted(text)))?;
    match keeps_digits(text, value, value.is_subnormal(), DIGITS_SAFE.1) {
        true => Ok(value),
        false => Err(format!("{} has more digits than a float32 keeps", quoted(text))),
    }
}

/// Whether `value`, printed in its shortest form or with as many significant digits as `text` has,
/// gives them back.
fn keeps_digits<F: LowerExp + Into<f64> + Copy>(
    text: &str,
    value: F,
    subnormal: bool,
    digits_safe: usize,
) -> bool {
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return true; // NaN, inf
    }
    let magnitude: f64 = value.into().abs();
    if magnitude.is_infinite() {
        return false;
    }
    let digits = significant_digits(text);
    if digits.is_empty() || magnitude == 0.0 {
        return digits.is_empty();
    }
    if digits.len() <= digits_safe && !subnormal {
        return true;
    }
    let printed = [format!("{value:e}"), format!("{value:.*e}", digits.len() - 1)];
    printed.iter().any(|printed| significant_digits(printed) == digits)
}

/// The digits of a number's mantissa without leading and trailing zeros.
fn significant_digits(text: &str) -> Vec<u8> {
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let start = digits.iter().position(|&d| d != b'0').unwrap_or(digits.len());
    let end = digits.iter().rposition(|&d| d != b'0').map_or(start, |last| last + 1);
    digits[start..end].to_vec()
}

/// A decimal of at most 28 digits after the point and 96 bits in all.
pub(crate) fn parse_decimal(text: &str) -> Result<Decimal, String> {
    let parsed = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text)
    } else {
        Decimal::from_str_exact(text)
    };
    parsed.map_err(|error| format!("{} is no decimal: {error}", quoted(text)))
}

/// Hexadecimal to bytes.
pub(crate) fn parse_bytes(text: &str) -> Result<Vec<u8>, String> {
    let bad = || format!("{} is not hexadecimal", quoted(text));
    let text = text.strip_prefix("0x").unwrap_or(text);
    if !text.is_ascii() || !text.len().is_multiple_of(2) || text.contains('+') {
        return Err(bad());
    }
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| bad())).collect()
}

/// What an integer means as an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TimeUnit {
    /// Seconds since 1970
    S,
    /// Milliseconds since 1970
    Ms,
    /// Microseconds since 1970
    Us,
    /// Nanoseconds since 1970
    Ns,
}

impl TimeUnit {
    const fn nanoseconds(self) -> i64 {
        match self {
            TimeUnit::S => 1_000_000_000,
            TimeUnit::Ms => 1_000_000,
            TimeUnit::Us => 1_000,
            TimeUnit::Ns => 1,
        }
    }
}

/// An instant as ns since the epoch: RFC 3339, a date with a time (taken as UTC), or an integer if
/// `unit` says of what.
pub(crate) fn parse_timestamp(text: &str, unit: Option<TimeUnit>) -> Result<i64, String> {
    let beyond = || format!("{} is beyond the years 1677 to 2262", quoted(text));
    if let Ok(count) = text.parse::<i64>() {
        let unit = unit.ok_or_else(|| {
            format!("{text} is an integer: say of what with --time-unit s, ms, us or ns")
        })?;
        return count.checked_mul(unit.nanoseconds()).ok_or_else(beyond);
    }
    // A leap second has no instant of its own in a count of nanoseconds.
    if text.get(17..19) == Some("60") {
        return Err(format!("{} is a leap second, which a timestamp can't keep", quoted(text)));
    }
    let timestamp = text
        .parse::<Timestamp>()
        .or_else(|_| text.parse::<DateTime>()?.to_zoned(TimeZone::UTC).map(|z| z.timestamp()))
        .map_err(|_| {
            format!("{} is no time like 2014-04-01T00:05:00Z or 2014-04-01 00:05:00", quoted(text))
        })?;
    i64::try_from(timestamp.as_nanosecond()).map_err(|_| beyond())
}

/// A value for a message: quoted, and cut where it is long.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((cut, _)) => format!("{:?}…", &text[..cut]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use srdb::ValueRef;

    use super::*;

    #[test]
    fn floats_keep_every_digit_or_are_refused() {
        assert_eq!(parse_float64("-1.03989471325e-05"), Ok(-1.03989471325e-05));
        assert_eq!(parse_float64("0.33399999999999996"), Ok(0.33399999999999996));
        // How %.17g prints 0.1: the digits come back when asked for as many.
        assert_eq!(parse_float64("0.10000000000000001"), Ok(0.1));
        // The shortest form; exactly it is …188.25, which 17 digits round to …188.2.
        assert_eq!(parse_float64("-1870900995136188.3"), Ok(-1_870_900_995_136_188.3));
        assert!(parse_float64("0.100000000000000001").is_err());
        assert!(parse_float64("9007199254740993").is_err());
        assert!(parse_float64("1e400").is_err());
        assert!(parse_float64("1e-400").is_err());
        assert_eq!(parse_float64("0e-400"), Ok(0.0));
        assert!(parse_float64("4.9999e-324").is_err());
        assert!(parse_float64("inf").is_ok_and(f64::is_infinite));
        assert!(parse_float32("16777217").is_err());
        assert_eq!(parse_float32("16777216"), Ok(16_777_216.0));
        assert_eq!(parse_float32("0.1"), Ok(0.1));
        assert_eq!(parse_float32("16777.217"), Ok(16_777.217));
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        assert_eq!(parse_decimal("1.50").map(|d| d.to_string()), Ok("1.50".to_owned()));
        assert!(parse_decimal("0.12345678901234567890123456789").is_err());
        assert!(parse_decimal("79228162514264337593543950336").is_err());
        assert!(parse_decimal("abc").is_err());
    }

    #[test]
    fn times_are_read_in_every_documented_form() {
        let want = Ok(1_396_310_700_000_000_000);
        assert_eq!(parse_timestamp("2014-04-01T00:05:00Z", None), want);
        assert_eq!(parse_timestamp("2014-04-01T02:05:00+02:00", None), want);
        assert_eq!(parse_timestamp("2014-04-01 00:05:00", None), want);
        assert_eq!(parse_timestamp("1396310700", Some(TimeUnit::S)), want);
        assert_eq!(
            parse_timestamp("2014-04-01 00:05:00.000000001", None),
            want.map(|ns: i64| ns + 1)
        );
        assert!(parse_timestamp("1396310700", None).is_err_and(|e| e.contains("--time-unit")));
        assert!(parse_timestamp("2014-04-01 00:05:00.0000000001", None).is_err());
        assert!(parse_timestamp("2016-12-31T23:59:60Z", None).is_err());
        assert!(parse_timestamp("9999-01-01 00:00:00", None).is_err());
        assert!(parse_timestamp("9223372036854775807", Some(TimeUnit::S)).is_err());
        assert!(parse_timestamp("yesterday", None).is_err());
    }

    #[test]
    fn bytes_are_hexadecimal() {
        assert_eq!(parse_bytes("00abff"), Ok(vec![0, 0xab, 255]));
        assert_eq!(parse_bytes("0x00ABff"), Ok(vec![0, 0xab, 255]));
        for bad in ["0", "0g", "+1", "é0"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_float_text_reads_back_as_the_same_float(bits: u64) {
            let value = f64::from_bits(bits);
            let read = parse_float64(&ValueRef::Float64(value).to_string()).expect("own text");
            prop_assert!(read.to_bits() == value.to_bits() || value.is_nan() && read.is_nan());
        }

        #[test]
        fn any_float32_text_reads_back_as_the_same_float(bits: u32) {
            let value = f32::from_bits(bits);
            let read = parse_float32(&ValueRef::Float32(value).to_string()).expect("own text");
            prop_assert!(read.to_bits() == value.to_bits() || value.is_nan() && read.is_nan());
        }

        #[test]
        fn any_instant_reads_back(nanoseconds: i64) {
            let text = ValueRef::Timestamp(nanoseconds).to_string();
            prop_assert_eq!(parse_timestamp(&text, None), Ok(nanoseconds), "{}", text);
        }

        #[test]
        fn any_bytes_read_back(bytes: Vec<u8>) {
            prop_assert_eq!(parse_bytes(&ValueRef::Bytes(&bytes).to_string()), Ok(bytes));
        }
    }
}
