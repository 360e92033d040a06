//! `upstreams`: addresses that are not our own.

use super::listen::{self, timeout};
use super::transport;
use crate::config::file::{Config, Pool, Upstream};
use crate::config::findings::Findings;
use crate::document::child;
use crate::forward::{Authority, PoolMode, UpstreamSettings};
use http::Uri;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// All upstreams that make sense.
pub(super) fn resolve(config: &Config, findings: &mut Findings<'_>) -> Vec<UpstreamSettings> {
    let own: Vec<SocketAddr> = listen::own(config).map(|(_, own)| own).collect();
    let each = config.upstreams.iter();
    each.filter_map(|(name, shape)| one(name, shape, &own, findings))
        .collect()
}

fn one(
    name: &str,
    shape: &Upstream,
    own: &[SocketAddr],
    findings: &mut Findings<'_>,
) -> Option<UpstreamSettings> {
    let at = child("/upstreams", name);
    let url = child(&at, "url");
    let (secure, host, port) = match address(&shape.url) {
        Ok(found) => found,
        Err(why) => {
            let message = format!("`{}` {why}", shape.url);
            let help = "write it like `http://127.0.0.1:9000` or `https://api.internal:8443`";
            findings.error(&url, "config_url", message, help);
            return None;
        }
    };
    if let Some(listener) = own
        .iter()
        .find(|listener| leads_to(&host, port, **listener))
    {
        let message = format!(
            "`{}` leads back to our own listener `{listener}`",
            shape.url
        );
        let help = "name the service behind, not Palisade itself";
        findings.error(&url, "upstream_is_own_listener", message, help);
    }
    let authority = shape
        .authority
        .clone()
        .unwrap_or_else(|| shown(secure, &host, port));
    let times = |key: &str| format!("{at}/timeouts/{key}");
    Some(UpstreamSettings {
        connect_timeout: timeout(findings, &times("connect"), shape.timeouts.connect),
        response_timeout: timeout(findings, &times("response"), shape.timeouts.response),
        idle_timeout: timeout(findings, &times("idle"), shape.timeouts.idle),
        tunnel_timeout: timeout(findings, &times("tunnel"), shape.timeouts.tunnel),
        audience: audience(shape, &child(&at, "audience"), findings),
        forward_token: shape.forward_token,
        idle_connections_max: usize::from(shape.idle_connections_max),
        protocol: transport::protocol(shape.protocol),
        ping: transport::ping(&shape.http2, &at, findings),
        tls: transport::tls(shape, (&at, &host), secure, findings),
        header_bytes_max: transport::header_bytes_max(shape, &at, findings),
        pool: match shape.pool {
            Pool::Shared => PoolMode::Shared,
            Pool::PerAccount => PoolMode::PerAccount,
        },
        authority: authority_value(findings, &child(&at, "authority"), &authority)?,
        name: name.into(),
        host,
        port,
    })
}

fn audience(shape: &Upstream, pointer: &str, findings: &mut Findings<'_>) -> Option<Arc<str>> {
    let audience = shape.audience.as_deref()?;
    super::assertion::absolute_uri(audience, pointer, findings);
    Some(audience.into())
}

/// Whether under TLS, and where.
fn address(url: &str) -> Result<(bool, String, u16), &'static str> {
    let uri: Uri = url.parse().map_err(|_| "is not a URL")?;
    let secure = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err("is neither an http nor an https URL"),
    };
    let authority = uri.authority().ok_or("has no host")?;
    if authority.as_str().contains('@') {
        return Err("holds a user, which is not sent");
    }
    if uri.path() != "/" || uri.query().is_some() || url.contains('#') {
        return Err("has a path or query, which the request's own replaces");
    }
    // `Authority::port` reads a port out of range as none.
    let port = match authority.as_str().strip_prefix(authority.host()) {
        None | Some("") => default_port(secure),
        Some(port) => {
            let digits = port.strip_prefix(':').unwrap_or_default();
            digits.parse().map_err(|_| "has no valid port")?
        }
    };
    if authority.host().is_empty() || port == 0 {
        return Err("needs a host and a port");
    }
    Ok((secure, authority.host().to_owned(), port))
}

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// Host and port as clients of the service itself would write them.
fn shown(secure: bool, host: &str, port: u16) -> String {
    if secure && port == default_port(secure) {
        return host.to_owned();
    }
    format!("{host}:{port}")
}

fn authority_value(findings: &mut Findings<'_>, pointer: &str, text: &str) -> Option<Authority> {
    let value = Authority::parse(text);
    if value.is_none() {
        let message = format!("`{text}` is not a host");
        let help = "write it like `api.internal` or `api.internal:8443`";
        findings.error(pointer, "config_value", message, help);
    }
    value
}

/// Whether connecting to `host` and `port` reaches `listener`, as far as literals tell (RULES 44).
fn leads_to(host: &str, port: u16, listener: SocketAddr) -> bool {
    if port != listener.port() {
        return false;
    }
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = match literal.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical(),
        Err(_) if host.eq_ignore_ascii_case("localhost") => IpAddr::from([127, 0, 0, 1]),
        Err(_) => return false,
    };
    let here = listener.ip().to_canonical();
    let local = ip.is_loopback() || ip.is_unspecified();
    ip == here || (local && (here.is_unspecified() || here.is_loopback()))
}

#[cfg(test)]
mod tests;
