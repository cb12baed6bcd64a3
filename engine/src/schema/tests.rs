//! Schemas: what is refused, and that both forms come back equal.

use proptest::prelude::*;

use super::*;
use crate::coding::bytes::Reader;
use crate::row::tests::value_for;
use crate::types::{DataType, Value};

fn encoded(schema: &Schema) -> Vec<u8> {
    let mut bytes = Vec::new();
    schema.encode(&mut bytes);
    bytes
}

fn decoded(bytes: &[u8]) -> Result<Schema, crate::error::Damage> {
    let mut reader = Reader::new(bytes);
    let schema = Schema::decode(&mut reader)?;
    reader.finish()?;
    Ok(schema)
}

fn sample() -> Schema {
    Schema::new([
        Field::new("level", DataType::String),
        Field::new("n", DataType::Int8).nullable().default(-1),
        Field::new("ok", DataType::Bool).default(true).comment("did it work?"),
        Field::new("price", DataType::Decimal).default("1.50"),
        Field::new("at", DataType::Timestamp).default("2026-11-01T00:00:00Z"),
        Field::new("温度", DataType::Float32).nullable(),
        Field::new("doc", DataType::Json).default("{ }"),
    ])
    .unwrap()
}

fn refused(fields: impl IntoIterator<Item = Field>) -> String {
    Schema::new(fields).unwrap_err().to_string()
}

#[test]
fn impossible_schemas_are_refused_by_name() {
    let int8 = |name: &str| Field::new(name, DataType::Int8);
    assert_eq!(refused([]), "bad schema: it has no fields");
    assert_eq!(
        refused([int8("a"), int8("b"), int8("a")]),
        "bad schema, field \"a\": the name occurs twice"
    );
    assert_eq!(
        refused([int8("_seq")]),
        "bad name \"_seq\": a leading '_' is reserved for _seq and _time"
    );
    assert_eq!(
        refused([int8("a").default(300)]),
        "bad schema, field \"a\": its default does not fit: \
         expected int8, got int 300 (out of range -128..=127)"
    );
    assert_eq!(
        refused([int8("a").default(Value::Null)]),
        "bad schema, field \"a\": its default is null, but it is required"
    );
    let many = (0..=FIELDS_MAX).map(|i| int8(&format!("f{i}")));
    assert_eq!(refused(many), "bad schema: it has more than 1024 fields");
    assert!(refused([int8("a").comment("x".repeat(5000))]).contains("5000 bytes"));
    assert!(
        refused([Field::new("a", DataType::String).default("x".repeat(70_000))])
            .contains("70000 bytes")
    );
}

#[test]
fn what_fields_are_to_have_is_recorded() {
    let unique = Schema::new([Field::new("a", DataType::Int8).unique()]).unwrap();
    let indexed = Schema::new([Field::new("a", DataType::Int8).indexed()]).unwrap();
    for schema in [unique, indexed] {
        assert_eq!(decoded(&encoded(&schema)).unwrap(), schema);
        assert_eq!(Schema::from_json(&schema.to_json()).unwrap(), schema);
    }
}

#[test]
fn defaults_take_their_fields_type() {
    let schema = sample();
    let default = |name: &str| schema.field(name).unwrap().default_value().cloned();
    assert_eq!(default("n"), Some(Value::Int(-1)));
    assert_eq!(default("price"), Some(Value::Decimal("1.50".parse().unwrap())));
    assert_eq!(default("at"), Some(Value::Timestamp(1_793_491_200_000_000_000)));
    assert_eq!(default("level"), None);
}

#[test]
fn fields_are_found_by_name_in_small_and_large_schemas() {
    for count in [1, 5, BINARY_SEARCH_FIELDS_MIN, 300] {
        let name = |i: usize| format!("f{}", i * 7919 % 1000);
        let fields = (0..count).map(|i| Field::new(name(i), DataType::Bool));
        let schema = Schema::new(fields).unwrap();
        for i in 0..count {
            assert_eq!(schema.index_of(&name(i)), Some(i));
        }
        assert_eq!(schema.index_of("g"), None);
    }
}

