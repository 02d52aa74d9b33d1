//! Replies written byte by byte, each of which breaks or bends a rule of HTTP, of JSON or of the API.

use crate::http::head;
use serde_json::{Value, json};

/// What goes over the connection, and whether that stays open.
pub struct Raw {
    pub bytes: Vec<u8>,
    pub keep: bool,
}

/// What a client must never take for an answer of its own.
pub const POISON: &str = "SELECT 666 AS poison";

/// All names, in the order of the layers that they trouble.
pub const NAMES: [&str; 60] = [
    "http-1.0",
    "no-length",
    "lf-only",
    "no-status",
    "word-status",
    "version-9",
    "http-2",
    "header-nul",
    "header-latin1",
    "header-folded",
    "header-nameless",
    "many-headers",
    "length-short",
    "length-long",
    "length-word",
    "length-negative",
    "length-twice",
    "length-beyond",
    "length-and-chunks",
    "chunk-word",
    "chunk-beyond",
    "chunk-unended",
    "chunk-unbroken",
    "chunk-extension",
    "chunk-trailers",
    "two-responses",
    "garbage-after",
    "continue-first",
    "hints-first",
    "switching",
    "no-content",
    "not-modified",
    "reset-content",
    "gzip-claimed",
    "utf-16",
    "bom",
    "invalid-utf8",
    "raw-nul",
    "escaped-nul",
    "lone-surrogate",
    "deep-arrays",
    "deep-objects",
    "numbers",
    "json-and-more",
    "json-lines",
    "json-string",
    "json-array",
    "json-null",
    "xml",
    "twice-named",
    "event-stream",
    "no-choices",
    "choices-object",
    "null-content",
    "number-content",
    "tool-calls",
    "refusal",
    "long-content",
    "terminal",
    "prose",
];

