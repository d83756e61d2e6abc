use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Length::Exactly, *};
use crate::oci::Digest;
use bytes::Bytes;

/// What a source does in one try.
#[derive(Clone)]
enum Try {
    /// Gives all from the offset on, in pieces of so many bytes.
    All(usize),
    /// Gives so many bytes and ends, as if that were all.
    Cut(usize),
    /// Gives so many bytes and fails.
    Reset(usize),
    /// Gives all and so many bytes more.
    Excess(usize),
    /// Gives all, then an empty piece.
    EmptyEnd,
    /// Fails at once and for good.
    Refuse,
    /// Waits for a permit before each piece.
    Gated(std::sync::Arc<tokio::sync::Semaphore>, usize),
    Panic,
}

struct Script {
    content: Bytes,
    tries: VecDeque<Try>,
    opened: std::sync::Arc<AtomicUsize>,
}

struct Pieces {
    left: VecDeque<Result<Bytes, SourceError>>,
    gate: Option<std::sync::Arc<tokio::sync::Semaphore>>,
}

impl Chunks for Pieces {
    fn next(&mut self) -> Coming<'_, Option<Result<Bytes, SourceError>>> {
        Box::pin(async {
            if let Some(gate) = &self.gate {
                gate.acquire().await.unwrap().forget();
            }
            self.left.pop_front()
        })
    }
}

impl Source for Script {
    fn open(&mut self, from: u64) -> Coming<'_, Result<BoxChunks, SourceError>> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        let what = self.tries.pop_front().unwrap_or(Try::Cut(0));
        let rest = self.content.slice(from as usize..);
        let pieces = |bytes: Bytes, size: usize| -> VecDeque<_> {
            bytes
                .chunks(size.max(1))
                .map(|piece| Ok(Bytes::copy_from_slice(piece)))
                .collect()
        };
        let reset = SourceError {
            why: "connection reset".into(),
            temporary: true,
        };
        let mut gate = None;
        let left = match what {
            Try::All(size) => pieces(rest, size),
            Try::Cut(length) => pieces(rest.slice(..length.min(rest.len())), 1000),
            Try::Reset(length) => {
                let mut left = pieces(rest.slice(..length.min(rest.len())), 1000);
                left.push_back(Err(reset));
                left
            }
            Try::Excess(more) => pieces([rest.as_ref(), &vec![7; more]].concat().into(), 1000),
            Try::EmptyEnd => {
                let mut left = pieces(rest, 1000);
                left.push_back(Ok(Bytes::new()));
                left
            }
            Try::Gated(permits, size) => {
                gate = Some(permits);
                pieces(rest, size)
            }
            Try::Panic => panic!("on purpose"),
            Try::Refuse => {
                let error = SourceError {
                    why: "404".into(),
                    temporary: false,
                };
                return Box::pin(async { Err(error) });
            }
        };
        Box::pin(async move { Ok(Box::new(Pieces { left, gate }) as BoxChunks) })
    }
}

fn content(length: usize) -> Bytes {
    (0..length)
        .map(|i| (i * 31 % 251) as u8)
        .collect::<Vec<_>>()
        .into()
}

fn script(content: &Bytes, tries: &[Try]) -> (Script, std::sync::Arc<AtomicUsize>) {
    let opened = std::sync::Arc::new(AtomicUsize::new(0));
    (
        Script {
            content: content.clone(),
            tries: tries.to_vec().into(),
            opened: opened.clone(),
        },
        opened,
    )
}

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), 1 << 30).await.unwrap();
    (folder, store)
}

/// All that a reader gets, and how it ended.
async fn drain(mut reading: Reading) -> (Vec<u8>, Option<ReadError>) {
    let mut got = Vec::new();
    while let Some(piece) = reading.chunk().await {
        match piece {
            Ok(bytes) => got.extend_from_slice(&bytes),
            Err(error) => return (got, Some(error)),
        }
    }
    (got, None)
}

