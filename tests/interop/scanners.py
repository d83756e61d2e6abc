#!/usr/bin/env python3
"""Pulls through Lazaret with skopeo while other scanners are asked: the real trivy as a program and behind an adapter of
Harbor's scanner API, the real grype with the image and with what was found in it, and Debian's clamd.

Everything is on loopback. Needs docker-registry, skopeo, clamav-daemon and go; see docs/interop.md.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import grype_db
import newer
from adapter import KEY, Adapter
from conformance import LAZARET, alone, answers, serve
from images import Registry, Writer, debian
from lab import HERE, VECTORS, Failure, run
from waiting import free_port

BBOLT = "go.etcd.io/bbolt@v1.4.3"
VIRUS = "lazaret-interop-infected-marker"
VULNERABLE = "CVE-2026-1, critical, in libssl3 3.0.11-1"

POLICY = """version = 1
platforms = ["linux/amd64"]
[names]
registries = ["docker.io"]
"""
PROFILE = """[scan.{name}]
unsupported = "allow"
{what}
[[rule]]
match = ["docker.io/acme/{name}"]
unsigned = "allow"
scan = "{name}"
"""


class Scanners:
    def __init__(self, folder: Path, children: list):
        self.folder = folder
        self.registry, self.gateway, self.mirror, self.admin, self.inspection = (free_port() for _ in range(5))
        self.trivy = newer.get(newer.TRIVY) / "trivy"
        self.cache = folder / "trivy"
        run([database(), self.cache])
        self.grype = newer.get(newer.GRYPE) / "grype"
        grype_db.put(self.grype, folder / "grype", folder)
        (folder / "registry.yml").write_text(f"""version: 0.1
log: {{ level: warn }}
storage: {{ filesystem: {{ rootdirectory: {folder}/registry }} }}
http: {{ addr: "127.0.0.1:{self.registry}", secret: scanners }}
""")
        serve(children, folder, "registry", ["docker-registry", "serve", folder / "registry.yml"],
              lambda: answers(f"http://127.0.0.1:{self.registry}/v2/"))
        self.writer = Writer(Registry(f"http://127.0.0.1:{self.registry}", None), VECTORS)
        self.adapter = Adapter(lambda layout: json.loads(run(self.command(layout), env=self.env()).stdout))
        self.clamd(children)

    def command(self, layout) -> list:
        return [str(self.trivy), "image", "--input", layout, "--format", "json", "--quiet", "--scanners", "vuln",
                "--skip-db-update", "--skip-java-db-update", "--offline-scan", "--skip-version-check"]

    def env(self) -> dict:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TRIVY_CACHE_DIR": str(self.cache)}

    def clamd(self, children: list):
        """With one signature, of a text that nothing else holds."""
        data = self.folder / "clamav"
        data.mkdir()
        (data / "interop.ndb").write_text(f"Lazaret.Interop.Marker:0:*:{VIRUS.encode().hex()}\n")
        (self.folder / "clamd.conf").write_text(f"""Foreground yes
DatabaseDirectory {data}
LocalSocket {self.folder}/clamd.sock
User root
AlertExceedsMax yes
StreamMaxLength 1M
""")
        at = self.folder / "clamd.sock"
        serve(children, self.folder, "clamd", ["clamd", "--config-file", self.folder / "clamd.conf"], lambda: pongs(at))

    def serve(self, children: list):
        asked = {"by-trivy": 'scanners = ["trivy"]', "by-adapter": 'scanners = ["adapter"]',
                 "by-grype": 'scanners = ["grype"]', "by-grype-bill": 'scanners = ["grype-bill"]',
                 "by-nobody": 'scanners = ["broken"]', "by-clamd": 'viruses = "deny"'}
        rules = "".join(PROFILE.format(name=name, what=what) for name, what in asked.items())
        (self.folder / "policy.toml").write_text(f'{POLICY}{rules}[default]\nunsigned = "deny"\n')
        (self.folder / "adapter.key").write_text(KEY)
        grype = ", ".join(f'{name} = "{value}"' for name, value in grype_db.environment(self.folder / "grype", self.folder).items()
                          if name != "HOME")
        quoted = lambda command: ", ".join(json.dumps(word) for word in command)
        (self.folder / "lazaret.toml").write_text(f"""data_dir = "{self.folder}/data"
