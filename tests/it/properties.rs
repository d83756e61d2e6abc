//! What holds for every policy and all evidence.

use lazaret::config::parse_policy;
use lazaret::oci::Reference;
use lazaret::policy::{
    AttestationEvidence, Code, Evidence, Gathered, Level, NameEvidence, NameSuspicion, Paint,
    Policy, ScanEvidence, SignatureEvidence, Subject, SuspicionTier, ValidSignature, explain,
};
use proptest::prelude::*;

use lazaret::trial::Case;

use crate::support::evidence;

const HEAD: &str = r#"
version = 1
[names]
registries = ["docker.io", "ghcr.io"]
[signer.one]
kind = "keyless"
issuer = "https://accounts.google.com"
subject = "one@acme.example"
[signer.two]
kind = "keyless"
issuer = "https://accounts.google.com"
subject = "two@acme.example"
[scan.standard]
"#;

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["allow", "warn", "deny"])
}

/// `[config.standard]` in any strictness.
fn profile() -> impl Strategy<Value = String> {
    (word(), word(), word(), any::<bool>(), any::<bool>()).prop_map(|(root, ports, env, age, label)| {
        let age = if age { "min_age = \"3d\"\n" } else { "" };
        let label = if label { "labels = [\"a\"]\n" } else { "" };
        format!("[config.standard]\nroot_user = \"{root}\"\nprivileged_ports = \"{ports}\"\nsecret_env = \"{env}\"\n{age}{label}")
    })
}

/// The keys of a rule in any strictness.
fn demands() -> impl Strategy<Value = String> {
    (
        word(),
        0_usize..3,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(unsigned, signers, config, scan, attested, aged)| {
            let mut keys = format!("unsigned = \"{unsigned}\"\n");
            let names = ["[]", "[\"one\"]", "[\"one\", \"two\"]"];
            keys.push_str(&format!("signed_by = {}\n", names[signers]));
            if signers == 2 {
                keys.push_str("threshold = 2\n");
            }
            for (wanted, key) in [
                (config, "config = \"standard\"\n"),
                (scan, "scan = \"standard\"\n"),
                (aged, "max_signature_age = \"30d\"\n"),
                (
                    attested,
                    "attestation = [{ type = \"spdx\", signed_by = [\"one\"] }]\n",
                ),
            ] {
                if wanted {
                    keys.push_str(key);
                }
            }
            keys
        })
}

fn policy() -> impl Strategy<Value = (String, Vec<String>)> {
    (profile(), demands(), demands(), demands()).prop_map(|(profile, a, b, c)| {
        let rules = vec![
            format!("[[rule]]\nmatch = [\"ghcr.io/acme/*\"]\n{a}"),
            format!("[[rule]]\nmatch = [\"docker.io/library/*\"]\n{b}"),
            format!("[[rule]]\nmatch = [\"ghcr.io/**\"]\n{b}"),
        ];
        (format!("{HEAD}{profile}[default]\n{c}"), rules)
    })
}

fn read(text: &str) -> Policy {
    parse_policy(text, "policy.toml", None).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
}

fn case() -> impl Strategy<Value = Case> {
    let images = vec![
        "ghcr.io/acme/app:1",
        "ghcr.io/other/app:1",
        "nginx",
        "docker.io/acme/x",
    ];
    let user = prop::sample::select(vec!["", "root", "0", "1000"]);
    (prop::sample::select(images), user, any::<bool>(), any::<bool>(), any::<bool>(), 0_usize..4).prop_map(
        |(image, user, port, secret, young, signed)| {
            let port = if port { "\"80/tcp\"" } else { "" };
            let secret = if secret { "\"PASSWORD=hunter2hunter2\"" } else { "" };
            let created = if young { "2026-05-31" } else { "2025-01-01" };
            let signatures = [
                "",
                "[[signature.by]]\nsigner = \"one\"\nat = \"2026-05-20T00:00:00Z\"\n",
                "[[signature.by]]\nsigner = \"one\"\n[[signature.by]]\nsigner = \"two\"\n",
                "[signature]\nincomplete = \"late\"\n[[signature.by]]\nsigner = \"one\"\n",
            ];
            let text = format!(
                "image = \"{image}\"\nnow = \"2026-06-01T00:00:00Z\"\n[config]\nuser = \"{user}\"\nports = [{port}]\nenv = [{secret}]\ncreated = \"{created}T00:00:00Z\"\n{}",
                signatures[signed]
            );
            evidence::case(&text)
        },
    )
}

/// The same evidence with one kind lost, in each of the ways.
fn losses(evidence: &Evidence) -> Vec<Evidence> {
    let with = |change: &dyn Fn(&mut Evidence)| {
        let mut less = evidence.clone();
        change(&mut less);
        less
    };
    let mut all = vec![
        with(&|less| less.name = Gathered::unavailable("lost")),
        with(&|less| less.config = Gathered::unavailable("lost")),
        with(&|less| less.signature = Gathered::unavailable("lost")),
        with(&|less| less.signature = Gathered::Absent),
        with(&|less| less.attestation = Gathered::unavailable("lost")),
        with(&|less| less.attestation = Gathered::Absent),
        with(&|less| less.scan = Gathered::unavailable("lost")),
        Evidence::unavailable("lost"),
    ];
    if let Gathered::Found(found) = &evidence.signature {
        for at in 0..found.signatures.len() {
            all.push(with(&|less| {
                if let Gathered::Found(found) = &mut less.signature {
                    found.signatures.remove(at);
                }
            }));
        }
    }
    all
}

