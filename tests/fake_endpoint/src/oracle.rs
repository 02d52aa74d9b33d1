//! A model that knows the verified SQL of every benchmark question, but uses it only if the
//! prompt holds everything that the SQL needs: it measures what retrieval and prompt lose.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

#[derive(Debug)]
pub struct Oracle {
    /// By normalised text; the same text may be asked of several databases.
    questions: HashMap<String, Vec<Gold>>,
    log: Option<Mutex<PathBuf>>,
}

#[derive(Clone, Debug)]
struct Gold {
    id: String,
    schema: String,
    sql: String,
    tables: BTreeSet<String>,
    /// `table.column`
    columns: BTreeSet<String>,
}

/// Tables (`schema.table`) of a prompt and their columns.
type Offered = BTreeMap<String, BTreeSet<String>>;

impl Oracle {
    /// From `questions.jsonl` (id, db, question, gold_sql) and `linking.jsonl` (id, tables,
    /// columns). Each answered call appends a line to `log`.
    pub fn load(questions: &Path, linking: &Path, log: Option<PathBuf>) -> Result<Self, String> {
        let mut needs: HashMap<String, Value> =
            lines(linking)?.into_iter().filter_map(|line| Some((text(&line, "id")?, line))).collect();
        let mut by_text: HashMap<String, Vec<Gold>> = HashMap::new();
        for line in lines(questions)? {
            let id = text(&line, "id").ok_or("a question has no id")?;
            let sql = line.get("gold_sql").and_then(|sql| sql.get(0)).and_then(Value::as_str);
            let (Some(schema), Some(question), Some(sql), Some(need)) =
                (text(&line, "db"), text(&line, "question"), sql, needs.remove(&id))
            else {
                return Err(format!("question {id} lacks db, question, gold_sql or its linking"));
            };
            let names = |field: &str| -> BTreeSet<String> {
                let names = need.get(field).and_then(Value::as_array).into_iter().flatten();
                names.filter_map(|name| name.as_str().map(str::to_lowercase)).collect()
            };
            let gold = Gold { id, schema, sql: sql.to_string(), tables: names("tables"), columns: names("columns") };
            by_text.entry(normalise(&question)).or_default().push(gold);
        }
        Ok(Self { questions: by_text, log: log.map(Mutex::new) })
    }

    /// What this model says to a prompt.
    pub fn answer(&self, messages: &[String]) -> String {
        // in a repair round the question stands in the first user message again
        let prompt = messages.iter().find(|m| m.contains("Question: ")).map_or("", String::as_str);
        let question = prompt.rsplit_once("Question: ").map_or("", |(_, question)| question);
        let writes = prompt.contains("\nCREATE ");
        let offered = offered(prompt);
        let Some(gold) = self.find(question, &offered) else {
            self.note(&json!({"id": null, "call": call(writes), "question": question.trim()}));
            return if writes { "UNANSWERABLE: this is no question of the benchmark".into() } else { "[]".into() };
        };
        let key = |table: &str| format!("{}.{table}", gold.schema);
        let missing_tables: Vec<_> = gold.tables.iter().filter(|t| !offered.contains_key(&key(t))).collect();
        let missing_columns: Vec<_> = gold
            .columns
            .iter()
            .filter(|name| {
                let (table, column) = name.split_once('.').unwrap_or(("", name));
                !offered.get(&key(table)).is_some_and(|columns| columns.contains(column))
            })
            .collect();
        let tokens = messages.iter().map(|m| m.len()).sum::<usize>().div_ceil(3);
        self.note(&json!({
            "id": gold.id, "call": call(writes), "offered": offered.len(), "tokens": tokens,
            "missing_tables": missing_tables,
            // the filter call lists columns as a help only
            "missing_columns": if writes { json!(missing_columns) } else { json!([]) },
        }));
        if !writes {
            let chosen: Vec<_> = gold.tables.iter().map(|t| key(t)).filter(|t| offered.contains_key(t)).collect();
            json!(chosen).to_string()
        } else if missing_tables.is_empty() && missing_columns.is_empty() {
            format!("```sql\n{}\n```", gold.sql)
        } else {
            "SELECT NULL".into()
        }
    }

    /// The question with this text, of a database whose tables the prompt offers.
    fn find(&self, question: &str, offered: &Offered) -> Option<&Gold> {
        let candidates = self.questions.get(&normalise(question))?;
        let share = |gold: &Gold| {
            let of_schema = format!("{}.", gold.schema);
            let tables = offered.keys().filter(|table| table.starts_with(&of_schema)).count();
            let wanted = gold.tables.iter().filter(|t| offered.contains_key(&format!("{of_schema}{t}"))).count();
            (wanted, tables)
        };
        if let [only] = candidates.as_slice() {
            return Some(only);
        }
        candidates.iter().max_by_key(|gold| share(gold)).filter(|gold| share(gold).1 > 0)
    }

