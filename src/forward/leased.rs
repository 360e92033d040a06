//! How a reply ends whose lease is revoked: so that nobody takes it for whole.

use super::body::Error;
use crate::lease::{Ended, Lease};
use crate::reason::Reason;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use std::task::{Context, Poll};

/// How a reply is ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// HTTP/1 closes the connection without a last chunk, HTTP/2 resets the stream.
    Abort,
    /// Between two events it ends as it might have ended anyway: a reader takes each event on its own.
    /// Inside of one it is aborted.
    BetweenEvents,
    /// With a status in trailers: gRPC.
    Status,
}

/// A lease, and what its end has to look like.
pub(super) struct Leased {
    lease: Lease,
    cut: Cut,
    /// No event is half sent.
    between: bool,
    /// The end has been told.
    over: bool,
}

impl Leased {
    pub(super) fn new(lease: Lease, cut: Cut) -> Self {
        Self {
            lease,
            cut,
            between: true,
            over: false,
        }
    }

    pub(super) fn tell(&self, how: Ended) {
        self.lease.ended(how);
    }

    /// Looks at what goes to the client.
    pub(super) fn pass(&mut self, frame: &Frame<Bytes>) {
        let Some(data) = frame.data_ref().filter(|data| !data.is_empty()) else {
            return;
        };
        self.between = EVENT_ENDS.iter().any(|end| data.ends_with(end));
    }

    /// Ready once the lease is revoked: the last that the client gets.
    pub(super) fn poll_end(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.lease.poll_revoked(cx).map(|reason| {
            if std::mem::replace(&mut self.over, true) {
                return None;
            }
            match self.cut {
                Cut::BetweenEvents if self.between => None,
                Cut::Abort | Cut::BetweenEvents => Some(Err(Error::Revoked(reason))),
                Cut::Status => {
                    let mut trailers = HeaderMap::new();
                    grpc_status(reason, &mut trailers);
                    Some(Ok(Frame::trailers(trailers)))
                }
            }
        })
    }
}

/// What gRPC gets of a refusal, in trailers or in a head without a body.
pub fn grpc_status(reason: Reason, fields: &mut HeaderMap) {
    let row = reason.row();
    fields.insert("grpc-status", HeaderValue::from(u16::from(row.grpc_status)));
    fields.insert("grpc-message", HeaderValue::from_static(row.code));
}

/// An event ends with an empty line; lines end in any of three ways.
const EVENT_ENDS: [&[u8]; 3] = [b"\n\n", b"\r\n\r\n", b"\r\r"];