policy = "policy.toml"
mirror.listen = "127.0.0.1:{self.mirror}"
gateway.listen = "127.0.0.1:{self.gateway}"
admin.listen = "127.0.0.1:{self.admin}"
[upstream]
fetch_advisories = false
refresh_roots = false
[clamd]
address = "unix:{self.folder}/clamd.sock"
[inspection]
listen = "127.0.0.1:{self.inspection}"
[scanner.trivy]
kind = "exec"
command = [{quoted(self.command("{layout}"))}]
environment = {{ TRIVY_CACHE_DIR = "{self.cache}" }}
[scanner.grype]
kind = "exec"
command = ["{self.grype}", "oci-dir:{{layout}}", "-o", "json"]
environment = {{ {grype} }}
[scanner.grype-bill]
kind = "exec"
command = ["{self.grype}", "sbom:{{bill}}", "-o", "json"]
environment = {{ {grype} }}
[scanner.broken]
kind = "exec"
command = [{quoted(self.command("{layout}"))}]
environment = {{ TRIVY_CACHE_DIR = "{self.folder}/no-database" }}
[scanner.adapter]
kind = "harbor"
url = "{self.adapter.url}"
api_key_file = "adapter.key"
[[registry]]
host = "docker.io"
url = "http://127.0.0.1:{self.registry}"
plain_http = true
""")
        serve(children, self.folder, "lazaret", [LAZARET, "serve", "--config", self.folder / "lazaret.toml"],
              lambda: answers(f"http://127.0.0.1:{self.gateway}/v2/"))

    def pull(self, repository: str, tag: str) -> tuple[bool, str]:
        with tempfile.TemporaryDirectory() as into:
            done = run(["skopeo", "copy", "--src-tls-verify=false",
                        f"docker://127.0.0.1:{self.gateway}/docker.io/acme/{repository}:{tag}", f"dir:{into}"],
                       check=False)
        return done.returncode == 0, done.stdout


    def read_bills(self) -> list[tuple[str, bool, str]]:
        """What was found here in an old Debian, written down and given to the others: do they find its vulnerability?"""
        tree = self.folder / "tree"
        for path, text in debian("3.0.11-1").items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        read = []
        for form in ["cyclonedx", "spdx"]:
            bill = self.folder / f"{form}.json"
            done = subprocess.run([LAZARET, "scan", "--config", self.folder / "lazaret.toml", "--sbom", form, f"dir:{tree}"],
                                  text=True, capture_output=True)
            bill.write_text(done.stdout)
            offline = ["--skip-db-update", "--skip-java-db-update", "--offline-scan", "--skip-version-check"]
            for who, argv, env in [
                ("trivy", [self.trivy, "sbom", bill, "--format", "json", "--quiet", *offline], self.env()),
                ("grype", [self.grype, f"sbom:{bill}", "-o", "json", "-q"], grype_db.environment(self.folder / "grype", self.folder)),
            ]:
                said = run(argv, check=False, env=env).stdout
                read.append((f"{who} reads a bill of materials, {form}", "CVE-2026-1" in said, done.stderr + said))
        return read


def pongs(at: Path) -> bool:
    """Whether clamd answers: its socket is there before it is listened at."""
    with socket.socket(socket.AF_UNIX) as clamd:
        try:
            clamd.connect(str(at))
            clamd.sendall(b"zPING\0")
            return clamd.recv(5) == b"PONG\0"
        except OSError:
            return False


def database() -> Path:
    """The program that writes trivy's database, built once."""
    program = newer.CACHE / "trivy-db" / "trivy-db"
    source = HERE / "trivy_db" / "main.go"
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return program
    go = shutil.which("go") or "/usr/local/go/bin/go"
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lazaret-build-") as work:
        shutil.copy(source, work)
        for argv in [["mod", "init", "interop.invalid/db"], ["get", BBOLT], ["build", "-o", program, "."]]:
            env = {**os.environ, "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
            done = subprocess.run([go, *map(str, argv)], cwd=work, env=env, text=True, capture_output=True, timeout=300)
            if done.returncode != 0:
                raise Failure(f"go {argv[0]}: {done.stderr[-600:]}")
    return program


def test(folder: Path, children: list) -> int:
    lab = Scanners(folder, children)
    for name in ["by-trivy", "by-adapter", "by-grype", "by-grype-bill", "by-nobody"]:
        lab.writer.image(f"acme/{name}", "old", user="1000", oci=True, files=debian("3.0.11-1"))
        lab.writer.image(f"acme/{name}", "new", user="1000", oci=True, files=debian("3.0.13-1"))
    lab.writer.image("acme/by-clamd", "clean", user="1000", files={"app/readme": "nothing\n"} | debian("1"))
    lab.writer.image("acme/by-clamd", "infected", user="1000", files={"app/tool": f"#!/bin/sh\n{VIRUS}\n"} | debian("1"))
    lab.writer.image("acme/by-clamd", "large", user="1000", files={"app/large": "x" * (2 << 20)} | debian("1"))
    lab.serve(children)
    cases = [
        ("trivy, vulnerable", "by-trivy", "old", f"{VULNERABLE}, says trivy"),
        ("trivy, fixed", "by-trivy", "new", None),
        ("trivy behind an adapter, vulnerable", "by-adapter", "old", f"{VULNERABLE}, says adapter"),
        ("trivy behind an adapter, fixed", "by-adapter", "new", None),
        ("grype, vulnerable", "by-grype", "old", f"{VULNERABLE} of var/lib/dpkg/status, says grype "),
        ("grype, fixed", "by-grype", "new", None),
        ("grype of a bill of materials, vulnerable", "by-grype-bill", "old", f"{VULNERABLE}, says grype-bill "),
        ("grype of a bill of materials, fixed", "by-grype-bill", "new", None),
        ("trivy without a database", "by-nobody", "new", "is required and says nothing"),
        ("clamd, clean", "by-clamd", "clean", None),
        ("clamd, infected", "by-clamd", "infected", "Lazaret.Interop.Marker"),
        ("clamd, too large for it", "by-clamd", "large", "virus-unscanned"),
    ]
    failed = 0
    for what, repository, tag, words in cases:
        ok, said = lab.pull(repository, tag)
        good = ok if words is None else not ok and words in said
        failed += not good
        print(f"{'ok' if good else 'FAILED'} {what}: {'served' if ok else 'refused'}", flush=True)
        if not good:
            print(said.strip()[-900:])
    bills = lab.read_bills()
    for what, good, said in bills:
        failed += not good
        print(f"{'ok' if good else 'FAILED'} {what}", flush=True)
        if not good:
            print(said.strip()[-900:])
    if (log := (folder / "lazaret.log").read_text(errors="replace")).count("panicked at"):
        raise Failure(f"lazaret panicked: {log[-600:]}")
    print(f"{len(cases) + len(bills) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(alone("scanners", test))
