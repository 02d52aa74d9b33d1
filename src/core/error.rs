//! What can go wrong in the core. SQLSTATE and HINT are chosen by the shell.

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The endpoint could not be reached or refused to answer.
    #[error("{0}")]
    Endpoint(String),
    /// The endpoint did not answer in time.
    #[error("the endpoint did not answer within {0} ms")]
    EndpointTimeout(u64),
    /// The endpoint answered with an error status.
    #[error("the endpoint answered with HTTP status {status}")]
    EndpointStatus { status: u16, retry_after: Option<u64>, detail: String },
    /// The endpoint answered, but not with anything that can be used.
    #[error("the endpoint's reply is unusable: {0}")]
    Reply(String),
}
