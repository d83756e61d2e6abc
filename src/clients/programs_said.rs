//! What programs say of themselves.

use super::Facts;

/// What is to be learnt of dockerd from `docker info --format "{{json .}}"`: facts and its version; none where it did not
/// answer.
pub fn docker_info(text: &str) -> Option<(Facts, String)> {
    let info: serde_json::Value = serde_json::from_str(text.trim()).ok()?;
    let version = info
        .get("ServerVersion")?
        .as_str()
        .filter(|version| !version.is_empty())?;
    let of = |key: &str| {
        info.get(key)
            .and_then(|value| value.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let status = info
        .get("DriverStatus")
        .map(ToString::to_string)
        .unwrap_or_default();
    let mirrors = info
        .get("RegistryConfig")
        .and_then(|config| config.get("Mirrors"));
    let mirrors = mirrors
        .and_then(|mirrors| mirrors.as_array())
        .map(|mirrors| {
            let texts = mirrors.iter().filter_map(|mirror| mirror.as_str());
            texts.map(str::to_owned).collect()
        });
    let facts = Facts {
        major: docker_major(version),
        containerd_store: Some(status.contains("io.containerd.snapshotter.v1")),
        mirrors: Some(mirrors.unwrap_or_default()),
        proxies: Some((of("HttpsProxy"), of("NoProxy"))),
        own_registries: None,
        elsewhere: elsewhere(&info),
    };
    Some((facts, version.to_owned()))
}

/// Why a dockerd reads its own files and not those of the machine.
fn elsewhere(info: &serde_json::Value) -> Option<&'static str> {
    let of = |key: &str| info.get(key).map(ToString::to_string).unwrap_or_default();
    if of("SecurityOptions").contains("name=rootless") {
        return Some("it runs rootless, and reads ~/.config/docker and the user's own units");
    }
    if of("OperatingSystem").contains("Docker Desktop") {
        return Some(
            "it is Docker Desktop's, which runs in a machine of its own and reads its settings",
        );
    }
    let snap = of("DockerRootDir").contains("/var/snap/");
    snap.then_some("it is the snap's, and reads /var/snap/docker/current/config/daemon.json")
}

/// The Docker from which on the daemon's source has numbers of its own: `v2.0.0` is what 29 is made of, and what a daemon
/// says that somebody else than Docker has built.
const OF_MOBY_2: u32 = 29;

/// Docker's first number. Its own went from 1 to 17.
fn docker_major(version: &str) -> Option<u32> {
    major(version).map(|number| match number {
        2..17 => OF_MOBY_2,
        number => number,
    })
}

/// The first number of a version: `28.5.2`, `v2.0.0-beta`, `ctr github.com/containerd/containerd 1.6.20~ds1`.
pub fn major(text: &str) -> Option<u32> {
    let mut words = text
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'));
    let word =
        words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))?;
    word.split('.').next()?.parse().ok()
}

/// The builders of `docker buildx ls` with their drivers.
pub fn builders(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().skip(1).filter(|line| {
        // What is indented is a node of the builder above.
        line.starts_with(|c: char| c.is_ascii_alphanumeric())
    });
    let named = lines.filter_map(|line| {
        let mut words = line.split_whitespace().filter(|word| *word != "*");
        let name = words.next()?.trim_end_matches('*');
        Some((name.to_owned(), words.next()?.to_owned()))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_say_is_understood() {
        let info = r#"{"ServerVersion":"29.7.2","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]],"RegistryConfig":{"Mirrors":["http://127.0.0.1:5050/"]},"HttpsProxy":"http://gw:3128","NoProxy":"localhost"}"#;
        let (facts, version) = docker_info(info).unwrap();
        assert_eq!((facts.major, version.as_str()), (Some(29), "29.7.2"));
        assert_eq!(facts.containerd_store, Some(true));
        assert_eq!(
            facts.mirrors,
            Some(vec!["http://127.0.0.1:5050/".to_owned()])
        );
        assert_eq!(
            facts.proxies,
            Some(("http://gw:3128".to_owned(), "localhost".to_owned()))
        );
        for (more, word) in [
            (
                r#""SecurityOptions":["name=seccomp,profile=builtin","name=rootless"]"#,
                "rootless",
            ),
            (r#""OperatingSystem":"Docker Desktop""#, "Docker Desktop's"),
            (
                r#""DockerRootDir":"/var/snap/docker/common/var-lib-docker""#,
                "the snap's",
            ),
        ] {
            let info = format!(r#"{{"ServerVersion":"28.5.2",{more}}}"#);
            let (facts, _) = docker_info(&info).unwrap();
            assert!(facts.elsewhere.unwrap().contains(word), "{facts:?}");
        }
        let usual = r#"{"ServerVersion":"28.5.2","SecurityOptions":["name=apparmor"],"DockerRootDir":"/var/lib/docker"}"#;
        assert_eq!(docker_info(usual).unwrap().0.elsewhere, None);
        for (version, wanted) in [
            ("1.13.1", 1),
            ("17.03.0-ce", 17),
            ("20.10.24+dfsg1", 20),
            ("v2.0.0-beta.24", 29),
        ] {
            let info = format!(r#"{{"ServerVersion":"{version}"}}"#);
            let (facts, said) = docker_info(&info).unwrap();
            assert_eq!((facts.major, said.as_str()), (Some(wanted), version));
        }
        // The command answers without a daemon too.
        assert_eq!(
            docker_info(r#"{"ServerVersion":"","ServerErrors":["no"]}"#),
            None
        );
        assert_eq!(docker_info("Cannot connect"), None);
        assert_eq!(
            major("ctr github.com/containerd/containerd 1.6.20~ds1"),
            Some(1)
        );
        assert_eq!(major("podman version 4.3.1"), Some(4));
        assert_eq!(
            major("containerd github.com/containerd/containerd/v2 v2.4.2 abc"),
            Some(2)
        );
        assert_eq!(major("no"), None);
    }

    #[test]
    fn builders_are_told_from_their_nodes() {
        let text = "NAME/NODE     DRIVER/ENDPOINT     STATUS    BUILDKIT   PLATFORMS\nci*           docker-container                         \n \\_ ci0        \\_ unix:///var/run   running   v0.12      linux/amd64\ndefault       docker                                   \n \\_ default    \\_ default           running   v0.25      linux/amd64\nold *         kubernetes\n  old0        docker  running\n";
        let pair = |name: &str, driver: &str| (name.to_owned(), driver.to_owned());
        assert_eq!(
            builders(text),
            [
                pair("ci", "docker-container"),
                pair("default", "docker"),
                pair("old", "kubernetes")
            ]
        );
    }
}
