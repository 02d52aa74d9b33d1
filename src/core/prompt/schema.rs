//! Tables as a model reads them, within a budget: a list of names for choosing, and
//! something close to CREATE TABLE for writing SQL.

use super::quote::{COMMENT_LIMIT, VALUE_LIMIT, identifier, json_string, table as table_name, value};
use super::{Context, SendValues, estimate_tokens};
use crate::schema::{Column, Edge, Family, Origin, Table, TableKind};
use std::collections::{BTreeSet, HashMap};

/// Columns with at most this many values count as enumerations.
const FEW_VALUES: f64 = 20.0;
/// Values shown of an enumeration, and examples of other columns.
const ENUM_EXAMPLES: usize = 20;
const OTHER_EXAMPLES: usize = 3;

/// Rendered tables and what had to be left out.
#[derive(Debug, Default)]
pub struct Rendered {
    pub text: String,
    pub tables: Vec<usize>,
    pub names: Vec<String>,
    pub columns: usize,
    pub dropped_tables: usize,
    pub dropped_columns: usize,
}

/// One line per table with the names of its columns: what the filter call chooses from.
pub fn overview(context: &Context, budget: usize) -> Rendered {
    fit(context, budget, |selection, table| {
        let t = &context.catalog.tables[table];
        let columns: Vec<_> = selection.columns(table).map(|c| identifier(&t.columns[c].name)).collect();
        let mut line = format!("- {} ({})", table_name(t), columns.join(", "));
        if let Some(comment) = &t.comment {
            line += ": ";
            line += &json_string(comment, COMMENT_LIMIT);
        }
        line + "\n"
    })
}

/// The tables with types, keys, comments and values: what SQL is written from.
pub fn listing(context: &Context, budget: usize) -> Rendered {
    fit(context, budget, |selection, table| definition(context, selection, table))
}

/// Renders what fits: first columns go that were not found relevant, from the least relevant
/// table upwards; then tables; then relevant columns. Keys stay as long as their table does,
/// since without them nothing can be joined.
fn fit(context: &Context, budget: usize, render: impl Fn(&Selection, usize) -> String) -> Rendered {
    let mut selection = Selection::all(context);
    let all_columns: usize = selection.tables.iter().map(|t| selection.columns(*t).count()).sum();
    let all_tables = selection.tables.len();
    let mut sizes: HashMap<usize, usize> =
        selection.tables.iter().map(|table| (*table, estimate_tokens(&render(&selection, *table)))).collect();
    for step in selection.drop_order(context) {
        if sizes.values().sum::<usize>() <= budget {
            break;
        }
        match step {
            Drop::Columns(table, columns) => {
                selection.hidden.extend(columns.into_iter().map(|column| (table, column)));
                if sizes.contains_key(&table) {
                    sizes.insert(table, estimate_tokens(&render(&selection, table)));
                }
            }
            Drop::Table(table) => {
                selection.tables.retain(|kept| *kept != table);
                sizes.remove(&table);
            }
        }
    }
    let mut rendered = Rendered { tables: selection.tables.clone(), ..Rendered::default() };
    for table in &selection.tables {
        rendered.text += &render(&selection, *table);
        rendered.names.push(table_name(&context.catalog.tables[*table]));
        rendered.columns += selection.columns(*table).count();
    }
    rendered.dropped_tables = all_tables - selection.tables.len();
    rendered.dropped_columns = all_columns - rendered.columns;
    rendered
}

enum Drop {
    Columns(usize, Vec<usize>),
    Table(usize),
}

/// What is shown of the tables.
struct Selection<'a> {
    context: &'a Context<'a>,
    tables: Vec<usize>,
    hidden: BTreeSet<(usize, usize)>,
}

impl<'a> Selection<'a> {
    fn all(context: &'a Context<'a>) -> Self {
        let mut tables = Vec::new();
        for table in context.tables {
            if !tables.contains(table) && *table < context.catalog.tables.len() {
                tables.push(*table);
            }
        }
        Self { context, tables, hidden: BTreeSet::new() }
    }

