//! Against the fake endpoint.
