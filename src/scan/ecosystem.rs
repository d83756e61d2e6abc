//! Ecosystems as OSV names them (OSV schema, "Defined Ecosystems"), and which one an `os-release` means.

use std::fmt;

use super::catalogue::Kind;

/// Whose packages, names and versions are meant. A distribution carries its release as OSV writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "their names are OSV's")]
pub enum Ecosystem {
    AlmaLinux(String),
    Alpine(String),
    AzureLinux(String),
    Chainguard,
    Debian(String),
    Mageia(String),
    MinimOs,
    OpenEuler(String),
    OpenSuse(String),
    PhotonOs(String),
    RedHat(String),
    RockyLinux(String),
    Suse(String),
    Ubuntu(String),
    Wolfi,
    Bitnami,
    Cran,
    CratesIo,
    Go,
    Hex,
    Maven,
    Npm,
    NuGet,
    Packagist,
    Pub,
    PyPi,
    RubyGems,
    /// No advisories exist that could be read: a distribution that OSV does not have, or an unknown one. Never clean.
    Unsupported(Stranger),
}

/// Whose packages nobody has advisories about, in its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stranger {
    /// What people call it: `Fedora Linux 40`.
    name: String,
    /// The type of its packages' URLs; none where that is not known.
    kind: Option<&'static str>,
    /// `ID` and `VERSION_ID` of its `os-release`, where it has one.
    id: String,
    release: String,
}

/// The fields of an `os-release` file (os-release(5)) that tell the ecosystem; empty where absent.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "their names are os-release(5)'s")]
pub struct OsRelease<'a> {
    pub id: &'a str,
    pub version_id: &'a str,
    pub version: &'a str,
    pub version_codename: &'a str,
    pub pretty_name: &'a str,
}

impl Ecosystem {
    /// The ecosystem of a distribution's packages.
    pub fn from_os_release(os: &OsRelease<'_>) -> Ecosystem {
        let version = os.version_id;
        let part = |count| first_parts(version, count).map(str::to_owned);
        let found = match os.id {
            "almalinux" => part(1).map(Ecosystem::AlmaLinux),
            "alpine" => part(2).map(|release| Ecosystem::Alpine(format!("v{release}"))),
            "azurelinux" | "mariner" => part(1).map(Ecosystem::AzureLinux),
            "chainguard" => Some(Ecosystem::Chainguard),
            "debian" => part(1)
                .or_else(|| debian_release(os.version_codename).map(str::to_owned))
                .map(Ecosystem::Debian),
            "mageia" => part(1).map(Ecosystem::Mageia),
            "minimos" => Some(Ecosystem::MinimOs),
            "openEuler" => part(2).map(|release| open_euler(&release, os.version)),
            "opensuse-leap" => {
                part(2).map(|release| Ecosystem::OpenSuse(format!("Leap {release}")))
            }
            "opensuse-tumbleweed" => Some(Ecosystem::OpenSuse("Tumbleweed".to_owned())),
            "photon" => part(2).map(Ecosystem::PhotonOs),
            "rhel" => part(1).map(|major| Ecosystem::RedHat(format!("enterprise_linux:{major}"))),
            "rocky" => part(1).map(Ecosystem::RockyLinux),
            "sles" | "sled" | "sle_hpc" | "sles_sap" => part(1).map(|_| suse(version)),
            "ubuntu" => part(2).map(|release| Ecosystem::Ubuntu(ubuntu(&release))),
            "wolfi" => Some(Ecosystem::Wolfi),
            _ => None,
        };
        found.unwrap_or_else(|| {
            let names = [os.pretty_name, os.id];
            let name = names.into_iter().find(|name| !name.is_empty());
            Ecosystem::Unsupported(Stranger {
                name: name.unwrap_or("unknown").to_owned(),
                id: os.id.to_lowercase(),
                release: os.version_id.to_lowercase(),
                kind: None,
            })
        })
    }

    /// The same for packages that a manager's database names. Of a distribution that nobody knows it tells the type of
    /// their URLs; a distribution with another manager's packages is not the one that it says it is.
    pub(super) fn managed_by(&self, kind: Kind) -> Ecosystem {
        let Ecosystem::Unsupported(stranger) = self else {
            return match kind.purl_type() {
                Some(manager) if manager != self.purl().0 => Ecosystem::Unsupported(Stranger {
                    name: format!("{manager} in what calls itself {self}"),
                    kind: Some(manager),
                    ..Stranger::default()
                }),
                _ => self.clone(),
            };
        };
        Ecosystem::Unsupported(Stranger {
            kind: kind.purl_type(),
            ..stranger.clone()
        })
    }

