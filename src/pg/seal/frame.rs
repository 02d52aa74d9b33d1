//! The frame around generated SQL: a read-only subtransaction under a restricted identity
//! that is always rolled back, so that user, settings, timers, snapshots and portals are
//! afterwards what they were, whatever happened inside.

use super::deadline::Deadline;
use super::{Limits, Phase, Problem, Scope};
use crate::pg::guard::raw::Mention;
use crate::pg::guard::text;
use crate::pg::{ffi, role};
use pgrx::pg_sys::panic::CaughtError;
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};
use std::cell::Cell;
use std::ffi::{CStr, CString, c_void};
use std::panic::AssertUnwindSafe;
use std::ptr;

/// Most that generated SQL may spill to disk, in kB, where the server allows more.
const TEMP_FILE_LIMIT_KB: i32 = 1024 * 1024;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// What the code inside the frame works with.
pub struct Frame<'a> {
    pub sql: &'a str,
    pub source: CString,
    pub scope: &'a Scope<'a>,
    /// Whose privileges count inside.
    pub role: pg_sys::Oid,
    /// Its name, when it isn't the caller.
    pub run_as: Option<String>,
    /// The caller's search_path.
    pub outer_path: CString,
    phase: Cell<Phase>,
    mentions: Cell<Vec<Mention>>,
}

impl Frame<'_> {
    pub fn enter(&self, phase: Phase) {
        self.phase.set(phase);
    }

    pub fn remember(&self, mentions: Vec<Mention>) {
        self.mentions.set(mentions);
    }

    /// Back to the scope's own path.
    pub fn pin_search_path(&self) {
        set(c"search_path", Some(&self.pinned_path()));
    }

    pub fn set_search_path(&self, path: &CStr) {
        set(c"search_path", Some(path));
    }
}

/// Runs `body` sealed. Errors of the SQL come back as [`Problem::Sql`]; a cancel, the caller's
/// `statement_timeout` and defects of ours are raised again.
pub fn sealed<T>(
    sql: &str,
    scope: &Scope,
    limits: &Limits,
    identity: Identity,
    body: impl FnOnce(&Frame) -> Result<T, Problem>,
) -> Result<T, Problem> {
    if let Err(stop) = crate::pg::guard::raw::check_text(sql) {
        return Err(super::problem(stop, &[], sql));
    }
    let _once = Once::enter()?;
    let Identity { role, run_as } = identity;
    let frame = Frame {
        sql,
        source: CString::new(sql).expect("NUL characters were refused above"),
        scope,
        role,
        run_as,
        // SAFETY: the setting always has a value; copied before anything changes it.
        outer_path: unsafe { CStr::from_ptr(pg_sys::namespace_search_path) }.to_owned(),
        phase: Cell::new(Phase::Parse),
        mentions: Cell::default(),
    };

    let probe = PositionProbe::new();
    let deadline = Deadline::arm(limits.timeout_ms);
    // SAFETY: read here, put back below.
    let (context, owner) = unsafe { (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner) };
    // SAFETY: a transaction is in progress; ended on every path below. What is allocated inside
    // goes with the subtransaction's own memory context.
    unsafe { pg_sys::BeginInternalSubTransaction(ptr::null()) };
    let outcome = catch(|| {
        probe.listen(|| {
            frame.seal();
            body(&frame)
        })
    });
    // Never committed: this also undoes user, security context, settings and XactReadOnly,
    // drops snapshots and closes what is left open.
    // SAFETY: ends the subtransaction begun above, then restores what PostgreSQL leaves to the caller.
    unsafe {
        pg_sys::RollbackAndReleaseCurrentSubTransaction();
        pg_sys::CurrentMemoryContext = context;
        pg_sys::CurrentResourceOwner = owner;
    }
    let timed_out = deadline.disarm();
    match outcome {
        Ok(result) => result,
        Err(error) => Err(frame.problem(error, timed_out, probe.position(), limits)),
    }
}

