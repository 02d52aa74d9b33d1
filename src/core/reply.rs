//! What a model's reply means: the SQL in it, or the tables it chose.
//!
//! A reply is text from outside. Nothing here decides whether SQL is safe; that is the
//! guard's work on the parse tree. So two statements stay two statements.

use crate::error::{Error, Result};
use serde_json::Value;
use std::collections::HashMap;

/// What came of the call that writes SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Generated {
    Sql(String),
    /// The model says that the tables shown don't answer the question, and why.
    Declined(String),
}

/// What came of the call that chooses tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filtered {
    /// Indices into the list that was offered, in the model's order.
    Tables(Vec<usize>),
    /// Nothing that was offered answers the question.
    Nothing,
}

/// How a model says that it can't answer; [`crate::prompt`] asks for these words.
pub const DECLINE: &str = "UNANSWERABLE:";

/// The SQL in a reply: bare, fenced, as JSON `{"sql": …}`, with prose or thoughts around it.
pub fn sql(reply: &str) -> Result<Generated> {
    let reply = without_thoughts(reply);
    if let Some(generated) = from_json(reply) {
        return Ok(generated);
    }
    let blocks = fenced(reply);
    // models that draft first put the final version last
    for block in blocks.iter().rev() {
        if let Some(generated) = from_json(block.text) {
            return Ok(generated);
        }
        if block.is_sql() {
            return Ok(Generated::Sql(trim(block.text)));
        }
    }
    if let Some(reason) = declined(reply) {
        return Ok(Generated::Declined(reason));
    }
    match bare(reply) {
        Some(sql) => Ok(Generated::Sql(trim(sql))),
        None => Err(Error::Reply("there is no SQL in it".into())),
    }
}

/// The tables that the filter call chose out of `offered`: a JSON array of names, or names
/// on lines. Names that were not offered are ignored; if nothing else came, that is an error,
/// so that a model which talks past the question does not end the search.
pub fn tables(reply: &str, offered: &[String]) -> Result<Filtered> {
    let reply = without_thoughts(reply);
    let blocks = fenced(reply);
    let text = blocks.last().map_or(reply, |block| block.text);
    let (names, listed) = match json_names(text) {
        Some(names) => (names, true),
        None => (line_names(text), false),
    };
    let mut chosen = Vec::new();
    let known = Offered::new(offered);
    for name in &names {
        if let Some(index) = known.find(name)
            && !chosen.contains(&index)
        {
            chosen.push(index);
        }
    }
    if !chosen.is_empty() {
        Ok(Filtered::Tables(chosen))
    } else if (listed && names.is_empty()) || says_nothing(text) {
        Ok(Filtered::Nothing)
    } else {
        Err(Error::Reply("it names none of the tables that were offered".into()))
    }
}

/// The reply without what reasoning models think aloud.
fn without_thoughts(reply: &str) -> &str {
    for tag in ["</think>", "</thinking>", "</thought>", "</reasoning>"] {
        if let Some(end) = reply.rfind(tag) {
            return reply[end + tag.len()..].trim();
        }
    }
    // thoughts that never ended hold no answer
    match reply.trim_start() {
        text if text.starts_with("<think") => "",
        _ => reply.trim(),
    }
}

fn from_json(text: &str) -> Option<Generated> {
    let text = text.trim();
    if !text.starts_with('{') {
        return None;
    }
    let Value::Object(object) = serde_json::from_str(text).ok()? else {
        return None;
    };
    let string = |names: &[&str]| {
        names
            .iter()
            .filter_map(|name| object.get(*name).and_then(Value::as_str))
            .map(str::trim)
            .find(|text| !text.is_empty())
    };
    if let Some(sql) = string(&["sql", "SQL", "query", "sql_query", "statement"]) {
        return Some(Generated::Sql(trim(sql)));
    }
    let reason = string(&["reason", "error", "unanswerable", "explanation"])?;
    Some(Generated::Declined(reason.to_string()))
}

struct Block<'a> {
    tag: &'a str,
    text: &'a str,
}

impl Block<'_> {
    fn is_sql(&self) -> bool {
        let tag = self.tag.to_ascii_lowercase();
        let named = ["sql", "postgresql", "postgres", "pgsql", "psql", "plpgsql"];
        !self.text.trim().is_empty() && (named.contains(&tag.as_str()) || starts_statement(self.text))
    }
}

/// Fenced blocks; one that is never closed runs to the end. Looks at each character a bounded
/// number of times, however many fences there are.
fn fenced(reply: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = reply;
    while let Some(start) = rest.find("```") {
        let inside = rest[start + 3..].trim_start_matches('`');
        let (inside, after) = match inside.find("```") {
            Some(end) => (&inside[..end], inside[end + 3..].trim_start_matches('`')),
            None => (inside, ""),
        };
        // a tag is the word right after the fence: "```sql SELECT 1```" happens
        let tag_end = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len());
        let (tag, text) = if starts_statement(inside) { ("", inside) } else { inside.split_at(tag_end) };
        blocks.push(Block { tag, text });
        rest = after;
    }
    blocks
}