/// The reply of that name, made of a good one.
pub fn reply(name: &str, good: &Value) -> Option<Raw> {
    let text = good.to_string();
    let close = |bytes: Vec<u8>| Some(Raw { bytes, keep: false });
    let keep = |bytes: Vec<u8>| Some(Raw { bytes, keep: true });
    // a whole response with another body, other headers
    let body = |body: &[u8]| [head(200, "application/json", Some(body.len()), "").as_bytes(), body].concat();
    let lines = |lines: &str| format!("{lines}\r\n{text}").into_bytes();
    let length = |value: &str| lines(&format!("HTTP/1.1 200 OK\r\ncontent-length: {value}\r\n"));
    let header = |line: &[u8]| {
        let start = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", text.len());
        [start.as_bytes(), line, b"\r\n\r\n", text.as_bytes()].concat()
    };
    let chunks = |rest: &str| format!("{}{rest}", head(200, "application/json", None, "")).into_bytes();
    let chunk = format!("{:x}\r\n{text}\r\n", text.len());
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = good.clone();
        change(&mut changed);
        body(changed.to_string().as_bytes())
    };
    let content = |content: Value| with(&|reply| reply["choices"][0]["message"]["content"] = content.clone());
    let first = |status: &str| [format!("HTTP/1.1 {status}\r\n\r\n").into_bytes(), body(text.as_bytes())].concat();
    // JSON with a piece of text exchanged for what a serialiser would not write
    let spliced = |from: &str, to: &[u8]| {
        let (before, after) = text.split_once(from).unwrap_or((&text, ""));
        body(&[before.as_bytes(), to, after.as_bytes()].concat())
    };
    match name {
        "http-1.0" => close(lines("HTTP/1.0 200 OK\r\n")),
        "no-length" => close(lines("HTTP/1.1 200 OK\r\n")),
        "lf-only" => close(format!("HTTP/1.1 200 OK\ncontent-length: {}\n\n{text}", text.len()).into_bytes()),
        "no-status" => close(lines("HTTP/1.1\r\n")),
        "word-status" => close(lines("HTTP/1.1 fine OK\r\n")),
        "version-9" => close(lines("HTTP/9.9 200 OK\r\n")),
        "http-2" => close(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\0\xff\xff\0\x05\0\0\x40\0".to_vec()),
        "header-nul" => close(header(b"x-odd: a\0b")),
        "header-latin1" => close(header(b"x-odd: caf\xe9 \xff")),
        "header-folded" => close(header(b"x-odd: a\r\n b")),
        "header-nameless" => close(header(b": a")),
        "many-headers" => close(header("x-odd: a\r\n".repeat(2_000).trim_end().as_bytes())),
        "length-short" => keep(length(&(text.len() - 5).to_string())),
        "length-long" => close(length(&(text.len() + 100).to_string())),
        "length-word" => close(length("plenty")),
        "length-negative" => close(length("-1")),
        "length-twice" => close(length(&format!("{}\r\ncontent-length: 7", text.len()))),
        "length-beyond" => close(length("99999999999999999999")),
        "length-and-chunks" => keep(
            format!("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n")
                .into_bytes(),
        ),
        "chunk-word" => close(chunks("many\r\nx\r\n0\r\n\r\n")),
        "chunk-beyond" => close(chunks("ffffffffffffffffff\r\nx\r\n0\r\n\r\n")),
        "chunk-unended" => close(chunks(&chunk)),
        "chunk-unbroken" => close(chunks(&format!("{:x}\r\n{text}0\r\n\r\n", text.len()))),
        "chunk-extension" => {
            close(chunks(&format!("{:x};{}\r\n{text}\r\n0\r\n\r\n", text.len(), "x".repeat(1_000_000))))
        }
        "chunk-trailers" => keep(chunks(&format!("{chunk}0\r\nx-late: a\r\n\r\n"))),
        "two-responses" => {
            let poison = with(&|reply| reply["choices"][0]["message"]["content"] = json!(POISON));
            keep([body(text.as_bytes()), poison].concat())
        }
        "garbage-after" => keep([body(text.as_bytes()), b"garbage\r\n\r\n".to_vec()].concat()),
        "continue-first" => keep(first("100 Continue")),
        "hints-first" => keep(first("103 Early Hints\r\nlink: </a>")),
        "switching" => close(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: odd\r\n\r\nodd".to_vec()),
        "no-content" => keep(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        "not-modified" => keep(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec()),
        "reset-content" => keep(b"HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n".to_vec()),
        "gzip-claimed" => close(header(b"content-encoding: gzip")),
        "utf-16" => close(body(&text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())),
        "bom" => close(body(format!("\u{feff}{text}").as_bytes())),
        "invalid-utf8" => close(spliced("SELECT", b"SEL\xff\xfeECT")),
        "raw-nul" => close(spliced("SELECT", b"SEL\0ECT")),
        "escaped-nul" => close(spliced("SELECT", b"SEL\\u0000ECT")),
        "lone-surrogate" => close(spliced("SELECT", b"SEL\\ud800ECT")),
        "deep-arrays" => close(body("[".repeat(1_000_000).as_bytes())),
        "deep-objects" => close(body("{\"choices\":".repeat(500_000).as_bytes())),
        "numbers" => close(spliced(
            "\"prompt_tokens\":100",
            b"\"prompt_tokens\":1e999999,\"cached_tokens\":-99999999999999999999",
        )),
        "json-and-more" => close(body(format!("{text} and more").as_bytes())),
        "json-lines" => close(body(format!("{text}\n{text}\n").as_bytes())),
        "json-string" => close(body(b"\"SELECT 1\"")),
        "json-array" => close(body(format!("[{text}]").as_bytes())),
        "json-null" => close(body(b"null")),
        "xml" => close(body(b"<?xml version=\"1.0\"?><error>no</error>")),
        "twice-named" => close(spliced("\"choices\":", b"\"choices\":[],\"choices\":")),
        "event-stream" => {
            let stream = format!("data: {text}\n\ndata: [DONE]\n\n");
            close([head(200, "text/event-stream", Some(stream.len()), "").as_bytes(), stream.as_bytes()].concat())
        }
        "no-choices" => close(with(&|reply| reply["choices"] = json!([]))),
        "choices-object" => close(with(&|reply| reply["choices"] = json!({"0": "SELECT 1"}))),
        "null-content" => close(content(Value::Null)),
        "number-content" => close(content(json!(1e308))),
        "tool-calls" => close(with(&|reply| {
            let call = json!({"id": "1", "type": "function", "function": {"name": "run", "arguments": "{}"}});
            reply["choices"][0]["message"] = json!({"role": "assistant", "content": null, "tool_calls": [call]});
            reply["choices"][0]["finish_reason"] = json!("tool_calls");
        })),
        "refusal" => close(with(&|reply| {
            reply["choices"][0]["message"] = json!({"role": "assistant", "content": null, "refusal": "no"});
        })),
        "long-content" => close(content(json!(format!("SELECT '{}'", "x".repeat(7_000_000))))),
        "terminal" => close(content(json!("\u{1b}[2J\u{7}SELECT 1 \\! rm \u{202e}"))),
        "prose" => close(content(json!("I would rather talk about the weather."))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_reply() {
        let good = json!({"choices": [{"message": {"content": "SELECT 1"}}], "usage": {"prompt_tokens":100}});
        let mut replies: Vec<Vec<u8>> = NAMES.iter().map(|name| reply(name, &good).unwrap().bytes).collect();
        replies.sort();
        replies.dedup();
        assert_eq!(replies.len(), NAMES.len(), "two replies are the same");
        assert!(reply("unheard-of", &good).is_none());
    }
}
