from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from service.domain.delivery import DeliveryEvent
from service.domain.errors import Refused
from service.domain.job import MAX_CRASHES, JobState, Step
from service.domain.report import Outcome
from service.domain.rule import Priority
from service.ports.ledger import Claim
from tests.contract.ledger.scene import ANNA, BERTA, ENDED, LEASE, NOON, Scene, new_job, result, study_uid


def scheduled(scene: Scene, *rules: str, study: int = 1, **how: Priority) -> None:
    scene.receive(1, study=study)
    assert scene.hand_over(*(rules or ("chest",)), study=study, **how) is not None


def step(attempt: int, ordinal: int = 1, answer: str = "{}") -> Step:
    return Step(
        ordinal=ordinal,
        kind="draft",
        algorithm="chest",
        answer=answer,
        error="",
        model_digest="m" * 64,
        prompt_digest="p" * 64,
        attempt=attempt,
        started_at=NOON,
        took_s=1.5,
    )


def test_a_claim_brings_what_the_pipeline_needs(scene: Scene) -> None:
    scheduled(scene)
    claim = scene.claim()
    assert (claim.job.state, claim.job.attempt, claim.job.crashes) == (JobState.IN_PROGRESS, 1, 0)
    assert claim.manifest == scene.ledger.manifest(study_uid(), 1)
    assert (claim.identity, claim.complete_since) == (ANNA, NOON)
    assert (claim.steps, claim.predecessors) == ((), ())
    assert scene.state() == "reading"
    assert scene.texts()[-1] == "attempt 1 claimed by worker-1"


def test_nothing_is_claimed_where_nothing_is_due(scene: Scene) -> None:
    assert scene.ledger.claim_job("w", lease=LEASE) is None
    scheduled(scene)
    scene.claim()
    assert scene.ledger.claim_job("w", lease=LEASE) is None


def test_the_most_urgent_job_is_claimed_first_then_the_oldest(scene: Scene) -> None:
    order = [Priority.LOW, Priority.MEDIUM, Priority.STAT, Priority.MEDIUM, Priority.HIGH]
    for number, priority in enumerate(order, start=1):
        scheduled(scene, study=number, priority=priority)
    claimed = [scene.claim().job.study_instance_uid for _ in order]
    assert claimed == [study_uid(number) for number in (3, 5, 2, 4, 1)]


def test_two_hundred_jobs_are_claimed_exactly_once_by_racing_workers(scene: Scene) -> None:
    for number in range(1, 41):
        scheduled(scene, *(f"rule-{k}" for k in range(5)), study=number)

    def work(worker: int) -> list[str]:
        mine = []
        while claim := scene.ledger.claim_job(f"worker-{worker}", lease=LEASE):
            mine.append(claim.job.job_id)
        return mine

    with ThreadPoolExecutor(6) as pool:
        claimed = [job_id for mine in pool.map(work, range(6)) for job_id in mine]
    assert len(claimed) == len(set(claimed)) == 200


def test_a_lease_that_runs_out_gives_the_job_to_another_and_counts_a_crash(scene: Scene) -> None:
    scheduled(scene)
    first = scene.claim(lease=LEASE)
    scene.let_pass(LEASE.total_seconds() - 60)
    assert scene.ledger.claim_job("w", lease=LEASE) is None
    scene.let_pass(61)
    second = scene.claim("worker-2")
    assert (second.job.job_id, second.job.attempt, second.job.crashes) == (first.job.job_id, 2, 1)
    assert "attempt 1 by worker-1 was lost: its lease ran out" in scene.texts()


def test_a_renewed_lease_holds(scene: Scene) -> None:
    scheduled(scene)
    claim = scene.claim(lease=LEASE)
    scene.let_pass(LEASE.total_seconds() - 60)
    assert scene.ledger.renew_job(claim.job.job_id, claim.job.attempt, lease=LEASE)
    scene.let_pass(LEASE.total_seconds() - 60)
    assert scene.ledger.claim_job("w", lease=LEASE) is None


