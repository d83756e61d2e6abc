//! The table of endpoints.

use std::pin::Pin;

use bytes::Bytes;
use hyper::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::answer::Api;
use super::parameters::Parameters;
use super::problem::Problem;
use super::{act, events, read, status, view, waivers};
use crate::config::Role;

/// A parameter of the query.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
}

/// What an endpoint works on.
pub(super) struct Asked<'a> {
    pub(super) api: &'a Api,
    /// What stands for `{id}` in the path.
    pub(super) id: &'a str,
    pub(super) parameters: Parameters,
    pub(super) body: Bytes,
    /// The name of whose token it is.
    pub(super) by: &'a str,
}

/// A document, or why there is none.
pub(super) type Told<'a> = Pin<Box<dyn Future<Output = Result<Value, Problem>> + Send + 'a>>;

/// Makes the schema of a type.
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// One endpoint.
pub(super) struct Endpoint {
    pub(super) method: Method,
    /// Below [`super::BASE`]; `{id}` stands for a segment.
    pub(super) path: &'static str,
    /// Who may.
    pub(super) role: Role,
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) takes: Option<Shape>,
    pub(super) gives: Shape,
    pub(super) act: for<'a> fn(Asked<'a>) -> Told<'a>,
}

const fn parameter(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, about }
}

const IMAGE: Parameter = parameter(
    "image",
    "Of a repository, or of an image with its tag or digest.",
);
const DIGEST: Parameter = parameter("digest", "Of what has this digest.");
const ALLOWED: Parameter = parameter(
    "allowed",
    "`true`: what was let in; `false`: what was refused.",
);
const CODE: Parameter = parameter("code", "With this finding, waived or not.");
const CLIENT: Parameter = parameter(
    "client",
    "By this client: an address, or as whom it is known.",
);
const SINCE: Parameter = parameter("since", "From this moment on, in RFC 3339.");
const UNTIL: Parameter = parameter("until", "Before this moment, in RFC 3339.");
const LIMIT: Parameter = parameter("limit", "Most rows, 1 to 1000; 100 if it is not said.");
const AFTER: Parameter = parameter(
    "after",
    "Only what was recorded after the row with this number, oldest first.",
);

static SEARCH: [Parameter; 9] = [
    IMAGE, DIGEST, ALLOWED, CODE, CLIENT, SINCE, UNTIL, LIMIT, AFTER,
];
static WHO: [Parameter; 9] = [
    parameter(
        "what",
        "A digest, an image, or a word: an advisory, a package, a signer, a code, a file.",
    ),
    parameter(
        "package",
        "Images with this package; after an @, in this version.",
    ),
    parameter(
        "advisory",
        "Images with a package that this advisory means.",
    ),
    parameter(
        "signer",
        "Images whose signature by this signer of the policy counted.",
    ),
    CLIENT,
    SINCE,
    UNTIL,
    LIMIT,
    parameter(
        "skip",
        "How many of the first rows are left out: the next page begins where the last one ended.",
    ),
];
static WHY: [Parameter; 1] = [IMAGE];
static NEWEST: [Parameter; 1] = [LIMIT];

