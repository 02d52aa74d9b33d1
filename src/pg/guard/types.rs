//! Code that hides behind types: domain checks, casts to json, names of catalog objects.

use super::walk::Walk;
use super::{Stop, builtin, text};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::CString;

/// Types whose input looks names up in the catalogs, existing or not, readable or not.
/// `regconfig` and `regdictionary` are not among them: text search needs them.
const NAMING_TYPES: &[pg_sys::Oid] = &[
    pg_sys::REGCLASSOID,
    pg_sys::REGCOLLATIONOID,
    pg_sys::REGNAMESPACEOID,
    pg_sys::REGOPERATOROID,
    pg_sys::REGOPEROID,
    pg_sys::REGPROCEDUREOID,
    pg_sys::REGPROCOID,
    pg_sys::REGROLEOID,
];

impl Walk<'_> {
    /// For a type that the query only reads, such as a column's: its casts to json, which
    /// `row_to_json` calls without any node in the tree.
    pub(super) fn type_read(&mut self, oid: pg_sys::Oid) -> Result<(), Stop> {
        if builtin(oid) || !self.types_read.insert(oid) {
            return Ok(());
        }
        for target in [pg_sys::JSONOID, pg_sys::JSONBOID] {
            if let Some(function) = cast_function(oid, target) {
                self.function(function)?;
            }
        }
        for part in parts(oid) {
            self.type_read(part)?;
        }
        Ok(())
    }

    /// For a type whose values the query makes: domain checks run, catalog names are resolved.
    pub(super) fn type_made(&mut self, oid: pg_sys::Oid) -> Result<(), Stop> {
        if NAMING_TYPES.contains(&oid) {
            return Stop::refuse(
                "catalog-type",
                format!("a value of type {} names an object of the catalogs", name(oid)),
                "Name tables in FROM; generated SQL has no business with catalog objects.",
            );
        }
        self.type_read(oid)?;
        if builtin(oid) {
            // SAFETY: a catalog lookup.
            let element = unsafe { pg_sys::get_element_type(oid) };
            return if NAMING_TYPES.contains(&element) { self.type_made(element) } else { Ok(()) };
        }
        if !self.types_made.insert(oid) {
            return Ok(());
        }
        for check in domain_checks(oid) {
            // SAFETY: text that PostgreSQL itself wrote as a node tree.
            let expression = unsafe { pg_sys::stringToNode(check.as_ptr()) };
            if self.expression(expression.cast()).is_err() {
                return Stop::refuse(
                    "domain-check",
                    format!("domain {} has a check that calls a function which is not allowed", name(oid)),
                    "Cast to the domain's base type instead.",
                );
            }
        }
        for part in parts(oid) {
            self.type_made(part)?;
        }
        Ok(())
    }
}

fn name(oid: pg_sys::Oid) -> String {
    // SAFETY: a catalog lookup; unknown OIDs give "???".
    text(unsafe { pg_sys::format_type_be(oid) })
}

/// Types that values of this type consist of.
fn parts(oid: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    let mut parts = Vec::new();
    // SAFETY: catalog lookups; the descriptor is a copy in the current context.
    unsafe {
        parts.push(pg_sys::get_element_type(oid));
        parts.push(pg_sys::get_range_subtype(oid));
        parts.push(pg_sys::get_multirange_range(oid));
        let base = pg_sys::getBaseType(oid);
        if base != oid {
            parts.push(base);
        }
        if pg_sys::get_typ_typrelid(oid) != pg_sys::InvalidOid {
            let columns = pgrx::PgTupleDesc::from_pg_copy(pg_sys::lookup_rowtype_tupdesc_copy(oid, -1));
            parts.extend(columns.iter().filter(|column| !column.attisdropped).map(|column| column.atttypid));
        }
    }
    parts.retain(|&part| part != pg_sys::InvalidOid);
    parts
}

/// The function behind a cast, found the way `row_to_json` finds it.
fn cast_function(source: pg_sys::Oid, target: pg_sys::Oid) -> Option<pg_sys::Oid> {
    let mut function = pg_sys::InvalidOid;
    // SAFETY: catalog lookups that write to `function`.
    let path = unsafe {
        pg_sys::find_coercion_pathway(target, source, pg_sys::CoercionContext::COERCION_EXPLICIT, &mut function)
    };
    (path == pg_sys::CoercionPathType::COERCION_PATH_FUNC && function != pg_sys::InvalidOid).then_some(function)
}

/// Check expressions of a domain, as stored node trees. A domain over a domain: [`parts`] goes on.
fn domain_checks(oid: pg_sys::Oid) -> Vec<CString> {
    // SAFETY: a catalog lookup.
    if unsafe { pg_sys::get_typtype(oid) } as u8 != pg_sys::TYPTYPE_DOMAIN {
        return Vec::new();
    }
    Spi::connect(|client| {
        let query = "SELECT conbin::pg_catalog.text FROM pg_catalog.pg_constraint WHERE contypid OPERATOR(pg_catalog.=) $1 AND conbin IS NOT NULL";
        let rows = client.select(query, None, &[oid.into()])?;
        rows.map(|row| row.get::<String>(1)).collect::<spi::Result<Vec<_>>>()
    })
    .unwrap_or_else(|error| error!("could not read the checks of domain {}: {error}", name(oid)))
    .into_iter()
    .flatten()
    .filter_map(|check| CString::new(check).ok())
    .collect()
}
