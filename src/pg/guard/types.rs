//! Code that hides behind types: domain checks, casts to json, names of catalog objects.

use super::walk::Walk;
use super::{Stop, builtin, stored, text};
use pgrx::pg_sys;
use pgrx::prelude::*;

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
    pg_sys::REGTYPEOID,
];

/// Types on the way from a value to what it is made of in the end. Real ones need a handful.
const MAX_DEPTH: usize = 100;

impl Walk<'_> {
    /// For a type that the query only reads, such as a column's: its casts to json, which
    /// `row_to_json` calls without any node in the tree.
    pub(super) fn type_read(&mut self, oid: pg_sys::Oid) -> Result<(), Stop> {
        self.each_part(oid, Self::judge_read)
    }

    /// For a type whose values the query makes: domain checks run, catalog names are resolved.
    pub(super) fn type_made(&mut self, oid: pg_sys::Oid) -> Result<(), Stop> {
        self.type_read(oid)?;
        self.each_part(oid, Self::judge_made)
    }

    /// Judges a type and all that it consists of. A list of what is left and no recursion: anybody
    /// may nest types deeper than the stack. `judge` tells whether to look into the type.
    fn each_part(
        &mut self,
        oid: pg_sys::Oid,
        judge: fn(&mut Self, pg_sys::Oid) -> Result<bool, Stop>,
    ) -> Result<(), Stop> {
        let mut left = vec![(oid, 1)];
        while let Some((oid, depth)) = left.pop() {
            check_for_interrupts!();
            if depth > MAX_DEPTH {
                return Stop::refuse(
                    "deep-type",
                    format!("a type is nested in more than {MAX_DEPTH} others"),
                    "Use columns of simpler types.",
                );
            }
            if judge(self, oid)? {
                left.extend(parts(oid).into_iter().map(|part| (part, depth + 1)));
            }
        }
        Ok(())
    }

    fn judge_read(&mut self, oid: pg_sys::Oid) -> Result<bool, Stop> {
        if builtin(oid) || !self.types_read.insert(oid) {
            return Ok(false);
        }
        for target in [pg_sys::JSONOID, pg_sys::JSONBOID] {
            if let Some(function) = cast_function(oid, target) {
                self.function(function)?;
            }
        }
        Ok(true)
    }

    fn judge_made(&mut self, oid: pg_sys::Oid) -> Result<bool, Stop> {
        if NAMING_TYPES.contains(&oid) {
            return Stop::refuse(
                "catalog-type",
                format!("a value of type {} names an object of the catalogs", name(oid)),
                "Name tables in FROM; generated SQL has no business with catalog objects.",
            );
        }
        if builtin(oid) {
            // an array of names; other types of PostgreSQL's own hide none
            // SAFETY: a catalog lookup.
            return Ok(NAMING_TYPES.contains(&unsafe { pg_sys::get_element_type(oid) }));
        }
        if !self.types_made.insert(oid) {
            return Ok(false);
        }
        // a domain over a domain: its parts go on
        let checks = if is_domain(oid) { stored::DOMAIN_CHECKS.trees(oid) } else { Vec::new() };
        for check in checks {
            if self.expression(check).is_err() {
                return Stop::refuse(
                    "domain-check",
                    format!("domain {} has a check that calls a function which is not allowed", name(oid)),
                    "Cast to the domain's base type instead.",
                );
            }
        }
        Ok(true)
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

fn is_domain(oid: pg_sys::Oid) -> bool {
    // SAFETY: a catalog lookup; 0 for unknown OIDs.
    (unsafe { pg_sys::get_typtype(oid) }) as u8 == pg_sys::TYPTYPE_DOMAIN
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
