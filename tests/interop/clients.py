"""The clients: each can pull a reference and forget it again, in `lz-client`, with folders of its own."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

from lab import Failure, Lab


# The distribution's own; later ones cannot build with BuildKit without the plugin that their suite has.
DOCKER = "/usr/bin/docker"


# What the field calls this machine's processor.
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class Client:
    """One way to pull. `pull` gives back (exit code, output)."""

    name = ""
    route = ""
    # Whether a block says why even when the client asked by digest.
    tells_by_digest = True
    # The name of the client whose words it prints, if that is another one.
    words_of = ""
    # What its environment has beside that of all, and what is mounted over its files.
    env: dict[str, str] = {}
    mounts: tuple = ()
    # Whose program it is, as the table of docs/clients.md has it.
    family = ""
    # Whether it need not see every reason: how a client takes an answer does not depend on why it is no.
    brief = False
    # The root file system that its programs are in, if it is not this machine's.
    root: Path | None = None

    def __init__(self, lab: Lab):
        self.lab = lab
        # A client that is set up once more begins with nothing.
        taken = sum(1 for _ in lab.dir.glob(f"{re.sub(r'[^A-Za-z0-9]+', '-', self.name)}.[0-9]*"))
        self.dir = lab.dir / f"{re.sub(r'[^A-Za-z0-9]+', '-', self.name)}.{taken + 1}"
        self.dir.mkdir()

    def start(self):
        """Brings the daemon up, if there is one."""

    def stop(self):
        """Takes it down."""

    def pull(self, image: str) -> tuple[int, str]:
        raise NotImplementedError

    def digest(self, image: str, output: str) -> str:
        """The digest that the client says it has."""
        raise NotImplementedError

    def remove(self, image: str):
        """Forgets the image and its layers."""

    def version(self) -> str:
        raise NotImplementedError

    def folder(self, name: str, files: dict[str, str]) -> Path:
        folder = self.dir / name
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return folder


class Docker(Client):
    """A dockerd of its own, spoken to by the docker command."""

    def __init__(self, lab, name, route, dockerd="/usr/sbin/dockerd", daemon=None, hosts=None, path=(),
                 root=None):
        self.name, self.route, self.root = name, route, root
        super().__init__(lab)
        self.dockerd, self.path = dockerd, path
        self.daemon = {
            "data-root": str(self.dir / "data"), "exec-root": str(self.dir / "exec"),
            "pidfile": str(self.dir / "pid"), "hosts": [f"unix://{self.dir}/sock"], "bridge": "none",
            "iptables": False, "ip6tables": False, **(daemon or {}),
        }
        self.etc = self.folder("etc", {"daemon.json": json.dumps(self.daemon), **(hosts or {})})

    def start(self):
        argv = [self.dockerd, "--config-file", "/etc/docker/daemon.json"]
        binds = [(self.etc, "/etc/docker"), ("tmpfs", "/run"), *self.mounts]
        # The distribution's docker command is older than what Docker 29 talks to unasked.
        more = {"PATH": ":".join([*map(str, self.path), os.environ["PATH"]]), "DOCKER_MIN_API_VERSION": "1.24"}
        self.lab.start(self.name, "lz-client", argv, binds=binds, env=self.lab.client_env(**more, **self.env),
                       root=self.root)
        self.lab.serving(self.name, lambda: self.docker("version")[0] == 0)

    def stop(self):
        self.lab.stop(self.name)

    def docker(self, *argv, **more) -> tuple[int, str]:
        done = self.lab.client([DOCKER, "-H", f"unix://{self.dir}/sock", *argv], root=self.root, **more)
        return done.returncode, done.stdout

    def pull(self, image):
        return self.docker("pull", image)

    def digest(self, image, output):
        found = re.search(r"Digest: (sha256:\w+)", output)
        return found[1] if found else ""

    def remove(self, image):
        code, said = self.docker("rmi", "-f", image)
        if code != 0:
            raise Failure(f"docker rmi: {said}")

    def version(self):
        return "dockerd " + self.docker("version", "--format", "{{.Server.Version}}")[1].strip()


class DockerBuild(Docker):
    """`docker build` with a FROM line, by the BuildKit inside of the daemon."""

    def __init__(self, *given, **more):
        super().__init__(*given, **more)
        self.count = 0

    def pull(self, image):
        self.count += 1
        context = self.folder(f"context-{self.count}", {"Dockerfile": f"FROM {image}\nCOPY Dockerfile /\n"})
        return self.docker("build", "--progress=plain", "--no-cache", "-t", "built", str(context), DOCKER_BUILDKIT="1",
                           BUILDKIT_PROGRESS="plain")

    def digest(self, image, output):
        found = re.search(r"FROM .*@(sha256:\w+)|resolve .*@(sha256:\w+)", output)
        return (found[1] or found[2]) if found else ""

    def remove(self, image):
        self.docker("rmi", "-f", "built", image)
        code, said = self.docker("builder", "prune", "-af")
        if code != 0:
            raise Failure(f"docker builder prune: {said}")


class Containerd(Client):
    """`ctr images pull` with a hosts.toml."""

    # Not of use here, and not possible everywhere.
    unwanted = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri", "io.containerd.internal.v1.restart",
                "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
    more = ""

    def __init__(self, lab, name, route, hosts: dict[str, str], folder: Path | None = None, root: Path | None = None):
        self.name, self.route, self.root = name, route, root
        super().__init__(lab)
        self.bin = f"{folder}/" if folder else ""
        # Since 1.7 the daemon may resolve names itself; a folder of hosts is for the program alone.
        self.local = ["--local"] if folder or root else []
        self.hosts = self.folder("hosts", hosts)
        self.config = self.dir / "config.toml"
        self.socket = self.dir / "sock"

    def settings(self) -> str:
        return f"""version = 2
