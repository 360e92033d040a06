//! What a reply says to its client: nothing of the hop behind, nothing that only the gate may say, and
//! whose it is.

use super::{Annotate, is_hop_by_hop, remove_where, strip_nominated};
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};

/// The reply's fields as the client gets them: no hop-by-hop, nothing under the annotation prefix
/// but our own request id.
pub fn clean_reply(headers: &mut HeaderMap, rules: &Annotate, request_id: &HeaderValue) {
    strip_nominated(headers);
    remove_where(headers, |name| is_hop_by_hop(name) || rules.is_own(name));
    headers.insert(rules.request_id().clone(), request_id.clone());
}

/// Whether a reply's body is coded for this hop in another way than by chunks, which are taken off here:
/// nobody asked for that, and nobody would tell the client.
pub(in crate::forward) fn is_coded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).into_iter();
    let chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    codings.next().is_some_and(|first| !chunked(first)) || codings.next().is_some()
}

/// Leaves a reply the one length that it has. Beside chunks, and where there is no body, it says nothing
/// (RFC 9112, section 6.3); equal ones in a list are one.
pub(in crate::forward) fn settle_length(status: StatusCode, headers: &mut HeaderMap) {
    let name = header::CONTENT_LENGTH;
    if headers.contains_key(header::TRANSFER_ENCODING) || status == StatusCode::NO_CONTENT {
        headers.remove(name);
        return;
    }
    let mut all = headers.get_all(&name).into_iter();
    let Some(first) = all.next() else { return };
    let plain = first.as_bytes().iter().all(u8::is_ascii_digit);
    if plain && all.next().is_none() {
        return;
    }
    let text = first.to_str().unwrap_or_default().split(',').next();
    match text.and_then(|text| text.trim().parse::<u64>().ok()) {
        Some(length) => drop(headers.insert(name, HeaderValue::from(length))),
        None => drop(headers.remove(name)),
    }
}

/// Keeps caches from giving one caller's reply to another (RULES 46).
pub(in crate::forward) fn keep_private(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    }
    if headers.contains_key(header::VARY) {
        vary(headers, "Authorization");
        vary(headers, "Cookie");
    } else {
        let both = HeaderValue::from_static("Authorization, Cookie");
        headers.insert(header::VARY, both);
    }
}

/// Makes caches keep replies apart by that field of the request, if they do not already.
pub fn vary(headers: &mut HeaderMap, name: &'static str) {
    if !varies_by(headers, name) {
        headers.append(header::VARY, HeaderValue::from_static(name));
    }
}

/// Whether a cache already keeps replies apart by that field: it is listed, or `*` says that no two
/// requests are alike (RFC 9110, section 12.5.5).
fn varies_by(headers: &HeaderMap, name: &str) -> bool {
    let lines = headers.get_all(header::VARY).iter();
    let words = lines
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let mut words = words.map(str::trim);
    words.any(|word| word == "*" || word.eq_ignore_ascii_case(name))
}
