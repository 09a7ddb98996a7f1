"""Score the rules that read reports over the hand-written ones, held-out ones apart; no model is asked.

    python -m tests.bench.report_rules
    python -m tests.bench.report_rules --part held-out --out figures.json

The scores are those of `tests.bench.text_tasks`, so that a model's figures stand beside them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from service.domain.prose import VERSION
from service.domain.prose.change import changes
from service.domain.prose.devices import device_states
from service.domain.prose.impression import impression
from service.domain.prose.labels import labels
from service.domain.prose.reading import read
from service.domain.prose.sections import part_at, sections
from tests.bench.report_rules.held_out import PARTS, part_of
from tests.bench.text_tasks.figures import Answers, Figures, figures
from tests.bench.text_tasks.report_set import SECTIONS, Report, read_set


def answers(reports: Sequence[Report]) -> dict[str, Answers]:
    """What the rules answer to each task, in the form that a model answers in."""
    return {
        "labels": {each.id: _labels(each) for each in reports},
        "sections": {each.id: _sections(each) for each in reports},
        "devices": {each.id: _devices(each) for each in reports},
        "impression": {each.id: _impression(each) for each in reports if each.facts},
        "change": {each.id: _change(each) for each in reports if each.prior},
    }


def score(part: str) -> Figures:
    """The figures of "development", "held-out" or "all" reports."""
    reports = [each for each in read_set() if part in ("all", part_of(each))]
    return figures(reports, answers(reports))


def _labels(report: Report) -> str:
    return json.dumps({label.name: label.state for label in labels(read(report.text))})


def _sections(report: Report) -> str:
    found, placed, at = sections(report.text), {name: [] for name in SECTIONS}, 0  # type: dict[str, list[int]]
    for number, line in enumerate(report.lines, start=1):
        part = part_at(found, at + max(0, len(line.rstrip()) - 1))
        if part in placed:
            placed[part].append(number)
        at += len(line) + 1
    return json.dumps(placed)


def _devices(report: Report) -> str:
    return json.dumps(
        {"devices": [{"device": name, "state": state} for name, state in device_states(read(report.text))]}
    )


def _impression(report: Report) -> str:
    return "\n".join(point.text for point in impression(read(report.without_impression)))


def _change(report: Report) -> str:
    return json.dumps({each.name: each.change for each in changes(read(report.text), read(report.prior))})


def main() -> None:
    parser = argparse.ArgumentParser(description="Score the rules that read reports.")
    parser.add_argument("--part", choices=PARTS, action="append", help="which reports; all of them by default")
    parser.add_argument("--out", type=Path, help="keep the figures as JSON")
    asked = parser.parse_args()
    made = {part: score(part) for part in asked.part or PARTS}
    for part, found in made.items():
        print(f"rules {VERSION}, {part}:")
        for name, value in found.items():
            print(f"  {name:28} {value if value is None or value >= 2 else round(value, 3)}")
    if asked.out:
        asked.out.write_text(json.dumps(made, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
