//! Which relations generated SQL may read.

use super::walk::Walk;
use super::{Allowed, Stop, oids, text};
use crate::pg::{ffi, label};
use pgrx::prelude::*;

/// Views inside one another; each costs stack while it is walked.
const MAX_VIEWS: usize = 100;

/// What the catalog says about one relation.
pub struct Relation {
    pub oid: pg_sys::Oid,
    pub schema: String,
    pub name: String,
    namespace: pg_sys::Oid,
    kind: u8,
    pub(super) owner: pg_sys::Oid,
    pub(super) has_children: bool,
    pub row_security: bool,
}

impl Relation {
    pub fn fetch(oid: pg_sys::Oid) -> Option<Self> {
        // SAFETY: a syscache row is valid until released; only its fixed part is read.
        unsafe {
            let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as i32, oid.into());
            if tuple.is_null() {
                return None;
            }
            let row = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_class>();
            let relation = Relation {
                oid,
                schema: text(pg_sys::get_namespace_name(row.relnamespace)),
                name: text(row.relname.data.as_ptr()),
                namespace: row.relnamespace,
                kind: row.relkind as u8,
                owner: row.relowner,
                has_children: row.relhassubclass,
                row_security: row.relrowsecurity,
            };
            pg_sys::ReleaseSysCache(tuple);
            Some(relation)
        }
    }

    /// Rules about what the relation is, whoever asks.
    pub fn judge(&self, allowed: &Allowed) -> Result<(), Stop> {
        let schema = self.schema.as_str();
        if ["pg_catalog", "information_schema", "pg_toast"].contains(&schema) {
            return self.refuse("system-relation", "is part of the catalogs", "Ask about the tables of the database.");
        }
        // SAFETY: a lookup in the catalogs.
        if unsafe { pg_sys::isAnyTempNamespace(self.namespace) } {
            return self.refuse("temporary-relation", "is temporary", "Ask about permanent tables.");
        }
        if schema == "t2sql" {
            return self.refuse("private-relation", "belongs to t2sql", "Use the functions of t2sql to read it.");
        }
        if allowed.extension_of(pg_sys::RelationRelationId, self.oid) == Some(false) {
            return self.refuse(
                "extension-relation",
                "belongs to an extension",
                "An administrator may add the extension to t2sql.allowed_extensions.",
            );
        }
        match self.kind {
            pg_sys::RELKIND_RELATION
            | pg_sys::RELKIND_PARTITIONED_TABLE
            | pg_sys::RELKIND_VIEW
            | pg_sys::RELKIND_MATVIEW => {}
            pg_sys::RELKIND_FOREIGN_TABLE => self.judge_server(self.oid, allowed)?,
            _ => return self.refuse("relation-kind", "is not a table or view", "Ask about tables and views."),
        }
        if self.has_children {
            // SAFETY: a list of OIDs in the current context.
            for child in unsafe { oids(ffi::all_inheritors(self.oid)) } {
                // SAFETY: a catalog lookup.
                if unsafe { pg_sys::get_rel_relkind(child) } as u8 == pg_sys::RELKIND_FOREIGN_TABLE {
                    self.judge_server(child, allowed)?;
                }
            }
        }
        Ok(())
    }

    fn judge_server(&self, table: pg_sys::Oid, allowed: &Allowed) -> Result<(), Stop> {
        // SAFETY: `table` is a foreign table, so both rows exist.
        let server = unsafe {
            let table = pg_sys::GetForeignTable(table);
            text((*pg_sys::GetForeignServer((*table).serverid)).servername)
        };
        if allowed.servers.contains(&server) {
            return Ok(());
        }
        self.refuse(
            "foreign-server",
            "reads from a foreign server that is not allowed",
            "An administrator may add the server to t2sql.allowed_servers.",
        )
    }

    fn refuse(&self, rule: &'static str, why: &str, hint: &str) -> Result<(), Stop> {
        Stop::refuse(rule, format!("relation {}.{} {why}", self.schema, self.name), hint)
    }
}

