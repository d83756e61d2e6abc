//! Those who pulled something, as lines of a message.

use std::time::Duration;

use crate::ledger::{LedgerError, Puller};

/// How long they are looked for: neither a revocation nor a pull waits for somebody's long question to the ledger.
const PATIENCE: Duration = Duration::from_secs(3);

/// A line each; one that says why where they were not found: the message goes out all the same.
pub(super) async fn lines(
    found: impl Future<Output = Result<Vec<Puller>, LedgerError>>,
) -> Vec<String> {
    match tokio::time::timeout(PATIENCE, found).await {
        Ok(Ok(pullers)) => pullers.iter().map(Puller::words).collect(),
        Ok(Err(error)) => vec![format!("who pulled it could not be read: {error}")],
        Err(_) => vec!["who pulled it was not found in time".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_message_goes_out_without_those_who_are_not_found() {
        let lost = async { Err(LedgerError("disk I/O error".to_owned())) };
        assert_eq!(
            lines(lost).await,
            ["who pulled it could not be read: ledger: disk I/O error"]
        );
        assert_eq!(
            lines(std::future::pending()).await,
            ["who pulled it was not found in time"]
        );
    }
}
