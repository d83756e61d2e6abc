#!/usr/bin/env python3
"""Pulls through Lazaret with real clients and asserts that blocks hold. Needs root; see docs/interop.md."""

import argparse
import os
import re
import signal
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from concurrent.futures import ThreadPoolExecutor

import later
import logins
import networks
import routes
import setting_up
import waivers
import words
from lab import GATEWAY, CLIENT, ROOT, VECTORS, Failure, Lab, run, wait_for
from matrix import Matrix

ALLOWED = "docker.io/library/nginx:1.27"
MULTI = "docker.io/library/alpine:3.20"
SQUAT = "docker.io/library/ngnix:latest"
ROOTY = "docker.io/acme/rooty:1.0"
GHCR = "ghcr.io/acme/app:1.0"
STRANGER = "ghcr.io/stranger/app:1.0"
VULNERABLE = "docker.io/acme/vulnerable:1.0"
FIXED = "docker.io/acme/fixed:1.0"
WARNED = "docker.io/ab4bz/homer:1.0"
HINTED = "docker.io/somebody/nginx:1.0"
NEW = "docker.io/somebody/tool:1.0"
SLOW = "docker.io/acme/slow:1.0"
SLOWER = "docker.io/acme/slower:1.0"
# What a client must do on each of its routes, when it does all on one of them.
BRIEF = ["allowed by tag", "allowed by digest", "squat blocked by tag", "squat blocked by digest"]


class Suite:
    def __init__(self, lab: Lab, only: str | None, said: Path | None, write_said: bool):
        self.lab, self.only, self.said, self.write_said = lab, only, said, write_said
        self.passed = self.failed = 0
        self.matrix = Matrix()

    def wanted(self, name: str) -> bool:
        return self.only is None or self.only in name

    def case(self, name: str, check, *given):
        if not self.wanted(name):
            return
        try:
            check(*given)
            self.passed += 1
            print(f"ok {name}", flush=True)
        except Failure as why:
            self.fail(name, str(why))
        except Exception:
            self.fail(name, traceback.format_exc())

    def fail(self, name: str, why: str):
        self.failed += 1
        print(f"FAILED {name}: {why}", flush=True)

    def client(self, make, family: str):
        """Everything that one client must do."""
        failed = self.failed
        try:
            client = make(self.lab)
            client.family, client.brief = family, make in later.BRIEF
        except Failure as why:
            self.fail(f"{make.__name__}: getting it", str(why))
            return
        names = [f"{client.name}: {what}" for what in cases(client)]
        if not any(map(self.wanted, names)):
            return
        try:
            client.start()
            print(f"# {client.name}: {client.version()}, {client.route}", flush=True)
        except Failure as why:
            self.fail(f"{client.name}: start", str(why))
            client.stop()
            return
        for name, (check, *given) in zip(names, cases(client).values(), strict=True):
            self.case(name, check, self, client, *given)
        client.stop()
        self.matrix.note(client, failed == self.failed)

    def quote(self, client, image: str, said: str):
        if self.said:
            with self.said.open("a") as file:
                file.write(f"--- {client.name}, {image}\n{said.strip()}\n")
        if image == SQUAT:
            words.check(client, said, self.write_said)


def cases(client) -> dict:
    lab = client.lab
    found = {
        "allowed by tag": (allowed, ALLOWED),
        "multi-platform by tag": (allowed, MULTI),
        "allowed by digest": (allowed, by_digest(lab, ALLOWED)),
        "squat blocked by tag": (blocked, SQUAT),
        "squat blocked by digest": (blocked, by_digest(lab, SQUAT)),
        "configuration blocked by tag": (blocked, ROOTY),
        "configuration blocked by digest": (blocked, by_digest(lab, ROOTY)),
    }
    if client.brief:
        found = {name: found[name] for name in BRIEF}
    # How a client takes an answer does not depend on why it is no: two routes of each kind have every reason.
    elif client.route not in (routes.DNS, routes.PREFIX):
        found |= {
            "clean scan allowed": (allowed, FIXED),
            "vulnerable blocked by tag": (blocked, VULNERABLE),
            "vulnerable blocked by digest": (blocked, by_digest(lab, VULNERABLE)),
        }
    if client.route != routes.MIRROR:
        if not client.brief:
            found["ghcr.io allowed"] = (allowed, GHCR)
        found["ghcr.io blocked by default"] = (blocked, STRANGER)
    found["Lazaret is down"] = (down,)
    return found


def by_digest(lab: Lab, image: str) -> str:
    return f"{image.rsplit(':', 1)[0]}@{lab.digest(image)}"


def allowed(suite: Suite, client, image: str):
    """The pull works, gives the upstream's digest, never asks the registry directly; the second needs no blob of it."""
    lab, mark = suite.lab, suite.lab.mark()
    pull_allowed(client, image)
    client.remove(image)
    if client.brief:
        # That the second comes from the cache is no matter of the route.
        return untouched(lab, mark)
    again = lab.mark()
    pull_allowed(client, image)
    client.remove(image)
    if blobs := [line for line in lab.requests(again, GATEWAY) if "/blobs/" in line]:
        raise Failure(f"the second pull made Lazaret fetch again: {blobs}")
    untouched(lab, mark)


