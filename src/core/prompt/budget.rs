//! What of the tables is shown when not everything fits.

use super::{Context, estimate_tokens};
use crate::schema::Edge;
use std::collections::{BTreeSet, HashMap};

/// Tokens that even the barest table takes; so many tables are looked at at most.
const LEAST_TABLE: usize = 8;

/// How much is said of a table or column beside its name and type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    #[default]
    Full,
    Brief,
    Bare,
}

/// What is shown of the tables.
pub struct Selection<'a> {
    /// In the order of relevance.
    pub tables: Vec<usize>,
    /// Tables and columns that the caller named, columns that don't fit included.
    pub asked_tables: usize,
    pub asked_columns: usize,
    context: &'a Context<'a>,
    shown: BTreeSet<usize>,
    hidden: BTreeSet<(usize, usize)>,
    relevant: BTreeSet<(usize, usize)>,
    /// Of what is relevant and of the rest, by table.
    depths: HashMap<usize, (Depth, Depth)>,
    edges: HashMap<usize, Vec<&'a Edge>>,
}

/// One thing less.
enum Step {
    Depth(usize, Depth, Depth),
    Columns(usize, Vec<usize>),
    Table(usize),
}

impl<'a> Selection<'a> {
    /// Leaves out what does not fit `budget` as `render` writes it. What a model can do without
    /// goes first: long comments, then what is said of columns that were not found relevant,
    /// then these columns, from the least relevant table upwards; then tables; then relevant
    /// columns. Keys stay as long as their table does: without them nothing can be joined.
    pub fn fit(context: &'a Context<'a>, budget: usize, render: impl Fn(&Self, usize) -> String) -> Self {
        let mut selection = Self::all(context);
        for table in selection.tables.split_off(selection.tables.len().min(budget / LEAST_TABLE + 1)) {
            selection.shown.remove(&table);
        }
        let size = |selection: &Self, table: usize| estimate_tokens(&render(selection, table));
        let mut sizes: HashMap<usize, usize> =
            selection.tables.iter().map(|table| (*table, size(&selection, *table))).collect();
        let mut total: usize = sizes.values().sum();
        for step in selection.steps() {
            if total <= budget {
                break;
            }
            let table = selection.take(step);
            let before = sizes.get(&table).copied().unwrap_or(0);
            let after = if selection.shown.contains(&table) { size(&selection, table) } else { 0 };
            sizes.insert(table, after);
            total = total + after - before;
        }
        let shown = &selection.shown;
        selection.tables.retain(|table| shown.contains(table));
        selection
    }

    fn all(context: &'a Context<'a>) -> Self {
        let catalog = context.catalog;
        let mut shown = BTreeSet::new();
        let mut tables = context.tables.to_vec();
        tables.retain(|table| *table < catalog.tables.len() && shown.insert(*table));
        let mut edges: HashMap<usize, Vec<&Edge>> = HashMap::new();
        for edge in &catalog.edges {
            edges.entry(edge.from).or_default().push(edge);
        }
        Self {
            asked_tables: tables.len(),
            asked_columns: tables.iter().map(|table| catalog.tables[*table].columns.len()).sum(),
            tables,
            context,
            shown,
            hidden: BTreeSet::new(),
            relevant: context.columns.iter().copied().collect(),
            depths: HashMap::new(),
            edges,
        }
    }

    pub fn columns(&self, table: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.context.catalog.tables[table].columns.len())
            .filter(move |column| !self.hidden.contains(&(table, *column)))
    }

    /// Joins between shown tables, from the side that refers.
    pub fn edges_from(&self, table: usize) -> impl Iterator<Item = &'a Edge> + '_ {
        let edges = self.edges.get(&table).into_iter().flatten().copied();
        edges.filter(|edge| self.shown.contains(&edge.to))
    }

    pub fn table_depth(&self, table: usize) -> Depth {
        self.depths.get(&table).map_or(Depth::Full, |(relevant, _)| *relevant)
    }

    pub fn column_depth(&self, table: usize, column: usize) -> Depth {
        let (relevant, spare) = self.depths.get(&table).copied().unwrap_or_default();
        if self.relevant.contains(&(table, column)) { relevant } else { spare }
    }

    fn steps(&self) -> Vec<Step> {
        use Depth::{Bare, Brief};
        let keys = self.keys();
        let upwards = || self.tables.iter().rev().copied();
        let spare = |table: usize| {
            (0..self.context.catalog.tables[table].columns.len())
                .filter(|column| !keys.contains(&(table, *column)) && !self.relevant.contains(&(table, *column)))
                .collect()
        };
        let ranked = self.context.columns.iter().rev().filter(|column| !keys.contains(column));
        upwards()
            .map(|table| Step::Depth(table, Brief, Brief))
            .chain(upwards().map(|table| Step::Depth(table, Brief, Bare)))
            .chain(upwards().map(|table| Step::Columns(table, spare(table))))
            .chain(upwards().map(|table| Step::Depth(table, Bare, Bare)))
            .chain(self.tables.iter().skip(1).rev().map(|table| Step::Table(*table)))
            .chain(ranked.map(|(table, column)| Step::Columns(*table, vec![*column])))
            .collect()
    }

    /// Columns of primary keys and of joins.
    fn keys(&self) -> BTreeSet<(usize, usize)> {
        let catalog = self.context.catalog;
        let mut keys = BTreeSet::new();
        for table in &self.tables {
            let columns = catalog.tables[*table].columns.iter().enumerate();
            keys.extend(columns.filter(|(_, c)| c.key).map(|(i, _)| (*table, i)));
        }
        for edge in &catalog.edges {
            keys.extend(edge.from_columns.iter().map(|column| (edge.from, *column)));
            keys.extend(edge.to_columns.iter().map(|column| (edge.to, *column)));
        }
        keys
    }

    /// Takes a step, and names the table that it changed.
    fn take(&mut self, step: Step) -> usize {
        match step {
            Step::Depth(table, relevant, spare) => {
                self.depths.insert(table, (relevant, spare));
                table
            }
            Step::Columns(table, columns) => {
                self.hidden.extend(columns.into_iter().map(|column| (table, column)));
                table
            }
            Step::Table(table) => {
                self.shown.remove(&table);
                table
            }
        }
    }
}
