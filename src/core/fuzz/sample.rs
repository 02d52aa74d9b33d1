//! Verified questions as templates: learning from any SQL, filling with any value.

use super::engine::{catalog, question, word};
use super::fuzz;
use crate::engine::fixture::{Values, library};
use crate::sample::lexer::{Kind as Lexed, Token, lex, text_value};
use crate::sample::{ColumnName, Kind, Letters, Piece, Slot, Template};
use proptest::collection::vec;
use proptest::prelude::*;

/// SQL that compares columns with literals, and what only looks like it.
fn statement() -> impl Strategy<Value = String> {
    let part = proptest::sample::select(vec![
        "SELECT title FROM library.books b WHERE",
        "b.genre = 'Poetry'",
        "genre='Poetry'",
        "genre in ('Poetry', 'Fantasy')",
        "AND",
        "OR",
        "NOT",
        "price > 5",
        "pages between 100 and 200",
        "lower(genre) = 'poetry'",
        "title like '%Long%'",
        "title ilike 'The Long%'",
        "LIMIT 10",
        "joined_on >= date '2024-02-29'",
        "now() - interval '3 months'",
        "FROM library.members JOIN library.loans USING (member_id)",
        "city = 'Oslo'",
        "name = $$Kari Hansen$$",
        "E'Os\\'lo'",
        "U&'x'",
        "-- Oslo\n",
        "/* 5 */",
        "$1",
        "'",
        "\"",
        "(",
        ")",
        ",",
        ";",
        "-5",
        "5",
        "1e5",
        "::text",
        ".",
        "'a' 'b'",
        "",
    ]);
    vec(prop_oneof![12 => part.prop_map(String::from), 1 => ".{0,8}"], 0..14).prop_map(|parts| parts.join(" "))
}

/// Questions that say the literals above, or others.
fn asked() -> impl Strategy<Value = String> {
    let part = proptest::sample::select(vec![
        "titles of",
        "Poetry",
        "Fantasy",
        "books",
        "in",
        "Oslo",
        "Bergen",
        "over",
        "5",
        "-7",
        "10",
        "100",
        "200",
        "2024-02-29",
        "1999-12-31",
        "3 months",
        "8 months",
        "top",
        "Long",
        "Winter",
        "Kari Hansen",
        "with",
        "St.",
        "o'brien",
        "\\'; --",
    ]);
    prop_oneof![8 => vec(prop_oneof![6 => part.prop_map(String::from), 1 => word()], 0..10).prop_map(|parts| parts.join(" ")), 1 => question()]
}

fn solid(sql: &str) -> Vec<Token<'_>> {
    lex(sql).into_iter().filter(|token| !matches!(token.kind, Lexed::Space | Lexed::Comment)).collect()
}

/// Whether `bound` is `verified` with nothing but literals changed for literals.
fn differs_in_literals_only(verified: &str, bound: &str) -> Result<(), TestCaseError> {
    let (before, after) = (solid(verified), solid(bound));
    let mut after = after.into_iter();
    for old in before {
        let mut new = after.next();
        let literal = matches!(old.kind, Lexed::Text | Lexed::Number);
        // a negative number is a sign and a number
        if literal && new.is_some_and(|token| token.text == "-") {
            new = after.next();
        }
        let Some(new) = new else { return Err(TestCaseError::fail(format!("something is gone: {bound}"))) };
        prop_assert!(new == old || literal && new.kind == old.kind, "{old:?} became {new:?} in {bound}");
        if new.kind == Lexed::Text {
            prop_assert!(text_value(new.text).is_some() || new == old, "{new:?}");
        }
    }
    prop_assert!(after.next().is_none(), "something came: {bound}");
    Ok(())
}

#[test]
fn templates() {
    let value = prop_oneof![
        "[^\0]{0,12}",
        proptest::sample::select(vec!["O'Brien", "\\'; --", "'; drop table x; --", "$$", "Oslo", "E'", "\\"])
            .prop_map(String::from)
    ];
    fuzz((asked(), asked(), statement(), catalog(), value), |(learnt, other, sql, odd, value)| {
        for catalog in [&library(), odd] {
            let mut values = Values::with((1, 6, value));
            let template = Template::learn(catalog, &mut values, learnt, sql);
            let _ = template.signature();
            // asked again it is the verified SQL; asked with the stored value, that SQL with this value
            let said = learnt.replace("Poetry", value);
            for question in [learnt, other, &said] {
                if let Some(bound) = template.bind(catalog, &mut values, question) {
                    differs_in_literals_only(sql, &bound.sql)?;
                }
            }
        }
        Ok(())
    });
}

/// Templates are kept in a table: whatever stands there must do no harm.
#[test]
fn stored_templates() {
    let column = || {
        let name =
            || proptest::sample::select(vec!["library", "books", "genre", "price", "x", ""]).prop_map(String::from);
        proptest::option::of((name(), name(), name()).prop_map(|(schema, table, column)| ColumnName {
            schema,
            table,
            column,
        }))
    };
    let kind = prop_oneof![
        Just(Kind::Value(Letters::AsStored)),
        Just(Kind::Number),
        Just(Kind::Date),
        Just(Kind::Limit),
        ".{0,4}".prop_map(|unit| Kind::Interval { unit }),
        (".{0,4}", ".{0,4}").prop_map(|(before, after)| Kind::Pattern { before, after, letters: Letters::Lower }),
    ];
    let slot = (kind, column(), ".{0,4}", vec(0usize..9, 0..4)).prop_map(|(kind, column, said, literals)| Slot {
        kind,
        column,
        said,
        literals,
    });
    let piece = prop_oneof![
        proptest::sample::select(vec!["book", "title", "in", "of"]).prop_map(|word| Piece::Word(word.into())),
        (0usize..4).prop_map(Piece::Slot)
    ];
    let template = ("[a-z ]{0,9}", vec(piece, 0..5), vec(slot, 0..4), statement())
        .prop_map(|(question, pieces, slots, sql)| Template { question, pieces, slots, sql });
    fuzz((template, asked()), |(template, question)| {
        let _ = template.signature();
        let _ = template.bind(&library(), &mut Values::with((1, 6, "Poetry")), question);
        Ok(())
    });
}