fn declined(reply: &str) -> Option<String> {
    let start = reply.find(DECLINE)?;
    // only at the start of a line: the words may stand in a string or a sentence
    let before = reply[..start].trim_end_matches(['*', ' ', '`']);
    if !(before.is_empty() || before.ends_with('\n')) {
        return None;
    }
    let reason = reply[start + DECLINE.len()..].lines().next().unwrap_or("");
    Some(reason.trim().trim_matches('*').trim().to_string())
}

/// SQL that stands in the reply without any mark: the whole of it, or from the first line
/// that starts a statement to its semicolon or to the next empty line.
fn bare(reply: &str) -> Option<&str> {
    if starts_statement(reply) {
        return Some(until_prose(reply));
    }
    let mut offset = 0;
    for line in reply.split_inclusive('\n') {
        let start = match line.find(':') {
            Some(colon) if starts_query(&line[colon + 1..]) => Some(colon + 1),
            _ if starts_query(line) => Some(0),
            _ => None,
        };
        if let Some(start) = start {
            return Some(until_prose(&reply[offset + start..]));
        }
        offset += line.len();
    }
    None
}

/// Cuts what follows the SQL: everything after the last semicolon that ends a line, or
/// else after the first empty line. Never cuts between two statements.
fn until_prose(text: &str) -> &str {
    let mut end = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        offset += line.len();
        if line.trim_end().ends_with(';') {
            end = Some(offset);
        }
    }
    match end.or_else(|| text.find("\n\n")).or_else(|| text.find("\n\r\n")) {
        // what follows is no prose but another statement, which the guard has to see
        Some(end) if starts_statement(text[end..].trim_start()) => text,
        Some(end) => &text[..end],
        None => text,
    }
}

/// Starts like any statement; used where the whole text should be one.
fn starts_statement(text: &str) -> bool {
    if starts_query(text) {
        return true;
    }
    let mut words = text.split_whitespace().map(str::to_ascii_lowercase);
    let (Some(first), second) = (words.next(), words.next().unwrap_or_default()) else {
        return false;
    };
    match first.as_str() {
        "insert" => second == "into",
        "delete" => second == "from",
        "update" => words.any(|word| word == "set"),
        "merge" => second == "into",
        "create" | "drop" | "alter" => matches!(
            second.as_str(),
            "table"
                | "view"
                | "index"
                | "function"
                | "schema"
                | "role"
                | "user"
                | "database"
                | "extension"
                | "temp"
                | "temporary"
                | "materialized"
                | "or"
                | "unique"
        ),
        "truncate" | "explain" | "copy" | "grant" | "revoke" | "do" | "call" => !second.is_empty(),
        _ => false,
    }
}

/// Starts like a query: SELECT, WITH name AS (, VALUES (, or one of them in parentheses.
fn starts_query(text: &str) -> bool {
    let text = without_leading_comments(text).trim_start_matches(|c: char| c == '(' || c.is_whitespace());
    let word_end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, rest) = text.split_at(word_end);
    match word.to_ascii_lowercase().as_str() {
        "select" => !rest.is_empty(),
        "values" => rest.trim_start().starts_with('('),
        // TABLE name and nothing else: the word begins many a sentence
        "table" => rest.split_whitespace().count() == 1,
        "with" => {
            let rest = rest.to_ascii_lowercase();
            rest.contains(" as ") && rest.contains('(') || rest.contains(" as(")
        }
        _ => false,
    }
}

fn without_leading_comments(text: &str) -> &str {
    let mut text = text.trim_start();
    loop {
        let rest = if text.starts_with("--") {
            text.find('\n').map(|end| &text[end..])
        } else if text.starts_with("/*") {
            text.find("*/").map(|end| &text[end + 2..])
        } else {
            return text;
        };
        match rest {
            Some(rest) => text = rest.trim_start(),
            None => return "",
        }
    }
}

/// Without surrounding space and without semicolons at the end.
fn trim(sql: &str) -> String {
    sql.trim().trim_end_matches(|c: char| c == ';' || c.is_whitespace()).to_string()
}

