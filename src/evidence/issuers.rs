//! Issuers of certificates, asked which of them they took back, where a signer's policy says so. What they tell is kept.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use url::{Position, Url};

use crate::oci::Digest;
use crate::policy::Policy;
use crate::telemetry;
use crate::trust::{Answer, Image, Material, Question, Signer, SignerKind, examine};

use super::Content;
use super::discover::Discovery;
use super::kept::Kept;

/// For so long an answer that is of now is not asked for again: so late at most a revocation is seen here.
const FRESH_FOR: Duration = Duration::from_secs(3600);
/// Most answers that are kept: a list for each authority, a status for each certificate.
const MAX_KEPT: usize = 2_000;
/// Most times a chain is asked about: after a list that does not come the next one, then the status.
const MAX_ROUNDS: usize = 8;
/// Most questions of one signature; chains have some three links.
const MAX_QUESTIONS: usize = 32;

/// What issuers told, and a way to ask them.
#[derive(Clone)]
pub(super) struct Issuers(Arc<Kept>);

impl Issuers {
    /// Keeps answers in this folder, which need not be there.
    pub(super) fn in_folder(folder: &Path) -> Issuers {
        Issuers(Arc::new(Kept::open(folder, "told", MAX_KEPT)))
    }
}

/// Asks what notation signatures need to be believed, and puts the answers to them; says how many did not come.
pub(super) async fn inquire(
    content: &Content,
    policy: &Policy,
    signers: &[&Signer],
    image: &Image,
    discovery: &mut Discovery,
) -> usize {
    let asks = |signer: &&&Signer| match &signer.kind {
        SignerKind::Notation(notation) => notation.revocation.as_ref().is_some_and(|by| by.ask),
        _ => false,
    };
    let asking: Vec<&Signer> = signers.iter().filter(asks).copied().collect();
    let mut silent = 0;
    if asking.is_empty() {
        return silent;
    }
    for candidate in &mut discovery.candidates {
        let (mut rounds, mut asked) = (0, 0);
        while rounds < MAX_ROUNDS && asked < MAX_QUESTIONS {
            let now = telemetry::now();
            let examined = examine(&candidate.material, image, &asking, policy.roots(), now);
            let Material::Notation { answers, .. } = &mut candidate.material else {
                break;
            };
            if examined.questions.is_empty() {
                break;
            }
            for question in &examined.questions {
                let answer = answer(content, question).await;
                silent += usize::from(!answer.is_told());
                answers.push(answer);
                asked += 1;
            }
            rounds += 1;
        }
    }
    silent
}

/// What is kept and fresh, else what the issuer says now, else what is kept.
async fn answer(content: &Content, question: &Question) -> Answer {
    let name = Digest::of(question.address.as_bytes()).hex().to_owned();
    let kept = content.issuers().0.clone();
    let (reader, reading) = (kept.clone(), name.clone());
    let read = move || reader.read(&reading).zip(reader.age(&reading));
    let read = tokio::task::spawn_blocking(read).await.ok().flatten();
    let now = telemetry::now();
    let before = read.and_then(|(bytes, age)| Some((question.answer(&bytes, now).ok()?, age)));
    if let Some((answer, age)) = &before
        && *age < FRESH_FOR
        && answer.is_current(now)
    {
        return answer.clone();
    }
    let fetched = fetch(content, question).await;
    let told = fetched.and_then(|bytes| {
        let told = question.answer(&bytes, now);
        told.map(|told| (told, bytes))
            .map_err(|why| format!("{}: {why}", question.address))
    });
    match (told, before) {
        (Ok((answer, bytes)), _) => {
            let keep = move || kept.write(&name, &bytes);
            if let Ok(Err(error)) = tokio::task::spawn_blocking(keep).await {
                tracing::warn!(%error, "what an issuer of certificates told is not kept");
            }
            answer
        }
        (Err(why), Some((answer, _))) => {
            tracing::warn!(%why, "an issuer of certificates does not tell; its last word counts");
            answer
        }
        (Err(why), None) => {
            tracing::warn!(%why, "an issuer of certificates does not tell");
            question.unanswered(why)
        }
    }
}

async fn fetch(content: &Content, question: &Question) -> Result<Bytes, String> {
    let url = Url::parse(&question.address).map_err(|error| error.to_string())?;
    let server = content.elsewhere(&url).map_err(|error| error.to_string())?;
    let path = &url[Position::BeforePath..Position::AfterQuery];
    let most = u64::try_from(question.most).unwrap_or(u64::MAX);
    let fetched = server.document(path, most).await;
    fetched.map_err(|error| error.to_string())
}
