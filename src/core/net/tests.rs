//! Calls against the fake endpoint: every fault ends in an error of its own, within bounds.

use super::*;
use fake_endpoint::{Handle, Script, start};
use std::net::TcpListener;
use std::time::Instant;

fn endpoint() -> Handle {
    start(Script::default().otherwise("SELECT 1"))
}

fn direct() -> Agent {
    agent(&Settings::default()).unwrap()
}

fn post(agent: &Agent, base: &str, total: Duration) -> Result<Vec<u8>, Failure> {
    let url = format!("{base}/chat/completions");
    let headers = [("authorization", "Bearer sk-secret".to_string())];
    let limits = Limits { total, ..Limits::default() };
    let body = br#"{"model":"m","messages":[{"role":"user","content":"prompt-secret"}]}"#;
    let result = post_json(agent, &url, &headers, body, limits);
    if let Err(failure) = &result {
        let text = format!("{failure:?} {}", failure.error);
        assert!(!text.contains("secret"), "{text}");
    }
    result
}

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_call_goes_out_as_written_and_comes_back_whole() {
    let endpoint = endpoint();
    let body = post(&direct(), &endpoint.url, LONG).unwrap();
    assert_eq!(crate::wire::chat_reply(&body).unwrap().text, "SELECT 1");
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(requests[0].header("authorization"), Some("Bearer sk-secret"));
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    assert_eq!(requests[0].header("accept-encoding"), None);
}

#[test]
fn stalls_end_at_the_deadline() {
    let endpoint = endpoint();
    for fault in ["stall-headers", "stall-body", "drip"] {
        let start = Instant::now();
        let failure = post(&direct(), &endpoint.fault_url(fault), SHORT).unwrap_err();
        assert_eq!(failure.error, Error::EndpointTimeout(300), "{fault}");
        assert!(!failure.transient);
        assert!(start.elapsed() < SHORT * 3, "{fault} took {:?}", start.elapsed());
    }
    let silent = start(Script { stall_accept: true, ..Script::default() });
    let failure = post(&direct(), &silent.url, SHORT).unwrap_err();
    assert_eq!(failure.error, Error::EndpointTimeout(300));
}

#[test]
fn a_status_is_told_and_classified() {
    let endpoint = endpoint();
    for (fault, status, retry_after, transient) in [
        ("status-401", 401, None, false),
        ("status-404", 404, None, false),
        ("status-429", 429, None, true),
        ("status-429-after-7", 429, Some(7), true),
        ("status-500", 500, None, true),
        ("redirect", 307, None, false),
    ] {
        let failure = post(&direct(), &endpoint.fault_url(fault), LONG).unwrap_err();
        let detail = if status == 307 { "redirects are not followed" } else { "made_to_fail" };
        let expected = Error::EndpointStatus { status, retry_after, detail: detail.into() };
        assert_eq!(failure, Failure { error: expected, transient }, "{fault}");
    }
    assert_eq!(endpoint.requests().len(), 6, "a redirect was followed");
}

#[test]
fn broken_connections_may_be_tried_again() {
    let endpoint = endpoint();
    for fault in ["cut-headers", "cut-body"] {
        let failure = post(&direct(), &endpoint.fault_url(fault), LONG).unwrap_err();
        assert!(matches!(&failure, Failure { error: Error::Endpoint(_), transient: true }), "{failure:?}");
    }
    // a port that nobody listens on any more
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let failure = post(&direct(), &format!("http://127.0.0.1:{port}"), LONG).unwrap_err();
    assert_eq!(failure, Failure::passing("it refused the connection"));
    let failure = post(&direct(), "https://no-such-host.invalid", LONG).unwrap_err();
    assert_eq!(failure, Failure::passing("its name could not be resolved"));
}

#[test]
fn too_much_is_not_read() {
    let endpoint = endpoint();
    for (fault, why) in [
        ("huge-length", "larger than 8388608 bytes"),
        ("huge-chunked", "larger than 8388608 bytes"),
        ("huge-headers", "headers are too large"),
        ("garbage", "rules of HTTP"),
    ] {
        let failure = post(&direct(), &endpoint.fault_url(fault), LONG).unwrap_err();
        assert!(matches!(&failure.error, Error::Reply(reason) if reason.contains(why)), "{fault}: {failure:?}");
        assert!(!failure.transient);
    }
}

#[test]
fn unusable_bodies_are_told_apart() {
    let endpoint = endpoint();
    for (fault, why) in [
        ("html", "HTML"),
        ("wrong-json", "not valid JSON"),
        ("other-json", "no choices"),
        ("empty", "empty"),
        ("error-object", "(made_to_fail)"),
    ] {
        let body = post(&direct(), &endpoint.fault_url(fault), LONG).unwrap();
        let error = crate::wire::chat_reply(&body).unwrap_err();
        assert!(error.to_string().contains(why), "{fault}: {error}");
    }
}

