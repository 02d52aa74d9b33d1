//! What is known of a database: tables, columns, joins and stored values.
//!
//! The shell fills a [`Catalog`] with what the caller may read; ranking, the
//! built-in engine and prompts read it. Indices (`usize`) point into
//! [`Catalog::tables`] and [`Table::columns`].

use serde::{Deserialize, Serialize};

/// Everything that may be asked about in one context, for one caller.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Catalog {
    pub tables: Vec<Table>,
    pub edges: Vec<Edge>,
    pub terms: Vec<Term>,
}

/// A relation that can be read: table, view, materialized view, partitioned or foreign table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// Key in `t2sql.db_tables`; 0 where there is none.
    pub id: i64,
    pub schema: String,
    pub name: String,
    pub kind: TableKind,
    pub comment: Option<String>,
    /// Estimated number of rows (`pg_class.reltuples`), -1 when never analysed.
    pub rows: f64,
    pub columns: Vec<Column>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    #[default]
    Table,
    View,
    MaterializedView,
    PartitionedTable,
    ForeignTable,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Column {
    /// Key in `t2sql.db_columns`; 0 where there is none.
    pub id: i64,
    pub name: String,
    /// As `format_type` writes it, e.g. `numeric(10,2)`.
    pub type_name: String,
    pub family: Family,
    pub nullable: bool,
    /// Part of the primary key.
    pub key: bool,
    /// Unique alone: a primary key or unique index on this column only.
    pub unique: bool,
    pub comment: Option<String>,
    /// Estimated number of distinct values (absolute), None without statistics.
    pub n_distinct: Option<f64>,
    pub null_frac: Option<f64>,
    /// Enum labels, or the most common values as text; never of tables with row security.
    pub common: Vec<String>,
    pub min: Option<String>,
    pub max: Option<String>,
}

/// Types as far as questions care.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    Number,
    Text,
    Enum,
    Date,
    Timestamp,
    Time,
    Interval,
    Bool,
    Json,
    #[default]
    Other,
}

/// A way to join `from` to `to`: `from_columns[i] = to_columns[i]` for all i.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Edge {
    pub from: usize,
    pub from_columns: Vec<usize>,
    pub to: usize,
    pub to_columns: Vec<usize>,
    pub origin: Origin,
    /// 0..1; 1 for declared foreign keys.
    pub weight: f32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A foreign key constraint.
    #[default]
    Fk,
    /// Told by a user.
    Declared,
    /// Guessed from names, types and statistics.
    Inferred,
    /// Seen in verified SQL.
    Mined,
}

/// A glossary entry: a word of the business and, where it has one, its SQL.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Term {
    pub name: String,
    pub synonyms: Vec<String>,
    pub definition: String,
    pub expression: Option<String>,
}

/// A stored value that matches words of a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueHit {
    pub table: usize,
    pub column: usize,
    /// As stored, case and all.
    pub value: String,
    /// What of the question it matched, folded by [`crate::text::fold`].
    pub matched: String,
    /// 1 for equal after folding; trigram similarity below that.
    pub similarity: f32,
}

/// Where values are looked up: the value index in the database, a map in tests.
pub trait ValueSource {
    /// All stored values whose folded form is one of `folded`.
    fn equal(&mut self, folded: &[String]) -> Vec<ValueHit>;
    /// Stored values that contain `folded` or resemble it, best first, at most `limit`.
    fn similar(&mut self, folded: &str, limit: usize) -> Vec<ValueHit>;
}

impl Catalog {
    /// The table's column, by indices.
    pub fn column(&self, table: usize, column: usize) -> &Column {
        &self.tables[table].columns[column]
    }

    /// Index of the table with this schema and name.
    pub fn find(&self, schema: &str, name: &str) -> Option<usize> {
        self.tables.iter().position(|t| t.schema == schema && t.name == name)
    }
}
