"""From answers to documents: several views, or slices, become one SR that others read and find no error in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from pydicom import Dataset, dcmread

from dicom_nodes.objects import encoders, masks_for, shown_by
from dicom_nodes.objects.context import picture_key
from service.domain.algorithm import Calibration, Limits, Platt
from service.domain.report import Outcome, Report
from service.domain.study import Identity, Instance
from service.ports.image_models import LabelMap
from service.ports.models import Piece
from tests.support import validators
from tests.support.judging import TREES
from tests.support.narratives import CT, FRONTAL, LATERAL, answer, ct_slice, narrative, radiograph, stored
from tests.support.reports import CHEST_MODEL, a_context, a_frame
from workers.algorithms import algorithms
from workers.measures import algorithm, measures
from workers.measures.base import Numbers, Series
from workers.pipeline.interpret import Reading
from workers.pipeline.kept import Asked, Kept, dump, load
from workers.pipeline.select import again, evidence_of, select

CALIBRATION = Calibration(default=Platt(1.0, 0.0))


def report(algorithm: str, images: Sequence[tuple[Instance, str]]) -> Report:
    """What the pipeline makes of answers by image, through a kept step and back."""
    module, instances = algorithms()[algorithm], [stored(instance) for instance, _ in images]
    texts = {instance.sop_instance_uid: text for instance, text in images}
    chosen = select(instances, module, Limits(), Identity())
    asked = tuple(
        Asked(image=uid, answer=answer(texts[uid], pieces=(Piece(texts[uid], (-0.1,)),)))
        for one, _ in chosen.images
        if (uid := one.instance.sop_instance_uid)
    )
    kept = load(dump(Kept(algorithm=CHEST_MODEL, left_out=chosen.left_out, asked=asked, notes=chosen.notes,
                          calibration=CALIBRATION)))  # fmt: skip
    selection = again(instances, [one.image for one in kept.asked], kept.left_out, kept.notes)
    reading = Reading(modality=instances[0].instance.modality, images=[evidence_of(instances[0])], namespace="n")
    reading.add(module, selection, kept)
    return reading.report()


def nodule(mm: int, box: str) -> str:
    return narrative(CT, "left nodule", nodule=f"There is a {mm} mm nodule in the left lung [{box}].")


def a_ct() -> Report:
    """40 slices; what is read of them shows one nodule on three neighbours, and an effusion on one."""
    shown = {19: nodule(8, "100 60 105 65"), 22: nodule(12, "100 60 107 67"), 25: nodule(9, "101 61 105 66")}
    shown[3] = narrative(
        CT, "small right pleural effusion", effusion="There is a small right pleural effusion [10 90 30 110]."
    )
    return report("chest-ct-report", [(ct_slice(n), shown.get(n, narrative(CT))) for n in range(1, 41)])


def two_views() -> Report:
    frontal = narrative(
        FRONTAL, "right lower zone consolidation",
        consolidation="There is a right lower zone consolidation [20 100 60 130].",
    )  # fmt: skip
    lateral = narrative(
        LATERAL, "small pleural effusion, posterior consolidation",
        consolidation="There is a posterior consolidation [90 100 120 130].",
        effusion="There is a small pleural effusion [100 130 130 140].",
    )  # fmt: skip
    return report("chest-radiograph-report", [(radiograph(1), frontal), (radiograph(2, "LL"), lateral)])


LUNGS = np.zeros((3, 320, 320), np.uint8)
LUNGS[:, 100:200, 60:260] = 1
NUMBERS: dict[str, Numbers] = {
    "acquisition-quality": {
        "images": 3, "spacing_between_mm": 5.0, "thickness_mm": 5.0,
        "remarks": [{"fault": "missing slices", "text": "1 slice is missing behind slice 1.", "images": ["1.3.1"]}],
    },
    "ct-attenuation": {"mean": 41.5, "standard deviation": 110.4, "median": 55.0, "voxels": 221336},
    "chest-ct-lungs": {
        "volume_ml": 4423, "mean_hu": -850.2, "below_950_percent": 6.3,
        "mask": {"images": ["1.3.1", "1.3.2", "1.3.3"], "map": LabelMap.of(LUNGS).plain},
    },
}  # fmt: skip


def measured() -> Report:
    """What every measure says of three slices."""
    images = tuple(evidence_of(stored(ct_slice(number))) for number in (1, 2, 3))
    reading = Reading(modality="CT", images=images, namespace="n")
    for name, module in measures().items():
        draft = module.draft(NUMBERS[name], Series(images=images, number=1, of=1), namespace="n")
        reading.add_findings(
            algorithm(module), looked_at=images, findings=draft.findings, sentences=draft.sentences, missing=()
        )
    return reading.report()


SITUATIONS = {"ct": a_ct, "two views": two_views, "measured": measured}


OBJECTS = [
    (role, name) for role, encoder in encoders().items() for name, told in SITUATIONS.items() if encoder.applies(told())
]
INSTANCES = (radiograph(1), radiograph(2, "LL"), *(ct_slice(number) for number in range(1, 41)))
DOCUMENTS = ("basic-text-sr", "tid1500", "coordinates-sr")


def encoded(role: str, told: Report) -> bytes:
    encoder = encoders()[role]
    pictures = {
        picture_key(image): replace(a_frame(), source=image.sop_instance_uid) for image in shown_by(encoder, told)
    }
    shown = {image.sop_instance_uid for image in told.images}
    instances = tuple(each for each in INSTANCES if each.sop_instance_uid in shown)
    masks = dict.fromkeys(masks_for(encoder, told), LUNGS)
    return encoder.encode(told, a_context(instances=instances, pictures=pictures, masks=masks))


def texts(item: Dataset) -> list[str]:
    found = [str(item.TextValue)] if "TextValue" in item else []
    return found + [text for child in item.get("ContentSequence", ()) for text in texts(child)]


def numbers(item: Dataset) -> list[tuple[str, str, str]]:
    """Concept, derivation and value of every NUM, in the order of the tree."""
    children = item.get("ContentSequence", ())
    found = [number for child in children for number in numbers(child)]
    if item.get("ValueType") != "NUM":
        return found
    derived = [child.ConceptCodeSequence[0].CodeMeaning for child in children if child.ValueType == "CODE"]
    value = item.MeasuredValueSequence[0].NumericValue
    return [(item.ConceptNameCodeSequence[0].CodeMeaning, "".join(derived), f"{value:g}")]


@pytest.mark.parametrize(("role", "situation"), OBJECTS)
def test_others_find_no_error(role: str, situation: str, tmp_path: Path) -> None:
    path = tmp_path / "object.dcm"
    path.write_bytes(encoded(role, SITUATIONS[situation]()))
    assert validators.dciodvfy_errors(path) == []
    if role in TREES:
        assert "AI DRAFT" in validators.dsrdump(path)


def test_a_ct_is_told_as_one_report_that_says_how_much_was_read() -> None:
    told = a_ct()
    assert told.outcome is Outcome.ANALYSED
    assert told.notes == ("12 of 40 slices were read",)
    present = {finding.tracking_id: finding for finding in told.findings if finding.present}
    assert set(present) == {"pleural-effusion-right", "nodule-left"}
    assert present["nodule-left"].measurements[0].text == "12 mm"
    assert len([evidence for evidence in present["nodule-left"].evidence if evidence.region]) == 3


def test_numbers_of_one_concept_are_told_apart_by_what_they_were_derived_by() -> None:
    tree = dcmread(BytesIO(encoded("tid1500", measured())))
    assert [number for number in numbers(tree) if number[0] == "Attenuation Coefficient"] == [
        ("Attenuation Coefficient", "Mean", "-850.2"),
        ("Attenuation Coefficient", "Mean", "41.5"),
        ("Attenuation Coefficient", "Standard Deviation", "110.4"),
        ("Attenuation Coefficient", "Median", "55"),
    ]


def test_what_was_measured_without_a_model_stands_in_every_kind_of_object_that_says_numbers() -> None:
    told = measured()
    assert {role for role, situation in OBJECTS if situation == "measured"} == set(encoders()) - {
        "coordinates-sr",
        "presentation-state",
    }
    text = "\n".join(texts(dcmread(BytesIO(encoded("basic-text-sr", told)))))
    pdf = pypdfium2.PdfDocument(dcmread(BytesIO(encoded("encapsulated-pdf", told))).EncapsulatedDocument)
    page = " ".join(" ".join(each.get_textpage().get_text_range() for each in pdf).split())
    coded = {value for _, _, value in numbers(dcmread(BytesIO(encoded("tid1500", told))))}
    for finding in told.findings:
        for one in finding.measurements:
            assert one.text in text
            assert f"{one.name} {one.text}" in page
            assert f"{one.value:g}" in coded


def test_lungs_are_segmented_as_an_organ_not_as_a_lesion() -> None:
    (segment,) = dcmread(BytesIO(encoded("segmentation", measured()))).SegmentSequence
    assert segment.SegmentLabel == "Lung"
    assert segment.SegmentedPropertyCategoryCodeSequence[0].CodeMeaning == "Anatomical Structure"
    assert segment.SegmentAlgorithmName == "chest-ct-lungs"


def test_a_document_shows_a_person_no_numbers_of_boxes() -> None:
    for role in DOCUMENTS:
        shown = texts(dcmread(BytesIO(encoded(role, two_views()))))
        assert not any("[" in text for text in shown)
    told = texts(dcmread(BytesIO(encoded("basic-text-sr", two_views()))))
    assert "Images 1 and 2 of 2: There is a right lower zone consolidation." in told
    assert any(text.startswith("The images disagree: small pleural effusion is seen on image 2 of 2") for text in told)


def test_a_certainty_stands_with_each_finding_and_equal_answers_give_equal_bytes() -> None:
    assert {finding.probability for finding in two_views().findings if finding.present} == {0.9048}
    for role in [role for role, situation in OBJECTS if situation == "ct"]:
        assert encoded(role, a_ct()) == encoded(role, a_ct())
