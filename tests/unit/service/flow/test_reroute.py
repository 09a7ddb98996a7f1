"""Routing again: what an operator is told after a rule was corrected."""

from __future__ import annotations

from dataclasses import replace

from pydicom.uid import UID

from service.domain.assembly import Arrival
from service.domain.lane import READ
from service.domain.rule import Rule
from service.flow.reroute import Rerouted, reroute
from service.ports.bell import SilentBell
from service.ports.clock import StoppedClock
from service.ports.ledger import NewJob, OpenStudy
from tests.support.fake_house import NOW, FakeLedger
from tests.support.web_records import CHEST, CONFIGURATION, VERSION, study_of, uid
from tests.support.web_scene import unmatched

HAND = uid(6)
HANDS = replace(CHEST, name="hands", when=replace(CHEST.when, body_part=("HAND",), view=()))


class FullLedger(FakeLedger):
    """Every rule has its job already."""

    def route_again(self, study: object, jobs: object, events: object, **how: object) -> list[NewJob]:  # type: ignore[override]
        return []


def routed(ledger: FakeLedger, *rules: Rule, study: UID = HAND) -> tuple[Rerouted | None, SilentBell]:
    ledger.known[HAND] = study_of(unmatched())
    version = replace(VERSION, number=8, configuration=replace(CONFIGURATION, rules=rules))
    bell = SilentBell()
    done = reroute(study, ledger, version, by="anna", clock=StoppedClock(NOW), bell=bell)  # type: ignore[arg-type]
    return done, bell


def test_a_rule_that_takes_the_study_now_gets_its_job_and_a_worker_is_rung_for() -> None:
    ledger = FakeLedger()
    done, bell = routed(ledger, CHEST, HANDS)
    assert done is not None
    assert done.sentence == "Version 8 takes the study; 1 job scheduled: hands-1 (rule hands)."
    assert bell.rung == [READ]
    assert ledger.told == ["anna routes the study again under version 8", "rule hands matched 1 series"]


def test_where_no_rule_takes_it_the_clauses_that_failed_are_said() -> None:
    ledger = FakeLedger()
    done, bell = routed(ledger, CHEST)
    assert done is not None
    assert done.sentence.startswith("No rule of version 8 takes the study: chest-radiograph (body part: wanted CHEST")
    assert bell.rung == []
    assert ledger.told[-1].startswith("no rule of version 8 matches: chest-radiograph (body part")


def test_a_study_that_has_its_jobs_already_says_how_to_read_it_again() -> None:
    done, bell = routed(FullLedger(), HANDS)
    assert done is not None
    assert "rule hands, which has a job for it already; `preread jobs replay ID`" in done.sentence
    assert bell.rung == []


def test_a_study_that_still_arrives_is_left_alone() -> None:
    ledger = FakeLedger()
    arrival = Arrival(first_instance=NOW, last_instance=NOW, open_associations=1, last_release=None)
    ledger.open = [OpenStudy(study_instance_uid=HAND, source="XR_ROOM_2", arrival=arrival)]
    done, _ = routed(ledger, HANDS)
    assert done is not None
    assert done.jobs is None
    assert done.sentence == "Images are still arriving: the study is routed by itself when it is complete."


def test_a_study_that_never_came_is_none() -> None:
    assert routed(FakeLedger(), HANDS, study=UID("1.2.3"))[0] is None
