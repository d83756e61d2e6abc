"""Clients of later Debians, the kubelet's way into containerd, and crane; and the list of all clients with their routes."""

import debians
import newer
import routes
from clients import Containerd, Crane, Cri, Docker, DockerBuild, Podman, Skopeo
from routes import DNS, HOSTS, LOCATION_OF, MIRROR, PREFIX, PROXY, by_proxy, led_here, prefixed

STORE = {"storage-driver": "native", "features": {"containerd-snapshotter": True}}
CLASSIC = {"storage-driver": "vfs", "features": {"containerd-snapshotter": False}}
BY_MIRROR = {"registry-mirrors": ["http://gw.test:5050"]}
HOSTS_FILE = {"certs.d/_default/hosts.toml": routes.HOSTS_ONLY}


def docker(lab, name, route, daemon, kind=Docker, hosts=None):
    root = debians.get("forky")
    return kind(lab, f"docker {name}", route, daemon=daemon, hosts=hosts, root=root)


def docker_mirror(lab):
    return docker(lab, "(forky) mirror", MIRROR, CLASSIC | BY_MIRROR)


def docker_store_mirror(lab):
    return docker(lab, "(forky) store mirror", MIRROR, STORE | BY_MIRROR)


def docker_only(lab):
    return docker(lab, "(forky) hosts.toml", HOSTS, STORE, hosts=HOSTS_FILE)


def docker_proxy(lab):
    return by_proxy(docker(lab, "(forky) proxy", PROXY, CLASSIC))


def docker_dns(lab):
    return led_here(docker(lab, "(forky) DNS", DNS, CLASSIC))


def docker_prefix(lab):
    return prefixed(docker(lab, "(forky) prefix", PREFIX, CLASSIC))


def docker_build_mirror(lab):
    # The BuildKit inside of the classic store; it asks a mirror by the scheme that is written.
    return docker(lab, "build (forky) mirror", MIRROR, CLASSIC | BY_MIRROR, kind=DockerBuild)


def docker_build_only(lab):
    return docker(lab, "build (forky) hosts.toml", HOSTS, STORE, kind=DockerBuild, hosts=HOSTS_FILE)


def containerd(lab, name, route, hosts):
    return Containerd(lab, name, route, hosts, root=debians.get("trixie"))


def ctr(lab):
    return containerd(lab, "ctr 1.7", HOSTS, {"_default/hosts.toml": routes.HOSTS_ONLY})


def ctr_mirror(lab):
    return containerd(lab, "ctr 1.7 mirror", MIRROR, {"docker.io/hosts.toml": routes.HOSTS_MIRROR})


def ctr_proxy(lab):
    return by_proxy(containerd(lab, "ctr 1.7 proxy", PROXY, {}))


def ctr_dns(lab):
    return led_here(containerd(lab, "ctr 1.7 DNS", DNS, {}))


# The kubelet's pulls: PullImage of the CRI, which crictl asks for as it does.
def cri(lab, name, route, hosts):
    crictl = newer.get(newer.CRICTL) / "crictl"
    if name.startswith("CRI 1"):
        return Cri(lab, name, route, hosts, crictl, root=debians.get("trixie"))
    return Cri(lab, name, route, hosts, crictl, folder=newer.get(newer.CONTAINERD))


def cri_1(lab):
    return cri(lab, "CRI 1.7", HOSTS, {"_default/hosts.toml": routes.HOSTS_ONLY})


def cri_1_mirror(lab):
    return cri(lab, "CRI 1.7 mirror", MIRROR, {"docker.io/hosts.toml": routes.HOSTS_MIRROR})


def cri_1_proxy(lab):
    return by_proxy(cri(lab, "CRI 1.7 proxy", PROXY, {}))


def cri_1_dns(lab):
    return led_here(cri(lab, "CRI 1.7 DNS", DNS, {}))


def cri_2(lab):
    return cri(lab, "CRI 2", HOSTS, {"_default/hosts.toml": routes.HOSTS_ONLY})


def cri_2_mirror(lab):
    return cri(lab, "CRI 2 mirror", MIRROR, {"docker.io/hosts.toml": routes.HOSTS_MIRROR})


def cri_2_proxy(lab):
    return by_proxy(cri(lab, "CRI 2 proxy", PROXY, {}))


def cri_2_dns(lab):
    return led_here(cri(lab, "CRI 2 DNS", DNS, {}))


def podman_of(lab, name, route, registries, kind=Podman):
    return kind(lab, name, route, registries, root=debians.get("forky"))


def podman(lab):
    return podman_of(lab, "podman (forky)", LOCATION_OF, routes.LOCATION)


def podman_mirror(lab):
    client = podman_of(lab, "podman (forky) mirror", MIRROR, routes.PODMAN_MIRROR)
    client.tells_by_digest = False  # as of the older one: the digest is compared before the manifest is read
    return client


def podman_proxy(lab):
    return by_proxy(podman_of(lab, "podman (forky) proxy", PROXY, routes.UNQUALIFIED))


def podman_dns(lab):
    return led_here(podman_of(lab, "podman (forky) DNS", DNS, routes.UNQUALIFIED))


def podman_prefix(lab):
    return prefixed(podman_of(lab, "podman (forky) prefix", PREFIX, routes.UNQUALIFIED))


def skopeo(lab):
    return podman_of(lab, "skopeo (forky)", LOCATION_OF, routes.LOCATION, kind=Skopeo)


def skopeo_proxy(lab):
    return by_proxy(podman_of(lab, "skopeo (forky) proxy", PROXY, routes.UNQUALIFIED, kind=Skopeo))


def skopeo_dns(lab):
    return led_here(podman_of(lab, "skopeo (forky) DNS", DNS, routes.UNQUALIFIED, kind=Skopeo))


def crane_of(lab, name, route):
    return Crane(lab, name, route, newer.get(newer.CRANE) / "crane")


def crane_proxy(lab):
    return by_proxy(crane_of(lab, "crane proxy", PROXY))


def crane_dns(lab):
    return led_here(crane_of(lab, "crane DNS", DNS))


def crane_prefix(lab):
    return prefixed(crane_of(lab, "crane prefix", PREFIX))


# As in routes.CLIENTS; `{}` is the version that the suite has.
CLIENTS = {
    "Docker {}": [docker_mirror, docker_store_mirror, docker_only, docker_proxy, docker_dns, docker_prefix],
    "docker build {}": [docker_build_mirror, docker_build_only],
    "containerd 1.7": [ctr, ctr_mirror, ctr_proxy, ctr_dns],
    "containerd 1.7, CRI": [cri_1, cri_1_mirror, cri_1_proxy, cri_1_dns],
    "containerd 2.4, CRI": [cri_2, cri_2_mirror, cri_2_proxy, cri_2_dns],
    "podman {}": [podman, podman_mirror, podman_proxy, podman_dns, podman_prefix],
    "skopeo {}": [skopeo, skopeo_proxy, skopeo_dns],
    "crane 0.22": [crane_proxy, crane_dns, crane_prefix],
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
