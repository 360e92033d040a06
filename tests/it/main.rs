//! Palisade from outside: one binary of tests over real sockets. `tests/README.md` is the map.

#![expect(clippy::string_slice, reason = "a test may panic, and cuts ASCII only")]
#![expect(
    clippy::float_cmp,
    reason = "counts are whole numbers, and f64 holds them exactly"
)]
#![expect(
    clippy::format_push_string,
    reason = "small texts, read more often than run"
)]

#[cfg(test)]
mod access;
#[cfg(test)]
mod act_in;
#[cfg(test)]
mod acting;
#[cfg(test)]
mod admin;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod assertion;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod authentication;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod broken_upstreams;
#[cfg(test)]
mod caching;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod check;
#[cfg(test)]
mod cognito;
#[cfg(test)]
mod config;
#[cfg(test)]
mod cookies;
#[cfg(test)]
mod cors;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod editors;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod exhaustion;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod express;
#[cfg(test)]
mod fmt;
#[cfg(test)]
mod following;
#[cfg(test)]
mod forwarding;
#[cfg(test)]
mod grpc;
#[cfg(test)]
mod guides;
#[cfg(test)]
mod harness;
mod http2;
#[cfg(test)]
mod init;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod nginx;
#[cfg(test)]
mod oidc;
mod overlays;
#[cfg(test)]
mod panics;
#[cfg(test)]
mod promote;
#[cfg(test)]
mod prove;
#[cfg(test)]
mod proxy_protocol;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod resting;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod shadow;
#[cfg(test)]
mod slow_clients;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod transparent;
#[cfg(test)]
mod transport;
#[cfg(test)]
mod upstreams;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod volume;
#[cfg(test)]
mod websocket;
