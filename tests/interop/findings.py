#!/usr/bin/env python3
"""Compares which advisories Lazaret finds for packages with what osv-scanner finds, both offline and in the same real
records: nothing that osv-scanner finds may be missing, but for differences that are listed with their reasons.

Every package that a record names is asked about at the versions where something changes and at some that are listed.
osv-scanner takes a list of packages of languages; those of distributions it finds in images only, so images are made with
a database of rpm that names them. Real root file systems of the vectors are scanned by both as they are.

osv-scanner is built from its module into the cache of clients; the records come from the file in LAZARET_ADVISORIES
(a record of OSV a line, compressed with zstd). Where there is none, nothing is compared, and that is said.
"""

import argparse
import collections
import hashlib
import io
import json
import os
import random
import re
import sqlite3
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

from lab import ROOT, VECTORS
from newer import CACHE

SCANNER = ("github.com/google/osv-scanner/v2", "v2.5.1", "cmd/osv-scanner")
RECORDS = Path(os.environ.get("LAZARET_ADVISORIES", ROOT.parent / "shared" / "data" / "osv-sample.jsonl.zst"))
# Versions of a package that are asked about, drawn with a fixed seed: more find nothing new and take longer.
VERSIONS = 6
# Packages of a release of a distribution that are asked about, drawn too: osv-scanner compares each with all advisories.
PACKAGES = 100

# Ecosystems that osv-scanner takes in a list, and those that it finds in images.
LISTED = {"Go", "PyPI", "crates.io"}
IMAGES = {"AlmaLinux"}
# Tags of a header of rpm.
NAME, VERSION, RELEASE, EPOCH, ARCH = 1000, 1001, 1002, 1003, 1022
INT32, STRING = 4, 6


def osv_scanner() -> Path:
    module, version, package = SCANNER
    home = CACHE / f"osv-scanner-{version}"
    program = home / "osv-scanner"
    if not program.exists():
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["go", "install", f"{module}/{package}@{version}"], check=True,
                       env={**os.environ, "GOBIN": str(home), "GOFLAGS": "-trimpath"})
    return program


def records() -> dict[str, bytes]:
    """By id; what is there twice is there for several releases, and becomes one. osv-scanner reads times only as RFC 3339
    has them, which records that were written as YAML have not."""
    raw = subprocess.run(["zstd", "-dc", RECORDS], check=True, capture_output=True).stdout
    found = {}
    for line in raw.splitlines():
        record = json.loads(line)
        for field in ("modified", "published", "withdrawn"):
            if field in record:
                record[field] = re.sub(r"[+]00:00$", "Z", record[field].replace(" ", "T"))
        known = found.setdefault(record["id"], record)
        if known is not record:
            known["affected"] += [one for one in record.get("affected", []) if one not in known["affected"]]
    return {name: json.dumps(record).encode() for name, record in found.items()}


def ecosystem(affected: dict) -> str:
    return (affected.get("package") or {}).get("ecosystem") or ""


def put_archives(found: dict[str, bytes], folder: Path) -> list[Path]:
    """An archive an ecosystem, where osv-scanner looks for it. It asks for one of GIT whatever the packages."""
    shelves = collections.defaultdict(list)
    shelves["GIT"] = []
    for name, line in found.items():
        for base in {ecosystem(one).split(":")[0] for one in json.loads(line).get("affected", [])} - {""}:
            shelves[base].append((name, line))
    archives = []
    for base, shelf in shelves.items():
        archive = folder / "osv-scalibr" / base / "all.zip"
        archive.parent.mkdir(parents=True)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
            for name, line in shelf:
                out.writestr(f"{name}.json", line)
        archives += [archive] if shelf else []
    return archives


