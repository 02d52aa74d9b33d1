//! The only room that talks to PostgreSQL: SPI, `pg_sys`, `unsafe`.

pub mod guc;
