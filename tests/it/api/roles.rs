//! Who may what, and what is told to whoever may not or asks for what makes no sense.

use super::*;

#[tokio::test]
async fn what_is_not_allowed_or_makes_no_sense_is_a_problem() {
    let (_registry, gate, _) = gate().await;
    let api = api(&gate);
    let revoke = json!({ "what": "docker.io/acme/app", "reason": "x" }).to_string();
    let big = json!({ "what": "a", "reason": "x".repeat(70_000) }).to_string();
    for (token, method, path, kind, body, status, words) in [
        (
            "",
            "GET",
            "/api/v1/decisions",
            "",
            "",
            401,
            "who asks? Authorization: Bearer TOKEN",
        ),
        (
            "token-rea",
            "GET",
            "/api/v1/decisions",
            "",
            "",
            401,
            "this is no token of the file that [api] names",
        ),
        ("", "GET", "/api/v1/nothing", "", "", 401, "who asks?"),
        (
            "token-read",
            "GET",
            "/api/v1/nothing",
            "",
            "",
            404,
            "there is no such endpoint; /api/v1/openapi.json has all",
        ),
        (
            "token-read",
            "GET",
            "/api/v1/decisions/a/b",
            "",
            "",
            404,
            "there is no such endpoint",
        ),
        (
            "token-read",
            "GET",
            "/api/v1/decisions/nothing",
            "",
            "",
            404,
            "a decision's id is a ULID",
        ),
        (
            "token-read",
            "PUT",
            "/api/v1/revocations",
            "",
            "",
            405,
            "this endpoint answers GET and POST",
        ),
        (
            "token-read",
            "POST",
            "/api/v1/revocations",
            "application/json",
            &revoke,
            403,
            "the token of read-holder is for read, and this needs revoke",
        ),
        (
            "token-waive",
            "POST",
            "/api/v1/revocations",
            "application/json",
            &revoke,
            403,
            "is for waive, and this needs revoke",
        ),
        (
            "token-revoke",
            "POST",
            "/api/v1/waivers",
            "application/json",
            "{}",
            403,
            "is for revoke, and this needs waive",
        ),
        (
            "token-revoke",
            "POST",
            "/api/v1/revocations",
            "text/plain",
            &revoke,
            415,
            "the body is JSON",
        ),
        (
            "token-revoke",
            "POST",
            "/api/v1/revocations",
            "application/json",
            "{",
            400,
            "the body: EOF",
        ),
        (
            "token-revoke",
            "POST",
            "/api/v1/revocations",
            "application/json",
            "{\"whatt\":1,\"reason\":\"\"}",
            400,
            "unknown field `whatt`",
        ),
        (
            "token-revoke",
            "POST",
            "/api/v1/revocations",
            "application/json",
            "{\"reason\":\"x\"}",
            400,
            "one of what, signer and publisher",
        ),
        (
            "token-revoke",
            "POST",
            "/api/v1/revocations",
            "application/json",
            "{\"what\":\"a b\",\"reason\":\"x\"}",
            400,
            "a b: ",
        ),
        (
            "token-revoke",
            "POST",
            "/api/v1/revocations",
            "application/json",
            "{\"signer\":\"a\",\"reason\":\" \"}",
            400,
            "why? The reason",
        ),
        (
            "token-revoke",
            "POST",
            "/api/v1/revocations",
            "application/json",
            &big,
            413,
            "larger than 65536 bytes",
        ),
        (
            "token-read",
            "GET",
            "/api/v1/decisions?imag=a",
            "",
            "",
            400,
            "no parameter \"imag\"; known are image, digest",
        ),
        (
            "token-read",
            "GET",
            "/api/v1/decisions?limit=1&limit=2",
            "",
            "",
            400,
            "the parameter limit stands twice",
        ),
        (
            "token-read",
            "GET",
            "/api/v1/decisions?limit=5000",
            "",
            "",
            400,
            "limit: at most 1000",
        ),
        (
            "token-read",
            "GET",
            "/api/v1/decisions?code=none",
            "",
            "",
            400,
            "code: \"none\" is none; write it as in name-squat",
        ),
        (
            "token-read",
            "GET",
            "/api/v1/who-pulled",
            "",
            "",
            400,
            "who pulled what?",
        ),
        (
            "token-read",
            "GET",
            "/api/v1/who-pulled?what=a&signer=b",
            "",
            "",
            400,
            "one of what, package, advisory and signer at once",
        ),
        (
            "token-read",
            "GET",
            "/api/v1/notify?a=b",
            "",
            "",
            400,
            "no parameter \"a\"; it has none",
        ),
    ] {
        let asked = Asked {
            token,
            method,
            path,
            body: body.to_owned(),
            kind,
        };
        let told = ask(&api, asked).await;
        assert_eq!(told.status, status, "{method} {path}: {}", told.json);
        assert_eq!(told.headers["content-type"], "application/problem+json");
        assert_eq!(
            (&told.json["type"], told.json["status"].as_u64()),
            (&json!("about:blank"), Some(u64::from(status)))
        );
        let detail = told.json["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{method} {path}: {detail}");
        assert_eq!(told.headers.contains_key("www-authenticate"), status == 401);
    }
    assert_eq!(gate.ledger.revocations().await.unwrap(), []);
    // A cookie is nobody's token, and two tokens are none.
    for header in [
        ("cookie", "token=token-admin"),
        ("authorization", "Basic token-admin"),
    ] {
        let request = Request::get("/api/v1/decisions").header(header.0, header.1);
        let request = request.body(Full::new(Bytes::new())).unwrap();
        assert_eq!(api.answer(request).await.status(), 401);
    }
}

