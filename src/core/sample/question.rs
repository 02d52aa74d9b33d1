//! A question as a sample sees it: words in order, without those that only
//! make it polite. Whatever is not on the short lists below counts.

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
}

pub(super) struct Question {
    pub folded: String,
    pub tokens: Vec<Token>,
}

/// May be missing anywhere. No preposition of direction, no quantifier, no
/// negation, nothing that compares.
const SILENT: &[&str] = &[
    "a", "am", "an", "any", "are", "at", "be", "been", "being", "did", "do", "does", "for", "had", "has", "have",
    "having", "in", "is", "it", "its", "of", "on", "our", "please", "that", "the", "their", "them", "there", "these",
    "they", "this", "those", "was", "we", "were", "which", "who", "whose", "with", "you", "your",
];

/// May be missing at the start, where they only ask.
const ASKING: &[&str] = &[
    "all", "and", "can", "could", "display", "find", "get", "give", "i", "like", "list", "me", "need", "print",
    "return", "see", "show", "tell", "to", "us", "want", "what", "whats", "which", "will", "would",
];

impl Question {
    pub fn new(question: &str) -> Self {
        let folded = fold(question).replace(['’', '‘', '`'], "'").replace(['“', '”', '„'], "\"");
        let mut tokens = split(&folded);
        silence(&mut tokens);
        Self { folded, tokens }
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
            tokens.push(Token { start: at, end: at + length, canonical: Some(canonical(text)), number: number(text) });
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
fn number(text: &str) -> Option<String> {
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

/// One form for singular and plural, for number words, for "each" and "per".
/// No stemmer: it makes one word of "universe" and "university".
fn canonical(word: &str) -> String {
    if let Some(number) = number(word) {
        return number;
    }
    let strip = |ending: &str, by: &str| word.strip_suffix(ending).map(|root| format!("{root}{by}"));
    match word {
        "each" | "every" => "per".to_owned(),
        "different" | "unique" => "distinct".to_owned(),
        _ if word.len() <= 3 || ["ss", "us", "is", "news"].iter().any(|end| word.ends_with(end)) => word.to_owned(),
        _ => strip("ies", "y")
            .or_else(|| ["sses", "shes", "ches", "xes", "zes"].iter().find_map(|end| strip(end, &end[..end.len() - 2])))
            .or_else(|| strip("s", ""))
            .unwrap_or_else(|| word.to_owned()),
    }
}

/// Marks the words that may be missing.
fn silence(tokens: &mut [Token]) {
    count(tokens);
    let mut asking = true;
    for i in 0..tokens.len() {
        let Some(word) = tokens[i].canonical.as_deref() else { continue };
        let owner = word == "s" && i > 0 && tokens[i].start == tokens[i - 1].end + 1;
        let silent = SILENT.binary_search(&word).is_ok();
        let leads = asking && ASKING.binary_search(&word).is_ok();
        asking &= silent || leads;
        if silent || leads || owner {
            tokens[i].canonical = None;
        }
    }
}

/// "How many" and "(count) the (total) number of" ask for the same.
fn count(tokens: &mut [Token]) {
    let is = |token: Option<&Token>, words: &[&str]| {
        token.and_then(|t| t.canonical.as_deref()).is_some_and(|word| words.contains(&word))
    };
    for i in 0..tokens.len() {
        let many = is(tokens.get(i), &["how"]) && is(tokens.get(i + 1), &["many"]);
        let number = is(tokens.get(i), &["number", "count"]) && is(tokens.get(i + 1), &["of"]);
        if many || number {
            tokens[i].canonical = Some("how many".to_owned());
            tokens[i + 1].canonical = None;
        }
        if number {
            // "what is the total number of", "count the number of"
            for j in (0..i).rev().take(2) {
                if is(tokens.get(j), &["total", "count"]) {
                    tokens[j].canonical = None;
                } else if !is(tokens.get(j), &["the"]) {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(question: &str) -> String {
        let question = Question::new(question);
        question.tokens.into_iter().filter_map(|t| t.canonical).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lists_are_sorted() {
        assert!(SILENT.is_sorted() && ASKING.is_sorted());
    }

    #[test]
    fn polite_words_do_not_count() {
        for question in [
            "Show me all the oak chairs",
            "What are the oak chairs?",
            "please list oak chairs",
            "Which oak chair do we have?",
        ] {
            assert_eq!(read(question), "oak chair", "{question}");
        }
        for question in
            ["How many readers are there?", "Count the number of readers.", "What is the total number of readers"]
        {
            assert_eq!(read(question), "how many reader", "{question}");
        }
    }

    #[test]
    fn words_that_decide_do_count() {
        for (one, other) in [
            ("loans to Bern from Rome", "loans from Bern to Rome"),
            ("readers with loans", "readers without loans"),
            ("the most expensive chair", "the least expensive chair"),
            ("books that are lent", "books that are not lent"),
            ("more than 3 loans", "at least 3 loans"),
            ("readers who borrowed all books", "readers who borrowed books"),
            ("price per chair", "price of a chair"),
            ("when was it built", "where was it built"),
            ("how many cities", "how many different cities"),
            ("10% off", "10 off"),
            ("average price", "total price"),
        ] {
            assert_ne!(read(one), read(other), "{one} / {other}");
        }
    }

    #[test]
    fn numbers_are_read() {
        let numbers = |q: &str| Question::new(q).tokens.into_iter().filter_map(|t| t.number).collect::<Vec<_>>();
        assert_eq!(numbers("over 1,200.50 or -5, three, 10k, 3rd"), ["1200.50", "-5", "3"]);
        assert_eq!(numbers("on 2024-02-29 at 1,20 v1.2.3"), Vec::<String>::new());
        assert_eq!(numbers("2010-2015?"), Vec::<String>::new());
    }
}
