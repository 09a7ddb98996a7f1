"""IHE AI Results, Evidence Creator: each point as a test, under its number in the conformance statement's table 7.6."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage

from dicom_nodes.objects import encoders
from service.domain import code
from tests.support.reports import CHEST_MODEL, a_context, a_report, two_algorithms_report


def document(role: str = "tid1500") -> Dataset:
    return dcmread(BytesIO(encoders()[role].encode(a_report(), a_context())))


def items(dataset: Dataset) -> Iterator[Dataset]:
    for item in dataset.get("ContentSequence", ()):
        yield item
        yield from items(item)


def values(dataset: Dataset, concept: str) -> set[str]:
    """What the items under one concept name say."""
    named = [i for i in items(dataset) if "ConceptNameCodeSequence" in i]
    found = [i for i in named if i.ConceptNameCodeSequence[0].CodeValue == concept]
    return {str(i.get("TextValue") or i.get("UID") or i.ConceptCodeSequence[0].CodeValue) for i in found}


@pytest.mark.parametrize("role", encoders())
def test_air_1_each_algorithm_is_contributing_equipment_with_a_device_uid(role: str) -> None:
    part10 = encoders()[role].encode(two_algorithms_report(), a_context())
    for item in dcmread(BytesIO(part10)).ContributingEquipmentSequence:
        purpose = item.PurposeOfReferenceCodeSequence[0]
        assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("109102", "DCM")
        assert all(item.get(k) for k in ("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "DeviceUID"))


@pytest.mark.parametrize("role", ["basic-text-sr", "tid1500", "coordinates-sr", "key-objects"])
def test_air_2_the_tree_names_the_algorithm_as_contributing_equipment_does(role: str) -> None:
    dataset = document(role)
    (equipment,) = dataset.ContributingEquipmentSequence
    assert values(dataset, "121014") == {equipment.Manufacturer}
    assert values(dataset, "121015") == {equipment.ManufacturerModelName}
    assert values(dataset, "111001") <= {equipment.ManufacturerModelName}
    assert values(dataset, "111003") <= {equipment.SoftwareVersions}
    assert values(dataset, "121012") == {equipment.DeviceUID}


def test_air_3_the_root_is_tid_1500_in_a_comprehensive_3d_sr() -> None:
    dataset = document()
    assert dataset.SOPClassUID == Comprehensive3DSRStorage
    assert dataset.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert dataset.ConceptNameCodeSequence[0].CodeValue == "126000"


@pytest.mark.parametrize(
    ("modality", "loinc"), [("CT", "25045-6"), ("MR", "25056-3"), ("CR", "43468-8"), ("DX", "43468-8")]
)
def test_air_4_the_procedure_reported_is_the_imaging_procedure(modality: str, loinc: str) -> None:
    report = a_report(procedure=code.PROCEDURES[modality])
    dataset = dcmread(BytesIO(encoders()["tid1500"].encode(report, a_context())))
    assert values(dataset, "121058") == {loinc}


def test_air_5_every_group_is_tracked_and_refers_to_its_images() -> None:
    groups = [i for i in items(document()) if i.get("ContentTemplateSequence")]
    assert len(groups) == len(a_report().findings)
    for group in groups:
        assert len(values(group, "112039")) == len(values(group, "112040")) == 1
        assert any(item.ValueType == "IMAGE" for item in items(group))


def test_air_6_a_segmentation_names_its_algorithm_and_its_equipment() -> None:
    dataset = document("segmentation")
    for segment in dataset.SegmentSequence:
        assert (segment.SegmentAlgorithmType, segment.SegmentAlgorithmName) == ("AUTOMATIC", CHEST_MODEL.name)
        (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
        assert algorithm.AlgorithmFamilyCodeSequence[0].CodeValue == "123110"
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == (CHEST_MODEL.name, CHEST_MODEL.version)
    for keyword in ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions"):
        assert dataset[keyword].value


# Point 7, no errors from PixelMed's validator, is tests/dicom/objects/test_validators.py.
