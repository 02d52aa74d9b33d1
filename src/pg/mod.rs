//! The only room that talks to PostgreSQL: SPI, `pg_sys`, `unsafe`.

pub mod catalog;
pub mod clock;
pub mod endpoint;
pub mod environment;
pub mod ffi;
pub mod frame;
mod guard;
pub mod guc;
pub mod interrupt;
pub mod kb;
pub mod label;
pub mod lock;
pub mod log;
pub mod role;
pub mod rows;
mod scan;
pub mod seal;
pub mod spi;
