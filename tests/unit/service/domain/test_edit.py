"""What a person changed is found, classed and replayed to the last space."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.aligned import edits
from service.domain.edit import Edit, EditClass, Provenance, provenance, replayed
from service.domain.wording import said, sentences

DRAFT = "Findings:\nSmall left pleural effusion.\nThe heart is 162 mm across. No pneumothorax.\n"
PIECES = st.sampled_from(
    [
        "No pneumothorax.",
        "Small left effusion.",
        "Nodule of 5 mm.",
        " ",
        "\n",
        "Dr. Meier",
        "e.g. ",
        "x",
        ".",
        "ß\u2028",
        "",
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=12).map("".join))


@given(TEXTS)
def test_sentences_joined_are_the_text_again(text: str) -> None:
    assert "".join(sentences(text)) == text
    assert all(sentences(text))


@given(TEXTS, TEXTS)
def test_a_replay_rebuilds_any_text_out_of_any_other(before: str, after: str) -> None:
    assert replayed(before, edits(before, after)) == after


@given(TEXTS)
def test_a_text_that_was_left_alone_has_no_edit(text: str) -> None:
    assert edits(text, text) == ()


@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_the_spans_after_any_revisions_are_the_last_text(draft: str, texts: list[str]) -> None:
    former, revisions = draft, []
    for text in texts:
        revisions.append(edits(former, text))
        former = text
    assert "".join(span.text for span in provenance(draft, revisions)) == former


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two.", 2), ("Of 5.5 mm. Next", 2), ("approx. 5 mm. Next.", 2), ("e.g. this. That.", 2),
        ("Herz ca. 12 cm breit. Kein Erguss.", 2), ("Line\n\nline\n", 2), ("", 0), ("Dr. Meier saw it.", 1),
    ],
)  # fmt: skip
def test_a_sentence_ends_where_a_reader_ends_it(text: str, count: int) -> None:
    assert len(sentences(text)) == count


CLASSED = [
    ("Small left pleural effusion.", "Small right pleural effusion.", {"laterality"}),
    ("Small left pleural effusion.", "Moderate left pleural effusion.", {"severity"}),
    ("Small left pleural effusion.", "Mild left pleural effusion.", {"reword"}),
    ("Small left pleural effusion.", "No left pleural effusion.", {"negation", "severity"}),
    ("No pneumothorax.", "Pneumothorax.", {"negation"}),
    ("No pneumothorax.", "Small right pneumothorax.", {"negation", "laterality", "severity"}),
    ("Nodule of 5 mm.", "Nodule of 8 mm.", {"measurement"}),
    ("Nodule of 5 mm.", "Nodule of 5 cm.", {"measurement"}),
    ("Nodule of 0.5 cm.", "Nodule of 0,5 cm.", {"reword"}),
    ("The heart is enlarged.", "The heart is normal in size.", {"reword"}),
    ("Left and right effusions.", "Bilateral effusions.", {"laterality", "reword"}),
    ("Kein Pleuraerguss links.", "Geringer Pleuraerguss rechts.", {"negation", "laterality", "severity"}),
    ("Herz normal groß.", "Herz normal klein.", {"severity"}),
]


@pytest.mark.parametrize(("before", "after", "classes"), CLASSED)
def test_a_changed_sentence_is_classed_by_what_it_says_otherwise(before: str, after: str, classes: set[str]) -> None:
    (found,) = edits(f"First.\n{before}\nLast.\n", f"First.\n{after}\nLast.\n")
    assert (found.before, found.after) == (f"{before}\n", f"{after}\n")
    assert set(found.classes) == classes


def test_what_is_added_and_removed_is_not_taken_for_a_change() -> None:
    after = "Findings:\nThe heart is 162 mm across. No pneumothorax.\nRib fracture, old.\n"
    found = edits(DRAFT, after)
    assert [(edit.classes, edit.before or edit.after) for edit in found] == [
        ((EditClass.DELETE,), "Small left pleural effusion.\n"),
        ((EditClass.INSERT,), "Rib fracture, old.\n"),
    ]


def test_a_sentence_is_paired_with_the_one_it_became_however_much_stands_between() -> None:
    before = "Small left effusion.\nNo nodule.\n"
    after = "Sternotomy wires.\nPacemaker in place.\nSmall right effusion.\nNo nodule.\n"
    assert [edit.classes for edit in edits(before, after)] == [
        (EditClass.INSERT,), (EditClass.INSERT,), (EditClass.LATERALITY,)
    ]  # fmt: skip


def test_every_sentence_says_who_wrote_it() -> None:
    first = DRAFT.replace("left", "right")
    second = first + "Old rib fracture.\n"
    third = second.replace("Old rib", "Healed rib").replace("right", "left")
    revisions = [edits(DRAFT, first), edits(first, second), edits(second, third)]
    assert [(span.text.strip(), span.provenance) for span in provenance(DRAFT, revisions)] == [
        ("Findings:", Provenance.AI),
        ("Small left pleural effusion.", Provenance.EDITED),
        ("The heart is 162 mm across.", Provenance.AI),
        ("No pneumothorax.", Provenance.AI),
        ("Healed rib fracture.", Provenance.HUMAN),
    ]


@pytest.mark.parametrize(
    "edit",
    [
        Edit(at=0, before="Another.", after="x", classes=()), Edit(at=9, before="", after="x", classes=()),
        Edit(at=4, before="Findings:\n", after="", classes=()),
    ],
)  # fmt: skip
def test_an_edit_of_another_text_is_not_replayed(edit: Edit) -> None:
    with pytest.raises(ValueError, match="an edit"):
        replayed(DRAFT, [edit])


def test_a_long_passage_is_paired_in_order_rather_than_for_ever() -> None:
    before = "".join(f"Nodule {n} on the left.\n" for n in range(400))
    after = before.replace("left", "right")
    found = edits(before, after)
    assert len(found) == 400
    assert {edit.classes for edit in found} == {(EditClass.LATERALITY,)}
    assert replayed(before, found) == after


def test_numbers_are_told_with_their_units_and_not_out_of_words() -> None:
    assert said("5,5 x 3 mm in T12, 20 %").numbers == ("5.5x3mm", "20%")
