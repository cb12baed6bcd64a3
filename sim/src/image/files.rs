//! What lies in a database's directory: paths, and the bytes of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bytes::{Result, damaged};

/// The bytes of one file.
pub type Content = Arc<Vec<u8>>;

/// Files and directories by their path in the database's directory: `wal/000001.wal`.
#[derive(Debug, Clone, Default)]
pub struct Files {
    files: BTreeMap<String, Content>,
    directories: BTreeSet<String>,
}

impl Files {
    /// Puts a file there.
    pub fn add(&mut self, path: impl Into<String>, content: Content) {
        self.files.insert(path.into(), content);
    }

    /// Puts a directory there.
    pub fn add_directory(&mut self, path: impl Into<String>) {
        self.directories.insert(path.into());
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// If it is not there.
    pub fn get(&self, path: &str) -> Result<&Content> {
        match self.files.get(path) {
            Some(content) => Ok(content),
            None => damaged(format!("{path} is missing")),
        }
    }

    /// Whether a file is there.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Every file, sorted by path.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Content)> {
        self.files.iter().map(|(path, content)| (path.as_str(), content))
    }

    /// Every directory, sorted by path.
    pub fn directories(&self) -> impl Iterator<Item = &str> {
        self.directories.iter().map(String::as_str)
    }

    /// The files whose name is `prefix`, a number in at least six digits, `suffix`; by number.
    pub fn numbered(&self, prefix: &str, suffix: &str) -> BTreeMap<u64, &Content> {
        let number_of = |path: &str| -> Option<u64> {
            let digits = path.strip_prefix(prefix)?.strip_suffix(suffix)?;
            let number = digits.parse().ok()?;
            (digits == file_number(number)).then_some(number)
        };
        self.files.iter().filter_map(|(path, c)| Some((number_of(path)?, c))).collect()
    }
}

/// A file number as names have it.
pub fn file_number(number: u64) -> String {
    format!("{number:06}")
}
