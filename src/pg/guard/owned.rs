//! Code that a relation brings along without the SQL naming it.
//!
//! Policies of row security run as whoever asks. Expressions of indexes, statistics, checks and
//! partition keys do so too: the planner folds their constants. Their owner wrote them, so they
//! are judged unless the role of the seal trusts the owner anyway.

use super::relations::Relation;
use super::stored::{self, Place};
use super::walk::Walk;
use super::{Stop, oids};
use crate::pg::{ffi, role};
use pgrx::prelude::*;
use std::mem;

/// What the planner looks at of a table and of every table below it.
const EXPRESSIONS: &[(&str, Place)] = &[
    ("an index", stored::INDEXES),
    ("a statistics object", stored::STATISTICS),
    ("a check", stored::TABLE_CHECKS),
    ("the partition key", stored::PARTITION_KEY),
];

impl Walk<'_> {
    /// Judges what the owners of a relation, and of those that inherit from it, attached to it.
    pub(super) fn owners_code(&mut self, relation: &Relation) -> Result<(), Stop> {
        let policies: &[(&str, Place)] = if relation.row_security { &[("a policy", stored::POLICIES)] } else { &[] };
        self.attached(relation, &[EXPRESSIONS, policies])?;
        if relation.has_children {
            // SAFETY: a list of OIDs in the current context.
            for child in unsafe { oids(ffi::all_inheritors(relation.oid)) } {
                check_for_interrupts!();
                // policies of children don't apply to a query on the parent
                if let Some(child) = Relation::fetch(child).filter(|child| child.oid != relation.oid) {
                    self.attached(&child, &[EXPRESSIONS])?;
                }
            }
        }
        Ok(())
    }

    fn attached(&mut self, relation: &Relation, kinds: &[&[(&'static str, Place)]]) -> Result<(), Stop> {
        let with_policies = kinds.len() > 1;
        if role::trusts(self.role, relation.owner) || !self.owners_judged.insert((relation.oid, with_policies)) {
            return Ok(());
        }
        // A walk of its own: what is fine in a policy must not count as judged for the SQL.
        let mut walk = Walk::new(self.allowed, self.role, None);
        walk.views.push(relation.oid);
        walk.owners = true;
        walk.depth = self.depth;
        walk.owners_judged = mem::take(&mut self.owners_judged);
        for (what, place) in kinds.iter().copied().flatten() {
            for tree in place.trees(relation.oid) {
                match walk.expression(tree) {
                    Err(Stop::Refused(refusal)) if refusal.rule != "owner-code" => {
                        return Stop::refuse(
                            "owner-code",
                            format!(
                                "{what} of relation {}.{} would run as you: {}",
                                relation.schema, relation.name, refusal.message
                            ),
                            format!(
                                "The owner of {}.{} is neither a superuser nor a role that you are a member of; an administrator who \
                                 trusts the function may add it to t2sql.allowed_functions.",
                                relation.schema, relation.name
                            ),
                        );
                    }
                    outcome => outcome?,
                }
            }
        }
        self.owners_judged = walk.owners_judged;
        Ok(())
    }
}
