//! The names of the input's fields: renamed, checked, and found again quickly.

use std::collections::BTreeMap;

use srdb::limits::NAME_BYTES_MAX;

use crate::failure::{Failure, Outcome};
use crate::text::quoted;

/// `--rename OLD=NEW`, by old name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Renames(BTreeMap<String, String>);

impl Renames {
    /// Takes the options as given. The last `=` that leaves a known name is not looked for: the
    /// first one splits.
    pub(crate) fn new(options: &[(String, String)]) -> Outcome<Renames> {
        let mut renames = BTreeMap::new();
        for (old, new) in options {
            if renames.insert(old.clone(), new.clone()).is_some() {
                return Err(Failure::Usage(format!("--rename gives {old:?} two new names")));
            }
        }
        Ok(Renames(renames))
    }

    fn apply<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }

    /// An error if one of the old names is not among `fields`: a typing error would go unnoticed.
    pub(crate) fn check_used(&self, fields: &Fields) -> Outcome {
        match self.0.iter().find(|(_, new)| fields.index_of(new).is_none()) {
            None => Ok(()),
            Some((old, _)) => Err(Failure::Failed(format!(
                "--rename {old:?}: the input has no field of that name"
            ))),
        }
    }
}

/// The fields of the input, in order.
///
/// Invariants
/// 1. No name stands twice, and each is one the engine takes.
/// 2. A field never changes its index.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    names: Vec<String>,
    /// The names in the source, by index.
    sources: Vec<String>,
    by_source: BTreeMap<String, usize>,
    by_name: BTreeMap<String, usize>,
}

impl Fields {
    /// The names after renaming.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The index of a field by its name after renaming.
    pub(crate) fn index_of(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The name in the source of the field at `index`.
    pub(crate) fn source(&self, index: usize) -> Option<&str> {
        self.sources.get(index).map(String::as_str)
    }

    /// The index of a field by its name in the source.
    pub(crate) fn index_of_source(&self, name: &str) -> Option<usize> {
        self.by_source.get(name).copied()
    }

    /// Adds a field of the source.
    ///
    /// # Errors
    /// A name that no table can take, or that is there already; `line` is where it stands.
    pub(crate) fn add(&mut self, source: &str, renames: &Renames, line: u64) -> Outcome<usize> {
        let index = self.names.len();
        let name = renames.apply(source);
        let bad = |what: String| Err(Failure::line(line, what));
        if name.is_empty() {
            return bad(format!("field {} has no name: give it one in the file", index + 1));
        }
        if name.len() > NAME_BYTES_MAX {
            return bad(format!(
                "the name of field {} is longer than {NAME_BYTES_MAX} bytes: give another with \
                 --rename OLD=NEW",
                quoted(name)
            ));
        }
        if name.starts_with('_') {
            return bad(format!(
                "field {name:?} starts with '_', which srdb keeps for itself: give it another \
                 name with --rename {source}=NAME"
            ));
        }
        if let Some(other) = self.by_name.get(name) {
            return bad(format!(
                "the name {name:?} stands twice, in fields {} and {}",
                other + 1,
                index + 1
            ));
        }
        self.names.push(name.to_owned());
        self.sources.push(source.to_owned());
        self.by_name.insert(name.to_owned(), index);
        self.by_source.insert(source.to_owned(), index);
        Ok(index)
    }
}
