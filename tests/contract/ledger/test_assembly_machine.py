"""Shuffled, duplicate, late and interleaved senders never make a wrong set (fault row 16)."""

from __future__ import annotations

import shutil
from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import booleans, integers, sampled_from

from service.adapters.ledger import SqlLedger
from service.domain.study import Study
from service.ports.ledger import Admission, OpenStudy
from tests.contract.ledger.scene import NOON, Scene, new_job, sop_uid, stored, study_uid

STUDIES = (1, 2)


class Senders(RuleBasedStateMachine):
    """The model: which bytes of which images arrived, and which set each manifest froze."""

    migrated: Path
    folder: Path

    associations = Bundle("associations")
    snapshots = Bundle("snapshots")

    def __init__(self) -> None:
        super().__init__()
        file = self.folder / "ledger.sqlite"
        for old in self.folder.glob("ledger.sqlite*"):
            old.unlink()
        shutil.copy(self.migrated, file)
        self.ledger = SqlLedger(f"sqlite:///{file}")
        self.scene = Scene(self.ledger)
        self.opened = 0
        self.arrived: dict[int, dict[int, str]] = {study: {} for study in STUDIES}
        self.frozen: dict[int, list[dict[int, str]]] = {study: [] for study in STUDIES}
        self.changes: dict[int, int] = dict.fromkeys(STUDIES, 0)
        self.waiting: set[int] = set()
        self.carrying: dict[str, set[int]] = {}

    def teardown(self) -> None:
        self.ledger.close()

    @rule(target=associations)
    def open(self) -> str:
        self.opened += 1
        name = self.scene.associate(f"assoc-{self.opened}")
        self.carrying[name] = set()
        return name

    @rule(name=associations, study=sampled_from(STUDIES), number=integers(1, 6), skew=integers(-5, 5))
    def send(self, name: str, study: int, number: int, skew: int) -> None:
        """The same bytes, whoever sends them, in any order, with any clock."""
        self.scene.later(skew)
        version = self.arrived[study].get(number, "a")
        (admission,) = self.scene.receive(number, study=study, association=name, version=version)
        new = number not in self.arrived[study]
        assert admission is (Admission.NEW if new else Admission.DUPLICATE)
        if name in self.carrying:
            self.carrying[name].add(study)
        if new:
            self.arrived[study][number] = "a"
            self.changes[study] += 1
            self.waiting.add(study)

    @rule(study=sampled_from(STUDIES), number=integers(1, 6))
    def correct(self, study: int, number: int) -> None:
        if number in self.arrived[study]:
            version = self.arrived[study][number] + "'"
            assert self.scene.correct(number, study=study, version=version) is Admission.CORRECTED
            self.arrived[study][number] = version
            self.changes[study] += 1

    @rule(name=consumes(associations), released=booleans())
    def end(self, name: str, released: bool) -> None:
        studies = self.ledger.close_association(name, how="released" if released else "aborted", at=self.scene.now)
        assert set(studies) == {study_uid(study) for study in self.carrying.pop(name)}

    @rule(target=snapshots, study=sampled_from(STUDIES))
    def look(self, study: int) -> object:
        found = self.ledger.study(study_uid(study))
        return multiple() if found is None else (study, self.changes[study], found)

    @rule(snapshot=consumes(snapshots))
    def hand_over(self, snapshot: tuple[int, int, Study]) -> None:
        """By whatever was seen some time ago."""
        study, seen, found = snapshot
        made = self.ledger.hand_over(found, [new_job()], [], now=NOON)
        news = not self.frozen[study] or self.frozen[study][-1] != self.arrived[study]
        assert (made is not None) == (seen == self.changes[study] and news)
        if made is not None:
            self.frozen[study].append(dict(self.arrived[study]))
        if seen == self.changes[study]:
            self.waiting.discard(study)

    @invariant()
    def manifests_are_what_they_were(self) -> None:
        for study in STUDIES:
            for version, members in enumerate(self.frozen[study], start=1):
                frozen = self.ledger.manifest(study_uid(study), version).instances
                wanted = {
                    sop_uid(number, study): stored(number, study=study, version=v).sha256
                    for number, v in members.items()
                }
                assert {s.instance.sop_instance_uid: s.sha256 for s in frozen} == wanted

    @invariant()
    def nothing_is_forgotten(self) -> None:
        opened: dict[str, OpenStudy] = {waiting.study_instance_uid: waiting for waiting in self.ledger.open_studies()}
        assert set(opened) == {study_uid(study) for study in self.waiting}
        for study in self.waiting:
            carrying = sum(study in carried for carried in self.carrying.values())
            assert opened[study_uid(study)].arrival.open_associations == carrying


def test_no_sender_makes_a_wrong_set(migrated: Path, tmp_path: Path) -> None:
    """On SQLite alone: each example begins with a database of its own."""
    machine = type("Senders", (Senders,), {"migrated": migrated, "folder": tmp_path})
    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=30, deadline=None))
