//! Every on-disk constant and layout, one module a kind of file. No I/O.
//!
//! A layout can be given as a table of fields. It is asserted at compile time to tile its struct,
//! and compared by a test with the table of the same name in the format's documentation.

pub(crate) mod block;
pub(crate) mod manifest;
pub(crate) mod sst;
pub(crate) mod wal;

/// A field of a struct on disk: offset, bytes, name.
pub(crate) type FieldAt = (usize, usize, &'static str);

/// Whether the fields follow on each other without gap or overlap, from 0 to `bytes`.
pub(crate) const fn tiles(fields: &[FieldAt], bytes: usize) -> bool {
    let (mut at, mut i) = (0, 0);
    while i < fields.len() {
        if fields[i].0 != at {
            return false;
        }
        at += fields[i].1;
        i += 1;
    }
    at == bytes
}

/// The rows of the table under the heading `title`, as the documentation has it.
#[cfg(test)]
pub(crate) fn documented_fields(document: &str, title: &str) -> Vec<(usize, usize, String)> {
    let section =
        document.split("\n#").find(|s| s.trim_start_matches('#').trim().starts_with(title));
    let section = section.unwrap_or_else(|| panic!("no section {title:?}"));
    let cells = |line: &str| {
        line.trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect::<Vec<_>>()
    };
    let rows = section.lines().filter(|l| l.starts_with('|')).map(cells);
    rows.filter_map(|c| Some((c[0].parse().ok()?, c[1].parse().ok()?, c[2].clone()))).collect()
}

#[cfg(test)]
pub(crate) fn assert_documented(document: &str, title: &str, fields: &[FieldAt]) {
    let fields: Vec<_> = fields.iter().map(|&(o, b, n)| (o, b, n.to_owned())).collect();
    assert_eq!(documented_fields(document, title), fields, "the documentation of {title:?}");
}
