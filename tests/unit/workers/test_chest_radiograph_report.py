"""The chest radiograph algorithm: a model's words to coded findings, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from service.domain import code
from service.domain.errors import Unclear
from service.domain.report import Finding, Region, Section
from service.domain.study import Instance
from service.ports.models import ImagePart
from service.ports.pixels import Frame
from tests.support.narratives import FRONTAL, ILL, LATERAL, NORMAL, answer, narrative, radiograph
from workers.algorithms import chest_radiograph_report as chest
from workers.algorithms.base import Draft, Looked
from workers.narrative.forms import FRONTAL as FORMS


def looked(number: int = 1, of: int = 1, view: str = "PA", instance: Instance | None = None) -> Looked:
    return Looked(instance=instance or radiograph(number, view), number=number, of=of)


def interpret(text: str, *, view: str = "PA", instance: Instance | None = None) -> Draft:
    return chest.interpret(answer(text), looked(view=view, instance=instance), namespace="n")


def combined(*images: tuple[str, str]) -> Draft:
    """What the algorithm makes of images, each a view and an answer."""
    seen = [looked(number, len(images), view) for number, (view, _) in enumerate(images, 1)]
    drafts = [chest.interpret(answer(text), one, namespace="n") for one, (_, text) in zip(seen, images, strict=True)]
    return chest.combine(drafts, seen, namespace="n")


def lines(draft: Draft) -> list[str]:
    return [sentence.text for sentence in draft.sentences]


def present(draft: Draft) -> dict[str, Finding]:
    return {finding.tracking_id: finding for finding in draft.findings if finding.present}


def test_a_normal_report_states_every_finding_as_absent() -> None:
    draft = combined(("PA", NORMAL))
    assert {finding.concept for finding in draft.findings} == set(chest.LOOKED_FOR)
    assert not any(finding.present for finding in draft.findings)
    assert draft.sentences[-1].text == "Normal study."
    assert draft.sentences[-1].section is Section.CONCLUSIONS
    assert set(draft.sentences[-1].findings) == {finding.tracking_id for finding in draft.findings}


def test_every_finding_of_a_frontal_image_is_coded() -> None:
    heart, mediastinum, effusion, air, consolidation, nodule, rib, line, tube = interpret(ILL).findings
    assert (heart.concept, heart.severity) == (code.CARDIOMEGALY, code.MODERATE)
    assert (mediastinum.concept, mediastinum.site) == (code.ENLARGED, code.MEDIASTINUM)
    assert (effusion.laterality, effusion.severity) == (code.LEFT, code.MILD)
    assert (air.laterality, air.severity) == (code.RIGHT, code.SEVERE)
    assert (consolidation.site, consolidation.laterality) == (code.LOWER_ZONE, code.RIGHT)
    assert (nodule.site, nodule.measurements[0].text) == (code.UPPER_ZONE, "14 mm")
    assert (rib.concept, rib.laterality) == (code.RIB_FRACTURE, code.LEFT)
    assert (line.site, line.laterality) == (code.SUPERIOR_VENA_CAVA, code.RIGHT)
    assert (tube.site, tube.measurements[0].concept, tube.measurements[0].text) == (code.CARINA, code.DISTANCE, "35 mm")
    assert all(finding.present for finding in interpret(ILL).findings)


def test_a_lateral_image_is_read_in_its_own_form() -> None:
    text = narrative(
        LATERAL,
        "posterior consolidation, anterior nodule",
        consolidation="There is a posterior consolidation [10 20 30 40].",
        nodule="There is a 9 mm nodule in the anterior lung [50 60 70 80].",
    )
    *_, consolidation, nodule = interpret(text, view="LL").findings
    assert (consolidation.site, consolidation.topography) == (code.LUNG, code.POSTERIOR)
    assert (nodule.topography, nodule.laterality) == (code.ANTERIOR, None)


@pytest.mark.parametrize(("view", "text"), [("LL", NORMAL), ("PA", narrative(LATERAL)), ("LL", ILL)])
def test_the_header_decides_which_form_is_taken(view: str, text: str) -> None:
    with pytest.raises(Unclear):
        interpret(text, view=view)


@pytest.mark.parametrize(
    ("view", "said"), [("", "view position is not stated"), ("RL", "view position is RL; this algorithm reads PA")]
)
def test_an_image_of_a_view_without_a_form_is_not_accepted(view: str, said: str) -> None:
    assert said in (chest.accepts(radiograph(view=view)) or "")


def test_a_box_is_evidence_in_pixels_of_the_image() -> None:
    nodule = interpret(ILL).findings[5]
    assert nodule.evidence[0].region == Region(left=300.0, top=300.0, right=390.0, bottom=390.0)


@pytest.mark.parametrize("box", [" [30 30 38 160]", " [38 30 30 38]", " [3 3 3", " [1.5 2 3 4]", " [a b]", " []", ""])
def test_a_broken_box_gives_no_region_and_the_finding_stays(box: str) -> None:
    draft = interpret(ILL.replace(" [30 30 38 38]", box))
    assert draft.findings[5].evidence[0].region is None
    assert draft.findings[5].measurements[0].text == "14 mm"


@pytest.mark.parametrize("size", [{"Rows": ""}, {"Columns": "wide"}, {"Rows": "0"}])
def test_an_image_whose_size_is_not_stated_gets_no_region(size: dict[str, str]) -> None:
    draft = interpret(ILL, instance=radiograph(**size))
    assert all(finding.evidence[0].region is None for finding in draft.findings)


def test_nobody_is_shown_the_numbers_of_a_box() -> None:
    for draft in (interpret(ILL), combined(("PA", ILL))):
        assert not any("[" in sentence.text for sentence in draft.sentences)
    assert "There is a left rib fracture." in lines(interpret(ILL))


@pytest.mark.parametrize(
    ("before", "after", "doubted"),
    [
        ("IMPRESSION: moderate card", "IMPRESSION: mild card", "cardiomegaly"),
        ("left rib fracture, ", "", "rib fracture"),
        ("left rib fracture, ", "right rib fracture, ", "rib fracture"),
        ("left rib fracture, ", "left rib fracture, left rib fracture, ", "rib fracture"),
        ("There is a large right pneumothorax [10 20 60 90].", "No pneumothorax.", "pneumothorax"),
    ],
)
def test_what_the_impression_says_otherwise_is_not_told_and_the_rest_is(before: str, after: str, doubted: str) -> None:
    draft = interpret(ILL.replace(before, after))
    assert draft.doubts == (doubted,)
    assert {one.name for one in draft.statements} == {form.name for form in FORMS} - {doubted}
    assert not any(doubted in line.lower() for line in lines(draft))
    assert len(draft.findings) == len(FORMS) - 1


def test_a_study_in_doubt_is_never_called_normal() -> None:
    doubtful = NORMAL.replace("normal study", "left rib fracture")
    for draft in (interpret(doubtful), combined(("PA", doubtful), ("LL", narrative(LATERAL)))):
        assert draft.doubts == ("rib fracture",)
        assert not any(sentence.section is Section.CONCLUSIONS for sentence in draft.sentences)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("FINDINGS: ", "", "has no FINDINGS"),
        ("No pneumothorax.", "No pneumothorax. The aorta is elongated.", "no coded meaning"),
        ("No pneumothorax.", "No pneumothorax. as far as is seen", "no coded meaning"),
        ("No pneumothorax. ", "", "left out a finding"),
        ("No pneumothorax.", "There is a small left pneumothorax.", "contradicts its own findings"),
        ("normal study.", "left effusion.", "no coded meaning"),
        (NORMAL, "FINDINGS:   IMPRESSION: normal study.", "left out a finding"),
        ("normal study.", "normal study, left rib fracture.", "no coded meaning"),
        ("No pneumothorax.", "No pneumothorax. No pneumothorax.", "twice or both ways"),
        ("No pneumothorax.", "No pneumothorax. There is a small left pneumothorax.", "twice or both ways"),
        ("No pneumothorax.", "There is a small left pneumothorax. There is a large left pneumothorax.", "twice"),
        ("No pneumothorax.", "There is a  small left pneumothorax.", "no coded meaning"),
        ("No pulmonary nodule.", "There is a 0 mm nodule in the left lower zone.", "no coded meaning"),
        ("No pulmonary nodule.", "There is a 5 mm nodule in the left lung.", "no coded meaning"),
    ],
)
def test_an_answer_in_any_other_form_is_not_taken(before: str, after: str, said: str) -> None:
    with pytest.raises(Unclear, match=said):
        interpret(NORMAL.replace(before, after))


def test_two_nodules_of_one_image_are_two_findings() -> None:
    nodules = (
        "There is a 14 mm nodule in the right upper zone [30 30 38 38]. "
        "There is a 6 mm nodule in the right upper zone [40 60 44 64]."
    )
    text = narrative(FRONTAL, "right upper zone nodule, right upper zone nodule", nodule=nodules)
    assert list(present(combined(("PA", text)))) == ["nodule-right", "nodule-right-2"]


# --- several views ---------------------------------------------------------------------------------------------------

RIGHT = narrative(
    FRONTAL, "small right pleural effusion", effusion="There is a small right pleural effusion [9 9 29 29]."
)
SIDEWAYS = narrative(LATERAL, "small pleural effusion", effusion="There is a small pleural effusion [5 9 25 29].")


def test_what_both_views_show_is_one_finding_with_a_side_and_both_boxes() -> None:
    draft = combined(("PA", RIGHT), ("LL", SIDEWAYS))
    (effusion,) = present(draft).values()
    assert effusion.tracking_id == "pleural-effusion-right"
    assert effusion.laterality == code.RIGHT
    assert [evidence.sop_instance_uid for evidence in effusion.evidence] == ["1.2.1", "1.2.2"]
    assert all(evidence.region for evidence in effusion.evidence)
    assert "Images 1 and 2 of 2: There is a small right pleural effusion." in lines(draft)
    assert lines(draft)[-1] == "Small right pleural effusion."


def test_the_order_of_the_images_does_not_matter() -> None:
    (effusion,) = present(combined(("LL", SIDEWAYS), ("PA", RIGHT))).values()
    assert effusion.laterality == code.RIGHT
    assert effusion.evidence[0].sop_instance_uid == "1.2.2"


def test_what_both_views_do_not_show_is_absent_once() -> None:
    draft = combined(("PA", NORMAL), ("LL", narrative(LATERAL)))
    assert len(draft.findings) == len(FRONTAL)
    assert "Images 1 and 2 of 2: No pleural effusion." in lines(draft)
    assert "Image 1 of 2: No pneumothorax." in lines(draft)
    assert lines(draft)[-1] == "Normal study."


@pytest.mark.parametrize(
    ("frontal", "lateral", "said"),
    [
        (RIGHT, narrative(LATERAL), "small right pleural effusion is seen on image 1 of 2 and not on image 2 of 2"),
        (NORMAL, SIDEWAYS, "small pleural effusion is seen on image 2 of 2 and not on image 1 of 2"),
    ],
)
def test_views_that_disagree_are_told_with_both_images(frontal: str, lateral: str, said: str) -> None:
    draft = combined(("PA", frontal), ("LL", lateral))
    *_, summary, disagreement = draft.sentences
    assert "pleural effusion" in summary.text
    assert disagreement.text == f"The images disagree: {said}."
    cited = [finding for finding in draft.findings if finding.tracking_id in disagreement.findings]
    assert {finding.present for finding in cited} == {True, False}
    assert {evidence.sop_instance_uid for finding in cited for evidence in finding.evidence} == {"1.2.1", "1.2.2"}


def test_two_frontal_views_that_see_other_sides_disagree() -> None:
    draft = combined(("PA", RIGHT), ("AP", RIGHT.replace("right", "left")))
    assert set(present(draft)) == {"pleural-effusion-right", "pleural-effusion-left"}
    assert sum("The images disagree" in line for line in lines(draft)) == 2


def test_a_lateral_view_joins_the_side_that_is_nearest_in_size() -> None:
    both = narrative(
        FRONTAL,
        "small right pleural effusion, large left pleural effusion",
        effusion="There is a small right pleural effusion. There is a large left pleural effusion.",
    )
    draft = combined(("PA", both), ("LL", SIDEWAYS.replace("small", "large")))
    assert [len(finding.evidence) for finding in present(draft).values()] == [1, 2]
    assert not any("disagree" in line for line in lines(draft))


def test_a_nodule_of_both_views_has_its_zone_from_one_and_its_depth_from_the_other() -> None:
    frontal = narrative(
        FRONTAL,
        "right upper zone nodule",
        nodule="There is a 14 mm nodule in the right upper zone [30 30 38 38].",
    )
    lateral = narrative(
        LATERAL, "posterior nodule", nodule="There is a 13 mm nodule in the posterior lung [90 30 97 38]."
    )
    draft = combined(("PA", frontal), ("LL", lateral))
    (nodule,) = present(draft).values()
    assert (nodule.site, nodule.topography, nodule.laterality) == (code.UPPER_ZONE, code.POSTERIOR, code.RIGHT)
    assert [m.text for m in nodule.measurements] == ["14 mm"]
    assert not any("13 mm" in line for line in lines(draft))


def test_the_numbers_that_are_told_are_those_that_are_measured() -> None:
    draft = combined(("PA", ILL), ("AP", ILL.replace("14 mm", "16 mm")))
    (nodule,) = (finding for finding in present(draft).values() if finding.concept == code.NODULE)
    assert nodule.measurements[0].text == "16 mm"
    assert not any("14 mm" in line for line in lines(draft))


def test_equal_answers_give_equal_drafts() -> None:
    assert combined(("PA", ILL), ("LL", SIDEWAYS)) == combined(("PA", ILL), ("LL", SIDEWAYS))


def test_the_question_carries_the_image_and_no_text_from_the_header() -> None:
    pixels = np.zeros((4, 4), np.uint16)
    image, words = chest.prepare(Frame(pixels=pixels, frame=1), looked(view="LL")).parts
    assert isinstance(image, ImagePart)
    assert image.label == "lateral"
    assert words == chest.INSTRUCTION


def test_fewer_findings_are_not_taken_for_a_report_of_nine() -> None:
    said = "The heart size is normal. No pleural effusion. No pneumothorax. No pulmonary nodule."
    with pytest.raises(Unclear, match="left out"):
        interpret(f"FINDINGS: {said} IMPRESSION: normal study.")
