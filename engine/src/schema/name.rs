//! Names of tables and fields, and the directories made from them.
//!
//! Invariants
//! 1. A name is any UTF-8 of 1 to [`NAME_BYTES_MAX`] bytes without control characters.
//! 2. A directory's name is `<id>-` and at most [`DIRECTORY_CHARS_MAX`] of `[a-z0-9_-]`, whatever
//!    the table is called: it names one entry of one directory on every file system, is unique by
//!    its id even where case is ignored, and is no reserved name (it starts with a digit).

use crate::error::{Error, Result};
use crate::limits::NAME_BYTES_MAX;

/// Characters a directory keeps of its table's name.
const DIRECTORY_CHARS_MAX: usize = 48;

/// Why no table or field may have this name, if so.
fn objection(name: &str) -> Option<String> {
    if name.is_empty() {
        Some("it is empty".to_owned())
    } else if name.len() > NAME_BYTES_MAX {
        Some(format!("it has {} bytes, the limit is {NAME_BYTES_MAX}", name.len()))
    } else {
        let control = name.chars().find(|c| c.is_control())?;
        Some(format!("it holds the control character U+{:04X}", u32::from(control)))
    }
}

/// Refuses what no table may be called.
pub(crate) fn check_table_name(name: &str) -> Result<()> {
    objection(name).map_or(Ok(()), |what| Err(Error::BadName { name: name.to_owned(), what }))
}

/// Refuses what no field may be called. A leading `_` is kept for `_seq` and `_time`.
pub(crate) fn check_field_name(name: &str) -> Result<()> {
    let reserved =
        || name.starts_with('_').then(|| "a leading '_' is reserved for _seq and _time".to_owned());
    let what = objection(name).or_else(reserved);
    what.map_or(Ok(()), |what| Err(Error::BadName { name: name.to_owned(), what }))
}

/// The directory of table `id`, below `tables/`.
pub(crate) fn directory_name(id: u32, name: &str) -> String {
    let kept = name.chars().take(DIRECTORY_CHARS_MAX);
    let kept = kept.map(|c| match c {
        'a'..='z' | '0'..='9' | '-' => c,
        _ => '_',
    });
    format!("{id}-{}", kept.collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_any_text_but_control_characters() {
        for name in ["a", "Größe", "温度", "a b", "../..", "C:\\x", &"x".repeat(255), "."] {
            assert!(check_field_name(name).is_ok(), "{name:?}");
            assert!(check_table_name(name).is_ok(), "{name:?}");
        }
        for name in ["", &"x".repeat(256), "a\0b", "a\n", "\u{85}", "\u{7f}"] {
            assert!(matches!(check_field_name(name), Err(Error::BadName { .. })), "{name:?}");
            assert!(matches!(check_table_name(name), Err(Error::BadName { .. })), "{name:?}");
        }
        for name in ["_seq", "_time", "_x", "_"] {
            assert!(matches!(check_field_name(name), Err(Error::BadName { .. })), "{name:?}");
            assert!(check_table_name(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn a_directory_is_readable_where_the_name_is() {
        assert_eq!(directory_name(7, "app-logs_2"), "7-app-logs_2");
        assert_eq!(directory_name(0, "../Etc/pässwd."), "0-___".to_owned() + "_tc_p_sswd_");
        assert_eq!(directory_name(u32::MAX, ""), "4294967295-");
    }

    proptest! {
        #[test]
        fn a_directory_never_escapes(id: u32, name in any::<String>(), odd in "[./\\\\:\0 ~A-Z]{0,300}") {
            for name in [&name, &odd] {
                let directory = directory_name(id, name);
                let rest = directory.strip_prefix(&format!("{id}-")).unwrap();
                prop_assert!(rest.len() <= DIRECTORY_CHARS_MAX);
                prop_assert!(rest.bytes().all(
                    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-'
                ));
            }
        }
    }
}
