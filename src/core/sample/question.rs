//! A question as a sample sees it: its words in order, with their places.

use super::wording;
use crate::text::fold;

/// A word, number or sign of a question.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    /// Place in the folded question.
    pub start: usize,
    pub end: usize,
    /// How it is compared; None where it may be missing.
    pub canonical: Option<String>,
    /// The number it says, as SQL writes it.
    pub number: Option<String>,
    /// Only ties a value to the sentence: may be missing before a slot.
    pub link: bool,
}

pub(super) struct Question {
    pub folded: String,
    pub tokens: Vec<Token>,
}

/// More words than this are compared as a whole only: every span of words is looked up.
const MOST_TOKENS: usize = 200;

impl Question {
    pub fn new(question: &str) -> Self {
        let folded = fold(question).replace(['’', '‘', '`'], "'").replace(['“', '”', '„'], "\"");
        let mut tokens = split(&folded);
        wording::weigh(&mut tokens);
        Self { folded, tokens }
    }

    /// Whether it is short enough to be taken apart.
    pub fn is_readable(&self) -> bool {
        self.tokens.len() <= MOST_TOKENS
    }

    /// Text from one token to another, with the punctuation between them.
    pub fn span(&self, first: usize, last: usize) -> &str {
        &self.folded[self.tokens[first].start..self.tokens[last].end]
    }

    /// As [`Question::span`], with what follows up to the next space: "st.".
    pub fn span_closed(&self, first: usize, last: usize) -> &str {
        let from = self.tokens[first].start;
        let end = self.tokens[last].end;
        let until = self.folded[end..].find(' ').map_or(self.folded.len(), |space| end + space);
        &self.folded[from..until]
    }
}

fn split(folded: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(c) = folded[at..].chars().next() {
        let length = match c {
            _ if number_length(folded, at) > 0 => number_length(folded, at),
            c if c.is_alphanumeric() => word_length(&folded[at..]),
            _ => c.len_utf8(),
        };
        let text = &folded[at..at + length];
        // signs that change the meaning of what stands beside them
        if c.is_alphanumeric() || length > 1 || "%<>=+*/#&$€£".contains(c) {
            tokens.push(Token {
                start: at,
                end: at + length,
                canonical: Some(wording::canonical(text)),
                number: number(text),
                link: false,
            });
        }
        at += length;
    }
    tokens
}

/// Length of a word; `v1.2.3` is one.
fn word_length(text: &str) -> usize {
    let run =
        |from: usize| text[from..].find(|c: char| !c.is_alphanumeric()).map_or(text.len(), |length| from + length);
    let mut end = run(0);
    while text[end..].starts_with('.') && text[end + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        end = run(end + 1);
    }
    end
}

/// Length of a number or ISO date at this place: `-1,200.50`, `2024-02-29`.
fn number_length(folded: &str, at: usize) -> usize {
    let before = folded[..at].chars().next_back();
    if before.is_some_and(char::is_alphanumeric) {
        return 0;
    }
    let text = &folded[at..];
    let sign = usize::from(text.starts_with('-') && before.is_none_or(|c| c == ' '));
    let bytes = text.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    if !digit(sign) {
        return 0;
    }
    let mut end = sign;
    while digit(end) || matches!(bytes.get(end), Some(b'.' | b',' | b'-' | b':')) && digit(end - 1) && digit(end + 1) {
        end += 1;
    }
    // "10k" and "3rd" are words
    if text[end..].starts_with(char::is_alphanumeric) { 0 } else { end }
}

/// A number as SQL writes it: without thousands separators; None for dates.
pub(super) fn number(text: &str) -> Option<String> {
    const SMALL: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    if let Some(small) = SMALL.iter().position(|word| *word == text) {
        return Some(small.to_string());
    }
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let grouped = groups.clone().next().is_some();
    let digits_only = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let whole_fits =
        digits_only(first) && (!grouped || first.len() <= 3) && groups.all(|g| g.len() == 3 && digits_only(g));
    if !whole_fits || !digits_only(fraction) || digits.len() > 20 {
        return None;
    }
    Some(format!("{sign}{}", digits.replace(',', "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read() {
        let numbers = |q: &str| Question::new(q).tokens.into_iter().filter_map(|t| t.number).collect::<Vec<_>>();
        assert_eq!(numbers("over 1,200.50 or -5, three, 10k, 3rd"), ["1200.50", "-5", "3"]);
        assert_eq!(numbers("on 2024-02-29 at 1,20 v1.2.3"), Vec::<String>::new());
        assert_eq!(numbers("2010-2015?"), Vec::<String>::new());
    }

    #[test]
    fn spans_keep_their_punctuation() {
        let question = Question::new("Loans in St. John's, please");
        assert_eq!(question.span(2, 4), "st. john's");
        assert_eq!(question.span_closed(2, 2), "st.");
    }
}
