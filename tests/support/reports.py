"""Builders for reports and contexts: valid by default, so that a test names only what it is about."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from dicom_nodes.objects.context import EncodingContext, Reference
from service.domain import code
from service.domain.algorithm import Algorithm
from service.domain.report import Evidence, Finding, Mask, Measurement, Outcome, Region, Report, Section, Sentence
from service.domain.study import Identity, Instance, Patient
from service.domain.uids import derive_uid
from service.ports.pixels import Frame, Greys

DX = DigitalXRayImageStorageForPresentation
STUDY = derive_uid("test", "study")
SERIES = derive_uid("test", "series")

CHEST_MODEL = Algorithm(
    name="chest-demo", version="1.0", digest="a1" * 32, device_uid=derive_uid("test", "chest"), demo=True
)
NODULE_MODEL = Algorithm(
    name="nodule-finder",
    version="2.3",
    digest="b2" * 32,
    device_uid=derive_uid("test", "nodule"),
    manufacturer="Vendor",
)


def an_instance(number: int = 1, view: str = "PA", **attributes: str) -> Instance:
    return Instance(
        sop_class_uid=DX,
        sop_instance_uid=derive_uid("test", "image", number),
        series_instance_uid=SERIES,
        study_instance_uid=STUDY,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        attributes={"Modality": "DX", "BodyPartExamined": "CHEST", "ViewPosition": view, **attributes},
    )


def an_image(number: int = 1, *, frame: int | None = None, region: Region | None = None) -> Evidence:
    return Evidence(
        sop_class_uid=DX,
        sop_instance_uid=derive_uid("test", "image", number),
        series_instance_uid=SERIES,
        frame=frame,
        region=region,
    )


def a_finding(
    tracking_id: str,
    concept: code.Code,
    *,
    present: bool = True,
    site: code.Code | None = code.LUNG,
    topography: code.Code | None = None,
    laterality: code.Code | None = None,
    severity: code.Code | None = None,
    probability: float | None = None,
    measurements: tuple[Measurement, ...] = (),
    evidence: tuple[Evidence, ...] | None = None,
    mask: Mask | None = None,
    algorithm_uid: UID | None = None,
) -> Finding:
    return Finding(
        tracking_id=tracking_id,
        tracking_uid=derive_uid("test", "tracking", tracking_id),
        concept=concept,
        present=present,
        site=site,
        topography=topography,
        laterality=laterality,
        severity=severity,
        probability=probability,
        measurements=measurements,
        evidence=(an_image(),) if evidence is None else evidence,
        mask=mask,
        algorithm_uid=algorithm_uid,
    )


LABELS = np.zeros((1, 300, 250), np.uint8)
LABELS[0, 200:280, 20:90] = 1
"""A label map over image 1."""
A_MASK = Mask(
    sha256=hashlib.sha256(LABELS.tobytes()).hexdigest(),
    label=1,
    rows=300,
    columns=250,
    images=(derive_uid("test", "image", 1),),
)

EFFUSION = a_finding(
    "pleural-effusion-left",
    code.PLEURAL_EFFUSION,
    site=code.PLEURA,
    laterality=code.LEFT,
    severity=code.MILD,
    probability=0.87,
    mask=A_MASK,
)
NODULE = a_finding(
    "nodule-1",
    code.NODULE,
    laterality=code.RIGHT,
    probability=0.912,
    measurements=(Measurement(concept=code.DIAMETER, value=12.4, unit=code.MILLIMETER),),
    evidence=(an_image(region=Region(left=100.5, top=200, right=140, bottom=238.25)),),
)
NO_PNEUMOTHORAX = a_finding("pneumothorax", code.PNEUMOTHORAX, present=False, site=code.PLEURA, probability=0.02)
NO_CARDIOMEGALY = a_finding("cardiomegaly", code.CARDIOMEGALY, present=False, site=code.HEART, probability=0.04)


def a_report(**changes: object) -> Report:
    """Two findings, two looked for and absent, by one algorithm."""
    report = Report(
        outcome=Outcome.ANALYSED,
        algorithms=(CHEST_MODEL,),
        procedure=code.XR_PROCEDURE,
        images=(an_image(1), an_image(2)),
        findings=(EFFUSION, NODULE, NO_PNEUMOTHORAX, NO_CARDIOMEGALY),
        sentences=(
            Sentence(section=Section.FINDINGS, text="Small left pleural effusion.", findings=(EFFUSION.tracking_id,)),
            Sentence(
                section=Section.FINDINGS,
                text=f"Nodule of {NODULE.measurements[0].text} in the right lung.",
                findings=(NODULE.tracking_id,),
            ),
            Sentence(
                section=Section.CONCLUSIONS,
                text="Pleural effusion and pulmonary nodule; no pneumothorax.",
                findings=(EFFUSION.tracking_id, NODULE.tracking_id, NO_PNEUMOTHORAX.tracking_id),
            ),
        ),
    )
    return replace(report, **changes)  # type: ignore[arg-type]


def a_normal_report(**changes: object) -> Report:
    return a_report(
        findings=(NO_PNEUMOTHORAX, NO_CARDIOMEGALY),
        sentences=(
            Sentence(
                section=Section.CONCLUSIONS,
                text="No pneumothorax. The heart is not enlarged.",
                findings=(NO_PNEUMOTHORAX.tracking_id, NO_CARDIOMEGALY.tracking_id),
            ),
        ),
        **changes,
    )


def a_partial_report(**changes: object) -> Report:
    """One of two images was read; what the model said of it stands."""
    return a_report(outcome=Outcome.PARTIAL, reason="image 2 of 2 could not be decoded", **changes)


def an_unread_report(**changes: object) -> Report:
    return a_report(
        outcome=Outcome.NOT_ANALYSED,
        reason="view position is LL; the model reads PA, AP",
        findings=(),
        sentences=(),
        **changes,
    )


def two_algorithms_report() -> Report:
    return a_report(
        algorithms=(CHEST_MODEL, NODULE_MODEL),
        findings=tuple(
            replace(each, algorithm_uid=(NODULE_MODEL if each is NODULE else CHEST_MODEL).device_uid)
            for each in a_report().findings
        ),
    )


LINE = a_finding(
    "central-venous-line-right",
    code.CENTRAL_VENOUS_CATHETER,
    site=code.SUPERIOR_VENA_CAVA,
    laterality=code.RIGHT,
    evidence=(an_image(region=Region(left=600, top=100, right=810, bottom=610)),),
)
TUBE = a_finding(
    "endotracheal-tube",
    code.ENDOTRACHEAL_TUBE,
    site=code.CARINA,
    measurements=(Measurement(concept=code.DISTANCE, value=35, unit=code.MILLIMETER),),
    evidence=(an_image(region=Region(left=760, top=0, right=850, bottom=510)),),
)
WIDE = a_finding("mediastinal-widening", code.ENLARGED, site=code.MEDIASTINUM)
CONSOLIDATION = a_finding(
    "consolidation-right",
    code.CONSOLIDATION,
    site=code.LOWER_ZONE,
    topography=code.POSTERIOR,
    laterality=code.RIGHT,
    probability=0.93,
    evidence=(
        an_image(1, region=Region(left=200, top=1000, right=610, bottom=1310)),
        an_image(2, region=Region(left=900, top=1010, right=1200, bottom=1300.5)),
    ),
)


def a_report_of_two_views(**changes: object) -> Report:
    """Devices, a site without sides, and a finding with a box on each of two images."""
    findings = (WIDE, CONSOLIDATION, LINE, TUBE, NO_PNEUMOTHORAX)
    told = Sentence(
        section=Section.FINDINGS,
        text="Images 1 and 2 of 2: Lung consolidation in the right lower zone.",
        findings=(CONSOLIDATION.tracking_id,),
    )
    return a_report(findings=findings, sentences=(told,), notes=("12 of 118 slices were read",), **changes)


AN_IDENTITY = Identity(
    patient=Patient(
        patient_id="P0001", issuer="Hospital A", name="Müller-Lüdenscheidt^Jürgen^^Dr.", birth_date="19500102", sex="M"
    ),
    accession_number="A123456",
    accession_issuer="RIS",
    study_id="S1",
    study_date="20240102",
    study_time="101112",
    study_description="Thorax p.a. und seitlich",
    referring_physician="Weiß^Käthe",
    timezone_offset="+0100",
    other_patient_ids=(("X-77", "Clinic B"),),
    requests=(("A123456", "RP1"), ("A123457", "RP2")),
)

A_PREDECESSOR = Reference(
    UID("1.2.840.10008.5.1.4.1.1.88.11"), derive_uid("test", "former"), derive_uid("test", "former series"), STUDY
)


def a_frame(number: int = 1, *, rows: int = 300, columns: int = 250) -> Frame:
    """A slope of grey, darker below, of image `number`."""
    grey = np.linspace(65535, 0, rows).astype(np.uint16)
    return Frame(
        pixels=np.repeat(grey[:, None], columns, axis=1),
        frame=1,
        source=derive_uid("test", "image", number),
        spacing_mm=(0.5, 0.5),
        greys=Greys(slope=1.0, intercept=-1024.0, centre=512.0, width=4096.0),
    )


PICTURES = {(frame.source, frame.frame): frame for frame in (a_frame(1), a_frame(2))}


def a_context(**changes: object) -> EncodingContext:
    context = EncodingContext(
        identity=AN_IDENTITY,
        study_instance_uid=STUDY,
        series_instance_uid=derive_uid("test", "result series"),
        sop_instance_uid=derive_uid("test", "result"),
        series_number=9301,
        instance_number=1,
        created_at=datetime(2024, 1, 2, 10, 15, 30, tzinfo=ZoneInfo("Europe/Berlin")),
        instances=(an_instance(1), an_instance(2, view="LL")),
        institution="Klinikum Beispielstadt",
        device_serial_number="0001",
        device_uid=derive_uid("test", "installation"),
        software_version="0.1.0",
        pictures=PICTURES,
        masks={A_MASK.sha256: LABELS},
    )
    return replace(context, **changes)  # type: ignore[arg-type]
