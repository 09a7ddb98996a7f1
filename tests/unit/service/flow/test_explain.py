"""Why was this not processed? Answered in sentences that name rule, clause and values."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from service.domain.config import Configuration
from service.domain.delivery import DeliveryKind, DeliveryState
from service.domain.job import JobState
from service.domain.report import Outcome
from service.domain.rule import Mode
from service.flow.dryrun import dry_run
from service.flow.explain import Explanation, explain, needs_person
from service.ports.catalogue import JobRecord, StudyRecord
from tests.support.fake_house import NOW
from tests.support.web_records import CHEST, CONFIGURATION, VERSION, delivery, draft, job, record, study_of
from tests.support.web_scene import (
    canceled,
    delivering,
    done,
    finished,
    reading,
    receiving,
    refused,
    shadowed,
    unmatched,
)

HERE = NOW.astimezone(ZoneInfo("Europe/Berlin"))


def told(made: StudyRecord, configuration: Configuration = CONFIGURATION) -> Explanation:
    return explain(made, study_of(made), replace(VERSION, configuration=configuration), now=HERE)


def test_a_study_that_arrives_says_until_when_it_is_waited_for() -> None:
    found = told(receiving())
    assert found.headline == "Images are still arriving: 1 image from “XR_ROOM_2” so far."
    assert found.because == ("The last image came 6 s ago.",)
    assert "2 s after the sender closes its connection" in found.next
    assert "at the latest at 10:44:51" in found.next


def test_a_study_that_no_rule_takes_names_each_rule_and_the_clause_that_failed() -> None:
    found = told(unmatched())
    assert found.because[0] == (
        "Rule “chest-radiograph” does not take it: body part: wanted CHEST or THORAX*, found HAND; "
        "view: wanted PA or AP, found LL."
    )
    assert found.because[2] == "Rule “paediatric-chest” would take 1 series, but it is off."
    assert "rules.toml" in found.todo


def test_a_study_that_todays_rules_would_take_says_how_to_route_it_again() -> None:
    hand = replace(CHEST, name="hands", when=replace(CHEST.when, body_part=("HAND",), view=()))
    version = replace(VERSION, number=8, configuration=replace(CONFIGURATION, rules=(hand,)))
    found = explain(unmatched(), study_of(unmatched()), version, now=HERE)
    assert found.headline == "No rule of configuration version 7 took this study, so no model has read it."
    assert found.because == (
        "Version 7 did not take it: chest-radiograph (body part: wanted CHEST or THORAX*, found HAND).",
        "Under version 8, which is active now: Rule “hands” takes 1 series (live): protocol “chest”.",
    )
    study = unmatched().row.study_instance_uid
    assert (
        found.todo == f"Version 8 would take it now: route it again (`preread studies route {study}`, or the button)."
    )


def test_where_no_version_was_told_none_is_claimed() -> None:
    found = told(replace(unmatched(), events=()))
    assert found.headline == "No rule took this study, so no model has read it."
    assert all(sentence.startswith("Under version 7, which is active now: ") for sentence in found.because)


def test_without_a_configuration_nothing_is_read() -> None:
    assert explain(unmatched(), None, None, now=HERE).headline == "No rules were applied yet, so nothing is read."


def test_without_any_rule_it_says_how_to_add_one() -> None:
    found = told(unmatched(), replace(CONFIGURATION, rules=()))
    assert found.headline == "No rule took this study: the active configuration has no rules."
    assert "preread config apply" in found.todo


def test_a_study_that_waits_says_for_whom() -> None:
    made = record(1, "A", "scheduled", "x", jobs=(job(1, JobState.SCHEDULED, attempt=0),))
    found = told(made)
    assert found.headline == "The study is complete and waits for a worker."
    assert found.next == "The next free worker takes it."
    assert found.todo == ""


def test_a_study_that_is_tried_again_says_why_and_when() -> None:
    waiting = job(1, JobState.SCHEDULED, attempt=3, reason="the model server is away.")
    waiting = replace(waiting, next_due=NOW + timedelta(seconds=40))
    found = told(record(1, "A", "scheduled", "x", jobs=(waiting,)))
    assert found.headline == "The reading will be tried again."
    assert found.because[0].endswith("attempt 3: the model server is away.")
    assert found.next == "The next attempt is in 40 s."


def test_a_study_that_is_read_says_what_happens_if_the_worker_is_lost() -> None:
    assert "another one takes over" in told(reading()).next


def test_a_delivery_that_is_tried_again_names_destination_and_answer() -> None:
    found = told(delivering())
    assert found.because == ("tid1500 to RESEARCH is pending after 5 attempts: connection refused.",)
    assert found.next == "The next attempt is in 3 min."


def test_a_study_that_is_done_says_where_its_results_are() -> None:
    assert told(done()).headline == "Read and delivered to PACS."


def test_a_withdrawn_draft_is_said_to_be_with_who_has_a_note() -> None:
    made = done()
    recalled = replace(
        made.jobs[-1], job=replace(made.jobs[-1].job, state=JobState.RECALLED, reason="recalled by anna")
    )
    note = replace(made.deliveries[0], delivery=replace(
        made.deliveries[0].delivery, kind=DeliveryKind.RETRACTION, state=DeliveryState.SENT, destination="PACS",
    ))  # fmt: skip
    found = told(replace(made, jobs=(recalled,), deliveries=(note,)))
    assert found.headline == "The draft was withdrawn; nothing of it may be used. PACS has a rejection note."
    assert "recalled by anna" in found.because[0]


def test_a_shadow_reading_says_that_nothing_was_delivered_on_purpose() -> None:
    assert told(shadowed()).headline == "Read in shadow mode; nothing was delivered, on purpose."


def test_a_job_that_was_given_up_says_why_and_what_to_do() -> None:
    found = told(canceled())
    assert found.because[0] == (
        "Job of rule “chest-radiograph” was given up: the model server was away until the deadline."
    )
    assert "run the job again" in found.todo


def test_a_refused_delivery_says_what_the_destination_answered() -> None:
    found = told(refused())
    assert "0x0122: SOP class not supported" in found.because[0]
    assert "send again" in found.todo


def test_a_held_delivery_says_to_compare_patient_and_order() -> None:
    held = delivery(2, DeliveryState.HELD, answer="PACS knows this study under another patient or order")
    assert "Compare patient and order" in told(finished(2, "A", "x", held, state="attention")).todo


def unread(outcome: Outcome, reason: str) -> JobRecord:
    silent = replace(draft(1), outcome=outcome, findings=(), sentences=(), reason=reason)
    return job(1, JobState.COMPLETED, reason=reason, report=silent)


def test_a_study_outside_the_models_limits_is_done_and_says_why() -> None:
    kept = unread(Outcome.NOT_ANALYSED, "view position is LL; the model reads PA, AP")
    sent = delivery(1, DeliveryState.SENT)
    found = told(record(1, "A", "done", "x", jobs=(kept,), deliveries=(sent,)))
    assert found.headline == "Not read: view position is LL; the model reads PA, AP. PACS was told so."
    assert found.todo == ""
    assert told(record(1, "A", "done", "x", jobs=(kept,))).headline.endswith("the model reads PA, AP.")


def test_a_study_whose_reading_failed_says_why_and_what_to_do() -> None:
    found = told(record(1, "A", "attention", "x", jobs=(unread(Outcome.FAILED, "the model server is away"),)))
    assert found.because == ("Rule “chest-radiograph” gave no reading: the model server is away.",)
    assert "run the job again" in found.todo


def test_a_state_that_nobody_foresaw_is_told_by_its_last_event() -> None:
    assert told(record(1, "A", "paused", "somebody paused it")).headline == "somebody paused it"


def test_the_newest_manifest_stands_for_a_study_that_the_ledger_does_not_give() -> None:
    found = explain(unmatched(), None, VERSION, now=HERE)
    assert "found HAND" in found.because[0]


@pytest.mark.parametrize("made", [receiving(), unmatched(), reading(), delivering(), done(), canceled(), refused()])
def test_no_sentence_names_the_patient(made: StudyRecord) -> None:
    patient = made.row.identity.patient
    text = " ".join(told(made).sentences)
    assert patient.patient_id not in text
    assert patient.name.split("^")[0] not in text


def test_every_sentence_ends() -> None:
    for made in (receiving(), unmatched(), reading(), delivering(), done(), shadowed(), canceled(), refused()):
        assert all(sentence.endswith((".", ")")) for sentence in told(made).sentences), told(made)


class TestDryRun:
    def test_every_rule_is_held_against_the_study_in_order(self) -> None:
        trials = dry_run(study_of(done()), VERSION, now=HERE)
        assert [(trial.match.rule.name, trial.match.matched) for trial in trials] == [
            ("chest-radiograph", True), ("head-ct-shadow", False), ("paediatric-chest", False)
        ]  # fmt: skip
        assert trials[0].sentence == "Rule “chest-radiograph” takes 1 series (live): protocol “chest”."

    def test_a_rule_that_is_off_shows_that_it_would_have_taken_it(self) -> None:
        trial = dry_run(study_of(done()), VERSION, now=HERE)[2]
        assert trial.match.rule.mode is Mode.OFF
        assert trial.would_take
        assert not trial.match.matched


class TestNeedsPerson:
    def test_a_job_superseded_by_a_later_manifest_needs_nobody(self) -> None:
        assert needs_person([job(1, JobState.CANCELED, reason="superseded by a later manifest")]) == ()

    def test_a_job_with_a_later_run_needs_nobody(self) -> None:
        old = job(1, JobState.CANCELED, reason="away")
        new = replace(old, job=replace(old.job, job_id="j-1b", run_number=2, state=JobState.SCHEDULED))
        assert needs_person([new, old]) == ()

    def test_a_job_that_was_given_up_does(self) -> None:
        made = job(1, JobState.CANCELED, reason="away")
        assert needs_person([made, job(2, JobState.COMPLETED)]) == (made,)

    def test_a_reading_that_failed_does_and_one_outside_the_limits_does_not(self) -> None:
        failed = unread(Outcome.FAILED, "the model server is away")
        assert needs_person([failed]) == (failed,)
        assert needs_person([unread(Outcome.NOT_ANALYSED, "the patient is 9 years old")]) == ()

    def test_the_job_of_a_later_manifest_speaks_for_its_rule_whatever_its_run(self) -> None:
        old = job(1, JobState.CANCELED, reason="away")
        old = replace(old, job=replace(old.job, run_number=2), generation=2)
        new = replace(job(1, JobState.COMPLETED), generation=3)
        assert needs_person([new, old]) == ()

    def test_what_routing_took_back_speaks_for_nothing(self) -> None:
        failed = replace(unread(Outcome.FAILED, "away"), generation=1)
        back = replace(job(1, JobState.CANCELED, reason="superseded by a later manifest"), generation=2)
        assert needs_person([failed, back]) == (failed,)
