"""Which client reaches Lazaret by which route, with the configuration that docs/interop.md tells people to write."""

import newer
from clients import Buildkit, Containerd, Docker, DockerBuild, Podman, Skopeo
from lab import ROOT, Lab

MIRROR = "mirror"
HOSTS = "hosts.toml"
LOCATION_OF = "location"
PROXY = "proxy"
DNS = "DNS"
PREFIX = "prefix"
# The columns of the table in docs/clients.md.
ROUTES = [PROXY, DNS, HOSTS, LOCATION_OF, MIRROR, PREFIX]
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
UNQUALIFIED = 'unqualified-search-registries = ["docker.io"]\n'
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
    return Containerd(lab, "ctr", HOSTS, {"_default/hosts.toml": HOSTS_ONLY})


def ctr_mirror(lab: Lab):
    return Containerd(lab, "ctr mirror", MIRROR, {"docker.io/hosts.toml": HOSTS_MIRROR})


def podman(lab: Lab):
    return Podman(lab, "podman", LOCATION_OF, LOCATION)


def podman_mirror(lab: Lab):
    client = Podman(lab, "podman mirror", MIRROR, PODMAN_MIRROR)
    client.tells_by_digest = False  # it compares the digest before it reads the manifest that says why
    return client


def skopeo(lab: Lab):
    return Skopeo(lab, "skopeo", LOCATION_OF, LOCATION)


def docker_29(lab: Lab, name: str, kind=Docker, only=False):
    """Docker with the containerd image store, by a mirror or by hosts.toml."""
    daemon = {"storage-driver": "native", "features": {"containerd-snapshotter": True}}
    if only:
        hosts = {"certs.d/_default/hosts.toml": HOSTS_ONLY}
    else:
        daemon["registry-mirrors"], hosts = ["http://gw.test:5050"], {}
    dockerd, containerd = newer.get(newer.DOCKERD), newer.get(newer.CONTAINERD)
    return kind(lab, name, HOSTS if only else MIRROR, dockerd=dockerd / "dockerd", daemon=daemon, hosts=hosts,
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
    return Containerd(lab, "ctr 2", HOSTS, {"_default/hosts.toml": HOSTS_ONLY}, newer.get(newer.CONTAINERD))


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
    return by_proxy(docker_29_plain(lab, "docker 29 proxy", PROXY))


def podman_proxy(lab: Lab):
    return by_proxy(Podman(lab, "podman proxy", PROXY, UNQUALIFIED))


def skopeo_proxy(lab: Lab):
    return by_proxy(Skopeo(lab, "skopeo proxy", PROXY, UNQUALIFIED))


def led_here(client):
    """The same client, as it comes, but for its resolver."""
    client.mounts = ((client.lab.dir / "led-here", "/etc/hosts"),)
    return client


def prefixed(client):
    """The same client, as it comes; a person types where Lazaret is before the image."""
    pull, remove, digest = client.pull, client.remove, client.digest
    client.pull = lambda image: pull(f"gw.test/{image}")
    client.remove = lambda image: remove(f"gw.test/{image}")
    client.digest = lambda image, said: digest(f"gw.test/{image}", said)
    return client


def docker_dns(lab: Lab):
    return led_here(Docker(lab, "docker 20.10 DNS", DNS, daemon={"storage-driver": "vfs"}))


def docker_29_plain(lab: Lab, name: str, route: str):
    daemon = {"storage-driver": "native", "features": {"containerd-snapshotter": True}}
    dockerd, containerd = newer.get(newer.DOCKERD), newer.get(newer.CONTAINERD)
    return Docker(lab, name, route, dockerd=dockerd / "dockerd", daemon=daemon, path=[containerd])


def docker_29_dns(lab: Lab):
    return led_here(docker_29_plain(lab, "docker 29 DNS", DNS))


def podman_dns(lab: Lab):
    return led_here(Podman(lab, "podman DNS", DNS, UNQUALIFIED))


def skopeo_dns(lab: Lab):
    return led_here(Skopeo(lab, "skopeo DNS", DNS, UNQUALIFIED))


def ctr_dns(lab: Lab):
    return led_here(Containerd(lab, "ctr DNS", DNS, {}))


def ctr_2_dns(lab: Lab):
    return led_here(Containerd(lab, "ctr 2 DNS", DNS, {}, newer.get(newer.CONTAINERD)))


def buildkit_dns(lab: Lab):
    return led_here(Buildkit(lab, "buildkitd DNS", DNS, "", newer.get(newer.BUILDKIT)))


def ctr_2_proxy(lab: Lab):
    return by_proxy(Containerd(lab, "ctr 2 proxy", PROXY, {}, newer.get(newer.CONTAINERD)))


def buildkit_proxy(lab: Lab):
    return by_proxy(Buildkit(lab, "buildkitd proxy", PROXY, "", newer.get(newer.BUILDKIT)))


def docker_prefix(lab: Lab):
    return prefixed(Docker(lab, "docker 20.10 prefix", PREFIX, daemon={"storage-driver": "vfs"}))


def docker_29_prefix(lab: Lab):
    return prefixed(docker_29_plain(lab, "docker 29 prefix", PREFIX))


def podman_prefix(lab: Lab):
    return prefixed(Podman(lab, "podman prefix", PREFIX, UNQUALIFIED))


def ctr_2_prefix(lab: Lab):
    return prefixed(Containerd(lab, "ctr 2 prefix", PREFIX, {}, newer.get(newer.CONTAINERD)))


# By whom and how; the first word is the row in docs/clients.md, and what is in one row is one program.
CLIENTS = {
    "Docker 20.10": [docker_mirror, docker_proxy, docker_dns, docker_prefix],
    "docker build 20.10": [docker_build],
    "Docker 29": [docker_29_mirror, docker_29_only, docker_29_proxy, docker_29_dns, docker_29_prefix],
    "docker build 29": [docker_build_29_mirror, docker_build_29_only],
    "containerd 1.6": [ctr, ctr_mirror, ctr_dns],
    "containerd 2.4": [ctr_2, ctr_2_mirror, ctr_2_proxy, ctr_2_dns, ctr_2_prefix],
    "buildkitd 0.34": [buildkit, buildkit_proxy, buildkit_dns],
    "podman 4.3": [podman, podman_mirror, podman_proxy, podman_dns, podman_prefix],
    "skopeo 1.9": [skopeo, skopeo_proxy, skopeo_dns],
}
# Pulled by at the same time, while the verdict takes its time; the first also waits for the slower one.
PATIENT = [docker_29_mirror, docker_mirror, docker_29_proxy, ctr_2, podman, skopeo_dns]
# One for each route on which a certificate is looked at.
CAREFUL = [docker_proxy, podman_dns, ctr_2, podman]
