"""What every judge said of every object, as a table on a screen and as a document (deploy/docs/validation.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table

from tests.support.judging import Verdict

JUDGES = ("gate", "dciodvfy", "text", "dsrdump", "dsr2html", "PixelMed", "Orthanc DIMSE", "Orthanc DICOMweb")


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of object from one source."""

    role: str
    source: str
    verdicts: tuple[Verdict, ...] = ()
    why_not: str = ""
    """Why it was not written."""

    def cell(self, judge: str) -> str:
        return next((str(verdict) for verdict in self.verdicts if verdict.judge == judge), "–")

    @property
    def wrong(self) -> Iterator[str]:
        """Errors that nothing explains, a line each."""
        for verdict in self.verdicts:
            yield from (f"{self.role}, {self.source}, {verdict.judge}: {error}" for error in verdict.errors)


def as_table(rows: Sequence[Row]) -> Table:
    table = Table("object", "source", *JUDGES)
    for row in rows:
        table.add_row(row.role, row.source, *([row.why_not] if row.why_not else map(row.cell, JUDGES)))
    return table


def as_markdown(rows: Sequence[Row]) -> str:
    """A section for each kind of object, a total above and the explanations below."""
    heard = [verdict for row in rows for verdict in row.verdicts if not verdict.absent]
    objects = sum(not row.why_not for row in rows)
    errors = sum(len(verdict.errors) for verdict in heard)
    sections = [line for role in dict.fromkeys(row.role for row in rows) for line in _section(role, rows)]
    total = f"{objects} objects, {len(heard)} verdicts, **{errors} errors**."
    return _HEAD + "\n".join([total, "", *sections, *_explained(rows)]).rstrip() + "\n"


_HEAD = """# Every object before every judge

Written by `PREREAD_TEST_DATA=FOLDER ./run.sh validate --markdown deploy/docs/validation.md`. A cell counts the errors
that a judge found; (n explained) are complaints about the source or the judge, with their reasons at the end.
The [conformance statement](conformance.md), 7.7, says what each judge is. A dash: this judge does not know this kind of
object, or was not heard (PixelMed takes half a minute for each document: it is heard with `--slow`, and not about
character sets).

Each object holds the same reading (a nodule with a box, an effusion with a mask, no pneumothorax) and what our measures
say of the image. The first two sources are synthetic; the others are published test files, not patients.

"""


def _section(role: str, rows: Sequence[Row]) -> Iterator[str]:
    mine = [row for row in rows if row.role == role]
    judges = [judge for judge in JUDGES if any(row.cell(judge) != "–" for row in mine)]
    yield from (f"## {role}", "", f"| source | {' | '.join(judges)} |", "|---" * (len(judges) + 1) + "|")
    for row in mine:
        if not row.why_not:
            yield f"| {row.source} | {' | '.join(map(row.cell, judges))} |"
    yield ""
    if unwritten := [f"- Not written from {row.source}: {row.why_not}." for row in mine if row.why_not]:
        yield from (*unwritten, "")


def _explained(rows: Sequence[Row]) -> Iterator[str]:
    """Each reason with its judge and its sources."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for verdict in row.verdicts:
            for reason in verdict.explained:
                found.setdefault((verdict.judge, reason), []).append(row.source)
    if found:
        yield from ("## Explained complaints", "", "| judge | reason | sources |", "|---|---|---|")
    for (judge, reason), sources in found.items():
        yield f"| {judge} | {reason} | {'; '.join(dict.fromkeys(sources))} |"
