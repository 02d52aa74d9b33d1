//! Foreign keys that nobody declared, inferred from names, types and statistics.

use crate::link::{ColumnWords, Lexicon};
use crate::schema::{Catalog, Column, Edge, Family, Origin};

/// Guesses below this weight are dropped.
const MIN_WEIGHT: f32 = 0.3;
/// Catalogs beyond this many tables are searched by column name only.
const MAX_PAIRS: usize = 400_000;

/// Joins that no constraint declares, best guesses first. Needs no values:
/// names, types, uniqueness and the ranges in [`Column`] decide.
pub fn infer(catalog: &Catalog) -> Vec<Edge> {
    let lexicon = Lexicon::new(catalog, &[]);
    let mut edges = Vec::new();
    if catalog.tables.len().pow(2) > MAX_PAIRS {
        return edges;
    }
    for (from, referring) in catalog.tables.iter().enumerate() {
        for (to, target) in catalog.tables.iter().enumerate() {
            if from == to || referring.schema != target.schema || declared(catalog, from, to) {
                continue;
            }
            let mut best: Option<Edge> = None;
            for to_column in 0..target.columns.len() {
                for from_column in 0..referring.columns.len() {
                    let pair = Pair { catalog, lexicon: &lexicon, from, from_column, to, to_column };
                    let weight = pair.weight();
                    if weight >= MIN_WEIGHT && best.as_ref().is_none_or(|b| weight > b.weight) {
                        best = Some(Edge {
                            from,
                            from_columns: vec![from_column],
                            to,
                            to_columns: vec![to_column],
                            origin: Origin::Inferred,
                            weight,
                        });
                    }
                }
            }
            edges.extend(best);
        }
    }
    prune(catalog, &mut edges);
    edges.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    edges
}

fn declared(catalog: &Catalog, a: usize, b: usize) -> bool {
    catalog.edges.iter().any(|e| {
        matches!(e.origin, Origin::Fk | Origin::Declared) && (e.from == a && e.to == b || e.from == b && e.to == a)
    })
}

/// A column refers to one table: its best guess. And of two directions the better one stays.
fn prune(catalog: &Catalog, edges: &mut Vec<Edge>) {
    let copy = edges.clone();
    edges.retain(|e| {
        let better = |o: &Edge| {
            o.from == e.from && o.from_columns == e.from_columns && o.to != e.to && o.weight > e.weight + 0.1
        };
        let reverse = |o: &Edge| {
            o.from == e.to && o.to == e.from && (o.weight > e.weight || o.weight == e.weight && o.from < e.from)
        };
        !copy.iter().any(|o| better(o) || reverse(o))
    });
    // a column with a declared key refers to that and nothing else
    edges.retain(|e| {
        !catalog.edges.iter().any(|d| d.origin == Origin::Fk && d.from == e.from && d.from_columns == e.from_columns)
    });
}

struct Pair<'a> {
    catalog: &'a Catalog,
    lexicon: &'a Lexicon,
    from: usize,
    from_column: usize,
    to: usize,
    to_column: usize,
}

