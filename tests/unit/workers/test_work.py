"""What a claimed job reads: the series of its manifest that its rule takes, and nothing else (invariant 9)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from service.domain.algorithm import Algorithm, Card
from service.domain.config import Configuration, ConfigVersion, StoppedModel
from service.domain.errors import Unavailable
from service.domain.job import Job, Step
from service.domain.protocol import Protocol, ProtocolStep
from service.domain.report import Outcome
from service.domain.rule import Conditions, Mode, Priority, Rule
from service.domain.study import Identity, Instance, Manifest, Patient, StoredInstance, Study
from service.ports.clock import StoppedClock
from service.ports.finish import Finish
from service.ports.ledger import Claim
from service.ports.models import Answer
from service.ports.pixels import MemoryPixels
from service.settings import Settings
from tests.support.fake_house import FakeConfigurations, FakeModels
from tests.support.narratives import NORMAL
from tests.support.web_records import CARD
from workers.pipeline.kept import Asked, Kept, dump
from workers.pipeline.work import partly, work

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STUDY, CHEST, HAND = UID("1.2"), UID("1.2.1"), UID("1.2.2")
ADULT = Identity(patient=Patient(birth_date="19600101"), study_date="20260101")
CHILD = Identity(patient=Patient(birth_date="20200101"), study_date="20260101")
GROWN_UP = Conditions(body_part=("CHEST",), min_age_years=18)
DEMO = Algorithm(name="chest_demo", version="1", digest="sha256:0", device_uid=UID("2.25.1"), demo=True)


def stored(series: UID, body_part: str) -> StoredInstance:
    instance = Instance(
        sop_class_uid=DigitalXRayImageStorageForPresentation,
        sop_instance_uid=UID(f"{series}.1"),
        series_instance_uid=series,
        study_instance_uid=STUDY,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        attributes={"Modality": "DX", "BodyPartExamined": body_part, "ViewPosition": "PA"},
    )
    return StoredInstance(instance=instance, location="main:x", sha256="0", size=1)


MANIFEST = Manifest(study_instance_uid=STUDY, version=1, instances=(stored(HAND, "HAND"), stored(CHEST, "CHEST")))


def claim(identity: Identity, *steps: Step) -> Claim:
    job = Job(
        job_id="7",
        study_instance_uid=STUDY,
        manifest_version=1,
        identity_version=1,
        protocol="chest",
        rule="chest",
        config_version=1,
        mode=Mode.LIVE,
        priority=Priority.MEDIUM,
        attempt=1,
    )
    return Claim(job=job, manifest=MANIFEST, identity=identity, steps=steps)


def kept_step() -> Step:
    """Its model has looked at the chest."""
    answer = Answer(text=NORMAL, finish=Finish.STOP, model="chest_demo", version="2", digest="d")
    kept = Kept(algorithm=DEMO, left_out=(), asked=(Asked(image=f"{CHEST}.1", answer=answer),))
    return Step(
        ordinal=1,
        kind="draft",
        algorithm="chest-radiograph-report",
        answer=dump(kept),
        error="",
        model_digest="d",
        prompt_digest="p",
        attempt=1,
        started_at=NOW,
        took_s=1,
    )


class AwayModels(FakeModels):
    """A model server that nobody answers at."""

    def card(self, model: str) -> Card:
        raise Unavailable("the model server is away")


@dataclass
class MemoryWorking:
    """A fake of the ledger: what it knows of the study, and the report that was recorded."""

    report: Mapping[str, Any] = field(default_factory=dict)

    def study(self, study_instance_uid: UID) -> Study:
        return Study(
            study_instance_uid=STUDY,
            identity=ADULT,
            identity_version=1,
            source="er",
            received_first=NOW,
            received_last=NOW,
        )

    def finish_job(self, job: Job, **what: Any) -> bool:
        self.report = json.loads(what["report"])
        return True


def house(when: Conditions, models: FakeModels) -> SimpleNamespace:
    steps = (ProtocolStep(kind="draft", algorithm="chest-radiograph-report"),)
    rule = Rule(name="chest", protocol="chest", mode=Mode.LIVE, outputs=(), when=when)
    configuration = Configuration(protocols=(Protocol(name="chest", steps=steps),), rules=(rule,))
    version = ConfigVersion(number=1, configuration=configuration, texts=(), applied_at=NOW, applied_by="me")
    return SimpleNamespace(
        ledger=MemoryWorking(),
        clock=StoppedClock(NOW),
        configurations=FakeConfigurations([version]),
        models=models,
        pixels=MemoryPixels(),
        settings=Settings(),
    )


def looked_at(services: SimpleNamespace) -> list[str]:
    return [image["series_instance_uid"] for image in services.ledger.report["images"]]


def test_only_the_series_that_the_rule_takes_are_read() -> None:
    services = house(GROWN_UP, FakeModels(cards={"chest_demo": CARD}))
    assert partly(claim(ADULT), services, "no time") is Outcome.FAILED  # type: ignore[arg-type]
    assert looked_at(services) == [CHEST]


def test_where_the_rule_takes_no_series_any_more_nothing_is_read_and_that_is_said() -> None:
    services = house(GROWN_UP, AwayModels())
    assert work(claim(CHILD), services) is Outcome.NOT_ANALYSED  # type: ignore[arg-type]
    report = services.ledger.report
    assert report["first_line"].startswith("NOT ANALYSED BY AI: the rule no longer takes any series.")
    assert (report["findings"], report["algorithms"]) == ([], [])


def test_answers_that_were_kept_are_used_whatever_the_rule_takes_today() -> None:
    services = house(replace(GROWN_UP, min_age_years=100), AwayModels())
    assert work(claim(ADULT, kept_step()), services) is Outcome.ANALYSED  # type: ignore[arg-type]
    assert looked_at(services) == [CHEST]


def test_a_model_that_was_stopped_is_not_asked_and_the_report_says_so() -> None:
    services = house(GROWN_UP, FakeModels(cards={"chest_demo": CARD}))
    (version,) = services.configurations.versions
    stopped = StoppedModel(model="chest_demo", digest=CARD.algorithm.digest, by="me", reason="wrong side")
    configuration = replace(version.configuration, stopped=(stopped,))
    services.configurations = FakeConfigurations([replace(version, configuration=configuration)])
    assert work(claim(ADULT), services) is Outcome.FAILED  # type: ignore[arg-type]
    first = services.ledger.report["first_line"]
    assert first.startswith("NOT ANALYSED BY AI: model chest_demo was stopped by me: wrong side")
