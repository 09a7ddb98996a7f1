"""Impression: what a radiologist notes of the images before the AI's draft is shown."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from service.domain.audit import AuditKind
from service.flow.first_read import MOST_IMPRESSION, note_impression
from service.web.door import field, visitor_of
from service.web.pages.review import case_shown, seconds_of
from service.web.pages.study import record_of
from service.web.services import services_of
from service.web.trail import audit


def take(request: Request, study_uid: str, job_id: str) -> Response:
    """Keep the visitor's first impression, then show the draft."""
    case = case_shown(request, record_of(request, study_uid), job_id)
    services, who = services_of(request), visitor_of(request).account.name
    kept = note_impression(
        services.edits,
        report=case.report,
        job_id=case.job.reading,
        study_instance_uid=study_uid,
        reviewer=who,
        impression=field(request, "impression", limit=MOST_IMPRESSION),
        seconds=seconds_of(field(request, "seconds")),
        now=services.clock.now(),
    )
    detail = f"first impression of job {case.job.reading} noted, the AI draft is shown, edit log {kept}"
    audit(request, AuditKind.APPLICATION_ACTIVITY, "U", who=who, study_instance_uid=study_uid, detail=detail)
    return RedirectResponse(f"/studies/{study_uid}/review?job={case.job.job.job_id}", status_code=303)
