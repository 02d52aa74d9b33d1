//! Public functions, one file a group: take arguments, call the flow, return.

mod answer;
mod ask;
mod health;
pub mod index;
mod learn;
pub mod models;
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