@pytest.mark.parametrize("year", [1999, 2099])
def test_leases_do_not_depend_on_the_clock_of_the_process(scene: Scene, year: int) -> None:
    scene.now = datetime(year, 1, 1, tzinfo=NOON.tzinfo)
    scheduled(scene)
    claim = scene.claim()
    assert scene.ledger.claim_job("w", lease=LEASE) is None
    assert scene.ledger.expire() == 0
    assert scene.ledger.defer_job(claim.job, error="Triton is away", after=timedelta())
    assert scene.finish(scene.claim(), "archive")
    assert len(scene.owed()) == 1


def test_whoever_lost_the_lease_changes_nothing(scene: Scene) -> None:
    scheduled(scene)
    old = scene.claim(lease=ENDED)
    new = scene.claim("worker-2")
    before = scene.everything()
    assert not scene.ledger.renew_job(old.job.job_id, old.job.attempt, lease=LEASE)
    assert not scene.ledger.keep_step(old.job.job_id, step(old.job.attempt))
    assert not scene.finish(old, "archive")
    assert not scene.ledger.defer_job(old.job, error="late", after=timedelta())
    assert not scene.ledger.abandon_job(old.job, reason="late", now=NOON)
    assert scene.everything() == before
    assert scene.finish(new, "archive")
    assert not scene.finish(new, "archive")


def test_a_worker_that_is_late_but_not_replaced_may_still_finish(scene: Scene) -> None:
    scheduled(scene)
    assert scene.finish(scene.claim(lease=ENDED), "archive")


def test_a_finish_records_results_and_what_is_owed(scene: Scene) -> None:
    scheduled(scene)
    claim = scene.claim()
    scene.later(7)
    assert scene.finish(claim, "archive", "workstation", objects=2)
    record = scene.ledger.job(claim.job.job_id)
    assert record is not None
    assert (record.job.state, record.outcome) == (JobState.COMPLETED, "analysed")
    assert (record.report, record.provenance) == ('{"sentences": []}', '{"software": "test"}')
    assert [o.role for o in scene.ledger.issued_objects(study_uid())] == ["role-1", "role-2"]
    assert scene.delivery_states() == ["PENDING"] * 4
    assert scene.texts()[-1] == "finished: analysed, 2 objects for 2 destinations"
    assert scene.state() == "delivering"


def test_a_job_in_shadow_owes_nothing(scene: Scene) -> None:
    scene.read()
    assert scene.delivery_states() == []
    assert scene.state() == "done"
    assert scene.texts()[-1] == "finished: analysed, 1 object for 0 destinations"


def test_a_study_whose_reading_failed_wants_attention_until_it_is_read_again(scene: Scene) -> None:
    scheduled(scene)
    claim = scene.claim()
    assert scene.finish(claim, outcome=Outcome.FAILED)
    assert (scene.state(), scene.ledger.counts()["studies in attention"]) == ("attention", 1)
    assert scene.texts()[-1].startswith("finished: failed (the model did not answer), ")
    assert scene.ledger.replay(claim.job.job_id, by="anna", now=NOON)
    assert scene.finish(scene.claim())
    assert (scene.state(), scene.ledger.counts()["studies in attention"]) == ("done", 0)


def test_a_study_outside_the_models_limits_is_done_when_its_report_is_delivered(scene: Scene) -> None:
    scheduled(scene)
    assert scene.finish(scene.claim(), "archive", outcome=Outcome.NOT_ANALYSED)
    assert scene.state() == "delivering"
    scene.deliver()
    assert scene.state() == "done"
    assert scene.ledger.counts()["studies in attention"] == 0


def test_a_uid_is_issued_for_one_job_only(scene: Scene) -> None:
    first = scene.read("archive")
    again = scene.ledger.replay(first.job.job_id, by="anna", now=NOON)
    assert again is not None
    claim = scene.claim()
    before = scene.everything()
    with pytest.raises(Refused):
        scene.ledger.finish_job(
            claim.job,
            outcome=Outcome.ANALYSED,
            reason="",
            report="{}",
            provenance="{}",
            objects=[result(first)],
            destinations=["archive"],
            now=NOON,
        )
    assert scene.everything() == before


