from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from pydicom.uid import DigitalXRayImageStorageForPresentation

from service.domain.assembly import Arrival, Patience, complete
from service.domain.event import Event, EventKind
from service.domain.job import Job, JobState
from service.ports.ledger import Admission, Beat
from tests.contract.ledger.scene import BERTA, ENDED, LEASE, NOON, NOT_AN_IMAGE, Scene, new_job, sop_uid, study_uid


def arrival(scene: Scene) -> Arrival:
    (waiting,) = scene.ledger.open_studies()
    return waiting.arrival


def test_a_study_waits_from_its_first_image_until_it_is_handed_over(scene: Scene) -> None:
    assert scene.ledger.open_studies() == []
    scene.receive(1)
    scene.later(3)
    scene.receive(2)
    (waiting,) = scene.ledger.open_studies()
    assert (waiting.study_instance_uid, waiting.source) == (study_uid(), "cr-room")
    assert waiting.arrival == Arrival(
        first_instance=NOON, last_instance=NOON + timedelta(seconds=3), open_associations=0, last_release=None
    )
    assert scene.state() == "receiving"
    assert scene.hand_over("chest") is not None
    assert scene.ledger.open_studies() == []
    assert scene.state() == "scheduled"


def test_an_open_association_holds_the_study_back_and_its_release_lets_it_go(scene: Scene) -> None:
    scene.associate()
    scene.receive(1)
    assert arrival(scene).open_associations == 1
    released = scene.later(1)
    scene.ledger.close_association("assoc", how="released", at=released)
    assert arrival(scene) == Arrival(
        first_instance=NOON, last_instance=NOON, open_associations=0, last_release=released
    )


def test_after_an_association_that_was_cut_off_patience_is_longer(scene: Scene) -> None:
    scene.associate("whole")
    scene.receive(1, association="whole")
    scene.associate("cut")
    scene.receive(2, association="cut")
    scene.ledger.close_association("whole", how="released", at=scene.later(1))
    scene.ledger.close_association("cut", how="aborted", at=scene.later(1))
    assert arrival(scene).last_release is None
    patience = Patience()
    assert not complete(arrival(scene), patience, now=scene.now + patience.quiet)
    assert complete(arrival(scene), patience, now=scene.now + patience.silent)


def test_a_sender_that_begins_again_holds_the_study_back_with_duplicates(scene: Scene) -> None:
    scene.receive(1, 2)
    scene.associate("again")
    scene.receive(1, association="again")
    assert arrival(scene).open_associations == 1


def test_our_own_results_coming_back_hold_no_study_back(scene: Scene) -> None:
    scene.read("archive")
    scene.receive(2)
    ours = scene.ledger.issued_objects(study_uid())[0]
    scene.associate("archive sends")
    echo = scene.reception(1, association="archive sends")
    header = replace(echo.stored.instance, sop_instance_uid=ours.sop_instance_uid)
    assert scene.ledger.admit(replace(echo, stored=replace(echo.stored, instance=header))) is Admission.ECHO
    assert arrival(scene).open_associations == 0


def test_only_what_is_open_counts_for_the_next_manifest(scene: Scene) -> None:
    scene.associate()
    scene.receive(1)
    scene.ledger.close_association("assoc", how="released", at=NOON)
    scene.hand_over("chest")
    scene.later(60)
    scene.receive(2, association="late")
    assert arrival(scene) == Arrival(
        first_instance=scene.now, last_instance=scene.now, open_associations=0, last_release=None
    )


def test_a_manifest_holds_exactly_what_was_read_of_the_study(scene: Scene) -> None:
    scene.receive(1, 2)
    study = scene.ledger.study(study_uid())
    made = scene.hand_over("chest")
    assert study is not None
    assert made is not None
    assert (made.version, made.instances) == (1, study.instances)
    assert scene.ledger.manifest(study_uid(), 1) == made


