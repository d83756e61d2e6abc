//! Recorded pulls under another policy: from what is kept, without a registry.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use lazaret::admission::{Admission, Answer, Parts, Replayed};
use lazaret::evidence::{AdvisoryData, Content, NameCollector, Scanner};
use lazaret::ledger::{Client, SqliteLedger};
use lazaret::names::Corpus;
use lazaret::oci::{Digest, Reference};
use lazaret::policy::Verdict;
use lazaret::store::Store;
use lazaret::upstream::Upstreams;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use crate::scans::{advisory, debian, image};
use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{Gate, Setup, policy};
use crate::support::signing::{Key, SIGN, push};

const HEAD: &str = r#"
version = 1
platforms = ["linux/amd64"]
[names]
registries = ["docker.io", "ghcr.io"]
"#;
const SPDX: &str = "https://spdx.dev/Document";

/// A mind that has what a gate kept in its folder, and nobody to ask.
async fn kept(data: &Path, text: &str) -> (Arc<Admission>, tempfile::TempDir) {
    let scratch = tempfile::tempdir().unwrap();
    let store = Store::open(scratch.path(), 0).await.unwrap();
    let content = Content::in_folder(store, Arc::new(Upstreams::nobody()), data);
    let admission = Admission::new(Parts {
        policy: policy(text),
        names: NameCollector::new(Corpus::embedded()),
        reputations: None,
        content: Arc::new(content),
        scanner: Scanner::new(
            &data.join("facts"),
            AdvisoryData::open(&data.join("advisories"), None),
        ),
        ledger: Arc::new(SqliteLedger::open(&data.join("ledger.db")).unwrap()),
        tag_freshness: std::time::Duration::from_secs(60),
    });
    (admission, scratch)
}

fn somebody() -> Client {
    Client {
        address: "127.0.0.1".parse().unwrap(),
        user_agent: "test".into(),
        listener: "gateway",
        identity: None,
    }
}

async fn live(gate: &Gate, reference: &Reference) -> (Verdict, Option<Digest>) {
    let answer = gate.admission.admit(reference, &somebody()).await.unwrap();
    let ruling = match answer {
        Answer::Serve { ruling, .. } | Answer::Refuse(ruling) => ruling,
    };
    (ruling.verdict.clone(), ruling.digest)
}

/// Images that differ in all that the policies below ask for.
fn images(registry: &FakeRegistry, keys: &[Key; 2]) -> Vec<Reference> {
    let spec = |user, openssl| ImageSpec {
        user,
        ..image(vec![debian(openssl)])
    };
    let plain = registry.push_image("acme/plain", "1", &spec("0", "3.0.14-1"));
    let signed = registry.push_image("acme/signed", "1", &spec("7", "3.0.11-1"));
    let both = registry.push_image("acme/both", "1", &spec("8", "3.0.15-1"));
    let sign = |key: &Key, digest: &Digest| key.bundle(digest, SIGN, json!({}));
    let one = sign(&keys[0], &signed.digest);
    push(registry, "acme/signed", &[one], Some(&signed.descriptor));
    for key in keys {
        let layers = [
            sign(key, &both.digest),
            key.bundle(&both.digest, SPDX, json!({ "spdxVersion": "SPDX-2.3" })),
        ];
        for layer in layers {
            push(registry, "acme/both", &[layer], Some(&both.descriptor));
        }
    }
    let other = Key::new();
    let foreign = sign(&other, &plain.digest);
    push(registry, "acme/plain", &[foreign], Some(&plain.descriptor));
    let names = ["plain", "signed", "both"];
    let names = names.map(|name| format!("ghcr.io/acme/{name}:1").parse().unwrap());
    names.into()
}

