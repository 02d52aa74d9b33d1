//! From decided pieces to a query: the forms that questions come in.
//!
//! A [`Builder`] goes over the pieces in passes, the most specific patterns
//! first; each pass takes the pieces that it understands and adds to the query.
//! What no pass takes counts against the reading.

use super::ir::{Condition, Direction, Expr, Literal, Query, SetOperation};
use super::join::Graph;
use super::operator::{Aggregate, Comparison, Op, Unit};
use super::resolve::{Item, Node};
use crate::link::{Lexicon, profile};
use crate::schema::{Catalog, Family};

mod compare;
mod filter;
mod finish;
mod group;
mod measure;
mod rank;
mod ratio;
mod shape;

/// What every pass may look at.
pub struct Context<'a> {
    pub catalog: &'a Catalog,
    pub lexicon: &'a Lexicon,
    pub graph: &'a Graph<'a>,
}

impl Context<'_> {
    pub fn is_temporal(&self, t: usize, c: usize) -> bool {
        profile::is_temporal(self.catalog.column(t, c))
    }

    pub fn is_measure(&self, t: usize, c: usize) -> bool {
        profile::is_measure(self.lexicon.column(t, c), self.catalog.column(t, c))
    }

    pub fn is_year(&self, t: usize, c: usize) -> bool {
        profile::is_year(self.lexicon.column(t, c), self.catalog.column(t, c))
    }

    pub fn is_text(&self, t: usize, c: usize) -> bool {
        profile::is_text(self.catalog.column(t, c))
    }

    /// A number, or text that holds nothing but numbers.
    pub fn is_comparable(&self, t: usize, c: usize) -> bool {
        let column = self.catalog.column(t, c);
        let number = |v: &String| v.trim().parse::<f64>().is_ok();
        column.family == Family::Number
            || column.family == Family::Text
                && column.common.iter().all(number)
                // without common values, both ends of the range tell
                && (!column.common.is_empty() || column.min.iter().chain(&column.max).filter(|v| number(v)).count() == 2)
    }

    /// What stands for a row of the table: name, title, first and last name.
    pub fn label(&self, t: usize) -> Vec<Expr> {
        let label = &self.lexicon.tables[t].label;
        if label.is_empty() {
            let columns = &self.catalog.tables[t].columns;
            let keys: Vec<Expr> = (0..columns.len()).filter(|c| columns[*c].key).map(|c| Expr::Column(t, c)).collect();
            return if keys.is_empty() { vec![Expr::All(t)] } else { keys };
        }
        label.iter().map(|c| Expr::Column(t, *c)).collect()
    }
}

/// Which part of the question a piece stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// What is asked for.
    Select,
    /// What it is narrowed down by.
    Where,
}

/// A query that the question may mean.
#[derive(Clone, Debug)]
pub struct Reading {
    pub query: Query,
    pub form: &'static str,
    /// Tables that the question names or whose columns or values it names.
    pub named: Vec<usize>,
    pub assumptions: Vec<String>,
    pub trouble: Trouble,
    /// Pieces of the question that the query leaves out.
    pub ignored: Vec<usize>,
}

/// What speaks against a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trouble {
    pub unused_operators: usize,
    pub unused_mentions: usize,
    pub unused_values: usize,
    pub unused_numbers: usize,
    pub unknown_words: usize,
    /// A comparison that found nothing to compare.
    pub no_measure: bool,
    /// A date that found no date column.
    pub no_date: bool,
    /// What was asked for had to be guessed.
    pub guessed_output: bool,
    /// A quoted value that would be known if it were stored.
    pub missing_value: bool,
}

pub struct Builder<'a> {
    ctx: &'a Context<'a>,
    nodes: &'a [Node],
    zones: Vec<Zone>,
    used: Vec<bool>,
    query: Query,
    /// Outputs with the piece that they come from, so that they keep the question's order.
    outputs: Vec<(usize, Expr)>,
    subject: Option<usize>,
    assumptions: Vec<String>,
    trouble: Trouble,
    form: &'static str,
    /// Set when a superlative alone is asked for: `the highest salary`.
    bare_superlative: Option<(usize, Aggregate, Expr)>,
    /// Keys that `each`, `per` or `by` names.
    each: Vec<Expr>,
}

