//! What people read, in every channel: word for word.

use std::path::PathBuf;

use jiff::Timestamp;
use lazaret::ledger::{Client, Decision, Event, Identity, KnownBy};
use lazaret::notify::{
    Around, Message, cloud_event, ecs, letter, ocsf, opsgenie, pagerduty, slack, syslog, teams,
    text,
};
use lazaret::oci::{Digest, Reference};
use lazaret::policy::{
    Affected, Code, EventKind, Finding, Level, Mode, Origin, Pattern, Team, Teams, Template,
    Verdict, Waived,
};

use crate::support::fixtures;

const SOURCE: &str = "https://lazaret.acme.example";
const ID: &str = "01KY4Q0R00000000000000000A";

fn now() -> Timestamp {
    "2026-11-28T08:30:00Z".parse().unwrap()
}

fn origin(line: u32, table: &str) -> Origin {
    Origin {
        file: "policy.toml".to_owned(),
        line,
        table: table.to_owned(),
    }
}

fn finding(code: Code, message: &str, help: Option<&str>) -> Finding {
    Finding {
        code,
        level: Level::Deny,
        message: message.to_owned(),
        help: help.map(str::to_owned),
        origin: origin(4, "[scan.standard]"),
        platform: None,
        affected: None,
        respite: None,
        waived: None,
    }
}

fn vulnerability() -> Finding {
    let message = "CVE-2026-1 (DSA-2), critical, in libssl3 3.0.11-1 of var/lib/dpkg/status";
    Finding {
        affected: Some(Affected {
            ids: vec!["DSA-2".to_owned(), "CVE-2026-1".to_owned()],
            packages: vec!["libssl3".to_owned()],
            path: "var/lib/dpkg/status".to_owned(),
        }),
        platform: Some("linux/amd64".parse().unwrap()),
        ..finding(Code::Vulnerability, message, Some("fixed in 3.0.13-1"))
    }
}

fn waived() -> Finding {
    Finding {
        waived: Some(Waived {
            id: String::new(),
            ticket: None,
            origin: origin(30, "[[waiver]]"),
            reason: "not reachable".to_owned(),
            owner: "platform@acme.example".to_owned(),
            until: "2027-01-31T00:00:00Z".parse().unwrap(),
        }),
        ..vulnerability()
    }
}

/// Words of an image and a client that would be something else in a channel.
fn hostile() -> Finding {
    let message = "PASSWORD<script>alert(1)</script> & *bold* ``` [x](https://evil.example)\n{{title}} \"] @here \u{202e}txt.exe";
    finding(Code::SecretInEnv, message, None)
}

struct Case {
    name: &'static str,
    kind: EventKind,
    reference: &'static str,
    findings: Vec<Finding>,
    detail: &'static str,
    instead: bool,
}

fn cases() -> Vec<Case> {
    let case = |name, kind, reference, findings, detail, instead| Case {
        name,
        kind,
        reference,
        findings,
        detail,
        instead,
    };
    let squat = finding(
        Code::NameSquat,
        "\"ngnix\" is one transposition away from docker.io/library/nginx",
        Some("did you mean docker.io/library/nginx:1.27 ?"),
    );
    vec![
        case(
            "blocked",
            EventKind::Blocked,
            "docker.io/acme/app:1",
            vec![vulnerability()],
            "",
            true,
        ),
        case(
            "name",
            EventKind::Blocked,
            "docker.io/library/ngnix:1.27",
            vec![squat],
            "",
            false,
        ),
        case(
            "hostile",
            EventKind::Blocked,
            "docker.io/acme/app:1",
            vec![hostile(), vulnerability()],
            "",
            false,
        ),
        case(
            "waived",
            EventKind::Waived,
            "docker.io/acme/app:1",
            vec![waived()],
            "",
            false,
        ),
        case(
            "revoked",
            EventKind::Revoked,
            "signer ci",
            vec![],
            "key lost (security@acme.example)\npulled by 10.1.2.3, last 2026-11-27 09:00 UTC, as docker.io/acme/app:1",
            false,
        ),
        case(
            "waiver-expiring",
            EventKind::WaiverExpiring,
            "CVE-2026-1 in docker.io/acme/app until 2026-12-01",
            vec![],
            "owner: platform@acme.example\nreason: not reachable\npolicy.toml:30 [[waiver]]",
            false,
        ),
        case(
            "upstream-back",
            EventKind::UpstreamBack,
            "quay.io",
            vec![],
            "it lasted since 2026-11-28 08:00 UTC",
            false,
        ),
        case(
            "digest",
            EventKind::Digest,
            "9990 × pull blocked, 1 × tag moved",
            vec![],
            "between 2026-11-28 08:00:00 and 2026-11-28 08:01:00 UTC\nfound: vulnerability (9990)",
            false,
        ),
    ]
}

