//! Watching a file for changes: by looking, every second, for that works with every editor, mount and symlink.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Calls `changed` with the file's text whenever it differs from what it was, or with the error when it cannot be
/// read (once, until it can). `nudge` makes it look and call at once, changed or not. Never returns.
pub async fn watch<F>(file: PathBuf, mut last: String, nudge: Arc<Notify>, mut changed: F)
where
    F: FnMut(Result<&str, String>),
{
    let mut missing = false;
    loop {
        let asked = tokio::select! {
            () = nudge.notified() => true,
            () = tokio::time::sleep(LOOK) => false,
        };
        match tokio::fs::read_to_string(&file).await {
            Ok(text) => {
                missing = false;
                if asked || text != last {
                    last = text;
                    changed(Ok(&last));
                }
            }
            Err(error) => {
                if !missing || asked {
                    changed(Err(format!("{}: {error}", file.display())));
                }
                missing = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_absence_and_nudges_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.toml");
        std::fs::write(&file, "one").unwrap();
        let (told, mut hear) = tokio::sync::mpsc::unbounded_channel();
        let nudge = Arc::new(Notify::new());
        let watching = tokio::spawn(watch(file.clone(), "one".into(), nudge.clone(), move |text| {
            told.send(text.map(str::to_owned)).unwrap();
        }));
        nudge.notify_one();
        assert_eq!(hear.recv().await.unwrap().unwrap(), "one");
        std::fs::write(folder.path().join("new"), "two").unwrap();
        std::fs::rename(folder.path().join("new"), &file).unwrap();
        assert_eq!(hear.recv().await.unwrap().unwrap(), "two");
        std::fs::remove_file(&file).unwrap();
        assert!(hear.recv().await.unwrap().is_err());
        watching.abort();
    }
}
