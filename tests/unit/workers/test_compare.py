"""The compare step: what it brings, keeps and says, and that a draft never fails or waits because of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.domain import code
from service.domain.algorithm import Limits
from service.domain.config import Configuration, ConfigVersion
from service.domain.errors import Unavailable
from service.domain.job import Job, Step
from service.domain.prior import PriorNode, PriorStudy
from service.domain.protocol import ProtocolStep, StepKind
from service.domain.report import Evidence, Finding, Section, Sentence
from service.domain.rule import Mode, Priority
from service.domain.study import Identity, Instance, Manifest, Patient, StoredInstance
from service.domain.uids import derive_uid
from service.ports.clock import StoppedClock
from service.ports.ledger import Claim
from service.ports.models import ScriptedModels
from service.ports.pixels import Frame
from service.ports.priors import MemoryPriors
from service.settings import Settings
from tests.support.fake_house import FakeConfigurations
from tests.support.instances import instance, part10
from tests.support.narratives import NORMAL, answer
from tests.support.web_records import CARD
from workers.algorithms import algorithms
from workers.pipeline.compare import add_changes, compare, images_compared
from workers.pipeline.exhibits import KeptExhibits
from workers.pipeline.interpret import UNFOUNDED, Reading

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MODULE = algorithms()["chest-radiograph-report"]
STUDY, EARLIER = UID("1.2.7"), UID("1.2.8")
JANE = Patient(patient_id="P1", issuer="CLINIC", name="Doe^Jane", birth_date="19600102", sex="F")
TODAY = Identity(patient=JANE, study_date="20260301")
NODE = PriorNode(name="archive", url="dicomweb+http://archive")
PRIOR = PriorStudy(
    study_instance_uid=EARLIER, identity=Identity(patient=JANE, study_date="20250102"), modalities=("DX",)
)
STEP = ProtocolStep(kind=StepKind.COMPARE, algorithm=MODULE.ALGORITHM, priors="archive")
IMAGE = Instance(
    sop_class_uid=DigitalXRayImageStorageForPresentation, sop_instance_uid=UID("1.2.7.1"),
    series_instance_uid=UID("1.2.7.2"), study_instance_uid=STUDY, transfer_syntax_uid=ExplicitVRLittleEndian,
    attributes={"Modality": "DX", "ViewPosition": "PA", "Rows": "64", "Columns": "64"},
)  # fmt: skip
HERE = StoredInstance(instance=IMAGE, location="main:here", sha256="0", size=1)
PRIOR_IMAGE = part10(
    instance(
        "earlier", SOPClassUID=DigitalXRayImageStorageForPresentation, StudyInstanceUID=EARLIER, Modality="DX",
        ViewPosition="PA", PatientID="P1", IssuerOfPatientID="CLINIC", PatientName="Doe^Jane",
        PatientBirthDate="19600102", PatientSex="F",
    )
)  # fmt: skip


class AnyPixels:
    """Every image is black."""

    def read(self, stored: StoredInstance, frame: int = 1, **_: Any) -> Frame:
        return Frame(pixels=np.zeros((4, 4), np.uint16), frame=1, source=stored.instance.sop_instance_uid)


@dataclass
class House:
    """The services that a compare step uses."""

    folder: Path
    priors: MemoryPriors = field(default_factory=lambda: MemoryPriors({PRIOR: [PRIOR_IMAGE]}))
    priority: Priority = Priority.MEDIUM

    def __post_init__(self) -> None:
        card = replace(CARD, limits=Limits(), calibration=None)
        answers = replace(answer(NORMAL), digest=card.algorithm.digest)
        self.models = ScriptedModels({MODULE.MODEL: card}, lambda _: answers)
        self.headers = Part10Headers(children=1)
        self.device = card.algorithm.device_uid
        configuration = ConfigVersion(
            number=1, configuration=Configuration(priors=(NODE,)), texts=(), applied_at=NOW, applied_by="me"
        )
        self.services = SimpleNamespace(
            configurations=FakeConfigurations([configuration]), models=self.models, pixels=AnyPixels(),
            clock=StoppedClock(NOW), settings=Settings(), priors=self.priors, spool=FileSpool(self.folder),
            headers=self.headers,
        )  # fmt: skip

    def step(self, *, why_not: str = "") -> Step:
        job = Job(
            job_id="1", study_instance_uid=STUDY, manifest_version=1, identity_version=1, protocol="p", rule="r",
            config_version=1, mode=Mode.LIVE, priority=self.priority,
        )  # fmt: skip
        manifest = Manifest(study_instance_uid=STUDY, version=1, instances=(HERE,))
        claim = Claim(job=job, manifest=manifest, identity=TODAY, steps=())
        return compare(2, STEP, MODULE, [HERE], claim, self.services, why_not=why_not)  # type: ignore[arg-type]

    def reading(self, step: Step, finding: Finding | None = None, *sentences: Sentence) -> Reading:
        reading = Reading(modality="DX", images=(), namespace="n")
        found = finding or self.finding()
        reading.add_findings(
            replace(CARD.algorithm, device_uid=self.device), looked_at=(Evidence.of(IMAGE),), findings=(found,),
            sentences=sentences, missing=(),
        )  # fmt: skip
        add_changes(reading, MODULE, step, namespace="n")
        return reading

    def finding(self) -> Finding:
        return Finding(
            tracking_id="effusion", tracking_uid=derive_uid("effusion"), concept=code.PLEURAL_EFFUSION, present=True,
            laterality=code.RIGHT, evidence=(Evidence.of(IMAGE),), algorithm_uid=self.device,
        )  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.headers.close()


def test_what_the_earlier_study_does_not_show_is_new(house: House) -> None:
    report = house.reading(house.step()).report()
    (told,) = report.sentences
    assert told.text == "Compared with 2025-01-02: right pleural effusion is new."
    assert told.findings == ("effusion",)
    assert report.notes == ("compared with the study of 2025-01-02, read by the same algorithm",)


def test_the_earlier_images_that_were_read_are_known_and_none_where_nothing_was_compared(house: House) -> None:
    (image,) = images_compared(house.step())
    (study,) = house.priors.studies
    assert image.study_instance_uid == study.study_instance_uid
    shown = KeptExhibits().compared([house.step()])
    assert shown is not None
    assert (shown.study_instance_uid, shown.day) == (study.study_instance_uid, study.day)
    assert image in [stored.instance for stored in shown.images]
    house.priors.error = Unavailable("archive cannot be reached")
    assert images_compared(house.step()) == ()
    assert KeptExhibits().compared([house.step()]) is None


def test_a_kept_step_says_the_same_again_without_asking_anybody(house: House) -> None:
    step = house.step()
    asked = len(house.priors.fetched)
    texts = [house.reading(step).report().sentences for _ in range(2)]
    assert texts[0] == texts[1]
    assert len(house.priors.fetched) == asked == 1


def test_an_archive_that_is_away_costs_the_draft_a_note(house: House) -> None:
    house.priors.error = Unavailable("archive cannot be reached")
    report = house.reading(house.step()).report()
    assert (report.sentences, report.reason) == ((), "")
    assert report.notes == ("no earlier study was compared: archive cannot be reached",)


def test_an_urgent_draft_fetches_no_nearline_study(house: House) -> None:
    house.priors.studies = {replace(PRIOR, at_hand=False): [PRIOR_IMAGE]}
    house.priority = Priority.STAT
    assert "was not waited for, because this reading is urgent" in json.loads(house.step().answer)["notes"][0]
    assert house.priors.fetched == []


def test_images_whose_own_header_names_another_person_are_not_read(house: House) -> None:
    other = part10(
        instance(
            "other", SOPClassUID=DigitalXRayImageStorageForPresentation, StudyInstanceUID=EARLIER, Modality="DX",
            ViewPosition="PA", PatientID="P1", IssuerOfPatientID="CLINIC", PatientName="Doe^John",
            PatientBirthDate="19991231",
        )
    )  # fmt: skip
    house.priors.studies = {PRIOR: [other]}
    assert "not certainly of that study and this patient" in json.loads(house.step().answer)["notes"][0]


def test_a_deadline_or_a_stopped_model_costs_the_comparison_alone(house: House) -> None:
    report = house.reading(house.step(why_not="its deadline passed")).report()
    assert report.notes == ("no earlier study was compared: its deadline passed",)
    assert house.priors.fetched == []


@pytest.mark.parametrize("compared", [True, False])
def test_a_model_s_own_comparison_never_leaves_the_house(house: House, compared: bool) -> None:
    if not compared:
        house.priors.studies = {}
    claims = Sentence(section=Section.FINDINGS, text="The right effusion is unchanged.", findings=("effusion",))
    report = house.reading(house.step(), None, claims).report()
    assert claims not in report.sentences
    assert report.reason == UNFOUNDED
    assert [finding.tracking_id for finding in report.findings] == ["effusion"], "what was found stays"
