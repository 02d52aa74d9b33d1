//! All ways to cut a question into operators, mentions, values, numbers and
//! periods: arcs over its tokens, and the best paths through them.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::operator::{self, Op};
use super::period::{self, Period, number_word};
use super::token::{Kind, Token};
use super::values;
use crate::link::{Candidate, Lexicon, is_function_word, lines};
use crate::schema::ValueHit;

/// Longest name that is looked for, in tokens.
const MAX_SPAN: usize = 6;
/// Paths that are followed up.
const MAX_PATHS: usize = 5;

static MONEY: LazyLock<HashSet<&str>> =
    LazyLock::new(|| lines(include_str!("../data/measures.txt")).flat_map(str::split_whitespace).collect());

/// Whether the word means money that flows: `revenue`, `sales`.
pub fn is_money(word: &str) -> bool {
    MONEY.contains(word)
}

/// What an arc stands for; mentions and values are not yet decided.
#[derive(Clone, Debug)]
pub enum Arc {
    Op(Op),
    Mention(Vec<Candidate>),
    Value(Vec<ValueHit>),
    /// A quoted string that is stored nowhere.
    Text(String),
    Number(f64),
    Period(Period),
    /// Means nothing by itself, but may say how others belong together.
    Word,
    /// A word that should mean something and is not understood.
    Unknown,
    Comma,
    Stop,
}

/// An arc on a path, with the tokens that it covers.
#[derive(Clone, Debug)]
pub struct Link {
    pub start: usize,
    pub end: usize,
    pub arc: Arc,
    pub score: f32,
}

pub struct Path {
    pub links: Vec<Link>,
    pub score: f32,
}

/// Everything found in the question.
pub struct Findings<'a> {
    pub tokens: &'a [Token],
    pub operators: &'a [operator::Found],
    pub values: &'a [values::Found],
    pub periods: &'a [period::Found],
    /// Columns that hold amounts of money: what `revenue` may mean.
    pub money: &'a [Candidate],
}

/// The best paths from the first token to the last, best first.
pub fn paths(lexicon: &Lexicon, findings: &Findings) -> Vec<Path> {
    let arcs = arcs(lexicon, findings);
    let n = findings.tokens.len();
    // partial[i]: best ways to cover the first i tokens: (score, arc taken, rank of the way before)
    let mut partial: Vec<Vec<(f32, usize, usize)>> = vec![Vec::new(); n + 1];
    partial[0].push((0.0, usize::MAX, 0));
    let mut starting: Vec<Vec<usize>> = vec![Vec::new(); n];
    for (i, link) in arcs.iter().enumerate() {
        starting[link.start].push(i);
    }
    for at in 0..n {
        partial[at].sort_by(|a, b| b.0.total_cmp(&a.0));
        partial[at].truncate(MAX_PATHS);
        for i in &starting[at] {
            for rank in 0..partial[at].len() {
                let score = partial[at][rank].0 + arcs[*i].score;
                partial[arcs[*i].end].push((score, *i, rank));
            }
        }
    }
    partial[n].sort_by(|a, b| b.0.total_cmp(&a.0));
    partial[n].truncate(MAX_PATHS);
    (0..partial[n].len())
        .map(|rank| {
            let score = partial[n][rank].0;
            let (mut at, mut rank, mut links) = (n, rank, Vec::new());
            while at > 0 {
                let (_, arc, before) = partial[at][rank];
                links.push(arcs[arc].clone());
                at = arcs[arc].start;
                rank = before;
            }
            links.reverse();
            Path { links, score }
        })
        .collect()
}

