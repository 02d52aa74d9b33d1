//! Introspection: what `pg_catalog` and `pg_stats` say of a set of schemas.

use crate::error::Result;
use crate::pg::frame::Frame;
use crate::pg::seal::{self, Limits, Scope};
use crate::pg::{role, spi};
use pgrx::prelude::*;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use t2sql_core::schema::{Column, Family};

/// What one introspection found, as its reader may see it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Found {
    pub tables: Vec<FoundTable>,
    pub keys: Vec<FoundKey>,
    /// Relations that exist but that the reader may not read.
    pub hidden: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FoundTable {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    pub kind: String,
    pub comment: Option<String>,
    pub rows: f64,
    pub row_security: bool,
    /// False when only some of its columns may be read.
    pub whole: bool,
    pub values_state: String,
    pub columns: Vec<FoundColumn>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FoundColumn {
    /// `pg_attribute.attnum`.
    pub position: i32,
    /// Whether its owner keeps the values from questions.
    pub withheld: bool,
    #[serde(flatten)]
    pub column: Column,
}

/// A foreign key; composite keys keep their columns in order.
#[derive(Debug, Serialize, Deserialize)]
pub struct FoundKey {
    pub from_schema: String,
    pub from_table: String,
    pub from_columns: Vec<String>,
    pub to_schema: String,
    pub to_table: String,
    pub to_columns: Vec<String>,
    pub one_to_one: bool,
}

/// Looks at `schemas`, narrowed by LIKE patterns, as the caller (for superusers: as `t2sql.run_as`) may read them.
pub fn introspect(schemas: &[String], include: Option<&[String]>, exclude: Option<&[String]>) -> Result<Found> {
    let reader = role::name(role::reader()?);
    let _frame = Frame::caller();
    let sql = concat!("SELECT (", include_str!("sql/protected.sql"), include_str!("sql/introspect.sql"), ")::text");
    let mut found: Found = spi::json(
        sql,
        &[schemas.to_vec().into(), include.map(<[_]>::to_vec).into(), exclude.map(<[_]>::to_vec).into(), reader.into()],
    )?
    .unwrap_or_default();
    for found in found.tables.iter_mut().flat_map(|t| &mut t.columns) {
        complete_range(&mut found.column);
        found.column.common.truncate(30);
    }
    Ok(found)
}

/// Schemas of this database that hold users' relations, `public` first.
pub fn user_schemas() -> Result<Vec<String>> {
    let _frame = Frame::caller();
    let schemas = spi::cell::<Vec<String>>(
        "SELECT array_agg(n.nspname::text ORDER BY n.nspname <> 'public', n.nspname)
         FROM pg_namespace n
         WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 't2sql')
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
           AND n.nspname !~ '^_?timescaledb_'
           AND has_schema_privilege(n.oid, 'USAGE')",
        &[],
    )?;
    Ok(schemas.unwrap_or_default())
}

/// Which of the names are no schemas of this database.
pub fn missing_schemas(schemas: &[String]) -> Result<Vec<String>> {
    let _frame = Frame::caller();
    let missing = spi::cell::<Vec<String>>(
        "SELECT array_agg(s) FROM unnest($1::text[]) AS s WHERE NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = s)",
        &[schemas.to_vec().into()],
    )?;
    Ok(missing.unwrap_or_default())
}

/// What came of reading a column's values.
pub enum Values {
    /// With their frequency, most frequent first.
    Found(Vec<(String, i64)>),
    TooMany,
    /// The guard refused, PostgreSQL raised an error, or it took too long.
    Unreadable,
}

/// Most bytes that one column's values may have.
const MOST_BYTES: i64 = 16 * 1024 * 1024;

/// How long one column may take: its table's owner can put slow code behind it.
const VALUES_TIMEOUT_MS: i32 = 10_000;

