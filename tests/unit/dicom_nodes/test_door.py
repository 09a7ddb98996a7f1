"""Who may associate: decided from names, address and room, explained in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_nodes.scp.door import Knock, Refusal, decide, not_now, printable
from service.domain.config import Configuration
from service.domain.node import Source
from service.settings import Scp

CT = Source(name="ct", ae_title="CT1", networks=("10.1.0.0/16",))
CONFIGURATION = Configuration(sources=(CT,))
KNOCK = Knock(
    called="PREREAD", calling="CT1", address="10.1.2.3", has_room=True, established=0, established_here=0
)  # fmt: skip


def refused(knock: Knock, scp: Scp | None = None) -> Refusal:
    verdict = decide(knock, scp or Scp(), CONFIGURATION)
    assert isinstance(verdict, Refusal)
    return verdict


def test_a_known_caller_from_its_network_comes_in() -> None:
    assert decide(KNOCK, Scp(), CONFIGURATION) is CT
    assert decide(replace(KNOCK, calling="CT1   "), Scp(), CONFIGURATION) is CT
    assert decide(replace(KNOCK, address="::ffff:10.1.2.3"), Scp(), CONFIGURATION) is CT


def test_a_wrong_called_title_is_rejected_with_the_right_one() -> None:
    refusal = refused(replace(KNOCK, called="STORESCP"))
    assert (refusal.result, refusal.source, refusal.reason) == (1, 1, 7)
    assert "'STORESCP'" in refusal.text
    assert "'PREREAD'" in refusal.text


@pytest.mark.parametrize("stranger", [{"calling": "CT2"}, {"address": "10.2.0.1"}])
def test_a_stranger_is_rejected_and_the_remedy_named(stranger: dict[str, str]) -> None:
    refusal = refused(replace(KNOCK, **stranger))  # type: ignore[arg-type]
    assert (refusal.result, refusal.source, refusal.reason) == (1, 1, 3)
    assert "nodes.toml" in refusal.text


def test_below_the_reserve_everybody_waits() -> None:
    refusal = refused(replace(KNOCK, has_room=False))
    assert (refusal.result, refusal.source, refusal.reason) == (2, 3, 2)


def test_all_places_taken_is_transient() -> None:
    refusal = refused(replace(KNOCK, established=32))
    assert (refusal.result, refusal.source, refusal.reason) == (2, 3, 2)


def test_one_peer_does_not_take_every_place() -> None:
    assert decide(replace(KNOCK, established=24, established_here=23), Scp(), CONFIGURATION) is CT
    refused(replace(KNOCK, established=24, established_here=24))


def test_without_a_configuration_the_peer_may_come_back() -> None:
    refusal = not_now(KNOCK, "no configuration was applied yet.")
    assert (refusal.result, refusal.source, refusal.reason) == (2, 3, 1)


@pytest.mark.parametrize(
    ("sent", "shown"), [("CT1  ", "CT1"), ("<b>\x00\n\x1b", "<b>???"), ("x" * 99, "x" * 16), ("Ä", "?")]
)
def test_a_stranger_s_title_is_fit_to_be_shown(sent: str, shown: str) -> None:
    assert printable(sent) == shown
