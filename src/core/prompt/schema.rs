//! Tables as a model reads them, within a budget: a list of names for choosing, and
//! something close to CREATE TABLE for writing SQL.

use super::budget::{Depth, Selection};
use super::quote::{COMMENT_LIMIT, VALUE_LIMIT, clean, identifier, json_string, table as table_name, value};
use super::{Context, SendValues};
use crate::schema::{Column, Edge, Family, Origin, Table, TableKind};

/// Columns with at most this many values count as enumerations.
const FEW_VALUES: f64 = 20.0;
/// Values shown of an enumeration, and examples of other columns.
const ENUM_EXAMPLES: usize = 20;
const OTHER_EXAMPLES: usize = 3;
/// Longest name of a type.
const TYPE_LIMIT: usize = 100;
/// Where room is short.
const BRIEF_COMMENT: usize = 80;
const BRIEF_EXAMPLES: usize = 5;

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
    render(context, budget, |selection, table| {
        let t = &context.catalog.tables[table];
        let columns: Vec<_> = selection.columns(table).map(|c| identifier(&t.columns[c].name)).collect();
        let mut line = format!("- {} ({})", table_name(t), columns.join(", "));
        if let Some(comment) = comment(&t.comment, selection.table_depth(table)) {
            line += ": ";
            line += &comment;
        }
        line + "\n"
    })
}

/// The tables with types, keys, comments and values: what SQL is written from.
pub fn listing(context: &Context, budget: usize) -> Rendered {
    render(context, budget, |selection, table| definition(context, selection, table))
}

fn render(context: &Context, budget: usize, write: impl Fn(&Selection, usize) -> String) -> Rendered {
    let selection = Selection::fit(context, budget, &write);
    let mut rendered = Rendered::default();
    for table in &selection.tables {
        rendered.text += &write(&selection, *table);
        rendered.names.push(table_name(&context.catalog.tables[*table]));
        rendered.columns += selection.columns(*table).count();
    }
    rendered.dropped_tables = selection.asked_tables - selection.tables.len();
    rendered.dropped_columns = selection.asked_columns - rendered.columns;
    rendered.tables = selection.tables;
    rendered
}

fn comment(comment: &Option<String>, depth: Depth) -> Option<String> {
    let limit = match depth {
        Depth::Full => COMMENT_LIMIT,
        Depth::Brief => BRIEF_COMMENT,
        Depth::Bare => return None,
    };
    comment.as_ref().map(|comment| json_string(comment, limit))
}

fn definition(context: &Context, selection: &Selection, index: usize) -> String {
    let table = &context.catalog.tables[index];
    let mut text = format!("CREATE {} {} (", kind(table.kind), table_name(table));
    let about = about_table(table, selection.table_depth(index));
    if !about.is_empty() {
        text += " -- ";
        text += &about.join("; ");
    }
    text.push('\n');
    let keys: Vec<_> = table.columns.iter().filter(|c| c.key).map(|c| identifier(&c.name)).collect();
    for place in selection.columns(index) {
        let column = &table.columns[place];
        text += &format!("  {} {}", identifier(&column.name), type_name(&column.type_name));
        if column.key && keys.len() == 1 {
            text += " PRIMARY KEY";
        } else if column.unique {
            text += " UNIQUE";
        }
        text.push(',');
        let about = about_column(context, column, selection.column_depth(index, place));
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

/// A type as PostgreSQL writes it, unless its name, which anybody may choose, holds what could
/// leave the line or the section.
fn type_name(name: &str) -> String {
    let cleaned = clean(name, TYPE_LIMIT);
    if cleaned.contains(['<', '>']) || cleaned.contains("--") { json_string(name, TYPE_LIMIT) } else { cleaned }
}

fn kind(kind: TableKind) -> &'static str {
    match kind {
        TableKind::Table | TableKind::PartitionedTable => "TABLE",
        TableKind::View => "VIEW",
        TableKind::MaterializedView => "MATERIALIZED VIEW",
        TableKind::ForeignTable => "FOREIGN TABLE",
    }
}

fn about_table(table: &Table, depth: Depth) -> Vec<String> {
    let mut about = Vec::new();
    about.extend(comment(&table.comment, depth));
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

fn about_column(context: &Context, column: &Column, depth: Depth) -> Vec<String> {
    let mut about = Vec::new();
    about.extend(comment(&column.comment, depth));
    let few = column.family == Family::Enum || column.n_distinct.is_some_and(|n| n <= FEW_VALUES);
    let (limit, word) = match context.send_values {
        _ if depth == Depth::Bare => (0, ""),
        SendValues::None => (0, ""),
        _ if few => (ENUM_EXAMPLES, "one of"),
        SendValues::Enums => (0, ""),
        SendValues::Samples => (OTHER_EXAMPLES, "such as"),
    };
    let examples: Vec<_> = column
        .common
        .iter()
        .filter(|example| example.chars().count() <= VALUE_LIMIT)
        .take(if depth == Depth::Full { limit } else { limit.min(BRIEF_EXAMPLES) })
        .map(|example| value(example))
        .collect();
    if !examples.is_empty() {
        about.push(format!("{word} {}", examples.join(", ")));
    }
    if context.send_values == SendValues::Samples
        && depth != Depth::Bare
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
