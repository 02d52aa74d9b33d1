//! Which functions generated SQL may call, whether by name or behind an operator, cast or aggregate.
//!
//! Deny by default: a function is allowed when it is one of PostgreSQL's own that neither
//! changes nor reveals anything beyond its arguments, when its extension is on
//! `t2sql.allowed_extensions`, or when `t2sql.allowed_functions` names it. Judged by OID;
//! names come from the catalog row of that OID, never from the SQL.

use super::{Allowed, Stop, builtin, text};
use pgrx::pg_sys;

/// PostgreSQL's own volatile functions that only make up a value.
const HARMLESS_VOLATILE: &[&str] = &[
    "array_sample",
    "array_shuffle",
    "clock_timestamp",
    "gen_random_uuid",
    "random",
    "random_normal",
    "timeofday",
    "uuidv4",
    "uuidv7",
];

/// Members of a refused family that are fine: they see nothing but their arguments.
const HARMLESS_MEMBERS: &[&str] = &["pg_size_bytes", "pg_size_pretty", "pg_typeof"];

/// Families that read the server, its catalogs, sessions, files, sequences and settings,
/// or run text as SQL. Not all of these are volatile, so volatility alone would let them pass.
const REFUSED_PREFIXES: &[&str] = &[
    "acl",
    "binary_upgrade_",
    "currtid",
    "cursor_to_",
    "fmgr_",
    "has_",
    "inet_client_",
    "inet_server_",
    "lo_",
    "loread",
    "lowrite",
    "pg_",
    "plpgsql_",
    "to_reg",
    "ts_debug",
    "ts_rewrite",
    "ts_stat",
    "txid_",
];

/// Single functions of the same kind.
const REFUSED_NAMES: &[&str] = &[
    "col_description",
    "current_query",
    "current_setting",
    "currval",
    "format_type",
    "lastval",
    "makeaclitem",
    "nextval",
    "obj_description",
    "regclass",
    "row_security_active",
    "satisfies_hash_partition",
    "set_config",
    "setseed",
    "setval",
    "shobj_description",
];

/// Refused to generated SQL, but what policies are made of.
const FINE_FOR_OWNERS: &[&str] = &["current_setting", "pg_has_role"];

/// Left out of signatures, whether the setting has it or not.
const SYSTEM_SCHEMA: &str = "pg_catalog.";

/// What the catalog says about one function.
pub struct Function {
    oid: pg_sys::Oid,
    schema: pg_sys::Oid,
    owner: pg_sys::Oid,
    name: String,
    volatile: bool,
    definer: bool,
    /// Takes or returns a type that only PostgreSQL's own machinery passes around.
    machinery: bool,
}

impl Function {
    pub fn fetch(oid: pg_sys::Oid) -> Option<Self> {
        // SAFETY: a syscache row is valid until released; only its fixed part is read.
        unsafe {
            let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::PROCOID as i32, oid.into());
            if tuple.is_null() {
                return None;
            }
            let row = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_proc>();
            let arguments = row.proargtypes.values.as_slice(row.pronargs as usize);
            let pseudo =
                |oid: pg_sys::Oid| [pg_sys::INTERNALOID, pg_sys::CSTRINGOID, pg_sys::TRIGGEROID].contains(&oid);
            let function = Function {
                oid,
                schema: row.pronamespace,
                owner: row.proowner,
                name: text(row.proname.data.as_ptr()),
                volatile: row.provolatile as u8 == pg_sys::PROVOLATILE_VOLATILE,
                definer: row.prosecdef,
                machinery: pseudo(row.prorettype) || arguments.iter().any(|&oid| pseudo(oid)),
            };
            pg_sys::ReleaseSysCache(tuple);
            Some(function)
        }
    }

    /// Schema-qualified with argument types, as `regprocedure` prints it under an empty path:
    /// without a schema only where that is `pg_catalog`.
    fn signature(&self) -> String {
        // SAFETY: the function exists; the text lives in the current context.
        text(unsafe { pg_sys::format_procedure_qualified(self.oid) }).replace(SYSTEM_SCHEMA, "")
    }

    /// True for functions that no expression calls by itself, such as `int4in(cstring)`.
    pub fn is_machinery(&self) -> bool {
        self.machinery
    }

    /// Why this function may not run; `Ok` when it may.
    pub fn judge(&self, allowed: &Allowed) -> Result<(), Stop> {
        if allowed.functions.contains(&self.signature()) {
            return Ok(());
        }
        if self.is_builtin() {
            return self.judge_builtin();
        }
        match allowed.extension_of(pg_sys::ProcedureRelationId, self.oid) {
            // whoever created a trusted extension may add functions to it, but only own ones
            // SAFETY: a catalog lookup.
            Some(true) if !unsafe { pg_sys::superuser_arg(self.owner) } => {
                self.refuse("unknown-function", "was added to an allowed extension by somebody who is no superuser")
            }
            Some(true) if !self.volatile && !self.definer => Ok(()),
            Some(true) => self.refuse("volatile-function", "may change something although its extension is allowed"),
            _ => self.refuse("unknown-function", "is not on the list of functions that generated SQL may call"),
        }
    }

    /// Looks at the session, as policies do; nothing of it reaches their author.
    pub fn is_fine_for_owners(&self) -> bool {
        self.is_builtin() && FINE_FOR_OWNERS.contains(&self.name.as_str())
    }

    fn is_builtin(&self) -> bool {
        builtin(self.oid) && self.schema == pg_sys::Oid::from(pg_sys::PG_CATALOG_NAMESPACE)
    }

    fn judge_builtin(&self) -> Result<(), Stop> {
        let name = self.name.as_str();
        let refused = REFUSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || REFUSED_NAMES.contains(&name)
            || name.contains("_to_xml");
        if refused && !HARMLESS_MEMBERS.contains(&name) {
            return self.refuse("unsafe-function", "reads or changes more than the tables of the query");
        }
        if self.volatile && !HARMLESS_VOLATILE.contains(&name) {
            return self.refuse("volatile-function", "may change something");
        }
        Ok(())
    }

    fn refuse(&self, rule: &'static str, why: &str) -> Result<(), Stop> {
        Stop::refuse(
            rule,
            format!("function {} {why}", self.signature()),
            "Use PostgreSQL's own functions on the tables; an administrator may add others to t2sql.allowed_functions or t2sql.allowed_extensions.",
        )
    }
}

/// Splits `t2sql.allowed_functions`: at commas outside parentheses and quotes, without the
/// blanks that `regprocedure` doesn't print.
pub fn signatures(setting: &str) -> Vec<String> {
    let (mut items, mut depth, mut quoted) = (vec![String::new()], 0i32, false);
    for character in setting.chars() {
        match character {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            ',' if !quoted && depth <= 0 => {
                items.push(String::new());
                continue;
            }
            _ => {}
        }
        let item = items.last_mut().expect("there is always a last item");
        let after_comma = item.is_empty() || item.ends_with(',') || item.ends_with('(');
        if quoted || !character.is_whitespace() || !after_comma {
            item.push(character);
        }
    }
    items.into_iter().map(|item| item.trim_end().replace(SYSTEM_SCHEMA, "")).filter(|item| !item.is_empty()).collect()
}
