//! In-database suites, one module a room.

#[path = "endpoint.rs"]
mod endpoint;
#[path = "guard.rs"]
mod guard;
#[path = "owner_code.rs"]
mod owner_code;
#[path = "seal.rs"]
mod seal;
