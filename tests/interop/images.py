"""Writes small images into a registry over its API, as `docker push` would.

Runs as a program inside the network namespace of the registry and prints what it wrote as JSON:
{"library/nginx:1.27": "sha256:…", …}.
"""

import argparse
import gzip
import hashlib
import http.client
import io
import json
import os
import ssl
import tarfile
import urllib.parse

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

ROOT_FILE_SYSTEM = "alpine-minirootfs-3.20.3-x86_64.tar.gz"


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Registry:
    """The push side of the distribution API, as much of it as a test needs."""

    def __init__(self, url: str, ca: str | None):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=ca)
            self.connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=context, timeout=30)
        else:
            self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "application/octet-stream"):
        self.connection.request(method, path, body=body, headers={"Content-Type": kind})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return answer

    def blob(self, repository: str, content: bytes) -> str:
        digest = digest_of(content)
        location = self.ask("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
        parts = urllib.parse.urlsplit(location)
        query = f"{parts.query}&" if parts.query else ""
        self.ask("PUT", f"{parts.path}?{query}digest={digest}", content)
        return digest

    def manifest(self, repository: str, reference: str, kind: str, content: dict) -> tuple[str, int]:
        text = json.dumps(content, indent=2).encode()
        self.ask("PUT", f"/v2/{repository}/manifests/{reference}", text, kind)
        return digest_of(text), len(text)


def layer_of(files: dict[str, str]) -> bytes:
    """A gzipped tar with nothing in it that changes from run to run."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            info.mode = 0o755
            tar.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(raw.getvalue(), mtime=0)


def base_layer(folder: str) -> bytes:
    path = os.path.join(folder, ROOT_FILE_SYSTEM)
    if os.path.exists(path):
        with open(path, "rb") as file:
            return file.read()
    return layer_of({"bin/sh": "not a shell\n", "usr/share/filling": "filling\n" * 100_000})


class Writer:
    def __init__(self, registry: Registry, vectors: str):
        self.registry = registry
        self.base = base_layer(vectors)
        self.written: dict[str, str] = {}

    def image(self, repository, tag=None, *, user="", labels=None, architecture="amd64", oci=False, files=None) -> dict:
        """Pushes one image, on the base unless all its files are given; gives back its descriptor."""
        own = layer_of(files or {"etc/image": f"{repository} {architecture}\n"})
        layers = [own] if files else [self.base, own]
        config = {
            "created": "2024-09-06T12:00:00Z",
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/bin/sh"], "User": user, "Labels": labels or {}},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(gzip.decompress(layer)) for layer in layers]},
            "history": [{"created": "2024-09-06T12:00:00Z", "created_by": "interop"} for _ in layers],
        }
        text = json.dumps(config).encode()
        kinds = (OCI_MANIFEST, OCI_CONFIG, OCI_LAYER) if oci else (DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER)
        manifest = {
            "schemaVersion": 2,
            "mediaType": kinds[0],
            "config": self.content(repository, kinds[1], text),
            "layers": [self.content(repository, kinds[2], layer) for layer in layers],
        }
        if tag is None:
            tag = digest_of(json.dumps(manifest, indent=2).encode())
        digest, size = self.registry.manifest(repository, tag, kinds[0], manifest)
        self.written[f"{repository}:{tag}"] = digest
        return {"mediaType": kinds[0], "digest": digest, "size": size}

    def index(self, repository: str, tag: str, architectures: list[str]):
        children = []
        for architecture in architectures:
            child = self.image(repository, oci=True, architecture=architecture, user="1000")
            children.append(child | {"platform": {"os": "linux", "architecture": architecture}})
        content = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
        self.written[f"{repository}:{tag}"] = self.registry.manifest(repository, tag, OCI_INDEX, content)[0]

    def referrer(self, repository: str, subject: dict):
        """An artifact about `subject`, listed under the tag that registries without a referrers API use."""
        empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2}
        note = self.content(repository, "text/plain", b"a note about an image\n")
        self.registry.blob(repository, b"{}")
        manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "text/plain", "config": empty,
                    "layers": [note], "subject": subject}
        reference = digest_of(json.dumps(manifest, indent=2).encode())
        digest, size = self.registry.manifest(repository, reference, OCI_MANIFEST, manifest)
        listed = {"mediaType": OCI_MANIFEST, "artifactType": "text/plain", "digest": digest, "size": size}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [listed]}
        self.registry.manifest(repository, subject["digest"].replace(":", "-"), OCI_INDEX, index)

    def content(self, repository: str, kind: str, content: bytes) -> dict:
        digest = self.registry.blob(repository, content)
        return {"mediaType": kind, "digest": digest, "size": len(content)}


def debian(openssl: str) -> dict[str, str]:
    """A Debian with one package."""
    status = f"Package: libssl3\nStatus: install ok installed\nSource: openssl\nVersion: {openssl}\n\n"
    return {"etc/os-release": 'ID=debian\nVERSION_ID="12"\n', "etc/debian_version": "12.5\n", "var/lib/dpkg/status": status}


def hub(writer: Writer):
    writer.image("library/nginx", "1.27", user="101")
    writer.index("library/alpine", "3.20", ["amd64", "arm64"])
    writer.image("library/ngnix", "latest", user="101")
    writer.image("acme/rooty", "1.0", user="root")
    for stranger in ["ab4bz/homer", "somebody/nginx", "somebody/tool"]:
        writer.image(stranger, "1.0", user="1000")
    writer.image("acme/slow", "1.0", user="1000", files=debian("3.0.14-1"))
    writer.image("acme/slower", "1.0", user="1000", files=debian("3.0.15-1"))
    for name, version in [("acme/vulnerable", "3.0.11-1"), ("acme/fixed", "3.0.13-1")]:
        writer.image(name, "1.0", user="1000", files=debian(version))


def ghcr(writer: Writer):
    writer.image("acme/app", "1.0", user="1000", oci=True)
    writer.image("stranger/app", "1.0", user="1000", oci=True)


def conformance(writer: Writer):
    for tag in ["v1", "v2", "v3", "v4"]:
        image = writer.image("acme/conf", tag, user="1000", oci=True, labels={"tag": tag})
    writer.referrer("acme/conf", image)


def main():
    sets = {"hub": hub, "ghcr": ghcr, "conformance": conformance}
    parser = argparse.ArgumentParser()
    parser.add_argument("--registry", required=True)
    parser.add_argument("--ca")
    parser.add_argument("--vectors", required=True)
    parser.add_argument("--set", choices=sets, required=True)
    given = parser.parse_args()
    writer = Writer(Registry(given.registry, given.ca), given.vectors)
    sets[given.set](writer)
    print(json.dumps(writer.written))


if __name__ == "__main__":
    main()
