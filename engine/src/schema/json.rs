//! A schema as JSON, for people: `schema.json` beside a table's files.
//!
//! What is left out is the usual: not nullable, not unique, not indexed, no default, no comment.
//! A JSON default is written as its text, so that it comes back as it was given.

use serde::{Deserialize, Serialize};

use super::{Field, Schema};
use crate::error::{Error, Result};
use crate::types::{DataType, Value};

/// Of the JSON form.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemaJson {
    version: u32,
    fields: Vec<FieldJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldJson {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    #[serde(default, skip_serializing_if = "is_false")]
    nullable: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    unique: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    indexed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Schema {
    /// This schema as JSON, indented, the same text for equal schemas.
    pub fn to_json(&self) -> String {
        let fields = self.fields.iter().map(|field| FieldJson {
            name: field.name.clone(),
            data_type: field.data_type.name().to_owned(),
            nullable: field.nullable,
            unique: field.unique,
            indexed: field.indexed,
            default: field.default.as_ref().map(|value| match value {
                Value::Json(text) => serde_json::Value::String(text.clone()),
                other => other.to_json(),
            }),
            comment: field.comment.clone(),
        });
        let json = SchemaJson { version: VERSION, fields: fields.collect() };
        let mut text = serde_json::to_string_pretty(&json).unwrap_or_else(|e| {
            // Our own bug: plain structs of texts, numbers and bools always have a JSON form.
            panic!("a schema has no JSON form: {e}")
        });
        text.push('\n');
        text
    }

    /// Reads what [`to_json`](Schema::to_json) wrote, or what a person did.
    ///
    /// # Errors
    /// [`Error::BadSchema`] where it is no such JSON, and all that [`Schema::new`] refuses.
    pub fn from_json(text: &str) -> Result<Schema> {
        let bad = |field: Option<String>, what: String| Error::BadSchema { field, what };
        let json: SchemaJson = serde_json::from_str(text).map_err(|e| bad(None, e.to_string()))?;
        if json.version != VERSION {
            return Err(bad(None, format!("version {} is unknown", json.version)));
        }
        let mut fields = Vec::new();
        for field in json.fields {
            let Some(data_type) = DataType::from_name(&field.data_type) else {
                let what = format!("there is no type {:?}", field.data_type);
                return Err(bad(Some(field.name), what));
            };
            let default = match (data_type, field.default) {
                (_, None) => None,
                (DataType::Json, Some(serde_json::Value::String(text))) => Some(Value::Json(text)),
                (_, Some(json)) => Some(
                    Value::from_json(data_type, &json)
                        .map_err(|what| bad(Some(field.name.clone()), what))?,
                ),
            };
            fields.push(Field {
                name: field.name,
                data_type,
                nullable: field.nullable,
                unique: field.unique,
                indexed: field.indexed,
                default,
                comment: field.comment,
            });
        }
        Schema::new(fields)
    }
}
