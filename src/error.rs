//! The one error type of the shell, and the only place that decides a SQLSTATE.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use t2sql_core::text::quote_literal;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that a public function may report. Messages are one line, lower
/// case, and hold no key, prompt or reply.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Core(#[from] t2sql_core::Error),

    #[error("could not read the knowledge base: {0}")]
    Spi(#[from] pgrx::spi::Error),

    /// A registered context's name, or nothing for the current database.
    #[error("{} is not indexed", .0.as_ref().map_or("this database".to_owned(), |name| format!("database \"{name}\"")))]
    NotIndexed(Option<String>),

    #[error("database \"{name}\" is not registered")]
    UnknownDatabase { name: String, known: Vec<String> },

    #[error("{message}")]
    Argument { message: String, hint: String },

    #[error("{what} is too long: {length} bytes, at most {limit}")]
    TooLong { what: &'static str, length: usize, limit: usize },

    /// A setting, server or model is missing or does not fit.
    #[error("{message}")]
    Setup { message: String, hint: String },

    /// The question needs clarification or can't be answered.
    #[error("{message}")]
    Unanswerable {
        message: String,
        detail: Option<String>,
        hint: String,
        /// True where rephrasing or a model would not help either.
        final_word: bool,
    },

    /// Generated SQL broke a rule of the guard.
    #[error("generated SQL refused by the guard, rule {rule}: {message}")]
    Refused { rule: &'static str, message: String, hint: String },

    /// Generated SQL failed in PostgreSQL; keeps PostgreSQL's own code.
    #[error("generated SQL failed: {message}")]
    Sql { sqlstate: String, message: String, hint: Option<String> },

    /// The answer's columns are not those that the caller listed.
    #[error("{message}")]
    Columns { message: String, hint: String },

    /// A cost, row, byte or time cap of ours was hit.
    #[error("{message}")]
    Limit { message: String, hint: String },

    /// Too many calls at once, a quota, or an endpoint that keeps failing.
    #[error("{message}")]
    Busy { message: String, hint: String },

    #[error("{message}")]
    Privilege { message: String, hint: String },

    /// Needs to commit, where that is not possible.
    #[error("{message}")]
    Transaction { message: String, hint: String },

    #[error("{message}")]
    ReadOnly { message: String, hint: String },

    /// Cannot happen unless t2sql or its tables are broken.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// For arguments out of range: what is wrong, and what would be right.
    pub fn argument(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Error::Argument { message: message.into(), hint: hint.into() }
    }

    /// For a setting or registry entry that is missing: what, and the statement that mends it.
    pub fn setup(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Error::Setup { message: message.into(), hint: hint.into() }
    }

    /// SQLSTATE as text, e.g. for `answer()`'s error column.
    pub fn sqlstate(&self) -> String {
        match self {
            Error::Sql { sqlstate, .. } => sqlstate.clone(),
            _ => unpack(self.code()),
        }
    }

    fn code(&self) -> PgSqlErrorCode {
        use PgSqlErrorCode::*;
        use t2sql_core::Error as Core;
        match self {
            Error::Core(core) => match core {
                Core::Endpoint(_) | Core::EndpointTimeout(_) | Core::EndpointStatus { .. } => ERRCODE_IO_ERROR,
                Core::Reply(_) => ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
            },
            Error::Spi(_) | Error::Internal(_) => ERRCODE_INTERNAL_ERROR,
            Error::NotIndexed(_) | Error::Setup { .. } => ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            Error::UnknownDatabase { .. } | Error::Argument { .. } => ERRCODE_INVALID_PARAMETER_VALUE,
            Error::TooLong { .. } | Error::Limit { .. } => ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            Error::Unanswerable { .. } => ERRCODE_NO_DATA_FOUND,
            Error::Refused { .. } => ERRCODE_E_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED,
            Error::Sql { sqlstate, .. } => pack(sqlstate),
            Error::Columns { .. } => ERRCODE_DATATYPE_MISMATCH,
            Error::Busy { .. } => ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
            Error::Privilege { .. } => ERRCODE_INSUFFICIENT_PRIVILEGE,
            Error::Transaction { .. } => ERRCODE_ACTIVE_SQL_TRANSACTION,
            Error::ReadOnly { .. } => ERRCODE_READ_ONLY_SQL_TRANSACTION,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        use t2sql_core::Error as Core;
        Some(match self {
            Error::Core(core) => match core {
                Core::Endpoint(_) => {
                    "Check the server's url option with \\des+, and that this host can reach it.".into()
                }
                Core::EndpointTimeout(_) => {
                    "Raise t2sql.request_timeout (100 ms to 600 s), or use a faster model.".into()
                }
                Core::EndpointStatus { status, retry_after, .. } => status_hint(*status, *retry_after),
                Core::Reply(_) => {
                    "Check that the server's url is the base of an OpenAI-compatible API, and the model's name.".into()
                }
            },
            Error::Spi(_) | Error::Internal(_) => "This is a defect of t2sql; please report it.".into(),
            Error::NotIndexed(name) => format!(
                "Run SELECT * FROM t2sql.index_schema({}) first, as a role that may read the tables.",
                name.as_deref().map_or(String::new(), |name| format!("database => {}", quote_literal(name)))
            ),
            Error::UnknownDatabase { known, .. } if known.is_empty() => {
                "Register it with SELECT t2sql.register_database('name', ARRAY['schema']).".into()
            }
            Error::UnknownDatabase { known, .. } => format!(
                "Registered are: {}. Register another with SELECT t2sql.register_database('name', ARRAY['schema']).",
                known.join(", ")
            ),
            Error::TooLong { .. } => "Shorten it; the limit keeps prompts and plans bounded.".into(),
            Error::Sql { hint, .. } => return hint.clone(),
            Error::Argument { hint, .. }
            | Error::Setup { hint, .. }
            | Error::Unanswerable { hint, .. }
            | Error::Refused { hint, .. }
            | Error::Columns { hint, .. }
            | Error::Limit { hint, .. }
            | Error::Busy { hint, .. }
            | Error::Privilege { hint, .. }
            | Error::Transaction { hint, .. }
            | Error::ReadOnly { hint, .. } => hint.clone(),
        })
    }

    fn detail(&self) -> Option<String> {
        match self {
            Error::Unanswerable { detail, .. } => detail.clone(),
            Error::Core(t2sql_core::Error::EndpointStatus { detail, .. }) if !detail.is_empty() => Some(detail.clone()),
            _ => None,
        }
    }
}

impl From<Error> for ErrorReport {
    fn from(error: Error) -> Self {
        let mut report = ErrorReport::new(error.code(), printable(&error.to_string()), "t2sql");
        if let Some(hint) = error.hint() {
            report = report.set_hint(printable(&hint));
        }
        match error.detail() {
            Some(detail) => report.set_detail(printable(&detail)),
            None => report,
        }
    }
}

/// Without control characters: values and names in a message must not steer the reader's terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

fn status_hint(status: u16, retry_after: Option<u64>) -> String {
    match (status, retry_after) {
        (401 | 403, _) => {
            "The endpoint refused the key: check api_key_file, api_key_env or the user mapping's api_key.".into()
        }
        (404, _) => "Check the server's url and the model's name.".into(),
        (_, Some(seconds)) => format!("The endpoint asks to wait {seconds} s."),
        (429, None) => "The endpoint limits the rate of requests: wait, or lower the load.".into(),
        _ => "The endpoint failed: try again later, or set t2sql.engine = builtin.".into(),
    }
}

/// Five characters to PostgreSQL's packed code (`MAKE_SQLSTATE`).
fn pack(sqlstate: &str) -> PgSqlErrorCode {
    let packed = sqlstate
        .bytes()
        .take(5)
        .enumerate()
        .fold(0i32, |code, (i, b)| code | (i32::from(b.wrapping_sub(b'0')) & 0x3F) << (6 * i));
    PgSqlErrorCode::from(packed)
}

/// The reverse of [`pack`].
fn unpack(code: PgSqlErrorCode) -> String {
    let code = code as i32;
    (0..5).map(|i| char::from(((code >> (6 * i)) & 0x3F) as u8 + b'0')).collect()
}
