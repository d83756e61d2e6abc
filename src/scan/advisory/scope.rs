//! Under which key of an index a package's advisories lie.

use crate::scan::ecosystem::Ecosystem;

/// Between release and name; in neither.
const SEPARATOR: &str = "\0";

/// What OSV calls them.
const KNOWN: [&str; 27] = [
    "AlmaLinux",
    "Alpine",
    "Azure Linux",
    "Bitnami",
    "CRAN",
    "Chainguard",
    "Debian",
    "Go",
    "Hex",
    "Mageia",
    "Maven",
    "MinimOS",
    "NuGet",
    "Packagist",
    "Photon OS",
    "Pub",
    "PyPI",
    "Red Hat",
    "Rocky Linux",
    "RubyGems",
    "SUSE",
    "Ubuntu",
    "Wolfi",
    "crates.io",
    "npm",
    "openEuler",
    "openSUSE",
];

impl Ecosystem {
    /// OSV's names of all that have advisories, without releases.
    pub fn known() -> &'static [&'static str] {
        &KNOWN
    }

    /// The release as index files know it: one for all that advisories call it.
    fn scope(&self) -> String {
        let release = self.release().unwrap_or_default();
        match self {
            // `enterprise_linux:9::baseos` and `…::appstream` are parts of one system.
            Ecosystem::RedHat(_) => release.split("::").next().unwrap_or(release).to_owned(),
            Ecosystem::Suse(_) => service_pack(release).unwrap_or_else(|| release.to_owned()),
            _ => release.to_owned(),
        }
    }

    /// The key of a package.
    pub(super) fn key(&self, name: &str) -> String {
        let scope = self.scope();
        let name = self.normal_name(name);
        format!("{scope}{SEPARATOR}{name}")
    }

    /// What all keys of this ecosystem begin with.
    pub(super) fn key_prefix(&self) -> String {
        format!("{}{SEPARATOR}", self.scope())
    }

    /// The key of a package in advisories that name no release.
    pub(super) fn key_of_any_release(&self, name: &str) -> String {
        format!("{SEPARATOR}{}", self.normal_name(name))
    }

    /// The name of this ecosystem's index file, without a folder.
    pub fn index_file(&self) -> String {
        let base = self.base().to_lowercase();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        format!("{}.advisories", base.chars().map(plain).collect::<String>())
    }
}

/// Server, modules and long-term support of one service pack share their packages: `15 SP5`.
fn service_pack(release: &str) -> Option<String> {
    let words: Vec<&str> = release.split([' ', '-']).collect();
    let number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let pack = words
        .iter()
        .position(|word| word.strip_prefix("SP").is_some_and(number));
    match pack {
        Some(at) => {
            let major = words.get(at.checked_sub(1)?).filter(|word| number(word))?;
            Some(format!("{major} {}", words.get(at)?))
        }
        None if release.starts_with("Linux Enterprise") => words
            .iter()
            .find(|word| number(word))
            .map(|word| (*word).to_owned()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_found_under_all_their_names() {
        let same = [
            (
                "Red Hat:enterprise_linux:9::baseos",
                "Red Hat:enterprise_linux:9",
            ),
            (
                "SUSE:Linux Enterprise Module for Basesystem 15 SP5",
                "SUSE:Linux Enterprise Server 15 SP5",
            ),
            (
                "SUSE:Linux Enterprise Server 15 SP5-LTSS",
                "SUSE:Linux Enterprise Server 15 SP5",
            ),
            ("Ubuntu:22.04", "Ubuntu:22.04:LTS"),
        ];
        for (a, b) in same {
            assert_eq!(Ecosystem::named(a).key("x"), Ecosystem::named(b).key("x"));
        }
        let different = [
            ("Ubuntu:Pro:22.04:LTS", "Ubuntu:22.04:LTS"),
            (
                "SUSE:Linux Enterprise Server 15 SP5",
                "SUSE:Linux Enterprise Server 15 SP6",
            ),
            (
                "SUSE:Linux Enterprise Server 15",
                "SUSE:Linux Enterprise Server 15 SP1",
            ),
            ("Alpine:v3.2", "Alpine:v3.20"),
        ];
        for (a, b) in different {
            assert_ne!(Ecosystem::named(a).key("x"), Ecosystem::named(b).key("x"));
        }
        assert_eq!(Ecosystem::PyPi.key("Foo.Bar"), "\0foo-bar");
        assert_eq!(
            Ecosystem::named("Red Hat:x").index_file(),
            "red-hat.advisories"
        );
        assert_eq!(Ecosystem::CratesIo.index_file(), "crates-io.advisories");
    }
}
