//! The ways in which an endpoint can fail.

use crate::raw;

/// Names of those that any call can meet, but for statuses and what [`raw::NAMES`] lists.
pub const FAULTS: [&str; 20] = [
    "stall-headers",
    "stall-body",
    "drip",
    "drip-headers",
    "drip-chunks",
    "cut-headers",
    "cut-body",
    "reset",
    "continue-storm",
    "endless-header",
    "redirect",
    "html",
    "wrong-json",
    "other-json",
    "empty",
    "error-object",
    "huge-length",
    "huge-chunked",
    "huge-headers",
    "garbage",
];

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Reads the request and never answers.
    StallHeaders,
    /// Sends the headers and half of the body, then nothing.
    StallBody,
    /// Sends a byte of the body every 100 ms.
    Drip,
    /// Sends a byte of the headers every 100 ms.
    DripHeaders,
    /// Sends a chunk of one space every 100 ms, without end.
    DripChunks,
    /// Resets the connection.
    Reset,
    /// Sends 100 Continue without end.
    ContinueStorm,
    /// Sends one header without end.
    EndlessHeader,
    /// One of [`raw::NAMES`].
    Raw(&'static str),
    /// Closes the connection before the answer.
    CutHeaders,
    /// Closes the connection in the middle of the body.
    CutBody,
    /// An error status, with an error object in the body.
    Status { code: u16, retry_after: Option<String> },
    /// Status 400 as long as a temperature is given, as some models answer.
    Picky,
    /// A redirect to an address that answers properly.
    Redirect,
    /// A web page with status 200.
    Html,
    /// JSON that ends too early.
    WrongJson,
    /// A proper JSON object that has nothing of what was asked for.
    OtherJson,
    /// Status 200 and no body.
    Empty,
    /// An error object with status 200.
    ErrorObject,
    /// 40 MB, announced by content-length.
    HugeLength,
    /// 40 MB in chunks.
    HugeChunked,
    /// Headers without end.
    HugeHeaders,
    /// Bytes that are no HTTP.
    Garbage,
    /// Embeddings: one too few.
    WrongCount,
    /// Embeddings: one component fewer in the last vector.
    WrongDimension,
    /// Embeddings: the same index everywhere.
    WrongIndex,
    /// Embeddings: a component that is not a number.
    Nan,
    /// Embeddings: a vector of zeros.
    Zero,
}

impl Fault {
    /// As written in scripts and urls: `stall-headers`, `status-429`, `status-429-after-7`.
    pub fn parse(name: &str) -> Option<Self> {
        let name = &name.replace("%20", " ");
        if let Some(status) = name.strip_prefix("status-") {
            let (code, retry_after) = match status.split_once("-after-") {
                Some((code, after)) => (code, Some(after.to_string())),
                None => (status, None),
            };
            return Some(Self::Status { code: code.parse().ok()?, retry_after });
        }
        if let Some(raw) = raw::NAMES.iter().find(|raw| **raw == name) {
            return Some(Self::Raw(raw));
        }
        Some(match name.as_str() {
            "stall-headers" => Self::StallHeaders,
            "stall-body" => Self::StallBody,
            "drip" => Self::Drip,
            "drip-headers" => Self::DripHeaders,
            "drip-chunks" => Self::DripChunks,
            "reset" => Self::Reset,
            "continue-storm" => Self::ContinueStorm,
            "endless-header" => Self::EndlessHeader,
            "cut-headers" => Self::CutHeaders,
            "cut-body" => Self::CutBody,
            "picky" => Self::Picky,
            "redirect" => Self::Redirect,
            "html" => Self::Html,
            "wrong-json" => Self::WrongJson,
            "other-json" => Self::OtherJson,
            "empty" => Self::Empty,
            "error-object" => Self::ErrorObject,
            "huge-length" => Self::HugeLength,
            "huge-chunked" => Self::HugeChunked,
            "huge-headers" => Self::HugeHeaders,
            "garbage" => Self::Garbage,
            "wrong-count" => Self::WrongCount,
            "wrong-dimension" => Self::WrongDimension,
            "wrong-index" => Self::WrongIndex,
            "nan" => Self::Nan,
            "zero" => Self::Zero,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_fault() {
        for name in FAULTS.iter().chain(&raw::NAMES) {
            assert!(Fault::parse(name).is_some(), "{name}");
        }
        let dated = Fault::Status { code: 503, retry_after: Some("Thu, 01 Jan".into()) };
        assert_eq!(Fault::parse("status-503-after-Thu,%2001%20Jan"), Some(dated));
        assert_eq!(Fault::parse("unheard-of"), None);
    }
}
