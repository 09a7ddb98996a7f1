"""Dismiss: one key on the review page says that an issue of the second opinion is none, another that it is one after
all; kept, counted and audited."""

from __future__ import annotations

from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse, Response

from service.domain.audit import AuditKind
from service.domain.quality.dismissal import Dismissal, key_of
from service.domain.quality.issue import Kind
from service.domain.said import say
from service.web.door import field, visitor_of
from service.web.pages.review import case_shown
from service.web.pages.study import record_of
from service.web.services import services_of
from service.web.trail import audit

_MOST_WORDS = 2_000


def dismiss(request: Request, study_uid: str, job_id: str) -> Response:
    """Answers how many issues of each kind are dismissed. 422 for what is no issue."""
    one = _named(request, study_uid, job_id, "dismissed")
    services_of(request).dismissals.dismiss(one)
    return _counted(request)


def restore(request: Request, study_uid: str, job_id: str) -> Response:
    """Takes a dismissal back; answers as `dismiss` does. 409 for what is not dismissed, 422 for what is no issue."""
    one = _named(request, study_uid, job_id, "brought back")
    if not services_of(request).dismissals.restore(one):
        raise HTTPException(409, say("This issue is not dismissed. Check again to see how it stands."))
    return _counted(request)


def _named(request: Request, study_uid: str, job_id: str, done: str) -> Dismissal:
    """The issue that a form names, after what is done with it was audited. Raises 404 and 422."""
    record = record_of(request, study_uid)
    kind, rule = _kind(field(request, "kind")), field(request, "rule")
    if kind is None or not rule:
        raise HTTPException(422, say("That is no issue of this report. Reload the page and try again."))
    job_id = case_shown(request, record, job_id).job.reading
    who, services = visitor_of(request).account.name, services_of(request)
    detail = f"issue of job {job_id} {done}: {kind}"
    audit(request, AuditKind.APPLICATION_ACTIVITY, "U", who=who, study_instance_uid=study_uid, detail=detail)
    key = key_of(rule, field(request, "words", limit=_MOST_WORDS))
    return Dismissal(
        study_instance_uid=study_uid, job_id=job_id, kind=kind, key=key, reviewer=who, at=services.clock.now()
    )


def _counted(request: Request) -> Response:
    return JSONResponse({"dismissals": dict(services_of(request).dismissals.counts())})


def _kind(text: str) -> Kind | None:
    return Kind(text) if text in set(Kind) else None
