"""Builders of the records that pages show: one study, job, delivery or draft in a line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pydicom.uid import UID

from service.domain.algorithm import Algorithm, Card, Limits
from service.domain.code import (
    CARDIOMEGALY,
    DIAMETER,
    HEART,
    LEFT,
    MILD,
    MILLIMETER,
    PLEURA,
    PLEURAL_EFFUSION,
    PNEUMOTHORAX,
    XR_PROCEDURE,
)
from service.domain.config import Configuration, ConfigVersion
from service.domain.delivery import Delivery, DeliveryKind, DeliveryState
from service.domain.event import Event, EventKind
from service.domain.job import Job, JobState, Step
from service.domain.node import DestinationNode, Source
from service.domain.protocol import Protocol, ProtocolStep, StepKind
from service.domain.report import Evidence, Finding, Measurement, Outcome, Region, Report, Section, Sentence
from service.domain.rule import Conditions, Forward, Mode, Priority, Rule
from service.domain.study import Identity, Instance, Manifest, Patient, StoredInstance, Study
from service.flow.record import report_json
from service.ports.catalogue import (
    DeliveryRecord,
    JobRecord,
    ResultObject,
    StudyRecord,
    StudyRow,
)
from tests.support.fake_house import NOW

DX = UID("1.2.840.10008.5.1.4.1.1.1.1")
CT = UID("1.2.840.10008.5.1.4.1.1.2")
SR = UID("1.2.840.10008.5.1.4.1.1.88.33")
EXPLICIT_LE = UID("1.2.840.10008.1.2.1")

ALGORITHM = Algorithm(
    name="chest_demo", version="1", digest="sha256:2a0fd244fb46f19e5ee9f1fe5d49ced4", demo=True,
    device_uid=UID("2.25.313742046942863166986009431626237097591"),
)  # fmt: skip
CARD = Card(
    algorithm=ALGORITHM,
    licence="Apache-2.0",
    source="made from phantoms by the recipe beside it",
    intended_use="Shows that the service works; reads frontal chest radiographs of phantoms.",
    limits=Limits(modalities=("CR", "DX"), body_parts=("CHEST",), views=("PA", "AP"), min_age_years=18),
    evaluation={"Sensitivity, effusion": "0.93 on 400 phantoms"},
)
CHEST = Rule(
    name="chest-radiograph", protocol="chest", mode=Mode.LIVE, priority=Priority.HIGH, destinations=("PACS",),
    when=Conditions(modality=("CR", "DX"), body_part=("CHEST", "THORAX*"), view=("PA", "AP"), min_age_years=18),
    comment="Frontal views of adults. Owner: thoracic section.",
)  # fmt: skip
HEAD = Rule(
    name="head-ct-shadow", protocol="head", mode=Mode.SHADOW, when=Conditions(modality=("CT",), body_part=("HEAD",)),
    comment="Evaluated until summer.",
)  # fmt: skip
OFF = Rule(name="paediatric-chest", protocol="chest", mode=Mode.OFF, when=Conditions(modality=("CR", "DX")))
CONFIGURATION = Configuration(
    sources=(Source(name="XR_ROOM_2", ae_title="XR2", networks=("10.1.4.0/24",)),),
    destinations=(
        DestinationNode(name="PACS", url="dicom://PACS@10.1.0.5:104"),
        DestinationNode(name="RESEARCH", url="file:///data/research", identity_check=False),
    ),
    protocols=(
        Protocol(name="chest", steps=(ProtocolStep(kind=StepKind.DRAFT, algorithm="chest_radiograph_report"),)),
        Protocol(name="head", steps=(ProtocolStep(kind=StepKind.CLASSIFY, algorithm="head_ct_triage"),)),
    ),
    rules=(CHEST, HEAD, OFF),
    forwards=(Forward(destination="PACS", modality=("DX", "CT")),),
)
VERSION = ConfigVersion(
    number=7,
    configuration=CONFIGURATION,
    texts=(("rules.toml", '[[rule]]\nname = "chest-radiograph"\n'), ("nodes.toml", "[[source]]\n")),
    applied_at=NOW - timedelta(days=3),
    applied_by="it-operations",
)


def uid(number: int) -> UID:
    return UID(f"1.2.826.0.1.3680043.10.1001.{number}")


def identity(name: str, number: int, *, description: str = "Chest PA") -> Identity:
    patient = Patient(patient_id=f"MRN{70000 + number}", issuer="HOSP", name=name, birth_date="19580211", sex="F")
    return Identity(
        patient=patient, accession_number=f"A26-{4400 + number}", study_date="20260304", study_time="091000",
        study_description=description,
    )  # fmt: skip


def instance(number: int, *, modality: str = "DX", body_part: str = "CHEST", view: str = "PA") -> StoredInstance:
    attributes = {"Modality": modality, "BodyPartExamined": body_part, "ViewPosition": view, "InstanceNumber": "1"}
    made = Instance(
        sop_class_uid=CT if modality == "CT" else DX, sop_instance_uid=UID(f"{uid(number)}.1.1"),
        series_instance_uid=UID(f"{uid(number)}.1"), study_instance_uid=uid(number),
        transfer_syntax_uid=EXPLICIT_LE, attributes=attributes,
    )  # fmt: skip
    return StoredInstance(instance=made, location=f"main:{number:02}", sha256="ab" * 32, size=8_400_000)


def record(
    number: int,
    name: str,
    state: str,
    note: str,
    *,
    minutes: float = 10,
    stored: StoredInstance | None = None,
    jobs: tuple[JobRecord, ...] = (),
    deliveries: tuple[DeliveryRecord, ...] = (),
    objects: tuple[ResultObject, ...] = (),
    events: tuple[Event, ...] = (),
    assembled: bool = True,
    description: str = "Chest PA",
) -> StudyRecord:
    """One study; `minutes` ago its last image came."""
    stored = stored or instance(number)
    last = NOW - timedelta(minutes=minutes)
    row = StudyRow(
        study_instance_uid=uid(number), identity=identity(name, number, description=description), source="XR_ROOM_2",
        modalities=(stored.instance.modality,), instances=1, received_first=last - timedelta(seconds=3),
        received_last=last, state=state, note=note,
    )  # fmt: skip
    manifest = Manifest(study_instance_uid=uid(number), version=1, instances=(stored,))
    received = Event(
        at=last, kind=EventKind.RECEIVED, text="1 instance from XR_ROOM_2: 1 new", study_instance_uid=uid(number),
        took_s=2.8,
    )  # fmt: skip
    return StudyRecord(
        row=row, identity_version=1, manifests=(manifest,) if assembled else (), jobs=jobs, objects=objects,
        deliveries=deliveries, events=(received, *events),
    )  # fmt: skip


def study_of(made: StudyRecord) -> Study:
    number = int(str(made.row.study_instance_uid).rsplit(".", 1)[1])
    stored = made.manifests[0].instances if made.manifests else (instance(number),)
    return Study(
        study_instance_uid=made.row.study_instance_uid, identity=made.row.identity, identity_version=1,
        source=made.row.source, received_first=made.row.received_first, received_last=made.row.received_last,
        instances=stored,
    )  # fmt: skip


def job(number: int, state: JobState, *, rule: Rule = CHEST, minutes: float = 10, reason: str = "", attempt: int = 1,
        report: Report | None = None) -> JobRecord:  # fmt: skip
    created = NOW - timedelta(minutes=minutes) + timedelta(seconds=2)
    made = Job(
        job_id=f"j-{number}", study_instance_uid=uid(number), manifest_version=1, identity_version=1,
        protocol=rule.protocol, rule=rule.name, config_version=7, mode=rule.mode, priority=rule.priority,
        state=state, attempt=attempt, reason=reason,
    )  # fmt: skip
    step = Step(
        ordinal=1, kind="draft", algorithm="chest_radiograph_report", answer="{}",
        error="" if report else reason, model_digest=ALGORITHM.digest, prompt_digest="9f" * 32, attempt=attempt,
        started_at=created + timedelta(seconds=1), took_s=6.2,
    )  # fmt: skip
    finished = state in {JobState.COMPLETED, JobState.CANCELED}
    return JobRecord(
        job=made, created_at=created, started_at=created + timedelta(seconds=1) if attempt else None,
        finished_at=created + timedelta(seconds=8) if finished else None, next_due=None,
        outcome=str(report.outcome) if report else "", report=report_json(report) if report else "",
        provenance="{}", steps=(step,) if report or reason else (),
    )  # fmt: skip


def delivery(number: int, state: DeliveryState, *, answer: str = "", attempt: int = 1, minutes: float = 10,
             destination: str = "PACS") -> DeliveryRecord:  # fmt: skip
    created = NOW - timedelta(minutes=minutes) + timedelta(seconds=10)
    made = Delivery(
        delivery_id=f"d-{number}-{destination}", kind=DeliveryKind.RESULT, destination=destination,
        study_instance_uid=uid(number), sop_class_uid=SR, sop_instance_uid=UID(f"2.25.{9000 + number}"),
        transfer_syntax_uid=EXPLICIT_LE, location="main:sr", sha256="cd" * 32, role="tid1500", job_id=f"j-{number}",
        state=state, attempt=attempt, last_error=answer,
    )  # fmt: skip
    sent = created + timedelta(seconds=1) if state in {DeliveryState.SENT, DeliveryState.COMMITTED} else None
    due = NOW + timedelta(minutes=3) if state is DeliveryState.PENDING and answer else None
    return DeliveryRecord(delivery=made, created_at=created, next_due=due, sent_at=sent)


def draft(number: int) -> Report:
    image = Evidence(
        sop_class_uid=DX, sop_instance_uid=UID(f"{uid(number)}.1.1"), series_instance_uid=UID(f"{uid(number)}.1")
    )  # fmt: skip
    boxed = replace(image, region=Region(left=1480, top=1710, right=2010, bottom=2290))
    findings = (
        Finding(
            tracking_id="effusion-left", tracking_uid=UID("2.25.11"), concept=PLEURAL_EFFUSION, present=True,
            site=PLEURA, laterality=LEFT, severity=MILD, probability=0.87, evidence=(boxed,),
        ),
        Finding(
            tracking_id="cardiomegaly", tracking_uid=UID("2.25.12"), concept=CARDIOMEGALY, present=True, site=HEART,
            probability=0.71, evidence=(image,),
            measurements=(Measurement(concept=DIAMETER, value=162, unit=MILLIMETER),),
        ),
        Finding(
            tracking_id="pneumothorax", tracking_uid=UID("2.25.13"), concept=PNEUMOTHORAX, present=False,
            probability=0.04, evidence=(image,),
        ),
    )  # fmt: skip
    return Report(
        outcome=Outcome.ANALYSED, algorithms=(ALGORITHM,), procedure=XR_PROCEDURE, images=(image,), findings=findings,
        sentences=(
            Sentence(section=Section.FINDINGS, text="Small left pleural effusion.", findings=("effusion-left",)),
            Sentence(section=Section.FINDINGS, text="Enlarged heart, 162 mm across.", findings=("cardiomegaly",)),
            Sentence(section=Section.FINDINGS, text="No pneumothorax.", findings=("pneumothorax",)),
            Sentence(section=Section.CONCLUSIONS, text="Small left effusion with cardiomegaly.",
                     findings=("effusion-left", "cardiomegaly")),
        ),
    )  # fmt: skip
