//! Roles: who calls, and as whom generated SQL reads.

use crate::error::{Error, Result};
use crate::pg::guc;
use pgrx::prelude::*;
use std::ffi::{CStr, CString};

/// The role whose privileges count right now.
pub fn current() -> pg_sys::Oid {
    // SAFETY: reads backend state on the main thread.
    unsafe { pg_sys::GetUserId() }
}

/// A role's name.
pub fn name(role: pg_sys::Oid) -> String {
    // SAFETY: returns a palloc'd C string, or raises for an unknown OID.
    unsafe { CStr::from_ptr(pg_sys::GetUserNameFromId(role, false)).to_string_lossy().into_owned() }
}

/// What tells a role from another one that has its name: the cluster and the role's OID in it. Rows that belong to
/// a role keep both.
pub fn key(role: pg_sys::Oid) -> String {
    format!("{}/{}", cluster(), role.to_u32())
}

/// Whether a row with this name and key is the current role's. A name that was dropped and made anew is somebody
/// else; where the row comes from another cluster by a restore, its OIDs mean nothing and the name decides.
pub fn is_current(row_name: &str, row_key: Option<&str>) -> bool {
    let foreign = |key: &str| key.split('/').next() != Some(&cluster().to_string());
    row_name == name(current()) && row_key.is_none_or(|row| row == key(current()) || foreign(row))
}

fn cluster() -> u64 {
    // SAFETY: reads what the server found in its control file.
    unsafe { pg_sys::GetSystemIdentifier() }
}

/// The role that retrieval filters by and that generated SQL runs as: the
/// caller, or `t2sql.run_as` for roles that could do more than read tables.
pub fn reader() -> Result<pg_sys::Oid> {
    let caller = current();
    if is_dangerous(caller) { run_as() } else { Ok(caller) }
}

/// The role of `t2sql.run_as`.
pub fn run_as() -> Result<pg_sys::Oid> {
    let setup = |message: String| {
        Error::setup(message, "A superuser can set t2sql.run_as to a plain role that may read the tables.")
    };
    let wanted = guc::run_as().ok_or_else(|| setup("t2sql.run_as is empty".into()))?;
    let c_name = CString::new(wanted.clone()).map_err(|_| setup("t2sql.run_as is no role name".into()))?;
    // SAFETY: a C string; missing_ok.
    let role = unsafe { pg_sys::get_role_oid(c_name.as_ptr(), true) };
    if role == pg_sys::InvalidOid {
        return Err(setup(format!("role \"{wanted}\" of t2sql.run_as does not exist")));
    }
    // SAFETY: a catalog look-up on the main thread.
    if is_dangerous(role) || unsafe { pg_sys::has_bypassrls_privilege(role) } {
        return Err(setup(format!("role \"{wanted}\" of t2sql.run_as may do more than read tables")));
    }
    Ok(role)
}

/// Whether the caller may vouch for samples that serve everybody.
pub fn is_curator() -> bool {
    // SAFETY: catalog look-ups on the main thread; missing_ok.
    unsafe {
        let curator = pg_sys::get_role_oid(c"t2sql_curator".as_ptr(), true);
        pg_sys::superuser_arg(current())
            || (curator != pg_sys::InvalidOid && pg_sys::has_privs_of_role(current(), curator))
    }
}

/// Whether code of `owner` may run as `role`: that of a superuser, or of a role whose
/// rights it has anyway.
pub fn trusts(role: pg_sys::Oid, owner: pg_sys::Oid) -> bool {
    // SAFETY: catalog look-ups on the main thread.
    unsafe { pg_sys::superuser_arg(owner) || pg_sys::has_privs_of_role(role, owner) }
}

/// Superusers, and members of the roles that reach files and programs of the server.
pub fn is_dangerous(role: pg_sys::Oid) -> bool {
    // SAFETY: catalog look-ups on the main thread.
    unsafe {
        pg_sys::superuser_arg(role)
            || [
                pg_sys::ROLE_PG_EXECUTE_SERVER_PROGRAM,
                pg_sys::ROLE_PG_READ_SERVER_FILES,
                pg_sys::ROLE_PG_WRITE_SERVER_FILES,
            ]
            .into_iter()
            .any(|dangerous| pg_sys::is_member_of_role(role, pg_sys::Oid::from(dangerous)))
    }
}
