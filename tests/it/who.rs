//! "Who pulled it?"

use lazaret::ledger::{About, Puller};

use crate::scans::{APP, advisory, at, debian, gate, image, know, refused};

#[tokio::test]
async fn whoever_was_served_is_found_by_all_that_it_has() {
    let (registry, gate) = gate().await;
    know(
        &gate,
        &[advisory("DSA-1", "3.0.13-1").replace("CRITICAL", "LOW")],
    )
    .await;
    know(&gate, &[advisory("DSA-2", "3.0.12-1")]).await;
    let pushed = registry.push_image(APP, "1", &image(vec![debian("3.0.14-1")]));
    registry.push_image(APP, "bad", &image(vec![debian("3.0.11-1")]));
    at(&gate).pull(APP, "1").await.pulled();
    refused(&gate, "bad").await;
    gate.ledger.flush().await.unwrap();
    let start = lazaret::telemetry::now() - jiff::SignedDuration::from_hours(1);
    let who =
        async |about: About| -> Vec<Puller> { gate.ledger.pullers(about, start, 9).await.unwrap() };
    let name = format!("docker.io/{APP}");
    let layer = pushed.children[0].layers[0];
    for about in [
        About::Digest(pushed.digest),
        About::Digest(layer),
        About::Repository(name.parse().unwrap()),
        About::Reference(format!("{name}:1").parse().unwrap()),
    ] {
        let found = who(about.clone()).await;
        assert_eq!(found.len(), 1, "{about:?}: {found:?}");
        assert_eq!(
            (found[0].reference.as_str(), found[0].digest),
            (format!("{name}:1").as_str(), Some(pushed.digest))
        );
        assert!(
            found[0].address.is_loopback()
                && found[0].requests > 0
                && found[0].first <= found[0].last
        );
    }
    // Whoever was refused has not pulled it.
    assert!(who(About::Finding("DSA-2".to_owned())).await.is_empty());
    assert!(
        who(About::Reference(format!("{name}:bad").parse().unwrap()))
            .await
            .is_empty()
    );
    let later = lazaret::telemetry::now() + jiff::SignedDuration::from_hours(1);
    let about = About::Repository(name.parse().unwrap());
    assert!(
        gate.ledger
            .pullers(about, later, 9)
            .await
            .unwrap()
            .is_empty()
    );
}