/// A policy in any strictness; `rule` has the keys of the one that decides.
fn text(keys: &[Key; 2], config: &str, scan: &str, rule: &str) -> String {
    format!(
        "{HEAD}{}{}[config.c]\n{config}\n[scan.s]\n{scan}\n[[rule]]\nmatch = [\"ghcr.io/acme/*\"]\n{rule}\n[default]\n",
        keys[0].signer("one"),
        keys[1].signer("two")
    )
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["allow", "warn", "deny"])
}

fn rule() -> impl Strategy<Value = String> {
    let signers = prop::sample::select(vec![
        "signed_by = []",
        "signed_by = [\"one\"]",
        "signed_by = [\"two\"]",
        "signed_by = [\"one\", \"two\"]",
        "signed_by = [\"one\", \"two\"]\nthreshold = 2",
    ]);
    let attested = prop::sample::select(vec![
        "",
        "attestation = [{ type = \"spdx\", signed_by = [\"one\"] }]",
        "attestation = [{ type = \"spdx\", signed_by = [\"two\"], when = \"predicate.spdxVersion == 'SPDX-9'\" }]",
    ]);
    let some = |key| prop::sample::select(vec!["", key]);
    let (scan, config) = (some("scan = \"s\""), some("config = \"c\""));
    (word(), signers, attested, scan, config).prop_map(
        |(unsigned, signers, attested, scan, config)| {
            format!("unsigned = \"{unsigned}\"\n{signers}\n{attested}\n{scan}\n{config}")
        },
    )
}

/// Whatever the policy: the verdict from what one gate kept is that of another gate which asks the registry.
#[test]
fn a_replay_says_what_a_pull_would() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let keys = [Key::new(), Key::new()];
    let all = "unsigned = \"deny\"\nsigned_by = [\"one\"]\nscan = \"s\"\nconfig = \"c\"\nattestation = [{ type = \"spdx\", signed_by = [\"one\"] }]";
    let (registry, gates, images, admission, _scratch) = runtime.block_on(async {
        let registry = FakeRegistry::start().await;
        let images = images(&registry, &keys);
        let begin = text(&keys, "", "", all);
        let gates = [
            Setup::new(&begin).start(&registry).await,
            Setup::new(&begin).start(&registry).await,
        ];
        let now = lazaret::telemetry::now();
        // One file: data is as old as its file, and both must know the same.
        let export = gates[0].data().join("export.jsonl");
        std::fs::write(&export, advisory("DSA-1", "3.0.13-1")).unwrap();
        for gate in &gates {
            let data = gate.admission.scanner().advisories().clone();
            data.import(&export, Some("Debian"), now).await.unwrap();
        }
        for reference in &images {
            live(&gates[0], reference).await;
        }
        let (admission, scratch) = kept(gates[0].data(), &begin).await;
        (registry, gates, images, admission, scratch)
    });
    let levels = (
        word(),
        word(),
        prop::sample::select(vec!["high", "critical"]),
        any::<bool>(),
    );
    let mut runner = TestRunner::new(Config::with_cases(48));
    let mut denied = std::cell::Cell::new(0);
    let outcome = runner.run(
        &(rule(), levels),
        |(rule, (root, secrets, severity, young))| {
            let age = if young { "min_age = \"9000d\"" } else { "" };
            let config = format!("root_user = \"{root}\"\n{age}");
            let scan = format!("secrets = \"{secrets}\"\nmax_severity = \"{severity}\"");
            let policy = policy(&text(&keys, &config, &scan, &rule));
            gates[1].admission.replace_policy(policy.clone());
            admission.replace_policy(policy);
            for reference in &images {
                let (verdict, digest) = runtime.block_on(live(&gates[1], reference));
                let before = registry.requests().len();
                let replayed = runtime
                    .block_on(admission.replay(reference, digest))
                    .unwrap();
                prop_assert_eq!(registry.requests().len(), before, "the registry was asked");
                denied.set(denied.get() + usize::from(!verdict.allows()));
                prop_assert_eq!(replayed, Replayed::Judged(verdict));
            }
            Ok(())
        },
    );
    outcome.unwrap();
    assert!(
        (10..134).contains(denied.get_mut()),
        "{denied:?} of 144 denied"
    );
}

