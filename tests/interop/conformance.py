#!/usr/bin/env python3
"""The distribution-spec's own conformance test against Lazaret's gateway: pull and content discovery.

Everything is on loopback. The reports stay in target/conformance. Needs docker-registry and go; see docs/conformance.md.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import newer
from lab import HERE, ROOT, VECTORS, Failure, run
from waiting import end, free_port, wait_up

REPOSITORY = "docker.io/acme/conf"
REPORTS = ROOT / "target" / "conformance"
LAZARET = Path(os.environ.get("LAZARET_PROGRAM", ROOT / "target" / "release" / "lazaret"))

POLICY = """version = 1
[names]
registries = ["docker.io"]
[[rule]]
match = ["docker.io/acme/*"]
unsigned = "allow"
[default]
unsigned = "deny"
"""


def answers(url: str) -> bool:
    try:
        return urllib.request.urlopen(url, timeout=20).status == 200
    except OSError:
        return False


def fetch(url: str) -> dict:
    kinds = "application/vnd.oci.image.manifest.v1+json"
    return json.load(urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": kinds}), timeout=30))


def serve(children: list, folder: Path, name: str, argv, test):
    """Starts a program and waits until `test` says that it serves."""
    path = folder / f"{name}.log"
    with open(path, "wb") as log:
        child = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    children.append(child)
    wait_up(name, child, path, test)


def test(folder: Path, children: list) -> int:
    program = newer.get(newer.CONFORMANCE) / "conformance"
    registry, gateway, mirror, admin = (free_port() for _ in range(4))
    (folder / "registry.yml").write_text(f"""version: 0.1
log: {{ level: warn }}
storage: {{ filesystem: {{ rootdirectory: {folder}/registry }} }}
http: {{ addr: "127.0.0.1:{registry}", secret: conformance }}
""")
    serve(children, folder, "registry", ["docker-registry", "serve", folder / "registry.yml"],
          lambda: answers(f"http://127.0.0.1:{registry}/v2/"))
    images = json.loads(run([sys.executable, HERE / "images.py", "--registry", f"http://127.0.0.1:{registry}",
                             "--vectors", VECTORS, "--set", "conformance"]).stdout)
    (folder / "policy.toml").write_text(POLICY)
    (folder / "lazaret.toml").write_text(f"""data_dir = "{folder}/data"
policy = "policy.toml"
mirror.listen = "127.0.0.1:{mirror}"
gateway.listen = "127.0.0.1:{gateway}"
admin.listen = "127.0.0.1:{admin}"
[[registry]]
host = "docker.io"
url = "http://127.0.0.1:{registry}"
plain_http = true
""")
    serve(children, folder, "lazaret", [LAZARET, "serve", "--config", folder / "lazaret.toml"],
          lambda: answers(f"http://127.0.0.1:{gateway}/v2/"))

    manifests = [fetch(f"http://127.0.0.1:{registry}/v2/acme/conf/manifests/{digest}") for digest in images.values()]
    blobs = {item["digest"] for manifest in manifests for item in [manifest["config"], *manifest["layers"]]}
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "OCI_VERSION": "1.1", "OCI_RESULTS_DIR": str(REPORTS),
        "OCI_REGISTRY": f"127.0.0.1:{gateway}", "OCI_TLS": "disabled", "OCI_REPO1": REPOSITORY,
        "OCI_API_PUSH": "false", "OCI_API_BLOBS_DELETE": "false", "OCI_API_MANIFESTS_DELETE": "false",
        "OCI_API_TAGS_DELETE": "false", "OCI_API_BLOBS_MOUNT_ANONYMOUS": "false",
        "OCI_RO_DATA_TAGS": " ".join(image.split(":")[1] for image in images),
        "OCI_RO_DATA_MANIFESTS": " ".join(images.values()), "OCI_RO_DATA_BLOBS": " ".join(sorted(blobs)),
        "OCI_RO_DATA_REFERRERS": images["acme/conf:v4"],
    }
    digests_named(f"http://127.0.0.1:{gateway}", images)
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    done = run([program], check=False, timeout=300, env=env)
    print(done.stdout.split("\npanic:")[0].strip())
    (REPORTS / "output.txt").write_text(done.stdout)
    shutil.copy(folder / "lazaret.log", REPORTS / "lazaret.log")
    if "panicked at" in (folder / "lazaret.log").read_text(errors="replace"):
        raise Failure(f"lazaret panicked, see {REPORTS}/lazaret.log")
    return verdict(done.stdout)


def verdict(said: str) -> int:
    """From the summary: with read-only data this version crashes after it, when it writes its files."""
    found = {name: int(count) for name, count in re.findall(r"^  (Pass|FAIL|Error|Total)\.*: +(\d+)$", said, re.M)}
    if len(found) != 4 or found["Pass"] == 0:
        raise Failure("the test did not run to its end")
    print(f"{found['Pass']} passed, {found['FAIL'] + found['Error']} failed")
    return 1 if found["FAIL"] + found["Error"] else 0


def digests_named(gateway: str, images: dict[str, str]):
    """What the test cannot see of manifests that it did not push: that their digests are named."""
    for image, digest in images.items():
        for reference in [image.split(":")[1], digest]:
            for method in ["HEAD", "GET"]:
                url = f"{gateway}/v2/{REPOSITORY}/manifests/{reference}"
                answer = urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30)
                if (named := answer.headers["Docker-Content-Digest"]) != digest:
                    raise Failure(f"{method} {reference}: Docker-Content-Digest is {named}, not {digest}")


def alone(name: str, test, after: str = "") -> int:
    """Runs `test` in a folder of its own, and ends what it started; `after` is said behind the time. Gives the exit code."""
    started, children = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix=f"lazaret-{name}-") as folder:
        try:
            code = test(Path(folder), children)
        except (Failure, OSError, subprocess.SubprocessError) as why:
            print(f"FAILED {name}: {why}")
            code = 1
        finally:
            for child in children:
                end(child)
    print(f"# {time.monotonic() - started:.0f} s{after}")
    return code


if __name__ == "__main__":
    sys.exit(alone("conformance", test, f", reports in {REPORTS.relative_to(ROOT)}"))
