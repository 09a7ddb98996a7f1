"""A signature is kept once, closes the text, supersedes the draft, and outlives what is read later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from pydicom.uid import UID

from service.adapters.edit_chain import ChainedEdits
from service.domain.aligned import edits
from service.domain.delivery import DeliveryState
from service.domain.edit import Revision, text_digest
from service.domain.job import JobState
from service.domain.rejection import Reason
from service.domain.report import Section
from service.domain.review import FORM_ROLE, SIGNED_ROLE, Observer, Review, Statement, Verdict
from service.ports.ledger import Claim, NewObject
from tests.contract.ledger.scene import BERTA, NOON, Scene, result, study_uid

DRAFT, TEXT = "Findings:\nNo effusion.\n", "Findings:\nSmall effusion.\n"
SIGNED = Review(
    study_instance_uid=study_uid(), job_id="1", number=1, verdict=Verdict.SIGNED, at=NOON, text=TEXT,
    observer=Observer(name="Weiß^Anna", organization="Clinic"),
    statements=(Statement(section=Section.FINDINGS, text="Small effusion.", findings=("effusion",)),),
)  # fmt: skip


def of(scene: Scene, claim: Claim, **other: object) -> Review:
    return replace(SIGNED, job_id=claim.job.job_id, **other)  # type: ignore[arg-type]


def document(claim: Claim) -> list[NewObject]:
    assert claim.signed is not None
    uid = UID(f"{study_uid()}.7.{claim.job.identity_version}.{claim.signed.last.number}")
    return [replace(result(claim), role=SIGNED_ROLE, sop_instance_uid=uid, series_instance_uid=UID("1.2.3.7"))]


def sign(scene: Scene, claim: Claim, *destinations: str, **other: object) -> Claim:
    """Sign and encode."""
    assert scene.ledger.sign(of(scene, claim, **other), now=scene.now)
    encoding = scene.claim()
    assert scene.finish(encoding, *destinations, objects=document(encoding))
    return encoding


def revision(claim: Claim, before: str, after: str) -> Revision:
    return Revision(
        study_instance_uid=study_uid(), job_id=claim.job.job_id, model="m", adapter="", reviewer="anna", at=NOON,
        seconds=1.0, before_sha256=text_digest(before), after_sha256=text_digest(after), edits=edits(before, after),
    )  # fmt: skip


def left(scene: Scene) -> Sequence[tuple[str, DeliveryState]]:
    rows = sorted(scene.ledger.deliveries(), key=lambda one: int(one.delivery.delivery_id))
    return [(one.delivery.role, one.delivery.state) for one in rows]


def test_a_signature_schedules_one_job_that_encodes_it_and_the_unsent_draft_does_not_leave(scene: Scene) -> None:
    draft = scene.read("archive")
    encoding = sign(scene, draft, "archive")
    assert encoding.signed is not None
    assert encoding.signed.signature == of(scene, draft)
    assert (encoding.job.origin, encoding.job.deadline) == (draft.job.job_id, None)
    assert left(scene) == [("role-1", DeliveryState.SUPERSEDED), (SIGNED_ROLE, DeliveryState.PENDING)]
    assert scene.ledger.reviews(study_uid()) == (of(scene, draft),)
    assert scene.ledger.signed([study_uid(), study_uid(2)]) == {study_uid()}
    assert f"Weiß^Anna signed the report of job {draft.job.job_id}" in scene.texts()


def test_the_forms_of_a_signature_are_kept_and_leave_beside_its_text(scene: Scene) -> None:
    draft = scene.read("archive")
    assert scene.ledger.sign(of(scene, draft, forms=(3, 5)), now=scene.now)
    encoding = scene.claim()
    assert encoding.signed is not None
    assert encoding.signed.signature.forms == (3, 5)
    (text,) = document(encoding)
    form = replace(text, role=f"{FORM_ROLE}chest", sop_instance_uid=UID(f"{text.sop_instance_uid}.1"))
    assert scene.finish(encoding, "archive", objects=[text, form])
    scene.receive(2)
    assert scene.hand_over("chest") is not None
    assert scene.finish(scene.claim(), "archive")
    assert left(scene)[1:3] == [(SIGNED_ROLE, DeliveryState.PENDING), (f"{FORM_ROLE}chest", DeliveryState.PENDING)]


def test_a_draft_that_has_left_is_the_predecessor(scene: Scene) -> None:
    draft = scene.read("archive")
    (sent,) = scene.deliver()
    assert [one.sop_instance_uid for one in sign(scene, draft, "archive").predecessors] == [sent.sop_instance_uid]


def test_of_two_who_sign_at_once_one_has_signed(scene: Scene) -> None:
    draft = scene.read("archive")
    assert scene.ledger.sign(of(scene, draft), now=scene.now)
    assert not scene.ledger.sign(of(scene, draft, text="Another"), now=scene.now)
    assert not scene.ledger.reject(
        of(scene, draft, verdict=Verdict.REJECTED), Reason.SAFETY, base_sha256="", now=scene.now
    )
    assert [one.text for one in scene.ledger.reviews(study_uid())] == [TEXT]


def test_the_signature_closes_the_log_and_is_of_its_last_text(scene: Scene) -> None:
    draft, log = scene.read("archive"), ChainedEdits(scene.ledger.database, process="web")
    assert log.record(revision(draft, DRAFT, TEXT), draft=DRAFT)
    assert not scene.ledger.sign(of(scene, draft, text=DRAFT), now=scene.now)
    assert scene.ledger.sign(of(scene, draft), now=scene.now)
    assert log.record(revision(draft, TEXT, DRAFT), draft=DRAFT) is None
    history = log.history(draft.job.job_id)
    assert history is not None
    assert history.text == scene.ledger.reviews(study_uid())[0].text


def test_an_addendum_is_a_further_document_and_names_the_one_before(scene: Scene) -> None:
    draft = scene.read("archive")
    scene.deliver()
    first = sign(scene, draft, "archive")
    (sent,) = scene.deliver()
    second = sign(scene, draft, "archive", verdict=Verdict.ADDED, number=2, text="Called.", statements=())
    assert second.signed is not None
    assert [one.text for one in second.signed.addenda] == ["Called."]
    assert sent.sop_instance_uid in {one.sop_instance_uid for one in second.predecessors}
    assert not scene.ledger.sign(of(scene, draft, verdict=Verdict.ADDED, number=2, text="Too."), now=scene.now)
    assert first.job.origin == draft.job.job_id


def test_nothing_is_added_to_what_nobody_has_signed_and_nothing_to_what_still_works(scene: Scene) -> None:
    draft = scene.read("archive")
    assert not scene.ledger.sign(of(scene, draft, verdict=Verdict.ADDED), now=scene.now)
    scene.receive(1, study=2)
    scene.hand_over("chest", study=2)
    working = scene.claim()
    review = of(scene, working, study_instance_uid=study_uid(2))
    assert not scene.ledger.sign(review, now=scene.now)
    assert not scene.ledger.sign(replace(review, job_id="no number"), now=scene.now)


def test_a_later_draft_does_not_keep_the_signed_report_from_leaving(scene: Scene) -> None:
    draft = scene.read("archive")
    sign(scene, draft, "archive")
    scene.receive(2)
    assert scene.hand_over("chest") is not None
    later = scene.claim()
    assert later.signed is None
    assert scene.finish(later, "archive")
    assert left(scene)[1:] == [(SIGNED_ROLE, DeliveryState.PENDING), ("role-1", DeliveryState.PENDING)]


def test_a_signature_after_a_later_draft_leaves_too(scene: Scene) -> None:
    draft = scene.read("archive")
    scene.receive(2)
    assert scene.hand_over("chest") is not None
    assert scene.finish(scene.claim(), "archive")
    sign(scene, draft, "archive")
    assert left(scene)[-1] == (SIGNED_ROLE, DeliveryState.PENDING)
    assert left(scene)[-2] == ("role-1", DeliveryState.PENDING)


def test_under_a_corrected_identity_the_signed_report_is_encoded_again_with_its_own_signature(scene: Scene) -> None:
    draft = scene.read("archive")
    sign(scene, draft, "archive")
    scene.ledger.reidentify(study_uid(), BERTA, source="archive", now=scene.now)
    again = scene.claim()
    assert again.signed is not None
    assert (again.signed.signature, again.job.identity_version) == (of(scene, draft), 2)
    assert scene.finish(again, "archive", objects=document(again))
    assert left(scene)[1:] == [(SIGNED_ROLE, DeliveryState.SUPERSEDED), (SIGNED_ROLE, DeliveryState.PENDING)]


def test_an_operator_does_not_recall_a_signed_report(scene: Scene) -> None:
    draft = scene.read("archive")
    encoding = sign(scene, draft, "archive")
    for job in (draft, encoding):
        assert not scene.ledger.recall(job.job.job_id, Reason.SAFETY, by="operator", now=scene.now)


@pytest.mark.parametrize("sent", [True, False])
def test_a_rejected_draft_is_withdrawn_and_whoever_has_it_is_owed_a_note(sent: bool, scene: Scene) -> None:
    draft = scene.read("archive")
    if sent:
        scene.deliver()
    given = of(scene, draft, verdict=Verdict.REJECTED, text="Wrong side.", statements=())
    assert scene.ledger.reject(given, Reason.QUALITY, base_sha256=text_digest(DRAFT), now=scene.now)
    assert [one.job.state for one in scene.ledger.jobs()] == [JobState.RECALLED]
    assert len(scene.ledger.withdrawals()) == int(sent)
    assert [one.text for one in scene.ledger.reviews(study_uid())] == ["Wrong side."]
    assert not any("Wrong side." in text for text in scene.texts())
    assert not scene.ledger.sign(of(scene, draft, number=2), now=scene.now)


def test_who_rejects_has_seen_the_last_text(scene: Scene) -> None:
    draft, log = scene.read("archive"), ChainedEdits(scene.ledger.database, process="web")
    assert log.record(revision(draft, DRAFT, TEXT), draft=DRAFT)
    given = of(scene, draft, verdict=Verdict.REJECTED, text="Wrong side.", statements=())
    assert not scene.ledger.reject(given, Reason.SAFETY, base_sha256=text_digest(DRAFT), now=scene.now)
    assert [one.job.state for one in scene.ledger.jobs()] == [JobState.COMPLETED]
    assert scene.ledger.reject(given, Reason.SAFETY, base_sha256=text_digest(TEXT), now=scene.now)


def given_up(scene: Scene) -> Claim:
    encoding = scene.claim()
    assert scene.ledger.abandon_job(encoding.job, reason="no room for it", now=scene.now)
    return encoding


def test_a_signed_report_that_could_not_be_written_is_written_again_under_the_same_signature(scene: Scene) -> None:
    draft = scene.read("archive")
    assert scene.ledger.sign(of(scene, draft), now=scene.now)
    failed = given_up(scene)
    again = scene.ledger.encode_again(failed.job.job_id, by="anna", now=scene.later(1))
    encoding = scene.claim()
    assert (encoding.job.job_id, encoding.job.origin, encoding.signed) == (again, draft.job.job_id, failed.signed)
    assert scene.finish(encoding, "archive", objects=document(encoding))
    assert left(scene)[-1] == (SIGNED_ROLE, DeliveryState.PENDING)
    assert scene.ledger.reviews(study_uid()) == (of(scene, draft),)
    assert len(scene.ledger.jobs()) == 3


def test_what_is_being_written_or_is_written_or_is_no_signed_report_is_not_written_again(scene: Scene) -> None:
    draft = scene.read("archive")
    assert scene.ledger.encode_again(draft.job.job_id, by="anna", now=scene.now) is None
    assert scene.ledger.sign(of(scene, draft), now=scene.now)
    failed = given_up(scene)
    assert scene.ledger.encode_again(failed.job.job_id, by="anna", now=scene.now)
    assert scene.ledger.encode_again(failed.job.job_id, by="berta", now=scene.now) is None
    assert scene.finish(scene.claim(), "archive", objects=0)
    assert scene.ledger.encode_again(failed.job.job_id, by="anna", now=scene.now) is None
    assert scene.ledger.encode_again("no number", by="anna", now=scene.now) is None


def test_an_addendum_that_could_not_be_written_is_written_with_the_report_it_is_of(scene: Scene) -> None:
    draft = scene.read("archive")
    sign(scene, draft, "archive")
    scene.deliver()
    assert scene.ledger.sign(of(scene, draft, verdict=Verdict.ADDED, number=2, text="Called."), now=scene.now)
    failed = given_up(scene)
    assert scene.ledger.encode_again(failed.job.job_id, by="anna", now=scene.now)
    encoding = scene.claim()
    assert encoding.signed == failed.signed
    assert encoding.signed is not None
    assert [one.text for one in encoding.signed.addenda] == ["Called."]
