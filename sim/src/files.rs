//! Files of the real world, the only ones that the simulator touches: plans and reports.

#![expect(clippy::disallowed_methods, reason = "these lie on the real disk, not on the simulated")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The text in a file.
///
/// # Errors
/// If it can't be read.
pub fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

/// What is in a directory.
///
/// # Errors
/// If it can't be listed.
pub fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

/// Writes a file; its directory is created where needed.
///
/// # Errors
/// If that can't be done.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => fs::create_dir_all(directory)?,
        _ => {}
    }
    fs::write(path, text)
}
