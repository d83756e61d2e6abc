//! The JSON API: who may what, what it tells, and that its description is true.

mod description;
mod roles;

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request};
use lazaret::api::{Api, openapi};
use lazaret::config::{hashed_token, parse_api_tokens};
use lazaret::ledger::Taken;
use serde_json::{Value, json};

use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{Gate, LENIENT, Setup};

struct Told {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

struct Asked<'a> {
    token: &'a str,
    method: &'a str,
    path: &'a str,
    body: String,
    kind: &'a str,
}

fn api(gate: &Gate) -> Api {
    let text: String = ["read", "waive", "revoke", "admin"]
        .iter()
        .map(|role| {
            let hash = hashed_token("salt", &format!("token-{role}"));
            format!("[{role}-holder]\nrole = {role:?}\ntoken = {hash:?}\n")
        })
        .collect();
    let tokens = parse_api_tokens(&text, "tokens.toml").unwrap();
    Api {
        admission: gate.admission.clone(),
        tokens: Arc::new(ArcSwap::from_pointee(tokens)),
        targets: vec!["chat".to_owned()],
    }
}

async fn ask(api: &Api, asked: Asked<'_>) -> Told {
    assert!(Api::answers(asked.path.split('?').next().unwrap()));
    let mut request = Request::builder()
        .method(asked.method)
        .uri(asked.path)
        .header("content-type", asked.kind);
    if !asked.token.is_empty() {
        request = request.header("authorization", format!("Bearer {}", asked.token));
    }
    let request = request.body(Full::new(Bytes::from(asked.body))).unwrap();
    let (parts, body) = api.answer(request).await.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Told {
        status: parts.status.as_u16(),
        headers: parts.headers,
        json: serde_json::from_slice(&bytes).unwrap(),
    }
}

async fn get(api: &Api, path: &str) -> Told {
    let asked = Asked {
        token: "token-read",
        method: "GET",
        path,
        body: String::new(),
        kind: "",
    };
    ask(api, asked).await
}

async fn send(api: &Api, role: &str, method: &str, path: &str, body: &Value) -> Told {
    let asked = Asked {
        token: &format!("token-{role}"),
        method,
        path,
        body: body.to_string(),
        kind: "application/json",
    };
    ask(api, asked).await
}

/// A gate that served one image and denied another, and the id of the denial.
async fn gate() -> (FakeRegistry, Gate, String) {
    let registry = FakeRegistry::start().await;
    let text = LENIENT.replace("root_user = \"warn\"", "secret_env = \"deny\"");
    let gate = Setup::new(&text).start(&registry).await;
    registry.push_image("acme/app", "1", &ImageSpec::default());
    let spec = ImageSpec {
        env: vec!["PASSWORD=hunter2hunter2"],
        ..ImageSpec::default()
    };
    registry.push_image("acme/app", "bad", &spec);
    let client = gate.at_gateway().with_namespace("docker.io");
    client.pull("acme/app", "1").await.pulled();
    client.pull("acme/app", "bad").await.refused();
    gate.ledger.flush().await.unwrap();
    let newest = gate.ledger.decisions(None, 1).await.unwrap().remove(0);
    (registry, gate, newest.id.to_string())
}

