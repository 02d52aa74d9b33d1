//! As much HTTP/1.1 as a test server needs.

use std::io::{self, BufRead, Read, Write};

/// A request as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRequest {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// The next request of a connection; None when the client is done.
pub fn read_request(stream: &mut impl BufRead) -> io::Result<Option<RawRequest>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_string);
    let mut request = RawRequest {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        ..RawRequest::default()
    };
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_string()));
    }
    let header = |name: &str| request.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    if header("transfer-encoding").is_some_and(|v| v.contains("chunked")) {
        request.body = read_chunks(stream)?;
    } else if let Some(length) = header("content-length").and_then(|v| v.parse::<u64>().ok()) {
        stream.take(length).read_to_end(&mut request.body)?;
    }
    Ok(Some(request))
}

fn read_chunks(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).unwrap_or(0);
        stream.by_ref().take(size).read_to_end(&mut body)?;
        stream.read_line(&mut String::new())?; // the line break after each chunk
        if size == 0 {
            return Ok(body);
        }
    }
}

/// Status line and headers, the empty line included.
pub fn head(status: u16, content_type: &str, length: Option<usize>, more: &str) -> String {
    let framing = match length {
        Some(length) => format!("content-length: {length}\r\n"),
        None => "transfer-encoding: chunked\r\n".into(),
    };
    format!("HTTP/1.1 {status} Whatever\r\ncontent-type: {content_type}\r\n{framing}{more}\r\n")
}

/// A whole response.
pub fn respond(stream: &mut impl Write, status: u16, content_type: &str, body: &[u8], more: &str) -> io::Result<()> {
    let mut response = head(status, content_type, Some(body.len()), more).into_bytes();
    response.extend_from_slice(body);
    stream.write_all(&response)?;
    stream.flush()
}
