//! Doors: the sockets that clients come in by. Each worker has its own of every address, so that no two
//! of them wake for one client; sockets that were passed to the process all of them share.

use super::transparent::{self, Transparent};
use super::{Settings, closing};
use crate::snapshot::Snapshot;
use crate::supervisor::Inherited;
use crate::tls::Server;
use socket2::{Domain, Protocol, Socket, Type};
use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Connections waiting to be accepted, for each socket.
const BACKLOG: i32 = 1024;

/// One listening socket of one worker.
#[derive(Debug)]
pub(super) struct Door {
    /// Kept outside of the worker's runtime: should that break, no client that waits is lost.
    socket: RefCell<Option<StdListener>>,
    way: Way,
    /// Others listen on this socket, or will: its queue is theirs too.
    shared: bool,
}

/// How clients come to a door.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// They connected to it.
    Explicit,
    /// They connected to it, and speak TLS.
    Secure(Arc<Snapshot<Server>>),
    /// They connected to somebody else, and the kernel led them here.
    Redirected(Arc<Transparent>),
}

/// Every door, before anything is served.
#[derive(Debug)]
pub(super) struct Doors {
    /// For each worker one of every address.
    pub(super) of_workers: Vec<Vec<Door>>,
    /// Where clients connect for plain HTTP.
    pub(super) http: Option<SocketAddr>,
    /// Where they connect for TLS.
    pub(super) tls: Option<SocketAddr>,
}

/// Opens the doors of every worker, or takes those that were passed.
pub(super) fn open(
    settings: &Settings,
    serving: Option<Arc<Snapshot<Server>>>,
    inherited: &mut Inherited,
) -> io::Result<Doors> {
    let mut of_workers: Vec<Vec<Door>> = (0..settings.workers.max(1)).map(|_| Vec::new()).collect();
    let mut open = |name, opening: Opening| {
        let passed = inherited.take(name, opening.key, opening.address)?;
        opening.open(&passed, &mut of_workers)
    };
    let explicit = settings.http.map(|address| Opening {
        key: "listen.http",
        address,
        way: Way::Explicit,
    });
    let secure = settings.tls.zip(serving).map(|(address, serving)| Opening {
        key: "listen.tls.address",
        address,
        way: Way::Secure(serving),
    });
    let http = explicit.map(|door| open("http", door)).transpose()?;
    let tls = secure.map(|door| open("https", door)).transpose()?;
    if let Some(transparent) = &settings.transparent {
        transparent::covers_both_families(&transparent.addresses)?;
        let shared = Arc::new(transparent.clone());
        for address in &transparent.addresses {
            let passed = inherited.take_at("transparent", *address);
            let redirected = Opening {
                key: "listen.transparent",
                address: *address,
                way: Way::Redirected(Arc::clone(&shared)),
            };
            redirected.open(&passed, &mut of_workers)?;
        }
    }
    Ok(Doors {
        of_workers,
        http,
        tls,
    })
}

/// One address to be opened.
struct Opening {
    key: &'static str,
    address: SocketAddr,
    way: Way,
}

impl Opening {
    /// Gives every worker its door, and says where they are.
    fn open(&self, passed: &[StdListener], of_workers: &mut [Vec<Door>]) -> io::Result<SocketAddr> {
        let named = |error: io::Error| {
            let message = format!("cannot listen on {} ({}): {error}", self.address, self.key);
            io::Error::new(error.kind(), message)
        };
        match passed.first() {
            Some(first) => {
                let address = first.local_addr().map_err(named)?;
                self.share(passed, of_workers).map_err(named)?;
                Ok(address)
            }
            None => self.bind(of_workers).map_err(named),
        }
    }

    /// A passed socket has one queue, whoever takes from it.
    fn share(&self, passed: &[StdListener], of_workers: &mut [Vec<Door>]) -> io::Result<()> {
        for doors in of_workers {
            for socket in passed {
                doors.push(self.door(socket.try_clone()?, true));
            }
        }
        Ok(())
    }

    /// A plain bind comes first: with `SO_REUSEPORT` alone a second process of the same user would
    /// silently share the port instead of failing with "address in use".
    fn bind(&self, of_workers: &mut [Vec<Door>]) -> io::Result<SocketAddr> {
        let address = {
            let probe = self.socket(self.address)?;
            let probe = StdListener::from(probe);
            probe.local_addr()?
        };
        for doors in of_workers {
            let socket = self.unbound()?;
            socket.set_reuse_port(true)?;
            socket.bind(&address.into())?;
            socket.listen(BACKLOG)?;
            doors.push(self.door(socket.into(), false));
        }
        Ok(address)
    }

    fn socket(&self, address: SocketAddr) -> io::Result<Socket> {
        let socket = self.unbound()?;
        socket.bind(&address.into())?;
        Ok(socket)
    }

    fn unbound(&self) -> io::Result<Socket> {
        let domain = Domain::for_address(self.address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        if self.address.is_ipv6() && matches!(self.way, Way::Redirected(_)) {
            // Each family has a door of its own, or the original destination would be asked for in the
            // wrong one.
            socket.set_only_v6(true)?;
        }
        Ok(socket)
    }

    fn door(&self, socket: StdListener, shared: bool) -> Door {
        Door {
            socket: RefCell::new(Some(socket)),
            way: self.way.clone(),
            shared,
        }
    }
}

impl Door {
    /// Where it is.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.socket.borrow().as_ref()?.local_addr().ok()
    }

    /// How clients come to it.
    pub(super) fn way(&self) -> &Way {
        &self.way
    }

    /// The socket, for the runtime of this thread. `None`: it is closed.
    pub(super) fn listener(&self) -> io::Result<Option<TcpListener>> {
        let socket = self.socket.borrow();
        let socket = socket.as_ref().map(StdListener::try_clone).transpose()?;
        socket.map(TcpListener::from_std).transpose()
    }

    /// Lets no further client begin. Those who have begun come in still. `false`: the queue is not this
    /// process's alone, and whoever has it next serves it.
    pub(super) fn shut(&self) -> bool {
        if self.shared {
            return false;
        }
        if let Some(socket) = &*self.socket.borrow() {
            closing::refuse_new(socket);
        }
        true
    }

    /// Closes it. Whoever waits in the queue of a socket that is nobody else's is reset.
    pub(super) fn close(&self) {
        self.socket.take();
    }
}
