//! Settings `t2sql.*`: definitions and readers.

use pgrx::prelude::*;
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use std::ffi::{CStr, CString};
use std::time::Duration;

/// Who may write the SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
pub enum Engine {
    #[name = c"auto"]
    Auto,
    #[name = c"builtin"]
    Builtin,
    #[name = c"llm"]
    Llm,
}

/// What of the data may leave in a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
pub enum SendValues {
    #[name = c"none"]
    None,
    #[name = c"enums"]
    Enums,
    #[name = c"samples"]
    Samples,
}

/// What happens when a result is longer than `t2sql.max_rows`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
pub enum OnTruncate {
    #[name = c"warning"]
    Warning,
    #[name = c"error"]
    Error,
}

/// Declares the settings: a private static and a reader for each, and one `init`.
macro_rules! settings {
    ($(
        $(#[$doc:meta])*
        $kind:ident $name:ident = $guc:literal, $default:expr $(, $min:expr, $max:expr)?;
        $context:ident $(, $flag:ident)?; $short:literal, $long:literal;
    )*) => {
        mod setting {
            use super::*;
            $(settings!(@static $kind $name $default);)*
        }
        $(settings!(@read $kind $name $(#[$doc])*);)*
        fn define() {
            $(settings!(@define $kind $name $guc $context [$($flag)?] $short $long $(, $min, $max)?);)*
        }
    };
    (@static bool $name:ident $default:expr) => {
        #[allow(non_upper_case_globals)]
        pub static $name: GucSetting<bool> = GucSetting::<bool>::new($default);
    };
    (@static int $name:ident $default:expr) => {
        #[allow(non_upper_case_globals)]
        pub static $name: GucSetting<i32> = GucSetting::<i32>::new($default);
    };
    (@static ms $name:ident $default:expr) => { settings!(@static int $name $default); };
    (@static float $name:ident $default:expr) => {
        #[allow(non_upper_case_globals)]
        pub static $name: GucSetting<f64> = GucSetting::<f64>::new($default);
    };
    (@static text $name:ident $default:expr) => {
        #[allow(non_upper_case_globals)]
        pub static $name: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new($default);
    };
    (@read bool $name:ident $(#[$doc:meta])*) => { $(#[$doc])* pub fn $name() -> bool { setting::$name.get() } };
    (@read int $name:ident $(#[$doc:meta])*) => { $(#[$doc])* pub fn $name() -> i32 { setting::$name.get() } };
    (@read float $name:ident $(#[$doc:meta])*) => { $(#[$doc])* pub fn $name() -> f64 { setting::$name.get() } };
    (@read ms $name:ident $(#[$doc:meta])*) => {
        $(#[$doc])* pub fn $name() -> Duration { Duration::from_millis(u64::try_from(setting::$name.get()).unwrap_or(0)) }
    };
    (@read text $name:ident $(#[$doc:meta])*) => { $(#[$doc])* pub fn $name() -> Option<String> { text(&setting::$name) } };
    (@define bool $name:ident $guc:literal $context:ident [$($flag:ident)?] $short:literal $long:literal) => {
        GucRegistry::define_bool_guc($guc, $short, $long, &setting::$name, GucContext::$context, settings!(@flags $($flag)?));
    };
    (@define int $name:ident $guc:literal $context:ident [$($flag:ident)?] $short:literal $long:literal, $min:expr, $max:expr) => {
        GucRegistry::define_int_guc($guc, $short, $long, &setting::$name, $min, $max, GucContext::$context, settings!(@flags $($flag)?));
    };
    (@define ms $name:ident $guc:literal $context:ident [$($flag:ident)?] $short:literal $long:literal, $min:expr, $max:expr) => {
        GucRegistry::define_int_guc($guc, $short, $long, &setting::$name, $min, $max, GucContext::$context, GucFlags::UNIT_MS);
    };
    (@define float $name:ident $guc:literal $context:ident [$($flag:ident)?] $short:literal $long:literal, $min:expr, $max:expr) => {
        GucRegistry::define_float_guc($guc, $short, $long, &setting::$name, $min, $max, GucContext::$context, settings!(@flags $($flag)?));
    };
    (@define text $name:ident $guc:literal $context:ident [$($flag:ident)?] $short:literal $long:literal) => {
        GucRegistry::define_string_guc($guc, $short, $long, &setting::$name, GucContext::$context, settings!(@flags $($flag)?));
    };
    (@flags) => { GucFlags::default() };
    (@flags $flag:ident) => { GucFlags::$flag };
}

settings! {
    bool annotate = c"t2sql.annotate", true; Userset;
        c"Ends the SQL of ask() with a comment.", c"The comment holds request id, engine, confidence and assumptions.";
    float min_confidence = c"t2sql.min_confidence", 0.5, 0.0, 1.0; Userset;
        c"Below this confidence a question is given back for clarification.", c"0 answers whatever can be answered.";
    float builtin_min_confidence = c"t2sql.builtin_min_confidence", 0.8, 0.0, 1.0; Userset;
        c"From this confidence on the built-in engine answers alone although a model is configured.", c"Used when t2sql.engine is auto.";
    int max_rows = c"t2sql.max_rows", 1_000, 1, 10_000_000; Userset;
        c"Most rows that one question returns.", c"See t2sql.on_truncate for what happens beyond.";
    int max_bytes = c"t2sql.max_bytes", 10_485_760, 1_024, 1_073_741_823; Userset, UNIT_BYTE;
        c"Most bytes of rows that one question returns.", c"Counted over the rows as json text.";
    ms execution_timeout = c"t2sql.execution_timeout", 15_000, 10, 3_600_000; Userset;
        c"Longest time that generated SQL may run.", c"An earlier statement_timeout wins.";
    float max_plan_cost = c"t2sql.max_plan_cost", 1e7, 0.0, 1e300; Userset;
        c"Generated SQL with a higher estimated cost is not run.", c"In the planner's units, as EXPLAIN shows them.";
    text run_as = c"t2sql.run_as", Some(c"t2sql_reader"); Suset;
        c"Role that generated SQL runs as when the caller is a superuser.", c"Also for members of the server file and program roles.";
    text allowed_functions = c"t2sql.allowed_functions", Some(c""); Suset;
        c"Functions that generated SQL may call beyond the built-in ones.", c"Comma-separated, as regprocedure prints them.";
    text allowed_extensions = c"t2sql.allowed_extensions", Some(c"vector, pg_trgm, unaccent, citext, hstore, ltree, fuzzystrmatch, btree_gin, btree_gist"); Suset;
        c"Extensions whose functions and operators generated SQL may use.", c"Comma-separated names.";
    text allowed_servers = c"t2sql.allowed_servers", Some(c""); Suset;
        c"Foreign servers whose tables generated SQL may read.", c"Comma-separated names.";
    ms request_timeout = c"t2sql.request_timeout", 30_000, 100, 600_000; Userset;
        c"Longest time to wait for one answer of an endpoint, retries included.", c"Zero is not allowed: a backend must not wait for ever.";
    int max_concurrent_requests = c"t2sql.max_concurrent_requests", 16, 1, 1_000; Suset;
        c"How many requests to endpoints all sessions together may have under way.", c"Further ones wait for t2sql.queue_timeout.";
    ms queue_timeout = c"t2sql.queue_timeout", 5_000, 0, 600_000; Userset;
        c"Longest time to wait until fewer than t2sql.max_concurrent_requests are under way.", c"Never beyond t2sql.request_timeout; 0 does not wait.";
    text proxy = c"t2sql.proxy", None; Suset, SUPERUSER_ONLY;
        c"HTTP proxy for requests to endpoints.", c"Proxies of the environment are ignored.";
    text ca_file = c"t2sql.ca_file", None; Suset;
        c"PEM file of certificate authorities that endpoints are checked against.", c"Empty means the system's store.";
    bool allow_plaintext = c"t2sql.allow_plaintext", false; Suset;
        c"Allows http:// endpoints on other machines.", c"Prompts and keys would travel unencrypted.";
    text allowed_hosts = c"t2sql.allowed_hosts", None; Suset;
        c"Hosts that requests may go to.", c"Comma-separated; empty means every host that a foreign server names.";
    int max_repairs = c"t2sql.max_repairs", 1, 0, 5; Userset;
        c"How often a model may repair SQL that failed its check.", c"Each repair is one more request.";
    int max_prompt_tokens = c"t2sql.max_prompt_tokens", 8_000, 500, 1_000_000; Userset;
        c"Most tokens of a prompt, as estimated.", c"A schema that fits is sent whole; otherwise the best-ranked part.";
    int retrieve_tables = c"t2sql.retrieve_tables", 20, 1, 200; Userset;
        c"How many tables are retrieved before joins between them are added.", c"Matters where the whole schema does not fit the prompt.";
    int embedding_cache_ttl = c"t2sql.embedding_cache_ttl", 86_400, 0, 2_147_483; Userset, UNIT_S;
        c"How long an embedding of an endpoint is kept in embedding_cache.", c"0 switches the cache off.";
    int max_indexed_values = c"t2sql.max_indexed_values", 2_000, 0, 100_000; Userset;
        c"Columns with more distinct values than this are not put into the value index.", c"0 indexes no values.";
    ms index_values_timeout = c"t2sql.index_values_timeout", 60_000, 0, 86_400_000; Userset;
        c"Time that one index run may spend reading values.", c"Columns that are left are read by a later run.";
}

static ENGINE: GucSetting<Engine> = GucSetting::<Engine>::new(Engine::Auto);
static SEND_VALUES: GucSetting<SendValues> = GucSetting::<SendValues>::new(SendValues::Enums);
static ON_TRUNCATE: GucSetting<OnTruncate> = GucSetting::<OnTruncate>::new(OnTruncate::Warning);

pub fn engine() -> Engine {
    ENGINE.get()
}
pub fn send_values() -> SendValues {
    SEND_VALUES.get()
}
pub fn on_truncate() -> OnTruncate {
    ON_TRUNCATE.get()
}

/// Called once by `_PG_init`.
pub fn init() {
    define();
    GucRegistry::define_enum_guc(
        c"t2sql.engine",
        c"Who writes the SQL.",
        c"auto tries the cheap ways first; builtin never asks a model; llm always does.",
        &ENGINE,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_enum_guc(
        c"t2sql.send_values",
        c"Which stored values may stand in a prompt.",
        c"none; enums: enum labels and values that the question names; samples: example values of columns too.",
        &SEND_VALUES,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_enum_guc(
        c"t2sql.on_truncate",
        c"What happens when a result is longer than t2sql.max_rows.",
        c"warning returns the first rows with a WARNING; error raises.",
        &ON_TRUNCATE,
        GucContext::Userset,
        GucFlags::default(),
    );
    // SAFETY: _PG_init runs on the main thread; the name is a static C string.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"t2sql".as_ptr()) }; // last: a misspelt name is now an error
}

fn text(setting: &'static GucSetting<Option<CString>>) -> Option<String> {
    let text = setting.get()?;
    let text = CStr::to_string_lossy(&text).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Items of a comma-separated setting.
pub fn list(setting: Option<String>) -> Vec<String> {
    setting.unwrap_or_default().split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}
