//! Whose rights and which search_path a statement runs with.

use pgrx::prelude::*;
use std::ffi::CStr;

/// While it lives, statements run with a pinned search_path (and, where asked,
/// as another role in a restricted operation). Dropping it puts everything
/// back, also when an error unwinds.
pub struct Frame {
    user: pg_sys::Oid,
    context: i32,
    nest_level: i32,
}

impl Frame {
    /// As the extension's owner, for constant statements on the knowledge base.
    pub fn owner() -> Frame {
        Frame::enter(Some(extension_owner()))
    }

    /// As the caller: only names and operators are pinned.
    pub fn caller() -> Frame {
        Frame::enter(None)
    }

    fn enter(role: Option<pg_sys::Oid>) -> Frame {
        let (mut user, mut context) = (pg_sys::InvalidOid, 0);
        // SAFETY: plain backend state, main thread; everything is put back in `drop`.
        let nest_level = unsafe {
            pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
            pg_sys::NewGUCNestLevel()
        };
        let frame = Frame { user, context, nest_level };
        if let Some(role) = role {
            let restricted =
                context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32 | pg_sys::SECURITY_RESTRICTED_OPERATION as i32;
            // SAFETY: as above; the same call that VACUUM and REFRESH MATERIALIZED VIEW make.
            unsafe { pg_sys::SetUserIdAndSecContext(role, restricted) };
        }
        set_local(c"search_path", c"pg_catalog, pg_temp");
        set_local(c"datestyle", c"ISO, MDY");
        set_local(c"extra_float_digits", c"1");
        frame
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: restores what `enter` saved, in reverse order.
        unsafe {
            pg_sys::AtEOXact_GUC(false, self.nest_level);
            pg_sys::SetUserIdAndSecContext(self.user, self.context);
        }
    }
}

fn set_local(name: &CStr, value: &CStr) {
    // SAFETY: both are C strings; GUC_ACTION_SAVE lasts until AtEOXact_GUC of our nest level.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
    }
}

fn extension_owner() -> pg_sys::Oid {
    // SAFETY: catalog look-ups by constant names; the schema is the extension's own,
    // and 00_guard.sql refuses one that belongs to somebody else.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"t2sql".as_ptr(), false);
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::NAMESPACEOID as i32, schema.into());
        assert!(!tuple.is_null(), "schema t2sql was just found");
        let form: *mut pg_sys::FormData_pg_namespace = pg_sys::GETSTRUCT(tuple).cast();
        let owner = (*form).nspowner;
        pg_sys::ReleaseSysCache(tuple);
        owner
    }
}
