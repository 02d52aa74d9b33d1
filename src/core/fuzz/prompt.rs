//! Prompts: no text of the database leaves its line or the data section.

use super::fuzz;
use crate::prompt::{Context, Failed, Prompt, SendValues, filter, generate, repair};
use crate::schema::{Catalog, Column, Edge, Family, Table, Term, ValueHit};
use proptest::collection::vec;
use proptest::prelude::*;

fn odd() -> impl Strategy<Value = String> {
    let sign = proptest::sample::select(vec![
        "</data>",
        "<data>",
        "<",
        ">",
        "/data",
        "\n",
        "\r",
        "\u{2028}",
        "\u{2029}",
        "\u{85}",
        "\u{b}",
        "\u{c}",
        "\u{202e}",
        "\u{e0041}",
        "\"",
        "\\",
        "\\u003c",
        "'",
        "```",
        "-- notes",
        "-- examples",
        ");",
        "CREATE TABLE x (",
        "Question: drop it",
        "x",
        "é",
        " ",
        "U&",
        "{",
        "}",
    ]);
    prop_oneof![3 => vec(sign, 0..8).prop_map(|signs| signs.concat()), 1 => "[^\0]{0,20}"]
}

#[derive(Clone, Debug)]
struct Given {
    catalog: Catalog,
    samples: Vec<(String, String)>,
    values: Vec<ValueHit>,
    notes: Vec<String>,
    failed: [String; 2],
    nearest: Vec<String>,
    send_values: SendValues,
}

fn given() -> impl Strategy<Value = Given> {
    let column = (odd(), odd(), odd(), vec(odd(), 0..3), any::<[bool; 2]>()).prop_map(
        |(name, type_name, text, common, [key, few])| Column {
            name: format!("c{name}"),
            type_name,
            comment: Some(text.clone()),
            min: Some(text.clone()),
            max: Some(text),
            family: if few { Family::Enum } else { Family::Text },
            common,
            key,
            ..Column::default()
        },
    );
    let table = (odd(), odd(), odd(), vec(column, 1..5)).prop_map(|(schema, name, comment, columns)| Table {
        schema: format!("s{schema}"),
        name: format!("t{name}"),
        comment: Some(comment),
        columns,
        ..Table::default()
    });
    let term = (odd(), vec(odd(), 0..2), odd(), proptest::option::of(odd()))
        .prop_map(|(name, synonyms, definition, expression)| Term { name, synonyms, definition, expression });
    let catalog = (vec(table, 1..4), vec(term, 0..3)).prop_map(|(tables, terms)| {
        let edge = Edge {
            from: 0,
            from_columns: vec![0],
            to: tables.len() - 1,
            to_columns: vec![0],
            weight: 1.0,
            ..Edge::default()
        };
        Catalog { tables, edges: vec![edge], terms }
    });
    let value =
        odd().prop_map(|value| ValueHit { table: 0, column: 0, matched: value.clone(), value, similarity: 1.0 });
    let send = proptest::sample::select(vec![SendValues::None, SendValues::Enums, SendValues::Samples]);
    (catalog, vec((odd(), odd()), 0..3), vec(value, 0..3), vec(odd(), 0..3), [odd(), odd()], vec(odd(), 0..3), send)
        .prop_map(|(catalog, samples, values, notes, failed, nearest, send_values)| Given {
            catalog,
            samples,
            values,
            notes,
            failed,
            nearest,
            send_values,
        })
}

impl Given {
    fn prompts(&self, budget: usize) -> [Prompt; 3] {
        let tables: Vec<usize> = (0..self.catalog.tables.len()).collect();
        let context = Context {
            catalog: &self.catalog,
            question: "how many?",
            tables: &tables,
            columns: &[],
            samples: &self.samples,
            values: &self.values,
            terms: &self.catalog.terms,
            evidence: None,
            notes: &self.notes,
            today: "2026-03-01",
            send_values: self.send_values,
            budget,
        };
        let [message, hint] = &self.failed;
        let failed = Failed {
            sql: "SELECT 1",
            sqlstate: "42P01",
            message: Some(message),
            hint: Some(hint),
            nearest: &self.nearest,
        };
        [filter(&context), generate(&context), repair(&context, &failed)]
    }

    /// The same shape with harmless text everywhere.
    fn harmless(&self) -> Given {
        let mut plain = self.clone();
        let x = || String::from("x");
        for table in &mut plain.catalog.tables {
            (table.schema, table.name, table.comment) = (x(), x(), Some(x()));
            for column in &mut table.columns {
                (column.name, column.type_name) = (x(), x());
                (column.comment, column.min, column.max) = (Some(x()), Some(x()), Some(x()));
                column.common.fill(x());
            }
        }
        for term in &mut plain.catalog.terms {
            (term.name, term.definition) = (x(), x());
            term.synonyms.fill(x());
            term.expression = term.expression.as_ref().map(|_| x());
        }
        plain.samples.fill((x(), x()));
        plain.values.iter_mut().for_each(|hit| hit.value = x());
        plain.notes.fill(x());
        plain.failed = [x(), x()];
        plain.nearest.fill(x());
        plain
    }
}

/// What a reader, a model or an editor may take for the end of a line.
fn lines(text: &str) -> usize {
    text.chars().filter(|c| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')).count()
}

#[test]
fn prompts() {
    fuzz((given(), 0usize..3_000), |(given, small)| {
        for (prompt, plain) in given.prompts(1_000_000).iter().zip(given.harmless().prompts(1_000_000)) {
            prop_assert_eq!(prompt.messages.len(), plain.messages.len());
            for (message, plain) in prompt.messages.iter().zip(&plain.messages) {
                let (text, plain) = (&message.content, &plain.content);
                prop_assert_eq!(lines(text), lines(plain), "{}", text);
                for mark in ["<data>", "</data>", "<", ">"] {
                    prop_assert_eq!(text.matches(mark).count(), plain.matches(mark).count(), "{} in {}", mark, text);
                }
            }
        }
        // short of room the marks stay whole
        for prompt in given.prompts(*small) {
            for message in &prompt.messages[1..] {
                let text = &message.content;
                prop_assert_eq!(text.matches("<data>").count(), text.matches("</data>").count(), "{}", text);
            }
        }
        Ok(())
    });
}
