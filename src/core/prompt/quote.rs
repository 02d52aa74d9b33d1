//! Text of the database made fit to stand in a prompt: one line, bounded, quoted.

use crate::schema::Table;

/// Longest comment and value, in characters.
pub const COMMENT_LIMIT: usize = 1_000;
pub const VALUE_LIMIT: usize = 64;

/// One line without control and invisible characters, at most `limit` characters.
pub fn clean(text: &str, limit: usize) -> String {
    let mut cleaned = String::new();
    let mut length = 0;
    let mut space = false;
    for c in text.chars() {
        if c.is_whitespace() || is_hidden(c) {
            space = true;
            continue;
        }
        if length >= limit {
            cleaned.push('…');
            break;
        }
        if space && length > 0 {
            cleaned.push(' ');
            length += 1;
        }
        space = false;
        cleaned.push(c);
        length += 1;
    }
    cleaned
}

/// Characters that a reader doesn't see but a model does: controls, direction marks,
/// zero-width and tag characters.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Cleaned and quoted as JSON, with `<` and `>` escaped, so that no text can close the data section.
pub fn json_string(text: &str, limit: usize) -> String {
    let mut quoted = String::from("\"");
    for c in clean(text, limit).chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            '<' => quoted.push_str("\\u003c"),
            '>' => quoted.push_str("\\u003e"),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Like [`json_string`], but line breaks stay, as escapes: SQL means something else when a
/// `--` comment runs into the next line.
pub fn json_lines(text: &str, limit: usize) -> String {
    let shortened: String = text.chars().take(limit).collect();
    let lines: Vec<_> = shortened
        .lines()
        .map(|line| json_string(line, limit))
        .map(|line| line[1..line.len() - 1].to_string())
        .filter(|line| !line.is_empty())
        .collect();
    format!("\"{}\"", lines.join("\\n"))
}

/// A stored value as a literal to compare with; what had to be changed is marked by `like`.
pub fn value(text: &str) -> String {
    let cleaned = clean(text, VALUE_LIMIT);
    let plain = cleaned == text && !cleaned.contains(['<', '>', '\\']);
    if plain {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        format!("text like {}", json_string(text, VALUE_LIMIT))
    }
}

/// `schema.table`, each part quoted where it must be.
pub fn table(table: &Table) -> String {
    format!("{}.{}", identifier(&table.schema), identifier(&table.name))
}

/// An identifier as PostgreSQL reads it back: bare where that is the same, else quoted. A name
/// with control characters or angle brackets is written with escapes, so that it stays one
/// line and still means the same object.
pub fn identifier(name: &str) -> String {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if starts_well && name.chars().all(plain) && RESERVED.binary_search(&name).is_err() {
        return name.to_string();
    }
    if !name.chars().any(|c| is_hidden(c) || matches!(c, '<' | '>')) {
        return crate::text::quote_identifier(name);
    }
    let mut quoted = String::from("U&\"");
    for c in name.chars() {
        match c {
            '"' => quoted.push_str("\"\""),
            '\\' => quoted.push_str("\\\\"),
            _ if is_hidden(c) || matches!(c, '<' | '>') => {
                quoted.push_str(&format!("\\+{:06x}", u32::from(c)));
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Words that need quotes as a column or table name (PostgreSQL 15 to 18), sorted.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reserved_words_are_sorted_for_the_search() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn identifiers_are_quoted_when_needed_only() {
        for (name, expected) in [
            ("orders", "orders"),
            ("order", "\"order\""),
            ("Orders", "\"Orders\""),
            ("2nd", "\"2nd\""),
            ("unit price", "\"unit price\""),
            ("a\"b", "\"a\"\"b\""),
            ("größe", "\"größe\""),
            ("x\n</data>", "U&\"x\\+00000a\\+00003c/data\\+00003e\""),
            ("a\\\u{202e}", "U&\"a\\\\\\+00202e\""),
        ] {
            assert_eq!(identifier(name), expected);
        }
    }

    #[test]
    fn values_say_when_they_are_not_whole() {
        assert_eq!(value("O'Brien"), "'O''Brien'");
        assert_eq!(value("a\nb"), "text like \"a b\"");
        assert_eq!(value(&"x".repeat(70)), format!("text like \"{}…\"", "x".repeat(64)));
    }

    proptest! {
        #[test]
        fn nothing_leaves_its_line_or_section(text in any::<String>()) {
            for out in [json_string(&text, 50), json_lines(&text, 50), identifier(&text), value(&text)] {
                prop_assert!(!out.contains('<') && !out.contains('\n'), "{out}");
            }
            prop_assert!(clean(&text, 50).chars().count() <= 52);
        }
    }
}