    /// The ecosystem that an OSV record names, such as `Debian:12` or `npm`; `Unsupported` for one not known here.
    pub fn named(name: &str) -> Ecosystem {
        let (base, release) = name.split_once(':').unwrap_or((name, ""));
        let release = release.to_owned();
        match base {
            "AlmaLinux" => Ecosystem::AlmaLinux(release),
            "Alpine" => Ecosystem::Alpine(release),
            "Azure Linux" => Ecosystem::AzureLinux(release),
            "Chainguard" => Ecosystem::Chainguard,
            "Debian" => Ecosystem::Debian(release),
            "Mageia" => Ecosystem::Mageia(release),
            "MinimOS" => Ecosystem::MinimOs,
            "openEuler" => Ecosystem::OpenEuler(release),
            "openSUSE" => Ecosystem::OpenSuse(release),
            "Photon OS" => Ecosystem::PhotonOs(release),
            "Red Hat" => Ecosystem::RedHat(release),
            "Rocky Linux" => Ecosystem::RockyLinux(release),
            "SUSE" => Ecosystem::Suse(release),
            "Ubuntu" => Ecosystem::Ubuntu(release),
            "Wolfi" => Ecosystem::Wolfi,
            "Bitnami" => Ecosystem::Bitnami,
            "CRAN" => Ecosystem::Cran,
            "crates.io" => Ecosystem::CratesIo,
            "Go" => Ecosystem::Go,
            "Hex" => Ecosystem::Hex,
            "Maven" => Ecosystem::Maven,
            "npm" => Ecosystem::Npm,
            "NuGet" => Ecosystem::NuGet,
            "Packagist" => Ecosystem::Packagist,
            "Pub" => Ecosystem::Pub,
            "PyPI" => Ecosystem::PyPi,
            "RubyGems" => Ecosystem::RubyGems,
            _ => Ecosystem::stranger(name),
        }
    }

    /// One that nothing more is known of than its name.
    pub(super) fn stranger(name: &str) -> Ecosystem {
        Ecosystem::Unsupported(Stranger {
            name: name.to_owned(),
            ..Stranger::default()
        })
    }

    /// OSV's name before the colon: what its exports, and our index files, are divided by.
    pub fn base(&self) -> &str {
        match self {
            Ecosystem::AlmaLinux(_) => "AlmaLinux",
            Ecosystem::Alpine(_) => "Alpine",
            Ecosystem::AzureLinux(_) => "Azure Linux",
            Ecosystem::Chainguard => "Chainguard",
            Ecosystem::Debian(_) => "Debian",
            Ecosystem::Mageia(_) => "Mageia",
            Ecosystem::MinimOs => "MinimOS",
            Ecosystem::OpenEuler(_) => "openEuler",
            Ecosystem::OpenSuse(_) => "openSUSE",
            Ecosystem::PhotonOs(_) => "Photon OS",
            Ecosystem::RedHat(_) => "Red Hat",
            Ecosystem::RockyLinux(_) => "Rocky Linux",
            Ecosystem::Suse(_) => "SUSE",
            Ecosystem::Ubuntu(_) => "Ubuntu",
            Ecosystem::Wolfi => "Wolfi",
            Ecosystem::Bitnami => "Bitnami",
            Ecosystem::Cran => "CRAN",
            Ecosystem::CratesIo => "crates.io",
            Ecosystem::Go => "Go",
            Ecosystem::Hex => "Hex",
            Ecosystem::Maven => "Maven",
            Ecosystem::Npm => "npm",
            Ecosystem::NuGet => "NuGet",
            Ecosystem::Packagist => "Packagist",
            Ecosystem::Pub => "Pub",
            Ecosystem::PyPi => "PyPI",
            Ecosystem::RubyGems => "RubyGems",
            Ecosystem::Unsupported(stranger) => &stranger.name,
        }
    }

    /// OSV's name after the first colon: the release of a distribution.
    pub fn release(&self) -> Option<&str> {
        match self {
            Ecosystem::AlmaLinux(release)
            | Ecosystem::Alpine(release)
            | Ecosystem::AzureLinux(release)
            | Ecosystem::Debian(release)
            | Ecosystem::Mageia(release)
            | Ecosystem::OpenEuler(release)
            | Ecosystem::OpenSuse(release)
            | Ecosystem::PhotonOs(release)
            | Ecosystem::RedHat(release)
            | Ecosystem::RockyLinux(release)
            | Ecosystem::Suse(release)
            | Ecosystem::Ubuntu(release) => Some(release).filter(|release| !release.is_empty()),
            _ => None,
        }
        .map(|release| release.strip_suffix(":LTS").unwrap_or(release))
    }

    /// The name as the ecosystem compares names: PEP 503 for Python; NuGet and Packagist ignore case.
    pub fn normal_name(&self, name: &str) -> String {
        match self {
            Ecosystem::PyPi => {
                let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
                parts.collect::<Vec<_>>().join("-").to_lowercase()
            }
            Ecosystem::NuGet | Ecosystem::Packagist => name.to_lowercase(),
            _ => name.to_owned(),
        }
    }

