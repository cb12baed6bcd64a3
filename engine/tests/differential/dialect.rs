//! Conditions as text that srdb and SQLite both read.

use srdb::DataType;

use crate::fixture::Fixture;
use crate::predicate::like_pattern;
use crate::random::Random;

pub(crate) fn condition(random: &mut Random, fixture: &Fixture, depth: usize) -> String {
    if depth == 0 {
        return leaf(random, fixture);
    }
    let parts = |random: &mut Random, word: &str| {
        let count = 1 + random.below(3);
        let part = |random: &mut Random| match condition(random, fixture, depth - 1) {
            // `or` in `and` needs brackets; `and` in `or`, none.
            part if word == "and" || random.chance(2) => format!("({part})"),
            part => part,
        };
        (0..count).map(|_| part(random)).collect::<Vec<_>>().join(&format!(" {word} "))
    };
    match random.below(5) {
        0 | 1 => parts(random, "and"),
        2 | 3 => parts(random, "OR"),
        _ => format!("not ({})", condition(random, fixture, depth - 1)),
    }
}

fn leaf(random: &mut Random, fixture: &Fixture) -> String {
    let has = |at: &usize| fixture.native[*at] && DataType::ALL[*at] != DataType::Decimal;
    let fields: Vec<usize> = (0..DataType::ALL.len()).filter(has).collect();
    let at = random.one_of(&fields);
    let data_type = DataType::ALL[at];
    // Only what is a word of SQL needs the quotes.
    let field = match data_type.name() {
        name @ ("bool" | "int8" | "string" | "float64") if random.chance(2) => name.to_owned(),
        name => format!("\"{name}\""),
    };
    let not = random.one_of(&["", "not "]);
    let is_text = matches!(data_type, DataType::String | DataType::Json);
    match random.below(10) {
        0 => format!("{field} is {not}null"),
        1 => format!("{field} notnull"),
        2 => {
            let (low, high) = (literal(random, data_type), literal(random, data_type));
            format!("{field} {not}between {low} and {high}")
        }
        3 => {
            let values: Vec<String> =
                (0..random.below(4)).map(|_| literal(random, data_type)).collect();
            format!("{field} {not}in ({})", values.join(", "))
        }
        4 | 5 if is_text && fixture.like[at] => {
            format!("{field} {not}LIKE '{}'", like_pattern(random).replace('\'', "''"))
        }
        4 if data_type == DataType::Bool => format!("{not}{field}"),
        5 if data_type == DataType::Bool => {
            format!("{field} is {not}{}", random.one_of(&["true", "false"]))
        }
        _ => {
            let op = random.one_of(&["=", "==", "<>", "!=", "<", "<=", ">", ">="]);
            let value = literal(random, data_type);
            if random.chance(4) {
                format!("{value} {op} {field}")
            } else {
                format!("{field} {op} {value}")
            }
        }
    }
}

fn literal(random: &mut Random, data_type: DataType) -> String {
    if random.chance(15) {
        return "NULL".to_owned();
    }
    match data_type {
        DataType::Bool => random.one_of(&["true", "false"]).to_owned(),
        DataType::Timestamp | DataType::Duration => {
            random.one_of(&["-9223372036854775808", "-1", "0", "1", "5"]).to_owned()
        }
        DataType::String => random
            .one_of(&["''", "'a'", "'abc'", "'it''s'", "'100%'", "'Ünïcode'", "'b'"])
            .to_owned(),
        DataType::Json => {
            random.one_of(&["'1'", "'null'", "'\"a\"'", "'{\"a\":1}'", "'[1,2]'"]).to_owned()
        }
        DataType::Bytes => {
            random.one_of(&["x''", "x'00'", "X'61'", "x'61FF'", "x'61ff00'"]).to_owned()
        }
        _ => {
            // Binary exactly: to one, 0.1 is of the field's type, to the other a float64.
            let numbers = [
                "0",
                "1",
                "-1",
                "+2",
                "5",
                "127",
                "255",
                "-128",
                "65535",
                "2147483647",
                "-2147483648",
                "9007199254740993",
                "9223372036854775807",
                "-9223372036854775808",
                "0.5",
                "-1.5",
                "2.0",
                ".25",
                "1e0",
                "5e-1",
                "-1.5E0",
                "1e30",
                "9007199254740992.0",
                "1e300",
            ];
            random.one_of(&numbers).to_owned()
        }
    }
}
