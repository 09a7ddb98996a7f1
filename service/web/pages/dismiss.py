"""Dismiss: one key on the review page says that an issue of the second opinion is none; kept, counted and audited."""

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
    """Answers how many issues of each kind were dismissed so far. 422 for what is no issue."""
    record = record_of(request, study_uid)
    kind, rule = _kind(field(request, "kind")), field(request, "rule")
    if kind is None or not rule:
        raise HTTPException(422, say("That is no issue of this report. Reload the page and try again."))
    job_id = case_shown(request, record, job_id).job.reading
    who, services = visitor_of(request).account.name, services_of(request)
    detail = f"issue of job {job_id} dismissed: {kind}"
    audit(request, AuditKind.APPLICATION_ACTIVITY, "U", who=who, study_instance_uid=study_uid, detail=detail)
    key = key_of(rule, field(request, "words", limit=_MOST_WORDS))
    services.dismissals.dismiss(
        Dismissal(
            study_instance_uid=study_uid, job_id=job_id, kind=kind, key=key, reviewer=who, at=services.clock.now()
        )
    )
    return JSONResponse({"dismissals": dict(services.dismissals.counts())})


def _kind(text: str) -> Kind | None:
    return Kind(text) if text in set(Kind) else None
