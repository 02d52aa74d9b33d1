//! Identifiers and literals, read back by another reader than the one that the rest is built with.

use super::fuzz;
use crate::prompt::quote::identifier;
use crate::text::{quote_identifier, quote_literal, split_name};
use proptest::prelude::*;

/// An identifier as PostgreSQL's scanner reads it (scan.l: xd, xui, identifier).
fn read_identifier(text: &str) -> Option<String> {
    let doubled = |body: &str| {
        let halves: Vec<&str> = body.split("\"\"").collect();
        (!halves.iter().any(|part| part.contains('"'))).then(|| halves.join("\""))
    };
    if let Some(body) = text.strip_prefix("U&\"") {
        return read_escapes(&doubled(body.strip_suffix('"')?)?);
    }
    if let Some(body) = text.strip_prefix('"') {
        return doubled(body.strip_suffix('"')?);
    }
    let plain = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_');
    (text.chars().all(plain) && !text.starts_with(|c: char| c.is_ascii_digit())).then(|| text.to_owned())
}

/// `\\`, `\00e9` and `\+00e900`.
fn read_escapes(text: &str) -> Option<String> {
    let mut read = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            read.push(c);
        } else if let Some(after) = rest.strip_prefix('\\') {
            read.push('\\');
            rest = after;
        } else {
            let (digits, length) = match rest.strip_prefix('+') {
                Some(digits) => (digits, 6),
                None => (rest, 4),
            };
            read.push(char::from_u32(u32::from_str_radix(digits.get(..length)?, 16).ok()?)?);
            rest = &digits[length..];
        }
    }
    Some(read)
}

/// A string literal as the scanner reads it, with `standard_conforming_strings` on or off.
fn read_literal(text: &str, standard: bool) -> Option<String> {
    let text = text.trim_start_matches(' ');
    let (body, escapes) = match text.strip_prefix("E'") {
        Some(body) => (body, true),
        None => (text.strip_prefix('\'')?, !standard),
    };
    let mut read = String::new();
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => match chars.next() {
                Some('\'') => read.push('\''),
                Some(_) => return None, // something follows the end
                None => return Some(read),
            },
            '\\' if escapes => match chars.next()? {
                c @ ('\\' | '\'') => read.push(c),
                _ => return None, // an escape of another meaning
            },
            c => read.push(c),
        }
    }
    None // not closed
}

fn odd_text() -> impl Strategy<Value = String> {
    let sign = proptest::sample::select(vec![
        "'", "''", "\"", "\"\"", "\\", "\\'", "U&", "E'", "$$", "<", ">", "\n", "\r", "\u{202e}", "\u{feff}", "--",
        "/*", "é", "🦀", "select", "order", "x", "1", " ",
    ]);
    prop_oneof![
        proptest::collection::vec(sign, 1..12).prop_map(|signs| signs.concat()),
        any::<String>(),
        "[a-z_][a-z0-9_]{0,62}"
    ]
}

#[test]
fn quoting() {
    // no text of PostgreSQL holds a NUL
    fuzz(odd_text().prop_map(|text| text.replace('\0', "")), |text| {
        for written in [quote_identifier(text), identifier(text)] {
            if !text.is_empty() {
                prop_assert_eq!(read_identifier(&written), Some(text.clone()), "{}", written);
            }
        }
        let names = split_name(&format!("{}.{}.x", quote_identifier(text), quote_identifier("a.b")));
        prop_assert_eq!(names, [text.as_str(), "a.b", "x"]);
        let _ = split_name(text);
        let written = quote_literal(text);
        for standard in [true, false] {
            prop_assert_eq!(read_literal(&written, standard), Some(text.clone()), "{}", written);
        }
        Ok(())
    });
}
