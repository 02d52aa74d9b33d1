//! Foreign keys that nobody declared, inferred from names, types and statistics.

use crate::link::{ColumnWords, Lexicon};
use crate::schema::{Catalog, Column, Edge, Family, Origin};
use std::collections::{HashMap, HashSet};

/// Guesses below this weight are dropped.
const MIN_WEIGHT: f32 = 0.3;
/// Catalogs with more pairs of tables than this are left alone.
const MAX_PAIRS: usize = 400_000;
/// A column that could as well refer to more tables than this names none of them.
const MAX_TARGETS: usize = 5;
/// Weights that differ by less are equally good.
const SAME: f32 = 0.1;

/// Joins that no constraint declares, best guesses first. Needs no values:
/// names, types, uniqueness and the ranges in [`Column`] decide.
pub fn infer(catalog: &Catalog) -> Vec<Edge> {
    if catalog.tables.len().pow(2) > MAX_PAIRS {
        return Vec::new();
    }
    let lexicon = Lexicon::new(catalog, &[]);
    let declared: HashSet<(usize, usize)> = catalog
        .edges
        .iter()
        .filter(|e| matches!(e.origin, Origin::Fk | Origin::Declared))
        .flat_map(|e| [(e.from, e.to), (e.to, e.from)])
        .collect();
    let mut edges = Vec::new();
    for (from, referring) in catalog.tables.iter().enumerate() {
        for (to, target) in catalog.tables.iter().enumerate() {
            if from == to || referring.schema != target.schema || declared.contains(&(from, to)) {
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

/// A column refers to one table, its best guess, and of two directions the better one stays.
fn prune(catalog: &Catalog, edges: &mut Vec<Edge>) {
    // a column with a declared key refers to that and nothing else
    let keys: HashSet<(usize, &[usize])> =
        catalog.edges.iter().filter(|d| d.origin == Origin::Fk).map(|d| (d.from, d.from_columns.as_slice())).collect();
    edges.retain(|e| !keys.contains(&(e.from, e.from_columns.as_slice())));
    let mut by_column: HashMap<(usize, usize), Vec<f32>> = HashMap::new();
    let mut by_tables: HashMap<(usize, usize), f32> = HashMap::new();
    for e in edges.iter() {
        by_column.entry((e.from, e.from_columns[0])).or_default().push(e.weight);
        by_tables.insert((e.from, e.to), e.weight);
    }
    edges.retain(|e| {
        let rivals = &by_column[&(e.from, e.from_columns[0])];
        let best = rivals.iter().copied().fold(0.0, f32::max);
        let equals = rivals.iter().filter(|&&w| w > best - SAME).count();
        let reverse = by_tables.get(&(e.to, e.from)).is_some_and(|&w| w > e.weight || w == e.weight && e.to < e.from);
        best <= e.weight + SAME && equals <= MAX_TARGETS && !reverse
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
        // of two columns that look alike, a primary key is what the other refers to
        if to.key && !from.key {
            weight += 0.03;
        }
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
    use crate::schema::Table;

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

    /// `part_1 (id, …)`, `part_2 (id, part_id)` …: any of many could be meant.
    #[test]
    fn a_column_that_fits_many_tables_refers_to_none() {
        let catalog = |tables: usize| {
            let id = Column { name: "id".into(), family: Family::Number, key: true, unique: true, ..Column::default() };
            let reference = Column { name: "part_id".into(), family: Family::Number, ..Column::default() };
            let mut tables: Vec<Table> = (0..tables)
                .map(|n| Table { name: format!("part_{n}"), columns: vec![id.clone()], ..Table::default() })
                .collect();
            tables.push(Table { name: "orders".into(), columns: vec![id.clone(), reference], ..Table::default() });
            Catalog { tables, ..Catalog::default() }
        };
        assert_eq!(infer(&catalog(2)).len(), 2);
        assert!(infer(&catalog(20)).is_empty());
    }
}
