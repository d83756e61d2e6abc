//! Which files are wanted, by their paths.

use serde::{Deserialize, Serialize};

use crate::scan::Ecosystem;

/// The kind of file that names packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "their names are those of managers and languages"
)]
pub enum Kind {
    Dpkg,
    Apk,
    Rpm,
    Python,
    Node,
    Go,
    Rust,
    Java,
    Ruby,
    Php,
    DotNet,
    Bitnami,
}

impl Kind {
    /// Whose names these are; none for a distribution's own, which `os-release` tells.
    pub fn ecosystem(self) -> Option<Ecosystem> {
        Some(match self {
            Kind::Dpkg | Kind::Apk | Kind::Rpm => return None,
            Kind::Python => Ecosystem::PyPi,
            Kind::Node => Ecosystem::Npm,
            Kind::Go => Ecosystem::Go,
            Kind::Rust => Ecosystem::CratesIo,
            Kind::Java => Ecosystem::Maven,
            Kind::Ruby => Ecosystem::RubyGems,
            Kind::Php => Ecosystem::Packagist,
            Kind::DotNet => Ecosystem::NuGet,
            Kind::Bitnami => Ecosystem::Bitnami,
        })
    }
}

impl Kind {
    /// The type of URLs of a distribution's packages (purl-spec, "PURL-TYPES"); none of what is no distribution's.
    pub(in crate::scan) fn purl_type(self) -> Option<&'static str> {
        match self {
            Kind::Dpkg => Some("deb"),
            Kind::Apk => Some("apk"),
            Kind::Rpm => Some("rpm"),
            _ => None,
        }
    }

    /// Whether distributions ship such packages as their own, with fixes that the version does not show. What is linked
    /// into a program, or packed with it, is nothing that their advisories name.
    pub(in crate::scan) fn is_shipped(self) -> bool {
        matches!(self, Kind::Python | Kind::Node | Kind::Ruby | Kind::Php)
    }
}

/// A distribution's database that one file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// dpkg's `status`, and distroless's files of one package each.
    Dpkg,
    /// apk's `installed`.
    Apk,
    /// rpm's `Packages.db`.
    RpmNdb,
    /// rpm's `Packages`, a hash of Berkeley DB.
    RpmBdb,
    /// The list that Azure Linux leaves in images without rpm.
    RpmList,
}

impl Database {
    /// The kind of its packages.
    pub fn kind(self) -> Kind {
        match self {
            Database::Dpkg => Kind::Dpkg,
            Database::Apk => Kind::Apk,
            Database::RpmNdb | Database::RpmBdb | Database::RpmList => Kind::Rpm,
        }
    }
}

/// What a file is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scan) enum Wanted {
    OsRelease,
    Database(Database),
    /// rpm's `rpmdb.sqlite`, which counts together with its log.
    Sqlite,
    SqliteLog,
    Manifest(Kind),
    Java,
}

impl Wanted {
    /// Whether the file may be there once only, and must be understood.
    pub(in crate::scan) fn is_database(self) -> bool {
        matches!(
            self,
            Wanted::Database(_) | Wanted::Sqlite | Wanted::SqliteLog
        )
    }
}

/// Folders of rpm's database: classic, of SUSE and Fedora, of ostree.
const RPM: [&str; 3] = ["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"];
/// Folders of apk's database: before and after the merge of `/usr`.
const APK: [&str; 2] = ["lib/apk/db", "usr/lib/apk/db"];
/// The folder of Azure Linux's list.
const RPM_LIST: &str = "var/lib/rpmmanifest";
/// The folder of dpkg's database, and distroless's below it.
const DPKG: &str = "var/lib/dpkg";
const DPKG_FOLDER: &str = "var/lib/dpkg/status.d";
/// Folders of `os-release`; the last for systems that choose among several.
const OS_RELEASE: [&str; 3] = ["etc", "usr/lib", "usr/lib/os.release.d"];

/// What the file at `path` is wanted for.
pub(in crate::scan) fn wanted(path: &str) -> Option<Wanted> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    match file {
        "status" if folder == DPKG => return Some(Wanted::Database(Database::Dpkg)),
        "installed" if APK.contains(&folder) => return Some(Wanted::Database(Database::Apk)),
        "rpmdb.sqlite" if RPM.contains(&folder) => return Some(Wanted::Sqlite),
        "rpmdb.sqlite-wal" if RPM.contains(&folder) => return Some(Wanted::SqliteLog),
        "Packages.db" if RPM.contains(&folder) => return Some(Wanted::Database(Database::RpmNdb)),
        "Packages" if RPM.contains(&folder) => return Some(Wanted::Database(Database::RpmBdb)),
        "container-manifest-2" if folder == RPM_LIST => {
            return Some(Wanted::Database(Database::RpmList));
        }
        _ => {}
    }
    if folder == DPKG_FOLDER && !file.ends_with(".md5sums") {
        return Some(Wanted::Database(Database::Dpkg));
    }
    if file.starts_with("os-release") && OS_RELEASE.contains(&folder) {
        return Some(Wanted::OsRelease);
    }
    manifest(folder, file)
}

fn manifest(folder: &str, file: &str) -> Option<Wanted> {
    let parent = folder.rsplit_once('/').map_or(folder, |(_, name)| name);
    let kind = match file {
        "METADATA" if parent.ends_with(".dist-info") => Kind::Python,
        "PKG-INFO" if parent.ends_with(".egg-info") || parent == "EGG-INFO" => Kind::Python,
        _ if file.ends_with(".egg-info") => Kind::Python,
        "package.json" if is_module(folder) => Kind::Node,
        _ if file.ends_with(".gemspec") && in_specifications(folder) => Kind::Ruby,
        "installed.json" if parent == "composer" => Kind::Php,
        _ if file.ends_with(".deps.json") => Kind::DotNet,
        _ if folder.starts_with("opt/bitnami") && is_spdx(file) => Kind::Bitnami,
        _ => {
            let end = file.rsplit_once('.').map_or("", |(_, end)| end);
            let java = matches!(end, "jar" | "war" | "ear" | "hpi" | "jpi");
            return java.then_some(Wanted::Java);
        }
    };
    Some(Wanted::Manifest(kind))
}

/// Whether the folder is that of an installed module, not one inside it: those hold fixtures of its tests.
fn is_module(folder: &str) -> bool {
    let Some((above, _)) = folder.rsplit_once('/') else {
        return false;
    };
    let scoped = above
        .rsplit_once('/')
        .filter(|(_, scope)| scope.starts_with('@'));
    let above = scoped.map_or(above, |(above, _)| above);
    above == "node_modules" || above.ends_with("/node_modules")
}

fn in_specifications(folder: &str) -> bool {
    let folder = folder.strip_suffix("/default").unwrap_or(folder);
    folder.ends_with("/specifications")
}

fn is_spdx(file: &str) -> bool {
    file.starts_with(".spdx-") && file.ends_with(".spdx")
}

/// Whether a link at `path` leads to where a database or `os-release` is looked for.
pub(in crate::scan) fn towards_database(path: &str) -> bool {
    let at_or_above = |folder: &&str| {
        let rest = folder.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let database =
        wanted(path).is_some_and(|found| found.is_database() || found == Wanted::OsRelease);
    let mut folders = RPM
        .iter()
        .chain(&APK)
        .chain(&OS_RELEASE)
        .chain([&DPKG_FOLDER, &RPM_LIST]);
    database || !path.is_empty() && folders.any(at_or_above)
}
