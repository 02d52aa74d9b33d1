//! Which key goes with a call: the caller's own, the server's file, or the server's environment.

use super::{Definition, options};
use crate::error::{Error, Result};
use crate::pg::role;
use pgrx::prelude::*;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

const KEY_LIMIT: u64 = 16 << 10;

/// A secret; has no Debug and no Display, so that it can't get into a message.
pub struct Key(String);

impl Key {
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Without the line break that files end with.
    fn new(text: &str, source: &str, server: &str) -> Result<Self> {
        let key = text.trim();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::setup(
                format!("{source} of server \"{server}\" is empty or contains characters that no key has"),
                "It must hold the key and nothing else.",
            ));
        }
        Ok(Self(key.to_string()))
    }
}

/// The key for the current user; None where neither server nor user mapping has one.
pub fn find(server: &Definition) -> Result<Option<Key>> {
    let mapped = |user| mapping(server.oid, user).into_iter().find(|(name, _)| name == "api_key");
    if let Some((_, key)) = mapped(role::current()).or_else(|| mapped(pg_sys::InvalidOid)) {
        return Key::new(&key, "the user mapping's api_key", &server.name).map(Some);
    }
    if let Some(path) = server.option("api_key_file") {
        // the owner may have changed, or have lost the role, since the option was set
        if !may_read_files(server.owner) {
            return Err(owner_may_not(server, "api_key_file"));
        }
        return from_file(&path, &server.name).map(Some);
    }
    if let Some(variable) = server.option("api_key_env") {
        if !may_read_environment(server.owner) {
            return Err(owner_may_not(server, "api_key_env"));
        }
        let key = std::env::var(&variable).map_err(|_| {
            Error::setup(
                format!("the variable that api_key_env of server \"{}\" names is not set", server.name),
                "Set it in the environment that starts PostgreSQL, and restart.",
            )
        })?;
        return Key::new(&key, "api_key_env", &server.name).map(Some);
    }
    Ok(None)
}

/// May this role make the server read one of its files?
pub fn may_read_files(user: pg_sys::Oid) -> bool {
    // SAFETY: catalog look-ups on the main thread.
    unsafe {
        pg_sys::superuser_arg(user)
            || pg_sys::has_privs_of_role(user, pg_sys::Oid::from(pg_sys::ROLE_PG_READ_SERVER_FILES))
    }
}

/// The environment may hold secrets of anything: superusers only.
pub fn may_read_environment(user: pg_sys::Oid) -> bool {
    // SAFETY: as above.
    unsafe { pg_sys::superuser_arg(user) }
}

fn owner_may_not(server: &Definition, option: &str) -> Error {
    Error::Privilege {
        message: format!("the owner of server \"{}\" may not use {option}", server.name),
        hint: "Give the server to a superuser, or use a user mapping with api_key.".into(),
    }
}

/// Options of a user's mapping; of PUBLIC's for InvalidOid.
fn mapping(server: pg_sys::Oid, user: pg_sys::Oid) -> Vec<(String, String)> {
    // SAFETY: the tuple is released after its options were copied; untransformRelOptions
    // pallocs a list of DefElem.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::USERMAPPINGUSERSERVER as i32;
        let tuple = pg_sys::SearchSysCache2(cache, user.into(), server.into());
        if tuple.is_null() {
            return Vec::new();
        }
        let mut is_null = false;
        let attribute = pg_sys::Anum_pg_user_mapping_umoptions as pg_sys::AttrNumber;
        let datum = pg_sys::SysCacheGetAttr(cache, tuple, attribute, &mut is_null);
        let found = if is_null { Vec::new() } else { options(pg_sys::untransformRelOptions(datum)) };
        pg_sys::ReleaseSysCache(tuple);
        found
    }
}

fn from_file(path: &str, server: &str) -> Result<Key> {
    let unusable = |why: String| {
        Error::setup(
            format!("api_key_file of server \"{server}\" {why}"),
            "The file must belong to the operating system user that runs PostgreSQL, with mode 0600.",
        )
    };
    let io = |error: std::io::Error| unusable(format!("can't be read: {}", error.kind()));
    // without O_NONBLOCK, opening a pipe that nobody writes to would hang
    let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(Path::new(path)).map_err(io)?;
    check_file(&file).map_err(|why| unusable(why.into()))?;
    let mut text = String::new();
    Read::by_ref(&mut file).take(KEY_LIMIT).read_to_string(&mut text).map_err(io)?;
    Key::new(&text, "api_key_file", server)
}

/// Asked of the open file, so that it can't be exchanged in between.
fn check_file(file: &File) -> Result<(), &'static str> {
    let metadata = file.metadata().map_err(|_| "can't be examined")?;
    // SAFETY: has no preconditions.
    let server_user = unsafe { libc::geteuid() };
    if !metadata.is_file() {
        Err("is not a regular file")
    } else if metadata.uid() != server_user {
        Err("belongs to another operating system user")
    } else if metadata.mode() & 0o077 != 0 {
        Err("can be accessed by others")
    } else if metadata.len() > KEY_LIMIT {
        Err("is too large for a key")
    } else {
        Ok(())
    }
}