def pull_allowed(client, image: str):
    code, said = client.pull(image)
    if code != 0:
        raise Failure(f"exit {code}: {said[-1500:]}")
    want = image.split("@")[1] if "@" in image else client.lab.digest(image)
    if (got := client.digest(image, said)) != want:
        raise Failure(f"digest {got or 'unknown'}, the registry has {want}: {said[-800:]}")


def blocked(suite: Suite, client, image: str):
    """The pull fails, says why or where to read why, and does not go round Lazaret."""
    lab, mark = suite.lab, suite.lab.mark()
    code, said = client.pull(image)
    suite.quote(client, image, said)
    if code == 0:
        raise Failure(f"the pull went through; the registry saw {lab.requests(mark, CLIENT)}: {said[-800:]}")
    untouched(lab, mark)
    if "@" in image and not client.tells_by_digest:
        return
    if not re.search(r"gw\.test:508[01]/why/", said):
        raise Failure(f"no reason that a person could follow: {said[-800:]}")


def down(suite: Suite, client):
    """What the pages say of a Lazaret that does not answer: clients of mirrors pull past it, all others fail."""
    lab = suite.lab
    lab.stop("lazaret")
    lab.stop("lazaret-tls")
    try:
        mark = lab.mark()
        code, said = client.pull(ALLOWED)
        past = lab.requests(mark, CLIENT)
        if client.route == routes.MIRROR:
            if code != 0 or not past:
                raise Failure(f"docs/clients.md says that it goes to the registry: exit {code}: {said[-800:]}")
            client.remove(ALLOWED)
        elif code == 0 or past:
            raise Failure(f"exit {code}, the registry saw {past}: {said[-800:]}")
        suite.matrix.down[client.family, client.route] = "down: open" if past else "down: closed"
    finally:
        lab.serve("lazaret")
        lab.serve("lazaret-tls", mirror_tls=True)


def patient(suite: Suite):
    """Clients wait for a verdict that takes 35 s, all for the same one; Docker 29 also for one that takes 100 s."""
    lab = suite.lab
    lab.set_policy(slow=True)
    clients = []
    try:
        for make in routes.PATIENT:
            client = make(lab)
            clients.append(client)
            client.start()
        pulls = [(client, SLOW) for client in clients] + [(clients[0], SLOWER)]
        mark = lab.mark()
        with ThreadPoolExecutor(len(pulls)) as pool:
            done = list(pool.map(lambda pull: waited(*pull), pulls))
        for (client, image), why in zip(pulls, done, strict=True):
            suite.case(f"slow: {client.name} waits for {image}", waited_well, why)
        suite.case("slow: nobody went round meanwhile", untouched, lab, mark)
    finally:
        for client in clients:
            client.stop()
        lab.set_policy()


def waited(client, image: str) -> str:
    """Why the pull did not bring what it should; nothing if it did."""
    try:
        pull_allowed(client, image)
    except Failure as why:
        return str(why)
    return ""


def waited_well(why: str):
    if why:
        raise Failure(why)


def careful(suite: Suite):
    """A Lazaret whose certificate a client does not trust is not asked, and nobody else is either."""
    lab = suite.lab
    for make in [*routes.CAREFUL, *later.CAREFUL]:
        client = make(lab)
        client.env = {**client.env, "SSL_CERT_FILE": str(lab.dir / "other.pem")}
        suite.case(f"wrong authority: {client.name}", distrusts, suite, client)


def distrusts(suite: Suite, client):
    lab = suite.lab
    client.start()
    try:
        mark = lab.mark()
        code, said = client.pull(ALLOWED)
        if code == 0:
            raise Failure(f"the pull went through: {said[-800:]}")
        if not re.search("certificate|x509|unknown authority", said):
            raise Failure(f"it does not say that the certificate is the trouble: {said[-800:]}")
        untouched(lab, mark)
    finally:
        client.stop()


def untouched(lab: Lab, mark: dict):
    if seen := lab.requests(mark, CLIENT):
        raise Failure(f"the client went to the registry itself: {seen}")


def policy_changes(suite: Suite):
    """The same daemon, the same Lazaret: a changed policy decides about the next pull."""
    client = routes.docker_mirror(suite.lab, name="policy")
    try:
        client.start()
        suite.case("policy: blocked before", blocked, suite, client, SQUAT)
        suite.lab.set_policy(allow='"docker.io/library/ngnix"')
        suite.case("policy: an allowed name passes without a restart", allowed, suite, client, SQUAT)
        suite.case("policy: the other block still holds", blocked, suite, client, ROOTY)
        suite.lab.set_policy(mode="audit")
        suite.case("policy: audit lets the squat pass", allowed, suite, client, SQUAT)
        suite.case("policy: audit lets the configuration pass", allowed, suite, client, ROOTY)
        suite.lab.set_policy()
        suite.case("policy: blocked again", blocked, suite, client, ROOTY)
    finally:
        suite.lab.set_policy()
        client.stop()


