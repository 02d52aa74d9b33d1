//! What the literals of a statement are compared with.

use super::lexer::{Kind, Token, lex};
use crate::schema::Catalog;

/// Functions around a column that leave it the same value in other letters.
const SAME_VALUE: &[&str] = &["lower", "upper", "trim", "btrim"];

/// The literals of a statement, in order, and what stands around them.
pub(super) struct Statement<'a> {
    pub tokens: Vec<Token<'a>>,
    /// Positions in `tokens` without spaces and comments.
    solid: Vec<usize>,
    /// Positions in `solid` of texts and numbers.
    literals: Vec<usize>,
}

/// Where a literal stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// Compared with a column (by its path of names) or an expression (empty).
    Compared {
        path: Vec<String>,
        pattern: bool,
    },
    Limit,
    Interval,
    Other,
}

impl<'a> Statement<'a> {
    /// None where something is not closed: then nothing in it can be replaced.
    pub fn new(sql: &'a str) -> Option<Self> {
        let tokens = lex(sql);
        if tokens.iter().any(|t| t.kind == Kind::Unclosed) {
            return None;
        }
        let is_solid = |t: &Token| !matches!(t.kind, Kind::Space | Kind::Comment);
        let solid: Vec<usize> = (0..tokens.len()).filter(|&i| is_solid(&tokens[i])).collect();
        let is_literal = |&i: &usize| matches!(tokens[solid[i]].kind, Kind::Text | Kind::Number);
        let literals = (0..solid.len()).filter(is_literal).collect();
        Some(Self { tokens, solid, literals })
    }

