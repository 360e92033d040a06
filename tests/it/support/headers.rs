//! Every header that may leave the gate, in either direction. A name that is not here fails the test
//! in which it was seen: a leak cannot hide in a test that looks at something else.

/// Towards the upstream.
const FORWARDED: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "forwarded",
    "host",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "origin",
    "range",
    "referer",
    "sec-fetch-site",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-idempotency-key",
    "x-palisade-account",
    "x-palisade-actor",
    "x-palisade-actor",
    "x-palisade-assertion",
    "x-palisade-client-certificate",
    "x-palisade-catalog-workspace",
    "x-palisade-context",
    "x-palisade-lang",
    "x-palisade-platform",
    "x-palisade-principal",
    "x-palisade-request-id",
    "x-palisade-role",
    "x-palisade-timezone",
    "x-palisade-user",
    "x-palisade-workspace",
    "x-request-id",
    "x-workspace-id",
];

/// Towards the client.
const REPLIED: &[&str] = &[
    "accept-ranges",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "allow",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-type",
    "date",
    "etag",
    "expires",
    "grpc-message",
    "grpc-status",
    "keep-alive",
    "last-modified",
    "location",
    "referrer-policy",
    "retry-after",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "server",
    "set-cookie",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
    "x-palisade-request-id",
    "x-request-id",
];

/// What tests themselves send and answer begins with this.
pub(crate) const OF_TESTS: &str = "x-test-";

/// The first name that may not be forwarded.
pub(crate) fn unexpected_forwarded(fields: &[(String, String)]) -> Option<&str> {
    unexpected(fields, FORWARDED)
}

/// The first name that may not be in a reply.
pub(crate) fn unexpected_replied(fields: &[(String, String)]) -> Option<&str> {
    unexpected(fields, REPLIED)
}

fn unexpected<'a>(fields: &'a [(String, String)], known: &[&str]) -> Option<&'a str> {
    let names = fields.iter().map(|(name, _)| name.as_str());
    names.into_iter().find(|name| {
        let lower = name.to_ascii_lowercase();
        !lower.starts_with(OF_TESTS) && !known.contains(&lower.as_str())
    })
}