impl Frame<'_> {
    /// Makes the subtransaction a sealed one. Order matters: settings first, since they need
    /// no privilege here, then the identity, then the fence that nothing inside can lift.
    fn seal(&self) {
        self.pin_search_path();
        set(c"standard_conforming_strings", Some(c"on")); // the text is read as every tool writes it
        set(c"transform_null_equals", Some(c"off"));
        set(c"quote_all_identifiers", Some(c"off"));
        set(c"row_security", Some(c"on"));
        set(c"work_mem", None); // what the server gives, not what the session asked for
        // SAFETY: a plain integer of the GUC machinery.
        let allowed = unsafe { pg_sys::temp_file_limit };
        if !(0..=TEMP_FILE_LIMIT_KB).contains(&allowed) {
            let limit = CString::new(TEMP_FILE_LIMIT_KB.to_string()).expect("digits hold no NUL");
            set(c"temp_file_limit", Some(&limit));
        }
        // SAFETY: the subtransaction's rollback restores both.
        unsafe {
            let (mut user, mut context) = (pg_sys::InvalidOid, 0);
            pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
            let restricted = pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION;
            pg_sys::SetUserIdAndSecContext(self.role, context | restricted as i32);
            pg_sys::XactReadOnly = true;
        }
    }

    /// The scope's schemas, then temporary ones, which otherwise would come first. A schema that is
    /// called `$user` can't be named in a path, quoted or not.
    fn pinned_path(&self) -> CString {
        let mut path = String::new();
        for schema in self.scope.search_path.iter().filter(|schema| !["pg_temp", "$user"].contains(&schema.as_str())) {
            path += &spi::quote_identifier(schema);
            path += ", ";
        }
        path += "pg_temp";
        CString::new(path.replace('\0', "")).expect("NUL characters were taken out")
    }

    fn problem(&self, error: CaughtError, timed_out: bool, position: Option<i32>, limits: &Limits) -> Problem {
        let report = match &error {
            CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
            CaughtError::RustPanic { .. } => error.rethrow(),
        };
        let code = report.sql_error_code();
        if code == PgSqlErrorCode::ERRCODE_QUERY_CANCELED {
            if timed_out {
                return Problem::Timeout { timeout_ms: limits.timeout_ms };
            }
            error.rethrow();
        }
        let phase = self.phase.get();
        let mentions = self.mentions.take();
        // A schema without USAGE must look like a missing relation.
        if phase == Phase::Analyze && code == PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE {
            let at = |mention: &&Mention| position == Some(characters(self.sql, mention.location()));
            if let Some(mention) = mentions.iter().find(at) {
                return missing(mention, self.sql);
            }
        }
        Problem::Sql {
            phase,
            sqlstate: sqlstate(code),
            message: report.message().to_owned(),
            hint: report.hint().map(str::to_owned),
            position: position.filter(|_| phase <= Phase::Analyze),
        }
    }
}

/// The problem that PostgreSQL would report if `relation` did not exist.
pub fn missing_relation(relation: pg_sys::Oid, mentions: &[Mention], sql: &str) -> Problem {
    // SAFETY: catalog lookups.
    let (schema, name) = unsafe {
        let namespace = pg_sys::get_rel_namespace(relation);
        (text(pg_sys::get_namespace_name(namespace)), text(pg_sys::get_rel_name(relation)))
    };
    match mentions.iter().find(|mention| mention.names(&schema, &name)) {
        Some(mention) => missing(mention, sql),
        None => Problem::Sql {
            phase: Phase::Analyze,
            sqlstate: "42P01".into(),
            message: format!("relation \"{name}\" does not exist"),
            hint: None,
            position: None,
        },
    }
}

fn missing(mention: &Mention, sql: &str) -> Problem {
    Problem::Sql {
        phase: Phase::Analyze,
        sqlstate: "42P01".into(),
        message: mention.missing(),
        hint: None,
        position: Some(characters(sql, mention.location())),
    }
}

