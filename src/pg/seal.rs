//! Sealed execution of generated SQL: checked by the guard, read-only, capped, rolled back.
//!
//! [`check`] looks without running, [`fetch`] runs and returns json, [`fill`] runs into a
//! set-returning function's result. All three go through [`frame::sealed`], which restores
//! whatever the SQL may have touched; nothing is cached between calls.

mod deadline;
mod frame;
mod plan;

use crate::error::Error;
pub use crate::pg::guard::raw::MAX_LENGTH as LONGEST_SQL;
use crate::pg::guard::{self, Refusal, Stop};
use crate::pg::{guc, rows};
use pgrx::pg_sys;
use std::time::{Duration, Instant};

/// Where names are looked up, and what may be read.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Schemas in order; empty means that everything must be qualified.
    pub search_path: &'a [String],
    /// When set, only these relations may be read.
    pub relations: Option<&'a [pg_sys::Oid]>,
}

/// Caps of one execution.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub max_rows: i64,
    pub max_bytes: i64,
    pub timeout_ms: i32,
    pub max_cost: f64,
}

impl Limits {
    pub fn from_settings() -> Self {
        Limits {
            max_rows: guc::max_rows().into(),
            max_bytes: guc::max_bytes().into(),
            timeout_ms: guc::execution_timeout().as_millis().try_into().unwrap_or(i32::MAX),
            max_cost: guc::max_plan_cost(),
        }
    }
}

/// What is known about SQL that passed the guard.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Name and type of each output column.
    pub columns: Vec<(String, String)>,
    pub est_rows: f64,
    pub est_cost: f64,
    /// Schema and name of the relations that the SQL itself reads; not those below views.
    pub relations: Vec<(String, String)>,
    /// The same query with every name qualified where needed: means the same under any search_path.
    pub qualified: String,
    /// Whether the SQL as written means the same under the caller's search_path.
    pub as_written: bool,
    pub warnings: Vec<String>,
    /// The role it was checked as, when that isn't the caller.
    pub run_as: Option<String>,
}

/// Rows as json.
#[derive(Clone, Debug)]
pub struct Rows {
    /// One object per row, as `row_to_json` prints it.
    pub json: Vec<String>,
    /// True when a cap ended it early.
    pub truncated: bool,
    pub elapsed: Duration,
}

/// How far generated SQL came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Parse,
    Analyze,
    Plan,
    Execute,
}

/// Why generated SQL was not run to its end. A cancel or `statement_timeout` of the caller is not among these.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// A rule of the guard.
    Refused {
        rule: &'static str,
        message: String,
        hint: String,
    },
    /// PostgreSQL's own error. From planning on, its text may quote data.
    Sql {
        phase: Phase,
        sqlstate: String,
        message: String,
        hint: Option<String>,
        position: Option<i32>,
    },
    TooExpensive {
        est_rows: f64,
        est_cost: f64,
        max_cost: f64,
    },
    Timeout {
        timeout_ms: i32,
    },
    RowCap {
        max_rows: i64,
    },
    ByteCap {
        max_bytes: i64,
    },
    /// The columns are not those of the caller's `AS t(…)`.
    Columns {
        message: String,
        columns: Vec<(String, String)>,
    },
    /// The sealed role is missing or unsuitable.
    Setup {
        message: String,
        hint: String,
    },
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Problem::Refused { rule: refusal.rule, message: refusal.message, hint: refusal.hint }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Refused { rule, message, hint } => Error::Refused { rule, message, hint },
            Problem::Sql { sqlstate, message, hint, .. } => Error::Sql { sqlstate, message, hint },
            Problem::TooExpensive { est_rows, est_cost, max_cost } => Error::Limit {
                message: format!(
                    "generated SQL is estimated to cost {est_cost:.0} for {est_rows:.0} rows, more than {max_cost:.0}"
                ),
                hint: "Ask for less, run ANALYZE if the estimate is wrong, or raise t2sql.max_plan_cost.".into(),
            },
            Problem::Timeout { timeout_ms } => Error::Limit {
                message: format!("generated SQL was ended after {timeout_ms} ms"),
                hint: "Ask for less, or raise t2sql.execution_timeout (10 ms to 3600 s).".into(),
            },
            Problem::RowCap { max_rows } => Error::Limit {
                message: format!("generated SQL returns more than {max_rows} rows"),
                hint: "Ask for the top rows or a summary, or raise t2sql.max_rows.".into(),
            },
            Problem::ByteCap { max_bytes } => Error::Limit {
                message: format!("generated SQL returns more than {max_bytes} bytes"),
                hint: "Ask for fewer rows or columns, or raise t2sql.max_bytes.".into(),
            },
            Problem::Columns { message, columns } => {
                Error::Columns { message, hint: format!("Write AS t({}).", rows::column_list(&columns)) }
            }
            Problem::Setup { message, hint } => Error::Setup { message, hint },
        }
    }
}

