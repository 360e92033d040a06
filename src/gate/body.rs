//! Bodies that are read before the decision: those of routes whose references may stand in them.

use super::refusal::Refusal;
use super::serve::Shared;
use crate::body::{self, Sent};
use crate::limit::Room;
use crate::token::Caller;
use http::Version;
use hyper::body::{Body as _, Incoming};
use std::time::Duration;

/// The whole body, and the room that it takes: of the caller's account, and after its limits.
pub(super) async fn read(
    shared: &Shared,
    caller: &Caller,
    (body, version): (Incoming, Version),
    within: Duration,
) -> Result<(Sent, Option<Room>), Refusal> {
    if body.is_end_stream() {
        return Ok((Sent::Stream(body), None));
    }
    let announced = body.size_hint().exact();
    let bytes = announced.and_then(|bytes| usize::try_from(bytes).ok());
    let bytes = bytes.map_or(body::WHOLE_BYTES_MAX, |bytes| {
        bytes.min(body::WHOLE_BYTES_MAX)
    });
    let room = shared.bodies.take(caller.account(), bytes)?;
    let whole = body::read(body, version, body::WHOLE_BYTES_MAX, within).await?;
    Ok((Sent::Whole(Box::new(whole)), Some(room)))
}
