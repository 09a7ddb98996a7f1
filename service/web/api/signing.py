"""Signing over HTTP: for a radiologist who has signed in to a browser; no token opens these, whatever its roles."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from service.domain.audit import AuditKind
from service.domain.errors import Refused, Unreadable
from service.domain.lane import READ
from service.domain.report import Report, Section
from service.domain.review import Observer
from service.domain.said import say, say_sentence
from service.flow.record import read_report
from service.flow.review import Line, text_of
from service.flow.sign import Desk, add, reject, sign, write_again
from service.flow.wake import wake
from service.web.conflict import conflict
from service.web.door import visitor_of
from service.web.pages.study import newer_reading, record_of
from service.web.pages.work import RECALLS, SAFETY
from service.web.services import services_of
from service.web.trail import audit

MOST_TEXT = 60_000
"""Characters of a report, an addendum or a reason that are taken."""
_LONGEST_S = 86_400.0
_Answer = TypeVar("_Answer")


class SignatureShape(BaseModel):
    base: str = Field(description="SHA-256 of the text that the lines were made of", max_length=64)
    lines: list[tuple[Section, str] | tuple[Section, str, int]] = Field(
        description="The whole report: section, text, and the number of the line that it was, -1 for a new one",
        max_length=2000,
    )
    seconds: float = Field(default=0.0, ge=0, le=_LONGEST_S, allow_inf_nan=False)
    accepted: int = Field(default=0, ge=0, le=9999)
    forms: list[int] = Field(
        default=[],
        description="The filled forms that are signed with it, by their numbers; none by default",
        max_length=50,
    )


class AddendumShape(BaseModel):
    text: str = Field(max_length=MOST_TEXT)
    seen: int = Field(description="How many reviews of this report the writer has seen", ge=0)


class RejectionShape(BaseModel):
    base: str = Field(description="SHA-256 of the text that stood on the page", max_length=64)
    reason: str = Field(description="In words", max_length=MOST_TEXT)
    why: str = Field(default=SAFETY, description=f"One of {', '.join(RECALLS)}")


class ReviewShape(BaseModel):
    job_id: str
    number: int
    verdict: str
    by: str
    organization: str
    at: str
    text: str
    forms: list[int] = Field(description="The filled forms that were signed with it, by their numbers")


def reviews(request: Request, study_uid: str) -> list[ReviewShape]:
    """What named persons said of the study's reports; the view is audited."""
    who = visitor_of(request).account.name
    record_of(request, study_uid)
    audit(request, AuditKind.INSTANCES_ACCESSED, "R", who=who, study_instance_uid=study_uid, detail="reviews")
    return [
        ReviewShape(
            job_id=each.job_id,
            number=each.number,
            verdict=each.verdict,
            by=each.observer.name,
            organization=each.observer.organization,
            at=each.at.isoformat(),
            text=each.text,
            forms=list(each.forms),
        )
        for each in services_of(request).signing.reviews(study_uid)
    ]


def signature(request: Request, study_uid: str, job_id: str, sent: SignatureShape) -> Response:
    """Sign the report as it is sent; 409 with both versions if somebody else changed or signed it meanwhile."""
    lines = [Line(section=section, text=text, was=was[0] if was else None) for section, text, *was in sent.lines]
    yours = text_of(lines)
    if len(yours) > MOST_TEXT:
        raise HTTPException(413, say("A report has at most {number} characters.", number=MOST_TEXT))
    desk, report = _desk(request, study_uid, job_id)
    _told(request, desk, "is being signed")
    how = partial(sign, base_sha256=sent.base, seconds=sent.seconds, accepted=sent.accepted, forms=sent.forms)
    kept = _kept(lambda: how(desk, report, lines))
    return _answer(request, desk, report, kept, "signed", yours)


def addendum(request: Request, study_uid: str, job_id: str, sent: AddendumShape) -> Response:
    """Add to a signed report, which keeps its text."""
    desk, report = _desk(request, study_uid, job_id)
    _told(request, desk, "is being added to")
    kept = _kept(lambda: add(desk, sent.text, seen=sent.seen))
    return _answer(request, desk, report, kept, "added to", sent.text)


def rejection(request: Request, study_uid: str, job_id: str, sent: RejectionShape) -> Response:
    """Reject a draft with a reason; whoever has it gets a rejection note."""
    reason = RECALLS.get(sent.why)
    if reason is None:
        raise HTTPException(
            422, say("There is no reason of that name. Known reasons: {reasons}.", reasons=", ".join(RECALLS))
        )
    desk, report = _desk(request, study_uid, job_id)
    _told(request, desk, f"is being rejected ({reason.words})")
    kept = _kept(lambda: reject(desk, report, sent.reason, reason, base_sha256=sent.base))
    return _answer(request, desk, report, kept, "rejected", sent.reason)


def encoding(request: Request, study_uid: str, job_id: str) -> Response:
    """Write the document of a signed report that could not be written once more; the signature stays as it is."""
    desk, _ = _desk(request, study_uid, job_id)
    _told(request, desk, "is to be written again")
    again = _kept(lambda: write_again(desk, record_of(request, study_uid).jobs))
    _told(request, desk, f"is written again by job {again}")
    wake(services_of(request).bell, READ)
    return JSONResponse({"job_id": again})


def _desk(request: Request, study_uid: str, job_id: str) -> tuple[Desk, Report]:
    """The reading and the person; raises 404 and 409."""
    services = services_of(request)
    record = record_of(request, study_uid)
    jobs = [one for one in record.jobs if one.report and job_id in {one.reading, one.job.job_id}]
    if not jobs:
        raise HTTPException(404, say("There is no such draft of this study. Its page says why."))
    newest = max(jobs, key=lambda one: one.created_at)
    try:
        report = read_report(newest.report)
    except Unreadable as error:
        raise HTTPException(409, say("This draft cannot be signed: {why}.", why=str(error))) from error
    assert report is not None, "only jobs with a report are looked at"
    observer = Observer(name=visitor_of(request).account.name, organization=services.settings.site.institution)
    now = services.clock.now().astimezone(services.clock.zone)
    desk = Desk(
        record=newest, observer=observer, signing=services.signing, edits=services.edits, now=now,
        overtaken=newer_reading(record.jobs, newest) is not None,
    )  # fmt: skip
    return desk, report


def _kept(act: Callable[[], _Answer]) -> _Answer:
    """Whether what a person asked for was kept. Raises 409 for what can never be."""
    try:
        return act()
    except Refused as error:
        raise HTTPException(409, say_sentence(str(error))) from error


def _answer(request: Request, desk: Desk, report: Report, kept: bool, did: str, yours: str) -> Response:
    if not kept:
        _told(request, desk, f"was not {did}: somebody else was first")
        return conflict(request, report, desk.edits.history(desk.record.reading), desk.reviews(), yours=yours)
    _told(request, desk, did)
    wake(services_of(request).bell, READ)
    return JSONResponse({"done": did})


def _told(request: Request, desk: Desk, detail: str) -> None:
    """Into the audit record: before, so that nothing unrecorded happens, and after, so that its end is known."""
    who, words = desk.observer.name, f"report of job {desk.record.reading} {detail}"
    audit(request, AuditKind.APPLICATION_ACTIVITY, "U", who=who, study_instance_uid=desk.study, detail=words)
