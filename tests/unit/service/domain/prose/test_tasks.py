"""Sections, labels, devices, impression and change are read by rules, each with the words that say so."""

from __future__ import annotations

import pytest

from service.domain.prose.change import Change, changes
from service.domain.prose.devices import State, device_states
from service.domain.prose.impression import impression
from service.domain.prose.labels import LABELS, Stated, labels
from service.domain.prose.reading import read
from service.domain.prose.sections import Part, sections

REPORT = """CHEST, TWO VIEWS
Reason for exam: cough
FINDIGNS: There may be a small left effusion. No pneumothorax. Pneumonia cannot be excluded.
The endotracheal tube is in the right main bronchus. The heart is normal.
IMPRESSION: Right mainstem intubation."""


def test_sections_are_spans_of_the_text_even_under_misspelt_headers() -> None:
    found = sections(REPORT)
    parts = [section.part for section in found]
    assert parts == [Part.OTHER, Part.INDICATION, Part.FINDINGS, Part.IMPRESSION]
    assert all(REPORT[section.body.start : section.body.end] == section.body.text for section in found)


def test_every_label_has_a_state_and_what_is_stated_has_its_words() -> None:
    found = {label.name: label for label in labels(read(REPORT))}
    assert tuple(found) == LABELS
    assert found["Pleural Effusion"].state is Stated.UNCERTAIN
    assert found["Pneumonia"].state is Stated.UNCERTAIN
    assert found["Pneumothorax"].state is found["Cardiomegaly"].state is Stated.ABSENT
    (span,) = found["Pneumothorax"].spans
    assert REPORT[span.start : span.end] == span.text == "pneumothorax"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("Kein Pneumothorax.", Stated.ABSENT),
        ("Pneumothorax nicht auszuschließen.", Stated.UNCERTAIN),
        ("The pneumothorax has resolved.", Stated.ABSENT),
        ("No change of the pneumothorax.", Stated.PRESENT),
        ("No effusion, but a pneumothorax.", Stated.PRESENT),
    ],
)
def test_a_denial_reaches_as_far_as_its_clause(said: str, state: Stated) -> None:
    assert {label.name: label.state for label in labels(read(said))}["Pneumothorax"] is state


def test_a_device_to_be_moved_is_malpositioned() -> None:
    assert device_states(read(REPORT)) == (("endotracheal tube", State.MALPOSITIONED),)


def test_an_impression_is_made_of_the_findings_words_and_never_adds_one() -> None:
    points = impression(read(REPORT))
    assert points[0].span.text == "The endotracheal tube is in the right main bronchus."
    assert all(REPORT[point.span.start : point.span.end] == point.span.text for point in points)


def test_change_is_told_per_finding() -> None:
    now = read("FINDINGS: The left effusion is smaller. New nodule of 8 mm. Stable cardiomegaly.")
    before = read("FINDINGS: Left effusion. Cardiomegaly. Right pneumothorax.")
    assert {each.name: each.change for each in changes(now, before)} == {
        "pleural effusion": Change.IMPROVED,
        "nodule": Change.NEW,
        "cardiomegaly": Change.STABLE,
        "pneumothorax": Change.RESOLVED,
    }
