from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from service.adapters.ledger.admission import MAX_FORWARDS
from service.domain.delivery import DELIVERY_TRANSITIONS, DeliveryEvent, DeliveryKind, DeliveryState
from service.domain.job import JobState
from service.domain.rule import Priority
from service.ports.ledger import Admission
from tests.contract.ledger.scene import ANNA, BERTA, ENDED, LEASE, NOON, Scene, result, sop_uid, stored, study_uid

NOT_SENT = (DeliveryEvent.DEFERRED, DeliveryEvent.HELD, DeliveryEvent.REFUSED, DeliveryEvent.EXPIRED)


def test_a_claimed_delivery_says_what_goes_where(scene: Scene) -> None:
    claim = scene.read("archive")
    made = result(claim)
    (delivery,) = scene.owed()
    assert (delivery.kind, delivery.destination) == (DeliveryKind.RESULT, "archive")
    assert (delivery.sop_instance_uid, delivery.location, delivery.sha256) == (
        made.sop_instance_uid, made.location, made.sha256,
    )  # fmt: skip
    assert (delivery.role, delivery.job_id, delivery.identity_version) == ("role-1", claim.job.job_id, 1)
    assert (delivery.state, delivery.attempt) == (DeliveryState.SENDING, 1)
    assert scene.owed() == ()


def test_each_destination_has_a_lane_of_its_own(scene: Scene) -> None:
    scene.read("archive", "workstation")
    assert scene.ledger.due_lanes() == ["deliver:archive", "deliver:workstation"]
    assert len(scene.owed("deliver:workstation")) == 1
    assert scene.ledger.due_lanes() == ["deliver:archive"]
    assert scene.owed("deliver:nobody") == ()


def test_the_most_urgent_is_delivered_first(scene: Scene) -> None:
    for study, priority in enumerate((Priority.LOW, Priority.STAT, Priority.HIGH), start=1):
        scene.read("archive", study=study, priority=priority)
    assert [d.study_instance_uid for d in scene.owed(limit=2)] == [study_uid(2), study_uid(3)]
    assert [d.study_instance_uid for d in scene.owed(limit=2)] == [study_uid(1)]


def test_two_hundred_deliveries_are_claimed_exactly_once_by_racing_senders(scene: Scene) -> None:
    scene.receive(*range(1, 201), forward_to=("archive",))

    def send(_: int) -> list[str]:
        mine: list[str] = []
        while batch := scene.owed("forward:archive", limit=7):
            mine += [delivery.delivery_id for delivery in batch]
        return mine

    with ThreadPoolExecutor(6) as pool:
        claimed = [delivery_id for mine in pool.map(send, range(6)) for delivery_id in mine]
    assert len(claimed) == len(set(claimed)) == 200


def test_a_stored_result_is_sent_and_the_study_done(scene: Scene) -> None:
    scene.read("archive")
    (delivery,) = scene.owed()
    sent = scene.later(9)
    assert scene.settle(delivery)
    (record,) = scene.ledger.deliveries(states=[DeliveryState.SENT])
    assert record.sent_at == sent
    assert scene.texts()[-1] == "role-1 sent to archive: 0x0000 Success"
    assert scene.state() == "done"
    assert scene.ledger.due_lanes() == []


def test_a_sent_result_may_be_committed(scene: Scene) -> None:
    scene.read("archive")
    (delivery,) = scene.deliver()
    assert scene.settle(delivery, DeliveryEvent.COMMITTED)
    assert scene.delivery_states() == ["COMMITTED"]


def test_a_deferred_delivery_comes_back_and_is_told_once_per_reason(scene: Scene) -> None:
    scene.read("archive")
    for text in ("no connection", "no connection", "out of resources"):
        (delivery,) = scene.owed()
        assert scene.settle(delivery, DeliveryEvent.DEFERRED, text=text, after=timedelta())
    told = [text for text in scene.texts() if "deferred" in text]
    assert told == [
        "role-1 to archive deferred: no connection; again in 0 s",
        "role-1 to archive deferred: out of resources; again in 0 s",
    ]
    (delivery,) = scene.owed()
    assert (delivery.attempt, delivery.last_error) == (4, "out of resources")


