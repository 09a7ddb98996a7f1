"""Tasks on a report's text, each as plain data with who answered: rules, and their version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from service.domain.differential import Candidate, Table, Weighed, candidates
from service.domain.prose import VERSION
from service.domain.prose.change import changes
from service.domain.prose.devices import devices
from service.domain.prose.impression import impression
from service.domain.prose.labels import labels
from service.domain.prose.reading import Reading, read
from service.domain.prose.span import Span
from service.domain.question import MOST_CHARACTERS
from service.domain.question import VERSION as QUESTION_VERSION
from service.domain.question.answer import answer as replies_to
from service.domain.question.elsewhere import elsewhere

Answer = dict[str, Any]
NOTHING = "Nothing to offer: no finding of this report carries a diagnosis of the list."


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """What a task may need beside the text."""

    prior: str = ""
    """The earlier report of the same patient, for "change" and for questions of change."""
    question: str = ""
    table: Table | None = None
    """For "differential"."""
    own: frozenset[str] = frozenset()
    """Names and numbers of this patient and study, which a question may say."""


def answered(task: str, text: str, beside: Beside = Beside()) -> Answer:  # frozen
    """The answer of one of TASKS.

    Raises KeyError for an unknown task, ValueError with what to do where something that it needs is missing, or where a
    question is of somebody else.
    """
    found = _TASKS[task](read(text), beside)
    version = QUESTION_VERSION if task == "question" else VERSION
    return {"task": task, "by": "rules", "version": version, **found}


def plain_question(question: str) -> str:
    """On one line. Raises ValueError for none, and for one that is too long to be one."""
    plain = " ".join(question.split())
    if not plain:
        raise ValueError("there is no question: send one as `question`")
    if len(plain) > MOST_CHARACTERS:
        raise ValueError(
            f"a question has at most {MOST_CHARACTERS} characters, this one has more: ask one thing at a time"
        )
    return plain


def own_question(question: str, own: frozenset[str] = frozenset()) -> str:
    """`plain_question`. Raises ValueError, too, for one that names another patient, study or number."""
    plain = plain_question(question)
    if elsewhere(plain, own):
        raise ValueError(
            "this answers about the report at hand alone, and the question names another patient, study or number: "
            "open that study, and ask there"
        )
    return plain


def _sections(reading: Reading, beside: Beside) -> Answer:
    return {
        "sections": [{"part": each.part.value, "header": each.header, **_span(each.body)} for each in reading.sections]
    }


def _labels(reading: Reading, beside: Beside) -> Answer:
    found = [
        {"label": each.name, "state": each.state.value, "spans": [_span(span) for span in each.spans]}
        for each in labels(reading)
    ]
    return {"labels": found}


def _devices(reading: Reading, beside: Beside) -> Answer:
    return {
        "devices": [{"device": each.name, "state": each.state.value, **_span(each.span)} for each in devices(reading)]
    }


def _impression(reading: Reading, beside: Beside) -> Answer:
    return {"impression": [{"line": each.text, "rank": each.rank, **_span(each.span)} for each in impression(reading)]}


def _change(reading: Reading, beside: Beside) -> Answer:
    if not beside.prior.strip():
        raise ValueError("a change can be told only beside a prior report of the same patient: send it as `prior`")
    found = [
        {
            "finding": each.name,
            "change": each.change.value,
            "now": [_span(span) for span in each.now],
            "before": [_span(span) for span in each.before],
        }
        for each in changes(reading, read(beside.prior))
    ]
    return {"change": found}


def _question(reading: Reading, beside: Beside) -> Answer:
    question = own_question(beside.question, beside.own)
    before = read(beside.prior) if beside.prior.strip() else None
    found = [
        {
            "about": each.about,
            "answer": str(each.answer),
            "spans": [_span(span) for span in each.spans],
            "also": [_span(span) for span in each.also],
            "note": each.note,
        }
        for each in replies_to(question, reading, before)
    ]
    return {"question": found}


def _differential(reading: Reading, beside: Beside) -> Answer:
    assert beside.table is not None, "whoever asks for a differential brings the table"
    table = beside.table
    found = candidates(reading, table)
    return {
        "table": {"name": table.name, "version": table.version, "statement": table.statement},
        "note": "" if found else NOTHING,
        "differential": [_candidate(rank, each) for rank, each in enumerate(found, start=1)],
    }


def _candidate(rank: int, candidate: Candidate) -> Answer:
    return {
        "rank": rank,
        "diagnosis": candidate.name,
        "points": candidate.points,
        "for": [_weighed(each) for each in candidate.supports],
        "against": [_weighed(each) for each in candidate.opposes],
    }


def _weighed(weighed: Weighed) -> Answer:
    sign = weighed.sign
    words = [f"no {sign.finding}" if sign.absent else sign.finding, "on both sides" if sign.both else "", sign.site]
    return {"finding": ", ".join(filter(None, words)), "points": weighed.points, **_span(weighed.span)}


def _span(span: Span) -> Answer:
    return {"start": span.start, "end": span.end, "text": span.text}


_TASKS: Mapping[str, Callable[[Reading, Beside], Answer]] = {
    "sections": _sections, "labels": _labels, "devices": _devices, "impression": _impression, "change": _change,
    "question": _question, "differential": _differential,
}  # fmt: skip
TASKS = tuple(_TASKS)
"""What may be asked of a report's text."""
