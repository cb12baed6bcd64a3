//! Rows in, columns, rows out.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::error::Error;
use crate::row;
use crate::schema::{Field, Schema};
use crate::types::{DataType, Value, ValueRef};

/// Any value of a field's own kind, not null.
pub(crate) fn value_for(data_type: DataType) -> BoxedStrategy<Value> {
    let int = |min: i128, max: i128| prop_oneof![Just(min), Just(max), Just(0), min..=max].boxed();
    match data_type {
        DataType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        DataType::Float32 => any::<u32>().prop_map(|b| Value::Float32(f32::from_bits(b))).boxed(),
        DataType::Float64 => any::<u64>().prop_map(|b| Value::Float64(f64::from_bits(b))).boxed(),
        DataType::Decimal => (any::<u32>(), any::<u32>(), any::<u32>(), any::<bool>(), 0..=28_u32)
            .prop_map(|(lo, mid, hi, sign, scale)| {
                Value::Decimal(Decimal::from_parts(lo, mid, hi, sign, scale))
            })
            .boxed(),
        DataType::String => any::<String>().prop_map(Value::String).boxed(),
        DataType::Bytes => any::<Vec<u8>>().prop_map(Value::Bytes).boxed(),
        DataType::Json => any::<String>()
            .prop_map(|s| Value::Json(format!(" [{}, 1e400]", serde_json::to_string(&s).unwrap())))
            .boxed(),
        DataType::Timestamp => any::<i64>().prop_map(Value::Timestamp).boxed(),
        DataType::Duration => any::<i64>().prop_map(Value::Duration).boxed(),
        _ => {
            let (min, max) = data_type.int_range().unwrap();
            let signed = min < 0;
            int(min, max)
                .prop_map(
                    move |v| {
                        if signed { Value::Int(v as i64) } else { Value::UInt(v as u64) }
                    },
                )
                .boxed()
        }
    }
}

fn schema() -> Schema {
    Schema::new([
        Field::new("level", DataType::String),
        Field::new("n", DataType::Int8).nullable(),
        Field::new("ok", DataType::Bool).default(true),
    ])
    .unwrap()
}

fn push(batch: &mut RowBatch, schema: &Schema, row: &RowBuf) -> crate::Result<()> {
    batch.push_row(schema, batch.rows(), row.iter())
}

/// The values of a row, read back from the columns.
fn read(batch: &RowBatch, schema: &Schema, row: usize) -> Vec<Value> {
    let columns = batch.columns().iter().zip(schema.fields());
    columns.map(|(c, f)| value_of(f.data_type(), c.get(row)).unwrap()).collect()
}

#[test]
fn rows_come_in_any_order_and_may_leave_out_what_can_be_missing() {
    let schema = schema();
    let mut batch = RowBatch::new(&schema);
    push(&mut batch, &schema, &row! { "level" => "a", "n" => 1, "ok" => false }).unwrap();
    push(&mut batch, &schema, &row! { "ok" => false, "level" => "b" }).unwrap();
    push(&mut batch, &schema, &row! { "level" => "c", "n" => None::<i8> }).unwrap();
    assert_eq!(batch.rows(), 3);
    let text = |s: &str| Value::from(s);
    assert_eq!(read(&batch, &schema, 0), [text("a"), Value::Int(1), Value::Bool(false)]);
    assert_eq!(read(&batch, &schema, 1), [text("b"), Value::Null, Value::Bool(false)]);
    assert_eq!(read(&batch, &schema, 2), [text("c"), Value::Null, Value::Bool(true)]);
    assert_eq!(batch.bytes(), 3 * (5 + 1 + 1));
}

