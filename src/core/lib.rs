//! t2sql-core: everything that can be decided without a database.
//!
//! No pgrx, no unsafe code; `net` is the only room that opens a socket.
#![forbid(unsafe_code)]

pub mod embed;
pub mod engine;
pub mod error;
#[cfg(test)]
mod fuzz;
pub mod link;
pub mod net;
pub mod prompt;
pub mod rank;
pub mod relate;
pub mod reply;
pub mod sample;
pub mod schema;
pub mod text;
pub mod wire;

pub use error::{Error, Result};
