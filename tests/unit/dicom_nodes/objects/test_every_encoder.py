"""What every output object owes, whichever it is: a new file in dicom_nodes/objects is picked up by itself."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from io import BytesIO
from types import ModuleType

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage, Comprehensive3DSRStorage, ComprehensiveSRStorage

import dicom_nodes.objects
from dicom_nodes.objects import Encoder, encoders, signed_form, signed_report, structure, verified
from service.domain.algorithm import Algorithm
from service.domain.report import Outcome, Report, first_line
from service.domain.study import Identity
from service.domain.uids import derive_uid, is_uid
from tests.support.reports import (
    A_PREDECESSOR,
    A_PRIOR_IMAGE,
    STUDY,
    a_context,
    a_normal_report,
    a_partial_report,
    a_report,
    an_instance,
    an_unread_report,
    two_algorithms_report,
)

REPORTS = {
    "findings": a_report(),
    "normal": a_normal_report(),
    "partial": a_partial_report(),
    "not analysed": an_unread_report(),
    "two algorithms": two_algorithms_report(),
    "no algorithm": an_unread_report(algorithms=()),
    "no image": an_unread_report(images=()),
}
CASES = [
    pytest.param(encoder, report, id=f"{role}, {name}")
    for role, encoder in encoders().items()
    for name, report in REPORTS.items()
    if encoder.applies(report)
]
DOCUMENTS = {
    role: encoder
    for role, encoder in encoders().items()
    if encoder.SOP_CLASS_UID in {BasicTextSRStorage, ComprehensiveSRStorage, Comprehensive3DSRStorage}
}
every_case = pytest.mark.parametrize(("encoder", "report_"), CASES)
every_encoder = pytest.mark.parametrize("encoder", encoders().values(), ids=encoders())
every_document_case = pytest.mark.parametrize(
    ("encoder", "report_"), [case for case in CASES if case.values[0] in DOCUMENTS.values()]
)
every_document = pytest.mark.parametrize("encoder", DOCUMENTS.values(), ids=DOCUMENTS)


def read(part10: bytes) -> Dataset:
    return dcmread(BytesIO(part10))


def items(dataset: Dataset) -> Iterator[Dataset]:
    """Every content item below `dataset`, in the order a reader sees them."""
    for item in dataset.get("ContentSequence") or ():
        yield item
        yield from items(item)


def every_dataset(dataset: Dataset) -> Iterator[Dataset]:
    yield dataset
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from every_dataset(item)


@every_encoder
def test_an_encoder_is_found_under_its_own_role(encoder: Encoder) -> None:
    assert encoders()[encoder.ROLE] is encoder
    assert encoder.SOP_CLASS_UID.keyword.endswith("Storage")


@every_case
def test_the_same_report_and_context_give_the_same_bytes(encoder: Encoder, report_: Report) -> None:
    assert encoder.encode(report_, a_context()) == encoder.encode(report_, a_context())


@every_case
def test_every_uid_and_number_is_the_callers(encoder: Encoder, report_: Report) -> None:
    context = a_context()
    dataset = read(encoder.encode(report_, context))
    assert dataset.SOPClassUID == dataset.file_meta.MediaStorageSOPClassUID == encoder.SOP_CLASS_UID
    assert dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID == context.sop_instance_uid
    assert dataset.SeriesInstanceUID == context.series_instance_uid
    assert dataset.StudyInstanceUID == context.study_instance_uid
    assert (dataset.SeriesNumber, dataset.InstanceNumber) == (context.series_number, context.instance_number)


@every_document_case
def test_a_document_is_preliminary(encoder: Encoder, report_: Report) -> None:
    dataset = read(encoder.encode(report_, a_context()))
    assert (dataset.VerificationFlag, dataset.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")


@every_case
def test_nothing_unattended_is_verified(encoder: Encoder, report_: Report) -> None:
    dataset = read(encoder.encode(report_, a_context()))
    assert dataset.get("VerificationFlag", "UNVERIFIED") == "UNVERIFIED"
    assert not any("VerifyingObserverSequence" in each for each in every_dataset(dataset))


SPEAK_OF_VERIFIED = ("verified", "structure")
"""What a person's signature becomes, and the check that lets nothing else be it."""


@pytest.mark.parametrize("module", [module.name for module in pkgutil.iter_modules(dicom_nodes.objects.__path__)])
def test_no_module_can_sign_invent_a_uid_or_ask_the_clock(module: str) -> None:
    nodes = list(ast.walk(ast.parse(inspect.getsource(importlib.import_module(f"dicom_nodes.objects.{module}")))))
    words = {node.value for node in nodes if isinstance(node, ast.Constant)}
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert module in SPEAK_OF_VERIFIED or not words & {"VERIFIED", "FINAL"}
    assert not names & {"generate_uid", "now", "utcnow", "today", "uuid4", "random"}


