//! The OpenAI-compatible protocol as JSON: what is sent, and what is believed of what comes back.
//!
//! Spoken by OpenAI, Azure, Ollama, vLLM, the llama.cpp server and many gateways, each with
//! small differences; so parsing is tolerant of extra and missing fields, and strict about
//! everything that would end up in SQL or in an index. Opens no socket: see [`crate::net`].

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who speaks in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    System,
    User,
    Assistant,
}

impl Role {
    /// As it is written in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

impl Message {
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: Role::System, content: content.into() }
    }

    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }
}

/// One call of `/chat/completions`. What is `None` is not sent: some models refuse
/// a temperature, others a limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ChatRequest {
    pub model: String,
    pub messages: Vec<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// What one server wants and others don't know, e.g. `max_completion_tokens`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl ChatRequest {
    /// The body to be posted.
    pub fn body(&self) -> Vec<u8> {
        to_bytes(self)
    }

    /// The same request with the model's own way of choosing words; None if that is how it is.
    pub fn without_sampling(&self) -> Option<Self> {
        let plain = Self { temperature: None, seed: None, ..self.clone() };
        (plain != *self).then_some(plain)
    }
}

/// Whether an endpoint refused a call because it does not take one of its parameters.
pub fn refuses_parameter(error: &Error) -> bool {
    matches!(error, Error::EndpointStatus { status: 400 | 422, detail, .. } if detail.starts_with("unsupported_"))
}

/// What a chat model answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatReply {
    pub text: String,
    /// `stop`, `length`, …; None where the server does not say.
    pub finish_reason: Option<String>,
    /// 0 where the server does not count.
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
}

/// The body of one call of `/embeddings`.
pub fn embedding_body(model: &str, texts: &[String]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Request<'a> {
        model: &'a str,
        input: &'a [String],
        encoding_format: &'static str,
    }
    to_bytes(&Request { model, input: texts, encoding_format: "float" })
}

fn to_bytes(request: &impl Serialize) -> Vec<u8> {
    // serde_json fails on maps with keys that are no strings; there are none
    serde_json::to_vec(request).expect("requests have string keys only")
}

/// An address that speaks this protocol, as CREATE SERVER describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Up to and without `/chat/completions`, e.g. `https://api.openai.com/v1`.
    pub url: String,
    /// Set for Azure: other paths, and the key in a header of its own.
    pub azure_api_version: Option<String>,
}

impl Service {
    pub fn chat_url(&self, model: &str) -> String {
        self.address(model, "chat/completions")
    }

    pub fn embedding_url(&self, model: &str) -> String {
        self.address(model, "embeddings")
    }

    /// Name and value of the header that carries `key`.
    pub fn authorization(&self, key: &str) -> (&'static str, String) {
        match self.azure_api_version {
            Some(_) => ("api-key", key.to_string()),
            None => ("authorization", format!("Bearer {key}")),
        }
    }