def test_a_deferred_delivery_waits(scene: Scene) -> None:
    scene.read("archive")
    (delivery,) = scene.owed()
    scene.settle(delivery, DeliveryEvent.DEFERRED, text="away", after=timedelta(minutes=2))
    scene.let_pass(60)
    assert scene.owed() == ()
    assert scene.ledger.due_lanes() == []
    scene.let_pass(61)
    assert scene.ledger.due_lanes() == ["deliver:archive"]
    assert len(scene.owed()) == 1


def test_a_lease_that_is_renewed_outlasts_a_slow_link_and_one_that_is_not_is_taken_back(scene: Scene) -> None:
    scene.receive(1, 2, forward_to=("archive",))
    lease = timedelta(minutes=5)
    batch = scene.ledger.claim_deliveries("forward:archive", "sender", lease=lease, limit=8)
    assert len(batch) == 2
    for _ in range(4):
        scene.let_pass(120)
        assert scene.ledger.renew_deliveries(batch[:1], lease=lease) == 1
        scene.ledger.expire()
    (other,) = scene.owed("forward:archive")
    assert other.delivery_id == batch[1].delivery_id
    assert not scene.settle(batch[1]), "it is somebody else's now"
    assert scene.settle(batch[0])
    assert scene.ledger.renew_deliveries(batch, lease=lease) == 0


def test_an_attempt_in_which_nothing_left_is_told_from_one_whose_answer_was_lost(scene: Scene) -> None:
    scene.receive(1, forward_to=("archive",))
    (first,) = scene.owed("forward:archive")
    assert not first.may_be_there
    scene.settle(first, DeliveryEvent.DEFERRED, text="no connection", after=timedelta(), sent=False)
    (second,) = scene.owed("forward:archive")
    assert not second.may_be_there
    scene.settle(second, DeliveryEvent.DEFERRED, text="no answer", after=timedelta())
    (third,) = scene.owed("forward:archive")
    assert third.may_be_there
    assert (third.attempt, third.nothing_sent) == (3, 1)


@pytest.mark.parametrize("event", [DeliveryEvent.HELD, DeliveryEvent.REFUSED, DeliveryEvent.EXPIRED])
def test_what_a_person_must_look_at_stays_until_it_is_sent_again(scene: Scene, event: DeliveryEvent) -> None:
    scene.read("archive")
    (delivery,) = scene.owed()
    assert scene.settle(delivery, event, text="0xA900 mismatch")
    assert (scene.state(), scene.ledger.due_lanes()) == ("attention", [])
    assert "0xA900 mismatch" in scene.texts()[-1]
    assert scene.ledger.deliveries()[0].can_go_again
    assert scene.ledger.retry_delivery(delivery.delivery_id, by="anna", now=NOON)
    assert scene.state() == "delivering"
    assert scene.texts()[-1] == "anna sends role-1 to archive again"
    (again,) = scene.deliver()
    assert (again.attempt, again.tries) == (2, 1)


def test_a_sent_result_may_be_sent_again(scene: Scene) -> None:
    scene.read("archive")
    (first,) = scene.deliver()
    assert scene.ledger.retry_delivery(first.delivery_id, by="anna", now=NOON)
    (second,) = scene.deliver()
    assert second.sop_instance_uid == first.sop_instance_uid
    assert second.attempt > first.attempt


def test_what_is_on_its_way_is_not_sent_again(scene: Scene) -> None:
    scene.read("archive")
    delivery = scene.ledger.deliveries()[0].delivery
    before = scene.everything()
    assert not scene.ledger.retry_delivery(delivery.delivery_id, by="anna", now=NOON)
    assert not scene.ledger.retry_delivery("no number", by="anna", now=NOON)
    assert scene.everything() == before
    scene.owed()
    assert not scene.ledger.retry_delivery(delivery.delivery_id, by="anna", now=NOON)