def names(suite: Suite):
    """What the tiers do to a real daemon, and a name that waits for approval."""
    lab = suite.lab
    client = routes.docker_mirror(lab, name="names")
    try:
        client.start()
        suite.case("names: a warned name passes", allowed, suite, client, WARNED)
        suite.case("names: the warning is told and recorded", told, lab, WARNED, "warn[name-squat]", True)
        suite.case("names: a hinted name passes", allowed, suite, client, HINTED)
        suite.case("names: the hint is recorded", told, lab, HINTED, "note[name-squat]", False)
        lab.set_policy(names='warn = "deny"')
        suite.case("names: a strict policy blocks it", blocked, suite, client, WARNED)
        lab.set_policy(names='first_seen = "deny"')
        suite.case("names: a stranger's name waits", blocked, suite, client, NEW)
        suite.case("names: and passes once approved", approved, suite, client, NEW)
    finally:
        lab.set_policy()
        client.stop()


def told(lab: Lab, image: str, finding: str, warning: bool):
    """What `lazaret why` says of the image, and whether the manifest comes with a warning."""
    said = run([lab.lazaret, "why", "--data-dir", lab.dir / "lazaret-data", image]).stdout
    if finding not in said:
        raise Failure(f"no {finding}: {said}")
    path, tag = image.removeprefix("docker.io/").split(":")
    url = f"http://gw.test:5050/v2/{path}/manifests/{tag}"
    head = lab.client(["curl", "-sSI", "-A", "docker/28.5.2", "-H", "Accept: */*", url]).stdout
    if ("warning: 299" in head.lower()) != warning:
        raise Failure(f"the answer's head: {head}")


def approved(suite: Suite, client, image: str):
    """Approved beside the running server; the refusal stands for some seconds more."""
    lab = suite.lab
    data = ["--data-dir", lab.dir / "lazaret-data"]
    waiting = run([lab.lazaret, "names", "approve", *data]).stdout
    if image.split(":")[0] not in waiting:
        raise Failure(f"it is not among the names that wait: {waiting}")
    run([lab.lazaret, "names", "approve", *data, "--by", "interop", image])
    wait_for("the approved image passes", lambda: client.pull(image)[0] == 0)
    client.remove(image)


def no_panics(lab: Lab):
    for log in lab.dir.glob("lazaret*.log"):
        if "panicked at" in (text := log.read_text(errors="replace")):
            at = text.index("panicked at")
            raise Failure(f"{log.name}: {text[at - 200:at + 1500]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="NAME", help="run the cases whose name contains this")
    parser.add_argument("--lazaret", type=Path, default=ROOT / "target/release/lazaret")
    parser.add_argument("--keep", action="store_true", help="keep the folder with all logs")
    parser.add_argument("--clean", action="store_true", help="only remove what a killed run left behind")
    parser.add_argument("--said", type=Path, metavar="FILE", help="append what clients print for a block")
    parser.add_argument("--write-said", action="store_true", help="write what they print to tests/interop/said")
    parser.add_argument("--write-matrix", action="store_true", help="write the table of docs/clients.md")
    given = parser.parse_args()
    if os.geteuid() != 0:
        print("FAILED start: needs root, for network namespaces and daemons")
        return 1
    if given.clean:
        Lab(given.lazaret).close(keep=False)
        return 0
    if not given.lazaret.exists():
        print(f"FAILED start: {given.lazaret} is not there: cargo build --release")
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    lab = Lab(given.lazaret.resolve())
    suite = Suite(lab, given.only, given.said, given.write_said)
    if not VECTORS.is_dir():
        print(f"# {VECTORS} is not there: the images have a made-up base layer")
    try:
        lab.up()
        lab.certificates()
        lab.registries()
        lab.set_policy()
        logins.make_users(lab)
        lab.start_lazaret()
        lab.start_lazaret("lazaret-tls", mirror_tls=True)
        for family, makes in later.ALL.items():
            for make in makes:
                suite.client(make, family)
            print(f"# {time.monotonic() - started:.0f} s", flush=True)
        if suite.wanted("slow: "):
            patient(suite)
        if suite.wanted("wrong authority: "):
            careful(suite)
        if suite.only is None or "setup" in suite.only:
            setting_up.all_of(suite, allowed, blocked)
        if suite.wanted("login: "):
            logins.cases(suite, allowed, blocked)
        if suite.wanted("policy: "):
            policy_changes(suite)
        if suite.wanted("waivers: "):
            waivers.cases(suite, allowed, blocked)
        if suite.wanted("names: "):
            names(suite)
        if suite.wanted("networks: "):
            networks.cases(suite)
        if given.write_matrix and given.only is None:
            suite.matrix.write()
        elif given.only is None:
            suite.case("docs/clients.md says what was seen", suite.matrix.check)
        suite.case("lazaret never panicked", no_panics, lab)
    except Failure as why:
        suite.fail("start", str(why))
    finally:
        lab.close(given.keep)
    print(f"# {time.monotonic() - started:.0f} s")
    if suite.passed + suite.failed == 0:
        suite.fail("start", "no case has such a name")
    print(f"{suite.passed} passed, {suite.failed} failed")
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
