//! In-database suites, one module a room.

#[path = "endpoint.rs"]
mod endpoint;
#[path = "guard.rs"]
mod guard;
#[path = "seal.rs"]
mod seal;