/// Waits, without sleeping, until no download runs.
async fn settled(store: &Store) {
    while store.stats().filling > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn good_downloads_are_served_and_kept() {
    let all = content(300_000);
    let digest = Digest::of(&all);
    let good: [&[Try]; 5] = [
        &[Try::All(65_536)],
        &[Try::All(1)],
        &[Try::EmptyEnd],
        &[Try::Cut(1_000), Try::Reset(50_000), Try::All(9_999)],
        &[Try::Reset(299_999), Try::All(5)],
    ];
    for (at, tries) in good.into_iter().enumerate() {
        let all = if at == 1 { content(2_000) } else { all.clone() };
        let digest = if at == 1 { Digest::of(&all) } else { digest };
        let (_folder, store) = store().await;
        let (source, _) = script(&all, tries);
        let (got, error) = drain(store.fill(&digest, Exactly(all.len() as u64), source)).await;
        assert!(error.is_none(), "{at}: {error:?}");
        assert_eq!(got, all, "{at}");
        settled(&store).await;
        let (again, _) = drain(store.get(&digest).await.unwrap().read(0..u64::MAX)).await;
        assert_eq!(again, all, "{at}");
    }
}

#[tokio::test]
async fn bad_downloads_never_reach_their_end_and_leave_nothing_to_serve() {
    let all = content(20_000);
    let wrong = {
        let mut bytes = all.to_vec();
        bytes[19_999] ^= 1;
        Bytes::from(bytes)
    };
    let cases: [(&str, &Bytes, &[Try]); 6] = [
        ("wrong byte", &wrong, &[Try::All(1000)]),
        ("wrong byte, empty end", &wrong, &[Try::EmptyEnd]),
        ("excess", &all, &[Try::Excess(10)]),
        ("cut for ever", &all, &[Try::Cut(19_999)]),
        ("refused", &all, &[Try::Refuse]),
        ("panic", &all, &[Try::Panic]),
    ];
    for (name, sent, tries) in cases {
        let (_folder, store) = store().await;
        let digest = Digest::of(&all);
        let (source, _) = script(sent, tries);
        let (got, error) = drain(store.fill(&digest, Exactly(20_000), source)).await;
        assert!(error.is_some(), "{name}");
        assert!(got.len() < 20_000, "{name}: all bytes were handed out");
        settled(&store).await;
        assert!(store.get(&digest).await.is_none(), "{name}");
        assert_eq!(store.stats().failed, 1, "{name}");
    }
}

#[tokio::test]
async fn wrong_bytes_of_unknown_size_are_held_too() {
    let all = content(5_000);
    let (_folder, store) = store().await;
    let (source, _) = script(&all, &[Try::EmptyEnd]);
    let (got, error) = drain(store.fill(
        &Digest::of(b"other"),
        Length::AtMost(MAX_BLOB_BYTES),
        source,
    ))
    .await;
    assert!(
        matches!(error, Some(ReadError::Fill(FillError::WrongDigest))),
        "{error:?}"
    );
    assert!(got.len() <= 4_999, "the last byte was handed out");
}

#[tokio::test]
async fn fifty_readers_share_one_download_and_leavers_stop_nothing() {
    let all = content(400_000);
    let digest = Digest::of(&all);
    let (_folder, store) = store().await;
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let (source, opened) = script(&all, &[Try::Gated(gate.clone(), 10_000)]);
    let mut leaver = store.fill(&digest, Exactly(all.len() as u64), source);
    gate.add_permits(3);
    assert!(leaver.chunk().await.unwrap().is_ok());
    drop(leaver);
    let readers: Vec<_> = (0..50)
        .map(|_| {
            let (source, _) = script(&all, &[Try::Panic]);
            tokio::spawn(drain(store.fill(
                &digest,
                Exactly(all.len() as u64),
                source,
            )))
        })
        .collect();
    gate.add_permits(1_000);
    for reader in readers {
        let (got, error) = reader.await.unwrap();
        assert!(error.is_none());
        assert_eq!(got, all);
    }
    assert_eq!(opened.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn ranges_are_exact() {
    let all = content(700_000);
    let digest = Digest::of(&all);
    let (_folder, store) = store().await;
    store.put(&digest, all.clone()).await.unwrap();
    let blob = store.get(&digest).await.unwrap();
    for range in [
        0..0,
        0..1,
        1..700_000,
        262_143..262_145,
        699_999..700_000,
        700_000..700_001,
        5_000..400_000,
    ] {
        let (got, _) = drain(blob.read(range.clone())).await;
        let end = (range.end as usize).min(all.len());
        assert_eq!(got, all[(range.start as usize).min(end)..end], "{range:?}");
    }
}

#[tokio::test]
async fn a_killed_download_is_resumed_where_it_was() {
    let all = content(100_000);
    let digest = Digest::of(&all);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("partial")).unwrap();
    let partial = folder
        .path()
        .join("partial")
        .join(digest.to_string().replace(':', "-"));
    std::fs::write(&partial, &all[..60_000]).unwrap();
    std::fs::write(folder.path().join("partial/put-1-1"), b"half").unwrap();
    let store = Store::open(folder.path(), 1 << 30).await.unwrap();
    assert!(
        store.get(&digest).await.is_none(),
        "a partial file is never served"
    );
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(100));
    let (source, _) = script(&all, &[Try::Gated(gate.clone(), 10_000)]);
    let (got, error) = drain(store.fill(&digest, Exactly(100_000), source)).await;
    assert!(error.is_none());
    assert_eq!(got, all);
    assert!(
        gate.available_permits() >= 100 - 5,
        "only the missing 40,000 bytes were fetched"
    );
    assert!(!folder.path().join("partial/put-1-1").exists());
}

#[tokio::test]
async fn a_wrong_partial_file_is_thrown_away_and_the_next_try_is_clean() {
    let all = content(50_000);
    let digest = Digest::of(&all);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), 1 << 30).await.unwrap();
    let partial = folder
        .path()
        .join("partial")
        .join(digest.to_string().replace(':', "-"));
    std::fs::write(&partial, vec![9; 20_000]).unwrap();
    let (source, _) = script(&all, &[Try::All(1000)]);
    assert!(
        drain(store.fill(&digest, Exactly(50_000), source))
            .await
            .1
            .is_some()
    );
    settled(&store).await;
    assert!(!partial.exists());
    let (source, _) = script(&all, &[Try::All(1000)]);
    assert!(
        drain(store.fill(&digest, Exactly(50_000), source))
            .await
            .1
            .is_none()
    );
}

