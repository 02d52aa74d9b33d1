//! Where requests may go: what an address must look like and which machines are out of bounds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ureq::http::Uri;

/// Why an address is out of bounds; names a rule, never the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub &'static str);

/// What administrators allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Send keys and prompts unencrypted to other machines, too.
    pub allow_plaintext: bool,
    /// When not empty, the only hosts that are called: `host`, `host:port`, `*.domain`.
    /// A listed host may also be a link-local one.
    pub allowed_hosts: Vec<String>,
}

/// The parts of a url that decide where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub tls: bool,
    /// Lower case, without brackets.
    pub host: String,
    pub port: u16,
}

impl Target {
    /// Accepts `http://` and `https://` with a host, and nothing that could smuggle in a
    /// credential or a header.
    pub fn parse(url: &str) -> Result<Self, Refused> {
        if url.len() > 2_000 {
            return Err(Refused("the url is longer than 2000 characters"));
        }
        if url.chars().any(|c| c.is_control() || c.is_whitespace() || !c.is_ascii()) {
            return Err(Refused("the url contains a space, a control character or a letter outside ASCII"));
        }
        let uri: Uri = url.parse().map_err(|_| Refused("the url is malformed"))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => {
                return Err(Refused("the url starts neither with http:// nor with https://"));
            }
        };
        let authority = uri.authority().ok_or(Refused("the url has no host"))?;
        if authority.as_str().contains('@') {
            return Err(Refused("the url contains a user name or password"));
        }
        if url.contains('#') {
            return Err(Refused("the url contains a fragment"));
        }
        let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        if host.is_empty() {
            return Err(Refused("the url has no host"));
        }
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            // anything between host and path that is no port
            None if authority.as_str().len() > authority.host().len() => {
                return Err(Refused("the url's port is malformed"));
            }
            None if tls => 443,
            None => 80,
        };
        Ok(Self { tls, host, port })
    }

    fn is_loopback_name(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| unmapped(ip).is_loopback())
    }
}

impl Policy {
    /// What can be told before the name is looked up.
    pub fn check_target(&self, target: &Target) -> Result<(), Refused> {
        if !self.allowed_hosts.is_empty() && !self.lists(target) {
            return Err(Refused("its host is not in t2sql.allowed_hosts"));
        }
        if !target.tls && !self.allow_plaintext && !target.is_loopback_name() {
            return Err(Refused(PLAINTEXT));
        }
        match target.host.parse() {
            Ok(ip) => self.check_address(target, ip),
            Err(_) => Ok(()),
        }
    }

    /// What can be told once the name is looked up.
    pub fn check_address(&self, target: &Target, ip: IpAddr) -> Result<(), Refused> {
        let ip = unmapped(ip);
        if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return Err(Refused("its address is not that of one machine"));
        }
        if is_metadata(ip) && !self.lists(target) {
            return Err(Refused("its address is link-local or a cloud's metadata service"));
        }
        if !target.tls && !self.allow_plaintext && !ip.is_loopback() {
            return Err(Refused(PLAINTEXT));
        }
        Ok(())
    }

    fn lists(&self, target: &Target) -> bool {
        self.allowed_hosts.iter().any(|entry| {
            let entry = entry.trim().to_ascii_lowercase();
            // an IPv6 address has colons of its own: a port after it needs brackets
            let (host, port) = match entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((host, rest)) => (host.to_string(), rest.strip_prefix(':').map(str::to_string)),
                None if entry.matches(':').count() == 1 => {
                    let (host, port) = entry.split_once(':').unwrap_or((&entry, ""));
                    (host.to_string(), Some(port.to_string()))
                }
                None => (entry.clone(), None),
            };
            let host_matches = match host.strip_prefix("*.") {
                Some(domain) => target.host.strip_suffix(domain).is_some_and(|start| start.ends_with('.')),
                None => host == target.host,
            };
            host_matches && port.is_none_or(|port| port == target.port.to_string())
        })
    }
}

const PLAINTEXT: &str = "plain http is allowed to this machine only, unless t2sql.allow_plaintext is on";

