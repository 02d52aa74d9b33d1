//! From a template and another question to SQL.

use std::collections::{HashMap, HashSet};

use super::learn::{SIMILAR, is_date};
use super::question::{Question, Token};
use super::sql::Statement;
use super::{Bound, ColumnName, Kind, Letters, Parameter, Piece, Slot, Template};
use crate::schema::{Catalog, ValueHit, ValueSource};
use crate::text::{fold, quote_literal};

/// Longest value in words.
const LONGEST_VALUE: usize = 8;
/// More rows than this are not asked for by a number.
const MOST_ROWS: u32 = 1_000_000;

/// What fills a slot: as the SQL will have it, without quotes, and for reading.
#[derive(Clone)]
struct Filling {
    text: String,
    shown: String,
}

struct Matcher<'a> {
    template: &'a Template,
    question: &'a Question,
    /// Stored values by what of the question equals them.
    equal: HashMap<String, Vec<ValueHit>>,
    values: &'a mut dyn ValueSource,
    catalog: &'a Catalog,
    /// Pairs of piece and token from which there is no way on.
    dead: HashSet<(usize, usize)>,
    filled: Vec<Option<Filling>>,
}

impl Template {
    /// Answers a question that says the same as the verified one, with the same
    /// or other values. None for every other question.
    pub fn bind(&self, catalog: &Catalog, values: &mut dyn ValueSource, question: &str) -> Option<Bound> {
        let question = Question::new(question);
        if question.folded == self.question {
            return Some(Bound { sql: self.sql.clone(), parameters: self.said(), assumptions: Vec::new() });
        }
        let readable = question.is_readable() && self.is_sound();
        if !readable || !self.words_occur(&question) || !self.columns_exist(catalog) {
            return None;
        }
        let equal = if self.slots.iter().any(|s| matches!(s.kind, Kind::Value(_))) {
            stored(values, &question)
        } else {
            HashMap::new()
        };
        let filled = vec![None; self.slots.len()];
        let mut matcher =
            Matcher { template: self, question: &question, equal, values, catalog, dead: HashSet::new(), filled };
        if !matcher.matches(0, 0) {
            return None;
        }
        let filled: Vec<Filling> = matcher.filled.into_iter().collect::<Option<_>>()?;
        self.write(&filled)
    }

    /// Templates come from a table: one that something else wrote must do no harm.
    fn is_sound(&self) -> bool {
        self.pieces.iter().all(|piece| !matches!(piece, Piece::Slot(slot) if *slot >= self.slots.len()))
    }

    /// A cheap look before anything is looked up.
    fn words_occur(&self, question: &Question) -> bool {
        let said: HashSet<&str> = question.tokens.iter().filter_map(|t| t.canonical.as_deref()).collect();
        self.pieces.iter().all(|piece| match piece {
            Piece::Word(word) => said.contains(word.as_str()),
            Piece::Slot(_) => true,
        })
    }

    fn columns_exist(&self, catalog: &Catalog) -> bool {
        let exists = |name: &ColumnName| {
            let table = catalog.find(&name.schema, &name.table);
            table.is_some_and(|t| catalog.tables[t].columns.iter().any(|c| c.name == name.column))
        };
        self.slots.iter().filter_map(|s| s.column.as_ref()).all(exists)
    }

    fn said(&self) -> Vec<Parameter> {
        let parameter = |slot: &Slot| Parameter { column: slot.column.clone(), value: slot.said.clone() };
        self.slots.iter().map(parameter).collect()
    }

    /// The verified SQL with the literals of the slots replaced.
    fn write(&self, filled: &[Filling]) -> Option<Bound> {
        let statement = Statement::new(&self.sql)?;
        let literals: Vec<usize> = statement.literals().collect();
        let mut replaced: HashMap<usize, String> = HashMap::new();
        for (slot, filling) in self.slots.iter().zip(filled) {
            let literal = match &slot.kind {
                Kind::Number | Kind::Limit => filling.text.clone(),
                Kind::Value(_) | Kind::Date => quote_literal(&filling.text),
                Kind::Pattern { before, after, .. } => quote_literal(&format!("{before}{}{after}", filling.text)),
                Kind::Interval { unit } => quote_literal(&format!("{} {unit}", filling.text)),
            };
            for number in &slot.literals {
                replaced.insert(*literals.get(*number)?, literal.clone());
            }
        }
        let token = |(at, token): (usize, &super::lexer::Token)| {
            replaced.get(&at).cloned().unwrap_or_else(|| token.text.to_owned())
        };
        let sql = statement.tokens.iter().enumerate().map(token).collect();
        let slots = || self.slots.iter().zip(filled);
        let parameters =
            slots().map(|(slot, f)| Parameter { column: slot.column.clone(), value: f.shown.clone() }).collect();
        let assumptions = slots().filter_map(|(slot, f)| {
            let column = slot.column.as_ref()?;
            Some(format!("{}.{} = {}", column.table, column.column, f.shown))
        });
        let assumptions = assumptions.collect();
        Some(Bound { sql, parameters, assumptions })
    }
}