    /// Type and namespace of package URLs (purl-spec, "PURL-TYPES"). Of a distribution that is not known here the
    /// namespace is its `ID`, as of those that are.
    pub(super) fn purl(&self) -> (&'static str, Option<&str>) {
        match self {
            Ecosystem::Debian(_) => ("deb", Some("debian")),
            Ecosystem::Ubuntu(_) => ("deb", Some("ubuntu")),
            Ecosystem::Alpine(_) => ("apk", Some("alpine")),
            Ecosystem::Chainguard => ("apk", Some("chainguard")),
            Ecosystem::MinimOs => ("apk", Some("minimos")),
            Ecosystem::Wolfi => ("apk", Some("wolfi")),
            Ecosystem::AlmaLinux(_) => ("rpm", Some("almalinux")),
            Ecosystem::AzureLinux(_) => ("rpm", Some("azurelinux")),
            Ecosystem::Mageia(_) => ("rpm", Some("mageia")),
            Ecosystem::OpenEuler(_) => ("rpm", Some("openeuler")),
            Ecosystem::OpenSuse(_) => ("rpm", Some("opensuse")),
            Ecosystem::PhotonOs(_) => ("rpm", Some("photon")),
            Ecosystem::RedHat(_) => ("rpm", Some("redhat")),
            Ecosystem::RockyLinux(_) => ("rpm", Some("rocky-linux")),
            Ecosystem::Suse(_) => ("rpm", Some("suse")),
            Ecosystem::Bitnami => ("bitnami", None),
            Ecosystem::Cran => ("cran", None),
            Ecosystem::CratesIo => ("cargo", None),
            Ecosystem::Go => ("golang", None),
            Ecosystem::Hex => ("hex", None),
            Ecosystem::Maven => ("maven", None),
            Ecosystem::Npm => ("npm", None),
            Ecosystem::NuGet => ("nuget", None),
            Ecosystem::Packagist => ("composer", None),
            Ecosystem::Pub => ("pub", None),
            Ecosystem::PyPi => ("pypi", None),
            Ecosystem::RubyGems => ("gem", None),
            Ecosystem::Unsupported(Stranger { kind, id, .. }) => match kind {
                Some(kind) => (kind, Some(id.as_str()).filter(|id| !id.is_empty())),
                None => ("generic", None),
            },
        }
    }

    /// The release that package URLs name.
    pub(super) fn purl_release(&self) -> Option<&str> {
        match self {
            Ecosystem::Unsupported(stranger) => {
                Some(stranger.release.as_str()).filter(|release| !release.is_empty())
            }
            _ => self.release(),
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base())?;
        let release = match self {
            Ecosystem::Ubuntu(release) => Some(release.as_str()),
            _ => self.release(),
        };
        release.map_or(Ok(()), |release| write!(f, ":{release}"))
    }
}

/// The first `count` dotted numbers of a version: `9` or `3.20`; none if it does not begin with so many.
fn first_parts(version: &str, count: usize) -> Option<&str> {
    let mut end = 0;
    for (at, part) in version.split('.').take(count).enumerate() {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        end += digits + usize::from(at > 0);
        if digits < part.len() && at + 1 < count {
            return None;
        }
    }
    let whole = version.split('.').count() >= count;
    version.get(..end).filter(|_| whole)
}

/// The number of a Debian release whose `os-release` has none yet: testing.
fn debian_release(codename: &str) -> Option<&'static str> {
    match codename {
        "bookworm" => Some("12"),
        "trixie" => Some("13"),
        "forky" => Some("14"),
        _ => None,
    }
}

/// Every second April is a long-term release, and OSV says so in the name.
fn ubuntu(release: &str) -> String {
    let lts = release.split_once('.').is_some_and(|(year, month)| {
        month == "04" && year.parse::<u32>().is_ok_and(|year| year % 2 == 0)
    });
    let lts = if lts { ":LTS" } else { "" };
    format!("{release}{lts}")
}

/// `15.5` is `Linux Enterprise Server 15 SP5`.
fn suse(version: &str) -> Ecosystem {
    let pack = version
        .split_once('.')
        .map(|(major, pack)| format!("{major} SP{pack}"));
    let release = pack.as_deref().unwrap_or(version);
    Ecosystem::Suse(format!("Linux Enterprise Server {release}"))
}

/// `VERSION="22.03 (LTS-SP3)"` is `22.03-LTS-SP3`.
fn open_euler(release: &str, version: &str) -> Ecosystem {
    let inside = version
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    let release = match inside {
        Some((edition, _)) => format!("{release}-{edition}"),
        None => release.to_owned(),
    };
    Ecosystem::OpenEuler(release)
}

#[cfg(test)]
mod tests;
