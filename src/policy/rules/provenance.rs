//! What SLSA provenance says, v0.2 and v1 (slsa.dev/spec, "Provenance").

use serde_json::Value;

/// Who built it.
pub(super) fn builder(predicate: &Value) -> Option<&str> {
    ["/runDetails/builder/id", "/builder/id"]
        .iter()
        .find_map(|path| predicate.pointer(path)?.as_str())
}

/// Whether it was built from this repository: `https://github.com/acme/app`.
pub(super) fn is_from(predicate: &Value, repository: &str) -> bool {
    let wanted = plain(repository);
    let told = [
        "/buildDefinition/externalParameters/workflow/repository",
        "/buildDefinition/externalParameters/source/uri",
        "/buildDefinition/externalParameters/source",
        "/invocation/configSource/uri",
    ];
    let mut told = told
        .iter()
        .filter_map(|path| predicate.pointer(path)?.as_str())
        .peekable();
    // Everything that names the source must name this one.
    told.peek().is_some() && told.all(|source| plain(source) == wanted)
}

/// Without what surrounds a repository's address: `git+https://github.com/acme/app.git@refs/heads/main`.
fn plain(address: &str) -> &str {
    let address = address.strip_prefix("git+").unwrap_or(address);
    let scheme = address.find("://").map_or(0, |at| at + 3);
    let (host, rest) = address.split_at_checked(scheme).unwrap_or(("", address));
    let path = rest.split(['@', '#', '?']).next().unwrap_or_default();
    let path = path.strip_suffix('/').unwrap_or(path);
    let path = path.strip_suffix(".git").unwrap_or(path);
    address.get(..host.len() + path.len()).unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_versions_tell_source_and_builder() {
        let v1 = json!({
            "buildDefinition": {"externalParameters": {"workflow": {"repository": "https://github.com/acme/app", "ref": "refs/tags/v1"}}},
            "runDetails": {"builder": {"id": "https://github.com/actions/runner"}},
        });
        let v02 = json!({
            "builder": {"id": "https://github.com/slsa-framework/generator"},
            "invocation": {"configSource": {"uri": "git+https://github.com/acme/app@refs/tags/v1"}},
        });
        for predicate in [&v1, &v02] {
            assert!(is_from(predicate, "https://github.com/acme/app"));
            assert!(is_from(predicate, "https://github.com/acme/app.git"));
            assert!(!is_from(predicate, "https://github.com/acme/ap"));
            assert!(!is_from(predicate, "https://github.com/acme/app2"));
        }
        assert_eq!(builder(&v1), Some("https://github.com/actions/runner"));
        assert_eq!(
            builder(&v02),
            Some("https://github.com/slsa-framework/generator")
        );
        assert!(!is_from(&json!({}), "https://github.com/acme/app"));
        assert_eq!(builder(&json!({"builder": 1})), None);
    }

    #[test]
    fn two_sources_that_disagree_are_none() {
        let torn = json!({
            "buildDefinition": {"externalParameters": {"workflow": {"repository": "https://github.com/evil/app"}}},
            "invocation": {"configSource": {"uri": "git+https://github.com/acme/app@refs/tags/v1"}},
        });
        assert!(!is_from(&torn, "https://github.com/acme/app"));
    }
}
