#!/usr/bin/env python3
"""Signs with real cosign 2 and 3, notation, GnuPG and skopeo, pulls through Lazaret with skopeo, and asks the signers as referees.

Everything is on loopback. Needs docker-registry, skopeo, openssl and go; see docs/interop.md.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import keyless
import newer
import notary
import openpgp
from conformance import LAZARET, alone, answers, serve
from images import Registry, Writer
from lab import VECTORS, Failure, run
from waiting import free_port

# How each key is made. cosign's own are P-256.
KEYS = {
    "p256": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "p521": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "ed25519": ["genpkey", "-algorithm", "ED25519"],
    "rsa3072": ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
}
# No log, no timestamps: the key alone.
SIGNING_CONFIG = {
    "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json", "caUrls": [], "oidcUrls": [],
    "rekorTlogUrls": [], "tsaUrls": [], "rekorTlogConfig": {"selector": "ANY"}, "tsaConfig": {"selector": "ANY"},
}
PREDICATE = {"buildDefinition": {"externalParameters": {"workflow": {"repository": "https://git.example/acme/app"}}},
             "runDetails": {"builder": {"id": "https://builder.example"}}}


class Signers:
    def __init__(self, folder: Path, children: list):
        self.folder = folder
        self.cosign = {version: newer.get(what) / "cosign" for version, what in
                       [("cosign 2", newer.COSIGN2), ("cosign 3", newer.COSIGN3)]}
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "COSIGN_PASSWORD": ""}
        self.registry, self.gateway, self.mirror, self.admin = (free_port() for _ in range(4))
        (folder / "registry.yml").write_text(f"""version: 0.1
log: {{ level: warn }}
storage: {{ filesystem: {{ rootdirectory: {folder}/registry }} }}
http: {{ addr: "127.0.0.1:{self.registry}", secret: signers }}
""")
        serve(children, folder, "registry", ["docker-registry", "serve", folder / "registry.yml"],
              lambda: answers(f"http://127.0.0.1:{self.registry}/v2/"))
        self.writer = Writer(Registry(f"http://127.0.0.1:{self.registry}", None), VECTORS)
        (folder / "signing.json").write_text(json.dumps(SIGNING_CONFIG))
        (folder / "predicate.json").write_text(json.dumps(PREDICATE))
        for name, how in KEYS.items():
            run(["openssl", *how, "-out", folder / f"{name}.pem"])
            run(["openssl", "pkey", "-in", folder / f"{name}.pem", "-pubout", "-out", folder / f"{name}.pub"])
            for version, cosign in self.cosign.items():
                run([cosign, "import-key-pair", "--key", folder / f"{name}.pem", "-y",
                     "--output-key-prefix", self.key(version, name)], env=self.env)

    def key(self, version: str, name: str) -> Path:
        return self.folder / f"{name}-{version[-1]}"

    def at(self, repository: str, digest: str) -> str:
        return f"127.0.0.1:{self.registry}/{repository}@{digest}"

    def sign(self, version: str, key: str, repository: str, digest: str, *more) -> bool:
        own = ["--tlog-upload=false"] if version == "cosign 2" else ["--signing-config", self.folder / "signing.json"]
        own = [*own, "--sign-container-identity", f"ghcr.io/{repository}"] if version == "cosign 2" else own
        done = run([self.cosign[version], "sign", "-y", "--allow-http-registry", *own, *more,
                    "--key", f"{self.key(version, key)}.key", self.at(repository, digest)],
                   env=self.env, check=False)
        if done.returncode != 0:
            print(f"# {version} does not sign with {key}: {done.stdout.strip().splitlines()[-1][:160]}")
        return done.returncode == 0

    def attest(self, version: str, key: str, repository: str, digest: str):
        own = ["--tlog-upload=false"] if version == "cosign 2" else ["--signing-config", self.folder / "signing.json"]
        run([self.cosign[version], "attest", "-y", "--allow-http-registry", *own, "--type", "slsaprovenance1",
             "--predicate", self.folder / "predicate.json", "--key", f"{self.key(version, key)}.key",
             self.at(repository, digest)], env=self.env)

    def referee(self, version: str, key: str, repository: str, digest: str) -> bool:
        done = run([self.cosign[version], "verify", "--allow-http-registry", "--insecure-ignore-tlog=true",
                    "--key", self.folder / f"{key}.pub", self.at(repository, digest)],
                   env=self.env, check=False)
        return done.returncode == 0

    def serve(self, children: list, rules: str):
        signers = "".join(f'[signer.{name}]\nkind = "key"\npem = ["{name}.pub"]\ntlog = "off"\n' for name in KEYS)
        (self.folder / "policy.toml").write_text(
            f'version = 1\n[names]\nregistries = ["ghcr.io"]\n{signers}{rules}[default]\nunsigned = "deny"\n')
        (self.folder / "lazaret.toml").write_text(f"""data_dir = "{self.folder}/data"
