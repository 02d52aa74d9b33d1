//! A scriptable OpenAI-compatible endpoint for tests.
