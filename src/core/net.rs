//! The only room that opens a socket: one agent, one blocking POST.
//!
//! Runs in a worker thread of the shell, so nothing here may wait without a bound, and no
//! error may carry a key, a header, a prompt or a reply.

pub mod address;
pub mod breaker;
pub mod retry;

use crate::error::Error;
use address::{Policy, Target};
use std::io::Read;
use std::time::Duration;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Proxy, Timeout};

pub use ureq::Agent;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest status line and headers of a reply.
const HEADER_LIMIT: usize = 64 << 10;

/// What an agent is built from; an agent serves as long as its settings are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// PEM certificates to trust instead of the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// `http://host:port`; never taken from the environment.
    pub proxy: Option<String>,
    pub policy: Policy,
}

/// How much one call may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest body of a reply, in bytes.
    pub body: usize,
    /// From name lookup to the last byte.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 8 << 20, total: Duration::from_secs(30) }
    }
}

/// A failed call, and whether the same call may well succeed a moment later.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub error: Error,
    pub transient: bool,
}

impl Failure {
    fn lasting(why: impl Into<String>) -> Self {
        Self { error: Error::Endpoint(why.into()), transient: false }
    }

    fn passing(why: impl Into<String>) -> Self {
        Self { error: Error::Endpoint(why.into()), transient: true }
    }
}

/// An agent that follows no redirects, trusts only the roots it was given or the system's,
/// uses no proxy but the given one, and connects only to addresses the policy admits.
pub fn agent(settings: &Settings) -> Result<Agent, Failure> {
    let roots = match &settings.ca_pem {
        Some(pem) => certificates(pem)?,
        None => RootCerts::PlatformVerifier,
    };
    let proxy = match &settings.proxy {
        // ureq's own error would quote the address, which may hold a password
        Some(url) => Some(Proxy::new(url).map_err(|_| Failure::lasting("t2sql.proxy is not a valid address"))?),
        None => None,
    };
    let proxy_authority = proxy.as_ref().and_then(|p| p.uri().authority().cloned());
    let config = Config::builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(proxy)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .timeout_resolve(Some(RESOLVE_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .max_response_header_size(HEADER_LIMIT)
        .max_idle_connections(4)
        .max_idle_connections_per_host(2)
        .max_idle_age(Duration::from_secs(15))
        .user_agent(concat!("t2sql/", env!("CARGO_PKG_VERSION")))
        .build();
    let resolver = GuardedResolver {
        inner: DefaultResolver::default(),
        policy: settings.policy.clone(),
        proxy: proxy_authority.map(|authority| authority.to_string()),
    };
    Ok(Agent::with_parts(config, DefaultConnector::default(), resolver))
}

fn certificates(pem: &[u8]) -> Result<RootCerts, Failure> {
    let mut certificates = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(Failure::lasting("t2sql.ca_file is not a valid PEM file")),
        }
    }
    if certificates.is_empty() {
        return Err(Failure::lasting("t2sql.ca_file holds no certificate"));
    }
    Ok(certificates.into())
}

/// Posts JSON and returns the body of a 2xx reply. Blocks; call it off the main thread.
pub fn post_json(
    agent: &Agent,
    url: &str,
    headers: &[(&str, String)],
    body: &[u8],
    limits: Limits,
) -> Result<Vec<u8>, Failure> {
    let mut request = agent
        .post(url)
        .config()
        .timeout_global(Some(limits.total))
        .build()
        .content_type("application/json")
        .header("accept", "application/json");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let failed = |error| failure(error, limits);
    let mut response = request.send(body).map_err(failed)?;
    let status = response.status().as_u16();
    if !(200..300).contains(&status) {
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| retry::parse_retry_after(value, retry::now()));
        // an error's body is read for its code only, and never much of it
        let body = read(&mut response, 64 << 10, limits).unwrap_or_default();
        return Err(status_failure(status, retry_after, &body));
    }
    let declared = response.body().content_length();
    if declared.is_some_and(|length| length > limits.body as u64) {
        return Err(too_large(limits));
    }
    read(&mut response, limits.body, limits)
}

/// Reads in steps, so that no more than the limit is ever allocated.
fn read(response: &mut ureq::http::Response<ureq::Body>, cap: usize, limits: Limits) -> Result<Vec<u8>, Failure> {
    let mut reader = response.body_mut().as_reader().take(cap as u64 + 1);
    let mut body = Vec::new();
    reader.read_to_end(&mut body).map_err(|error| failure(error.into(), limits))?;
    if body.len() > cap {
        return Err(too_large(limits));
    }
    Ok(body)
}

