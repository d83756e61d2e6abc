"""OpenPGP simple signing with the real signers: GnuPG and skopeo, signatures in a lookaside."""

import functools
import http.server
import os
import threading
import urllib.request
from pathlib import Path

from lab import run


class Shelf(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class OpenPgp:
    """A lookaside on loopback, and keys of every kind."""

    def __init__(self, folder: Path):
        self.folder = folder / "openpgp"
        self.shelf = self.folder / "lookaside"
        self.shelf.mkdir(parents=True)
        home = self.folder / "gnupg"
        home.mkdir(mode=0o700)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(home), "GNUPGHOME": str(home)}
        handler = functools.partial(Shelf, directory=str(self.shelf))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.keys = {name: self.key(name, *how) for name, how in {
            "ed25519": ("ed25519",), "rsa": ("rsa3072",), "other": ("ed25519",), "brief": ("ed25519", "2026-01-02"),
        }.items()}

    def gpg(self, *arguments):
        return run(["gpg", "--batch", "--quiet", "--yes", "--no-tty", "--passphrase", "", "--pinentry-mode", "loopback",
                    *arguments], env=self.env).stdout

    def key(self, name: str, algorithm: str, until: str = "never") -> str:
        self.gpg("--faked-system-time", "20260101T000000", "--quick-generate-key", name, algorithm, "sign", until)
        self.gpg("--armor", "--output", self.folder / f"{name}.asc", "--export", name)
        lines = self.gpg("--with-colons", "--list-keys", name).splitlines()
        return next(line.split(":")[9] for line in lines if line.startswith("fpr:"))

    def sign(self, key: str, raw: bytes, reference: str, digest: str, number: int = 1, flawed: bool = False):
        """Signs with skopeo, or with GnuPG where skopeo would refuse the key, and puts it on the shelf."""
        manifest, signature = self.folder / "manifest", self.folder / "signature"
        manifest.write_bytes(raw)
        signature.unlink(missing_ok=True)
        if key == "brief":
            payload = self.folder / "payload"
            payload.write_text('{"critical":{"type":"atomic container signature","image":{"docker-manifest-digest":"%s"},'
                               '"identity":{"docker-reference":"%s"}},"optional":{}}' % (digest, reference))
            self.gpg("--faked-system-time", "20260101T120000", "--local-user", key, "--output", signature, "--sign", payload)
        else:
            run(["skopeo", "standalone-sign", "--output", signature, manifest, reference, self.keys[key]], env=self.env)
        content = bytearray(signature.read_bytes())
        if flawed:
            content[len(content) // 2] ^= 1
        path = reference.split("/", 1)[1].rsplit(":", 1)[0]
        place = self.shelf / f"{path}@{digest.replace(':', '=')}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"signature-{number}").write_bytes(content)
        return place / f"signature-{number}", manifest

    def referee(self, key: str, signed: tuple, reference: str) -> bool:
        signature, manifest = signed
        done = run(["skopeo", "standalone-verify", manifest, reference, self.keys[key], signature], env=self.env, check=False)
        return done.returncode == 0


def manifest_of(registry: str, repository: str) -> bytes:
    asked = urllib.request.Request(f"{registry}/v2/{repository}/manifests/1",
                                   headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return answer.read()


def sign_all(lab: OpenPgp, image, registry: str) -> tuple[list, str]:
    """Rows (what, repository, words of the refusal or none, what the signer itself says), and the policy for them."""
    rows, rules = [], ""
    for name in lab.keys:
        rules += (f'[signer.pgp-{name}]\nkind = "pgp"\npem = ["openpgp/{name}.asc"]\n'
                  f'lookaside = "http://127.0.0.1:{lab.server.server_port}"\n')
    for what, trusted, signs, name, words, flawed in [
        ("OpenPGP by skopeo, Ed25519", "ed25519", "ed25519", None, None, False),
        ("OpenPGP by skopeo, RSA", "rsa", "rsa", None, None, False),
        ("OpenPGP by another key", "ed25519", "other", None, "with another key", False),
        ("OpenPGP, tampered with", "ed25519", "ed25519", None, "signature-untrusted", True),
        ("OpenPGP under another name", "ed25519", "ed25519", "ghcr.io/acme/elsewhere:1", "under the name", False),
        ("OpenPGP by an expired key", "brief", "brief", None, "has expired", False),
        ("OpenPGP, nothing in the lookaside", "ed25519", None, None, "no signature", False),
    ]:
        repository = f"acme/pgp-{len(rows)}"
        digest = image(repository)
        reference = f"ghcr.io/{repository}:1"
        rules += f'[[rule]]\nmatch = ["ghcr.io/{repository}"]\nsigned_by = ["pgp-{trusted}"]\n'
        referee = None
        if signs:
            signed = lab.sign(signs, manifest_of(registry, repository), name or reference, digest, flawed=flawed)
            if signs != "brief":
                place = Path(str(signed[0]))
                if name:
                    path = lab.shelf / f"{repository}@{digest.replace(':', '=')}"
                    path.mkdir(parents=True)
                    place = place.rename(path / "signature-1")
                referee = lab.referee(trusted, (place, signed[1]), reference)
        rows.append((what, repository, words, referee))
    return rows, rules
