//! t2sql: questions in plain words, answered inside the database.
use pgrx::prelude::*;

mod api;
mod error;
mod flow;
mod pg;

::pgrx::pg_module_magic!(name, version);

extension_sql_file!("../sql/install/00_guard.sql", bootstrap);
extension_sql_file!("../sql/install/10_registry.sql");
extension_sql_file!("../sql/install/11_catalog.sql", requires = ["10_registry"]);
extension_sql_file!("../sql/install/12_learning.sql", requires = ["11_catalog", api::learn::_role_key]);
extension_sql_file!("../sql/install/13_vectors.sql", requires = ["12_learning"]);
extension_sql_file!("../sql/install/14_column_comments.sql", requires = ["13_vectors"]);
extension_sql_file!("../sql/install/20_triggers.sql", requires = ["13_vectors"]);
extension_sql_file!("../sql/install/21_hypertables.sql", requires = ["20_triggers"]);
extension_sql_file!("../sql/install/30_endpoint.sql", requires = [pg::endpoint::_endpoint_validator]);
extension_sql_file!(
    "../sql/install/40_procedures.sql",
    requires = ["13_vectors", api::models::_embed, api::index::_index_batch]
);
extension_sql_file!("../sql/install/90_comments.sql", finalize);

#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    pg::environment::leave_backtraces_out();
    pg::guc::init();
    pg::label::init();
}

#[cfg(any(test, feature = "pg_test"))]
#[path = "../pg_test/suites.rs"]
mod suites;

#[cfg(test)]
#[path = "../pg_test/harness.rs"]
pub mod pg_test;
