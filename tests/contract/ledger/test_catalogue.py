from dataclasses import replace
from datetime import timedelta

import pytest

from service.domain.delivery import DeliveryEvent, DeliveryState
from service.domain.job import JobState
from service.domain.study import Patient
from service.ports.catalogue import LaneDepth, StageTimes, StudyQuery
from tests.contract.ledger.scene import ANNA, BERTA, ENDED, NOON, Scene, study_uid


def found(scene: Scene, **query: object) -> list[int]:
    """Numbers of the studies on the page."""
    rows = scene.ledger.studies(StudyQuery(**query))  # type: ignore[arg-type]
    return [int(row.study_instance_uid.rsplit(".", 1)[1]) for row in rows]


@pytest.fixture
def three(scene: Scene) -> Scene:
    """Study 1 of Anna, 2 of Berta with a CT, 3 of Anna; a minute apart."""
    scene.receive(1, study=1)
    scene.later(60)
    scene.receive(1, study=2, identity=replace(BERTA, accession_number="B7"), Modality="CT")
    scene.later(60)
    scene.receive(1, study=3)
    return scene


def test_studies_stand_newest_first(three: Scene) -> None:
    assert found(three) == [3, 2, 1]
    three.later(60)
    three.receive(2, study=1)
    assert found(three) == [1, 3, 2]


def test_a_row_says_what_the_page_shows(three: Scene) -> None:
    row = three.ledger.studies(StudyQuery(modality="CT"))[0]
    assert (row.study_instance_uid, row.source, row.modalities, row.instances) == (study_uid(2), "cr-room", ("CT",), 1)
    assert row.identity == replace(BERTA, accession_number="B7")
    assert (row.received_first, row.received_last) == (NOON + timedelta(minutes=1),) * 2
    assert (row.state, row.note) == ("receiving", "")


@pytest.mark.parametrize(
    ("query", "studies"),
    [
        ({"patient_name": "müll"}, [3, 1]),
        ({"patient_name": "MÜLLER^A"}, [3, 1]),
        ({"patient_name": "anna"}, []),
        ({"patient_id": "p2"}, [2]),
        ({"accession_number": "b"}, [2]),
        ({"study_instance_uid": study_uid(2)}, [2]),
        ({"modality": "CT"}, [2]),
        ({"modality": "MR"}, []),
        ({"patient_name": "m", "modality": "CT"}, []),
        ({"state": "receiving"}, [3, 2, 1]),
        ({"state": "done"}, []),
        ({"received_since": NOON + timedelta(seconds=60)}, [3, 2]),
        ({"received_until": NOON + timedelta(seconds=60)}, [2, 1]),
        ({"limit": 2}, [3, 2]),
        ({"patient_name": "%"}, []),
        ({"patient_name": "_üller"}, []),
        ({"patient_name": "'; DROP TABLE study; --"}, []),
    ],
)
def test_filters_narrow_the_page(three: Scene, query: dict[str, object], studies: list[int]) -> None:
    assert found(three, **query) == studies


def test_pages_follow_each_other_without_a_gap_even_at_the_same_instant(scene: Scene) -> None:
    for study in range(1, 8):
        scene.receive(1, study=study)
    pages, before = [], None
    while rows := scene.ledger.studies(StudyQuery(limit=3, before=before)):
        pages.append([row.study_instance_uid for row in rows])
        before = (rows[-1].received_last, rows[-1].study_instance_uid)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(uid for page in pages for uid in page) == [study_uid(n) for n in range(1, 8)]


def test_a_corrected_name_is_found_and_the_former_is_not(scene: Scene) -> None:
    scene.receive(1)
    scene.correct(1, identity=replace(ANNA, patient=Patient(patient_id="P9", name="Ödön^Z")))
    assert found(scene, patient_name="öd") == [1]
    assert found(scene, patient_name="mü") == []


def test_each_state_is_found_under_its_name(scene: Scene) -> None:
    scene.receive(1, study=1)
    scene.receive(1, study=2)
    scene.hand_over(study=2)
    scene.receive(1, study=3)
    scene.hand_over("chest", study=3)
    scene.claim()
    scene.receive(1, study=4)
    scene.hand_over("chest", study=4)
    states = {1: "receiving", 2: "unmatched", 3: "reading", 4: "scheduled"}
    assert {n: scene.state(n) for n in states} == states
    assert {state: found(scene, state=state) for state in states.values()} == {s: [n] for n, s in states.items()}


def test_a_study_that_is_delivered_again_leaves_attention(scene: Scene) -> None:
    scene.read("archive", "workstation")
    (one,) = scene.owed("deliver:archive")
    scene.settle(one, DeliveryEvent.REFUSED)
    assert found(scene, state="attention") == [1]
    scene.ledger.retry_delivery(one.delivery_id, by="anna", now=NOON)
    assert found(scene, state="delivering") == [1]
    scene.deliver("deliver:archive")
    scene.deliver("deliver:workstation")
    assert found(scene, state="done") == [1]


