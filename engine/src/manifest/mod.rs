//! The MANIFEST: one log of version edits that says which tables and which files there are.

mod edit;

pub(crate) use edit::{Change, VersionEdit};

#[cfg(test)]
pub(crate) mod tests {
    pub(crate) use super::edit::tests::any_change;
}
