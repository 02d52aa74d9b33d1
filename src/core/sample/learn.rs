//! From a verified question to a template.

use super::lexer::{Kind as Lexed, text_value};
use super::question::Question;
use super::sql::{Place, Statement};
use super::{ColumnName, Kind, Letters, Piece, Slot, Template};
use crate::schema::{Catalog, Family, ValueSource};
use crate::text::fold;

/// A slot and the words of the question that it takes.
struct Found {
    slot: Slot,
    first: usize,
    last: usize,
}

impl Template {
    /// Learns a verified question. A literal becomes a slot when the question
    /// says it exactly once and the statement compares it with something that
    /// says what else may stand there; everything else stays as it is.
    pub fn learn(catalog: &Catalog, values: &mut dyn ValueSource, question: &str, sql: &str) -> Self {
        let question = Question::new(question);
        let statement = Statement::new(sql).filter(|_| question.is_readable());
        let slots = statement.map(|s| slots(catalog, values, &question, &s)).unwrap_or_default();
        let mut pieces = Vec::new();
        // whether the last piece is a word that may be missing before a slot
        let mut link = false;
        let mut at = 0;
        while at < question.tokens.len() {
            if let Some(slot) = slots.iter().position(|s| s.first == at) {
                if link {
                    pieces.pop();
                }
                pieces.push(Piece::Slot(slot));
                link = false;
                at = slots[slot].last;
            } else if let Some(word) = &question.tokens[at].canonical {
                pieces.push(Piece::Word(word.clone()));
                link = question.tokens[at].link;
            }
            at += 1;
        }
        let slots = slots.into_iter().map(|s| s.slot).collect();
        Self { question: question.folded, pieces, slots, sql: sql.to_owned() }
    }
}

fn slots(catalog: &Catalog, values: &mut dyn ValueSource, question: &Question, statement: &Statement) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    // words that two different kinds of literals lay claim to stay as they are
    let mut disputed: Vec<(usize, usize)> = Vec::new();
    for (literal, at) in statement.literals().enumerate() {
        let token = statement.tokens[at];
        let place = statement.place(literal);
        let slot = match token.kind {
            Lexed::Number => number(catalog, question, statement, token.text, &place),
            _ => {
                text_value(token.text).and_then(|text| self::text(catalog, values, question, statement, &text, &place))
            }
        };
        let Some(mut new) = slot else { continue };
        new.slot.literals = vec![literal];
        let overlapping = found.iter_mut().find(|f| f.first <= new.last && new.first <= f.last);
        match overlapping {
            None => found.push(new),
            Some(old) if old.first == new.first && old.last == new.last && same(&old.slot, &new.slot) => {
                old.slot.literals.push(literal);
            }
            Some(old) => disputed.push((old.first.min(new.first), old.last.max(new.last))),
        }
    }
    found.retain(|f| !disputed.iter().any(|d| f.first <= d.1 && d.0 <= f.last));
    found
}

fn same(a: &Slot, b: &Slot) -> bool {
    a.kind == b.kind && a.column == b.column
}

fn number(catalog: &Catalog, question: &Question, statement: &Statement, number: &str, place: &Place) -> Option<Found> {
    let mut places = (0..question.tokens.len()).filter(|&i| question.tokens[i].number.as_deref() == Some(number));
    let at = places.next().filter(|_| places.next().is_none())?;
    let (kind, column) = match place {
        Place::Limit => (Kind::Limit, None),
        Place::Compared { path, pattern: false } => {
            let columns = statement.columns(catalog, path);
            // 1 and 0 that stand for yes and no are no numbers
            if columns.iter().any(|&(t, c)| catalog.column(t, c).family == Family::Bool) {
                return None;
            }
            (Kind::Number, columns.first().map(|&(t, c)| column_name(catalog, t, c)))
        }
        _ => return None,
    };
    Some(Found { slot: Slot { kind, column, said: number.to_owned(), literals: Vec::new() }, first: at, last: at })
}

