"""Question: what the model that read a study answers about its images, and what that rests on. Preliminary."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable
from typing import cast

from fastapi import HTTPException, Request
from pydantic import BaseModel, Field
from pydicom.uid import UID

from service.domain.audit import AuditKind
from service.domain.errors import Gone, PrereadError, Unavailable
from service.domain.report import Finding
from service.domain.said import say, say_sentence
from service.domain.study import Study
from service.flow.ask import Seen, ask, own_words, question_of
from service.flow.complete import reading_of
from service.flow.prose import own_question
from service.ports.halt import Halt, Halted
from service.web.door import visitor_of
from service.web.pages.places import places
from service.web.pages.study import record_of
from service.web.services import services_of
from service.web.suggestions import Suggestions
from service.web.trail import audit

_LEFT_S = 0.5
"""How often it is looked whether whoever asked is still there."""


class QuestionShape(BaseModel):
    """A question about the images of a study."""

    question: str = Field(description="At most 300 characters; it is data and no instruction")
    job: str = Field("", max_length=256, description="The draft's job; the newest if left out")
    image: str = Field("", max_length=64, description="SOP Instance UID to look at; the images read if left out")


class PlaceShape(BaseModel):
    """A place on an image."""

    series: str
    instance: str
    frame: int
    box: list[float] | None = Field(description="Left, top, right, bottom in pixels; null for the whole image")
    label: str
    present: bool


class FindingShape(BaseModel):
    """A finding of the unprompted AI reading that is about what was asked."""

    finding: str
    present: bool
    measurements: list[str]
    places: list[PlaceShape]


class SeenShape(BaseModel):
    """What a model answered. Preliminary: no radiologist has read it."""

    answer: str
    preliminary: bool = True
    unsupported: list[str] = Field(description="Why its own unprompted reading does not carry it; empty if it does")
    model: str
    version: str
    digest: str
    demo: bool
    series: str
    image: str = Field(description="SOP Instance UID of what it looked at")
    frame: int
    findings: list[FindingShape]


async def study_question(request: Request, study_uid: str, asked: QuestionShape) -> SeenShape:
    """What the model that read a study answers to a question about its images, marked where its own unprompted reading
    does not carry it. 409 says why it was not asked. Asking again, or leaving, ends the former question."""
    writing, who = cast(Suggestions, request.app.state.questions), _who(request)
    halt = writing.begin(who)
    try:
        at_work = asyncio.create_task(asyncio.to_thread(_look, request, study_uid, asked, halt))
        while not (await asyncio.wait({at_work}, timeout=_LEFT_S))[0]:
            if await request.is_disconnected():
                halt()
        return await at_work
    except Halted:
        raise HTTPException(409, say("The question was taken back: a newer one took its place.")) from None
    finally:
        writing.end(who, halt)


def _look(request: Request, study_uid: str, asked: QuestionShape, halt: Halt) -> SeenShape:
    """Ask the model; blocking. Raises 404, 409, 422 in words."""
    services, record = services_of(request), record_of(request, study_uid)
    _audited(request, study_uid, "question about images asked")
    study = services.ledger.study(UID(study_uid))
    try:
        if study is None:
            raise HTTPException(404, say("No study with this UID has arrived here."))
        question = own_question(asked.question, own_words(record.row.identity, study))
        reading = reading_of(record, asked.job)
        what, prompt = question_of(question, reading, study, services.prompts, image=asked.image)
        seen = ask(prompt, what, reading, services.models, halt=halt)
    except ValueError as error:
        raise HTTPException(422, say_sentence(str(error))) from error
    except Gone as error:
        raise HTTPException(409, say("The model was not asked: {why}.", why=str(error))) from error
    except Unavailable:
        raise
    except PrereadError as error:
        raise HTTPException(409, say("The model was not asked: {why}.", why=str(error))) from error
    _audited(request, study_uid, f"question about images answered by {seen.algorithm.name}")
    return _seen(seen, study)


def _seen(seen: Seen, study: Study) -> SeenShape:
    known = {str(each.instance.sop_instance_uid): str(each.instance.series_instance_uid) for each in study.instances}
    who = seen.algorithm
    return SeenShape(
        answer=seen.text,
        unsupported=list(seen.unsupported),
        model=who.name,
        version=who.version,
        digest=who.digest,
        demo=who.demo,
        series=known.get(str(seen.image), ""),
        image=str(seen.image),
        frame=seen.frame,
        findings=told_findings(seen.findings),
    )


def told_findings(found: Iterable[Finding]) -> list[FindingShape]:
    """Findings with the places that the page marks."""
    return [
        FindingShape(
            finding=" ".join(code.meaning for code in (each.laterality, each.concept) if code),
            present=each.present,
            measurements=[measured.text for measured in each.measurements],
            places=[PlaceShape(**place) for place in places(each)],
        )
        for each in found
    ]


def _who(request: Request) -> Hashable:
    visitor = visitor_of(request)
    return visitor.account.name, visitor.csrf


def _audited(request: Request, study_uid: str, detail: str) -> None:
    who = visitor_of(request).account.name
    audit(request, AuditKind.APPLICATION_ACTIVITY, "E", who=who, study_instance_uid=study_uid, detail=detail)