impl Pair<'_> {
    /// How likely `from.from_column` refers to `to.to_column`, 0..1.
    fn weight(&self) -> f32 {
        let from = self.catalog.column(self.from, self.from_column);
        let to = self.catalog.column(self.to, self.to_column);
        if !same_kind(from, to) {
            return 0.0;
        }
        let unique = self.is_unique();
        let names = self.names(from, to);
        if names == 0.0 {
            return 0.0;
        }
        let mut weight = names * range_fits(from, to);
        if !unique {
            // shared dimensions, such as a country's name, join as a last resort
            weight *= if self.key_like(self.lexicon.column(self.to, self.to_column)) { 0.6 } else { 0.4 };
        }
        weight
    }

    fn is_unique(&self) -> bool {
        let table = &self.catalog.tables[self.to];
        let column = &table.columns[self.to_column];
        column.unique || table.rows >= 1.0 && column.n_distinct.is_some_and(|n| n >= table.rows * 0.98)
    }

    fn key_like(&self, words: &ColumnWords) -> bool {
        words.last_is(&["id", "code", "number", "key", "no", "ssn"])
    }

    fn names(&self, from: &Column, to: &Column) -> f32 {
        let from_words = self.lexicon.column(self.from, self.from_column);
        let to_words = self.lexicon.column(self.to, self.to_column);
        let to_table = &self.lexicon.tables[self.to];
        let key = self.key_like(to_words);
        let numeric = to.family == Family::Number;
        if numeric && !key && !to.unique {
            return 0.0;
        }
        let own: Vec<&str> = from_words.stems().collect();
        let names_target = to_table.stems().any(|s| own.contains(&s));
        let target_is_id = to_words.own_words() == ["id"];
        let stems: Vec<&str> = to_words.stems().collect();
        let last = stems.last().copied().unwrap_or_default();
        if from.name == to.name {
            if stems == ["id"] {
                return 0.0;
            }
            return match (key, self.is_generic(&stems), names_target) {
                (true, _, true) => 0.95,
                (true, ..) => 0.85,
                (false, true, _) => 0.0,
                (false, false, _) if numeric => 0.0,
                (false, false, true) => 0.85,
                (false, false, false) => 0.6,
            };
        }
        if key && names_target && from_words.last_is(&[last]) && (target_is_id || own.ends_with(&stems)) {
            return 0.9;
        }
        // `sender_id` → `id` needs the table's name; `home_team_id` → `team_id` ends like it
        if key && stems.len() > 1 && own.len() > stems.len() && own.ends_with(&stems) {
            return 0.75;
        }
        // `author` → `authors.id`, `member` → `members.name`
        if names_target && own.len() == 1 && (key || to.unique) {
            return if key { 0.7 } else { 0.5 };
        }
        0.0
    }

    fn is_generic(&self, stems: &[&str]) -> bool {
        stems.iter().all(|s| {
            crate::link::is_generic(s)
                || matches!(
                    *s,
                    "year"
                        | "status"
                        | "comment"
                        | "sourc"
                        | "homepag"
                        | "websit"
                        | "email"
                        | "phone"
                        | "fax"
                        | "address"
                        | "rate"
                        | "price"
                )
        })
    }
}

fn same_kind(a: &Column, b: &Column) -> bool {
    let kind = |f: Family| match f {
        Family::Number => 1,
        Family::Text | Family::Enum => 2,
        _ => 0,
    };
    kind(a.family) == kind(b.family) && kind(a.family) != 0
}

/// Whether the values of `from` lie within those of `to`, as far as statistics tell.
fn range_fits(from: &Column, to: &Column) -> f32 {
    let number = |s: &Option<String>| s.as_deref().and_then(|s| s.parse::<f64>().ok());
    if let (Some(lo), Some(hi), Some(min), Some(max)) =
        (number(&from.min), number(&from.max), number(&to.min), number(&to.max))
        && (hi < min || lo > max)
    {
        return 0.2;
    }
    // common values are a sample of those that must exist over there
    if !from.common.is_empty()
        && to.common.len() > 3
        && to.n_distinct.is_some_and(|n| n <= to.common.len() as f64 + 0.5)
    {
        let inside = from.common.iter().filter(|v| to.common.contains(v)).count();
        return 0.4 + 0.6 * inside as f32 / from.common.len() as f32;
    }
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fixture;

    #[test]
    fn undeclared_keys_are_found() {
        let mut catalog = fixture::library();
        let declared = std::mem::take(&mut catalog.edges);
        let inferred = infer(&catalog);
        for edge in &declared {
            assert!(
                inferred.iter().any(|e| e.from == edge.from && e.to == edge.to && e.from_columns == edge.from_columns),
                "{edge:?}"
            );
        }
        assert_eq!(inferred.len(), declared.len(), "{inferred:?}");
    }

    #[test]
    fn declared_keys_are_not_repeated() {
        assert!(infer(&fixture::library()).is_empty());
    }
}