/// Distinct values of one column. Read under the guard and the seal as the table's owner, so that
/// nothing the owner attached to the table runs with other rights, writes, or stops the indexing.
pub fn distinct_values(table: &FoundTable, column: &Column, limit: usize) -> Result<Values> {
    let values = match column.family {
        Family::Enum => enum_labels(table, column)?,
        _ => match stored_values(table, column, limit)? {
            Some(values) => values,
            None => return Ok(Values::Unreadable),
        },
    };
    Ok(if values.len() <= limit { Values::Found(values) } else { Values::TooMany })
}

#[derive(Deserialize)]
struct ValueRow {
    v: String,
    n: i64,
}

/// At most `limit + 1` values.
fn stored_values(table: &FoundTable, column: &Column, limit: usize) -> Result<Option<Vec<(String, i64)>>> {
    let owner = table_owner(pg_sys::Oid::from(table.oid))?;
    let reader = if role::is_dangerous(owner) { role::run_as()? } else { owner };
    let sql = format!(
        "SELECT {column}::text AS v, count(*) AS n FROM {schema}.{table}
         WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {}",
        limit + 1,
        column = pgrx::spi::quote_identifier(&column.name),
        schema = pgrx::spi::quote_identifier(&table.schema),
        table = pgrx::spi::quote_identifier(&table.name),
    );
    let limits =
        Limits { max_rows: i64::MAX, max_bytes: MOST_BYTES, timeout_ms: VALUES_TIMEOUT_MS, max_cost: f64::INFINITY };
    let scope = Scope { search_path: &[], relations: None };
    let Ok(rows) = seal::fetch_as(reader, &sql, &scope, &limits) else { return Ok(None) };
    if rows.truncated {
        return Ok(None);
    }
    let values = rows.json.iter().map(|json| serde_json::from_str(json).map(|ValueRow { v, n }| (v, n)));
    Ok(values.collect::<std::result::Result<_, _>>().ok())
}

/// From the type and not from the table: the labels' owner may have put a function behind their cast to text.
fn enum_labels(table: &FoundTable, column: &Column) -> Result<Vec<(String, i64)>> {
    let _frame = Frame::caller();
    let labels = spi::json(
        "SELECT coalesce(json_agg(json_build_array(e.enumlabel, 1) ORDER BY e.enumsortorder), '[]')::text
         FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
         JOIN pg_enum e ON e.enumtypid = coalesce(nullif(t.typbasetype, 0), t.oid)
         WHERE a.attrelid = $1 AND a.attname = $2",
        &[pg_sys::Oid::from(table.oid).into(), column.name.as_str().into()],
    )?;
    Ok(labels.unwrap_or_default())
}

/// Whether a relation's owner could do no more with the current reader's rights than with its own.
pub fn has_trusted_owner(schema: &str, name: &str) -> Result<bool> {
    let reader = role::reader()?;
    let _frame = Frame::caller();
    let owner = spi::cell::<pg_sys::Oid>(
        "SELECT c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2",
        &[schema.into(), name.into()],
    )?;
    Ok(owner.is_some_and(|owner| role::trusts(reader, owner)))
}

fn table_owner(table: pg_sys::Oid) -> Result<pg_sys::Oid> {
    let _frame = Frame::caller();
    let owner = spi::cell::<pg_sys::Oid>("SELECT relowner FROM pg_class WHERE oid = $1", &[table.into()])?;
    Ok(owner.unwrap_or(pg_sys::InvalidOid))
}

/// Fills in a range where `pg_stats` has common values but no histogram.
fn complete_range(column: &mut Column) {
    if column.min.is_some() || column.common.is_empty() {
        return;
    }
    let number = |v: &String| v.parse::<f64>().ok();
    let by_number = |a: &&String, b: &&String| number(a).partial_cmp(&number(b)).unwrap_or(Ordering::Equal);
    match column.family {
        Family::Number => {
            column.min = column.common.iter().min_by(by_number).cloned();
            column.max = column.common.iter().max_by(by_number).cloned();
        }
        Family::Date | Family::Timestamp | Family::Time => {
            column.min = column.common.iter().min().cloned();
            column.max = column.common.iter().max().cloned();
        }
        _ => {}
    }
}
