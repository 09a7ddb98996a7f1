"""Tasks and questions of one study over HTTP: who answered, on what, what is refused, kept, and never told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from httpx import Response

from service.adapters.differential.toml import OWN, read_table
from service.domain.account import Role
from service.domain.errors import Gone, Unavailable, Unsupported
from service.domain.job import JobState
from service.domain.prose import VERSION
from service.domain.report import Outcome
from service.ports.differentials import MemoryDifferentials
from service.ports.prompts import ScriptedPrompts
from tests.support.completing import answering, writes
from tests.support.fake_house import House
from tests.support.payloads import PAYLOADS
from tests.support.web_client import TestClient, bearer, client, csrf_of, signed_in
from tests.support.web_records import ALGORITHM, draft, job, record, uid
from tests.support.web_scene import hospital

STUDY = f"/api/studies/{uid(2)}"
REPORT = "Findings:\nEnlarged heart. Interstitial edema. Small left effusion.\nConclusions:\nHeart failure.\n"
CANARY = "Kanarienvogel"


@pytest.fixture
def house() -> House:
    made = hospital()
    made.prompts = answering(ScriptedPrompts())
    made.models = writes("Yes, small left pleural effusion.")  # type: ignore[assignment]
    made.differentials = MemoryDifferentials(read_table(OWN))
    return made


class Program:
    """A viewer's program; its front door is built when it is first asked."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.client: TestClient | None = None

    def __call__(self, path: str, **asked: Any) -> Response:
        self.client = self.client or client(self.house)
        return self.client.post(f"{STUDY}/{path}", json=asked, headers=bearer(self.house, Role.VIEWER))


@pytest.fixture
def ask(house: House) -> Program:
    return Program(house)


def test_every_task_answers_of_the_draft_as_it_stands_and_says_who_answered(house: House, ask: Program) -> None:
    for task in ("sections", "labels", "devices", "impression", "differential"):
        answer = ask(f"tasks/{task}").json()
        assert (answer["task"], answer["by"]) == (task, "rules")
        assert answer["text"].startswith("Findings:\nSmall left pleural effusion.")
        spans = [span for item in answer[task] for span in (item, *item.get("spans", ())) if "start" in span]
        assert all(answer["text"][span["start"] : span["end"]] == span["text"] for span in spans)
    assert ask("tasks/poem").status_code == 404


def test_a_question_is_answered_with_the_words_and_the_finding_on_its_image(house: House, ask: Program) -> None:
    answer = ask("tasks/question", question="Auf welcher Seite ist der Erguss?").json()
    (reply,) = answer["question"]
    assert (reply["answer"], reply["spans"][0]["text"]) == ("left", "Small left pleural effusion.")
    (finding,) = answer["findings"]
    assert (finding["finding"], finding["present"]) == ("Left Pleural effusion", True)
    assert finding["places"][0]["instance"] == f"{uid(2)}.1.1"
    assert finding["places"][0]["box"] == [1480, 1710, 2010, 2290]
    (silent,) = ask("tasks/question", question="Is there a fracture?").json()["question"]
    assert (silent["answer"], silent["spans"]) == ("not stated", [])


def test_a_question_about_somebody_else_is_refused_and_nothing_is_looked_at(house: House, ask: Program) -> None:
    for question in ("What did Mrs. Miller have?", "Accession A26-9999?", "What has the next patient?"):
        for path in ("tasks/question", "question"):
            answer = ask(path, question=question)
            assert answer.status_code == 422
            assert "open that study, and ask there" in answer.json()["detail"]
    assert house.prompts.asked == []
    assert ask("tasks/question", question="Has Mrs. Lindqvist an effusion?").status_code == 200


@pytest.mark.parametrize(("question", "why"), [("", "There is no question"), ("a" * 301, "at most 300 characters")])
def test_a_question_has_bounds(question: str, why: str, house: House, ask: Program) -> None:
    for path in ("tasks/question", "question"):
        answer = ask(path, question=question)
        assert (answer.status_code, why in answer.json()["detail"]) == (422, True)


def test_what_a_model_answers_is_preliminary_with_model_image_and_reading(house: House, ask: Program) -> None:
    seen = ask("question", question="Is there an effusion?").json()
    assert (seen["answer"], seen["preliminary"], seen["unsupported"]) == ("Yes, small left pleural effusion.", True, [])
    assert (seen["model"], seen["version"], seen["digest"]) == (ALGORITHM.name, "1", ALGORITHM.digest)
    assert (seen["image"], seen["series"], seen["frame"]) == (f"{uid(2)}.1.1", f"{uid(2)}.1", 1)
    assert [each["finding"] for each in seen["findings"]] == ["Left Pleural effusion"]


def test_what_its_own_reading_does_not_carry_is_marked(house: House, ask: Program) -> None:
    house.models = writes("Yes, small right pleural effusion.")  # type: ignore[assignment]
    (reason,) = ask("question", question="Is there an effusion?").json()["unsupported"]
    assert "the image alone shows it on the other side" in reason


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (Gone("main:02: it is there no more."), "the images of this study are no longer here"),
        (Unsupported("no model of this reading answers questions"), "no model of this reading answers questions"),
    ],
)
def test_why_no_model_was_asked_is_said(broken: Exception, why: str, house: House, ask: Program) -> None:
    house.prompts.broken = broken
    answer = ask("question", question="Is there an effusion?")
    assert (answer.status_code, why in answer.json()["detail"]) == (409, True)
    assert ask("question", question="Is there an effusion?", image="1.2.3").status_code == 409