fn arcs(lexicon: &Lexicon, findings: &Findings) -> Vec<Link> {
    let tokens = findings.tokens;
    let mut arcs = Vec::new();
    let mut add = |start: usize, end: usize, arc: Arc, score: f32| arcs.push(Link { start, end, arc, score });
    for found in findings.operators {
        let length = (found.end - found.start) as f32;
        let single = match found.op {
            // these words are as often part of a name or plain talk
            Op::Comparative(_) => 0.6,
            Op::Distinct | Op::Top | Op::Bottom => 0.95,
            // a column may be called `total`, but then it is not followed by a measure
            Op::Agg(_) => 1.01,
            _ => 0.98,
        };
        add(found.start, found.end, Arc::Op(found.op), single * length + 0.05 * (length - 1.0));
    }
    for found in findings.values {
        let length = (found.end - found.start) as f32;
        add(found.start, found.end, Arc::Value(found.hits.clone()), found.score * length + 0.1 * (length - 1.0));
    }
    for found in findings.periods {
        let length = (found.end - found.start) as f32;
        let score = if found.bare_year { 0.8 } else { 0.97 };
        add(found.start, found.end, Arc::Period(found.period.clone()), score * length + 0.05 * (length - 1.0));
    }
    let mut similar: HashMap<&str, Vec<(String, f32)>> = HashMap::new();
    for token in tokens.iter().filter(|t| t.kind == Kind::Word || matches!(t.kind, Kind::Number(_))) {
        if !is_function_word(&token.folded) || matches!(token.folded.as_str(), "name" | "names") {
            similar.entry(token.stem.as_str()).or_insert_with(|| lexicon.similar_stems(&token.stem));
        }
    }
    for start in 0..tokens.len() {
        let mut span: Vec<&[(String, f32)]> = Vec::new();
        for end in start + 1..=(start + MAX_SPAN).min(tokens.len()) {
            let token = &tokens[end - 1];
            match similar.get(token.stem.as_str()).filter(|_| token.kind != Kind::Quoted) {
                Some(stems) if !stems.is_empty() => span.push(stems),
                // `date of birth`: a small word inside a name, never at its edges
                _ if end > start + 1 && matches!(token.folded.as_str(), "of" | "the" | "-" | "_" | "in" | "to") => {
                    continue;
                }
                _ => break,
            }
            let candidates = lexicon.mentions(&span);
            if let Some(best) = candidates.first() {
                let words = span.len() as f32;
                let skipped = (end - start) as f32 - words;
                if span.len() == 1 && matches!(token.kind, Kind::Number(_)) {
                    continue;
                }
                // `number of seats`, where a column is called that, is no count
                let counts = findings.operators.iter().any(|o| o.op == Op::Count && o.start == start && o.end < end);
                let credit = if counts { 1.1 } else { -0.05 };
                let score = best.score * words + 0.12 * (words - 1.0) + credit * skipped;
                add(start, end, Arc::Mention(candidates), score);
            }
        }
    }
    for (i, token) in tokens.iter().enumerate().filter(|(_, t)| t.kind == Kind::Word) {
        if let Some(best) = findings.money.first().filter(|_| is_money(&token.folded)) {
            add(i, i + 1, Arc::Mention(findings.money.to_vec()), best.score);
        }
    }
    for (i, token) in tokens.iter().enumerate() {
        let (arc, score) = match &token.kind {
            Kind::Number(n) => (Arc::Number(*n), 0.8),
            Kind::Quoted => (Arc::Text(token.text.clone()), 0.3),
            Kind::Date(_) => (Arc::Unknown, -0.5),
            Kind::Symbol(',') => (Arc::Comma, 0.0),
            Kind::Symbol('.' | '?' | '!' | ';' | ':') => (Arc::Stop, 0.0),
            Kind::Symbol(_) => (Arc::Word, 0.0),
            Kind::Word if number_word(&token.folded).is_some() => {
                let n = number_word(&token.folded).unwrap_or_default();
                (Arc::Number(n), if n == 1.0 { 0.0 } else { 0.8 })
            }
            Kind::Word if is_function_word(&token.folded) => (Arc::Word, 0.0),
            Kind::Word => (Arc::Unknown, -0.3),
        };
        add(i, i + 1, arc, score);
    }
    arcs
}