/// Looks at `sql` without running it. A cancel or `statement_timeout` is raised, not returned.
pub fn check(sql: &str, scope: &Scope, limits: &Limits) -> Result<Checked, Problem> {
    frame::sealed(sql, scope, limits, frame::identity()?, |frame| {
        let planned = frame.plan(limits)?;
        Ok(Checked {
            columns: planned.columns.clone(),
            est_rows: planned.est_rows,
            est_cost: planned.est_cost,
            warnings: planned.warnings(frame),
            relations: planned.relations,
            qualified: planned.qualified,
            run_as: frame.run_as.clone(),
            // last, because an error in there ends the sealed subtransaction
            as_written: frame.means_the_same_to_the_caller(planned.query),
        })
    })
}

/// Runs `sql` and returns its rows as json, as many as the caps allow.
pub fn fetch(sql: &str, scope: &Scope, limits: &Limits) -> Result<Rows, Problem> {
    collect(sql, scope, limits, frame::identity()?)
}

/// As [`fetch`], with the rights of `role` instead of the caller's. For SQL of our own only, and a
/// role that is not dangerous.
pub fn fetch_as(role: pg_sys::Oid, sql: &str, scope: &Scope, limits: &Limits) -> Result<Rows, Problem> {
    collect(sql, scope, limits, frame::Identity { role, run_as: None })
}

fn collect(sql: &str, scope: &Scope, limits: &Limits, identity: frame::Identity) -> Result<Rows, Problem> {
    let start = Instant::now();
    let mut collector = rows::JsonRows::new(limits);
    frame::sealed(sql, scope, limits, identity, |frame| {
        let planned = frame.plan(limits)?;
        frame.execute(&planned, &mut collector)
    })?;
    let (json, truncated) = collector.finish();
    if truncated && json.is_empty() {
        return Err(Problem::ByteCap { max_bytes: limits.max_bytes });
    }
    Ok(Rows { json, truncated, elapsed: start.elapsed() })
}

/// Runs `sql` into `target`, the result of a function that was called with `AS t(…)`. More rows
/// or bytes than the caps allow are a problem here, since a shortened result couldn't be told from a whole one.
pub fn fill(sql: &str, scope: &Scope, limits: &Limits, target: &mut rows::TypedRows) -> Result<(), Problem> {
    target.set_limits(limits);
    frame::sealed(sql, scope, limits, frame::identity()?, |frame| {
        let planned = frame.plan(limits)?;
        frame.execute(&planned, target)
    })?;
    target.finish(limits)
}

/// What stopped the guard, as the caller gets to see it: a relation that may not be read
/// looks exactly as if it were missing.
fn problem(stop: Stop, mentions: &[guard::raw::Mention], sql: &str) -> Problem {
    match stop {
        Stop::Refused(refusal) => refusal.into(),
        Stop::Missing { relation, column: None } => frame::missing_relation(relation, mentions, sql),
        Stop::Missing { column: Some(column), .. } => Problem::Sql {
            phase: Phase::Analyze,
            sqlstate: "42703".into(),
            message: format!("column \"{column}\" does not exist"),
            hint: None,
            position: None,
        },
    }
}