    fn address(&self, model: &str, call: &str) -> String {
        let base = self.url.trim_end_matches('/');
        let Some(version) = &self.azure_api_version else {
            return format!("{base}/{call}");
        };
        let version = percent_encode(version);
        // a deployment's own address, or Azure's newer form, already says where to
        if base.contains("/deployments/") || base.ends_with("/v1") {
            format!("{base}/{call}?api-version={version}")
        } else {
            let model = percent_encode(model);
            format!("{base}/openai/deployments/{model}/{call}?api-version={version}")
        }
    }
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn unusable(why: impl Into<String>) -> Error {
    Error::Reply(why.into())
}

/// Text, tokens and reason of ending of a `/chat/completions` reply.
pub fn chat_reply(body: &[u8]) -> Result<ChatReply> {
    let reply = object(body)?;
    let choice = reply
        .get("choices")
        .and_then(Value::as_array)
        .and_then(|choices| choices.first())
        .ok_or_else(|| unusable("it has no choices"))?;
    let finish_reason = choice.get("finish_reason").and_then(Value::as_str).map(str::to_string);
    let message = choice.get("message").unwrap_or(&Value::Null);
    // `text` is what the older completions call, and some gateways, put there
    let text = content(message.get("content").or_else(|| choice.get("text")));
    if text.contains('\0') {
        return Err(unusable("it contains a NUL character"));
    }
    if text.trim().is_empty() {
        return Err(unusable(match finish_reason.as_deref() {
            Some("length") => "it reached the token limit before any text",
            Some("content_filter") => "the endpoint's content filter withheld it",
            _ if message.get("refusal").is_some_and(Value::is_string) => "the model refused",
            _ => "it has no text",
        }));
    }
    Ok(ChatReply {
        text,
        finish_reason,
        prompt_tokens: tokens(&reply, "prompt_tokens"),
        completion_tokens: tokens(&reply, "completion_tokens"),
    })
}

/// A reply's JSON object, unless it is an error in disguise.
fn object(body: &[u8]) -> Result<Map<String, Value>> {
    // serde's message would quote the reply
    let reply: Value = serde_json::from_slice(body).map_err(|_| not_json(body))?;
    let Value::Object(reply) = reply else {
        return Err(unusable("it is JSON, but not an object"));
    };
    if reply.get("error").is_some_and(|error| !error.is_null()) {
        let code = error_code(body).unwrap_or_else(|| "without a code".into());
        return Err(unusable(format!("it is an error object ({code})")));
    }
    Ok(reply)
}

fn not_json(body: &[u8]) -> Error {
    let start = body.trim_ascii_start();
    unusable(if start.is_empty() {
        "it is empty"
    } else if start.starts_with(b"<") {
        "it is HTML or XML instead of JSON; the url option may lack its path, such as /v1"
    } else {
        "it is not valid JSON"
    })
}

/// Text that is a string, or a list of parts of which some are text.
fn content(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect(),
        _ => String::new(),
    }
}

fn tokens(reply: &Map<String, Value>, name: &str) -> u32 {
    reply
        .get("usage")
        .and_then(|usage| usage.get(name))
        .and_then(Value::as_u64)
        .and_then(|count| u32::try_from(count).ok())
        .unwrap_or(0)
}

/// The code or type that an error reply carries, such as `context_length_exceeded`.
///
/// Only letters and underscores pass: the message itself may repeat the key or the prompt.
pub fn error_code(body: &[u8]) -> Option<String> {
    let reply: Value = serde_json::from_slice(body).ok()?;
    let error = reply.get("error")?;
    ["code", "type"]
        .iter()
        .filter_map(|field| error.get(field).and_then(Value::as_str))
        .find(|code| (3..=48).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_'))
        .map(str::to_string)
}

/// The vectors of an `/embeddings` reply in the order of the texts that were sent.
///
/// Refuses what would poison an index: another number of vectors than of texts, an index
/// twice or out of range, dimensions that differ, numbers that are not finite, zero vectors
/// (a cosine index leaves them out without a word).
pub fn embeddings(body: &[u8], count: usize, dimensions: Option<usize>) -> Result<Vec<Vec<f32>>> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(default)]
        data: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        index: Option<usize>,
        embedding: Vec<f32>,
    }
    let reply: Reply = serde_json::from_slice(body).map_err(|_| match object(body) {
        Err(error) => error,
        Ok(_) => unusable("it holds no list of vectors of numbers"),
    })?;
    if reply.data.len() != count {
        object(body)?; // rather tell the endpoint's own error
        return Err(unusable(format!("{count} embeddings were asked for, {} came", reply.data.len())));
    }
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; count];
    let mut expected = dimensions;
    for item in reply.data {
        let index = match item.index {
            Some(index) => index,
            None if count == 1 => 0,
            None => return Err(unusable("an embedding lacks its index")),
        };
        check_vector(&item.embedding, &mut expected)?;
        match vectors.get_mut(index) {
            Some(slot @ None) => *slot = Some(item.embedding),
            Some(_) => return Err(unusable(format!("embedding {index} came twice"))),
            None => return Err(unusable(format!("embedding {index} was not asked for"))),
        }
    }
    // as many as slots, none twice, none out of range: none is missing
    Ok(vectors.into_iter().flatten().collect())
}

