"""The completion of a report over HTTP: for a radiologist who has signed in, streamed, taken back, marked, kept."""

from __future__ import annotations

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from httpx import Response
from structlog.testing import capture_logs

from service.domain.account import Role
from service.domain.errors import Unavailable, Unsupported
from service.ports.halt import Halt
from service.ports.prompts import ScriptedPrompts
from service.web.api.completion import CompletionShape, completion
from service.web.suggestions import MAX_WRITING, Suggestions
from tests.support.completing import Endless, prompt, writes
from tests.support.fake_house import House
from tests.support.web_client import TestClient, bearer, client, csrf_of, signed_in
from tests.support.web_records import ALGORITHM, uid
from tests.support.web_scene import hospital

PATH = f"/api/studies/{uid(2)}/completion"
PREFIX = "Findings:\nThere is a small"


@pytest.fixture
def house() -> House:
    made = hospital()
    made.prompts = ScriptedPrompts(prompt)
    made.models = writes(" right pleural effusion [1 2 3 4].")  # type: ignore[assignment]
    return made


@pytest.fixture
def radiologist(house: House) -> TestClient:
    return signed_in(house, Role.RADIOLOGIST)


def send(person: TestClient, path: str = PATH, **asked: Any) -> Response:
    return person.post(path, json=asked, headers={"x-csrf-token": csrf_of(person.get("/studies"))})


