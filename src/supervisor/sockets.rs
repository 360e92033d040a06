//! Listening sockets that were opened before this process: they outlive it, and what waits in their
//! queues is served by the next one.

use listenfd::ListenFd;
use std::io;
use std::net::{SocketAddr, TcpListener};

/// Sockets that were passed, each with the name that its unit gave it. Whoever listens takes its own.
#[derive(Debug, Default)]
pub struct Inherited(Vec<(String, TcpListener)>);

/// Sockets were passed that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It is none that a TCP server can use.
    #[error("the passed socket `{name}` is not a listening TCP socket: {source}")]
    Kind {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// What was configured would not be what is served.
    #[error(
        "the passed socket `{name}` listens on {passed}, but {key} says {configured}: change one of them"
    )]
    Elsewhere {
        /// Its name.
        name: &'static str,
        /// Where it listens.
        passed: SocketAddr,
        /// The key that says something else.
        key: &'static str,
        /// What it says.
        configured: SocketAddr,
    },
    /// Nobody here has use for it, and its clients would wait for ever.
    #[error(
        "a socket named `{0}` was passed, which nothing listens on; name sockets `http`, `https`, `transparent`, \
        `metrics` or `control` (FileDescriptorName=), and leave out what is not configured"
    )]
    Unknown(String),
}

impl Inherited {
    /// What the environment says (`LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`). To be asked once, and
    /// before there are threads: the variables are taken away, so that no child process believes them.
    pub fn from_environment() -> Result<Self, Unfit> {
        #[expect(clippy::disallowed_methods, reason = "the environment stops here")]
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut passed = ListenFd::from_env();
        let mut names = names.split(':');
        let mut sockets = Vec::with_capacity(passed.len());
        for at in 0..passed.len() {
            // What is called nothing is called `unknown` by systemd.
            let name = names.next().filter(|name| !name.is_empty());
            let name = name.unwrap_or("unknown").to_owned();
            match passed.take_tcp_listener(at).and_then(listening) {
                Ok(socket) => sockets.push((name, socket)),
                Err(source) => return Err(Unfit::Kind { name, source }),
            }
        }
        Ok(Self(sockets))
    }

    /// The sockets of that name, all of them at the address that `key` configures (port 0: at any port).
    /// None: the address is to be bound as usual.
    pub fn take(
        &mut self,
        name: &'static str,
        key: &'static str,
        configured: SocketAddr,
    ) -> Result<Vec<TcpListener>, Unfit> {
        let named = |(other, _): &mut (String, TcpListener)| other == name;
        let sockets: Vec<_> = self.0.extract_if(.., named).map(|(_, one)| one).collect();
        for socket in &sockets {
            let passed = address(socket);
            // What is checked of the configured address is true of the real one only if they are one.
            if !is(passed, configured) {
                return Err(Unfit::Elsewhere {
                    name,
                    passed,
                    key,
                    configured,
                });
            }
        }
        Ok(sockets)
    }

    /// The same for a name that has several addresses: the sockets at one of them.
    pub fn take_at(&mut self, name: &'static str, configured: SocketAddr) -> Vec<TcpListener> {
        let here = |(other, socket): &mut (String, TcpListener)| {
            other == name && is(address(socket), configured)
        };
        self.0.extract_if(.., here).map(|(_, one)| one).collect()
    }

    /// Fails if a socket is left that nobody took.
    pub fn all_taken(&self) -> Result<(), Unfit> {
        self.0
            .first()
            .map_or(Ok(()), |(name, _)| Err(Unfit::Unknown(name.clone())))
    }
}

impl From<Unfit> for io::Error {
    fn from(unfit: Unfit) -> Self {
        Self::new(io::ErrorKind::InvalidInput, unfit)
    }
}

/// Ready for a runtime. A socket that does not listen would be noticed by nobody until the first client.
fn listening(socket: Option<TcpListener>) -> io::Result<TcpListener> {
    let socket = socket.ok_or(io::ErrorKind::NotFound)?;
    if !socket2::SockRef::from(&socket).is_listener()? {
        let message = "it does not listen";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn is(passed: SocketAddr, configured: SocketAddr) -> bool {
    let port = configured.port() == 0 || passed.port() == configured.port();
    port && passed.ip().to_canonical() == configured.ip().to_canonical()
}

/// A socket whose address cannot be told is nowhere that anybody configured.
fn address(socket: &TcpListener) -> SocketAddr {
    let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
    socket.local_addr().unwrap_or(nowhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(names: &[&str]) -> (Inherited, SocketAddr) {
        let socket = || TcpListener::bind("127.0.0.1:0").unwrap();
        let sockets: Vec<_> = names
            .iter()
            .map(|name| ((*name).to_owned(), socket()))
            .collect();
        let first = sockets[0].1.local_addr().unwrap();
        (Inherited(sockets), first)
    }

    #[test]
    fn each_listener_takes_the_sockets_of_its_name() {
        let (mut all, _) = passed(&["http", "metrics", "http"]);
        let any = "127.0.0.1:0".parse().unwrap();
        assert_eq!(all.take("http", "listen.http", any).unwrap().len(), 2);
        assert!(
            all.take("control", "admin.control", any)
                .unwrap()
                .is_empty()
        );
        let left = all.all_taken().unwrap_err().to_string();
        assert!(left.contains("`metrics`"), "{left}");
        assert_eq!(all.take("metrics", "admin.metrics", any).unwrap().len(), 1);
        all.all_taken().unwrap();
    }

    #[test]
    fn a_socket_elsewhere_than_configured_is_refused() {
        let (mut all, at) = passed(&["http"]);
        let mut other = at;
        other.set_port(at.port() ^ 1);
        let error = all.take("http", "listen.http", other).unwrap_err();
        assert!(error.to_string().contains("listen.http says"), "{error}");
        // An open address in the place of loopback would pass by whatever was checked of loopback.
        let (mut all, at) = passed(&["http"]);
        let open = SocketAddr::from(([0, 0, 0, 0], at.port()));
        assert!(all.take("http", "listen.http", open).is_err());
        let (mut all, at) = passed(&["http"]);
        assert_eq!(all.take("http", "listen.http", at).unwrap().len(), 1);
    }

    #[test]
    fn a_socket_that_does_not_listen_is_none() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket: TcpListener = socket.unwrap().into();
        assert!(listening(Some(socket)).is_err());
    }
}
