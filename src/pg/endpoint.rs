//! Endpoints as foreign servers of the wrapper `t2sql_endpoint`: who may define them, which
//! key goes with a call, and calls that can be cancelled.

use crate::error::{Error, Result};
use crate::pg::{guc, interrupt, role};
use breaker::Breaker;
use once_cell::unsync::OnceCell;
use pgrx::PgList;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::ffi::{CStr, CString};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};
use t2sql_core::net::{self, address, retry::Retry};
use t2sql_core::wire;

mod breaker;
mod key;
mod queue;
mod validator;

const WRAPPER: &CStr = c"t2sql_endpoint";
/// Texts that are embedded by one call.
const EMBEDDING_BATCH: usize = 64;
/// How long after its own deadline a call may still report why it failed.
const GRACE: Duration = Duration::from_millis(250);

/// A server that was opened for the current user.
pub struct Endpoint {
    server: String,
    service: wire::Service,
    key: Option<key::Key>,
    breaker: Breaker,
}

impl Endpoint {
    /// Looks the server up, and the key that the current user may use there. Call it outside
    /// of any [`Frame`](crate::pg::frame::Frame), which would make the owner the user.
    pub fn open(server: &str) -> Result<Self> {
        let definition = Definition::read(server)?;
        let url = definition.url()?;
        let target = address::Target::parse(&url).map_err(|refused| definition.unusable(&refused))?;
        settings()?.policy.check_target(&target).map_err(|refused| definition.unusable(&refused))?;
        Ok(Self {
            key: key::find(&definition)?,
            breaker: Breaker::new(&definition.name, definition.oid, &url),
            service: wire::Service { url, azure_api_version: definition.option("azure_api_version") },
            server: definition.name,
        })
    }

    /// One chat completion.
    pub fn chat(&self, request: &wire::ChatRequest) -> Result<wire::ChatReply> {
        let url = self.service.chat_url(&request.model);
        let reply = match (self.post(&url, request.body()), request.without_sampling()) {
            // reasoning models take no temperature and no seed, and say so
            (Err(Error::Core(error)), Some(plain)) if wire::refuses_parameter(&error) => {
                self.post(&url, plain.body())?
            }
            (reply, _) => reply?,
        };
        Ok(wire::chat_reply(&reply)?)
    }

    /// One vector for each text, in order.
    pub fn embed(&self, model: &str, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let url = self.service.embedding_url(model);
        let mut vectors: Vec<Vec<f32>> = Vec::with_capacity(texts.len());
        for batch in texts.chunks(EMBEDDING_BATCH) {
            let reply = self.post(&url, wire::embedding_body(model, batch))?;
            let dimensions = vectors.first().map(Vec::len);
            vectors.extend(wire::embeddings(&reply, batch.len(), dimensions)?);
        }
        Ok(vectors)
    }

    /// Name of the foreign server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Posts, waits and retries within one deadline, which the wait for a place in the queue is part of.
    fn post(&self, url: &str, body: Vec<u8>) -> Result<Vec<u8>> {
        let deadline = Instant::now() + guc::request_timeout();
        let mut retry = Retry::default();
        let mut failed: Option<net::Failure> = None;
        loop {
            let failure = match (self.try_once(url, body.clone(), deadline), failed) {
                (Ok(Ok(reply)), _) => return Ok(reply),
                (Ok(Err(failure)), _) => failure,
                // that it may not be tried again says less than why it failed
                (Err(Error::Busy { .. }), Some(before)) => return Err(self.named(before.error)),
                (Err(error), _) => return Err(error),
            };
            let remaining = deadline.saturating_duration_since(Instant::now());
            match retry.next(&failure, remaining, random()) {
                Some(wait) if self.breaker.closed_for().is_none() => interrupt::pause(wait),
                _ => return Err(self.named(failure.error)),
            }
            failed = Some(failure);
        }
    }

