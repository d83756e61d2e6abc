//! The description is current, and true of every answer.

use super::*;

/// `UPDATE=1 cargo test --test it api` writes the document anew.
#[test]
fn the_description_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let made = format!("{:#}\n", openapi());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == made,
        "docs/openapi.json is not what lazaret api openapi prints; UPDATE=1 writes it"
    );
}

/// Every member of an answer is in its schema, and every one that the schema requires is in the answer.
fn covered(value: &Value, schema: &Value, document: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return covered(
            value,
            &document["components"]["schemas"][name],
            document,
            at,
        );
    }
    if let Some(each) = value.as_array() {
        each.iter()
            .for_each(|one| covered(one, &schema["items"], document, at));
        return;
    }
    let (Some(members), Some(known)) = (value.as_object(), schema["properties"].as_object()) else {
        return;
    };
    for (name, member) in members {
        let known = known
            .get(name)
            .unwrap_or_else(|| panic!("{at}.{name} is not described"));
        covered(member, known, document, &format!("{at}.{name}"));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(
            members.contains_key(name.as_str().unwrap()),
            "{at} has no {name}"
        );
    }
}

#[tokio::test]
async fn the_description_is_true() {
    let (_registry, gate, denial) = gate().await;
    let api = api(&gate);
    let body = json!({ "signer": "somebody", "reason": "x" });
    send(&api, "revoke", "POST", "/api/v1/revocations", &body).await;
    let document = get(&api, "/api/v1/openapi.json").await.json;
    assert_eq!(document, openapi());
    let mut looked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let Some(operation) = operations.get("get") else {
            continue;
        };
        let query = match path.as_str() {
            "/api/v1/why" => "?image=docker.io/acme/app:1",
            "/api/v1/who-pulled" => "?what=docker.io/acme/app",
            _ => "",
        };
        let id = match path.as_str() {
            "/api/v1/notify/{id}" => "chat",
            _ => &denial,
        };
        let told = get(&api, &format!("{}{query}", path.replace("{id}", id))).await;
        assert_eq!(told.status, 200, "{path}: {}", told.json);
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        covered(&told.json, schema, &document, path);
        looked += 1;
    }
    assert_eq!(looked, 11);
    let problem = &document["components"]["responses"]["Problem"]["content"]["application/problem+json"]
        ["schema"];
    covered(
        &get(&api, "/api/v1/decisions/x").await.json,
        problem,
        &document,
        "problem",
    );
}
