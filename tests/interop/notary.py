"""Signs with the real notation, in both forms and with every kind of key, and asks it as referee."""

import json
from pathlib import Path

import newer
from conformance import serve
from lab import run
from waiting import free_port, listens

KEYS = {
    "ec256": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ec384": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "ec521": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "rsa2048": ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa3072": ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    "rsa4096": ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
}
# Certificates whose issuer answers for them, as openssl writes it down: valid and revoked.
STANDINGS = {"standing": "V", "revoked": "R"}
SUBJECT = "/C=US/ST=WA/O=Acme/CN="
LEAF = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n"


class Notary:
    """An authority, a key for each kind, and notation's settings for all of them."""

    def __init__(self, folder: Path, children: list):
        self.folder = folder / "notary"
        self.config = self.folder / "config" / "notation"
        self.config.mkdir(parents=True)
        self.program = newer.get(newer.NOTATION) / "notation"
        self.env = {"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "config"), "PATH": "/usr/bin:/bin"}
        for root in ["root", "stranger"]:
            run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                 "30", "-subj", f"{SUBJECT}{root}", "-keyout", self.path(f"{root}.key"), "-out", self.path(f"{root}.crt"),
                 "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"])
        keys = [self.key(name, how, "root") for name, how in KEYS.items()]
        keys.append(self.key("stranger", KEYS["ec256"], "stranger"))
        responder = free_port()
        keys += [self.key(name, KEYS["ec256"], "root", f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{responder}\n")
                 for name in STANDINGS]
        self.tell(responder, children)
        (self.config / "signingkeys.json").write_text(json.dumps({"default": "ec256", "keys": keys}))
        store = self.config / "truststore/x509/ca/acme"
        store.mkdir(parents=True)
        (store / "root.crt").write_text(self.path("root.crt").read_text())
        (self.config / "trustpolicy.json").write_text(json.dumps({"version": "1.0", "trustPolicies": [{
            "name": "acme", "registryScopes": ["*"], "signatureVerification": {"level": "strict"},
            "trustStores": ["ca:acme"], "trustedIdentities": ["x509.subject: C=US, ST=WA, O=Acme"]}]}))

    def path(self, name: str) -> Path:
        return self.folder / name

    def tell(self, port: int, children: list):
        """A real responder, by openssl, that knows what was revoked."""
        lines = []
        for name, standing in STANDINGS.items():
            serial = run(["openssl", "x509", "-in", self.path(f"{name}.leaf.crt"), "-noout", "-serial"]).stdout
            serial, when = serial.strip().split("=")[1], "260101000000Z" if standing == "R" else ""
            lines.append(f"{standing}\t400101000000Z\t{when}\t{serial}\tunknown\t{SUBJECT}{name}\n")
        self.path("index.txt").write_text("".join(lines))
        serve(children, self.folder, "responder", ["openssl", "ocsp", "-index", self.path("index.txt"), "-port", port,
              "-rsigner", self.path("root.crt"), "-rkey", self.path("root.key"), "-CA", self.path("root.crt"), "-ndays", "1"],
              lambda: listens(port))

    def key(self, name: str, how: list, root: str, more: str = "") -> dict:
        key, request, leaf, chain = (self.path(f"{name}.leaf.{end}") for end in ["key", "csr", "crt", "chain"])
        run(["openssl", *how, "-out", key])
        self.path("leaf.ext").write_text(LEAF + more)
        run(["openssl", "req", "-new", "-key", key, "-subj", f"{SUBJECT}{name}", "-out", request])
        run(["openssl", "x509", "-req", "-in", request, "-CA", self.path(f"{root}.crt"), "-CAkey",
             self.path(f"{root}.key"), "-CAcreateserial", "-days", "20", "-extfile", self.path("leaf.ext"), "-out", leaf])
        chain.write_text(leaf.read_text() + self.path(f"{root}.crt").read_text())
        return {"name": name, "keyPath": str(key), "certPath": str(chain)}

    def sign(self, form: str, key: str, image: str, *more):
        run([self.program, "sign", "--insecure-registry", "--signature-format", form, "--key", key, *more, image],
            env=self.env)

    def referee(self, image: str) -> bool:
        return run([self.program, "verify", "--insecure-registry", image], env=self.env, check=False).returncode == 0


def sign_all(notary: Notary, image, at) -> tuple[list, str]:
    """Signs an image for each form and key, and one by a stranger and one that expires at once: cases and rules."""
    cases, rules = [], ('[signer.notary]\nkind = "notation"\nca = ["notary/root.crt"]\n'
                        'subjects = ["C=US, S=WA, O=Acme"]\nrevocation = "fetched"\n')
    wanted = [(form, key, key != "stranger", []) for form in ["jws", "cose"] for key in [*KEYS, "stranger"]]
    wanted += [("jws", key, standing == "V", []) for key, standing in STANDINGS.items()]
    wanted.append(("jws", "ec256", False, ["--expiry", "1s"]))
    for form, key, good, more in wanted:
        repository = f"acme/notation-{form}-{key}{'-expired' if more else ''}"
        digest = image(repository)
        notary.sign(form, key, at(repository, digest), *more)
        rules += f'[[rule]]\nmatch = ["ghcr.io/{repository}"]\nsigned_by = ["notary"]\n'
        cases.append((f"notation, {form}, {key}{', expired' if more else ''}", repository, digest, good))
    return cases, rules
