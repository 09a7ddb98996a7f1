"""A report that a person has begun, as the model takes it; what people see of what comes back, and what it states."""

from __future__ import annotations

from itertools import pairwise

import pytest

from service.domain.code import LEFT, PLEURAL_EFFUSION
from service.domain.completion import Told
from service.flow.complete import begun
from workers.narrative.forms import FRONTAL
from workers.narrative.opening import opening, shown, stated

REPORT = "Findings:\nThe heart size is normal.\nThere is a small"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "FINDINGS: "),
        (REPORT, "FINDINGS: The heart size is normal. There is a small"),
        ("Findings:\nNo pneumothorax\n", "FINDINGS: No pneumothorax. "),
        ("Findings:\nImages 1 and 2 of 2: There is a left", "FINDINGS: There is a left"),
        ("Findings:\nNo pneumothorax.\nConclusions:\n", "FINDINGS: No pneumothorax. IMPRESSION: "),
        ("Conclusions:\nSmall effusion.\nMild car", "IMPRESSION: small effusion, mild car"),
        ("Conclusions:\nCT", "IMPRESSION: CT"),
    ],
)
def test_a_begun_report_is_the_beginning_of_the_model_s_narrative(text: str, wanted: str) -> None:
    assert opening(begun(text)) == wanted


def test_what_stands_after_the_cursor_is_not_shown_to_the_model() -> None:
    assert opening(begun("Findings:\nNo pneumothorax.", 23)) == "FINDINGS: No pneumothor"


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (" left pleural effusion [12 40 60 88].", " left pleural effusion."),
        (" left pleural effusion [12 4", " left pleural effusion"),
        ("IMPRESSION: normal study.", ""),
        (" clear. IMPR", " clear."),
        (" Infiltrate", " Infiltrate"),
    ],
)
def test_boxes_and_headings_of_an_answer_are_not_shown(answer: str, wanted: str) -> None:
    assert shown(begun("Findings:\n"), answer) == wanted


def test_what_is_shown_of_an_answer_only_ever_grows() -> None:
    answer = "There is a small left pleural effusion [12 40 60 88]. IMPRESSION: small left pleural effusion."
    seen = [shown(begun("Findings:\n"), answer[:end]) for end in range(len(answer) + 1)]
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
    assert seen[-1] == "There is a small left pleural effusion."


def test_a_new_line_of_the_conclusions_begins_with_a_capital() -> None:
    assert shown(begun("Conclusions:\n"), "mild cardiomegaly.") == "Mild cardiomegaly."
    assert shown(begun("Conclusions:\nMild "), "cardiomegaly.") == "cardiomegaly."


def test_only_the_sentence_that_is_completed_is_judged() -> None:
    text = begun("Findings:\nThere is a left rib fracture. There is a small")
    assert stated(text, " left pleural effusion [1 2 3 4].", FRONTAL) == (
        Told(
            text="There is a small left pleural effusion.", prompted=True, concept=PLEURAL_EFFUSION, present=True,
            site=FRONTAL[2].site, laterality=LEFT,
        ),
    )  # fmt: skip


def test_every_item_of_the_conclusions_that_is_completed_is_judged() -> None:
    found = stated(begun("Conclusions:\nSmall "), "left pleural effusion, mild cardiomegaly.", FRONTAL)
    assert [told.text for told in found] == ["small left pleural effusion", "mild cardiomegaly"]


def test_words_without_a_coded_meaning_are_told_as_such() -> None:
    assert [told.concept for told in stated(begun("Kleiner Erguss"), " links.", FRONTAL)] == [None]
