"""Asking: tasks on a study's report; each answer with who gave it and what it rests on.

Nothing is changed. What a radiologist takes into the report is told apart, for the edit log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException, Request
from pydantic import Field

from service.domain.audit import AuditKind
from service.domain.edit import Suggestion
from service.domain.question import MOST_CHARACTERS
from service.domain.question.asked import Kind
from service.domain.question.asked import asked as read_question
from service.domain.report import Section
from service.domain.said import say
from service.flow.ask import findings_about, own_words
from service.flow.complete import Reading, keep
from service.flow.earlier_report import earlier_day, earlier_report
from service.flow.prose import TASKS, Beside
from service.ports.catalogue import Catalogue, StudyRecord
from service.web.api.prose import MOST_READ, TextShape, bounded, told
from service.web.api.question import told_findings
from service.web.api.shapes import DoneShape
from service.web.door import visitor_of
from service.web.pages.first_read import after_first_read
from service.web.pages.review import case_shown
from service.web.pages.signed import reviewed
from service.web.pages.study import record_of, viewed
from service.web.services import services_of
from service.web.trail import audit
from service.web.words import day

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
            each.model_dump() for each in told_findings(findings_about(read_question(asked.question), shown.report))
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


def _reading(request: Request, record: StudyRecord, job: str) -> Reading:
    """What a line is taken into: a draft that people work on, also one that no model drafted. Raises 404 and 409."""
    shown = case_shown(request, record, job)
    if not reviewed(request, record, shown.job)["tag"]:
        return Reading(shown.job.job, shown.report, shown.job.reading)
    why = say("it is signed, rejected or withdrawn")
    raise HTTPException(409, say("Nothing can be taken into this report: {why}.", why=why))


def _audited(request: Request, study_uid: str, detail: str) -> None:
    who = visitor_of(request).account.name
    audit(request, AuditKind.APPLICATION_ACTIVITY, "E", who=who, study_instance_uid=study_uid, detail=detail)
