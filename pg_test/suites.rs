//! In-database suites, one module a room.

#[path = "ask.rs"]
mod ask;
#[path = "endpoint.rs"]
mod endpoint;
#[path = "guard.rs"]
pub mod guard;
#[path = "index.rs"]
mod index;
#[path = "inside.rs"]
mod inside;
#[path = "learn.rs"]
mod learn;
#[path = "llm.rs"]
mod llm;
#[path = "obey.rs"]
mod obey;
#[path = "owner_code.rs"]
mod owner_code;
#[path = "packagings.rs"]
mod packagings;
#[path = "protect.rs"]
mod protect;
#[path = "robust.rs"]
mod robust;
#[path = "seal.rs"]
mod seal;
#[path = "support.rs"]
mod support;
