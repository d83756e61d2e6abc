//! All collectors at once, under one deadline; a late or crashed one is `Unavailable`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::oci::Repository;
use crate::policy::{Evidence, Gathered, NameEvidence, Policy, Subject};

use super::scan::Asking;
use super::{Content, Scanner, Structure, Within, config, dossier, signature, statements};

/// How long all collectors together may take; a hold lasts as long at most.
pub const GATHER_DEADLINE: Duration = Duration::from_secs(180);

/// What collectors work with.
#[derive(Clone)]
pub struct Tools {
    /// Store and registries.
    pub content: Arc<Content>,
    /// Looks into layers.
    pub scanner: Arc<Scanner>,
}

/// Gathers what is kept of `subject`, without asking anybody: its configuration and what is in its layers. `None` where
/// a part of it is not here any more.
pub async fn recall(
    tools: &Tools,
    subject: &Subject,
    policy: &Policy,
    name: Gathered<NameEvidence>,
) -> Option<(Structure, Evidence)> {
    let kept = Arc::new(tools.content.kept());
    let structure = Structure::read(&kept, subject, policy.platforms())
        .await
        .ok()?;
    let repository = subject.reference.repository();
    let mut evidence = Evidence::unavailable("it is not asked for");
    evidence.name = name;
    evidence.config = config::collect(&kept, repository, &structure).await;
    let structure = Arc::new(structure);
    if policy.needs(repository).scan {
        let scanner = tools.scanner.clone();
        let asking = asking(policy, repository, false);
        let scan = scanner.collect(kept, repository.clone(), structure.clone(), asking);
        evidence.scan = scan.await;
    }
    let scans = policy.needs(repository).scan;
    let gone = matches!(evidence.config, Gathered::Unavailable { .. })
        || scans && matches!(evidence.scan, Gathered::Unavailable { .. });
    (!gone).then(|| (Arc::unwrap_or_clone(structure), evidence))
}

/// Gathers the evidence about `subject`; the name was judged before anything was fetched and comes along. `within`: the
/// indexes that list the subject and were asked for.
pub async fn gather(
    tools: &Tools,
    subject: &Arc<Subject>,
    structure: &Arc<Structure>,
    policy: &Arc<Policy>,
    name: Gathered<NameEvidence>,
    within: &Arc<[Within]>,
) -> Evidence {
    let Tools { content, scanner } = tools;
    let config = {
        let (content, subject, structure) = (content.clone(), subject.clone(), structure.clone());
        guarded(async move {
            config::collect(&content, subject.reference.repository(), &structure).await
        })
    };
    let scan = {
        let repository = subject.reference.repository().clone();
        let wanted = policy.needs(&repository).scan;
        let asking = asking(policy, &repository, true);
        let (scanner, content, structure) = (scanner.clone(), content.clone(), structure.clone());
        guarded(async move {
            match wanted {
                true => {
                    scanner
                        .collect(content, repository, structure, asking)
                        .await
                }
                false => Gathered::Absent,
            }
        })
    };
    let signed = signature::collect(
        content.clone(),
        subject.clone(),
        policy.clone(),
        within.clone(),
    );
    let signed = guarded(async { Gathered::Found(signed.await) });
    let (config, signed, scan) = tokio::join!(config, signed, scan);
    dossier::keep_documents(content.dossiers(), content.store(), subject, structure).await;
    let (signature, attestation) = match signed {
        Gathered::Found(both) => both,
        Gathered::Absent => (Gathered::Absent, Gathered::Absent),
        Gathered::Unavailable { why } => (
            Gathered::unavailable(why.clone()),
            Gathered::unavailable(why),
        ),
    };
    let repository = subject.reference.repository();
    let scan = statements::regard(scan, &attestation, policy, repository, &subject.digest);
    Evidence {
        revoked: Vec::new(),
        newest_signed: None,
        predecessor: None,
        admitted: None,
        name,
        config,
        signature,
        attestation,
        scan,
    }
}

/// Which other scanners the rule asks for.
pub(super) fn asking(policy: &Policy, repository: &Repository, anybody: bool) -> Asking {
    let profile = policy.rule_for(repository).scan.iter();
    let names = profile.flat_map(|scan| scan.scanners.iter().chain(&scan.consulted));
    Asking {
        names: names.cloned().collect(),
        anybody,
    }
}

/// Runs one collector apart, so that its panic or its delay is its own.
async fn guarded<T: Send + 'static>(
    collector: impl Future<Output = Gathered<T>> + Send + 'static,
) -> Gathered<T> {
    match tokio::time::timeout(GATHER_DEADLINE, tokio::spawn(collector)).await {
        Ok(Ok(gathered)) => gathered,
        Ok(Err(_)) => Gathered::unavailable("the check crashed; the server's log has the reason"),
        Err(_) => {
            Gathered::unavailable(format!("no result within {} s", GATHER_DEADLINE.as_secs()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_hanging_collector_is_unavailable() {
        let gathered = guarded(std::future::pending::<Gathered<()>>()).await;
        assert!(matches!(gathered, Gathered::Unavailable { why } if why.contains("180 s")));
    }

    #[tokio::test]
    async fn a_crashing_collector_is_unavailable() {
        let gathered = guarded::<()>(async { panic!("on purpose") }).await;
        assert!(matches!(gathered, Gathered::Unavailable { .. }));
    }
}