def test_steps_are_kept_for_the_next_attempt_the_last_answer_wins(scene: Scene) -> None:
    scheduled(scene)
    claim = scene.claim()
    assert scene.ledger.keep_step(claim.job.job_id, step(1, answer="first"))
    assert scene.ledger.keep_step(claim.job.job_id, step(1, ordinal=2))
    assert scene.ledger.keep_step(claim.job.job_id, step(1, answer="second"))
    assert scene.ledger.defer_job(claim.job, error="Triton is away", after=timedelta())
    assert scene.claim().steps == (step(1, answer="second"), step(1, ordinal=2))


def test_a_deferred_job_waits_and_its_crashes_are_forgotten(scene: Scene) -> None:
    scheduled(scene)
    scene.claim(lease=ENDED)
    claim = scene.claim()
    assert claim.job.crashes == 1
    assert scene.ledger.defer_job(claim.job, error="Triton is away", after=timedelta(minutes=2))
    scene.let_pass(60)
    assert scene.ledger.claim_job("w", lease=LEASE) is None
    assert scene.ledger.due_lanes() == []
    assert scene.texts()[-1] == "deferred: Triton is away; again in 120 s"
    scene.let_pass(61)
    assert scene.ledger.due_lanes() == ["read"]
    again = scene.claim()
    assert (again.job.attempt, again.job.crashes) == (3, 0)


def test_an_abandoned_job_is_canceled_with_its_reason(scene: Scene) -> None:
    scheduled(scene)
    assert scene.ledger.abandon_job(scene.claim().job, reason="past its deadline", now=NOON)
    (record,) = scene.ledger.jobs(state=JobState.CANCELED)
    assert (record.job.reason, record.finished_at) == ("past its deadline", NOON)
    assert scene.state() == "attention"
    assert scene.ledger.due_lanes() == []


@pytest.mark.parametrize("working", [False, True])
def test_an_operator_cancels_a_job_that_waits_or_is_read(scene: Scene, working: bool) -> None:
    scheduled(scene)
    claim = scene.claim() if working else None
    (record,) = scene.ledger.jobs()
    now = scene.later(60)
    assert scene.ledger.cancel_job(record.job.job_id, by="anna", now=now)
    (canceled,) = scene.ledger.jobs()
    assert (canceled.job.state, canceled.job.reason) == (JobState.CANCELED, "canceled by anna")
    assert canceled.finished_at == now
    assert (scene.texts()[-1], scene.state()) == ("canceled by anna", "attention")
    assert scene.ledger.due_lanes() == []
    assert scene.ledger.claim_job("w", lease=LEASE) is None
    before = scene.everything()
    if claim is not None:
        assert not scene.ledger.renew_job(claim.job.job_id, claim.job.attempt, lease=LEASE)
        assert not scene.ledger.keep_step(claim.job.job_id, step(claim.job.attempt))
        assert not scene.finish(claim, "archive")
        assert not scene.ledger.defer_job(claim.job, error="away", after=timedelta())
    assert not scene.ledger.cancel_job(record.job.job_id, by="berta", now=now)
    assert scene.everything() == before


def test_what_has_ended_or_never_was_is_not_canceled(scene: Scene) -> None:
    claim = scene.read("archive")
    before = scene.everything()
    for job_id in (claim.job.job_id, "0", "no number", ""):
        assert not scene.ledger.cancel_job(job_id, by="anna", now=NOON)
    assert scene.everything() == before


def test_a_reading_that_an_operator_cancels_leaves_the_encoding_to_the_one_before_it(scene: Scene) -> None:
    first = scene.read("archive")
    scene.receive(2)
    scene.hand_over("chest")
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    reading = scene.claim()
    assert scene.ledger.cancel_job(reading.job.job_id, by="anna", now=NOON)
    assert scene.claim().job.origin == first.job.job_id


def test_an_encoding_that_an_operator_cancels_stays_canceled_whichever_identity_it_waited_under(scene: Scene) -> None:
    scene.read("archive")
    for identity in (BERTA, ANNA):
        scene.ledger.reidentify(study_uid(), identity, source="ris", now=NOON)
    (waiting,) = scene.ledger.jobs(state=JobState.SCHEDULED)
    assert scene.ledger.cancel_job(waiting.job.job_id, by="anna", now=NOON)
    assert scene.ledger.claim_job("w", lease=LEASE) is None


