//! Introspection: what `pg_catalog` and `pg_stats` say of a set of schemas.

use crate::error::Result;
use crate::pg::frame::Frame;
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
    let sql = concat!("SELECT (", include_str!("sql/introspect.sql"), ")::text");
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

/// Distinct values of one column with their frequency, most frequent first, or None when there
/// are more than `limit`. Read as the table's owner in a restricted operation, so that nothing the
/// owner attached to the table runs with the caller's rights.
pub fn distinct_values(table: &FoundTable, column: &Column, limit: usize) -> Result<Option<Vec<(String, i64)>>> {
    let owner = table_owner(pg_sys::Oid::from(table.oid))?;
    let reader = if role::is_dangerous(owner) { role::run_as()? } else { owner };
    let sql = format!(
        "SELECT coalesce(json_agg(json_build_array(v, n) ORDER BY n DESC, v), '[]')::text FROM (
           SELECT {column}::text AS v, count(*) AS n FROM {schema}.{table}
           WHERE {column} IS NOT NULL GROUP BY 1 LIMIT $1) AS values",
        column = pgrx::spi::quote_identifier(&column.name),
        schema = pgrx::spi::quote_identifier(&table.schema),
        table = pgrx::spi::quote_identifier(&table.name),
    );
    let _frame = Frame::role(reader);
    let values: Vec<(String, i64)> = spi::json(&sql, &[(limit as i64 + 1).into()])?.unwrap_or_default();
    Ok((values.len() <= limit).then_some(values))
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
