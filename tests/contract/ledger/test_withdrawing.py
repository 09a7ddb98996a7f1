"""What is recalled or rejected does not leave any more, and whoever has it is owed a note."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom.uid import UID, KeyObjectSelectionDocumentStorage

from service.domain.delivery import DeliveryEvent, DeliveryKind
from service.domain.errors import Refused
from service.domain.job import JobState, Step
from service.domain.rejection import NOTE, Reason, Rejection
from service.ports.ledger import Admission, NewObject, Withdrawal
from tests.contract.ledger.scene import BERTA, NOT_AN_IMAGE, Scene, result, sop_uid, study_uid

NOTE_NUMBER = 900


def reject(scene: Scene, *uids: UID, reason: Reason = Reason.QUALITY, number: int = NOTE_NUMBER) -> Admission:
    """A note from the archive about instances of the study."""
    reception = scene.reception(number, sop_class=NOT_AN_IMAGE)
    return scene.ledger.admit(replace(reception, rejects=Rejection(reason=reason, instances=uids)))


def note_of(withdrawal: Withdrawal, name: str = "note") -> NewObject:
    return NewObject(
        role=NOTE, sop_class_uid=KeyObjectSelectionDocumentStorage,
        sop_instance_uid=UID(f"{withdrawal.study_instance_uid}.77.{len(name)}"), series_instance_uid=UID("1.2.7"),
        instance_number=1, location=f"spool/{name}", sha256=name.ljust(64, "0"), size=900,
    )  # fmt: skip


def job_states(scene: Scene) -> list[JobState]:
    return [record.job.state for record in sorted(scene.ledger.jobs(), key=lambda one: int(one.job.job_id))]


def issued_by(scene: Scene) -> UID:
    record = scene.ledger.record(study_uid())
    assert record is not None
    return record.objects[0].sop_instance_uid


def test_a_draft_that_waits_is_recalled_before_it_leaves_and_nobody_needs_a_note(scene: Scene) -> None:
    claim = scene.read("archive")
    assert scene.ledger.recall(claim.job.job_id, Reason.SAFETY, by="anna", now=scene.now)
    assert (job_states(scene), scene.delivery_states()) == ([JobState.RECALLED], ["RETRACTED"])
    assert not scene.owed()
    assert not scene.ledger.withdrawals()
    assert scene.state() == "done"
    assert "recalled by anna: Rejected for Patient Safety Reasons; 1 deliveries are retracted" in scene.texts()


def test_a_draft_that_has_left_is_owed_a_note_that_goes_before_anything_else(scene: Scene) -> None:
    claim = scene.read("archive", "research")
    (sent,) = scene.deliver()
    assert scene.ledger.recall(claim.job.job_id, Reason.SAFETY, by="anna", now=scene.now)
    (withdrawal,) = scene.ledger.withdrawals()
    assert (withdrawal.reason, list(withdrawal.sent)) == (Reason.SAFETY, ["archive"])
    assert [one.sop_instance_uid for one in withdrawal.sent["archive"]] == [sent.sop_instance_uid]
    note = note_of(withdrawal)
    assert scene.ledger.owe_notes(withdrawal, [(note, ["archive"])], now=scene.now)
    assert not scene.ledger.withdrawals()
    (owed,) = scene.owed()
    assert (owed.kind, owed.role, owed.sop_instance_uid) == (DeliveryKind.RETRACTION, NOTE, note.sop_instance_uid)
    assert scene.settle(owed)
    assert scene.delivery_states() == ["RETRACTED", "RETRACTED", "SENT"]


def test_a_note_is_issued_once(scene: Scene) -> None:
    claim = scene.read("archive")
    scene.deliver()
    scene.ledger.recall(claim.job.job_id, Reason.SAFETY, by="anna", now=scene.now)
    (withdrawal,) = scene.ledger.withdrawals()
    notes = [(note_of(withdrawal), ["archive"])]
    assert [scene.ledger.owe_notes(withdrawal, notes, now=scene.now) for _ in range(2)] == [True, False]
    assert scene.ledger.issued(notes[0][0].sop_instance_uid)


def test_what_is_being_sent_while_it_is_recalled_may_be_there_so_a_note_names_it(scene: Scene) -> None:
    claim = scene.read("archive")
    (sending,) = scene.owed()
    scene.ledger.recall(claim.job.job_id, Reason.SAFETY, by="anna", now=scene.now)
    assert not scene.settle(sending), "the lease is gone"
    assert len(scene.ledger.withdrawals()) == 1


def test_what_was_refused_is_not_there_so_no_note_names_it(scene: Scene) -> None:
    claim = scene.read("archive")
    (refused,) = scene.owed()
    scene.settle(refused, DeliveryEvent.REFUSED)
    scene.ledger.recall(claim.job.job_id, Reason.SAFETY, by="anna", now=scene.now)
    assert not scene.ledger.withdrawals()


@pytest.mark.parametrize(
    ("events", "state", "noted"),
    [
        ((), "PENDING", False),
        ((DeliveryEvent.STORED,), "SENT", True),
        ((DeliveryEvent.STORED, DeliveryEvent.COMMITTED), "COMMITTED", True),
        ((DeliveryEvent.DEFERRED,), "PENDING", True),
        ((DeliveryEvent.HELD,), "HELD", False),
        ((DeliveryEvent.REFUSED,), "REFUSED", False),
        ((DeliveryEvent.EXPIRED,), "EXPIRED", True),
    ],
)
def test_a_delivery_in_any_state_is_retracted_and_noted_if_it_may_be_there(
    scene: Scene, events: tuple[DeliveryEvent, ...], state: str, noted: bool
) -> None:
    claim = scene.read("archive")
    taken = scene.owed() if events else ()
    for event in events:
        assert scene.settle(taken[0], event, sent=event is not DeliveryEvent.HELD)
    assert scene.delivery_states() == [state]
    scene.ledger.recall(claim.job.job_id, Reason.SAFETY, by="anna", now=scene.now)
    assert scene.delivery_states() == ["RETRACTED"]
    assert bool(scene.ledger.withdrawals()) is noted
    assert not scene.ledger.retry_delivery(scene.ledger.deliveries()[0].delivery.delivery_id, by="anna", now=scene.now)


def test_what_stands_by_is_retracted_and_never_stands_in(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("chest")
    claim = scene.claim()
    ready = replace(result(claim), stands_in_at=frozenset({"archive"}), destinations=frozenset())
    assert scene.finish(claim, "archive", objects=[ready])
    assert scene.delivery_states() == ["STANDBY"]
    scene.ledger.recall(claim.job.job_id, Reason.SAFETY, by="anna", now=scene.now)
    assert scene.delivery_states() == ["RETRACTED"]


def test_every_encoding_of_a_reading_is_recalled_with_it(scene: Scene) -> None:
    claim = scene.read("archive")
    scene.deliver()
    scene.ledger.reidentify(study_uid(), BERTA, source="archive", now=scene.now)
    again = scene.claim()
    assert scene.finish(again, "archive")
    scene.deliver()
    assert scene.ledger.recall(claim.job.job_id, Reason.QUALITY, by="anna", now=scene.now)
    assert job_states(scene) == [JobState.RECALLED, JobState.RECALLED]
    (withdrawal,) = scene.ledger.withdrawals()
    assert len(withdrawal.sent["archive"]) == 2


def test_a_recalled_draft_is_not_encoded_again_for_a_corrected_identity(scene: Scene) -> None:
    claim = scene.read("archive")
    scene.ledger.recall(claim.job.job_id, Reason.SAFETY, by="anna", now=scene.now)
    scene.ledger.reidentify(study_uid(), BERTA, source="archive", now=scene.now)
    assert job_states(scene) == [JobState.RECALLED]


def test_only_a_finished_reading_can_be_recalled_and_only_once(scene: Scene) -> None:
    claim = scene.read("archive")
    recall = [scene.ledger.recall(claim.job.job_id, Reason.SAFETY, by="anna", now=scene.now) for _ in range(2)]
    assert recall == [True, False]
    assert not scene.ledger.recall("4711", Reason.SAFETY, by="anna", now=scene.now)


def test_images_that_were_rejected_before_they_are_read_are_left_out(scene: Scene) -> None:
    scene.receive(1, 2)
    assert reject(scene, sop_uid(1)) is Admission.NEW
    study = scene.ledger.study(study_uid())
    assert study is not None
    assert [one.instance.sop_instance_uid for one in study.instances] == [sop_uid(2), sop_uid(NOTE_NUMBER)]
    assert study.rejected == 1


def test_a_note_that_comes_before_its_images_counts_when_they_come(scene: Scene) -> None:
    reject(scene, sop_uid(1))
    scene.receive(1, 2)
    study = scene.ledger.study(study_uid())
    assert study is not None
    assert sop_uid(1) not in [one.instance.sop_instance_uid for one in study.instances]


def test_a_reading_of_rejected_images_is_ended_and_the_rest_is_handed_over_again(scene: Scene) -> None:
    scene.receive(1, 2)
    scene.hand_over("chest")
    claim = scene.claim()
    scene.later(1)
    reject(scene, sop_uid(1))
    assert not scene.finish(claim, "archive"), "its fence is closed"
    assert scene.state() == "receiving"
    manifest = scene.hand_over("chest")
    assert manifest is not None
    assert sop_uid(1) not in [one.instance.sop_instance_uid for one in manifest.instances]
    assert job_states(scene) == [JobState.CANCELED, JobState.SCHEDULED]
    assert scene.state() == "scheduled"


def test_a_draft_on_rejected_images_is_retracted_and_whoever_has_it_is_told(scene: Scene) -> None:
    scene.read("archive", images=2)
    scene.deliver()
    scene.later(1)
    reject(scene, sop_uid(1), reason=Reason.SAFETY)
    assert job_states(scene) == [JobState.RECALLED]
    (withdrawal,) = scene.ledger.withdrawals()
    assert withdrawal.reason is Reason.SAFETY
    assert any("a note from cr-room rejects 1 instances" in text for text in scene.texts())


def test_expired_images_are_not_told_to_anybody_because_a_note_would_bring_the_study_back(scene: Scene) -> None:
    scene.read("archive")
    scene.deliver()
    reject(scene, sop_uid(1), reason=Reason.RETENTION)
    assert job_states(scene) == [JobState.RECALLED]
    assert not scene.ledger.withdrawals()


def test_a_note_about_our_own_result_recalls_the_reading_it_is_of(scene: Scene) -> None:
    scene.read("archive", "research")
    scene.deliver()
    reject(scene, issued_by(scene))
    assert scene.delivery_states() == ["RETRACTED", "RETRACTED"]
    assert job_states(scene) == [JobState.RECALLED]
    assert scene.state() == "done", "its images are as good as before: nothing is read again"


def test_a_note_about_other_images_changes_no_reading(scene: Scene) -> None:
    scene.read("archive")
    reject(scene, UID("1.2.3.4"))
    assert (job_states(scene), scene.delivery_states()) == ([JobState.COMPLETED], ["PENDING"])


def test_a_reading_of_images_that_were_rejected_since_is_not_replayed(scene: Scene) -> None:
    claim = scene.read("archive")
    reject(scene, sop_uid(1))
    shown = {each.job.job_id: each.can_run_again for each in scene.ledger.jobs()}
    assert shown[claim.job.job_id] is False
    with pytest.raises(Refused, match=f"preread studies route {study_uid()}"):
        scene.ledger.replay(claim.job.job_id, by="anna", now=scene.now)


def test_what_a_digest_produced_is_found_as_long_as_it_is_not_recalled(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("chest", "hand")
    chest, hand = scene.claim(), scene.claim()
    step = Step(
        ordinal=1, kind="draft", algorithm="a", answer="{}", error="", model_digest="d" * 64, prompt_digest="p",
        attempt=1, started_at=scene.now, took_s=0.1,
    )  # fmt: skip
    assert scene.ledger.keep_step(chest.job.job_id, step)
    assert scene.ledger.readings_of("d" * 64) == [], "it is not finished"
    assert all(scene.finish(each, "archive") for each in (chest, hand))
    assert [one.job_id for one in scene.ledger.readings_of("d" * 64)] == [chest.job.job_id]
    scene.ledger.recall(chest.job.job_id, Reason.SAFETY, by="anna", now=scene.now)
    assert scene.ledger.readings_of("d" * 64) == []
