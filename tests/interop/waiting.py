"""Waiting for what happens, never for time to pass: a machine that is ten times slower must see the same.

The limits end what hangs; nothing that works comes near them.
"""

import random
import socket
import time
from pathlib import Path

# Longest that something may take to start, to be written or to end.
PATIENCE = 180
# Given out in this process; a port is free again only when who was given it is gone.
given_out: set[int] = set()


class Failure(Exception):
    """A check that did not hold; its text says why."""


def wait_for(what: str, test, seconds: float = PATIENCE):
    end = time.monotonic() + seconds
    while True:
        if (got := test()):
            return got
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


def wait_up(name: str, child, log: Path, test):
    """Waits until a program that was started says so by `test`; one that ended instead has said why in its log."""
    def up():
        if (code := child.poll()) is not None:
            said = log.read_text(errors="replace").strip()
            raise Failure(f"{name} ended with {code} before it served:\n{said[-2000:]}")
        return test()
    wait_for(name, up)


def free_port() -> int:
    """A port of loopback below those that the kernel gives to connections, one of which would take it before it is served."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, max(lowest, 11_000))
        if port in given_out:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        given_out.add(port)
        return port


def listens(port: int) -> bool:
    """Whether somebody listens at a port of this network namespace, without knocking: some servers take that for a client."""
    for name in ["tcp", "tcp6"]:
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and int(words[1].rsplit(":", 1)[1], 16) == port:
                return True
    return False


def processes() -> dict[int, int]:
    """The parents of all processes; those that nobody has asked for their exit code do nothing any more and are left out."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if state not in "ZX":
            parents[int(stat.parent.name)] = int(parent)
    return parents


def end(child):
    """Ends a child and waits until it and all that it started are gone: what they held is free again."""
    parents, family = processes(), {child.pid}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    child.kill()
    child.wait()
    wait_for(f"the end of {child.args[0]}", lambda: not family & processes().keys())
