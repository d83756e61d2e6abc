//! A fault of ours must block like any other: a connection that merely breaks sends mirror clients elsewhere.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Runs a future to its end, or to its panic, which is `None`. The panic hook has told of it by then.
pub(super) async fn caught<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    // What a panic leaves behind is dropped with the future; locks that it poisoned are read through everywhere.
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        },
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let panics = std::hint::black_box(true);
        let fails = async {
            tokio::task::yield_now().await;
            assert!(!panics, "meant to be seen in the test's output");
            1
        };
        assert_eq!(caught(fails).await, None);
        assert_eq!(caught(async { 2 }).await, Some(2));
    }
}
