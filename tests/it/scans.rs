//! Pulls of images whose layers are looked into: advisories on disk, fetched, changed, absent.

mod fetched;

use std::sync::Arc;

use lazaret::admission::Answer;
use lazaret::evidence::{AdvisoryData, AdvisorySource, Exploitation};
use lazaret::upstream::{RegistrySettings, Settings, Timeouts, Upstreams};
use serde_json::json;

use crate::support::client::Client;
use crate::support::fake_registry::{FakeRegistry, Fault, ImageSpec, Times};
use crate::support::gate::{Gate, Setup};
use crate::support::tarball::tarball;

pub(crate) const POLICY: &str = r#"
version = 1
platforms = ["linux/amd64", "linux/arm64"]
[names]
registries = ["docker.io"]
[scan.standard]
only_fixable = true
[default]
unsigned = "allow"
scan = "standard"
"#;
pub(crate) const APP: &str = "acme/app";
const DEBIAN: &[u8] = b"ID=debian\nVERSION_ID=\"12\"\n";

/// A layer of Debian 12 with one package.
pub(crate) fn debian(openssl: &str) -> Vec<u8> {
    let status = format!(
        "Package: libssl3\nStatus: install ok installed\nSource: openssl\nVersion: {openssl}\n\n"
    );
    tarball(&[
        ("etc/os-release", DEBIAN),
        ("var/lib/dpkg/status", status.as_bytes()),
    ])
}

pub(crate) fn image(layers: Vec<Vec<u8>>) -> ImageSpec {
    ImageSpec {
        layers,
        ..ImageSpec::default()
    }
}

pub(crate) fn advisory(id: &str, fixed: &str) -> String {
    json!({
        "id": id, "modified": "2026-01-02T00:00:00Z", "published": "2026-01-01T00:00:00Z", "aliases": ["CVE-2026-1"],
        "database_specific": { "severity": "CRITICAL" },
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
        "affected": [{
            "package": { "ecosystem": "Debian:12", "name": "openssl" },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }],
        }],
    })
    .to_string()
}

pub(crate) async fn know(gate: &Gate, advisories: &[String]) {
    let export = gate.data().join("export.jsonl");
    std::fs::write(&export, advisories.join("\n")).unwrap();
    let data = gate.admission.scanner().advisories().clone();
    let now = lazaret::telemetry::now();
    data.import(&export, Some("Debian"), now).await.unwrap();
}

pub(crate) async fn gate() -> (FakeRegistry, Gate) {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(POLICY).start(&registry).await;
    (registry, gate)
}

pub(crate) fn at(gate: &Gate) -> Client {
    gate.at_gateway().with_namespace("docker.io")
}

pub(crate) async fn refused(gate: &Gate, tag: &str) -> String {
    let client = at(gate);
    client.pull(APP, tag).await.refused();
    client
        .get(&format!("/v2/{APP}/manifests/{tag}?ns=docker.io"))
        .await
        .text()
}

/// A zip archive of records, as OSV's are.
pub(crate) fn zip(records: &[String]) -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for (at, record) in records.iter().enumerate() {
        let (mut entry, config) = archive.new_file(format!("R-{at}.json")).start().unwrap();
        let mut writer = config.wrap(&mut entry);
        std::io::Write::write_all(&mut writer, record.as_bytes()).unwrap();
        let (_, output) = writer.finish().unwrap();
        entry.finish(output).unwrap();
    }
    archive.finish().unwrap()
}

#[tokio::test]
async fn a_vulnerable_image_is_refused_and_a_fixed_one_comes_through() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    registry.push_image(APP, "old", &image(vec![debian("3.0.11-1")]));
    registry.push_image(APP, "new", &image(vec![debian("3.0.13-1")]));
    let said = refused(&gate, "old").await;
    assert!(
        said.contains("CVE-2026-1 (DSA-1), critical, in libssl3 3.0.11-1 of var/lib/dpkg/status"),
        "{said}"
    );
    assert!(said.contains("fixed in 3.0.13-1"), "{said}");
    at(&gate).pull(APP, "new").await.pulled();
    // The record says by which advisories it was judged.
    let repository: lazaret::oci::Repository = format!("docker.io/{APP}").parse().unwrap();
    let decisions = gate.ledger.decisions(Some(repository), 9).await.unwrap();
    let data = gate.admission.scanner().advisories().current();
    let index = data.advisories.as_ref().unwrap().indexes().next().unwrap();
    for decision in decisions {
        let [asked] = decision.verdict.advisories.as_slice() else {
            panic!("{:?}", decision.verdict);
        };
        assert_eq!(asked.ecosystem, "Debian");
        assert_eq!(asked.fetched, data.fetched["Debian"]);
        assert_eq!(asked.newest.to_string(), "2026-01-02T00:00:00Z");
        assert_eq!(asked.digest, index.digest());
    }
}

#[tokio::test]
async fn an_upper_layer_that_updates_the_package_counts() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    let layers = vec![debian("3.0.11-1"), debian("3.0.14-1")];
    registry.push_image(APP, "updated", &image(layers));
    at(&gate).pull(APP, "updated").await.pulled();
    let layers = vec![debian("3.0.14-1"), debian("3.0.11-1")];
    registry.push_image(APP, "back", &image(layers));
    refused(&gate, "back").await;
}