const OPEN: &str = "unsigned = \"allow\"\nconfig = \"c\"";

#[tokio::test]
async fn what_was_never_looked_for_is_said_unless_it_is_denied_anyway() {
    let keys = [Key::new(), Key::new()];
    let registry = FakeRegistry::start().await;
    let images = images(&registry, &keys);
    let begin = text(&keys, "", "", OPEN);
    let gate = Setup::new(&begin).start(&registry).await;
    let (_, digest) = live(&gate, &images[0]).await;
    let (admission, _scratch) = kept(gate.data(), &begin).await;
    let replay = async |rule: &str, config: &str| {
        admission.replace_policy(policy(&text(&keys, config, "", rule)));
        admission.replay(&images[0], digest).await.unwrap()
    };
    let lacking = |replayed: Replayed| match replayed {
        Replayed::Lacking(why) => why.join("; "),
        Replayed::Judged(verdict) => panic!("{verdict:?}"),
    };
    let judged = |replayed: Replayed| match replayed {
        Replayed::Judged(verdict) => verdict.allows(),
        Replayed::Lacking(why) => panic!("{why:?}"),
    };
    assert!(judged(replay(OPEN, "").await));
    assert_eq!(
        lacking(replay("signed_by = [\"one\"]", "").await),
        "its signatures were not looked for, or are not kept any more"
    );
    assert_eq!(
        lacking(replay(&format!("{OPEN}\nscan = \"s\""), "").await),
        "what is in its layers is not kept: nobody looked, or it is forgotten"
    );
    // It runs as root, whoever signed it.
    let rule = "signed_by = [\"one\"]\nconfig = \"c\"";
    assert!(!judged(replay(rule, "root_user = \"deny\"").await));
    // What is gone is gone, and a stranger's digest was never here.
    let other = admission.replay(&images[0], Some(Digest::of(b"x"))).await;
    assert_eq!(lacking(other.unwrap()), "its manifest is not kept any more");
    std::fs::remove_dir_all(gate.data().join("evidence/documents")).unwrap();
    assert_eq!(
        lacking(replay(OPEN, "").await),
        "its manifest is not kept any more"
    );
}

