"""What takes no model: the label nobody states, and keywords with a few words of denial."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.bench.text_tasks.mentions import Mention, mentions
from tests.bench.text_tasks.report_set import LABELS, NOT_MENTIONED
from tests.bench.text_tasks.words import LABEL_WORDS, NORMAL_HEART

_ASKED = re.compile(
    r"^\W*(?:\w+ )?(?:indication|history|hx|clinical|reason|request|question|technique|comparison|exam|fragestellung"
    r"|klini\w+|anamnese|technik|vergleich|voraufnahme|indikation)\b",
    re.IGNORECASE,
)
_PRECEDENCE = ("present", "uncertain", "absent")
_SIZED = frozenset({"Cardiomegaly", "Enlarged Cardiomediastinum"})


def nothing_mentioned() -> dict[str, str]:
    """Return the majority's answer."""
    return dict.fromkeys(LABELS, NOT_MENTIONED)


def keywords(text: str) -> dict[str, str]:
    """Return the labels of a report by keyword, denial and hedge."""
    told = "\n".join(line for line in text.split("\n") if not _ASKED.match(line))
    stated = [_sized(one) for one in mentions(told, LABEL_WORDS)]
    labels = nothing_mentioned()
    for label in LABELS:
        states = {one.state for one in stated if one.name == label}
        labels[label] = next((state for state in _PRECEDENCE if state in states), NOT_MENTIONED)
    found = (labels[label] in ("present", "uncertain") for label in LABELS if label != "Support Devices")
    return labels if any(found) else {**labels, "No Finding": "present"}


def _sized(one: Mention) -> Mention:
    """A heart that is named is enlarged unless its size is called normal."""
    calm = one.name in _SIZED and one.state == "present" and NORMAL_HEART.search(one.words)
    return replace(one, state="absent") if calm else one
