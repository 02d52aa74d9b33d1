//! Phrases that say what to do: counts, comparisons, orders, negations. The
//! phrases are data (`operators.txt`, `adjectives.txt`); this file matches them.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::token::{Kind, Token};
use crate::link::lines;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Count,
    Distinct,
    Agg(Aggregate),
    Cmp(Comparison),
    Between,
    /// Temporal or numeric: `after 1990`, `before the deadline`.
    After,
    Before,
    /// `above the average`, `below the average`.
    AboveAverage,
    BelowAverage,
    Most,
    Least,
    Top,
    Bottom,
    Common,
    Rare,
    Each,
    Order,
    Ascending,
    Descending,
    Alphabetical,
    Not,
    No,
    Never,
    Except,
    Both,
    Either,
    Or,
    Starts,
    Ends,
    Contains,
    Named,
    Missing,
    Present,
    Ratio,
    Proportion,
    Everything,
    /// `monthly`, `per year`.
    Bucket(Unit),
    /// `in which month`.
    WhichBucket(Unit),
    AllOf,
    /// Running totals, ranks within groups and other things that need windows.
    Window,
    /// `oldest`: index into [`ADJECTIVES`].
    Superlative(usize),
    /// `older than`: index into [`ADJECTIVES`].
    Comparative(usize),
}

impl Op {
    /// Whether an answer that leaves it out is one to another question.
    pub fn decides(self) -> bool {
        matches!(self, Op::Superlative(_) | Op::Ratio | Op::Proportion | Op::Never | Op::Except)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    Median,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Comparison {
    pub fn sql(self) -> &'static str {
        match self {
            Comparison::Eq => "=",
            Comparison::Ne => "<>",
            Comparison::Gt => ">",
            Comparison::Ge => ">=",
            Comparison::Lt => "<",
            Comparison::Le => "<=",
        }
    }

    /// The comparison that holds exactly where this one does not.
    pub fn negated(self) -> Self {
        match self {
            Comparison::Eq => Comparison::Ne,
            Comparison::Ne => Comparison::Eq,
            Comparison::Gt => Comparison::Le,
            Comparison::Ge => Comparison::Lt,
            Comparison::Lt => Comparison::Ge,
            Comparison::Le => Comparison::Gt,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Quarter => "quarter",
            Unit::Year => "year",
        }
    }
}

/// An adjective of degree: what it measures, and whether more of it is "more".
pub struct Adjective {
    pub concepts: Vec<(&'static str, bool)>,
    /// Direction where the measure is named: `lowest price` is ascending.
    pub more: bool,
}

pub static ADJECTIVES: LazyLock<Vec<Adjective>> = LazyLock::new(|| {
    lines(include_str!("../data/adjectives.txt"))
        .filter_map(|line| line.split_once(" = "))
        .map(|(_, concepts)| {
            let concepts: Vec<(&str, bool)> =
                concepts.split_whitespace().filter_map(|c| Some((c.get(..c.len() - 1)?, c.ends_with('+')))).collect();
            let more = concepts.first().is_some_and(|c| c.1);
            Adjective { concepts, more }
        })
        .collect()
});

struct Table {
    phrases: HashMap<Vec<&'static str>, Vec<Op>>,
    longest: usize,
}

static OPERATORS: LazyLock<Table> = LazyLock::new(|| {
    let mut phrases: HashMap<Vec<&'static str>, Vec<Op>> = HashMap::new();
    let mut add = |phrase: &'static str, separator: &[char], op: Op| {
        let words: Vec<&str> = phrase.split(separator).filter(|w| !w.is_empty()).collect();
        let entry = phrases.entry(words).or_default();
        if !entry.contains(&op) {
            entry.push(op);
        }
    };
    for line in lines(include_str!("../data/operators.txt")) {
        let Some((name, list)) = line.split_once(": ") else {
            continue;
        };
        let Some(op) = named(name) else { continue };
        for phrase in list.split(" | ") {
            add(phrase, &[' ', '-'], op);
        }
    }
    for (index, line) in lines(include_str!("../data/adjectives.txt")).enumerate() {
        let Some((forms, _)) = line.split_once(" = ") else {
            continue;
        };
        for form in forms.split_whitespace() {
            let superlative = form.ends_with("est")
                || form.starts_with("most_")
                || form.starts_with("least_")
                || form.contains("best")
                || form == "worst"
                || form == "first"
                || form.ends_with("_rated")
                || form.ends_with("_paid");
            if superlative {
                add(form, &['_'], Op::Superlative(index));
            } else {
                add(form, &['_'], Op::Comparative(index));
            }
        }
    }
    let longest = phrases.keys().map(Vec::len).max().unwrap_or(0);
    Table { phrases, longest }
});

fn named(name: &str) -> Option<Op> {
    use Comparison::*;
    Some(match name {
        "count" | "total_count" => Op::Count,
        "distinct" => Op::Distinct,
        "avg" => Op::Agg(Aggregate::Avg),
        "max" => Op::Agg(Aggregate::Max),
        "min" => Op::Agg(Aggregate::Min),
        "sum" => Op::Agg(Aggregate::Sum),
        "median" => Op::Agg(Aggregate::Median),
        "gt" => Op::Cmp(Gt),
        "ge" => Op::Cmp(Ge),
        "lt" => Op::Cmp(Lt),
        "le" => Op::Cmp(Le),
        "eq" => Op::Cmp(Eq),
        "ne" => Op::Cmp(Ne),
        "between" => Op::Between,
        "after" => Op::After,
        "before" => Op::Before,
        "average_above" => Op::AboveAverage,
        "average_below" => Op::BelowAverage,
        "most" => Op::Most,
        "least" => Op::Least,
        "top" => Op::Top,
        "bottom" => Op::Bottom,
        "common" => Op::Common,
        "rare" => Op::Rare,
        "each" => Op::Each,
        "order" => Op::Order,
        "ascending" => Op::Ascending,
        "descending" => Op::Descending,
        "alphabetical" => Op::Alphabetical,
        "not" => Op::Not,
        "no" => Op::No,
        "never" => Op::Never,
        "except" => Op::Except,
        "both" => Op::Both,
        "either" => Op::Either,
        "or" => Op::Or,
        "starts" => Op::Starts,
        "ends" => Op::Ends,
        "contains" => Op::Contains,
        "named" => Op::Named,
        "missing" => Op::Missing,
        "present" => Op::Present,
        "ratio" => Op::Ratio,
        "proportion" => Op::Proportion,
        "everything" => Op::Everything,
        "daily" => Op::Bucket(Unit::Day),
        "weekly" => Op::Bucket(Unit::Week),
        "monthly" => Op::Bucket(Unit::Month),
        "quarterly" => Op::Bucket(Unit::Quarter),
        "yearly" => Op::Bucket(Unit::Year),
        "which_day" => Op::WhichBucket(Unit::Day),
        "which_month" => Op::WhichBucket(Unit::Month),
        "which_year" => Op::WhichBucket(Unit::Year),
        "all_of" => Op::AllOf,
        "window" => Op::Window,
        _ => return None,
    })
}

/// The adjective of a comparative: `longer`.
pub fn comparative(word: &str) -> Option<usize> {
    OPERATORS.phrases.get([word].as_slice())?.iter().find_map(|op| match op {
        Op::Comparative(adjective) => Some(*adjective),
        _ => None,
    })
}

/// An operator phrase at tokens `start..end`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    pub start: usize,
    pub end: usize,
    pub op: Op,
}

