"""Which client reaches Lazaret by which route, with the configuration that docs/interop.md tells people to write."""

import newer
from clients import Buildkit, Containerd, Docker, DockerBuild, Podman, Skopeo
from lab import ROOT, Lab

MIRROR = "plain mirror"
ONLY = "Lazaret is the only endpoint"
PROXY = "the HTTPS proxy"
# What a client is told of the proxy, and all that it is told.
BY_PROXY = {"HTTPS_PROXY": "http://gw.test:3128", "https_proxy": "http://gw.test:3128"}

# What ships is what is tried, but for where this Lazaret is and the authority, which the clients have in the system's
# place.
HOSTS_ONLY = "".join(
    line.replace("https://lazaret.example:5443", "https://gw.test")
    for line in (ROOT / "deploy/hosts.toml").read_text().splitlines(keepends=True)
    if not line.strip().startswith("ca =")
)
HOSTS_MIRROR = """server = "https://registry-1.docker.io"
[host."http://gw.test:5050"]
capabilities = ["pull", "resolve"]
"""
LOCATION = """unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "docker.io"
location = "gw.test/docker.io"
[[registry]]
prefix = "ghcr.io"
location = "gw.test/ghcr.io"
"""
BUILDKIT_MIRROR = """[registry."docker.io"]
mirrors = ["gw.test:5050"]
[registry."gw.test:5050"]
http = true
"""
PODMAN_MIRROR = """[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "gw.test:5050"
insecure = true
"""


def docker_mirror(lab: Lab, name="docker 20.10"):
    daemon = {"registry-mirrors": ["http://gw.test:5050"], "storage-driver": "vfs"}
    return Docker(lab, name, MIRROR, daemon=daemon)


def docker_build(lab: Lab):
    # This BuildKit drops the scheme of a mirror and takes https: the mirror must have a certificate.
    daemon = {"registry-mirrors": ["https://gw.test:5051"], "storage-driver": "vfs"}
    return DockerBuild(lab, "docker build 20.10", MIRROR, daemon=daemon)


def ctr(lab: Lab):
    return Containerd(lab, "ctr", ONLY, {"_default/hosts.toml": HOSTS_ONLY})


def ctr_mirror(lab: Lab):
    return Containerd(lab, "ctr mirror", MIRROR, {"docker.io/hosts.toml": HOSTS_MIRROR})


def podman(lab: Lab):
    return Podman(lab, "podman", ONLY, LOCATION)


def podman_mirror(lab: Lab):
    client = Podman(lab, "podman mirror", MIRROR, PODMAN_MIRROR)
    client.tells_by_digest = False  # it compares the digest before it reads the manifest that says why
    return client


def skopeo(lab: Lab):
    return Skopeo(lab, "skopeo", ONLY, LOCATION)


def docker_29(lab: Lab, name: str, kind=Docker, only=False):
    """Docker with the containerd image store, by a mirror or by hosts.toml."""
    daemon = {"storage-driver": "native", "features": {"containerd-snapshotter": True}}
    if only:
        hosts = {"certs.d/_default/hosts.toml": HOSTS_ONLY}
    else:
        daemon["registry-mirrors"], hosts = ["http://gw.test:5050"], {}
    dockerd, containerd = newer.get(newer.DOCKERD), newer.get(newer.CONTAINERD)
    return kind(lab, name, ONLY if only else MIRROR, dockerd=dockerd / "dockerd", daemon=daemon, hosts=hosts,
                path=[containerd])


def docker_29_mirror(lab: Lab):
    return docker_29(lab, "docker 29 mirror")


def docker_29_only(lab: Lab):
    return docker_29(lab, "docker 29 hosts.toml", only=True)


def docker_build_29_mirror(lab: Lab):
    return docker_29(lab, "docker build 29 mirror", kind=DockerBuild)


def docker_build_29_only(lab: Lab):
    return docker_29(lab, "docker build 29 hosts.toml", kind=DockerBuild, only=True)


def ctr_2(lab: Lab):
    return Containerd(lab, "ctr 2", ONLY, {"_default/hosts.toml": HOSTS_ONLY}, newer.get(newer.CONTAINERD))


def ctr_2_mirror(lab: Lab):
    return Containerd(lab, "ctr 2 mirror", MIRROR, {"docker.io/hosts.toml": HOSTS_MIRROR}, newer.get(newer.CONTAINERD))


def buildkit(lab: Lab):
    return Buildkit(lab, "buildkitd", MIRROR, BUILDKIT_MIRROR, newer.get(newer.BUILDKIT))


def by_proxy(client):
    """The same client, as it comes, but for the proxy."""
    client.env = BY_PROXY
    return client


def docker_proxy(lab: Lab):
    return by_proxy(Docker(lab, "docker 20.10 proxy", PROXY, daemon={"storage-driver": "vfs"}))


def docker_29_proxy(lab: Lab):
    daemon = {"storage-driver": "native", "features": {"containerd-snapshotter": True}}
    dockerd, containerd = newer.get(newer.DOCKERD), newer.get(newer.CONTAINERD)
    return by_proxy(Docker(lab, "docker 29 proxy", PROXY, dockerd=dockerd / "dockerd", daemon=daemon, path=[containerd]))


def podman_proxy(lab: Lab):
    return by_proxy(Podman(lab, "podman proxy", PROXY, 'unqualified-search-registries = ["docker.io"]\n'))


def skopeo_proxy(lab: Lab):
    return by_proxy(Skopeo(lab, "skopeo proxy", PROXY, 'unqualified-search-registries = ["docker.io"]\n'))


CLIENTS = [
    docker_mirror, docker_build, ctr, ctr_mirror, podman, podman_mirror, skopeo,
    docker_29_mirror, docker_29_only, docker_build_29_mirror, docker_build_29_only, ctr_2, ctr_2_mirror, buildkit,
    docker_proxy, docker_29_proxy, podman_proxy, skopeo_proxy,
]