/// The IPv4 address behind IPv6 forms that only wrap one.
fn unmapped(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) => v4(g, h),
        (0x64, 0xff9b, 0, 0, 0, 0) => v4(g, h),
        (0x2002, ..) => v4(b, c),
        (0, 0, 0, 0, 0, 0) if v6 != Ipv6Addr::LOCALHOST && v6 != Ipv6Addr::UNSPECIFIED => v4(g, h),
        _ => ip,
    }
}

/// Link-local networks, and the metadata services of clouds that live elsewhere.
fn is_metadata(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_link_local() || v4 == Ipv4Addr::new(100, 100, 100, 200) || v4 == Ipv4Addr::new(192, 0, 0, 192)
        }
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_smuggle_are_refused() {
        for (url, why) in [
            ("ftp://host/", "neither"),
            ("host/v1", "neither"),
            ("file:///etc/passwd", "malformed"),
            ("http://", "malformed"),
            ("http://user:pw@host/", "user name"),
            ("http://user@host/", "user name"),
            ("http://host/\r\nx: y", "control"),
            ("http://host/ x", "space"),
            ("http://h\u{f6}st/", "outside ASCII"),
            ("http://host:99999/", "malformed"),
            ("http://host/v1#x", "fragment"),
        ] {
            let refused = Target::parse(url).unwrap_err();
            assert!(refused.0.contains(why) || refused.0.contains("malformed"), "{url}: {refused}");
        }
        let target = Target::parse("https://API.Example:8443/v1").unwrap();
        assert_eq!(target, Target { tls: true, host: "api.example".into(), port: 8443 });
        assert_eq!(Target::parse("http://[::1]/v1").unwrap().host, "::1");
    }

    fn admits(policy: &Policy, url: &str, ip: &str) -> bool {
        let target = Target::parse(url).unwrap();
        policy.check_target(&target).is_ok() && policy.check_address(&target, ip.parse().unwrap()).is_ok()
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        let strict = Policy::default();
        let open = Policy { allow_plaintext: true, ..Policy::default() };
        for (url, ip, strictly, openly) in [
            ("http://localhost:11434", "127.0.0.1", true, true),
            ("http://localhost:11434", "::1", true, true),
            ("http://127.0.0.1", "127.0.0.1", true, true),
            ("http://localhost", "192.168.1.9", false, true),
            ("http://llm.intern", "192.168.1.9", false, true),
            // a name that resolves to this machine is not known before it is looked up
            ("http://llm.intern", "127.0.0.1", false, true),
            ("https://llm.intern", "192.168.1.9", true, true),
        ] {
            assert_eq!(admits(&strict, url, ip), strictly, "{url} {ip}");
            assert_eq!(admits(&open, url, ip), openly, "{url} {ip}");
        }
    }

    #[test]
    fn metadata_addresses_are_out_of_bounds_unless_listed() {
        let open = Policy { allow_plaintext: true, ..Policy::default() };
        for ip in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
            "::169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
            "0.0.0.0",
            "::",
            "224.0.0.1",
        ] {
            assert!(!admits(&open, "https://evil.example", ip), "{ip}");
        }
        let listed = Policy { allowed_hosts: vec!["169.254.169.254".into()], ..open };
        assert!(admits(&listed, "http://169.254.169.254/v1", "169.254.169.254"));
        assert!(!admits(&listed, "http://other.example/v1", "93.184.216.34"));
    }

    #[test]
    fn allowed_hosts_match_whole_names() {
        let policy = Policy {
            allowed_hosts: ["api.example", "*.corp.example", "gpu:8000", "[fd12::1]:8000"].map(String::from).to_vec(),
            allow_plaintext: true,
        };
        for (url, listed) in [
            ("https://api.example/v1", true),
            ("https://API.EXAMPLE:8443/v1", true),
            ("https://api.example.evil/v1", false),
            ("https://a.corp.example", true),
            ("https://corp.example", false),
            ("https://evilcorp.example", false),
            ("http://gpu:8000", true),
            ("http://gpu:8001", false),
            ("http://[fd12::1]:8000", true),
            ("http://[fd12::1]:8001", false),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!(policy.check_target(&target).is_ok(), listed, "{url}");
        }
    }
}
