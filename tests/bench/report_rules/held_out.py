"""Which of the hand-written reports were held out while the rules were written: chosen before any rule saw them."""

from __future__ import annotations

from tests.bench.text_tasks.report_set import Report

PARTS = ("development", "held-out", "all")
_HELD_OUT = ("hedged", "negation", "normal", "ct", "other")
_GERMAN_SEEN = 6
"""German reports up to this number were seen."""


def part_of(report: Report) -> str:
    """ "development" or "held-out"."""
    group, _, number = report.id.rpartition("-")
    held = group in _HELD_OUT or (group == "de" and int(number) > _GERMAN_SEEN)
    return "held-out" if held else "development"


CLEAN_PARTS = ("development 2", "development 3", "development 4", "held-out 3")
_PARTS_OF_FILES = {"fresh": "development 3", "varied": "development 4", "unseen": "held-out 3"}
"""`fresh` was held out for version 2 of the rules, and was looked at for version 3."""


def clean_part_of(report: Report) -> str:
    """Of `reports/clean`: held out are the reports of `unseen.toml`, which no rule is ever changed for."""
    return _PARTS_OF_FILES.get(report.id.split("-")[1], "development 2")
