"""A waiver from its first day to its end, with a clock that this script turns (libfaketime) and a real daemon."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import routes
from lab import Failure, Lab

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
IMAGE = "docker.io/acme/vulnerable:1.0"
WAIVER = """[[waiver]]
finding = "CVE-2026-1"
images = ["docker.io/acme/vulnerable"]
packages = ["libssl3"]
reason = "the server listens on loopback alone"
owner = "interop"
until = {until}
"""


class Clock:
    """Of Lazaret alone. Timers go on as they are: nobody has to wait, and nothing runs out of time that should not."""

    def __init__(self, lab: Lab):
        self.file = lab.dir / "clock"
        self.turn(0)
        self.env = {**lab.lazaret_env(), "LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self.file),
                    "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def turn(self, seconds: int):
        self.file.write_text(f"+{seconds}")


def cases(suite, allowed, blocked):
    """`allowed` and `blocked` are the suite's own checks of a pull."""
    lab, clock = suite.lab, Clock(suite.lab)
    if not LIBRARY.exists():
        raise Failure(f"{LIBRARY} is not there: apt-get install faketime")
    client = routes.docker_mirror(lab, name="waivers")
    lab.stop("lazaret")
    lab.serve(env=clock.env)
    # Of a day with ten minutes left, so that it does not end in between.
    day = (datetime.now(timezone.utc) + timedelta(minutes=10)).date()
    ended = datetime(day.year, day.month, day.day, tzinfo=timezone.utc) + timedelta(days=1, minutes=1)
    try:
        client.start()
        suite.case("waivers: vulnerable, refused", blocked, suite, client, IMAGE)
        lab.set_policy(names=WAIVER.format(until=day))
        suite.case("waivers: vulnerable and waived, served", allowed, suite, client, IMAGE)
        clock.turn(int((ended - datetime.now(timezone.utc)).total_seconds()))
        suite.case("waivers: on the day after its end, refused again", blocked, suite, client, IMAGE)
        suite.case("waivers: and says when it ended", says, client, f"a waiver for it ended on {day}")
    finally:
        client.stop()
        lab.stop("lazaret")
        lab.set_policy()
        lab.serve()


def says(client, words: str):
    code, said = client.pull(IMAGE)
    if code == 0 or words not in said:
        raise Failure(f"not said: {words}: {said[-800:]}")
