//! Where an upstream listens, what keeps it well, and who resolves names.

use super::listen::{self, timeout};
use crate::config::file::{self, Config, Upstream};
use crate::config::findings::Findings;
use crate::document::child;
use crate::forward::{Balance, Dns, Ejection, HealthCheck, Limits, Origin, Own, Retries};
use http::Uri;
use std::net::SocketAddr;

/// One place as it was written.
pub(super) struct Place {
    /// The pointer to its URL.
    pointer: String,
    /// Under TLS.
    pub(super) secure: bool,
    /// As the URL has it, with brackets.
    pub(super) host: String,
    pub(super) port: u16,
    weight: u32,
}

/// All places of an upstream, none of which is ourselves. `None`: there is no good one.
pub(super) fn places(
    shape: &Upstream,
    at: &str,
    own: &Own,
    findings: &mut Findings<'_>,
) -> Option<Vec<Place>> {
    let several = child(at, "endpoints");
    if shape.url.is_some() != shape.endpoints.is_empty() {
        let message = "an upstream has either a `url` or `endpoints`";
        let help = "write `url: http://127.0.0.1:9000`, or a list of such URLs as `endpoints`";
        findings.error(at, "config_value", message, help);
        return None;
    }
    let one = shape.url.iter().map(|url| (child(at, "url"), url, 1));
    let each = shape.endpoints.iter().enumerate();
    let each = each.map(|(n, one)| (format!("{several}/{n}/url"), &one.url, one.weight));
    let mut places = Vec::new();
    for (pointer, url, weight) in one.chain(each) {
        places.push(place(pointer, url, weight, own, findings)?);
    }
    let first = places.first()?;
    if let Some(other) = places.iter().find(|one| one.secure != first.secure) {
        let message = "some endpoints are under TLS and others are not";
        let help = "write all of them with `https://`, or none";
        findings.error(&other.pointer, "config_value", message, help);
    }
    let named = shape.tls.as_ref().is_some_and(|tls| tls.name.is_some());
    if let Some(other) = places.iter().find(|one| one.host != first.host)
        && first.secure
        && !named
    {
        let message = "endpoints of several names, and no name that all their certificates are for";
        let help = "say which as `tls: { name: .. }`, or make them upstreams of their own";
        findings.error(&other.pointer, "config_value", message, help);
    }
    Some(places)
}

fn place(
    pointer: String,
    url: &str,
    weight: u32,
    own: &Own,
    findings: &mut Findings<'_>,
) -> Option<Place> {
    let (secure, host, port) = match address(url) {
        Ok(found) => found,
        Err(why) => {
            let message = format!("`{url}` {why}");
            let help = "write it like `http://127.0.0.1:9000` or `https://api.internal:8443`";
            findings.error(&pointer, "config_url", message, help);
            return None;
        }
    };
    if let Some(listener) = leads_to(&host, port, own) {
        let message = format!("`{url}` leads back to our own listener `{listener}`");
        let help = "name the service behind, not Palisade itself";
        findings.error(&pointer, "upstream_is_own_listener", message, help);
    }
    Some(Place {
        pointer,
        secure,
        host,
        port,
        weight,
    })
}

impl Place {
    /// As connections and certificates want it.
    pub(super) fn origin(&self) -> Origin {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        Origin {
            host: host.into(),
            port: self.port,
            weight: self.weight,
        }
    }
}

/// Whether under TLS, and where.
pub(super) fn address(url: &str) -> Result<(bool, String, u16), &'static str> {
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

/// The port that a URL without one means.
pub(super) fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// Our listeners, as far as they are known before they are bound.
pub(super) fn own(config: &Config) -> Own {
    Own::new(listen::own(config).map(|(_, own)| own))
}

/// The listener of ours that `host` and `port` lead to, as far as literals tell (RULES 44). Where names
/// lead is looked at whenever they are resolved.
pub(super) fn leads_to(host: &str, port: u16, own: &Own) -> Option<SocketAddr> {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    let local = host.eq_ignore_ascii_case("localhost");
    let text = if local { "127.0.0.1" } else { literal };
    own.reached_by(SocketAddr::new(text.parse().ok()?, port))
}

/// Which of two endpoints gets a request.
pub(super) fn balance(shape: file::Balance) -> Balance {
    match shape {
        file::Balance::PeakEwma => Balance::PeakEwma,
        file::Balance::LeastRequest => Balance::LeastRequest,
    }
}

/// When a request is sent again.
pub(super) fn retries(shape: &file::Retries) -> Retries {
    Retries {
        max: shape.max,
        statuses: shape.statuses.clone(),
        percent: shape.budget_percent,
        floor: shape.budget_floor,
    }
}

/// When an endpoint is left out.
pub(super) fn ejection(shape: &file::Ejection, at: &str, findings: &mut Findings<'_>) -> Ejection {
    let at = child(at, "ejection");
    Ejection {
        failures: shape.failures,
        statuses: shape.statuses.clone(),
        base: timeout(findings, &child(&at, "time"), shape.time),
        max: timeout(findings, &child(&at, "max_time"), shape.max_time),
        percent: shape.max_ejected_percent,
    }
}

/// How endpoints are asked whether they are well.
pub(super) fn health(
    shape: Option<&file::Health>,
    at: &str,
    findings: &mut Findings<'_>,
) -> Option<HealthCheck> {
    let (shape, at) = (shape?, child(at, "health"));
    let Ok(path) = shape.path.parse() else {
        let message = format!("`{}` is not a path", shape.path);
        let help = "write it like `/healthz`";
        findings.error(&child(&at, "path"), "config_value", message, help);
        return None;
    };
    Some(HealthCheck {
        path,
        interval: timeout(findings, &child(&at, "interval"), shape.interval),
        timeout: timeout(findings, &child(&at, "timeout"), shape.timeout),
        healthy: shape.healthy,
        unhealthy: shape.unhealthy,
        expect: shape.expect.clone(),
    })
}

/// What an upstream may take.
pub(super) fn limits(shape: &file::UpstreamLimits) -> Limits {
    Limits {
        in_flight: shape.in_flight,
        pending: shape.pending,
        connections: shape.connections,
    }
}

/// Who resolves names, and how often.
pub(super) fn dns(shape: &file::Dns, findings: &mut Findings<'_>) -> Dns {
    let mut servers = Vec::new();
    for (n, text) in shape.servers.iter().enumerate() {
        if let Ok(server) = text.parse() {
            servers.push(server);
        } else {
            let message = format!("`{text}` is not an address and a port");
            let help = "write it like `10.96.0.10:53` or `[fd00::a]:53`";
            let pointer = format!("/dns/servers/{n}");
            findings.error(&pointer, "config_address", message, help);
        }
    }
    let refresh_min = timeout(findings, "/dns/refresh_min", shape.refresh_min);
    let refresh_max = timeout(findings, "/dns/refresh_max", shape.refresh_max);
    if refresh_min > refresh_max {
        let message = "`refresh_min` is longer than `refresh_max`";
        let help = "make it shorter, or leave both out";
        findings.error("/dns/refresh_min", "config_value", message, help);
    }
    Dns {
        servers,
        refresh_min,
        refresh_max,
        timeout: timeout(findings, "/dns/timeout", shape.timeout),
    }
}

#[cfg(test)]
mod tests;
