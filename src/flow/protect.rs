//! What owners keep from questions.

use crate::error::{Error, Result};
use crate::pg::label::{self, Level};
use pgrx::pg_sys;

/// Labels a relation or column; `none` or no level takes the label away. PostgreSQL checks who may.
pub fn protect(relation: pg_sys::Oid, column: Option<&str>, level: Option<&str>) -> Result<()> {
    let level = match level {
        None | Some("none") => None,
        Some(name) => Some(Level::parse(name).ok_or_else(|| label::unknown_level(name))?),
    };
    if column == Some("") {
        return Err(Error::argument("column_name is empty", "Leave it out to protect the whole table."));
    }
    label::set(relation, column, level)
}
