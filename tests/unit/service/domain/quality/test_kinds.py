"""Each kind of issue is found where it is, and not where the report is right."""

from __future__ import annotations

import pytest

from service.domain.prose.side import Side
from service.domain.quality.case import Case, Seen
from service.domain.quality.inspect import RULES, inspect
from service.domain.quality.issue import Issue, Kind
from service.domain.quality.spelt import meant

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


CLEAN = [
    "FINDINGS: No large effusion. Trace left pleural effusion.\nIMPRESSION: Trace left effusion.",
    "FINDINGS: No pneumothorax after placement of the pacemaker. Leads as expected.\nIMPRESSION: Pacemaker in place.",
    "Befund: Pneumothorax links, kein Spannungspneumothorax.\nBeurteilung: Pneumothorax links.",
    "Befund: Läsion im Bereich der Korrelation. Infarkt, intakt, apikal.\nBeurteilung: Infarkt.",
    "FINDINGS: The veins opacify normally, though dyspnoea persists.\nIMPRESSION: Normal. Short-interval follow-up.",
    "FINDINGS: Airspace disease of the right lower lobe.\nIMPRESSION: Right lower lobe pneumonia. Consider drainage.",
    "FINDINGS: The heart isn't enlarged. Pleural effusion is absent, as is pneumothorax.\nIMPRESSION: No effusion.",
    "FINDINGS: Reticular opacities at the bases. No ground glass.\nIMPRESSION: Reticulation.",
    "FINDINGS: LI-RADS 5 lesion of 24 mm. Flow of 110 cm/s. Rotator interval intact.\nIMPRESSION: LI-RADS 5 lesion.",
    "FINDINGS: Large extrapleural haematoma on the left.\nIMPRESSION: The haematoma implies a rib fracture.",
    "FINDINGS: Right kidney: stone of 3 mm.\nGallbladder: no stones.\nIMPRESSION: Renal calculus.",
    "FINDINGS: Haemotympanum. Both physes are open. NASCET 70 %, Insall ratio 1.3.\nIMPRESSION: Haemotympanum.",
    "Befund: Ergüsse liegen nicht vor. HRCT in In- und Exspiration.\nBeurteilung: Kein Erguss, Drainage möglich.",
    "FINDINGS: Volume increased by 140 % [series 4, image 87], nodule < 5 mm and > 3 mm.\nIMPRESSION: Nodule.",
]


@pytest.mark.parametrize("text", CLEAN)
def test_what_is_right_raises_no_alarm(text: str) -> None:
    found = inspect(Case(text=text, sex="M", body_part="CHEST", modality="CR", prior=False))
    assert [issue for issue in found if issue.likely] == []


def test_a_denial_of_less_than_was_stated_is_a_hint_and_a_flat_one_an_alarm() -> None:
    for denied, likely in (("No acute fracture of the ribs.", False), ("No fracture.", True)):
        (found,) = issues(f"FINDINGS: Fracture of the left humerus. {denied}\nIMPRESSION: Fracture.", Kind.NEGATION)
        assert found.likely is likely


def test_a_lobe_that_no_lung_has_is_questioned() -> None:
    (found,) = issues(changed("right apex", "left middle lobe"), Kind.LATERALITY)[:1]
    assert found.rule == "laterality.anatomy"


def test_alarms_stand_before_hints() -> None:
    text = (
        "FINDINGS: Fracture of the left humerus. No acute fracture of the ribs. Plerual fluid.\nIMPRESSION: Fracture."
    )
    assert [issue.likely for issue in inspect(Case(text=text))] == [True, False]


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Pneumothorax?", ["pneumothorax"]),
        ("rule out pulmonary embolism", ["pulmonary embolism"]),
        ("Pneumonie? Erguss?", []),
        ("known pneumothorax", []),
        ("cough", []),
    ],
)
def test_what_the_order_asks_and_the_report_does_not_answer_is_an_issue(question: str, asked: list[str]) -> None:
    text = "FINDINGS: Right lower lobe consolidation. Small effusion.\nIMPRESSION: Right lower lobe consolidation."
    found = issues(text, Kind.QUESTION, question=question)
    assert [issue.message.split("asks about ")[1].split(",")[0] for issue in found] == asked
    normal = "FINDINGS: Lungs clear.\nIMPRESSION: No acute abnormality."
    assert issues(normal, Kind.QUESTION, question=question) == []


def test_order_header_and_report_speak_of_one_region_and_side() -> None:
    text = "FINDINGS: Fracture of the left femoral condyle.\nIMPRESSION: Left condylar fracture."
    assert [issue.rule for issue in issues(text, Kind.LATERALITY, order="XR KNEE RIGHT")] == ["laterality.header"]
    apart = issues(text, Kind.LATERALITY, order="XR KNEE LEFT", laterality=Side.RIGHT, body_part="KNEE")
    assert {issue.rule for issue in apart} == {"laterality.header", "laterality.order"}
    assert [issue.rule for issue in issues(text, Kind.ANATOMY, order="CT HEAD", body_part="KNEE")] == ["anatomy.order"]
    for order, part in (("CT CHEST ABDOMEN PELVIS", "CHEST"), ("", "KNEE"), ("XR KNEE", "KNEE"), ("CT neck", "HEAD")):
        assert issues("", Kind.ANATOMY, order=order, body_part=part) == []


@pytest.mark.parametrize(
    ("word", "language", "right"),
    [("effussion", "en", "effusion"), ("retropharyngeal", "en", ""), ("haemorrhagic", "en", ""), ("lugnenembolie",
    "de", "lungenembolie"),
     ("pleuraergsus", "de", "pleuraerguss"), ("rippenserienfraktur", "de", ""), ("vergrößert", "de", ""),
     ("cholecystopathy", "en", ""), ("thsoe", "en", "those")],
)  # fmt: skip
def test_a_slip_is_told_from_a_word_that_is_rare(word: str, language: str, right: str) -> None:
    guess = meant(word, language)
    assert (guess.word if guess else "") == right


def test_a_text_of_strange_words_alone_is_not_looked_at_for_long() -> None:
    words = [f"qzx{chr(97 + at % 26)}kjh{chr(97 + at // 26)}wv" for at in range(600)]
    before = meant.cache_info().misses
    inspect(Case(text=" ".join(words)))
    assert meant.cache_info().misses - before <= 201


def test_every_kind_has_its_rules() -> None:
    assert set(RULES) == set(Kind)
