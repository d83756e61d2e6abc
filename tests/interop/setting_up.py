"""`lazaret setup` on the files of real clients, and `lazaret doctor` beside them: it holds, then mistakes are made on purpose
and the doctor says so, then all is taken back.

Each client has a folder that stands for the root of its machine. What `setup` wrote there is bound to where the client
reads it; the environment of a systemd drop-in is given to the daemon, as systemd would.
"""

import json
import os
import re
import shutil
from pathlib import Path

import logins
import newer
from clients import Buildkit, Containerd, Docker, Podman
from lab import GATEWAY, Failure, Lab

ADMIN = "http://gw.test:5080"
# So that nothing but what `setup` put down makes Lazaret's certificates trusted.
NOTHING = {"SSL_CERT_FILE": "/nonexistent/ca.pem"}


class Machine:
    """A root of files, and the two commands on it."""

    def __init__(self, lab: Lab, name: str, binds: list[str]):
        self.lab, self.root = lab, lab.dir / f"machine-{name}"
        self.bound = ["/etc/lazaret", *binds]
        self.env: dict[str, str] = {}
        self.files_bound: list = []
        for path in self.bound:
            self.path(path).mkdir(parents=True, exist_ok=True)

    def path(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def put(self, path: str, text: str):
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).write_text(text)

    def binds(self) -> list:
        # `--undo` takes folders along that it made.
        for path in self.bound:
            self.path(path).mkdir(parents=True, exist_ok=True)
        return [*[(self.path(path), path) for path in self.bound], *self.files_bound]

    def files(self) -> dict[str, bytes]:
        # dockerd makes itself a key.
        found = [path for path in sorted(self.root.rglob("*")) if path.is_file() and path.name != "key.json"]
        return {str(path): path.read_bytes() for path in found}

    def lazaret(self, *words, want: int, timeout=900, **env) -> str:
        argv = [self.lab.lazaret, *words, "--root", self.root]
        done = self.lab.client(argv, binds=self.binds(), timeout=timeout, **{**self.env, **env})
        if done.returncode != want:
            raise Failure(f"lazaret {' '.join(map(str, words))}: exit {done.returncode}, not {want}:\n{done.stdout[-3000:]}")
        return done.stdout

    def setup(self, client: str, *words, want=0) -> str:
        return self.lazaret("setup", client, *words, want=want)

    def doctor(self, *programs: str, want: int, says: str = "", admin=ADMIN) -> str:
        chosen = [word for program in programs for word in ("--client", program)]
        said = self.lazaret("doctor", *chosen, "--admin", admin, want=want)
        for words in says.split("|"):
            if words not in said:
                raise Failure(f"the doctor does not say {words!r}:\n{said[-3000:]}")
        return said

    def unit(self, service: str) -> dict[str, str]:
        """The environment that systemd would start a service with."""
        env = {}
        for file in sorted(self.path(f"/etc/systemd/system/{service}.service.d").glob("*.conf")):
            env |= dict(re.findall(r'^Environment="?(\w+)=([^"\n]*)"?$', file.read_text(), re.M))
        return env


class DockerMachine(Docker):
    """A dockerd whose files are a machine's."""

    def __init__(self, lab, name, dockerd="/usr/sbin/dockerd", daemon=None, path=()):
        super().__init__(lab, name, "set up", dockerd=dockerd, daemon=daemon, path=path)
        self.machine = Machine(lab, name.replace(" ", "-"), ["/etc/docker"])
        self.written = json.dumps(self.daemon, indent=3)
        self.machine.put("/etc/docker/daemon.json", self.written)
        self.machine.env = {"DOCKER_HOST": f"unix://{self.dir}/sock", "PATH": "/usr/bin:/usr/sbin:/bin:/sbin"}

    def start(self):
        argv = [self.dockerd, "--config-file", "/etc/docker/daemon.json"]
        more = {"PATH": ":".join([*map(str, self.path), os.environ["PATH"]]), "DOCKER_MIN_API_VERSION": "1.24"}
        env = self.lab.client_env(**more, **NOTHING, **self.machine.unit("docker"))
        self.lab.start(self.name, "lz-client", argv, binds=[*self.machine.binds(), ("tmpfs", "/run")], env=env)
        self.lab.serving(self.name, lambda: self.docker("version")[0] == 0)

    def restart(self):
        self.stop()
        # What was pulled by a daemon that is killed may be there in part.
        for folder in ["data", "exec"]:
            shutil.rmtree(self.dir / folder, ignore_errors=True)
        (self.dir / "pid").unlink(missing_ok=True)
        self.start()


def case(suite, name: str, check, *given, **more):
    suite.case(name, lambda: check(*given, **more))


HELD = "holds: denied by Lazaret, and the client says so|the allowed image arrived; the reason was shown; the server saw it"
LOST = "NOT proven: the pull did not come to Lazaret"