    /// One call. Other backends may have the place in the queue while this one waits to try again.
    fn try_once(&self, url: &str, body: Vec<u8>, deadline: Instant) -> Result<Result<Vec<u8>, net::Failure>> {
        let settings = settings()?;
        let _place = queue::enter(deadline, || self.breaker.refusal())?;
        let remaining = deadline.saturating_duration_since(Instant::now());
        let call = self.breaker.enter(remaining)?;
        let agent = take_agent(&settings)?;
        let headers: Vec<_> = self.key.iter().map(|key| self.service.authorization(key.secret())).collect();
        let limits = net::Limits { total: remaining, ..net::Limits::default() };
        let (url, worker, cancelled) = (url.to_string(), agent.clone(), agent.clone());
        // an interrupt unwinds here: the agent, whose shutdown is final, then is not put back
        let outcome = interrupt::offload(
            Instant::now() + remaining + GRACE,
            move || cancelled.shutdown(),
            move || net::post_json(&worker, &url, &headers, &body, limits),
        );
        let outcome = match outcome {
            Ok(outcome) => {
                put_agent_back(settings, agent);
                outcome
            }
            Err(interrupt::Failed::Overdue) => {
                let error = t2sql_core::Error::EndpointTimeout(remaining.as_millis() as u64);
                Err(net::Failure { error, transient: false })
            }
            Err(interrupt::Failed::NoThread) => {
                return Err(Error::Busy {
                    message: "too many cancelled requests of this session are still ending".into(),
                    hint: "Wait a few seconds.".into(),
                });
            }
            Err(interrupt::Failed::Panicked) => {
                return Err(Error::Internal("the request's thread panicked".into()));
            }
        };
        call.ended(&outcome);
        Ok(outcome)
    }

    /// The error as users should see it: with the server's name, and the deadline that they set
    /// instead of what was left of it for the last try.
    fn named(&self, error: t2sql_core::Error) -> Error {
        use t2sql_core::Error as Core;
        match error {
            Core::Endpoint(why) => Core::Endpoint(format!("endpoint \"{}\": {why}", self.server)).into(),
            Core::EndpointTimeout(_) => Core::EndpointTimeout(guc::request_timeout().as_millis() as u64).into(),
            other => other.into(),
        }
    }
}

/// How long a server is left alone because it keeps failing; None when it may be called.
pub fn closed_for(server: &str) -> Result<Option<Duration>> {
    let definition = Definition::read(server)?;
    Ok(Breaker::new(&definition.name, definition.oid, &definition.url()?).closed_for())
}

/// Makes sure that the current user may use the server; for functions that choose one.
pub fn require_usage(server: &str) -> Result<()> {
    let definition = Definition::read(server)?;
    if may_use(definition.oid, role::current()) {
        return Ok(());
    }
    Err(Error::Privilege {
        message: format!("permission denied for foreign server \"{server}\""),
        hint: format!("Its owner can GRANT USAGE ON FOREIGN SERVER {server}."),
    })
}

fn may_use(server: pg_sys::Oid, user: pg_sys::Oid) -> bool {
    let usage = pg_sys::ACL_USAGE as pg_sys::AclMode;
    // SAFETY: catalog look-up on the main thread.
    let result = unsafe {
        #[cfg(feature = "pg15")]
        let result = pg_sys::pg_foreign_server_aclcheck(server, user, usage);
        #[cfg(not(feature = "pg15"))]
        let result = pg_sys::object_aclcheck(pg_sys::ForeignServerRelationId, server, user, usage);
        result
    };
    result == pg_sys::AclResult::ACLCHECK_OK
}

/// A server as the catalog has it.
struct Definition {
    name: String,
    oid: pg_sys::Oid,
    owner: pg_sys::Oid,
    options: Vec<(String, String)>,
}

impl Definition {
    fn read(name: &str) -> Result<Self> {
        let missing = |message: String| {
            Error::setup(
                message,
                "Define one with CREATE SERVER name FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url 'https://…/v1').",
            )
        };
        let c_name = CString::new(name).map_err(|_| missing("the name of the server contains a NUL".into()))?;
        // SAFETY: missing_ok, so NULL or a palloc'd struct; both look-ups on the main thread.
        unsafe {
            let server = pg_sys::GetForeignServerByName(c_name.as_ptr(), true);
            if server.is_null() {
                return Err(missing(format!("server \"{name}\" does not exist")));
            }
            if (*server).fdwid != pg_sys::get_foreign_data_wrapper_oid(WRAPPER.as_ptr(), true) {
                return Err(missing(format!("server \"{name}\" is not one of wrapper t2sql_endpoint")));
            }
            Ok(Self {
                name: name.to_string(),
                oid: (*server).serverid,
                owner: (*server).owner,
                options: options((*server).options),
            })
        }
    }

