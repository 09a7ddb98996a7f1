"""Tasks on a report's text, each as plain data with who answered: rules, and their version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from service.domain.prose import VERSION
from service.domain.prose.change import changes
from service.domain.prose.devices import devices
from service.domain.prose.impression import impression
from service.domain.prose.labels import labels
from service.domain.prose.reading import Reading, read
from service.domain.prose.span import Span

Answer = dict[str, Any]


def answered(task: str, text: str, *, prior: str = "") -> Answer:
    """The answer of one of TASKS. `prior` is the earlier report of the same patient, for "change" alone.

    Raises KeyError for an unknown task, ValueError for "change" without a prior: nothing is compared with nothing.
    """
    reading = read(text)
    if task == "change":
        if not prior.strip():
            raise ValueError("a change can be told only beside a prior report of the same patient: send it as `prior`")
        found = _change(reading, read(prior))
    else:
        found = _TASKS[task](reading)
    return {"task": task, "by": "rules", "version": VERSION, task: found}


def _sections(reading: Reading) -> list[Answer]:
    return [{"part": each.part.value, "header": each.header, **_span(each.body)} for each in reading.sections]


def _labels(reading: Reading) -> list[Answer]:
    return [
        {"label": each.name, "state": each.state.value, "spans": [_span(span) for span in each.spans]}
        for each in labels(reading)
    ]


def _devices(reading: Reading) -> list[Answer]:
    return [{"device": each.name, "state": each.state.value, **_span(each.span)} for each in devices(reading)]


def _impression(reading: Reading) -> list[Answer]:
    return [{"line": each.text, "rank": each.rank, **_span(each.span)} for each in impression(reading)]


def _change(now: Reading, before: Reading) -> list[Answer]:
    return [
        {
            "finding": each.name,
            "change": each.change.value,
            "now": [_span(span) for span in each.now],
            "before": [_span(span) for span in each.before],
        }
        for each in changes(now, before)
    ]


def _span(span: Span) -> Answer:
    return {"start": span.start, "end": span.end, "text": span.text}


_TASKS: Mapping[str, Callable[[Reading], list[Answer]]] = {
    "sections": _sections, "labels": _labels, "devices": _devices, "impression": _impression,
}  # fmt: skip
TASKS = (*_TASKS, "change")
"""What may be asked of a report's text."""
