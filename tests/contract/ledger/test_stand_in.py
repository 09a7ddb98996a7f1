"""Objects for some destinations only, and those that are kept ready for a peer that refuses a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from service.domain.delivery import Delivery, DeliveryState
from tests.contract.ledger.scene import BERTA, Scene, result, study_uid

ARCHIVE = frozenset({"archive"})
REFUSAL = "ARCHIVE accepts no Comprehensive 3D SR."


def read(scene: Scene) -> None:
    """A reading of three objects: one for the archive, two that stand in there."""
    scene.receive(1)
    scene.hand_over("chest")
    claim = scene.claim()
    better = replace(result(claim, 1), destinations=ARCHIVE)
    ready = [replace(result(claim, n), destinations=frozenset(), stands_in_at=ARCHIVE) for n in (2, 3)]
    assert scene.finish(claim, "archive", "viewer", objects=[better, *ready])


def stand_in(scene: Scene, delivery: Delivery, roles: Sequence[str] = ("role-2", "role-3")) -> str:
    return scene.ledger.stand_in(delivery, roles, text=REFUSAL, now=scene.now)


def test_an_object_is_owed_to_its_own_destinations_and_what_stands_in_waits(scene: Scene) -> None:
    read(scene)
    assert scene.delivery_states() == ["PENDING", "STANDBY", "STANDBY"]
    assert [delivery.role for delivery in scene.owed()] == ["role-1"]
    assert scene.owed("deliver:viewer") == ()


def test_what_stands_in_does_not_keep_a_study_from_being_done(scene: Scene) -> None:
    read(scene)
    scene.deliver()
    assert scene.state() == "done"


def test_where_a_class_is_refused_the_first_that_is_ready_is_sent_instead(scene: Scene) -> None:
    read(scene)
    (refused,) = scene.owed()
    assert stand_in(scene, refused) == "role-2"
    assert scene.delivery_states() == ["SUPERSEDED", "PENDING", "STANDBY"]
    assert scene.texts()[-1] == f"role-1 to archive superseded: {REFUSAL} role-2 stands in."
    assert scene.state() == "delivering"


def test_where_that_is_refused_too_the_next_one_is_sent(scene: Scene) -> None:
    read(scene)
    (refused,) = scene.owed()
    stand_in(scene, refused)
    (second,) = scene.owed()
    assert stand_in(scene, second) == "role-3"
    (third,) = scene.owed()
    assert stand_in(scene, third) == ""
    assert scene.delivery_states() == ["SUPERSEDED", "SUPERSEDED", "SENDING"]


def test_what_is_at_the_destination_already_stands_in_without_being_sent_again(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("chest")
    assert scene.finish(scene.claim(), "archive", objects=2)
    first, second = scene.owed()
    scene.settle(first)
    assert stand_in(scene, second, ("role-1",)) == "role-1"
    assert scene.delivery_states() == ["SENT", "SUPERSEDED"]


def test_a_sender_that_lost_its_lease_calls_nothing_in(scene: Scene) -> None:
    read(scene)
    (refused,) = scene.owed()
    assert stand_in(scene, replace(refused, attempt=refused.attempt + 1)) == ""
    assert scene.delivery_states() == ["SENDING", "STANDBY", "STANDBY"]


def test_under_another_identity_nothing_stands_in_any_more(scene: Scene) -> None:
    read(scene)
    scene.ledger.reidentify(study_uid(), BERTA, source="archive", now=scene.now)
    assert set(scene.delivery_states()) == {DeliveryState.SUPERSEDED.value}