def lines(answer: Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_completion_is_streamed_and_marked_and_what_is_taken_of_it_is_kept(
    house: House, radiologist: TestClient
) -> None:
    *pieces, last = lines(send(radiologist, prefix=PREFIX))
    assert "".join(piece["text"] for piece in pieces) == last["text"] == " right pleural effusion."
    assert last["unsupported"] == [
        "“There is a small right pleural effusion.”: the image alone shows it on the other side"
    ]
    assert (last["model"], last["version"], last["digest"]) == ("chest_demo", "1", ALGORITHM.digest)
    said = f"{PATH}/{last['id']}"
    assert send(radiologist, said, taken="other words").status_code == 422
    again = lines(send(radiologist, prefix=PREFIX))[-1]
    assert send(radiologist, f"{PATH}/{again['id']}", taken=" right").json()["done"] == "taken"
    assert send(radiologist, f"{PATH}/{again['id']}", taken=" right").status_code == 404
    (kept,) = house.edits.kept["j-2"].revisions
    assert kept.suggestion is not None
    assert (kept.suggestion.taken, kept.suggestion.start, kept.reviewer) == (6, len(PREFIX), "anna")
    assert kept.suggestion.unsupported == tuple(last["unsupported"])
    assert "completion for job j-2 answered, edit log memory#1" in [event.detail for event in house.audit.events]
    assert "Saved" not in radiologist.get(f"/studies/{uid(2)}/review").text


def test_what_was_offered_to_one_is_answered_by_no_other(house: House, radiologist: TestClient) -> None:
    offered = lines(send(radiologist, prefix=PREFIX))[-1]["id"]
    assert send(signed_in(house, Role.RADIOLOGIST), f"{PATH}/{offered}", taken="").status_code == 404


def test_a_token_completes_nothing(house: House) -> None:
    answer = client(house).post(PATH, json={"prefix": ""}, headers=bearer(house, Role.RADIOLOGIST))
    assert answer.status_code == 403
    assert house.prompts.begun == []


def test_where_nothing_can_be_completed_the_reason_is_said(house: House, radiologist: TestClient) -> None:
    house.prompts.broken = Unsupported("no model of this reading continues text")
    answer = send(radiologist, prefix="")
    assert (answer.status_code, answer.json()["detail"]) == (
        409, "Nothing can be completed here: no model of this reading continues text."
    )  # fmt: skip
    assert (
        "no draft of this study was made yet" in send(radiologist, f"/api/studies/{uid(1)}/completion", prefix="").text
    )
    assert "the study has no image 1.2.3" in send(radiologist, prefix="", image="1.2.3").text
    assert "no such draft" in send(radiologist, prefix="", job="j-4").text
    assert send(radiologist, "/api/studies/1.2.9/completion", prefix="").status_code == 404
    cursor = send(radiologist, prefix="ab", cursor=3)
    assert (cursor.status_code, cursor.json()["detail"]) == (422, "the cursor stands at 3, the text has 2 characters.")


def test_a_model_that_is_away_is_named_and_nothing_hangs(house: House, radiologist: TestClient) -> None:
    def away(question: object) -> Any:
        raise Unavailable("the model server is away")

    house.models.answer = away  # type: ignore[attr-defined]
    radiologist.headers["accept-language"] = "de"
    (told,) = lines(send(radiologist, prefix=""))
    assert told["failed"] == "Nothing was completed: the model server is away."
    assert told["said"] == "Nichts wurde ergänzt: der Modellserver ist nicht erreichbar."


def test_a_fault_of_our_own_is_said_to_be_one_and_its_kind_is_logged_without_its_words(
    house: House, radiologist: TestClient
) -> None:
    def broken(question: object) -> Any:
        raise KeyError("words of a patient")

    house.models.answer = broken  # type: ignore[attr-defined]
    with capture_logs() as logged:
        (last,) = lines(send(radiologist, prefix=""))
    words = "Nothing was completed: the service itself failed (KeyError). Its log says where."
    assert last == {"failed": words, "said": words}
    (event,) = [one for one in logged if one["event"] == "completion failed"]
    assert (event["kind"], event["where"].endswith("in broken")) == ("KeyError", True)
    assert "patient" not in str(event)


@pytest.mark.parametrize("size", [60_001, 1_000_000])
def test_a_report_beyond_all_bounds_is_refused_in_words(size: int, radiologist: TestClient) -> None:
    answer = send(radiologist, prefix="a" * size)
    assert answer.status_code == 413
    assert "This re" in answer.text


def test_whoever_leaves_takes_the_question_back_and_the_model_stops(house: House) -> None:
    written = threading.Event()
    models = Endless(written.set)
    house.models = models  # type: ignore[assignment]
    asyncio.run(asyncio.wait_for(_leave_after_one_line(house), 60))
    assert written.is_set()  # and the executor could be waited for: the model has stopped


async def _leave_after_one_line(house: House) -> None:
    """As Starlette does when the connection is lost: the stream is closed, and the executor waits for its thread."""
    request = _request(house)
    answer = await completion(request, uid(2), CompletionShape(prefix=PREFIX))
    stream: Any = answer.body_iterator
    assert json.loads(await anext(stream))["text"] == " on"
    await stream.aclose()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert request.app.state.suggestions._writing == {}


def _request(house: House) -> Any:
    visitor = SimpleNamespace(account=SimpleNamespace(name="anna"), csrf="c")
    state = SimpleNamespace(services=house.services(), suggestions=Suggestions())
    return SimpleNamespace(
        app=SimpleNamespace(state=state),
        client=None,
        state=SimpleNamespace(visitor=visitor),
    )


def test_a_newer_question_of_the_same_person_takes_the_former_back() -> None:
    suggestions = Suggestions()
    first = suggestions.begin("anna")
    others = [suggestions.begin(name) for name in ("ben", "cem", "dee")]
    second = suggestions.begin("anna")
    assert (first.halted, second.halted, any(halt.halted for halt in others)) == (True, False, False)
    suggestions.end("anna", first)
    assert not second.halted
    with pytest.raises(Exception, match="Models are answering others"):
        [suggestions.begin(number) for number in range(MAX_WRITING)]


def test_whoever_is_at_work_hears_at_once_that_a_question_was_taken_back() -> None:
    halt, heard = Halt(), [0]
    halt.then(lambda: heard.append(1))
    assert heard == [0]
    halt()
    halt.then(lambda: heard.append(2))
    assert heard == [0, 1, 2]
    halt()
    assert heard == [0, 1, 2]
