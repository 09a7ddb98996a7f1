"""Completions: what a report says that the image alone does not carry is named, for every finding of every view."""

from __future__ import annotations

import pytest

from service.domain.completion import Doubt, Why, doubts
from service.domain.report import Finding
from tests.support.narratives import CT, FRONTAL, ILL, LATERAL, NORMAL, answer, ct_slice, narrative, radiograph
from workers.algorithms.base import Looked
from workers.narrative import forms
from workers.narrative.completion import told
from workers.narrative.forms import Form, filled
from workers.narrative.sentences import read

WORDS = {
    "a": "a", "mm": "14", "side": "right", "size": "small", "grade": "mild", "zone": "upper", "depth": "posterior",
    "tip": "right atrium",
}  # fmt: skip
VIEWS = {"PA": (forms.FRONTAL, FRONTAL), "LL": (forms.LATERAL, LATERAL), "CT": (forms.CT, CT)}
EVERY = [pytest.param(view, form, id=f"{view}, {form.name}") for view, (table, _) in VIEWS.items() for form in table]
every_finding = pytest.mark.parametrize(("view", "form"), EVERY)
SIDED = [
    pytest.param(each.values[0], each.values[1], id=each.id) for each in EVERY if "{side}" in each.values[1].present
]
every_sided_finding = pytest.mark.parametrize(("view", "form"), SIDED)


def reading(text: str, view: str = "PA") -> tuple[Finding, ...]:
    """What the model says of the image alone."""
    image = ct_slice() if view == "CT" else radiograph(view=view)
    looked = Looked(instance=image, number=1, of=1)
    return read(answer(text), VIEWS[view][0], looked, namespace="n").findings


def with_finding(view: str, form: Form, **words: str) -> str:
    """A narrative with this one finding."""
    known = {**WORDS, **words}
    sentence = filled(form.present, known)
    text = " ".join(sentence if old == form.absent else old for old in VIEWS[view][1])
    return f"FINDINGS: {text} IMPRESSION: {filled(form.item, known)}."


def checked(prefix: str, continuation: str, seen: str, view: str = "PA") -> list[tuple[str, bool, Why]]:
    found = doubts(told(prefix, continuation, VIEWS[view][0]), reading(seen, view))
    return [(doubt.told.text, doubt.told.prompted, doubt.why) for doubt in found]


@every_finding
def test_a_completion_that_the_image_carries_is_not_doubted(view: str, form: Form) -> None:
    text = with_finding(view, form)
    assert checked(text[:20], text[20:], text, view) == []
    assert checked("", narrative(VIEWS[view][1]), narrative(VIEWS[view][1]), view) == []


@every_finding
def test_what_is_there_only_after_the_prefix_is_named(view: str, form: Form) -> None:
    text = with_finding(view, form)
    sentence, item = filled(form.present, WORDS), filled(form.item, WORDS)
    prefix = text[: text.index(sentence) + 8]
    assert checked(prefix, text[len(prefix) :], narrative(VIEWS[view][1]), view) == [
        (sentence, True, Why.NOT_SEEN),
        (item, False, Why.NOT_SEEN),
    ]


@every_sided_finding
def test_what_is_told_of_the_other_side_is_named(view: str, form: Form) -> None:
    text = with_finding(view, form, side="left")
    doubted = checked("FINDINGS: ", text.removeprefix("FINDINGS: "), with_finding(view, form), view)
    assert [why for _, prompted, why in doubted if not prompted] == [Why.OTHER_SIDE, Why.OTHER_SIDE]


@every_finding
def test_what_is_told_absent_and_is_there_is_named(view: str, form: Form) -> None:
    normal = narrative(VIEWS[view][1])
    prefix = normal[: normal.index(form.absent) + len(form.absent)]
    doubted = checked(prefix, normal[len(prefix) :], with_finding(view, form), view)
    assert doubted == [(form.absent, True, Why.SEEN), ("normal study", False, Why.SEEN)]


def test_everything_at_once_is_named_once_for_each_sentence_and_item() -> None:
    assert len(checked("", ILL, NORMAL)) == 2 * len(FRONTAL)
    assert len(checked(ILL, "", NORMAL)) == 2 * len(FRONTAL)
    assert checked("", ILL, ILL) == []


def test_words_of_a_person_that_have_no_code_are_not_passed_over() -> None:
    doubted = checked("FINDINGS: The aorta is elongated. ", NORMAL.removeprefix("FINDINGS: "), NORMAL)
    assert doubted == [("The aorta is elongated.", True, Why.NOT_CHECKED)]
    assert checked("", NORMAL.replace("normal study", "old scars"), NORMAL) == [("old scars", False, Why.NOT_CHECKED)]


def test_a_completion_that_breaks_off_is_checked_as_far_as_it_goes() -> None:
    doubted = checked("FINDINGS: There is mild cardiomegaly. The medias", "", NORMAL)
    assert [why for *_, why in doubted] == [Why.NOT_SEEN, Why.NOT_CHECKED]


def test_numbers_of_a_box_are_not_shown_in_a_doubt() -> None:
    found: tuple[Doubt, ...] = doubts(told("", ILL, forms.FRONTAL), reading(NORMAL))
    assert not any("[" in doubt.told.text for doubt in found)
