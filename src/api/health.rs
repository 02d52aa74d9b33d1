//! `health`, `version`: is everything there, and what mends it.

use crate::flow::health;
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// What is in order and what is missing for the caller, with the statement that mends it.
#[pg_extern(volatile, parallel_unsafe)]
fn health() -> Result<
    TableIterator<
        'static,
        (name!(item, String), name!(ok, bool), name!(detail, String), name!(remedy, Option<String>)),
    >,
    ErrorReport,
> {
    Ok(TableIterator::new(health::check()?.into_iter().map(|c| (c.item.to_owned(), c.ok, c.detail, c.remedy))))
}

/// The version of the library that is loaded.
#[pg_extern(immutable, parallel_safe)]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
