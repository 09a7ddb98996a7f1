"""The matcher that reads impressions, and the keyword baseline that is made of it."""

from __future__ import annotations

import pytest

from tests.bench.text_tasks.baseline import keywords, nothing_mentioned
from tests.bench.text_tasks.mentions import Mention, findings, mentions


def named(text: str) -> set[tuple[str, str, str]]:
    return {(one.name, one.side, one.state) for one in mentions(text)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Small right pleural effusion.", ("pleural effusion", "right", "present")),
        ("No pneumothorax.", ("pneumothorax", "", "absent")),
        ("The left pneumothorax has resolved.", ("pneumothorax", "left", "absent")),
        ("Resolved edema.", ("edema", "", "absent")),
        ("Pneumonia cannot be excluded.", ("pneumonia", "", "uncertain")),
        ("Possible nodule in the left lung.", ("nodule", "left", "uncertain")),
        ("No change of the right effusion.", ("pleural effusion", "right", "present")),
        ("Bibasilar atelectasis.", ("atelectasis", "both", "present")),
        ("Kein Pneumothorax.", ("pneumothorax", "", "absent")),
        ("Ergüsse beidseits.", ("pleural effusion", "both", "present")),
        ("V. a. Rippenfraktur links.", ("fracture", "left", "uncertain")),
        ("Infiltrat nicht auszuschließen.", ("opacity", "", "uncertain")),
    ],
)
def test_a_finding_is_read_with_its_side_and_state(text: str, found: tuple[str, str, str]) -> None:
    assert named(text) == {found}


def test_a_denial_ends_where_the_clause_does() -> None:
    assert named("No effusion, but a small left pneumothorax.") == {
        ("pleural effusion", "", "absent"),
        ("pneumothorax", "left", "present"),
    }


def test_a_denial_holds_over_a_list() -> None:
    assert named("No effusion, pneumothorax or consolidation.") == {
        ("pleural effusion", "", "absent"),
        ("pneumothorax", "", "absent"),
        ("consolidation", "", "absent"),
    }


def test_emphysema_under_the_skin_is_not_that_of_the_lung() -> None:
    assert named("Subcutaneous emphysema.") == {("subcutaneous emphysema", "", "present")}


def test_an_impression_of_a_normal_examination_denies_an_abnormality() -> None:
    for text in (
        "Normal chest radiograph.",
        "No acute cardiopulmonary process.",
        "Unauffälliger Befund.",
        "normal study.",
    ):
        assert Mention("abnormality", "", "absent") in findings(text), text


def test_a_hedged_finding_counts_as_said() -> None:
    assert findings("Possible right pneumothorax.") == {Mention("pneumothorax", "right", "present")}


def test_the_keyword_baseline_leaves_the_question_out() -> None:
    labels = keywords(
        "Indication: rule out pneumonia.\nFindings: Heart size is normal. No effusion.\nImpression: Edema?"
    )
    stated = {label: state for label, state in labels.items() if state != "not mentioned"}
    assert stated == {"Cardiomegaly": "absent", "Pleural Effusion": "absent", "Edema": "uncertain"}


def test_the_keyword_baseline_finds_nothing_where_devices_are_all() -> None:
    labels = keywords("Findings: Endotracheal tube. No pneumothorax.")
    assert labels == {
        **nothing_mentioned(),
        "Pneumothorax": "absent",
        "Support Devices": "present",
        "No Finding": "present",
    }
