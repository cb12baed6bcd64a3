//! Structs into rows and rows into structs.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::schema::{Field, Schema};
use crate::types::{DataType, Value};
use crate::{Decimal, row};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    Rich { n: u8 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Event {
    level: String,
    n: i8,
    big: u64,
    ratio: f64,
    small: f32,
    ok: Option<bool>,
    price: Decimal,
    at: jiff::Timestamp,
    raw: Vec<u8>,
    tags: Vec<String>,
    more: BTreeMap<u16, Kind>,
    kind: Kind,
}

fn event_schema() -> Schema {
    Schema::new([
        Field::new("level", DataType::String),
        Field::new("n", DataType::Int8),
        Field::new("big", DataType::UInt64),
        Field::new("ratio", DataType::Float64),
        Field::new("small", DataType::Float32),
        Field::new("ok", DataType::Bool).nullable(),
        Field::new("price", DataType::Decimal),
        Field::new("at", DataType::Timestamp),
        Field::new("raw", DataType::Bytes),
        Field::new("tags", DataType::Json),
        Field::new("more", DataType::Json),
        Field::new("kind", DataType::String),
    ])
    .unwrap()
}

/// Through validation and columns, and back as a read would return it.
fn stored(schema: Schema, row: &RowBuf) -> Row {
    let mut batch = RowBatch::new(&schema);
    batch.push_row(&schema, 0, row.iter()).unwrap();
    let columns = batch.columns().iter().zip(schema.fields());
    let values = columns.map(|(c, f)| value_of(f.data_type(), c.get(0)).unwrap()).collect();
    Row::new(7, 1_793_491_200_500_000_000, Arc::new(Projection::all(Arc::new(schema))), values)
}

fn any_event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![Just(Kind::Plain), any::<u8>().prop_map(|n| Kind::Rich { n })];
    let numbers = (any::<i8>(), any::<u64>(), any::<f64>(), any::<f32>(), any::<Option<bool>>());
    let texts = (any::<String>(), any::<Vec<u8>>(), any::<Vec<String>>());
    let nested = proptest::collection::btree_map(any::<u16>(), kind, 0..4);
    (numbers, texts, nested, any::<i64>(), any::<u64>(), 0..=28_u32).prop_map(
        |((n, big, ratio, small, ok), (level, raw, tags), more, at, digits, scale)| Event {
            level,
            n,
            big,
            ratio,
            small,
            ok,
            price: Decimal::from_i128_with_scale(i128::from(digits), scale),
            at: jiff::Timestamp::from_nanosecond(i128::from(at)).unwrap(),
            raw,
            tags,
            more,
            kind: Kind::Plain,
        },
    )
}

proptest! {
    #[test]
    fn a_struct_comes_back_as_it_went_in(event in any_event()) {
        let row = RowBuf::from_serialize(&event).unwrap();
        let back: Event = stored(event_schema(), &row).into_struct().unwrap();
        prop_assert_eq!(back, event);
    }
}

fn small_row() -> Row {
    let schema = Schema::new([
        Field::new("n", DataType::Int64).nullable(),
        Field::new("price", DataType::Decimal),
        Field::new("ratio", DataType::Float64),
        Field::new("at", DataType::Timestamp),
        Field::new("doc", DataType::Json),
    ]);
    let doc = "{\"a\": [1,\n 2]}";
    let row = row! { "n" => 300, "price" => "1.50", "ratio" => 0.1, "at" => 5, "doc" => doc };
    stored(schema.unwrap(), &row)
}

