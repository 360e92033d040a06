//! A request's first line, host and frame, as the protocol of its connection writes them.

use super::{Authority, UpstreamSettings};
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Parts, Scheme};
use http::{Request, Uri, Version};
use hyper::body::Body;

/// Makes `request` fit for HTTP/2 (`stream`) or HTTP/1.1, whatever it was fit for before. `None`: its
/// target makes no URI, which the head's reading excludes.
pub(super) fn dress<B: Body>(
    request: &mut Request<B>,
    settings: &UpstreamSettings,
    stream: bool,
) -> Option<()> {
    if stream {
        for_http2(request, settings)
    } else {
        for_http1(request, &settings.authority)
    }
}

fn for_http1<B: Body>(request: &mut Request<B>, authority: &Authority) -> Option<()> {
    *request.version_mut() = Version::HTTP_11;
    if request.uri().authority().is_some() {
        let mut parts = Parts::default();
        parts.path_and_query = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from_parts(parts).ok()?;
    }
    let length = request.body().size_hint().exact();
    let headers = request.headers_mut();
    headers.insert(header::HOST, authority.header.clone());
    frame(headers, length);
    Some(())
}

/// The host stands in `:authority`, and only there: two could differ. Frames say where the body ends.
fn for_http2<B: Body>(request: &mut Request<B>, settings: &UpstreamSettings) -> Option<()> {
    *request.version_mut() = Version::HTTP_2;
    let mut parts = Parts::default();
    parts.path_and_query = request.uri().path_and_query().cloned();
    parts.authority = Some(settings.authority.uri.clone());
    parts.scheme = Some(match settings.tls {
        Some(_) => Scheme::HTTPS,
        None => Scheme::HTTP,
    });
    *request.uri_mut() = Uri::from_parts(parts).ok()?;
    let length = request.body().size_hint().exact();
    let headers = request.headers_mut();
    headers.remove(header::HOST);
    headers.remove(header::TRANSFER_ENCODING);
    one_spelling(headers, length);
    Some(())
}

/// Says where the body ends.
fn frame(headers: &mut HeaderMap, length: Option<u64>) {
    if length.is_some() {
        one_spelling(headers, length);
    } else {
        // hyper frames a GET's body of unknown length only where the header asks for it, and would drop
        // the body.
        let chunked = HeaderValue::from_static("chunked");
        headers.insert(header::TRANSFER_ENCODING, chunked);
    }
}

/// `010` is 10 here, and 8 to readers that take it for octal.
fn one_spelling(headers: &mut HeaderMap, length: Option<u64>) {
    let name = header::CONTENT_LENGTH;
    if let Some(length) = length.filter(|_| headers.contains_key(&name)) {
        headers.insert(name, HeaderValue::from(length));
    }
}
