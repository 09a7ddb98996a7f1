"""Questions about images through the flow: what is asked of which image, what is marked, what is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.domain.aligned import edits
from service.domain.edit import Revision, text_digest
from service.domain.errors import Gone, Refused, Unsupported
from service.domain.job import JobState
from service.domain.report import Outcome
from service.flow.ask import Seen, ask, own_words, question_of
from service.flow.complete import Reading, reading_of
from service.flow.earlier_report import earlier_day, earlier_report
from service.flow.review import draft_text
from service.ports.catalogue import StudyRecord
from service.ports.edits import MemoryEdits
from service.ports.halt import Halt
from service.ports.prompts import ScriptedPrompts
from tests.support.completing import answering, writes
from tests.support.fake_catalogue import FakeCatalogue
from tests.support.fake_house import NOW
from tests.support.web_records import ALGORITHM, draft, job, record, study_of, uid

RECORD = record(2, "Lindqvist^Maja", "done", "", jobs=(job(2, JobState.COMPLETED, report=draft(2)),))
READING = reading_of(RECORD)
STUDY = study_of(RECORD)


def scripted() -> ScriptedPrompts:
    return answering(ScriptedPrompts())


def seen(question: str, answer: str, reading: Reading = READING) -> Seen:
    what, made = question_of(question, reading, STUDY, scripted())
    return ask(made, what, reading, writes(answer), halt=Halt())


def test_an_answer_stands_with_its_model_and_with_what_the_reading_has_of_the_same() -> None:
    found = seen("Is there an effusion?", "Yes, small left pleural effusion.")
    assert (found.text, found.unsupported, found.algorithm) == ("Yes, small left pleural effusion.", (), ALGORITHM)
    assert [each.tracking_id for each in found.findings] == ["effusion-left"]


def test_an_answer_against_the_reading_is_marked() -> None:
    assert seen("Is there an effusion?", "No.").unsupported == ("“No.”: the image alone shows it",)


def test_images_that_are_gone_are_said_to_be() -> None:
    empty = replace(STUDY, instances=())
    with pytest.raises(Gone, match="the images of this study are no longer here"):
        question_of("Is there an effusion?", READING, empty, scripted())
    gone = scripted()
    gone.broken = Gone("The spool does not give main:02: it is there no more.")
    with pytest.raises(Gone, match="have the study sent again"):
        question_of("Is there an effusion?", READING, STUDY, gone)


def test_an_image_of_another_study_is_never_looked_at() -> None:
    asking = scripted()
    with pytest.raises(Refused, match="only images of the study at hand"):
        question_of("Is there an effusion?", READING, STUDY, asking, image=f"{uid(3)}.1.1")
    assert asking.asked == []


def test_another_model_than_that_of_the_card_answers_nothing() -> None:
    what, made = question_of("Is there an effusion?", READING, STUDY, scripted())
    with pytest.raises(Refused, match="not the model of its card"):
        ask(made, what, READING, writes("No.", digest="another"), halt=Halt())


def test_a_reading_without_a_model_for_questions_says_so() -> None:
    silent = scripted()
    silent.broken = Unsupported("no model of this reading answers questions about images; its card would say so")
    with pytest.raises(Unsupported, match="its card would say so"):
        question_of("Is there an effusion?", READING, STUDY, silent)


def test_a_study_s_own_names_and_numbers_are_known() -> None:
    assert own_words(RECORD.row.identity, STUDY) >= {"Lindqvist", "Maja", "MRN70002", "A26-4402", str(uid(2))}


def test_the_newest_earlier_report_of_certainly_the_same_patient_is_found() -> None:
    older, other = _earlier(3, "20250101"), _earlier(4, "20260201", patient_id="MRN70002x")
    newest = _earlier(5, "20251224")
    catalogue = FakeCatalogue(records=[RECORD, older, other, newest])
    found = earlier_report(RECORD.row, catalogue, MemoryEdits())
    assert found is not None
    assert (found.study_instance_uid, found.day) == (uid(5), "20251224")
    assert found.text.startswith("Findings:\n")
    assert earlier_report(RECORD.row, FakeCatalogue(records=[RECORD, other]), MemoryEdits()) is None
    later = _earlier(6, "20270101")
    assert earlier_report(RECORD.row, FakeCatalogue(records=[RECORD, later]), MemoryEdits()) is None


def test_a_withdrawn_report_is_not_compared_with() -> None:
    gone = _earlier(3, "20250101", state=JobState.RECALLED)
    assert earlier_report(RECORD.row, FakeCatalogue(records=[RECORD, gone]), MemoryEdits()) is None


def test_of_a_study_that_no_model_read_only_what_a_person_wrote_is_compared() -> None:
    unread = replace(draft(3), outcome=Outcome.NOT_ANALYSED, findings=(), sentences=(), reason="not a chest")
    made = _earlier(3, "20250101")
    made = replace(made, jobs=(job(3, JobState.COMPLETED, report=unread),))
    catalogue, log = FakeCatalogue(records=[RECORD, made]), MemoryEdits()
    assert earlier_report(RECORD.row, catalogue, log) is None
    assert earlier_day(RECORD.row, catalogue) == "20250101"
    text = "Findings:\nSmall effusion.\n"
    log.record(
        Revision(
            study_instance_uid=str(uid(3)), job_id="j-3", model="", adapter="", reviewer="anna", at=NOW, seconds=1.0,
            before_sha256=text_digest(draft_text(unread)), after_sha256=text_digest(text),
            edits=edits(draft_text(unread), text),
        ),
        draft=draft_text(unread),
    )  # fmt: skip
    found = earlier_report(RECORD.row, catalogue, log)
    assert found is not None
    assert found.text == text


def _earlier(
    number: int, day: str, *, patient_id: str = "MRN70002", state: JobState = JobState.COMPLETED
) -> StudyRecord:
    made = record(number, "Lindqvist^Maja", "done", "", jobs=(job(number, state, report=draft(number)),))
    identity = made.row.identity
    patient = replace(identity.patient, patient_id=patient_id)
    return replace(made, row=replace(made.row, identity=replace(identity, patient=patient, study_date=day)))
