//! Questions that are not answered, and what is said instead.

use super::operator::{self, Op};
use super::token::{Kind, Token};
use super::{Reason, Refusal};
use crate::link::{Lexicon, is_function_word};
use crate::schema::Catalog;

/// Words of a command to change something.
const COMMANDS: [&str; 17] = [
    "delete", "drop", "insert", "update", "truncate", "alter", "create", "grant", "revoke", "remove", "erase", "add",
    "modify", "rename", "set", "vacuum", "copy",
];

/// What may follow a word of [`COMMANDS`] where nothing is to change: `create a list of …`, `set of …`, `update date of …`.
const NOUNS_AFTER: [&str; 16] = [
    "list",
    "report",
    "overview",
    "summary",
    "ranking",
    "breakdown",
    "chart",
    "count",
    "total",
    "of",
    "date",
    "dates",
    "time",
    "times",
    "number",
    "rate",
];

/// Words that begin questions in other languages, and none in English.
const ASKING_ELSEWHERE: [&str; 26] = [
    "wie", "wieviel", "wieviele", "welche", "welcher", "welches", "zeige", "anzahl", "cuantos", "cuantas", "cuanto",
    "cuales", "muestra", "mostrar", "combien", "quels", "quelles", "montrez", "quanti", "quante", "quali", "mostra",
    "hoeveel", "welke", "quantos", "quais",
];

/// Frequent words of other languages that are no English ones.
const FOREIGN: [&str; 44] = [
    "der", "die", "das", "und", "wie", "viele", "welche", "welcher", "zeige", "sind", "ist", "mit", "von", "fur",
    "alle", "nach", "quels", "quelle", "quelles", "combien", "les", "des", "sont", "montrez", "avec", "pour",
    "cuantos", "cuales", "los", "las", "mostrar", "donde", "para", "por", "quanti", "quali", "gli", "sono", "mostra",
    "hoeveel", "welke", "zijn", "quantos", "quais",
];

impl Refusal {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Refusal {
            reason,
            message: message.into(),
            understood: Vec::new(),
            unknown: Vec::new(),
            suggestions: Vec::new(),
            readings: Vec::new(),
            trace: Vec::new(),
        }
    }
}

/// Refuses what is no question of this kind at all, before anything is looked up.
pub fn at_once(tokens: &[Token], operators: &[operator::Found]) -> Option<Refusal> {
    let words: Vec<&Token> = tokens.iter().filter(|t| t.is_word()).collect();
    if words.is_empty() {
        return Some(Refusal::new(Reason::Empty, "the question has no words"));
    }
    let letters: Vec<char> = words.iter().flat_map(|w| w.text.chars()).filter(|c| c.is_alphabetic()).collect();
    let foreign_letters = letters.iter().filter(|c| !c.is_ascii()).count();
    let foreign_words = words.iter().filter(|w| FOREIGN.contains(&w.folded.as_str())).count();
    let english_words = words.iter().filter(|w| is_function_word(&w.folded)).count();
    if foreign_letters * 3 > letters.len() || foreign_words >= 2 && foreign_words > english_words || foreign_words >= 3
    {
        return Some(Refusal::new(Reason::Language, "the built-in engine understands English questions only"));
    }
    let polite = |w: &str| {
        matches!(w, "please" | "can" | "could" | "you" | "now" | "then" | "and" | "just" | "i" | "want" | "to")
    };
    let place = words.iter().position(|w| !polite(&w.folded))?;
    let first = words[place];
    if ASKING_ELSEWHERE.contains(&first.folded.as_str()) {
        return Some(Refusal::new(Reason::Language, "the built-in engine understands English questions only"));
    }
    let follows = words[place + 1..].iter().find(|w| !matches!(w.folded.as_str(), "a" | "an" | "the" | "me" | "us"));
    let is_noun = follows.is_some_and(|w| NOUNS_AFTER.contains(&w.folded.as_str()));
    if COMMANDS.contains(&first.folded.as_str()) && first.kind == Kind::Word && !is_noun {
        return Some(Refusal::new(
            Reason::Command,
            format!("\"{}\" would change something; only questions are answered", first.folded),
        ));
    }
    if let Some(found) = operators.iter().find(|o| o.op == Op::Window) {
        let phrase: Vec<&str> = tokens[found.start..found.end].iter().map(|t| t.text.as_str()).collect();
        return Some(Refusal::new(
            Reason::Unsupported,
            format!("\"{}\" is beyond the built-in engine", phrase.join(" ")),
        ));
    }
    None
}

/// Names that resemble the unknown words, as suggestions.
pub fn suggestions(catalog: &Catalog, lexicon: &Lexicon, unknown: &[String]) -> Vec<String> {
    let mut found: Vec<(f64, String)> = Vec::new();
    for word in unknown.iter().filter(|w| w.len() > 3).take(6) {
        for (t, table) in catalog.tables.iter().enumerate() {
            for (c, column) in table.columns.iter().enumerate() {
                let best = lexicon.column(t, c).stems().map(|s| strsim::jaro_winkler(s, word)).fold(0.0, f64::max);
                if best > 0.85 {
                    found.push((best, format!("{}.{}", table.name, column.name)));
                }
            }
            let best = lexicon.tables[t].stems().map(|s| strsim::jaro_winkler(s, word)).fold(0.0, f64::max);
            if best > 0.85 {
                found.push((best, table.name.clone()));
            }
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    found.dedup_by(|a, b| a.1 == b.1);
    found.into_iter().take(3).map(|f| f.1).collect()
}
