"""Readings of ours, and structured reports that follow them: made by workstations with a structure of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    Comprehensive3DSRStorage,
    ContentAssessmentResultsStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    EnhancedSRStorage,
)

from dicom_nodes.objects.evidence import hierarchy
from service.adapters.edit_chain import ChainedEdits
from service.domain.code import CT_PROCEDURE, LEFT, LUNG, NODULE, PLEURA, PLEURAL_EFFUSION, PNEUMOTHORAX, Code
from service.domain.config import Configuration, ConfigVersion
from service.domain.delivery import DeliveryEvent
from service.domain.edit import text_digest
from service.domain.event import Event, EventKind
from service.domain.image_model import Values
from service.domain.job import Job
from service.domain.node import DestinationNode
from service.domain.protocol import Protocol
from service.domain.report import Evidence, Finding, Mask, Outcome, Region, Report, Section, Sentence
from service.domain.review import SIGNED_ROLE, Observer
from service.domain.rule import Mode, Priority, Rule
from service.domain.study import StoredInstance
from service.domain.submitted import Submitted
from service.domain.uids import derive_uid
from service.flow.form import lines_of_form
from service.flow.prefill import Prefilled
from service.flow.record import report_json
from service.flow.review import Line, draft_text, save
from service.flow.sign import Desk, sign
from service.ports.catalogue import DeliveryRecord, ResultObject
from service.ports.ledger import NewJob, NewObject
from service.ports.pixels import Frame, MemoryPixels
from service.settings import Settings, Site
from tests.support import redrawn
from tests.support.fake_house import NOW, FakeConfigurations
from tests.support.instances import instance, part10, uid
from tests.support.viewable import Shelf, shelf
from tests.support.web_records import ALGORITHM, draft
from workers.pipeline.encode import Encoding, encode
from workers.pipeline.work import work

OUTPUTS = ("basic-text-sr", "tid1500")
RULE = Rule(name="chest", protocol="chest", mode=Mode.LIVE, destinations=("PACS",), outputs=OUTPUTS)
ANNA = Observer(name="Weiss^Anna", organization="Example Clinic")
PROTOCOL = Protocol(name="chest", steps=())
PACS = DestinationNode(name="PACS", url="dicom://PACS@127.0.0.1:104", identity_check=False)
_LEASE = timedelta(minutes=5)
SETTINGS = Settings(site=Site(institution="Example Clinic"))


@dataclass(frozen=True)
class Read:
    """One reading of ours, as it was sent."""

    study: UID
    job: Job
    report: Report
    objects: dict[str, NewObject]
    files: dict[str, bytes]


class _Slices(MemoryPixels):
    """Every slice as it would be shown: black."""

    def read(self, stored: StoredInstance, frame: int = 1, *, values: Values = Values.PRESENTED) -> Frame:
        black = np.zeros((redrawn.ROWS, redrawn.COLUMNS), np.uint16)
        return Frame(pixels=black, frame=frame, source=stored.instance.sop_instance_uid, spacing_mm=redrawn.SPACING)


SLICES = _Slices()
DIGEST = hashlib.sha256(redrawn.voxels().tobytes()).hexdigest()
OUTPUTS_OF_SCAN = (*OUTPUTS, "coordinates-sr", "segmentation")


class Hospital:
    """A ledger, a spool and a parser that are real; models and archive are not there."""

    def __init__(self, made: Shelf) -> None:
        self.shelf, self.ledger = made, made.ledger
        configuration = Configuration(destinations=(PACS,), protocols=(PROTOCOL,), rules=(RULE,))
        version = ConfigVersion(number=1, configuration=configuration, texts=(), applied_at=NOW, applied_by="me")
        self.edits = ChainedEdits(made.ledger.database, process="sweep")
        self.services: Any = SimpleNamespace(
            settings=SETTINGS, clock=made.house.clock, ledger=made.ledger, catalogue=made.ledger, spool=made.spool,
            headers=made.headers, edits=self.edits, signing=made.ledger, returning=made.ledger, pixels=MemoryPixels(),
            configurations=FakeConfigurations([version]), models=made.house.models, bell=made.house.bell,
        )  # fmt: skip

    def read(self, number: int) -> Read:
        """A study that was received, read and sent."""
        study = uid("returned study", number)
        image = instance(
            f"returned {number}", SOPClassUID=DigitalXRayImageStorageForPresentation, Modality="DX",
            StudyInstanceUID=study, SeriesInstanceUID=uid("returned series", number),
        )  # fmt: skip
        self.shelf.keep(part10(image))
        self._owe(study)
        return self._finish(report_on(image, number))

    def scan(self, number: int) -> Read:
        """A stack of slices, read and sent: an effusion of 18 voxels, a box on one slice, all outputs."""
        study = uid("scanned study", number)
        images = redrawn.slices(study, f"scanned {number}")
        self.shelf.keep(*(part10(image) for image in images))
        self._owe(study)
        self.services.pixels = SLICES
        return self._finish(scan_report(images, number), OUTPUTS_OF_SCAN, {DIGEST: redrawn.voxels()})

    def _owe(self, study: UID) -> None:
        found = self.ledger.study(study)
        assert found is not None
        told = Event(at=NOW, kind=EventKind.ASSEMBLED, text="complete", study_instance_uid=study)
        wanted = NewJob(protocol="chest", rule="chest", config_version=1, mode=Mode.LIVE, priority=Priority.MEDIUM,
                        deadline=None)  # fmt: skip
        assert self.ledger.hand_over(found, [wanted], [told], now=NOW) is not None

    def _finish(
        self, report: Report, outputs: Sequence[str] = OUTPUTS, masks: Mapping[str, Any] = MappingProxyType({})
    ) -> Read:
        claim = self.ledger.claim_job("worker", lease=_LEASE)
        assert claim is not None
        results = encode(Encoding(claim, PROTOCOL, "digest", self.services, masks), report, outputs, (PACS,))
        assert not results.refused
        assert self.ledger.finish_job(
            claim.job, outcome=report.outcome, reason="", report=report_json(report), provenance="{}",
            objects=results.objects, destinations=("PACS",), now=NOW,
        )  # fmt: skip
        self.deliver()
        objects = {made.role: made for made in results.objects}
        files = {role: self.bytes_of(made.location) for role, made in objects.items()}
        return Read(claim.job.study_instance_uid, claim.job, report, objects, files)

    def fill(self, read: Read, form: Submitted, answers: Mapping[str, Prefilled]) -> None:
        """Put a form into the report, in place of its text."""
        assert save(
            self.edits, report=read.report, job_id=read.job.job_id, study_instance_uid=str(read.study),
            lines=lines_of_form(form, answers), base_sha256=self._base(read), reviewer=ANNA.name, seconds=1,
            accepted=0, now=self.services.clock.now(), form=form,
        )  # fmt: skip

    def _base(self, read: Read) -> str:
        history = self.edits.history(read.job.job_id)
        return text_digest(history.text if history else draft_text(read.report))

    def desk(self, read: Read) -> Desk:
        (record,) = [one for one in self.ledger.jobs(limit=1000) if one.job.job_id == read.job.job_id]
        now = self.services.clock.now()
        return Desk(record=record, observer=ANNA, signing=self.ledger, edits=self.edits, now=now)

    def sign(self, read: Read, lines: Sequence[Line], forms: Sequence[int] = ()) -> NewObject:
        """Sign the draft as `lines`; encoded by the worker, and sent."""
        base = self._base(read)
        assert sign(self.desk(read), read.report, lines, base_sha256=base, seconds=1, accepted=0, forms=forms)
        self.write()
        (made,) = self.made(read, SIGNED_ROLE)
        return made

    def write(self) -> None:
        """Encode what is due, and send it."""
        claim = self.ledger.claim_job("worker", lease=_LEASE)
        assert claim is not None
        work(claim, self.services)
        self.deliver()

    def made(self, read: Read, role: str) -> list[NewObject]:
        record_now = self.ledger.record(read.study)
        assert record_now is not None
        return [self._new(one) for one in record_now.objects if one.role == role]

    def deliveries(self, read: Read) -> Sequence[DeliveryRecord]:
        record_now = self.ledger.record(read.study)
        assert record_now is not None
        return record_now.deliveries

    @contextmanager
    def destination(self, node: DestinationNode) -> Iterator[None]:
        """With another profile of the archive."""
        before = self.services.configurations
        configuration = Configuration(destinations=(node,), protocols=(PROTOCOL,), rules=(RULE,))
        version = ConfigVersion(number=1, configuration=configuration, texts=(), applied_at=NOW, applied_by="me")
        self.services.configurations = FakeConfigurations([version])
        yield
        self.services.configurations = before

    def _new(self, made: ResultObject) -> NewObject:
        return NewObject(
            role=made.role, sop_class_uid=made.sop_class_uid, sop_instance_uid=made.sop_instance_uid,
            series_instance_uid=made.series_instance_uid, instance_number=1, location=made.location,
            sha256=made.sha256, size=made.size,
        )  # fmt: skip

    def deliver(self) -> None:
        for owed in self.ledger.claim_deliveries("deliver:PACS", "sender", lease=_LEASE, limit=100):
            assert self.ledger.settle_delivery(owed, DeliveryEvent.STORED, text="0x0000", now=NOW)

    def bytes_of(self, location: str) -> bytes:
        with self.shelf.spool.open(location) as file:
            return file.read()


def report_on(image: Dataset, number: int) -> Report:
    """The small draft of every page test, on this image, its findings tracked under UIDs of their own."""
    made = draft(2)
    evidence = Evidence(
        sop_class_uid=UID(image.SOPClassUID), sop_instance_uid=UID(image.SOPInstanceUID),
        series_instance_uid=UID(image.SeriesInstanceUID),
    )  # fmt: skip
    findings = tuple(
        replace(each, evidence=(evidence,), tracking_uid=derive_uid("tracked", number, each.tracking_id))
        for each in made.findings
    )
    return replace(made, findings=findings, images=(evidence,))


def scan_report(images: Sequence[Dataset], number: int) -> Report:
    """An effusion that was marked, a nodule in a box, no pneumothorax."""
    slices = [
        Evidence(sop_class_uid=UID(one.SOPClassUID), sop_instance_uid=UID(one.SOPInstanceUID),
                 series_instance_uid=UID(one.SeriesInstanceUID))
        for one in images
    ]  # fmt: skip
    mask = Mask(sha256=DIGEST, label=1, rows=redrawn.ROWS, columns=redrawn.COLUMNS,
                images=tuple(one.sop_instance_uid for one in slices))  # fmt: skip
    boxed = replace(slices[1], region=Region(left=1, top=2, right=4, bottom=6))

    def finding(name: str, concept: Code, **more: Any) -> Finding:
        return Finding(tracking_id=name, tracking_uid=derive_uid("scanned", number, name), concept=concept, **more)

    return Report(
        outcome=Outcome.ANALYSED, algorithms=(ALGORITHM,), procedure=CT_PROCEDURE, images=tuple(slices),
        findings=(
            finding("effusion", PLEURAL_EFFUSION, present=True, site=PLEURA, evidence=(slices[1],), mask=mask),
            finding("nodule", NODULE, present=True, site=LUNG, laterality=LEFT, evidence=(boxed,)),
            finding("pneumothorax", PNEUMOTHORAX, present=False, evidence=(slices[1],)),
        ),
        sentences=(
            Sentence(section=Section.FINDINGS, text="Small effusion. Left nodule.", findings=("effusion", "nodule")),
        ),
    )  # fmt: skip


@contextmanager
def hospital(folder: Path) -> Iterator[Hospital]:
    with shelf(folder) as made:
        yield Hospital(made)


# --- what workstations make ------------------------------------------------------------------------------


def edited(read: Read, role: str, change: Callable[[Dataset], None], *, ours: bool = False) -> Dataset:
    """Our own document, opened, changed and stored anew by a workstation; `ours`: it kept our equipment."""
    dataset = dcmread(BytesIO(read.files[role]))
    former = read.objects[role]
    dataset.SOPInstanceUID = uid("edited", read.study, role)
    dataset.SeriesInstanceUID = uid("edited series", read.study)
    dataset.PredecessorDocumentsSequence = hierarchy(
        [(former.sop_class_uid, former.sop_instance_uid, former.series_instance_uid, read.study)]
    )
    if not ours:
        dataset.Manufacturer, dataset.ManufacturerModelName = "Other", "Workstation"
        del dataset.DeviceUID, dataset.ContributingEquipmentSequence
    change(dataset)
    return dataset


def verified(dataset: Dataset, name: str = "Weiss^Anna") -> None:
    observer = Dataset()
    observer.VerifyingObserverName, observer.VerifyingOrganization = name, "Clinic"
    observer.VerificationDateTime, observer.VerifyingObserverIdentificationCodeSequence = "20260304100000", []
    dataset.VerificationFlag, dataset.VerifyingObserverSequence = "VERIFIED", [observer]


def items(dataset: Dataset) -> Iterator[tuple[Dataset, Dataset]]:
    """Every content item with the one above."""
    for item in dataset.get("ContentSequence") or ():
        yield dataset, item
        yield from items(item)


def reworded(before: str, after: str) -> Callable[[Dataset], None]:
    """Changes the text `before`; without an `after` the item is removed."""

    def change(dataset: Dataset) -> None:
        for above, item in list(items(dataset)):
            if item.get("TextValue") == before and after:
                item.TextValue = after
            elif item.get("TextValue") == before:
                above.ContentSequence = [each for each in above.ContentSequence if each is not item]

    return change


def recoded(tracking_id: str, change: Callable[[Dataset], None]) -> Callable[[Dataset], None]:
    """Changes the measurement group of that finding."""

    def find(dataset: Dataset) -> None:
        for above, item in list(items(dataset)):
            if item.get("TextValue") == tracking_id:
                change(above)

    return find


def concept(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def item(relation: str, kind: str, name: Dataset, **values: Any) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType, made.ConceptNameCodeSequence = relation, kind, [name]
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def foreign(
    read: Read, content: list[Dataset], *, sop_class: UID = EnhancedSRStorage, follows: str | None = "basic-text-sr",
    title: Dataset | None = None, person: str = "Weiss^Anna",
) -> Dataset:  # fmt: skip
    """A report that another tool wrote from the beginning, in a structure of its own."""
    dataset = instance(
        f"foreign {read.study}", SOPClassUID=sop_class, SOPInstanceUID=uid("foreign", read.study),
        StudyInstanceUID=read.study, SeriesInstanceUID=uid("foreign series", read.study), Modality="SR",
        SpecificCharacterSet="ISO_IR 192", PixelData=None, Rows=None, Columns=None, BitsAllocated=None,
        BitsStored=None, HighBit=None, PixelRepresentation=None, SamplesPerPixel=None, PhotometricInterpretation=None,
    )  # fmt: skip
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = [title or concept("18748-4", "LN", "Diagnostic Imaging Report")]
    observing = item("HAS OBS CONTEXT", "PNAME", concept("121008", "DCM", "Person Observer Name"), PersonName=person)
    dataset.ContentSequence = [*([observing] if person else []), *content]
    if follows:
        former = read.objects[follows]
        dataset.PredecessorDocumentsSequence = hierarchy(
            [(former.sop_class_uid, former.sop_instance_uid, former.series_instance_uid, read.study)]
        )
    return dataset


def in_one_text(text: str) -> list[Dataset]:
    return [item("CONTAINS", "TEXT", concept("11111", "99X", "Report text"), TextValue=text)]


def in_loinc_sections(findings: str, impression: str) -> list[Dataset]:
    """As TID 2006 has it: a container for each section, one paragraph in each."""
    return [
        item("CONTAINS", "CONTAINER", concept(value, "LN", meaning), ContinuityOfContent="SEPARATE", ContentSequence=[
            item("CONTAINS", "TEXT", concept(value, "LN", meaning), TextValue=text)
        ])
        for value, meaning, text in (("59776-5", "Findings", findings), ("19005-8", "Impressions", impression))
    ]  # fmt: skip


# --- what viewers make -----------------------------------------------------------------------------------


def drawn_by_ohif(
    images: Sequence[tuple[UID, tuple[float, float, float, float]]], study: UID, *, finding: Dataset | None = None,
    sites: Sequence[Dataset] = (), tracking_uids: Sequence[UID] = (), person: str = "unknown^unknown",
) -> Dataset:  # fmt: skip
    """A measurement report as OHIF's export has it (TID 1500, cornerstone3D's adapters): a group for each rectangle,
    its area INFERRED FROM its outline, tracking UIDs of its own, no predecessor."""
    groups = []
    for number, (image, (left, top, right, bottom)) in enumerate(images):
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CTImageStorage, image
        picture = Dataset()
        picture.RelationshipType, picture.ValueType = "SELECTED FROM", "IMAGE"
        picture.ReferencedSOPSequence = [reference]
        outline = Dataset()
        outline.RelationshipType, outline.ValueType, outline.GraphicType = "INFERRED FROM", "SCOORD", "POLYLINE"
        outline.GraphicData = [left, top, right, top, right, bottom, left, bottom, left, top]
        outline.ContentSequence = [picture]
        measured = Dataset()
        measured.NumericValue = f"{(right - left) * (bottom - top):g}"
        measured.MeasurementUnitsCodeSequence = [concept("mm2", "UCUM", "mm2")]
        tracked = tracking_uids[number] if tracking_uids else uid("ohif", study, number)
        rectangle = "Cornerstone3DTools@^0.1.0:RectangleROI"
        parts = [
            item("HAS OBS CONTEXT", "TEXT", concept("112039", "DCM", "Tracking Identifier"), TextValue=rectangle),
            item("HAS OBS CONTEXT", "UIDREF", concept("112040", "DCM", "Tracking Unique Identifier"), UID=tracked),
            *([item("CONTAINS", "CODE", concept("121071", "DCM", "Finding"), ConceptCodeSequence=[finding])]
              if finding else []),
            *(item("CONTAINS", "CODE", concept("363698007", "SCT", "Finding Site"), ConceptCodeSequence=[site])
              for site in sites),
            item("CONTAINS", "NUM", concept("42798000", "SCT", "Area"), MeasuredValueSequence=[measured],
                 ContentSequence=[outline]),
        ]  # fmt: skip
        groups.append(item("CONTAINS", "CONTAINER", concept("125007", "DCM", "Measurement Group"),
                           ContinuityOfContent="SEPARATE", ContentSequence=parts))  # fmt: skip
    held = item("CONTAINS", "CONTAINER", concept("126010", "DCM", "Imaging Measurements"),
                ContinuityOfContent="SEPARATE", ContentSequence=groups)  # fmt: skip
    read = Read(study, None, None, {}, {})  # type: ignore[arg-type]
    return foreign(
        read, [held], sop_class=Comprehensive3DSRStorage, follows=None, person=person,
        title=concept("126000", "DCM", "Imaging Measurement Report"),
    )  # fmt: skip


def assessed(objects: Sequence[NewObject], study: UID, verdict: str, *remarks: str) -> Dataset:
    """Content Assessment Results of these objects (PS3.3 C.33.1)."""
    dataset = instance(
        f"assessed {study}", SOPClassUID=ContentAssessmentResultsStorage,
        SOPInstanceUID=uid("assessed", study, verdict),
        StudyInstanceUID=study, SeriesInstanceUID=uid("assessed series", study), Modality="ASMT", PixelData=None,
        Rows=None, Columns=None, BitsAllocated=None, BitsStored=None, HighBit=None, PixelRepresentation=None,
        SamplesPerPixel=None, PhotometricInterpretation=None, OperatorsName="Weiss^Anna", AssessmentLabel="AI",
        AssessmentTypeCodeSequence=[concept("121375", "DCM", "Assessment By Comparison")],
    )  # fmt: skip
    dataset.AssessmentSummary, dataset.AssessedSOPInstanceSequence = verdict, []
    for one in objects:
        reference = Dataset()
        reference.ReferencedSOPClassUID = one.sop_class_uid
        reference.ReferencedSOPInstanceUID = one.sop_instance_uid
        dataset.AssessedSOPInstanceSequence.append(reference)
    dataset.AssessmentObservationsSequence = []
    for words in remarks:
        observation = Dataset()
        observation.ObservationSignificance, observation.ObservationDescription = "MAJOR", words
        dataset.AssessmentObservationsSequence.append(observation)
    return dataset
