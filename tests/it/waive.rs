//! `lazaret waive`: from a blocked pull to the line that excuses it.

use std::process::Command;

use crate::scans::{APP, POLICY, advisory, debian, gate, image, know, refused};

#[tokio::test]
async fn a_waiver_is_proposed_from_a_decision_and_written_into_the_policy() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
    registry.push_image(APP, "bad", &image(vec![debian("3.0.11-1")]));
    refused(&gate, "bad").await;
    let id = gate.ledger.decisions(None, 1).await.unwrap()[0]
        .id
        .to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.toml");
    let before = format!("# ours\n{POLICY}");
    std::fs::write(&file, &before).unwrap();
    let waive = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .arg("waive")
            .args(arguments)
            .arg("--data-dir")
            .arg(gate.data())
            .current_dir(folder.path())
            .env_remove("LAZARET_CONFIG")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, said, _) = waive(&[&id, "--until", "2031-01-31"]);
    let table = |reason: &str, owner: &str| {
        format!(
            "[[waiver]]\nfinding = \"CVE-2026-1\"\nimages = [\"docker.io/{APP}\"]\npackages = [\"libssl3\"]\n\
             paths = [\"var/lib/dpkg/status\"]\nreason = \"{reason}\"\nowner = \"{owner}\"\nuntil = 2031-01-31\n"
        )
    };
    assert_eq!((code, said), (0, table("", "")));
    let given = [
        &id,
        "--until",
        "2031-01-31",
        "--owner",
        "a@b",
        "--append",
        "policy.toml",
        "--finding",
        "DSA-2",
        "--reason",
    ];
    let (code, _, wrong) = waive(&[given.as_slice(), &["not \"reachable\""]].concat());
    assert_eq!(code, 0, "{wrong}");
    let after = std::fs::read_to_string(&file).unwrap();
    assert_eq!(
        after,
        format!(
            "{}\n\n{}",
            before.trim_end(),
            table("not \\\"reachable\\\"", "a@b")
        )
    );
    // A policy that would not be good stays as it is.
    let (code, _, wrong) = waive(&[given.as_slice(), &[" "]].concat());
    assert!(code == 2 && wrong.contains("reason is empty"), "{wrong}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
    for (wanted, arguments) in [
        (
            "no finding \"CVE-1-1\"",
            vec![id.as_str(), "--finding", "CVE-1-1"],
        ),
        ("is no day", vec![&id, "--until", "soon"]),
        ("is no decision", vec!["nginx"]),
        (
            "no decision 01JD0000000000000000000000 is kept",
            vec!["01JD0000000000000000000000"],
        ),
    ] {
        let (code, _, wrong) = waive(&arguments);
        assert!(code == 2 && wrong.contains(wanted), "{wrong}");
    }
    // And it lets the pull pass.
    let parsed = lazaret::config::parse_policy(&after, "policy.toml", None).unwrap();
    gate.admission.replace_policy(std::sync::Arc::new(parsed));
    crate::scans::at(&gate).pull(APP, "bad").await.pulled();
}
