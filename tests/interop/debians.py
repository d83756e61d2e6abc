"""Clients of later Debians: a root file system of each, made once by debootstrap into the cache, in which they run."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from newer import CACHE

MIRROR = os.environ.get("LAZARET_DEBIAN", "http://deb.debian.org/debian")
# What is installed, beside what it needs. The suite behind `forky` moves: what is in it is read and not written here.
SUITES = {
    "trixie": ["containerd"],
    "forky": ["containerd", "docker.io", "docker-cli", "docker-buildx", "podman", "skopeo"],
}
# Folders over which the lab mounts, that not every suite makes.
MOUNTED = ["etc/docker", "etc/containers", "etc/containerd"]
BUILD_SECONDS = 900


def get(suite: str) -> Path:
    """The folder of a suite's root file system. Never written to once it is made: the lab mounts it read-only."""
    target = CACHE / f"debian-{suite}"
    if target.exists():
        return target
    fresh = target.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    # An older debootstrap does not know a later suite by name; all since long are made as `sid` is.
    subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(SUITES[suite])}", suite, fresh, MIRROR, "sid"],
                   check=True, stdout=subprocess.DEVNULL, timeout=BUILD_SECONDS)
    for folder in MOUNTED:
        (fresh / folder).mkdir(parents=True, exist_ok=True)
    for file in ["etc/hosts", "etc/resolv.conf"]:
        (fresh / file).unlink(missing_ok=True)
        (fresh / file).touch()
    for folder in ["var/cache/apt/archives", "var/lib/apt/lists"]:
        shutil.rmtree(fresh / folder, ignore_errors=True)
    fresh.rename(target)
    return target


def version(suite: str, package: str) -> str:
    """Major and minor version of a package, as the suite has it."""
    database = get(suite) / "var/lib/dpkg"
    said = subprocess.run(["dpkg-query", f"--admindir={database}", "-W", "-f", "${Version}", package], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return re.match(r"(?:\d+:)?(\d+\.\d+)", said)[1]
