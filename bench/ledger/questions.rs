//! Who pulled what, and what was decided: how long answers take.

use super::*;

async fn timed(what: &str, ask: impl AsyncFn() -> u64) {
    let mut rounds: Vec<(Duration, u64)> = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let rows = ask().await;
        rounds.push((started.elapsed(), rows));
    }
    rounds.sort_unstable();
    let (median, rows) = rounds[ROUNDS / 2];
    let (worst, _) = rounds[ROUNDS - 1];
    println!("{what} | {median:.2?}, at worst {worst:.2?} | {rows} rows");
}

pub(crate) async fn ask(ledger: &Arc<SqliteLedger>, made: &[Decision], pulls: usize) {
    let pulled_in = SignedDuration::from_millis(pulls as i64 * 2);
    let who = async |about: About| ledger.pulled(Who::of(about, 1_000)).await.unwrap();
    let held = |kind, text: &str| About::Held(kind, text.to_owned(), None);
    let popular = made[0].reference.clone();
    for (what, about) in [
        (
            "who pulled the most popular image",
            About::Digest(digest("image", 0)),
        ),
        (
            "who pulled a rare image",
            About::Digest(digest("image", 4_321)),
        ),
        (
            "who has the base layer of all images",
            About::Digest(digest("base", 0)),
        ),
        (
            "who has a layer of one image",
            About::Digest(digest("layer", 321 * 5)),
        ),
        (
            "who pulled the most popular name",
            About::Reference(popular),
        ),
        (
            "who pulled of a repository",
            About::Repository(made[7].reference.repository().clone()),
        ),
        (
            "who has a package (400 images)",
            held(HeldKind::Package, "package-77"),
        ),
        (
            "who has an advisory (67 images)",
            held(HeldKind::Advisory, "CVE-2026-77"),
        ),
        (
            "who has a package in one version",
            About::package("package-77@1.3.77"),
        ),
        (
            "who has what a signer vouched for (all images)",
            held(HeldKind::Signer, "release-bot"),
        ),
        (
            "who has a word of any kind",
            About::Word("package-78".to_owned()),
        ),
    ] {
        timed(what, async || who(about.clone()).await.all).await;
    }
    let base = Who::of(About::Digest(digest("base", 0)), 1_000);
    let client = Some(machine(77).address.to_string());
    let day = SignedDuration::from_hours(24);
    for (what, who) in [
        (
            "who has the base layer, the hundredth page",
            Who {
                skip: 20_000,
                ..base.clone()
            },
        ),
        (
            "who has the base layer, since the last hour",
            Who {
                since: made[0].at + pulled_in - day / 24,
                ..base.clone()
            },
        ),
        (
            "whether a machine has the base layer",
            Who {
                client: client.clone(),
                ..base.clone()
            },
        ),
        (
            "all that a machine pulled",
            Who {
                about: None,
                client: client.clone(),
                ..base.clone()
            },
        ),
    ] {
        timed(what, async || ledger.pulled(who.clone()).await.unwrap().all).await;
    }
    let all = Who { most: None, ..base };
    timed(
        "all of who has the base layer, read to the end",
        async || {
            let mut rows = 0;
            let mut each = |_| {
                rows += 1;
                true
            };
            ledger.each_puller(&all, &mut each).unwrap();
            rows
        },
    )
    .await;
    let newest = Search {
        most: 100,
        ..Search::default()
    };
    timed("the newest hundred decisions", async || {
        ledger.search(newest.clone()).await.unwrap().len() as u64
    })
    .await;
    timed("the newest hundred pulls", async || {
        ledger.search_pulls(newest.clone()).await.unwrap().len() as u64
    })
    .await;
    let by = Search { client, ..newest };
    timed("the newest hundred pulls of a machine", async || {
        ledger.search_pulls(by.clone()).await.unwrap().len() as u64
    })
    .await;
}
