"""Which client reaches Lazaret by which route, with the configuration that docs/interop.md tells people to write."""

import newer
from clients import Buildkit, Containerd, Docker, DockerBuild, Podman, Skopeo
from lab import ROOT

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


VFS = {"storage-driver": "vfs"}
STORE = {"storage-driver": "native", "features": {"containerd-snapshotter": True}}
BY_MIRROR = {"registry-mirrors": ["http://gw.test:5050"]}
# What a folder of hosts.toml files has, of containerd and of Docker.
DEFAULT, DOCKER_DEFAULT = {"_default/hosts.toml": HOSTS_ONLY}, {"certs.d/_default/hosts.toml": HOSTS_ONLY}
HUB_MIRROR = {"docker.io/hosts.toml": HOSTS_MIRROR}


class PodmanMirror(Podman):
    # It compares the digest before it reads the manifest that says why.
    tells_by_digest = False


def by_proxy(client, env=None):
    """The same client, as it comes, but for the proxy."""
    client.env = env or BY_PROXY
    return client


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


# What a client is told by other means than its own files.
TOLD = {PROXY: by_proxy, DNS: led_here, PREFIX: prefixed}


def made(kind, name, route, *given, **more):
    """What makes a client when it is wanted. Programs that must be got first are given as functions that get them."""
    def make(lab, name=name):
        got = {key: value() if callable(value) else value for key, value in more.items()}
        client = kind(lab, name, route, *given, **got)
        return TOLD[route](client) if route in TOLD else client
    make.__name__ = name
    return make


def containerd_2():
    return newer.get(newer.CONTAINERD)


def docker_29(kind, name, route, daemon=STORE, **more):
    """Docker with the containerd image store."""
    return made(kind, name, route, dockerd=lambda: newer.get(newer.DOCKERD) / "dockerd", path=lambda: [containerd_2()],
                daemon=daemon, **more)


def buildkitd(name, route, config=""):
    return made(Buildkit, name, route, config, folder=lambda: newer.get(newer.BUILDKIT))


docker_mirror = made(Docker, "docker 20.10", MIRROR, daemon=VFS | BY_MIRROR)
docker_proxy = made(Docker, "docker 20.10 proxy", PROXY, daemon=VFS)
docker_29_mirror = docker_29(Docker, "docker 29 mirror", MIRROR, STORE | BY_MIRROR)
docker_29_proxy = docker_29(Docker, "docker 29 proxy", PROXY)
ctr_2 = made(Containerd, "ctr 2", HOSTS, DEFAULT, folder=containerd_2)
ctr_2_proxy = made(Containerd, "ctr 2 proxy", PROXY, {}, folder=containerd_2)
podman = made(Podman, "podman", LOCATION_OF, LOCATION)
podman_dns = made(Podman, "podman DNS", DNS, UNQUALIFIED)
podman_proxy = made(Podman, "podman proxy", PROXY, UNQUALIFIED)
skopeo_dns = made(Skopeo, "skopeo DNS", DNS, UNQUALIFIED)

# By whom and how; the first word is the row in docs/clients.md, and what is in one row is one program.
CLIENTS = {
    "Docker 20.10": [
        docker_mirror, docker_proxy, made(Docker, "docker 20.10 DNS", DNS, daemon=VFS),
        made(Docker, "docker 20.10 prefix", PREFIX, daemon=VFS),
    ],
    # This BuildKit drops the scheme of a mirror and takes https: the mirror must have a certificate.
    "docker build 20.10": [
        made(DockerBuild, "docker build 20.10", MIRROR, daemon=VFS | {"registry-mirrors": ["https://gw.test:5051"]}),
    ],
    "Docker 29": [
        docker_29_mirror, docker_29(Docker, "docker 29 hosts.toml", HOSTS, hosts=DOCKER_DEFAULT), docker_29_proxy,
        docker_29(Docker, "docker 29 DNS", DNS), docker_29(Docker, "docker 29 prefix", PREFIX),
    ],
    "docker build 29": [
        docker_29(DockerBuild, "docker build 29 mirror", MIRROR, STORE | BY_MIRROR),
        docker_29(DockerBuild, "docker build 29 hosts.toml", HOSTS, hosts=DOCKER_DEFAULT),
    ],
    "containerd 1.6": [
        made(Containerd, "ctr", HOSTS, DEFAULT), made(Containerd, "ctr mirror", MIRROR, HUB_MIRROR),
        made(Containerd, "ctr DNS", DNS, {}),
    ],
    "containerd 2.4": [
        ctr_2, made(Containerd, "ctr 2 mirror", MIRROR, HUB_MIRROR, folder=containerd_2),
        ctr_2_proxy, *[made(Containerd, f"ctr 2 {route}", route, {}, folder=containerd_2) for route in [DNS, PREFIX]],
    ],
    "buildkitd 0.34": [
        buildkitd("buildkitd", MIRROR, BUILDKIT_MIRROR), buildkitd("buildkitd proxy", PROXY), buildkitd("buildkitd DNS", DNS),
    ],
    "podman 4.3": [
        podman, made(PodmanMirror, "podman mirror", MIRROR, PODMAN_MIRROR), podman_proxy, podman_dns,
        made(Podman, "podman prefix", PREFIX, UNQUALIFIED),
    ],
    "skopeo 1.9": [
        made(Skopeo, "skopeo", LOCATION_OF, LOCATION), made(Skopeo, "skopeo proxy", PROXY, UNQUALIFIED), skopeo_dns,
    ],
}
# Pulled by at the same time, while the verdict takes its time; the first also waits for the slower one.
PATIENT = [docker_29_mirror, docker_mirror, docker_29_proxy, ctr_2, podman, skopeo_dns]
# By the proxy that asks for a login.
LOGGING_IN = [docker_proxy, docker_29_proxy, ctr_2_proxy, podman_proxy]
# One for each route on which a certificate is looked at.
CAREFUL = [docker_proxy, podman_dns, ctr_2, podman]