@pytest.mark.parametrize("module", [signed_form, signed_report, verified])
def test_the_modules_that_write_verified_are_no_encoders_and_ask_for_a_signature(module: ModuleType) -> None:
    assert not hasattr(module, "ROLE")
    assert module not in encoders().values()
    write = module.verified if module is verified else module.encode
    signed = inspect.signature(write).parameters["signed"]
    assert (signed.annotation, signed.default) == ("Signed", inspect.Parameter.empty)


def test_the_check_changes_nothing_of_what_it_looks_at() -> None:
    nodes = ast.walk(ast.parse(inspect.getsource(structure)))
    assert not [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)]


@every_document_case
def test_the_first_visible_line_says_that_no_radiologist_has_read_this(encoder: Encoder, report_: Report) -> None:
    dataset = read(encoder.encode(report_, a_context()))
    visible = [item for item in items(dataset) if item.RelationshipType == "CONTAINS" and item.ValueType != "CONTAINER"]
    assert visible[0].TextValue == first_line(report_)


@every_document_case
def test_the_completion_flag_follows_the_outcome(encoder: Encoder, report_: Report) -> None:
    dataset = read(encoder.encode(report_, a_context()))
    complete = report_.outcome is Outcome.ANALYSED
    assert dataset.CompletionFlag == ("COMPLETE" if complete else "PARTIAL")
    assert ("CompletionFlagDescription" in dataset) == (not complete)


