"""Every pattern that looks at the text of a report needs time in proportion to it, whatever somebody sent."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

import service.domain
import service.flow
from service.domain.prose.change import _SIZE
from service.domain.prose.devices import _NONE_AFTER
from service.domain.prose.impression import _line
from service.domain.prose.side import Side, sides

LONG = 8_000
HOSTILE = {
    "blanks": " " * LONG, "lines": " \n" * (LONG // 2), "headers": "FINDINGS:\n" * (LONG // 10), "word": "a" * LONG,
    "digits": "1" * LONG, "numbers": "1 x " * (LONG // 4), "denials": "no " * (LONG // 3),
}  # fmt: skip
PLAIN = re.compile(r"(?<!\w)(?:pneumothora(?:x|ces)|zebra\w*)\b", re.IGNORECASE)
MOST = 400
"""Times what the plain pattern needs. A quadratic one needs several thousand times that."""
ANCHORED = {
    "service.domain.prose.sections._HEAD", "service.domain.prose.sections._OPENING",
    "service.domain.prose.sections._COMPARES", "service.domain.prose.scope._COMPOUND",
    "service.domain.prose.sections._CONCLUDES", "service.domain.uids._UID",
}  # fmt: skip
"""Patterns that are tried where a line begins, and nowhere else."""
MEGABYTE = 1_000_000


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Every compiled pattern of domain and flow, alone or in a table."""
    for package in (service.domain, service.flow):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, value in vars(importlib.import_module(module.name)).items():
                yield from _within(f"{module.name}.{name}", value)


def _within(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, re.Pattern[str]]]:
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        yield name, value
    elif depth < 3 and isinstance(value, dict):
        for each in value.values():
            yield from _within(name, each, depth + 1)
    elif depth < 3 and isinstance(value, list | tuple):
        for each in value:
            yield from _within(name, each, depth + 1)


def seconds(pattern: re.Pattern[str], text: str, *, anchored: bool = False) -> float:
    """Of this process's own time: other processes on the machine do not count."""
    began = time.process_time()
    for _ in [pattern.match(text)] if anchored else pattern.finditer(text):
        pass
    return time.process_time() - began


def test_no_pattern_is_slower_than_its_text_is_long() -> None:
    least = max(max(seconds(PLAIN, text) for text in HOSTILE.values()), 0.0005)
    found = {(pattern.pattern, pattern.flags): (name, pattern) for name, pattern in patterns()}
    assert len(found) > 100
    slow = [
        f"{name} on {kind}"
        for name, pattern in found.values() for kind, text in HOSTILE.items()
        if seconds(pattern, text, anchored=name in ANCHORED) > MOST * least
    ]  # fmt: skip
    assert slow == []


@pytest.mark.parametrize("blank", [" ", " \n"])
def test_a_megabyte_of_blanks_is_read_at_once(blank: str) -> None:
    text = blank * (MEGABYTE // len(blank))
    began = time.process_time()
    assert _line(f"small{text}effusion") in {"Small effusion.", f"Small{text}effusion."}
    assert _NONE_AFTER.match(f"tube{text}", 4) is None
    assert sides(f"left{text}") == sides("left")
    assert list(_SIZE.finditer("1" * MEGABYTE)) == []
    assert time.process_time() - began < 5


def test_what_is_shifted_towards_a_side_does_not_lie_on_it() -> None:
    assert sides("shifted to the left") == []
    assert [side for side, _ in sides("nodule in the left lung")] == [Side.LEFT]
    assert sides("left  -  atrium") == []


def test_lines_of_a_clause_become_one() -> None:
    assert _line("small \r\n  effusion,\n\n and nodule ") == "Small effusion, and nodule."