/// What is on disk and in checksums must never change.
#[test]
fn bytes_checksum_and_json_are_golden() {
    let schema = Schema::new([
        Field::new("id", DataType::UInt64),
        Field::new("ok", DataType::Bool).nullable().default(true).comment("c"),
    ])
    .unwrap();
    let golden = b"\x01\0\x02\0\
        \x02\0\0\0id\x09\x00\
        \x02\0\0\0ok\x01\x19\x01\x01\0\0\0c";
    assert_eq!(encoded(&schema), golden);
    assert_eq!(schema.checksum(), 2_115_708_117);
    let json = r#"{
  "version": 1,
  "fields": [
    {
      "name": "id",
      "type": "uint64"
    },
    {
      "name": "ok",
      "type": "bool",
      "nullable": true,
      "default": true,
      "comment": "c"
    }
  ]
}
"#;
    assert_eq!(schema.to_json(), json);
}

#[test]
fn bad_json_is_refused_with_the_reason() {
    let refused = |json: &str| Schema::from_json(json).unwrap_err().to_string();
    assert!(refused("{").starts_with("bad schema: EOF"));
    assert_eq!(refused(r#"{"version":2,"fields":[]}"#), "bad schema: version 2 is unknown");
    assert_eq!(
        refused(r#"{"version":1,"fields":[{"name":"a","type":"int"}]}"#),
        "bad schema, field \"a\": there is no type \"int\""
    );
    assert!(refused(r#"{"version":1,"fields":[{"name":"a","typ":"int8"}]}"#).contains("typ"));
    assert!(
        refused(r#"{"version":1,"fields":[{"name":"a","type":"int8","default":999}]}"#)
            .contains("out of range")
    );
}

fn any_schema() -> impl Strategy<Value = Schema> {
    let field = (0..DataType::ALL.len(), any::<[bool; 4]>(), any::<Option<String>>());
    let field = field.prop_flat_map(|(t, flags, comment)| {
        let data_type = DataType::ALL[t];
        (value_for(data_type), Just((data_type, flags, comment)))
    });
    proptest::collection::vec((field, "[^_\\p{Cc}][^\\p{Cc}]{0,20}"), 1..20).prop_map(|fields| {
        let fields = fields.into_iter().enumerate();
        let fields = fields.map(|(i, ((default, (data_type, flags, comment)), name))| {
            let [nullable, unique, indexed, has_default] = flags;
            Field {
                name: format!("{name}{i}"),
                data_type,
                nullable,
                unique,
                indexed,
                default: has_default.then_some(default),
                comment,
            }
        });
        Schema::new(fields).unwrap()
    })
}

proptest! {
    #[test]
    fn both_forms_come_back_equal(schema in any_schema()) {
        let bytes = encoded(&schema);
        let back = decoded(&bytes).unwrap();
        prop_assert_eq!(&back, &schema);
        prop_assert_eq!(back.checksum(), schema.checksum());
        let json = schema.to_json();
        let back = Schema::from_json(&json).unwrap();
        prop_assert_eq!(&back, &schema);
        prop_assert_eq!(back.to_json(), json);
    }

    #[test]
    fn damaged_bytes_are_damage_or_another_valid_schema(
        schema in any_schema(),
        at: proptest::sample::Index,
        byte: u8,
        cut: proptest::sample::Index,
    ) {
        let mut bytes = encoded(&schema);
        prop_assert!(decoded(&bytes[..cut.index(bytes.len())]).is_err());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(other) = decoded(&bytes) {
            // Whatever was read is valid: it can be written, and read again as itself.
            prop_assert_eq!(decoded(&encoded(&other)).unwrap(), other);
        }
    }

    #[test]
    fn noise_never_panics(bytes: Vec<u8>) {
        let _ = decoded(&bytes);
        let _ = decoded(&[&[1, 0, 2, 0], bytes.as_slice()].concat());
    }
}
