//! Rows of system catalogs, read by an index.
//!
//! Not by SPI, which would look with the statement's snapshot and not see what was added since.

use pgrx::pg_sys;
use std::ffi::CStr;
use std::ptr;

/// One row; a cell is None where it is NULL.
pub struct Row {
    catalog: pg_sys::Relation,
    tuple: pg_sys::HeapTuple,
}

impl Row {
    pub fn cell(&self, name: &CStr) -> Option<pg_sys::Datum> {
        let mut null = false;
        // SAFETY: `rows` hands out rows of an open catalog only; column numbers differ between versions.
        unsafe {
            let column = pg_sys::get_attnum((*self.catalog).rd_id, name.as_ptr());
            let datum = pg_sys::heap_getattr(self.tuple, column.into(), (*self.catalog).rd_att, &mut null);
            (!null).then_some(datum)
        }
    }
}

/// What `read` makes of the rows whose columns `keys`, the first of `index`, hold these values. Cells that it
/// keeps must be copied.
pub fn rows<T>(
    catalog: u32,
    index: u32,
    keys: &[(&CStr, pg_sys::Oid)],
    mut read: impl FnMut(&Row) -> Option<T>,
) -> Vec<T> {
    let catalog_oid = pg_sys::Oid::from_u32(catalog);
    let mut found = Vec::new();
    // SAFETY: PostgreSQL's usual way of scanning a catalog.
    unsafe {
        let mut conditions = Vec::new();
        for (name, value) in keys {
            let mut condition = pg_sys::ScanKeyData::default();
            let equal = pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber;
            let column = pg_sys::get_attnum(catalog_oid, name.as_ptr());
            pg_sys::ScanKeyInit(&mut condition, column, equal, pg_sys::F_OIDEQ.into(), (*value).into());
            conditions.push(condition);
        }
        let relation = pg_sys::table_open(catalog_oid, pg_sys::AccessShareLock as i32);
        let scan = pg_sys::systable_beginscan(
            relation,
            pg_sys::Oid::from_u32(index),
            true,
            ptr::null_mut(),
            conditions.len() as i32,
            conditions.as_mut_ptr(),
        );
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            found.extend(read(&Row { catalog: relation, tuple }));
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as i32);
    }
    found
}