def test_a_manifest_may_hold_a_part_of_the_study(scene: Scene) -> None:
    scene.receive(1)
    scene.receive(2, sop_class=NOT_AN_IMAGE)
    study = scene.ledger.study(study_uid())
    assert study is not None
    images = replace(study, instances=study.instances[:1])
    made = scene.ledger.hand_over(images, [], [], now=NOON)
    assert made is not None
    assert scene.ledger.manifest(study_uid(), 1).instances == study.instances[:1]


def test_a_manifest_that_does_not_exist_is_a_key_error(scene: Scene) -> None:
    scene.receive(1)
    with pytest.raises(KeyError):
        scene.ledger.manifest(study_uid(), 1)


@pytest.mark.parametrize("late", ["image", "other object", "correction"])
def test_nothing_is_handed_over_if_the_study_changed_since_it_was_read(scene: Scene, late: str) -> None:
    scene.receive(1)
    study = scene.ledger.study(study_uid())
    assert study is not None
    scene.later(-30)  # even if this process's clock went back
    if late == "correction":
        scene.correct(1)
    else:
        scene.receive(2, **({} if late == "image" else {"sop_class": NOT_AN_IMAGE}))
    before = scene.everything()
    assert scene.ledger.hand_over(study, [], [], now=NOON) is None
    assert scene.everything() == before
    assert scene.hand_over("chest") is not None


def test_the_same_study_is_handed_over_once_by_two_sweeps(scene: Scene) -> None:
    scene.receive(1)
    study = scene.ledger.study(study_uid())
    assert study is not None
    assert scene.hand_over("chest") is not None
    assert scene.ledger.hand_over(study, [], [], now=NOON) is None
    assert len(scene.ledger.jobs()) == 1


