//! What a service manager passes to Palisade and is told by it: listening sockets (`sd_listen_fds(3)`)
//! and how far it has come (`sd_notify(3)`).

mod sockets;

pub use sockets::{Inherited, Unfit};

use sd_notify::NotifyState;

/// Requests may come.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The files are being read again; [`ready`] follows.
pub fn reloading() {
    // A manager that is told nothing of the time takes the message for an error.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the time for the service manager"),
    }
}

/// It is about to end.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says it to whoever started this process; where nobody wants to know it, nothing happens.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
