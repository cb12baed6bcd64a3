//! JSON, as an array of objects or as one object a line.
//!
//! | value | JSON |
//! |---|---|
//! | null, bool, integer, decimal | null, bool, number with every digit it has |
//! | float | number; NaN and the infinities, for which JSON has none, as text |
//! | json | itself; line breaks between its tokens become spaces |
//! | all else | its text |

use std::fmt::Write as _;
use std::io::{self, Write};

use srdb::ValueRef;

use super::Column;

pub(super) struct JsonWriter<W: Write> {
    out: W,
    /// `{"a":`, `,"b":` …: what comes before each value.
    leads: Vec<String>,
    array: bool,
    rows: u64,
    line: String,
}

impl<W: Write> JsonWriter<W> {
    pub(super) fn array(columns: &[Column], mut out: W) -> io::Result<JsonWriter<W>> {
        out.write_all(b"[")?;
        Ok(JsonWriter { array: true, ..JsonWriter::lines(columns, out) })
    }

    pub(super) fn lines(columns: &[Column], out: W) -> JsonWriter<W> {
        let leads = columns.iter().enumerate().map(|(index, column)| {
            let mut lead = String::from(if index == 0 { "{" } else { "," });
            push_string(&mut lead, &column.name);
            lead.push(':');
            lead
        });
        JsonWriter { out, leads: leads.collect(), array: false, rows: 0, line: String::new() }
    }

    pub(super) fn write<'a>(
        &mut self,
        values: impl Iterator<Item = ValueRef<'a>>,
    ) -> io::Result<()> {
        self.line.clear();
        if self.array {
            self.line.push_str(if self.rows == 0 { "\n" } else { ",\n" });
        }
        self.rows += 1;
        for (lead, value) in self.leads.iter().zip(values) {
            self.line.push_str(lead);
            push_value(&mut self.line, value);
        }
        self.line.push_str(if self.array { "}" } else { "}\n" });
        self.out.write_all(self.line.as_bytes())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.array {
            self.out.write_all(if self.rows == 0 { b"]\n" } else { b"\n]\n" })?;
        }
        self.out.flush()
    }
}

fn push_value(line: &mut String, value: ValueRef<'_>) {
    let finite = match value {
        ValueRef::Float32(float) => float.is_finite(),
        ValueRef::Float64(float) => float.is_finite(),
        _ => true,
    };
    match value {
        ValueRef::Json(json) => line.extend(json.chars().map(|c| match c {
            '\n' | '\r' => ' ', // in JSON they stand between tokens only
            other => other,
        })),
        ValueRef::Null
        | ValueRef::Bool(_)
        | ValueRef::Int(_)
        | ValueRef::UInt(_)
        | ValueRef::Decimal(_)
        | ValueRef::Float32(_)
        | ValueRef::Float64(_)
            if finite =>
        {
            // Writing to a String can't fail.
            let _ = write!(line, "{value}");
        }
        ValueRef::Str(text) => push_string(line, text),
        other => push_string(line, &other.to_string()),
    }
}

/// Appends a JSON string. Only what JSON demands is escaped.
fn push_string(line: &mut String, text: &str) {
    match serde_json::to_string(text) {
        Ok(json) => line.push_str(&json),
        Err(error) => panic!("a text has no JSON form: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use srdb::DataType;

    use super::*;

    fn columns() -> Vec<Column> {
        let column = |name: &str| Column { name: name.to_owned(), data_type: DataType::Json };
        vec![column("a \"b\""), column("c")]
    }

    fn rows() -> [[ValueRef<'static>; 2]; 2] {
        [
            [ValueRef::Str("x\ny"), ValueRef::Json("{\n\"k\": 1.0 }")],
            [ValueRef::Float64(f64::NAN), ValueRef::Float64(20.0)],
        ]
    }

    #[test]
    fn a_row_is_a_line_whatever_it_holds() {
        let mut out = Vec::new();
        let mut writer = JsonWriter::lines(&columns(), &mut out);
        for row in rows() {
            writer.write(row.into_iter()).expect("memory");
        }
        writer.finish().expect("memory");
        let want = "{\"a \\\"b\\\"\":\"x\\ny\",\"c\":{ \"k\": 1.0 }}\n\
                    {\"a \\\"b\\\"\":\"NaN\",\"c\":20.0}\n";
        assert_eq!(String::from_utf8_lossy(&out), want);
    }

    #[test]
    fn an_array_is_json_with_any_number_of_rows() {
        for count in 0..=2 {
            let mut out = Vec::new();
            let mut writer = JsonWriter::array(&columns(), &mut out).expect("memory");
            for row in rows().into_iter().take(count) {
                writer.write(row.into_iter()).expect("memory");
            }
            writer.finish().expect("memory");
            let parsed: Vec<serde_json::Value> = serde_json::from_slice(&out).expect("JSON");
            assert_eq!(parsed.len(), count);
        }
    }
}
