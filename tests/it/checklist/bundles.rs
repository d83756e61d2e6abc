//! Bundles: log entries, versions, and the lives of certificates and keys.

use super::*;

#[tokio::test]
async fn log_entries_of_other_signatures_and_changed_ones_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let (instance, other_log, key, other) =
        (Instance::new(), Instance::new(), Key::new(), Key::new());
    let signer = key.signer("ci").replace("tlog = \"off\"", "root = \"own\"");
    let text = ruled(BY_CI, &[instance.root_table("own", folder.path()), signer]);
    let logged = |layer: &mut Layer| instance.log(layer, &key.pem(), NOON);
    type Forge<'a> = (&'a str, &'a dyn Fn(&Digest, &mut Layer));
    let cases: [Forge<'_>; 11] = [
        ("", &|_, layer| logged(layer)),
        ("no transparency log", &|_, layer| unlog(layer)),
        ("", &|digest, layer| {
            // The same payload signed twice: either entry is that of its own signature only.
            let mut again = key.simple(digest, NAME);
            logged(&mut again);
            logged(layer);
            *layer = again;
        }),
        ("signature-untrusted", &|digest, layer| {
            let mut again = key.simple(digest, NAME);
            logged(&mut again);
            logged(layer);
            *entry(layer) = entry(&mut again).clone();
        }),
        ("signature-untrusted", &|digest, layer| {
            let mut elsewhere = key.simple(digest, "ghcr.io/acme/other");
            logged(&mut elsewhere);
            logged(layer);
            *entry(layer) = entry(&mut elsewhere).clone();
        }),
        ("signature-untrusted", &|_, layer| {
            instance.log(layer, &other.pem(), NOON)
        }),
        ("signature-untrusted", &|_, layer| {
            other_log.log(layer, &key.pem(), NOON)
        }),
        ("signature-untrusted", &|_, layer| {
            logged(layer);
            change(layer, |entry| {
                entry["Payload"]["integratedTime"] = json!(NOON + 1)
            });
        }),
        ("signature-untrusted", &|_, layer| {
            logged(layer);
            change(layer, |entry| entry["Payload"]["logIndex"] = json!(8));
        }),
        ("signature-untrusted", &|_, layer| {
            logged(layer);
            change(layer, |entry| {
                entry["SignedEntryTimestamp"] = json!("MEUCIQ==")
            });
        }),
        ("signature-untrusted", &|_, layer| {
            logged(layer);
            change(layer, |entry| {
                entry["Payload"]["logID"] = json!(other_log.log_id())
            });
        }),
    ];
    for (number, (words, forge)) in cases.iter().enumerate() {
        let said = classic(&text, |digest| {
            let mut layer = key.simple(digest, NAME);
            instance.log(&mut layer, &key.pem(), NOON);
            forge(digest, &mut layer);
            vec![layer]
        })
        .await;
        match said {
            Ok(()) => assert!(words.is_empty(), "{number} was believed"),
            Err(said) => assert!(
                !words.is_empty() && said.contains(words),
                "{number}: {said}"
            ),
        }
    }
}

#[tokio::test]
async fn bundles_of_old_versions_or_with_more_entries_do_not_count() {
    let key = Key::new();
    let text = ruled(BY_CI, &[key.signer("ci")]);
    for (from, to, fits) in [
        ("tlogEntries", "tlogEntries", true),
        (
            BUNDLE,
            "application/vnd.dev.sigstore.bundle+json;version=0.1",
            false,
        ),
        (
            BUNDLE,
            "application/vnd.dev.sigstore.bundle+json;version=0.2",
            false,
        ),
        (BUNDLE, "application/vnd.dev.sigstore.bundle.v9+json", false),
    ] {
        let (registry, gate, image) = scene(&text).await;
        let mut layer = key.bundle(&image.digest, SIGN, json!({}));
        let content = String::from_utf8(layer.content).unwrap();
        layer.content = content.replace(from, to).into_bytes();
        push(&registry, APP, &[layer], Some(&image.descriptor));
        assert_eq!(said(&gate, "1").await.is_ok(), fits, "{to}");
    }
    // One log counted twice is one log, and a bundle that brings two entries is none of the log's clients'.
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::new();
    let signer = key.signer("ci").replace("tlog = \"off\"", "root = \"own\"");
    let text = ruled(BY_CI, &[instance.root_table("own", folder.path()), signer]);
    let (registry, gate, image) = scene(&text).await;
    let entry = json!({ "logIndex": "7", "logId": { "keyId": "AAAA" }, "kindVersion": { "kind": "dsse", "version": "0.0.1" },
        "integratedTime": NOON.to_string(), "canonicalizedBody": "e30=", "inclusionPromise": { "signedEntryTimestamp": "AAAA" },
        "inclusionProof": { "logIndex": "7", "rootHash": "AAAA", "treeSize": "8", "hashes": [], "checkpoint": { "envelope": "x" } } });
    let mut layer = key.bundle(&image.digest, SIGN, json!({}));
    let content = String::from_utf8(layer.content).unwrap();
    let twice = format!("\"tlogEntries\":[{entry},{entry}]");
    layer.content = content.replace("\"tlogEntries\":[]", &twice).into_bytes();
    push(&registry, APP, &[layer], Some(&image.descriptor));
    denied(&gate, "1", "signature-untrusted").await;
}

#[tokio::test]
async fn a_certificate_counts_in_its_own_time_only() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::new();
    let text = keyless(&instance, folder.path(), "");
    let ci = instance.certify(&CI);
    for (days, fits) in [
        (0, true),
        (-1, false),
        (1, false),
        (400, false),
        (20_000, false),
    ] {
        let said = classic(&text, |digest| {
            vec![instance.signed(&ci, digest, NAME, days)]
        })
        .await;
        assert_eq!(said.is_ok(), fits, "{days}: {said:?}");
    }
    let said = classic(&text, |digest| {
        let mut layer = instance.signed(&ci, digest, NAME, 0);
        unlog(&mut layer);
        vec![layer]
    })
    .await;
    assert!(said.unwrap_err().contains("no transparency log"));
}

#[tokio::test]
async fn a_log_key_counts_within_its_life_only() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::new();
    let text = keyless(&instance, folder.path(), "");
    let ci = instance.certify(&CI);
    for (end, fits) in [
        ("2026-05-11T00:00:00Z", true),
        ("2026-05-10T00:00:00Z", false),
    ] {
        std::fs::write(folder.path().join("own.json"), instance.root(Some(end))).unwrap();
        let said = classic(&text, |digest| vec![instance.signed(&ci, digest, NAME, 0)]).await;
        assert_eq!(said.is_ok(), fits, "{end}: {said:?}");
    }
}