def test_a_late_image_makes_a_further_version_that_replaces_what_still_waits(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("chest", "other")
    scene.receive(2)
    made = scene.hand_over("chest")
    assert made is not None
    assert made.version == 2
    assert scene.ledger.manifest(study_uid(), 1).instances == made.instances[:1]
    found = {(r.job.rule, r.job.manifest_version): (r.job.state, r.job.reason) for r in scene.ledger.jobs()}
    assert found == {
        ("chest", 1): (JobState.CANCELED, "superseded by a later manifest"),
        ("other", 1): (JobState.CANCELED, "superseded by a later manifest that its rule does not take"),
        ("chest", 2): (JobState.SCHEDULED, ""),
    }


def test_a_waiting_reading_is_canceled_when_its_rule_takes_the_study_no_longer(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("chest")
    scene.correct(1, BodyPartExamined="HAND")
    now = scene.later(60)
    assert scene.hand_over() is not None
    (record,) = scene.ledger.jobs()
    assert (record.job.state, record.finished_at) == (JobState.CANCELED, now)
    assert scene.texts()[-1] == "canceled: superseded by a later manifest that its rule does not take"
    assert scene.ledger.claim_job("w", lease=LEASE) is None
    assert scene.state() == "unmatched"


def test_a_reading_that_routing_took_back_leaves_the_study_as_it_was(scene: Scene) -> None:
    scene.read("archive")
    scene.deliver()
    scene.receive(2)
    scene.hand_over("chest")
    scene.receive(3)
    scene.hand_over()
    assert scene.state() == "done"


def test_an_encoding_stays_when_its_rule_takes_the_study_no_longer(scene: Scene) -> None:
    first = scene.read("archive")
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    scene.correct(1, BodyPartExamined="HAND", identity=BERTA)
    assert scene.hand_over() is not None
    assert scene.claim().job.origin == first.job.job_id


def test_a_reading_that_routing_took_back_leaves_the_encoding_to_the_one_before_it(scene: Scene) -> None:
    first = scene.read("archive")
    scene.receive(2)
    scene.hand_over("chest")
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    scene.receive(3, identity=BERTA)
    assert scene.hand_over() is not None
    assert scene.claim().job.origin == first.job.job_id


def test_a_job_that_is_being_worked_on_survives_a_later_manifest(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("chest")
    claim = scene.claim()
    scene.receive(2)
    scene.hand_over("chest")
    assert scene.finish(claim, "archive")


def test_a_late_object_that_is_no_image_makes_no_version(scene: Scene) -> None:
    scene.read("archive")
    assert scene.receive(2, sop_class=NOT_AN_IMAGE) == [Admission.NEW]
    assert scene.ledger.open_studies() == []


def test_a_study_without_images_is_handed_over_once(scene: Scene) -> None:
    scene.receive(1, sop_class=NOT_AN_IMAGE)
    assert len(scene.ledger.open_studies()) == 1
    assert scene.hand_over() is not None
    assert scene.state() == "unmatched"
    scene.receive(2, sop_class=NOT_AN_IMAGE)
    assert scene.ledger.open_studies() == []
    scene.receive(3)
    assert len(scene.ledger.open_studies()) == 1


def test_a_corrected_name_alone_opens_no_new_reading(scene: Scene) -> None:
    scene.read("archive")
    scene.correct(1, identity=BERTA, StudyDescription="corrected")
    assert scene.ledger.open_studies() == []


def test_a_corrected_view_opens_a_new_reading(scene: Scene) -> None:
    scene.read("archive")
    scene.correct(1, ViewPosition="AP")
    made = scene.hand_over("chest")
    assert made is not None
    assert (made.version, made.instances[0].instance.view) == (2, "AP")


def test_a_correction_opens_a_study_that_no_rule_had_taken(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over()
    scene.correct(1, StudyDescription="Thorax")
    assert len(scene.ledger.open_studies()) == 1


def test_a_manifest_keeps_the_bytes_that_were_frozen(scene: Scene) -> None:
    scene.receive(1)
    made = scene.hand_over("chest")
    scene.correct(1)
    assert made is not None
    assert scene.ledger.manifest(study_uid(), 1).digest == made.digest
    assert scene.claim().manifest.instances[0].location == made.instances[0].location


def test_a_correction_changes_no_manifest_that_was_frozen(scene: Scene) -> None:
    scene.receive(1, 2)
    made = scene.hand_over("chest")
    scene.correct(1, BodyPartExamined="HAND", series=2, sop_class=DigitalXRayImageStorageForPresentation)
    assert scene.claim().manifest == made
    later = scene.hand_over("chest")
    assert later is not None
    assert later.instances[0].instance.body_part == "HAND"
    assert [scene.ledger.manifest(study_uid(), version) for version in (1, 2)] == [made, later]


def test_a_hand_over_is_told_before_its_jobs(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("chest")
    assert scene.texts() == ["complete", "job scheduled: rule chest, protocol chest-protocol, priority MEDIUM"]


def route_again(scene: Scene, *rules: str) -> Sequence[Job] | None:
    found = scene.ledger.study(study_uid())
    assert found is not None
    told = Event(at=scene.now, kind=EventKind.OPERATOR, text="anna routes", study_instance_uid=study_uid())
    return scene.ledger.route_again(found, [new_job(rule) for rule in rules], [told], now=scene.now)


def test_a_study_that_no_rule_took_is_read_once_it_is_routed_again(scene: Scene) -> None:
    scene.receive(1)
    made = scene.hand_over()
    (job,) = route_again(scene, "chest") or ()
    assert (job.rule, job.manifest_version, scene.state()) == ("chest", 1, "scheduled")
    assert scene.texts()[-2:] == ["anna routes", "job scheduled: rule chest, protocol chest-protocol, priority MEDIUM"]
    claim = scene.claim()
    assert (claim.job, claim.manifest) == (replace(job, state=claim.job.state, attempt=1), made)


def test_routing_again_schedules_only_what_the_newest_manifest_lacks(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("chest")
    made = route_again(scene, "chest", "other")
    assert made is not None
    assert [job.rule for job in made] == ["other"]
    assert route_again(scene, "chest", "other") == []
    assert {record.job.state for record in scene.ledger.jobs()} == {JobState.SCHEDULED}
    assert scene.texts()[-1] == "anna routes"


def test_routing_again_freezes_what_a_corrected_rule_lets_in(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over()
    scene.receive(2, sop_class=NOT_AN_IMAGE)
    (job,) = route_again(scene, "chest") or ()
    assert job.manifest_version == 2
    assert len(scene.claim().manifest.instances) == 2


def test_routing_again_to_no_rule_is_told_and_changes_nothing_else(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over()
    assert route_again(scene) == []
    assert (scene.texts()[-1], scene.state()) == ("anna routes", "unmatched")


def test_a_reading_gives_the_encoding_before_it_no_second_chance_when_routed_again(scene: Scene) -> None:
    scene.read("archive")
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    scene.correct(1, BodyPartExamined="HAND", identity=BERTA)
    scene.hand_over()
    made = route_again(scene, "chest")
    assert made is not None
    assert [scene.claim().job.job_id, scene.ledger.claim_job("w", lease=LEASE)] == [made[0].job_id, None]


def test_while_images_arrive_nothing_is_routed_again(scene: Scene) -> None:
    scene.receive(1)
    before = scene.everything()
    assert route_again(scene, "chest") is None
    assert scene.everything() == before


def test_a_study_that_changed_meanwhile_is_not_routed_again(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over()
    found = scene.ledger.study(study_uid())
    assert found is not None
    old = replace(found, received_last=found.received_last - timedelta(seconds=1))
    assert scene.ledger.route_again(old, [new_job()], [], now=NOON) is None


def test_a_replay_is_a_new_job_with_the_next_run_number(scene: Scene) -> None:
    first = scene.read("archive").job
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    again = scene.ledger.replay(first.job_id, by="anna", now=NOON)
    assert again is not None
    assert (again.run_number, again.identity_version, again.origin) == (2, 2, None)
    assert (again.protocol, again.rule, again.manifest_version) == (first.protocol, first.rule, first.manifest_version)
    third = scene.ledger.replay(first.job_id, by="anna", now=NOON)
    assert third is not None
    assert third.run_number == 3
    assert any("anna replays" in text for text in scene.texts())


@pytest.mark.parametrize("job_id", ["", "99", "no number", "-1", "9" * 30, "٣"])
def test_an_unknown_job_is_not_replayed(scene: Scene, job_id: str) -> None:
    assert scene.ledger.replay(job_id, by="anna", now=NOON) is None


def test_a_study_that_nobody_knows_is_none(scene: Scene) -> None:
    assert scene.ledger.study(study_uid(9)) is None


# --- associations whose process is gone --------------------------------------------------------------------


def beat(process: str, *, pid: int = 1) -> Beat:
    return Beat(process=process, host="here", pid=pid, at=NOON)


def test_an_association_of_a_process_that_lives_is_not_lost(scene: Scene) -> None:
    scene.ledger.beat(beat("scp"))
    scene.associate(process="scp")
    scene.receive(1)
    assert scene.ledger.lose_associations(older_than=timedelta(minutes=1)) == 0


def test_an_association_of_a_silent_process_is_lost(scene: Scene) -> None:
    scene.ledger.beat(beat("scp"))
    scene.associate(process="scp")
    scene.receive(1)
    assert scene.ledger.lose_associations(older_than=ENDED) == 1
    assert arrival(scene).open_associations == 0
    assert scene.texts() == ["association from cr-room lost: 1 new"]
    assert scene.ledger.lose_associations(older_than=ENDED) == 0


def test_what_comes_over_a_lost_association_is_still_received(scene: Scene) -> None:
    scene.associate()
    scene.receive(1)
    assert scene.ledger.lose_associations(older_than=ENDED) == 1
    assert scene.receive(2) == [Admission.NEW]
    study = scene.ledger.study(study_uid())
    assert study is not None
    assert [s.instance.sop_instance_uid for s in study.instances] == [sop_uid(1), sop_uid(2)]
    assert arrival(scene).open_associations == 0
