//! Statements through SPI. Callers choose whose rights apply with a [`Frame`](super::frame::Frame).

use crate::error::{Error, Result};
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use serde::de::DeserializeOwned;

/// Runs a reading statement and returns its first cell, NULL or no row as None.
pub fn cell<T: FromDatum + IntoDatum>(sql: &str, args: &[DatumWithOid]) -> Result<Option<T>> {
    Spi::connect(|client| {
        let rows = client.select(sql, Some(1), args)?;
        if rows.is_empty() { Ok(None) } else { Ok(rows.first().get_one()?) }
    })
}

/// Runs a reading statement whose first cell is json as text, and parses that.
pub fn json<T: DeserializeOwned>(sql: &str, args: &[DatumWithOid]) -> Result<Option<T>> {
    cell::<String>(sql, args)?.map(|text| parse(&text)).transpose()
}

/// Runs a writing statement; returns the number of rows and the first cell.
pub fn write<T: FromDatum + IntoDatum>(sql: &str, args: &[DatumWithOid]) -> Result<(usize, Option<T>)> {
    Spi::connect_mut(|client| {
        let rows = client.update(sql, None, args)?;
        let count = rows.len();
        if count == 0 || rows.columns().unwrap_or(0) == 0 {
            Ok((count, None))
        } else {
            Ok((count, rows.first().get_one()?))
        }
    })
}

/// Runs a writing statement; returns the number of rows.
pub fn execute(sql: &str, args: &[DatumWithOid]) -> Result<usize> {
    Ok(Spi::connect_mut(|client| client.update(sql, None, args).map(|rows| rows.len()))?)
}

/// As [`json`], for a writing statement.
pub fn write_json<T: DeserializeOwned>(sql: &str, args: &[DatumWithOid]) -> Result<Option<T>> {
    write::<String>(sql, args)?.1.map(|text| parse(&text)).transpose()
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::Internal(format!("a stored document has an unexpected shape: {e}")))
}