/// Every operator phrase in the question, overlapping ones too.
pub fn find(tokens: &[Token]) -> Vec<Found> {
    let mut found = Vec::new();
    for start in 0..tokens.len() {
        for end in start + 1..=(start + OPERATORS.longest).min(tokens.len()) {
            let words: Vec<&str> = tokens[start..end].iter().map(|t| t.folded.as_str()).collect();
            if tokens[start..end].iter().any(|t| t.kind == Kind::Quoted) {
                break;
            }
            // hyphens inside a phrase (`best-selling`) are tokens of their own
            let words: Vec<&str> = words.into_iter().filter(|w| *w != "-" || end - start == 1).collect();
            if let Some(ops) = OPERATORS.phrases.get(words.as_slice()) {
                found.extend(ops.iter().map(|op| Found { start, end, op: *op }));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::token::tokenize;
    use super::*;

    fn longest(question: &str) -> Vec<Op> {
        let tokens = tokenize(question);
        let found = find(&tokens);
        let best = found.iter().map(|f| f.end - f.start).max().unwrap_or(0);
        found.into_iter().filter(|f| f.end - f.start == best).map(|f| f.op).collect()
    }

    #[test]
    fn longest_phrases_are_found() {
        assert_eq!(longest("books in descending order of"), [Op::Descending]);
        assert_eq!(longest("at least 3"), [Op::Cmp(Comparison::Ge)]);
        assert_eq!(longest("the most common"), [Op::Common]);
        assert!(matches!(longest("best-selling")[..], [Op::Superlative(_)]));
        assert_eq!(longest("\"how many\""), []);
    }

    #[test]
    fn every_line_of_the_data_is_understood() {
        for line in lines(include_str!("../data/operators.txt")) {
            let (name, _) = line.split_once(": ").expect(line);
            assert!(named(name).is_some(), "{name}");
        }
        assert!(ADJECTIVES.iter().all(|a| !a.concepts.is_empty()));
    }
}