/// All stored values that the question says, looked up at once.
fn stored(values: &mut dyn ValueSource, question: &Question) -> HashMap<String, Vec<ValueHit>> {
    let mut spans: Vec<String> = Vec::new();
    let count = question.tokens.len();
    for first in 0..count {
        for last in first..count.min(first + LONGEST_VALUE) {
            spans.push(question.span(first, last).to_owned());
            spans.push(question.span_closed(first, last).to_owned());
        }
    }
    spans.sort_unstable();
    spans.dedup();
    let mut found: HashMap<String, Vec<ValueHit>> = HashMap::new();
    for hit in values.equal(&spans) {
        found.entry(fold(&hit.value)).or_default().push(hit);
    }
    found
}

impl Matcher<'_> {
    /// Whether the pieces from `piece` on say what the tokens from `token` on say.
    fn matches(&mut self, piece: usize, token: usize) -> bool {
        if self.dead.contains(&(piece, token)) {
            return false;
        }
        let found = match self.template.pieces.get(piece) {
            None => self.question.tokens[token..].iter().all(|t| t.canonical.is_none()),
            Some(Piece::Word(word)) => self.says(token, word) && self.matches(piece + 1, token + 1),
            Some(Piece::Slot(slot)) => self.fills(piece, token, *slot),
        };
        let slot_follows = matches!(self.template.pieces.get(piece), Some(Piece::Slot(_)));
        let silent = |t: &Token| t.canonical.is_none() || t.link && slot_follows;
        let found = found || self.question.tokens.get(token).is_some_and(silent) && self.matches(piece, token + 1);
        if !found {
            self.dead.insert((piece, token));
        }
        found
    }

    fn says(&self, token: usize, word: &str) -> bool {
        self.question.tokens.get(token).and_then(|t| t.canonical.as_deref()) == Some(word)
    }

    /// Fills a slot from `token` on, longest value first, and goes on.
    fn fills(&mut self, piece: usize, token: usize, slot: usize) -> bool {
        let end = self.question.tokens.len().min(token + LONGEST_VALUE);
        for last in (token..end).rev() {
            if let Some(filling) = self.filling(slot, token, last)
                && self.matches(piece + 1, last + 1)
            {
                self.filled[slot] = Some(filling);
                return true;
            }
        }
        false
    }

    fn filling(&mut self, slot: usize, first: usize, last: usize) -> Option<Filling> {
        let template = self.template;
        let slot = &template.slots[slot];
        let token = &self.question.tokens[first];
        let number = || token.number.clone().filter(|_| first == last);
        let plain = |text: String| Filling { shown: text.clone(), text };
        match &slot.kind {
            Kind::Number => number().map(plain),
            Kind::Limit => number().filter(|n| n.parse().is_ok_and(|n: u32| (1..=MOST_ROWS).contains(&n))).map(plain),
            Kind::Interval { .. } => number().filter(|n| n.bytes().all(|b| b.is_ascii_digit())).map(plain),
            Kind::Date => Some(self.question.span(first, last)).filter(|s| is_date(s)).map(|s| plain(s.to_owned())),
            Kind::Value(letters) => {
                let spans = [self.question.span_closed(first, last), self.question.span(first, last)];
                let column = slot.column.as_ref()?;
                let hit =
                    spans.iter().filter_map(|span| self.equal.get(*span)).flatten().find(|h| self.is_of(h, column))?;
                Some(Filling { text: letters.write(&hit.value), shown: hit.value.clone() })
            }
            Kind::Pattern { letters, .. } => {
                let part = self.question.span(first, last).to_owned();
                if part.contains(['%', '_', '\\']) {
                    return None;
                }
                let column = slot.column.as_ref()?;
                let hits = self.values.similar(&part, SIMILAR);
                let hit = hits.iter().find(|h| self.is_of(h, column) && fold(&h.value).contains(&part))?;
                // the letters as stored: LIKE minds capitals
                let text = letters.write(&stored_part(&hit.value, &part)?);
                Some(Filling { shown: text.clone(), text })
            }
        }
    }

    fn is_of(&self, hit: &ValueHit, name: &ColumnName) -> bool {
        self.catalog.tables.get(hit.table).is_some_and(|table| {
            let column = table.columns.get(hit.column);
            table.schema == name.schema && table.name == name.table && column.is_some_and(|c| c.name == name.column)
        })
    }
}

/// The part of a stored value that folds to `part`.
fn stored_part(value: &str, part: &str) -> Option<String> {
    let starts = value.char_indices().map(|(at, _)| at);
    let ends: Vec<usize> = value.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
    for start in starts {
        for &end in ends.iter().filter(|&&end| end > start) {
            let piece = &value[start..end];
            if piece.chars().count() > 2 * part.chars().count() {
                break;
            }
            // folding forgives spaces at the ends; a pattern does not
            if piece.trim() == piece && fold(piece) == part {
                return Some(piece.to_owned());
            }
        }
    }
    None
}

impl Letters {
    fn write(self, value: &str) -> String {
        match self {
            Letters::AsStored => value.to_owned(),
            Letters::Lower => value.to_lowercase(),
            Letters::Upper => value.to_uppercase(),
        }
    }
}
