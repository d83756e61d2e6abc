//! Who is told later, or all at once, or no more.

use super::*;

#[tokio::test]
async fn whoever_was_away_is_told_later_and_by_the_same_id() {
    let (_folder, ledger) = ledger();
    let outbox = Ledger::outbox(ledger.as_ref());
    let hook = FakeRegistry::start().await;
    answering(&hook, 503);
    outbox.begin("ops".to_owned()).await.unwrap();
    happens(ledger.as_ref(), EventKind::Blocked, "docker.io/acme/app:1").await;
    let mut courier = Courier::new(webhook(&hook), ledger.clone());
    courier.round().await.unwrap();
    let first = hook.requests().remove(0);
    // It is left alone for a while; and the process may end in the middle.
    courier.round().await.unwrap();
    assert_eq!(hook.requests().len(), 1);
    drop(courier);
    answering(&hook, 302);
    outbox
        .retry("ops".to_owned(), lazaret::telemetry::now())
        .await
        .unwrap();
    let mut courier = Courier::new(webhook(&hook), ledger.clone());
    courier.round().await.unwrap();
    let posted = hook.requests();
    assert_eq!(posted.len(), 2, "a redirect is not followed");
    let ids: Vec<_> = posted
        .iter()
        .map(|by| by.header("webhook-id").unwrap())
        .collect();
    assert_eq!(ids, [first.header("webhook-id").unwrap(); 2]);
    let backlog = outbox.backlog("ops".to_owned()).await.unwrap();
    assert_eq!((backlog.waiting, backlog.given_up), (1, 0));
    assert!(backlog.why.unwrap().contains("302"));
    answering(&hook, 204);
    outbox
        .retry("ops".to_owned(), lazaret::telemetry::now())
        .await
        .unwrap();
    Courier::new(webhook(&hook), ledger.clone())
        .round()
        .await
        .unwrap();
    let backlog = outbox.backlog("ops".to_owned()).await.unwrap();
    assert_eq!(
        (backlog.waiting, backlog.given_up, backlog.why),
        (0, 0, None)
    );
}