#[tokio::test]
async fn eviction_keeps_what_is_read_and_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), 100_000).await.unwrap();
    let blobs: Vec<Bytes> = (0..5)
        .map(|i| {
            let mut b = content(30_000).to_vec();
            b[0] = i;
            b.into()
        })
        .collect();
    let digest = |i: usize| Digest::of(&blobs[i]);
    for blob in &blobs[..3] {
        store.put(&Digest::of(blob), blob.clone()).await.unwrap();
    }
    let reading = store.get(&digest(0)).await.unwrap().read(0..30_000);
    store.get(&digest(1)).await.unwrap();
    drop(store.get(&digest(0)).await);
    store.put(&digest(3), blobs[3].clone()).await.unwrap();
    assert!(store.contains(&digest(0)), "it is being read");
    assert!(!store.contains(&digest(2)), "it was of use longest ago");
    assert!(store.contains(&digest(3)), "it is new");
    assert!(store.stats().bytes <= 100_000);
    assert_eq!(drain(reading).await.0, blobs[0]);
}

#[tokio::test]
async fn a_full_disk_turns_the_download_into_a_pass_through() {
    let all = content(12_000_000);
    let digest = Digest::of(&all);
    let (folder, store) = store().await;
    store.0.full_after.store(1_000_000, Ordering::SeqCst);
    let (source, _) = script(&all, &[Try::All(100_000)]);
    let one = store.fill(&digest, Exactly(all.len() as u64), source);
    let (never, _) = script(&all, &[Try::Panic]);
    let two = store.fill(&digest, Exactly(all.len() as u64), never);
    let (one, two) = tokio::join!(tokio::spawn(drain(one)), tokio::spawn(drain(two)));
    for (got, error) in [one.unwrap(), two.unwrap()] {
        assert!(error.is_none(), "{error:?}");
        assert!(got == all);
    }
    settled(&store).await;
    assert!(store.get(&digest).await.is_none());
    assert_eq!(
        std::fs::read_dir(folder.path().join("partial"))
            .unwrap()
            .count(),
        0
    );
    let mut wrong = all.to_vec();
    wrong[0] ^= 1;
    let (source, _) = script(&wrong.into(), &[Try::All(100_000)]);
    let (got, error) = drain(store.fill(&digest, Exactly(all.len() as u64), source)).await;
    assert!(
        error.is_some() && got.len() < all.len(),
        "the last byte waits for the digest here as well"
    );
}

#[tokio::test]
async fn put_refuses_other_content_and_takes_sha512() {
    let (_folder, store) = store().await;
    assert_eq!(
        store.put(&Digest::of(b"a"), Bytes::from_static(b"b")).await,
        Err(FillError::WrongDigest)
    );
    let mut hasher: crate::oci::Hasher = format!("sha512:{}", "0".repeat(128))
        .parse::<Digest>()
        .unwrap()
        .hasher();
    hasher.update(b"a");
    let digest = hasher.finish();
    store.put(&digest, Bytes::from_static(b"a")).await.unwrap();
    assert_eq!(store.read_small(&digest, 10).await.unwrap(), "a");
    assert!(store.read_small(&digest, 0).await.is_none());
    store.remove(&digest).await;
    assert!(store.get(&digest).await.is_none());
}
