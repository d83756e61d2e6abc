"""Signs without keys: real cosign 2 and 3 against a Sigstore instance of our own on loopback."""

import base64
import json
import shutil
import time
from pathlib import Path

import newer
from conformance import serve
from lab import Failure, run

HERE = Path(__file__).resolve().parent
MOCK = HERE / "sigstore_mock"
ISSUER = "https://issuer.example"
CI = "https://git.example/acme/app/.ci/release.yml@refs/tags/v1"
STRANGER = "https://git.example/acme-evil/app/.ci/release.yml@refs/tags/v1"


def installed() -> Path:
    """The folder with the packages that the instance needs, got once."""
    wanted = (MOCK / "package.json").read_text()
    folder = newer.CACHE / "sigstore-mock"
    if not (folder / "node_modules").is_dir() or (folder / "package.json").read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(wanted)
        run(["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error"], timeout=300)
    return folder


def token(subject: str) -> str:
    """What an identity provider would say; the instance takes its word."""
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": subject, "aud": "sigstore", "iat": now, "nbf": now, "exp": now + 600}
    parts = [json.dumps(part).encode() for part in [{"alg": "RS256", "typ": "JWT"}, claims]]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in [*parts, b"signature"])


class Keyless:
    def __init__(self, lab, children: list):
        self.lab, self.folder = lab, lab.folder / "instance"
        self.folder.mkdir()
        program = shutil.which("node") or shutil.which("nodejs")
        if not program:
            raise Failure("node is not installed")
        # Its packages are looked for beside the script.
        packages = installed()
        shutil.copy(MOCK / "server.js", packages / "server.js")
        port = self.folder / "port"
        # The last file that it writes; it has listened for long then.
        serve(children, lab.folder, "instance", [program, packages / "server.js", self.folder],
              lambda: port.exists() and port.read_text())
        self.url = f"http://127.0.0.1:{port.read_text()}"
        self.env = {**lab.env, "SIGSTORE_ROOT_FILE": str(self.folder / "root.pem"),
                    "SIGSTORE_REKOR_PUBLIC_KEY": str(self.folder / "rekor.pub"),
                    "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": str(self.folder / "ct.pub")}

    def how(self, version: str) -> list:
        if version == "cosign 2":
            return ["--fulcio-url", self.url, "--rekor-url", self.url]
        return ["--signing-config", self.folder / "signing_config.json",
                "--trusted-root", self.folder / "trusted_root.json"]

    def sign(self, version: str, subject: str, repository: str, digest: str):
        name = ["--sign-container-identity", f"ghcr.io/{repository}"] if version == "cosign 2" else []
        run([self.lab.cosign[version], "sign", "-y", "--allow-http-registry", *self.how(version), *name,
             "--identity-token", token(subject), self.lab.at(repository, digest)], env=self.env)

    def attest(self, version: str, subject: str, repository: str, digest: str):
        run([self.lab.cosign[version], "attest", "-y", "--allow-http-registry", *self.how(version), "--type",
             "slsaprovenance1", "--predicate", self.lab.folder / "predicate.json", "--identity-token", token(subject),
             self.lab.at(repository, digest)], env=self.env)

    def referee(self, version: str, repository: str, digest: str) -> bool:
        roots = [] if version == "cosign 2" else ["--trusted-root", self.folder / "trusted_root.json"]
        done = run([self.lab.cosign[version], "verify", "--allow-http-registry", *roots, "--certificate-identity", CI,
                    "--certificate-oidc-issuer", ISSUER, self.lab.at(repository, digest)],
                   env=self.env, check=False)
        return done.returncode == 0


def sign_all(keyless: Keyless, image) -> tuple[list, str]:
    """Cases, each with what is expected and the words of a refusal; and their rules."""
    signer = f'kind = "keyless"\nsubject = "{CI}"\n'
    rules = (f'[root.mock]\nfile = "instance/trusted_root.json"\n'
             f'[signer.ci]\n{signer}issuer = "{ISSUER}"\nroot = "mock"\n'
             f'[signer.other-issuer]\n{signer}issuer = "https://other.example"\nroot = "mock"\n'
             f'[signer.public]\n{signer}issuer = "{ISSUER}"\n')
    cases = []
    for version in keyless.lab.cosign:
        for what, subject, by, words in [
            ("the right identity", CI, "ci", None),
            ("another identity", STRANGER, "ci", "it is signed by"),
            ("another issuer", CI, "other-issuer", "its issuer is"),
            ("another root", CI, "public", "certified under the root"),
        ]:
            repository = f"acme/{version.replace(' ', '')}-keyless-{what.replace(' ', '-')}"
            digest = image(repository)
            keyless.sign(version, subject, repository, digest)
            rules += f'[[rule]]\nmatch = ["ghcr.io/{repository}"]\nsigned_by = ["{by}"]\n'
            referee = keyless.referee(version, repository, digest)
            cases.append((f"{version}, keyless, {what}", repository, words, referee))
        repository = f"acme/{version.replace(' ', '')}-keyless-attested"
        keyless.attest(version, CI, repository, image(repository))
        rules += (f'[[rule]]\nmatch = ["ghcr.io/{repository}"]\nunsigned = "allow"\n[[rule.attestation]]\n'
                  'type = "slsa-provenance"\nsigned_by = ["ci"]\nsource = "https://git.example/acme/app"\n')
        cases.append((f"{version}, keyless, provenance", repository, None, None))
    return cases, rules