fn judge(policy: &Policy, case: &Case, evidence: &Evidence) -> (Subject, lazaret::policy::Verdict) {
    let subject = case.subject().unwrap();
    let verdict = policy.judge(&subject, evidence, case.now.unwrap());
    (subject, verdict)
}

/// Every code but that of revocations, which nothing excuses.
fn waivable() -> Vec<Code> {
    let all = Code::ALL.iter().copied();
    all.filter(|code| *code != Code::Revoked).collect()
}

#[test]
fn nothing_excuses_a_revocation() {
    let waiver = "[[waiver]]\nfinding = \"revoked\"\nimages = [\"docker.io/**\"]\nreason = \"x\"\nowner = \"y\"\nuntil = 2030-01-01\n";
    let text = format!("{HEAD}[default]\nunsigned = \"allow\"\n{waiver}");
    let mistakes = parse_policy(&text, "policy.toml", None).unwrap_err();
    assert!(
        mistakes
            .to_string()
            .contains("no waiver excuses a revocation")
    );
}

proptest! {
    #[test]
    fn losing_evidence_never_turns_deny_into_allow((text, rules) in policy(), case in case()) {
        let policy = read(&format!("{text}{}", rules.concat()));
        let evidence = case.evidence(&policy).unwrap();
        let (subject, full) = judge(&policy, &case, &evidence);
        for less in losses(&evidence) {
            let verdict = policy.judge(&subject, &less, case.now.unwrap());
            prop_assert!(full.allows() || !verdict.allows(), "{:?}\n{:?}", full, verdict);
        }
    }

    #[test]
    fn the_order_of_rules_does_not_matter((text, rules) in policy(), case in case()) {
        let forth = read(&format!("{text}{}", rules.concat()));
        let back: Vec<String> = rules.iter().rev().cloned().collect();
        let back = read(&format!("{text}{}", back.concat()));
        let codes = |policy: &Policy| {
            let (_, verdict) = judge(policy, &case, &case.evidence(policy).unwrap());
            verdict.findings.into_iter().map(|f| (f.code, f.level, f.message)).collect::<Vec<_>>()
        };
        prop_assert_eq!(codes(&forth), codes(&back));
    }

    #[test]
    fn waivers_excuse_their_code_their_images_and_their_time_only(
        (text, rules) in policy(), case in case(),
        code in prop::sample::select(waivable()),
        images in prop::sample::select(vec!["ghcr.io/acme/*", "ghcr.io/**", "docker.io/library/nginx"]),
        until in prop::sample::select(vec!["2026-05-31", "2026-06-01", "2027-01-01"]),
    ) {
        let text = format!("{text}{}", rules.concat());
        let plain = read(&text);
        let waiver = format!("[[waiver]]\nfinding = \"{code}\"\nimages = [\"{images}\"]\nreason = \"x\"\nowner = \"y\"\nuntil = {until}\n");
        let waived = read(&format!("{text}{waiver}"));
        let (_, before) = judge(&plain, &case, &case.evidence(&plain).unwrap());
        let (_, after) = judge(&waived, &case, &case.evidence(&waived).unwrap());
        prop_assert_eq!(before.findings.len(), after.findings.len(), "a finding vanished");
        let live = until != "2026-05-31";
        let here = waived.waivers()[0].images.iter().any(|pattern| pattern.matches(case.image.repository()));
        for finding in after.findings {
            prop_assert_eq!(finding.waived.is_some(), live && here && finding.code == code);
        }
    }

    #[test]
    fn words_from_outside_stay_on_their_line(message in any::<String>(), help in any::<String>(), signer in any::<String>()) {
        let policy = read(&format!("{HEAD}[default]\nsigned_by = [\"one\"]\n"));
        let image: Reference = "ghcr.io/acme/app:1".parse().unwrap();
        let suspicion = NameSuspicion {
            rule: "test".to_owned(), tier: SuspicionTier::Block, message: message.clone() + &help, suggestions: Vec::new(),
        };
        let signature = ValidSignature { signer: "one".to_owned(), reference: Some(signer), at: None, found: message, authority: Default::default() };
        let all = Evidence {
            revoked: Vec::new(),
            newest_signed: None,
            predecessor: None,
            admitted: None,
            name: Gathered::Found(NameEvidence { suspicions: vec![suspicion], ..NameEvidence::default() }),
            config: Gathered::Absent,
            signature: Gathered::Found(SignatureEvidence { signatures: vec![signature], ..SignatureEvidence::default() }),
            attestation: Gathered::Found(AttestationEvidence::default()),
            scan: Gathered::Found(ScanEvidence::default()),
        };
        let case = evidence::case("image = \"ghcr.io/acme/app:1\"\nnow = \"2026-06-01T00:00:00Z\"");
        let verdict = policy.judge(&case.subject().unwrap(), &all, case.now.unwrap());
        prop_assert!(verdict.findings.iter().any(|finding| finding.level == Level::Deny));
        let text = explain(&image, &verdict, None, Paint::Plain);
        prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        let lines = 1 + verdict.findings.iter().map(|finding| 2 + usize::from(finding.help.is_some())).sum::<usize>();
        prop_assert_eq!(text.lines().count(), lines, "{}", text);
    }
}