def test_of_a_cancel_and_a_claim_at_once_nothing_stays_open(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over(*(f"rule-{n}" for n in range(20)))
    ids = [record.job.job_id for record in scene.ledger.jobs()]
    with ThreadPoolExecutor(4) as pool:
        claims = [pool.submit(scene.ledger.claim_job, "w", lease=LEASE) for _ in ids]
        cancels = [pool.submit(scene.ledger.cancel_job, job_id, by="anna", now=NOON) for job_id in ids]
        assert all(cancel.result() for cancel in cancels)
        assert not any(scene.finish(claim) for done in claims if (claim := done.result()) is not None)
    assert {record.job.state for record in scene.ledger.jobs()} == {JobState.CANCELED}


def test_a_replay_has_as_long_as_the_job_had(scene: Scene) -> None:
    scene.receive(1)
    study = scene.ledger.study(study_uid())
    assert study is not None
    wanted = [replace(new_job("a"), deadline=NOON + timedelta(minutes=20)), new_job("b")]
    assert scene.ledger.hand_over(study, wanted, [], now=NOON) is not None
    now = scene.later(86400)
    spans = {}
    for record in scene.ledger.jobs():
        again = scene.ledger.replay(record.job.job_id, by="anna", now=now)
        assert again is not None
        assert again.deadline is not None
        spans[again.rule] = again.deadline - now
    assert spans == {"a": timedelta(minutes=20), "b": timedelta(hours=1)}


def test_a_poisoned_job_is_canceled_after_its_crashes_and_others_go_on(scene: Scene) -> None:
    scheduled(scene)
    seen = []
    while claim := scene.ledger.claim_job("w", lease=ENDED):
        seen.append(claim.job.crashes)
    assert seen == list(range(MAX_CRASHES + 2))
    assert scene.ledger.expire() == 1
    (record,) = scene.ledger.jobs(state=JobState.CANCELED)
    assert record.job.reason == f"{MAX_CRASHES + 2} attempts in a row took their worker down"
    scheduled(scene, study=2)
    assert scene.claim().job.study_instance_uid == study_uid(2)


def test_a_sweep_between_the_crashes_counts_the_same(scene: Scene) -> None:
    scheduled(scene)
    for crashes in range(MAX_CRASHES + 2):
        assert scene.claim(lease=ENDED).job.crashes == crashes
        assert scene.ledger.expire() == 1
    assert scene.ledger.claim_job("w", lease=LEASE) is None
    assert len(scene.ledger.jobs(state=JobState.CANCELED)) == 1


def test_expired_leases_go_back_to_the_lane(scene: Scene) -> None:
    scheduled(scene)
    scene.claim(lease=ENDED)
    assert scene.ledger.expire() == 1
    assert scene.ledger.expire() == 0
    (record,) = scene.ledger.jobs(state=JobState.SCHEDULED)
    assert record.job.crashes == 1
    assert scene.claim().job.attempt == 2


def test_a_claim_takes_the_newest_identity(scene: Scene) -> None:
    scheduled(scene)
    scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)
    claim = scene.claim()
    assert (claim.job.identity_version, claim.identity) == (2, BERTA)
    assert scene.finish(claim, "archive")
    assert scene.owed()[0].identity_version == 2


def test_predecessors_are_the_results_of_the_newest_earlier_job_of_the_rule(scene: Scene) -> None:
    first = scene.read("archive")
    scene.deliver()
    scene.receive(2)
    scene.hand_over("chest", "other")
    claims = {claim.job.rule: claim for claim in (scene.claim(), scene.claim())}
    assert claims["chest"].predecessors == (result(first),)
    assert claims["other"].predecessors == ()


def read_again(scene: Scene, number: int) -> Claim:
    """Claim the reading that a further image brings about."""
    scene.receive(number)
    assert scene.hand_over("chest") is not None
    return scene.claim()


@pytest.mark.parametrize("destinations", [(), ("archive",)])
def test_what_never_left_is_no_predecessor(scene: Scene, destinations: tuple[str, ...]) -> None:
    scene.read(*destinations)
    assert read_again(scene, 2).predecessors == ()


