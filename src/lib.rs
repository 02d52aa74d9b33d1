//! t2sql: questions in plain words, answered inside the database.
use pgrx::prelude::*;

mod error;
mod pg;

::pgrx::pg_module_magic!(name, version);

#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    pg::guc::init();
}

#[cfg(any(test, feature = "pg_test"))]
#[path = "../pg_test/suites.rs"]
mod suites;

#[cfg(test)]
#[path = "../pg_test/harness.rs"]
pub mod pg_test;
