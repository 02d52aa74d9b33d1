//! Code that hides behind types: domain checks, casts to json, names of catalog objects.

use super::walk::Walk;
use super::{Stop, builtin, text};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{CStr, CString};
use std::ptr;

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
        parts.push(next_base(oid));
        if pg_sys::get_typ_typrelid(oid) != pg_sys::InvalidOid {
            let columns = pgrx::PgTupleDesc::from_pg_copy(pg_sys::lookup_rowtype_tupdesc_copy(oid, -1));
            parts.extend(columns.iter().filter(|column| !column.attisdropped).map(|column| column.atttypid));
        }
    }
    parts.retain(|&part| part != pg_sys::InvalidOid);
    parts
}

/// What a domain is directly made of; `getBaseType` would skip domains in between.
fn next_base(oid: pg_sys::Oid) -> pg_sys::Oid {
    // SAFETY: a syscache row is valid until released; only its fixed part is read.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::TYPEOID as i32, oid.into());
        if tuple.is_null() {
            return pg_sys::InvalidOid;
        }
        let base = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_type>()).typbasetype;
        pg_sys::ReleaseSysCache(tuple);
        base
    }
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
///
/// A catalog scan and not SPI: SPI would look with the statement's snapshot, which does not
/// see a check that was added since.
fn domain_checks(oid: pg_sys::Oid) -> Vec<CString> {
    const CONSTRAINTS: pg_sys::Oid = pg_sys::Oid::from_u32(2606);
    const BY_TYPE: pg_sys::Oid = pg_sys::Oid::from_u32(2666);
    let mut checks = Vec::new();
    // SAFETY: PostgreSQL's usual way of scanning a catalog; column numbers differ between versions.
    unsafe {
        if pg_sys::get_typtype(oid) as u8 != pg_sys::TYPTYPE_DOMAIN {
            return checks;
        }
        let column = |name: &CStr| pg_sys::get_attnum(CONSTRAINTS, name.as_ptr());
        let mut key = pg_sys::ScanKeyData::default();
        let equal = pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber;
        pg_sys::ScanKeyInit(&mut key, column(c"contypid"), equal, pg_sys::F_OIDEQ.into(), oid.into());
        let catalog = pg_sys::table_open(CONSTRAINTS, pg_sys::AccessShareLock as i32);
        let scan = pg_sys::systable_beginscan(catalog, BY_TYPE, true, ptr::null_mut(), 1, &mut key);
        loop {
            let row = pg_sys::systable_getnext(scan);
            if row.is_null() {
                break;
            }
            let mut null = false;
            let tree = pg_sys::heap_getattr(row, column(c"conbin").into(), (*catalog).rd_att, &mut null);
            checks.extend(String::from_datum(tree, null).and_then(|tree| CString::new(tree).ok()));
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(catalog, pg_sys::AccessShareLock as i32);
    }
    checks
}
