//! What would be said of an image now, for explain pages.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::admission::{Admission, Replayed};
use crate::console::{Judge, Today};

/// How long a page waits for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Images that are judged for pages at once: whoever reads pages must not hold up pulls.
const AT_ONCE: usize = 2;

/// Judges by the policy in force and what is kept; nobody is asked and nothing recorded.
pub fn today(admission: Arc<Admission>) -> Judge {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    Box::new(move |reference, digest| {
        let (admission, room) = (admission.clone(), room.clone());
        Box::pin(async move {
            let judging = async {
                let _room = room.acquire().await;
                admission.replay(&reference, digest).await
            };
            match tokio::time::timeout(PATIENCE, judging).await {
                Ok(Ok(Replayed::Judged(verdict))) => Today::Judged(verdict),
                Ok(Ok(Replayed::Lacking(why))) => Today::Unknown(why),
                Ok(Err(error)) => Today::Unknown(vec![error.to_string()]),
                Err(_) => Today::Unknown(vec!["it could not be judged in time".to_owned()]),
            }
        })
    })
}
