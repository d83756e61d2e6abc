//! Tokens, kept by repository until they expire; one request at a time for each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::{Secret, UpstreamError};

/// Repositories whose tokens are kept; beyond it all are forgotten and fetched anew.
const MAX_SLOTS: usize = 4096;
/// Life of a token that tells none (distribution token specification).
const DEFAULT_LIFE: u64 = 60;
/// Longest life that is believed.
const MAX_LIFE: u64 = 24 * 3600;
/// How much sooner than told a token is dropped: for slow requests and clocks.
const MARGIN: Duration = Duration::from_secs(10);

/// The value of an `Authorization` header, and until when it is good.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) header: Secret,
    good_until: Instant,
}

impl Token {
    /// A header that is good for `life`, less a margin.
    pub(super) fn new(header: Secret, life: Duration) -> Token {
        let margin = MARGIN.min(life / 4);
        Token {
            header,
            good_until: Instant::now() + life - margin,
        }
    }

    /// Reads a token service's answer.
    pub(super) fn parse(body: &[u8]) -> Option<Token> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
            expires_in: Option<u64>,
        }
        let answer: Answer = serde_json::from_slice(body).ok()?;
        let token = answer
            .token
            .filter(|t| !t.is_empty())
            .or(answer.access_token)?;
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        let life = answer.expires_in.unwrap_or(DEFAULT_LIFE).clamp(1, MAX_LIFE);
        Some(Token::new(
            Secret::new(format!("Bearer {token}")),
            Duration::from_secs(life),
        ))
    }
}

#[derive(Default)]
struct Slot {
    /// Rises with every finished request, so that those who waited know that it was for them too.
    finished: AtomicU64,
    last: tokio::sync::Mutex<Option<Result<Token, UpstreamError>>>,
    current: Mutex<Option<Token>>,
}

/// The tokens of one registry.
#[derive(Default)]
pub(super) struct Tokens {
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

impl Tokens {
    /// A token that is still good.
    pub(super) fn current(&self, repository: &str) -> Option<Secret> {
        let slot = self.slot(repository);
        let current = slot.current.lock().unwrap_or_else(PoisonError::into_inner);
        let good = current
            .as_ref()
            .filter(|token| Instant::now() < token.good_until);
        good.map(|token| token.header.clone())
    }

    /// A token other than `refused`: fetched by one caller, shared by all who wait meanwhile.
    pub(super) async fn renew(
        &self,
        repository: &str,
        refused: Option<&Secret>,
        fetch: impl Future<Output = Result<Token, UpstreamError>>,
    ) -> Result<Secret, UpstreamError> {
        let slot = self.slot(repository);
        let before = slot.finished.load(SeqCst);
        let mut last = slot.last.lock().await;
        if slot.finished.load(SeqCst) != before
            && let Some(shared) = last.as_ref()
        {
            return shared.clone().map(|token| token.header);
        }
        if let Some(current) = self
            .current(repository)
            .filter(|current| Some(current) != refused)
        {
            return Ok(current);
        }
        let fetched = fetch.await;
        *last = Some(fetched.clone());
        *slot.current.lock().unwrap_or_else(PoisonError::into_inner) =
            fetched.as_ref().ok().cloned();
        slot.finished.fetch_add(1, SeqCst);
        fetched.map(|token| token.header)
    }

    fn slot(&self, repository: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_SLOTS && !slots.contains_key(repository) {
            slots.clear();
        }
        Arc::clone(slots.entry(repository.to_owned()).or_default())
    }
}
