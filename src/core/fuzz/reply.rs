//! What models reply: fences, JSON, thoughts, prose and mixtures of them.

use super::fuzz;
use crate::reply::{Filtered, Generated, sql, tables};
use proptest::collection::vec;
use proptest::prelude::*;

fn offered() -> Vec<String> {
    ["shelf.books", "shelf.members", "attic.members", "shelf.\"Odd \"\"Name\"", ""].map(String::from).to_vec()
}

/// Marks that replies are made of.
fn mark() -> impl Strategy<Value = String> {
    let marks = [
        "```",
        "````",
        "`",
        "sql",
        "SQL",
        "json",
        "\n",
        "\r\n",
        "\n\n",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        "\"sql\":",
        "\"sql\": \"SELECT 1\"",
        ":",
        ",",
        ";",
        "--",
        "/*",
        "*/",
        "(",
        ")",
        "<think>",
        "</think>",
        "</reasoning>",
        "UNANSWERABLE:",
        "SELECT ",
        "with ",
        " as (",
        "values (",
        "update ",
        " set ",
        "explain ",
        "books",
        "attic.members",
        "none",
        "\0",
        "\u{202e}",
        "é",
        "🦀",
        " ",
        "'",
        "$$",
        "The query is: ",
    ];
    proptest::sample::select(marks.map(String::from).to_vec())
}

fn reply() -> impl Strategy<Value = String> {
    let mixture = || vec(prop_oneof![8 => mark(), 1 => ".{0,12}"], 0..40).prop_map(|parts| parts.concat());
    let long = (vec(mark(), 1..6), 1usize..20_000).prop_map(|(parts, times)| parts.concat().repeat(times));
    prop_oneof![8 => mixture(), 1 => any::<String>(), 1 => long]
}

#[test]
fn replies() {
    fuzz(reply(), |reply| {
        if let Ok(Generated::Sql(sql)) = sql(reply) {
            // SQL is cut out of the reply, or read from a JSON string in it; nothing is made up
            let is_cut = reply.contains(sql.as_str());
            prop_assert!(is_cut || reply.contains('{'), "{sql:?}");
            prop_assert!(sql.len() <= reply.len() && !sql.ends_with(';'));
        }
        if let Ok(Filtered::Tables(chosen)) = tables(reply, &offered()) {
            let mut once = chosen.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert!(once.len() == chosen.len() && chosen.iter().all(|&table| table < offered().len()));
        }
        Ok(())
    });
}

/// A statement comes out as it was put in, however it is packed.
#[test]
fn packings() {
    let part = prop_oneof![
        6 => proptest::sample::select(vec!["'it''s'", "\"Odd\"", "(1, 2)", "a.b", "-- note\n", "/* x */", "= 3", "\n", "`", "{}", "é", "\\"]).prop_map(String::from),
        1 => "[^`;\0\r]{0,10}",
    ];
    let statement = vec(part, 1..12).prop_map(|parts| format!("SELECT {}1", parts.join(" ").trim_start()));
    fuzz(statement, |statement| {
        let json = serde_json::json!({ "sql": statement }).to_string();
        let packed = [
            format!("```sql\n{statement};\n```"),
            format!("Here it is.\n\n```sql\n{statement}\n```\nIt counts."),
            json.clone(),
            format!("```json\n{json}\n```"),
            format!("<think>no</think>\n```sql\n{statement}\n```"),
        ];
        for reply in packed.iter().filter(|_| !statement.contains("```") && !statement.contains("</")) {
            prop_assert_eq!(sql(reply).ok(), Some(Generated::Sql(statement.clone())), "{}", reply);
        }
        Ok(())
    });
}
