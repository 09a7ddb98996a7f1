"""Forms: what answers a field, what is missing, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from service.adapters.templates.shelf import OURS, TemplateShelf, read_template
from service.domain.code import ABSENT, CONSOLIDATION, LEFT, PLEURAL_EFFUSION, Code
from service.domain.filled import FieldIssue, Filled, plain_text, read_value
from service.domain.phrase import Phrase, Phrases, narrative
from service.domain.report import Section
from service.domain.template import Field, FieldKind, Option, Template, TemplateSection, Value
from tests.support.forms import every_kind

EFFUSION = Field(
    name="effusion", label="Effusion, left", kind=FieldKind.CHOICE, codes=(PLEURAL_EFFUSION, LEFT),
    options=(Option(text="None"), Option(text="Small", code=Code("255604002", "SCT", "Mild"))),
)  # fmt: skip
SIZE = Field(name="size", label="Size", kind=FieldKind.NUMBER, unit=Code("mm", "UCUM", "millimeter"))
CHEST = Template(
    name="chest", title="Chest",
    sections=(
        TemplateSection(name="pleura", label="Pleura", fields=(EFFUSION, SIZE)),
        TemplateSection(name="end", label="Impression", part=Section.CONCLUSIONS, fields=(
            Field(name="words", label="Impression", kind=FieldKind.TEXT, lines=3),)),
    ),
)  # fmt: skip
PHRASES = Phrases(phrases=(
    Phrase(code=PLEURAL_EFFUSION, normal="no {side} effusion", options={"255604002": "small {side} pleural effusion"}),
    Phrase(name="pleura", normal="The pleura is normal."),
    Phrase(name="size", text="It measures {value}"),
    Phrase(name="words", text="{value}"),
))  # fmt: skip


def said(values: dict[str, Value], *normal: str, phrases: Phrases = PHRASES) -> list[str]:
    return [one.text for one in narrative(Filled(template=CHEST, values=values, normal=frozenset(normal)), phrases)]


def test_what_is_required_and_empty_is_an_issue() -> None:
    assert Filled(template=every_kind(), values={}).issues == (
        FieldIssue("one", "One is required"), FieldIssue("some", "Some is empty", blocks=False),
    )  # fmt: skip
    assert Filled(template=every_kind(), values={"one": ("Yes",), "some": ("First",)}).issues == ()


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"nothing": "x"}, "nothing: the template has no such field"),
        ({"one": ("Perhaps",)}, "“Perhaps” is not among the options"),
        ({"one": ("No", "Yes")}, "several are chosen where one can be"),
        ({"one": ()}, "an empty answer is none"),
        ({"words": ""}, "an empty answer is none"),
        ({"words": "x" * 4001}, "more than 4000 characters"),
        ({"size": -1.0}, "-1 is below 0"),
        ({"size": 501.0}, "501 is above 500"),
        ({"size": float("nan")}, "no number"),
        ({"size": 1.2345678}, "more than six digits"),
        ({"size": "12"}, "no number"),
        ({"day": "2026-01-01"}, "no date"),
    ],
)
def test_an_answer_that_a_field_cannot_have_is_refused(values: dict[str, Value], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        Filled(template=every_kind(), values=values)


def test_what_a_person_typed_is_read() -> None:
    words, size, one, some, day = every_kind().fields
    assert read_value(words, ["  a\tb \x00\n\n c "]) == "a b\nc"
    assert read_value(size, ["12,5"]) == 12.5
    assert read_value(one, [""]) is None
    assert read_value(some, ["Second", "First", "Third"]) == ("First", "Second", "Third")
    assert read_value(day, ["2026-03-04"]) == date(2026, 3, 4)
    for field, typed in ((size, "twelve"), (day, "4.3.2026")):
        with pytest.raises(ValueError, match="write it like"):
            read_value(field, [typed])


def test_words_are_taken_without_what_cannot_be_printed() -> None:
    assert plain_text("a\u202eb\u2028c\x07") == "a b c"


def test_of_an_empty_field_nothing_is_said() -> None:
    assert said({}) == []


def test_normal_is_said_only_where_a_person_said_so_and_only_of_what_is_empty() -> None:
    assert said({}, "pleura") == ["The pleura is normal."]
    assert said({"size": 3.0}, "pleura") == ["No left effusion.", "It measures 3 mm."]
    assert said({"effusion": ("Small",)}, "pleura") == ["Small left pleural effusion."]


def test_an_answer_without_a_phrase_is_said_with_its_label() -> None:
    assert said({"effusion": ("None",), "size": 2.5}, phrases=Phrases()) == ["Effusion, left: None.", "Size: 2.5 mm."]


def test_every_line_of_an_answer_is_a_sentence_in_its_part_of_the_report() -> None:
    told = narrative(Filled(template=CHEST, values={"words": "one\ntwo!"}), PHRASES)
    assert [(one.section, one.text, one.fields) for one in told] == [
        (Section.CONCLUSIONS, "One.", ("words",)), (Section.CONCLUSIONS, "Two!", ("words",)),
    ]  # fmt: skip


def test_slots_in_an_answer_are_words() -> None:
    assert said({"words": "{label} {value} {{7*7}}"}) == ["{label} {value} {{7*7}}."]


def test_a_particular_phrase_comes_before_a_general_one() -> None:
    own = Phrase(template="chest", name="effusion", options={"255604002": "a trace on the {side}"})
    assert said({"effusion": ("Small",)}, phrases=Phrases(phrases=(*PHRASES.phrases, own))) == ["A trace on the left."]


def chest(values: dict[str, Value], *normal: str, language: str = "en", own: tuple[Phrase, ...] = ()) -> list[str]:
    """By our phrases, after a site's own."""
    template = read_template(OURS / "chest-radiograph.html")
    ours = TemplateShelf(OURS / "none").phrases(language)
    told = narrative(
        Filled(template=template, values=values, normal=frozenset(normal)), replace(ours, phrases=(*own, *ours.phrases))
    )
    assert len({name for one in told for name in one.fields}) == sum(len(one.fields) for one in told)
    return [one.text for one in told]


def test_the_same_answer_of_both_sides_is_one_sentence() -> None:
    both: dict[str, Value] = {"consolidation-right": ("Absent",), "consolidation-left": ("Absent",)}
    assert chest(both) == ["No consolidation."]
    assert chest(both, language="de") == ["Keine Konsolidierung."]
    assert chest({**both, "consolidation-left": ("Present",)}) == [
        "No right consolidation.", "Consolidation of the left lung.",
    ]  # fmt: skip
    assert chest({"consolidation-right": ("Absent",)}) == ["No right consolidation."]
    assert chest({"effusion-left": ("Small",), "effusion-right": ("Small",)}) == [
        "Small pleural effusions on both sides."
    ]  # fmt: skip
    assert chest({"effusion-left": ("Small",)}, "pleura") == [
        "No right pleural effusion.", "Small left pleural effusion.", "No pneumothorax.",
    ]  # fmt: skip


def test_a_site_that_says_each_side_itself_is_not_overruled_for_both() -> None:
    both: dict[str, Value] = {"consolidation-right": ("Absent",), "consolidation-left": ("Absent",)}
    own = Phrase(code=CONSOLIDATION, options={ABSENT.value: "{side} lung aerated"})
    assert chest(both, own=(own,)) == ["Right lung aerated.", "Left lung aerated."]
    told = replace(own, both={ABSENT.value: "both lungs aerated"})
    assert chest(both, own=(told,)) == ["Both lungs aerated."]
