//! PostgreSQL's tokens, as far as literals must be told from everything else.
//!
//! Follows PostgreSQL's own scanner with `standard_conforming_strings` on. It
//! never fails: what is not closed runs to the end of the text and says so.

/// A piece of SQL; the pieces of a text, joined, are the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Space,
    Comment,
    /// A keyword or a name without quotes.
    Word,
    /// `"name"` or `U&"name"`.
    QuotedName,
    /// `'text'`, `E'text'`, `$tag$text$tag$`.
    Text,
    /// `B'01'`, `X'1F'`, `N'text'`, `U&'text'`: literals that are never filled in.
    OtherText,
    Number,
    /// `$1`
    Parameter,
    Operator,
    /// A comment, text or quoted name that is not closed.
    Unclosed,
}

/// Splits SQL into tokens.
pub fn lex(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while !rest.is_empty() {
        let (kind, length) = next(rest);
        let (text, after) = rest.split_at(length);
        tokens.push(Token { kind, text });
        rest = after;
    }
    tokens
}

/// What a [`Kind::Text`] token means; None where that takes PostgreSQL to know.
pub fn text_value(token: &str) -> Option<String> {
    if let Some(body) = token.strip_prefix('\'') {
        return Some(body.strip_suffix('\'')?.replace("''", "'"));
    }
    if let Some(body) = token.strip_prefix(['E', 'e']) {
        return unescape(body.strip_prefix('\'')?.strip_suffix('\'')?);
    }
    let tag = dollar_tag(token)?;
    Some(token.get(tag.len()..token.len().checked_sub(tag.len())?)?.to_owned())
}

/// The body of `E'…'`. Only the escapes that people write; others give None.
fn unescape(body: &str) -> Option<String> {
    let mut value = String::new();
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                chars.next();
                value.push('\'');
            }
            '\\' => value.push(match chars.next()? {
                c @ ('\\' | '\'' | '"' | '%' | '_') => c,
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                _ => return None,
            }),
            c => value.push(c),
        }
    }
    Some(value)
}

/// Kind and length in bytes of the first token of a text that is not empty.
fn next(text: &str) -> (Kind, usize) {
    let first = text.chars().next().unwrap_or(' ');
    let second = text[first.len_utf8()..].chars().next();
    match first {
        c if c.is_ascii_whitespace() || c == '\x0b' => {
            (Kind::Space, run(text, |c| c.is_ascii_whitespace() || c == '\x0b'))
        }
        '-' if second == Some('-') => (Kind::Comment, text.find(['\n', '\r']).unwrap_or(text.len())),
        '/' if second == Some('*') => block_comment(text),
        '\'' => quoted(text, 0, '\'', false, Kind::Text),
        'e' | 'E' if second == Some('\'') => quoted(text, 1, '\'', true, Kind::Text),
        'b' | 'B' | 'x' | 'X' | 'n' | 'N' if second == Some('\'') => quoted(text, 1, '\'', false, Kind::OtherText),
        'u' | 'U' if text[1..].starts_with("&'") => quoted(text, 2, '\'', false, Kind::OtherText),
        'u' | 'U' if text[1..].starts_with("&\"") => quoted(text, 2, '"', false, Kind::QuotedName),
        '"' => quoted(text, 0, '"', false, Kind::QuotedName),
        '$' if second.is_some_and(|c| c.is_ascii_digit()) => {
            (Kind::Parameter, 1 + run(&text[1..], |c| c.is_ascii_digit()))
        }
        '$' => match dollar_tag(text) {
            Some(tag) => match text[tag.len()..].find(tag) {
                Some(end) => (Kind::Text, end + 2 * tag.len()),
                None => (Kind::Unclosed, text.len()),
            },
            None => (Kind::Operator, 1),
        },
        c if starts_name(c) => (Kind::Word, run(text, |c| starts_name(c) || c.is_ascii_digit() || c == '$')),
        c if c.is_ascii_digit() => (Kind::Number, number(text)),
        '.' if second.is_some_and(|c| c.is_ascii_digit()) => (Kind::Number, number(text)),
        c => (Kind::Operator, operator(text, c)),
    }
}

fn run(text: &str, part: impl Fn(char) -> bool) -> usize {
    text.find(|c| !part(c)).unwrap_or(text.len())
}

fn starts_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// `$tag$` at the start of a text.
fn dollar_tag(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('$')?;
    let length = run(inner, |c| starts_name(c) || c.is_ascii_digit());
    let closed = inner[length..].starts_with('$') && !inner.starts_with(|c: char| c.is_ascii_digit());
    closed.then(|| &text[..length + 2])
}

/// Text in quotes that starts after `prefix` bytes; a doubled quote is inside.
fn quoted(text: &str, prefix: usize, quote: char, escapes: bool, kind: Kind) -> (Kind, usize) {
    let mut chars = text[prefix + 1..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|next| next.1 == quote) {
                chars.next();
            } else {
                return (kind, prefix + 1 + at + 1);
            }
        }
    }
    (Kind::Unclosed, text.len())
}

