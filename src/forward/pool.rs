//! Connections of one worker to one endpoint. Nothing here leaves its thread.

use super::body::RequestBody;
use super::endpoints::{Rest, Service};
use super::streams::{Stream, Streams};
use super::turn::Turn;
use crate::tenant::AccountId;
use hyper::client::conn::http1::SendRequest;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// How long a connection may take to become idle after its reply ended. An upload that the upstream
/// answered early is still being sent then: its connection is closed instead (RULES 45).
const SETTLE: Duration = Duration::from_millis(100);

/// Whose requests a connection carries. `None`: anybody's, or nobody's in particular.
pub(super) type Owner = Option<AccountId>;

/// What one request is sent on. Dropping it before the reply has ended gives the request up.
pub(super) enum Lease {
    /// An HTTP/1.1 connection, nobody else's meanwhile.
    Alone(Connection),
    /// A stream of an HTTP/2 connection.
    Stream(Stream),
}

/// An HTTP/1.1 connection and the task that moves its bytes. Dropping it closes it at once: hyper alone would go
/// on sending a body that nobody waits for.
pub(super) struct Connection {
    pub(super) sender: SendRequest<RequestBody>,
    task: AbortHandle,
    owner: Owner,
    once: bool,
}

/// The idle connections, newest last, and those that requests share.
#[derive(Clone)]
pub(super) struct Pool {
    idle: Rc<Idle>,
    streams: Rc<Streams>,
}

struct Idle {
    list: RefCell<Vec<(Connection, Rest)>>,
    max: usize,
    service: Arc<Service>,
    /// Requests of this worker that wait for whatever comes back, by whose they are.
    waiting: RefCell<Vec<Owner>>,
    back: Notify,
}

/// A connection in use, and the pool it goes back to.
pub(super) struct Returned {
    lease: Lease,
    pool: Pool,
}

impl Lease {
    /// Whether it speaks HTTP/2.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    /// A reply has begun: once its reader is done with it, `turn` is over.
    pub(super) fn answered(&mut self, turn: &Turn) {
        match self {
            // Its upload is given a moment to end of itself, and then closed with the connection.
            Self::Alone(_) => {}
            Self::Stream(stream) => stream.answered(turn),
        }
    }

    /// The upstream did not answer in time: nobody else is to wait on this connection.
    pub(super) fn retire(&self) {
        match self {
            Self::Alone(_) => {}
            Self::Stream(stream) => stream.retire(),
        }
    }
}

impl Connection {
    pub(super) fn new(sender: SendRequest<RequestBody>, task: AbortHandle, owner: Owner) -> Self {
        Self {
            sender,
            task,
            owner,
            once: false,
        }
    }

    /// Never to be given back: whatever it was asked, it answers no second request.
    #[must_use]
    pub(super) fn once(mut self) -> Self {
        self.once = true;
        self
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Pool {
    pub(super) fn new(service: &Arc<Service>) -> Self {
        Self {
            idle: Rc::new(Idle {
                list: RefCell::default(),
                max: service.settings.idle_connections_max,
                service: Arc::clone(service),
                waiting: RefCell::default(),
                back: Notify::new(),
            }),
            streams: Rc::default(),
        }
    }

    /// Where `owner` may send a request without opening a connection.
    pub(super) fn take(&self, owner: &Owner) -> Option<Lease> {
        let stream = self.streams.take(owner).map(Lease::Stream);
        stream.or_else(|| self.take_idle(owner).map(Lease::Alone))
    }

    /// The upstream that they lead to.
    pub(super) fn service(&self) -> &Arc<Service> {
        &self.idle.service
    }

    /// The connections that requests share.
    pub(super) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// The connection that `owner` used last and that is still open.
    fn take_idle(&self, owner: &Owner) -> Option<Connection> {
        let mut idle = self.idle.list.borrow_mut();
        while let Some(at) = idle.iter().rposition(|(one, _)| one.owner == *owner) {
            let (connection, rest) = idle.remove(at);
            if connection.sender.is_ready() && rest.break_off() {
                return Some(connection);
            }
        }
        None
    }

    pub(super) fn lend(&self, lease: Lease) -> Returned {
        Returned {
            lease,
            pool: self.clone(),
        }
    }

    /// A connection of `owner` that another request has done with.
    pub(super) async fn returned(&self, owner: &Owner) -> Lease {
        let idle = &self.idle;
        let _waiting = Waiting::new(&idle.waiting, owner);
        loop {
            let back = idle.back.notified();
            if let Some(lease) = self.take(owner) {
                return lease;
            }
            back.await;
        }
    }

    fn put(&self, connection: Connection) {
        if connection.once {
            return;
        }
        let mut list = self.idle.list.borrow_mut();
        let wanted = self.idle.waiting.borrow().contains(&connection.owner);
        let breaker = &self.idle.service.breaker;
        let Some(rest) = breaker.rest(&connection.task, wanted) else {
            // Somebody else waits: this one's end is room for theirs.
            return;
        };
        if wanted {
            list.push((connection, rest));
            return self.idle.back.notify_waiters();
        }
        if self.idle.max == 0 {
            return;
        }
        if list.len() >= self.idle.max {
            // The one that nobody has used for the longest time.
            list.remove(0);
        }
        list.push((connection, rest));
    }
}

/// One of those who wait, until it is dropped.
struct Waiting<'a> {
    all: &'a RefCell<Vec<Owner>>,
    owner: &'a Owner,
}

impl<'a> Waiting<'a> {
    fn new(all: &'a RefCell<Vec<Owner>>, owner: &'a Owner) -> Self {
        all.borrow_mut().push(owner.clone());
        Self { all, owner }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut all = self.all.borrow_mut();
        if let Some(at) = all.iter().position(|one| one == self.owner) {
            all.swap_remove(at);
        }
    }
}

impl Returned {
    /// Whether it is a stream of HTTP/2.
    pub(super) fn is_stream(&self) -> bool {
        self.lease.is_stream()
    }

    /// Puts the connection back as soon as both messages have ended; closes it if they do not.
    pub(super) fn give_back(self) {
        let Self { lease, pool } = self;
        let Lease::Alone(mut connection) = lease else {
            // A stream has an end of its own; its connection never left.
            return;
        };
        if connection.sender.is_ready() {
            return pool.put(connection);
        }
        tokio::task::spawn_local(async move {
            let settled = tokio::time::timeout(SETTLE, connection.sender.ready()).await;
            if let Ok(Ok(())) = settled {
                pool.put(connection);
            }
        });
    }
}
