//! Rows and conditions drawn from a seed: few values, so that they meet, and the odd ones among
//! them. And the table that they are for.

use srdb::{DataType, Decimal, Field, RowBuf, Schema, Value};

use crate::model::{Condition, Op, Part, SEQ};

/// One field of each type, each nullable but for the first; all indexed or none.
pub(crate) fn schema(indexed: bool) -> Schema {
    let fields = DataType::ALL.into_iter().map(|data_type| {
        let field = Field::new(data_type.name(), data_type);
        let field = if indexed { field.indexed() } else { field };
        if data_type == DataType::Bool { field } else { field.nullable() }
    });
    Schema::new(fields).expect("a good schema")
}

/// A row of such a table.
pub(crate) fn to_row(values: &[Value]) -> RowBuf {
    let mut row = RowBuf::new();
    for (data_type, value) in DataType::ALL.iter().zip(values) {
        row.push(data_type.name(), value.clone());
    }
    row
}

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.next() % end as u64) as usize }
    }

    /// Once in `of`.
    pub(crate) fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    pub(crate) fn one_of<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())].clone()
    }

    /// Each column in a style of its own: what it is encoded as depends on it.
    pub(crate) fn rows(&mut self, count: usize) -> Vec<Vec<Value>> {
        let mut columns = Vec::new();
        for data_type in DataType::ALL {
            let (style, nulls) = (self.below(5), self.one_of(&[0, 0, 2, 10, 50]));
            let nullable = data_type != DataType::Bool;
            let mut column: Vec<Value> = Vec::new();
            for at in 0..count {
                let value = match style {
                    _ if nullable && nulls > 0 && self.chance(nulls) => Value::Null,
                    // Runs, and in the extreme a constant.
                    0 if at > 0 && !self.chance(40) => column[at - 1].clone(),
                    1 => self.steady(data_type, at),
                    2 => self.wide(data_type),
                    _ => self.value(data_type),
                };
                column.push(value);
            }
            columns.push(column);
        }
        (0..count).map(|at| columns.iter().map(|column| column[at].clone()).collect()).collect()
    }

    /// A value that goes up with the row.
    fn steady(&mut self, data_type: DataType, at: usize) -> Value {
        let step = at as i64 * 7 + self.below(9) as i64;
        let value = match data_type {
            DataType::Int8 | DataType::UInt8 => Value::Int(step % 100),
            DataType::Int16 | DataType::UInt16 => Value::Int(step % 30_000),
            DataType::Float32 => Value::Float32(step as f32 / 4.0),
            DataType::Float64 => Value::Float64(step as f64 / 100.0),
            DataType::Decimal => Value::Decimal(Decimal::new(step, 2)),
            DataType::String => Value::String(format!("row-{step:06}")),
            DataType::Bytes => Value::Bytes(format!("{step:08}").into_bytes()),
            DataType::Bool | DataType::Json => self.value(data_type),
            _ => Value::Int(step),
        };
        value.convert_to(data_type).expect("a value of its type")
    }

    /// Any value of the type.
    fn wide(&mut self, data_type: DataType) -> Value {
        let bits = self.next();
        match data_type {
            DataType::Bool | DataType::Json => self.value(data_type),
            DataType::Int8 => Value::Int((bits as i8).into()),
            DataType::Int16 => Value::Int((bits as i16).into()),
            DataType::Int32 => Value::Int((bits as i32).into()),
            DataType::Int64 => Value::Int(bits as i64),
            DataType::UInt8 => Value::UInt((bits as u8).into()),
            DataType::UInt16 => Value::UInt((bits as u16).into()),
            DataType::UInt32 => Value::UInt((bits as u32).into()),
            DataType::UInt64 => Value::UInt(bits),
            DataType::Float32 => Value::Float32(f32::from_bits(bits as u32)),
            DataType::Float64 => Value::Float64(f64::from_bits(bits)),
            DataType::Timestamp => Value::Timestamp(bits as i64),
            DataType::Duration => Value::Duration(bits as i64),
            DataType::Decimal => {
                let scale = (bits >> 8) as u32 % 29;
                Value::Decimal(Decimal::from_parts(
                    bits as u32,
                    self.next() as u32,
                    0,
                    false,
                    scale,
                ))
            }
            DataType::String => {
                let words = ["alpha", "beta", "γάμμα", "delta", "connection", "reset by peer", " "];
                let text: Vec<&str> = (0..self.below(12)).map(|_| self.one_of(&words)).collect();
                Value::String(text.join(" "))
            }
            _ => {
                let len = self.below(30);
                Value::Bytes((0..len).map(|_| self.next() as u8).collect())
            }
        }
    }

    /// One of few values of the type.
    pub(crate) fn value(&mut self, data_type: DataType) -> Value {
        let decimal = |text: &str| Value::Decimal(text.parse().expect("a decimal"));
        let ends = |value: i64| Value::Int(value);
        let value = match data_type {
            DataType::Bool => Value::Bool(self.chance(2)),
            DataType::Int8 => self.one_of(&[-128, -1, 0, 1, 2, 5, 127].map(ends)),
            DataType::Int16 => self.one_of(&[-32768, -1, 0, 1, 2, 5, 32767].map(ends)),
            DataType::Int32 => {
                self.one_of(&[i64::from(i32::MIN), -1, 0, 1, 2, 5, i64::from(i32::MAX)].map(ends))
            }
            DataType::Int64 => {
                let near = 1_i64 << 53;
                self.one_of(&[i64::MIN, -1, 0, 1, 2, 5, near, near + 1, i64::MAX].map(ends))
            }
            DataType::UInt8 => self.one_of(&[0, 1, 2, 5, 255].map(Value::UInt)),
            DataType::UInt16 => self.one_of(&[0, 1, 2, 5, 65535].map(Value::UInt)),
            DataType::UInt32 => self.one_of(&[0, 1, 2, 5, u64::from(u32::MAX)].map(Value::UInt)),
            DataType::UInt64 => self.one_of(&[0, 1, 2, 5, 1 << 63, u64::MAX].map(Value::UInt)),
            DataType::Float32 => self.one_of(
                &[-1.5, -0.0, 0.0, 0.1, 1.0, 2.0, 1e30, f32::NAN, f32::INFINITY]
                    .map(Value::Float32),
            ),
            DataType::Float64 => self.one_of(
                &[
                    f64::NEG_INFINITY,
                    -1.5,
                    -0.0,
                    0.0,
                    5e-324,
                    0.1,
                    0.5,
                    1.0,
                    2.0,
                    5.0,
                    1e300,
                    9_007_199_254_740_992.0,
                    f64::NAN,
                    -f64::NAN,
                    f64::INFINITY,
                ]
                .map(Value::Float64),
            ),
            DataType::Decimal => self.one_of(
                &[
                    "-1.5",
                    "-0.1",
                    "0",
                    "0.00",
                    "0.1",
                    "0.10",
                    "0.5",
                    "1",
                    "2",
                    "5.000",
                    "9007199254740993",
                    "0.0000000000000000000000000001",
                    "79228162514264337593543950335",
                ]
                .map(decimal),
            ),
            DataType::String => self.one_of(
                &[
                    "",
                    "a",
                    "ab",
                    "abc",
                    "b",
                    "A",
                    "Ünïcode",
                    "it's",
                    "100%",
                    "a\0b",
                    "x\ny",
                    "a long text that shares its beginning",
                    "a long text that shares its end",
                    "a long text that",
                ]
                .map(Value::from),
            ),
            DataType::Bytes => {
                let some: [&[u8]; 8] = [
                    b"",
                    b"\0",
                    b"\0\0",
                    b"a",
                    b"a\xFF",
                    b"\xFF\xFF",
                    b"sixteen bytes ok",
                    b"sixteen bytes ok and more",
                ];
                Value::from(self.one_of(&some))
            }
            DataType::Timestamp => self.one_of(&[i64::MIN, -1, 0, 1, 5].map(Value::Timestamp)),
            DataType::Duration => self.one_of(&[-1, 0, 1, 5, i64::MAX].map(Value::Duration)),
            _ => self.one_of(
                &["1", "null", "\"a\"", "{\"a\":1}", "{\"a\": 1}", "[1,2]"]
                    .map(|text| Value::Json(text.to_owned())),
            ),
        };
        value.convert_to(data_type).expect("a value of its type")
    }

    /// A value that a field of this type is compared with: often of another kind.
    fn literal(&mut self, data_type: DataType) -> Value {
        if self.chance(12) {
            return Value::Null;
        }
        if self.chance(4) {
            return self.wide(data_type);
        }
        let numbers = [
            DataType::Int8,
            DataType::Int64,
            DataType::UInt64,
            DataType::Float32,
            DataType::Float64,
            DataType::Decimal,
        ];
        match data_type {
            DataType::Bool
            | DataType::String
            | DataType::Bytes
            | DataType::Timestamp
            | DataType::Duration
            | DataType::Json => self.value(data_type),
            _ if self.chance(2) => self.value(data_type),
            _ => {
                let other = self.one_of(&numbers);
                self.value(other)
            }
        }
    }

    pub(crate) fn condition(&mut self, depth: usize, rows: usize) -> Condition {
        if depth == 0 {
            return self.leaf(rows);
        }
        let parts = |random: &mut Random| {
            let count = random.below(4);
            (0..count).map(|_| random.condition(depth - 1, rows)).collect()
        };
        match self.below(5) {
            0 | 1 => Condition::And(parts(self)),
            2 | 3 => Condition::Or(parts(self)),
            _ => Condition::Not(Box::new(self.condition(depth - 1, rows))),
        }
    }

    fn leaf(&mut self, rows: usize) -> Condition {
        let op = self.one_of(&[Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge]);
        let negated = self.chance(2);
        if self.chance(8) {
            let mut seq = || Value::Int(self.below(rows + 3) as i64 - 1);
            return match seq() {
                Value::Int(low) if low % 3 == 0 => {
                    Condition::Between(SEQ, Value::Int(low), seq(), negated)
                }
                Value::Int(low) if low % 3 == 1 => {
                    Condition::In(SEQ, vec![Value::Int(low), seq()], negated)
                }
                low => Condition::Compare(SEQ, op, low),
            };
        }
        let field = self.below(DataType::ALL.len());
        let data_type = DataType::ALL[field];
        let is_text = matches!(data_type, DataType::String | DataType::Bytes | DataType::Json);
        match self.below(8) {
            0 => Condition::IsNull(field, negated),
            1 => {
                Condition::Between(field, self.literal(data_type), self.literal(data_type), negated)
            }
            2 => {
                let count = self.below(4);
                let values = (0..count).map(|_| self.literal(data_type)).collect();
                Condition::In(field, values, negated)
            }
            3..=5 if is_text => {
                let parts = [Part::Contains, Part::StartsWith, Part::EndsWith, Part::Matches];
                let part = self.one_of(&parts);
                let whole = match self.value(data_type) {
                    Value::String(_) if self.chance(2) => {
                        Value::from(self.one_of(&["a", "eta", "γ", "x", "\n", " ", "row-00"]))
                    }
                    Value::Json(_) if self.chance(2) => Value::from(self.one_of(&["a", "1", "["])),
                    Value::Bytes(bytes) if self.chance(2) => {
                        Value::Bytes(bytes.into_iter().take(1).collect())
                    }
                    whole => whole,
                };
                Condition::Part(field, part, whole, negated)
            }
            _ => Condition::Compare(field, op, self.literal(data_type)),
        }
    }
}
