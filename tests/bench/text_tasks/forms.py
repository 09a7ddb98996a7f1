"""The text tasks: what the model is asked, the form the answer must have, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.bench.text_tasks.report_set import (
    CHANGES,
    COMPARED,
    DEVICE_STATES,
    DEVICES,
    LABELS,
    NOT_MENTIONED,
    SECTIONS,
    STATED,
    Report,
)

Json = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """One kind of question."""

    name: str
    instruction: str
    asked: Callable[[Report], bool]
    """Whether the question can be put to this report."""
    shown: Callable[[Report], str]
    """What follows the instruction."""
    schema: Callable[[Report], Json] | None = None
    """None for an answer in sentences."""

    def prompt(self, report: Report) -> str:
        return f"{self.instruction}\n{self.shown(report)}"


def _object(properties: Json, *, required: Iterable[str]) -> Json:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _labels(report: Report) -> Json:
    state = {"enum": [*STATED, NOT_MENTIONED]}
    return _object(dict.fromkeys(LABELS, state), required=LABELS)


def _sections(report: Report) -> Json:
    numbers = {"type": "array", "items": {"enum": list(range(1, len(report.lines) + 1))}}
    return _object(dict.fromkeys(SECTIONS, numbers), required=SECTIONS)


def _devices(report: Report) -> Json:
    entry = _object(
        {"device": {"enum": list(DEVICES)}, "state": {"enum": list(DEVICE_STATES)}}, required=("device", "state")
    )
    return _object({"devices": {"type": "array", "items": entry, "maxItems": 16}}, required=("devices",))


def _change(report: Report) -> Json:
    return _object({finding: {"enum": list(CHANGES)} for finding in COMPARED}, required=())


def _numbered(report: Report) -> str:
    return "\n".join(f"{number} {line}" for number, line in enumerate(report.lines, 1))


def _always(report: Report) -> bool:
    return True


TASKS = (
    Task("labels", "Label the report as JSON.", _always, lambda report: f"Report: {report.text}", _labels),
    Task("sections", "Split the report as JSON.", _always, lambda report: f"Report: {_numbered(report)}", _sections),
    Task("devices", "List the devices as JSON.", _always, lambda report: f"Report: {report.text}", _devices),
    Task(
        "impression",
        "Write the impression.",
        lambda report: bool(report.facts),
        lambda report: f"Report: {report.without_impression}",
    ),
    Task(
        "change",
        "Compare with the prior as JSON.",
        lambda report: bool(report.prior),
        lambda report: f"Report: {report.text}\nPrior: {report.prior}",
        _change,
    ),
)


def read_json(answer: str) -> Json | None:
    """Return the object that was answered, or None if it is none, a cut-off one for example."""
    try:
        value = json.loads(answer)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
