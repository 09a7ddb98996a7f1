"""Work list: the studies whose drafts wait for a radiologist, urgent ones first, then the longest wait."""

from __future__ import annotations

from datetime import datetime

from fastapi import HTTPException, Request
from fastapi.responses import Response

from service.domain.audit import AuditKind
from service.domain.rule import Priority
from service.domain.said import say
from service.domain.uids import is_uid
from service.flow.words import count
from service.ports.catalogue import Place, StudyRecord
from service.web.door import visitor_of
from service.web.pages.study import newest_readings
from service.web.rendering import page
from service.web.services import services_of
from service.web.trail import audit

ROWS = 50


def show(request: Request, after: str = "") -> Response:
    """One page of the list; `after` names the last row of the page before, and no patient. Raises 422."""
    services = services_of(request)
    rows = services.catalogue.waiting(after=_place(after), limit=ROWS + 1)
    listed = rows[:ROWS]
    who, detail = visitor_of(request).account.name, f"work list; {count(len(listed), 'study', 'studies')} listed"
    audit(request, AuditKind.QUERY, "E", who=who, detail=detail)
    more = _told(listed[-1].place) if len(rows) > ROWS else ""
    return page(request, "worklist.html", rows=listed, more=more, after=after, stat=Priority.STAT)


def next_case(request: Request, record: StudyRecord) -> str:
    """The study after this one on the work list, from its end again the first; empty if no other waits."""
    catalogue, here = services_of(request).catalogue, str(record.row.study_instance_uid)
    priorities = [int(each.job.priority) for each in newest_readings(record.jobs)]
    place = (min(priorities), record.row.received_last, here) if priorities else None
    for after in (place, None) if place else (None,):
        for each in catalogue.waiting(after=after, limit=2):
            if (uid := str(each.row.study_instance_uid)) != here:
                return uid
    return ""


def _told(place: Place) -> str:
    priority, received, uid = place
    return f"{priority},{received.isoformat()},{uid}"


def _place(text: str) -> Place | None:
    if not text:
        return None
    priority, _, rest = text.partition(",")
    at, _, uid = rest.partition(",")
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        instant = None
    known = priority in {str(int(each)) for each in Priority}
    if not known or instant is None or instant.tzinfo is None or not is_uid(uid):
        raise HTTPException(422, say("The place where this page begins cannot be read. Open the work list again."))
    return int(priority), instant, uid
