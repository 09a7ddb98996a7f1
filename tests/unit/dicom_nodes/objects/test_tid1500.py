"""Comprehensive 3D SR by TID 1500: what a machine reads, here by another library (highdicom)."""

import math
from dataclasses import replace
from io import BytesIO
from typing import Any

import highdicom
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicom_nodes.objects import tid1500
from dicom_nodes.objects.context import EncodingContext
from service.domain import code
from service.domain.report import Measurement, Report
from service.domain.uids import derive_uid
from tests.support.reports import (
    CHEST_MODEL,
    EFFUSION,
    NO_CARDIOMEGALY,
    NO_PNEUMOTHORAX,
    NODULE,
    NODULE_MODEL,
    a_context,
    a_finding,
    a_partial_report,
    a_report,
    a_report_of_two_views,
    an_image,
    an_instance,
    an_unread_report,
    two_algorithms_report,
)


def encoded(report: Report, context: EncodingContext | None = None) -> Dataset:
    return dcmread(BytesIO(tid1500.encode(report, context or a_context())))


def groups(report: Report) -> dict[str, Any]:
    """Measurement groups by tracking identifier, as highdicom reads them."""
    document = highdicom.sr.Comprehensive3DSR.from_dataset(encoded(report))
    assert isinstance(document.content, highdicom.sr.MeasurementReport)
    return {group.tracking_identifier: group for group in document.content.get_image_measurement_groups()}


def concept(item: Dataset) -> str:
    names = item.get("ConceptNameCodeSequence")
    return str(names[0].CodeMeaning) if names else ""


def children(item: Dataset, name: str) -> list[Dataset]:
    return [child for child in item.get("ContentSequence", ()) if concept(child) == name]


def measurement_groups(dataset: Dataset) -> list[Dataset]:
    (measurements,) = children(dataset, "Imaging Measurements")
    return list(measurements.ContentSequence)


def test_every_finding_is_a_group_with_its_tracking_identifier_and_uid() -> None:
    found = groups(a_report())
    assert list(found) == [
        EFFUSION.tracking_id,
        NODULE.tracking_id,
        NO_PNEUMOTHORAX.tracking_id,
        NO_CARDIOMEGALY.tracking_id,
    ]
    assert found[NODULE.tracking_id].tracking_uid == NODULE.tracking_uid
    assert found[NODULE.tracking_id].finding_type == highdicom.sr.CodedConcept("27925004", "SCT", "Nodule")


def test_absent_findings_are_said_to_be_absent() -> None:
    presence = {
        name: [q.value.meaning for q in group.get_qualitative_evaluations() if q.name.value == code.PRESENCE.value]
        for name, group in groups(a_report()).items()
    }
    assert presence == {
        EFFUSION.tracking_id: ["Present"],
        NODULE.tracking_id: ["Present"],
        NO_PNEUMOTHORAX.tracking_id: ["Absent"],
        NO_CARDIOMEGALY.tracking_id: ["Absent"],
    }


def test_a_site_carries_its_side_and_a_finding_its_severity() -> None:
    effusion = groups(a_report())[EFFUSION.tracking_id]
    (site,) = effusion.finding_sites
    assert site.value.meaning == "Pleura"
    assert site.laterality.meaning == "Left"
    severity = [q.value.meaning for q in effusion.get_qualitative_evaluations() if q.name.meaning == "Severity"]
    assert severity == ["Mild"]


def test_a_side_without_a_site_is_not_lost() -> None:
    finding = a_finding("effusion", code.PLEURAL_EFFUSION, site=None, laterality=code.LEFT)
    (group,) = measurement_groups(encoded(a_report(findings=(finding,), sentences=(_about(finding.tracking_id),))))
    (side,) = children(group, "Laterality")
    assert side.ConceptCodeSequence[0].CodeMeaning == "Left"


