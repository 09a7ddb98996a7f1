"""Models: what is served, and what each model's card says of it."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from service.domain.algorithm import Card
from service.domain.errors import Misconfigured
from service.ports.models import ServedModel
from service.web.pages.operations import vitals_of
from service.web.rendering import page
from service.web.services import services_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A served model with its card, or why there is none."""

    model: ServedModel
    card: Card | None
    wrong: str = ""


def show(request: Request) -> Response:
    server = vitals_of(request).server
    return page(request, "models.html", server=server, models=[_shown(request, model) for model in server.models])


def _shown(request: Request, model: ServedModel) -> Shown:
    try:
        return Shown(model=model, card=services_of(request).models.card(model.name))
    except Misconfigured as error:
        return Shown(model=model, card=None, wrong=str(error))
