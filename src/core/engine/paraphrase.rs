//! A query in words: how the question was understood.

use super::ir::{Condition, Direction, Expr, Literal, Query, SetOperation};
use super::operator::{Aggregate, Comparison};
use crate::schema::Catalog;
use crate::text::words;

/// One sentence that says what the query returns.
pub fn paraphrase(catalog: &Catalog, query: &Query) -> String {
    let p = Paraphrase { catalog, many: query.all_tables().len() > 1 };
    let mut text = p.query(query);
    if let Some(first) = text.get(..1).map(str::to_uppercase) {
        text.replace_range(..1, &first);
    }
    text
}

struct Paraphrase<'a> {
    catalog: &'a Catalog,
    /// Several tables take part: columns are said with theirs.
    many: bool,
}

impl Paraphrase<'_> {
    fn query(&self, query: &Query) -> String {
        if query.counted {
            let inner = Query { counted: false, ..query.clone() };
            return format!("the number of results of: {}", self.query(&inner));
        }
        let mut text = join(query.outputs.iter().map(|e| self.expr(e)), ", ", " and ");
        if query.distinct {
            text = format!("different {text}");
        }
        if !self.many
            && let Some(t) = query
                .all_tables()
                .first()
                .filter(|_| query.outputs.iter().any(|o| !matches!(o, Expr::Rows(_) | Expr::All(_))))
        {
            text.push_str(&format!(" of {}", self.table(*t)));
        }
        let keys: Vec<String> = query.group.iter().filter(|g| !self.is_key(g)).map(|e| self.expr(e)).collect();
        if !keys.is_empty() {
            text.push_str(&format!(", for each {}", join(keys.into_iter(), ", ", " and ")));
        }
        if !query.filters.is_empty() {
            text.push_str(&format!(", where {}", join(query.filters.iter().map(|c| self.condition(c)), ", ", " and ")));
        }
        if !query.having.is_empty() {
            text.push_str(&format!(", with {}", join(query.having.iter().map(|c| self.condition(c)), ", ", " and ")));
        }
        if !query.tables.is_empty() {
            text.push_str(&format!(", that have {}", join(query.tables.iter().map(|t| self.table(*t)), ", ", " and ")));
        }
        if let Some((operation, other)) = &query.set {
            let word = match operation {
                SetOperation::Intersect => "that also hold",
            };
            text.push_str(&format!(
                ", {word} where {}",
                join(other.filters.iter().map(|c| self.condition(c)), ", ", " and ")
            ));
        }
        if !query.order.is_empty() {
            let keys = query.order.iter().map(|(e, d)| {
                let way = match d {
                    Direction::Ascending => "ascending",
                    Direction::Descending => "descending",
                };
                format!("{} {way}", self.expr(e))
            });
            text.push_str(&format!(", by {}", join(keys, ", ", " and ")));
        }
        if !query.first_of.is_empty() {
            let keys = query.first_of.iter().map(|e| self.expr(e));
            text.push_str(&format!(", only the first of each {}", join(keys, ", ", " and ")));
        }
        match query.limit {
            Some(1) if query.offset > 0 => text.push_str(&format!(", number {} only", query.offset + 1)),
            Some(1) => text.push_str(", the first only"),
            Some(n) => text.push_str(&format!(", the first {n}")),
            None => {}
        }
        text
    }

    fn is_key(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::Column(t, c) if self.catalog.column(*t, *c).unique)
    }

    fn table(&self, t: usize) -> String {
        words(&self.catalog.tables[t].name).join(" ")
    }

    fn column(&self, t: usize, c: usize) -> String {
        let name = words(&self.catalog.column(t, c).name).join(" ");
        if self.many { format!("{} {name}", self.table(t)) } else { name }
    }

    fn expr(&self, expr: &Expr) -> String {
        match expr {
            Expr::Column(t, c) => self.column(*t, *c),
            Expr::All(t) => {
                format!("everything about {}", self.catalog.tables.get(*t).map_or(String::new(), |_| self.table(*t)))
            }
            Expr::Rows(t) => format!("the number of {}", self.table(*t)),
            Expr::Aggregate { function, distinct, argument } => {
                let argument = self.expr(argument);
                match function {
                    Aggregate::Count if *distinct => format!("the number of different {argument}"),
                    Aggregate::Count => format!("the number of {argument}"),
                    Aggregate::Sum => format!("the total {argument}"),
                    Aggregate::Avg => format!("the average {argument}"),
                    Aggregate::Min => format!("the lowest {argument}"),
                    Aggregate::Max => format!("the highest {argument}"),
                    Aggregate::Median => format!("the median {argument}"),
                }
            }
            Expr::Bucket(unit, date) => format!("{} of {}", unit.name(), self.expr(date)),
            Expr::Ratio(a, b, true) => format!("{} in percent of {}", self.expr(a), self.expr(b)),
            Expr::Ratio(a, b, false) => {
                format!("the ratio of {} to {}", self.expr(a), self.expr(b))
            }
            Expr::Filtered(inner, conditions) => {
                format!(
                    "{} where {}",
                    self.expr(inner),
                    join(conditions.iter().map(|c| self.condition(c)), ", ", " and ")
                )
            }
            Expr::Scalar(query) => self.query(query),
        }
    }

    fn condition(&self, condition: &Condition) -> String {
        match condition {
            Condition::Compare(e, op, literal) => {
                let op = match op {
                    Comparison::Eq => "is",
                    Comparison::Ne => "is not",
                    Comparison::Gt => "is more than",
                    Comparison::Ge => "is at least",
                    Comparison::Lt => "is less than",
                    Comparison::Le => "is at most",
                };
                let literal = match literal {
                    Literal::Text(text) => format!("'{text}'"),
                    Literal::Number(n) => n.to_string(),
                    Literal::Expr(e) => self.expr(e),
                };
                format!("{} {op} {literal}", self.expr(e))
            }
            Condition::In(e, values, negated) => {
                let values =
                    join(values.iter().map(|v| format!("'{v}'")), ", ", if *negated { " nor " } else { " or " });
                format!("{} is {}{values}", self.expr(e), if *negated { "neither " } else { "" })
            }
            Condition::Between(e, lo, hi) => format!("{} is between {lo} and {hi}", self.expr(e)),
            Condition::Like(e, pattern, negated) => {
                let text = pattern.trim_matches('%');
                let verb = match (pattern.starts_with('%'), pattern.ends_with('%')) {
                    (false, _) => "begins with",
                    (true, false) => "ends with",
                    (true, true) => "contains",
                };
                format!("{} {}{verb} '{text}'", self.expr(e), if *negated { "not " } else { "" })
            }
            Condition::Null(e, yes) => format!("{} is {}", self.expr(e), if *yes { "missing" } else { "known" }),
            Condition::Period(e, lo, hi) => {
                let last = hi.and_then(|d| d.yesterday().ok());
                match (lo, last) {
                    (Some(lo), Some(hi)) if *lo == hi => format!("{} is on {lo}", self.expr(e)),
                    (Some(lo), Some(hi)) => format!("{} is from {lo} to {hi}", self.expr(e)),
                    (Some(lo), None) => format!("{} is {lo} or later", self.expr(e)),
                    (None, Some(hi)) => format!("{} is {hi} or earlier", self.expr(e)),
                    (None, None) => format!("{} is known", self.expr(e)),
                }
            }
            Condition::Flag(e, yes) => {
                format!("{} is {}", self.expr(e), if *yes { "yes" } else { "no" })
            }
            Condition::Any(list) => join(list.iter().map(|c| self.condition(c)), ", ", " or "),
            Condition::Exists { table, filters, negated, .. } => {
                let mut text = format!("there are {}{}", if *negated { "no " } else { "" }, self.table(*table));
                if !filters.is_empty() {
                    text.push_str(&format!(
                        " where {}",
                        join(filters.iter().map(|c| self.condition(c)), ", ", " and ")
                    ));
                }
                text
            }
        }
    }
}

fn join(parts: impl Iterator<Item = String>, comma: &str, last: &str) -> String {
    let mut parts: Vec<String> = parts.collect();
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(end) => format!("{}{last}{end}", parts.join(comma)),
        None => String::new(),
    }
}
