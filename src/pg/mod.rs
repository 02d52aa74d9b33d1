//! The only room that talks to PostgreSQL: SPI, `pg_sys`, `unsafe`.

pub mod catalog;
mod ffi;
pub mod frame;
mod guard;
pub mod guc;
pub mod kb;
pub mod role;
pub mod rows;
pub mod seal;
pub mod spi;