    fn columns(&self, table: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.context.catalog.tables[table].columns.len())
            .filter(move |column| !self.hidden.contains(&(table, *column)))
    }

    /// Joins between shown tables, from the side that refers.
    fn edges_from(&self, table: usize) -> impl Iterator<Item = &'a Edge> + '_ {
        let context = self.context;
        context.catalog.edges.iter().filter(move |edge| edge.from == table && self.tables.contains(&edge.to))
    }

    fn drop_order(&self, context: &Context) -> Vec<Drop> {
        let catalog = context.catalog;
        let mut keys = BTreeSet::new();
        for table in &self.tables {
            let columns = catalog.tables[*table].columns.iter().enumerate();
            keys.extend(columns.filter(|(_, c)| c.key).map(|(i, _)| (*table, i)));
        }
        for edge in &catalog.edges {
            keys.extend(edge.from_columns.iter().map(|column| (edge.from, *column)));
            keys.extend(edge.to_columns.iter().map(|column| (edge.to, *column)));
        }
        let relevant: BTreeSet<_> = context.columns.iter().copied().collect();
        let mut steps = Vec::new();
        for table in self.tables.iter().rev() {
            let spare = (0..catalog.tables[*table].columns.len())
                .filter(|c| !keys.contains(&(*table, *c)) && !relevant.contains(&(*table, *c)))
                .collect();
            steps.push(Drop::Columns(*table, spare));
        }
        steps.extend(self.tables.iter().skip(1).rev().map(|table| Drop::Table(*table)));
        let ranked = context.columns.iter().rev().filter(|column| !keys.contains(column));
        steps.extend(ranked.map(|(table, column)| Drop::Columns(*table, vec![*column])));
        steps
    }
}

fn definition(context: &Context, selection: &Selection, index: usize) -> String {
    let table = &context.catalog.tables[index];
    let mut text = format!("CREATE {} {} (", kind(table.kind), table_name(table));
    let about = about_table(table);
    if !about.is_empty() {
        text += " -- ";
        text += &about.join("; ");
    }
    text.push('\n');
    let keys: Vec<_> = table.columns.iter().filter(|c| c.key).map(|c| identifier(&c.name)).collect();
    for column in selection.columns(index) {
        let column = &table.columns[column];
        text += &format!("  {} {}", identifier(&column.name), super::clean(&column.type_name, 100));
        if column.key && keys.len() == 1 {
            text += " PRIMARY KEY";
        } else if column.unique {
            text += " UNIQUE";
        }
        text.push(',');
        let about = about_column(context, column);
        if !about.is_empty() {
            text += " -- ";
            text += &about.join("; ");
        }
        text.push('\n');
    }
    if keys.len() > 1 {
        text += &format!("  PRIMARY KEY ({}),\n", keys.join(", "));
    }
    for edge in selection.edges_from(index) {
        text += &join_line(context, edge);
    }
    text + ");\n"
}

fn kind(kind: TableKind) -> &'static str {
    match kind {
        TableKind::Table | TableKind::PartitionedTable => "TABLE",
        TableKind::View => "VIEW",
        TableKind::MaterializedView => "MATERIALIZED VIEW",
        TableKind::ForeignTable => "FOREIGN TABLE",
    }
}

fn about_table(table: &Table) -> Vec<String> {
    let mut about = Vec::new();
    if let Some(comment) = &table.comment {
        about.push(json_string(comment, COMMENT_LIMIT));
    }
    if table.rows >= 0.0 {
        about.push(format!("about {} rows", round(table.rows)));
    }
    about
}

/// Two significant digits: an estimate is no more exact, and prompts that change with every
/// ANALYZE can't be cached.
fn round(rows: f64) -> u64 {
    let digits = 10f64.powf((rows.max(1.0).log10().floor() - 1.0).max(0.0));
    ((rows / digits).round() * digits) as u64
}

fn about_column(context: &Context, column: &Column) -> Vec<String> {
    let mut about = Vec::new();
    if let Some(comment) = &column.comment {
        about.push(json_string(comment, COMMENT_LIMIT));
    }
    let few = column.family == Family::Enum || column.n_distinct.is_some_and(|n| n <= FEW_VALUES);
    let (limit, word) = match context.send_values {
        SendValues::None => (0, ""),
        _ if few => (ENUM_EXAMPLES, "one of"),
        SendValues::Enums => (0, ""),
        SendValues::Samples => (OTHER_EXAMPLES, "such as"),
    };
    let examples: Vec<_> = column
        .common
        .iter()
        .filter(|example| example.chars().count() <= VALUE_LIMIT)
        .take(limit)
        .map(|example| value(example))
        .collect();
    if !examples.is_empty() {
        about.push(format!("{word} {}", examples.join(", ")));
    }
    if context.send_values == SendValues::Samples
        && let (Some(min), Some(max)) = (&column.min, &column.max)
    {
        about.push(format!("from {} to {}", value(min), value(max)));
    }
    about
}

fn join_line(context: &Context, edge: &Edge) -> String {
    let names = |table: usize, columns: &[usize]| -> String {
        let names: Vec<_> =
            columns.iter().map(|column| identifier(&context.catalog.column(table, *column).name)).collect();
        names.join(", ")
    };
    let origin = match edge.origin {
        Origin::Fk => "",
        Origin::Declared | Origin::Mined => " -- not enforced",
        Origin::Inferred => " -- guessed from the names",
    };
    format!(
        "  FOREIGN KEY ({}) REFERENCES {} ({}),{origin}\n",
        names(edge.from, &edge.from_columns),
        table_name(&context.catalog.tables[edge.to]),
        names(edge.to, &edge.to_columns),
    )
}