/// Block comments nest.
fn block_comment(text: &str) -> (Kind, usize) {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return (Kind::Comment, at);
        }
    }
    (Kind::Unclosed, text.len())
}

/// Digits with `_`, a fraction, an exponent, or `0x1F`.
fn number(text: &str) -> usize {
    let digits = |at: usize| at + run(&text[at..], |c| c.is_ascii_digit() || c == '_');
    if text.len() > 2 && text.starts_with('0') && text[1..].starts_with(['x', 'X', 'o', 'O', 'b', 'B']) {
        let end = 2 + run(&text[2..], |c| c.is_ascii_hexdigit() || c == '_');
        if end > 2 {
            return end;
        }
    }
    let mut end = digits(0);
    // `1..10` is a range, not a fraction
    if text[end..].starts_with('.') && !text[end..].starts_with("..") {
        end = digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        let exponent = end + 1 + sign;
        if text[exponent..].starts_with(|c: char| c.is_ascii_digit()) {
            end = digits(exponent);
        }
    }
    end
}

/// Comparisons and casts as one token, any other sign by itself.
fn operator(text: &str, first: char) -> usize {
    ["<=", ">=", "<>", "!=", "::", "||", "!~", "~*"]
        .iter()
        .find(|operator| text.starts_with(**operator))
        .map_or(first.len_utf8(), |operator| operator.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(sql: &str) -> Vec<(Kind, &str)> {
        lex(sql).into_iter().filter(|t| t.kind != Kind::Space).map(|t| (t.kind, t.text)).collect()
    }

    #[test]
    fn literals_are_told_from_names_and_comments() {
        use Kind::{Comment, Number, Operator, OtherText, Parameter, QuotedName, Text, Word};
        assert_eq!(
            kinds("a.\"b'c\"='it''s'--'x'\n/* 1 /* '2' */ */E'\\'' U&'q' $x$ '$$' $x$ $1 1.5e-3"),
            [
                (Word, "a"),
                (Operator, "."),
                (QuotedName, "\"b'c\""),
                (Operator, "="),
                (Text, "'it''s'"),
                (Comment, "--'x'"),
                (Comment, "/* 1 /* '2' */ */"),
                (Text, "E'\\''"),
                (OtherText, "U&'q'"),
                (Text, "$x$ '$$' $x$"),
                (Parameter, "$1"),
                (Number, "1.5e-3"),
            ]
        );
        assert_eq!(kinds("col2>=10"), [(Word, "col2"), (Operator, ">="), (Number, "10")]);
        assert_eq!(kinds("1..2"), [(Number, "1"), (Operator, "."), (Number, ".2")]);
    }

    #[test]
    fn what_is_not_closed_says_so() {
        for sql in ["'a", "\"a", "/* a /* b */", "$t$ a $u$", "E'a\\'", "'a'''' "] {
            assert_eq!(lex(sql).last().map(|t| t.kind), Some(Kind::Unclosed), "{sql}");
        }
    }

    #[test]
    fn texts_are_read_as_postgresql_reads_them() {
        for (token, value) in [
            ("'it''s'", Some("it's")),
            (r"'a\b'", Some(r"a\b")),
            (r"E'a\\b\'c''d'", Some(r"a\b'c'd")),
            (r"E'\x41'", None),
            ("$$a'b$$", Some("a'b")),
            ("$t$$$$t$", Some("$$")),
            ("''", Some("")),
        ] {
            assert_eq!(text_value(token).as_deref(), value, "{token}");
        }
    }

    #[test]
    fn quoted_literals_come_back() {
        for value in ["", "plain", "O'Brien", r"a\b", "'", "\\'", "$$"] {
            let sql = crate::text::quote_literal(value);
            let tokens: Vec<Token> = lex(&sql).into_iter().filter(|t| t.kind != Kind::Space).collect();
            assert_eq!(tokens.len(), 1, "{sql}");
            assert_eq!(text_value(tokens[0].text).as_deref(), Some(value));
        }
    }

    proptest! {
        #[test]
        fn tokens_join_to_the_text(sql in any::<String>()) {
            prop_assert_eq!(lex(&sql).iter().map(|t| t.text).collect::<String>(), sql);
        }

        #[test]
        fn sql_like_text_joins_too(sql in "[-'\"$/*eEuU&xX0-9._a \\\\\n:<>=é]{0,40}") {
            let tokens = lex(&sql);
            prop_assert_eq!(tokens.iter().map(|t| t.text).collect::<String>(), sql.clone());
            prop_assert!(tokens.iter().all(|t| !t.text.is_empty()));
            for token in tokens {
                let _ = text_value(token.text);
            }
        }

        #[test]
        fn any_value_survives_quoting(value in any::<String>()) {
            let sql = crate::text::quote_literal(&value);
            let tokens: Vec<Token> = lex(&sql).into_iter().filter(|t| t.kind != Kind::Space).collect();
            prop_assert_eq!(tokens.len(), 1);
            let read = text_value(tokens[0].text);
            prop_assert_eq!(read.as_deref(), Some(value.as_str()));
        }
    }
}
