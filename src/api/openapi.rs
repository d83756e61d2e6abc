//! The OpenAPI document, written from the table of endpoints and the types that go over the wire.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::BASE;
use super::endpoint::{ENDPOINTS, Endpoint};
use super::problem::Problem;
use crate::config::Role;

/// The document (OpenAPI 3.1), the same for every server of this version.
pub fn openapi() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<Problem>();
    let mut paths = Map::new();
    for endpoint in &ENDPOINTS {
        let path = paths
            .entry(format!("{BASE}{}", endpoint.path))
            .or_insert_with(|| json!({}));
        let gives = (endpoint.gives)(&mut generator);
        let takes = endpoint.takes.map(|takes| takes(&mut generator));
        let operation = operation(endpoint, json!(gives), takes.map(|takes| json!(takes)));
        if let Some(path) = path.as_object_mut() {
            path.insert(endpoint.method.as_str().to_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lazaret",
            "version": "1",
            "description": "What a Lazaret knows of decisions and pulls, revocations, and proposals for waivers. Every answer that is no success is a problem document.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": {
                "Problem": {
                    "description": "Why there is no other answer (RFC 9457).",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token that lazaret api token made. Its role is read, waive, revoke or admin.",
                },
            },
        },
    })
}

fn operation(endpoint: &Endpoint, gives: Value, takes: Option<Value>) -> Value {
    let mut parameters: Vec<Value> = endpoint
        .parameters
        .iter()
        .map(|one| {
            json!({
                "name": one.name, "in": "query", "required": false, "description": one.about,
                "schema": { "type": "string" },
            })
        })
        .collect();
    if endpoint.path.ends_with("{id}") {
        parameters.push(json!({
            "name": "id", "in": "path", "required": true, "schema": { "type": "string" },
        }));
    }
    let mut operation = json!({
        "operationId": endpoint.name,
        "summary": endpoint.about,
        "description": match endpoint.role {
            Role::Read => "Open to every token.".to_owned(),
            Role::Admin => "Open to tokens of the role admin.".to_owned(),
            role => format!("Open to tokens of the role {}, and of admin.", role.as_str()),
        },
        "parameters": parameters,
        "responses": {
            "200": { "description": "Done.", "content": { "application/json": { "schema": gives } } },
            "default": { "$ref": "#/components/responses/Problem" },
        },
    });
    if let (Some(takes), Some(operation)) = (takes, operation.as_object_mut()) {
        let content = json!({ "application/json": { "schema": takes } });
        operation.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": content }),
        );
    }
    operation
}
