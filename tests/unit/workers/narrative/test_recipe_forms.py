"""What the demo model's recipe can write is what the forms read: the recipe and the reading are two rooms."""

from __future__ import annotations

import random
from typing import Any

import pytest

from service.domain.report import Finding
from tests.support.narratives import answer, ct_slice, radiograph
from tests.support.sr import NAMES
from tests.unit.triton_models.by_path import load
from workers.algorithms.base import Looked
from workers.narrative import forms
from workers.narrative.sentences import read

tasks: Any = load("chest_demo/recipe/phantom.py").tasks  # puts the recipe on the path
found: Any = load("chest_demo/recipe/findings.py")

VIEWS = {
    "frontal": (radiograph(1, "PA"), forms.FRONTAL),
    "lateral": (radiograph(1, "LL"), forms.LATERAL),
    "ct": (ct_slice(1), forms.CT),
}
GRADED = {"cardiomegaly": found.SEVERITIES, "emphysema": found.SEVERITIES}
GRADED |= {"pleural effusion": found.SIZES, "pneumothorax": found.SIZES}
PLACES = {"frontal": found.ZONES, "lateral": found.DEPTHS, "ct": (None,)}


@pytest.mark.parametrize("view", VIEWS)
def test_any_narrative_of_the_recipe_reads_back(view: str) -> None:
    instance, table = VIEWS[view]
    rng = random.Random(view)
    for _ in range(300):
        told = drawn(rng, view)
        draft = read(
            answer(tasks.narrative(told, view)), table, Looked(instance=instance, number=1, of=1), namespace="n"
        )
        assert sorted(map(stated, filter(present, draft.findings))) == sorted(map(expected, told))


def drawn(rng: random.Random, view: str) -> list[Any]:
    names = [name for name in found.ORDER[view] if rng.random() < 0.5]
    return [
        drawn_finding(rng, view, name) for name in names for _ in range(rng.choice((1, 2)) if name == "nodule" else 1)
    ]


def drawn_finding(rng: random.Random, view: str, name: str) -> Any:
    placed = name in ("consolidation", "nodule")
    return found.Finding(
        name=name,
        side=rng.choice(found.SIDES) if name in tasks.SIDED and view != "lateral" else None,
        zone=rng.choice(PLACES[view]) if placed else None,
        severity=rng.choice(GRADED[name]) if name in GRADED else None,
        mm=rng.randint(1, 60) if name in ("nodule", "endotracheal tube") else None,
        position=rng.choice(found.POSITIONS) if name == "central venous line" else None,
        box=None if name == "emphysema" else drawn_box(rng),
    )


def drawn_box(rng: random.Random) -> tuple[int, int, int, int]:
    (x0, x1), (y0, y1) = (sorted(rng.sample(range(tasks.BINS), 2)) for _ in range(2))
    return x0, y0, x1, y1


def present(finding: Finding) -> bool:
    return finding.present


def stated(finding: Finding) -> tuple[str, str, float, bool]:
    side = finding.laterality.meaning.lower() if finding.laterality else ""
    size = finding.measurements[0].value if finding.measurements else 0.0
    return NAMES[finding.concept.value], side, size, finding.evidence[0].region is not None


def expected(one: Any) -> tuple[str, str, float, bool]:
    return one.name, one.side or "", float(one.mm or 0), one.box is not None
