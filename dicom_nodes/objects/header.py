"""What every object has in front: patient, study, series, equipment and SOP common, and how documents go on.

Verification and preliminary flag are constants here: nothing can ask for another value (invariant 8). Only
`verified`, which is made from a person's signature, writes others over them.
"""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian

from dicom_nodes.objects import text
from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.evidence import evidence_references, hierarchy
from dicom_nodes.objects.latin import NotLatin, write_latin
from dicom_nodes.objects.observer import MAKER, contributing_equipment
from service.domain.profile import CharacterSet
from service.domain.report import Outcome, Report
from service.domain.study import Identity
from service.domain.uids import derive_uid

IMPLEMENTATION_CLASS_UID = derive_uid("preread", "implementation class")


def document(report: Report, context: EncodingContext, *, sop_class_uid: UID, kind: str, root: Dataset) -> bytes:
    """`root` as a whole structured report in Part 10 form; `kind` as in `composite`."""
    dataset = composite(report, context, sop_class_uid=sop_class_uid, modality="SR", kind=kind)
    dataset.ReferencedPerformedProcedureStepSequence = []
    document_general(dataset, report, context)
    dataset.update(root)
    return part10(dataset, context)


def composite(report: Report, context: EncodingContext, *, sop_class_uid: UID, modality: str, kind: str) -> Dataset:
    """The modules that all objects share; `kind` tells a viewer's user which of the series this is."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    _sop_common(dataset, context, sop_class_uid)
    _patient(dataset, context.identity)
    _study(dataset, context)
    _series_and_equipment(dataset, report, context, modality, kind)
    return dataset


def _sop_common(dataset: Dataset, context: EncodingContext, sop_class_uid: UID) -> None:
    """SOP Common (PS3.3 C.12.1)."""
    dataset.SOPClassUID = sop_class_uid
    dataset.SOPInstanceUID = context.sop_instance_uid
    dataset.InstanceCreationDate = context.created_at.strftime("%Y%m%d")
    dataset.InstanceCreationTime = context.created_at.strftime("%H%M%S")
    dataset.TimezoneOffsetFromUTC = text.zone_offset(context.created_at)
    dataset.InstanceNumber = context.instance_number


def _patient(dataset: Dataset, identity: Identity) -> None:
    """Patient (PS3.3 C.7.1.1); what is not known is there, empty."""
    patient = identity.patient
    dataset.PatientName = text.person_name(patient.name)
    dataset.PatientID = text.long_string(patient.patient_id)
    dataset.PatientBirthDate = text.date(patient.birth_date)
    dataset.PatientSex = text.sex(patient.sex)
    if patient.issuer:
        dataset.IssuerOfPatientID = text.long_string(patient.issuer)
    others = [_other_id(*pair) for pair in identity.other_patient_ids if pair[0]]
    if others:
        dataset.OtherPatientIDsSequence = others


def _other_id(identifier: str, issuer: str) -> Dataset:
    item = Dataset()
    item.PatientID = text.long_string(identifier)
    if issuer:
        item.IssuerOfPatientID = text.long_string(issuer)
    item.TypeOfPatientID = "TEXT"
    return item


def _study(dataset: Dataset, context: EncodingContext) -> None:
    """General Study (PS3.3 C.7.2.1)."""
    identity = context.identity
    dataset.StudyInstanceUID = context.study_instance_uid
    dataset.StudyDate = text.date(identity.study_date)
    dataset.StudyTime = text.time(identity.study_time)
    dataset.AccessionNumber = text.short_string(identity.accession_number)
    if identity.accession_number and identity.accession_issuer:
        dataset.IssuerOfAccessionNumberSequence = [_issuer(identity.accession_issuer)]
    dataset.ReferringPhysicianName = text.person_name(identity.referring_physician)
    dataset.StudyID = text.short_string(identity.study_id)
    if identity.study_description:
        dataset.StudyDescription = text.long_string(identity.study_description)


def _issuer(name: str) -> Dataset:
    """HL7v2 Hierarchic Designator Macro (PS3.3 10.14)."""
    item = Dataset()
    item.LocalNamespaceEntityID = text.paragraph(name)
    return item


def _series_and_equipment(dataset: Dataset, report: Report, context: EncodingContext, modality: str, kind: str) -> None:
    """General Series and its kin (PS3.3 C.7.3.1), General Equipment (C.7.5.1), contributing equipment (C.12.1)."""
    dataset.Modality = modality
    dataset.SeriesInstanceUID = context.series_instance_uid
    dataset.SeriesNumber = context.series_number
    dataset.SeriesDescription = series_description(report, kind)
    dataset.Manufacturer = MAKER
    dataset.ManufacturerModelName = MAKER
    dataset.InstitutionName = text.long_string(context.institution)
    dataset.DeviceSerialNumber = text.long_string(context.device_serial_number)
    dataset.SoftwareVersions = text.long_string(context.software_version)
    dataset.DeviceUID = context.installation_uid
    if report.algorithms:
        dataset.ContributingEquipmentSequence = contributing_equipment(report.algorithms)


def series_description(report: Report, kind: str) -> str:
    """ "AI <algorithms> preliminary (<kind>)"; long names give way, the other words stay."""
    names = text.long_string(" + ".join(algorithm.name for algorithm in report.algorithms))
    frame = f"AI  preliminary ({kind})"
    return " ".join(f"AI {names[: 64 - len(frame)]} preliminary ({kind})".split())


def document_general(dataset: Dataset, report: Report, context: EncodingContext) -> None:
    """SR Document General (PS3.3 C.17.2)."""
    content_moment(dataset, context)
    dataset.CompletionFlag = "COMPLETE" if report.outcome is Outcome.ANALYSED else "PARTIAL"
    if report.reason:
        dataset.CompletionFlagDescription = text.long_string(report.reason)
    dataset.VerificationFlag = "UNVERIFIED"
    dataset.PreliminaryFlag = "PRELIMINARY"
    dataset.PerformedProcedureCodeSequence = []
    if context.identity.requests:
        dataset.ReferencedRequestSequence = requests(context)
    own, other = evidence_references(report, context)
    if own:
        dataset.CurrentRequestedProcedureEvidenceSequence = own
    if other:
        dataset.PertinentOtherEvidenceSequence = other
    if context.predecessors:
        dataset.PredecessorDocumentsSequence = hierarchy(context.predecessors)


def content_moment(dataset: Dataset, context: EncodingContext) -> None:
    """Content Date and Time (0008,0023) and (0008,0033)."""
    dataset.ContentDate = context.created_at.strftime("%Y%m%d")
    dataset.ContentTime = context.created_at.strftime("%H%M%S")


def requests(context: EncodingContext) -> list[Dataset]:
    """Items of Referenced Request Sequence (0040,A370), one for each request of the images."""
    return [_request(context.study_instance_uid, *request) for request in context.identity.requests]


def _request(study_instance_uid: UID, accession_number: str, procedure_id: str) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = study_instance_uid
    item.ReferencedStudySequence = []
    item.AccessionNumber = text.short_string(accession_number)
    item.PlacerOrderNumberImagingServiceRequest = ""
    item.FillerOrderNumberImagingServiceRequest = ""
    item.RequestedProcedureID = text.short_string(procedure_id)
    item.RequestedProcedureDescription = ""
    item.RequestedProcedureCodeSequence = []
    return item


def part10(dataset: Dataset, context: EncodingContext) -> bytes:
    """The bytes of `dataset` as a file (PS3.10 7); equal datasets, equal bytes.

    A text that Latin-1 cannot hold stays in UTF-8, where that was asked for: a wrong name is worse than another set.
    """
    if context.character_set is CharacterSet.LATIN_1:
        with suppress(NotLatin):
            write_latin(dataset)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = text.short_string(f"PREREAD {context.software_version}")
    dataset.file_meta = meta
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
