//! A question cut into words, numbers, dates and quoted strings, offsets kept.

use jiff::civil::Date;

use crate::link::normalize;
use crate::text::fold;

/// Longest question that is read; the rest is cut off at a character boundary.
pub const MAX_BYTES: usize = 4_000;
/// Most tokens that are looked at: every later stage is bounded by it.
pub const MAX_TOKENS: usize = 120;

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Word,
    Number(f64),
    Quoted,
    Date(Date),
    Symbol(char),
}

#[derive(Clone, Debug)]
pub struct Token {
    pub kind: Kind,
    /// As typed; without the quotes where it was quoted.
    pub text: String,
    pub folded: String,
    /// What mentions are compared by: see [`normalize`].
    pub stem: String,
    /// Byte range in the question, quotes included.
    pub start: usize,
    pub end: usize,
    /// Begins with a capital and does not begin a sentence.
    pub proper: bool,
}

impl Token {
    pub fn is_word(&self) -> bool {
        self.kind == Kind::Word
    }
}

/// The part of `question` that is read at all.
pub fn readable(question: &str) -> &str {
    if question.len() <= MAX_BYTES {
        return question;
    }
    let end = (0..=MAX_BYTES).rev().find(|i| question.is_char_boundary(*i)).unwrap_or(0);
    &question[..end]
}

/// Tokens of `question`, at most [`MAX_TOKENS`].
pub fn tokenize(question: &str) -> Vec<Token> {
    let mut scanner = Scanner { text: question, at: 0, tokens: Vec::new(), sentence_start: true };
    while scanner.at < question.len() && scanner.tokens.len() < MAX_TOKENS {
        scanner.step();
    }
    scanner.tokens
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
    sentence_start: bool,
}

impl Scanner<'_> {
    fn step(&mut self) {
        let rest = &self.text[self.at..];
        let Some(c) = rest.chars().next() else { return };
        if c.is_whitespace() || c == '_' {
            self.at += c.len_utf8();
        } else if let Some(length) = quoted(rest, self.at == 0 || self.after_space()) {
            let open = c.len_utf8();
            let close = rest[..length].chars().next_back().map_or(1, char::len_utf8);
            let inner = rest[open..length - close].trim().to_string();
            self.push(Kind::Quoted, inner, length);
        } else if let Some((date, length)) = iso_date(rest) {
            self.push(Kind::Date(date), rest[..length].to_string(), length);
        } else if c.is_ascii_digit() || (c == '$' && rest[1..].starts_with(|d: char| d.is_ascii_digit())) {
            self.number(rest);
        } else if c.is_alphanumeric() {
            self.word(rest);
        } else {
            self.symbol(c, rest);
        }
    }

    fn after_space(&self) -> bool {
        self.text[..self.at].chars().next_back().is_none_or(|c| !c.is_alphanumeric())
    }

    fn number(&mut self, rest: &str) {
        let skip = usize::from(rest.starts_with('$'));
        let body = &rest[skip..];
        let mut length = 0;
        let bytes = body.as_bytes();
        while length < bytes.len() {
            let next_is_digit = bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
            let taken = match bytes[length] {
                b'0'..=b'9' => true,
                b'.' => next_is_digit,
                // a thousands separator stands before exactly three digits
                b',' => {
                    let digits = bytes[length + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
                    digits == 3 && length > 0
                }
                _ => false,
            };
            if !taken {
                break;
            }
            length += 1;
        }
        let digits = body[..length].replace(',', "");
        let tail = body[length..].chars().next();
        let scale = match tail {
            Some('k' | 'K') => Some(1e3),
            Some('m' | 'M') => Some(1e6),
            _ => None,
        }
        .filter(|_| !body[length + 1..].starts_with(char::is_alphanumeric));
        match (digits.parse::<f64>(), scale, tail) {
            (Ok(number), Some(scale), _) => {
                self.push(Kind::Number(number * scale), rest[..skip + length + 1].to_string(), skip + length + 1);
            }
            (Ok(number), None, tail) if !tail.is_some_and(char::is_alphabetic) => {
                let percent = usize::from(tail == Some('%'));
                self.push(Kind::Number(number), digits, skip + length + percent);
            }
            // `2nd`, `4x4`, or digits that are no number: a word
            _ => self.word(rest),
        }
    }

    fn word(&mut self, rest: &str) {
        let length = rest.char_indices().find(|(_, c)| !c.is_alphanumeric()).map_or(rest.len(), |(i, _)| i).max(1);
        let length = if rest.is_char_boundary(length) { length } else { rest.len() };
        let tail = &rest[length..];
        let word = rest[..length].to_string();
        let apostrophe = tail.starts_with(['\'', '’']);
        let mark = tail.chars().next().map_or(0, char::len_utf8);
        let suffix: String = tail.get(mark..).unwrap_or("").chars().take_while(|c| c.is_alphabetic()).collect();
        if apostrophe && suffix.eq_ignore_ascii_case("t") && word.to_lowercase().ends_with('n') {
            let stem_end = if word.eq_ignore_ascii_case("can") { word.len() } else { word.len() - 1 };
            self.push(Kind::Word, word[..stem_end].to_string(), length + mark + 1);
            self.push(Kind::Word, "not".into(), 0);
        } else if apostrophe && suffix.eq_ignore_ascii_case("s") {
            self.push(Kind::Word, word, length);
            self.push(Kind::Word, "'s".into(), mark + 1);
        } else if apostrophe && matches!(suffix.as_str(), "ve" | "re" | "ll" | "d" | "m") {
            self.push(Kind::Word, word, length + mark + suffix.len());
        } else {
            self.push(Kind::Word, word, length);
        }
    }

    fn symbol(&mut self, c: char, rest: &str) {
        let symbol = match rest.get(..2) {
            Some(">=") => ('≥', 2),
            Some("<=") => ('≤', 2),
            Some("!=" | "<>") => ('≠', 2),
            Some("==") => ('=', 2),
            _ => (c, c.len_utf8()),
        };
        self.push(Kind::Symbol(symbol.0), symbol.0.to_string(), symbol.1);
        // an abbreviation's full stop ends no sentence: `St. Louis`
        self.sentence_start = match c {
            '?' | '!' | ';' | ':' => true,
            '.' => {
                rest[1..].starts_with(char::is_whitespace)
                    && self.tokens.iter().rev().nth(1).is_none_or(|t| t.text.len() > 2)
            }
            _ => self.sentence_start,
        };
    }

    fn push(&mut self, kind: Kind, text: String, length: usize) {
        let folded = fold(&text);
        let capital = text.chars().next().is_some_and(char::is_uppercase);
        let word = matches!(kind, Kind::Word | Kind::Number(_) | Kind::Quoted);
        self.tokens.push(Token {
            stem: if kind == Kind::Word { normalize(&folded) } else { folded.clone() },
            proper: capital && kind == Kind::Word && !self.sentence_start,
            kind,
            text,
            folded,
            start: self.at,
            end: self.at + length,
        });
        self.at += length;
        if word {
            self.sentence_start = false;
        }
    }
}

