"""The hand-written questions of `tests/bench/questions`, each with its right answer and the words that give it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.text_tasks.report_set import read_set

PARTS = ("development", "held_out", "other_reports")
_FOLDER = Path(__file__).parent.parent / "questions"


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One question on one report."""

    part: str
    language: str
    text: str
    prior: str
    question: str
    answer: str
    """A verdict, side, size, change, or "refused"."""
    cites: tuple[str, ...]
    """Words of the report; each must be touched by what is cited."""

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Where the words to cite stand. Raises ValueError for words that the report does not have."""
        return tuple((at := self.text.index(words), at + len(words)) for words in self.cites)


def cases(*parts: str) -> tuple[Case, ...]:
    """Every question of `parts`, all of them if none is named."""
    return tuple(case for part in parts or PARTS for case in _read(part))


def _read(part: str) -> Iterator[Case]:
    table = tomllib.loads((_FOLDER / f"{part}.toml").read_text(encoding="utf-8"))
    reports = {each.id: each for each in read_set()}
    for entry in table["report"]:
        known = reports.get(entry.get("of", ""))
        text, prior = (known.text, known.prior or "") if known else (entry["text"], entry.get("prior", ""))
        language = known.language if known else entry["language"]
        for each in entry["asked"]:
            yield Case(
                part=part,
                language=language,
                text=text,
                prior=prior,
                question=each["question"],
                answer=each["answer"],
                cites=tuple(each["cites"]),
            )