fn decision(case: &Case) -> Option<Decision> {
    let agent = "containerd/1.6.20 <script>";
    let name = case.findings.first()?.code == Code::NameSquat;
    Some(Decision {
        id: ID.parse().unwrap(),
        at: now(),
        reference: case.reference.parse().unwrap(),
        digest: (!name).then(|| Digest::of(b"app")),
        client: Client {
            address: "10.1.2.3".parse().unwrap(),
            identity: Identity::new(KnownBy::Certificate, "node7.acme.example"),
            user_agent: agent.into(),
            listener: "gateway",
        },
        allowed: case.kind == EventKind::Waived,
        mode: Mode::Enforce,
        verdict: Verdict {
            findings: case.findings.clone(),
            rule: origin(12, "[[rule]]"),
            valid_until: None,
            vouched: Vec::new(),
            advisories: Vec::new(),
        },
        policy_epoch: 1,
        policy_file: "policy.toml".to_owned(),
        gathered_ms: 7,
    })
}

fn all_teams() -> Teams {
    Teams(vec![Team {
        name: "payments".to_owned(),
        images: vec![Pattern::parse("docker.io/acme/*").unwrap()],
        clients: Vec::new(),
        contact: Some("#payments".to_owned()),
    }])
}

fn message(case: &Case, words: (Option<&Template>, Option<&Template>)) -> Message {
    let decision = decision(case);
    let mut event = Event::new(case.kind, case.reference.to_owned(), now());
    event.id = "01KY4Q0R00000000000000000B".parse().unwrap();
    event.detail = case.detail.to_owned();
    if let Some(decision) = &decision {
        event.decision = Some(decision.id);
        event.digest = decision.digest;
        event.address = Some(decision.client.address);
        event.identity = decision.client.identity.clone();
        event = event.because(&decision.verdict);
    }
    let other: Reference = "docker.io/acme/app:2".parse().unwrap();
    let instead = (other, "2026-11-27T10:00:00Z".parse().unwrap());
    let teams = all_teams();
    let around = Around {
        decision: decision.as_ref(),
        instead: case.instead.then_some(&instead),
        source: SOURCE,
        teams: &teams,
        words,
        now: now(),
    };
    Message::new(event, &around)
}

