//! Connections with and without TLS.

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// A key and a certificate that it signed itself, for 127.0.0.1 only.
pub struct Identity {
    config: Arc<ServerConfig>,
    pub pem: String,
}

impl Identity {
    pub fn new() -> Self {
        let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_string()])
            .expect("an address is a valid subject alternative name");
        let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).expect("rcgen writes PKCS #8");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![signed.cert.der().clone()], key))
            .expect("key and certificate belong together");
        Self { config: Arc::new(config), pem: signed.cert.pem() }
    }
}

/// One connection.
pub enum Stream {
    Plain(Wire),
    Tls(Box<StreamOwned<ServerConnection, Wire>>),
}

/// What lies below TLS.
pub struct Wire {
    stream: TcpStream,
    slow: bool,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if !self.slow {
            return self.stream.write(buffer);
        }
        std::thread::sleep(Duration::from_millis(20));
        self.stream.write(&buffer[..buffer.len().min(1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Stream {
    pub fn new(stream: TcpStream, identity: Option<&Identity>, slow: bool) -> Option<Self> {
        stream.set_nodelay(true).ok()?;
        let stream = Wire { stream, slow };
        Some(match identity {
            None => Self::Plain(stream),
            Some(identity) => {
                let connection = ServerConnection::new(Arc::clone(&identity.config)).ok()?;
                Self::Tls(Box::new(StreamOwned::new(connection, stream)))
            }
        })
    }

    /// Makes closing it a reset instead of an end.
    pub fn break_off(&self) -> io::Result<()> {
        let wire = match self {
            Self::Plain(wire) => wire,
            Self::Tls(stream) => &stream.sock,
        };
        socket2::SockRef::from(&wire.stream).set_linger(Some(Duration::ZERO))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