policy = "policy.toml"
vsa.verifier = "https://lazaret.example"
mirror.listen = "127.0.0.1:{self.mirror}"
gateway.listen = "127.0.0.1:{self.gateway}"
admin.listen = "127.0.0.1:{self.admin}"
[[registry]]
host = "ghcr.io"
url = "http://127.0.0.1:{self.registry}"
plain_http = true
""")
        serve(children, self.folder, "lazaret", [LAZARET, "serve", "--config", self.folder / "lazaret.toml"],
              lambda: answers(f"http://127.0.0.1:{self.gateway}/v2/"))

    def vouched(self, version: str, key: Path, repository: str, digest: str) -> tuple[bool, str]:
        """Whether cosign finds and believes the gateway's own word about an image."""
        # cosign 2 reads no bundle without a root, though a key is all that counts here.
        own = ["--new-bundle-format", "--trusted-root", self.folder / "instance" / "trusted_root.json"] if version == "cosign 2" else []
        done = run([self.cosign[version], "verify-attestation", "--allow-http-registry", "--insecure-ignore-tlog=true", *own,
                    "--key", key, "--type", "https://slsa.dev/verification_summary/v1",
                    f"127.0.0.1:{self.gateway}/ghcr.io/{repository}@{digest}"], env=self.env, check=False)
        return done.returncode == 0, done.stdout

    def pull(self, repository: str, target: str, *more) -> tuple[bool, str]:
        with tempfile.TemporaryDirectory() as into:
            done = run(["skopeo", "copy", *more, "--src-tls-verify=false",
                        f"docker://127.0.0.1:{self.gateway}/ghcr.io/{repository}{target}", f"dir:{into}"],
                       check=False)
        return done.returncode == 0, done.stdout


class Table:
    def __init__(self):
        self.rows, self.failed = [], 0

    def row(self, what: str, ours: bool, expected: bool, referee: bool | None, said: str = "", words: str = ""):
        good = ours == expected and (expected or words in said)
        self.failed += not good
        shown = {True: "accepts", False: "refuses", None: "-"}
        self.rows.append((what, shown[ours], shown[referee]))
        print(f"{'ok' if good else 'FAILED'} {what}: Lazaret {shown[ours]}, the signer itself {shown[referee]}", flush=True)
        if not good:
            print(said.strip()[-600:])


