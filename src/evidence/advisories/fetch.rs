//! Fetching: what changed where that is little, else everything.

use jiff::Timestamp;

use super::changes::{Changes, changes, records};
use super::download::download;
use super::{AdvisoryData, AdvisorySource, Exploitation, Progress, note_fetched};
use crate::scan::{Advisories, Built, Ecosystem, Header, amend};
use crate::telemetry;

/// How often in a row only what changed is fetched: with a refresh every six hours the whole export is read once a week,
/// which finds what was missed.
const MAX_INCREMENTS: u32 = 28;

/// What came of fetching.
#[derive(Debug)]
pub enum Fetched {
    /// The whole export, and what was built from it.
    Whole(Built),
    /// So many advisories, which had changed or may have, and what became of the data with them.
    Changed(usize, Built),
    /// Nothing had changed until this moment.
    Unchanged(Timestamp),
}

impl Fetched {
    /// What was built.
    pub fn built(&self) -> Option<&Built> {
        match self {
            Fetched::Whole(built) | Fetched::Changed(_, built) => Some(built),
            Fetched::Unchanged(_) => None,
        }
    }
}

impl AdvisoryData {
    /// Brings the data of one ecosystem up to date: by what changed, where that is little, else by its whole export.
    ///
    /// # Errors
    /// Why not, in a sentence; what was there stays.
    pub async fn fetch(&self, ecosystem: &str, progress: Progress<'_>) -> Result<Fetched, String> {
        let Some(source) = &self.source else {
            return Err("advisories are not fetched by this server".to_owned());
        };
        if let Some(header) = self.header(ecosystem)
            && header.increments < MAX_INCREMENTS
            && let Some(fetched) = self.fetch_changes(source, &header).await?
        {
            return Ok(fetched);
        }
        let path = format!("{}{ecosystem}/all.zip", source.path);
        let name = Ecosystem::named(ecosystem).index_file() + ".zip";
        let part = download(source, &path, &self.folder, &name, progress).await?;
        let built = self
            .import(part.path(), Some(ecosystem), telemetry::now())
            .await;
        part.done();
        built.map(Fetched::Whole)
    }

    fn header(&self, ecosystem: &str) -> Option<Header> {
        let current = self.current();
        let mut indexes = current.advisories.iter().flat_map(Advisories::indexes);
        let index = indexes.find(|index| index.header().ecosystem == ecosystem)?;
        Some(index.header().clone())
    }

    /// Puts what changed into the data; none where only the whole export helps.
    async fn fetch_changes(
        &self,
        source: &AdvisorySource,
        header: &Header,
    ) -> Result<Option<Fetched>, String> {
        let now = telemetry::now();
        let ids = match changes(source, header).await {
            Changes::Many => return Ok(None),
            Changes::Stale(until) => {
                return Err(format!(
                    "the list of changes ends at {until}, before {}, until when the data is that is here: it is an old copy",
                    header.watermark
                ));
            }
            Changes::None => {
                note_fetched(&self.folder, &header.ecosystem, now)?;
                self.reread();
                return Ok(Some(Fetched::Unchanged(header.watermark)));
            }
            Changes::Few(ids) => ids,
        };
        let fetched = match records(source, &header.ecosystem, &ids).await {
            Ok(fetched) => fetched,
            Err(why) => {
                tracing::info!(why, "what changed cannot be had one by one");
                return Ok(None);
            }
        };
        let (folder, name) = (self.folder.clone(), header.ecosystem.clone());
        let amending = tokio::task::spawn_blocking(move || {
            let built = amend(&Ecosystem::named(&name), &fetched, &folder);
            let built = built.map_err(|error| error.to_string())?;
            note_fetched(&folder, &name, now).map(|()| built)
        });
        let built = amending.await.map_err(|error| error.to_string())?;
        match built {
            Ok(built) => {
                self.reread();
                Ok(Some(Fetched::Changed(ids.len(), built)))
            }
            Err(why) => {
                tracing::warn!(why, "what changed cannot be put into the data");
                Ok(None)
            }
        }
    }

    /// Fetches it and puts it in the place of what is there.
    ///
    /// # Errors
    /// Why not, in a sentence; what was there stays.
    pub async fn fetch_exploited(
        &self,
        what: Exploitation,
        progress: Progress<'_>,
    ) -> Result<(), String> {
        let Some([known, likely]) = &self.exploited else {
            return Err("it is not fetched by this server".to_owned());
        };
        let source = match what {
            Exploitation::Known => known,
            Exploitation::Likely => likely,
        };
        let part = download(source, &source.path, &self.folder, what.file(), progress).await?;
        let kept = self.keep_exploited(what, part.path());
        part.done();
        kept
    }
}
