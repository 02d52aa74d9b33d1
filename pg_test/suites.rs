//! In-database suites, one module a room.
