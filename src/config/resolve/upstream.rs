//! `upstreams`: the services behind, one by one.

use super::endpoints::{self, Place};
use super::listen::timeout;
use super::transport;
use crate::config::file::{Config, Pool, Upstream};
use crate::config::findings::Findings;
use crate::document::child;
use crate::forward::{Authority, Own, PoolMode, UpstreamSettings};
use std::sync::Arc;

/// All upstreams that make sense.
pub(super) fn resolve(config: &Config, findings: &mut Findings<'_>) -> Vec<UpstreamSettings> {
    let own = endpoints::own(config);
    let each = config.upstreams.iter();
    each.filter_map(|(name, shape)| one(name, shape, &own, findings))
        .collect()
}

fn one(
    name: &str,
    shape: &Upstream,
    own: &Own,
    findings: &mut Findings<'_>,
) -> Option<UpstreamSettings> {
    let at = child("/upstreams", name);
    let places = endpoints::places(shape, &at, own, findings)?;
    let first = places.first()?;
    let authority = shape.authority.clone().unwrap_or_else(|| shown(first));
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
        tls: transport::tls(shape, (name, &at, &first.host), first.secure, findings),
        header_bytes_max: transport::header_bytes_max(shape, &at, findings),
        pool: match shape.pool {
            Pool::Shared => PoolMode::Shared,
            Pool::PerAccount => PoolMode::PerAccount,
        },
        authority: authority_value(findings, &child(&at, "authority"), &authority)?,
        name: name.into(),
        origins: places.iter().map(Place::origin).collect(),
        balance: endpoints::balance(shape.balance),
        retries: endpoints::retries(&shape.retries),
        ejection: endpoints::ejection(&shape.ejection, &at, findings),
        health: endpoints::health(shape.health.as_ref(), &at, findings),
        limits: endpoints::limits(&shape.limits),
    })
}

fn audience(shape: &Upstream, pointer: &str, findings: &mut Findings<'_>) -> Option<Arc<str>> {
    let audience = shape.audience.as_deref()?;
    super::assertion::absolute_uri(audience, pointer, findings);
    Some(audience.into())
}

/// Host and port as clients of the service itself would write them.
fn shown(place: &Place) -> String {
    let Place {
        secure, host, port, ..
    } = place;
    if *secure && *port == endpoints::default_port(*secure) {
        return host.clone();
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