def test(folder: Path, children: list) -> int:
    lab, table = Signers(folder, children), Table()
    cases, rules = [], ""
    image = lambda repository: lab.writer.image(repository, "1", user="1000", oci=True)["digest"]
    for version in lab.cosign:
        for key in KEYS:
            repository = f"acme/{version.replace(' ', '')}-{key}"
            digest = image(repository)
            if lab.sign(version, key, repository, digest):
                rules += f'[[rule]]\nmatch = ["ghcr.io/{repository}"]\nsigned_by = ["{key}"]\n'
                cases.append((f"{version}, {key}", repository, version, key, digest))

    # Signed by another key, not signed at all, a signature of another repository, an attestation in its place.
    strange, bare, copied = (image(f"acme/{name}") for name in ["strange", "bare", "copied"])
    lab.sign("cosign 2", "p384", "acme/strange", strange)
    lab.sign("cosign 2", "p256", "acme/copied", copied, "--sign-container-identity", "ghcr.io/acme/elsewhere")
    attested = {version: image(f"acme/attested{version[-1]}") for version in lab.cosign}
    for version, digest in attested.items():
        lab.attest(version, "p256", f"acme/attested{version[-1]}", digest)
    lab.writer.index("acme/multi", "1", ["amd64", "arm64"])
    multi = lab.writer.written["acme/multi:1"]
    lab.sign("cosign 2", "p256", "acme/multi", multi)
    for name in ["strange", "bare", "copied", "multi"]:
        rules += f'[[rule]]\nmatch = ["ghcr.io/acme/{name}"]\nsigned_by = ["p256"]\n'
    for name in ["attested2", "attested3"]:
        rules += (f'[[rule]]\nmatch = ["ghcr.io/acme/{name}"]\nunsigned = "allow"\n[[rule.attestation]]\n'
                  'type = "slsa-provenance"\nsigned_by = ["p256"]\nsource = "https://git.example/acme/app"\n')
    notation = notary.Notary(folder, children)
    notarized, notary_rules = notary.sign_all(notation, image, lab.at)
    certified, keyless_rules = keyless.sign_all(keyless.Keyless(lab, children), image)
    messages, pgp_rules = openpgp.sign_all(openpgp.OpenPgp(folder), image, f"http://127.0.0.1:{lab.registry}")
    lab.serve(children, rules + notary_rules + keyless_rules + pgp_rules)

    for what, repository, version, key, digest in cases:
        # cosign signs with Ed25519ph (RFC 8032), which neither its own `verify` nor Lazaret takes for Ed25519.
        good = key != "ed25519"
        ok, said = lab.pull(repository, ":1")
        table.row(f"{what}, by tag", ok, good, lab.referee(version, key, repository, digest), said, "another key")
        ok, said = lab.pull(repository, f"@{digest}")
        table.row(f"{what}, by digest", ok, good, None, said, "another key")
    ok, said = lab.pull("acme/strange", ":1")
    table.row("another key", ok, False, lab.referee("cosign 2", "p256", "acme/strange", strange), said,
              "signature-untrusted")
    ok, said = lab.pull("acme/bare", ":1")
    table.row("no signature", ok, False, lab.referee("cosign 2", "p256", "acme/bare", bare), said, "signature-missing")
    ok, said = lab.pull("acme/copied", ":1")
    table.row("signed under another name", ok, False, lab.referee("cosign 2", "p256", "acme/copied", copied), said,
              "under the name")
    for version in attested:
        ok, said = lab.pull(f"acme/attested{version[-1]}", ":1")
        table.row(f"{version}, provenance", ok, True, None, said)
    ok, said = lab.pull("acme/multi", ":1", "--all")
    table.row("a signed index with its children", ok, True, lab.referee("cosign 2", "p256", "acme/multi", multi), said)

    for what, repository, digest, good in notarized:
        ok, said = lab.pull(repository, ":1")
        table.row(what, ok, good, notation.referee(lab.at(repository, digest)), said, "signature-untrusted")
    for what, repository, words, referee in certified + messages:
        ok, said = lab.pull(repository, ":1")
        table.row(what, ok, words is None, referee, said, words or "")
    ours = folder / "lazaret.pub"
    ours.write_text(run([LAZARET, "vsa", "key", "--config", folder / "lazaret.toml"]).stdout)
    for version in lab.cosign:
        for what, repository, digest, key, good in [
            ("our word about an image", "acme/multi", multi, ours, True),
            ("our word by another key", "acme/multi", multi, folder / "p256.pub", False),
            ("our word about a refused image", "acme/strange", strange, ours, False),
        ]:
            ok, said = lab.vouched(version, key, repository, digest)
            table.row(f"{what}, {version}", ok, good, None, said)
    needed = {f"{version}, {key}" for version in lab.cosign for key in ["p256", "rsa3072"]}
    missing = needed - {what for what, *_ in cases}
    if missing:
        print(f"FAILED not signed: {', '.join(sorted(missing))}")
    if "panicked at" in (folder / "lazaret.log").read_text(errors="replace"):
        raise Failure("lazaret panicked")
    failed = table.failed + len(missing)
    print(f"{len(table.rows) - table.failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(alone("signers", test))
