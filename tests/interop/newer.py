"""Clients newer than the distribution's, built once from the Go module proxy into a cache folder; see debians.py for others."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab import Failure

CACHE = Path(os.environ.get("LAZARET_INTEROP_CACHE", Path.home() / ".cache" / "lazaret-interop"))

# Module, version, packages. moby v2.0.0-beta is the source of Docker 29 and later: its own releases have no go.mod.
DOCKERD = ("github.com/moby/moby/v2", "v2.0.0-beta.24", ["cmd/dockerd"])
CONTAINERD = ("github.com/containerd/containerd/v2", "v2.4.2", ["cmd/containerd", "cmd/ctr"])
BUILDKIT = ("github.com/moby/buildkit", "v0.34.2", ["cmd/buildkitd", "cmd/buildctl"])
# Its releases are not module versions; this is the commit that the proxy knows.
CONFORMANCE = ("github.com/opencontainers/distribution-spec/conformance", "v0.0.0-20260831232431-97274622c111", ["."])
COSIGN2 = ("github.com/sigstore/cosign/v2", "v2.6.5", ["cmd/cosign"])
COSIGN3 = ("github.com/sigstore/cosign/v3", "v3.1.3", ["cmd/cosign"])
NOTATION = ("github.com/notaryproject/notation", "v1.3.2", ["cmd/notation"])
CRANE = ("github.com/google/go-containerregistry", "v0.22.1", ["cmd/crane"])
CRICTL = ("sigs.k8s.io/cri-tools", "v1.37.0", ["cmd/crictl"])
TRIVY = ("github.com/aquasecurity/trivy", "v0.74.0", ["cmd/trivy"])
GRYPE = ("github.com/anchore/grype", "v0.121.2", ["cmd/grype"])
ALL = [CONTAINERD, DOCKERD, BUILDKIT, CRANE, CRICTL, CONFORMANCE, COSIGN2, COSIGN3, NOTATION, TRIVY, GRYPE]
# What their sources take for granted and the compiler has behind a switch.
EXPERIMENTS = {TRIVY[0]: "jsonv2"}

BUILD_SECONDS = 900


def folder(what) -> Path:
    module, version, _ = what
    return CACHE / f"{re.sub('/v[0-9]+$', '', module).rsplit('/', 1)[-1]}-{version}"


def get(what) -> Path:
    """The folder with the built programs. Built in a module of our own, for `go install` refuses `exclude` lines."""
    module, version, packages = what
    target = folder(what)
    names = [os.path.normpath(f"{module}/{package}") for package in packages]
    programs = {name: target / os.path.basename(name) for name in names}
    if all(program.exists() for program in programs.values()):
        return target
    go = shutil.which("go") or "/usr/local/go/bin/go"
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "auto",
           "GOEXPERIMENT": EXPERIMENTS.get(module, "")}
    with tempfile.TemporaryDirectory(prefix="lazaret-build-") as work:
        def say(*argv):
            done = subprocess.run([go, *argv], cwd=work, env=env, stdin=subprocess.DEVNULL, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=BUILD_SECONDS)
            if done.returncode != 0:
                raise Failure(f"go {' '.join(argv)}: {done.stdout[-1500:]}")
        say("mod", "init", "interop.invalid/clients")
        say("get", *[f"{name}@{version}" for name in programs])
        flags = f"-s -w -X {module}/dockerversion.Version={version} -X {module}/version.Version={version}"
        target.mkdir(parents=True, exist_ok=True)
        for name, program in programs.items():
            fresh = program.with_suffix(".new")
            say("build", "-trimpath", f"-ldflags={flags}", "-o", str(fresh), name)
            fresh.rename(program)
    return target


def main() -> int:
    """Gets all of them, and the Debians that others are in."""
    import debians
    wanted = [(what[0], get, what) for what in ALL] + [(suite, debians.get, suite) for suite in debians.SUITES]
    for name, by, what in wanted:
        started = time.monotonic()
        try:
            print(f"ok {by(what).name}, {time.monotonic() - started:.0f} s", flush=True)
        except (Failure, OSError, subprocess.SubprocessError) as why:
            print(f"FAILED {name}: {why}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