fn run(gate: &Gate, folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(["policy", "replay"])
        .args(arguments)
        .arg("--data-dir")
        .arg(gate.data())
        .current_dir(folder)
        .env_remove("LAZARET_CONFIG")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The same, for whoever answers for the images or the clients.
fn by_team(gate: &Gate, folder: &Path) {
    let data = gate.data().display();
    let server = format!(
        "data_dir = \"{data}\"\n[team.acme]\nimages = [\"ghcr.io/acme/p*\"]\n[team.rest]\nimages = [\"ghcr.io/**\"]\n"
    );
    std::fs::write(folder.join("lazaret.toml"), server).unwrap();
    let run = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .args(["policy", "replay", "new.toml", "--config", "lazaret.toml"])
            .args(more)
            .current_dir(folder)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let said = run(&[]);
    let told: serde_json::Value = serde_json::from_str(&run(&["--json"])).unwrap();
    let requests = &told["teams"]["acme"]["requests"];
    assert!(requests.as_u64().unwrap() > 0, "{told}");
    assert_eq!(
        told["teams"],
        json!({ "acme": {
            "newly_denied": { "images": 1, "requests": requests },
            "newly_allowed": { "images": 0, "requests": 0 },
            "requests": requests,
        }}),
        "the team with all the rest loses nothing"
    );
    let line =
        format!("\nby team\n  acme: 1 image newly denied, {requests} of {requests} requests\n");
    assert!(said.contains(&line), "{said}");
}

#[tokio::test]
async fn the_command_shows_what_would_break_and_for_whom() {
    let keys = [Key::new(), Key::new()];
    let registry = FakeRegistry::start().await;
    images(&registry, &keys);
    let begin = text(&keys, "root_user = \"warn\"", "", OPEN)
        .replace("[default]", "[default]\nunsigned = \"deny\"");
    let gate = Setup::new(&begin).start(&registry).await;
    registry.push_image("other/app", "1", &ImageSpec::default());
    for name in ["plain", "signed"] {
        let name = format!("ghcr.io/acme/{name}");
        gate.at_gateway().pull(&name, "1").await.pulled();
    }
    gate.at_gateway()
        .pull("ghcr.io/other/app", "1")
        .await
        .refused();
    gate.ledger.flush().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("same.toml", &begin);
    write(
        "new.toml",
        &begin.replace("root_user = \"warn\"", "root_user = \"deny\""),
    );
    let (code, said, wrong) = run(&gate, folder.path(), &["same.toml"]);
    assert_eq!(code, 0, "{said}{wrong}");
    assert!(
        said.contains("newly denied: none\n\nnewly allowed: none\n"),
        "{said}"
    );
    assert!(said.ends_with("unchanged: 2 allowed, 1 denied\n"), "{said}");
    let (code, said, wrong) = run(&gate, folder.path(), &["new.toml"]);
    assert_eq!(code, 1, "{said}{wrong}");
    let lines: Vec<&str> = said.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.starts_with("newly denied: 1 image"))
        .unwrap();
    assert!(
        lines[at + 1].starts_with("  ghcr.io/acme/plain:1@sha256:"),
        "{said}"
    );
    assert!(lines[at + 2].ends_with("requests by 127.0.0.1"), "{said}");
    assert_eq!(lines[at + 3], "    runs as \"0\" [root-user]", "{said}");
    assert!(lines[at + 4].starts_with("      new.toml:"), "{said}");
    assert!(
        said.contains("\nwho would be struck\n  127.0.0.1: "),
        "{said}"
    );
    // Against the policy that was in force it is the same; with itself nothing is new.
    let against = |file: &'static str| ["new.toml", "--against", file, "--json"];
    let (code, said, wrong) = run(&gate, folder.path(), &against("same.toml"));
    assert_eq!(code, 1, "{wrong}");
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["newly_denied"][0]["reference"], "ghcr.io/acme/plain:1");
    assert_eq!(told["newly_denied"][0]["findings"][0]["code"], "root-user");
    assert_eq!((&told["images"], &told["unknown"]), (&json!(3), &json!([])));
    let (code, _, _) = run(&gate, folder.path(), &against("new.toml"));
    assert_eq!(code, 0);
    by_team(&gate, folder.path());
    // The other way: what was denied would pass, and only who minds that fails.
    let open = begin.replace(
        "[default]\nunsigned = \"deny\"",
        "[default]\nunsigned = \"allow\"",
    );
    write("open.toml", &open);
    let (code, said, _) = run(&gate, folder.path(), &["open.toml"]);
    assert!(
        code == 0 && said.contains("newly allowed: 1 image"),
        "{said}"
    );
    for (minds, expected) in [("newly-allowed", 1), ("any", 1), ("nothing", 0)] {
        let (code, _, _) = run(&gate, folder.path(), &["open.toml", "--fail-on", minds]);
        assert_eq!(code, expected, "{minds}");
    }
    // A policy in audit mode is tried as if it enforced, and one with mistakes is not tried.
    write(
        "audit.toml",
        &std::fs::read_to_string(folder.path().join("new.toml"))
            .unwrap()
            .replace("version = 1", "version = 1\nmode = \"audit\""),
    );
    let (code, said, _) = run(&gate, folder.path(), &["audit.toml"]);
    assert!(
        code == 1 && said.contains("(the policy is in audit mode; it is tried as if it enforced)"),
        "{said}"
    );
    write("bad.toml", "version = 2");
    let (code, _, wrong) = run(&gate, folder.path(), &["bad.toml"]);
    assert!(code != 0 && wrong.contains("bad.toml"), "{code} {wrong}");
}
