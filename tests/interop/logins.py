"""The proxy that asks for a login, by real clients: with one, with a wrong one, and with none.

What it is told in HTTPS_PROXY is all that a client has: http://NAME:TOKEN@host:port.
"""

import routes
from lab import CLIENT, Failure, Lab, run
from routes import by_proxy
from waiting import wait_for

WHO = "team-a"
AT = "gw.test:3129"
ALLOWED, SQUAT = "docker.io/library/nginx:1.27", "docker.io/library/ngnix:latest"
# What is printed where there is no login, or not this one: what Go's clients show of the proxy's answer.
NEEDED = "Blocked by policy: this proxy needs a name and a token, as in http://NAME:TOKEN@host:3128"
WRONG = "Blocked by policy: this proxy does not know that name and token"


def make_users(lab: Lab):
    """The file of [proxy] users, before a server reads it; the token is what a client has."""
    lab.token = run([lab.lazaret, "proxy", "token", WHO, "--file", lab.dir / "users.toml"]).stdout.splitlines()[0]


def cases(suite, allowed, blocked):
    """`allowed` and `blocked` are the suite's own checks of a pull; the latter also compares the words, with those that the
    same client prints where no login is asked for."""
    lab = suite.lab
    login = told(f"http://{WHO}:{lab.token}@{AT}")
    for make in routes.LOGGING_IN:
        client = by_proxy(make(lab), login)
        what = f"login: {client.name}"
        if not suite.wanted(what):
            continue
        try:
            client.start()
            suite.case(f"{what}: allowed", allowed, suite, client, ALLOWED)
            suite.case(f"{what}: denied, in the usual words", blocked, suite, client, SQUAT)
        finally:
            client.stop()
        for how, url, words in [("none", f"http://{AT}", NEEDED), ("wrong token", f"http://{WHO}:lzp_x@{AT}", WRONG),
                                ("wrong name", f"http://team-b:{lab.token}@{AT}", WRONG)]:
            other = by_proxy(make(lab), told(url))
            suite.case(f"{what}: {how}", refused, suite, other, words)
    suite.case("login: the decision says who pulled", recorded, lab)


def told(url: str) -> dict:
    return {"HTTPS_PROXY": url, "https_proxy": url}


def refused(suite, client, words: str):
    """Neither what is allowed nor anything else comes, the person reads why, and nobody else is asked."""
    lab = suite.lab
    try:
        client.start()
        mark = lab.mark()
        code, said = client.pull(ALLOWED)
        if code == 0:
            raise Failure(f"the pull went through: {said[-800:]}")
        if words not in said:
            raise Failure(f"it does not print {words!r}: {said[-800:]}")
        if seen := lab.requests(mark, CLIENT):
            raise Failure(f"the client went to the registry itself: {seen}")
    finally:
        client.stop()


def shown(lab: Lab) -> dict[str, list]:
    """How a client is known by what `lazaret setup` is told to have it show, with the certificate made for that."""
    certificate, key, request, extensions = (lab.dir / f"node.{end}" for end in ["pem", "key", "csr", "ext"])
    if not certificate.exists():
        extensions.write_text("extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\nsubjectAltName=DNS:node.acme.example\n")
        run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=node",
             "-keyout", key, "-out", request])
        run(["openssl", "x509", "-req", "-in", request, "-CA", lab.dir / "ca.pem", "-CAkey", lab.dir / "ca.key",
             "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate])
    return {"certificate:node.acme.example": ["--client-certificate", certificate, "--client-key", key],
            "header:payments": ["--header", "X-Team: payments"]}


def recorded(lab: Lab, known=f"proxy:{WHO}"):
    def why() -> str:
        return run([lab.lazaret, "why", "--data-dir", lab.dir / "lazaret-tls-data", SQUAT]).stdout
    # Who asked is written down behind the answer.
    wait_for(f"{known} in why {SQUAT}", lambda: known in why())
    said = why()
    log = lab.log("lazaret-tls")
    if lab.token in log or lab.token in said:
        raise Failure("the token is shown")
