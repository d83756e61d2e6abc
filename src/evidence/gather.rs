//! All collectors at once, under one deadline; a late or crashed one is `Unavailable`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::policy::{Evidence, Gathered, NameEvidence, Policy, Subject};

use super::{Content, Structure, Within, config, scan, signature};

/// How long all collectors together may take; a hold lasts as long at most.
pub const GATHER_DEADLINE: Duration = Duration::from_secs(180);

/// Gathers the evidence about `subject`; the name was judged before anything was fetched and comes along. `within`: the
/// indexes that list the subject and were asked for.
pub async fn gather(
    content: &Arc<Content>,
    subject: &Arc<Subject>,
    structure: &Arc<Structure>,
    policy: &Arc<Policy>,
    name: Gathered<NameEvidence>,
    within: &Arc<[Within]>,
) -> Evidence {
    let config = {
        let (content, subject, structure) = (content.clone(), subject.clone(), structure.clone());
        guarded(async move {
            config::collect(&content, subject.reference.repository(), &structure).await
        })
    };
    let signed = signature::collect(
        content.clone(),
        subject.clone(),
        policy.clone(),
        within.clone(),
    );
    let signed = guarded(async { Gathered::Found(signed.await) });
    let (config, signed, scan) = tokio::join!(config, signed, guarded(scan::collect()));
    let (signature, attestation) = match signed {
        Gathered::Found(both) => both,
        Gathered::Absent => (Gathered::Absent, Gathered::Absent),
        Gathered::Unavailable { why } => (
            Gathered::unavailable(why.clone()),
            Gathered::unavailable(why),
        ),
    };
    Evidence {
        name,
        config,
        signature,
        attestation,
        scan,
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
