//! Decides from the parse tree whether generated SQL may run; runs nothing itself.
//!
//! No rule looks at the text: [`raw`] takes the statement from PostgreSQL's own parser,
//! [`walk`] visits every node of the analysed Query, and each object met there is judged
//! by OID in [`relations`], [`functions`] and [`types`]. All of it happens inside the
//! sealed frame of `pg::seal`, because analysis may already execute code.

mod functions;
mod owned;
pub mod raw;
mod relations;
mod stored;
mod types;
pub mod walk;

pub use relations::Relation;

use crate::pg::guc;
use pgrx::pg_sys;
use std::ffi::{CStr, c_char};

/// A broken rule: its name, what broke it, and what to do instead.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub rule: &'static str,
    pub message: String,
    pub hint: String,
}

/// What ends a walk early.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    Refused(Refusal),
    /// The caller may not read a relation. Looks the same as if it were missing.
    Missing {
        relation: pg_sys::Oid,
        column: Option<String>,
    },
}

impl Stop {
    fn refuse<T>(rule: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Result<T, Stop> {
        Err(Stop::Refused(Refusal { rule, message: message.into(), hint: hint.into() }))
    }
}

/// The administrator's exceptions, read once a call.
pub struct Allowed {
    functions: Vec<String>,
    extensions: Vec<String>,
    servers: Vec<String>,
}

impl Allowed {
    pub fn from_settings() -> Self {
        Allowed {
            functions: functions::signatures(&guc::allowed_functions().unwrap_or_default()),
            extensions: guc::list(guc::allowed_extensions()),
            servers: guc::list(guc::allowed_servers()),
        }
    }

    /// True when `object` of catalog `class` belongs to an extension on the list.
    fn extension_of(&self, class: pg_sys::Oid, object: pg_sys::Oid) -> Option<bool> {
        // SAFETY: catalog lookups inside a transaction.
        let name = unsafe {
            let extension = pg_sys::getExtensionOfObject(class, object);
            if extension == pg_sys::InvalidOid {
                return None;
            }
            text(pg_sys::get_extension_name(extension))
        };
        Some(self.extensions.contains(&name))
    }
}

/// Catalogs are created before any user's object; OIDs below this are PostgreSQL's own.
fn builtin(oid: pg_sys::Oid) -> bool {
    oid.to_u32() < pg_sys::FirstNormalObjectId
}

/// A C string of PostgreSQL as text; empty for NULL.
pub fn text(name: *const c_char) -> String {
    if name.is_null() {
        return String::new();
    }
    // SAFETY: PostgreSQL's strings end with NUL and live as long as their context.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}

/// The elements of a list of nodes.
///
/// # Safety
/// `list` is NIL or a valid list of pointers to `T` that outlives the iterator.
pub(super) unsafe fn nodes<T>(list: *mut pg_sys::List) -> impl Iterator<Item = *mut T> {
    // SAFETY: the caller's promise.
    let length = if list.is_null() { 0 } else { unsafe { (*list).length as usize } };
    // SAFETY: `i` is below the list's length.
    (0..length).map(move |i| unsafe { (*(*list).elements.add(i)).ptr_value.cast::<T>() })
}

/// The elements of a list of OIDs.
///
/// # Safety
/// As for [`nodes`].
pub unsafe fn oids(list: *mut pg_sys::List) -> impl Iterator<Item = pg_sys::Oid> {
    // SAFETY: the caller's promise.
    let length = if list.is_null() { 0 } else { unsafe { (*list).length as usize } };
    // SAFETY: `i` is below the list's length.
    (0..length).map(move |i| unsafe { (*(*list).elements.add(i)).oid_value })
}
