//! Ranking over an invented lending library and a furniture shop.

use super::*;
use crate::schema::{Column, Edge, Family, Table, Term};

fn table(schema: &str, name: &str, columns: &[&str]) -> Table {
    let columns = columns.iter().map(|c| Column { name: (*c).into(), family: Family::Text, ..Column::default() });
    Table { schema: schema.into(), name: name.into(), columns: columns.collect(), ..Table::default() }
}

fn join(catalog: &mut Catalog, from: (&str, &str), to: (&str, &str)) {
    let place = |(name, column): (&str, &str)| {
        let table = catalog.tables.iter().position(|t| t.name == name).unwrap();
        (table, catalog.tables[table].columns.iter().position(|c| c.name == column).unwrap())
    };
    let ((from, from_column), (to, to_column)) = (place(from), place(to));
    let columns = (vec![from_column], vec![to_column]);
    catalog.edges.push(Edge {
        from,
        from_columns: columns.0,
        to,
        to_columns: columns.1,
        weight: 1.0,
        ..Edge::default()
    });
}

fn catalog() -> Catalog {
    let mut catalog = Catalog {
        tables: vec![
            table("library", "reader", &["reader_id", "full_name", "joined_on"]),
            table("library", "book", &["book_id", "title", "shelf"]),
            table("library", "loan", &["loan_id", "reader_id", "book_id", "due_on"]),
            table("shop", "orderline", &["line_id", "product_id", "quantity"]),
            table("shop", "product", &["product_id", "name", "colour"]),
            table("shop", "warehouse", &["warehouse_id", "city"]),
            table("shop", "transfer", &["transfer_id", "source_id", "target_id"]),
        ],
        ..Catalog::default()
    };
    join(&mut catalog, ("loan", "reader_id"), ("reader", "reader_id"));
    join(&mut catalog, ("loan", "book_id"), ("book", "book_id"));
    join(&mut catalog, ("orderline", "product_id"), ("product", "product_id"));
    join(&mut catalog, ("transfer", "source_id"), ("warehouse", "warehouse_id"));
    join(&mut catalog, ("transfer", "target_id"), ("warehouse", "warehouse_id"));
    catalog
}

fn names(catalog: &Catalog, question: &str, values: &[ValueHit]) -> Vec<String> {
    let index = Index::build(catalog);
    let ranked = index.rank(catalog, question, &[], values, &Fusion::default());
    ranked.iter().map(|r| catalog.tables[r.table].name.clone()).collect()
}

#[test]
fn joined_and_split_words_find_the_table() {
    let mut catalog = catalog();
    assert_eq!(names(&catalog, "How many order lines are there?", &[])[0], "orderline");
    assert_eq!(names(&catalog, "quantity per orderline", &[])[0], "orderline");
    catalog.tables[3].name = "order_line".into();
    assert_eq!(names(&catalog, "all orderlines", &[])[0], "order_line");
}

#[test]
fn other_forms_and_other_words_find_the_table() {
    let mut catalog = catalog();
    catalog.tables.push(table("school", "teaches", &["teacher_id", "class_id"]));
    catalog.tables.push(table("school", "vendor", &["addr", "phone"]));
    assert_eq!(names(&catalog, "who taught what?", &[])[0], "teaches");
    assert_eq!(names(&catalog, "all suppliers", &[])[0], "vendor");
    assert_eq!(names(&catalog, "every address", &[])[0], "vendor");
}

#[test]
fn a_typing_error_still_finds_the_table() {
    assert_eq!(names(&catalog(), "list the warehuoses", &[])[0], "warehouse");
}

#[test]
fn the_bridge_between_two_tables_comes_along() {
    let found = names(&catalog(), "Which readers have which books?", &[]);
    let mut first = found[..3].to_vec();
    first.sort();
    assert_eq!(first, ["book", "loan", "reader"]);
}

#[test]
fn a_value_leads_to_its_table_and_column() {
    let catalog = catalog();
    let hit = ValueHit { table: 4, column: 2, value: "Walnut".into(), matched: "walnut".into(), similarity: 1.0 };
    let index = Index::build(&catalog);
    let ranked = index.rank(&catalog, "anything in Walnut?", &[], &[hit], &Fusion::default());
    assert_eq!(ranked[0].table, 4);
    assert_eq!(ranked[0].columns[0].0, 2);
    assert!(ranked[0].why.values > 0.0);
}

#[test]
fn a_schema_that_fits_as_a_whole_wins() {
    let mut catalog = catalog();
    // both have a table of readers, one has loans too
    catalog.tables.push(table("press", "reader", &["reader_id", "full_name"]));
    let index = Index::build(&catalog);
    let ranked = index.rank(&catalog, "loans per reader", &[], &[], &Fusion::default());
    let place = |table: usize| ranked.iter().position(|r| r.table == table).unwrap();
    assert!(place(0) < place(7));
}

#[test]
fn vectors_count_the_best_text_of_a_table() {
    let catalog = catalog();
    let index = Index::build(&catalog);
    let vectors = [
        VectorScore { table: 1, column: None, cosine: 0.2 },
        VectorScore { table: 1, column: Some(1), cosine: 0.9 },
        VectorScore { table: 0, column: None, cosine: 0.5 },
        VectorScore { table: 2, column: None, cosine: f32::NAN },
    ];
    let only = Fusion { vector: 1.0, ..Fusion::OFF };
    let ranked = index.rank(&catalog, "volumes", &vectors, &[], &only);
    assert_eq!((ranked[0].table, ranked[1].table), (1, 0));
    assert_eq!(ranked[0].columns[0].0, 1);
}

#[test]
fn parts_that_are_off_add_nothing() {
    let catalog = catalog();
    let index = Index::build(&catalog);
    for ranked in index.rank(&catalog, "books and readers", &[], &[], &Fusion::OFF) {
        assert_eq!((ranked.score, ranked.why), (0.0, Parts::default()));
    }
}

#[test]
fn the_glossary_adds_words() {
    let mut catalog = catalog();
    catalog.terms.push(Term {
        name: "overdue".into(),
        synonyms: vec!["too late".into()],
        definition: "a loan that is not back".into(),
        expression: Some("loan.due_on < current_date".into()),
    });
    assert_eq!(names(&catalog, "how many are too late?", &[])[0], "loan");
}

#[test]
fn closure_joins_seeds_and_keeps_parallel_keys_apart() {
    let catalog = catalog();
    let index = Index::build(&catalog);
    assert_eq!(index.closure(&[0, 1]), Closure { tables: vec![0, 1, 2], edges: vec![0, 1] });
    assert_eq!(index.closure(&[5, 6]), Closure { tables: vec![5, 6], edges: vec![3, 4] });
    // nothing connects the library with the shop
    assert_eq!(index.closure(&[0, 4, 3]), Closure { tables: vec![0, 4, 3], edges: vec![2] });
    assert_eq!(index.closure(&[]), Closure::default());
    assert_eq!(index.closure(&[99]), Closure::default());
}

#[test]
fn odd_questions_and_empty_catalogues_do_no_harm() {
    let empty = Catalog::default();
    assert!(Index::build(&empty).rank(&empty, "books", &[], &[], &Fusion::default()).is_empty());
    let catalog = catalog();
    let index = Index::build(&catalog);
    for question in ["", "?!", "the of and", "書籍", &"book ".repeat(4000)] {
        let ranked = index.rank(&catalog, question, &[], &[], &Fusion::default());
        assert_eq!(ranked.len(), catalog.tables.len());
        assert!(ranked.iter().all(|r| r.score.is_finite()));
    }
}