def test_a_model_that_is_away_is_named(house: House, ask: Program) -> None:
    def away(question: object) -> Any:
        raise Unavailable("the model server is away")

    house.models.answer = away  # type: ignore[attr-defined]
    answer = ask("question", question="Is there an effusion?")
    assert (answer.status_code, "model server is away" in answer.json()["detail"]) == (503, True)


def test_a_change_is_told_beside_an_earlier_report_of_the_same_patient_alone(house: House, ask: Program) -> None:
    alone = ask("tasks/change")
    assert (alone.status_code, "No earlier report of this patient" in alone.json()["detail"]) == (422, True)
    made = record(9, "Lindqvist^Maja", "done", "", jobs=(job(9, JobState.COMPLETED, report=draft(9)),))
    now = next(each for each in house.catalogue.records if each.row.study_instance_uid == uid(2)).row.identity
    earlier = replace(made, row=replace(made.row, identity=replace(now, study_date="20250101")))
    house.catalogue.records.append(earlier)
    answer = ask("tasks/change", text="Findings:\nModerate left pleural effusion.\n").json()
    assert (answer["prior"]["study"], answer["prior"]["signed"]) == (str(uid(9)), False)
    assert {each["finding"]: each["change"] for each in answer["change"]}["pleural effusion"] == "worse"
    looked = [event for event in house.audit.events if event.study_instance_uid == str(uid(9))]
    assert [event.detail for event in looked] == ["a later one compared"]


def test_an_earlier_study_whose_report_says_nothing_is_named_and_not_compared(house: House, ask: Program) -> None:
    unread = replace(draft(9), outcome=Outcome.NOT_ANALYSED, findings=(), sentences=(), reason="not a chest")
    made = record(9, "Lindqvist^Maja", "done", "", jobs=(job(9, JobState.COMPLETED, report=unread),))
    now = next(each for each in house.catalogue.records if each.row.study_instance_uid == uid(2)).row.identity
    house.catalogue.records.append(replace(made, row=replace(made.row, identity=replace(now, study_date="20250101"))))
    answer = ask("tasks/change")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(
        "The earlier study of 2025-01-01 is not compared: its report is not signed"
    )


def test_a_differential_cites_findings_and_says_whose_list_it_is(house: House, ask: Program) -> None:
    answer = ask("tasks/differential", text=REPORT).json()
    first = answer["differential"][0]
    assert (first["rank"], first["diagnosis"]) == (1, "heart failure")
    assert all(REPORT[each["start"] : each["end"]] == each["text"] for each in (*first["for"], *first["against"]))
    assert "no advice" in answer["table"]["statement"]
    nothing = ask("tasks/differential", text="Findings:\nNo pneumothorax.\n").json()
    assert (nothing["differential"], nothing["note"][:16]) == ([], "Nothing to offer")


def test_what_a_radiologist_takes_is_kept_with_its_origin_and_only_what_was_offered(house: House) -> None:
    person = signed_in(house, Role.RADIOLOGIST)
    taken = {"text": REPORT, "section": "conclusions", "line": "heart failure"}
    answer = _send(person, "tasks/differential/taken", **taken)
    assert (answer.status_code, answer.json()["done"]) == (200, "taken")
    (kept,) = house.edits.kept["j-2"].revisions
    assert kept.suggestion is not None
    assert (kept.model, kept.suggestion.text) == (
        f"rules differential {VERSION}, preread's own list 1",
        "heart failure",
    )
    assert (kept.edits, kept.before_sha256) == ((), kept.after_sha256)
    assert _send(person, "tasks/differential/taken", **taken | {"line": "a broken heart"}).status_code == 422
    assert _send(person, "tasks/labels/taken", **taken).status_code == 422
    assert _send(person, "tasks/impression/taken", **taken | {"line": "A line of another report."}).status_code == 422
    assert len(house.edits.kept["j-2"].revisions) == 1


def test_a_token_takes_nothing(house: House) -> None:
    taken = {"text": REPORT, "section": "conclusions", "line": "heart failure"}
    headers = bearer(house, Role.RADIOLOGIST)
    assert client(house).post(f"{STUDY}/tasks/differential/taken", json=taken, headers=headers).status_code == 403


def test_hostile_text_is_answered_in_clear_words_or_refused_and_no_refusal_repeats_it(ask: Program) -> None:
    for payload in PAYLOADS:
        for path, asked in _hostile(payload):
            answer = ask(path, **asked)
            assert answer.status_code in {200, 409, 413, 422}, answer.text
            assert answer.headers["content-type"].startswith(("application/", "text/plain"))
            assert answer.status_code == 200 or payload.strip() not in answer.text


def _hostile(payload: str) -> tuple[tuple[str, dict[str, str]], ...]:
    return (
        ("tasks/question", {"question": payload}),
        ("question", {"question": payload}),
        ("tasks/question", {"question": "Is there an effusion?", "text": payload}),
        ("tasks/impression", {"text": payload}),
        ("tasks/differential", {"text": payload}),
    )


def test_neither_question_nor_report_is_in_the_audit_record_or_a_log(
    house: House, ask: Program, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("tasks/question", "question", "tasks/impression"):
        ask(path, question=f"Is there a {CANARY}?", text=f"Findings:\n{CANARY}.\n")
        ask(path, question=f"What did Mrs. {CANARY} have?")
        ask(path, question=CANARY * 100)
    assert CANARY not in repr(house.audit.events)
    assert CANARY not in json.dumps(capfd.readouterr()) + caplog.text


def _send(person: TestClient, path: str, **asked: Any) -> Response:
    headers = {"x-csrf-token": csrf_of(person.get("/studies"))}
    return person.post(f"{STUDY}/{path}", json=asked, headers=headers)
