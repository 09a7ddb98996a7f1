"""Models that are too large for the machine together are refused before anything starts."""

from __future__ import annotations

from pydicom.uid import UID

from service.cli.budget import over_budget
from service.domain.algorithm import Algorithm, Card, Limits


def card(name: str, memory_mb: int) -> Card:
    algorithm = Algorithm(name=name, version="1", digest="0", device_uid=UID("2.25.1"))
    return Card(algorithm=algorithm, licence="", source="", intended_use="", limits=Limits(), memory_mb=memory_mb)


def test_models_that_fit_are_served() -> None:
    assert over_budget([card("a", 400), card("b", 400)], given_mb=0, machine_mb=1000) is None
    assert over_budget([card("a", 400), card("b", 0)], given_mb=400, machine_mb=100) is None


def test_two_models_too_large_together_are_named_the_larger_first_with_the_remedy() -> None:
    said = over_budget([card("small", 300), card("large", 600)], given_mb=0, machine_mb=1000)
    assert said is not None
    assert said.startswith(
        "The models need 900 MB together (large 600 MB, small 300 MB) and may take 800 MB here: take"
    )
    assert "models.memory_mb" in said
