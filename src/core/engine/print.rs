//! SQL text of a query: schema-qualified, short aliases, quoted only where needed.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::ir::{Condition, Direction, Expr, Literal, Query, SetOperation};
use super::join::{Graph, Tree};
use super::operator::{Aggregate, Comparison};
use crate::link::{Lexicon, lines};
use crate::schema::{Catalog, Family};
use crate::text::{quote_identifier, quote_literal};

static KEYWORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| lines(include_str!("../data/keywords.txt")).flat_map(str::split_whitespace).collect());

/// An identifier, quoted only where PostgreSQL would not read it back as written.
pub fn identifier(name: &str) -> String {
    let plain =
        name.chars().enumerate().all(|(i, c)| c.is_ascii_lowercase() || c == '_' || i > 0 && c.is_ascii_digit());
    if plain && !name.is_empty() && !KEYWORDS.contains(name) { name.to_string() } else { quote_identifier(name) }
}

/// Prints `query`, joined along `tree`.
pub struct Printer<'a> {
    pub catalog: &'a Catalog,
    pub lexicon: &'a Lexicon,
    pub graph: &'a Graph<'a>,
    /// Tables named by the question, which are cheaper to join through.
    pub named: &'a [usize],
}

/// Tables of one FROM clause and how they are called in it.
struct Scope {
    tree: Tree,
    aliases: Vec<(usize, String)>,
}

impl Scope {
    fn alias(&self, table: usize) -> Option<&str> {
        self.aliases.iter().find(|(t, _)| *t == table).map(|(_, a)| a.as_str())
    }
}

