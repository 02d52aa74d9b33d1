//! What a question was understood to ask: a small query language over tables
//! and columns of the catalog. No aliases, no joins: `join` and `print` add them.

use jiff::civil::Date;

use super::operator::{Aggregate, Comparison, Unit};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub outputs: Vec<Expr>,
    pub distinct: bool,
    /// Tables that must take part although no expression names them.
    pub tables: Vec<usize>,
    /// All must hold.
    pub filters: Vec<Condition>,
    pub group: Vec<Expr>,
    pub having: Vec<Condition>,
    pub order: Vec<(Expr, Direction)>,
    pub limit: Option<u64>,
    /// Rows passed over first: `the second oldest`.
    pub offset: u64,
    /// Only the first row for each of these: DISTINCT ON.
    pub first_of: Vec<Expr>,
    /// Only rows that a second query returns too.
    pub set: Option<(SetOperation, Box<Query>)>,
    /// Only the number of rows is wanted: `SELECT count(*) FROM (query)`.
    pub counted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOperation {
    Intersect,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Column(usize, usize),
    /// Every column of a table.
    All(usize),
    /// How many rows of the table; joins that repeat rows do not count twice.
    Rows(usize),
    Aggregate {
        function: Aggregate,
        distinct: bool,
        argument: Box<Expr>,
    },
    /// The unit of time that a date falls in.
    Bucket(Unit, Box<Expr>),
    /// Numerator, denominator, and whether in percent.
    Ratio(Box<Expr>, Box<Expr>, bool),
    /// An aggregate over the rows that meet the conditions.
    Filtered(Box<Expr>, Vec<Condition>),
    /// A query that returns one value.
    Scalar(Box<Query>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Text(String),
    Number(f64),
    /// Another expression.
    Expr(Box<Expr>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Compare(Expr, Comparison, Literal),
    /// One of several values; or none of them.
    In(Expr, Vec<String>, bool),
    Between(Expr, f64, f64),
    /// Pattern with `%`; or not.
    Like(Expr, String, bool),
    /// IS NULL; or IS NOT NULL.
    Null(Expr, bool),
    /// Half open, in days.
    Period(Expr, Option<Date>, Option<Date>),
    Flag(Expr, bool),
    Any(Vec<Condition>),
    /// Rows of `subject` for which rows of `table` that meet `filters` exist, or do not.
    Exists {
        subject: usize,
        table: usize,
        filters: Vec<Condition>,
        negated: bool,
    },
}

impl Expr {
    pub fn aggregate(function: Aggregate, argument: Expr) -> Expr {
        Expr::Aggregate { function, distinct: false, argument: Box::new(argument) }
    }

    pub fn is_aggregate(&self) -> bool {
        match self {
            Expr::Rows(_) | Expr::Aggregate { .. } | Expr::Filtered(..) => true,
            Expr::Ratio(a, b, _) => a.is_aggregate() || b.is_aggregate(),
            _ => false,
        }
    }

    /// Adds the tables that the expression needs.
    pub fn tables(&self, into: &mut Vec<usize>) {
        match self {
            Expr::Column(t, _) | Expr::All(t) | Expr::Rows(t) => add(into, *t),
            Expr::Aggregate { argument, .. } | Expr::Bucket(_, argument) => argument.tables(into),
            Expr::Ratio(a, b, _) => {
                a.tables(into);
                b.tables(into);
            }
            Expr::Filtered(argument, conditions) => {
                argument.tables(into);
                conditions.iter().for_each(|c| c.tables(into));
            }
            Expr::Scalar(_) => {}
        }
    }
}

impl Condition {
    /// One of two conditions; a third one joins the list.
    pub fn either(first: Condition, second: Condition) -> Condition {
        match first {
            Condition::Any(mut list) => {
                list.push(second);
                Condition::Any(list)
            }
            first => Condition::Any(vec![first, second]),
        }
    }

    /// Whether `or` may join it to another condition.
    pub fn can_be_alternative(&self) -> bool {
        !matches!(self, Condition::Exists { .. } | Condition::Flag(..))
    }

    /// Adds the tables that the condition needs.
    pub fn tables(&self, into: &mut Vec<usize>) {
        match self {
            Condition::Compare(e, _, literal) => {
                e.tables(into);
                if let Literal::Expr(other) = literal {
                    other.tables(into);
                }
            }
            Condition::In(e, ..)
            | Condition::Between(e, ..)
            | Condition::Like(e, ..)
            | Condition::Null(e, _)
            | Condition::Period(e, ..)
            | Condition::Flag(e, _) => e.tables(into),
            Condition::Any(list) => list.iter().for_each(|c| c.tables(into)),
            Condition::Exists { subject, .. } => add(into, *subject),
        }
    }
}

impl Query {
    /// Tables that must stand in FROM, in order of appearance.
    pub fn all_tables(&self) -> Vec<usize> {
        let mut tables = Vec::new();
        self.outputs.iter().chain(&self.group).chain(&self.first_of).for_each(|e| e.tables(&mut tables));
        self.tables.iter().for_each(|t| add(&mut tables, *t));
        self.filters.iter().chain(&self.having).for_each(|c| c.tables(&mut tables));
        self.order.iter().for_each(|(e, _)| e.tables(&mut tables));
        tables
    }

    pub fn is_grouped(&self) -> bool {
        !self.group.is_empty()
            || !self.having.is_empty()
            || self.outputs.iter().any(Expr::is_aggregate)
            || self.order.iter().any(|(e, _)| e.is_aggregate())
    }
}

fn add(into: &mut Vec<usize>, table: usize) {
    if !into.contains(&table) {
        into.push(table);
    }
}