#[tokio::test]
async fn without_advisories_nothing_is_clean() {
    let (registry, gate) = gate().await;
    registry.push_image(APP, "1", &image(vec![debian("3.0.13-1")]));
    let said = refused(&gate, "1").await;
    assert!(
        said.contains("no advisories about 1 package of Debian:12"),
        "{said}"
    );
    assert!(said.contains("lazaret db update"), "{said}");
    // They come, and the same image is judged anew from what was read of it.
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    at(&gate).pull(APP, "1").await.pulled();
    assert_eq!(
        registry.count("GET /v2/acme/app/blobs/"),
        2,
        "config and layer, once"
    );
}

#[tokio::test]
async fn a_new_advisory_closes_what_was_open() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.1-1")]).await;
    let pushed = registry.push_image(APP, "1", &image(vec![debian("3.0.11-1")]));
    at(&gate).pull(APP, "1").await.pulled();
    know(
        &gate,
        &[advisory("DSA-1", "3.0.1-1"), advisory("DSA-2", "3.0.13-1")],
    )
    .await;
    refused(&gate, "1").await;
    let layer = pushed.children[0].layers[0];
    let answer = at(&gate)
        .get(&format!("/v2/{APP}/blobs/{layer}?ns=docker.io"))
        .await;
    assert_eq!(
        answer.status, 403,
        "a layer of an image that was clean yesterday"
    );
}

#[tokio::test]
async fn what_runs_already_is_given_time_and_what_does_not_is_not() {
    let registry = FakeRegistry::start().await;
    let policy = POLICY.replace("only_fixable = true", "admitted_grace = \"3d\"");
    let gate = Setup::new(&policy).start(&registry).await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    let pushed = registry.push_image(APP, "runs", &image(vec![debian("3.0.13-1")]));
    let layers = vec![debian("3.0.13-1"), tarball(&[("new", b"")])];
    registry.push_image(APP, "new", &image(layers));
    at(&gate).pull(APP, "runs").await.pulled();
    know(&gate, &[advisory("DSA-2", "3.0.14-1")]).await;
    at(&gate).pull(APP, "runs").await.pulled();
    refused(&gate, "new").await;
    let repository: lazaret::oci::Repository = format!("docker.io/{APP}").parse().unwrap();
    let admitted = || gate.ledger.admitted(repository.clone(), pushed.digest);
    let since = admitted().await.unwrap().unwrap().failing_since.unwrap();
    // What it met in its time is on record.
    let decisions = gate
        .ledger
        .decisions(Some(repository.clone()), 9)
        .await
        .unwrap();
    let about = |d: &lazaret::ledger::Decision| d.digest == Some(pushed.digest);
    let newest = decisions.into_iter().find(about).unwrap();
    let respite = newest.verdict.findings[0].respite.unwrap();
    assert!(respite.until > since && newest.allowed);
    // Another judgement does not begin its time anew; when it is over the image is refused.
    let forget = || {
        gate.ledger
            .keep_failing(repository.clone(), pushed.digest, None)
    };
    let began = |hours: i64| {
        let since = lazaret::telemetry::now() - jiff::SignedDuration::from_hours(hours);
        gate.ledger
            .keep_failing(repository.clone(), pushed.digest, Some(since))
    };
    forget().await.unwrap();
    began(71).await.unwrap();
    began(1).await.unwrap();
    know(
        &gate,
        &[advisory("DSA-2", "3.0.14-1"), advisory("DSA-3", "3.0.14-1")],
    )
    .await;
    at(&gate).pull(APP, "runs").await.pulled();
    let since = admitted().await.unwrap().unwrap().failing_since.unwrap();
    assert!(lazaret::telemetry::now() - since > jiff::SignedDuration::from_hours(70));
    forget().await.unwrap();
    began(73).await.unwrap();
    know(&gate, &[advisory("DSA-2", "3.0.14-1")]).await;
    refused(&gate, "runs").await;
    assert_eq!(admitted().await.unwrap(), None, "and is no longer admitted");
    know(
        &gate,
        &[advisory("DSA-2", "3.0.14-1"), advisory("DSA-3", "3.0.14-1")],
    )
    .await;
    refused(&gate, "runs").await;
}