def questions(found: dict[str, bytes]) -> list[tuple[str, str, str]]:
    """(ecosystem, package, version): where ranges begin and end, and the first, middle and last that are listed."""
    versions = collections.defaultdict(set)
    for line in found.values():
        for one in json.loads(line).get("affected", []):
            if not ecosystem(one):
                continue
            at = versions[ecosystem(one), one["package"]["name"]]
            for ranged in one.get("ranges") or []:
                if ranged["type"] != "GIT":
                    at.update(place for event in ranged["events"] for place in event.values() if place not in ("0", ""))
            listed = one.get("versions") or []
            at.update(listed[:1] + listed[len(listed) // 2:len(listed) // 2 + 1] + listed[-1:])
    draw = random.Random(1)
    asked = []
    of_release = collections.defaultdict(list)
    for whose, name in sorted(versions):
        of_release[whose].append((whose, name))
    drawn = {one for whose, some in of_release.items()
             for one in (draw.sample(some, min(PACKAGES, len(some))) if whose.split(":")[0] in IMAGES else some)}
    for (whose, name), some in sorted(versions.items()):
        if (whose, name) not in drawn:
            continue
        some = sorted(some)
        asked += [(whose, name, version) for version in (draw.sample(some, VERSIONS) if len(some) > VERSIONS else some)]
    return asked


def by_lazaret(lazaret: Path, archives: list[Path], asked: list, data: Path) -> tuple[dict, float]:
    for archive in archives:
        done = subprocess.run([lazaret, "db", "import", archive, "--ecosystem", archive.parent.name, "--data-dir", data],
                              capture_output=True, text=True)
        if done.returncode and "is no ecosystem" not in done.stderr:
            sys.exit(f"lazaret: {archive}: {done.stderr}")
    lines = "".join(json.dumps({"ecosystem": e, "name": n, "version": v}) + "\n" for e, n, v in asked)
    start = time.monotonic()
    done = subprocess.run([lazaret, "debug", "match", "--data-dir", data], input=lines, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"lazaret: {done.stderr}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {tuple(one): None if answer["ids"] is None else set(answer["ids"])
            for one, answer in zip(asked, answers, strict=True)}, time.monotonic() - start


def osv_scan(scanner: Path, databases: Path, *arguments) -> list[dict]:
    done = subprocess.run([scanner, "scan", *arguments[:1], "--offline", "--offline-vulnerabilities", "--format", "json",
                           *arguments[1:]], capture_output=True, text=True,
                          env={**os.environ, "OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY": str(databases)})
    if done.returncode not in (0, 1):
        sys.exit(f"osv-scanner: {done.stderr}")
    return [one for result in json.loads(done.stdout)["results"] for one in result["packages"]]


def by_osv_scanner(scanner: Path, asked: list, folder: Path) -> dict:
    found = collections.defaultdict(set)

    def take(packages):
        for one in packages:
            package = one["package"]
            key = (package["ecosystem"], package.get("os_package_name") or package["name"], package["version"])
            found[key].update(hit["id"] for hit in one.get("vulnerabilities", []))

    listed = [{"package": {"name": n, "version": v, "ecosystem": e}} for e, n, v in asked if e in LISTED]
    lock = folder / "osv-scanner.json"
    lock.write_text(json.dumps({"results": [{"source": {"path": "x", "type": "lockfile"}, "packages": listed}]}))
    take(osv_scan(scanner, folder, "source", "-L", f"osv-scanner:{lock}"))
    for release, packages in images(asked).items():
        archive = folder / "image.tar"
        whose, number = release[0].split(":")
        put_image(archive, {"etc/os-release": f'ID={whose.lower()}\nVERSION_ID="{number}"\n'.encode(),
                            "var/lib/rpm/rpmdb.sqlite": rpm_database(packages, folder)})
        take(osv_scan(scanner, folder, "image", "--archive", archive))
    return found


def images(asked: list) -> dict:
    """Packages of distributions, each once an image: by release and number."""
    shelves, seen = collections.defaultdict(list), collections.Counter()
    for whose, name, version in asked:
        if whose.split(":")[0] in IMAGES:
            shelves[whose, seen[whose, name]].append((name, version))
            seen[whose, name] += 1
    return shelves


def rpm_database(packages: list[tuple[str, str]], folder: Path) -> bytes:
    """rpm's SQLite database with these packages; a header is an index of tags and the data behind it."""
    path = folder / "rpmdb.sqlite"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        for name, version in packages:
            epoch, _, rest = version.rpartition(":")
            number, _, release = rest.partition("-")
            fields = [(NAME, name), (VERSION, number), (RELEASE, release), (ARCH, "x86_64")]
            index, data = b"", b""
            if epoch and epoch != "0":
                index, data = struct.pack(">4I", EPOCH, INT32, 0, 1), struct.pack(">I", int(epoch))
            for tag, text in fields:
                index += struct.pack(">4I", tag, STRING, len(data), 1)
                data += text.encode() + b"\0"
            database.execute("INSERT INTO Packages (blob) VALUES (?)",
                             (struct.pack(">2I", len(index) // 16, len(data)) + index + data,))
    database.close()
    return path.read_bytes()


def put_image(archive: Path, files: dict[str, bytes] | None, layer: bytes | None = None) -> None:
    """An archive as `docker save` writes it, of one layer: these files, or a tar that is there."""
    if layer is None:
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w") as tar:
            for path, content in files.items():
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(content), 0o644
                tar.addfile(entry, io.BytesIO(content))
        layer = held.getvalue()
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "history": [{"created_by": "test"}],
                         "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}}).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": ["test:1"], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(archive, "w") as tar:
        for path, content in (("layer.tar", layer), (name, config), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))


def real_images(lazaret: Path, scanner: Path, folder: Path) -> int:
    """Root file systems, whole, by both; returns how many advisories Lazaret missed."""
    config = folder / "lazaret.toml"
    config.write_text(f'data_dir = "{folder}/data"\n[upstream]\nfetch_advisories = false\n')
    missed = 0
    for packed in sorted(VECTORS.glob("alma*.tar.xz")):
        archive = folder / "image.tar"
        put_image(archive, None, subprocess.run(["xz", "-dc", packed], check=True, capture_output=True).stdout)
        theirs = {(one["package"]["name"], hit["id"]) for one in osv_scan(scanner, folder, "image", "--archive", archive)
                  for hit in one.get("vulnerabilities", [])}
        done = subprocess.run([lazaret, "scan", "--json", "--config", config, archive], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"lazaret: {done.stderr}")
        report = json.loads(done.stdout)
        ours = {(package["name"], name) for image in (report if isinstance(report, list) else [report])
                for one in image["vulnerabilities"] for package in one["packages"]
                for name in (one["id"], *one["aliases"]) if name.startswith("ALSA")}
        print(f"{packed.name}: {len(ours & theirs)} by both, {len(theirs - ours)} missed, {len(ours - theirs)} more, "
              f"{len({name for _, name in theirs})} advisories")
        for one in sorted(theirs - ours):
            print("  missed", *one)
        missed += len(theirs - ours)
    return missed


def reason(kind: str, record: dict, question: tuple) -> str | None:
    """Why only one of both finds an advisory; each reason is looked for in the record itself."""
    whose, name, version = question
    about = [one for one in record["affected"] if ecosystem(one).split(":")[0] == whose.split(":")[0]
             and one["package"]["name"] == name]
    if kind == "missed":
        if re.match("AL[BE]A-", record["id"]):
            return "a bug fix or an enhancement: no vulnerability"
        fixed = {event.get("fixed") for one in about for ranged in one.get("ranges", []) for event in ranged["events"]}
        if ".module" in version and version in fixed:
            return "the fixed build of another stream of the module, by the same advisory"
        return None
    if whose == "Go" and name != name.lower():
        return "a path of Go with capitals: osv-scanner writes those of a list in lower case, and finds nothing about them"
    listed = {version for one in about for version in one.get("versions") or []}
    if whose == "PyPI" and listed and version not in listed:
        return "a version in a range of the advisory that is not among those it lists: osv-scanner goes by the list"
    if whose == "PyPI" and re.sub("[-_.]+", "-", name).lower() != name:
        return "a name that the record does not write as PEP 503 would: osv-scanner asks for that spelling alone"
    kinds = {ranged["type"] for one in about for ranged in one.get("ranges", [])}
    if whose == "PyPI" and not listed and "GIT" in kinds:
        return "ranges of commits beside those of versions, and no list: osv-scanner does not take the latter"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lazaret", type=Path, default=Path("target/release/lazaret"))
    given = parser.parse_args()
    if not RECORDS.exists():
        print(f"!!! NOTHING IS COMPARED: there is no {RECORDS}")
        return 0
    scanner = osv_scanner()
    found = records()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        archives = put_archives(found, folder)
        asked = questions(found)
        start = time.monotonic()
        ours, seconds = by_lazaret(given.lazaret, archives, asked, folder / "data")
        theirs = by_osv_scanner(scanner, asked, folder)
        missed = real_images(given.lazaret, scanner, folder)
    counts = collections.defaultdict(collections.Counter)
    reasons = collections.Counter()
    left = []
    parsed = {name: json.loads(line) for name, line in found.items()}
    for question in asked:
        base = question[0].split(":")[0]
        if base not in LISTED | IMAGES:
            continue
        count, mine, others = counts[base], ours[question], theirs[question]
        count["asked"] += 1
        count["unknown"] += mine is None
        count["both"] += len((mine or set()) & others)
        for kind, names in (("missed", others - (mine or set())), ("more", (mine or set()) - others)):
            for name in sorted(names):
                why = reason(kind, parsed[name], question)
                count[kind] += 1
                reasons[kind, why] += 1
                if why is None:
                    left.append((kind, *question, name))
    print(f"{'ecosystem':<12} {'asked':>7} {'both':>8} {'missed':>7} {'more':>7} {'unknown':>8}")
    for base, count in sorted(counts.items()):
        print(f"{base:<12} {count['asked']:>7} {count['both']:>8} {count['missed']:>7} {count['more']:>7} {count['unknown']:>8}")
    for (kind, why), number in sorted(reasons.items(), key=str):
        print(f"{kind}: {number}: {why or 'WITHOUT A REASON'}")
    for one in left[:40]:
        print(" ", *one)
    print("osv-scanner cannot be asked about packages of Bitnami and CRAN")
    print(f"{len(left)} differences without a reason; {time.monotonic() - start:.0f} s, of which Lazaret matched for {seconds:.1f} s")
    return 1 if left or missed else 0


if __name__ == "__main__":
    sys.exit(main())
