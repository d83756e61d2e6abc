//! A registry that stumbles, under a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use tokio::time::Instant;

use super::fake::*;
use crate::oci::Digest;
use crate::upstream::breaker::COOL_DOWN;
use crate::upstream::{Kind, Side};

#[tokio::test(start_paused = true)]
async fn a_limit_is_waited_out() {
    let count = AtomicU32::new(0);
    let fake = Fake::start(move |_| match count.fetch_add(1, SeqCst) {
        0 => answer(429, &[("retry-after", "7")], ""),
        1 => answer(503, &[], ""),
        _ => answer(200, &[("content-type", OCI)], "{}"),
    })
    .await;
    let before = Instant::now();
    fake.upstream()
        .manifest(&repository(), &tag())
        .await
        .unwrap();
    assert!(before.elapsed() >= Duration::from_secs(7));
    assert_eq!(fake.seen().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_limit_beyond_the_deadline_is_told_at_once() {
    let fake = Fake::start(|_| answer(429, &[("retry-after", "3600")], "")).await;
    let error = fake
        .upstream()
        .manifest(&repository(), &tag())
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        Kind::RateLimited {
            retry_after: Some(Duration::from_secs(3600))
        }
    );
    assert!(error.temporary() && error.side() == Side::Upstream);
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn failing_referrers_are_an_error() {
    let fake = Fake::start(|_| answer(500, &[], "")).await;
    let error = fake
        .upstream()
        .referrers(&repository(), &Digest::of(b"x"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
}

#[tokio::test(start_paused = true)]
async fn the_circuit_opens_and_recovers() {
    let healthy = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&healthy);
    let fake = Fake::start(move |_| match state.load(SeqCst) {
        true => answer(200, &[("content-type", OCI)], "{}"),
        false => answer(502, &[], ""),
    })
    .await;
    let upstream = fake.upstream();
    for _ in 0..2 {
        let error = upstream.manifest(&repository(), &tag()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
    }
    let asked = fake.seen().len();
    let error = upstream.manifest(&repository(), &tag()).await.unwrap_err();
    assert_eq!(
        (error.kind(), fake.seen().len()),
        (Kind::CircuitOpen, asked)
    );
    healthy.store(true, SeqCst);
    tokio::time::advance(COOL_DOWN).await;
    upstream.manifest(&repository(), &tag()).await.unwrap();
    upstream.manifest(&repository(), &tag()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_ends_in_time() {
    let fake = Fake::start(|_| stalled(OCI)).await;
    let upstream = fake.upstream();
    let error = upstream.manifest(&repository(), &tag()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    let mut blob = upstream
        .blob(&repository(), &Digest::of(b"x"), 0)
        .await
        .unwrap();
    assert_eq!(
        blob.chunk().await.unwrap().unwrap_err().kind(),
        Kind::Timeout
    );
    assert!(blob.chunk().await.is_none());
}
