//! What a service manager passes to Palisade and is told by it: listening sockets (`sd_listen_fds(3)`)
//! and how far it has come (`sd_notify(3)`).

mod sockets;

pub use sockets::{Inherited, Unfit};

use sd_notify::NotifyState;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

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
    let place = std::env::var_os("NOTIFY_SOCKET").unwrap_or_default();
    if place.is_empty() {
        return;
    }
    let lines: Vec<_> = state.iter().map(ToString::to_string).collect();
    if let Err(error) = send(&place, &lines.join("\n"), PATIENCE) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

/// Sends one message. A manager that has stopped reading must not stop this process.
fn send(place: &OsStr, message: &str, patience: Duration) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(patience))?;
    match place.as_bytes().strip_prefix(b"@") {
        Some(name) => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None => socket.connect(place)?,
    }
    socket.send(message.as_bytes()).map(drop)
}

/// How long the manager may take to read what it was told before.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_that_has_stopped_reading_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("notify");
        let manager = UnixDatagram::bind(&place).unwrap();
        let say = || send(place.as_os_str(), "READY=1\n", Duration::from_millis(20));
        while say().is_ok() {}
        assert_eq!(say().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let mut read = [0; 16];
        let length = manager.recv(&mut read).unwrap();
        assert_eq!(&read[..length], b"READY=1\n");
        say().unwrap();
    }

    #[test]
    fn a_manager_may_have_a_name_that_is_no_file() {
        let name = format!("palisade-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        let place = format!("@{name}");
        send(place.as_ref(), "STOPPING=1\n", PATIENCE).unwrap();
        let mut read = [0; 16];
        assert_eq!(manager.recv(&mut read).unwrap(), 11);
    }
}