def test_a_sender_that_lost_its_lease_settles_nothing(scene: Scene) -> None:
    scene.read("archive")
    (old,) = scene.owed(lease=ENDED)
    (new,) = scene.owed()
    assert (new.delivery_id, new.attempt) == (old.delivery_id, 2)
    before = scene.everything()
    for event in (DeliveryEvent.STORED, *NOT_SENT):
        assert not scene.settle(old, event)
    assert scene.everything() == before
    assert scene.settle(new)
    assert not scene.settle(new)


def test_an_expired_lease_goes_back_to_the_lane(scene: Scene) -> None:
    scene.read("archive")
    scene.owed(lease=ENDED)
    assert scene.ledger.expire() == 1
    assert scene.delivery_states() == ["PENDING"]
    assert len(scene.owed()) == 1


def test_originals_make_no_sentence_unless_somebody_must_look(scene: Scene) -> None:
    scene.receive(1, 2, forward_to=("archive",))
    one, two = scene.owed("forward:archive")
    scene.settle(one)
    scene.settle(two, DeliveryEvent.REFUSED, text="0x0122 SOP class not supported")
    assert scene.texts() == ["original refused by archive: 0x0122 SOP class not supported"]


def test_originals_leave_whatever_the_identity(scene: Scene) -> None:
    scene.receive(1, forward_to=("archive",))
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    assert len(scene.deliver("forward:archive")) == 1


@pytest.mark.parametrize("event", [None, DeliveryEvent.DEFERRED, *NOT_SENT[1:]])
def test_an_original_that_has_not_left_gives_way_to_its_correction(scene: Scene, event: DeliveryEvent | None) -> None:
    scene.receive(1, forward_to=("archive", "research"))
    if event:
        scene.settle(scene.owed("forward:archive")[0], event)
    assert scene.correct(1, forward_to=("archive",)) is Admission.CORRECTED
    assert scene.delivery_states() == ["SUPERSEDED", "PENDING", "PENDING"]
    assert [d.location for d in scene.deliver("forward:archive")] == [stored(1, version="b").location]
    assert [d.location for d in scene.deliver("forward:research")] == [stored(1).location], "nobody corrects that one"


def test_a_correction_takes_the_place_of_no_other_instance(scene: Scene) -> None:
    scene.receive(1, 2, forward_to=("archive",))
    scene.correct(1, forward_to=("archive",))
    locations = [d.location for d in scene.deliver("forward:archive")]
    assert locations == [stored(2).location, stored(1, version="b").location]


@pytest.mark.parametrize("event", [DeliveryEvent.STORED, *NOT_SENT])
def test_a_correction_does_not_overtake_the_original_that_is_on_its_way(scene: Scene, event: DeliveryEvent) -> None:
    scene.receive(1, forward_to=("archive",))
    (old,) = scene.owed("forward:archive")
    scene.correct(1, forward_to=("archive",))
    assert scene.owed("forward:archive") == ()
    assert scene.settle(old, event)
    assert scene.delivery_states()[0] == ("SENT" if event is DeliveryEvent.STORED else "SUPERSEDED")
    assert [d.location for d in scene.deliver("forward:archive")] == [stored(1, version="b").location]


def test_a_correction_waits_no_longer_than_the_lease_of_a_sender_that_died(scene: Scene) -> None:
    scene.receive(1, forward_to=("archive",))
    scene.owed("forward:archive", lease=ENDED)
    scene.correct(1, forward_to=("archive",))
    assert scene.owed("forward:archive") == ()
    assert scene.ledger.expire() == 1
    assert scene.delivery_states() == ["SUPERSEDED", "PENDING"]
    assert len(scene.deliver("forward:archive")) == 1


def test_what_a_correction_took_the_place_of_is_not_sent_again_by_hand(scene: Scene) -> None:
    scene.receive(1, forward_to=("archive",))
    (old,) = scene.owed("forward:archive")
    scene.correct(1, forward_to=("archive",))
    assert scene.settle(old)
    assert not scene.ledger.retry_delivery(old.delivery_id, by="anna", now=NOON)
    shown = {each.delivery.delivery_id: each.can_go_again for each in scene.ledger.deliveries()}
    assert shown[old.delivery_id] is False