#[test]
fn embeddings_are_checked_to_the_end() {
    let endpoint = start(Script { dimensions: 8, ..Script::default() });
    let texts = ["oak table".to_string(), "beech chair".to_string()];
    let call = |base: &str| {
        let body = crate::wire::embedding_body("m", &texts);
        let url = format!("{base}/embeddings");
        let body = post_json(&direct(), &url, &[], &body, Limits::default()).unwrap();
        crate::wire::embeddings(&body, texts.len(), Some(8))
    };
    assert_eq!(call(&endpoint.url).unwrap(), texts.each_ref().map(|text| fake_endpoint::embed(text, 8)));
    for (fault, why) in [
        ("wrong-count", "1 came"),
        ("wrong-dimension", "7 dimensions instead of 8"),
        ("wrong-index", "not asked for"),
        ("nan", "not valid JSON"),
        ("zero", "zero vector"),
    ] {
        let error = call(&endpoint.fault_url(fault)).unwrap_err();
        assert!(error.to_string().contains(why), "{fault}: {error}");
    }
}

#[test]
fn the_policy_holds_for_what_a_name_resolves_to() {
    let endpoint = endpoint();
    let by_name = endpoint.url.replace("127.0.0.1", "localhost");
    assert!(post(&direct(), &by_name, LONG).is_ok());
    // as if a name pointed to a metadata address: link-local, over https
    let failure = post(&direct(), "https://169.254.169.254/v1", LONG).unwrap_err();
    assert!(failure.error.to_string().contains("metadata"), "{failure:?}");
    assert!(!failure.transient);
    let failure = post(&direct(), "http://192.0.2.1/v1", LONG).unwrap_err();
    assert!(failure.error.to_string().contains("plain http"), "{failure:?}");
}

#[test]
fn shutdown_ends_a_call_in_flight() {
    let endpoint = endpoint();
    for fault in ["stall-headers", "stall-body", "drip"] {
        let (agent, url) = (direct(), endpoint.fault_url(fault));
        let worker = std::thread::spawn({
            let agent = agent.clone();
            move || post(&agent, &url, LONG)
        });
        std::thread::sleep(Duration::from_millis(100));
        let start = Instant::now();
        agent.shutdown();
        assert!(worker.join().unwrap().is_err(), "{fault}");
        assert!(start.elapsed() < Duration::from_millis(200), "{fault}: {:?}", start.elapsed());
    }
}

#[test]
fn only_the_given_proxy_is_used() {
    let proxy = endpoint();
    let address = proxy.url.trim_end_matches("/v1").to_string();
    let settings = Settings {
        proxy: Some(address),
        policy: Policy { allow_plaintext: true, ..Policy::default() },
        ..Settings::default()
    };
    // the fake endpoint is no proxy; that it was asked is what counts
    assert!(post(&agent(&settings).unwrap(), "http://192.0.2.1/v1", LONG).is_err());
    assert!(proxy.requests().iter().any(|r| r.method == "CONNECT" || r.path.contains("192.0.2.1")));
}

#[test]
fn only_trusted_certificates_are_talked_to() {
    let endpoint = start(Script { tls: true, ..Script::default().otherwise("SELECT 1") });
    let trusting = |pem: Option<&str>| {
        let settings = Settings { ca_pem: pem.map(|pem| pem.as_bytes().to_vec()), ..Settings::default() };
        agent(&settings).unwrap()
    };
    let pem = endpoint.ca_pem.as_deref();
    assert!(post(&trusting(pem), &endpoint.url, LONG).is_ok());
    let other_name = endpoint.url.replace("127.0.0.1", "localhost");
    let stranger = start(Script { tls: true, ..Script::default() });
    for (agent, url) in [(trusting(None), &endpoint.url), (trusting(pem), &other_name), (trusting(pem), &stranger.url)]
    {
        let failure = post(&agent, url, LONG).unwrap_err();
        assert!(failure.error.to_string().starts_with("TLS failed"), "{failure:?}");
        assert!(!failure.transient);
    }
    assert_eq!(endpoint.requests().len(), 1, "a request went out before the certificate was checked");
    for fault in ["stall-headers", "stall-body", "drip"] {
        let failure = post(&trusting(pem), &endpoint.fault_url(fault), SHORT).unwrap_err();
        assert_eq!(failure.error, Error::EndpointTimeout(300), "{fault}");
    }
}

#[test]
fn certificates_must_be_certificates() {
    for (pem, why) in
        [("", "no certificate"), ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", "not a valid")]
    {
        let settings = Settings { ca_pem: Some(pem.into()), ..Settings::default() };
        let failure = agent(&settings).err().unwrap();
        assert!(failure.error.to_string().contains(why), "{failure:?}");
    }
}
