"""Rendering: templates with autoescape always on, and what each of them may rely on."""

from __future__ import annotations

import hashlib
from functools import cache, partial
from importlib.resources import files
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from service.domain.account import Role
from service.flow.words import count
from service.web import words
from service.web.languages.catalogue import catalogue
from service.web.languages.language import Language, language_of
from service.web.languages.templates import speak
from service.web.services import services_of
from service.web.sessions import Visitor

STATIC = (
    "app.css", "app.js", "review.css", "review.js", "complete.js", "sign.js", "viewer.js", "icon.svg",
    "mask.js", "prior.js", "quality.css", "quality.js", "ask.css", "ask.js", "form.css", "form.js", "shown.js",
    "vendor/htmx.min.js", "vendor/hx-sse.min.js", "vendor/htmx.LICENSE",
)  # fmt: skip


@cache
def environment(language: Language) -> Environment:
    """Templates of this package in one language; every value is escaped, a missing one is an error."""
    made = Environment(
        loader=PackageLoader("service.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = _static_urls()
    made.globals["mark_of"] = words.mark
    made.globals["years"] = words.years
    made.globals["count"] = count
    made.globals["Role"] = Role
    made.filters.update(
        pn=words.name, day=partial(words.day, language=language), size=words.size, took=words.took, short=words.short
    )
    speak(made, catalogue(language))
    return made


def _static_urls() -> dict[str, str]:
    folder = files("service.web") / "static"
    return {
        name: f"/static/{name}?v={hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest()[:12]}"
        for name in STATIC
    }


def render(request: Request, template: str, /, **values: Any) -> str:
    """One template as text."""
    services = services_of(request)
    now = services.clock.now()
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    language = language_of(request)
    return (
        environment(language)
        .get_template(template)
        .render(
            visitor=visitor,
            may=partial(_may, visitor),
            csrf=visitor.csrf if visitor else "",
            site=services.settings.site,
            zone=services.clock.zone,
            now=now,
            local=partial(words.local, zone=services.clock.zone, now=now, language=language),
            ago=partial(words.ago, now=now),
            since=partial(words.since, now=now),
            path=request.url.path,
            here=_here(request),
            **values,
        )
    )


def page(request: Request, template: str, /, *, status: int = 200, **values: Any) -> HTMLResponse:
    """One template as an answer."""
    headers = {"Content-Language": language_of(request), "Vary": "Accept-Language, Cookie"}
    return HTMLResponse(render(request, template, **values), status_code=status, headers=headers)


def _here(request: Request) -> str:
    """The address of this page, to come back to it; empty for the answer to a form, which cannot be asked again."""
    if request.method != "GET":
        return ""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def _may(visitor: Visitor | None, *roles: Role) -> bool:
    return visitor is not None and visitor.account.may(*roles)
