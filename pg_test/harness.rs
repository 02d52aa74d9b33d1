//! What `#[pg_test]` expects at the crate root: how the test server is set up.

pub fn setup(_options: Vec<&str>) {}

#[must_use]
pub fn postgresql_conf_options() -> Vec<&'static str> {
    vec!["shared_preload_libraries = 'timescaledb'"]
}