root = "{self.dir}/root"
state = "{self.dir}/state"
disabled_plugins = {json.dumps(self.unwanted)}
[grpc]
address = "{self.socket}"
[ttrpc]
address = "{self.socket}.ttrpc"
"""

    def start(self):
        self.config.write_text(self.settings())
        self.lab.start(self.name, "lz-client", [f"{self.bin}containerd", "-c", self.config],
                       binds=[("tmpfs", "/run"), *self.mounts], env=self.lab.client_env(**self.env), root=self.root)
        self.lab.serving(self.name, self.up)

    def up(self) -> bool:
        return self.ctr("version")[0] == 0

    def stop(self):
        self.lab.stop(self.name)

    def ctr(self, *argv) -> tuple[int, str]:
        # It resolves names itself and has the daemon keep what it fetched.
        done = self.lab.client([f"{self.bin}ctr", "-a", self.socket, *argv], binds=self.mounts, root=self.root, **self.env)
        return done.returncode, done.stdout

    def pull(self, image):
        return self.ctr("images", "pull", *self.local, "--hosts-dir", self.hosts, "--snapshotter", "native", image)

    def digest(self, image, output):
        for line in self.ctr("images", "ls")[1].splitlines():
            words = line.split()
            if words and words[0] == image:
                return words[2]
        return ""

    def remove(self, image):
        code, said = self.ctr("images", "rm", "--sync", image)
        if code != 0:
            raise Failure(f"ctr images rm: {said}")

    def version(self):
        return self.ctr("--version")[1].strip()


class Cri(Containerd):
    """PullImage of the CRI, as a kubelet asks for it: the daemon resolves, by its own hosts.toml and environment."""

    unwanted = Containerd.unwanted[:3]

    def __init__(self, lab, name, route, hosts, crictl: Path, **where):
        super().__init__(lab, name, route, hosts, **where)
        self.program = crictl
        at = f"unix://{self.socket}"
        # Without a file it warns of that, in the midst of what it prints.
        self.crictl_config = self.dir / "crictl.yaml"
        self.crictl_config.write_text(f"runtime-endpoint: {at}\nimage-endpoint: {at}\ntimeout: 600\n")

    def settings(self) -> str:
        # containerd 2 has moved the plugin, and the place of its snapshotter.
        new = bool(self.bin)
        plugin = "io.containerd.cri.v1.images" if new else "io.containerd.grpc.v1.cri"
        place = f'[plugins."{plugin}"]' if new else f'[plugins."{plugin}".containerd]'
        # Where networks are described is watched from the start, and /etc may not be written to.
        pods = "io.containerd.cri.v1.runtime" if new else plugin
        text = super().settings() + f"""
{place}
snapshotter = "native"
[plugins."{plugin}".registry]
config_path = "{self.hosts}"
[plugins."{pods}".cni]
conf_dir = "{self.dir}/networks"
"""
        if not new:
            return text
        # It unpacks with the snapshotter that it knows for a platform, and that is another one unless it is said.
        return text.replace("version = 2", "version = 3") + f"""
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
platform = "linux/{MACHINES[os.uname().machine]}"
snapshotter = "native"
"""

    def up(self) -> bool:
        return self.crictl("info")[0] == 0

    def crictl(self, *argv) -> tuple[int, str]:
        done = self.lab.client([self.program, "--config", self.crictl_config, *argv])
        return done.returncode, done.stdout

    def pull(self, image):
        return self.crictl("pull", image)

    def digest(self, image, output):
        code, said = self.crictl("inspecti", "-o", "json", image)
        named = json.loads(said)["status"]["repoDigests"] if code == 0 else []
        return named[0].split("@")[1] if named else ""

    def remove(self, image):
        code, said = self.crictl("rmi", image)
        if code != 0:
            raise Failure(f"crictl rmi: {said}")


class Buildkit(Client):
    """A standalone buildkitd, asked to build one FROM line."""

    def __init__(self, lab, name, route, config: str, folder: Path):
        self.name, self.route, self.bin = name, route, folder
        super().__init__(lab)
        self.config = self.folder("etc", {"buildkitd.toml": config}) / "buildkitd.toml"
        self.count = 0

    def start(self):
        self.lab.start(self.name, "lz-client", [
            self.bin / "buildkitd", "--config", self.config, "--addr", f"unix://{self.dir}/sock", "--root",
            self.dir / "root", "--oci-worker-snapshotter", "native", "--oci-worker-net", "host",
            "--containerd-worker=false",
        ], binds=[("tmpfs", "/run"), *self.mounts], env=self.lab.client_env(**self.env))
        self.lab.serving(self.name, lambda: self.buildctl("debug", "workers")[0] == 0)

    def stop(self):
        self.lab.stop(self.name)

    def buildctl(self, *argv) -> tuple[int, str]:
        done = self.lab.client([self.bin / "buildctl", "--addr", f"unix://{self.dir}/sock", *argv])
        return done.returncode, done.stdout

    def pull(self, image):
        self.count += 1
        context = self.folder(f"context-{self.count}", {"Dockerfile": f"FROM {image}\nCOPY Dockerfile /\n"})
        return self.buildctl("build", "--progress=plain", "--no-cache", "--frontend", "dockerfile.v0", "--local",
                             f"context={context}", "--local", f"dockerfile={context}", "--output",
                             f"type=oci,dest={self.dir}/image.tar")

    def digest(self, image, output):
        found = re.search(r"FROM .*@(sha256:\w+)|resolve .*@(sha256:\w+)", output)
        return (found[1] or found[2]) if found else ""

    def remove(self, image):
        code, said = self.buildctl("prune", "--all")
        if code != 0:
            raise Failure(f"buildctl prune: {said}")

    def version(self):
        return self.tool_version(self.bin / "buildkitd")

    def tool_version(self, program) -> str:
        return self.lab.client([program, "--version"]).stdout.strip()


class Podman(Client):
    def __init__(self, lab, name, route, registries: str, root: Path | None = None):
        self.name, self.route, self.root = name, route, root
        super().__init__(lab)
        self.etc = self.folder("etc", {
            "registries.conf": registries, "policy.json": '{"default":[{"type":"insecureAcceptAnything"}]}',
            "storage.conf": f'[storage]\ndriver = "vfs"\nrunroot = "{self.dir}/run"\ngraphroot = "{self.dir}/graph"\n',
        })

    def tool(self, *argv) -> tuple[int, str]:
        done = self.lab.client(argv, binds=[(self.etc, "/etc/containers"), *self.mounts], root=self.root, **self.env)
        return done.returncode, done.stdout

    def pull(self, image):
        return self.tool("podman", "pull", image)

    def digest(self, image, output):
        # An image of an index has two since podman 5: its own and the index's, which the tag leads to.
        said = self.tool("podman", "image", "inspect", "--format", "{{json .RepoDigests}}", image)[1].splitlines()
        known = [name.split("@")[1] for name in json.loads(said[-1])] if said else []
        wanted = image.split("@")[1] if "@" in image else self.lab.digest(image.removeprefix("gw.test/"))
        return wanted if wanted in known else ", ".join(known)

    def remove(self, image):
        code, said = self.tool("podman", "rmi", "-f", image)
        if code != 0:
            raise Failure(f"podman rmi: {said}")

    def version(self):
        return self.tool("podman", "--version")[1].strip()


class Skopeo(Podman):
    def pull(self, image):
        shutil.rmtree(self.dir / "copy", ignore_errors=True)
        return self.tool("skopeo", "copy", "--all", f"docker://{image}", f"dir:{self.dir}/copy")

    def digest(self, image, output):
        return "sha256:" + hashlib.sha256((self.dir / "copy" / "manifest.json").read_bytes()).hexdigest()

    def remove(self, image):
        shutil.rmtree(self.dir / "copy")

    def version(self):
        return self.tool("skopeo", "--version")[1].strip()


class Crane(Client):
    """crane pulls into a folder in the OCI layout."""

    def __init__(self, lab, name, route, program: Path):
        self.name, self.route, self.program = name, route, program
        super().__init__(lab)

    def crane(self, *argv) -> tuple[int, str]:
        done = self.lab.client([self.program, *argv], binds=self.mounts, **self.env)
        return done.returncode, done.stdout

    def pull(self, image):
        shutil.rmtree(self.dir / "copy", ignore_errors=True)
        return self.crane("pull", "--format", "oci", image, self.dir / "copy")

    def digest(self, image, output):
        return json.loads((self.dir / "copy" / "index.json").read_text())["manifests"][0]["digest"]

    def remove(self, image):
        shutil.rmtree(self.dir / "copy")

    def version(self):
        return "crane " + self.crane("version")[1].strip()
