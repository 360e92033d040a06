//! Protocol and TLS of an upstream.

use super::listen::{bytes, secret, timeout};
use crate::config::file::{Http2, Protocol as Shape, Upstream, UpstreamTls};
use crate::config::findings::Findings;
use crate::config::units::Size;
use crate::document::child;
use crate::forward::{Ping, Protocol, Tls};
use crate::tls::{Ends, Error, Shown, service_client, shown_ends};
use aws_lc_rs::digest::{Context, SHA256};
use rustls::pki_types::ServerName;
use std::sync::Arc;

/// What is spoken.
pub(super) fn protocol(shape: Shape) -> Protocol {
    match shape {
        Shape::Auto => Protocol::Auto,
        Shape::Http1 => Protocol::Http1,
        Shape::Http2 => Protocol::Http2,
    }
}

/// How HTTP/2 connections are looked after.
pub(super) fn ping(shape: &Http2, at: &str, findings: &mut Findings<'_>) -> Ping {
    let at = child(at, "http2");
    Ping {
        interval: timeout(findings, &child(&at, "ping_interval"), shape.ping_interval),
        timeout: timeout(findings, &child(&at, "ping_timeout"), shape.ping_timeout),
    }
}

/// The largest head that it takes.
pub(super) fn header_bytes_max(
    shape: &Upstream,
    at: &str,
    findings: &mut Findings<'_>,
) -> Option<usize> {
    let given = shape.header_bytes_max?;
    let (least, most) = HEADER_BYTES;
    if given < least || given > most {
        let message = format!("`{given}` is not between {least} and {most}");
        let help = format!("write `{least}` to `{most}`");
        findings.error(
            &child(at, "header_bytes_max"),
            "config_value",
            message,
            help,
        );
    }
    Some(bytes(given))
}

/// TLS to `host`. `None`: there is none, or it was found wrong.
pub(super) fn tls(
    shape: &Upstream,
    (name, at, host): (&str, &str, &str),
    secure: bool,
    findings: &mut Findings<'_>,
) -> Option<Tls> {
    let pointer = child(at, "tls");
    if !secure {
        if shape.tls.is_some() {
            let message = "`tls` of an upstream that is spoken to in the clear";
            let help = "write `https://` in its `url`, or leave `tls` out";
            findings.error(&pointer, "config_value", message, help);
        }
        return None;
    }
    let empty = UpstreamTls::default();
    let files = shape.tls.as_ref().unwrap_or(&empty);
    let errors = findings.errors();
    let asked_for = server_name(files, &pointer, host, findings);
    let read = Files::read(files, &pointer, findings);
    if findings.errors() > errors {
        return None;
    }
    let protocols = protocol(shape.protocol);
    let client = service_client(read.ca.as_deref(), read.identity(), offered(protocols));
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            let key = match &error {
                Error::Key => "key",
                Error::Identity(_) => "cert",
                _ if read.cert.is_some() && read.ca.is_none() => "cert",
                _ => "ca",
            };
            findings.error(&child(&pointer, key), "config_tls", error.to_string(), HELP);
            return None;
        }
    };
    Some(Tls {
        name: asked_for?,
        client,
        digest: read.digest(protocols),
        ends: read.ends(files, name, findings),
    })
}

/// The texts that a client is made of.
struct Files {
    ca: Option<Arc<str>>,
    cert: Option<Arc<str>>,
    key: Option<Arc<str>>,
}

impl Files {
    fn read(shape: &UpstreamTls, pointer: &str, findings: &mut Findings<'_>) -> Self {
        let both = shape.cert.is_some() == shape.key.is_some();
        if !both {
            let message = "`cert` and `key` belong together";
            let help = "name both files, or neither";
            findings.error(pointer, "config_value", message, help);
        }
        let key = shape.key.as_ref();
        Self {
            ca: file(shape.ca.as_deref(), &child(pointer, "ca"), findings),
            cert: file(shape.cert.as_deref(), &child(pointer, "cert"), findings),
            key: key
                .and_then(|named| secret(findings, &child(pointer, "key"), named, FILE_BYTES_MAX)),
        }
    }

    fn identity(&self) -> Option<Shown<'_>> {
        let (chain, key) = (self.cert.as_deref()?, self.key.as_deref()?);
        Some(Shown { chain, key })
    }

    fn ends(&self, shape: &UpstreamTls, upstream: &str, findings: &Findings<'_>) -> Option<Ends> {
        let file = findings.path(shape.cert.as_deref()?).display().to_string();
        shown_ends(self.cert.as_deref()?, upstream, file)
    }

    /// Of all of it, each part with its length: equal only where everything is.
    fn digest(&self, protocol: Protocol) -> [u8; 32] {
        let mut hasher = Context::new(&SHA256);
        for part in [&self.ca, &self.cert, &self.key] {
            let text = part.as_deref().unwrap_or_default();
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        for one in offered(protocol) {
            hasher.update(one);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(hasher.finish().as_ref());
        digest
    }
}

fn file(name: Option<&str>, pointer: &str, findings: &mut Findings<'_>) -> Option<Arc<str>> {
    match findings.read(name?, FILE_BYTES_MAX) {
        Ok(text) => Some(text),
        Err(fault) => {
            let message = format!("`{}` {}", fault.place.file, fault.message);
            let help = fault.help.unwrap_or_default();
            findings.error(pointer, fault.code, message, help);
            None
        }
    }
}

fn server_name(
    shape: &UpstreamTls,
    pointer: &str,
    host: &str,
    findings: &mut Findings<'_>,
) -> Option<ServerName<'static>> {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    let text = shape.name.as_deref().unwrap_or(literal);
    let name = ServerName::try_from(text.to_owned());
    if name.is_err() {
        let message = format!("`{text}` is not a name that a certificate can be for");
        let help = "write the host name or address that its certificate holds";
        findings.error(&child(pointer, "name"), "config_value", message, help);
    }
    name.ok()
}

fn offered(protocol: Protocol) -> &'static [&'static [u8]] {
    match protocol {
        Protocol::Auto => &[b"h2", b"http/1.1"],
        Protocol::Http1 => &[b"http/1.1"],
        Protocol::Http2 => &[b"h2"],
    }
}

const HELP: &str =
    "the files are PEM: `-----BEGIN CERTIFICATE-----`, `-----BEGIN PRIVATE KEY-----`";
const HEADER_BYTES: (Size, Size) = (Size(1 << 10), Size(1 << 20));
const FILE_BYTES_MAX: u64 = 256 * 1024;
