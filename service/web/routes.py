"""Routes: the whole front door as one table. A row without a door cannot be written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from service.domain.account import Role
from service.web.api import answers, asking, completion, prose, question, signing, templates
from service.web.dicomweb import retrieve, search, store
from service.web.dicomweb.resources import ROOT, prior_root
from service.web.door import ANYONE, BLIND, SIGNED_IN, Door, allow
from service.web.pages import (
    audit_trail,
    configuration,
    dismiss,
    form,
    impression,
    language,
    models,
    operations,
    places,
    probes,
    review,
    sign_in,
    static,
    studies,
    study,
    work,
    worklist,
)

VIEWER = allow(Role.VIEWER)
REVIEWER = Door(roles=frozenset({Role.RADIOLOGIST}), person=True)
OPERATOR = allow(Role.OPERATOR)
SENDER = allow(Role.SENDER)
AUDITOR = allow(Role.AUDITOR)
SCRAPER = Door(roles=frozenset({Role.VIEWER}), loopback=True)


@dataclass(frozen=True, slots=True)
class Row:
    """One route: method, path, who may use it, and what answers."""

    method: str
    path: str
    door: Door
    endpoint: Callable[..., Any]


def openapi(request: Request) -> Response:
    """The description of the JSON API."""
    app: FastAPI = request.app
    described = app.openapi()
    described["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    return JSONResponse(described)


PAGES = (
    Row("GET", "/", SIGNED_IN, sign_in.home),
    Row("GET", "/sign-in", ANYONE, sign_in.form),
    Row("POST", "/sign-in", ANYONE, sign_in.enter),
    Row("POST", "/sign-out", SIGNED_IN, sign_in.leave),
    Row("POST", "/language", BLIND, language.choose),
    Row("GET", "/operations", VIEWER, operations.show),
    Row("GET", "/operations/live", VIEWER, operations.follow),
    Row("POST", "/nodes/{name}/echo", OPERATOR, operations.echo),
    Row("GET", "/worklist", VIEWER, worklist.show),
    Row("GET", "/studies", VIEWER, studies.show),
    Row("POST", "/studies", VIEWER, studies.search),
    Row("GET", "/studies/{study_uid}", VIEWER, study.show),
    Row("GET", "/studies/{study_uid}/live", VIEWER, study.follow),
    Row("POST", "/studies/{study_uid}/route", OPERATOR, work.route),
    Row("GET", "/studies/{study_uid}/review", VIEWER, review.show),
    Row("POST", "/studies/{study_uid}/review/{job_id}", REVIEWER, review.save),
    Row("POST", "/studies/{study_uid}/review/{job_id}/dismiss", REVIEWER, dismiss.dismiss),
    Row("POST", "/studies/{study_uid}/review/{job_id}/dismiss/undo", REVIEWER, dismiss.restore),
    Row("POST", "/studies/{study_uid}/review/{job_id}/impression", REVIEWER, impression.take),
    Row("GET", "/studies/{study_uid}/review/{job_id}/mask/{sha256}", VIEWER, places.mask),
    Row("GET", "/studies/{study_uid}/template", VIEWER, form.show),
    Row("POST", "/studies/{study_uid}/template/{job_id}", REVIEWER, form.take),
    Row("GET", "/jobs", VIEWER, work.jobs),
    Row("POST", "/jobs/{job_id}/rerun", OPERATOR, work.rerun),
    Row("POST", "/jobs/{job_id}/recall", OPERATOR, work.recall),
    Row("GET", "/deliveries", VIEWER, work.deliveries),
    Row("POST", "/deliveries/{delivery_id}/resend", OPERATOR, work.resend),
    Row("GET", "/configuration", VIEWER, configuration.show),
    Row("GET", "/models", VIEWER, models.show),
    Row("GET", "/audit", AUDITOR, audit_trail.show),
    Row("GET", "/static/{name:path}", BLIND, static.send),
    Row("GET", "/healthz", BLIND, probes.alive),
    Row("GET", "/readyz", ANYONE, probes.ready),
    Row("GET", "/metrics", SCRAPER, probes.metrics),
    Row("GET", "/api/openapi.json", VIEWER, openapi),
)

API = (
    Row("GET", "/api/studies", VIEWER, answers.studies),
    Row("POST", "/api/studies/search", VIEWER, answers.search),
    Row("GET", "/api/studies/{study_uid}", VIEWER, answers.study),
    Row("GET", "/api/studies/{study_uid}/explanation", VIEWER, answers.explanation),
    Row("POST", "/api/studies/{study_uid}/route", OPERATOR, answers.route),
    Row("GET", "/api/studies/{study_uid}/reviews", VIEWER, signing.reviews),
    Row("POST", "/api/studies/{study_uid}/reports/{job_id}/signature", REVIEWER, signing.signature),
    Row("POST", "/api/studies/{study_uid}/reports/{job_id}/addendum", REVIEWER, signing.addendum),
    Row("POST", "/api/studies/{study_uid}/reports/{job_id}/rejection", REVIEWER, signing.rejection),
    Row("POST", "/api/studies/{study_uid}/reports/{job_id}/encoding", REVIEWER, signing.encoding),
    Row("POST", "/api/studies/{study_uid}/completion", REVIEWER, completion.completion),
    Row("POST", "/api/studies/{study_uid}/completion/{completion_id}", REVIEWER, completion.answer),
    Row("POST", "/api/studies/{study_uid}/tasks/{task}", VIEWER, asking.study_task),
    Row("POST", "/api/studies/{study_uid}/tasks/{task}/taken", REVIEWER, asking.take),
    Row("POST", "/api/studies/{study_uid}/question", VIEWER, question.study_question),
    Row("GET", "/api/jobs", VIEWER, answers.jobs),
    Row("POST", "/api/jobs/{job_id}/rerun", OPERATOR, answers.rerun),
    Row("POST", "/api/jobs/{job_id}/recall", OPERATOR, answers.recall),
    Row("GET", "/api/deliveries", VIEWER, answers.deliveries),
    Row("POST", "/api/deliveries/{delivery_id}/resend", OPERATOR, answers.resend),
    Row("POST", "/api/nodes/{name}/echo", OPERATOR, answers.echo),
    Row("GET", "/api/templates", VIEWER, templates.every),
    Row("GET", "/api/templates/{template}", VIEWER, templates.one),
    Row("GET", "/api/models", VIEWER, answers.models),
    Row("GET", "/api/config", VIEWER, answers.config),
    Row("GET", "/api/health", VIEWER, answers.state),
    *(Row(method, path, VIEWER, endpoint) for method, path, endpoint in prose.ROUTES),
)

_STUDY = f"{ROOT}/studies/{{study_uid}}"
_SERIES = f"{_STUDY}/series/{{series_uid}}"
_INSTANCE = f"{_SERIES}/instances/{{instance_uid}}"

DICOMWEB = (
    Row("GET", f"{ROOT}/studies", VIEWER, search.studies),
    Row("POST", f"{ROOT}/studies", SENDER, store.store),
    Row("POST", _STUDY, SENDER, store.store),
    Row("GET", f"{_STUDY}/series", VIEWER, search.series),
    Row("GET", f"{_STUDY}/instances", VIEWER, search.instances),
    Row("GET", f"{_SERIES}/instances", VIEWER, search.instances),
    Row("GET", _STUDY, VIEWER, retrieve.study),
    Row("GET", _SERIES, VIEWER, retrieve.series),
    Row("GET", _INSTANCE, VIEWER, retrieve.instance),
    Row("GET", f"{_STUDY}/metadata", VIEWER, retrieve.study_metadata),
    Row("GET", f"{_SERIES}/metadata", VIEWER, retrieve.series_metadata),
    Row("GET", f"{_INSTANCE}/metadata", VIEWER, retrieve.instance_metadata),
    Row("GET", f"{_INSTANCE}/frames/{{numbers}}", VIEWER, retrieve.frames),
    Row("GET", f"{_INSTANCE}/frames/{{numbers}}/rendered", VIEWER, retrieve.rendered),
    Row("GET", f"{_INSTANCE}/rendered", VIEWER, retrieve.rendered),
    Row("GET", f"{_INSTANCE}/bulkdata/{{path:path}}", VIEWER, retrieve.bulk_data),
)
"""WADO-RS, STOW-RS and QIDO-RS (PS3.18 10.4 to 10.6)."""

_PRIOR = f"{prior_root('{of_study}', '{of_job}')}/studies/{{study_uid}}/series"
_PRIOR_FRAMES = f"{_PRIOR}/{{series_uid}}/instances/{{instance_uid}}/frames/{{numbers}}"

PRIORS = (
    Row("GET", _PRIOR, VIEWER, search.series),
    Row("GET", f"{_PRIOR}/{{series_uid}}/metadata", VIEWER, retrieve.series_metadata),
    Row("GET", _PRIOR_FRAMES, VIEWER, retrieve.frames),
    Row("GET", f"{_PRIOR_FRAMES}/rendered", VIEWER, retrieve.rendered),
)
"""What a reading brought of an earlier study, for the viewer of Review alone."""


def install(app: FastAPI) -> None:
    """Add every row to `app`."""
    for row in (*PAGES, *DICOMWEB, *PRIORS):
        methods = [row.method, "HEAD"] if row.door is BLIND and row.method == "GET" else [row.method]
        app.add_api_route(
            row.path, row.endpoint, methods=methods, dependencies=[Depends(row.door)],
            response_class=HTMLResponse, response_model=None, include_in_schema=False,
        )  # fmt: skip
    for row in API:
        app.add_api_route(
            row.path, row.endpoint, methods=[row.method], dependencies=[Depends(row.door)],
            openapi_extra={"security": [{"bearer": []}], "x-roles": sorted(row.door.roles)},
        )  # fmt: skip
