//! A look at SQL that anybody may have written: whether the guard lets it run, and what it would cost.

use crate::error::{Error, Result};
use crate::flow::answer::rule;
use crate::flow::scope::Scope;
use crate::pg::seal::{self, Limits};

/// What became of the SQL; `error` is what asking for it would have raised.
pub struct Verdict {
    pub rule: Option<&'static str>,
    pub error: Option<Error>,
    pub est_rows: Option<f64>,
    pub est_cost: Option<f64>,
    pub warnings: Vec<String>,
}

/// Parses, judges and plans `sql` as if a model had written it for `database`; runs nothing.
pub fn check(sql: &str, database: Option<&str>) -> Result<Verdict> {
    let scope = Scope::open(database)?;
    let outcome = seal::check(sql, &scope.seal(&scope.context.schemas), &Limits::from_settings());
    Ok(match outcome {
        Ok(checked) => Verdict {
            rule: None,
            error: None,
            est_rows: Some(checked.est_rows),
            est_cost: Some(checked.est_cost),
            warnings: checked.warnings,
        },
        Err(problem) => {
            let (est_rows, est_cost) = match problem {
                seal::Problem::TooExpensive { est_rows, est_cost, .. } => (Some(est_rows), Some(est_cost)),
                _ => (None, None),
            };
            let error = Error::from(problem);
            Verdict { rule: rule(&error), error: Some(error), est_rows, est_cost, warnings: Vec::new() }
        }
    })
}