impl Walk<'_> {
    /// Judges one relation of a FROM list. `selected` is the set of columns that are read.
    pub(super) fn relation(
        &mut self,
        entry: &pg_sys::RangeTblEntry,
        selected: *mut pg_sys::Bitmapset,
    ) -> Result<(), Stop> {
        let Some(relation) = Relation::fetch(entry.relid) else {
            return Stop::refuse("relation-kind", "a relation disappeared meanwhile", "Try again.");
        };
        relation.judge(self.allowed)?;
        // Below a view its owner's privileges count, which the executor checks.
        if self.views.is_empty() {
            self.readable(relation.oid, selected)?;
            if self.only.is_some_and(|only| !only.contains(&relation.oid)) {
                return relation.refuse(
                    "outside-database",
                    "is not part of this database as it was registered",
                    "Register it with t2sql.register_database(), or ask another database.",
                );
            }
            self.not_hidden(&relation, entry.inh, selected)?;
        }
        self.owners_code(&relation)?;
        if self.views.is_empty() && !self.relations.iter().any(|known| known.oid == relation.oid) {
            self.relations.push(relation);
        }
        if entry.relkind as u8 == pg_sys::RELKIND_VIEW { self.view(entry.relid) } else { Ok(()) }
    }

    /// Everything that the view's own query does.
    fn view(&mut self, oid: pg_sys::Oid) -> Result<(), Stop> {
        if self.views.contains(&oid) || self.views_seen.contains(&oid) {
            return Ok(());
        }
        check_for_interrupts!();
        if self.views.len() == MAX_VIEWS {
            return Stop::refuse(
                "too-deep",
                format!("it reads views through more than {MAX_VIEWS} others"),
                "Read a view that is nearer to the tables.",
            );
        }
        self.views.push(oid);
        // SAFETY: analysis holds a lock on the view; the query is a copy of the stored rule's.
        let outcome = unsafe {
            let relation = pg_sys::relation_open(oid, pg_sys::AccessShareLock as i32);
            let query = pg_sys::copyObjectImpl(pg_sys::get_view_query(relation).cast()).cast();
            pg_sys::relation_close(relation, pg_sys::NoLock as i32);
            self.query(query)
        };
        self.views.pop();
        self.views_seen.insert(oid);
        outcome
    }

    /// What the owner hides from questions. What a view shows of it is the business of the view's owner. The
    /// message names no column: `SELECT *` must not tell which there are.
    fn not_hidden(
        &self,
        relation: &Relation,
        with_children: bool,
        selected: *mut pg_sys::Bitmapset,
    ) -> Result<(), Stop> {
        let hidden = label::hidden(relation.oid, relation.has_children && with_children);
        if hidden.whole {
            return relation.refuse(
                "protected-column",
                "is protected by its owner",
                "Ask about other tables, or about a view on what may be seen of it.",
            );
        }
        let is_hidden = |column: pg_sys::AttrNumber| {
            // SAFETY: a catalog lookup; NULL for a column that is gone.
            hidden.columns.contains(&text(unsafe { pg_sys::get_attname(relation.oid, column, true) }))
        };
        // a whole row holds every column
        let reads = |column| if column == 0 { !hidden.columns.is_empty() } else { is_hidden(column) };
        // SAFETY: NULL (empty) or a valid set of the parse tree.
        if !hidden.columns.is_empty() && unsafe { columns(selected) }.any(reads) {
            return relation.refuse(
                "protected-column",
                "has columns that its owner protects, and the SQL reads them",
                "Name the columns that are needed instead of *, without those that t2sql.protect() hides.",
            );
        }
        Ok(())
    }

    /// The check that the executor would make, made before anything runs.
    fn readable(&self, oid: pg_sys::Oid, selected: *mut pg_sys::Bitmapset) -> Result<(), Stop> {
        use pg_sys::AclResult::ACLCHECK_OK;
        const SELECT: pg_sys::AclMode = pg_sys::ACL_SELECT as pg_sys::AclMode;
        let role = self.role;
        // SAFETY: catalog lookups; `selected` is NULL (empty) or a valid set of the parse tree.
        unsafe {
            if pg_sys::pg_class_aclcheck(oid, role, SELECT) == ACLCHECK_OK {
                return Ok(());
            }
            let some = pg_sys::pg_attribute_aclcheck_all(oid, role, SELECT, pg_sys::AclMaskHow::ACLMASK_ANY);
            if some != ACLCHECK_OK {
                return Err(Stop::Missing { relation: oid, column: None });
            }
            for column in columns(selected) {
                let (allowed, name) = if column == 0 {
                    // a whole row needs every column
                    let all = pg_sys::AclMaskHow::ACLMASK_ALL;
                    (pg_sys::pg_attribute_aclcheck_all(oid, role, SELECT, all), "*".to_owned())
                } else {
                    let name = text(pg_sys::get_attname(oid, column, true));
                    (pg_sys::pg_attribute_aclcheck(oid, column, role, SELECT), name)
                };
                if allowed != ACLCHECK_OK {
                    return Err(Stop::Missing { relation: oid, column: Some(name) });
                }
            }
        }
        Ok(())
    }
}

/// The columns of a set; 0 stands for the whole row.
///
/// # Safety
/// `selected` is NULL (empty) or a valid set that outlives the iterator.
unsafe fn columns(selected: *mut pg_sys::Bitmapset) -> impl Iterator<Item = pg_sys::AttrNumber> {
    // SAFETY: the caller's promise.
    let next = move |member: i32| Some(unsafe { pg_sys::bms_next_member(selected, member) }).filter(|&m| m >= 0);
    std::iter::successors(next(-1), move |&member| next(member))
        .map(|member| (member + pg_sys::FirstLowInvalidHeapAttributeNumber) as pg_sys::AttrNumber)
}
