"""Jobs and deliveries: what failed comes first, and can be done again."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TypeVar, cast

from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from pydicom.uid import UID

from service.domain.audit import AuditKind
from service.domain.delivery import DeliveryState
from service.domain.errors import Refused
from service.domain.job import JobState
from service.domain.lane import FORWARD, READ
from service.domain.rejection import Reason
from service.domain.said import say, say_sentence
from service.domain.uids import is_uid
from service.flow.explain import STUCK, needs_person
from service.flow.reroute import Rerouted, reroute
from service.flow.sign import run_again
from service.flow.wake import wake
from service.web.door import field, visitor_of
from service.web.pulse import Pulse
from service.web.rendering import page
from service.web.services import services_of
from service.web.trail import audit

LIMIT = 200
SAFETY = "safety"
"""The reason of a recall where none is given: the one that nobody overlooks."""
RECALLS = {SAFETY: Reason.SAFETY, "quality": Reason.QUALITY}
"""What a person may give as the reason of a recall."""
_State = TypeVar("_State", bound=StrEnum)


def jobs(request: Request, state: str = "") -> Response:
    catalogue = services_of(request).catalogue
    wanted = job_state(state)
    newest = catalogue.jobs(state=wanted, limit=LIMIT)
    canceled = () if wanted else catalogue.jobs(state=JobState.CANCELED, limit=LIMIT)
    rows = {record.job.job_id: record for record in (*canceled, *newest)}
    failed = {record.job.job_id for record in needs_person(rows.values())}
    first = sorted(rows.values(), key=lambda row: _failed_first(row.job.job_id in failed, row.created_at))
    return page(request, "jobs.html", rows=first, failed=failed, state=state, states=list(JobState), limit=LIMIT)


def deliveries(request: Request, state: str = "", destination: str = "") -> Response:
    catalogue = services_of(request).catalogue
    wanted = delivery_state(state)
    newest = catalogue.deliveries(states=(wanted,) if wanted else (), destination=destination, limit=LIMIT)
    stuck = () if wanted else catalogue.deliveries(states=STUCK, destination=destination, limit=LIMIT)
    rows = {record.delivery.delivery_id: record for record in (*stuck, *newest)}
    first = sorted(rows.values(), key=lambda row: _failed_first(row.delivery.state in STUCK, row.created_at))
    names = sorted({record.delivery.destination for record in rows.values()} | ({destination} - {""}))
    return page(
        request, "deliveries.html", rows=first, stuck=STUCK, state=state, states=list(DeliveryState),
        destination=destination, destinations=names, limit=LIMIT,
    )  # fmt: skip


def rerun(request: Request, job_id: str) -> Response:
    job_again(request, job_id)
    return _back(request)


def resend(request: Request, delivery_id: str) -> Response:
    delivery_again(request, delivery_id)
    return _back(request)


def recall(request: Request, job_id: str) -> Response:
    draft_recalled(request, job_id, field(request, "why") or SAFETY)
    return _back(request)


def route(request: Request, study_uid: str) -> Response:
    study_again(request, study_uid)
    return _back(request)


def study_again(request: Request, study_uid: str) -> Rerouted:
    """Route a study again under the active configuration. Raises 404, and 409 while images arrive."""
    services, who = services_of(request), visitor_of(request).account.name
    audit(
        request, AuditKind.APPLICATION_ACTIVITY, "E", who=who, study_instance_uid=study_uid[:64], detail="routed again"
    )
    version = services.configurations.active()
    done = (
        reroute(UID(study_uid), services.ledger, version, by=who, clock=services.clock, bell=services.bell)
        if is_uid(study_uid)
        else None
    )
    if done is None:
        raise HTTPException(404, say("No study with this UID has arrived here."))
    if done.jobs is None:
        raise HTTPException(409, done.sentence)
    cast(Pulse, request.app.state.pulse).forget()
    return done


def job_again(request: Request, job_id: str) -> str:
    """Replay a job and wake a worker; returns the new job's identifier. Raises 404."""
    services, who = services_of(request), visitor_of(request).account.name
    old = services.catalogue.job(job_id)
    if old is None:
        raise HTTPException(404, say("There is no such job."))
    study = str(old.job.study_instance_uid)
    detail = f"rerun of job {job_id}"
    audit(request, AuditKind.APPLICATION_ACTIVITY, "E", who=who, study_instance_uid=study, detail=detail)
    try:
        new = run_again(services.ledger, services.signing, job_id, by=who, now=services.clock.now())
    except Refused as error:
        raise HTTPException(409, say_sentence(str(error))) from error
    if not new:
        raise HTTPException(409, say("This job cannot be run again."))
    wake(services.bell, READ)
    cast(Pulse, request.app.state.pulse).forget()
    return new


def delivery_again(request: Request, delivery_id: str) -> None:
    """Send again what was refused, held, expired or sent, and wake its lane. Raises 409."""
    services, who = services_of(request), visitor_of(request).account.name
    detail = f"resend of delivery {delivery_id[:64]}"
    audit(request, AuditKind.APPLICATION_ACTIVITY, "E", who=who, detail=detail)
    if not services.ledger.retry_delivery(delivery_id, by=who, now=services.clock.now()):
        raise HTTPException(
            409, say("This delivery cannot be sent again in its state: it waits already, or was superseded.")
        )
    wake(services.bell, *(lane for lane in services.ledger.due_lanes() if not lane.startswith(FORWARD)))
    cast(Pulse, request.app.state.pulse).forget()


def draft_recalled(request: Request, job_id: str, why: str) -> None:
    """Withdraw a draft; the sweep sends the rejection notes. Raises 404, 409 and 422."""
    services, who = services_of(request), visitor_of(request).account.name
    record, reason = services.catalogue.job(job_id), RECALLS.get(why)
    if record is None:
        raise HTTPException(404, say("There is no such job."))
    if reason is None:
        raise HTTPException(
            422, say("There is no reason of that name. Known reasons: {reasons}.", reasons=", ".join(RECALLS))
        )
    study, detail = str(record.job.study_instance_uid), f"recall of job {job_id} ({reason.words})"
    audit(request, AuditKind.APPLICATION_ACTIVITY, "E", who=who, study_instance_uid=study, detail=detail)
    if not services.ledger.recall(job_id, reason, by=who, now=services.clock.now()):
        raise HTTPException(
            409,
            say(
                "This job has no draft to withdraw: it still works, was canceled or recalled, or its report is signed."
            ),
        )
    cast(Pulse, request.app.state.pulse).forget()


def job_state(text: str) -> JobState | None:
    return _one_of(JobState, text)


def delivery_state(text: str) -> DeliveryState | None:
    return _one_of(DeliveryState, text)


def _back(request: Request) -> Response:
    """To the page that the button stood on."""
    target = field(request, "back")
    known = target.startswith(("/studies/", "/jobs", "/deliveries", "/operations"))
    return RedirectResponse(target if known else "/operations", status_code=303)


def _one_of(states: type[_State], text: str) -> _State | None:
    """The state of that name; None for none. Raises 422."""
    if not text:
        return None
    try:
        return states(text)
    except ValueError:
        known = ", ".join(str(state.value) for state in states)
        raise HTTPException(422, say("There is no state of that name. Known states: {states}.", states=known)) from None


def _failed_first(failed: bool, created_at: datetime) -> tuple[bool, float]:
    return (not failed, -created_at.timestamp())
