//! The server: a thread per connection, stopped when its handle is dropped.

use crate::embed::embed;
use crate::fault::Fault;
use crate::http::{RawRequest, head, read_request, respond};
use crate::obey::{obey, recite};
use crate::raw;
use crate::script::{Action, Script};
use crate::tls::{Identity, Stream};
use serde_json::{Value, json};
use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const HUGE: usize = 40_000_000;
const PATIENCE: Duration = Duration::from_secs(120);

/// A request as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// A running endpoint; dropping it stops it.
#[derive(Debug)]
pub struct Handle {
    /// Base of the API, e.g. `http://127.0.0.1:40123/v1`.
    pub url: String,
    /// What a client must trust to talk to it, where it speaks TLS.
    pub ca_pem: Option<String>,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Handle {
    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Base of an API on which every call meets `fault`, e.g. `stall-headers`.
    pub fn fault_url(&self, fault: &str) -> String {
        self.url.replace("/v1", &format!("/fault/{fault}/v1"))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // wakes the listener up; it may be gone already
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

#[derive(Debug)]
struct Shared {
    /// Scheme and address.
    base: String,
    script: Script,
    used: Mutex<Vec<usize>>,
    requests: Mutex<Vec<Request>>,
    stop: AtomicBool,
}

/// A panicking connection must not silence the others.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Starts on a free port.
pub fn start(script: Script) -> Handle {
    start_on(0, script).expect("127.0.0.1 has a free port")
}

/// Starts on a given port; 0 takes a free one.
pub fn start_on(port: u16, script: Script) -> io::Result<Handle> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let address = listener.local_addr()?;
    let identity = script.tls.then(Identity::new);
    let scheme = if script.tls { "https" } else { "http" };
    let shared = Arc::new(Shared {
        base: format!("{scheme}://{address}"),
        used: Mutex::new(vec![0; script.rules.len()]),
        requests: Mutex::default(),
        stop: AtomicBool::new(false),
        script,
    });
    let server = Arc::clone(&shared);
    let ca_pem = identity.as_ref().map(|identity| identity.pem.clone());
    thread::spawn(move || {
        if server.script.stall_accept {
            server.wait();
            return;
        }
        for stream in listener.incoming() {
            if server.stop.load(Ordering::Relaxed) {
                return;
            }
            let connection = Arc::clone(&server);
            if let Some(stream) =
                stream.ok().and_then(|stream| Stream::new(stream, identity.as_ref(), server.script.slow))
            {
                // a client that goes away in the middle is part of the tests
                thread::spawn(move || drop(connection.serve(stream)));
            }
        }
    });
    Ok(Handle { url: format!("{}/v1", shared.base), ca_pem, address, shared })
}

impl Shared {
    /// Until the handle is dropped.
    fn wait(&self) {
        let start = Instant::now();
        while !self.stop.load(Ordering::Relaxed) && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn serve(&self, stream: Stream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        while let Some(raw) = read_request(&mut reader)? {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            self.record(&raw);
            if !self.answer(reader.get_mut(), &raw)? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn record(&self, raw: &RawRequest) {
        let request = Request {
            method: raw.method.clone(),
            path: raw.path.clone(),
            headers: raw.headers.clone(),
            body: String::from_utf8_lossy(&raw.body).into_owned(),
        };
        let mut requests = lock(&self.requests);
        if let Some(path) = &self.script.record {
            let headers: serde_json::Map<_, _> = request.headers.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
            let body = serde_json::from_slice(&raw.body).unwrap_or_else(|_| json!(request.body));
            let line = json!({"method": request.method, "path": request.path, "headers": headers, "body": body});
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            if let Err(error) = file.and_then(|mut file| writeln!(file, "{line}")) {
                eprintln!("cannot record to {}: {error}", path.display());
            }
        }
        requests.push(request);
    }

    /// Answers one request; false when the connection is to be closed.
    fn answer(&self, stream: &mut Stream, raw: &RawRequest) -> io::Result<bool> {
        let path = raw.path.split('?').next().unwrap_or("");
        let body: Value = serde_json::from_slice(&raw.body).unwrap_or(Value::Null);
        let embedding = path.ends_with("/embeddings");
        if !embedding && !path.ends_with("/chat/completions") {
            return error(stream, 404, "unknown_path", "");
        }
        if let Some(key) = &self.script.key
            && !raw.headers.iter().any(|(name, value)| match name.as_str() {
                "authorization" => value.strip_prefix("Bearer ") == Some(key),
                "api-key" => value == key,
                _ => false,
            })
        {
            return error(stream, 401, "invalid_api_key", "");
        }
        let texts = if embedding { inputs(&body) } else { messages(&body) };
        let by_url =
            path.strip_prefix("/fault/").and_then(|rest| Fault::parse(rest.split('/').next()?)).map(Action::Fault);
        match by_url.or_else(|| self.matching_rule(&texts)) {
            Some(Action::Fault(Fault::Picky)) => match body.get("temperature") {
                Some(_) => error(stream, 400, "unsupported_value", ""),
                None => reply_with(stream, &chat("SELECT 1")),
            },
            Some(Action::Fault(fault)) => self.fail(stream, &fault, &texts, embedding),
            Some(Action::Reply(reply)) if !embedding => reply_with(stream, &chat(&reply)),
            Some(Action::Obey) if !embedding => reply_with(stream, &chat(&obey(&texts))),
            Some(Action::Recite(lines)) if !embedding => reply_with(stream, &chat(&recite(&lines, &texts))),
            _ if embedding => reply_with(stream, &embeddings(&texts, self.dimensions())),
            _ => match (&self.script.oracle, &self.script.otherwise) {
                (Some(oracle), _) => reply_with(stream, &chat(&oracle.answer(&texts))),
                (None, Some(reply)) => reply_with(stream, &chat(reply)),
                (None, None) => error(stream, 404, "no_rule_matches", ""),
            },
        }
    }

    fn dimensions(&self) -> usize {
        match self.script.dimensions {
            0 => 64,
            dimensions => dimensions,
        }
    }

    fn matching_rule(&self, texts: &[String]) -> Option<Action> {
        let mut used = lock(&self.used);
        for (rule, used) in self.script.rules.iter().zip(used.iter_mut()) {
            let exhausted = rule.times.is_some_and(|times| *used >= times);
            if !exhausted && texts.iter().any(|text| text.contains(&rule.contains)) {
                *used += 1;
                return Some(rule.action.clone());
            }
        }
        None
    }

    fn fail(&self, stream: &mut Stream, fault: &Fault, texts: &[String], embedding: bool) -> io::Result<bool> {
        let good = if embedding { embeddings(texts, self.dimensions()) } else { chat("SELECT 1") };
        let bytes = good.to_string().into_bytes();
        let half = bytes.len() / 2;
        let json_head = |length| head(200, "application/json", length, "");
        match fault {
            Fault::StallHeaders => self.wait(),
            Fault::StallBody => {
                stream.write_all(json_head(Some(bytes.len())).as_bytes())?;
                stream.write_all(&bytes[..half])?;
                self.wait();
            }
            Fault::Drip => {
                stream.write_all(json_head(Some(bytes.len())).as_bytes())?;
                self.drip(stream, bytes.chunks(1))?;
            }
            Fault::DripHeaders => self.drip(stream, json_head(Some(bytes.len())).as_bytes().chunks(1))?,
            Fault::DripChunks => {
                stream.write_all(json_head(None).as_bytes())?;
                self.drip(stream, std::iter::repeat(&b"1\r\n \r\n"[..]))?;
            }
            Fault::Reset => stream.break_off()?,
            Fault::ContinueStorm => self.flood(stream, b"", b"HTTP/1.1 100 Continue\r\n\r\n")?,
            Fault::EndlessHeader => self.flood(stream, b"HTTP/1.1 200 OK\r\nx-odd: ", b"xxxxxxxxxxxxxxxxxxxxxxxx")?,
            Fault::Raw(name) => {
                let Some(raw) = raw::reply(name, &good) else { return Ok(false) };
                stream.write_all(&raw.bytes)?;
                stream.flush()?;
                return Ok(raw.keep);
            }
            // answered before, or cut
            Fault::Picky | Fault::CutHeaders => {}
            Fault::CutBody => {
                stream.write_all(json_head(Some(bytes.len())).as_bytes())?;
                stream.write_all(&bytes[..half])?;
            }
            Fault::Status { code, retry_after } => {
                let more = retry_after.as_ref().map_or(String::new(), |after| format!("retry-after: {after}\r\n"));
                return error(stream, *code, "made_to_fail", &more);
            }
            Fault::Redirect => {
                let path = if embedding { "embeddings" } else { "chat/completions" };
                let more = format!("location: {}/v1/{path}\r\n", self.base);
                respond(stream, 307, "text/plain", b"", &more)?;
            }
            Fault::Html => {
                let page = b"<!DOCTYPE html><html><body>Sign in</body></html>";
                respond(stream, 200, "text/html", page, "")?;
            }
            Fault::WrongJson => respond(stream, 200, "application/json", &bytes[..half], "")?,
            Fault::OtherJson => respond(stream, 200, "application/json", b"{\"hello\": \"world\"}", "")?,
            Fault::Empty => respond(stream, 200, "application/json", b"", "")?,
            Fault::ErrorObject => {
                let body = br#"{"error": {"code": "made_to_fail", "message": "not today"}}"#;
                respond(stream, 200, "application/json", body, "")?;
            }
            Fault::HugeLength | Fault::HugeChunked => huge(stream, *fault == Fault::HugeChunked)?,
            Fault::HugeHeaders => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
                for number in 0..20 {
                    stream.write_all(format!("x-{number}: {}\r\n", "x".repeat(100_000)).as_bytes())?;
                }
            }
            Fault::Garbage => stream.write_all(b"\x16\x03\x01 this is not HTTP\r\n\r\n")?,
            Fault::WrongCount | Fault::WrongDimension | Fault::WrongIndex | Fault::Nan | Fault::Zero => {
                return spoilt_embeddings(stream, fault, good);
            }
        }
        Ok(false)
    }
}

impl Shared {
    /// A piece every 100 ms.
    fn drip<'a>(&self, stream: &mut Stream, pieces: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
        for piece in pieces.take_while(|_| !self.stop.load(Ordering::Relaxed)) {
            stream.write_all(piece)?;
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// The same again and again, until the client has enough of it.
    fn flood(&self, stream: &mut Stream, first: &[u8], again: &[u8]) -> io::Result<()> {
        stream.write_all(first)?;
        let block = again.repeat(100);
        while !self.stop.load(Ordering::Relaxed) {
            stream.write_all(&block)?;
        }
        Ok(())
    }
}

fn huge(stream: &mut Stream, chunked: bool) -> io::Result<()> {
    let length = (!chunked).then_some(HUGE);
    stream.write_all(head(200, "application/json", length, "").as_bytes())?;
    let block = vec![b' '; 1_000_000];
    for _ in 0..HUGE / block.len() {
        if chunked {
            stream.write_all(format!("{:x}\r\n", block.len()).as_bytes())?;
        }
        stream.write_all(&block)?;
        if chunked {
            stream.write_all(b"\r\n")?;
        }
    }
    if chunked {
        stream.write_all(b"0\r\n\r\n")?;
    }
    Ok(())
}

fn spoilt_embeddings(stream: &mut Stream, fault: &Fault, mut good: Value) -> io::Result<bool> {
    let Some(data) = good.get_mut("data").and_then(Value::as_array_mut) else {
        return error(stream, 400, "embeddings_only", "");
    };
    match fault {
        Fault::WrongCount => drop(data.pop()),
        Fault::WrongIndex => data.iter_mut().for_each(|item| item["index"] = json!(1_000_000)),
        _ => {
            let last = data.last_mut().and_then(|item| item["embedding"].as_array_mut());
            match (fault, last) {
                (Fault::WrongDimension, Some(vector)) => drop(vector.pop()),
                (Fault::Nan, Some(vector)) => vector[0] = json!("NaN"),
                (_, Some(vector)) => vector.iter_mut().for_each(|x| *x = json!(0)),
                (_, None) => {}
            }
        }
    }
    // JSON has no NaN; servers that send it write the bare word
    reply_text(stream, &good.to_string().replace("\"NaN\"", "NaN"))
}

fn reply_with(stream: &mut Stream, body: &Value) -> io::Result<bool> {
    reply_text(stream, &body.to_string())
}

fn reply_text(stream: &mut Stream, body: &str) -> io::Result<bool> {
    respond(stream, 200, "application/json", body.as_bytes(), "")?;
    Ok(true)
}

fn error(stream: &mut Stream, status: u16, code: &str, more: &str) -> io::Result<bool> {
    let body = json!({"error": {"message": "the endpoint says no", "code": code, "type": "test_error"}});
    respond(stream, status, "application/json", body.to_string().as_bytes(), more)?;
    Ok(true)
}

fn messages(body: &Value) -> Vec<String> {
    let messages = body.get("messages").and_then(Value::as_array);
    let content = |message: &Value| message.get("content")?.as_str().map(str::to_string);
    messages.into_iter().flatten().filter_map(content).collect()
}

fn inputs(body: &Value) -> Vec<String> {
    match body.get("input") {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(texts)) => texts.iter().filter_map(|text| text.as_str().map(str::to_string)).collect(),
        _ => Vec::new(),
    }
}

fn chat(reply: &str) -> Value {
    json!({
        "id": "fake-1", "object": "chat.completion", "model": "fake",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": reply}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": reply.len().div_ceil(4), "total_tokens": 100 + reply.len().div_ceil(4)},
    })
}

fn embeddings(texts: &[String], dimensions: usize) -> Value {
    // last first: clients must go by index
    let data: Vec<_> = texts
        .iter()
        .enumerate()
        .rev()
        .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": embed(text, dimensions)}))
        .collect();
    json!({"object": "list", "model": "fake", "data": data, "usage": {"prompt_tokens": texts.len(), "total_tokens": texts.len()}})
}
