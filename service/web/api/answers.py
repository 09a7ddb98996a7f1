"""Answers: the endpoints of the JSON API."""

from __future__ import annotations

import json
from contextlib import suppress

from fastapi import Request

from service.domain.errors import Misconfigured
from service.flow.review import named
from service.ports.catalogue import StudyRecord
from service.web import health
from service.web.api import shapes, shaping
from service.web.pages.models import made_of_drafts
from service.web.pages.operations import asked as node_asked
from service.web.pages.operations import vitals_of
from service.web.pages.probes import detail
from service.web.pages.studies import found
from service.web.pages.study import explained, viewed
from service.web.pages.work import (
    LIMIT,
    SAFETY,
    delivery_again,
    delivery_state,
    draft_recalled,
    job_again,
    job_state,
    study_again,
)
from service.web.search import Search, next_page
from service.web.services import Services, services_of


def studies(request: Request, state: str = "", modality: str = "") -> shapes.StudiesShape:
    """The newest studies. To search by patient, post to /api/studies/search. Every list is audited."""
    return _studies(request, Search(state=state, modality=modality))


def search(request: Request, asked: shapes.SearchShape) -> shapes.StudiesShape:
    """Search by anything, a page at a time; every page is audited."""
    return _studies(request, Search(**asked.model_dump()))


def study(request: Request, study_uid: str) -> shapes.StudyDetailShape:
    """Everything that is known of one study; the view is audited."""
    return _detail(services_of(request), viewed(request, study_uid, detail="API"))


def explanation(request: Request, study_uid: str) -> shapes.ExplanationShape:
    """Why the study was, or was not, processed."""
    return _explanation(services_of(request), viewed(request, study_uid, detail="API"))


def jobs(request: Request, state: str = "") -> list[shapes.JobShape]:
    """The newest jobs."""
    rows = services_of(request).catalogue.jobs(state=job_state(state), limit=LIMIT)
    return [shaping.job_shape(record) for record in rows]


def deliveries(request: Request, state: str = "", destination: str = "") -> list[shapes.DeliveryShape]:
    """The newest deliveries."""
    wanted = delivery_state(state)
    states = (wanted,) if wanted else ()
    rows = services_of(request).catalogue.deliveries(states=states, destination=destination, limit=LIMIT)
    return [shaping.delivery_shape(record) for record in rows]


def models(request: Request) -> shapes.ModelsShape:
    """What people made of each model's drafts: sentences and edits, no words."""
    server, house = vitals_of(request).server, services_of(request)
    served = set()
    for each in server.models:
        with suppress(Misconfigured):
            served.add(named(house.models.card(each.name).algorithm))
    made = [
        shapes.MadeShape(
            model=each.model, adapter=each.adapter, prompt=each.prompt, served=each.model in served,
            numbers=dict(each.numbers),
        )
        for each in made_of_drafts(request)
    ]  # fmt: skip
    return shapes.ModelsShape(ready=server.ready, engine=server.engine, models=made)


def route(request: Request, study_uid: str) -> shapes.DoneShape:
    """Route a study again under the active configuration, and say what came of it."""
    done = study_again(request, study_uid)
    return shapes.DoneShape(done=done.sentence, job_id=done.jobs[0].job_id if done.jobs else None)


def rerun(request: Request, job_id: str) -> shapes.DoneShape:
    """Run a job again, as a new job with the next run number."""
    return shapes.DoneShape(done="scheduled", job_id=job_again(request, job_id))


def recall(request: Request, job_id: str, why: str = SAFETY) -> shapes.DoneShape:
    """Withdraw a draft; `why` is safety or quality. Whoever has it gets a rejection note."""
    draft_recalled(request, job_id, why)
    return shapes.DoneShape(done="recalled", job_id=job_id)


def resend(request: Request, delivery_id: str) -> shapes.DoneShape:
    """Send again what was refused, held, expired or sent."""
    delivery_again(request, delivery_id)
    return shapes.DoneShape(done="pending")


def echo(request: Request, name: str) -> shapes.DoneShape:
    """Verify the connection to a destination now."""
    state = node_asked(request, name)
    return shapes.DoneShape(done=f"{state.state}: {state.answer}")


def config(request: Request) -> shapes.ConfigurationShape:
    """The active configuration."""
    active = services_of(request).configurations.active()
    return shapes.ConfigurationShape(
        number=active.number, applied_at=active.applied_at, applied_by=active.applied_by, texts=dict(active.texts)
    )


def state(request: Request) -> shapes.HealthShape:
    """Health in parts."""
    vitals = vitals_of(request)
    return shapes.HealthShape(status=health.state(vitals), **detail(vitals))


def _studies(request: Request, asked: Search) -> shapes.StudiesShape:
    rows = found(request, asked)
    older = next_page(rows)
    following = shapes.NextShape(before_at=older[0], before_uid=older[1]) if older else None
    return shapes.StudiesShape(studies=[shaping.study_shape(row) for row in rows], next=following)


def _detail(services: Services, record: StudyRecord) -> shapes.StudyDetailShape:
    return shapes.StudyDetailShape(
        study=shaping.study_shape(record.row),
        identity_version=record.identity_version,
        jobs=[shaping.job_shape(job) for job in record.jobs],
        deliveries=[shaping.delivery_shape(delivery) for delivery in record.deliveries],
        objects=[shaping.object_shape(made) for made in record.objects],
        events=[shaping.event_shape(event) for event in record.events],
        explanation=_explanation(services, record),
        reports={job.job.job_id: json.loads(job.report) for job in record.jobs if job.report},
    )


def _explanation(services: Services, record: StudyRecord) -> shapes.ExplanationShape:
    study = services.ledger.study(record.row.study_instance_uid)
    return shaping.explanation_shape(*explained(services, record, study))
