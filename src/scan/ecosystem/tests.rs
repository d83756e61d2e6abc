//! Names of systems and what they mean.

use super::*;

fn of(id: &str, version_id: &str, version: &str, version_codename: &str) -> String {
    let os = OsRelease {
        id,
        version_id,
        version,
        version_codename,
        pretty_name: "",
    };
    let found = Ecosystem::from_os_release(&os);
    let name = found.to_string();
    if !matches!(found, Ecosystem::Unsupported(_)) {
        assert_eq!(Ecosystem::named(&name), found, "the name is read back");
    }
    name
}

#[test]
fn os_releases_map_to_the_names_of_osv() {
    let cases = [
        ("debian", "12", "", "", "Debian:12"),
        ("debian", "", "", "trixie", "Debian:13"),
        ("debian", "", "", "sid", "debian"),
        ("ubuntu", "22.04", "", "", "Ubuntu:22.04:LTS"),
        ("ubuntu", "23.10", "", "", "Ubuntu:23.10"),
        ("ubuntu", "25.04", "", "", "Ubuntu:25.04"),
        ("alpine", "3.20.3", "", "", "Alpine:v3.20"),
        ("alpine", "3.22_alpha20250108", "", "", "Alpine:v3.22"),
        ("almalinux", "9.4", "", "", "AlmaLinux:9"),
        ("rocky", "8.10", "", "", "Rocky Linux:8"),
        ("rhel", "9.4", "", "", "Red Hat:enterprise_linux:9"),
        ("wolfi", "20230201", "", "", "Wolfi"),
        ("chainguard", "20230214", "", "", "Chainguard"),
        (
            "sles",
            "15.5",
            "",
            "",
            "SUSE:Linux Enterprise Server 15 SP5",
        ),
        ("opensuse-leap", "15.6", "", "", "openSUSE:Leap 15.6"),
        (
            "opensuse-tumbleweed",
            "20240101",
            "",
            "",
            "openSUSE:Tumbleweed",
        ),
        ("azurelinux", "3.0", "", "", "Azure Linux:3"),
        ("mariner", "2.0", "", "", "Azure Linux:2"),
        ("photon", "4.0", "", "", "Photon OS:4.0"),
        ("mageia", "9", "", "", "Mageia:9"),
        (
            "openEuler",
            "22.03",
            "22.03 (LTS-SP3)",
            "",
            "openEuler:22.03-LTS-SP3",
        ),
        ("amzn", "2023", "", "", "amzn"),
        ("ol", "9.4", "", "", "ol"),
        ("fedora", "40", "", "", "fedora"),
        ("debian", "../..", "", "", "debian"),
        ("alpine", "3", "", "", "alpine"),
        ("", "", "", "", "unknown"),
    ];
    for (id, version_id, version, codename, name) in cases {
        assert_eq!(of(id, version_id, version, codename), name);
    }
}

#[test]
fn python_names_are_compared_as_python_does() {
    assert_eq!(Ecosystem::PyPi.normal_name("Foo__Bar.-baz"), "foo-bar-baz");
    assert_eq!(
        Ecosystem::NuGet.normal_name("Newtonsoft.Json"),
        "newtonsoft.json"
    );
    assert_eq!(Ecosystem::Npm.normal_name("JSONStream"), "JSONStream");
}
