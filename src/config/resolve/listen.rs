//! `listen` and `admin`: addresses, bounds and the control token.

use super::transparent;
use crate::admin::{self, ControlToken};
use crate::clock::{TIMEOUT_MAX, TIMEOUT_MIN};
use crate::config::file::{Admin, Config, Limits, Listen, Timeouts};
use crate::config::findings::Findings;
use crate::config::units::{Cap, Duration, Rate, SecretRef, Size};
use crate::head::HostList;
use crate::limit::BodyLimits;
use crate::{limit, listener};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Where clients are served.
pub(super) fn listen(config: &Config, findings: &mut Findings<'_>) -> listener::Settings {
    let shape = &config.listen;
    let timeouts = &shape.timeouts;
    let at = |key: &str| format!("/listen/timeouts/{key}");
    let limits = &shape.limits;
    let head_bytes = limits.target_bytes.0.saturating_add(limits.header_bytes.0);
    timeout(findings, &at("body"), timeouts.body);
    listener::Settings {
        workers: workers(shape.workers),
        connections_max: limits.connections.map(|max| max as usize),
        tls: tls(shape, findings),
        handshake_timeout: timeout(findings, &at("handshake"), timeouts.handshake),
        head_timeout: timeout(findings, &at("head"), timeouts.head),
        idle_timeout: timeout(findings, &at("idle"), timeouts.idle),
        drain_delay: delay(findings, &at("drain_delay"), timeouts.drain_delay),
        write_timeout: timeout(findings, &at("write"), timeouts.write),
        drain_timeout: timeout(findings, &at("drain"), timeouts.drain),
        // The server's own bounds lie above ours: it answers without a reason and without a record.
        head_bytes_max: bytes(Size(head_bytes.saturating_mul(2).saturating_add(8 << 10))),
        header_count_max: usize::from(limits.header_count) * 2,
        proxy_protocol: proxy_protocol(shape, findings),
        transparent: transparent::resolve(config, findings),
        http: http(shape, findings),
    }
}

/// Where plain HTTP is served. Nothing at all cannot be meant.
fn http(shape: &Listen, findings: &mut Findings<'_>) -> Option<SocketAddr> {
    if shape.http.is_none() && shape.tls.is_none() {
        let message = "neither `http` nor `tls` says where clients are served";
        let help = "say `http: 127.0.0.1:8080`, or serve `tls`";
        findings.error("/listen", "config_missing_key", message, help);
    }
    let text = shape.http.as_ref()?;
    address(findings, "/listen/http", text)
}

/// The fewest bytes of a body in a second.
pub(super) fn body_rate(shape: &Timeouts, findings: &mut Findings<'_>) -> u32 {
    let given = shape.body_rate;
    if given > BODY_RATE_MAX {
        let message = format!("`{given}` in a second is more than {BODY_RATE_MAX}");
        let help = "write a rate that every honest client reaches, like `128B`, or `0B` for none";
        let pointer = "/listen/timeouts/body_rate";
        findings.error(pointer, "config_value", message, help);
    }
    u32::try_from(given.0).unwrap_or(u32::MAX)
}

/// Who must begin with a PROXY header.
fn proxy_protocol(shape: &Listen, findings: &mut Findings<'_>) -> Option<listener::ProxyProtocol> {
    let shape = shape.proxy_protocol.as_ref()?;
    let from = networks("/listen/proxy_protocol/from", &shape.from, findings);
    Some(listener::ProxyProtocol { from })
}

/// Where TLS is served. What it is served with, `certificates` reads.
fn tls(shape: &Listen, findings: &mut Findings<'_>) -> Option<SocketAddr> {
    let tls = shape.tls.as_ref()?;
    if tls.client_crl.is_some() && tls.client_ca.is_none() {
        let message = "no client is asked for a certificate that could be revoked";
        let help = "name the authorities in `client_ca`, or remove this key";
        findings.error("/listen/tls/client_crl", "config_value", message, help);
    }
    address(findings, "/listen/tls/address", &tls.address)
}

