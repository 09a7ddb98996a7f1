"""Answers on report texts: the second opinion of a study or of any text, and the tasks on reports. Nothing is kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import HTTPException, Request
from pydantic import BaseModel, Field

from service.domain.prose.side import Side
from service.domain.quality import VERSION
from service.domain.quality.case import Case
from service.domain.quality.dismissal import key_of
from service.domain.said import say, say_sentence
from service.flow.prose import TASKS, Beside, answered
from service.flow.quality import case_of
from service.flow.second_reader import opinion
from service.ports.models import Models
from service.web.errors import for_page
from service.web.languages.kept import kept
from service.web.pages.first_read import after_first_read
from service.web.pages.review import case_shown
from service.web.pages.study import viewed
from service.web.services import services_of

MOST_READ = 20_000
"""Characters of a report; the longest of a thousand is shorter by far."""


class TextShape(BaseModel):
    text: str = Field("", max_length=MOST_READ, description="The report; empty for the study's draft as it stands")


class FreeTextShape(TextShape):
    """A report of no study here, and what is known beside it."""

    sex: str = Field("", max_length=1, description="M, F or O, as in the header")
    modality: str = Field("", max_length=16)
    body_part: str = Field("", max_length=64)
    laterality: Side = Field(Side.UNSAID, description="Side of the examination: left, right or empty")
    question: str = Field("", max_length=1_000, description="What the order asks, in its words")
    order: str = Field("", max_length=200, description="What was ordered, such as 'CT head'")
    prior: bool | None = Field(None, description="Whether an earlier study is known; empty where nobody looked")


class TaskShape(TextShape):
    prior: str = Field("", max_length=MOST_READ, description="The earlier report of the same patient, for change")
    question: str = Field("", description="For the task question: at most 300 characters, about this report alone")


class IssueShape(BaseModel):
    kind: str
    severity: str
    start: int = Field(description="First character of the words, counted in Unicode code points")
    end: int
    message: str
    rule: str
    likely: bool = Field(description="An alarm; false for a hint, which may well be none")
    by: str = Field(description="rules, or a model's name, version and digest")
    said: str = Field("", description="For the page alone: the message in its language")
    dismissed: bool = Field(False, description="Whether a radiologist has called it no error")


class QualityShape(BaseModel):
    by: str
    version: str
    stages: str = Field(description="Whether a model looked after the rules, which, or why none did")
    text: str = Field(description="What the places count in")
    issues: list[IssueShape]
    dismissals: dict[str, int] = Field(
        default_factory=dict, description="By kind, how many were dismissed of all reports"
    )


def study_quality(request: Request, study_uid: str, asked: TextShape, job: str = "") -> QualityShape:
    """A second opinion on a study's report: the text sent, else the draft as it stands; the look at it is audited."""
    record, services = viewed(request, study_uid, detail="quality"), services_of(request)
    shown = case_shown(request, record, job)
    after_first_read(request, shown.job)
    study = services.ledger.study(record.row.study_instance_uid)
    case = case_of(bounded(asked.text or shown.text), shown.report, study)
    dismissed = services.dismissals.keys(shown.job.reading)
    told = _questioned(case, services.models, dismissed)
    issues = [each.model_copy(update=for_page(request, kept(each.message))) for each in told.issues]
    return told.model_copy(update={"issues": issues, "dismissals": dict(services.dismissals.counts())})


def quality(request: Request, asked: FreeTextShape) -> QualityShape:
    """A second opinion on any text, by what is sent beside it."""
    beside = asked.model_dump(exclude={"text"})
    return _questioned(Case(text=asked.text, **beside), services_of(request).models)


def report_task(request: Request, task: str, asked: TaskShape) -> dict[str, Any]:
    """Sections, labels, devices, impression, change or differential of a text, or the answer to a question about it,
    with the spans that say so, and who answered."""
    table = services_of(request).differentials.table() if task == "differential" else None
    return told(task, asked.text, Beside(prior=asked.prior, question=asked.question, table=table))


def told(task: str, text: str, beside: Beside) -> dict[str, Any]:
    """`answered`. Raises 404 for an unknown task, 422 for what it cannot answer, in words."""
    try:
        return answered(task, text, beside)
    except KeyError:
        raise HTTPException(404, f"There is no such task: {', '.join(TASKS)}.") from None
    except ValueError as error:
        raise HTTPException(422, say_sentence(str(error))) from error


def bounded(text: str) -> str:
    """Raises 422 for more than any report, which rules would take minutes to read."""
    if len(text) > MOST_READ:
        raise HTTPException(
            422, say("This text is longer than {number} characters: send one report at a time.", number=MOST_READ)
        )
    return text


def _questioned(case: Case, models: Models, dismissed: frozenset[str] = frozenset()) -> QualityShape:
    told = opinion(case, models)
    issues = [
        IssueShape(
            **asdict(issue), dismissed=key_of(issue.rule, case.text[issue.start : issue.end].strip()) in dismissed
        )
        for issue in told.issues
    ]
    return QualityShape(by="rules", version=VERSION, stages=told.stages, text=case.text, issues=issues)


ROUTES = (
    ("POST", "/api/studies/{study_uid}/quality", study_quality),
    ("POST", "/api/quality", quality),
    ("POST", "/api/reports/{task}", report_task),
)
"""Method, path, endpoint; for every account that may view."""
