"""Which images a report rests on, and how a document lists them (PS3.3 C.17.2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydicom.dataset import Dataset

from dicom_nodes.objects.context import EncodingContext, Reference
from service.domain.report import Evidence, Finding, Report
from service.domain.study import Instance


def images_of(findings: Iterable[Finding]) -> tuple[Evidence, ...]:
    """Every image and frame that `findings` rest on, once, in the order they are first named."""
    found: dict[tuple[str, int | None], Evidence] = {}
    for finding in findings:
        for evidence in finding.evidence:
            found.setdefault((evidence.sop_instance_uid, evidence.frame), evidence)
    return tuple(found.values())


def cited(report: Report, tracking_ids: Sequence[str]) -> tuple[Finding, ...]:
    """The findings of `report` that a sentence cites."""
    return tuple(finding for finding in report.findings if finding.tracking_id in tracking_ids)


def not_found(report: Report) -> tuple[Finding, ...]:
    """What was looked for and found nowhere: absent on one image, but present on another, is present."""
    present = [finding for finding in report.findings if finding.present]
    return tuple(f for f in report.findings if not f.present and not any(_same_place(f, other) for other in present))


def _same_place(one: Finding, other: Finding) -> bool:
    """Whether both are of one concept on one side; a finding without a side is on either."""
    sides = {one.laterality, other.laterality} - {None}
    return one.concept == other.concept and len(sides) < 2


def known_instances(context: EncodingContext) -> dict[str, Instance]:
    """What the manifest knows of the images, by SOP Instance UID."""
    return {instance.sop_instance_uid: instance for instance in context.instances}


class Referred:
    """Makes references of images: in the study that the manifest knows them in, else in the report's own."""

    def __init__(self, context: EncodingContext) -> None:
        self._study = context.study_instance_uid
        self._studies = {uid: instance.study_instance_uid for uid, instance in known_instances(context).items()}

    def to(self, image: Evidence) -> Reference:
        study = self._studies.get(image.sop_instance_uid, self._study)
        return Reference(image.sop_class_uid, image.sop_instance_uid, image.series_instance_uid, study)


def evidence_references(report: Report, context: EncodingContext) -> tuple[list[Dataset], list[Dataset]]:
    """All that was read or is referred to: items of Current Requested Procedure Evidence Sequence (0040,A375),
    and of Pertinent Other Evidence Sequence (0040,A385) for images of other studies."""
    referred = Referred(context)
    named = [
        Reference(i.sop_class_uid, i.sop_instance_uid, i.series_instance_uid, i.study_instance_uid)
        for i in context.instances
    ]
    read = [referred.to(image) for image in (*report.images, *images_of(report.findings))]
    here: list[Reference] = []
    elsewhere: list[Reference] = []
    for reference in (*read, *named):
        (here if reference.study_instance_uid == context.study_instance_uid else elsewhere).append(reference)
    return hierarchy(here), hierarchy(elsewhere)


def hierarchy(references: Iterable[tuple[str, str, str, str]]) -> list[Dataset]:
    """`references` by study and series, each instance once, in the order they come in."""
    studies: dict[str, dict[str, dict[str, str]]] = {}
    for sop_class, sop_instance, series, study in references:
        studies.setdefault(study, {}).setdefault(series, {}).setdefault(sop_instance, sop_class)
    return [_study_item(study, series) for study, series in studies.items()]


def _study_item(study: str, series: dict[str, dict[str, str]]) -> Dataset:
    item = Dataset()
    item.ReferencedSeriesSequence = [_series_item(uid, instances) for uid, instances in series.items()]
    item.StudyInstanceUID = study
    return item


def _series_item(series: str, instances: dict[str, str]) -> Dataset:
    item = Dataset()
    item.ReferencedSOPSequence = [_instance_item(*pair) for pair in instances.items()]
    item.SeriesInstanceUID = series
    return item


def _instance_item(sop_instance: str, sop_class: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = sop_instance
    return item
