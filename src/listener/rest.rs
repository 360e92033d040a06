//! What a kept connection does between two requests that are far apart: it waits without hyper, whose
//! buffers for reading and writing are most of what an idle connection would cost.

use super::connection::Link;
use std::cell::Cell;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::server::TlsStream;

/// How long nothing must have been asked. Whoever asks more often would only pay for new buffers.
const QUIET: Duration = Duration::from_secs(5);

/// A stream that can be waited for without a place to read to.
pub(super) trait Readable {
    /// The socket below; what it has not got, the stream has not got either once a read found nothing.
    fn socket(&self) -> &TcpStream;
}

impl Readable for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Readable for Box<TlsStream<TcpStream>> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Completes when the client has asked nothing for a while. `bare`: its last request had no body. Where it
/// had one, hyper does not say whether it has read it to its end, and what is left of a body must never be
/// taken for a request.
///
/// It looks now and then instead of counting from each request, which therefore costs nothing.
pub(super) async fn due(link: &Link, bare: &Cell<bool>) {
    let quiet = QUIET.min(link.inside.settings.head_timeout);
    loop {
        sleep(quiet).await;
        if bare.get() && link.patience.has_rested(quiet) {
            return;
        }
    }
}

/// Waits until there is something to do: bytes, an end, a drain, or a certificate that counts no more. `false`: the client has gone quiet for
/// too long.
pub(super) async fn wait(link: &Link, stream: &impl Readable) -> bool {
    let mut draining = link.inside.draining.clone();
    tokio::select! {
        // A socket that failed says so again to whoever reads.
        _ = stream.socket().readable() => true,
        () = draining.signal() => true,
        () = link.vouched() => true,
        () = link.too_slow() => false,
    }
}
