//! Worker threads and their sockets.

use super::{Settings, connection};
use crate::drain::Draining;
use crate::gate::{Gate, Shared};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

/// Virtual memory of a worker's stack; Cedar evaluates on it, and with too little left it would err
/// (only touched pages cost memory).
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// Connections waiting to be accepted, per worker.
const BACKLOG: i32 = 1024;

/// Sockets that listen, before anything is served.
pub struct Bound {
    sockets: Vec<StdListener>,
    address: SocketAddr,
    settings: Settings,
}

/// Binds one socket per worker, all on one port.
///
/// A plain bind comes first: with `SO_REUSEPORT` alone a second process of the same user would
/// silently share the port instead of failing with "address in use".
pub fn bind(settings: Settings) -> io::Result<Bound> {
    let address = {
        let probe = StdListener::bind(settings.http)?;
        probe.local_addr()?
    };
    let sockets = (0..settings.workers.max(1))
        .map(|_| listen(address))
        .collect::<io::Result<_>>()?;
    Ok(Bound {
        sockets,
        address,
        settings,
    })
}

fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl Bound {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts the workers. Each ends when draining began and its connections are done, or after the
    /// drain timeout.
    pub fn serve(
        self,
        shared: &Arc<Shared>,
        draining: &Draining,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let Self {
            sockets, settings, ..
        } = self;
        let start = |(number, socket): (usize, StdListener)| {
            let shared = Arc::clone(shared);
            let (settings, draining) = (settings.clone(), draining.clone());
            std::thread::Builder::new()
                .name(format!("worker-{number}"))
                .stack_size(STACK_BYTES)
                .spawn(move || work(socket, shared, settings, draining))
        };
        sockets.into_iter().enumerate().map(start).collect()
    }
}

fn work(socket: StdListener, shared: Arc<Shared>, settings: Settings, draining: Draining) {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "a worker cannot start its runtime"),
    };
    let gate = Rc::new(Gate::new(shared));
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        match TcpListener::from_std(socket) {
            Ok(listener) => accept(listener, gate, Rc::new(settings), draining).await,
            Err(error) => tracing::error!(%error, "a worker cannot listen"),
        }
    });
}

async fn accept(
    listener: TcpListener,
    gate: Rc<Gate>,
    settings: Rc<Settings>,
    mut draining: Draining,
) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = draining.signal() => break,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (gate, settings) = (Rc::clone(&gate), Rc::clone(&settings));
                let peer = peer.ip().to_canonical();
                connections.spawn_local(connection::serve(
                    gate,
                    stream,
                    peer,
                    settings,
                    draining.clone(),
                ));
            }
            Err(error) => {
                // Out of descriptors, mostly: the queue holds the client until some are free again.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(settings.drain_timeout, ended)
        .await
        .is_err()
    {
        tracing::warn!("requests still in flight at the drain timeout were cut");
    }
}