/// All of them.
pub(super) static ENDPOINTS: [Endpoint; 15] = [
    Endpoint {
        method: Method::GET,
        path: "/decisions",
        role: Role::Read,
        name: "decisions",
        about: "Decisions by what they have.",
        parameters: &SEARCH,
        takes: None,
        gives: shape::<view::Decisions>,
        act: |asked| Box::pin(read::decisions(asked)),
    },
    Endpoint {
        method: Method::GET,
        path: "/decisions/{id}",
        role: Role::Read,
        name: "decision",
        about: "One decision, and who pulled under it.",
        parameters: &[],
        takes: None,
        gives: shape::<view::Why>,
        act: |asked| Box::pin(read::decision(asked)),
    },
    Endpoint {
        method: Method::GET,
        path: "/why",
        role: Role::Read,
        name: "why",
        about: "The newest decision about an image, and who pulled under it.",
        parameters: &WHY,
        takes: None,
        gives: shape::<view::Why>,
        act: |asked| Box::pin(read::why(asked)),
    },
    Endpoint {
        method: Method::GET,
        path: "/pulls",
        role: Role::Read,
        name: "pulls",
        about: "Manifests and blobs that were asked for.",
        parameters: &SEARCH,
        takes: None,
        gives: shape::<view::Pulls>,
        act: |asked| Box::pin(read::pulls(asked)),
    },
    Endpoint {
        method: Method::GET,
        path: "/who-pulled",
        role: Role::Read,
        name: "whoPulled",
        about: "Who was served an image, a layer, or anything with a package, an advisory or a signer.",
        parameters: &WHO,
        takes: None,
        gives: shape::<view::Pullers>,
        act: |asked| Box::pin(read::who_pulled(asked)),
    },
    Endpoint {
        method: Method::GET,
        path: "/revocations",
        role: Role::Read,
        name: "revocations",
        about: "The revocations in force.",
        parameters: &[],
        takes: None,
        gives: shape::<view::Revocations>,
        act: |asked| Box::pin(read::revocations(asked)),
    },
    Endpoint {
        method: Method::POST,
        path: "/revocations",
        role: Role::Revoke,
        name: "revoke",
        about: "Deny something from now on, in every mode and whoever waives it; downloads of it stop.",
        parameters: &[],
        takes: Some(shape::<view::RevokeBody>),
        gives: shape::<view::RevocationView>,
        act: |asked| Box::pin(act::revoke(asked)),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/revocations/{id}",
        role: Role::Revoke,
        name: "takeBack",
        about: "Take a revocation back.",
        parameters: &[],
        takes: None,
        gives: shape::<view::RevocationView>,
        act: |asked| Box::pin(act::take_back(asked)),
    },
    Endpoint {
        method: Method::GET,
        path: "/waivers",
        role: Role::Read,
        name: "waivers",
        about: "The waivers of the policy in force: of what use they are, and what is doubtful about them.",
        parameters: &[],
        takes: None,
        gives: shape::<waivers::Waivers>,
        act: |asked| Box::pin(waivers::waivers(asked)),
    },
    Endpoint {
        method: Method::POST,
        path: "/waivers",
        role: Role::Waive,
        name: "proposeWaiver",
        about: "The waiver that would excuse a decision, as text for the policy. Nothing is changed.",
        parameters: &[],
        takes: Some(shape::<view::WaiverBody>),
        gives: shape::<view::Waiver>,
        act: |asked| Box::pin(act::waiver(asked)),
    },
    Endpoint {
        method: Method::GET,
        path: "/events",
        role: Role::Read,
        name: "events",
        about: "What there was to hear of.",
        parameters: &NEWEST,
        takes: None,
        gives: shape::<events::Events>,
        act: |asked| Box::pin(events::events(asked)),
    },
    Endpoint {
        method: Method::GET,
        path: "/notify/{id}",
        role: Role::Read,
        name: "givenUp",
        about: "What a target was not told, and why.",
        parameters: &[],
        takes: None,
        gives: shape::<events::GivenUp>,
        act: |asked| Box::pin(events::given_up(asked)),
    },
    Endpoint {
        method: Method::POST,
        path: "/notify/{id}",
        role: Role::Admin,
        name: "retry",
        about: "Try again at once what a target was not told.",
        parameters: &[],
        takes: None,
        gives: shape::<status::Target>,
        act: |asked| Box::pin(events::retry(asked)),
    },
    Endpoint {
        method: Method::GET,
        path: "/notify",
        role: Role::Read,
        name: "notify",
        about: "How far those who are told of events have heard.",
        parameters: &[],
        takes: None,
        gives: shape::<status::Targets>,
        act: |asked| Box::pin(status::notify(asked)),
    },
    Endpoint {
        method: Method::GET,
        path: "/status",
        role: Role::Read,
        name: "status",
        about: "The server, its policy, its ledger and the data that it judges by.",
        parameters: &[],
        takes: None,
        gives: shape::<status::Status>,
        act: |asked| Box::pin(status::status(asked)),
    },
];

impl Endpoint {
    /// What stands for `{id}`, where the path is this endpoint's.
    pub(super) fn matches<'a>(&self, path: &'a str) -> Option<&'a str> {
        match self.path.strip_suffix("{id}") {
            None => (self.path == path).then_some(""),
            Some(start) => {
                let id = path.strip_prefix(start)?;
                (!id.is_empty() && !id.contains('/')).then_some(id)
            }
        }
    }
}