/// The worst first, some by themselves, and the rest as one message in the next minute.
#[tokio::test(start_paused = true)]
async fn a_flood_is_one_message() {
    let (folder, ledger) = ledger();
    let file = folder.path().join("events.jsonl");
    // No socket, so that nothing but the clock of this test decides about time.
    let mut courier = target("ops", Way::File(file.clone(), Fields::Ecs));
    courier.most_per_minute = Some(10);
    let mut courier = Courier::new(courier, ledger.clone());
    let said = || -> Vec<Value> {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    Ledger::outbox(ledger.as_ref())
        .begin("ops".to_owned())
        .await
        .unwrap();
    let desk = ledger.as_ref();
    for n in 0..30 {
        happens(
            desk,
            EventKind::Blocked,
            &format!("docker.io/acme/app{n}:1"),
        )
        .await;
    }
    happens(desk, EventKind::Revoked, "signer ci").await;
    courier.round().await.unwrap();
    courier.round().await.unwrap();
    assert_eq!(said().len(), 10);
    assert_eq!(said()[0]["message"], "Revoked: signer ci");
    happens(desk, EventKind::Blocked, "docker.io/acme/late:1").await;
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    courier.round().await.unwrap();
    assert_eq!(said().len(), 11);
    let last = said().remove(10);
    assert_eq!(last["message"], "In short: 22 × pull blocked");
    assert_eq!(last["lazaret"]["count"], 22);
    assert_eq!(last["event"]["reference"], "https://lazaret.test/");
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    courier.round().await.unwrap();
    assert_eq!(said().len(), 11, "and nothing is left");
}

#[tokio::test]
async fn in_quiet_hours_only_what_is_urgent_disturbs_and_nothing_is_lost() {
    let (_folder, ledger) = ledger();
    let outbox = Ledger::outbox(ledger.as_ref());
    let hook = hook().await;
    outbox.begin("ops".to_owned()).await.unwrap();
    let desk = ledger.as_ref();
    let utc = jiff::tz::TimeZone::UTC;
    let today = utc.to_datetime(lazaret::telemetry::now()).date();
    let mut quiet = webhook(&hook);
    quiet.quiet = Some(Quiet {
        hours: None,
        days: vec![today.weekday(), today.tomorrow().unwrap().weekday()],
        zone: utc.clone(),
        lets: Some(Urgency::Critical),
    });
    for n in 0..3 {
        happens(
            desk,
            EventKind::Blocked,
            &format!("docker.io/acme/app{n}:1"),
        )
        .await;
    }
    happens(desk, EventKind::Revoked, "signer ci").await;
    let mut courier = Courier::new(quiet, ledger.clone());
    courier.round().await.unwrap();
    assert_eq!(titles(&hook), ["Revoked: signer ci"]);
    let backlog = outbox.backlog("ops".to_owned()).await.unwrap();
    assert_eq!(
        (backlog.waiting, backlog.why.as_deref()),
        (3, Some("quiet hours"))
    );
    // They are over when their end is reached, not before.
    let end = today.tomorrow().unwrap().tomorrow().unwrap();
    let end = end.to_datetime(jiff::civil::Time::midnight());
    let end = utc.to_timestamp(end).unwrap();
    let before = end - jiff::SignedDuration::from_secs(1);
    assert!(
        outbox
            .due("ops".to_owned(), before, 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(outbox.due("ops".to_owned(), end, 9).await.unwrap().len(), 3);
}

/// Takes connections and says nothing: whoever waits for an answer waits as long as it has patience.
#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_holds_up_nobody_and_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let nobody = Settings {
        registries: Vec::new(),
        ..Settings::default()
    };
    let patience = nobody.timeouts.connect + nobody.timeouts.read;
    let upstream = Upstreams::new(nobody).unwrap();
    let hanging = || {
        let upstream = upstream.elsewhere(&url.parse().unwrap()).unwrap();
        let path = "/hook".to_owned();
        target("hanging", Way::Webhook(Place { upstream, path }, None))
    };
    let (folder, ledger) = ledger();
    let outbox = Ledger::outbox(ledger.as_ref());
    for name in ["hanging", "well"] {
        outbox.begin(name.to_owned()).await.unwrap();
    }
    let file = folder.path().join("told.jsonl");
    let event = happens(ledger.as_ref(), EventKind::Blocked, "docker.io/acme/app:1").await;
    // The clock stands while something blocks: only this test moves it.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let standing = tokio::task::spawn_blocking(move || held.recv());
    let started = tokio::time::Instant::now();
    let hangs = tokio::spawn(deliver(hanging(), ledger.clone()));
    let well = target("well", Way::File(file.clone(), Fields::Ecs));
    let well = tokio::spawn(deliver(well, ledger.clone()));
    let told = || {
        let said = std::fs::read_to_string(&file);
        said.is_ok_and(|said| said.contains(&event.id.to_string()))
    };
    while !told() && started.elapsed() < patience / 2 {
        tokio::time::advance(std::time::Duration::from_millis(500)).await;
        // Whatever is written meanwhile is written.
        for _ in 0..50 {
            ledger.flush().await.unwrap();
        }
    }
    assert!(told(), "the other waits for it");
    let backlog = outbox.backlog("hanging".to_owned()).await.unwrap();
    assert_eq!((backlog.waiting, backlog.given_up), (1, 0));
    hangs.abort();
    well.abort();
    release.send(()).unwrap();
    standing.await.unwrap().unwrap();

    // Each try ends in time, and after the last it is told nowhere that it was told.
    let mut courier = Courier::new(hanging(), ledger.clone());
    let mut tries = 0;
    loop {
        let backlog = outbox.backlog("hanging".to_owned()).await.unwrap();
        if backlog.waiting == 0 {
            assert_eq!(backlog.given_up, 1);
            assert!(backlog.why.unwrap().contains("no answer in time"));
            break;
        }
        let begun = tokio::time::Instant::now();
        courier.round().await.unwrap();
        assert!(begun.elapsed() <= patience + std::time::Duration::from_secs(1));
        tries += 1;
        assert!(tries <= 50, "it is tried for ever");
        // The pause of an hour, and that for which a target is left alone.
        let behind = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
        behind.execute("UPDATE owed SET next = 0", []).unwrap();
        tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
    }
    assert!((47..=48).contains(&tries), "{tries} tries");
    let [dead] =
        <[_; 1]>::try_from(outbox.given_up("hanging".to_owned(), 9).await.unwrap()).unwrap();
    assert_eq!(dead.event.id, event.id);
}
