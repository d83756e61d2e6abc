"""Clients of later Debians, the kubelet's way into containerd, and crane; and the list of all clients with their routes."""

import debians
import newer
import routes
from clients import Containerd, Crane, Cri, Docker, DockerBuild, Podman, Skopeo
from routes import (BY_MIRROR, DEFAULT, DNS, DOCKER_DEFAULT, HOSTS, HUB_MIRROR, LOCATION_OF, MIRROR, PREFIX, PROXY, STORE,
                    PodmanMirror, containerd_2, made)

CLASSIC = {"storage-driver": "vfs", "features": {"containerd-snapshotter": False}}


def forky(kind, name, route, *given, **more):
    return made(kind, name, route, *given, root=lambda: debians.get("forky"), **more)


def ctr_of(name, route, hosts={}):
    return made(Containerd, name, route, hosts, root=lambda: debians.get("trixie"))


# The kubelet's pulls: PullImage of the CRI, which crictl asks for as it does.
def cri_of(name, route, hosts={}):
    where = {"folder": containerd_2}
    if name.startswith("CRI 1"):
        where = {"root": lambda: debians.get("trixie")}
    return made(Cri, name, route, hosts, crictl=lambda: newer.get(newer.CRICTL) / "crictl", **where)


def crane_of(name, route):
    return made(Crane, name, route, program=lambda: newer.get(newer.CRANE) / "crane")


docker_mirror = forky(Docker, "docker (forky) mirror", MIRROR, daemon=CLASSIC | BY_MIRROR)
docker_only = forky(Docker, "docker (forky) hosts.toml", HOSTS, daemon=STORE, hosts=DOCKER_DEFAULT)
docker_proxy = forky(Docker, "docker (forky) proxy", PROXY, daemon=CLASSIC)
ctr = ctr_of("ctr 1.7", HOSTS, DEFAULT)
cri_1 = cri_of("CRI 1.7", HOSTS, DEFAULT)
cri_2 = cri_of("CRI 2", HOSTS, DEFAULT)
podman = forky(Podman, "podman (forky)", LOCATION_OF, routes.LOCATION)
skopeo = forky(Skopeo, "skopeo (forky)", LOCATION_OF, routes.LOCATION)
skopeo_proxy = forky(Skopeo, "skopeo (forky) proxy", PROXY, routes.UNQUALIFIED)
crane_proxy = crane_of("crane proxy", PROXY)

# As in routes.CLIENTS; `{}` is the version that the suite has.
CLIENTS = {
    "Docker {}": [
        docker_mirror, forky(Docker, "docker (forky) store mirror", MIRROR, daemon=STORE | BY_MIRROR), docker_only, docker_proxy,
        forky(Docker, "docker (forky) DNS", DNS, daemon=CLASSIC), forky(Docker, "docker (forky) prefix", PREFIX, daemon=CLASSIC),
    ],
    # The BuildKit inside of the classic store; it asks a mirror by the scheme that is written.
    "docker build {}": [
        forky(DockerBuild, "docker build (forky) mirror", MIRROR, daemon=CLASSIC | BY_MIRROR),
        forky(DockerBuild, "docker build (forky) hosts.toml", HOSTS, daemon=STORE, hosts=DOCKER_DEFAULT),
    ],
    "containerd 1.7": [ctr, ctr_of("ctr 1.7 mirror", MIRROR, HUB_MIRROR), ctr_of("ctr 1.7 proxy", PROXY), ctr_of("ctr 1.7 DNS", DNS)],
    "containerd 1.7, CRI": [
        cri_1, cri_of("CRI 1.7 mirror", MIRROR, HUB_MIRROR), cri_of("CRI 1.7 proxy", PROXY), cri_of("CRI 1.7 DNS", DNS),
    ],
    "containerd 2.4, CRI": [
        cri_2, cri_of("CRI 2 mirror", MIRROR, HUB_MIRROR), cri_of("CRI 2 proxy", PROXY), cri_of("CRI 2 DNS", DNS),
    ],
    "podman {}": [
        podman, forky(PodmanMirror, "podman (forky) mirror", MIRROR, routes.PODMAN_MIRROR),
        *[forky(Podman, f"podman (forky) {route}", route, routes.UNQUALIFIED) for route in [PROXY, DNS, PREFIX]],
    ],
    "skopeo {}": [skopeo, skopeo_proxy, forky(Skopeo, "skopeo (forky) DNS", DNS, routes.UNQUALIFIED)],
    "crane 0.22": [crane_proxy, crane_of("crane DNS", DNS), crane_of("crane prefix", PREFIX)],
}
# These see every reason, the others of this list what each route must do.
THOROUGH = [docker_mirror, docker_only, ctr, cri_1, cri_2, podman, skopeo, crane_proxy]
BRIEF = [make for makes in CLIENTS.values() for make in makes if make not in THOROUGH]
PACKAGES = {"Docker {}": "docker.io", "docker build {}": "docker.io", "podman {}": "podman", "skopeo {}": "skopeo"}
ALL = routes.CLIENTS | CLIENTS
CAREFUL = [docker_proxy, ctr, cri_1, cri_2, podman, skopeo_proxy, crane_proxy]


def label(family: str) -> str:
    """What a family is called, with the version that is tried."""
    package = PACKAGES.get(family)
    return family.format(debians.version("forky", package)) if package else family