def docker_mirror(suite):
    """Docker 20.10: the mirror holds for pulls, and its BuildKit goes round one without a certificate, which the doctor minds."""
    client = DockerMachine(suite.lab, "setup docker 20.10", daemon={"storage-driver": "vfs"})
    machine = client.machine
    mirror = ("--mirror", "http://gw.test:5050")
    try:
        before = machine.files()
        shown = machine.setup("docker", *mirror)
        if machine.files() != before or '+   "registry-mirrors": ["http://gw.test:5050"]' not in shown:
            raise Failure(f"a plan that changes something, or shows nothing: {shown}")
        machine.setup("docker", *mirror, "--apply")
        client.start()
        case(suite, "setup docker 20.10: the mirror holds", machine.doctor, "docker", want=1,
             says=f"{HELD} at its mirror listener|open[mirror-plain-http]|limit[mirror-fails-open]|limit[egress-open]")
        case(suite, "setup docker 20.10: its BuildKit does not", machine.doctor, "docker-build", want=1,
             says=f"{LOST}|open[mirror-plain-http]")
        case(suite, "setup docker 20.10: check", machine.setup, "docker", "--check")
        machine.setup("docker", "--undo")
        case(suite, "setup docker 20.10: undone to the byte", same, before, machine)
        client.restart()
        case(suite, "setup docker 20.10: undone is open", machine.doctor, "docker", want=1, says=LOST)
    finally:
        client.stop()


def docker_proxy(suite):
    """Docker 20.10 by the proxy: pulls and builds, and what NO_PROXY does."""
    lab = suite.lab
    client = DockerMachine(lab, "setup docker proxy", daemon={"storage-driver": "vfs"})
    machine = client.machine
    try:
        before = machine.files()
        machine.setup("docker", "--route", "proxy", "--proxy", "http://gw.test:3128", "--ca", lab.dir / "ca.pem", "--apply")
        client.start()
        case(suite, "setup docker proxy: pulls and builds hold", machine.doctor, "docker", "docker-build", want=0,
             says=f"{HELD} at its proxy listener")
        machine.put("/etc/systemd/system/docker.service.d/zzz.conf",
                    "[Service]\nEnvironment=\"NO_PROXY=registry-1.docker.io\"\nEnvironment=\"no_proxy=registry-1.docker.io\"\n")
        client.restart()
        case(suite, "setup docker proxy: NO_PROXY is seen", machine.doctor, "docker", want=1,
             says=f"{LOST}|open[no-proxy-registry]")
        machine.path("/etc/systemd/system/docker.service.d/zzz.conf").unlink()
        machine.setup("docker", "--undo")
        case(suite, "setup docker proxy: undone to the byte", same, before, machine)
    finally:
        client.stop()


def docker_login(suite):
    """Docker 20.10 by the proxy that asks for a login: it is in files of root's alone, and in nothing that is printed."""
    lab = suite.lab
    client = DockerMachine(lab, "setup docker login", daemon={"storage-driver": "vfs"})
    machine = client.machine
    try:
        before = machine.files()
        proxy = {"LAZARET_PROXY": f"http://{logins.WHO}:{lab.token}@{logins.AT}"}
        said = machine.lazaret("setup", "docker", "--route", "proxy", "--ca", lab.dir / "ca.pem", "--apply", want=0, **proxy)
        file = machine.path("/etc/systemd/system/docker.service.d/zz-lazaret.conf")
        if lab.token in said or lab.token not in file.read_text() or file.stat().st_mode & 0o777 != 0o600:
            raise Failure(f"{file} has mode {file.stat().st_mode:o}, and this was printed: {said}")
        client.start()
        case(suite, "setup docker login: pulls and builds hold", machine.doctor, "docker", "docker-build", want=0,
             says=f"{HELD} at its proxy listener", admin="http://gw.test:5081")
        machine.setup("docker", "--check")
        machine.setup("docker", "--undo")
        case(suite, "setup docker login: undone to the byte", same, before, machine)
    finally:
        client.stop()