impl<'a> Builder<'a> {
    pub fn new(ctx: &'a Context<'a>, nodes: &'a [Node]) -> Self {
        let zones = shape::zones(nodes);
        let mut builder = Builder {
            ctx,
            nodes,
            used: vec![false; nodes.len()],
            zones,
            query: Query::default(),
            outputs: Vec::new(),
            subject: None,
            assumptions: Vec::new(),
            trouble: Trouble::default(),
            form: "list",
            bare_superlative: None,
            each: Vec::new(),
        };
        for i in shape::notes(nodes) {
            builder.used[i] = true;
        }
        builder.subject = builder.find_subject();
        builder
    }

    /// Runs all passes. `None` where nothing can be asked of the pieces.
    pub fn build(mut self) -> Option<Reading> {
        self.ratios();
        self.averages_compared();
        self.comparisons();
        self.periods();
        self.rankings();
        self.orders();
        self.groups();
        self.absences();
        self.texts();
        self.values();
        self.numbers();
        self.nulls_and_flags();
        self.aggregates();
        self.plain_outputs();
        self.finish()
    }

    // What passes look around with.

    fn item(&self, i: usize) -> &Item {
        &self.nodes[i].item
    }

    fn op(&self, i: usize) -> Option<Op> {
        match self.nodes.get(i)?.item {
            Item::Op(op) if !self.used[i] => Some(op),
            _ => None,
        }
    }

    fn column(&self, i: usize) -> Option<(usize, usize)> {
        match self.nodes.get(i)?.item {
            Item::Column(t, c) => Some((t, c)),
            _ => None,
        }
    }

    fn table(&self, i: usize) -> Option<usize> {
        match self.nodes.get(i)?.item {
            Item::Table(t) => Some(t),
            _ => None,
        }
    }

    fn number(&self, i: usize) -> Option<f64> {
        match self.nodes.get(i)?.item {
            Item::Number(n) => Some(n),
            _ => None,
        }
    }

    fn is_word(&self, i: usize, words: &[&str]) -> bool {
        self.nodes.get(i).is_some_and(|n| matches!(n.item, Item::Word) && words.contains(&n.word.as_str()))
    }

    /// The next piece after `i` that is no small word. Words of `stop` end the search.
    fn right_until(&self, i: usize, stop: &[&str]) -> Option<usize> {
        for j in i + 1..self.nodes.len() {
            match self.nodes[j].item {
                Item::Word if stop.contains(&self.nodes[j].word.as_str()) => return None,
                Item::Word => {}
                Item::Stop | Item::Comma => return None,
                _ => return Some(j),
            }
        }
        None
    }

    fn right(&self, i: usize) -> Option<usize> {
        self.right_until(i, &["and", "that", "who", "whose", "which"])
    }

    /// The piece before `i` that is no small word.
    fn left(&self, i: usize) -> Option<usize> {
        for j in (0..i).rev() {
            match self.nodes[j].item {
                Item::Word if self.nodes[j].word == "and" => return None,
                Item::Word => {}
                Item::Stop | Item::Comma => return None,
                _ => return Some(j),
            }
        }
        None
    }

    /// The subject, or the table of whatever the question names first.
    fn main_table(&self) -> Option<usize> {
        self.subject.or_else(|| {
            self.nodes.iter().find_map(|n| match n.item {
                Item::Table(t) | Item::Column(t, _) | Item::Value { table: t, .. } => Some(t),
                _ => None,
            })
        })
    }

    /// The table that piece `i` is about: the nearest one named before it, or the subject.
    fn table_near(&self, i: usize) -> Option<usize> {
        for j in (0..i).rev() {
            if let Some(t) = self.table(j) {
                return Some(t);
            }
            if matches!(self.nodes[j].item, Item::Stop) {
                break;
            }
        }
        self.main_table()
    }

