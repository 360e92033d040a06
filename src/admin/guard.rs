//! Who may use the control listener: the right Host, no foreign Origin, the token (RULES 44).

use super::ControlToken;
use super::problem::Problem;
use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::net::IpAddr;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(super) struct Guard {
    token: ControlToken,
    hosts: Vec<String>,
    own: IpAddr,
}

impl Guard {
    pub(super) fn new(token: ControlToken, hosts: Vec<String>, own: IpAddr) -> Self {
        Self { token, hosts, own }
    }

    fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let host = single(headers, header::HOST).ok_or(Problem::Host)?;
        let host = std::str::from_utf8(host).map_err(|_| Problem::Host)?;
        let contradicted = uri
            .authority()
            .is_some_and(|authority| !authority.as_str().eq_ignore_ascii_case(host));
        if contradicted || !self.knows(host) {
            return Err(Problem::Host);
        }
        if headers.contains_key(header::ORIGIN) {
            let origin = single(headers, header::ORIGIN).ok_or(Problem::Origin)?;
            if !same_site(origin, host) {
                return Err(Problem::Origin);
            }
        }
        let credential = single(headers, header::AUTHORIZATION).ok_or(Problem::Token)?;
        let token = bearer(credential).ok_or(Problem::Token)?;
        if self.token.is(token) {
            Ok(())
        } else {
            Err(Problem::Token)
        }
    }

    /// A name that the configuration does not list may be anybody's who points it here: DNS
    /// rebinding. An address cannot be pointed elsewhere.
    fn knows(&self, host: &str) -> bool {
        let name = without_port(host);
        if name.eq_ignore_ascii_case("localhost") {
            return true;
        }
        let literal = name
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = literal.unwrap_or(name).parse::<IpAddr>() {
            let address = address.to_canonical();
            if address.is_loopback() || (address == self.own && !address.is_unspecified()) {
                return true;
            }
        }
        self.hosts
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name) || known.eq_ignore_ascii_case(host))
    }
}

/// Refuses what may not pass; on the listener's unknown paths too, so that a stranger learns nothing.
pub(super) async fn control(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    if let Err(problem) = guard.admit(request.uri(), request.headers()) {
        return problem.into_response();
    }
    let mut reply = next.run(request).await;
    let headers = reply.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    reply
}

/// Refuses requests with a body, on both listeners: none that passes here has a use for one.
pub(super) async fn bodiless(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        next.run(request).await
    } else {
        Problem::Body.into_response()
    }
}

fn single(headers: &HeaderMap, name: header::HeaderName) -> Option<&[u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn same_site(origin: &[u8], host: &str) -> bool {
    let site = origin
        .strip_prefix(b"http://")
        .or_else(|| origin.strip_prefix(b"https://"));
    site.is_some_and(|site| site.eq_ignore_ascii_case(host.as_bytes()))
}

fn bearer(credential: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = credential.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_hosts_are_known() {
        let token = ControlToken::random().unwrap();
        let own = "10.0.0.7".parse().unwrap();
        let guard = Guard::new(token, vec!["gate.internal".to_owned()], own);
        for known in [
            "localhost",
            "LocalHost:9902",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:9902",
            "[::ffff:127.0.0.1]",
            "gate.internal:9902",
            "Gate.Internal",
            "10.0.0.7:9902",
        ] {
            assert!(guard.knows(known), "{known}");
        }
        for strange in [
            "",
            ":9902",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost.",
            "10.0.0.8",
            "0.0.0.0:9902",
            "[::]",
            "user@localhost",
            "localhost:9902:x",
        ] {
            assert!(!guard.knows(strange), "{strange}");
        }
    }

    #[test]
    fn a_wildcard_listener_makes_no_address_its_own() {
        let token = ControlToken::random().unwrap();
        let guard = Guard::new(token, Vec::new(), "0.0.0.0".parse().unwrap());
        assert!(!guard.knows("0.0.0.0:9902"));
        assert!(!guard.knows("10.0.0.7:9902"));
    }
}
