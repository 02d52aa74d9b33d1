//! Expressions that the catalogs keep as node trees: checks, index expressions, policies.
//!
//! Read as they are stored. PostgreSQL's own ways of getting at them fold constants, and
//! folding runs functions.

use crate::pg::scan;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{CStr, CString};

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
    pub fn trees(&self, object: pg_sys::Oid) -> Vec<*mut pg_sys::Node> {
        let texts = scan::rows(self.catalog, self.index, &[(self.key, object)], |row| {
            if let Some((name, letters)) = self.only
                && !row.cell(name).is_some_and(|letter| letters.contains(&(letter.value() as u8)))
            {
                return None;
            }
            // SAFETY: columns of type pg_node_tree, which is text.
            let tree = |name: &&CStr| row.cell(name).and_then(|tree| unsafe { String::from_datum(tree, false) });
            Some(self.trees.iter().filter_map(tree).filter_map(|tree| CString::new(tree).ok()).collect::<Vec<_>>())
        });
        // SAFETY: text that PostgreSQL itself wrote as a node tree.
        texts.iter().flatten().map(|tree| unsafe { pg_sys::stringToNode(tree.as_ptr()) }.cast()).collect()
    }
}