    fn note(&self, line: &Value) {
        let Some(log) = &self.log else { return };
        let path = log.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&*path);
        if let Err(error) = file.and_then(|mut file| writeln!(file, "{line}")) {
            eprintln!("cannot write {}: {error}", path.display());
        }
    }
}

fn call(writes: bool) -> &'static str {
    if writes { "generate" } else { "filter" }
}

fn lines(path: &Path) -> Result<Vec<Value>, String> {
    let content = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let parse = |line: &str| serde_json::from_str(line).map_err(|error| format!("{}: {error}", path.display()));
    content.lines().filter(|line| !line.trim().is_empty()).map(parse).collect()
}

fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field)?.as_str().map(str::to_string)
}

fn normalise(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// What a prompt tells about tables: `- schema.table (a, b): …` in the filter call,
/// `CREATE TABLE schema.table (` with a column per line in the generate call.
fn offered(prompt: &str) -> Offered {
    let mut offered = Offered::new();
    let mut current = None;
    for line in prompt.lines() {
        if let Some(rest) = line.strip_prefix("- ") {
            if let Some((table, rest)) = qualified(rest) {
                let list = rest.trim_start().strip_prefix('(').unwrap_or("");
                offered.insert(table, column_list(list));
            }
        } else if let Some(rest) = line.strip_prefix("CREATE ") {
            let name = ["TABLE ", "VIEW ", "MATERIALIZED VIEW ", "FOREIGN TABLE "]
                .iter()
                .find_map(|kind| qualified(rest.strip_prefix(kind)?));
            current = name.map(|(table, _)| table);
            if let Some(table) = &current {
                offered.insert(table.clone(), BTreeSet::new());
            }
        } else if line.starts_with(')') {
            current = None;
        } else if let (Some(table), Some(rest)) = (&current, line.strip_prefix("  "))
            && !rest.starts_with("FOREIGN KEY (")
            && !rest.starts_with("PRIMARY KEY (")
            && let (Some((column, _)), Some(columns)) = (identifier(rest), offered.get_mut(table))
        {
            columns.insert(column);
        }
    }
    offered
}

fn qualified(text: &str) -> Option<(String, &str)> {
    let (schema, rest) = identifier(text)?;
    let (table, rest) = identifier(rest.strip_prefix('.')?)?;
    Some((format!("{schema}.{table}"), rest))
}

fn column_list(mut text: &str) -> BTreeSet<String> {
    let mut columns = BTreeSet::new();
    while let Some((column, rest)) = identifier(text) {
        columns.insert(column);
        match rest.strip_prefix(", ") {
            Some(rest) => text = rest,
            None => break,
        }
    }
    columns
}

/// An identifier at the start, unquoted and in lower case, and what follows it.
fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_lowercase(), &text[end..]));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if quoted[at + 1..].starts_with('"') {
            name.push('"');
            chars.next();
        } else {
            return Some((name.to_lowercase(), &quoted[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oracle() -> Oracle {
        let gold = |id: &str, schema: &str| Gold {
            id: id.into(),
            schema: schema.into(),
            sql: format!("SELECT name FROM staff -- {schema}"),
            tables: ["staff".to_string()].into(),
            columns: ["staff.name".to_string()].into(),
        };
        let questions = [("who works here?".to_string(), vec![gold("a", "bakery"), gold("b", "clinic")])];
        Oracle { questions: questions.into(), log: None }
    }

    fn ask(data: &str) -> String {
        oracle().answer(&["rules".into(), format!("<data>\n{data}\n</data>\n\nQuestion: Who  works here?")])
    }

    #[test]
    fn it_chooses_among_what_is_offered() {
        assert_eq!(ask("- clinic.staff (id, name): \"x\"\n- clinic.rooms (id)"), r#"["clinic.staff"]"#);
        assert_eq!(ask("- clinic.rooms (id)"), "[]");
        assert_eq!(ask("- bakery.staff (id)"), r#"["bakery.staff"]"#);
    }

    #[test]
    fn it_declines_what_it_was_not_told() {
        let answer = oracle().answer(&["<data>\nCREATE TABLE a.b (\n);\n</data>\nQuestion: Will it rain?".into()]);
        assert!(answer.starts_with("UNANSWERABLE:"));
    }

    #[test]
    fn it_writes_sql_only_from_a_complete_prompt() {
        let table = |columns: &str| ask(&format!("CREATE TABLE clinic.staff ( -- about 7 rows\n{columns}\n);"));
        assert!(table("  id integer PRIMARY KEY,\n  \"Name\" text, -- \"the name\"").contains("-- clinic"));
        assert_eq!(table("  id integer PRIMARY KEY,\n  FOREIGN KEY (name) REFERENCES clinic.x (name),"), "SELECT NULL");
        assert_eq!(ask("CREATE VIEW clinic.rooms (\n  name text,\n);"), "SELECT NULL");
    }
}
