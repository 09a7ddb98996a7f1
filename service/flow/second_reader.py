"""Second reader: rules first; then a model that looks for more, and is asked again about each that it finds.

Only a model whose card says "report-check" is asked. Without one, or if it does not answer, rules stand alone, and
that is said.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from service.domain.algorithm import Card
from service.domain.errors import Misconfigured, PrereadError, Refused, Unclear
from service.domain.quality.case import Case
from service.domain.quality.inspect import inspect, ranked
from service.domain.quality.issue import Issue
from service.domain.quality.second_reader import (
    MOST_CHARACTERS,
    YES_OR_NO,
    Candidate,
    candidates,
    detect,
    issue_of,
    schema,
    verify,
)
from service.ports.finish import Finish
from service.ports.models import Answer, Guidance, Models, Question

TASK = "report-check"
NO_MODEL = "No model here checks reports: rules alone."
_LONGEST_S = 60.0
"""Of the whole of a model's part."""
_LIST_TOKENS = 900
_LEAST = 0.5
"""Probability of yes from which a verifier agrees."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinion:
    """All issues, and in a sentence which stages there were."""

    issues: tuple[Issue, ...]
    stages: str


@dataclass(frozen=True, slots=True)
class _Reader:
    served: str
    card: Card

    @property
    def name(self) -> str:
        who = self.card.algorithm
        return f"{who.name} {who.version} {who.digest}"


def opinion(case: Case, models: Models, *, now: Callable[[], float] = time.monotonic) -> Opinion:
    """Rules, then the model where there is one; never raises for a model's sake."""
    found = inspect(case)
    reader = _reader(models)
    if reader is None:
        return Opinion(issues=found, stages=NO_MODEL)
    if len(case.text) > MOST_CHARACTERS:
        return Opinion(issues=found, stages=f"The text is too long for {reader.name}: rules alone.")
    try:
        more = _read(case, models, reader, now)
    except PrereadError as error:
        return Opinion(issues=found, stages=f"{reader.name} gave no answer ({error}): rules alone.")
    told = {(issue.kind, issue.start, issue.end) for issue in found}
    new = [issue for issue in more if (issue.kind, issue.start, issue.end) not in told]
    return Opinion(issues=ranked((*found, *new)), stages=f"Rules, then {reader.name}, verified by itself.")


def _reader(models: Models) -> _Reader | None:
    """The first model that is served, and made for this."""
    for served in models.state().models:
        try:
            card = models.card(served.name)
        except (Misconfigured, KeyError):
            continue
        if served.ready and TASK in card.tasks:
            return _Reader(served.name, card)
    return None


def _read(case: Case, models: Models, reader: _Reader, now: Callable[[], float]) -> list[Issue]:
    end = now() + _LONGEST_S
    guidance = Guidance(kind="json_schema", value=json.dumps(schema()))
    listed = _ask(models, reader, detect(case), guidance, _LIST_TOKENS, end - now())
    found = []
    for each in candidates(case, listed.text):
        if now() >= end:
            break
        if _agrees(case, each, models, reader, end - now()):
            found.append(issue_of(each, reader.name))
    return found


def _agrees(case: Case, candidate: Candidate, models: Models, reader: _Reader, seconds: float) -> bool:
    """Whether the verifier says yes, and is more sure than not. Without probabilities it agrees to nothing."""
    guidance = Guidance(kind="regex", value=YES_OR_NO)
    answer = _ask(models, reader, verify(case, candidate), guidance, 4, seconds)
    return (
        answer.text.strip().lower() == "yes"
        and bool(answer.logprobs)
        and math.exp(math.fsum(answer.logprobs)) >= _LEAST
    )


def _ask(models: Models, reader: _Reader, words: str, guidance: Guidance, tokens: int, seconds: float) -> Answer:
    """Raises Unavailable, Refused, Unclear."""
    question = Question(
        model=reader.served, parts=(words,), guidance=guidance, max_tokens=tokens, timeout_s=max(seconds, 1.0)
    )
    answer = models.ask(question)
    if answer.digest != reader.card.algorithm.digest:
        raise Refused(f"the served {reader.served} is not the model of its card: load the one that was verified")
    if answer.finish is not Finish.STOP:
        raise Unclear(f"the model did not finish its answer ({answer.finish})")
    return answer
