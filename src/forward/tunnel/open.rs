//! Asks an upstream for a WebSocket, on a connection that carries nothing else before or after.

use super::Tunnel;
use super::handshake::{Answer, Handshake};
use crate::forward::body::RequestBody;
use crate::forward::dress::dress;
use crate::forward::error::{Error, broken};
use crate::forward::flight::Flight;
use crate::forward::member::Way;
use crate::forward::pool::{Connection, Lease};
use crate::forward::upstream::Upstream;
use crate::head::Opening;
use http::{Request, Response};
use hyper::body::Incoming;
use std::sync::Arc;
use tokio::time::Instant;

/// What became of it.
pub(in crate::forward) enum Opened<'a> {
    /// A WebSocket, and what the client has to be told of it.
    Tunnel(Tunnel, Handshake<'a>),
    /// An ordinary reply.
    Declined(Lease, Flight),
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
        let settings = self.settings();
        let name = &settings.name;
        let handshake = Handshake::ask(opening, request.headers_mut()).ok_or(Error::Keyless)?;
        dress(&mut request, settings, false).ok_or(Error::Target)?;
        let (mut connection, flight) = self.connect_somewhere(way).await?;
        let failed = |error: Error| {
            flight.failed(&self.service, &error, Instant::now());
            error
        };
        way.turn.upstreams();
        let answer = way.within(connection.sender.send_request(request)).await;
        let answer = answer.map_err(|late| failed(flight.member().late(late, way.limit)))?;
        let broke = |error| failed(broken(name, &error, way.turn.take_lost()));
        let mut reply = answer.map_err(broke)?;
        let wrong = |what| failed(Error::Handshake(Arc::clone(name), what));
        let answer = handshake.check(&reply).map_err(wrong)?;
        self.note(reply.status().as_u16(), &flight, Instant::now());
        if let Answer::Declined = answer {
            return Ok((reply, Opened::Declined(Lease::Alone(connection), flight)));
        }
        let upgraded = hyper::upgrade::on(&mut reply).await;
        let upgraded = upgraded.map_err(|error| broken(name, &error, None))?;
        let idle = way.idle.unwrap_or(settings.tunnel_timeout);
        let mut tunnel = Tunnel::new(upgraded, idle, &self.metrics);
        tunnel.hold(flight);
        Ok((reply, Opened::Tunnel(tunnel, handshake)))
    }

    /// A connection to the first endpoint that takes one. Nothing is sent meanwhile, so that another one may
    /// always be tried.
    async fn connect_somewhere(&self, way: &Way<'_>) -> Result<(Connection, Flight), Error> {
        let begun = Instant::now();
        let mut flight = self.depart(begun)?;
        let mut tried = Vec::new();
        loop {
            let opened = flight.member().connect_alone(&way.owner).await;
            let error = match opened {
                Ok(connection) => return Ok((connection.once(), flight)),
                Err(error) => error,
            };
            let now = Instant::now();
            flight.failed(&self.service, &error, now);
            tried.push(flight.member().endpoint.address);
            let next = self.choose(&tried, now)?;
            let over = !way.has_time(now.saturating_duration_since(begun), now);
            if over || error.failure().is_none() || tried.contains(&next.endpoint.address) {
                return Err(error);
            }
            flight.turn_to(next, now);
        }
    }
}
