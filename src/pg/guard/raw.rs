//! The first step: PostgreSQL's own parser must see exactly one plain SELECT.

use super::{Stop, nodes, text};
use crate::pg::ffi;
use pgrx::pg_sys::{self, NodeTag};
use pgrx::prelude::*;
use std::ffi::{CStr, c_void};

/// Longest SQL that is looked at.
pub const MAX_LENGTH: usize = 64 * 1024;

/// A relation as the SQL names it, and where.
#[derive(Clone, Debug)]
pub struct Mention {
    schema: Option<String>,
    name: String,
    /// Bytes before it.
    location: i32,
}

impl Mention {
    /// What PostgreSQL says when this relation does not exist.
    pub fn missing(&self) -> String {
        match &self.schema {
            Some(schema) => format!("relation \"{schema}.{}\" does not exist", self.name),
            None => format!("relation \"{}\" does not exist", self.name),
        }
    }

    /// True when this may be how the SQL wrote `schema.name`.
    pub fn names(&self, schema: &str, name: &str) -> bool {
        self.name == name && self.schema.as_deref().is_none_or(|written| written == schema)
    }

    pub fn location(&self) -> i32 {
        self.location
    }
}

/// Refuses text that must not even reach the parser.
pub fn check_text(sql: &str) -> Result<(), Stop> {
    if sql.len() > MAX_LENGTH {
        return Stop::refuse(
            "too-long",
            format!("it is {} bytes long, at most {MAX_LENGTH} are looked at", sql.len()),
            "Ask for less at once.",
        );
    }
    if sql.contains('\0') {
        return Stop::refuse("nul-byte", "it contains a NUL character", "Remove the character.");
    }
    Ok(())
}

/// Parses `sql`, which must be one SELECT (or VALUES, TABLE, WITH) that writes and locks nothing.
pub fn parse(sql: &CStr) -> Result<*mut pg_sys::RawStmt, Stop> {
    // SAFETY: a NUL-terminated string; the tree lives in the current memory context.
    unsafe {
        let list = pg_sys::raw_parser(sql.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_DEFAULT);
        let mut statements = nodes::<pg_sys::RawStmt>(list);
        let Some(statement) = statements.next() else {
            return Stop::refuse("one-statement", "there is no statement in it", "Write one SELECT.");
        };
        if statements.next().is_some() {
            return Stop::refuse(
                "one-statement",
                "there is more than one statement in it",
                "Write one SELECT; several results can be joined or put into a UNION.",
            );
        }
        let tree = (*statement).stmt;
        if (*tree).type_ != NodeTag::T_SelectStmt {
            return Stop::refuse(
                "only-select",
                "it is not a SELECT",
                "Only a SELECT, VALUES, TABLE or WITH query may run.",
            );
        }
        let mut select = tree.cast::<pg_sys::SelectStmt>();
        loop {
            if !(*select).intoClause.is_null() {
                return Stop::refuse("no-into", "SELECT INTO would create a table", "Leave INTO out.");
            }
            if !(*select).lockingClause.is_null() {
                return Stop::refuse("no-row-locks", "it would lock rows", "Leave FOR UPDATE and FOR SHARE out.");
            }
            // INTO of a set operation hangs on its leftmost SELECT
            if (*select).larg.is_null() {
                return Ok(statement);
            }
            select = (*select).larg;
        }
    }
}

/// Every relation that the parse tree names, CTE references included.
pub fn mentions(statement: *mut pg_sys::RawStmt) -> Vec<Mention> {
    let mut found = Vec::new();
    // SAFETY: a tree fresh from the parser; `collect` gets the Vec it expects. Through the walker
    // and not directly: a guarded callback turns panics into longjmps, which only C may see.
    unsafe { ffi::raw_expression_tree_walker((*statement).stmt, collect, (&raw mut found).cast()) };
    found
}

#[pg_guard]
unsafe extern "C-unwind" fn collect(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: called by PostgreSQL's walker with its own nodes and our Vec.
    unsafe {
        if (*node).type_ == NodeTag::T_RangeVar {
            let range = &*node.cast::<pg_sys::RangeVar>();
            (*context.cast::<Vec<Mention>>()).push(Mention {
                schema: (!range.schemaname.is_null()).then(|| text(range.schemaname)),
                name: text(range.relname),
                location: range.location,
            });
            return false;
        }
        ffi::raw_expression_tree_walker(node, collect, context)
    }
}