/// Limits of each network address.
pub(super) fn peers(shape: &Listen) -> limit::PeerSettings {
    let told_apart = !shape.trusted_proxies.is_empty() || shape.proxy_protocol.is_some();
    let peers = &shape.peers;
    let default = Cap(told_apart.then_some(PEER_REQUESTS));
    let rate = |cap: Cap, burst: Option<u32>| {
        cap.0.map(|Rate(per_second)| limit::Rate {
            per_second,
            burst: burst.unwrap_or_else(|| per_second.saturating_mul(2)),
        })
    };
    limit::PeerSettings {
        requests: rate(peers.requests.unwrap_or(default), peers.burst),
        signatures: rate(peers.signatures, peers.signatures_burst),
        connections: match peers.connections {
            Some(0) => None,
            Some(given) => Some(given as usize),
            None => (!shape.trusted_proxies.is_empty()).then_some(PEER_CONNECTIONS),
        },
    }
}

/// As a number of bytes in memory.
pub(super) fn bytes(size: Size) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}

/// Bounds that keep requests in memory small whatever is configured.
pub(super) fn limits(shape: &Limits, findings: &mut Findings<'_>) {
    let mut bounded = |key: &str, given: Size, (least, most): (Size, Size)| {
        if given < least || given > most {
            let message = format!("`{given}` is not between {least} and {most}");
            let help = format!("write `{least}` to `{most}`");
            findings.error(
                &format!("/listen/limits/{key}"),
                "config_value",
                message,
                help,
            );
        }
    };
    bounded("target_bytes", shape.target_bytes, TARGET_BYTES);
    bounded("header_bytes", shape.header_bytes, HEADER_BYTES);
    bounded("body_bytes", shape.body_bytes, BODY_BYTES);
    bounded(
        "account_body_bytes",
        shape.account_body_bytes,
        ACCOUNT_BODY_BYTES,
    );
}

/// Room for bodies that are read whole.
pub(super) fn bodies(shape: &Limits) -> BodyLimits {
    BodyLimits {
        bytes_max: bytes(shape.body_bytes),
        account_bytes_max: bytes(shape.account_body_bytes),
    }
}

/// Networks whose word on addresses is believed.
pub(super) fn networks(key: &str, texts: &[String], findings: &mut Findings<'_>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let pointer = format!("{key}/{at}");
        let address = text.parse::<IpAddr>().map(IpNet::from);
        match text.parse::<IpNet>().or(address) {
            Ok(network) if network.prefix_len() == 0 => {
                let message = format!("`{text}` trusts every client to name its own address");
                findings.error(
                    &pointer,
                    "config_value",
                    message,
                    "name the networks of your proxies",
                );
            }
            Ok(network) => networks.push(network),
            Err(_) => {
                let message = format!("`{text}` is not a network");
                findings.error(
                    &pointer,
                    "config_value",
                    message,
                    "write it like `10.0.0.0/8` or `fd00::/8`",
                );
            }
        }
    }
    networks
}

/// Where Palisade itself is observed and controlled.
pub(super) fn admin(shape: &Admin, findings: &mut Findings<'_>) -> Option<admin::Settings> {
    let metrics = address(findings, "/admin/metrics", &shape.metrics);
    let control = address(findings, "/admin/control", &shape.control);
    for (at, host) in shape.hosts.iter().enumerate() {
        let pointer = format!("/admin/hosts/{at}");
        if host == "*" || HostList::new([host.as_str()]).is_err() {
            let message = format!("`{host}` is not a host");
            findings.error(
                &pointer,
                "config_value",
                message,
                "write it like `palisade.internal`",
            );
        }
    }
    let token = if let Some(named) = &shape.token {
        let help = "make one with `head -c 32 /dev/urandom | base64`";
        let text = secret(findings, "/admin/token", named, SECRET_BYTES_MAX);
        text.and_then(|text| {
            findings.keep(
                "/admin/token",
                "config_secret",
                ControlToken::new(&text),
                help,
            )
        })
    } else {
        let help = "say `token: file:secrets/control-token`";
        findings.keep("/admin", "config_secret", ControlToken::random(), help)
    };
    Some(admin::Settings {
        metrics: metrics?,
        control: Some(admin::Control {
            address: control?,
            token: token?,
            hosts: shape.hosts.clone(),
        }),
    })
}

