"""A draft becomes lines, lines become a text, and every save is a revision that replays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.domain.edit import EditClass, Provenance, text_digest
from service.domain.report import Report, Section, Sentence
from service.flow.review import NEW, Line, draft_text, lines_of, save, text_of
from service.ports.edits import MemoryEdits
from tests.support.fake_house import NOW
from tests.support.web_records import draft

TEXT = (
    "Findings:\nSmall left pleural effusion.\nEnlarged heart, 162 mm across.\nNo pneumothorax.\n"
    "Conclusions:\nSmall left effusion with cardiomegaly.\n"
)


@pytest.fixture
def report() -> Report:
    return draft(1)


@pytest.fixture
def log() -> MemoryEdits:
    return MemoryEdits()


def keep(log: MemoryEdits, report: Report, lines: list[Line], base: str = TEXT) -> str | None:
    return save(
        log, report=report, job_id="j", study_instance_uid="1.2", lines=lines, base_sha256=text_digest(base),
        reviewer="anna", seconds=4.0, accepted=2, now=NOW,
    )  # fmt: skip


def test_a_draft_is_a_heading_and_a_line_for_each_sentence(report: Report) -> None:
    assert draft_text(report) == TEXT
    assert text_of(lines_of(report, None)) == TEXT


def test_what_a_person_writes_is_theirs_however_like_a_drafted_sentence_it_is(report: Report, log: MemoryEdits) -> None:
    """Else the box of what was taken out would stand beside what was typed."""
    lines = [replace(line, was=number) for number, line in enumerate(lines_of(report, None))]
    typed = Line(section=Section.FINDINGS, text="Small left pleural thickening.", was=NEW)
    assert keep(log, report, [typed, *lines[1:]])
    now = lines_of(report, log.history("j"))
    assert (now[0].text, now[0].provenance, now[0].findings) == (typed.text, Provenance.HUMAN, ())
    (revision,) = log.kept["j"].revisions
    assert [edit.classes for edit in revision.edits] == [(EditClass.DELETE,), (EditClass.INSERT,)]
    again = [replace(line, was=number) for number, line in enumerate(now)]
    assert keep(log, report, [replace(again[0], text="Left pleural thickening."), *again[1:]], text_of(now))
    assert lines_of(report, log.history("j"))[0].provenance is Provenance.HUMAN


def test_a_changed_line_stays_what_it_was_beside_a_typed_one_that_is_more_like_it(
    report: Report, log: MemoryEdits
) -> None:
    lines = [replace(line, was=number) for number, line in enumerate(lines_of(report, None))]
    typed = Line(section=Section.FINDINGS, text="Small left pleural effusion and thickening.", was=NEW)
    assert keep(log, report, [typed, replace(lines[0], text="Large left pleural effusion."), *lines[1:]])
    now = lines_of(report, log.history("j"))
    assert [(line.provenance, line.findings) for line in now[:2]] == [
        (Provenance.HUMAN, ()), (Provenance.EDITED, ("effusion-left",)),
    ]  # fmt: skip


def test_a_line_knows_what_it_rests_on_and_who_wrote_it(report: Report, log: MemoryEdits) -> None:
    lines = list(lines_of(report, None))
    assert [line.findings for line in lines] == [
        ("effusion-left",), ("cardiomegaly",), ("pneumothorax",), ("effusion-left", "cardiomegaly")
    ]  # fmt: skip
    changed = [replace(lines[0], text="Small right pleural effusion. Fluid in the fissure."), lines[2], *lines[3:],
               Line(section=Section.FINDINGS, text="Old rib fracture.")]  # fmt: skip
    assert keep(log, report, changed)
    now = lines_of(report, log.history("j"))
    assert [(line.text, line.provenance, line.findings) for line in now] == [
        ("Small right pleural effusion. Fluid in the fissure.", Provenance.EDITED, ("effusion-left",)),
        ("No pneumothorax.", Provenance.AI, ("pneumothorax",)),
        ("Old rib fracture.", Provenance.HUMAN, ()),
        ("Small left effusion with cardiomegaly.", Provenance.AI, ("effusion-left", "cardiomegaly")),
    ]


def test_a_revision_names_model_reviewer_and_what_was_done(report: Report, log: MemoryEdits) -> None:
    lines = list(lines_of(report, None))
    keep(log, report, [replace(lines[0], text="Small right pleural effusion."), *lines[1:]])
    (revision,) = log.kept["j"].revisions
    assert revision.model.startswith("chest_demo 1 sha256:")
    assert (revision.reviewer, revision.seconds, revision.accepted) == ("anna", 4.0, 2)
    assert [edit.classes for edit in revision.edits] == [(EditClass.LATERALITY,)]


def test_the_second_of_two_at_one_text_is_told(report: Report, log: MemoryEdits) -> None:
    lines = list(lines_of(report, None))
    assert keep(log, report, lines[1:])
    assert keep(log, report, lines[:1]) is None
    assert keep(log, report, lines[:1], base=log.kept["j"].text)


def test_a_line_stays_a_line_whatever_is_typed_into_it(report: Report, log: MemoryEdits) -> None:
    odd = [Line(section=Section.FINDINGS, text="One\nConclusions:\r\n\x00two \u2028 \ud800 three"),
           Line(section=Section.CONCLUSIONS, text="  \n ")]  # fmt: skip
    assert keep(log, report, odd)
    assert log.kept["j"].text == "Findings:\nOne Conclusions: two three\n"


def test_a_report_may_be_emptied_and_written_anew(report: Report, log: MemoryEdits) -> None:
    assert keep(log, report, [])
    assert lines_of(report, log.history("j")) == ()
    assert keep(log, report, [Line(section=Section.CONCLUSIONS, text="Normal.")], base="")
    assert [line.text for line in lines_of(report, log.history("j"))] == ["Normal."]


def test_a_sentence_of_several_sentences_is_one_line(report: Report) -> None:
    first = Sentence(section=Section.FINDINGS, text="Effusion on the left. It is small.", findings=("effusion-left",))
    told = replace(report, sentences=(first, *report.sentences))
    assert [line.findings for line in lines_of(told, None)][:2] == [("effusion-left",), ("effusion-left",)]
    assert lines_of(told, None)[0].text == "Effusion on the left. It is small."


def test_a_revision_names_the_adapter_that_drafted_the_text(report: Report, log: MemoryEdits) -> None:
    algorithms = tuple(each.adapted("site", "a" * 64) for each in report.algorithms)
    assert keep(log, replace(report, algorithms=algorithms), [Line(section=Section.FINDINGS, text="Changed.")])
    history = log.history("j")
    assert history is not None
    assert history.revisions[0].adapter == "; ".join(f"site {'a' * 64}" for _ in algorithms)
    assert "+site " in history.revisions[0].model
