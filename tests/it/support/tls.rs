//! Clients that speak TLS: one of our own that shows what it got, and `openssl` and `curl`.

use super::DEADLINE;
use super::authority::{Authority, Pair};
use super::gate::{Builder, HOST, TestGate};
use super::tools::program;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

/// A client with a memory for sessions.
#[derive(Clone)]
pub(crate) struct TlsClient(Arc<ClientConfig>);

/// One connection of it.
pub(crate) struct TlsConnection(pub(crate) StreamOwned<ClientConnection, TcpStream>);

/// A gate that serves `pair` over TLS on a port of its own, and what else `listen.tls` says.
pub(crate) fn serving(pair: &Pair, more: &Value) -> Builder {
    let mut tls =
        json!({"address": "127.0.0.1:0", "cert": "tls/api.crt", "key": "file:tls/api.key"});
    let keys = tls.as_object_mut().expect("an object");
    keys.extend(more.as_object().expect("an object").clone());
    TestGate::builder()
        .set("/listen/tls", tls)
        .file("tls/api.crt", &pair.cert)
        .file("tls/api.key", &pair.key)
}

/// The same, asking clients for certificates of `authority`.
pub(crate) fn asking(pair: &Pair, authority: &Authority, more: &Value) -> Builder {
    let mut more = more.clone();
    more["client_ca"] = json!("tls/clients.crt");
    serving(pair, &more).file("tls/clients.crt", &authority.pem)
}

impl TlsClient {
    /// Trusts `authority`, and shows `own` where it is asked for it.
    pub(crate) fn new(authority: &Authority, own: Option<&Pair>) -> Self {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(authority.pem.as_bytes()).expect("PEM");
        roots.add(root).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let chain = CertificateDer::pem_slice_iter(pair.cert.as_bytes());
                let chain = chain.collect::<Result<Vec<_>, _>>().expect("PEM");
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("PEM");
                builder
                    .with_client_auth_cert(chain, key)
                    .expect("a key that fits")
            }
        };
        Self(Arc::new(config))
    }

    /// The same, speaking `protocol` alone (ALPN).
    pub(crate) fn speaking(&self, protocol: &str) -> Self {
        let mut config = ClientConfig::clone(&self.0);
        config.alpn_protocols = vec![protocol.into()];
        Self(Arc::new(config))
    }

    /// Connects and shakes hands; an error is what the client sees of a refusal.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<TlsConnection> {
        let name = ServerName::try_from(HOST).expect("a name");
        let client = ClientConnection::new(Arc::clone(&self.0), name).map_err(io::Error::other)?;
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let mut stream = StreamOwned::new(client, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(TlsConnection(stream))
    }

    /// One GET on a connection of its own: the status.
    pub(crate) fn get(&self, gate: &TestGate, target: &str, headers: &str) -> io::Result<u16> {
        let mut connection = self.connect(gate.tls_address())?;
        connection.get(target, headers)
    }
}

impl TlsConnection {
    /// Whether an earlier connection was resumed.
    pub(crate) fn resumed(&self) -> bool {
        self.0.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The server's own certificate.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        let chain = self.0.conn.peer_certificates().expect("a certificate");
        chain.first().expect("a certificate").to_vec()
    }

    /// One GET; the status. The reply's body has to be announced by its length.
    pub(crate) fn get(&mut self, target: &str, headers: &str) -> io::Result<u16> {
        self.ask(target, headers)?;
        self.reply()
    }

    /// Sends a GET, and reads nothing.
    pub(crate) fn ask(&mut self, target: &str, headers: &str) -> io::Result<()> {
        let head = format!("GET {target} HTTP/1.1\r\nhost: {HOST}\r\n{headers}\r\n");
        self.0.write_all(head.as_bytes())
    }

    /// Reads a whole reply; its status.
    pub(crate) fn reply(&mut self) -> io::Result<u16> {
        let mut reply = Vec::new();
        let end = loop {
            if let Some(end) = reply.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.more(&mut reply)?;
        };
        let text = String::from_utf8_lossy(&reply[..end]).to_ascii_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
        while reply.len() < end + length {
            self.more(&mut reply)?;
        }
        let status = text
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Ok(status.expect("a reply has a status"))
    }

    fn more(&mut self, reply: &mut Vec<u8>) -> io::Result<()> {
        let mut some = [0; 4096];
        let read = self.0.read(&mut some)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        reply.extend_from_slice(&some[..read]);
        Ok(())
    }
}

/// A certificate of a PEM text, as it stands on the wire.
pub(crate) fn der(pem: &str) -> Vec<u8> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    der.to_vec()
}

/// `openssl s_client` to `address`, told `input`; what it said, on both of its outputs.
pub(crate) fn s_client(address: SocketAddr, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(program("openssl"))
        .args(["s_client", "-connect", &address.to_string()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl starts");
    let mut told = child.stdin.take().expect("a pipe was asked for");
    // It may have been refused already.
    let _ = told.write_all(input.as_bytes());
    drop(told);
    let said = child.wait_with_output().expect("openssl ends");
    let (out, err) = (said.stdout, said.stderr);
    String::from_utf8_lossy(&out).into_owned() + &String::from_utf8_lossy(&err)
}

/// `curl` to the gate's own host over TLS.
pub(crate) fn curl(gate: &TestGate, target: &str, arguments: &[&str]) -> Output {
    Command::new(program("curl"))
        .args([
            "-sS",
            "--noproxy",
            "*",
            "-o",
            "-",
            "-w",
            "\n%{http_code} %{http_version}",
        ])
        .args([
            "--connect-to",
            &format!("{HOST}:443:{}", gate.tls_address()),
        ])
        .args(arguments)
        .arg(format!("https://{HOST}{target}"))
        .output()
        .expect("curl runs")
}