def test_a_destination_that_sends_back_what_it_changes_does_not_get_it_for_ever(scene: Scene) -> None:
    scene.receive(1, forward_to=("archive", "research"))
    scene.deliver("forward:archive")
    for turn in range(5):
        assert scene.correct(1, version=f"turn-{turn}", forward_to=("archive", "research")) is Admission.CORRECTED
        scene.deliver("forward:archive")
    assert scene.delivery_states().count("SENT") == MAX_FORWARDS == 3
    told = [text for text in scene.texts() if "is not forwarded" in text]
    assert len(told) == 3
    assert told[0] == (
        f"the changed header of {sop_uid(1)} from cr-room is not forwarded: archive has received this instance "
        "3 times already; if archive sends it back changed, the two would go on for ever"
    )
    assert [d.location for d in scene.deliver("forward:research")] == [stored(1, version="turn-4").location]


def test_corrections_while_a_destination_is_away_do_not_count(scene: Scene) -> None:
    scene.receive(1, forward_to=("archive",))
    for turn in range(5):
        scene.correct(1, version=f"turn-{turn}", forward_to=("archive",))
    assert [d.location for d in scene.deliver("forward:archive")] == [stored(1, version="turn-4").location]


# --- identity (invariant 10) -------------------------------------------------------------------------------


def test_an_unknown_study_has_no_identity(scene: Scene) -> None:
    with pytest.raises(KeyError):
        scene.ledger.current_identity(study_uid())
    with pytest.raises(KeyError):
        scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)


def test_the_same_identity_again_makes_nothing(scene: Scene) -> None:
    scene.read("archive")
    before = scene.everything()
    assert scene.ledger.reidentify(study_uid(), ANNA, source="ris", now=NOON) == 1
    assert scene.everything() == before
    assert scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON) == 2
    before = scene.everything()
    assert scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON) == 2
    assert scene.everything() == before


def test_an_identity_may_come_back(scene: Scene) -> None:
    scene.receive(1)
    for version, identity in ((2, BERTA), (3, ANNA)):
        assert scene.ledger.reidentify(study_uid(), identity, source="ris", now=NOON) == version
        assert scene.ledger.current_identity(study_uid()) == (version, identity)


@pytest.mark.parametrize("event", [None, DeliveryEvent.HELD, DeliveryEvent.REFUSED, DeliveryEvent.EXPIRED])
def test_an_unsent_result_gives_way_to_one_under_the_new_identity(scene: Scene, event: DeliveryEvent | None) -> None:
    old = scene.read("archive")
    if event:
        scene.settle(scene.owed()[0], event)
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    assert scene.delivery_states() == ["SUPERSEDED"]
    assert scene.owed() == ()
    claim = scene.claim()
    assert (claim.job.origin, claim.identity, claim.manifest) == (old.job.job_id, BERTA, old.manifest)
    assert claim.predecessors == ()
    same = ("protocol", "rule", "config_version", "mode", "priority", "run_number", "manifest_version")
    assert all(getattr(claim.job, name) == getattr(old.job, name) for name in same)
    assert scene.finish(claim, "archive")
    (delivery,) = scene.owed()
    assert (delivery.identity_version, delivery.sop_instance_uid) == (2, result(claim).sop_instance_uid)


def test_a_result_that_was_sent_is_encoded_again_and_stays_as_it_was(scene: Scene) -> None:
    old = scene.read("archive")
    scene.deliver()
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    claim = scene.claim()
    assert claim.predecessors == (result(old),)
    assert scene.finish(claim, "archive")
    assert scene.delivery_states() == ["SENT", "PENDING"]


def test_a_superseded_result_is_never_sent_again_by_hand(scene: Scene) -> None:
    scene.read("archive")
    (sent,) = scene.deliver()
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    assert not scene.ledger.retry_delivery(sent.delivery_id, by="anna", now=NOON)


