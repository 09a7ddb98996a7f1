"""Completions: which draft, what before the cursor, what is marked, what is taken back, what is kept."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate

import pytest

from service.domain.aligned import edits
from service.domain.edit import replayed
from service.domain.errors import Refused, Unclear, Unsupported
from service.domain.job import JobState
from service.domain.report import Outcome, Section
from service.domain.wording import sentences
from service.flow.complete import Completion, Place, answered, begun, complete, prompt_of, reading_of
from service.ports.edits import MemoryEdits
from service.ports.finish import Finish
from service.ports.halt import Halt, Halted
from service.ports.models import ScriptedModels
from service.ports.prompts import ScriptedPrompts
from tests.support.completing import Endless, prompt, writes
from tests.support.fake_house import NOW
from tests.support.web_records import ALGORITHM, draft, job, record, study_of

RECORD = record(2, "Lindqvist^Maja", "done", "", jobs=(job(2, JobState.COMPLETED, report=draft(2)),))
READING = reading_of(RECORD)


def completed(text: str, models: ScriptedModels, *, halt: Halt | None = None) -> tuple[Completion, list[str]]:
    heard: list[str] = []
    made = begun(text)
    done = complete(prompt(made), READING, models, begun=made, on_text=heard.append, halt=halt or Halt())
    return done, heard


def reasons(text: str, answer: str) -> tuple[str, ...]:
    return completed(text, writes(answer))[0].unsupported


def test_what_follows_is_heard_piece_by_piece_and_names_its_model() -> None:
    done, heard = completed("Findings:\nThere is a small", writes(" left pleural effusion [12 40 60 88]."))
    assert heard == [" left", " pleural", " effusion", "."]
    assert (done.text, done.unsupported, done.algorithm) == (" left pleural effusion.", (), ALGORITHM)


def test_what_the_unprompted_reading_does_not_carry_is_marked_with_the_reason() -> None:
    assert reasons("", "There is a left rib fracture [1 2 3 4].") == (
        "“There is a left rib fracture.”: the image alone does not show it",
    )
    assert reasons("There is a small", " right pleural effusion [1 2 3 4].") == (
        "“There is a small right pleural effusion.”: the image alone shows it on the other side",
    )
    assert reasons("", "No pleural effusion.") == ("“No pleural effusion.”: the image alone shows it",)
    assert reasons("Kleiner Erguss", " links.") == (
        "“Kleiner Erguss links.”: it has no coded meaning, so it was not checked",
    )


def test_a_number_that_nothing_measured_carries_is_marked() -> None:
    assert "“163 mm”: nothing that was measured carries it" in reasons("The heart is 163", " mm wide.")
    assert not [each for each in reasons("The heart is 162", " mm wide.") if "measured" in each]


def test_a_comparison_with_a_study_that_nobody_showed_is_marked() -> None:
    (_, compares) = reasons("The effusion", " is unchanged.")
    assert compares == "“unchanged”: it speaks of an earlier study, which the model has not seen"


def test_a_model_with_nothing_to_add_gives_nothing_to_mark() -> None:
    done, heard = completed("Findings:\nNo pneumothorax.\n", writes("IMPRESSION: normal study."))
    assert (done.text, done.unsupported, heard) == ("", (), [])


def test_an_answer_that_was_cut_off_is_marked() -> None:
    (reason,) = completed("", writes("There is a", finish=Finish.LENGTH))[0].unsupported
    assert reason == "“There is a”: it has no coded meaning, so it was not checked"


def test_a_question_that_is_taken_back_stops_the_model_at_its_next_token() -> None:
    halt = Halt()
    models = Endless(halt)
    with pytest.raises(Halted):
        completed("", models, halt=halt)
    assert models.written == [" on"]


def test_a_question_that_is_taken_back_before_it_is_asked_makes_no_token() -> None:
    halt = Halt()
    halt()
    models = writes("No pneumothorax.")
    with pytest.raises(Halted):
        completed("", models, halt=halt)
    assert models.written == []


def test_an_image_the_model_was_not_made_for_is_said() -> None:
    with pytest.raises(Unsupported, match="not of the kind the model was made for"):
        completed("", writes("", finish=Finish.OUTSIDE_DOMAIN))


def test_another_model_than_that_of_the_card_writes_nothing() -> None:
    with pytest.raises(Refused, match="not the model of its card"):
        completed("", writes("No pneumothorax.", digest="another"))
    with pytest.raises(Unclear, match="did not finish"):
        completed("", writes("No", finish=Finish.CANCELLED))


def test_nothing_before_the_cursor_changes_in_a_thousand_edits() -> None:
    chance = random.Random(5)
    words = [
        "No pneumothorax.",
        "Findings:",
        "Conclusions:",
        "\n",
        " ",
        "3 mm",
        "Erguß",
        "左",
        "‮",
        "[1 2",
        "e.g. ",
        ".",
    ]
    text = ""
    for _ in range(1000):
        cursor = chance.randint(0, len(text))
        text = (
            text[:cursor]
            + "".join(chance.choices(words, k=chance.randint(0, 3)))
            + text[cursor + chance.randint(0, 9) :]
        )
        cursor = chance.randint(0, len(text))
        made = begun(text, cursor)
        answer = "".join(chance.choices([*words, " [1 2 3 4].", "IMPRESSION: none."], k=4))
        heard: list[str] = []
        done = complete(prompt(made), READING, writes(answer), begun=made, on_text=heard.append, halt=Halt())
        assert "".join(heard) == done.text
        assert text[:cursor].endswith(made.line)
        after = text[:cursor] + done.text[: chance.randint(0, len(done.text))] + text[cursor:]
        made_by = edits(text, after)
        assert replayed(text, made_by) == after
        whole = sum(end <= cursor for end in accumulate(map(len, sentences(text))))
        assert all(edit.at >= whole - 1 for edit in made_by)
        text = after[:2000]


def test_the_lines_before_the_cursor_are_known_with_their_sections() -> None:
    made = begun("Findings:\nNo pneumothorax.\n\nConclusions:\nSmall eff")
    assert made.lines == ((Section.FINDINGS, "No pneumothorax."),)
    assert (made.section, made.line, made.sentence) == (Section.CONCLUSIONS, "Small eff", "Small eff")
    assert begun("No pneumothorax. There").sentence == "There"
    assert begun("No pneumothorax. ").sentence == ""
    with pytest.raises(ValueError, match="the cursor stands at 4, the text has 2 characters"):
        begun("No", 4)


def test_the_newest_draft_that_stands_is_gone_on_with() -> None:
    older, newer = job(2, JobState.COMPLETED, report=draft(2)), job(2, JobState.COMPLETED, report=draft(2))
    newer = replace(newer, created_at=newer.created_at + timedelta(1), job=replace(newer.job, job_id="j-9"))
    assert reading_of(replace(RECORD, jobs=(newer, older))).job.job_id == "j-9"
    assert reading_of(replace(RECORD, jobs=(newer, older)), "j-2").job.job_id == "j-2"
    recalled = replace(newer, job=replace(newer.job, state=JobState.RECALLED))
    assert reading_of(replace(RECORD, jobs=(recalled, older))).job.job_id == "j-2"
    with pytest.raises(Unsupported, match="was withdrawn"):
        reading_of(replace(RECORD, jobs=(recalled,)))


def test_where_no_model_read_the_study_the_reason_is_said() -> None:
    unread = replace(draft(2), outcome=Outcome.NOT_ANALYSED, findings=(), sentences=(), reason="the view is lateral")
    with pytest.raises(Unsupported, match="no model read this study: the view is lateral"):
        reading_of(replace(RECORD, jobs=(job(2, JobState.COMPLETED, report=unread),)))
    with pytest.raises(Unsupported, match="no draft of this study was made yet"):
        reading_of(replace(RECORD, jobs=()))
    with pytest.raises(Unsupported, match="no such draft"):
        reading_of(RECORD, "j-3")


def test_only_images_of_the_study_are_looked_at() -> None:
    prompts, text = ScriptedPrompts(prompt), begun("")
    study = study_of(RECORD)
    own = study.instances[0].instance.sop_instance_uid
    prompt_of(READING, study, prompts, begun=text, image=own)
    assert [stored.instance.sop_instance_uid for stored in prompts.images[0]] == [own]
    with pytest.raises(Refused, match=r"the study has no image 1\.2\.3; only images of the study at hand"):
        prompt_of(READING, study, prompts, begun=text, image="1.2.3")


def test_what_was_taken_of_a_completion_is_kept_with_its_place_and_its_model() -> None:
    log = MemoryEdits()
    offered = Completion(text=" left pleural effusion.", unsupported=("why",), algorithm=ALGORITHM)
    place = Place(Section.FINDINGS, 26)
    for taken in (0, 5):
        kept = answered(log, offered, READING, place=place, taken=taken, reviewer="dr.keller", now=NOW)
    assert kept == "memory#2"
    refused, took = log.kept["j-2"].revisions
    assert refused.suggestion is not None
    assert took.suggestion is not None
    assert (refused.suggestion.taken, took.suggestion.taken, took.suggestion.start) == (0, 5, 26)
    assert (took.model, took.reviewer) == (f"chest_demo 1 {ALGORITHM.digest}", "dr.keller")
    assert took.suggestion.unsupported == ("why",)
    assert log.kept["j-2"].saves == ()
    assert log.kept["j-2"].text == log.kept["j-2"].draft
