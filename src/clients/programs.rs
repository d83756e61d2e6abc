//! How each program is asked to pull, and what it says of itself. Arguments, never a shell's line.

use super::{Client, Facts};

/// A program that `lazaret doctor` knows to pull with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// `docker pull`.
    Docker,
    /// `docker build`, by the BuildKit inside of the daemon.
    DockerBuild,
    /// A builder of `docker buildx`, by its name.
    Buildx(String),
    /// containerd, with the folder of `hosts.toml` files where there is one.
    Ctr(Option<String>),
    /// The container runtime of the kubelet.
    Crictl,
    /// podman.
    Podman,
    /// skopeo.
    Skopeo,
    /// A buildkitd.
    Buildctl,
}

/// A program to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// What it reads.
    pub input: String,
}

fn command(words: &[&str], input: &str) -> Command {
    Command {
        words: words.iter().map(|&word| word.to_owned()).collect(),
        input: input.to_owned(),
    }
}

/// containerd's namespace in which nothing but the canary is.
const NAMESPACE: &str = "lazaret-doctor";

impl Program {
    /// As it is typed after `--client`.
    pub fn id(&self) -> &'static str {
        match self {
            Program::Docker => "docker",
            Program::DockerBuild => "docker-build",
            Program::Buildx(_) => "buildx",
            Program::Ctr(_) => "ctr",
            Program::Crictl => "crictl",
            Program::Podman => "podman",
            Program::Skopeo => "skopeo",
            Program::Buildctl => "buildctl",
        }
    }

    /// For a person.
    pub fn name(&self) -> String {
        match self {
            Program::DockerBuild => "docker build".to_owned(),
            Program::Buildx(builder) => format!("docker buildx, builder {builder}"),
            other => other.id().to_owned(),
        }
    }

    /// Whose configuration it reads.
    pub fn client(&self) -> Client {
        match self {
            Program::Docker | Program::DockerBuild => Client::Docker,
            Program::Ctr(_) | Program::Crictl => Client::Containerd,
            Program::Podman | Program::Skopeo => Client::Podman,
            Program::Buildctl | Program::Buildx(_) => Client::Buildkit,
        }
    }

    /// Asks it to pull. `folder` has a `Dockerfile` that begins from the image.
    pub fn pull(&self, image: &str, folder: &str) -> Command {
        let from = format!("FROM {image}\n");
        match self {
            Program::Docker => command(&["docker", "pull", image], ""),
            Program::DockerBuild => {
                let tag = built(image);
                command(
                    &[
                        "docker",
                        "build",
                        "--progress=plain",
                        "--no-cache",
                        "--pull",
                        "-t",
                        &tag,
                        "-",
                    ],
                    &from,
                )
            }
            Program::Buildx(builder) => command(
                &[
                    "docker",
                    "buildx",
                    "build",
                    "--builder",
                    builder,
                    "--progress=plain",
                    "--no-cache",
                    "--pull",
                    "-",
                ],
                &from,
            ),
            Program::Ctr(hosts) => {
                let mut words = vec!["ctr", "--namespace", NAMESPACE, "content", "fetch"];
                if let Some(hosts) = hosts {
                    words.extend(["--hosts-dir", hosts]);
                }
                words.push(image);
                command(&words, "")
            }
            Program::Crictl => command(&["crictl", "pull", image], ""),
            Program::Podman => command(&["podman", "pull", image], ""),
            Program::Skopeo => command(
                &["skopeo", "inspect", "--raw", &format!("docker://{image}")],
                "",
            ),
            Program::Buildctl => {
                let (context, file) = (format!("context={folder}"), format!("dockerfile={folder}"));
                let words = [
                    "buildctl",
                    "build",
                    "--progress=plain",
                    "--no-cache",
                    "--frontend=dockerfile.v0",
                    "--local",
                    &context,
                    "--local",
                    &file,
                ];
                command(&words, "")
            }
        }
    }

    /// Forgets the image; nothing where nothing is kept.
    pub fn forget(&self, image: &str) -> Option<Command> {
        let words: &[&str] = match self {
            Program::Docker => &["docker", "rmi", "-f", image],
            Program::DockerBuild => &["docker", "rmi", "-f", &built(image), image],
            Program::Ctr(_) => &[
                "ctr",
                "--namespace",
                NAMESPACE,
                "images",
                "rm",
                "--sync",
                image,
            ],
            Program::Crictl => &["crictl", "rmi", image],
            Program::Podman => &["podman", "rmi", "-f", image],
            Program::Skopeo | Program::Buildctl | Program::Buildx(_) => return None,
        };
        Some(command(words, ""))
    }

    /// What leaves nothing behind once all is done.
    pub fn end(&self) -> Option<Command> {
        match self {
            Program::Ctr(_) => Some(command(&["ctr", "namespaces", "rm", NAMESPACE], "")),
            _ => None,
        }
    }
}

/// The tag of what is built on the canary.
fn built(image: &str) -> String {
    let nonce = image.rsplit(':').next().unwrap_or_default();
    format!("lazaret-doctor:{nonce}")
}

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
        major: major(version),
        containerd_store: Some(status.contains("io.containerd.snapshotter.v1")),
        mirrors: Some(mirrors.unwrap_or_default()),
        proxies: Some((of("HttpsProxy"), of("NoProxy"))),
        own_registries: None,
    };
    Some((facts, version.to_owned()))
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

    #[test]
    fn no_argument_is_a_shells_line() {
        let image = "docker.io/lazaret--canary/denied:n1";
        let all = [
            Program::Docker,
            Program::DockerBuild,
            Program::Buildx("ci".to_owned()),
            Program::Ctr(Some("/etc/containerd/certs.d".to_owned())),
            Program::Crictl,
            Program::Podman,
            Program::Skopeo,
            Program::Buildctl,
        ];
        for program in all {
            let pull = program.pull(image, "/tmp/x");
            let whole = format!("{} {}", pull.words.join(" "), pull.input);
            assert!(
                whole.contains(image) || program == Program::Buildctl,
                "{whole}"
            );
            assert!(
                !pull
                    .words
                    .iter()
                    .any(|word| word.contains(' ') || word == "sh")
            );
        }
        let forget = Program::DockerBuild.forget(image).unwrap();
        assert_eq!(
            forget.words,
            ["docker", "rmi", "-f", "lazaret-doctor:n1", image]
        );
    }
}
