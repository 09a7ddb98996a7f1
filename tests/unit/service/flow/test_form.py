"""Who says the sentences of a filled form, which forms are kept, and which a report still says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from service.adapters.templates.shelf import OURS, TemplateShelf, read_template
from service.domain.edit import EditClass, History, Provenance, text_digest
from service.domain.filled import Filled
from service.domain.phrase import narrative
from service.domain.report import Section
from service.domain.submitted import Submitted
from service.domain.template import Value
from service.flow.form import form_at, forms_of, lines_of_form, newest_form, standing, stands
from service.flow.prefill import prefill
from service.flow.review import NEW, Line, draft_text, lines_of, save
from service.ports.edits import MemoryEdits
from tests.support.fake_house import NOW
from tests.support.web_records import draft

CHEST = read_template(OURS / "chest-radiograph.html")
PHRASES = TemplateShelf(OURS / "none").phrases("en")
REPORT = draft(2)
AI = {name: answer.value for name, answer in prefill(CHEST, REPORT).items()}
ANSWERS = prefill(CHEST, REPORT)
LEFT = "Small left pleural effusion."


def submitted(values: dict[str, Value], *touched: str, normal: Collection[str] = ()) -> Submitted:
    filled = Filled(template=CHEST, values=values, normal=frozenset(normal))
    return Submitted(filled=filled, told=narrative(filled, PHRASES), touched=frozenset(touched))


def put(log: MemoryEdits, form: Submitted, *more: Line) -> History:
    """In place of what stands in the report."""
    before = log.history("j")
    base = text_digest(before.text if before else draft_text(REPORT))
    assert save(
        log, report=REPORT, job_id="j", study_instance_uid="1.2", lines=[*lines_of_form(form, ANSWERS), *more],
        base_sha256=base, reviewer="anna", seconds=1, accepted=0, now=NOW, form=form,
    )  # fmt: skip
    history = log.history("j")
    assert history is not None
    return history


def said(history: History) -> dict[str, tuple[Provenance, tuple[str, ...]]]:
    return {line.text: (line.provenance, line.findings) for line in lines_of(REPORT, history)}


def test_the_ai_says_what_nobody_touched_a_person_what_the_ai_did_not_answer() -> None:
    answered = {**AI, "effusion-left": ("Moderate",), "consolidation-left": ("Present",)}
    found = said(put(MemoryEdits(), submitted(answered, "effusion-left")))
    assert found == {
        "No pneumothorax.": (Provenance.AI, ("pneumothorax",)),
        "Moderate left pleural effusion.": (Provenance.EDITED, ("effusion-left",)),
        "Consolidation of the left lung.": (Provenance.HUMAN, ()),
    } | {text: each for text, each in found.items() if each[1] == ("cardiomegaly",)}


def test_a_touched_answer_is_edited_although_it_is_the_ai_s_again() -> None:
    form = submitted(AI, "pneumothorax-left")
    lines = {line.text: line.provenance for line in lines_of_form(form, ANSWERS)}
    assert lines["No pneumothorax."] is Provenance.EDITED


def test_an_answer_that_was_taken_away_and_called_normal_is_edited() -> None:
    rest = {name: value for name, value in AI.items() if name not in {"effusion-left"} and "pneumo" not in name}
    form = submitted(rest, normal=["pleura"])
    line = next(line for line in lines_of_form(form, ANSWERS) if "pleural effusion" in line.text)
    assert (line.text, line.provenance) == ("No pleural effusion or pneumothorax.", Provenance.EDITED)
    assert set(line.findings) == {"effusion-left", "pneumothorax"}


def test_a_sentence_of_a_form_that_is_changed_in_the_report_keeps_what_it_rests_on() -> None:
    log = MemoryEdits()
    history = put(log, submitted(AI))
    lines = [replace(line, was=number) for number, line in enumerate(lines_of(REPORT, history))]
    at = next(n for n, line in enumerate(lines) if line.text == "No pneumothorax.")
    lines[at] = replace(lines[at], text="No pneumothorax on both sides.")
    base = text_digest(history.text)
    assert save(
        log, report=REPORT, job_id="j", study_instance_uid="1.2", lines=lines, base_sha256=base, reviewer="anna",
        seconds=1, accepted=0, now=NOW,
    )  # fmt: skip
    after = log.history("j")
    assert after is not None
    assert said(after)["No pneumothorax on both sides."] == (Provenance.EDITED, ("pneumothorax",))
    assert not stands(submitted(AI), lines_of(REPORT, after))


def test_what_is_typed_beside_a_form_takes_no_evidence_of_it() -> None:
    typed = Line(section=Section.FINDINGS, text="No pneumothorax, no rib fracture.", was=NEW)
    found = said(put(MemoryEdits(), submitted(AI), typed))
    assert found[typed.text] == (Provenance.HUMAN, ())


def test_no_drafted_sentence_becomes_one_of_a_form() -> None:
    history = put(MemoryEdits(), submitted({**AI, "effusion-left": ("Moderate",)}))
    (revision,) = history.revisions
    assert {each for edit in revision.edits for each in edit.classes} <= {EditClass.DELETE, EditClass.INSERT}
    assert all(span.origin is not None or span.provenance is not Provenance.AI or span.findings
               for span in history.spans)  # fmt: skip


def test_of_each_template_the_newest_form_counts_and_the_older_is_kept() -> None:
    log = MemoryEdits()
    put(log, submitted(AI))
    other = read_template(OURS / "any.html")
    words = Filled(template=other, values={"conclusion": "Effusion."})
    put(log, Submitted(filled=words, told=narrative(words, PHRASES)))
    history = put(log, submitted({**AI, "effusion-left": ("Large",)}))
    assert [(kept.number, kept.form.name) for kept in forms_of(history)] == [(2, "any"), (3, "chest-radiograph")]
    assert newest_form(history) == 3
    assert form_at(history, 1) == submitted(AI)
    assert form_at(history, 4) is None
    assert newest_form(None) == 0


@pytest.mark.parametrize("change", ["changed", "removed", "in another section"])
def test_a_form_stands_while_every_sentence_of_it_does(change: str) -> None:
    form = submitted(AI)
    history = put(MemoryEdits(), form)
    lines = list(lines_of(REPORT, history))
    assert standing(forms_of(history), lines) == {1}
    assert standing(forms_of(history), [*lines, Line(section=Section.FINDINGS, text="Old rib fracture.")]) == {1}
    at = next(n for n, line in enumerate(lines) if line.text == LEFT)
    line = lines.pop(at)
    if change == "changed":
        lines.insert(at, replace(line, text="Small right pleural effusion."))
    if change == "in another section":
        lines.append(replace(line, section=Section.CONCLUSIONS))
    assert standing(forms_of(history), lines) == frozenset()