#[tokio::test]
async fn decisions_pulls_and_pullers_are_told() {
    let (_registry, gate, denial) = gate().await;
    let api = api(&gate);
    let all = get(&api, "/api/v1/decisions").await;
    assert_eq!(all.status, 200);
    assert_eq!(all.headers["content-type"], "application/json");
    assert_eq!(all.headers["cache-control"], "no-store");
    assert!(!all.headers.contains_key("access-control-allow-origin"));
    assert_eq!(all.json["decisions"].as_array().unwrap().len(), 2);
    let newest = all.json["newest"].as_i64().unwrap();
    for (query, count) in [
        ("allowed=false", 1),
        ("allowed=true&image=docker.io/acme/app", 1),
        ("image=docker.io/acme/app:bad", 1),
        ("code=secret-in-env", 1),
        ("code=name-squat", 0),
        ("client=127.0.0.1&limit=1", 1),
        ("client=10.0.0.1", 0),
        ("since=2100-01-01T00:00:00Z", 0),
        (&format!("after={newest}"), 0),
        (&format!("after={}", newest - 1), 1),
    ] {
        let told = get(&api, &format!("/api/v1/decisions?{query}")).await;
        let found = told.json["decisions"].as_array().map(Vec::len);
        assert_eq!(found, Some(count), "{query}: {}", told.json);
    }
    for path in [
        format!("/api/v1/decisions/{denial}"),
        "/api/v1/why?image=docker.io/acme/app:bad".to_owned(),
    ] {
        let told = get(&api, &path).await.json;
        assert_eq!(told["id"], denial);
        assert_eq!(told["verdict"]["findings"][0]["code"], "secret-in-env");
        assert_eq!(told["pulls"][0]["outcome"], "denied");
    }
    let told = get(&api, "/api/v1/pulls?allowed=true").await.json;
    assert!(told["pulls"].as_array().unwrap().len() > 2, "{told}");
    assert_eq!(told["pulls"][0]["reference"], "docker.io/acme/app:1");
    let told = get(&api, "/api/v1/who-pulled?what=docker.io/acme/app")
        .await
        .json;
    assert_eq!(told["pullers"][0]["address"], "127.0.0.1");
    let told = get(&api, "/api/v1/status").await.json;
    assert_eq!(
        (&told["ledger"]["writable"], &told["policy"]["mode"]),
        (&json!(true), &json!("enforce"))
    );
    let told = get(&api, "/api/v1/notify").await.json;
    assert_eq!(
        told["targets"][0],
        json!({ "target": "chat", "waiting": 0, "given_up": 0, "why": null })
    );
}

#[tokio::test]
async fn revoking_holds_at_once_and_is_taken_back() {
    let (_registry, gate, _) = gate().await;
    let api = api(&gate);
    let client = gate.at_gateway().with_namespace("docker.io");
    let body = json!({ "what": "docker.io/acme/app:1", "reason": "xz" });
    let told = send(&api, "revoke", "POST", "/api/v1/revocations", &body).await;
    assert_eq!(told.status, 200, "{}", told.json);
    assert_eq!(
        (&told.json["by"], &told.json["kind"]),
        (&json!("revoke-holder"), &json!("digest"))
    );
    client.pull("acme/app", "1").await.refused();
    let again = send(&api, "revoke", "POST", "/api/v1/revocations", &body).await;
    assert_eq!(again.status, 409, "{}", again.json);
    assert_eq!(
        get(&api, "/api/v1/revocations").await.json["revocations"][0],
        told.json
    );
    let path = format!("/api/v1/revocations/{}", told.json["id"].as_str().unwrap());
    assert_eq!(
        send(&api, "admin", "DELETE", &path, &Value::Null)
            .await
            .json,
        told.json
    );
    assert_eq!(
        send(&api, "admin", "DELETE", &path, &Value::Null)
            .await
            .status,
        404
    );
    client.pull("acme/app", "1").await.pulled();
}

#[tokio::test]
async fn a_waiver_is_proposed_and_nothing_changes() {
    let (_registry, gate, denial) = gate().await;
    let api = api(&gate);
    let body =
        json!({ "decision": denial, "reason": "a test", "owner": "ops", "until": "2100-01-31" });
    let told = send(&api, "waive", "POST", "/api/v1/waivers", &body).await;
    assert_eq!(
        told.json["toml"],
        "[[waiver]]\nfinding = \"secret-in-env\"\nimages = [\"docker.io/acme/app\"]\nreason = \"a test\"\nowner = \"ops\"\nuntil = 2100-01-31\n"
    );
    for (body, status) in [
        (json!({ "decision": denial, "finding": "name-squat" }), 404),
        (json!({ "decision": "01ARZ3NDEKTSV4RRFFQ69G5FAV" }), 404),
        (json!({ "decision": "nothing" }), 400),
        (json!({ "decision": denial, "until": "soon" }), 400),
    ] {
        let told = send(&api, "waive", "POST", "/api/v1/waivers", &body).await;
        assert_eq!(told.status, status, "{body}: {}", told.json);
    }
}

