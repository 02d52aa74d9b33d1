//! `protect`: what t2sql may not show, or not even know.

use crate::flow::protect;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// Keeps a table's or column's values, or all of it, from questions. Written out in SQL because pgrx has no
/// mapping for regclass.
#[pg_extern(sql = "
CREATE FUNCTION t2sql.protect(relation regclass, column_name text DEFAULT NULL, level text DEFAULT 'values')
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
")]
fn protect(relation: Option<pg_sys::Oid>, column_name: Option<&str>, level: Option<&str>) -> Result<(), ErrorReport> {
    match relation {
        Some(relation) => Ok(protect::protect(relation, column_name, level)?),
        None => Ok(()),
    }
}
