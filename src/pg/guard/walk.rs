//! Visits every node of the analysed Query and hands what it meets to the rules.

use super::functions::Function;
use super::relations::Relation;
use super::{Allowed, Stop, nodes, oids};
use crate::pg::ffi;
use pgrx::pg_sys::{self, NodeTag};
use pgrx::prelude::*;
use std::collections::HashSet;
use std::ffi::c_void;

/// Nodes below one another. An error that is raised deep inside a walk has to be caught and raised
/// again at every level, which takes far longer than the walk; so the walk ends by itself before.
const MAX_DEPTH: usize = 500;

/// One walk: the rules' inputs and what was found so far.
pub struct Walk<'a> {
    pub(super) allowed: &'a Allowed,
    /// Whose privileges count.
    pub(super) role: pg_sys::Oid,
    /// When set, the only relations that may be read.
    pub(super) only: Option<&'a [pg_sys::Oid]>,
    /// Views that are being looked into, outermost first.
    pub(super) views: Vec<pg_sys::Oid>,
    pub(super) views_seen: HashSet<pg_sys::Oid>,
    /// How many nodes the walk is in.
    pub(super) depth: usize,
    /// Whether this is code of a relation's owner, which may look at settings.
    pub(super) owners: bool,
    /// Relations whose owners' code was judged, and whether its policies were.
    pub(super) owners_judged: HashSet<(pg_sys::Oid, bool)>,
    pub(super) types_read: HashSet<pg_sys::Oid>,
    pub(super) types_made: HashSet<pg_sys::Oid>,
    functions: HashSet<pg_sys::Oid>,
    /// Relations that the SQL itself names, in order of appearance.
    pub relations: Vec<Relation>,
    /// Why the current visit ends.
    stop: Option<Stop>,
}

impl<'a> Walk<'a> {
    pub fn new(allowed: &'a Allowed, role: pg_sys::Oid, only: Option<&'a [pg_sys::Oid]>) -> Self {
        Walk {
            allowed,
            role,
            only,
            views: Vec::new(),
            views_seen: HashSet::new(),
            depth: 0,
            owners: false,
            owners_judged: HashSet::new(),
            types_read: HashSet::new(),
            types_made: HashSet::new(),
            functions: HashSet::new(),
            relations: Vec::new(),
            stop: None,
        }
    }

    /// Judges a Query and everything below it, view bodies included. Policies of row
    /// security are not part of it, since the rewriter adds them later: see [`super::owned`].
    pub fn query(&mut self, query: *mut pg_sys::Query) -> Result<(), Stop> {
        // SAFETY: a valid Query of the analyser.
        let tree = unsafe { &*query };
        // views in views come here without a node in between
        // SAFETY: raises when the stack is used up.
        unsafe { pg_sys::check_stack_depth() };
        if tree.commandType != pg_sys::CmdType::CMD_SELECT || !tree.utilityStmt.is_null() {
            return Stop::refuse(
                "no-writing",
                "a part of it is not a SELECT",
                "Leave INSERT, UPDATE, DELETE and MERGE out.",
            );
        }
        if tree.hasModifyingCTE {
            return Stop::refuse(
                "no-writing",
                "a WITH query changes data",
                "Leave INSERT, UPDATE, DELETE and MERGE out.",
            );
        }
        if !tree.rowMarks.is_null() {
            return Stop::refuse("no-row-locks", "it would lock rows", "Leave FOR UPDATE and FOR SHARE out.");
        }
        // SAFETY: lists of a valid Query.
        for entry in unsafe { nodes::<pg_sys::RangeTblEntry>(tree.rtable) } {
            // SAFETY: as above.
            self.entry(tree, unsafe { &mut *entry })?;
        }
        // SAFETY: as above; `visit` gets the Walk it expects. Sort and group operators are examined too.
        unsafe { ffi::query_tree_walker(query, visit, (&raw mut *self).cast(), pg_sys::QTW_EXAMINE_SORTGROUP) };
        self.stop.take().map_or(Ok(()), Err)
    }