fn lines(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

/// The letter with its parts as they are read.
fn readable(letter: &str) -> String {
    use base64::Engine;
    let mut shown = String::new();
    for part in letter.split("\r\n\r\n") {
        let (body, rest) = part.split_once("\r\n--").unwrap_or(("", part));
        let decoded = base64::engine::general_purpose::STANDARD.decode(body.replace("\r\n", ""));
        match decoded {
            Ok(text) if !text.is_empty() => {
                shown += &String::from_utf8(text).unwrap().replace("\r\n", "\n");
                shown += &format!("--{}\n\n", rest.replace("\r\n", "\n"));
            }
            _ => shown += &format!("{}\n\n", part.replace("\r\n", "\n")),
        }
    }
    shown
}

fn forms(message: &Message) -> Vec<(&'static str, String)> {
    let to = ["security@acme.example", "ops@acme.example"].map(str::to_owned);
    let letter = letter(message, "lazaret@acme.example", &to).unwrap();
    for line in letter.split("\r\n") {
        assert!(line.len() <= 998 && !line.contains(['\n', '\r']), "{line}");
    }
    let said = syslog(message, "lazaret.acme.example", 16, 8_192);
    let process = format!(" lazaret {} ", std::process::id());
    vec![
        ("text.txt", text(message)),
        ("slack.json", lines(&slack(message))),
        ("teams.json", lines(&teams(message))),
        ("webhook.json", lines(&cloud_event(message, SOURCE))),
        (
            "pagerduty.json",
            lines(&pagerduty(message, "<routing key>", "lazaret.acme.example")),
        ),
        (
            "opsgenie.json",
            lines(&opsgenie(message, "lazaret.acme.example")),
        ),
        ("mail.eml", readable(&letter)),
        (
            "syslog.txt",
            said.replace(&process, " lazaret <process> ") + "\n",
        ),
        ("ecs.json", lines(&ecs(message))),
        ("ocsf.json", lines(&ocsf(message))),
    ]
}

fn place(case: &str, name: &str) -> PathBuf {
    let folder = fixtures::folder("notices").join(case);
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

#[test]
fn every_channel_says_who_what_why_and_what_next() {
    for case in cases() {
        let message = message(&case, (None, None));
        for (name, said) in forms(&message) {
            fixtures::expect(&place(case.name, name), &said);
        }
    }
}

/// Whatever the channel: the image, the finding with its line, who, the remedy, the waiver, the page.
#[test]
fn a_blocked_pull_lacks_nothing_anywhere() {
    let message = message(&cases()[0], (None, None));
    for (name, said) in forms(&message) {
        let said = said
            .replace("\\\\", "\\")
            .replace("\\\"", "\"")
            .replace("&quot;", "\"")
            .replace("\\[", "[")
            .replace("\\]", "]")
            .replace("\\_", "_");
        for part in [
            "docker.io/acme/app:1",
            "CVE-2026-1 (DSA-2), critical",
            "10.1.2.3",
            "payments",
            "3.0.13-1",
            "https://lazaret.acme.example/why/01KY4Q0R00000000000000000A",
            "policy.toml:12 [[rule]]",
        ] {
            assert!(said.contains(part), "{name} lacks {part}:\n{said}");
        }
        // A line of a log has no room for a table; its link leads to it.
        let lacks = name == "syslog.txt";
        assert_eq!(!said.contains("[[waiver]]"), lacks, "{name}:\n{said}");
        let instead = "docker.io/acme/app:2 was admitted on 2026-11-27";
        assert!(said.contains(instead), "{name}:\n{said}");
    }
}

#[test]
fn words_of_ones_own_stand_in_for_ours() {
    let title = Template::parse("[{urgency}] {image} ({codes})").unwrap();
    let words = "{client} of {team}, ask {contact}:\n{findings}\n{next}\n{why}\n{waiver}";
    let words = Template::parse(words).unwrap();
    let message = message(&cases()[0], (Some(&title), Some(&words)));
    assert_eq!(
        message.title(),
        "[error] docker.io/acme/app:1 (vulnerability)"
    );
    assert_eq!(
        text(&message),
        "10.1.2.3 (certificate:node7.acme.example) with containerd/1.6.20 through the gateway of payments, ask #payments:\n\
         deny[vulnerability]: CVE-2026-1 (DSA-2), critical, in libssl3 3.0.11-1 of var/lib/dpkg/status (linux/amd64)\n\
         fixed in 3.0.13-1\ndocker.io/acme/app:2 was admitted on 2026-11-27\n\
         https://lazaret.acme.example/why/01KY4Q0R00000000000000000A\n\
         [[waiver]]\nfinding = \"CVE-2026-1\"\nimages = [\"docker.io/acme/app\"]\npackages = [\"libssl3\"]\n\
         paths = [\"var/lib/dpkg/status\"]\nreason = \"\"\nowner = \"\"\nuntil = 2026-12-12\n"
    );
    for (name, said) in forms(&message) {
        if ![
            "webhook.json",
            "ecs.json",
            "ocsf.json",
            "syslog.txt",
            "pagerduty.json",
        ]
        .contains(&name)
        {
            assert!(said.contains("ask #payments"), "{name}:\n{said}");
        }
    }
}
