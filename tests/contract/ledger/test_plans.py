"""The queries of every day walk an index, so that they stay fast with a million studies (SQLite's plans)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from service.adapters.ledger import SqlLedger
from service.domain.delivery import DeliveryState
from service.domain.job import JobState
from service.ports.catalogue import StudyQuery
from tests.contract.ledger.scene import BERTA, ENDED, LEASE, NOON, Scene, sop_uid, study_uid

DAY = timedelta(days=1)


@pytest.fixture
def scene(migrated: Path, tmp_path: Path) -> Iterator[Scene]:
    file = tmp_path / "ledger.sqlite"
    file.write_bytes(migrated.read_bytes())
    scene = Scene(SqlLedger(f"sqlite:///{file}"))
    scene.associate()
    scene.receive(1, forward_to=("archive",))
    scene.read("archive", study=2)
    scene.hand_over("chest")
    yield scene
    scene.ledger.close()


def finish(scene: Scene) -> None:
    scene.finish(scene.claim(), "archive")


def settle(scene: Scene) -> None:
    scene.settle(scene.owed()[0])


HOT: dict[str, Callable[[Scene], object]] = {
    "admit": lambda scene: scene.receive(2, forward_to=("archive",)),
    "admit again": lambda scene: scene.receive(1),
    "admit first": lambda scene: scene.receive(1, study=3),
    "correct": lambda scene: scene.correct(1, identity=BERTA),
    "close association": lambda scene: scene.ledger.close_association("assoc", how="released", at=NOON),
    "open studies": lambda scene: scene.ledger.open_studies(),
    "hand over": lambda scene: scene.hand_over("other"),
    "claim job": lambda scene: scene.ledger.claim_job("w", lease=LEASE),
    "finish job": finish,
    "claim deliveries": lambda scene: scene.owed(lease=ENDED),
    "settle": settle,
    "reidentify": lambda scene: scene.ledger.reidentify(study_uid(2), BERTA, source="ris", now=NOON),
    "due lanes": lambda scene: scene.ledger.due_lanes(),
    "expire": lambda scene: scene.ledger.expire(),
    "lose associations": lambda scene: scene.ledger.lose_associations(older_than=LEASE),
    "find instance": lambda scene: scene.ledger.find_instance(sop_uid(1)),
    "issued": lambda scene: scene.ledger.issued(sop_uid(1)),
    "studies": lambda scene: scene.ledger.studies(StudyQuery()),
    "studies by name": lambda scene: scene.ledger.studies(StudyQuery(patient_name="m", modality="CR")),
    "studies by state": lambda scene: scene.ledger.studies(StudyQuery(state="attention")),
    "studies by time": lambda scene: scene.ledger.studies(StudyQuery(received_since=NOON, before=(NOON + DAY, "1"))),
    "work list": lambda scene: scene.ledger.waiting(),
    "work list, next page": lambda scene: scene.ledger.waiting(after=(2, NOON, "1")),
    "record": lambda scene: scene.ledger.record(study_uid(2)),
    "jobs": lambda scene: scene.ledger.jobs(),
    "jobs by state": lambda scene: scene.ledger.jobs(state=JobState.CANCELED),
    "deliveries": lambda scene: scene.ledger.deliveries(),
    "deliveries there": lambda scene: scene.ledger.deliveries(destination="archive", states=[DeliveryState.REFUSED]),
    "issued objects": lambda scene: scene.ledger.issued_objects(study_uid(2)),
    "depths": lambda scene: scene.ledger.depths(),
    "stage times": lambda scene: scene.ledger.stage_times(window=DAY, now=NOON),
    "reviews": lambda scene: scene.ledger.reviews(study_uid()),
    "signed studies": lambda scene: scene.ledger.signed([study_uid(), study_uid(2)]),
    "arrived reports": lambda scene: scene.ledger.arrived(limit=20),
    "returned reports": lambda scene: scene.ledger.returned(study_uid()),
    "current identity": lambda scene: scene.ledger.current_identity(study_uid()),
}


@pytest.mark.parametrize("name", HOT)
def test_a_query_of_every_day_reads_no_table_from_end_to_end(scene: Scene, name: str) -> None:
    seen: dict[str, Any] = {}

    def before(connection: object, cursor: object, text: str, parameters: Any, *rest: object) -> None:
        # The plan of an INSERT lists checks of foreign keys that SQLite skips while no key is violated.
        if not text.startswith(("BEGIN", "INSERT")):
            seen[text] = parameters

    event.listen(scene.ledger.database.engine, "before_cursor_execute", before)
    HOT[name](scene)
    event.remove(scene.ledger.database.engine, "before_cursor_execute", before)
    assert seen
    with scene.ledger.database.read() as connection:
        plans = {
            text: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)]
            for text, parameters in seen.items()
        }
    scans = {step: text for text, steps in plans.items() for step in steps if _is_scan(step)}
    assert scans == {}


def _is_scan(step: str) -> bool:
    """Walking an index in the order of the page until it is full is no scan, nor is the list of lanes."""
    listed = ("SCAN CONSTANT ROW", "SCAN lanes", "SCAN (subquery")
    return step.startswith("SCAN") and not step.startswith(listed)
