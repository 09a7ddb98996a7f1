from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pydicom.uid import UID

from service.adapters.ledger import SqlLedger
from service.domain.errors import Unavailable
from service.domain.event import Event, EventKind
from service.ports.ledger import Admission
from tests.contract.ledger.scene import ANNA, BERTA, NOON, NOT_AN_IMAGE, Scene, result, sop_uid, stored, study_uid


def test_an_instance_is_found_as_it_was_stored(scene: Scene) -> None:
    assert scene.receive(1) == [Admission.NEW]
    assert scene.ledger.find_instance(sop_uid(1)) == stored(1)


def test_an_unknown_instance_is_not_found(scene: Scene) -> None:
    assert scene.ledger.find_instance(sop_uid(1)) is None


def test_an_instance_sent_twice_is_kept_once_and_changes_nothing(scene: Scene) -> None:
    scene.receive(1)
    before = scene.everything()
    assert scene.receive(1) == [Admission.DUPLICATE]
    assert scene.everything() == before


def test_a_study_gathers_its_series_and_instances(scene: Scene) -> None:
    scene.receive(1, 2)
    scene.receive(3, series=2, Modality="DX")
    study = scene.ledger.study(study_uid())
    assert study is not None
    assert study.instances == (stored(1), stored(2), stored(3, series=2, Modality="DX"))
    record = scene.ledger.record(study_uid())
    assert record is not None
    assert (record.row.modalities, record.row.instances) == (("CR", "DX"), 3)


def test_the_same_pixels_with_another_header_are_a_correction(scene: Scene) -> None:
    scene.receive(1)
    assert scene.correct(1, identity=BERTA) is Admission.CORRECTED
    found = scene.ledger.find_instance(sop_uid(1))
    assert found == stored(1, version="b")
    assert scene.ledger.current_identity(study_uid()) == (2, BERTA)
    assert any(stored(1).location in text and stored(1).sha256 in text for text in scene.texts())


def test_a_correction_that_is_sent_again_is_a_duplicate(scene: Scene) -> None:
    scene.receive(1)
    scene.correct(1)
    assert scene.receive(1, version="b") == [Admission.DUPLICATE]


def test_other_pixels_under_a_known_uid_are_set_aside(scene: Scene) -> None:
    scene.receive(1)
    assert scene.correct(1, same_pixels=False, identity=BERTA) is Admission.CONFLICT
    assert scene.ledger.find_instance(sop_uid(1)) == stored(1)
    assert scene.ledger.current_identity(study_uid()) == (1, ANNA)
    assert scene.ledger.counts()["conflicts"] == 1
    assert any(stored(1, version="b").location in text for text in scene.texts())


def test_a_known_uid_in_another_study_is_a_conflict(scene: Scene) -> None:
    scene.receive(1)
    known = stored(1)
    elsewhere = replace(stored(1, version="b").instance, study_instance_uid=study_uid(2))
    reception = scene.reception(1, replaces=known.sha256, same_pixels=True)
    stolen = replace(reception, stored=replace(stored(1, version="b"), instance=elsewhere))
    assert scene.ledger.admit(stolen) is Admission.CONFLICT
    assert scene.ledger.study(study_uid(2)) is None


@pytest.mark.parametrize("replaces", [None, "another sha256"])
def test_what_was_compared_with_other_bytes_is_to_be_compared_again(scene: Scene, replaces: str | None) -> None:
    scene.receive(1)
    before = scene.everything()
    with pytest.raises(Unavailable):
        scene.correct(1, replaces=replaces)
    assert scene.everything() == before


def test_a_result_that_comes_back_opens_nothing(scene: Scene) -> None:
    claim = scene.read("archive")
    ours = result(claim)
    assert scene.ledger.issued(ours.sop_instance_uid)
    before = scene.ledger.study(study_uid())
    returned = replace(stored(1).instance, sop_instance_uid=ours.sop_instance_uid, study_instance_uid=study_uid())
    reception = replace(
        scene.reception(1, forward_to=("archive",), identity=BERTA), stored=replace(stored(1), instance=returned)
    )
    scene.associate()
    assert [scene.ledger.admit(reception) for _ in range(3)] == [Admission.ECHO] * 3
    assert scene.ledger.study(study_uid()) == before
    assert scene.ledger.open_studies() == []
    assert scene.ledger.find_instance(ours.sop_instance_uid) is None
    assert len([text for text in scene.texts() if "came back" in text]) == 1
    assert len(scene.ledger.deliveries()) == 1
    scene.ledger.close_association("assoc", how="released", at=NOON)
    assert scene.texts()[-1] == "association from cr-room released: 3 echo"


def test_an_object_that_names_our_device_opens_no_study(scene: Scene) -> None:
    assert scene.receive(1, own_device=True) == [Admission.ECHO]
    assert scene.ledger.study(study_uid()) is None
    assert any(stored(1).location in event.text for event in scene.ledger.recent_events())


