//! Public functions, one file a group: take arguments, call the flow, return.
//!
//! Columns of results stand in the signatures, also where a type names them already: pgrx writes
//! `RETURNS TABLE` from the signature alone.

mod answer;
mod ask;
mod check;
mod health;
pub mod index;
pub mod learn;
pub mod models;
mod protect;
mod query;
mod registry;
mod search;

use crate::error::Error;
use crate::flow::answer::Options;
use pgrx::JsonB;

/// Reads `options jsonb`.
fn options(options: Option<&JsonB>) -> Result<Options, Error> {
    Options::read(options.map(|JsonB(value)| value))
}

/// Reads a list of names; a NULL among them is an error.
fn names(list: Option<Vec<Option<String>>>, argument: &str) -> Result<Option<Vec<String>>, Error> {
    let complete = list.map(|list| list.into_iter().collect::<Option<Vec<String>>>());
    if complete == Some(None) {
        return Err(Error::argument(format!("{argument} contains NULL"), "Leave the NULL out."));
    }
    Ok(complete.flatten())
}
