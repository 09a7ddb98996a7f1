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


CLEAN_PARTS = ("development 2", "held-out 2")


def clean_part_of(report: Report) -> str:
    """Of `reports/clean`: the reports of `fresh.toml` were written last, and read by no rule until the end."""
    return CLEAN_PARTS[report.id.startswith("clean-fresh")]
