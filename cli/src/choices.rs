//! What the command line says of single fields: `--type`, `--time`, `--rename`.

use std::collections::BTreeMap;

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