/// Length of the quoted string at the start of `rest`, quotes included.
fn quoted(rest: &str, boundary: bool) -> Option<usize> {
    let open = rest.chars().next()?;
    let close = match open {
        '"' | '`' => open,
        '“' | '”' => '”',
        '‘' => '’',
        '\'' if boundary => '\'',
        _ => return None,
    };
    let inner = &rest[open.len_utf8()..];
    let mut from = 0;
    while let Some(found) = inner[from..].find(close) {
        let end = from + found;
        let after = inner[end + close.len_utf8()..].chars().next();
        // `'O'Brien'`: an apostrophe inside a word does not close
        let closes = open != '\'' || !after.is_some_and(char::is_alphanumeric);
        if closes && end > 0 && end < 200 {
            return Some(open.len_utf8() + end + close.len_utf8());
        }
        from = end + close.len_utf8();
    }
    None
}

/// An ISO date (with or without a time, which is dropped) at the start of `rest`.
fn iso_date(rest: &str) -> Option<(Date, usize)> {
    let head = rest.get(..10)?;
    let shape = head.bytes().enumerate().all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
    if !shape || rest[10..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    head.parse::<Date>().ok().map(|date| (date, 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(question: &str) -> Vec<String> {
        tokenize(question).into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn words_numbers_and_quotes() {
        assert_eq!(
            texts("Books over $1,200.50 by \"Ursula K.\" in 2024?"),
            ["Books", "over", "1200.50", "by", "Ursula K.", "in", "2024", "?"]
        );
        assert_eq!(tokenize("5k")[0].kind, Kind::Number(5000.0));
        assert_eq!(texts("the 2nd of 1,2"), ["the", "2nd", "of", "1", ",", "2"]);
    }

    #[test]
    fn apostrophes() {
        assert_eq!(texts("author's books"), ["author", "'s", "books"]);
        assert_eq!(texts("don't lend"), ["do", "not", "lend"]);
        assert_eq!(texts("named 'O'Brien'"), ["named", "O'Brien"]);
        assert_eq!(texts("members' loans"), ["members", "'", "loans"]);
    }

    #[test]
    fn dates_and_capitals() {
        let tokens = tokenize("Loans since 2024-02-29 in Oslo. Show all");
        assert!(matches!(tokens[2].kind, Kind::Date(d) if d.day() == 29));
        assert!(tokens[4].proper);
        assert!(!tokens[0].proper && !tokens[6].proper);
    }

    #[test]
    fn anything_is_survived() {
        for text in ["", "'", "\"", "🦀🦀 '", "a\u{0301}'s", "’’", "$", "1,", "é2024-", "2024-99-99", "don’t ‘x’ n't"]
        {
            tokenize(text);
        }
        assert!(tokenize(&"word ".repeat(5000)).len() <= MAX_TOKENS);
        assert!(readable(&"é".repeat(5000)).len() <= MAX_BYTES);
    }
}