    /// Judges an expression that stands outside of a Query.
    pub(super) fn expression(&mut self, node: *mut pg_sys::Node) -> Result<(), Stop> {
        // SAFETY: a valid expression tree, and the Walk that is expected.
        unsafe { step(node, (&raw mut *self).cast()) };
        self.stop.take().map_or(Ok(()), Err)
    }

    /// Judges a function by OID.
    pub(super) fn function(&mut self, oid: pg_sys::Oid) -> Result<(), Stop> {
        if oid == pg_sys::InvalidOid || self.functions.contains(&oid) {
            return Ok(());
        }
        let Some(function) = Function::fetch(oid) else {
            return Stop::refuse("unknown-function", "a function disappeared meanwhile", "Try again.");
        };
        if !(self.owners && function.is_fine_for_owners()) {
            function.judge(self.allowed)?;
        }
        self.functions.insert(oid);
        Ok(())
    }

    fn operator(&mut self, oid: pg_sys::Oid) -> Result<(), Stop> {
        // SAFETY: a catalog lookup; InvalidOid when there is no such operator.
        if oid == pg_sys::InvalidOid { Ok(()) } else { self.function(unsafe { pg_sys::get_opcode(oid) }) }
    }

    /// One item of a FROM list.
    fn entry(&mut self, query: &pg_sys::Query, entry: &mut pg_sys::RangeTblEntry) -> Result<(), Stop> {
        use pg_sys::RTEKind::*;
        match entry.rtekind {
            RTE_RELATION => {
                let selected = selected_columns(query, entry);
                self.relation(entry, selected)
            }
            RTE_NAMEDTUPLESTORE => {
                Stop::refuse("relation-kind", "it reads a transition table", "Ask about tables and views.")
            }
            // their contents are walked as expressions and Queries
            _ => Ok(()),
        }
    }

    /// Judges one node; what stands below it is visited afterwards.
    fn node(&mut self, node: *mut pg_sys::Node) -> Result<(), Stop> {
        // SAFETY: the tag says which struct a node is.
        unsafe {
            match (*node).type_ {
                NodeTag::T_SortGroupClause => {
                    let clause = &*node.cast::<pg_sys::SortGroupClause>();
                    self.operator(clause.eqop)?;
                    self.operator(clause.sortop)?;
                }
                NodeTag::T_SetOperationStmt => {
                    // the walker does not go there
                    for clause in nodes((*node.cast::<pg_sys::SetOperationStmt>()).groupClauses) {
                        self.node(clause)?;
                    }
                }
                NodeTag::T_WindowClause => {
                    let clause = &*node.cast::<pg_sys::WindowClause>();
                    self.function(clause.startInRangeFunc)?;
                    self.function(clause.endInRangeFunc)?;
                }
                NodeTag::T_TableSampleClause => {
                    let handler = (*node.cast::<pg_sys::TableSampleClause>()).tsmhandler;
                    // PostgreSQL's own methods count as volatile, yet only choose rows
                    if !super::builtin(handler) {
                        self.function(handler)?;
                    }
                }
                NodeTag::T_RangeTblFunction => self.types((*node.cast::<pg_sys::RangeTblFunction>()).funccoltypes)?,
                NodeTag::T_TableFunc => self.types((*node.cast::<pg_sys::TableFunc>()).coltypes)?,
                NodeTag::T_Var => self.type_read((*node.cast::<pg_sys::Var>()).vartype)?,
                NodeTag::T_FuncExpr => {
                    let call = &*node.cast::<pg_sys::FuncExpr>();
                    if Function::fetch(call.funcid).is_some_and(|function| function.is_machinery()) {
                        return Stop::refuse(
                            "internal-function",
                            "it calls a function that only PostgreSQL itself may call",
                            "Use a cast instead.",
                        );
                    }
                    // that of pg_typeof(), which names no type that the SQL does not have
                    if call.funcresulttype != pg_sys::REGTYPEOID {
                        self.type_made(call.funcresulttype)?;
                    }
                }
                NodeTag::T_NextValueExpr
                | NodeTag::T_CurrentOfExpr
                | NodeTag::T_SetToDefault
                | NodeTag::T_InferenceElem => {
                    return Stop::refuse(
                        "unsafe-expression",
                        "an expression in it has no place in a SELECT",
                        "Use columns, constants and functions.",
                    );
                }
                NodeTag::T_Const
                | NodeTag::T_RelabelType
                | NodeTag::T_CoerceViaIO
                | NodeTag::T_ArrayCoerceExpr
                | NodeTag::T_ConvertRowtypeExpr
                | NodeTag::T_CoerceToDomain
                | NodeTag::T_RowExpr
                | NodeTag::T_ArrayExpr
                | NodeTag::T_Aggref
                | NodeTag::T_WindowFunc
                | NodeTag::T_OpExpr => self.type_made(pg_sys::exprType(node))?,
                #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18"))]
                NodeTag::T_JsonConstructorExpr => self.type_made(pg_sys::exprType(node))?,
                #[cfg(any(feature = "pg17", feature = "pg18"))]
                NodeTag::T_JsonExpr => self.type_made(pg_sys::exprType(node))?,
                _ => {}
            }
            pg_sys::check_functions_in_node(node, Some(visit_function), (&raw mut *self).cast());
        }
        self.stop.take().map_or(Ok(()), Err)
    }