def test_a_number_is_written_with_the_digits_of_the_narrative() -> None:
    for value in (12.4, 12.0, 0.1 + 0.2, 1234567.0, 1e-7):
        measured = Measurement(concept=code.DIAMETER, value=value, unit=code.MILLIMETER)
        nodule = replace(NODULE, measurements=(measured,))
        (group,) = measurement_groups(encoded(a_report(findings=(nodule,), sentences=(_about("nodule-1"),))))
        (item,) = children(group, "Diameter")
        written = item.MeasuredValueSequence[0]
        unit = written.MeasurementUnitsCodeSequence[0]
        assert unit.CodingSchemeDesignator == "UCUM"
        assert f"{written['NumericValue'].value.original_string} {unit.CodeValue}" == measured.text


def test_a_number_that_is_none_is_refused() -> None:
    nodule = replace(NODULE, measurements=(Measurement(concept=code.DIAMETER, value=math.nan, unit=code.MILLIMETER),))
    with pytest.raises(ValueError, match="Diameter is nan"):
        tid1500.encode(a_report(findings=(nodule,), sentences=(_about("nodule-1"),)), a_context())


def test_the_certainty_is_that_of_what_is_stated() -> None:
    found = groups(a_report())
    certainty = {
        name: [(m.value, m.unit.value) for m in group.get_measurements() if m.name.value == code.CERTAINTY.value]
        for name, group in found.items()
    }
    assert certainty[NODULE.tracking_id] == [(91.2, "%")]
    assert certainty[NO_PNEUMOTHORAX.tracking_id] == [(98.0, "%")]


def test_a_finding_without_probability_has_no_certainty() -> None:
    finding = a_finding("nodule", code.NODULE)
    (group,) = measurement_groups(encoded(a_report(findings=(finding,), sentences=(_about("nodule"),))))
    assert not children(group, "Certainty of Finding")


def test_each_group_names_the_algorithm_that_made_it() -> None:
    dataset = encoded(two_algorithms_report())
    made = {
        children(group, "Tracking Identifier")[0].TextValue: (
            children(group, "Algorithm Name")[0].TextValue,
            children(group, "Algorithm Version")[0].TextValue,
            children(group, "Algorithm Parameters")[0].TextValue,
        )
        for group in measurement_groups(dataset)
    }
    assert made[NODULE.tracking_id] == (NODULE_MODEL.name, NODULE_MODEL.version, f"sha256:{NODULE_MODEL.digest}")
    assert made[EFFUSION.tracking_id] == (CHEST_MODEL.name, CHEST_MODEL.version, f"sha256:{CHEST_MODEL.digest}")


@pytest.mark.parametrize("made_by", [None, derive_uid("test", "another")])
def test_a_finding_whose_algorithm_cannot_be_told_is_not_put_on_another(made_by: UID | None) -> None:
    stray = replace(NODULE, algorithm_uid=made_by)
    report = replace(two_algorithms_report(), findings=(stray,), sentences=(_about("nodule-1"),))
    (group,) = measurement_groups(encoded(report))
    assert not children(group, "Algorithm Name")


def test_all_groups_of_a_document_are_of_one_kind() -> None:
    dataset = encoded(a_report())
    templates = {group.ContentTemplateSequence[0].TemplateIdentifier for group in measurement_groups(dataset)}
    assert templates == {"1501"}
    assert dataset.ContentTemplateSequence[0].TemplateIdentifier == "1500"


def test_a_region_is_a_closed_outline_on_its_image() -> None:
    nodule = measurement_groups(encoded(a_report()))[1]
    (region,) = [item for item in nodule.ContentSequence if item.ValueType == "SCOORD"]
    assert region.GraphicType == "POLYLINE"
    assert region.GraphicData == [100.5, 200, 140, 200, 140, 238.25, 100.5, 238.25, 100.5, 200]
    (selected,) = region.ContentSequence
    assert selected.RelationshipType == "SELECTED FROM"
    assert selected.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == an_image(1).sop_instance_uid


def test_source_images_are_named_with_their_frame() -> None:
    nodule = replace(NODULE, evidence=(an_image(1, frame=2), an_image(1, frame=3)))
    (group,) = measurement_groups(encoded(a_report(findings=(nodule,), sentences=(_about("nodule-1"),))))
    sources = [
        i.ReferencedSOPSequence[0].ReferencedFrameNumber for i in group.ContentSequence if i.ValueType == "IMAGE"
    ]
    assert sources == [2, 3]