    /// Tables in the order in which they are worth searching for a column: those
    /// named, the subject first, then their neighbours.
    fn tables_by_nearness(&self, first: Option<usize>) -> Vec<usize> {
        let mut tables: Vec<usize> = first.into_iter().chain(self.subject).collect();
        tables.extend(self.named());
        let near: Vec<usize> = self
            .ctx
            .graph
            .edges()
            .iter()
            .flat_map(|e| {
                let (from, to) = (tables.contains(&e.from), tables.contains(&e.to));
                [from.then_some(e.to), to.then_some(e.from)]
            })
            .flatten()
            .collect();
        tables.extend(near);
        let mut seen = Vec::new();
        tables.retain(|t| {
            !seen.contains(t) && {
                seen.push(*t);
                true
            }
        });
        tables
    }

    /// Tables that pieces of the question name.
    fn named(&self) -> Vec<usize> {
        let mut tables = Vec::new();
        for node in self.nodes {
            if let Item::Table(t) | Item::Column(t, _) | Item::Value { table: t, .. } = node.item
                && !tables.contains(&t)
            {
                tables.push(t);
            }
        }
        tables
    }

    fn take(&mut self, i: usize) {
        self.used[i] = true;
    }

    fn find_subject(&self) -> Option<usize> {
        let select = |i: &usize| self.zones[*i] == Zone::Select;
        let all = || 0..self.nodes.len();
        // `how many members`: what is counted is what the question is about
        for i in all().filter(select) {
            if self.op(i) == Some(Op::Count)
                && let Some(t) = self.right(i).and_then(|j| self.table(j))
            {
                return Some(t);
            }
        }
        all()
            .filter(select)
            .find_map(|i| self.table(i))
            .or_else(|| all().filter(select).find_map(|i| self.column(i).map(|c| c.0)))
            .or_else(|| all().find_map(|i| self.table(i)))
            .or_else(|| all().find_map(|i| self.column(i).map(|c| c.0)))
    }

    fn filter(&mut self, condition: Condition) {
        // two values of one column: either will do
        if let Condition::Compare(expr, Comparison::Eq, Literal::Text(second)) = &condition {
            let both = (0..self.nodes.len()).find(|j| self.op(*j) == Some(Op::Both));
            for known in &mut self.query.filters {
                match known {
                    Condition::Compare(e, Comparison::Eq, Literal::Text(first)) if e == expr && first != second => {
                        if let Some(both) = both {
                            self.used[both] = true;
                            self.form = "both";
                            self.query.set = Some((
                                SetOperation::Intersect,
                                Box::new(Query { filters: vec![condition], ..Query::default() }),
                            ));
                            return;
                        }
                        *known = Condition::In(e.clone(), vec![first.clone(), second.clone()], false);
                        return;
                    }
                    Condition::In(e, values, false) if e == expr => {
                        if !values.contains(second) {
                            values.push(second.clone());
                        }
                        return;
                    }
                    _ => {}
                }
            }
        }
        if !self.query.filters.contains(&condition) {
            self.query.filters.push(condition);
        }
    }

    fn output(&mut self, at: usize, expr: Expr) {
        if !self.outputs.iter().any(|(_, e)| *e == expr) {
            self.outputs.push((at, expr));
        }
    }

    fn order_by(&mut self, expr: Expr, direction: Direction) {
        if !self.query.order.iter().any(|(e, _)| *e == expr) {
            self.query.order.push((expr, direction));
        }
    }

    /// The date that rows of the table happened on, or of a table close to it.
    fn date_column(&self, first: Option<usize>) -> Option<(usize, usize)> {
        self.tables_by_nearness(first).into_iter().find_map(|t| self.ctx.lexicon.tables[t].main_date.map(|c| (t, c)))
    }

    fn bucket(&self, unit: Unit, first: Option<usize>) -> Option<Expr> {
        // a year column serves where there is one
        if unit == Unit::Year {
            let year = first.into_iter().chain(self.subject).find_map(|t| {
                (0..self.ctx.catalog.tables[t].columns.len())
                    .find(|c| self.ctx.is_year(t, *c))
                    .map(|c| Expr::Column(t, c))
            });
            if let Some(year) = year.filter(|_| first.is_none_or(|t| self.ctx.lexicon.tables[t].main_date.is_none())) {
                return Some(year);
            }
        }
        let (t, c) = self.date_column(first)?;
        Some(Expr::Bucket(unit, Box::new(Expr::Column(t, c))))
    }
}
