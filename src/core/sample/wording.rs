//! Which words of a question count. Whatever is not on the short lists below
//! does: a word that is wrongly kept costs a match, one that is wrongly dropped
//! costs a wrong answer.

use super::question::{Token, number};

/// May be missing anywhere. No preposition of direction, no quantifier, no
/// negation, nothing that compares.
const SILENT: &[&str] = &[
    "a", "am", "an", "any", "are", "be", "been", "being", "did", "do", "does", "exist", "exists", "is", "it", "its",
    "located", "of", "our", "please", "the", "their", "them", "there", "they", "was", "we", "were", "you", "your",
];

/// Tie a value or a thing to the sentence: "rivers in Bern", "of Bern", "for
/// the chairs". Before a bare word they count: "products in stock" are not
/// "product stock".
const LINKS: &[&str] = &["at", "for", "in", "on"];

/// "Readers with loans", "that have loans", "whose loans" are the same, "reader
/// loans" are not.
const OWNING: &[&str] = &["had", "has", "have", "having", "whose", "with"];

/// "Customers who order" are no "customer orders"; before "are", "do", "ordered"
/// there is no such doubt, and they may be missing.
const RELATIVE: &[&str] = &["that", "which", "who"];

/// May be missing at the start, where they only ask.
const ASKING: &[&str] = &[
    "and",
    "calculate",
    "can",
    "compute",
    "could",
    "d",
    "display",
    "find",
    "get",
    "give",
    "i",
    "like",
    "list",
    "ll",
    "me",
    "need",
    "output",
    "print",
    "provide",
    "report",
    "retrieve",
    "return",
    "see",
    "select",
    "show",
    "tell",
    "to",
    "us",
    "want",
    "will",
    "would",
];

/// After these the asking is over: in "what is the list price", "list" counts.
const ASKED: &[&str] = &["all", "of", "some", "what", "whats", "which", "who"];

/// One form for singular and plural, for number words, for "each" and "per".
/// No stemmer: it makes one word of "universe" and "university".
pub(super) fn canonical(word: &str) -> String {
    if let Some(number) = number(word) {
        return number;
    }
    let strip = |ending: &str, by: &str| word.strip_suffix(ending).map(|root| format!("{root}{by}"));
    match word {
        _ if SILENT.binary_search(&word).is_ok() => word.to_owned(),
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
pub(super) fn weigh(tokens: &mut [Token]) {
    count(tokens);
    let (mut leads, mut asks) = (true, true);
    for i in 0..tokens.len() {
        let Some(word) = tokens[i].canonical.clone() else { continue };
        let word = word.as_str();
        let is = |list: &[&str]| list.binary_search(&word).is_ok();
        let owner = word == "s" && i > 0 && tokens[i].start == tokens[i - 1].end + 1;
        let silent = is(SILENT);
        let asking = leads && asks && is(ASKING);
        let asked = leads && is(ASKED);
        // "could you" goes on asking, "is the" does not
        asks &= asking || matches!(word, "please" | "you");
        leads &= silent || asking || asked;
        tokens[i].link = is(LINKS);
        let silent = silent || is(LINKS) && names_things(tokens.get(i + 1));
        if silent || asking || asked || owner || is(OWNING) && helps(tokens, i) {
            tokens[i].canonical = None;
        } else if is(OWNING) {
            tokens[i].canonical = Some("with".to_owned());
            // "that have", "who has"
            if let Some(before) = i.checked_sub(1)
                && tokens[before].canonical.as_deref() == Some("that")
            {
                tokens[before].canonical = None;
            }
        } else if is(RELATIVE) {
            let verb = tokens.get(i + 1).and_then(|t| t.canonical.as_deref()).unwrap_or_default();
            let plain = SILENT.binary_search(&verb).is_ok() || verb.ends_with("ed");
            tokens[i].canonical = (!plain).then(|| "that".to_owned());
        }
    }
}

/// Whether a word begins a naming of things: "the chairs", "each chair", "chairs".
fn names_things(next: Option<&Token>) -> bool {
    let Some(next) = next else { return false };
    let word = next.canonical.as_deref().unwrap_or_default();
    let plural = next.number.is_none() && word.len() < next.end - next.start;
    plural || matches!(word, "a" | "an" | "the" | "all" | "per" | "our" | "their" | "which" | "what")
}

/// Whether a form of "have" only helps another verb: "do we have?", "have been".
fn helps(tokens: &[Token], at: usize) -> bool {
    let word = |at: Option<usize>| at.and_then(|at| tokens.get(at)).and_then(|t| t.canonical.as_deref());
    let last = tokens.get(at + 1).is_none();
    last || word(Some(at + 1)).is_some_and(|next| next == "been" || next.len() > 4 && next.ends_with("ed"))
}

/// "How many" and "(count) the (total) number of" ask for the same.
fn count(tokens: &mut [Token]) {
    let is = |token: Option<&Token>, words: &[&str]| {
        token.and_then(|t| t.canonical.as_deref()).is_some_and(|word| words.contains(&word))
    };
    for i in 0..tokens.len() {
        if i == 0 && is(tokens.get(i), &["count"]) && !is(tokens.get(i + 1), &["of"]) {
            // "count the readers"; what "number of" adds is dropped below
            tokens[i].canonical = Some("how many".to_owned());
        }
        let many = is(tokens.get(i), &["how"]) && is(tokens.get(i + 1), &["many"]);
        let number = is(tokens.get(i), &["number", "count"]) && is(tokens.get(i + 1), &["of"]);
        if many || number {
            tokens[i].canonical = Some("how many".to_owned());
            tokens[i + 1].canonical = None;
        }
        if number {
            // "what is the total number of", "count the number of"
            for j in (0..i).rev().take(2) {
                if is(tokens.get(j), &["total", "how many"]) {
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
    use super::super::question::Question;
    use super::*;

    fn read(question: &str) -> String {
        let question = Question::new(question);
        question.tokens.into_iter().filter_map(|t| t.canonical).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lists_are_sorted() {
        assert!([SILENT, LINKS, OWNING, RELATIVE, ASKING, ASKED].iter().all(|list| list.is_sorted()));
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
        for question in [
            "How many readers are there?",
            "Count the number of readers.",
            "Count the readers",
            "count of readers",
            "What is the total number of readers",
        ] {
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
            ("what is the list price of the chair", "what is the price of the chair"),
            ("which return is open", "which is open"),
            ("count of pages", "pages"),
            ("customers with orders", "customer orders"),
            ("customers who order", "customer orders"),
            ("products in stock", "product stock"),
            ("readers with at most 3 loans", "readers with most 3 loans"),
            ("orders this month", "orders month"),
        ] {
            assert_ne!(read(one), read(other), "{one} / {other}");
        }
    }
}
