//! Requests of one HTTP/2 connection as tasks, each cut when its client does not take its reply.
//!
//! A client may read its connection and yet give one stream no room. The socket does not show that: the
//! stream's own task waits for room, and is given up when it waits too long.

use super::watch::Open;
use crate::forward::ReplyBody;
use crate::telemetry::{Cut, Metrics};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// For whom a reply waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    /// It is not there yet, or its next piece is not.
    #[default]
    Gate,
    /// A piece was handed over; the next is asked for when there is room.
    Client,
}

/// Runs the requests of a connection where the connection itself runs.
#[derive(Clone, Debug)]
pub(super) struct Tasks {
    /// Of the task that runs right now.
    turn: Rc<Cell<Turn>>,
    limit: Duration,
    metrics: Arc<Metrics>,
}

impl Tasks {
    /// `limit`: how long a client may take nothing of a reply. Those that are given up are counted.
    pub(super) fn new(limit: Duration, metrics: &Arc<Metrics>) -> Self {
        Self {
            turn: Rc::default(),
            limit,
            metrics: Arc::clone(metrics),
        }
    }

    /// A reply of one of them.
    pub(super) fn reply(&self, reply: ReplyBody, open: Open) -> Paced {
        Paced {
            reply,
            turn: Rc::clone(&self.turn),
            _open: open,
        }
    }
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Tasks {
    fn execute(&self, request: F) {
        let Self {
            turn,
            limit,
            metrics,
        } = self.clone();
        tokio::task::spawn_local(async move {
            let mut request = pin!(request);
            let mut own = Turn::Gate;
            let mut timer: Option<Pin<Box<Sleep>>> = None;
            poll_fn(|cx| {
                turn.set(own);
                let ended = request.as_mut().poll(cx);
                own = turn.get();
                if ended.is_ready() || own == Turn::Gate {
                    timer = None;
                    return ended;
                }
                let timer = timer.get_or_insert_with(|| Box::pin(sleep(limit)));
                if timer.is_elapsed() {
                    metrics.cut(Cut::Write);
                    return Poll::Ready(());
                }
                // Woken for anything else: the client gave it room.
                timer.as_mut().reset(Instant::now() + limit);
                timer.as_mut().poll(cx)
            })
            .await;
        });
    }
}

/// A reply that tells for whom it waits.
pub(super) struct Paced {
    reply: ReplyBody,
    turn: Rc<Cell<Turn>>,
    _open: Open,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = <ReplyBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.reply).poll_frame(cx);
        self.turn.set(match frame {
            Poll::Ready(_) => Turn::Client,
            Poll::Pending => Turn::Gate,
        });
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.reply.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.reply.size_hint()
    }
}