/// A byte offset of the parser as PostgreSQL reports positions: characters, from 1.
fn characters(sql: &str, offset: i32) -> i32 {
    let offset = usize::try_from(offset).unwrap_or(0);
    sql.char_indices().take_while(|(at, _)| *at < offset).count() as i32 + 1
}

fn sqlstate(code: PgSqlErrorCode) -> String {
    // SAFETY: returns a static buffer of six bytes.
    text(unsafe { pg_sys::unpack_sql_state(code as i32) })
}

/// Catches whatever `body` raises, PostgreSQL's errors and Rust's panics alike.
pub fn catch<T>(body: impl FnOnce() -> T) -> Result<T, CaughtError> {
    PgTryBuilder::new(AssertUnwindSafe(|| Ok(body()))).catch_others(Err).catch_rust_panic(Err).execute()
}

/// Sets a setting until the end of the subtransaction; `None` means the session's default.
fn set(name: &CStr, value: Option<&CStr>) {
    // SAFETY: NUL-terminated strings; PGC_SUSET because it is we who set it, not the caller.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.map_or(ptr::null(), CStr::as_ptr),
            pg_sys::GucContext::PGC_SUSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
    }
}

/// Who SQL runs as.
pub struct Identity {
    pub role: pg_sys::Oid,
    /// Its name, where that is worth telling.
    pub run_as: Option<String>,
}

/// Who generated SQL runs as: the caller, or `t2sql.run_as` for those whose privileges go beyond tables.
pub fn identity() -> Result<Identity, Problem> {
    let role = role::reader()
        .map_err(|error| Problem::Setup { message: error.to_string(), hint: error.hint().unwrap_or_default() })?;
    Ok(Identity { role, run_as: (role != role::current()).then(|| role::name(role)) })
}

/// Generated SQL must not get back into t2sql, neither by a function nor by a policy.
struct Once;

impl Once {
    fn enter() -> Result<Self, Problem> {
        if INSIDE.replace(true) {
            return Err(Problem::Refused {
                rule: "no-recursion",
                message: "generated SQL called t2sql again".into(),
                hint: "Call t2sql from outside; its functions can't be used inside generated SQL.".into(),
            });
        }
        Ok(Once)
    }
}

impl Drop for Once {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}

/// Notes where in the SQL an error was found: pgrx's error reports leave the position out.
struct PositionProbe {
    position: Cell<i32>,
}

impl PositionProbe {
    fn new() -> Self {
        PositionProbe { position: Cell::new(0) }
    }

    fn listen<T>(&self, body: impl FnOnce() -> T) -> T {
        struct Popped(*mut pg_sys::ErrorContextCallback);
        impl Drop for Popped {
            fn drop(&mut self) {
                // SAFETY: puts back what was there before `listen`.
                unsafe { pg_sys::error_context_stack = self.0 }
            }
        }
        // SAFETY: the callback's struct and `self` outlive `body`; popped even when it unwinds.
        unsafe {
            let mut callback = pg_sys::ErrorContextCallback {
                previous: pg_sys::error_context_stack,
                callback: Some(note_position),
                arg: (&raw const self.position).cast_mut().cast::<c_void>(),
            };
            let _popped = Popped(pg_sys::error_context_stack);
            pg_sys::error_context_stack = &raw mut callback;
            body()
        }
    }

    fn position(&self) -> Option<i32> {
        Some(self.position.get()).filter(|&position| position > 0)
    }
}

/// Called while PostgreSQL builds an error or a notice; must not raise.
unsafe extern "C-unwind" fn note_position(position: *mut c_void) {
    // SAFETY: `listen` passes its own cell, and PostgreSQL calls this only while reporting.
    unsafe { (*position.cast::<Cell<i32>>()).set(ffi::error_position()) }
}
