//! The ways in which an endpoint can fail.

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Reads the request and never answers.
    StallHeaders,
    /// Sends the headers and half of the body, then nothing.
    StallBody,
    /// Sends a byte of the body every 100 ms.
    Drip,
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
        if let Some(status) = name.strip_prefix("status-") {
            let (code, retry_after) = match status.split_once("-after-") {
                Some((code, after)) => (code, Some(after.to_string())),
                None => (status, None),
            };
            return Some(Self::Status { code: code.parse().ok()?, retry_after });
        }
        Some(match name {
            "stall-headers" => Self::StallHeaders,
            "stall-body" => Self::StallBody,
            "drip" => Self::Drip,
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
