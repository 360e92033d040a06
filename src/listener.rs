//! The data port: workers, each with its own thread, runtime, listening socket and connections, so
//! that a request never changes threads.

mod accept;
mod closing;
mod connection;
mod crowd;
mod door;
mod handshake;
mod http1;
mod http2;
mod patience;
mod preface;
mod proxy;
mod rest;
mod transparent;
mod tunnel;
mod vouched;
mod worker;

pub use proxy::ProxyProtocol;
pub use transparent::Transparent;
pub use worker::{Bound, bind};

use std::net::SocketAddr;
use std::time::Duration;

/// How clients are listened to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address and port; port 0 picks a free one. `None`: plain HTTP is not served.
    pub http: Option<SocketAddr>,
    /// Where the kernel leads connections that were going elsewhere; `None`: nowhere.
    pub transparent: Option<Transparent>,
    /// The same for TLS; `None`: none is served.
    pub tls: Option<SocketAddr>,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// Connections of all workers together; `None`: as many as descriptors allow.
    pub connections_max: Option<usize>,
    /// Worker threads. At least 1.
    pub workers: usize,
    /// Whose connections begin with a PROXY header; `None`: nobody's.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// How long a client may take to send a head.
    pub head_timeout: Duration,
    /// How long a connection may be kept without a request.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub write_timeout: Duration,
    /// The most bytes of one head that hyper reads; above our own limits, so that ours answer.
    pub head_bytes_max: usize,
    /// The most header fields that hyper reads; above our own limit.
    pub header_count_max: usize,
    /// How long new connections are still taken once it is known that this process ends: whoever sends
    /// them needs time to notice.
    pub drain_delay: Duration,
    /// How long requests in flight may take to end once draining began.
    pub drain_timeout: Duration,
}
