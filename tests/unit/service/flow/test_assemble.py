"""Handing over: which studies are complete, what their manifests hold, what their timelines say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydicom.uid import UID, BasicTextSRStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from service.domain.assembly import Arrival, Patience
from service.domain.config import Configuration, ConfigVersion
from service.domain.event import Event, EventKind
from service.domain.lane import READ
from service.domain.node import Source
from service.domain.rule import Conditions, Mode, Rule
from service.domain.study import Identity, Instance, Manifest, StoredInstance, Study
from service.flow.assemble import assemble
from service.flow.route import routed_under
from service.ports.bell import SilentBell
from service.ports.clock import StoppedClock
from service.ports.ledger import NewJob, OpenStudy

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
STUDY = UID("1.2")


def stored(
    number: int, sop_class: UID = DigitalXRayImageStorageForPresentation, modality: str = "DX"
) -> StoredInstance:
    instance = Instance(
        sop_class_uid=sop_class,
        sop_instance_uid=UID(f"1.2.3.{number}"),
        series_instance_uid=UID(f"1.2.{sop_class.split('.')[-1]}"),
        study_instance_uid=STUDY,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        attributes={"Modality": modality},
    )
    return StoredInstance(instance=instance, location="main:x", sha256=str(number), size=1)


@dataclass
class MemoryAssembling:
    """A fake of the ledger's assembling part: one open study."""

    instances: tuple[StoredInstance, ...]
    open_associations: int = 0
    handed: list[tuple[Study, Sequence[NewJob], Sequence[Event]]] = field(default_factory=list)

    def open_studies(self) -> Sequence[OpenStudy]:
        arrival = Arrival(
            first_instance=START, last_instance=START, open_associations=self.open_associations, last_release=START
        )
        return [OpenStudy(study_instance_uid=STUDY, source="er", arrival=arrival)]

    def study(self, study_instance_uid: UID) -> Study:
        return Study(
            study_instance_uid=STUDY,
            identity=Identity(),
            identity_version=1,
            source="er",
            received_first=START,
            received_last=START,
            instances=self.instances,
        )

    def hand_over(
        self, study: Study, jobs: Sequence[NewJob], events: Sequence[Event], *, now: datetime
    ) -> Manifest | None:
        self.handed.append((study, jobs, events))
        return Manifest(study_instance_uid=STUDY, version=1, instances=study.instances)


def run(ledger: MemoryAssembling, *rules: Rule, after_s: float = 5, quiet_s: float = 3) -> SilentBell:
    source = Source(name="er", ae_title="ER", networks=(), patience=Patience(quiet=timedelta(seconds=quiet_s)))
    version = ConfigVersion(
        number=7,
        configuration=Configuration(sources=(source,), rules=rules),
        texts=(),
        applied_at=START,
        applied_by="me",
    )
    bell = SilentBell()
    clock = StoppedClock(START + timedelta(seconds=after_s))
    assemble(ledger, version, clock=clock, bell=bell)  # type: ignore[arg-type]
    return bell


def rule(name: str, mode: Mode = Mode.LIVE, **when: object) -> Rule:
    return Rule(name=name, protocol="p", mode=mode, when=Conditions(**when))  # type: ignore[arg-type]


def test_the_sources_own_patience_decides() -> None:
    ledger = MemoryAssembling((stored(1),))
    run(ledger, rule("any"), after_s=2.9)
    assert ledger.handed == []
    run(ledger, rule("any"), after_s=3)
    assert len(ledger.handed) == 1


def test_an_open_association_holds_the_study_back() -> None:
    ledger = MemoryAssembling((stored(1),), open_associations=1)
    run(ledger, rule("any"), after_s=600)
    assert ledger.handed == []


def test_every_rule_that_matches_gets_a_job_and_a_worker_is_rung_for() -> None:
    ledger = MemoryAssembling((stored(1),))
    bell = run(ledger, rule("one"), rule("two", Mode.SHADOW), rule("off", Mode.OFF), rule("ct", modality=("CT",)))
    ((_, jobs, events),) = ledger.handed
    assert [(job.rule, job.mode, job.config_version) for job in jobs] == [
        ("one", Mode.LIVE, 7),
        ("two", Mode.SHADOW, 7),
    ]
    assert bell.rung == [READ]
    assert any("in shadow: nothing is delivered" in event.text for event in events)


def test_a_study_that_no_rule_wants_says_which_clause_failed() -> None:
    ledger = MemoryAssembling((stored(1),))
    run(ledger, rule("ct", modality=("CT",)))
    ((_, jobs, events),) = ledger.handed
    assert jobs == ()
    (unmatched,) = [event for event in events if event.kind is EventKind.UNMATCHED]
    assert unmatched.text == "no rule of version 7 matches: ct (modality: wanted CT, found DX)"
    assert routed_under(events) == (7, "ct (modality: wanted CT, found DX)")


def test_a_manifest_holds_images_and_what_a_rule_asks_for_by_name() -> None:
    image, report = stored(1), stored(2, BasicTextSRStorage, "SR")
    ledger = MemoryAssembling((image, report))
    run(ledger, rule("any"))
    run(ledger, rule("sr", sop_class=(BasicTextSRStorage,)))
    assert [handed[0].instances for handed in ledger.handed] == [(image,), (image, report)]
    assert "1 set aside, because no rule asks for Basic Text SR Storage" in ledger.handed[0][2][0].text


def test_a_study_without_images_is_handed_over_whole_so_that_it_can_be_told() -> None:
    report = stored(2, BasicTextSRStorage, "SR")
    ledger = MemoryAssembling((report,))
    run(ledger, rule("any"))
    ((study, jobs, events),) = ledger.handed
    assert study.instances == (report,)
    assert jobs == ()
    said = "SOP class: wanted a diagnostic image, found Basic Text SR Storage (name its class in sop_class to take it)"
    assert said in events[-1].text
