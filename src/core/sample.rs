//! Verified questions as templates: the same question with other values is
//! answered by the same SQL with other literals, and by nothing less.
//!
//! [`Template::learn`] turns every literal that the question says into a slot;
//! [`Template::bind`] answers a question whose words are the same outside the
//! slots and whose slots all fill with values of the same columns. Likeness
//! never suffices: one changed word may turn the meaning round.

mod bind;
mod learn;
pub mod lexer;
mod question;
mod sql;
#[cfg(test)]
mod tests;
mod wording;

use serde::{Deserialize, Serialize};

/// A verified question with its SQL, ready for other values. Holds names, not
/// positions or keys, so that it outlives changes of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// The question, folded.
    pub question: String,
    /// Its words outside the slots, in order, without silent ones.
    pub pieces: Vec<Piece>,
    pub slots: Vec<Slot>,
    /// The SQL as it was verified.
    pub sql: String,
}

/// A part of a masked question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    Word(String),
    /// Position in [`Template::slots`].
    Slot(usize),
}

/// A part of the question that may change, and the literals that change with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    pub kind: Kind,
    /// The column that the literal is compared with, where there is one.
    pub column: Option<ColumnName>,
    /// What the verified question says here, folded.
    pub said: String,
    /// Which literals of the SQL it fills, counted from 0 over texts and numbers.
    pub literals: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A stored value of the column, written as `Letters` says.
    Value(Letters),
    /// A part of a stored value, between these characters: `%…%`.
    Pattern { before: String, after: String, letters: Letters },
    /// A number in a comparison.
    Number,
    /// An ISO date in a comparison.
    Date,
    /// How many rows.
    Limit,
    /// The number in `'3 months'`; the unit stays.
    Interval { unit: String },
}

/// How the SQL writes a stored value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Letters {
    AsStored,
    Lower,
    Upper,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ColumnName {
    pub schema: String,
    pub table: String,
    pub column: String,
}

/// A question answered by a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    pub sql: String,
    pub parameters: Vec<Parameter>,
    /// What was understood, one line each: `city = Bern`.
    pub assumptions: Vec<String>,
}

/// A slot and what was put into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    pub column: Option<ColumnName>,
    pub value: String,
}

impl Template {
    /// The question with its slots masked: `reader in {city}`. Two samples with
    /// the same signature ask the same; also the text to embed a sample under.
    pub fn signature(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Word(word) => word.clone(),
            Piece::Slot(slot) => match self.slots.get(*slot) {
                Some(Slot { column: Some(column), .. }) => format!("{{{}}}", column.column),
                Some(Slot { kind: Kind::Limit, .. }) => "{limit}".to_owned(),
                _ => "{number}".to_owned(),
            },
        };
        self.pieces.iter().map(piece).collect::<Vec<_>>().join(" ")
    }
}
