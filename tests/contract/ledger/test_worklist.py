"""The work list: drafts that wait for a person, urgent ones first, then the longest wait; a page at a time."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select, update

from service.adapters.edit_chain import ChainedEdits
from service.adapters.ledger.migrations.versions.v0008_waits import fill
from service.adapters.ledger.schema import study
from service.adapters.ledger.worklist import places
from service.domain.aligned import edits
from service.domain.edit import Revision, Suggestion, text_digest
from service.domain.rejection import Reason
from service.domain.report import Outcome, Section
from service.domain.review import Observer, Review, Statement, Verdict
from service.domain.rule import Mode, Priority
from service.ports.catalogue import Waiting
from tests.contract.ledger.scene import Scene, study_uid

DRAFT, TEXT = "Findings:\nNo effusion.\n", "Findings:\nSmall effusion.\n"


@pytest.fixture
def ward(scene: Scene) -> Scene:
    """Three drafts, their studies a minute apart; the last one is STAT."""
    scene.read(study=1)
    scene.later(60)
    scene.read(study=2)
    scene.later(60)
    scene.read(study=3, priority=Priority.STAT)
    return scene


def listed(scene: Scene) -> list[int]:
    """Numbers of the studies on the list; what is kept of each is held against what follows from its jobs."""
    with scene.ledger.database.write() as connection:
        kept = _kept(connection)
        connection.execute(update(study).values(waits=None))
        fill(connection)
        assert _kept(connection) == kept
    return [number_of(each) for each in scene.ledger.waiting()]


def _kept(connection: Connection) -> dict[str, int | None]:
    return {row.uid: row.waits for row in connection.execute(select(study.c.uid, study.c.waits))}


def number_of(row: Waiting) -> int:
    return int(row.row.study_instance_uid.rsplit(".", 1)[1])


def review(scene: Scene, job_id: str, *, study: int, verdict: Verdict) -> Review:
    return Review(
        study_instance_uid=study_uid(study), job_id=job_id, number=1, verdict=verdict, at=scene.now, text=TEXT,
        observer=Observer(name="Weiß^Anna", organization="Clinic"),
        statements=(Statement(section=Section.FINDINGS, text="Small effusion.", findings=()),),
    )  # fmt: skip


def reading_of(scene: Scene, study: int) -> str:
    record = scene.ledger.record(study_uid(study))
    assert record is not None
    return record.jobs[-1].reading


def sign(scene: Scene, study: int) -> None:
    given = review(scene, reading_of(scene, study), study=study, verdict=Verdict.SIGNED)
    assert scene.ledger.sign(given, now=scene.now)
    assert scene.finish(scene.claim(), objects=0)


def test_urgent_drafts_stand_first_then_the_longest_wait(ward: Scene) -> None:
    assert listed(ward) == [3, 1, 2]
    first = ward.ledger.waiting()[0]
    assert (first.priority, first.outcomes, first.saved_by, first.saved_at) == (Priority.STAT, ("analysed",), "", None)
    assert first.row == ward.ledger.record(study_uid(3)).row  # type: ignore[union-attr]


def test_pages_follow_each_other_without_a_gap(ward: Scene) -> None:
    ward.read(study=4)
    pages: list[list[int]] = []
    after = None
    while rows := ward.ledger.waiting(after=after, limit=2):
        pages.append([number_of(each) for each in rows])
        after = rows[-1].place
    assert pages == [[3, 1], [2, 4]]


def test_a_page_walks_the_index_of_what_waits_and_sorts_nothing(ward: Scene) -> None:
    database = ward.ledger.database
    after = (int(Priority.STAT), ward.now, "1")
    for query in (places("main", None).limit(50), places("main", after).limit(50)):
        words = query.compile(database.engine, compile_kwargs={"literal_binds": True})
        with database.write() as connection:
            if database.is_sqlite:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}").all()
            else:  # three rows are read fastest from end to end: whether the index serves the order is asked
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
                connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
                plan = connection.exec_driver_sql(f"EXPLAIN {words}").all()
        said = " ".join(str(row[-1]) for row in plan)
        assert "ix_study_waits" in said
        assert "Sort" not in said
        assert "B-TREE" not in said


def test_a_study_of_which_more_arrives_waits_no_more_until_it_is_read_again(ward: Scene) -> None:
    ward.receive(9, study=2)
    assert listed(ward) == [3, 1]
    ward.hand_over("chest", study=2)
    assert listed(ward) == [3, 1], "study 2 is being read"
    ward.finish(ward.claim())
    assert listed(ward) == [3, 1, 2]


def test_what_is_signed_or_rejected_waits_no_more(ward: Scene) -> None:
    sign(ward, 1)
    given = review(ward, reading_of(ward, 3), study=3, verdict=Verdict.REJECTED)
    assert ward.ledger.reject(given, Reason.QUALITY, base_sha256=text_digest(TEXT), now=ward.now)
    assert listed(ward) == [2]


def test_a_newer_reading_of_a_signed_study_waits_again(ward: Scene) -> None:
    sign(ward, 1)
    ward.ledger.replay(reading_of(ward, 2), by="anna", now=ward.now)
    assert listed(ward) == [3], "study 2 is being read"
    ward.finish(ward.claim())
    assert listed(ward) == [3, 2]
    ward.ledger.replay(reading_of(ward, 1), by="anna", now=ward.now)
    ward.finish(ward.claim(), outcome=Outcome.PARTIAL)
    assert [(number_of(each), each.outcomes) for each in ward.ledger.waiting()] == [
        (3, ("analysed",)), (1, ("partial",)), (2, ("analysed",)),
    ]  # fmt: skip


def test_what_cannot_be_signed_does_not_wait(ward: Scene) -> None:
    ward.read(study=4, mode=Mode.SHADOW)
    ward.receive(1, study=5)
    assert ward.ledger.recall(reading_of(ward, 1), Reason.SAFETY, by="anna", now=ward.now)
    assert listed(ward) == [3, 2]


def test_the_last_who_saved_is_named_and_who_only_took_a_suggestion_is_not(ward: Scene) -> None:
    log = ChainedEdits(ward.ledger.database, process="web")
    made = {"study_instance_uid": study_uid(2), "job_id": reading_of(ward, 2), "model": "m", "adapter": ""}
    same = {"before_sha256": text_digest(TEXT), "after_sha256": text_digest(TEXT), "edits": ()}
    changed = {"before_sha256": text_digest(DRAFT), "after_sha256": text_digest(TEXT), "edits": edits(DRAFT, TEXT)}
    suggestion = Suggestion(section=Section.FINDINGS, start=0, text="x", taken=1, unsupported=())
    assert log.record(Revision(**made, **changed, reviewer="berta", at=ward.now, seconds=1.0), draft=DRAFT)  # type: ignore[arg-type]
    later = {"at": ward.later(5), "seconds": 0.0, "reviewer": "carl", "suggestion": suggestion}
    assert log.record(Revision(**made, **same, **later), draft=DRAFT)  # type: ignore[arg-type]
    found = {number_of(each): each.saved_by for each in ward.ledger.waiting()}
    assert found == {3: "", 1: "", 2: "berta"}