    /// Types of columns that a function makes up: `AS t(a mydomain)`.
    fn types(&mut self, list: *mut pg_sys::List) -> Result<(), Stop> {
        // SAFETY: a list of type OIDs of the parse tree.
        for oid in unsafe { oids(list) } {
            self.type_made(oid)?;
        }
        Ok(())
    }
}

#[cfg(feature = "pg15")]
fn selected_columns(_query: &pg_sys::Query, entry: &mut pg_sys::RangeTblEntry) -> *mut pg_sys::Bitmapset {
    entry.selectedCols
}

#[cfg(not(feature = "pg15"))]
fn selected_columns(query: &pg_sys::Query, entry: &mut pg_sys::RangeTblEntry) -> *mut pg_sys::Bitmapset {
    // SAFETY: both belong to the same Query; raises when the entry has no permission record.
    unsafe { (*pg_sys::getRTEPermissionInfo(query.rteperminfos, entry)).selectedCols }
}

/// What PostgreSQL's walkers call. Never called from Rust: the guard turns a panic into a
/// longjmp, and that must end in the frame of C that called.
#[pg_guard]
unsafe extern "C-unwind" fn visit(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: called with PostgreSQL's own nodes and our Walk.
    unsafe { step(node, context) }
}

/// Judges a node and what stands below it; true when the walk is over.
unsafe fn step(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: the caller passes a valid node and our Walk.
    unsafe {
        // Every recursion of the guard comes through here. Too deep a stack is raised as a panic,
        // which `visit` or the frame of the seal catches.
        pg_sys::check_stack_depth();
        let walk = &mut *context.cast::<Walk>();
        walk.depth += 1;
        let outcome = match (*node).type_ {
            _ if walk.depth > MAX_DEPTH => Stop::refuse(
                "too-deep",
                format!("it is nested more than {MAX_DEPTH} levels deep"),
                "Write it with fewer subqueries, views or operators inside one another.",
            ),
            NodeTag::T_Query => walk.query(node.cast()),
            _ => walk.node(node),
        };
        let over = match outcome {
            Ok(()) => (*node).type_ != NodeTag::T_Query && ffi::expression_tree_walker(node, visit, context),
            Err(stop) => {
                (*context.cast::<Walk>()).stop = Some(stop);
                true
            }
        };
        (*context.cast::<Walk>()).depth -= 1;
        over
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn visit_function(oid: pg_sys::Oid, context: *mut c_void) -> bool {
    // SAFETY: called by `check_functions_in_node` with our Walk.
    let walk = unsafe { &mut *context.cast::<Walk>() };
    match walk.function(oid) {
        Ok(()) => false,
        Err(stop) => {
            walk.stop = Some(stop);
            true
        }
    }
}