fn text(
    catalog: &Catalog,
    values: &mut dyn ValueSource,
    question: &Question,
    statement: &Statement,
    text: &str,
    place: &Place,
) -> Option<Found> {
    let (path, pattern) = match place {
        Place::Interval => return interval(question, text),
        Place::Compared { path, pattern } => (path, *pattern),
        _ => return None,
    };
    let columns = statement.columns(catalog, path);
    let first_column = columns.first().map(|&(t, c)| column_name(catalog, t, c));
    if is_date(text) {
        let (first, last) = only_place(question, text)?;
        let dated =
            columns.iter().all(|&(t, c)| matches!(catalog.column(t, c).family, Family::Date | Family::Timestamp));
        let slot = Slot { kind: Kind::Date, column: first_column, said: text.to_owned(), literals: Vec::new() };
        return dated.then_some(Found { slot, first, last });
    }
    let bare = if pattern { text.trim_matches('%') } else { text };
    let folded = fold(bare);
    if folded.is_empty() || pattern && bare.contains(['%', '_', '\\']) {
        return None;
    }
    let (first, last) = only_place(question, &folded)?;
    let partial = bare.len() < text.len();
    let hits = if partial { values.similar(&folded, SIMILAR) } else { values.equal(std::slice::from_ref(&folded)) };
    let (hit, letters) = hits.iter().filter(|h| columns.contains(&(h.table, h.column))).find_map(|hit| {
        let stored = hit.value.as_str();
        let says = |stored: &str| if partial { stored.contains(bare) } else { stored == bare };
        let letters = [
            (stored.to_owned(), Letters::AsStored),
            (stored.to_lowercase(), Letters::Lower),
            (stored.to_uppercase(), Letters::Upper),
        ];
        letters.into_iter().find(|(written, _)| says(written)).map(|(_, letters)| (hit, letters))
    })?;
    let kind = if partial {
        let start = text.find(bare)?;
        Kind::Pattern { before: text[..start].to_owned(), after: text[start + bare.len()..].to_owned(), letters }
    } else {
        Kind::Value(letters)
    };
    let column = Some(column_name(catalog, hit.table, hit.column));
    Some(Found { slot: Slot { kind, column, said: folded, literals: Vec::new() }, first, last })
}

/// Stored values that are looked at for a part of one.
pub(super) const SIMILAR: usize = 50;

/// `3 months`: the number may change, the unit may not.
fn interval(question: &Question, text: &str) -> Option<Found> {
    let (number, unit) = text.split_once(' ')?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let unit_word = Question::new(unit).tokens.into_iter().next()?.canonical?;
    let fits = |i: &usize| {
        let next = question.tokens.get(i + 1).and_then(|t| t.canonical.as_deref());
        question.tokens[*i].number.as_deref() == Some(number) && next == Some(&unit_word)
    };
    let mut places = (0..question.tokens.len()).filter(fits);
    let at = places.next().filter(|_| places.next().is_none())?;
    let kind = Kind::Interval { unit: unit.to_owned() };
    Some(Found {
        slot: Slot { kind, column: None, said: number.to_owned(), literals: Vec::new() },
        first: at,
        last: at,
    })
}

/// The run of words that says `folded`, if there is exactly one.
fn only_place(question: &Question, folded: &str) -> Option<(usize, usize)> {
    let mut places = Vec::new();
    for first in 0..question.tokens.len() {
        for last in first..question.tokens.len() {
            if question.span(first, last) == folded || question.span_closed(first, last) == folded {
                places.push((first, last));
                break;
            }
            if question.span(first, last).len() > folded.len() {
                break;
            }
        }
    }
    match places[..] {
        [place] => Some(place),
        _ => None,
    }
}

/// `2024-02-29`, with a month and a day that exist.
pub(super) fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let number = |part: &str, length: usize| {
        let digits = part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<u32>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    year > 0 && (1..=days).contains(&day)
}

fn column_name(catalog: &Catalog, table: usize, column: usize) -> ColumnName {
    let of = &catalog.tables[table];
    ColumnName { schema: of.schema.clone(), table: of.name.clone(), column: of.columns[column].name.clone() }
}
