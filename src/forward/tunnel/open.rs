//! Asks an upstream for a WebSocket, on a connection that carries nothing else before or after.

use super::Tunnel;
use super::handshake::{Answer, Handshake};
use crate::forward::body::RequestBody;
use crate::forward::dress::dress;
use crate::forward::error::{Error, broken};
use crate::forward::pool::Connection;
use crate::forward::upstream::{Upstream, Way};
use crate::head::Opening;
use http::{Request, Response};
use hyper::body::Incoming;
use std::sync::Arc;

/// What became of it.
pub(in crate::forward) enum Opened<'a> {
    /// A WebSocket, and what the client has to be told of it.
    Tunnel(Tunnel, Handshake<'a>),
    /// An ordinary reply.
    Declined(Connection),
}

impl Upstream {
    /// Sends the handshake. Whatever the answer is, the connection never goes back to the pool
    /// (RULES 45): what the upstream takes for frames must not come before another's request.
    pub(in crate::forward) async fn open<'a>(
        &self,
        mut request: Request<RequestBody>,
        opening: &'a Opening,
        way: &Way<'_>,
    ) -> Result<(Response<Incoming>, Opened<'a>), Error> {
        let name = &self.settings.name;
        let handshake = Handshake::ask(opening, request.headers_mut()).ok_or(Error::Keyless)?;
        dress(&mut request, &self.settings, false).ok_or(Error::Target)?;
        let mut connection = self.connect_alone(way.owner.clone()).await?.once();
        way.turn.upstreams();
        let answer = way.within(connection.sender.send_request(request)).await;
        let answer = answer.map_err(|late| self.late(late, way.limit))?;
        let mut reply = answer.map_err(|error| broken(name, &error, way.turn.take_lost()))?;
        let wrong = |what| Error::Handshake(Arc::clone(name), what);
        if let Answer::Declined = handshake.check(&reply).map_err(wrong)? {
            return Ok((reply, Opened::Declined(connection)));
        }
        let upgraded = hyper::upgrade::on(&mut reply).await;
        let upgraded = upgraded.map_err(|error| broken(name, &error, None))?;
        let tunnel = Tunnel::new(upgraded, self.settings.tunnel_timeout, &self.metrics);
        Ok((reply, Opened::Tunnel(tunnel, handshake)))
    }
}
