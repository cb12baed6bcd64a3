//! Conversions: what is accepted means the same afterwards, what is refused says why.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::row::tests::value_for;

fn refused(value: impl Into<Value>, data_type: DataType) -> String {
    value.into().convert_to(data_type).unwrap_err()
}

#[test]
fn integers_take_any_width_they_fit() {
    use DataType::*;
    let fits = |value: Value, data_type: DataType| value.convert_to(data_type).is_ok();
    for (data_type, min, max) in [
        (Int8, -128_i64, 127_u64),
        (Int16, -32_768, 32_767),
        (Int32, -2_147_483_648, 2_147_483_647),
        (Int64, i64::MIN, i64::MAX as u64),
        (UInt8, 0, 255),
        (UInt16, 0, 65_535),
        (UInt32, 0, 4_294_967_295),
        (UInt64, 0, u64::MAX),
    ] {
        assert!(fits(Value::Int(min), data_type) && fits(Value::UInt(max), data_type));
        assert!(min == i64::MIN || !fits(Value::Int(min - 1), data_type), "{data_type}");
        assert!(max == u64::MAX || !fits(Value::UInt(max + 1), data_type), "{data_type}");
    }
    assert_eq!(Value::from(5.0).convert_to(Int8), Ok(Value::Int(5)));
    assert_eq!(Value::from(-(2.0_f64.powi(63))).convert_to(Int64), Ok(Value::Int(i64::MIN)));
    assert!(!fits(Value::from(2.0_f64.powi(63)), Int64));
    assert!(!fits(Value::from(f64::INFINITY), Int64) && !fits(Value::from(f64::NAN), UInt64));
    assert_eq!(Value::Decimal("7.00".parse().unwrap()).convert_to(UInt8), Ok(Value::UInt(7)));
}

#[test]
fn refusals_say_what_was_expected_and_given() {
    use DataType::*;
    assert_eq!(refused(300, Int8), "expected int8, got int 300 (out of range -128..=127)");
    assert_eq!(
        refused("5", Int64),
        "expected int64, got string \"5\" (text is not parsed as a number)"
    );
    assert_eq!(
        refused(0.5, Int64),
        "expected int64, got float64 0.5 (not a whole number in range)"
    );
    assert_eq!(
        refused(0.1, Float32),
        "expected float32, got float64 0.1 (not exactly representable)"
    );
    assert_eq!(
        refused(0.1, Decimal),
        "expected decimal, got float64 0.1 (only whole floats are exact decimals; give text)"
    );
    assert_eq!(refused(1, Bool), "expected bool, got int 1");
    assert_eq!(refused(vec![1_u8], String), "expected string, got bytes (1 bytes)");
    assert!(refused("x".repeat(99), Bool).ends_with("xxx\"…"));
    assert!(refused("{", Json).contains("EOF"));
    assert!(refused("2026-11-01", Timestamp).starts_with("expected timestamp, got string"));
    assert!(refused("1 month", Duration).starts_with("expected duration, got string"));
    assert!(refused("3000-01-01T00:00:00Z", Timestamp).contains("1677 to 2262"));
    assert!(refused("1e5", Decimal).contains("not a decimal"));
    assert!(refused("0.12345678901234567890123456789", Decimal).contains("expected decimal"));
}

#[test]
fn texts_become_what_they_spell() {
    use DataType::*;
    let converted = |text: &str, data_type| Value::from(text).convert_to(data_type).unwrap();
    assert_eq!(converted("1970-01-01T01:00:00.000000001+01:00", Timestamp), Value::Timestamp(1));
    assert_eq!(converted("PT1M0.5S", Duration), Value::Duration(60_500_000_000));
    assert_eq!(converted("1h 5m", Duration), Value::Duration(3_900_000_000_000));
    assert_eq!(converted("1.50", Decimal).to_string(), "1.50");
    assert_eq!(converted(" [1] ", Json), Value::Json(" [1] ".to_owned()));
    assert_eq!(
        Value::Json("[1, 255]".to_owned()).convert_to(Bytes),
        Ok(Value::Bytes(vec![1, 255]))
    );
    assert!(Value::Json("[1, 256]".to_owned()).convert_to(Bytes).is_err());
    assert_eq!(Value::from(1.5).convert_to(Json), Ok(Value::Json("1.5".to_owned())));
}

