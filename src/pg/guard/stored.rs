//! Expressions that the catalogs keep as node trees: checks, index expressions, policies.
//!
//! Read as they are stored. PostgreSQL's own ways of getting at them fold constants, and
//! folding runs functions.

use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{CStr, CString};
use std::ptr;

/// Where expressions of one kind are kept.
pub struct Place {
    catalog: u32,
    /// Its index whose first column is `key`.
    index: u32,
    key: &'static CStr,
    trees: &'static [&'static CStr],
    /// A column of type "char", and the letters in it that count.
    only: Option<(&'static CStr, &'static [u8])>,
}

pub const DOMAIN_CHECKS: Place =
    Place { catalog: 2606, index: 2666, key: c"contypid", trees: &[c"conbin"], only: None };
pub const TABLE_CHECKS: Place = Place { catalog: 2606, index: 2665, key: c"conrelid", trees: &[c"conbin"], only: None };
pub const INDEXES: Place =
    Place { catalog: 2610, index: 2678, key: c"indrelid", trees: &[c"indexprs", c"indpred"], only: None };
pub const STATISTICS: Place = Place { catalog: 3381, index: 3379, key: c"stxrelid", trees: &[c"stxexprs"], only: None };
pub const PARTITION_KEY: Place =
    Place { catalog: 3350, index: 3351, key: c"partrelid", trees: &[c"partexprs"], only: None };
/// Those that a SELECT obeys.
pub const POLICIES: Place =
    Place { catalog: 3256, index: 3258, key: c"polrelid", trees: &[c"polqual"], only: Some((c"polcmd", b"*r")) };

impl Place {
    /// The node trees of `object`.
    ///
    /// A catalog scan and not SPI: SPI would look with the statement's snapshot, which does not
    /// see what was added since.
    pub fn trees(&self, object: pg_sys::Oid) -> Vec<*mut pg_sys::Node> {
        let catalog_oid = pg_sys::Oid::from_u32(self.catalog);
        let mut texts = Vec::new();
        // SAFETY: PostgreSQL's usual way of scanning a catalog; column numbers differ between versions.
        unsafe {
            let column = |name: &CStr| pg_sys::get_attnum(catalog_oid, name.as_ptr());
            let mut key = pg_sys::ScanKeyData::default();
            let equal = pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber;
            pg_sys::ScanKeyInit(&mut key, column(self.key), equal, pg_sys::F_OIDEQ.into(), object.into());
            let catalog = pg_sys::table_open(catalog_oid, pg_sys::AccessShareLock as i32);
            let index = pg_sys::Oid::from_u32(self.index);
            let scan = pg_sys::systable_beginscan(catalog, index, true, ptr::null_mut(), 1, &mut key);
            loop {
                let row = pg_sys::systable_getnext(scan);
                if row.is_null() {
                    break;
                }
                let mut null = false;
                let mut cell = |name: &CStr| {
                    let datum = pg_sys::heap_getattr(row, column(name).into(), (*catalog).rd_att, &mut null);
                    (!null).then_some(datum)
                };
                if let Some((name, letters)) = self.only
                    && !cell(name).is_some_and(|letter| letters.contains(&(letter.value() as u8)))
                {
                    continue;
                }
                for name in self.trees {
                    let tree = cell(name).and_then(|tree| String::from_datum(tree, false));
                    texts.extend(tree.and_then(|tree| CString::new(tree).ok()));
                }
            }
            pg_sys::systable_endscan(scan);
            pg_sys::table_close(catalog, pg_sys::AccessShareLock as i32);
            // text that PostgreSQL itself wrote as a node tree
            texts.iter().map(|tree| pg_sys::stringToNode(tree.as_ptr()).cast()).collect()
        }
    }
}
