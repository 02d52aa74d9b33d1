//! The built-in engine: any question, hint and database.

use super::fuzz;
use crate::engine::fixture::{Values, library};
use crate::engine::{Outcome, Request, answer};
use crate::sample::lexer::{Kind, lex};
use crate::schema::Catalog;
use proptest::collection::vec;
use proptest::prelude::*;

/// Words that the engine knows, names of the library, and what no engine should mind.
pub fn word() -> impl Strategy<Value = String> {
    let words = "how many what which who where list show all the of in by per for each with without not no more less than at least most \
        top bottom first last highest lowest average total sum number count distinct different between and or but over under above before after \
        since until during year month quarter week day days months years ago today yesterday this next previous January Feb 2024 ratio percentage \
        percent share compared never only also ordered sorted descending books book author authors members loans title name country city genre \
        price pages fine published joined born opening hours weekday Oslo Bergen Poetry Fantasy Kari Hansen Norway Long Winter revenue it they";
    let signs = [
        "0",
        "1",
        "-1",
        "1,000",
        "3.5",
        "$5",
        "5k",
        "9999999999999999999999",
        "1e999",
        "2024-02-30",
        "2024-02-29",
        "0000-00-00",
        "99999",
        "-99999999",
        "Q1",
        "Q9",
        "13/13/2024",
        "'",
        "\"",
        "“",
        "”",
        "'s",
        "n't",
        "’",
        "(",
        ")",
        ",",
        ".",
        "?",
        "!",
        ";",
        ":",
        "=",
        "<",
        ">=",
        "%",
        "#",
        "&",
        "@",
        "_",
        "--",
        "/*",
        "\u{202e}",
        "\u{200f}",
        "\u{feff}",
        "\u{301}",
        "🦀",
        "é",
        "ß",
        "İ",
        "ŉ",
        "日本語",
        "сколько",
        "كم",
        "ﷺ",
        "\n",
        "\t",
        "\\",
    ];
    let known: Vec<String> = words.split_whitespace().chain(signs).map(String::from).collect();
    prop_oneof![12 => proptest::sample::select(known), 1 => ".{1,8}", 1 => "-?[0-9]{1,30}"]
}

pub fn question() -> impl Strategy<Value = String> {
    let short = vec(word(), 0..25).prop_map(|words| words.join(" "));
    let glued = vec(word(), 0..60).prop_map(|words| words.concat());
    let long = (vec(word(), 1..8), 1usize..2_000).prop_map(|(words, times)| words.join(" ").repeat(times));
    let glued_long = (vec(word(), 1..4), 1usize..4_000).prop_map(|(words, times)| words.concat().repeat(times));
    let longest = |mut text: String| {
        while text.len() > 16_384 {
            text.pop();
        }
        text
    };
    prop_oneof![12 => short, 4 => glued, 1 => long.prop_map(longest), 1 => glued_long.prop_map(longest), 1 => any::<String>()]
}

/// The library with some of its names changed for odd ones.
pub fn catalog() -> impl Strategy<Value = Catalog> {
    let name = prop_oneof![
        proptest::sample::select(vec![
            "a\"b",
            "a'b",
            "x\ny",
            "select",
            "order",
            "Größe",
            "🦀",
            "</data>",
            "\"; drop table x; --",
            "ORDERS",
            "a b c",
            "_",
            "1st",
            "*",
            "$1",
            "\\",
            "'",
            "\u{202e}",
        ])
        .prop_map(String::from),
        "[^\0]{1,63}",
    ];
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4u8, name);
    vec(change, 0..5).prop_map(|changes| {
        let mut catalog = library();
        for (table, column, what, name) in changes {
            let table = &mut catalog.tables[table.index(5)];
            let column = column.index(table.columns.len());
            match what {
                0 => table.name = name,
                1 => table.schema = name,
                2 => table.columns[column].name = name,
                _ => table.columns[column].comment = Some(name),
            }
        }
        catalog
    })
}

fn evidence() -> impl Strategy<Value = Option<String>> {
    let part = proptest::sample::select(vec![
        "refers to",
        "means",
        "=",
        "genre = 'Poetry'",
        "price > 5",
        "books.price",
        "'",
        "\"",
        ";",
        ",",
        "SUM(fine) / COUNT(*)",
        "(",
        "like '%a%'",
    ]);
    proptest::option::of(vec(prop_oneof![part.prop_map(String::from), word()], 0..15).prop_map(|parts| parts.join(" ")))
}

#[test]
fn questions() {
    let values =
        prop_oneof!["[^\0]{0,12}", Just("O'Brien".to_owned()), Just("\\'; --".to_owned()), Just("$$".to_owned())];
    fuzz((question(), evidence(), catalog(), values, 1990i16..2100), |(question, evidence, catalog, value, year)| {
        let mut stored = Values::with((1, 6, value));
        let today = jiff::civil::date(*year, 2, 28);
        let request = Request { question, evidence: evidence.as_deref(), today };
        let mut written = Vec::new();
        match answer(catalog, &mut stored, &request) {
            Outcome::Answer(answer) => {
                prop_assert!((0.0..=1.0).contains(&answer.confidence), "{}", answer.confidence);
                written.extend(answer.alternatives.into_iter().map(|reading| reading.sql));
                written.push(answer.sql);
            }
            Outcome::Refusal(refusal) => written.extend(refusal.readings.into_iter().map(|reading| reading.sql)),
        }
        for sql in written {
            // one statement: nothing of a name, a value or the question got out of its quotes
            for token in lex(&sql) {
                let broken =
                    matches!(token.kind, Kind::Unclosed | Kind::Comment | Kind::Parameter) || token.text == ";";
                prop_assert!(!broken, "{token:?} in {sql}");
            }
        }
        Ok(())
    });
}