#[test]
fn what_is_too_large_for_its_kind_never_wraps() {
    let far: jiff::Timestamp = "9000-01-01T00:00:00Z".parse().unwrap();
    assert!(Value::from(far).convert_to(DataType::Timestamp).is_err());
    let long = std::time::Duration::from_secs(u64::MAX);
    assert!(Value::from(long).convert_to(DataType::Duration).is_err());
    let early = std::time::SystemTime::UNIX_EPOCH - std::time::Duration::from_nanos(1);
    assert_eq!(Value::from(early), Value::Timestamp(-1));
}

#[test]
fn a_decimal_is_a_float_only_where_it_is_one() {
    let float = |text: &str| Value::Decimal(text.parse().unwrap()).as_f64();
    assert_eq!(float("1.50"), Some(1.5));
    assert_eq!(float("-0.0000000009313225746154785156"), None);
    assert_eq!(float("0.000000000931322574615478515625"), None, "30 digits were rounded to 28");
    assert_eq!(float("0.00000011920928955078125"), Some(2.0_f64.powi(-23)));
    assert_eq!(float("0.1"), None);
    assert_eq!(float("9007199254740993"), None);
    assert_eq!(float("79228162514264337593543950335"), None);
}

fn any_value() -> impl Strategy<Value = Value> {
    (0..DataType::ALL.len()).prop_flat_map(|t| value_for(DataType::ALL[t]))
}

/// The number a value stands for, exactly: numerator and power of two or ten are compared by
/// bringing both to a decimal text.
fn exact_text(value: &Value) -> String {
    let trimmed = |text: String| match text.split_once('.') {
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        },
        None => text,
    };
    let unsigned_zero = |text: String| if text == "-0" { "0".to_owned() } else { text };
    unsigned_zero(trimmed(match value {
        Value::Float32(v) => format!("{:.160}", f64::from(*v)),
        Value::Float64(v) => format!("{v:.1100}"),
        other => other.to_string(),
    }))
}

proptest! {
    #[test]
    fn numbers_mean_the_same_after_a_conversion(
        value in prop_oneof![
            any::<i64>().prop_map(Value::Int),
            any::<i8>().prop_map(Value::from),
            any::<u64>().prop_map(Value::UInt),
            any::<f32>().prop_map(Value::Float32),
            any::<f64>().prop_map(Value::Float64),
            any::<f32>().prop_map(|v| Value::Float64(f64::from(v))),
            any::<i64>().prop_map(|v| Value::Float64(v as f64)),
            (any::<i64>(), 0..20_u32).prop_map(|(v, s)| Value::Decimal(Decimal::new(v, s))),
            (any::<i16>(), 0..8_u32).prop_map(|(v, s)| {
                Value::Decimal(Decimal::try_from(f64::from(v) / f64::from(1 << s)).unwrap())
            }),
        ],
        to in 1..12_usize,
    ) {
        // Int8 to Decimal.
        let data_type = DataType::ALL[to];
        if let Ok(converted) = value.convert_to(data_type) {
            prop_assert_eq!(exact_text(&converted), exact_text(&value));
        }
    }

    #[test]
    fn a_value_of_the_fields_own_kind_is_kept(t in 0..DataType::ALL.len(), value in any_value()) {
        let data_type = DataType::ALL[t];
        if let Ok(converted) = value.convert_to(data_type) {
            // What fits once fits again, unchanged.
            prop_assert_eq!(converted.convert_to(data_type), Ok(converted));
        }
    }

    #[test]
    fn json_reads_back_as_the_same_value(
        (data_type, value) in (0..DataType::ALL.len())
            .prop_flat_map(|t| (Just(DataType::ALL[t]), value_for(DataType::ALL[t]))),
    ) {
        let text = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(&text, &value.to_json().to_string());
        if data_type != DataType::Json {
            let json = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(Value::from_json(data_type, &json), Ok(value));
        }
    }
}
