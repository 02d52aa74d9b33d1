//! The steps inside the frame: parse, analyse, guard, plan, execute.

use super::frame::{Frame, catch};
use super::{Limits, Phase, Problem, problem};
use crate::pg::guard::walk::Walk;
use crate::pg::guard::{Allowed, nodes, raw, text};
use crate::pg::rows::{self, Sink};
use pgrx::PgSqlErrorCode;
use pgrx::pg_sys;
use std::ptr;

/// A query that passed the guard and has a plan.
pub struct Planned {
    pub columns: Vec<(String, String)>,
    pub est_rows: f64,
    pub est_cost: f64,
    pub relations: Vec<(String, String)>,
    pub qualified: String,
    /// Names of the relations whose row security applies.
    row_security: Vec<String>,
    /// The analysed query, untouched by the rewriter.
    pub query: *mut pg_sys::Query,
    statement: *mut pg_sys::PlannedStmt,
}

impl Planned {
    pub fn warnings(&self, frame: &Frame) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(role) = &frame.run_as {
            warnings.push(format!("runs as role {role}, because a superuser's rights are too many for generated SQL"));
            if !self.row_security.is_empty() {
                warnings.push(format!("row security of {} applies to {role}", self.row_security.join(", ")));
            }
        }
        warnings
    }
}

impl Frame<'_> {
    /// Everything before execution.
    pub fn plan(&self, limits: &Limits) -> Result<Planned, Problem> {
        self.enter(Phase::Parse);
        let statement = raw::parse(&self.source).map_err(|stop| problem(stop, &[], self.sql))?;
        let mentions = raw::mentions(statement);
        self.remember(mentions.clone());

        self.enter(Phase::Analyze);
        let query = self.analyze(statement);
        let allowed = Allowed::from_settings();
        let mut walk = Walk::new(&allowed, self.role, self.scope.relations);
        walk.query(query).map_err(|stop| problem(stop, &mentions, self.sql))?;
        // types and names as they can be written under any search_path
        self.set_search_path(c"");
        let (columns, qualified) = (columns(query), deparse(query));
        self.pin_search_path();

        self.enter(Phase::Plan);
        // SAFETY: the rewriter scribbles on its input, so it gets a copy; a SELECT rewrites to one query.
        let statement = unsafe {
            let copy = pg_sys::copyObjectImpl(query.cast()).cast();
            let rewritten = nodes::<pg_sys::Query>(pg_sys::pg_rewrite_query(copy)).next();
            let rewritten = rewritten.expect("a SELECT rewrites to exactly one query");
            with_snapshot(|| {
                let options = pg_sys::CURSOR_OPT_PARALLEL_OK as i32;
                pg_sys::pg_plan_query(rewritten, self.source.as_ptr(), options, ptr::null_mut())
            })
        };
        // SAFETY: a plan fresh from the planner.
        let (est_rows, est_cost) = unsafe { ((*(*statement).planTree).plan_rows, (*(*statement).planTree).total_cost) };
        if est_cost > limits.max_cost {
            return Err(Problem::TooExpensive { est_rows, est_cost, max_cost: limits.max_cost });
        }
        let names = |relation: &crate::pg::guard::Relation| (relation.schema.clone(), relation.name.clone());
        Ok(Planned {
            columns,
            est_rows,
            est_cost,
            relations: walk.relations.iter().map(names).collect(),
            row_security: walk
                .relations
                .iter()
                .filter(|r| r.row_security)
                .map(|r| format!("{}.{}", r.schema, r.name))
                .collect(),
            qualified,
            query,
            statement,
        })
    }

    /// Runs the plan, handing each row to `sink` until it has enough.
    pub fn execute(&self, planned: &Planned, sink: &mut dyn Sink) -> Result<(), Problem> {
        self.enter(Phase::Execute);
        // SAFETY: the usual life of a QueryDesc; errors leave it to the subtransaction's rollback.
        unsafe {
            with_snapshot(|| {
                let mut receiver = rows::Receiver::new(sink);
                let query = pg_sys::CreateQueryDesc(
                    planned.statement,
                    self.source.as_ptr(),
                    pg_sys::GetActiveSnapshot(),
                    ptr::null_mut(),
                    receiver.as_ptr(),
                    ptr::null_mut(),
                    ptr::null_mut(),
                    0,
                );
                pg_sys::ExecutorStart(query, 0);
                receiver.start(pg_sys::BlessTupleDesc((*query).tupDesc), &planned.columns)?;
                #[cfg(not(feature = "pg18"))]
                pg_sys::ExecutorRun(query, pg_sys::ScanDirection::ForwardScanDirection, 0, true);
                #[cfg(feature = "pg18")]
                pg_sys::ExecutorRun(query, pg_sys::ScanDirection::ForwardScanDirection, 0);
                pg_sys::ExecutorFinish(query);
                pg_sys::ExecutorEnd(query);
                pg_sys::FreeQueryDesc(query);
                Ok(())
            })
        }
    }

    /// Whether the SQL, analysed under the caller's own search_path, gives the same query. Must be
    /// the last step, since an error in it leaves the subtransaction unusable.
    pub fn means_the_same_to_the_caller(&self, query: *mut pg_sys::Query) -> bool {
        let outcome = catch(|| {
            self.set_search_path(&self.outer_path);
            let statement = raw::parse(&self.source).ok()?;
            Some(self.analyze(statement))
        });
        match outcome {
            // SAFETY: two valid trees; `equal` ignores where in the text things stand.
            Ok(Some(other)) => unsafe { pg_sys::equal(query.cast(), other.cast()) },
            Ok(None) => false,
            Err(error) => {
                use pg_sys::panic::CaughtError::*;
                let (PostgresError(report) | ErrorReport(report)) = &error else { error.rethrow() };
                if report.sql_error_code() == PgSqlErrorCode::ERRCODE_QUERY_CANCELED {
                    error.rethrow();
                }
                false
            }
        }
    }

    fn analyze(&self, statement: *mut pg_sys::RawStmt) -> *mut pg_sys::Query {
        // SAFETY: a fresh parse tree of `source`; no parameters, so `$1` is an error.
        unsafe {
            with_snapshot(|| {
                pg_sys::parse_analyze_fixedparams(statement, self.source.as_ptr(), ptr::null(), 0, ptr::null_mut())
            })
        }
    }
}

/// The query as text; under an empty search_path nothing in it depends on the path.
fn deparse(query: *mut pg_sys::Query) -> String {
    // SAFETY: deparsing locks relations and may touch the tree, so it gets a copy.
    text(unsafe { pg_sys::pg_get_querydef(pg_sys::copyObjectImpl(query.cast()).cast(), false) }).trim().to_owned()
}

/// Name and type of each output column.
fn columns(query: *mut pg_sys::Query) -> Vec<(String, String)> {
    // SAFETY: the target list of a valid Query.
    unsafe {
        nodes::<pg_sys::TargetEntry>((*query).targetList)
            .filter(|&entry| !(*entry).resjunk)
            .map(|entry| {
                let expression = (*entry).expr.cast();
                let (oid, modifier) = (pg_sys::exprType(expression), pg_sys::exprTypmod(expression));
                (text((*entry).resname), text(pg_sys::format_type_with_typemod(oid, modifier)))
            })
            .collect()
    }
}

/// Runs `body` with the transaction's snapshot active. An error leaves the popping to the rollback.
///
/// # Safety
/// Inside a transaction.
unsafe fn with_snapshot<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: the caller's promise.
    unsafe {
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        let result = body();
        pg_sys::PopActiveSnapshot();
        result
    }
}
