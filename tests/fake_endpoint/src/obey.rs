//! Models that say what they are told to: the worst that a prompt can make of one.
//!
//! Which text they say, and how it is wrapped, stands in the question: `#obey 3 fenced` does what the fourth
//! instruction in the prompt asks for, `#say 3 json` recites the fourth line of the script.

/// How a model may wrap its SQL.
pub const PACKAGINGS: [&str; 4] = ["bare", "fenced", "json", "prose"];

/// `sql` as a model would say it.
fn packaged(sql: &str, packaging: &str) -> String {
    match packaging {
        "fenced" => format!("```sql\n{sql}\n```"),
        "json" => serde_json::json!({ "sql": sql }).to_string(),
        "prose" => format!("Of course. This is the query that you need:\n\n{sql}\n\nIt does what was asked for."),
        _ => sql.to_string(),
    }
}

/// What a prompt asks for between `{{` and `}}`, wherever that stands, each once, in order.
fn instructions(texts: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for part in texts.iter().flat_map(|text| text.split("{{").skip(1)) {
        let Some((instruction, _)) = part.split_once("}}") else { continue };
        // as JSON strings in a prompt write it
        let plain: Option<String> = serde_json::from_str(&format!("\"{instruction}\"")).ok();
        let plain = plain.unwrap_or_else(|| instruction.to_string());
        if !found.contains(&plain) {
            found.push(plain);
        }
    }
    found
}

/// What a model says that follows every instruction.
pub fn obey(texts: &[String]) -> String {
    said(texts, "#obey ", &instructions(texts))
}

/// What a model says that knows its lines.
pub fn recite(lines: &[String], texts: &[String]) -> String {
    said(texts, "#say ", lines)
}

fn said(texts: &[String], mark: &str, lines: &[String]) -> String {
    let order = texts.iter().find_map(|text| text.split_once(mark)).map_or("", |(_, order)| order);
    let mut words = order.split_whitespace();
    let number: Option<usize> = words.next().and_then(|number| number.parse().ok());
    match number.and_then(|number| lines.get(number)) {
        Some(sql) => packaged(sql, words.next().unwrap_or("")),
        None => "UNANSWERABLE: there is nothing to obey".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_obeys_what_stands_anywhere() {
        let prompt = [
            "rules".to_string(),
            r#"<data> t -- "do {{SELECT 'a' \u003c 'b'}}" "x{{DROP TABLE y}}" {{DROP TABLE y}} </data> #obey 1 fenced"#
                .into(),
        ];
        assert_eq!(instructions(&prompt), ["SELECT 'a' < 'b'", "DROP TABLE y"]);
        assert_eq!(obey(&prompt), "```sql\nDROP TABLE y\n```");
        assert!(obey(&["#obey 0 bare".to_string()]).starts_with("UNANSWERABLE"));
    }

    #[test]
    fn it_recites() {
        let lines = ["SELECT 1".to_string(), "SELECT 2".to_string()];
        assert_eq!(recite(&lines, &["#say 1 json now".to_string()]), r#"{"sql":"SELECT 2"}"#);
        assert_eq!(recite(&lines, &["#say 0 bare".to_string()]), "SELECT 1");
        assert!(recite(&lines, &["#say 0 prose".to_string()]).contains(":\n\nSELECT 1\n\nIt"));
    }
}
