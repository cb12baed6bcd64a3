//! Lists of fields on the command line: `a, "b,c"` and `a desc, b nulls last`.
//!
//! A name may hold anything but a comma outside of brackets, as in `quantile(x, 0.9)`; in double
//! quotes, anything, where a double quote is written twice.

use srdb::{Order, asc, desc};

/// The fields of a list.
pub(crate) fn parse_names(text: &str) -> Result<Vec<String>, String> {
    split(text)?.into_iter().map(name).collect()
}

/// The keys of an order.
pub(crate) fn parse_orders(text: &str) -> Result<Vec<Order>, String> {
    split(text)?.into_iter().map(order).collect()
}

/// The parts between commas that are neither in double quotes nor in brackets.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut quoted, mut depth) = (Vec::new(), 0, false, 0_u32);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            ',' if !quoted && depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    match quoted {
        true => Err(format!("a double quote is missing in {text:?}")),
        false => Ok(parts),
    }
}

fn name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("a field's name is missing".to_owned());
    }
    let Some(rest) = text.strip_prefix('"') else { return Ok(text.to_owned()) };
    let inner = rest.strip_suffix('"').map(|inner| inner.replace("\"\"", "\u{0}"));
    match inner {
        Some(inner) if inner.is_empty() => Err("a field's name is missing".to_owned()),
        Some(inner) if !inner.contains('"') => Ok(inner.replace('\u{0}', "\"")),
        _ => Err(format!("the quotes in {text} do not fit: a name stands in them as a whole")),
    }
}

fn order(text: &str) -> Result<Order, String> {
    let (rest, nulls_last) = match (without(text, "nulls last"), without(text, "nulls first")) {
        (Some(rest), _) => (rest, Some(true)),
        (_, Some(rest)) => (rest, Some(false)),
        _ => (text, None),
    };
    let key = match (without(rest, "desc"), without(rest, "asc")) {
        (Some(rest), _) => desc(name(rest)?),
        (_, Some(rest)) => asc(name(rest)?),
        _ => asc(name(rest)?),
    };
    Ok(match nulls_last {
        Some(true) => key.nulls_last(),
        Some(false) => key.nulls_first(),
        None => key,
    })
}

/// `text` without these words at its end, if it ends in them.
fn without<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    words.split(' ').rev().try_fold(text, |text, word| {
        let (rest, last) = text.rsplit_once(char::is_whitespace)?;
        last.eq_ignore_ascii_case(word).then(|| rest.trim_end())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_separated_by_commas_and_may_be_quoted() {
        let names = |text: &str| parse_names(text);
        assert_eq!(names("a, b c ,_seq"), Ok(["a", "b c", "_seq"].map(String::from).to_vec()));
        let want = ["x,y", "say \"hi\""].map(String::from).to_vec();
        assert_eq!(names(r#""x,y", "say ""hi""""#), Ok(want));
        let want = ["quantile(\"a b\", 0.9)", "c"].map(String::from).to_vec();
        assert_eq!(names("quantile(\"a b\", 0.9), c"), Ok(want));
        for bad in ["", "a,,b", "\"a", "a\"b", "\"\"", "\"a\" b\""] {
            assert!(names(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn orders_end_in_words() {
        let orders = |text: &str| {
            let orders = parse_orders(text).expect(text);
            orders.iter().map(Order::to_string).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(orders("a desc, b"), "a desc, b");
        assert_eq!(orders("a ASC, Speed in knots  Desc"), "a, \"Speed in knots\" desc");
        assert_eq!(orders("\"a desc\" NULLS  last, desc"), "\"a desc\" nulls last, desc");
        assert_eq!(orders("a desc nulls last, b nulls first"), "a desc, b");
        assert_eq!(orders("nulls last"), "\"nulls last\"");
        assert!(parse_orders("a desc,").is_err());
    }
}
