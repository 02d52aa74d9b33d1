//! What the endpoint answers: rules in order, first match wins.

use crate::fault::Fault;
use crate::oracle::Oracle;
use serde_json::Value;
use std::sync::Arc;

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// This text is the model's answer.
    Reply(String),
    Fault(Fault),
    /// Does what an instruction in the prompt asks for; the question says which: see [`crate::obey`].
    Obey,
    /// Says one of these; the question says which.
    Recite(Arc<Vec<String>>),
}

/// An action for requests that contain a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Looked for in all messages, or in all texts to embed; empty matches everything.
    pub contains: String,
    pub action: Action,
    /// How often the rule applies before the next one is looked at.
    pub times: Option<usize>,
}

/// Everything that decides answers.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub rules: Vec<Rule>,
    /// What a chat request gets that no rule matches; None is status 404.
    pub otherwise: Option<String>,
    /// Of embeddings; 0 means 64.
    pub dimensions: usize,
    /// Refuse requests that don't carry this key.
    pub key: Option<String>,
    /// Never accept a connection: clients hang in the listener's queue.
    pub stall_accept: bool,
    /// Speak TLS, with a certificate of its own for 127.0.0.1: see [`crate::Handle::ca_pem`].
    pub tls: bool,
    /// Send a byte every 20 ms: a TLS handshake then takes longer than anybody waits.
    pub slow: bool,
    /// One JSON line per request, in the order of arrival.
    pub record: Option<std::path::PathBuf>,
    /// Answers questions of a benchmark by their verified SQL.
    pub oracle: Option<Arc<Oracle>>,
}

impl Script {
    /// Answers `reply` where a prompt contains `contains`.
    #[must_use]
    pub fn reply(mut self, contains: &str, reply: &str) -> Self {
        let action = Action::Reply(reply.into());
        self.rules.push(Rule { contains: contains.into(), action, times: None });
        self
    }

    /// Obeys where a prompt contains `contains`.
    #[must_use]
    pub fn obey(mut self, contains: &str) -> Self {
        self.rules.push(Rule { contains: contains.into(), action: Action::Obey, times: None });
        self
    }

    /// Says one of `lines` where a prompt contains `contains`.
    #[must_use]
    pub fn recite(mut self, contains: &str, lines: Vec<String>) -> Self {
        let action = Action::Recite(Arc::new(lines));
        self.rules.push(Rule { contains: contains.into(), action, times: None });
        self
    }

    /// Fails where a prompt contains `contains`.
    #[must_use]
    pub fn fault(mut self, contains: &str, fault: Fault) -> Self {
        let action = Action::Fault(fault);
        self.rules.push(Rule { contains: contains.into(), action, times: None });
        self
    }

    /// Lets the last rule apply `times` times only.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        if let Some(rule) = self.rules.last_mut() {
            rule.times = Some(times);
        }
        self
    }

    /// What a chat request gets that no rule matches.
    #[must_use]
    pub fn otherwise(mut self, reply: &str) -> Self {
        self.otherwise = Some(reply.into());
        self
    }

    /// Either one JSON object
    /// `{"rules": [{"contains", "reply" | "fault" | "obey", "times"}], "otherwise", "dimensions", "key"}`
    /// or rules only, one JSON object per line.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let whole: Option<Value> = serde_json::from_str(text).ok();
        if let Some(object) = whole.as_ref().filter(|value| value.get("contains").is_none()) {
            let rules = object.get("rules").and_then(Value::as_array);
            return Ok(Self {
                rules: rules.into_iter().flatten().map(rule).collect::<Result<_, _>>()?,
                otherwise: string(object, "otherwise"),
                dimensions: object.get("dimensions").and_then(Value::as_u64).unwrap_or(0) as usize,
                key: string(object, "key"),
                stall_accept: object.get("stall_accept").and_then(Value::as_bool).unwrap_or(false),
                ..Self::default()
            });
        }
        let mut script = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let value = serde_json::from_str(line).map_err(|error| format!("{error} in: {line}"))?;
            script.rules.push(rule(&value)?);
        }
        Ok(script)
    }
}

fn string(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_string)
}

fn rule(value: &Value) -> Result<Rule, String> {
    let action = match (string(value, "reply"), string(value, "fault")) {
        (None, None) if value.get("obey") == Some(&Value::Bool(true)) => Action::Obey,
        (Some(reply), None) => Action::Reply(reply),
        (None, Some(name)) => Action::Fault(Fault::parse(&name).ok_or_else(|| format!("there is no fault {name}"))?),
        _ => return Err(format!("a rule needs either reply or fault: {value}")),
    };
    Ok(Rule {
        contains: string(value, "contains").unwrap_or_default(),
        action,
        times: value.get("times").and_then(Value::as_u64).map(|times| times as usize),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_objects_or_lines() {
        let object = Script::from_json(
            r#"{"rules": [{"contains": "a", "reply": "b"}, {"fault": "status-429-after-7", "times": 2}],
                "otherwise": "c", "dimensions": 8}"#,
        )
        .unwrap();
        let lines = Script::from_json(
            "{\"contains\": \"a\", \"reply\": \"b\"}\n\n{\"fault\": \"status-429-after-7\", \"times\": 2}\n",
        )
        .unwrap();
        assert_eq!(object.rules, lines.rules);
        let fault = Fault::Status { code: 429, retry_after: Some("7".into()) };
        assert_eq!(object.rules[1].action, Action::Fault(fault));
        assert_eq!((object.otherwise.as_deref(), object.dimensions), (Some("c"), 8));
        let obedient = Script::from_json(r##"{"rules": [{"contains": "#obey", "obey": true}]}"##).unwrap();
        assert_eq!(obedient.rules[0].action, Action::Obey);
        assert!(Script::from_json(r#"{"rules": [{"fault": "unheard-of"}]}"#).is_err());
    }
}
