//! What Docker Hub tells of a repository, for policies that weigh suspicions by it.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::oci::{DOCKER_HUB, Repository};
use crate::policy::Reputation;
use crate::upstream::{Kind, Upstream, UpstreamError};

/// How long a judgement waits for figures. A later one has them if they come at all.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long figures are believed: they change slowly.
const KEPT: Duration = Duration::from_secs(6 * 3600);
/// How long a question without an answer is not asked again.
const UNANSWERED: Duration = Duration::from_secs(300);
/// Most repositories whose figures are kept.
const MAX_KEPT: u64 = 10_000;
/// Most questions at a time; suspected names beyond that are judged without figures.
const MAX_ASKED: usize = 4;
/// Largest answer in bytes; a repository's description is part of it.
const MAX_ANSWER: u64 = 256 * 1024;
/// Docker's marks of publishers that it knows.
const BADGES: [&str; 3] = ["official", "verified_publisher", "open_source"];

/// The figures of Docker Hub, asked for and remembered.
pub struct Reputations {
    hub: Arc<Upstream>,
    kept: Cache<Repository, Reputation>,
    unanswered: Cache<Repository, ()>,
    asking: Arc<Semaphore>,
}

/// `GET /v2/repositories/NAMESPACE/NAME/`.
#[derive(Deserialize)]
struct RepositoryAnswer {
    pull_count: u64,
    date_registered: Option<String>,
}

/// `GET /v2/orgs/NAMESPACE/`; a user is no organization and is not found.
#[derive(Deserialize)]
struct OrganizationAnswer {
    badge: Option<String>,
}

impl Reputations {
    /// Asks `hub`, which is Docker Hub's own API and no registry.
    pub fn new(hub: Arc<Upstream>) -> Arc<Reputations> {
        Arc::new(Reputations {
            hub,
            kept: kept_for(KEPT),
            unanswered: kept_for(UNANSWERED),
            asking: Arc::new(Semaphore::new(MAX_ASKED)),
        })
    }

    /// The figures, if they are known or come soon. A question goes on when nobody waits for it any more.
    pub async fn of(self: &Arc<Self>, repository: &Repository) -> Option<Reputation> {
        if repository.host() != DOCKER_HUB || self.unanswered.contains_key(repository) {
            return None;
        }
        if let Some(kept) = self.kept.get(repository) {
            return Some(kept);
        }
        let turn = self.asking.clone().try_acquire_owned().ok()?;
        let (this, repository) = (self.clone(), repository.clone());
        let asked = tokio::spawn(async move {
            let _turn = turn;
            this.learn(repository).await
        });
        tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?
    }

    async fn learn(&self, repository: Repository) -> Option<Reputation> {
        match self.ask(&repository).await {
            Ok(figures) => {
                self.kept.insert(repository, figures);
                Some(figures)
            }
            Err(error) => {
                tracing::info!(%repository, %error, "no figures: the name is judged without them");
                self.unanswered.insert(repository, ());
                None
            }
        }
    }

    async fn ask(&self, repository: &Repository) -> Result<Reputation, UpstreamError> {
        let path = repository.path();
        let told: RepositoryAnswer = self.json(&format!("/v2/repositories/{path}/")).await?;
        let namespace = path.split('/').next().unwrap_or_default();
        let badge = match self.json(&format!("/v2/orgs/{namespace}/")).await {
            Ok(OrganizationAnswer { badge }) => badge,
            Err(error) if error.kind() == Kind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Reputation {
            pulls: told.pull_count,
            registered: told.date_registered.and_then(|text| text.parse().ok()),
            verified: badge.is_some_and(|badge| BADGES.contains(&badge.as_str())),
        })
    }

    async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, UpstreamError> {
        let bytes = self.hub.document(path, MAX_ANSWER).await?;
        serde_json::from_slice(&bytes).map_err(|error| self.hub.malformed(error.to_string()))
    }
}

fn kept_for<V: Clone + Send + Sync + 'static>(life: Duration) -> Cache<Repository, V> {
    Cache::builder()
        .max_capacity(MAX_KEPT)
        .time_to_live(life)
        .build()
}
