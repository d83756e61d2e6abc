#!/usr/bin/env python3
"""Asks a ledger of so many pulls who pulled what: the statements of src/ledger/who.rs, on tables made by the ledger's own SQL.

`cargo bench --bench ledger` records every pull as the server does, which takes minutes at ten million. Here the same rows are
filled in by SQLite in bulk, and only the questions are measured, by the SQLite of Python. Prints the median of three, the time of a
processor, and how many lines there are.

    python3 bench/who_pulled.py 10000000 /var/tmp/bench.db      # some 5 GB
"""

import hashlib
import re
import sqlite3
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES, MACHINES, PACKAGES, ADVISORIES, REQUESTS = 5_000, 2_000, 400, 40, 10
AGENT = "docker/28.5.2 go/go1.24 UpstreamClient(Docker-Client/28.2.2)"
BEGIN = 1_790_000_000_000


def digest(kind: str, number: int) -> str:
    return "sha256:" + hashlib.sha256(f"{kind} {number}".encode()).hexdigest()


IMAGE = [digest("image", image) for image in range(IMAGES)]
BASE = digest("base", 0)
RUNTIME = [digest("runtime", image) for image in range(20)]
LAYERS = [[digest("layer", image * 5 + at) for at in range(5)] for image in range(IMAGES)]
DECISION = [f"01M{image:023}" for image in range(IMAGES)]
ADDRESS = [f"10.0.{machine >> 8}.{machine & 255}" for machine in range(MACHINES)]


def fill(db: sqlite3.Connection, pulls: int):
    db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;")
    for script in sorted((ROOT / "src/ledger").glob("0*.sql")):
        db.executescript(script.read_text())
    db.executescript("DROP TABLE puller; DROP TABLE known_name; DROP INDEX pull_digest; DROP INDEX pull_decision; DROP INDEX pull_at;")
    db.execute("BEGIN")
    for image in range(IMAGES):
        name = f"docker.io/team-{image % 50}/app-{image}"
        db.execute("INSERT INTO subject VALUES (?, ?, ?, ?)", (image + 1, name, f"{name}:1", IMAGE[image]))
        db.execute("INSERT INTO image VALUES (?, ?, x'00')", (image + 1, IMAGE[image]))
    words: dict[tuple[str, str], int] = {}

    def word(text: str, kind: str) -> int:
        if (text, kind) not in words:
            words[text, kind] = len(words) + 1
            db.execute("INSERT INTO word VALUES (?, ?, ?)", (words[text, kind], text, kind))
        return words[text, kind]

    for image in range(IMAGES):
        held = [(word(one, "content"), image + 1, "") for one in {IMAGE[image], BASE, RUNTIME[image % 20], *LAYERS[image]}]
        held += [(word(f"package-{(image * 31 + at) % 5_000}", "package"), image + 1, f"1.{image % 7}.{at}") for at in range(PACKAGES)]
        held += [(word(f"cve-2026-{(image * 7 + at) % 3_000}", "advisory"), image + 1, "") for at in range(ADVISORIES)]
        db.executemany("INSERT OR IGNORE INTO held VALUES (?, ?, ?)", held)
    clients = ((machine + 1, ADDRESS[machine], AGENT) for machine in range(MACHINES))
    db.executemany("INSERT INTO client VALUES (?, ?, '', ?)", clients)
    served: dict[tuple[int, int], list[int]] = {}

    def rows():
        for number in range(pulls):
            pull, at = divmod(number, REQUESTS)
            # Some images are pulled by everybody, most by a few.
            image = (0, pull % 40, pull * 7_919 % IMAGES)[pull % 3]
            machine = ((pull * 2_654_435_761 & (1 << 64) - 1) >> 7) % MACHINES
            moment = BEGIN + number * 2
            if at == 0:
                share = served.setdefault((image, machine), [moment, moment, 0])
                share[1], share[2] = moment + 2 * REQUESTS, share[2] + REQUESTS
            content = {0: IMAGE[image], 1: IMAGE[image], 2: BASE, 3: RUNTIME[image % 20]}.get(at) or LAYERS[image][at % 5]
            yield moment, DECISION[image], content, ADDRESS[machine], AGENT, "manifest" if at < 2 else "blob"

    db.executemany("INSERT INTO pull (at, decision, digest, address, user_agent, listener, kind, outcome, count, bytes)"
                   " VALUES (?, ?, ?, ?, ?, 'gateway', ?, 'served', 1, 1000000)", rows())
    db.executemany("INSERT INTO served VALUES (?, ?, ?, ?, ?, ?, ?)", (
        (image + 1, machine + 1, DECISION[image], first, last, requests, requests * 1_000_000)
        for (image, machine), (first, last, requests) in sorted(served.items())))
    db.execute("COMMIT")
    db.execute("CREATE INDEX pull_digest ON pull (digest, address, decision)")


