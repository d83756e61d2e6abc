"""`docker pull` of an image that nobody pulled before, over a line of 100 Mbit/s to a registry that is 50 ms away: straight, by
Debian's docker-registry as a pull-through cache, and by Lazaret, which reads all layers before it lets any of them go.

`make bench-scan` calls it, as root; docs/performance.md has the figures. Each pull has empty caches on both sides. The delay
and the rate are bench/link.py's, for the kernels of small machines have no netem.
"""
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/interop"), str(ROOT / "bench"), str(ROOT / "bench/scan")]
import programs
from conformance import LAZARET, answers, free_port, start
from images import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, Registry
from lab import ADVISORY, run, wait_for
from link import Link

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
DELAY = float(os.environ.get("BENCH_DELAY", "0.025"))
RATE = float(os.environ.get("BENCH_RATE", "12.5e6"))
REPOSITORY = "library/bench"
POLICY = """version = 1
platforms = ["linux/amd64"]
[names]
registries = ["docker.io"]
[scan.bench]
max_severity = "critical"
only_fixable = true
secrets = "warn"
[default]
unsigned = "allow"
{scan}
"""


class Bench:
    def __init__(self, folder: Path, children: list):
        self.folder, self.children = folder, children
        self.upstream = self.registry("upstream", "")
        self.push()
        self.link = Link(self.upstream, DELAY, RATE)
        self.socket = f"unix://{folder}/docker.sock"
        start(children, folder, "dockerd", [
            "dockerd", "--host", self.socket, "--data-root", folder / "docker", "--exec-root", folder / "exec", "--pidfile",
            folder / "docker.pid", "--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"])
        wait_for("dockerd", lambda: self.docker("version", check=False).returncode == 0, 60)

    def docker(self, *words, check=True):
        return run(["docker", "--host", self.socket, *words], check=check, timeout=300)

    def registry(self, name: str, more: str) -> int:
        port = free_port()
        (self.folder / f"{name}.yml").write_text(f"""version: 0.1
log: {{ level: error, accesslog: {{ disabled: true }} }}
storage: {{ filesystem: {{ rootdirectory: {self.folder}/{name} }}, cache: {{ blobdescriptor: inmemory }} }}
http: {{ addr: "127.0.0.1:{port}", secret: bench }}
{more}
""")
        start(self.children, self.folder, name, ["docker-registry", "serve", self.folder / f"{name}.yml"])
        wait_for(name, lambda: answers(f"http://127.0.0.1:{port}/v2/"))
        return port

    def push(self):
        """The image of bench/scan/programs.py, as it lies in its layout."""
        made = self.folder / "made"
        made.mkdir()
        programs.archive(made, programs.layers(made))
        layout = made / "layout"
        content = lambda one: (layout / "blobs/sha256" / one["digest"].removeprefix("sha256:")).read_bytes()
        index = json.loads((layout / "index.json").read_text())
        manifest = json.loads(content(index["manifests"][0]))
        registry = Registry(f"http://127.0.0.1:{self.upstream}", None)
        self.bytes = 0
        for one in [manifest["config"], *manifest["layers"]]:
            registry.blob(REPOSITORY, content(one))
            one["mediaType"] = DOCKER_CONFIG if one is manifest["config"] else DOCKER_LAYER
            self.bytes += one["size"]
        registry.manifest(REPOSITORY, "1", DOCKER_MANIFEST, manifest | {"mediaType": DOCKER_MANIFEST})
        shutil.rmtree(made)

    def straight(self) -> int:
        return self.link.port

    def docker_registry(self) -> int:
        return self.registry("cache", f"proxy: {{ remoteurl: 'http://127.0.0.1:{self.link.port}' }}")

    def lazaret(self, scan: bool) -> int:
        mirror, gateway, admin = free_port(), free_port(), free_port()
        folder = self.folder / "cache"
        folder.mkdir()
        (folder / "policy.toml").write_text(POLICY.format(scan='scan = "bench"' if scan else ""))
        (folder / "lazaret.toml").write_text(f"""data_dir = "{folder}/data"
policy = "policy.toml"
mirror.listen = "127.0.0.1:{mirror}"
gateway.listen = "127.0.0.1:{gateway}"
admin.listen = "127.0.0.1:{admin}"
[upstream]
fetch_advisories = false
refresh_roots = false
include_defaults = false
[[registry]]
host = "docker.io"
url = "http://127.0.0.1:{self.link.port}"
plain_http = true
""")
        for ecosystem, named in [("Debian", "Debian:12"), ("PyPI", "PyPI"), ("npm", "npm")]:
            record = json.dumps(ADVISORY).replace("Debian:12", named).replace("openssl", "no-such-package")
            (folder / f"{ecosystem}.jsonl").write_text(record)
            run([LAZARET, "db", "import", "--config", folder / "lazaret.toml", "--ecosystem", ecosystem, folder / f"{ecosystem}.jsonl"])
        start(self.children, folder, "lazaret", [LAZARET, "serve", "--config", folder / "lazaret.toml"])
        wait_for("lazaret", lambda: answers(f"http://127.0.0.1:{gateway}/v2/"))
        return mirror

    def pull(self, route) -> tuple[float, float]:
        """Seconds, and how often the image's bytes crossed the line."""
        running = len(self.children)
        port = route()
        image = f"127.0.0.1:{port}/{REPOSITORY}:1"
        before, began = self.link.carried, time.monotonic()
        self.docker("pull", image)
        seconds, carried = time.monotonic() - began, self.link.carried - before
        self.docker("rmi", image)
        for child in self.children[running:]:
            child.kill()
            child.wait()
        del self.children[running:]
        shutil.rmtree(self.folder / "cache", ignore_errors=True)
        return seconds, carried / self.bytes


def main() -> int:
    children = []
    with tempfile.TemporaryDirectory(prefix="lazaret-bench-") as folder:
        try:
            bench = Bench(Path(folder), children)
            routes = {"straight": bench.straight, "docker-registry as cache": bench.docker_registry,
                      "Lazaret, no scan": lambda: bench.lazaret(False), "Lazaret, scan required": lambda: bench.lazaret(True)}
            got = {name: [] for name in routes}
            for _ in range(ROUNDS):
                for name, route in routes.items():
                    got[name].append(bench.pull(route))
            middle = {name: [statistics.median(column) for column in zip(*runs)] for name, runs in got.items()}
            print(f"cold docker pull of {bench.bytes / 1e6:.0f} MB over {RATE * 8e-6:.0f} Mbit/s, {2000 * DELAY:.0f} ms away, "
                  f"Docker {bench.docker('version', '--format', '{{.Server.Version}}').stdout.strip()}; median of {ROUNDS}, in turn")
            print("| route | seconds | to straight | to docker-registry's | bytes over the line |\n|---|--:|--:|--:|--:|")
            straight, peer = (middle[name][0] for name in ["straight", "docker-registry as cache"])
            for name, (seconds, carried) in middle.items():
                print(f"| {name} | {seconds:.2f} | {seconds / straight:.2f} × | {seconds / peer:.2f} × | {carried:.2f} × the image |")
        finally:
            for child in children:
                child.terminate()
                child.wait()
            for place in ["docker", "exec"]:
                run(["sh", "-c", f"umount -R {folder}/{place}/* 2>/dev/null; umount {folder}/{place}/*/* 2>/dev/null; true"], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