#[tokio::test]
async fn an_image_of_an_index_is_judged_with_the_others() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    let spec = ImageSpec {
        platforms: vec!["linux/amd64", "linux/arm64"],
        ..image(vec![debian("3.0.11-1")])
    };
    registry.push_image(APP, "index", &spec);
    let said = refused(&gate, "index").await;
    assert!(said.contains("CVE-2026-1"), "{said}");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    let whole = debian("3.0.13-1");
    let mut twice = whole.clone();
    twice.truncate(whole.len() - 1024);
    twice.extend_from_slice(&debian("3.0.14-1"));
    let mut trailing = whole.clone();
    trailing.extend_from_slice(&[1; 512]);
    let garbage = tarball(&[
        ("etc/os-release", DEBIAN),
        ("var/lib/rpm/rpmdb.sqlite", b"not a database"),
    ]);
    let cases = [
        ("cut", whole[..700].to_vec(), "ends early"),
        ("twice", twice, "twice"),
        ("trailing", trailing, "data follows"),
        ("no-tar", b"a layer".to_vec(), "the layer"),
        ("no-gzip", vec![0x1f, 0x8b, 8, 0, 0], "the layer"),
        ("database", garbage, "cannot be read"),
        (
            "path",
            tarball(&[("../../etc/passwd", b"x")]),
            "the layer's",
        ),
    ];
    for (tag, layer, why) in cases {
        registry.push_image(APP, tag, &image(vec![layer]));
        let said = refused(&gate, tag).await;
        assert!(
            said.contains("unscannable") && said.contains(why),
            "{tag}: {said}"
        );
    }
}

#[tokio::test]
async fn a_program_from_nowhere_is_not_clean_and_data_is() {
    let (registry, gate) = gate().await;
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(256, 0);
    registry.push_image(APP, "program", &image(vec![tarball(&[("app", &elf)])]));
    let said = refused(&gate, "program").await;
    assert!(said.contains("content-unidentified"), "{said}");
    registry.push_image(
        APP,
        "data",
        &image(vec![tarball(&[("etc/ssl/ca.pem", b"x")])]),
    );
    at(&gate).pull(APP, "data").await.pulled();
}

#[tokio::test]
async fn a_layer_that_does_not_arrive_denies_for_now_only() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    let pushed = registry.push_image(APP, "1", &image(vec![debian("3.0.13-1")]));
    let layer = pushed.children[0].layers[0].to_string();
    let blob = format!("GET /v2/{APP}/blobs/{layer}");
    registry.fault(
        &blob,
        Times::Always,
        Fault::Status(404, Vec::new(), Vec::new()),
    );
    let said = refused(&gate, "1").await;
    assert!(said.contains("scan-unavailable"), "{said}");
}

#[tokio::test]
async fn a_hundred_vulnerabilities_are_told_shortly_and_recorded_whole() {
    let (registry, gate) = gate().await;
    let advisories: Vec<String> = (0..600)
        .map(|n| {
            advisory(&format!("DSA-{n}"), "3.0.13-1")
                .replace("CVE-2026-1", &format!("CVE-2026-{n}"))
        })
        .collect();
    know(&gate, &advisories).await;
    registry.push_image(APP, "old", &image(vec![debian("3.0.11-1")]));
    let said = refused(&gate, "old").await;
    assert_eq!(said.matches("deny[vulnerability]").count(), 20);
    assert!(said.contains("481 findings more"), "{said}");
    let reference = "acme/app:old".parse().unwrap();
    let client = lazaret::ledger::Client {
        address: "127.0.0.1".parse().unwrap(),
        user_agent: "test".into(),
        listener: "cli",
        identity: None,
    };
    let answer = gate.admission.admit(&reference, &client).await.unwrap();
    let Answer::Refuse(ruling) = answer else {
        panic!("{answer:?}");
    };
    let findings = &ruling.verdict.findings;
    assert_eq!(findings.len(), 501);
    assert!(findings[500].message.contains("100 vulnerabilities more"));
    assert!(findings[500].denies(), "none passes by its number");
}

#[tokio::test]
async fn a_layer_with_another_byte_leaves_no_facts() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    // What arrives says 3.0.99, what the digest stands for says 3.0.11.
    let pushed = registry.push_image(APP, "1", &image(vec![debian("3.0.11-1")]));
    let layer = pushed.children[0].layers[0];
    let blob = format!("GET /v2/{APP}/blobs/{layer}");
    let other = debian("3.0.99-1");
    registry.fault(&blob, Times::Always, Fault::Status(200, Vec::new(), other));
    let said = refused(&gate, "1").await;
    assert!(said.contains("scan-unavailable"), "{said}");
    let facts = std::fs::read_dir(gate.data().join("facts"));
    assert_eq!(facts.map(Iterator::count).unwrap_or(0), 0);
}

#[tokio::test]
async fn in_a_lockdown_only_what_was_admitted_is_served() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.10-1")]).await;
    registry.push_image(APP, "known", &image(vec![debian("3.0.11-1")]));
    let layers = vec![debian("3.0.11-1"), tarball(&[("new", b"")])];
    registry.push_image(APP, "new", &image(layers));
    at(&gate).pull(APP, "known").await.pulled();
    let lockdown = POLICY.replace("version = 1", "version = 1\nmode = \"lockdown\"");
    let parsed = lazaret::config::parse_policy(&lockdown, "policy.toml", None).unwrap();
    gate.admission.replace_policy(Arc::new(parsed));
    at(&gate).pull(APP, "known").await.pulled();
    assert!(refused(&gate, "new").await.contains("deny[lockdown]"));
    // Another look does not make it known.
    assert!(refused(&gate, "new").await.contains("deny[lockdown]"));
    know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
    assert!(
        refused(&gate, "known").await.contains("DSA-2"),
        "the rest of the policy holds"
    );
}
