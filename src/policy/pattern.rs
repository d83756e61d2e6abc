//! Patterns over repository names: `docker.io/library/nginx`, `docker.io/library/*`, `registry.k8s.io/**`.

use std::fmt;

use crate::oci::Repository;

/// A pattern over full repository names. `*` stands for one segment or part of one; `**`, only at the end,
/// for one or more segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
    /// Without a host the pattern is about the path, on any registry.
    any_host: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Rest,
    Any,
    Glob(String),
    Exact(String),
}

impl Segment {
    fn rank(&self) -> u8 {
        match self {
            Segment::Rest => 0,
            Segment::Any => 1,
            Segment::Glob(_) => 2,
            Segment::Exact(_) => 3,
        }
    }

    fn matches(&self, part: &str) -> bool {
        match self {
            Segment::Rest | Segment::Any => true,
            Segment::Glob(glob) => glob_matches(glob, part),
            Segment::Exact(text) => text == part,
        }
    }
}

impl Pattern {
    /// Parses a pattern. One whose first segment cannot be a host is about paths on any registry.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let mut segments = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let plain =
                |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-:*".contains(&b);
            if part.is_empty() || !part.bytes().all(plain) {
                return Err("write lower-case names divided by /, with * for one segment or ** at the end for the rest".into());
            }
            segments.push(match *part {
                "**" if at + 1 == parts.len() => Segment::Rest,
                "*" => Segment::Any,
                part if part.contains("**") => return Err("** stands alone, and at the end".into()),
                part if part.contains('*') => Segment::Glob(part.to_owned()),
                part => Segment::Exact(part.to_owned()),
            });
        }
        let host = parts
            .first()
            .is_some_and(|first| first.contains(['.', ':']) || *first == "localhost");
        if host && segments.len() == 1 {
            return Err(format!(
                "a registry alone matches no image: write {text}/**"
            ));
        }
        Ok(Pattern {
            text: text.to_owned(),
            segments,
            any_host: !host,
        })
    }

    /// Whether the first segment is a registry's host.
    pub fn names_host(&self) -> bool {
        !self.any_host
    }

    /// The registry's host, where the pattern names one.
    pub fn host(&self) -> Option<&str> {
        match self.segments.first() {
            Some(Segment::Exact(host)) if !self.any_host => Some(host),
            _ => None,
        }
    }

    /// Whether it means all images of a registry, or of several.
    pub fn is_whole_registry(&self) -> bool {
        let path = self.segments.iter().skip(usize::from(!self.any_host));
        !self.segments.is_empty()
            && path
                .into_iter()
                .all(|part| matches!(part, Segment::Rest | Segment::Any))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `repository` is meant.
    pub fn matches(&self, repository: &Repository) -> bool {
        let name = if self.any_host {
            repository.path()
        } else {
            repository.as_str()
        };
        let mut parts = name.split('/');
        for segment in &self.segments {
            let Some(part) = parts.next() else {
                return false;
            };
            if *segment == Segment::Rest {
                return true;
            }
            if !segment.matches(part) {
                return false;
            }
        }
        parts.next().is_none()
    }

    /// Greater is more specific: segment by segment from the left, exact before part-glob before `*` before `**`;
    /// among part-globs more literal characters win.
    pub(super) fn specificity(&self) -> Vec<(u8, usize)> {
        let literal = |segment: &Segment| match segment {
            Segment::Glob(glob) => glob.bytes().filter(|b| *b != b'*').count(),
            _ => 0,
        };
        self.segments
            .iter()
            .map(|segment| (segment.rank(), literal(segment)))
            .collect()
    }

    /// Whether neither pattern is more specific and some name matches both.
    pub fn ties_with(&self, other: &Pattern) -> bool {
        self.specificity() == other.specificity()
            && self.any_host == other.any_host
            && self
                .segments
                .iter()
                .zip(&other.segments)
                .all(|pair| match pair {
                    (Segment::Exact(one), Segment::Exact(two)) => one == two,
                    (Segment::Glob(one), Segment::Glob(two)) => globs_may_meet(one, two),
                    _ => true,
                })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `*` stands for any run of characters, also none.
pub(super) fn glob_matches(glob: &str, text: &str) -> bool {
    let mut pieces = glob.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Whether two globs can match one text; errs towards yes, so that a tie is reported rather than missed.
fn globs_may_meet(one: &str, two: &str) -> bool {
    let ends = |glob: &str| {
        let (start, end) = (glob.split('*').next(), glob.rsplit('*').next());
        (
            start.unwrap_or_default().to_owned(),
            end.unwrap_or_default().to_owned(),
        )
    };
    let ((a, x), (b, y)) = (ends(one), ends(two));
    (a.starts_with(&b) || b.starts_with(&a)) && (x.ends_with(&y) || y.ends_with(&x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        let table = [
            ("docker.io/library/*", "docker.io/library/nginx", true),
            ("docker.io/library/*", "docker.io/bitnami/nginx", false),
            ("docker.io/*", "docker.io/library/nginx", false),
            ("registry.k8s.io/**", "registry.k8s.io/pause", true),
            ("registry.k8s.io/**", "registry.k8s.io/sig/net/x", true),
            ("ghcr.io/acme/app-*", "ghcr.io/acme/app-web", true),
            ("ghcr.io/acme/app-*", "ghcr.io/acme/application", false),
            ("ghcr.io/acme/*-*-x", "ghcr.io/acme/a-b-x", true),
            ("acme/**", "quay.io/acme/app", true),
            ("acme/**", "quay.io/acmes/app", false),
            ("acme/**", "quay.io/acme", false),
        ];
        for (pattern, name, expected) in table {
            let repository: Repository = name.parse().unwrap();
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches(&repository),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn the_more_specific_pattern_wins_and_ties_are_seen() {
        let order = [
            "docker.io/library/nginx",
            "docker.io/library/ng*",
            "docker.io/library/*",
            "docker.io/*/nginx",
            "docker.io/**",
        ];
        let patterns: Vec<Pattern> = order
            .iter()
            .map(|text| Pattern::parse(text).unwrap())
            .collect();
        for pair in patterns.windows(2) {
            assert!(
                pair[0].specificity() > pair[1].specificity(),
                "{} over {}",
                pair[0],
                pair[1]
            );
            assert!(!pair[0].ties_with(&pair[1]));
        }
        let tie = |one: &str, two: &str| {
            Pattern::parse(one)
                .unwrap()
                .ties_with(&Pattern::parse(two).unwrap())
        };
        assert!(tie("docker.io/library/*", "docker.io/library/*"));
        assert!(tie("docker.io/a/x*", "docker.io/a/*y"));
        assert!(!tie("docker.io/a/x*", "docker.io/a/y*"));
        assert!(!tie("docker.io/a/*", "docker.io/b/*"));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for text in ["", "docker.io", "a//b", "a/**/b", "A/b", "a/b**"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
