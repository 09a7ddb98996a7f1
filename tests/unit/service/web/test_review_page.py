"""The review page and what it takes: shown to viewers, changed by a radiologist, recorded either way."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from httpx import Response

from service.domain.account import Role
from service.domain.audit import AuditKind
from service.domain.edit import EditClass, text_digest
from service.domain.errors import Unavailable
from service.flow.review import draft_text
from service.web.languages.language import Language
from service.web.rendering import environment
from tests.support.fake_house import House
from tests.support.web_client import Tags, TestClient, bearer, client, csrf_of, signed_in, text_of
from tests.support.web_records import draft, uid
from tests.support.web_scene import hospital

PATH = f"/studies/{uid(2)}/review"
SAVE = f"{PATH}/j-2"
LINES = [["findings", "Small right pleural effusion."], ["conclusions", "Effusion."]]
BASE = text_digest(draft_text(draft(2)))


@pytest.fixture
def house() -> House:
    return hospital()


@pytest.fixture
def radiologist(house: House) -> TestClient:
    return signed_in(house, Role.RADIOLOGIST)


def send(person: TestClient, **fields: str) -> Response:
    form = {"csrf": csrf_of(person.get("/studies")), "base": BASE, "lines": json.dumps(LINES), "seconds": "12.5"}
    return person.post(SAVE, data=form | {"accepted": "1"} | fields, headers={"accept": "application/json"})


def test_a_draft_is_preliminary_and_each_sentence_says_who_wrote_it(house: House) -> None:
    said = text_of(house, PATH, Role.VIEWER)
    assert "PRELIMINARY AI DRAFT - not read by a radiologist." in said
    assert said.count(" AI Pleural effusion 87 %") == 2
    assert "To change a report, sign in with the role radiologist." in said


def test_the_help_lists_the_keys_of_review_where_review_is_open(house: House) -> None:
    browser = signed_in(house, Role.RADIOLOGIST)
    keys = {path: browser.get(path).text.partition('<dialog id="keys"')[2].partition("</dialog>")[0]
            for path in (PATH, "/studies")}  # fmt: skip
    here = " ".join(Tags(keys[PATH]).text.split())
    for key in ("a e x o accept, edit, reject", "s save", "X reject the draft; it asks first",
                "Tab Ctrl → Esc while", "q second opinion", "d u dismiss the issue", "w ask", "n next case",
                "1 … 6 windows", "i l b m"):  # fmt: skip
        assert key in here, key
    assert "On Review" not in keys["/studies"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (Language.EN, "Rib fracture absent (41 % present)"),
        (Language.DE, "Rib fracture nicht vorhanden (zu 41 % vorhanden)"),
    ],
)
def test_a_probability_of_what_is_absent_says_of_what_it_is(language: Language, said: str) -> None:
    effusion, *_, pneumothorax = draft(2).findings
    fracture = replace(pneumothorax, concept=replace(pneumothorax.concept, meaning="Rib fracture"), probability=0.41)
    shown = environment(language).from_string('{% import "macros.html" as m %}{{ m.certain(one) }}')
    assert " ".join(Tags(shown.render(one=fracture)).text.split()) == said
    assert " ".join(Tags(shown.render(one=effusion)).text.split()) == "Pleural effusion 87 %"


def test_a_study_without_a_draft_has_no_review(house: House) -> None:
    for path in (f"/studies/{uid(6)}/review", "/studies/1.2.3/review", f"{PATH}?job=j-4"):
        assert signed_in(house).get(path).status_code == 404


def test_what_a_radiologist_saves_is_a_revision_and_an_event(house: House, radiologist: TestClient) -> None:
    assert send(radiologist).json() == {"saved": True}
    (revision,) = house.edits.kept["j-2"].revisions
    assert house.edits.kept["j-2"].text == ("Findings:\nSmall right pleural effusion.\nConclusions:\nEffusion.\n")
    assert EditClass.LATERALITY in revision.edits[0].classes
    assert (revision.reviewer, revision.seconds, revision.accepted) == ("anna", 12.5, 1)
    event = house.audit.events[-1]
    assert (event.kind, event.action, event.study_instance_uid) == (AuditKind.APPLICATION_ACTIVITY, "U", uid(2))
    assert event.detail == "report of job j-2 saved, edit log memory#1"
    said = text_of(house, PATH, Role.VIEWER)
    assert "Small right pleural effusion. edited" in said
    assert "Saved 1 time, last by anna" in said


def test_the_second_of_two_is_told_and_the_first_stands(house: House, radiologist: TestClient) -> None:
    assert send(radiologist).status_code == 200
    answer = send(radiologist, lines="[]")
    assert answer.status_code == 409
    assert "Somebody else has saved" in answer.json()["detail"]
    assert len(house.edits.kept["j-2"].revisions) == 1


@pytest.mark.parametrize("lines", ["", "x", "{}1", "[1]", '[["nowhere", "x"]]', "[" * 5000, '[["findings"]]', "null"])
def test_lines_that_cannot_be_read_are_refused(house: House, radiologist: TestClient, lines: str) -> None:
    assert send(radiologist, lines=lines).status_code == 422
    assert house.edits.kept == {}


@pytest.mark.parametrize("odd", ["", "-1", "nan", "inf", "1e999", "soon"])
def test_odd_numbers_of_a_form_do_no_harm(house: House, radiologist: TestClient, odd: str) -> None:
    assert send(radiologist, seconds=odd, accepted=odd).status_code == 200
    (revision,) = house.edits.kept["j-2"].revisions
    assert (revision.seconds, revision.accepted) == (0.0, 0)


def test_a_program_cannot_change_a_report(house: House) -> None:
    answer = client(house).post(SAVE, data={"lines": "[]", "base": BASE}, headers=bearer(house, *Role))
    assert answer.status_code == 403
    assert house.edits.kept == {}


def test_a_form_from_elsewhere_changes_nothing(house: House, radiologist: TestClient) -> None:
    assert send(radiologist, csrf="0" * 64).status_code == 403
    assert house.edits.kept == {}


def test_what_cannot_be_recorded_is_not_saved(house: House, radiologist: TestClient) -> None:
    form = {"csrf": csrf_of(radiologist.get("/studies")), "base": BASE, "lines": "[]"}

    def away(event: object) -> None:
        raise Unavailable("the database is locked")

    house.audit.record = away  # type: ignore[method-assign]
    assert radiologist.post(SAVE, data=form).status_code == 503
    assert house.edits.kept == {}


def test_a_draft_that_this_version_cannot_read_is_said_to_be_so(house: House) -> None:
    (record,) = (each for each in house.catalogue.records if each.row.study_instance_uid == uid(2))
    broken = replace(record, jobs=tuple(replace(job, report="{}") for job in record.jobs))
    house.catalogue.records = [broken]
    answer = signed_in(house).get(PATH)
    assert answer.status_code == 409
    assert "cannot be shown" in answer.text