fn check_vector(vector: &[f32], expected: &mut Option<usize>) -> Result<()> {
    if vector.is_empty() {
        return Err(unusable("an embedding is empty"));
    }
    let dimensions = *expected.get_or_insert(vector.len());
    if vector.len() != dimensions {
        return Err(unusable(format!("an embedding has {} dimensions instead of {dimensions}", vector.len())));
    }
    if vector.iter().any(|x| !x.is_finite()) {
        return Err(unusable("an embedding has a component that is not a finite number"));
    }
    if vector.iter().all(|x| *x == 0.0) {
        return Err(unusable("an embedding is a zero vector"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reason(error: Error) -> String {
        match error {
            Error::Reply(why) => why,
            other => panic!("unexpected {other:?}"),
        }
    }

    #[test]
    fn a_request_says_only_what_was_set() {
        let request = ChatRequest {
            model: "m".into(),
            messages: vec![Message::system("a"), Message::user("b")],
            temperature: Some(0.0),
            ..Default::default()
        };
        assert_eq!(
            String::from_utf8(request.body()).unwrap(),
            r#"{"model":"m","messages":[{"role":"system","content":"a"},{"role":"user","content":"b"}],"temperature":0.0}"#
        );
        assert_eq!(
            String::from_utf8(embedding_body("m", &["x".into()])).unwrap(),
            r#"{"model":"m","input":["x"],"encoding_format":"float"}"#
        );
    }

    #[test]
    fn sampling_can_be_left_to_the_model() {
        let plain = ChatRequest { model: "m".into(), ..Default::default() };
        let request = ChatRequest { temperature: Some(0.0), seed: Some(1), ..plain.clone() };
        assert_eq!(request.without_sampling(), Some(plain.clone()));
        assert_eq!(plain.without_sampling(), None);
        for (status, detail, refuses) in [
            (400, "unsupported_value", true),
            (400, "context_length_exceeded", false),
            (500, "unsupported_value", false),
        ] {
            let error = Error::EndpointStatus { status, retry_after: None, detail: detail.into() };
            assert_eq!(refuses_parameter(&error), refuses, "{status} {detail}");
        }
    }

    #[test]
    fn addresses_of_plain_and_azure_services() {
        let service = |url: &str, version: Option<&str>| Service {
            url: url.into(),
            azure_api_version: version.map(str::to_string),
        };
        for (service, expected) in [
            (service("http://h/v1/", None), "http://h/v1/chat/completions"),
            (
                service("https://x.example", Some("2024-10-21")),
                "https://x.example/openai/deployments/my%20model/chat/completions?api-version=2024-10-21",
            ),
            (
                service("https://x.example/openai/deployments/d", Some("p")),
                "https://x.example/openai/deployments/d/chat/completions?api-version=p",
            ),
            (
                service("https://x.example/openai/v1", Some("preview")),
                "https://x.example/openai/v1/chat/completions?api-version=preview",
            ),
        ] {
            assert_eq!(service.chat_url("my model"), expected);
        }
        assert_eq!(service("", None).authorization("k"), ("authorization", "Bearer k".into()));
        assert_eq!(service("", Some("v")).authorization("k"), ("api-key", "k".into()));
    }

    #[test]
    fn chat_replies_of_several_servers() {
        for (body, text) in [
            (r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#, "hi"),
            (r#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"text":"b"}]}}]}"#, "ab"),
            (r#"{"choices":[{"text":"old"}],"error":null,"x":1}"#, "old"),
        ] {
            assert_eq!(chat_reply(body.as_bytes()).unwrap().text, text);
        }
        let body = r#"{"choices":[{"message":{"content":"x"},"finish_reason":"length"}],
                       "usage":{"prompt_tokens":7,"completion_tokens":2}}"#;
        let reply = chat_reply(body.as_bytes()).unwrap();
        assert_eq!((reply.prompt_tokens, reply.completion_tokens), (7, 2));
        assert_eq!(reply.finish_reason.as_deref(), Some("length"));
    }

    #[test]
    fn unusable_chat_replies_say_why() {
        for (body, why) in [
            ("", "empty"),
            ("<html>502</html>", "HTML"),
            ("{\"choices\":", "not valid JSON"),
            ("[]", "not an object"),
            ("{}", "no choices"),
            (r#"{"choices":[]}"#, "no choices"),
            (r#"{"choices":[{}]}"#, "no text"),
            (r#"{"choices":[{"message":{"content":null},"finish_reason":"length"}]}"#, "token limit"),
            (r#"{"choices":[{"message":{"content":" ","refusal":"no"}}]}"#, "refused"),
            (r#"{"choices":[{"message":{"content":"a\u0000b"}}]}"#, "NUL"),
            (r#"{"error":{"code":"model_not_found","message":"secret"}}"#, "(model_not_found)"),
        ] {
            let reason = reason(chat_reply(body.as_bytes()).unwrap_err());
            assert!(reason.contains(why), "{body}: {reason}");
            assert!(!reason.contains("secret"));
        }
    }

    #[test]
    fn error_codes_pass_only_as_plain_words() {
        let code = |body: &str| error_code(body.as_bytes());
        assert_eq!(code(r#"{"error":{"code":"invalid_api_key"}}"#).as_deref(), Some("invalid_api_key"));
        assert_eq!(code(r#"{"error":{"code":429,"type":"rate_limit"}}"#).as_deref(), Some("rate_limit"));
        assert_eq!(code(r#"{"error":{"code":"sk-12345"}}"#), None);
        assert_eq!(code(r#"{"error":"model gone"}"#), None);
    }

    #[test]
    fn embeddings_come_back_in_order_of_index() {
        let body = br#"{"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2]}]}"#;
        assert_eq!(embeddings(body, 2, Some(2)).unwrap(), [[1.0, 2.0], [3.0, 4.0]]);
        let single = br#"{"data":[{"embedding":[1]}]}"#;
        assert_eq!(embeddings(single, 1, None).unwrap(), [[1.0]]);
        assert!(embeddings(br#"{"data":[]}"#, 0, None).unwrap().is_empty());
    }

    #[test]
    fn poisonous_embeddings_are_refused() {
        for (body, count, dimensions, why) in [
            (r#"{"data":[]}"#, 1, None, "1 embeddings were asked for, 0 came"),
            (r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#, 2, None, "twice"),
            (r#"{"data":[{"index":7,"embedding":[1]}]}"#, 1, None, "not asked for"),
            (r#"{"data":[{"embedding":[1]},{"embedding":[1]}]}"#, 2, None, "lacks its index"),
            (r#"{"data":[{"index":0,"embedding":[1,2]}]}"#, 1, Some(3), "2 dimensions instead of 3"),
            (
                r#"{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[1]}]}"#,
                2,
                None,
                "1 dimensions instead of 2",
            ),
            (r#"{"data":[{"index":0,"embedding":[]}]}"#, 1, None, "empty"),
            (r#"{"data":[{"index":0,"embedding":[0,0.0]}]}"#, 1, None, "zero vector"),
            (r#"{"data":[{"index":0,"embedding":[1e39]}]}"#, 1, None, "finite"),
            (r#"{"data":[{"index":0,"embedding":[NaN]}]}"#, 1, None, "not valid JSON"),
            (r#"{"data":[{"index":0,"embedding":[null]}]}"#, 1, None, "no list of vectors"),
            (r#"{"error":{"code":"overloaded"}}"#, 1, None, "(overloaded)"),
            ("<html>", 1, None, "HTML"),
        ] {
            let reason = reason(embeddings(body.as_bytes(), count, dimensions).unwrap_err());
            assert!(reason.contains(why), "{body}: {reason}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let body = [b"[".repeat(200_000), b"]".repeat(200_000)].concat();
        assert!(chat_reply(&body).is_err());
        assert!(embeddings(&body, 1, None).is_err());
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200), count in 0usize..4) {
            let _ = chat_reply(&body);
            let _ = embeddings(&body, count, None);
            let _ = error_code(&body);
        }

        #[test]
        fn no_json_panics(
            body in "\\{\"(data|choices|error)\":(\\[\\{\"(index|message|embedding)\":(-?[0-9]{1,30}|null|\\[[0-9,.e]{0,9}\\]|\\{\"content\":\"x\"\\})\\}\\]|\"x\"|[0-9])\\}",
            count in 0usize..3,
        ) {
            let _ = chat_reply(body.as_bytes());
            let _ = embeddings(body.as_bytes(), count, Some(2));
        }
    }
}