def docker_29_hosts(suite):
    """Docker 29 by hosts.toml, and all the ways to lose it in silence."""
    lab = suite.lab
    daemon = {"storage-driver": "native", "features": {"containerd-snapshotter": True}}
    dockerd, containerd = newer.get(newer.DOCKERD), newer.get(newer.CONTAINERD)
    client = DockerMachine(lab, "setup docker 29", dockerd=dockerd / "dockerd", daemon=daemon, path=[containerd])
    machine = client.machine
    gateway = ("--route", "hosts", "--gateway", "https://gw.test", "--ca", lab.dir / "ca.pem")
    default = "/etc/docker/certs.d/_default/hosts.toml"
    try:
        before = machine.files()
        machine.setup("docker", *gateway, "--apply")
        good = machine.path(default).read_text()
        client.start()
        case(suite, "setup docker 29: pulls and builds hold", machine.doctor, "docker", "docker-build", want=0,
             says=f"{HELD} at its gateway listener")
        machine.put("/etc/docker/certs.d/docker.io/ca.crt", (lab.dir / "ca.pem").read_text())
        case(suite, "setup docker 29: a folder that shadows is seen", machine.doctor, "docker", want=1,
             says=f"{LOST}|open[hosts-shadowed]")
        machine.setup("docker", "--check", want=1)
        machine.setup("docker", "--apply")
        case(suite, "setup docker 29: and mended by setup", machine.doctor, "docker", want=0, says=HELD)
        machine.setup("docker", "--undo")
        shutil.rmtree(machine.path("/etc/docker/certs.d"))
        machine.setup("docker", *gateway, "--apply")
        # What was bound went with its folder.
        client.restart()
        machine.put(default, good + "\n[host.\n")
        case(suite, "setup docker 29: a broken file is seen", machine.doctor, "docker", want=1,
             says=f"{LOST}|open[hosts-broken]")
        machine.put(default, good.replace("server =", "# server =") + '[host."https://gw.test"]\n'
                    'capabilities = ["pull", "resolve"]\nca = "/etc/lazaret/trust/docker.pem"\n')
        case(suite, "setup docker 29: a file without server is seen", machine.doctor, "docker", want=1,
             says="open[hosts-no-server]")
        machine.put(default, good)
        machine.setup("docker", "--undo")
        case(suite, "setup docker 29: undone to the byte", same, before, machine)
    finally:
        client.stop()


def containerd(suite):
    """containerd of the distribution, by ctr with the folder that the kubelet's pulls read."""
    lab = suite.lab
    client = Containerd(lab, "setup containerd", "set up", {})
    machine = Machine(lab, "containerd", ["/etc/containerd"])
    machine.env = {"CONTAINERD_ADDRESS": str(client.socket), "PATH": "/usr/bin:/usr/sbin:/bin:/sbin", **NOTHING}
    machine.put("/etc/containerd/config.toml", "# ours\nversion = 2\n")
    default = "/etc/containerd/certs.d/_default/hosts.toml"
    try:
        before = machine.files()
        machine.setup("kubernetes", "--gateway", "https://gw.test", "--ca", lab.dir / "ca.pem", "--apply")
        client.start()
        case(suite, "setup containerd: it holds", machine.doctor, "ctr", want=0, says=f"{HELD} at its gateway listener")
        good = machine.path(default).read_text()
        machine.put(default, good.split("\n[host")[0] + "\n")
        case(suite, "setup containerd: a file without [host] is seen", machine.doctor, "ctr", want=1,
             says=f"{LOST}|open[hosts-no-table]")
        machine.put(default, good)
        machine.setup("kubernetes", "--undo")
        case(suite, "setup containerd: undone to the byte", same, before, machine)
        for known in logins.shown(lab):
            case(suite, f"setup containerd: known as {known}", shows, machine, client, known)
            machine.setup("kubernetes", "--undo")
    finally:
        client.stop()


def shows(machine: Machine, client: Containerd, known: str):
    """A refused pull is written down as that of whom the files that setup wrote make containerd show."""
    lab = machine.lab
    machine.setup("kubernetes", "--gateway", "https://gw.test:444", "--ca", lab.dir / "ca.pem", *logins.shown(lab)[known], "--apply")
    client.hosts, client.mounts = "/etc/containerd/certs.d", tuple(machine.binds())
    code, said = client.pull(logins.SQUAT)
    if code == 0 or "Blocked by policy" not in said:
        raise Failure(f"exit {code}: {said[-800:]}")
    logins.recorded(lab, known)


def buildkit(suite):
    """A buildkitd of its own, by the mirror."""
    lab = suite.lab
    programs = newer.get(newer.BUILDKIT)
    client = Buildkit(lab, "setup buildkit", "set up", "", programs)
    machine = Machine(lab, "buildkit", ["/etc/buildkit"])
    client.config = machine.path("/etc/buildkit/buildkitd.toml")
    machine.put("/etc/buildkit/buildkitd.toml", "# ours\ndebug = false # quiet\n")
    machine.env = {"BUILDKIT_HOST": f"unix://{client.dir}/sock", "PATH": f"{programs}:/usr/bin:/usr/sbin:/bin:/sbin"}
    try:
        before = machine.files()
        machine.setup("buildkit", "--route", "mirror", "--mirror", "http://gw.test:5050", "--apply")
        client.start()
        case(suite, "setup buildkit: it holds", machine.doctor, "buildctl", want=0,
             says=f"{HELD} at its mirror listener|limit[buildkit-fails-open]")
        machine.setup("buildkit", "--undo")
        case(suite, "setup buildkit: undone to the byte", same, before, machine)
    finally:
        client.stop()


