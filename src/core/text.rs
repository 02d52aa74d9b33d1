//! Words: folding, splitting and stemming of identifiers and free text.

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Lower case, compatibility-normalised, without accents, spaces squeezed: how
/// values and questions are compared.
pub fn fold(text: &str) -> String {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Words of an identifier or of free text, folded: splits at anything that is
/// not a letter or digit, between `aB`, and between letters and digits.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut previous = ' ';
    for c in text.chars() {
        let boundary = (previous.is_lowercase() && c.is_uppercase())
            || (previous.is_alphabetic() && c.is_numeric())
            || (previous.is_numeric() && c.is_alphabetic());
        if !c.is_alphanumeric() || boundary {
            push_folded(&mut words, &mut word);
        }
        if c.is_alphanumeric() {
            word.push(c);
        }
        previous = c;
    }
    push_folded(&mut words, &mut word);
    words
}

fn push_folded(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(fold(word));
        word.clear();
    }
}

/// Snowball stem (English) of one folded word.
pub fn stem(word: &str) -> String {
    Stemmer::create(Algorithm::English).stem(word).into_owned()
}

/// FNV-1a of 128 bits in hexadecimal: tells whether a text changed. Not for secrets.
pub fn content_hash(text: &str) -> String {
    let hash = text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    format!("{hash:032x}")
}

/// An identifier quoted so that PostgreSQL reads it back as written.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The parts of `schema.table.column`; each may be quoted, and need not be where it has no dot.
pub fn split_name(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let part = parts.last_mut().expect("there is always one");
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                part.push('"');
            }
            '"' if quoted || part.is_empty() => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c => part.push(c),
        }
    }
    parts
}

/// A string literal that means `value` whatever `standard_conforming_strings` says.
pub fn quote_literal(value: &str) -> String {
    let quoted = value.replace('\'', "''");
    if quoted.contains('\\') { format!(" E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_ignores_case_accents_and_spaces() {
        assert_eq!(fold("  Café\u{00a0}NOIR "), "cafe noir");
        assert_eq!(fold("ＡＢＣ"), "abc");
    }

    #[test]
    fn identifiers_split_into_words() {
        for (name, expected) in [
            ("order_line", "order line"),
            ("unitPrice", "unit price"),
            ("address2", "address 2"),
            ("Total (net)", "total net"),
            ("", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn content_hash_is_fnv_1a() {
        assert_eq!(content_hash(""), "6c62272e07bb014262b821756295c58d");
        assert_eq!(content_hash("foobar"), "343e1662793c64bf6f0d3597ba446f18");
    }

    #[test]
    fn names_are_taken_apart_as_they_were_quoted() {
        for (text, parts) in [
            ("shelf.books", vec!["shelf", "books"]),
            ("shelf.\"books\"", vec!["shelf", "books"]),
            ("\"Odd \"\"Shelf\"\"\".\"a.b\".c", vec!["Odd \"Shelf\"", "a.b", "c"]),
            ("two words.it's", vec!["two words", "it's"]),
            ("a\"b", vec!["a\"b"]),
            ("", vec![""]),
            ("\"", vec![""]),
        ] {
            assert_eq!(split_name(text), parts, "{text}");
        }
    }

    #[test]
    fn literals_survive_quotes_and_backslashes() {
        assert_eq!(quote_literal("O'Brien"), "'O''Brien'");
        assert_eq!(quote_literal(r"a\b"), r" E'a\\b'");
        assert_eq!(quote_identifier("a\"b"), "\"a\"\"b\"");
    }
}