    fn option(&self, name: &str) -> Option<String> {
        self.options.iter().find(|(option, _)| option == name).map(|(_, value)| value.clone())
    }

    fn url(&self) -> Result<String> {
        self.option("url").ok_or_else(|| {
            Error::setup(
                format!("server \"{}\" has no url", self.name),
                format!("ALTER SERVER {} OPTIONS (ADD url 'https://…/v1').", self.name),
            )
        })
    }

    fn unusable(&self, refused: &address::Refused) -> Error {
        Error::setup(
            format!("server \"{}\" can't be used: {refused}", self.name),
            "Its owner can ALTER SERVER … OPTIONS (SET url …); a superuser sets t2sql.allow_plaintext and t2sql.allowed_hosts.",
        )
    }
}

/// A list of DefElem as names and values.
///
/// # Safety
/// `list` is NIL or a list of DefElem.
unsafe fn options(list: *mut pg_sys::List) -> Vec<(String, String)> {
    let text = |pointer: *const std::ffi::c_char| {
        // SAFETY: PostgreSQL's strings end with NUL.
        unsafe { CStr::from_ptr(pointer).to_string_lossy().into_owned() }
    };
    // SAFETY: by contract; options of the catalog always have a name and a string.
    unsafe {
        PgList::<pg_sys::DefElem>::from_pg(list)
            .iter_ptr()
            .map(|element| (text((*element).defname), text(pg_sys::defGetString(element))))
            .collect()
    }
}

fn settings() -> Result<net::Settings> {
    let ca_pem = match guc::ca_file() {
        None => None,
        Some(path) => Some(std::fs::read(&path).map_err(|error| {
            Error::setup(
                format!("t2sql.ca_file can't be read: {}", error.kind()),
                "A superuser can set t2sql.ca_file to a PEM file that the server may read, or reset it.",
            )
        })?),
    };
    Ok(net::Settings {
        ca_pem,
        proxy: guc::proxy(),
        policy: address::Policy {
            allow_plaintext: guc::allow_plaintext(),
            allowed_hosts: guc::list(guc::allowed_hosts()),
        },
    })
}

thread_local! {
    /// The backend's agent between calls, with the settings it was built from. Made at the
    /// first call, never in `_PG_init`: sockets do not survive the postmaster's fork.
    static AGENT: RefCell<OnceCell<(net::Settings, net::Agent)>> = const { RefCell::new(OnceCell::new()) };
}

fn take_agent(settings: &net::Settings) -> Result<net::Agent> {
    let kept = AGENT.with_borrow_mut(OnceCell::take);
    match kept {
        Some((built_from, agent)) if built_from == *settings => Ok(agent),
        _ => net::agent(settings).map_err(|failure| {
            Error::setup(failure.error.to_string(), "A superuser can change t2sql.ca_file and t2sql.proxy.")
        }),
    }
}

fn put_agent_back(settings: net::Settings, agent: net::Agent) {
    AGENT.with_borrow_mut(|kept| *kept = OnceCell::with_value((settings, agent)));
}

/// 0..1, different in every backend; needs no quality.
fn random() -> f64 {
    (RandomState::new().build_hasher().finish() >> 11) as f64 / (1u64 << 53) as f64
}

/// Called by CREATE and ALTER SERVER and USER MAPPING (see 30_endpoint.sql).
#[pg_extern(volatile, parallel_unsafe)]
fn _endpoint_validator(
    options: Option<Vec<Option<String>>>,
    catalog: Option<pg_sys::Oid>,
) -> std::result::Result<(), ErrorReport> {
    let options: Vec<String> = options.unwrap_or_default().into_iter().flatten().collect();
    Ok(validator::check(&options, catalog.unwrap_or(pg_sys::InvalidOid))?)
}
