"""Models: what is served, what each model's card says of it, and what people made of its drafts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from fastapi import Request
from fastapi.responses import Response

from service.domain.algorithm import Card
from service.domain.errors import Misconfigured
from service.domain.tally import Count
from service.flow.review import named
from service.ports.models import ServedModel
from service.web.pages.operations import vitals_of
from service.web.rendering import page
from service.web.services import services_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """What people made of the drafts of one model under one prompt."""

    model: str
    """Name, version and digest."""
    adapter: str
    prompt: str
    numbers: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A served model with its card, or why there is none."""

    model: ServedModel
    card: Card | None
    made: Sequence[Made] = ()
    wrong: str = ""


def show(request: Request) -> Response:
    server = vitals_of(request).server
    made = made_of_drafts(request)
    models = [_shown(request, model, made) for model in server.models]
    served = {one.model for shown in models for one in shown.made}
    former = [one for one in made if one.model not in served]
    return page(request, "models.html", server=server, models=models, former=former)


def made_of_drafts(request: Request) -> list[Made]:
    """By model and prompt, whether it is served now or not."""
    counts = sorted(services_of(request).counts.counts(), key=_whose)
    return [
        Made(model=model, adapter=adapter, prompt=prompt, numbers={each.what: each.number for each in group})
        for (model, adapter, prompt), group in groupby(counts, key=_whose)
    ]


def _whose(count: Count) -> tuple[str, str, str]:
    return count.model, count.adapter, count.prompt


def _shown(request: Request, model: ServedModel, made: Sequence[Made]) -> Shown:
    try:
        card = services_of(request).models.card(model.name)
    except Misconfigured as error:
        return Shown(model=model, card=None, wrong=str(error))
    return Shown(model=model, card=card, made=[one for one in made if one.model == named(card.algorithm)])
