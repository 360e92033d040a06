//! A request's body: streamed as it comes, or read whole within a bound and given back for forwarding.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Version};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use std::error::Error as _;
use std::io::ErrorKind;
use std::time::Duration;

/// The longest body that references are read from (RULES 13).
pub const WHOLE_BYTES_MAX: usize = 64 * 1024;

/// What a client sends after its head.
#[derive(Debug)]
pub enum Sent {
    /// Passed on as it comes; nobody has looked into it.
    Stream(Incoming),
    /// Read to its end. In a box: what nearly every request has is moved about much, and stays small.
    Whole(Box<Whole>),
}

/// A body that was read to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// All of it.
    pub bytes: Bytes,
    /// What followed it.
    pub trailers: Option<HeaderMap>,
}

/// What a decision sees of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// There is none.
    Nothing,
    /// There is one, and nobody looked into it.
    Unread,
    /// All of it.
    Whole(&'a [u8]),
}

/// Why a body could not be read whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is longer than the bound.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// It did not end in time.
    #[error("not whole within {0:?}")]
    Slow(Duration),
    /// The client closed its connection inside it.
    #[error("the client went away inside it")]
    Gone,
    /// It is not HTTP.
    #[error("{0}")]
    Broken(String),
}

impl Sent {
    /// What a decision may see of it.
    pub fn seen(&self) -> Seen<'_> {
        match self {
            Self::Stream(body) if body.is_end_stream() => Seen::Nothing,
            Self::Stream(_) => Seen::Unread,
            Self::Whole(whole) if whole.bytes.is_empty() => Seen::Nothing,
            Self::Whole(whole) => Seen::Whole(&whole.bytes),
        }
    }
}

/// Reads `body` to its end: at most `bytes_max`, and `within` that time in all.
pub async fn read(
    body: Incoming,
    version: Version,
    bytes_max: usize,
    within: Duration,
) -> Result<Whole, Error> {
    // Refused by its announced length, before anything of it is asked for (`Expect`).
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(Error::TooLong(bytes_max));
    }
    tokio::time::timeout(within, collect(body, version, bytes_max))
        .await
        .unwrap_or(Err(Error::Slow(within)))
}

async fn collect(mut body: Incoming, version: Version, bytes_max: usize) -> Result<Whole, Error> {
    let mut bytes = BytesMut::new();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if is_gone(&error) {
                Error::Gone
            } else {
                Error::Broken(error.source().unwrap_or(&error).to_string())
            }
        })?;
        match frame.into_data() {
            Ok(data) if bytes.len() + data.len() > bytes_max => {
                return Err(Error::TooLong(bytes_max));
            }
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    if version == Version::HTTP_2 && is_cut(&body) {
        return Err(Error::Gone);
    }
    Ok(Whole {
        bytes: bytes.freeze(),
        trailers,
    })
}

/// Whether a body of HTTP/2 that has nothing more to give was cut. hyper takes a reset without an error
/// (`NO_ERROR`) for its end.
pub fn is_cut(body: &Incoming) -> bool {
    !body.is_end_stream()
}

/// Whether the peer closed its connection inside a body, and sent nothing wrong before.
pub fn is_gone(error: &hyper::Error) -> bool {
    let closed = |cause: &std::io::Error| {
        matches!(
            cause.kind(),
            ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
        )
    };
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    error.is_incomplete_message() || error.is_canceled() || cause.is_some_and(closed)
}
