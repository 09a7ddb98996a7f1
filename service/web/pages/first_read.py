"""First read: where the site wants it, a radiologist sees what the AI says after noting an impression of the images."""

from __future__ import annotations

from fastapi import HTTPException, Request

from service.domain.account import Role
from service.domain.said import say
from service.flow.first_read import impression_of
from service.flow.sign import reviews_of
from service.ports.catalogue import JobRecord
from service.web.door import visitor_of
from service.web.services import services_of


def held_back(request: Request, job: JobRecord) -> bool:
    """Whether the draft of that reading is not shown to this visitor yet. What was signed or rejected always is."""
    services, account = services_of(request), visitor_of(request).account
    if not services.settings.site.ai_after_first_read or not account.may(Role.RADIOLOGIST):
        return False
    if reviews_of(services.signing.reviews(str(job.job.study_instance_uid)), job):
        return False
    return impression_of(services.edits.history(job.reading), account.name) is None


def after_first_read(request: Request, job: JobRecord) -> None:
    """Raises 409 while the draft is held back: what is derived from it tells it, too."""
    if held_back(request, job):
        raise HTTPException(409, say("Nothing of the AI is shown before your first read."))