def test_the_image_library_lists_only_images_that_a_finding_refers_to() -> None:
    context = a_context(instances=tuple(an_instance(number) for number in range(1, 51)))
    (library,) = children(encoded(a_report(), context), "Image Library")
    (entry,) = library.ContentSequence[0].ContentSequence
    assert entry.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == an_image(1).sop_instance_uid
    assert entry.ContentSequence[0].ConceptCodeSequence[0].CodeMeaning == "Digital Radiography"


@pytest.mark.parametrize("modality", ["", "ZZ"])
def test_an_image_of_unknown_modality_is_listed_without_one(modality: str) -> None:
    dataset = encoded(a_report(), a_context(instances=(an_instance(1, Modality=modality),)))
    (library,) = children(dataset, "Image Library")
    (entry,) = library.ContentSequence[0].ContentSequence
    assert "ContentSequence" not in entry


def test_findings_without_images_need_no_library() -> None:
    absent = replace(NO_PNEUMOTHORAX, evidence=())
    dataset = encoded(a_partial_report(findings=(absent,), sentences=()))
    assert not children(dataset, "Image Library")


def test_the_procedure_that_was_read_is_reported() -> None:
    (item,) = children(encoded(a_report()), "Procedure reported")
    assert item.ConceptCodeSequence[0].CodeValue == "43468-8"


def test_it_applies_only_where_there_is_a_finding_to_code() -> None:
    assert tid1500.applies(a_report())
    assert tid1500.applies(a_partial_report())
    assert not tid1500.applies(an_unread_report())
    assert not tid1500.applies(a_partial_report(findings=(), sentences=()))


def _about(tracking_id: str) -> Any:
    return replace(a_report().sentences[0], findings=(tracking_id,))


def group_of(report: Report, tracking_id: str) -> Dataset:
    """A measurement group as it was written."""
    found = measurement_groups(encoded(report))
    return next(each for each in found if children(each, "Tracking Identifier")[0].TextValue == tracking_id)


def test_a_finding_has_a_region_on_every_image_that_shows_it() -> None:
    items = group_of(a_report_of_two_views(), "consolidation-right").ContentSequence
    regions = [item for item in items if item.ValueType == "SCOORD"]
    images = [region.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID for region in regions]
    assert images == [an_image(1).sop_instance_uid, an_image(2).sop_instance_uid]
    assert [float(number) for number in regions[1].GraphicData[:4]] == [900.0, 1010.0, 1200.0, 1010.0]


def test_a_site_says_which_side_and_whether_front_or_back() -> None:
    (site,) = children(group_of(a_report_of_two_views(), "consolidation-right"), "Finding Site")
    told = {concept(item): item.ConceptCodeSequence[0].CodeMeaning for item in site.ContentSequence}
    assert told == {"Laterality": "Right", "Topographical modifier": "Posterior"}


def test_a_line_from_the_right_does_not_end_in_a_right_vena_cava() -> None:
    group = group_of(a_report_of_two_views(), "central-venous-line-right")
    (site,), (side,) = children(group, "Finding Site"), children(group, "Laterality")
    assert site.ConceptCodeSequence[0].CodeMeaning == "Superior vena cava"
    assert "ContentSequence" not in site
    assert side.ConceptCodeSequence[0].CodeMeaning == "Right"


def test_a_tube_is_measured_from_the_carina() -> None:
    group = groups(a_report_of_two_views())["endotracheal-tube"]
    (distance,) = group.get_measurements()
    assert (distance.name.meaning, distance.value, group.finding_sites[0].value.meaning) == ("Distance", 35, "Carina")


def test_what_a_reader_must_know_of_the_reading_is_a_comment() -> None:
    comments = [item.TextValue for item in children(encoded(a_report_of_two_views()), "Comment")]
    assert comments[1:] == ["12 of 118 slices were read."]