impl Printer<'_> {
    /// The join tree of the query, or `None` where its tables cannot be connected.
    pub fn tree(&self, query: &Query) -> Option<Tree> {
        self.graph.connect(&query.all_tables(), self.named)
    }

    /// The SQL, or `None` where tables cannot be connected.
    pub fn print(&self, query: &Query) -> Option<String> {
        self.select(query, &mut HashSet::new())
    }

    fn select(&self, query: &Query, taken: &mut HashSet<String>) -> Option<String> {
        if query.counted {
            let inner = Query { counted: false, ..query.clone() };
            return Some(format!("SELECT count(*)\nFROM ({}) AS counted", indent(&self.select(&inner, taken)?)));
        }
        let tree = self.tree(query)?;
        let scope = self.scope(tree, taken);
        let mut outputs = Vec::new();
        for output in &query.outputs {
            outputs.push(self.output(output, &scope, taken)?);
        }
        let distinct = query.distinct && !query.is_grouped() && self.may_be_distinct(query);
        let mut words = if distinct { "DISTINCT ".to_string() } else { String::new() };
        if !query.first_of.is_empty() {
            let keys = query.first_of.iter().map(|e| self.expr(e, &scope, taken)).collect::<Option<Vec<_>>>()?;
            words = format!("DISTINCT ON ({}) ", keys.join(", "));
        }
        let mut sql = format!("SELECT {words}{}", outputs.join(", "));
        sql.push_str(&format!("\nFROM {}", self.from(&scope)));
        self.clause(&mut sql, "\nWHERE ", &query.filters, &scope, taken)?;
        if !query.group.is_empty() {
            let keys = query.group.iter().map(|e| self.expr(e, &scope, taken)).collect::<Option<Vec<_>>>()?;
            sql.push_str(&format!("\nGROUP BY {}", keys.join(", ")));
        }
        self.clause(&mut sql, "\nHAVING ", &query.having, &scope, taken)?;
        if let Some((operation, other)) = &query.set {
            let word = match operation {
                SetOperation::Intersect => "INTERSECT",
            };
            sql.push_str(&format!("\n{word}\n{}", self.select(other, &mut HashSet::new())?));
        }
        if !query.order.is_empty() {
            let mut keys = Vec::new();
            for (expr, direction) in &query.order {
                let place = query.outputs.iter().position(|o| o == expr).filter(|_| query.set.is_some());
                let key = match place {
                    Some(place) => (place + 1).to_string(),
                    None => self.expr(expr, &scope, taken)?,
                };
                keys.push(match direction {
                    Direction::Ascending => key,
                    Direction::Descending => format!("{key} DESC NULLS LAST"),
                });
            }
            sql.push_str(&format!("\nORDER BY {}", keys.join(", ")));
        }
        if let Some(limit) = query.limit {
            sql.push_str(&format!("\nLIMIT {limit}"));
            if query.offset > 0 {
                sql.push_str(&format!(" OFFSET {}", query.offset));
            }
        }
        Some(sql)
    }

    /// SELECT DISTINCT can order only by what it returns.
    fn may_be_distinct(&self, query: &Query) -> bool {
        query.order.iter().all(|(e, _)| query.outputs.contains(e))
            && !query.outputs.iter().any(|o| match o {
                Expr::Column(t, c) => self.catalog.column(*t, *c).family == Family::Json,
                _ => false,
            })
    }

    fn scope(&self, tree: Tree, taken: &mut HashSet<String>) -> Scope {
        let mut aliases = Vec::new();
        for table in tree.tables() {
            let base: String = crate::text::words(&self.catalog.tables[table].name)
                .iter()
                .filter_map(|w| w.chars().next().filter(char::is_ascii_lowercase))
                .take(3)
                .collect();
            let base = if base.is_empty() { "t".to_string() } else { base };
            let mut alias = base.clone();
            let mut number = 2;
            while taken.contains(&alias) || KEYWORDS.contains(alias.as_str()) {
                alias = format!("{base}{number}");
                number += 1;
            }
            taken.insert(alias.clone());
            aliases.push((table, alias));
        }
        Scope { tree, aliases }
    }

    fn table(&self, table: usize, alias: &str) -> String {
        let t = &self.catalog.tables[table];
        format!("{}.{} {alias}", identifier(&t.schema), identifier(&t.name))
    }

    fn from(&self, scope: &Scope) -> String {
        let mut text = String::new();
        for (i, (table, alias)) in scope.aliases.iter().enumerate() {
            if i == 0 {
                text.push_str(&self.table(*table, alias));
                continue;
            }
            let edge = scope.tree.joins[i - 1].edge;
            text.push_str(&format!("\nJOIN {} ON {}", self.table(*table, alias), self.on(edge, scope)));
        }
        text
    }

    fn on(&self, edge: usize, scope: &Scope) -> String {
        let edge = &self.graph.edges()[edge];
        let side = |table: usize, column: usize| {
            format!("{}.{}", scope.alias(table).unwrap_or("?"), identifier(&self.catalog.column(table, column).name))
        };
        edge.from_columns
            .iter()
            .zip(&edge.to_columns)
            .map(|(from, to)| {
                let cast = |t: usize, c: usize| self.catalog.column(t, c).family;
                let (left, right) = (side(edge.from, *from), side(edge.to, *to));
                match (cast(edge.from, *from), cast(edge.to, *to)) {
                    (a, b) if a == b => format!("{right} = {left}"),
                    // an inferred join of a number and a text that holds it
                    _ => format!("{right}::text = {left}::text"),
                }
            })
            .collect::<Vec<_>>()
            .join(" AND ")
    }

    fn output(&self, expr: &Expr, scope: &Scope, taken: &mut HashSet<String>) -> Option<String> {
        let text = self.expr(expr, scope, taken)?;
        Some(match self.name(expr) {
            Some(name) => format!("{text} AS {}", identifier(&name)),
            None => text,
        })
    }

    /// A column name for what has none of its own.
    fn name(&self, expr: &Expr) -> Option<String> {
        let column = |e: &Expr| match e {
            Expr::Column(t, c) => self.catalog.column(*t, *c).name.clone(),
            _ => "value".to_string(),
        };
        Some(match expr {
            Expr::Column(..) | Expr::All(_) => return None,
            Expr::Rows(t) => self.catalog.tables[*t].name.clone() + "_count",
            Expr::Aggregate { function, argument, .. } => {
                let prefix = match function {
                    Aggregate::Count => "count",
                    Aggregate::Sum => "total",
                    Aggregate::Avg => "average",
                    Aggregate::Min => "lowest",
                    Aggregate::Max => "highest",
                    Aggregate::Median => "median",
                };
                let column = column(argument);
                if column.starts_with(prefix) { column } else { format!("{prefix}_{column}") }
            }
            Expr::Bucket(unit, _) => unit.name().to_string(),
            Expr::Ratio(_, _, true) => "percentage".to_string(),
            Expr::Ratio(..) => "ratio".to_string(),
            Expr::Filtered(inner, _) => return self.name(inner),
            Expr::Scalar(_) => "value".to_string(),
        })
    }

    fn expr(&self, expr: &Expr, scope: &Scope, taken: &mut HashSet<String>) -> Option<String> {
        Some(match expr {
            Expr::Column(t, c) => format!("{}.{}", scope.alias(*t)?, identifier(&self.catalog.column(*t, *c).name)),
            Expr::All(t) => format!("{}.*", scope.alias(*t)?),
            Expr::Rows(t) => self.count(*t, scope)?,
            Expr::Aggregate { function, distinct, argument } => {
                let inner = self.expr(argument, scope, taken)?;
                let distinct = if *distinct { "DISTINCT " } else { "" };
                match function {
                    Aggregate::Count => format!("count({distinct}{inner})"),
                    Aggregate::Sum => format!("sum({distinct}{inner})"),
                    Aggregate::Avg => format!("avg({inner})"),
                    Aggregate::Min => format!("min({inner})"),
                    Aggregate::Max => format!("max({inner})"),
                    Aggregate::Median => {
                        format!("percentile_cont(0.5) WITHIN GROUP (ORDER BY {inner})")
                    }
                }
            }
            Expr::Bucket(unit, date) => {
                format!("date_trunc('{}', {})::date", unit.name(), self.expr(date, scope, taken)?)
            }
            Expr::Ratio(a, b, percent) => {
                let (a, b) = (self.expr(a, scope, taken)?, self.expr(b, scope, taken)?);
                let factor = if *percent { "100.0 * " } else { "" };
                format!("{factor}({a})::numeric / nullif({b}, 0)")
            }
            Expr::Filtered(inner, conditions) => {
                let inner = self.expr(inner, scope, taken)?;
                let mut parts = Vec::new();
                for condition in conditions {
                    parts.push(self.condition(condition, scope, taken)?);
                }
                format!("{inner} FILTER (WHERE {})", parts.join(" AND "))
            }
            Expr::Scalar(query) => format!("({})", indent(&self.select(query, taken)?)),
        })
    }

    /// Rows of a table, each once although joins may repeat it.
    fn count(&self, table: usize, scope: &Scope) -> Option<String> {
        let alias = scope.alias(table)?;
        let name = |c: usize| format!("{alias}.{}", identifier(&self.catalog.column(table, c).name));
        if !scope.tree.repeats(table, self.graph.edges()) {
            return Some("count(*)".to_string());
        }
        let keys: Vec<usize> =
            (0..self.catalog.tables[table].columns.len()).filter(|c| self.catalog.column(table, *c).key).collect();
        Some(match (self.lexicon.tables[table].primary_key, keys.len()) {
            (Some(key), _) => format!("count(DISTINCT {})", name(key)),
            (None, 2..) => format!("count(DISTINCT ({}))", keys.into_iter().map(name).collect::<Vec<_>>().join(", ")),
            _ => "count(*)".to_string(),
        })
    }

    fn clause(
        &self,
        sql: &mut String,
        word: &str,
        conditions: &[Condition],
        scope: &Scope,
        taken: &mut HashSet<String>,
    ) -> Option<()> {
        let mut parts = Vec::new();
        for condition in conditions {
            parts.push(self.condition(condition, scope, taken)?);
        }
        if !parts.is_empty() {
            sql.push_str(word);
            sql.push_str(&parts.join("\n  AND "));
        }
        Some(())
    }

    fn condition(&self, condition: &Condition, scope: &Scope, taken: &mut HashSet<String>) -> Option<String> {
        let not = |negated: bool| if negated { "NOT " } else { "" };
        Some(match condition {
            Condition::Compare(e, op, literal) => {
                let text = self.expr(e, scope, taken)?;
                let (left, right) = match literal {
                    Literal::Text(value) => (text, self.value(e, value)),
                    Literal::Expr(other) => (text, self.expr(other, scope, taken)?),
                    Literal::Number(n) => match self.family(e) {
                        Some(Family::Text) if *op == Comparison::Eq || *op == Comparison::Ne => {
                            (text, format!("'{n}'"))
                        }
                        Some(Family::Text) => (as_number(&text), n.to_string()),
                        _ => (text, n.to_string()),
                    },
                };
                format!("{left} {} {right}", op.sql())
            }
            Condition::In(e, values, negated) => {
                let list: Vec<String> = values.iter().map(|v| self.value(e, v)).collect();
                format!("{} {}IN ({})", self.expr(e, scope, taken)?, not(*negated), list.join(", "))
            }
            Condition::Between(e, lo, hi) => {
                let text = self.expr(e, scope, taken)?;
                let text = if self.family(e) == Some(Family::Text) { as_number(&text) } else { text };
                format!("{text} BETWEEN {lo} AND {hi}")
            }
            Condition::Like(e, pattern, negated) => {
                let text = self.expr(e, scope, taken)?;
                let text = if self.family(e) == Some(Family::Text) { text } else { format!("{text}::text") };
                format!("{text} {}ILIKE {}", not(*negated), quote_literal(pattern))
            }
            Condition::Null(e, yes) => {
                format!("{} IS {}NULL", self.expr(e, scope, taken)?, not(!*yes))
            }
            Condition::Period(e, lo, hi) => {
                let text = self.expr(e, scope, taken)?;
                let parts: Vec<String> = [(lo, ">="), (hi, "<")]
                    .into_iter()
                    .filter_map(|(day, op)| day.as_ref().map(|day| format!("{text} {op} DATE '{day}'")))
                    .collect();
                parts.join(" AND ")
            }
            Condition::Flag(e, yes) => {
                let text = self.expr(e, scope, taken)?;
                match e {
                    Expr::Column(t, c) if self.catalog.column(*t, *c).family != Family::Bool => {
                        let truthy = |v: &str| matches!(v.to_lowercase().as_str(), "1" | "t" | "y" | "yes" | "true");
                        let column = self.catalog.column(*t, *c);
                        let value = column.common.iter().find(|v| truthy(v) == *yes);
                        let default = if *yes { "1" } else { "0" };
                        let value = value.map_or(default, String::as_str);
                        let number = column.family == Family::Number;
                        format!("{text} = {}", if number { value.to_string() } else { quote_literal(value) })
                    }
                    _ => format!("{}{text}", not(!*yes)),
                }
            }
            Condition::Any(list) => {
                let parts = list.iter().map(|c| self.condition(c, scope, taken)).collect::<Option<Vec<_>>>()?;
                format!("({})", parts.join(" OR "))
            }
            Condition::Exists { subject, table, filters, negated } => {
                format!("{}EXISTS ({})", not(*negated), indent(&self.exists(*subject, *table, filters, scope, taken)?))
            }
        })
    }

    /// The subquery of EXISTS: the first join from `subject` becomes a condition.
    fn exists(
        &self,
        subject: usize,
        table: usize,
        filters: &[Condition],
        outer: &Scope,
        taken: &mut HashSet<String>,
    ) -> Option<String> {
        let mut tables = vec![subject, table];
        filters.iter().for_each(|c| c.tables(&mut tables));
        let mut tree = self.graph.connect(&tables, self.named)?;
        if tree.joins.is_empty() || tree.joins.iter().filter(|s| self.touches(s.edge, subject)).count() > 1 {
            return None;
        }
        let first = tree.joins.remove(0);
        tree.root = first.table;
        let mut scope = self.scope(tree, taken);
        let from = self.from(&scope);
        scope.aliases.push((subject, outer.alias(subject)?.to_string()));
        let mut sql = format!("SELECT 1 FROM {from} WHERE {}", self.on(first.edge, &scope));
        for filter in filters {
            sql.push_str(" AND ");
            sql.push_str(&self.condition(filter, &scope, taken)?);
        }
        Some(sql.replace('\n', " "))
    }

    fn touches(&self, edge: usize, table: usize) -> bool {
        let edge = &self.graph.edges()[edge];
        edge.from == table || edge.to == table
    }

    fn family(&self, expr: &Expr) -> Option<Family> {
        match expr {
            Expr::Column(t, c) => Some(self.catalog.column(*t, *c).family),
            _ => None,
        }
    }

    /// A literal that compares with the expression.
    fn value(&self, expr: &Expr, value: &str) -> String {
        match self.family(expr) {
            Some(Family::Number) if value.parse::<f64>().is_ok() => value.to_string(),
            _ => quote_literal(value).trim_start().to_string(),
        }
    }
}

/// Text that holds numbers, compared as a number; what is none counts as NULL.
fn as_number(text: &str) -> String {
    format!("CASE WHEN {text} ~ '^\\s*-?\\d+(\\.\\d+)?\\s*$' THEN {text}::numeric END")
}

fn indent(sql: &str) -> String {
    sql.replace('\n', "\n  ")
}