/// Names of a JSON array (of strings, or of objects with a name), or of an object that holds
/// one; also when prose stands around it.
fn json_names(text: &str) -> Option<Vec<String>> {
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    let value = parse(text.trim()).or_else(|| {
        let (start, end) = (text.find('[')?, text.rfind(']')?);
        parse(text.get(start..=end)?)
    })?;
    let array = match &value {
        Value::Array(array) => array,
        Value::Object(object) => object.values().find_map(Value::as_array)?,
        _ => return None,
    };
    let name = |item: &Value| match item {
        Value::String(name) => Some(name.clone()),
        Value::Object(object) => {
            ["table", "name", "table_name"].iter().find_map(|key| object.get(*key)?.as_str()).map(str::to_string)
        }
        _ => None,
    };
    Some(array.iter().filter_map(name).collect())
}

/// What may be a name on each line, and between the commas of a line.
fn line_names(text: &str) -> Vec<String> {
    text.lines()
        .flat_map(|line| line.split([',', ';']))
        .map(|item| {
            let item = item.trim().trim_start_matches(|c: char| {
                c.is_ascii_digit() || matches!(c, '-' | '*' | '.' | ')' | '•') || c.is_whitespace()
            });
            // "orders: holds the amounts", "`orders` (amounts)"
            let end = item.find([':', '(']).unwrap_or(item.len());
            item[..end].trim_matches(|c: char| matches!(c, '`' | '*') || c.is_whitespace()).to_string()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

fn says_nothing(text: &str) -> bool {
    let text = text.trim().trim_matches(['"', '.', '*', '`']).to_lowercase();
    text.is_empty()
        || matches!(text.as_str(), "none" | "nothing" | "null" | "no tables")
        || text.contains("nothing here answers")
        || text.contains("none of the")
        || text.contains("no table")
}

/// The tables that were offered, to be found by names as models write them.
struct Offered<'a> {
    exact: HashMap<&'a str, usize>,
    /// Without quotes and case.
    full: HashMap<String, usize>,
    /// The name alone; None where several tables have it.
    bare: HashMap<String, Option<usize>>,
}

impl<'a> Offered<'a> {
    fn new(offered: &'a [String]) -> Self {
        let mut known = Offered { exact: HashMap::new(), full: HashMap::new(), bare: HashMap::new() };
        for (index, name) in offered.iter().enumerate() {
            known.exact.entry(name).or_insert(index);
            let full = plain(name);
            if let Some((_, bare)) = full.split_once('.') {
                known.bare.entry(bare.to_owned()).and_modify(|index| *index = None).or_insert(Some(index));
            }
            known.full.entry(full).or_insert(index);
        }
        known
    }

    /// By the full name as offered, then without quotes and case, then by the bare name where
    /// only one table has it.
    fn find(&self, name: &str) -> Option<usize> {
        let exact = self.exact.get(name).copied();
        exact.or_else(|| {
            let name = plain(name);
            self.full.get(&name).copied().or_else(|| self.bare.get(&name).copied().flatten())
        })
    }
}

fn plain(name: &str) -> String {
    name.replace('"', "").trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sql_is_found_however_it_is_packed() {
        let q = "SELECT title FROM shelf.books";
        for reply in [
            q.to_string(),
            format!("{q};"),
            format!("{q} ;\n"),
            format!("```sql\n{q};\n```"),
            format!("```\n{q}\n```"),
            format!("```SQL {q}```"),
            format!("```PostgreSQL\n{q}"),
            format!("Here you are:\n\n```sql\n{q}\n```\nIt lists all titles."),
            format!("```sql\nSELECT 1\n```\nBetter:\n```sql\n{q}\n```"),
            format!("```json\n{{\"sql\": \"{q};\"}}\n```"),
            format!("{{\"reasoning\": \"easy\", \"sql\": \"{q}\"}}"),
            format!("<think>SELECT 1? ```sql\nSELECT 2\n``` no</think>\n{q}"),
            format!("thoughts without a start</think>{q}"),
            format!("The query is: {q}"),
            format!("Let me see. The answer:\n{q};\n\nThis lists all titles."),
            format!("Sure.\n\n{q}\n\nThis lists all titles."),
            format!("```python\nprint(1)\n```\n{q}"),
        ] {
            assert_eq!(sql(&reply).unwrap(), Generated::Sql(q.into()), "{reply}");
        }
    }

    #[test]
    fn a_table_by_itself_is_sql_and_a_second_statement_is_not_prose() {
        for reply in ["TABLE shelf.books", "table shelf.books;", "Sure.\n\ntable shelf.books\n\nThat is all."] {
            let Generated::Sql(found) = sql(reply).unwrap() else { panic!("{reply}") };
            assert_eq!(found.to_lowercase(), "table shelf.books");
        }
        assert!(sql("Table salaries holds no titles.").is_err());
        for reply in ["SELECT 1\n;\nUPDATE shelf.books SET price = 0", "SELECT 1;\n\nDROP TABLE shelf.books"] {
            assert_eq!(sql(reply).unwrap(), Generated::Sql(reply.into()));
        }
    }

    #[test]
    fn other_statements_stay_for_the_guard() {
        for text in [
            "SELECT 1; DROP TABLE loans",
            "DELETE FROM loans",
            "UPDATE loans SET returned = true",
            "WITH x AS (DELETE FROM loans RETURNING *) SELECT * FROM x",
            "-- all\nVALUES (1)",
            "(SELECT 1) UNION (SELECT 2)",
        ] {
            assert_eq!(sql(text).unwrap(), Generated::Sql(text.into()));
            let fenced = format!("```sql\n{text};\n```");
            assert_eq!(sql(&fenced).unwrap(), Generated::Sql(text.into()));
        }
        let two = "SELECT 1;\nSELECT 2;\n\nBoth are needed.";
        assert_eq!(sql(two).unwrap(), Generated::Sql("SELECT 1;\nSELECT 2".into()));
    }

    #[test]
    fn declining_is_an_answer() {
        for reply in [
            "UNANSWERABLE: no table holds prices",
            "**UNANSWERABLE:** no table holds prices",
            "<think>hm</think>UNANSWERABLE: no table holds prices\nSorry.",
            r#"{"sql": null, "reason": "no table holds prices"}"#,
        ] {
            let expected = Generated::Declined("no table holds prices".into());
            assert_eq!(sql(reply).unwrap(), expected, "{reply}");
        }
    }

    #[test]
    fn replies_without_sql_are_errors() {
        for reply in [
            "",
            "I cannot help with that.",
            "With pleasure!",
            "<think>SELECT 1",
            "```\n```",
            "```text\nhello\n```",
            "{\"answer\": 42}",
        ] {
            assert!(sql(reply).is_err(), "{reply}: {:?}", sql(reply));
        }
    }

    fn offered() -> Vec<String> {
        ["shelf.books", "shelf.\"Loans\"", "shelf.members", "archive.members"].map(String::from).to_vec()
    }

    #[test]
    fn table_lists_in_many_shapes() {
        for (reply, expected) in [
            (r#"["shelf.books"]"#, vec![0]),
            (r#"["shelf.books", "shelf.books", "unknown"]"#, vec![0]),
            ("```json\n[\"books\", \"loans\"]\n```", vec![0, 1]),
            (r#"{"tables": ["shelf.\"Loans\""]}"#, vec![1]),
            (r#"{"tables": [{"name": "shelf.loans"}]}"#, vec![1]),
            ("I'd take [\"archive.members\"] here.", vec![3]),
            ("- shelf.books: titles\n- `shelf.members` (people)", vec![0, 2]),
            ("1. books\n2. Loans", vec![0, 1]),
            ("books, loans", vec![0, 1]),
            ("<think>[\"books\"]</think>[\"loans\"]", vec![1]),
        ] {
            let chosen = tables(reply, &offered()).unwrap();
            assert_eq!(chosen, Filtered::Tables(expected), "{reply}");
        }
    }

    #[test]
    fn nothing_is_told_from_nonsense() {
        for reply in ["[]", "{\"tables\": []}", "none", "Nothing here answers that.", "```json\n[]\n```"] {
            assert_eq!(tables(reply, &offered()).unwrap(), Filtered::Nothing, "{reply}");
        }
        // "members" stands in two schemas: ambiguous
        for reply in ["[\"prices\"]", "members", "the weather is fine"] {
            assert!(tables(reply, &offered()).is_err(), "{reply}");
        }
    }

    #[test]
    fn many_fences_and_names_take_no_time() {
        let start = std::time::Instant::now();
        let offered: Vec<String> = (0..200).map(|i| format!("shelf.table_{i}")).collect();
        for part in ["```with ", "*/```", "```update ", "table_7, ", "```x:", "select:", "[", "{"] {
            let reply = part.repeat(1_000_000 / part.len());
            let _ = sql(&reply);
            let _ = tables(&reply, &offered);
        }
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }

    proptest! {
        #[test]
        fn no_reply_panics(reply in "\\PC{0,80}") {
            let _ = sql(&reply);
            let _ = tables(&reply, &offered());
        }

        #[test]
        fn no_packing_panics(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("```"), Just("sql"), Just("\n"), Just("é"), Just("SELECT "), Just("{"),
                    Just("\"sql\":"), Just("\"x\"}"), Just("["), Just("]"), Just("</think>"),
                    Just("<think>"), Just(";"), Just("--"), Just("/*"), Just("*/"),
                    Just("UNANSWERABLE:"), Just(": "), Just("`"),
                ],
                0..12,
            )
        ) {
            let reply = parts.concat();
            let _ = sql(&reply);
            let _ = tables(&reply, &offered());
        }
    }
}
