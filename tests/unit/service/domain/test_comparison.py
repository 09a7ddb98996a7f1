"""Words that speak of an earlier study, and words that only sound so."""

from __future__ import annotations

import pytest

from service.domain.comparison import compares
from workers.narrative.forms import CT, FRONTAL, LATERAL


@pytest.mark.parametrize(
    "text",
    [
        "The effusion is unchanged.", "Stable cardiomegaly.", "Interval increase of the effusion.",
        "Compared with the previous examination, no difference.", "A new consolidation on the right.",
        "The pneumothorax has resolved.", "The nodule has grown.", "The effusion is no longer seen.",
        "Improved aeration.", "Persistent opacity.", "In comparison to 2024 no difference.", "On the prior chest CT.",
        "Unveränderter Befund.", "Im Vergleich zur Voraufnahme.", "Zunehmender Erguss.", "Der Erguss ist rückläufig.",
        "Neu ein Infiltrat rechts.", "Nicht mehr abgrenzbar.",
    ],
)  # fmt: skip
def test_a_comparison_is_seen(text: str) -> None:
    assert compares(text)


@pytest.mark.parametrize(
    "text",
    [
        "The heart is increased in size.", "Prior median sternotomy.", "Previous surgery of the spine.",
        "Degenerativ veränderte Wirbelsäule.", "The right effusion is larger than the left.", "A nodule of 12 mm.",
        "Neurovascular structures are normal.", "The interventricular septum.", "No change of contour.",
    ],
)  # fmt: skip
def test_what_only_sounds_so_is_none(text: str) -> None:
    assert not compares(text)


@pytest.mark.parametrize("form", [*FRONTAL, *LATERAL, *CT])
def test_no_sentence_of_the_demo_model_compares(form: object) -> None:
    assert not compares(f"{form.absent} {form.present}")  # type: ignore[attr-defined]