@pytest.mark.parametrize("event", [DeliveryEvent.HELD, DeliveryEvent.REFUSED, DeliveryEvent.EXPIRED])
def test_what_did_not_arrive_is_no_predecessor(scene: Scene, event: DeliveryEvent) -> None:
    scene.read("archive")
    scene.settle(scene.owed()[0], event)
    assert read_again(scene, 2).predecessors == ()


@pytest.mark.parametrize("events", [(), (DeliveryEvent.STORED,), (DeliveryEvent.STORED, DeliveryEvent.COMMITTED)])
def test_what_is_on_its_way_or_there_is_a_predecessor(scene: Scene, events: tuple[DeliveryEvent, ...]) -> None:
    first = scene.read("archive", "elsewhere")
    (sending,) = scene.owed()
    assert all(scene.settle(sending, event) for event in events)
    assert read_again(scene, 2).predecessors == (result(first),)


def test_a_reading_that_never_left_is_passed_over_for_the_one_before_it(scene: Scene) -> None:
    first = scene.read("archive")
    scene.deliver()
    assert scene.finish(read_again(scene, 2), "archive")
    third = read_again(scene, 3)
    assert scene.delivery_states() == ["SENT", "PENDING"]
    assert third.predecessors == (result(first),)


def test_each_role_has_a_predecessor_of_its_own(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("chest")
    first = scene.claim()
    assert scene.finish(first, "archive", objects=2)
    scene.deliver()
    second = read_again(scene, 2)
    assert scene.finish(second, "archive", outcome=Outcome.NOT_ANALYSED)
    scene.deliver()
    assert set(read_again(scene, 3).predecessors) == {result(second, 1), result(first, 2)}


def test_a_newer_result_takes_the_place_of_what_was_not_sent(scene: Scene) -> None:
    scene.read("archive")
    scene.receive(2)
    scene.hand_over("chest")
    assert scene.finish(scene.claim(), "archive")
    assert scene.delivery_states() == ["SUPERSEDED", "PENDING"]


def test_what_was_sent_stays_sent(scene: Scene) -> None:
    scene.read("archive")
    scene.deliver()
    scene.receive(2)
    scene.hand_over("chest")
    assert scene.finish(scene.claim(), "archive")
    assert scene.delivery_states() == ["SENT", "PENDING"]


def test_another_rule_takes_no_place(scene: Scene) -> None:
    scene.read("archive")
    scene.receive(2)
    scene.hand_over("other")
    assert scene.finish(scene.claim(), "archive")
    assert scene.delivery_states() == ["PENDING", "PENDING"]


def test_a_slow_older_reading_does_not_overtake_a_newer_one(scene: Scene) -> None:
    scheduled(scene)
    old = scene.claim()
    scene.receive(2)
    scene.hand_over("chest")
    assert scene.finish(scene.claim(), "archive")
    assert scene.finish(old, "archive")
    assert scene.delivery_states() == ["PENDING", "SUPERSEDED"]
    (owed,) = scene.owed()
    assert scene.ledger.job(owed.job_id or "").job.manifest_version == 2  # type: ignore[union-attr]


def test_a_replay_takes_the_place_of_the_newest(scene: Scene) -> None:
    first = scene.read("archive")
    scene.receive(2)
    scene.hand_over("chest")
    assert scene.finish(scene.claim(), "archive")
    assert scene.ledger.replay(first.job.job_id, by="anna", now=NOON)
    assert scene.finish(scene.claim(), "archive")
    assert scene.delivery_states() == ["SUPERSEDED", "SUPERSEDED", "PENDING"]


def test_a_job_that_nobody_holds_cannot_be_finished(scene: Scene) -> None:
    scheduled(scene)
    waiting = scene.ledger.jobs()[0].job
    claim = replace(scene.claim(), job=replace(waiting, attempt=7))
    assert not scene.finish(claim, "archive")


def test_jobs_of_one_rule_and_manifest_are_scheduled_once_per_wish(scene: Scene) -> None:
    scene.receive(1)
    study = scene.ledger.study(study_uid())
    assert study is not None
    assert scene.ledger.hand_over(study, [new_job("a"), new_job("b")], [], now=NOON) is not None
    assert sorted(record.job.rule for record in scene.ledger.jobs()) == ["a", "b"]