/// Every endpoint that the document has, and who may use it.
const OPEN_TO: [(&str, &str, &str); 15] = [
    ("get", "/decisions", "read"),
    ("get", "/decisions/{id}", "read"),
    ("get", "/events", "read"),
    ("get", "/notify", "read"),
    ("get", "/notify/{id}", "read"),
    ("post", "/notify/{id}", "admin"),
    ("get", "/pulls", "read"),
    ("get", "/revocations", "read"),
    ("post", "/revocations", "revoke"),
    ("delete", "/revocations/{id}", "revoke"),
    ("get", "/status", "read"),
    ("get", "/waivers", "read"),
    ("post", "/waivers", "waive"),
    ("get", "/who-pulled", "read"),
    ("get", "/why", "read"),
];

#[tokio::test]
async fn every_endpoint_is_open_to_its_role_and_to_no_other() {
    let (_registry, gate, _) = gate().await;
    let api = api(&gate);
    let document = openapi();
    let mut described: Vec<(String, String)> = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let path = path.strip_prefix("/api/v1").unwrap();
            described.push((path.to_owned(), method.clone()));
        }
    }
    described.sort();
    let mut known: Vec<(String, String)> = OPEN_TO
        .iter()
        .map(|(method, path, _)| ((*path).to_owned(), (*method).to_owned()))
        .collect();
    known.sort();
    assert_eq!(described, known);
    for (method, path, role) in OPEN_TO {
        let path = format!("/api/v1{}", path.replace("{id}", "nothing"));
        let method = method.to_uppercase();
        for holder in ["", "read", "waive", "revoke", "admin"] {
            let token = match holder {
                "" => String::new(),
                holder => format!("token-{holder}"),
            };
            let asked = Asked {
                token: &token,
                method: &method,
                path: &path,
                body: "{}".to_owned(),
                kind: "application/json",
            };
            let status = ask(&api, asked).await.status;
            let may = [role, "admin"].contains(&holder) || role == "read";
            let wanted = match (holder, may) {
                ("", _) => status == 401,
                (_, false) => status == 403,
                (_, true) => [200, 400, 404].contains(&status),
            };
            assert!(wanted, "{holder:?} at {method} {path}: {status}");
        }
    }
    assert_eq!(gate.ledger.revocations().await.unwrap(), []);
}