@every_document_case
def test_every_image_in_the_tree_stands_in_the_evidence_sequence(encoder: Encoder, report_: Report) -> None:
    dataset = read(encoder.encode(report_, a_context()))
    listed = {
        (study.StudyInstanceUID, series.SeriesInstanceUID, instance.ReferencedSOPInstanceUID)
        for study in dataset.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
    read_images = {(STUDY, image.series_instance_uid, image.sop_instance_uid) for image in report_.images}
    referred = {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in items(dataset)
        if "ReferencedSOPSequence" in item
    }
    assert read_images <= listed
    assert referred <= {instance for _, _, instance in listed}


def test_a_report_on_no_image_has_no_evidence_sequence() -> None:
    encoder = encoders()["basic-text-sr"]
    dataset = read(encoder.encode(an_unread_report(images=()), a_context(instances=())))
    assert "CurrentRequestedProcedureEvidenceSequence" not in dataset


@every_document
def test_an_image_of_another_study_is_pertinent_other_evidence(encoder: Encoder) -> None:
    prior = replace(an_instance(2), study_instance_uid=derive_uid("test", "prior study"))
    dataset = read(encoder.encode(a_report(), a_context(instances=(an_instance(1), prior))))
    (other,) = dataset.PertinentOtherEvidenceSequence
    assert other.StudyInstanceUID == prior.study_instance_uid
    assert [item.StudyInstanceUID for item in dataset.CurrentRequestedProcedureEvidenceSequence] == [STUDY]


@every_document
def test_an_earlier_image_that_was_compared_with_is_pertinent_other_evidence(encoder: Encoder) -> None:
    dataset = read(encoder.encode(a_report(), a_context(priors=(A_PRIOR_IMAGE,))))
    (other,) = dataset.PertinentOtherEvidenceSequence
    (series,) = other.ReferencedSeriesSequence
    (image,) = series.ReferencedSOPSequence
    told = (other.StudyInstanceUID, series.SeriesInstanceUID, image.ReferencedSOPInstanceUID)
    assert told == (A_PRIOR_IMAGE.study_instance_uid, A_PRIOR_IMAGE.series_instance_uid, A_PRIOR_IMAGE.sop_instance_uid)


@every_case
def test_every_algorithm_is_contributing_equipment(encoder: Encoder, report_: Report) -> None:
    equipment = _equipment(read(encoder.encode(report_, a_context())))
    assert set(equipment) == {algorithm.device_uid for algorithm in report_.algorithms}
    for algorithm in report_.algorithms:
        _is(equipment[algorithm.device_uid], algorithm)


def _equipment(dataset: Dataset) -> dict[str, Dataset]:
    return {item.DeviceUID: item for item in dataset.get("ContributingEquipmentSequence", ())}


@every_document_case
def test_the_tree_names_the_same_algorithm_as_contributing_equipment(encoder: Encoder, report_: Report) -> None:
    dataset = read(encoder.encode(report_, a_context()))
    equipment = _equipment(dataset)
    named = {
        item.ConceptNameCodeSequence[0].CodeValue: item
        for item in dataset.ContentSequence
        if "ConceptNameCodeSequence" in item
    }
    if len(report_.algorithms) == 1:
        entry = equipment[named["121012"].UID]
        assert named["121014"].TextValue == entry.Manufacturer
        assert named["121015"].TextValue == entry.ManufacturerModelName
    else:
        assert dataset.DeviceUID == named["121012"].UID
        assert named["121015"].TextValue == dataset.ManufacturerModelName


def _is(item: Dataset, algorithm: Algorithm) -> None:
    assert item.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
    assert item.Manufacturer == algorithm.manufacturer
    assert item.ManufacturerModelName == algorithm.name
    assert item.SoftwareVersions == algorithm.version
    assert algorithm.digest in item.ContributionDescription


@every_document
def test_a_document_that_replaces_others_names_them(encoder: Encoder) -> None:
    dataset = read(encoder.encode(a_report(), a_context(predecessors=(A_PREDECESSOR,))))
    (study,) = dataset.PredecessorDocumentsSequence
    assert study.StudyInstanceUID == A_PREDECESSOR.study_instance_uid
    (series,) = study.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == A_PREDECESSOR.series_instance_uid
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == A_PREDECESSOR.sop_instance_uid
    assert "PredecessorDocumentsSequence" not in read(encoder.encode(a_report(), a_context()))


@every_document
def test_every_request_is_referenced_and_every_identifier_keeps_its_issuer(encoder: Encoder) -> None:
    dataset = read(encoder.encode(a_report(), a_context()))
    assert dataset.IssuerOfPatientID == "Hospital A"
    (other,) = dataset.OtherPatientIDsSequence
    assert (other.PatientID, other.IssuerOfPatientID) == ("X-77", "Clinic B")
    requests = [(item.AccessionNumber, item.RequestedProcedureID) for item in dataset.ReferencedRequestSequence]
    assert requests == [("A123456", "RP1"), ("A123457", "RP2")]
    assert {item.StudyInstanceUID for item in dataset.ReferencedRequestSequence} == {STUDY}
    assert dataset.IssuerOfAccessionNumberSequence[0].LocalNamespaceEntityID == "RIS"


@every_encoder
def test_what_is_not_known_of_the_patient_is_there_and_empty(encoder: Encoder) -> None:
    dataset = read(encoder.encode(a_report(), a_context(identity=Identity())))
    for keyword in (
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
        "AccessionNumber", "ReferringPhysicianName",
    ):  # fmt: skip
        assert not dataset[keyword].value
    for keyword in ("IssuerOfPatientID", "OtherPatientIDsSequence", "ReferencedRequestSequence", "StudyDescription"):
        assert keyword not in dataset


@every_encoder
def test_date_time_and_offset_are_those_of_the_site(encoder: Encoder) -> None:
    moment = datetime(2024, 7, 1, 0, 30, 5, tzinfo=timezone(-timedelta(hours=3, minutes=30)))
    dataset = read(encoder.encode(a_report(), a_context(created_at=moment)))
    assert dataset.get("ContentDate", "20240701") == "20240701"
    assert dataset.get("ContentTime", "003005") == "003005"
    assert (dataset.InstanceCreationDate, dataset.InstanceCreationTime) == ("20240701", "003005")
    assert dataset.TimezoneOffsetFromUTC == "-0330"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        a_context(created_at=datetime(2024, 7, 1))


@every_case
def test_the_equipment_is_preread_and_the_series_says_ai_and_preliminary(encoder: Encoder, report_: Report) -> None:
    dataset = read(encoder.encode(report_, a_context()))
    assert (dataset.Manufacturer, dataset.ManufacturerModelName) == ("preread", "preread")
    assert (dataset.DeviceSerialNumber, dataset.SoftwareVersions) == ("0001", "0.1.0")
    assert dataset.DeviceUID == a_context().installation_uid
    assert dataset.SeriesDescription.startswith("AI ")
    assert " preliminary (" in dataset.SeriesDescription
    assert all(algorithm.name in dataset.SeriesDescription for algorithm in report_.algorithms)


@every_encoder
def test_a_long_algorithm_name_does_not_push_preliminary_out_of_the_series_description(encoder: Encoder) -> None:
    report = a_report(algorithms=(replace(a_report().algorithms[0], name="x" * 200),))
    description = read(encoder.encode(report, a_context())).SeriesDescription
    assert len(description) <= 64
    assert "preliminary (" in description


@every_case
def test_every_uid_is_valid_and_every_long_string_fits(encoder: Encoder, report_: Report) -> None:
    limits = {"LO": 64, "SH": 16, "CS": 16, "DS": 16}
    for dataset in every_dataset(read(encoder.encode(report_, a_context()))):
        for element in dataset:
            if element.VR == "UI":
                assert is_uid(element.value)
            elif element.VR in limits:
                values = element.value if element.VM > 1 else [element.value]
                assert all(len(str(value)) <= limits[element.VR] for value in values)


def test_installations_without_a_device_uid_of_their_own_still_differ() -> None:
    bare = replace(a_context(), device_uid=None)
    other = replace(bare, device_serial_number="0002")
    assert bare.installation_uid == replace(bare).installation_uid
    assert bare.installation_uid != other.installation_uid