/// What was given up is seen, and tried again when somebody with the right says so.
#[tokio::test]
async fn events_are_told_and_what_was_given_up_is_tried_again() {
    let (_registry, gate, denial) = gate().await;
    let api = api(&gate);
    let told = get(&api, "/api/v1/events?limit=1").await.json;
    let event = &told["events"][0];
    assert_eq!(
        (&event["kind"], &event["decision"], &event["urgency"]),
        (&json!("blocked"), &json!(denial), &json!("error"))
    );
    let outbox = gate.ledger.outbox();
    let news = outbox.news("chat".to_owned(), 9).await.unwrap();
    let sequence = news[0].sequence;
    let taken = Taken {
        sequence,
        next: jiff::Timestamp::UNIX_EPOCH,
        why: String::new(),
    };
    let chat = || "chat".to_owned();
    outbox.take(chat(), vec![taken], sequence).await.unwrap();
    let missed = outbox.missed(chat(), sequence, None, "gone".to_owned());
    missed.await.unwrap();
    let told = get(&api, "/api/v1/notify/chat").await.json;
    let lost = &told["given_up"][0];
    assert_eq!(
        (&lost["event"], &lost["tries"], &lost["why"]),
        (event, &json!(1), &json!("gone"))
    );
    let path = "/api/v1/notify/chat";
    let told = send(&api, "admin", "POST", path, &Value::Null).await.json;
    assert_eq!(
        (&told["waiting"], &told["given_up"]),
        (&json!(1), &json!(0))
    );
    let unknown = get(&api, "/api/v1/notify/nobody").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(
        unknown.json["detail"],
        "no [notify.NAME] of that name; there are chat"
    );
}

#[tokio::test]
async fn waivers_are_told_with_their_use_and_what_is_doubtful() {
    let registry = FakeRegistry::start().await;
    let waiver = |finding: &str, until: &str| {
        format!(
            "[[waiver]]\nfinding = \"{finding}\"\nimages = [\"docker.io/acme/app\"]\nreason = \"x\"\nowner = \"ops\"\nuntil = {until}\n"
        )
    };
    let text = LENIENT.replace("root_user = \"warn\"", "root_user = \"deny\"");
    let text = format!(
        "{text}{}{}",
        waiver("root-user", "2100-01-31"),
        waiver("CVE-2026-1", "2020-01-31")
    );
    let gate = Setup::new(&text).start(&registry).await;
    let spec = ImageSpec {
        user: "0",
        ..ImageSpec::default()
    };
    registry.push_image("acme/app", "1", &spec);
    let client = gate.at_gateway().with_namespace("docker.io");
    client.pull("acme/app", "1").await.pulled();
    let told = get(&api(&gate), "/api/v1/waivers").await.json;
    let [used, ended] = told["waivers"].as_array().unwrap().as_slice() else {
        panic!("{told}")
    };
    assert_eq!(
        (&used["finding"], &used["owner"], &used["used"]["decisions"]),
        (&json!("root-user"), &json!("ops"), &json!(1))
    );
    assert_eq!(used["concerns"][0]["kind"], "lasts-long");
    assert_eq!(ended["used"], Value::Null);
    let kinds: Vec<&str> = ended["concerns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["ended", "unused"]);
    assert_eq!(
        ended["concerns"][0]["message"],
        "ended on 2020-01-31 and excuses nothing"
    );
}
