//! What the command line says of single fields (`--type`, `--time`, `--rename`), ages and sizes.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo, SpanRound, Unit};
use srdb::DataType;

use crate::args::InputArgs;
use crate::failure::{Failure, Outcome};
use crate::target::Target;
use crate::text::TimeUnit;

/// `OLD=NEW`, split at the first `=`.
pub(crate) fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !new.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err("want OLD=NEW".to_owned()),
    }
}

/// `FIELD=TYPE`, split at the last `=`.
pub(crate) fn parse_type(text: &str) -> Result<(String, DataType), String> {
    let (field, name) = text.rsplit_once('=').ok_or("want FIELD=TYPE")?;
    let data_type = DataType::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = DataType::ALL.iter().map(|t| t.name()).collect();
        format!("there is no type {name:?}; there are {}", names.join(", "))
    })?;
    Ok((field.to_owned(), data_type))
}

/// `30d`, `12h`, `1h 30m`: a span of time, days of 24 hours each.
pub(crate) fn parse_age(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|error| format!("{error}"))?;
    let days = SpanRelativeTo::days_are_24_hours();
    let duration = span.to_duration(days).map_err(|error| format!("{error}"))?;
    Duration::try_from(duration).map_err(|_| "an age is not below zero".to_owned())
}

/// `FIELD=SPAN`, split at the last `=`.
pub(crate) fn parse_age_of(text: &str) -> Result<(String, Duration), String> {
    let (field, age) = text.rsplit_once('=').ok_or("want FIELD=SPAN")?;
    Ok((field.to_owned(), parse_age(age)?))
}

/// The text of an age: days, hours and so on, as [`parse_age`] reads them.
pub(crate) fn age_text(age: Duration) -> String {
    let round = SpanRound::new().largest(Unit::Day).days_are_24_hours();
    let span = SignedDuration::try_from(age).and_then(Span::try_from);
    match span.and_then(|span| span.round(round)) {
        Ok(span) => format!("{span:#}"),
        // Beyond what a span holds.
        Err(_) => format!("{age:?}"),
    }
}

/// `10GB`, `512MiB`, `1000000`: a number of bytes.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    text.parse::<bytesize::ByteSize>().map(|size| size.as_u64())
}

/// The types said for single fields, by the field's name after renaming.
#[derive(Debug, Clone, Default)]
pub(crate) struct TypeChoices {
    types: BTreeMap<String, DataType>,
    time_unit: Option<TimeUnit>,
}

impl TypeChoices {
    /// What the options say.
    ///
    /// # Errors
    /// They say two types for one field.
    pub(crate) fn new(args: &InputArgs) -> Outcome<TypeChoices> {
        let times = args.time.iter().map(|field| (field, DataType::Timestamp));
        let types = args.types.iter().map(|(field, data_type)| (field, *data_type));
        let mut choices = TypeChoices { types: BTreeMap::new(), time_unit: args.time_unit };
        for (field, data_type) in times.chain(types) {
            if choices.types.insert(field.clone(), data_type).is_some_and(|t| t != data_type) {
                return Err(Failure::Usage(format!("two types are said for field {field:?}")));
            }
        }
        Ok(choices)
    }

    /// How a field is to be read, if that was said.
    pub(crate) fn target(&self, field: &str) -> Option<Target> {
        self.types.get(field).map(|&data_type| self.target_of(data_type))
    }

    /// How a field of a known type is to be read.
    pub(crate) fn target_of(&self, data_type: DataType) -> Target {
        Target { data_type, time_unit: self.time_unit }
    }

    /// An error if something is said of a field that is not there, or otherwise than the table
    /// that exists has it.
    pub(crate) fn check_table(&self, schema: &srdb::Schema) -> Outcome {
        for (name, said) in &self.types {
            match schema.field(name) {
                None => return Err(no_field(name)),
                Some(field) if field.data_type() != *said => {
                    return Err(Failure::Failed(format!(
                        "field {name:?} of the table is {}, not {said}: a table keeps its types",
                        field.data_type()
                    )));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// An error if something is said of a field that is not among `names`.
    pub(crate) fn check_used(&self, names: &[String]) -> Outcome {
        match self.types.keys().find(|field| !names.contains(field)) {
            None => Ok(()),
            Some(field) => Err(no_field(field)),
        }
    }
}

fn no_field(name: &str) -> Failure {
    Failure::Failed(format!("--time or --type {name:?}: there is no field of that name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_have_units() {
        let seconds = |text: &str| parse_age(text).map(|age| age.as_secs());
        assert_eq!(seconds("30d"), Ok(30 * 86_400));
        assert_eq!(seconds("1h 30m"), Ok(5_400));
        for bad in ["", "30", "-1h", "1 month", "yesterday"] {
            assert!(parse_age(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_age_of("a=b=1s"), Ok(("a=b".to_owned(), Duration::from_secs(1))));
        assert_eq!(age_text(Duration::from_secs(30 * 86_400)), "30d");
        assert_eq!(age_text(Duration::from_millis(5_400_500)), "1h 30m 500ms");
        assert_eq!(parse_bytes("10GB"), Ok(10_000_000_000));
        assert_eq!((parse_bytes("2KiB"), parse_bytes("17")), (Ok(2048), Ok(17)));
        assert!(parse_bytes("much").is_err());
    }
}