def test_a_uid_that_nobody_issued_is_not_ours(scene: Scene) -> None:
    assert not scene.ledger.issued(UID("1.2.3"))


def test_a_late_series_with_a_known_identity_is_no_correction(scene: Scene) -> None:
    scene.receive(1)
    scene.receive(2, identity=BERTA)
    scene.receive(3, identity=ANNA)
    assert scene.ledger.current_identity(study_uid()) == (2, BERTA)


def test_beside_images_other_objects_do_not_speak_for_the_study(scene: Scene) -> None:
    scene.receive(1)
    scene.receive(2, sop_class=NOT_AN_IMAGE, identity=BERTA)
    assert scene.ledger.current_identity(study_uid()) == (1, ANNA)


def test_originals_are_owed_once_per_destination_and_correction(scene: Scene) -> None:
    scene.receive(1, forward_to=("archive", "research"))
    scene.receive(1, forward_to=("archive", "research"))
    assert [d.location for d in scene.deliver("forward:archive")] == [stored(1).location]
    scene.correct(1, forward_to=("archive",))
    assert [d.location for d in scene.deliver("forward:archive")] == [stored(1, version="b").location]
    assert len(scene.deliver("forward:research")) == 1


def test_an_association_tells_what_it_carried(scene: Scene) -> None:
    scene.associate()
    scene.receive(1, 2, 2)
    scene.receive(1, study=2)
    studies = scene.ledger.close_association("assoc", how="released", at=scene.later(4))
    assert list(studies) == [study_uid(1), study_uid(2)]
    record = scene.ledger.record(study_uid())
    assert record is not None
    event = record.events[-1]
    assert (event.kind, event.took_s) == (EventKind.RECEIVED, 4.0)
    assert event.text == "association from cr-room released: 2 new, 1 duplicate"


def test_closing_twice_or_what_was_never_opened_is_harmless(scene: Scene) -> None:
    scene.associate()
    scene.receive(1)
    scene.ledger.close_association("assoc", how="released", at=NOON)
    before = scene.everything()
    assert list(scene.ledger.close_association("assoc", how="aborted", at=NOON)) == [study_uid()]
    assert list(scene.ledger.close_association("never", how="aborted", at=NOON)) == []
    assert scene.everything() == before


def test_an_instance_needs_no_known_association(scene: Scene) -> None:
    assert scene.receive(1, association="never opened") == [Admission.NEW]
    assert scene.ledger.open_studies()[0].arrival.open_associations == 0


def test_a_note_on_a_study_that_comes_later_stands_in_its_timeline(scene: Scene) -> None:
    told = Event(at=NOON, kind=EventKind.QUARANTINED, text="unreadable", study_instance_uid=study_uid())
    scene.ledger.note(told)
    scene.receive(1)
    record = scene.ledger.record(study_uid())
    assert record is not None
    assert record.events == (told,)


def test_a_note_on_no_study_is_kept(scene: Scene) -> None:
    told = Event(at=NOON, kind=EventKind.REJECTED, text="a stranger called", took_s=0.5)
    scene.ledger.note(told)
    assert list(scene.ledger.recent_events()) == [told]


def test_of_two_admissions_of_one_uid_at_once_one_is_new(scene: Scene) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: scene.receive(1)[0], range(8)))
    assert sorted(found) == [Admission.DUPLICATE] * 7 + [Admission.NEW]


def test_of_two_contents_of_one_uid_at_once_one_is_told_to_compare_again(scene: Scene) -> None:
    def send(version: str) -> str:
        try:
            return scene.receive(1, version=version)[0].value
        except Unavailable:
            return "compare again"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(send, "ab")) == ["compare again", "new"]


def test_many_associations_fill_one_study_without_loss(scene: Scene) -> None:
    def send(sender: int) -> None:
        name = scene.associate(f"assoc-{sender}")
        for number in range(sender, 80, 4):
            scene.receive(number + 1, association=name, series=sender + 1)
        scene.ledger.close_association(name, how="released", at=NOON)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(4)))
    study = scene.ledger.study(study_uid())
    assert study is not None
    assert {s.instance.sop_instance_uid for s in study.instances} == {sop_uid(n) for n in range(1, 81)}
    record = scene.ledger.record(study_uid())
    assert record is not None
    assert record.row.instances == 80
    assert scene.ledger.open_studies()[0].arrival.open_associations == 0


def test_sites_do_not_see_each_other(scene: Scene, open_ledger: Callable[..., SqlLedger]) -> None:
    scene.receive(1)
    other = Scene(open_ledger(site="annex"))
    assert other.ledger.find_instance(sop_uid(1)) is None
    assert other.receive(1) == [Admission.NEW]
    assert other.ledger.counts()["instances"] == 1