#[test]
fn a_bad_row_is_named_and_leaves_the_batch_as_it_was() {
    let schema = schema();
    let mut batch = RowBatch::new(&schema);
    push(&mut batch, &schema, &row! { "level" => "a", "n" => 1 }).unwrap();
    let before = batch.clone();
    for (row, message) in [
        (row! { "n" => None::<i8> }, "row 1, field \"level\": the required field is missing"),
        (row! { "level" => None::<&str> }, "row 1, field \"level\": null in a required field"),
        (
            row! { "level" => "b", "ok" => None::<bool> },
            "row 1, field \"ok\": null in a required field",
        ),
        (row! { "level" => "b", "m" => 1 }, "row 1, field \"m\": the table has no such field"),
        (
            row! { "level" => "b", "level" => "c" },
            "row 1, field \"level\": the field is given twice",
        ),
        (
            row! { "level" => "b", "n" => 300 },
            "row 1, field \"n\": expected int8, got int 300 (out of range -128..=127)",
        ),
        (row! { "level" => 5 }, "row 1, field \"level\": expected string, got int 5"),
        (
            row! { "level" => "b", "n" => None::<i8>, "ok" => 1 },
            "row 1, field \"ok\": expected bool, got int 1",
        ),
    ] {
        let error = push(&mut batch, &schema, &row).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(batch.columns(), before.columns());
        assert_eq!((batch.rows(), batch.bytes()), (before.rows(), before.bytes()));
    }
    for values in [&[ValueRef::from("b")][..], &[ValueRef::Null; 4]] {
        let error = batch.push_values(&schema, 1, values).unwrap_err();
        assert!(error.to_string().contains("values for 3 fields"), "{error}");
        assert_eq!(batch.columns(), before.columns());
    }
    push(&mut batch, &schema, &row! { "level" => "z" }).unwrap();
    assert_eq!(read(&batch, &schema, 1)[0], Value::from("z"));
}

#[test]
fn rows_and_commits_have_a_limit() {
    let schema = Schema::new([
        Field::new("a", DataType::String),
        Field::new("b", DataType::Bytes).nullable(),
    ])
    .unwrap();
    let mut batch = RowBatch::new(&schema);
    let half = "x".repeat(crate::limits::ROW_BYTES_MAX / 2);
    let values = [ValueRef::from(half.as_str()), ValueRef::from(half.as_bytes())];
    let error = batch.push_values(&schema, 0, &values).unwrap_err();
    assert!(matches!(error, Error::Limit { what: "the size of a row in bytes", .. }), "{error}");
    let mut pushed = Ok(());
    while pushed.is_ok() {
        assert!(batch.rows() < 40, "the commit never filled up");
        pushed = batch.push_values(&schema, 0, &[values[0], ValueRef::Null]);
    }
    assert_eq!(batch.rows(), 31);
    let error = pushed.unwrap_err();
    assert!(matches!(error, Error::Limit { what: "the size of a commit in bytes", .. }), "{error}");
    batch.clear();
    assert_eq!((batch.rows(), batch.bytes()), (0, 0));
    assert_eq!(batch.columns(), RowBatch::new(&schema).columns());
}

/// One field of every type, nullable.
fn every_type() -> Schema {
    let fields = DataType::ALL.map(|t| Field::new(t.name(), t).nullable());
    Schema::new(fields).unwrap()
}

fn any_row() -> impl Strategy<Value = Vec<Value>> {
    DataType::ALL.map(|t| prop_oneof![1 => Just(Value::Null), 4 => value_for(t)].boxed()).to_vec()
}

proptest! {
    #[test]
    fn values_come_back_bit_for_bit(rows in proptest::collection::vec(any_row(), 1..20)) {
        let schema = every_type();
        let mut named = RowBatch::new(&schema);
        let mut ordered = RowBatch::new(&schema);
        for (i, row) in rows.iter().enumerate() {
            // Named rows come backwards, so that names are searched for.
            let pairs = schema.fields().iter().map(Field::name).zip(row).rev();
            named.push_row(&schema, i, pairs).unwrap();
            let values: Vec<ValueRef<'_>> = row.iter().map(ValueRef::from).collect();
            ordered.push_values(&schema, i, &values).unwrap();
        }
        prop_assert_eq!(named.columns(), ordered.columns());
        prop_assert_eq!(named.bytes(), ordered.bytes());
        for (i, row) in rows.iter().enumerate() {
            prop_assert_eq!(&read(&named, &schema, i), row);
            for (column, (field, value)) in named.columns().iter().zip(schema.fields().iter().zip(row)) {
                let borrowed = value_ref_of(field.data_type(), column, i, |e| e).unwrap();
                prop_assert_eq!(&borrowed.to_value(), value);
            }
        }
    }
}

#[test]
fn what_no_field_can_hold_is_damage() {
    use crate::chunk::Scalar;
    let damage = |data_type, scalar| value_of(data_type, scalar).unwrap_err().what;
    let bytes = || Scalar::Bytes(b"ab\xff".into());
    assert_eq!(damage(DataType::String, bytes()), "text is not UTF-8");
    assert_eq!(damage(DataType::Json, bytes()), "text is not UTF-8");
    assert_eq!(damage(DataType::Int8, Scalar::Int(128)), "128 is no int8");
    assert_eq!(damage(DataType::UInt32, Scalar::Int(-1)), "-1 is no uint32");
    assert!(damage(DataType::Bool, Scalar::Int(1)).starts_with("a bool field holds"));
}
