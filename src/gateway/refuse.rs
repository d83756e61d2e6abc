//! The shapes of "no" that hold against real clients.
//!
//! Behind a plain registry mirror every ordinary error makes Docker and containerd fall back to Docker Hub in
//! silence. What stops them is a quirk per client family, found by running them all: see docs/request-handling.md.

use super::pull::Side;

/// How a refusal is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `403 DENIED` with the reason in body and reason phrase: for clients that have nowhere else to go.
    Denied,
    /// `300` with the reason in the reason phrase and a tombstone manifest: containerd stops at any 3xx without
    /// Location, classic Docker at the tombstone's configuration type.
    Tombstone,
    /// `200` with the tombstone: classic Docker shows its text best so.
    QuietTombstone,
    /// HEAD says 200 without length or digest, GET says `403 DENIED`: containerd 2.3 and later show the full text.
    BareHead,
    /// `200` with an OCI manifest whose configuration type is the reason: the one thing that stops podman.
    OciTombstone,
}

impl Shape {
    /// The shape for a client by its User-Agent.
    pub(super) fn choose(side: Side, user_agent: &str) -> Shape {
        if side != Side::Mirror {
            return Shape::Denied;
        }
        if let Some(version) = user_agent.split("containerd-client/").nth(1) {
            return if at_least(version, 2, 3) {
                Shape::BareHead
            } else {
                Shape::Tombstone
            };
        }
        let family = user_agent.split(['/', ' ']).next().unwrap_or_default();
        match family {
            "docker" => Shape::QuietTombstone,
            "containers" | "skopeo" | "podman" | "Buildah" | "cri-o" => Shape::OciTombstone,
            _ => Shape::Tombstone,
        }
    }
}

fn at_least(version: &str, major: u32, minor: u32) -> bool {
    let mut parts = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let has = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    has >= (major, minor)
}

/// The text that makes classic Docker treat an error as final; it stands in the source of every version since 19.03.
const FINAL_FOR_CLASSIC_DOCKER: &str = "no such process";

/// A Docker manifest that no client can run, with `reason` where clients print it.
pub(super) fn docker_tombstone(reason: &str) -> Vec<u8> {
    let reason = format!("{reason} ({FINAL_FOR_CLASSIC_DOCKER})");
    tombstone(crate::oci::media_type::DOCKER_MANIFEST, &reason)
}

/// The same as an OCI manifest, for clients of the containers/image library.
pub(super) fn oci_tombstone(reason: &str) -> Vec<u8> {
    tombstone(crate::oci::media_type::OCI_MANIFEST, reason)
}

fn tombstone(media_type: &str, reason: &str) -> Vec<u8> {
    let empty = crate::oci::Digest::of(b"{}");
    serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": { "mediaType": reason, "digest": empty, "size": 2 },
        "layers": [],
    })
    .to_string()
    .into_bytes()
}

/// A reason fit for a status line: printable ASCII on one line, of bounded length.
pub(super) fn reason_phrase(text: &str) -> String {
    /// Clients and proxies take 8 KiB for the whole head; a sentence and a link fit in this.
    const MAX_PHRASE_BYTES: usize = 400;
    let mut phrase = String::new();
    for c in text.chars().map(|c| {
        if c == ' ' || c.is_ascii_graphic() {
            c
        } else {
            ' '
        }
    }) {
        if !(c == ' ' && phrase.ends_with(' ')) && phrase.len() < MAX_PHRASE_BYTES {
            phrase.push(c);
        }
    }
    phrase.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_family_gets_the_shape_that_stops_it() {
        let table = [
            (
                "docker/20.10.24+dfsg1 go/go1.19.8 git-commit/5d6db84 kernel/6.1 os/linux arch/amd64 UpstreamClient(Docker-Client/20.10.24 \\(linux\\))",
                Shape::QuietTombstone,
            ),
            (
                "docker/29.7.2 go/go1.26 containerd-client/2.3.3+unknown storage-driver/overlayfs UpstreamClient(Docker-Client/28.2.2 \\(linux\\))",
                Shape::BareHead,
            ),
            (
                "docker/28.5.2 go/go1.24 containerd-client/1.7.28 storage-driver/overlayfs",
                Shape::Tombstone,
            ),
            (
                "docker/30.0 containerd-client/10.0.1 storage-driver/overlayfs",
                Shape::BareHead,
            ),
            ("buildkit/v0.25", Shape::Tombstone),
            ("containerd/1.6.20~ds1", Shape::Tombstone),
            ("containerd/2.3.4", Shape::Tombstone),
            (
                "containers/5.23.1 (github.com/containers/image)",
                Shape::OciTombstone,
            ),
            ("skopeo/1.22.2", Shape::OciTombstone),
            ("", Shape::Tombstone),
        ];
        for (user_agent, shape) in table {
            assert_eq!(
                Shape::choose(Side::Mirror, user_agent),
                shape,
                "{user_agent}"
            );
            assert_eq!(
                Shape::choose(Side::Gateway, user_agent),
                Shape::Denied,
                "{user_agent}"
            );
        }
    }

    #[test]
    fn a_reason_phrase_is_one_printable_line() {
        assert_eq!(reason_phrase("denied: é\r\nX-Evil: 1"), "denied: X-Evil: 1");
        assert!(reason_phrase(&"long ".repeat(1_000)).len() <= 400);
    }
}