SOURCE = (ROOT / "src/ledger/who.rs").read_text()


def constant(name: str) -> str:
    return re.search(rf'const {name}: &str = "(.*?)";', SOURCE, re.S)[1]


BY_WORD, MINE, SENT, COUNTS, PLAIN = map(constant, ["BY_WORD", "MINE", "SENT", "COUNTS", "PLAIN"])


def statement(wanted, values, client=None, sent=None, most=1_000, skip=0):
    """As `statement` of who.rs puts it together."""
    parts, given, version = [], [], "NULL"
    source, conditions = "served", "served.last >= ? AND served.first < ?"
    if wanted:
        parts.append(f"wanted(subject, version) AS MATERIALIZED (SELECT number, group_concat(DISTINCT version) FROM ({wanted}) GROUP BY number)")
        given += values
        source, version = "wanted CROSS JOIN served ON served.subject = wanted.subject", "MAX(wanted.version)"
    if client:
        parts.append(f"mine(client) AS MATERIALIZED ({MINE})")
        given += [client] * 3
        source = "mine CROSS JOIN served ON served.client = mine.client"
        if wanted:
            source += " CROSS JOIN wanted ON wanted.subject = served.subject"
            conditions += " AND served.subject IN (SELECT subject FROM wanted)"
    parts.append(f"""found(subject, client, version, first, last, requests, bytes) AS MATERIALIZED
        (SELECT served.subject, served.client, {version}, MIN(served.first), MAX(served.last), SUM(served.requests), SUM(served.bytes)
        FROM {source} WHERE {conditions} GROUP BY served.subject, served.client)""")
    parts.append("page AS MATERIALIZED (SELECT * FROM found ORDER BY last DESC, subject, client LIMIT ? OFFSET ?)")
    given += [0, 1 << 62, most, skip, *([sent] if sent else [])]
    return f"""WITH {", ".join(parts)} SELECT client.address, client.user_agent, subject.reference, nullif(subject.digest, ''), page.first,
        page.last, page.requests, nullif(client.identity, ''), page.version, {SENT if sent else "NULL"}, page.bytes,
        total.rows_in_all, total.addresses
        FROM (SELECT {COUNTS}) AS total LEFT JOIN page LEFT JOIN subject ON subject.number = page.subject
        LEFT JOIN client ON client.number = page.client ORDER BY page.last DESC, page.subject, page.client""", given


def ask(db: sqlite3.Connection):
    def of(content: str):
        return f"{PLAIN} digest = ? UNION ALL {BY_WORD} = 'content'", [content, content]

    machine, one = ADDRESS[77], f"{BY_WORD} = ?"
    for what, rounds, given in [
        ("the base layer of all images", 3, statement(*of(BASE), sent=BASE)),
        ("the same, from line 20,000 on", 3, statement(*of(BASE), sent=BASE, skip=20_000)),
        ("the same, by one machine", 3, statement(*of(BASE), client=machine, sent=BASE)),
        ("the most popular image", 3, statement(*of(IMAGE[0]), sent=IMAGE[0])),
        ("a rare image", 3, statement(*of(IMAGE[4_321]), sent=IMAGE[4_321])),
        ("a layer of one image", 3, statement(*of(LAYERS[321][0]), sent=LAYERS[321][0])),
        ("a repository", 3, statement(f"{PLAIN} repository = ?", ["docker.io/team-7/app-7"])),
        ("a package", 3, statement(one, ["package-77", "package"])),
        ("an advisory", 3, statement(one, ["cve-2026-77", "advisory"])),
        ("all that a machine pulled", 3, statement(None, [], client=machine)),
        ("the base layer, all lines", 1, statement(*of(BASE), sent=BASE, most=-1)),
    ]:
        times, processor = [], []
        for _ in range(rounds):
            begun, cpu = time.monotonic(), time.process_time()
            found = db.execute(*given).fetchall()
            times.append(time.monotonic() - begun)
            processor.append(time.process_time() - cpu)
        print(f"{what} | {1000 * sorted(times)[rounds // 2]:.1f} ms | {1000 * sorted(processor)[rounds // 2]:.1f} ms of a processor"
              f" | {len(found)} of {found[0][-2]} lines", flush=True)


def main():
    pulls, file = int(sys.argv[1]), Path(sys.argv[2])
    file.unlink(missing_ok=True)
    with sqlite3.connect(file, isolation_level=None) as db:
        fill(db, pulls)
    db.close()
    print(f"SQLite {sqlite3.sqlite_version}, {pulls} pulls, {file.stat().st_size / 1e6:.0f} MB")
    try:
        ask(sqlite3.connect(f"file:{file}?mode=ro", uri=True))
    finally:
        file.unlink()


if __name__ == "__main__":
    main()
