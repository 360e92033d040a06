//! Where a panic ends: with the one request, or the one stream, that it happened in.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

/// What `work` comes to. `None`: it panicked. What it held was dropped while the stack unwound, so that
/// nothing half done is left to be seen; and it is not polled again.
pub(super) async fn caught<F: Future>(mut work: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}
