"""What clients print of a refusal, word for word, without what is different in every run."""

import re
from pathlib import Path

from lab import Failure

FOLDER = Path(__file__).resolve().parent / "said"
CHANGING = [
    # Where the page is: the second server has another port for it than the first.
    (r"\bgw\.test:508[01]/why/", "gw.test:5080/why/"),
    (r"\x1b\[[0-9;]*m", ""),
    (r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "<decision>"),
    (r"sha256:[0-9a-f]{64}", "sha256:<digest>"),
    (r'time="[^"]*"', 'time="<time>"'),
    (r"^E\d{4} [\d:.]+ +\d+ (\S+?):\d+\]", r"<time> \1]"),
    (r"^#\d+ ", "# "),
    (r"^# \d+\.\d+ ", "# "),
]


def essence(said: str) -> str:
    """The lines from the first that tells of the refusal to the last that says where to read on, each once."""
    lines = said.splitlines()
    telling = [at for at, line in enumerate(lines) if "Blocked by policy" in line or "denied: docker.io" in line]
    links = [at for at, line in enumerate(lines) if "/why/" in line]
    if not telling or not links:
        raise Failure(f"it does not say why: {said[-800:]}")
    kept = []
    for line in lines[telling[0]:links[-1] + 1]:
        for pattern, word in CHANGING:
            line = re.sub(pattern, word, line)
        if line.strip() and line.rstrip() not in kept:
            kept.append(line.rstrip())
    return "\n".join(kept) + "\n"


def file_of(client) -> Path:
    return FOLDER / (re.sub(r"\W+", "-", client.words_of or client.name).strip("-") + ".txt")


def check(client, said: str, write: bool):
    """Compares what a client printed with what people are told that it prints."""
    file, now = file_of(client), essence(said)
    if write:
        FOLDER.mkdir(exist_ok=True)
        file.write_text(now)
        return
    known = file.read_text() if file.exists() else ""
    if known != now:
        raise Failure(f"{file} has\n{known}and now it prints\n{now}if that is as it should be: run.py --write-said")
