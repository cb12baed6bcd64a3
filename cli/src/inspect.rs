//! The first pass over an input: which fields it has, and of which types.

use srdb::{DataType, Field, Schema};

use crate::choices::TypeChoices;
use crate::failure::{Failure, Outcome, Skipped};
use crate::infer::Guess;
use crate::input::{Reader, Record};
use crate::output::{Aligned, table};
use crate::target::Target;

/// What was found.
pub(crate) struct Inspection {
    /// The fields in the input's order.
    pub(crate) fields: Vec<Found>,
    /// Lines passed over as they can't be records.
    pub(crate) skipped: Skipped,
}

/// A field that was found.
pub(crate) struct Found {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    pub(crate) data_type: DataType,
    /// Whether the type was said on the command line, not found.
    pub(crate) said: bool,
    guess: Guess,
}

/// When to stop looking.
pub(crate) struct Bounds<'a> {
    /// Whether to go on, asked before each record with the number of those seen.
    pub(crate) more: &'a mut dyn FnMut(u64) -> bool,
    /// Whether to pass over bad lines rather than to fail.
    pub(crate) skip_bad: bool,
}

/// Reads records and finds the types of their fields.
///
/// # Errors
/// A bad line, or a value that is none of the type said for its field, unless they are skipped.
pub(crate) fn inspect(
    reader: &mut Reader,
    choices: &TypeChoices,
    bounds: &mut Bounds<'_>,
) -> Outcome<Inspection> {
    let mut record = Record::default();
    let mut columns: Vec<(Option<Target>, Guess)> = Vec::new();
    let mut rows = 0;
    let mut skipped = Skipped::default();
    while (bounds.more)(rows) {
        let seen = match reader.read(&mut record) {
            Ok(false) => break,
            Ok(true) => {
                add_columns(&mut columns, reader, choices, rows);
                observe(&mut columns, reader, &record)
            }
            Err(failure) => Err(failure),
        };
        match seen {
            Ok(()) => rows += 1,
            Err(Failure::Line(bad)) if bounds.skip_bad => skipped.add(bad),
            Err(failure) => return Err(failure),
        }
    }
    add_columns(&mut columns, reader, choices, rows);
    let names = reader.fields().names();
    choices.check_used(names)?;
    let fields = names.iter().zip(columns).map(|(name, (target, guess))| Found {
        name: name.clone(),
        data_type: target.map_or_else(|| guess.data_type(), |t| t.data_type),
        said: target.is_some(),
        guess,
    });
    Ok(Inspection { fields: fields.collect(), skipped })
}

/// Keys that this record was the first to have: null in all before it.
fn add_columns(
    columns: &mut Vec<(Option<Target>, Guess)>,
    reader: &Reader,
    choices: &TypeChoices,
    rows_before: u64,
) {
    for name in &reader.fields().names()[columns.len()..] {
        let mut guess = Guess::default();
        guess.add_nulls(rows_before);
        columns.push((choices.target(name), guess));
    }
}

fn observe(columns: &mut [(Option<Target>, Guess)], reader: &Reader, record: &Record) -> Outcome {
    // Checked before anything is counted: a line that is skipped must leave no trace.
    for (index, (target, _)) in columns.iter().enumerate() {
        if let Some(target) = target {
            let cell = record.cell(index);
            let fits = target.value(cell, &[]).and(target.bytes(cell).map(|_| ()));
            let name = &reader.fields().names()[index];
            fits.map_err(|what| Failure::field(record.line, name, what))?;
        }
    }
    for (index, (_, guess)) in columns.iter_mut().enumerate() {
        guess.observe(record.cell(index), record.line);
    }
    Ok(())
}

impl Inspection {
    /// The schema of a table for this input. Every field is nullable: that this file has no null
    /// in it says nothing of the next.
    ///
    /// # Errors
    /// The engine refuses it, for too many fields for one.
    pub(crate) fn schema(&self) -> Outcome<Schema> {
        let fields = self.fields.iter().map(|f| Field::new(&f.name, f.data_type).nullable());
        Ok(Schema::new(fields)?)
    }

    /// The fields, types, counts and remarks, as a table.
    pub(crate) fn describe(&self) -> String {
        let header = [
            ("field", Aligned::Left),
            ("type", Aligned::Left),
            ("nulls", Aligned::Right),
            ("remark", Aligned::Left),
        ];
        table(&header, self.fields.iter().map(Found::describe))
    }
}

impl Found {
    fn describe(&self) -> Vec<String> {
        let remark = match self.guess.spoiler() {
            _ if self.said => "as you said".to_owned(),
            Some(spoiler) => format!("no number keeps {} (line {})", spoiler.shown, spoiler.line),
            None if !self.guess.has_values() => "no value at all".to_owned(),
            None => String::new(),
        };
        let nulls = match self.guess.nulls() {
            0 => String::new(),
            nulls => nulls.to_string(),
        };
        vec![self.name.clone(), self.data_type.to_string(), nulls, remark]
    }

    /// Whether it began as numbers and was found to be none.
    pub(crate) fn is_spoilt_number(&self) -> bool {
        !self.said && self.guess.spoiler().is_some()
    }
}