def podman(suite):
    """podman and skopeo, which read the same files."""
    lab = suite.lab
    client = Podman(lab, "setup podman", "set up", 'unqualified-search-registries = ["docker.io"]\n')
    machine = Machine(lab, "podman", ["/etc/containers"])
    for file in client.etc.iterdir():
        machine.put(f"/etc/containers/{file.name}", file.read_text())
    machine.env = {"PATH": "/usr/bin:/usr/sbin:/bin:/sbin", **NOTHING}
    before = machine.files()
    machine.setup("podman", "--gateway", "https://gw.test", "--ca", lab.dir / "ca.pem", "--apply")
    case(suite, "setup podman: podman and skopeo hold", machine.doctor, "podman", "skopeo", want=0,
               says=f"{HELD} at its gateway listener|limit[registries-unlisted]")
    machine.put("/etc/containers/registries.conf.d/zzz.conf", '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n')
    case(suite, "setup podman: a later file is seen", machine.doctor, "podman", want=1, says=f"{LOST}|open[location-elsewhere]")
    machine.path("/etc/containers/registries.conf.d/zzz.conf").unlink()
    machine.setup("podman", "--undo")
    case(suite, "setup podman: undone to the byte", same, before, machine)


def machine(suite, allowed, blocked):
    """Nothing is told to a client: /etc/hosts leads the registries' names to Lazaret, and the machine trusts its authority."""
    lab = suite.lab
    root = Machine(lab, "machine", [])
    root.put("/etc/hosts", f"127.0.0.1 localhost\n{GATEWAY} gw.test\n")
    before = root.files()
    root.setup("machine", "--gateway", f"https://{GATEWAY}", "--ca", lab.dir / "ca.pem", "--apply")
    hosts = root.path("/etc/hosts")
    # As is printed to be done: what was put down becomes an authority of the machine.
    trusted = {"SSL_CERT_FILE": str(root.path("/etc/lazaret/trust/machine.pem"))}
    root.env, root.files_bound = trusted, [(hosts, "/etc/hosts")]
    clients = [Docker(lab, "setup machine docker", "set up", daemon={"storage-driver": "vfs"}),
               Podman(lab, "setup machine podman", "set up", 'unqualified-search-registries = ["docker.io"]\n')]
    for client in clients:
        client.env, client.mounts = trusted, ((hosts, "/etc/hosts"),)
        # The same words as where a resolver does it.
        client.words_of = {"Docker": "docker 20.10 DNS", "Podman": "podman DNS"}[type(client).__name__]
        try:
            client.start()
            for image in ["docker.io/library/nginx:1.27", "ghcr.io/acme/app:1.0"]:
                case(suite, f"{client.name}: {image} is allowed", allowed, suite, client, image)
            for image in ["docker.io/library/ngnix:latest", "ghcr.io/stranger/app:1.0"]:
                case(suite, f"{client.name}: {image} is denied", blocked, suite, client, image)
        finally:
            client.stop()
    root.files_bound.append((clients[1].etc, "/etc/containers"))
    case(suite, "setup machine: the doctor says that it holds", root.doctor, "podman", want=0,
         says=f"{HELD} at its gateway listener|limit[names-of-one-machine]")
    hosts.write_text(hosts.read_text().replace(f"{GATEWAY}  ghcr.io\n", ""))
    case(suite, "setup machine: a name that is gone is seen", root.doctor, "podman", want=1, says="open[name-not-led]")
    root.setup("machine", "--check", want=1)
    root.setup("machine", "--apply")
    root.setup("machine", "--check")
    root.setup("machine", "--undo")
    root.files_bound = []
    case(suite, "setup machine: undone to the byte", same, before, root)


def same(before: dict, machine: Machine):
    if (after := machine.files()) != before:
        odd = [path for path in {*before, *after} if before.get(path) != after.get(path)]
        raise Failure(f"not as they were: {odd}")


def all_of(suite, allowed, blocked):
    """`allowed` and `blocked` are the suite's own checks of a pull."""
    parts = [(part,) for part in [docker_mirror, docker_proxy, docker_login, docker_29_hosts, containerd, buildkit, podman]]
    for part, *checks in [*parts, (machine, allowed, blocked)]:
        name = f"setup {part.__name__.replace('_', ' ')}"
        try:
            part(suite, *checks)
        except Failure as why:
            suite.fail(name, str(why))
    # Made for binding to; the machine that this runs on has no such folder of its own.
    for folder in ["/etc/lazaret"]:
        if Path(folder).is_dir() and not any(Path(folder).iterdir()):
            Path(folder).rmdir()