def test_a_job_that_took_over_ends_the_attention_for_a_canceled_one(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("chest")
    job = scene.claim().job
    scene.ledger.abandon_job(job, reason="too late", now=NOON)
    assert scene.state() == "attention"
    scene.ledger.replay(job.job_id, by="anna", now=NOON)
    assert scene.state() == "scheduled"
    scene.finish(scene.claim())
    assert scene.state() == "done"


def test_a_record_holds_everything_of_a_study(scene: Scene) -> None:
    claim = scene.read("archive", images=2)
    record = scene.ledger.record(study_uid())
    assert record is not None
    assert record.identity_version == 1
    assert record.manifests == (claim.manifest,)
    assert [r.job.job_id for r in record.jobs] == [claim.job.job_id]
    assert list(record.objects) == list(scene.ledger.issued_objects(study_uid()))
    assert list(record.deliveries) == list(scene.ledger.deliveries())
    assert record.row == scene.ledger.studies(StudyQuery())[0]
    assert record.row.note == record.events[-1].text
    assert scene.ledger.record(study_uid(9)) is None
    assert list(scene.ledger.issued_objects(study_uid(9))) == []


def test_jobs_stand_newest_first_by_state(scene: Scene) -> None:
    scene.read(study=1)
    scene.receive(1, study=2)
    scene.hand_over("chest", study=2)
    done, waiting = (r.job.job_id for r in sorted(scene.ledger.jobs(), key=lambda r: int(r.job.job_id)))
    assert [r.job.job_id for r in scene.ledger.jobs()] == [waiting, done]
    assert [r.job.job_id for r in scene.ledger.jobs(limit=1)] == [waiting]
    assert [r.job.job_id for r in scene.ledger.jobs(state=JobState.COMPLETED)] == [done]
    assert list(scene.ledger.jobs(state=JobState.CANCELED)) == []
    record = scene.ledger.job(waiting)
    assert record is not None
    assert record.next_due is not None
    assert scene.ledger.job("nothing") is None


def test_deliveries_stand_newest_first_by_state_and_destination(scene: Scene) -> None:
    scene.read("archive", "workstation")
    scene.deliver()
    assert [r.delivery.destination for r in scene.ledger.deliveries()] == ["workstation", "archive"]
    assert [r.delivery.destination for r in scene.ledger.deliveries(destination="archive")] == ["archive"]
    pending = scene.ledger.deliveries(states=[DeliveryState.PENDING, DeliveryState.HELD])
    assert [r.delivery.destination for r in pending] == ["workstation"]
    assert len(scene.ledger.deliveries(limit=1)) == 1


def test_depths_count_what_waits_is_worked_on_and_failed_before(scene: Scene) -> None:
    assert scene.ledger.depths() == []
    scene.receive(1, 2, 3, forward_to=("archive",))
    scene.hand_over("chest")
    first, _ = scene.owed("forward:archive", limit=2)
    scene.settle(first, DeliveryEvent.DEFERRED, text="away", after=timedelta(hours=1))
    assert scene.ledger.depths() == [
        LaneDepth(lane="read", waiting=1, working=0, retrying=0, oldest=NOON),
        LaneDepth(lane="forward:archive", waiting=2, working=1, retrying=1, oldest=NOON),
    ]


def test_counts_are_totals(scene: Scene) -> None:
    scene.read("archive", images=3)
    scene.deliver()
    counts = scene.ledger.counts()
    assert (counts["studies"], counts["instances"], counts["objects"], counts["conflicts"]) == (1, 3, 1, 0)
    assert (counts["job COMPLETED"], counts["delivery SENT"], counts["delivery PENDING"]) == (1, 1, 0)
    assert {f"job {s.value}" for s in JobState} | {f"delivery {s.value}" for s in DeliveryState} <= counts.keys()


def test_stage_times_are_percentiles_of_the_window(scene: Scene) -> None:
    for study, seconds in enumerate((10, 20, 30, 40), start=1):
        scene.receive(1, study=study)
        scene.later(seconds)
        scene.hand_over(study=study)
    by_stage = {t.stage: t for t in scene.ledger.stage_times(window=timedelta(hours=1), now=scene.now)}
    assert by_stage["assemble"] == StageTimes(stage="assemble", count=4, p50_s=20, p95_s=40)
    assert by_stage["read"] == StageTimes(stage="read", count=0, p50_s=0, p95_s=0)
    late = scene.ledger.stage_times(window=timedelta(seconds=35), now=scene.now)
    assert next(t.count for t in late if t.stage == "assemble") == 1


def test_recent_events_stand_newest_first_over_all_studies(three: Scene) -> None:
    three.hand_over(study=1)
    three.hand_over("chest", study=2)
    events = three.ledger.recent_events(limit=2)
    assert [event.study_instance_uid for event in events] == [study_uid(2)] * 2
    assert events[0].text.startswith("job scheduled")


def test_the_page_walks_past_a_crowd_of_equal_names(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.adapters.ledger.studies._FEW", 2)
    for study in range(1, 6):
        scene.receive(1, study=study)
        scene.later(1)
    assert found(scene, patient_name="mü", limit=3) == [5, 4, 3]


def test_a_lost_worker_shows_in_the_depths_as_retrying(scene: Scene) -> None:
    scene.receive(1)
    scene.hand_over("chest")
    scene.claim(lease=ENDED)
    scene.ledger.expire()
    assert scene.ledger.depths()[0].retrying == 1
