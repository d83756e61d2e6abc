"""The table of docs/clients.md: which client holds on which route, as the run has seen it."""

import re

import later
import routes
from lab import ROOT, Failure

PAGE = ROOT / "docs/clients.md"
BEGIN, END = "<!-- written by tests/interop/run.py --write-matrix -->\n", "<!-- to here -->\n"


class Matrix:
    def __init__(self):
        # By family and route: whether all cases held, and what a pull does while Lazaret is down.
        self.held: dict[tuple[str, str], bool] = {}
        self.down: dict[tuple[str, str], str] = {}

    def note(self, client, held: bool):
        at = (client.family, client.route)
        self.held[at] = self.held.get(at, True) and held

    def table(self) -> str:
        head = ["client", *routes.ROUTES]
        rows = [head, ["---"] * len(head)]
        for family in later.ALL:
            rows.append([later.label(family), *(self.cell(family, route) for route in routes.ROUTES)])
        return "".join(f"| {' | '.join(row)} |\n" for row in rows)

    def cell(self, family: str, route: str) -> str:
        at = (family, route)
        if at not in self.held:
            return "–"
        return f"holds, {self.down.get(at, '?')}" if self.held[at] else "**does not hold**"

    def parts(self) -> tuple[str, str, str]:
        text = PAGE.read_text()
        if BEGIN not in text or END not in text:
            raise Failure(f"{PAGE}: the marks of the table are gone")
        before, rest = text.split(BEGIN)
        table, after = rest.split(END)
        return before, table, after

    def write(self):
        before, _, after = self.parts()
        PAGE.write_text(before + BEGIN + self.table() + END + after)

    def check(self):
        _, table, _ = self.parts()
        if unversioned(table) != unversioned(self.table()):
            raise Failure(f"docs/clients.md says\n{table}and this run has seen\n{self.table()}"
                          "if that is as it should be: tests/interop/run.py --write-matrix")


def unversioned(table: str) -> list[str]:
    """The rows, without the versions of clients from a suite that moves: a newer one that holds is no news."""
    known = "|".join(re.escape(family).replace(r"\{\}", r"[\d.]+") for family in later.PACKAGES)
    fixed = {family for family in later.ALL if family not in later.PACKAGES}
    rows = []
    for row in table.splitlines():
        name = row.removeprefix("| ").split(" |")[0]
        if name not in fixed and re.fullmatch(known, name):
            row = row.replace(name, re.sub(r"[\d.]+$", "*", name), 1)
        rows.append(row)
    return rows