/// Every address that the configuration gives to Palisade itself, as far as it is one, with its key.
pub(super) fn own(config: &Config) -> impl Iterator<Item = (String, SocketAddr)> {
    let (listen, admin) = (&config.listen, &config.admin);
    let http = listen.http.iter().map(|text| ("/listen/http", text));
    let tls = listen.tls.iter();
    let tls = tls.map(|tls| ("/listen/tls/address", &tls.address));
    let admin = [
        ("/admin/metrics", &admin.metrics),
        ("/admin/control", &admin.control),
    ];
    let fixed = http.chain(tls).chain(admin);
    let fixed = fixed.map(|(pointer, text)| (pointer.to_owned(), text));
    let redirected = transparent::texts(listen.transparent.as_ref());
    let all = fixed.chain(redirected);
    all.filter_map(|(pointer, text)| Some((pointer, text.parse().ok()?)))
}

/// No two listeners on one address.
pub(super) fn distinct(config: &Config, findings: &mut Findings<'_>) {
    let mut taken: Vec<(SocketAddr, String)> = Vec::new();
    for (pointer, own) in own(config) {
        let same = |(other, _): &&(SocketAddr, String)| own.port() != 0 && *other == own;
        if let Some((_, first)) = taken.iter().find(same) {
            let line = findings.document().line(first);
            let message = format!("`{own}` is taken already ({line})");
            findings.error(
                &pointer,
                "config_address_taken",
                message,
                "choose another port",
            );
        }
        taken.push((own, pointer));
    }
}

/// A literal address and port; names are not looked up, because they may lead elsewhere tomorrow.
pub(super) fn address(
    findings: &mut Findings<'_>,
    pointer: &str,
    text: &str,
) -> Option<SocketAddr> {
    let parsed = text.parse::<SocketAddr>();
    if parsed.is_err() {
        let message = format!("`{text}` is not an address with a port");
        let help = "write it like `127.0.0.1:8080`, `0.0.0.0:8080` or `[::1]:8080`";
        findings.error(pointer, "config_value", message, help);
    }
    parsed.ok()
}

/// A time to wait: never none, never for ever.
pub(super) fn timeout(
    findings: &mut Findings<'_>,
    pointer: &str,
    given: Duration,
) -> std::time::Duration {
    if !(TIMEOUT_MIN..=TIMEOUT_MAX).contains(&given.0) {
        let message = format!("`{given}` is not between 1ms and 1h");
        findings.error(
            pointer,
            "config_value",
            message,
            "write a time like `500ms`, `5s` or `10m`",
        );
    }
    given.0
}

/// A time that others are given: perhaps none.
fn delay(findings: &mut Findings<'_>, pointer: &str, given: Duration) -> std::time::Duration {
    if given.0.is_zero() {
        return given.0;
    }
    timeout(findings, pointer, given)
}

fn workers(given: Option<u16>) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    given.map_or_else(processors, usize::from)
}

/// The text of a secret, wherever it is kept.
pub(super) fn secret(
    findings: &mut Findings<'_>,
    pointer: &str,
    named: &SecretRef,
    bytes_max: u64,
) -> Option<Arc<str>> {
    let read = crate::config::secret::read(named, findings.folder(), findings.disk(), bytes_max);
    read.map_err(|fault| {
        let message = format!("`{}` {}", fault.place.file, fault.message);
        let help = fault.help.unwrap_or_default();
        findings.error(pointer, "config_secret", message, help);
    })
    .ok()
}

const TARGET_BYTES: (Size, Size) = (Size(1), Size(32 << 10));
const HEADER_BYTES: (Size, Size) = (Size(1), Size(256 << 10));
const BODY_BYTES: (Size, Size) = (Size(1 << 20), Size(16 << 30));
/// Room for one whole body at least: less would refuse every one of them.
const ACCOUNT_BODY_BYTES: (Size, Size) = (Size(64 << 10), Size(16 << 30));
/// A large office behind one address stays below it; a script on one machine does not.
const PEER_REQUESTS: Rate = Rate(1000);
/// A large office behind one address stays below it, browsers included.
const PEER_CONNECTIONS: usize = 1000;
const BODY_RATE_MAX: Size = Size(1 << 20);
const SECRET_BYTES_MAX: u64 = 4096;