    /// Positions in `tokens` of the literals that slots are counted by.
    pub fn literals(&self) -> impl Iterator<Item = usize> + '_ {
        self.literals.iter().map(|&at| self.solid[at])
    }

    fn token(&self, at: usize) -> Option<&Token<'a>> {
        self.solid.get(at).map(|&i| &self.tokens[i])
    }

    fn before(&self, at: usize, by: usize) -> Option<usize> {
        at.checked_sub(by)
    }

    fn is_word(&self, at: Option<usize>, words: &[&str]) -> bool {
        at.and_then(|at| self.token(at))
            .is_some_and(|t| t.kind == Kind::Word && words.iter().any(|w| t.text.eq_ignore_ascii_case(w)))
    }

    fn is_sign(&self, at: Option<usize>, signs: &[&str]) -> bool {
        at.and_then(|at| self.token(at)).is_some_and(|t| t.kind == Kind::Operator && signs.contains(&t.text))
    }

    /// Where the literal with this number stands.
    pub fn place(&self, literal: usize) -> Place {
        let at = self.literals[literal];
        let after = Some(at + 1);
        // 'a' 'b' on two lines is one literal; -5 and 5 * x are expressions
        let neighbour = |at: Option<usize>| at.and_then(|at| self.token(at)).is_some_and(|t| t.kind == Kind::Text);
        let arithmetic = ["+", "-", "*", "/", "%", "||", "^"];
        if neighbour(after) || neighbour(self.before(at, 1)) || self.is_sign(after, &arithmetic) {
            return Place::Other;
        }
        let mut before = self.before(at, 1);
        if self.is_word(before, &["limit"]) {
            return Place::Limit;
        }
        if self.is_word(before, &["interval"]) {
            return Place::Interval;
        }
        if self.is_word(before, &["date", "timestamp", "timestamptz"]) {
            before = before.and_then(|b| self.before(b, 1));
        }
        self.comparison(before).unwrap_or(Place::Other)
    }

    /// The comparison whose right side begins after the token `before`.
    fn comparison(&self, before: Option<usize>) -> Option<Place> {
        let mut at = before?;
        // BETWEEN 1 AND 2: both belong to the operand before BETWEEN
        if self.is_word(Some(at), &["and"]) {
            let literal = at.checked_sub(1)?;
            let is_literal = |t: &Token| matches!(t.kind, Kind::Text | Kind::Number);
            if !self.token(literal).is_some_and(is_literal) {
                return None;
            }
            at = literal.checked_sub(1)?;
            if self.is_word(Some(at), &["date", "timestamp"]) {
                at = at.checked_sub(1)?;
            }
            if !self.is_word(Some(at), &["between"]) {
                return None;
            }
        }
        // IN ('a', 'b')
        if self.is_sign(Some(at), &["(", ","]) {
            while self.is_sign(Some(at), &[","]) {
                at = at.checked_sub(2)?;
            }
            let list = self.is_sign(Some(at), &["("]) && self.is_word(at.checked_sub(1), &["in"]);
            if !list {
                return None;
            }
            at -= 1;
        }
        let pattern = self.is_word(Some(at), &["like", "ilike"]);
        let compares = pattern
            || self.is_word(Some(at), &["in", "between"])
            || self.is_sign(Some(at), &["=", "<>", "!=", "<", ">", "<=", ">="]);
        if !compares {
            return None;
        }
        at = at.checked_sub(1)?;
        if self.is_word(Some(at), &["not"]) {
            at = at.checked_sub(1)?;
        }
        Some(Place::Compared { path: self.operand(at), pattern })
    }

    /// Names of the column that ends at this token; empty for anything else.
    fn operand(&self, mut at: usize) -> Vec<String> {
        // col::text
        while at >= 2 && self.is_sign(Some(at - 1), &["::"]) {
            at -= 2;
        }
        if self.is_sign(Some(at), &[")"]) {
            // lower(col), but not count(col)
            let Some(end) = at.checked_sub(1) else { return Vec::new() };
            let mut open = end;
            while open > 0 && !self.is_sign(Some(open), &["("]) {
                if self.is_sign(Some(open), &[")"]) {
                    return Vec::new();
                }
                open -= 1;
            }
            let path = self.path(end);
            let length = (2 * path.len()).saturating_sub(1);
            let whole = end.checked_sub(length) == Some(open);
            return if whole && self.is_word(open.checked_sub(1), SAME_VALUE) { path } else { Vec::new() };
        }
        self.path(at)
    }

    /// `a.b.c` that ends at this token.
    fn path(&self, mut at: usize) -> Vec<String> {
        let mut path = Vec::new();
        while let Some(name) = self.token(at).and_then(name) {
            path.insert(0, name);
            if at < 2 || !self.is_sign(Some(at - 1), &["."]) {
                break;
            }
            at -= 2;
        }
        path
    }

    /// Columns of the catalogue that a path may mean in this statement.
    pub fn columns(&self, catalog: &Catalog, path: &[String]) -> Vec<(usize, usize)> {
        let Some((column, qualifier)) = path.split_last() else { return Vec::new() };
        let mut found = Vec::new();
        for (number, table) in catalog.tables.iter().enumerate() {
            let Some(column) = table.columns.iter().position(|c| c.name == *column) else { continue };
            let fits = match qualifier {
                [] => self.aliases(&table.schema, &table.name).next().is_some(),
                [alias] => self.aliases(&table.schema, &table.name).any(|a| a == *alias),
                [.., schema, name] => table.schema == *schema && table.name == *name,
            };
            if fits {
                found.push((number, column));
            }
        }
        found
    }

    /// Names under which the statement reads a table.
    fn aliases(&self, schema: &str, table: &str) -> impl Iterator<Item = String> {
        let schema = schema.to_owned();
        let table = table.to_owned();
        (0..self.solid.len()).filter_map(move |at| {
            if self.token(at).and_then(name)? != table || self.is_sign(Some(at + 1), &[".", "("]) {
                return None;
            }
            let mut start = at;
            if self.is_sign(at.checked_sub(1), &["."]) {
                start = at.checked_sub(2)?;
                if self.token(start).and_then(name)? != schema {
                    return None;
                }
            }
            if !self.is_word(start.checked_sub(1), &["from", "join", "only"])
                && !self.is_sign(start.checked_sub(1), &[","])
            {
                return None;
            }
            let next = if self.is_word(Some(at + 1), &["as"]) { at + 2 } else { at + 1 };
            let alias = self.token(next).and_then(name).filter(|alias| !ENDS_TABLE.contains(&alias.as_str()));
            Some(alias.unwrap_or_else(|| table.clone()))
        })
    }
}

/// Words that may follow a table without being its alias.
const ENDS_TABLE: &[&str] = &[
    "cross",
    "except",
    "fetch",
    "for",
    "full",
    "group",
    "having",
    "inner",
    "intersect",
    "join",
    "left",
    "limit",
    "natural",
    "offset",
    "on",
    "order",
    "right",
    "tablesample",
    "union",
    "using",
    "where",
    "window",
];

/// A name as the catalogue writes it.
fn name(token: &Token) -> Option<String> {
    match token.kind {
        Kind::Word => Some(token.text.to_lowercase()),
        Kind::QuotedName => {
            let inner = token.text.strip_prefix('"')?.strip_suffix('"')?;
            Some(inner.replace("\"\"", "\""))
        }
        _ => None,
    }
}
