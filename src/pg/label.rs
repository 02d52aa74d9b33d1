//! SECURITY LABELs of provider `t2sql`: what owners keep from questions.
//!
//! PostgreSQL stores the labels, dumps them, and lets only the owner of a table set them. Whoever
//! answers reads them anew each time: `sql/protected.sql` for the flow, [`hidden`] for the guard.

use crate::error::{Error, Result};
use crate::pg::frame::Frame;
use crate::pg::guard::{oids, text};
use crate::pg::{ffi, scan, spi};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::spi::quote_identifier;
use std::collections::BTreeSet;
use std::ffi::c_char;

/// pg_seclabel and pg_inherits, with the index whose first columns are looked for.
const LABELS: u32 = 3596;
const LABELS_INDEX: u32 = 3597;
const INHERITS: u32 = 2611;
const INHERITS_INDEX: u32 = 2680;

/// How much is kept from questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Values are neither stored nor shown; SQL may read them.
    Values,
    /// t2sql does not know it, and generated SQL may not read it.
    Hidden,
}

impl Level {
    const ALL: [Level; 2] = [Level::Values, Level::Hidden];

    pub fn parse(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Level::Values => "values",
            Level::Hidden => "hidden",
        }
    }
}

/// Makes `SECURITY LABEL FOR t2sql` known to this backend.
pub fn init() {
    // SAFETY: _PG_init runs on the main thread; PostgreSQL copies the name.
    unsafe { pg_sys::register_label_provider(c"t2sql".as_ptr(), Some(relabel)) }
}

/// What PostgreSQL asks before it stores a label of ours; it has checked already who owns the object.
#[pg_guard]
unsafe extern "C-unwind" fn relabel(object: *const pg_sys::ObjectAddress, label: *const c_char) {
    // a label that is taken away is always fine
    if label.is_null() {
        return;
    }
    // SAFETY: PostgreSQL passes a valid address and a C string.
    let (object, label) = unsafe { (&*object, text(label)) };
    if let Err(error) = may_label(object, &label) {
        ErrorReport::from(error).report(PgLogLevel::ERROR);
    }
}

fn may_label(object: &pg_sys::ObjectAddress, label: &str) -> Result<()> {
    if Level::parse(label).is_none() {
        return Err(unknown_level(label));
    }
    // SAFETY: a catalog lookup; 0 for unknown OIDs.
    let kind = unsafe { pg_sys::get_rel_relkind(object.objectId) } as u8;
    let is_table = object.classId == pg_sys::RelationRelationId
        && object.objectSubId >= 0
        && [
            pg_sys::RELKIND_RELATION,
            pg_sys::RELKIND_PARTITIONED_TABLE,
            pg_sys::RELKIND_VIEW,
            pg_sys::RELKIND_MATVIEW,
            pg_sys::RELKIND_FOREIGN_TABLE,
        ]
        .contains(&kind);
    if is_table {
        return Ok(());
    }
    Err(Error::argument(
        "only tables, views, materialized views, foreign tables and their columns have labels of t2sql",
        "Protect the table or column that generated SQL would read.",
    ))
}

pub fn unknown_level(level: &str) -> Error {
    Error::argument(
        format!("there is no level \"{level}\""),
        "Levels are: values (stored values are neither indexed nor shown) and hidden (t2sql does not know it at all); none takes the label away.",
    )
}

/// Labels a relation or one of its columns, as the caller; without a level takes the label away.
pub fn set(relation: pg_sys::Oid, column: Option<&str>, level: Option<Level>) -> Result<()> {
    let _frame = Frame::caller();
    // SAFETY: catalog lookups; NULL and 0 for unknown OIDs.
    let (schema, name, kind) = unsafe {
        let schema = text(pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relation)));
        (schema, text(pg_sys::get_rel_name(relation)), pg_sys::get_rel_relkind(relation) as u8)
    };
    if name.is_empty() {
        return Err(Error::argument("there is no such relation", "Write it as 'schema.table'."));
    }
    let quoted = format!("{}.{}", quote_identifier(&schema), quote_identifier(&name));
    let object = match (column, kind) {
        (Some(column), _) => format!("COLUMN {quoted}.{}", quote_identifier(column)),
        (None, pg_sys::RELKIND_VIEW) => format!("VIEW {quoted}"),
        (None, pg_sys::RELKIND_MATVIEW) => format!("MATERIALIZED VIEW {quoted}"),
        (None, pg_sys::RELKIND_FOREIGN_TABLE) => format!("FOREIGN TABLE {quoted}"),
        (None, _) => format!("TABLE {quoted}"),
    };
    let label = level.map_or("NULL", |level| match level {
        Level::Values => "'values'",
        Level::Hidden => "'hidden'",
    });
    spi::execute(&format!("SECURITY LABEL FOR t2sql ON {object} IS {label}"), &[])?;
    Ok(())
}

/// What generated SQL may not read of a relation.
#[derive(Debug, Default)]
pub struct Hidden {
    pub whole: bool,
    pub columns: BTreeSet<String>,
}

/// What is hidden of `relation`, by its own labels and by those of tables whose rows it shares: above
/// it in an inheritance tree and, where `has_children`, below it.
pub fn hidden(relation: pg_sys::Oid, has_children: bool) -> Hidden {
    let mut family = vec![relation];
    let mut next = 0;
    while let Some(&table) = family.get(next) {
        check_for_interrupts!();
        family.extend(parents(table).into_iter().filter(|parent| !family.contains(parent)).collect::<Vec<_>>());
        next += 1;
    }
    if has_children {
        // SAFETY: a list of OIDs in the current context.
        family.extend(unsafe { oids(ffi::all_inheritors(relation)) }.filter(|&oid| oid != relation));
    }
    let mut found = Hidden::default();
    for table in family {
        for column in hidden_of(table) {
            match column {
                0 => found.whole = true,
                // SAFETY: a catalog lookup; NULL for a column that is gone.
                column => drop(found.columns.insert(text(unsafe { pg_sys::get_attname(table, column, true) }))),
            }
        }
    }
    found
}

/// Columns of one relation with a label `hidden`; 0 for the relation itself.
fn hidden_of(relation: pg_sys::Oid) -> Vec<pg_sys::AttrNumber> {
    let keys = [(c"objoid", relation), (c"classoid", pg_sys::RelationRelationId)];
    scan::rows(LABELS, LABELS_INDEX, &keys, |row| {
        // SAFETY: columns of type text.
        let of = |name| row.cell(name).and_then(|datum| unsafe { String::from_datum(datum, false) });
        let ours = of(c"provider").as_deref() == Some("t2sql") && of(c"label").as_deref() == Some("hidden");
        ours.then(|| row.cell(c"objsubid").map_or(0, |column| column.value() as pg_sys::AttrNumber))
    })
}

/// Tables that `relation` inherits from, or is a partition of.
fn parents(relation: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    scan::rows(INHERITS, INHERITS_INDEX, &[(c"inhrelid", relation)], |row| {
        // SAFETY: a column of type oid.
        row.cell(c"inhparent").and_then(|datum| unsafe { pg_sys::Oid::from_datum(datum, false) })
    })
}
