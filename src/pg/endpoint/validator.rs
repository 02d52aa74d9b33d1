//! What CREATE SERVER and CREATE USER MAPPING accept for `t2sql_endpoint`.
//!
//! Only what a dump can be restored under is an error here; whether an address is admitted
//! by the present settings is decided at use, and only warned of here. Never opens a file.

use super::{key, settings};
use crate::error::{Error, Result};
use crate::pg::role;
use pgrx::prelude::*;
use t2sql_core::net::address::Target;

pub fn check(options: &[String], catalog: pg_sys::Oid) -> Result<()> {
    for option in options {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match (catalog, name) {
            (pg_sys::ForeignServerRelationId, "url") => url(value)?,
            (pg_sys::ForeignServerRelationId, "azure_api_version") => version(value)?,
            (pg_sys::ForeignServerRelationId, "api_key_file") => key_file(value)?,
            (pg_sys::ForeignServerRelationId, "api_key_env") => key_variable(value)?,
            (pg_sys::UserMappingRelationId, "api_key") => api_key(value)?,
            _ => return Err(unknown(name, catalog)),
        }
    }
    Ok(())
}

fn url(value: &str) -> Result<()> {
    let target = Target::parse(value).map_err(|refused| {
        Error::argument(
            format!("invalid option \"url\": {refused}"),
            "Give the base of an OpenAI-compatible API, such as https://api.openai.com/v1.",
        )
    })?;
    if let Err(refused) = settings()?.policy.check_target(&target) {
        warning!("this url will not be called: {refused}");
    }
    Ok(())
}

fn version(value: &str) -> Result<()> {
    if !value.is_empty() && value.len() <= 40 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
    {
        return Ok(());
    }
    Err(Error::argument("invalid option \"azure_api_version\"", "It looks like 2024-10-21 or preview."))
}

fn key_file(value: &str) -> Result<()> {
    if !key::may_read_files(role::current()) {
        return Err(Error::Privilege {
            message: "permission denied to set option \"api_key_file\"".into(),
            hint: "Only superusers and members of pg_read_server_files may; others use a user mapping with api_key."
                .into(),
        });
    }
    if !value.starts_with('/') || value.chars().any(char::is_control) {
        return Err(Error::argument(
            "option \"api_key_file\" is not an absolute path",
            "Give the path from the root on.",
        ));
    }
    Ok(())
}

fn key_variable(value: &str) -> Result<()> {
    if !key::may_read_environment(role::current()) {
        return Err(Error::Privilege {
            message: "permission denied to set option \"api_key_env\"".into(),
            hint: "Only superusers may; others use a user mapping with api_key.".into(),
        });
    }
    let plausible = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if value.is_empty() || !value.bytes().all(plausible) {
        return Err(Error::argument(
            "option \"api_key_env\" is not the name of a variable",
            "It looks like OPENAI_API_KEY.",
        ));
    }
    Ok(())
}

fn api_key(value: &str) -> Result<()> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::argument(
            "option \"api_key\" is empty or contains characters that no key has",
            "Give the key alone, without spaces and line breaks.",
        ));
    }
    Ok(())
}

fn unknown(name: &str, catalog: pg_sys::Oid) -> Error {
    let hint = match (catalog, name) {
        (pg_sys::ForeignServerRelationId, "api_key") => {
            "Everybody can read a server's options. Use api_key_file, api_key_env, or CREATE USER MAPPING … OPTIONS (api_key …)."
        }
        (pg_sys::ForeignServerRelationId, _) => "Valid options are url, api_key_file, api_key_env, azure_api_version.",
        (pg_sys::UserMappingRelationId, _) => "The only valid option is api_key.",
        _ => "There are no options here: put them on servers and user mappings.",
    };
    Error::argument(format!("invalid option \"{name}\""), hint)
}
