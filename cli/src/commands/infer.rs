//! `srdb infer`: the types an import would find.

use crate::args::InferArgs;
use crate::choices::TypeChoices;
use crate::failure::Outcome;
use crate::input::{Input, Reader, Renames, format_of};
use crate::inspect::{Bounds, inspect};
use crate::progress::Progress;

/// Reads the whole input and prints its fields.
pub(crate) fn run(args: &InferArgs) -> Outcome {
    let input = Input::new(&args.input.file);
    let format = format_of(&input, args.input.format)?;
    let renames = Renames::new(&args.input.renames)?;
    let choices = TypeChoices::new(&args.input)?;
    let opened = input.open()?;
    let progress = Progress::new("inspecting", &opened);
    let mut reader = Reader::new(format, opened.bytes, &renames)?;
    let mut more = |rows| {
        progress.rows(rows);
        true
    };
    let mut bounds = Bounds { more: &mut more, skip_bad: args.input.skip_bad };
    let inspection = inspect(&mut reader, &choices, &mut bounds)?;
    renames.check_used(reader.fields())?;
    drop(progress);
    match args.json {
        true => super::print(inspection.schema()?.to_json().trim_end())?,
        false => super::print(&inspection.describe())?,
    }
    super::say_skipped(&inspection.skipped);
    Ok(())
}
