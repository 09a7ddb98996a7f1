"""Asking: tasks on a study's report and questions about its images; each answer with who gave it and what it rests on.

Nothing is changed. What a radiologist takes into the report is told apart, for the edit log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, cast

from fastapi import HTTPException, Request
from pydantic import BaseModel, Field
from pydicom.uid import UID

from service.domain.audit import AuditKind
from service.domain.edit import Suggestion
from service.domain.errors import Gone, PrereadError, Unavailable
from service.domain.question import MOST_CHARACTERS
from service.domain.question.asked import Kind
from service.domain.question.asked import asked as read_question
from service.domain.report import Finding, Section
from service.domain.said import say, say_sentence
from service.domain.study import Study
from service.flow.ask import Seen, ask, findings_about, own_words, question_of
from service.flow.complete import Reading, keep, reading_of
from service.flow.earlier_report import earlier_day, earlier_report
from service.flow.prose import TASKS, Beside, own_question
from service.ports.catalogue import Catalogue, StudyRecord
from service.ports.halt import Halt, Halted
from service.web.api.prose import MOST_READ, TextShape, bounded, told
from service.web.api.shapes import DoneShape
from service.web.door import visitor_of
from service.web.pages.first_read import after_first_read
from service.web.pages.places import places
from service.web.pages.review import case_shown
from service.web.pages.signed import reviewed
from service.web.pages.study import record_of, viewed
from service.web.services import services_of
from service.web.suggestions import Suggestions
from service.web.trail import audit
from service.web.words import day

_LEFT_S = 0.5
"""How often it is looked whether whoever asked is still there."""
NO_PRIOR = say(
    "No earlier report of this patient is here to compare with: send it as `prior`, or compare by hand. That nothing "
    "is said of a change says nothing about one."
)
_NOTHING: Mapping[str, Any] = {}
OFFERED = {"impression": "line", "differential": "diagnosis"}
"""Tasks whose lines can be taken into a report, and where an answer has them."""


class StudyTaskShape(TextShape):
    """A task on a study's report."""

    job: str = Field("", max_length=256, description="The draft's job; the newest if left out")
    prior: str = Field(
        "", max_length=MOST_READ, description="An earlier report of the same patient; the newest one here if left out"
    )
    question: str = Field("", description="For the task question: at most 300 characters, about this study alone")


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


class TakenShape(StudyTaskShape):
    """A line of an answer that a radiologist takes into the report."""

    line: str = Field(min_length=1, max_length=2000)
    section: Section


def study_task(request: Request, study_uid: str, task: str, asked: StudyTaskShape) -> dict[str, Any]:
    """A task on a study's report, as it stands or as sent: `by` rules, with the places in `text` that the answer rests
    on; for a question the findings of the AI reading, too. The look at it is audited."""
    if task not in TASKS:
        raise HTTPException(404, f"There is no such task: {', '.join(TASKS)}.")
    record = viewed(request, study_uid, detail=f"task {task}")
    return _answered(request, record, task, asked)


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


def take(request: Request, study_uid: str, task: str, said: TakenShape) -> DoneShape:
    """Keep in the edit log that a line which rules offered was taken into the report. The line itself is saved with the
    report. 422 for a line that they do not offer for that text."""
    record, services = record_of(request, study_uid), services_of(request)
    if task not in OFFERED:
        raise HTTPException(422, f"Lines can be taken of {' and '.join(OFFERED)} alone.")
    found, reading = _answered(request, record, task, said), _reading(request, record, said.job)
    if said.line not in {each[OFFERED[task]] for each in found[task]}:
        raise HTTPException(422, say("The rules do not offer this line of {task} for this report.", task=task))
    source = f"rules {task} {found['version']}"
    if table := found.get("table"):
        source = f"{source}, {table['name']} {table['version']}"
    _audited(request, study_uid, f"a line of {task} for job {reading.job.job_id} is being taken")
    kept = keep(
        services.edits,
        Suggestion(
            section=said.section, start=len(found["text"]), text=said.line, taken=len(said.line), unsupported=()
        ),
        reading,
        model=source,
        reviewer=visitor_of(request).account.name,
        now=services.clock.now(),
    )
    _audited(request, study_uid, f"a line of {task} for job {reading.job.job_id} taken, edit log {kept}")
    return DoneShape(done="taken", job_id=reading.job.job_id)


def _answered(request: Request, record: StudyRecord, task: str, asked: StudyTaskShape) -> dict[str, Any]:
    services = services_of(request)
    shown = case_shown(request, record, asked.job)
    after_first_read(request, shown.job)
    study = services.ledger.study(record.row.study_instance_uid)
    text = bounded(asked.text or shown.text)
    prior, source = asked.prior, _NOTHING
    if not prior and (task == "change" or (task == "question" and _is_of_change(asked.question))):
        prior, source = _earlier(request, record)
    if task == "change" and not prior:
        raise HTTPException(422, _not_compared(services.catalogue, record))
    beside = Beside(
        prior=prior,
        question=asked.question,
        table=services.differentials.table() if task == "differential" else None,
        own=own_words(record.row.identity, study),
    )
    answer = told(task, text, beside) | {"text": text, **source}
    if task == "question":
        answer["findings"] = [
            each.model_dump() for each in _findings(findings_about(read_question(asked.question), shown.report))
        ]
    return answer


def _is_of_change(question: str) -> bool:
    return len(question) <= MOST_CHARACTERS and read_question(question).kind is Kind.CHANGE


def _earlier(request: Request, record: StudyRecord) -> tuple[str, Mapping[str, Any]]:
    """The newest earlier report here, and whose it is; the look at it is audited as one at that study."""
    services = services_of(request)
    found = earlier_report(record.row, services.catalogue, services.edits)
    if found is None:
        return "", _NOTHING
    uid, who = str(found.study_instance_uid), visitor_of(request).account.name
    audit(request, AuditKind.INSTANCES_ACCESSED, "R", who=who, study_instance_uid=uid, detail="a later one compared")
    signed = uid in services.signing.signed([uid])
    return found.text, {"prior": {"study": uid, "day": found.day, "text": found.text, "signed": signed}}


def _not_compared(catalogue: Catalogue, record: StudyRecord) -> str:
    """Why no change can be told: there is no earlier study, or it has no report that says anything."""
    if not (on := earlier_day(record.row, catalogue)):
        return NO_PRIOR
    return say(
        "The earlier study of {day} is not compared: its report is not signed, and its AI draft says nothing or was "
        "withdrawn. Compare by hand, or send a report of it as `prior`.",
        day=day(on),
    )


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


def _reading(request: Request, record: StudyRecord, job: str) -> Reading:
    """What a line is taken into: a draft that people work on, also one that no model drafted. Raises 404 and 409."""
    shown = case_shown(request, record, job)
    if not reviewed(request, record, shown.job)["tag"]:
        return Reading(shown.job.job, shown.report, shown.job.reading)
    why = say("it is signed, rejected or withdrawn")
    raise HTTPException(409, say("Nothing can be taken into this report: {why}.", why=why))


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
        findings=_findings(seen.findings),
    )


def _findings(found: Iterable[Finding]) -> list[FindingShape]:
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