@pytest.mark.parametrize("event", NOT_SENT)
def test_a_result_on_its_way_gives_way_when_it_did_not_arrive(scene: Scene, event: DeliveryEvent) -> None:
    scene.read("archive")
    (delivery,) = scene.owed()
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    assert scene.delivery_states() == ["SENDING"]
    assert scene.settle(delivery, event)
    assert scene.delivery_states() == ["SUPERSEDED"]


def test_a_result_on_its_way_that_arrived_was_sent(scene: Scene) -> None:
    scene.read("archive")
    (delivery,) = scene.owed()
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    assert scene.settle(delivery)
    assert scene.delivery_states() == ["SENT"]


def test_a_result_on_its_way_whose_sender_died_does_not_leave_under_the_old_identity(scene: Scene) -> None:
    scene.read("archive")
    scene.owed(lease=ENDED)
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    assert scene.owed() == ()
    assert scene.ledger.expire() == 1
    assert scene.delivery_states() == ["SUPERSEDED"]


def test_a_newer_result_also_dooms_what_is_on_its_way(scene: Scene) -> None:
    scene.read("archive")
    (delivery,) = scene.owed()
    scene.receive(2)
    scene.hand_over("chest")
    assert scene.finish(scene.claim(), "archive")
    assert scene.settle(delivery, DeliveryEvent.DEFERRED)
    assert scene.delivery_states() == ["SUPERSEDED", "PENDING"]


def test_a_doomed_result_whose_sender_died_is_not_claimed_again(scene: Scene) -> None:
    scene.read("archive")
    scene.owed(lease=ENDED)
    scene.receive(2)
    scene.hand_over("chest")
    assert scene.finish(scene.claim(), "archive")
    (newer,) = scene.owed()
    assert newer.sop_instance_uid != scene.ledger.issued_objects(study_uid())[0].sop_instance_uid
    assert scene.ledger.expire() == 1
    assert scene.delivery_states() == ["SUPERSEDED", "SENDING"]


@pytest.mark.parametrize("how", ["abandoned", "lost"])
def test_a_reading_that_is_canceled_leaves_the_encoding_to_the_one_before_it(scene: Scene, how: str) -> None:
    first = scene.read("archive")
    scene.receive(2)
    scene.hand_over("chest")
    late = scene.claim(lease=ENDED)
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    if how == "abandoned":
        assert scene.ledger.abandon_job(late.job, reason="too late", now=NOON)
    else:
        while scene.ledger.claim_job("w", lease=ENDED):
            pass
        assert scene.ledger.expire() == 1
    again = scene.claim()
    assert (again.job.origin, again.identity) == (first.job.job_id, BERTA)


@pytest.mark.parametrize("how", ["abandoned", "lost", "canceled"])
def test_an_encoding_that_fails_is_not_scheduled_once_more_under_the_same_identity(scene: Scene, how: str) -> None:
    scene.read("archive")
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    give_up(scene, how)
    assert scene.ledger.claim_job("w", lease=LEASE) is None
    assert len(scene.ledger.jobs()) == 2
    assert scene.state() == "attention"
    scene.ledger.reidentify(study_uid(), ANNA, source="ris", now=NOON)
    assert scene.claim().identity == ANNA, "another identity is another try"


def give_up(scene: Scene, how: str) -> None:
    if how == "lost":
        while scene.ledger.claim_job("w", lease=ENDED):
            pass
        assert scene.ledger.expire() == 1
    elif how == "abandoned":
        assert scene.ledger.abandon_job(scene.claim().job, reason="no such character set", now=NOON)
    else:
        (waiting,) = scene.ledger.jobs(state=JobState.SCHEDULED)
        assert scene.ledger.cancel_job(waiting.job.job_id, by="anna", now=NOON)


