"""Numbers and spans of time as sentences say them."""

from __future__ import annotations

from datetime import timedelta

from service.domain.said import say


def count(number: int, noun: str, plural: str = "") -> str:
    """ "1 image", "2 images"."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def span(time: timedelta) -> str:
    """A duration in at most two units: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"."""
    seconds = max(0.0, time.total_seconds())
    if seconds < 10:
        return say("{number} s", number=round(seconds, 1))
    whole = round(seconds)
    for size, big, part, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {big} {rest} {small}" if rest else f"{whole // size} {big}"
    return f"{whole} s"


def bare(text: str) -> str:
    """A reason without its full stop, so that it fits into a sentence."""
    return text.strip().rstrip(".")
