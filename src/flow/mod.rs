//! The stories: what happens, in which order, when somebody indexes, asks or teaches.

pub mod answer;
pub mod check;
pub mod embedder;
pub mod execute;
pub mod health;
pub mod index;
pub mod learn;
pub mod models;
mod probe;
pub mod protect;
pub mod registry;
pub mod retrieve;
pub mod scope;
pub mod search;
