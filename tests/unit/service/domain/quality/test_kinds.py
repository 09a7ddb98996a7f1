"""Each kind of issue is found where it is, and not where the report is right."""

from __future__ import annotations

import pytest

from service.domain.prose.side import Side
from service.domain.quality.case import Case, Seen
from service.domain.quality.inspect import RULES, inspect
from service.domain.quality.issue import Issue, Kind

RIGHT = """INDICATION: Dyspnea.
COMPARISON: None.
FINDINGS: Small left pleural effusion. No pneumothorax. ET tube tip 4 cm above the carina.
Nodule of 9 mm in the right apex.
IMPRESSION: Small left effusion. Right 9 mm nodule."""


def issues(text: str, kind: Kind, **beside: object) -> list[Issue]:
    return [issue for issue in inspect(Case(text=text, **beside)) if issue.kind is kind]  # type: ignore[arg-type]


def changed(old: str, new: str) -> str:
    assert old in RIGHT
    return RIGHT.replace(old, new)


def test_a_right_report_is_not_questioned() -> None:
    seen = (Seen(name="pleural effusion", present=True, side=Side.LEFT), Seen(name="pneumothorax", present=False))
    assert inspect(Case(text=RIGHT, seen=seen, sex="F", body_part="CHEST", modality="CR", prior=False)) == ()


WRONG = [
    (Kind.LATERALITY, "IMPRESSION: Small left", "IMPRESSION: Small right", "right"),
    (Kind.NEGATION, "No pneumothorax.", "No pneumothorax. Large pneumothorax.", "pneumothorax"),
    (Kind.IMPRESSION, "IMPRESSION:", "IMPRESSION: Acute rib fracture.", "fracture"),
    (Kind.DEVICE, "4 cm above the carina", "3 cm below the carina", "ET tube"),
    (Kind.DEVICE, "IMPRESSION:", "IMPRESSION: Pacemaker in place.", "Pacemaker"),
    (Kind.MEASUREMENT, "Right 9 mm", "Right 9 cm", "9 cm"),
    (Kind.MEASUREMENT, "Nodule of 9 mm", "A 9 nodule and a nodule of 9 mm", "9 nodule"),
    (Kind.VALUE, "4 cm above the carina", "40 cm above the carina", "40 cm above the carina"),
    (Kind.COMPARISON, "Small left pleural", "Unchanged left pleural", "Unchanged"),
    (Kind.ANATOMY, "No pneumothorax.", "No pneumothorax. The prostate is enlarged.", "prostate"),
    (Kind.ANATOMY, "No pneumothorax.", "No pneumothorax. The knee is intact.", "knee"),
    (Kind.SECTION, "IMPRESSION: Small left effusion. Right 9 mm nodule.", "", ""),
    (Kind.TYPO, "pleural", "plerual", "plerual"),
    (Kind.TYPO, "pleural", "plural", "plural "),
    (Kind.FIELD, "of 9 mm", "of [ ] mm", "[ ]"),
    (Kind.FIELD, "Dyspnea.", "", "INDICATION"),
]


@pytest.mark.parametrize(("kind", "old", "new", "words"), WRONG)
def test_an_error_is_found_where_it_stands(kind: Kind, old: str, new: str, words: str) -> None:
    text = changed(old, new)
    found = issues(text, kind, sex="F", body_part="CHEST", modality="CR", prior=False)
    assert words in [text[issue.start : issue.end] for issue in found], found
    assert all(issue.message.endswith(".") and issue.rule.partition(".")[2] for issue in found)


def test_what_the_ai_reading_has_and_the_text_does_not_is_missing() -> None:
    (found,) = issues(RIGHT, Kind.MISSING_FINDING, seen=(Seen(name="fracture", present=True, side=Side.LEFT),))
    assert "left fracture" in found.message
    assert (found.start, found.end) == (len(RIGHT), len(RIGHT))


def test_a_report_that_denies_what_the_ai_reading_has_is_questioned() -> None:
    assert issues(RIGHT, Kind.NEGATION, seen=(Seen(name="pneumothorax", present=True),))
    assert issues(RIGHT, Kind.LATERALITY, seen=(Seen(name="pleural effusion", present=True, side=Side.RIGHT),))


def test_german_reports_are_questioned_as_well() -> None:
    text = "Befund: Pleuraerguss links. Kein Pneumothorax.\nBeurteilung: Pleuraerguss rechts."
    (found,) = issues(text, Kind.LATERALITY)
    assert text[found.start : found.end] == "rechts"


@pytest.mark.parametrize(
    "text", ["", "\n\n", "x" * 50_000, "<script>alert(1)</script>", "تقرير", "胸部正常", "No " * 5_000]
)
def test_any_text_is_read_and_every_place_is_inside_of_it(text: str) -> None:
    for issue in inspect(Case(text=text)):
        assert 0 <= issue.start <= issue.end <= len(text)


def test_every_kind_has_its_rules() -> None:
    assert set(RULES) == set(Kind)
