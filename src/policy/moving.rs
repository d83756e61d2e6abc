//! Tags that are meant to move.

use super::Pattern;
use super::pattern::glob_matches;
use crate::oci::{Repository, Tag};

/// Most characters of a tag (distribution-spec, "Pulling manifests"), and so of a pattern of tags.
const MAX_TAG: usize = 128;

/// A pattern of tags, of all images or of some: `latest`, `*-dev`, `ghcr.io/acme/*:edge`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovingTags {
    images: Option<Pattern>,
    tag: String,
}

impl MovingTags {
    /// Parses it; what stands after the last `/` and a `:` is the tag where there is one.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<MovingTags, String> {
        let (images, tag) = match text.rsplit_once(':') {
            Some((_, tag)) if tag.contains('/') => {
                return Err(format!("no tag is named: write {text}:latest"));
            }
            Some((images, tag)) => (Some(Pattern::parse(images)?), tag),
            None if text.contains('/') => {
                return Err(format!("no tag is named: write {text}:latest"));
            }
            None => (None, text),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-*".contains(&byte);
        if tag.is_empty() || tag.len() > MAX_TAG || !tag.bytes().all(plain) {
            return Err(
                "write a tag, with * for any part of it, as in \"latest\" or \"*-dev\"".to_owned(),
            );
        }
        Ok(MovingTags {
            images,
            tag: tag.to_owned(),
        })
    }

    /// Whether the tag of this repository is meant to move.
    pub fn matches(&self, repository: &Repository, tag: &Tag) -> bool {
        let images = self.images.as_ref();
        images.is_none_or(|images| images.matches(repository))
            && glob_matches(&self.tag, tag.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_all_images_and_of_some() {
        let app: Repository = "ghcr.io/acme/app".parse().unwrap();
        for (pattern, tag, moves) in [
            ("latest", "latest", true),
            ("latest", "latest2", false),
            ("*-dev", "1.2-dev", true),
            ("*-dev", "1.2", false),
            ("*", "1.2", true),
            ("ghcr.io/acme/*:edge", "edge", true),
            ("ghcr.io/acme/*:edge", "latest", false),
            ("acme/app:1.*", "1.2", true),
            ("docker.io/**:edge", "edge", false),
        ] {
            let parsed = MovingTags::parse(pattern).unwrap();
            assert_eq!(
                parsed.matches(&app, &tag.parse().unwrap()),
                moves,
                "{pattern} {tag}"
            );
        }
        for (text, why) in [
            ("", "write a tag"),
            ("a b", "write a tag"),
            ("ghcr.io/acme/app:", "write a tag"),
            (
                "ghcr.io/acme/app",
                "no tag is named: write ghcr.io/acme/app:latest",
            ),
            (
                "localhost:5000/app",
                "no tag is named: write localhost:5000/app:latest",
            ),
            ("GHCR.io/app:latest", "write lower-case names"),
        ] {
            let said = MovingTags::parse(text).unwrap_err();
            assert!(said.starts_with(why), "{text}: {said}");
        }
    }
}
