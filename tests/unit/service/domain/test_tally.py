"""What becomes of a draft's sentences is counted for the models that they rest on."""

from __future__ import annotations

from service.domain.aligned import edits
from service.domain.edit import History, Provenance, Revision, Suggestion, marked, text_digest
from service.domain.tally import Numbers, of_signed, of_suggestion
from tests.contract.ledger.scene import NOON

DRAFT = "Findings:\nSmall left effusion.\nNodule of 5 mm. No pneumothorax.\n"
HEADINGS = frozenset({"Findings:"})


def history(*texts: str) -> History:
    before, made = DRAFT, []
    for text in texts:
        made.append(
            Revision(
                study_instance_uid="1.2", job_id="1", model="m", adapter="", reviewer="a", at=NOON, seconds=1.0,
                before_sha256=text_digest(before), after_sha256=text_digest(text), edits=edits(before, text),
            )
        )  # fmt: skip
        before = text
    return History(draft=DRAFT, revisions=tuple(made))


def test_the_net_of_all_revisions_counts_not_every_way_there() -> None:
    to_and_fro = history(DRAFT.replace("left", "right"), DRAFT)
    makers = {1: ("a",), 2: ("b",), 3: ("b",)}
    assert of_signed(to_and_fro, makers, ["a", "b"], cited={}, headings=HEADINGS) == Numbers(
        {("a", "signed"): 1, ("b", "signed"): 1, ("a", "unchanged"): 1, ("b", "unchanged"): 2}
    )


def test_each_sentence_counts_for_who_made_it_and_what_a_person_added_for_all() -> None:
    final = "Findings:\nNodule of 8 mm. No pneumothorax.\nOld fracture.\n"
    found = of_signed(history(final), {1: ("a",), 2: ("b",), 3: ("b",)}, ["a", "b"], cited={}, headings=HEADINGS)
    assert (found["a", "removed"], found["a", "delete"], found["b", "removed"]) == (1, 1, 0)
    assert (found["b", "edited"], found["b", "measurement"], found["b", "unchanged"]) == (1, 1, 1)
    assert (found["a", "added"], found["b", "added"], found["b", "insert"]) == (1, 1, 1)


def test_a_suggestion_is_taken_or_not_and_flagged_or_not() -> None:
    plain = Suggestion(section="findings", start=0, text="x", taken=0, unsupported=())
    flagged = Suggestion(section="findings", start=0, text="x", taken=1, unsupported=("why",))
    assert of_suggestion("m", plain) == {("m", "suggestions answered"): 1}
    assert set(of_suggestion("m", flagged)) == {
        ("m", "suggestions answered"), ("m", "suggestions taken"), ("m", "suggestions flagged"),
        ("m", "flagged suggestions taken"),
    }  # fmt: skip


def by_form(text: str, wrote: dict[int, tuple[Provenance, tuple[str, ...]]]) -> History:
    """A form in place of all that was drafted; `wrote` is of its sentences, which no drafted one was."""
    made = Revision(
        study_instance_uid="1.2", job_id="1", model="m", adapter="", reviewer="a", at=NOON, seconds=1.0,
        before_sha256=text_digest(DRAFT), after_sha256=text_digest(text),
        edits=marked(edits(DRAFT, text, lambda one, other: one == other == 0), wrote),
    )  # fmt: skip
    return History(draft=DRAFT, revisions=(made,))


def test_what_a_form_says_in_other_words_is_neither_removed_nor_added() -> None:
    cited, makers = {1: ("effusion",), 2: ("nodule",), 3: ("air",)}, {1: ("a",), 2: ("a",), 3: ("a",)}
    said = by_form(
        "Findings:\nFluid on the left.\nNodule of 8 mm.\nOld fracture.\n",
        {1: (Provenance.AI, ("effusion",)), 2: (Provenance.EDITED, ("nodule",))},
    )
    assert of_signed(said, makers, ["a"], cited=cited, headings=HEADINGS) == Numbers(
        {("a", "signed"): 1, ("a", "edited"): 2, ("a", "reword"): 1, ("a", "measurement"): 1, ("a", "removed"): 1,
         ("a", "delete"): 1, ("a", "added"): 1, ("a", "insert"): 1}
    )  # fmt: skip


def test_a_finding_of_a_form_takes_the_place_of_no_conclusion() -> None:
    both = f"{DRAFT}Conclusions:\nEffusion.\n"
    said = by_form("Findings:\nFluid on the left.\n", {1: (Provenance.AI, ("effusion",))})
    history = History(draft=both, revisions=(
        Revision(
            study_instance_uid="1.2", job_id="1", model="m", adapter="", reviewer="a", at=NOON, seconds=1.0,
            before_sha256=text_digest(both), after_sha256=said.revisions[0].after_sha256,
            edits=marked(edits(both, said.text, lambda one, other: one == other == 0),
                         {1: (Provenance.AI, ("effusion",))}),
        ),))  # fmt: skip
    found = of_signed(history, {1: ("a",), 5: ("a",)}, ["a"], cited={1: ("effusion",), 5: ("effusion",)},
                      headings=HEADINGS | {"Conclusions:"})  # fmt: skip
    assert (found["a", "edited"], found["a", "reword"], found["a", "removed"]) == (1, 1, 1)
