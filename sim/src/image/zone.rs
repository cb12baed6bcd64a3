//! A zone map: what a block's directory says of a column's values, so that a query may skip them.
//!
//! Nothing is computed from it here. It is compared with the values, because a query that skips a
//! block by a wrong zone map gives a wrong answer.

use rust_decimal::Decimal;

use super::bytes::{Reader, Result, damaged, ensure};
use super::schema::{Type, Value};

/// Bytes of a text that a bound keeps.
const BOUND_BYTES: usize = 16;

/// See the [module](self). The bounds are as the type has them.
#[derive(Debug, Clone, Copy)]
pub struct ZoneMap {
    rows: u32,
    nulls: u32,
    flags: u8,
    min: [u8; 16],
    max: [u8; 16],
    sum: [u8; 16],
}

impl ZoneMap {
    /// Reads a zone map.
    ///
    /// # Errors
    /// If it is none.
    pub fn decode(bytes: &[u8]) -> Result<ZoneMap> {
        let mut reader = Reader::new(bytes);
        let (rows, nulls, flags) = (reader.u32()?, reader.u32()?, reader.u8()?);
        reader.reserved(3)?;
        let mut sixteen = || -> Result<[u8; 16]> {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(reader.take(16)?);
            Ok(bytes)
        };
        let (min, max, sum) = (sixteen()?, sixteen()?, sixteen()?);
        reader.end()?;
        ensure(flags < 32, || format!("the flags are {flags}"))?;
        Ok(ZoneMap { rows, nulls, flags, min, max, sum })
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// That it says of these values what is so.
    ///
    /// # Errors
    /// What it says that is not so.
    pub fn check(&self, data_type: Type, values: &[Value]) -> Result<()> {
        let nulls = values.iter().filter(|v| matches!(v, Value::Null)).count();
        ensure((self.rows as usize, self.nulls as usize) == (values.len(), nulls), || {
            format!("{} rows, {} of them null", self.rows, self.nulls)
        })?;
        match data_type {
            Type::Bool => self.check_bools(values),
            Type::Float32 | Type::Float64 => self.check_floats(values),
            Type::Decimal => self.check_decimals(values),
            _ if data_type.is_byte_string() => self.check_texts(values),
            _ => self.check_ints(data_type, values),
        }
    }

    fn check_bools(&self, values: &[Value]) -> Result<()> {
        let mut bools: Vec<bool> = values.iter().filter_map(as_bool).collect();
        let sum = bools.iter().filter(|b| **b).count() as u128;
        bools.sort_unstable();
        let bound = |b: Option<&bool>| b.map(|b| u128::from(*b).to_le_bytes());
        self.same(bound(bools.first()), bound(bools.last()), sum.to_le_bytes())
    }

    fn check_ints(&self, data_type: Type, values: &[Value]) -> Result<()> {
        let stored = |value: &Value| match value {
            Value::Int(n) => Some(*n),
            Value::UInt(n) if data_type == Type::UInt64 => Some((*n ^ 1 << 63) as i64),
            Value::UInt(n) => Some(*n as i64),
            _ => None,
        };
        let ints: Vec<i64> = values.iter().filter_map(stored).collect();
        let sum: i128 = ints.iter().map(|n| i128::from(*n)).sum();
        let bound = |n: Option<&i64>| n.map(|n| u128::from(*n as u64).to_le_bytes());
        self.same(bound(ints.iter().min()), bound(ints.iter().max()), sum.to_le_bytes())
    }

    fn check_floats(&self, values: &[Value]) -> Result<()> {
        let float = |value: &Value| match value {
            Value::Float32(f) => Some(f64::from(*f)),
            Value::Float64(f) => Some(*f),
            _ => None,
        };
        let floats: Vec<f64> = values.iter().filter_map(float).collect();
        let numbers = || floats.iter().copied().filter(|f| !f.is_nan());
        ensure(self.has(2) == floats.iter().any(|f| f.is_nan()), || "its NaNs".to_owned())?;
        // Zeros of either sign are one number, and NaNs one none.
        let is = |bytes: &[u8; 16], f: f64| {
            let said = Reader::new(bytes).u64().map(f64::from_bits).unwrap_or_default();
            said == f || said.is_nan() && f.is_nan()
        };
        let stands = numbers().next().is_some();
        let right = stands == self.has(1)
            && (!stands || is(&self.min, numbers().fold(f64::INFINITY, f64::min)))
            && (!stands || is(&self.max, numbers().fold(f64::NEG_INFINITY, f64::max)))
            && is(&self.sum, floats.iter().sum());
        ensure(right, || "its bounds or its sum".to_owned())
    }

    /// The sum is not looked at: to add decimals as the writer did takes its very arithmetic.
    fn check_decimals(&self, values: &[Value]) -> Result<()> {
        let decimals: Vec<Decimal> = values.iter().filter_map(as_decimal).collect();
        let bound = |bytes: &[u8; 16]| as_decimal(&Type::Decimal.of_plain(bytes).ok()?);
        let (min, max) = (decimals.iter().min().copied(), decimals.iter().max().copied());
        ensure(self.has(1) == min.is_some(), || "whether its bounds stand".to_owned())?;
        let right = min.is_none() || bound(&self.min) == min && bound(&self.max) == max;
        ensure(right, || "its bounds".to_owned())
    }

    fn check_texts(&self, values: &[Value]) -> Result<()> {
        let text = |value: &'_ Value| match value {
            Value::Bytes(bytes) => Some(bytes.len()),
            _ => None,
        };
        let total: usize = values.iter().filter_map(text).sum();
        let all = || {
            values.iter().filter_map(|value| match value {
                Value::Bytes(bytes) => Some(&bytes[..]),
                _ => None,
            })
        };
        let prefix = |text: Option<&[u8]>| {
            let text = text.unwrap_or(&[]);
            let kept = &text[..text.len().min(BOUND_BYTES)];
            let mut padded = [0; BOUND_BYTES];
            padded[..kept.len()].copy_from_slice(kept);
            (padded, kept.len() as u8, text.len() > BOUND_BYTES)
        };
        let (min, min_bytes, min_cut) = prefix(all().min());
        let (max, max_bytes, max_cut) = prefix(all().max());
        let mut sum = [0; 16];
        (sum[0], sum[1]) = (min_bytes, max_bytes);
        sum[8..].copy_from_slice(&(total as u64).to_le_bytes());
        let right = (self.has(4), self.has(8)) == (min_cut, max_cut);
        ensure(right, || "which of its bounds are cut".to_owned())?;
        let stands = all().next().is_some();
        self.same(stands.then_some(min), stands.then_some(max), sum)
    }

    fn same(&self, min: Option<[u8; 16]>, max: Option<[u8; 16]>, sum: [u8; 16]) -> Result<()> {
        let due = (min.is_some(), min.unwrap_or_default(), max.unwrap_or_default(), sum);
        if (self.has(1), self.min, self.max, self.sum) == due {
            return Ok(());
        }
        damaged(format!("it is {self:?} and must have {due:?}"))
    }
}

fn as_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        _ => None,
    }
}

fn as_decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Decimal { negative, scale, mantissa } => {
            let n = i128::try_from(*mantissa).ok()?;
            Decimal::try_from_i128_with_scale(if *negative { -n } else { n }, *scale).ok()
        }
        _ => None,
    }
}