def test_an_encoding_that_gave_way_to_a_reading_is_due_again_when_that_is_canceled(scene: Scene) -> None:
    first = scene.read("archive")
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    scene.receive(2, identity=BERTA)
    scene.hand_over("chest")
    reading = scene.claim()
    assert reading.job.origin is None
    assert scene.ledger.abandon_job(reading.job, reason="too late", now=NOON)
    again = scene.claim()
    assert (again.job.origin, again.identity) == (first.job.job_id, BERTA)


def test_an_encoding_has_an_hour(scene: Scene) -> None:
    scene.read("archive")
    now = scene.later(7200)
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=now)
    assert scene.claim().job.deadline == now + timedelta(hours=1)


def test_encoding_an_older_reading_again_does_not_overtake_a_newer_one(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("chest")
    old = scene.claim()
    scene.receive(2)
    scene.hand_over("chest")
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    assert scene.finish(old, "archive")
    newer, again = scene.claim(), scene.claim()
    assert (newer.job.origin, again.job.origin) == (None, old.job.job_id)
    assert scene.finish(newer, "archive")
    assert scene.finish(again, "archive")
    assert [d.job_id for d in scene.owed()] == [newer.job.job_id]


def test_a_reading_that_ends_under_an_old_identity_is_encoded_again(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("chest")
    claim = scene.claim()
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    assert scene.finish(claim, "archive")
    assert scene.delivery_states() == []
    again = scene.claim()
    assert (again.job.origin, again.identity) == (claim.job.job_id, BERTA)
    assert scene.finish(again, "archive")
    assert [d.identity_version for d in scene.deliver()] == [2]


def test_two_corrections_before_the_encoding_make_one_job(scene: Scene) -> None:
    scene.read("archive")
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    scene.ledger.reidentify(study_uid(), ANNA, source="ris", now=NOON)
    claim = scene.claim()
    assert (claim.job.identity_version, claim.identity) == (3, ANNA)
    assert scene.ledger.claim_job("w", lease=LEASE) is None


def test_answers_come_from_the_first_origin_however_often_the_identity_changes(scene: Scene) -> None:
    from tests.contract.ledger.test_working import step

    scene.receive(1)
    scene.hand_over("chest")
    claim = scene.claim()
    scene.ledger.keep_step(claim.job.job_id, step(1))
    scene.finish(claim, "archive")
    for identity in (BERTA, ANNA):
        scene.ledger.reidentify(study_uid(), identity, source="ris", now=NOON)
        claim = scene.claim()
        assert claim.steps == (step(1),)
        assert scene.finish(claim, "archive")
    assert scene.delivery_states() == ["SUPERSEDED", "SUPERSEDED", "PENDING"]


def test_encoding_again_does_not_overtake_a_later_reading(scene: Scene) -> None:
    scene.read("archive")
    scene.receive(2)
    scene.hand_over("chest")
    late = scene.claim()
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    assert scene.ledger.claim_job("w", lease=LEASE) is None, "the reading under way stands for the rule"
    assert scene.finish(late, "archive")
    again = scene.claim()
    assert again.job.manifest_version == 2
    assert scene.finish(again, "archive")
    assert [d.identity_version for d in scene.deliver()] == [2]


def test_a_correction_from_the_sender_has_the_same_consequences(scene: Scene) -> None:
    scene.read("archive")
    scene.correct(1, identity=BERTA)
    assert scene.delivery_states() == ["SUPERSEDED"]
    assert scene.claim().identity == BERTA


def test_only_rules_with_results_are_encoded_again(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("with", "without")
    for claim in (scene.claim(), scene.claim()):
        scene.finish(claim, "archive", objects=1 if claim.job.rule == "with" else 0)
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    assert [record.job.rule for record in scene.ledger.jobs(state=JobState.SCHEDULED)] == ["with"]


def test_every_line_of_the_table_of_transitions_is_walked_by_this_file() -> None:
    """A line that is added has to be thought of here; those of what stands in are walked in test_stand_in.py, those of
    what is retracted in test_withdrawing.py."""
    walked = [event for _, event in DELIVERY_TRANSITIONS if event is not DeliveryEvent.RETRACTED]
    assert len(walked) == 21
