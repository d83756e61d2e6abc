"""One image looked into by Lazaret and by other scanners, each as a whole process from nothing: no cache but its database.

`make bench-scan` calls it; docs/performance.md has the figures. The image is a Debian with packages of Python and Node, as
`docker save` writes it. Each program is offline; which database it has is printed, for the others' own cannot be had here.
"""
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/interop"))
import findings
import grype_db
import inventory
import newer
import scanners
from conformance import LAZARET
from images import digest_of
from lab import ADVISORY, run

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))


def layers(folder: Path) -> list[Path]:
    """Tars, the lowest first."""
    pip = inventory.get_syft().with_name("pip")
    python, node = folder / "python", folder / "node"
    run([pip, "install", "-q", "--disable-pip-version-check", "--target", python / "usr/local/lib/python3.11/site-packages",
         "django", "flask", "numpy", "requests", "cryptography"], timeout=300)
    (node / "app").mkdir(parents=True)
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "next", "express", "lodash"], cwd=node / "app", check=True)
    made = [inventory.debian()]
    for tree in [python, node]:
        made.append(folder / f"{tree.name}.tar")
        run(["tar", "cf", made[-1], "--owner=0", "--group=0", "-C", tree, "."])
    return made


def archive(folder: Path, tars: list[Path]) -> Path:
    """As `docker save` of today writes it: the layers in gzip, an OCI layout and manifest.json."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [digest_of(tar.read_bytes()) for tar in tars]},
                         "history": [{"created_by": "bench"} for _ in tars]}).encode()
    blobs = folder / "layout/blobs/sha256"
    blobs.mkdir(parents=True)

    def put(content: bytes, kind: str) -> dict:
        digest = digest_of(content)
        (blobs / digest.removeprefix("sha256:")).write_bytes(content)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest, "size": len(content)}

    listed = [put(gzip.compress(tar.read_bytes(), 6, mtime=0), "layer.v1.tar+gzip") for tar in tars]
    described = put(config, "config.v1+json")
    manifest = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                               "config": described, "layers": listed}).encode(), "manifest.v1+json")
    path = lambda one: "blobs/sha256/" + one["digest"].removeprefix("sha256:")
    layout = folder / "layout"
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    (layout / "manifest.json").write_text(json.dumps(
        [{"Config": path(described), "RepoTags": ["bench:1"], "Layers": [path(one) for one in listed]}]))
    run(["tar", "cf", folder / "image.tar", "-C", layout, "manifest.json", "index.json", "oci-layout", "blobs"])
    return folder / "image.tar"


def programs(folder: Path, image: Path) -> dict[str, tuple[list, dict, Path | None]]:
    """By name: the command, its environment, and the cache that is thrown away before each round."""
    data = folder / "data"
    config = folder / "lazaret.toml"
    config.write_text(f'data_dir = "{data}"\n[upstream]\nfetch_advisories = false\n')
    (folder / "Debian.jsonl").write_text(json.dumps(ADVISORY))
    run([LAZARET, "db", "import", "--config", config, "--ecosystem", "Debian", folder / "Debian.jsonl"])
    if findings.RECORDS.exists():
        run([LAZARET, "db", "import", "--config", config, findings.RECORDS], check=False, timeout=120)
        findings.put_archives(findings.records(), folder / "osv")
    trivy, grype = newer.get(newer.TRIVY) / "trivy", newer.get(newer.GRYPE) / "grype"
    run([scanners.database(), folder / "trivy"])
    grype_db.put(grype, folder / "grype", folder)
    home = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    offline = ["--skip-db-update", "--skip-java-db-update", "--offline-scan", "--skip-version-check", "--quiet"]
    return {
        "lazaret scan": ([LAZARET, "scan", "--json", "--config", config, image], home, data / "facts"),
        "trivy, vulnerabilities": ([trivy, "image", "--input", image, "--format", "json", "--scanners", "vuln", *offline],
                                   {**home, "TRIVY_CACHE_DIR": str(folder / "trivy")}, folder / "trivy/fanal"),
        "trivy, and secrets": ([trivy, "image", "--input", image, "--format", "json", "--scanners", "vuln,secret", *offline],
                               {**home, "TRIVY_CACHE_DIR": str(folder / "trivy")}, folder / "trivy/fanal"),
        "grype": ([grype, f"docker-archive:{image}", "-o", "json", "-q"], {**home, **grype_db.environment(folder / "grype", folder)}, None),
        "syft, packages alone": ([inventory.get_syft(), "scan", f"docker-archive:{image}", "-o", "json", "-q"],
                                 {**home, "SYFT_CHECK_FOR_APP_UPDATE": "false"}, None),
        "osv-scanner": ([findings.osv_scanner(), "scan", "image", "--archive", image, "--offline", "--offline-vulnerabilities",
                         "--format", "json"], {**home, "OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY": str(folder / "osv")}, None),
        "gunzip alone": (["sh", "-c", f"for blob in {folder}/layout/blobs/sha256/*; do gunzip -c <$blob; done 2>/dev/null >/dev/null; true"],
                         home, None),
    }


# In between, so that the memory of this program is not taken for the child's.
LAUNCHER = """import json, resource, subprocess, sys, time
began = time.monotonic()
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([done.returncode, done.stderr.decode(errors="replace")[-800:],
                  time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


def measure(argv, env) -> tuple[float, float, float]:
    """Seconds on the clock, of processors, and MiB resident at the most."""
    done = subprocess.run([sys.executable, "-c", LAUNCHER, *map(str, argv)], env=env, text=True, capture_output=True, check=True)
    code, said, *figures = json.loads(done.stdout)
    # osv-scanner says so that it found something.
    if code != 0 and not (code == 1 and "osv-scanner" in str(argv[0])):
        raise SystemExit(f"{argv[0]}: exit {code}: {said}")
    return tuple(figures)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="lazaret-bench-") as name:
        folder = Path(name)
        tars = layers(folder)
        image = archive(folder, tars)
        unpacked = sum(tar.stat().st_size for tar in tars)
        entries = sum(len(tarfile.open(tar).getnames()) for tar in tars)
        print(f"{len(tars)} layers in gzip, {image.stat().st_size / 1e6:.0f} MB, {unpacked / 1e6:.0f} MB unpacked, {entries} entries; "
              f"median of {ROUNDS}, in turn")
        asked = programs(folder, image)
        got = {name: [] for name in asked}
        for _ in range(ROUNDS):
            for name, (argv, env, cache) in asked.items():
                if cache:
                    shutil.rmtree(cache, ignore_errors=True)
                got[name].append(measure(argv, env))
        middle = {name: [statistics.median(column) for column in zip(*runs)] for name, runs in got.items()}
        ours = middle["lazaret scan"]
        print("| program | seconds | of processors | MiB | unpacked MB/s of a core | its time to ours |")
        print("|---|--:|--:|--:|--:|--:|")
        for name, (seconds, cpu, memory) in middle.items():
            print(f"| {name} | {seconds:.2f} | {cpu:.2f} | {memory:.0f} | {unpacked / 1e6 / cpu:.0f} | {seconds / ours[0]:.1f} × |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