fn too_large(limits: Limits) -> Failure {
    let error = Error::Reply(format!("it is larger than {} bytes", limits.body));
    Failure { error, transient: false }
}

fn status_failure(status: u16, retry_after: Option<u64>, body: &[u8]) -> Failure {
    let detail = match status {
        300..400 => "redirects are not followed".into(),
        _ => crate::wire::error_code(body).unwrap_or_default(),
    };
    Failure {
        error: Error::EndpointStatus { status, retry_after, detail },
        transient: matches!(status, 408 | 409 | 425 | 429 | 500..600),
    }
}

/// ureq's errors in words that repeat nothing of the request.
fn failure(error: ureq::Error, limits: Limits) -> Failure {
    use std::io::ErrorKind;
    match error {
        ureq::Error::Timeout(Timeout::Resolve) => Failure::passing("its name was not resolved within 5 s"),
        ureq::Error::Timeout(Timeout::Connect) => Failure::passing("it did not accept a connection within 5 s"),
        ureq::Error::Timeout(_) => {
            Failure { error: Error::EndpointTimeout(limits.total.as_millis() as u64), transient: false }
        }
        ureq::Error::HostNotFound => Failure::passing("its name could not be resolved"),
        ureq::Error::Io(io) => match io.kind() {
            ErrorKind::ConnectionRefused => Failure::passing("it refused the connection"),
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                Failure::passing("it broke the connection off")
            }
            ErrorKind::UnexpectedEof => Failure::passing("it closed the connection too early"),
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Failure::passing("there is no route to it"),
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                Failure { error: Error::EndpointTimeout(limits.total.as_millis() as u64), transient: false }
            }
            // rustls reports a bad certificate as invalid data, and names no content
            ErrorKind::InvalidData => Failure::lasting(format!("TLS failed: {io}")),
            // what the system's resolver says has no kind of its own
            _ if io.to_string().contains("lookup address") => Failure::passing("its name could not be resolved"),
            kind => Failure::passing(format!("the connection failed ({kind})")),
        },
        ureq::Error::Rustls(tls) => Failure::lasting(format!("TLS failed: {tls}")),
        ureq::Error::Tls(_) | ureq::Error::TlsRequired => Failure::lasting("TLS failed"),
        ureq::Error::LargeResponseHeader(..) => {
            Failure { error: Error::Reply("its headers are too large".into()), transient: false }
        }
        ureq::Error::Protocol(_) | ureq::Error::BodyStalled => {
            Failure { error: Error::Reply("it breaks the rules of HTTP".into()), transient: false }
        }
        ureq::Error::ConnectProxyFailed(_) => Failure::lasting("the proxy refused to connect"),
        ureq::Error::Other(other) => match other.downcast::<address::Refused>() {
            Ok(refused) => Failure::lasting(refused.to_string()),
            Err(_) => Failure::lasting("the call failed"),
        },
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => Failure::lasting("its url or a header is malformed"),
        _ => Failure::lasting("the call failed"),
    }
}

/// Resolves names and lets only admitted addresses through. The connector dials exactly
/// these, so a name that resolves differently a moment later gains nothing.
#[derive(Debug)]
struct GuardedResolver {
    inner: DefaultResolver,
    policy: Policy,
    /// Chosen by an administrator: not subject to the policy.
    proxy: Option<String>,
}

impl Resolver for GuardedResolver {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let addresses = self.inner.resolve(uri, config, timeout)?;
        if self.proxy.is_some() && self.proxy.as_deref() == uri.authority().map(|a| a.as_str()) {
            return Ok(addresses);
        }
        let refused = |refused: address::Refused| ureq::Error::Other(Box::new(refused));
        let target = Target::parse(&uri.to_string()).map_err(refused)?;
        let mut admitted = self.empty();
        let mut first_refusal = None;
        for address in addresses.iter() {
            match self.policy.check_address(&target, address.ip()) {
                Ok(()) => admitted.push(*address),
                Err(refusal) => first_refusal = first_refusal.or(Some(refusal)),
            }
        }
        match first_refusal {
            Some(refusal) if admitted.is_empty() => Err(refused(refusal)),
            _ => Ok(admitted),
        }
    }
}

#[cfg(test)]
#[path = "net/tests.rs"]
mod tests;
