//! A scriptable OpenAI-compatible endpoint for tests.
//!
//! Answers `/chat/completions` and `/embeddings` on 127.0.0.1 by a [`Script`], records every
//! request, and fails in every way that a real endpoint does. A fault is chosen by a rule of
//! the script or by the url: `http://127.0.0.1:PORT/fault/stall-headers/v1`.

mod embed;
mod fault;
mod http;
mod obey;
pub mod oracle;
mod raw;
mod script;
mod server;
mod tls;

pub use embed::embed;
pub use fault::{FAULTS, Fault};
pub use obey::PACKAGINGS;
pub use raw::{NAMES as RAW, POISON};
pub use script::{Action, Rule, Script};
pub use server::{Handle, Request, start, start_on};
