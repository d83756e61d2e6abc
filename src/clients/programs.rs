//! How each program is asked to pull. Arguments, never a shell's line.

use super::Client;

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

#[cfg(test)]
mod tests {
    use super::*;

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