#[test]
fn the_target_decides_what_instants_decimals_and_json_become() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Doc {
        a: Vec<u8>,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Wide {
        _seq: i64,
        _time: i64,
        n: f64,
        price: f32,
        at: i64,
        doc: Doc,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Texts {
        _time: String,
        price: String,
        at: String,
        doc: String,
    }
    let wide: Wide = small_row().into_struct().unwrap();
    let expected = Wide {
        _seq: 7,
        _time: 1_793_491_200_500_000_000,
        n: 300.0,
        price: 1.5,
        at: 5,
        doc: Doc { a: vec![1, 2] },
    };
    assert_eq!(wide, expected);
    let texts: Texts = small_row().into_struct().unwrap();
    let expected = Texts {
        _time: "2026-11-01T00:00:00.5Z".to_owned(),
        price: "1.50".to_owned(),
        at: "1970-01-01T00:00:00.000000005Z".to_owned(),
        doc: "{\"a\": [1,\n 2]}".to_owned(),
    };
    assert_eq!(texts, expected);
    type Tuple = (Option<u16>, Decimal, f64, i64, serde_json::Value);
    let tuple: Tuple = small_row().into_struct().unwrap();
    assert_eq!((tuple.0, tuple.1), (Some(300), "1.50".parse().unwrap()));
    let map: BTreeMap<String, serde_json::Value> = small_row().into_struct().unwrap();
    assert_eq!(map.keys().collect::<Vec<_>>(), ["at", "doc", "n", "price", "ratio"]);
}

#[test]
fn what_does_not_fit_a_struct_is_named() {
    fn refused<T: serde::de::DeserializeOwned + std::fmt::Debug>(row: Row) -> String {
        row.into_struct::<T>().unwrap_err().to_string()
    }
    macro_rules! refused {
        ($field:ident: $type:ty) => {{
            #[derive(Debug, Deserialize)]
            struct Target {
                #[expect(dead_code, reason = "only read into")]
                $field: $type,
            }
            refused::<Target>(small_row())
        }};
    }
    let prefix = "row 7 can't be read as the type asked for: ";
    assert_eq!(
        refused!(n: i8),
        format!("{prefix}field \"n\": invalid value: integer `300`, expected i8")
    );
    assert_eq!(
        refused!(ratio: f32),
        format!(
            "{prefix}field \"ratio\": expected float32, got float64 0.1 (not exactly representable)"
        )
    );
    assert_eq!(
        refused!(price: i64),
        format!("{prefix}field \"price\": the decimal 1.50 is no integer")
    );
    assert!(refused!(at: bool).contains("field \"at\": invalid type: string"));
    assert_eq!(refused!(missing: i8), format!("{prefix}missing field `missing`"));
    let schema = Schema::new([Field::new("n", DataType::Int64).nullable()]).unwrap();
    #[derive(Debug, Deserialize)]
    struct Target {
        #[expect(dead_code, reason = "only read into")]
        n: i64,
    }
    let message = refused::<Target>(stored(schema, &row! {}));
    assert!(message.contains("field \"n\": it is null ("), "{message}");
}

#[test]
fn what_is_no_row_is_refused() {
    let refused = |error: crate::Error| error.to_string();
    assert_eq!(
        refused(RowBuf::from_serialize(&5).unwrap_err()),
        "row 0: a row is a struct or a map, not 5"
    );
    assert_eq!(
        refused(RowBuf::from_serialize(&[1]).unwrap_err()),
        "row 0: a row is a struct or a map, not a tuple"
    );
    let beyond = BTreeMap::from([("n", u128::MAX)]);
    assert_eq!(
        refused(RowBuf::from_serialize_at(3, &beyond).unwrap_err()),
        format!("row 3, field \"n\": {} is beyond 64 bits", u128::MAX)
    );
    let some = RowBuf::from_serialize(&Some(BTreeMap::from([("n", 1_u128)]))).unwrap();
    assert_eq!(some.get("n"), Some(&Value::UInt(1)));
}

#[test]
fn rows_print_as_one_line_of_json_and_of_text() {
    let row = small_row();
    assert_eq!(
        row.to_json(),
        "{\"_seq\":7,\"_time\":\"2026-11-01T00:00:00.5Z\",\"n\":300,\"price\":\"1.50\",\
         \"ratio\":0.1,\"at\":\"1970-01-01T00:00:00.000000005Z\",\"doc\":{\"a\": [1,  2]}}"
    );
    assert_eq!(
        row.to_string(),
        "_seq=7 _time=2026-11-01T00:00:00.5Z n=300 price=1.50 ratio=0.1 \
         at=1970-01-01T00:00:00.000000005Z doc={\"a\": [1,\n 2]}"
    );
    assert_eq!(row.get("n"), Some(&Value::Int(300)));
    assert_eq!(row.get("_seq"), None);
}

#[test]
fn a_projection_names_what_it_returns() {
    let schema = Arc::new(event_schema());
    let some = Projection::of(schema.clone(), "t", &["price", "level"]).unwrap();
    assert_eq!((some.len(), some.schema_index(0), some.schema_index(1)), (2, 6, 0));
    let row = Row::new(1, 2, Arc::new(some), vec![Value::from("p"), Value::from("l")]);
    assert_eq!(row.get("level"), Some(&Value::from("l")));
    assert_eq!(row.get("n"), None);
    assert_eq!(row.fields().collect::<Vec<_>>(), ["price", "level"]);
    let error = Projection::of(schema, "t", &["nope"]).unwrap_err();
    assert_eq!(error.to_string(), "table \"t\" has no field \"nope\"");
}
