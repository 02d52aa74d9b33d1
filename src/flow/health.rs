//! Is everything there? Each finding comes with the statement that mends it.

use crate::error::Result;
use crate::flow::scope::Scope;
use crate::pg::kb::{self, context};
use crate::pg::{endpoint, environment, role};
use t2sql_core::text::quote_identifier;

pub struct Check {
    pub item: &'static str,
    pub ok: bool,
    pub detail: String,
    pub remedy: Option<String>,
}

/// Checks in the order in which a newcomer meets them.
pub fn check() -> Result<Vec<Check>> {
    let caller = role::name(role::current());
    let mut checks = vec![Check {
        item: "version",
        ok: environment::installed_version()? == env!("CARGO_PKG_VERSION"),
        detail: format!("library {}, extension {}", env!("CARGO_PKG_VERSION"), environment::installed_version()?),
        remedy: Some("ALTER EXTENSION t2sql UPDATE".into()),
    }];
    let may_ask = environment::may_execute("t2sql.ask(text, text, jsonb)")?;
    checks.push(Check {
        item: "privilege",
        ok: may_ask,
        detail: format!("role {caller} {} ask", if may_ask { "may" } else { "may not" }),
        remedy: Some(format!("GRANT t2sql_user TO {}", quote_identifier(&caller))),
    });
    if role::is_dangerous(role::current()) {
        let run_as = role::run_as();
        checks.push(Check {
            item: "run_as",
            ok: run_as.is_ok(),
            detail: match &run_as {
                Ok(role) => format!("generated SQL of {caller} runs as {}", crate::pg::role::name(*role)),
                Err(error) => error.to_string(),
            },
            remedy: Some("CREATE ROLE t2sql_reader NOLOGIN; GRANT pg_read_all_data TO t2sql_reader".into()),
        });
    }
    let preloaded = environment::preloaded()?;
    checks.push(Check {
        item: "preload",
        ok: preloaded,
        detail: if preloaded {
            "the library is loaded with each session".into()
        } else {
            "the library is loaded at the first call; settings t2sql.* made before that are checked late".to_owned()
        },
        remedy: Some("ALTER DATABASE … SET session_preload_libraries = 't2sql'".into()),
    });
    let timescale = environment::has_extension("timescaledb")?;
    checks.push(Check {
        item: "timescaledb",
        ok: !timescale || environment::hypertables()?,
        detail: if timescale {
            "installed".into()
        } else {
            "not installed; event tables are ordinary tables".to_owned()
        },
        remedy: Some("SELECT t2sql.setup_hypertables()".into()),
    });
    match context::find(None)? {
        // which models there are is nobody's business who may not ask
        _ if !may_ask => {}
        Some(current) if current.indexed => checks.extend(of_context(current)?),
        _ => checks.push(Check {
            item: "index",
            ok: false,
            detail: "this database is not indexed".into(),
            remedy: Some("SELECT * FROM t2sql.index_schema()".into()),
        }),
    }
    for check in &mut checks {
        if check.ok {
            check.remedy = None;
        }
    }
    Ok(checks)
}

fn of_context(current: context::Context) -> Result<Vec<Check>> {
    let mut checks = vec![model(&current)];
    if let Some(next) = &current.next_embedding {
        checks.push(Check {
            item: "embedder",
            ok: false,
            detail: format!("{} is set but not in use yet", next.model_name),
            remedy: Some("SELECT * FROM t2sql.index_schema()".into()),
        });
    }
    checks.push(match Scope::of(current) {
        Ok(scope) => {
            let stale = kb::catalog::staleness(&scope.context, &role::name(role::reader()?))?;
            Check {
                item: "index",
                ok: stale.outdated + stale.unanalysed == 0,
                detail: format!(
                    "{} tables may be asked about, {} without statistics; {} new or changed since they were indexed",
                    scope.view.catalog.tables.len(),
                    stale.unanalysed,
                    stale.outdated
                ),
                remedy: Some("ANALYZE; SELECT * FROM t2sql.index_schema()".into()),
            }
        }
        Err(error) => Check { item: "index", ok: false, detail: error.to_string(), remedy: error.hint() },
    });
    Ok(checks)
}

/// The model, and whether its server may be called.
fn model(current: &context::Context) -> Check {
    let Some(llm) = &current.llm else {
        let detail = "none; answers come from samples and the built-in engine".into();
        return Check { item: "llm", ok: true, detail, remedy: None };
    };
    let model = format!("{} of server {}", llm.model_name, llm.server);
    let (ok, detail, remedy) = match endpoint::closed_for(&llm.server) {
        Ok(None) => (true, model, None),
        Ok(Some(left)) => {
            let seconds = left.as_millis().div_ceil(1_000);
            let detail = format!("{model}, which keeps failing and is tried again in {seconds} s");
            (false, detail, Some("SET t2sql.engine = builtin".into()))
        }
        Err(error) => (false, format!("{model}: {error}"), error.hint()),
    };
    Check { item: "llm", ok, detail, remedy }
}
