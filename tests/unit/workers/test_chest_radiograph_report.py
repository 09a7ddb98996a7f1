"""The chest algorithm: a model's words to coded findings, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.uid import UID

from service.domain import code
from service.domain.errors import Unclear
from service.domain.report import Evidence, Section
from service.ports.models import Answer, Finish, ImagePart
from service.ports.pixels import Frame
from workers.algorithms import chest_radiograph_report as chest
from workers.algorithms.base import Draft, Looked

NORMAL = (
    "FINDINGS: The heart size is normal. No pleural effusion. No pneumothorax. No pulmonary nodule. "
    "IMPRESSION: normal study."
)
ILL = (
    "FINDINGS: The cardiac silhouette is enlarged. There is a small left pleural effusion. There is a right "
    "pneumothorax. There is a 12 mm nodule in the right upper zone. "
    "IMPRESSION: cardiomegaly, left effusion, right pneumothorax, right nodule."
)
IMAGE = Evidence(sop_class_uid=UID("1.2"), sop_instance_uid=UID("1.3"), series_instance_uid=UID("1.4"))


def interpret(text: str, *, number: int = 1, of: int = 1) -> Draft:
    answer = Answer(text=text, finish=Finish.STOP, model="m", version="1", digest="d")
    return chest.interpret(answer, Looked(evidence=IMAGE, number=number, of=of), namespace="n")


def test_a_normal_report_states_every_finding_as_absent() -> None:
    draft = interpret(NORMAL)
    assert {finding.concept for finding in draft.findings} == set(chest.LOOKED_FOR)
    assert not any(finding.present for finding in draft.findings)
    assert draft.sentences[-1].text == "Normal study."
    assert draft.sentences[-1].section is Section.CONCLUSIONS
    assert set(draft.sentences[-1].findings) == {finding.tracking_id for finding in draft.findings}


def test_side_size_and_diameter_are_coded() -> None:
    heart, effusion, pneumothorax, nodule = interpret(ILL).findings
    assert heart.present
    assert (effusion.laterality, effusion.severity) == (code.LEFT, code.MILD)
    assert pneumothorax.laterality == code.RIGHT
    assert nodule.measurements[0].text == "12 mm"
    assert all(finding.evidence == (IMAGE,) for finding in (heart, effusion, pneumothorax, nodule))


def test_several_images_are_told_apart() -> None:
    draft = interpret(NORMAL, number=2, of=3)
    assert draft.sentences[0].text.startswith("Image 2 of 3: ")
    assert draft.findings[0].tracking_id.endswith("-2")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("FINDINGS: ", "", "has no FINDINGS"),
        ("No pneumothorax.", "No pneumothorax. The aorta is elongated.", "no coded meaning"),
        ("No pneumothorax. ", "", "left out a finding"),
        ("No pneumothorax.", "There is a left pneumothorax.", "contradicts its own findings"),
        ("normal study.", "left effusion.", "contradicts its own findings"),
        ("No pneumothorax.", "No pneumothorax. No pneumothorax.", "twice or both ways"),
        ("No pneumothorax.", "There is a  left pneumothorax.", "no coded meaning"),
    ],
)
def test_an_answer_in_any_other_form_is_not_taken(before: str, after: str, said: str) -> None:
    with pytest.raises(Unclear, match=said):
        interpret(NORMAL.replace(before, after))


def test_the_question_carries_the_image_and_no_text_from_the_header() -> None:
    pixels = np.zeros((4, 4), np.uint16)
    image, words = chest.prepare(Frame(pixels=pixels, frame=1)).parts
    assert isinstance(image, ImagePart)
    assert words == chest.INSTRUCTION
