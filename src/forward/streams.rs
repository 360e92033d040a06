//! HTTP/2 connections of one worker to one upstream: each carries many requests at once.

use super::body::RequestBody;
use super::endpoints::{Rest, Service};
use super::pool::Owner;
use super::turn::Turn;
use super::wire::Wire;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use tokio::task::AbortHandle;

/// Streams of one connection, whatever the upstream would take: beyond it another one is opened, so
/// that a connection's window has room for all of them.
const STREAMS_MAX: usize = 100;

/// Runs hyper's tasks on this thread.
#[derive(Clone, Copy)]
pub(super) struct Here;

type Driver = http2::Connection<TokioIo<Wire>, RequestBody, Here>;

/// One connection.
struct Shared {
    sender: SendRequest<RequestBody>,
    /// Until it ends. Kept to be asked how many streams the upstream takes.
    driver: Rc<RefCell<Option<Driver>>>,
    streams: Cell<usize>,
    retired: Cell<bool>,
    owner: Owner,
    service: Arc<Service>,
    task: AbortHandle,
    /// While it carries no stream.
    rest: Cell<Option<Rest>>,
}

/// One request's part of a connection; counted until it is dropped.
pub(super) struct Stream {
    shared: Rc<Shared>,
    turn: Option<Turn>,
}

/// All of them, in the order in which they were opened.
#[derive(Default)]
pub(super) struct Streams {
    all: RefCell<Vec<Rc<Shared>>>,
}

impl<F> Executor<F> for Here
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, work: F) {
        tokio::task::spawn_local(work);
    }
}

impl Streams {
    /// A stream of a connection of `owner` that has room, on the one with the fewest.
    pub(super) fn take(&self, owner: &Owner) -> Option<Stream> {
        let mut all = self.all.borrow_mut();
        loop {
            all.retain(|one| one.is_open());
            let fit = all
                .iter()
                .filter(|one| one.owner == *owner && one.has_room());
            let fewest = fit.min_by_key(|one| one.streams.get())?;
            // One that was closed meanwhile is not open any more.
            if fewest.is_ours() {
                return Some(Stream::of(fewest));
            }
        }
    }

    /// Takes a new connection in and moves its bytes from now on. Of idle ones, only so many stay open as
    /// `service` may keep.
    pub(super) fn open(
        &self,
        service: &Arc<Service>,
        (sender, driver): (SendRequest<RequestBody>, Driver),
        owner: Owner,
    ) -> Stream {
        let idle_max = service.settings.idle_connections_max;
        let driver = Rc::new(RefCell::new(Some(driver)));
        let moving = Moving(Rc::clone(&driver));
        let task = tokio::task::spawn_local(drive(Arc::clone(service), moving));
        let opened = Rc::new(Shared {
            sender,
            driver,
            streams: Cell::new(0),
            retired: Cell::new(false),
            owner,
            service: Arc::clone(service),
            task: task.abort_handle(),
            rest: Cell::default(),
        });
        let mut all = self.all.borrow_mut();
        let idle = all.iter().filter(|one| one.streams.get() == 0).count();
        let mut surplus = (idle + 1).saturating_sub(idle_max.max(1));
        all.retain(|one| {
            let close = surplus > 0 && one.streams.get() == 0;
            surplus -= usize::from(close);
            !close
        });
        all.push(Rc::clone(&opened));
        Stream::of(&opened)
    }
}

/// A connection whose bytes are moved. It is gone when that ends, however it does.
struct Moving(Rc<RefCell<Option<Driver>>>);

impl Drop for Moving {
    fn drop(&mut self) {
        self.0.take();
    }
}

/// Moves a connection's bytes to its end.
async fn drive(service: Arc<Service>, moving: Moving) {
    let ended = poll_fn(|cx| match moving.0.borrow_mut().as_mut() {
        Some(driver) => Pin::new(driver).poll(cx),
        None => Poll::Ready(Ok(())),
    });
    if let Err(error) = ended.await {
        tracing::debug!(upstream = %service.settings.name, %error, "upstream connection ended");
    }
}

impl Shared {
    fn is_open(&self) -> bool {
        !self.retired.get() && self.sender.is_ready()
    }

    /// Whether it may be used: nobody has closed it while it was idle.
    fn is_ours(&self) -> bool {
        let ours = self.rest.take().is_none_or(Rest::break_off);
        if !ours {
            self.retired.set(true);
        }
        ours
    }

    /// It carries no stream any more, and closes where nobody is to use it, or somebody waits for its room.
    fn settle(&self) {
        let rest = self.service.breaker.rest(&self.task, false);
        if let Some(rest) = rest.filter(|_| self.is_open()) {
            self.rest.set(Some(rest));
        } else {
            self.retired.set(true);
            self.task.abort();
        }
    }

    fn has_room(&self) -> bool {
        let theirs = match self.driver.try_borrow() {
            Ok(driver) => driver.as_ref().map(Driver::current_max_send_streams),
            // It is being polled: that is not the moment to ask.
            Err(_) => None,
        };
        self.streams.get() < theirs.unwrap_or(STREAMS_MAX).min(STREAMS_MAX)
    }
}

impl Stream {
    fn of(shared: &Rc<Shared>) -> Self {
        shared.streams.set(shared.streams.get() + 1);
        Self {
            shared: Rc::clone(shared),
            turn: None,
        }
    }

    /// What sends the request.
    pub(super) fn sender(&self) -> SendRequest<RequestBody> {
        self.shared.sender.clone()
    }

    /// Ends `turn` with itself.
    pub(super) fn answered(&mut self, turn: &Turn) {
        self.turn = Some(turn.clone());
    }

    /// No request comes onto this connection any more: its upstream does not answer.
    pub(super) fn retire(&self) {
        self.shared.retired.set(true);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let streams = &self.shared.streams;
        streams.set(streams.get().saturating_sub(1));
        if let Some(turn) = &self.turn {
            turn.end();
        }
        if streams.get() == 0 {
            self.shared.settle();
        }
    }
}
