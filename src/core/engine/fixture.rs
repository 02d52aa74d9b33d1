//! A small library to test on: members borrow books, which authors wrote.

use std::collections::HashMap;

use crate::schema::{Catalog, Column, Edge, Family, Origin, Table, ValueHit, ValueSource};
use crate::text::fold;

fn column(name: &str, family: Family) -> Column {
    Column {
        name: name.into(),
        family,
        type_name: format!("{family:?}").to_lowercase(),
        n_distinct: Some(40.0),
        ..Column::default()
    }
}

fn key(name: &str) -> Column {
    Column { key: true, unique: true, n_distinct: Some(1000.0), ..column(name, Family::Number) }
}

fn table(name: &str, columns: Vec<Column>) -> Table {
    Table { schema: "library".into(), name: name.into(), rows: 1000.0, columns, ..Table::default() }
}

pub fn library() -> Catalog {
    use Family::*;
    let tables = vec![
        table(
            "authors",
            vec![key("author_id"), column("name", Text), column("country", Text), column("birth_year", Number)],
        ),
        table(
            "books",
            vec![
                key("book_id"),
                column("title", Text),
                column("author_id", Number),
                column("publication_year", Number),
                column("pages", Number),
                column("price", Number),
                column("genre", Text),
            ],
        ),
        table(
            "members",
            vec![
                key("member_id"),
                column("name", Text),
                column("city", Text),
                column("joined_on", Date),
                column("age", Number),
                column("phone", Text),
            ],
        ),
        table(
            "loans",
            vec![
                key("loan_id"),
                column("book_id", Number),
                column("member_id", Number),
                column("loan_date", Date),
                column("fine", Number),
            ],
        ),
        table("opening_hours", vec![column("weekday", Text), column("opens", Time)]),
    ];
    let edge = |from: usize, from_column: usize, to: usize| Edge {
        from,
        from_columns: vec![from_column],
        to,
        to_columns: vec![0],
        origin: Origin::Fk,
        weight: 1.0,
    };
    Catalog { tables, edges: vec![edge(1, 2, 0), edge(3, 1, 1), edge(3, 2, 2)], terms: Vec::new() }
}

/// Stored values in a map.
pub struct Values(HashMap<String, Vec<(usize, usize, String)>>);

pub fn values() -> Values {
    let mut map: HashMap<String, Vec<(usize, usize, String)>> = HashMap::new();
    for (t, c, value) in [
        (0, 1, "Ursula Kroeber"),
        (0, 2, "Norway"),
        (1, 1, "The Long Winter"),
        (1, 6, "Poetry"),
        (1, 6, "Fantasy"),
        (2, 2, "Oslo"),
        (2, 2, "Bergen"),
        (2, 1, "Kari Hansen"),
    ] {
        map.entry(fold(value)).or_default().push((t, c, value.to_string()));
    }
    Values(map)
}

impl Values {
    /// The stored values and one more.
    pub fn with((table, column, value): (usize, usize, &str)) -> Self {
        let mut all = values();
        all.0.entry(fold(value)).or_default().push((table, column, value.to_string()));
        all
    }
}

impl ValueSource for Values {
    fn equal(&mut self, folded: &[String]) -> Vec<ValueHit> {
        let hit = |matched: &String, (table, column, value): &(usize, usize, String)| ValueHit {
            table: *table,
            column: *column,
            value: value.clone(),
            matched: matched.clone(),
            similarity: 1.0,
        };
        folded.iter().flat_map(|f| self.0.get(f).into_iter().flatten().map(move |v| hit(f, v))).collect()
    }

    fn similar(&mut self, folded: &str, limit: usize) -> Vec<ValueHit> {
        let similar = |(text, _): &(&String, &Vec<_>)| text.contains(folded);
        self.0
            .iter()
            .filter(similar)
            .flat_map(|(_, list)| list)
            .take(limit)
            .map(|(table, column, value)| ValueHit {
                table: *table,
                column: *column,
                value: value.clone(),
                matched: folded.to_string(),
                similarity: 0.6,
            })
            .collect()
    }
}
