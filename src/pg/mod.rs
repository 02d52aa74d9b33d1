//! The only room that talks to PostgreSQL: SPI, `pg_sys`, `unsafe`.

pub mod catalog;
pub mod frame;
pub mod guc;
pub mod kb;
pub mod role;
pub mod spi;
