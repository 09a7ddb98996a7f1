"""The AI after the first read: nothing of a draft is on a page before the radiologist has noted an impression."""

from __future__ import annotations

import pytest

from service.domain.account import Role
from service.settings import Settings, Site
from tests.support.fake_house import House
from tests.support.web_client import PAGE, TestClient, client, csrf_of, signed_in, text_of
from tests.support.web_records import uid
from tests.support.web_scene import hospital

STUDY = f"/studies/{uid(2)}"
PATH = f"{STUDY}/review"
SAID = ("pleural effusion", "Pleural effusion", "Enlarged heart", "pneumothorax")


@pytest.fixture
def house() -> House:
    made = hospital()
    made.settings = Settings(site=Site(ai_after_first_read=True))
    return made


@pytest.fixture
def radiologist(house: House) -> TestClient:
    return signed_in(house, Role.RADIOLOGIST)


def note(person: TestClient, words: str) -> None:
    form = {"csrf": csrf_of(person.get(PATH)), "impression": words, "seconds": "31"}
    answer = person.post(f"{PATH}/j-2/impression", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}?job=j-2")


def test_a_radiologist_sees_nothing_of_the_ai_before_the_first_impression(radiologist: TestClient) -> None:
    review, study = radiologist.get(PATH).text, radiologist.get(STUDY).text
    assert "Your first impression" in review
    assert "It is shown after your first read" in study
    for said in SAID:
        assert said not in review
        assert said not in study
    for other in ("complete.js", "quality.js", "sign.js", "chest_demo", "Second opinion"):
        assert other not in review
    answer = radiologist.get(f"{STUDY}/template")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}?job=j-2")


def test_the_impression_is_kept_in_the_edit_log_and_shown_beside_the_draft(
    house: House, radiologist: TestClient
) -> None:
    note(radiologist, "  Left <i>effusion</i>. ")
    (revision,) = house.edits.kept["j-2"].revisions
    assert (revision.impression, revision.edits, revision.seconds) == ("Left <i>effusion</i>.", (), 31)
    assert revision.before_sha256 == revision.after_sha256
    assert house.edits.kept["j-2"].saves == ()
    assert "first impression of job j-2 noted" in house.audit.events[-1].detail
    assert "effusion" not in house.audit.events[-1].detail
    page = radiologist.get(PATH).text
    assert "Left &lt;i&gt;effusion&lt;/i&gt;." in page
    assert "Enlarged heart" in page
    assert "Enlarged heart" in radiologist.get(STUDY).text
    assert radiologist.get(f"{STUDY}/template").status_code == 200


def test_who_has_nothing_to_note_says_so_and_each_reader_is_asked(house: House, radiologist: TestClient) -> None:
    note(radiologist, "")
    assert "Nothing to note." in radiologist.get(PATH).text
    colleague = signed_in_as(house, "b.colleague")
    assert "Your first impression" in colleague.get(PATH).text
    assert "Enlarged heart" not in colleague.get(PATH).text


def test_other_roles_and_other_sites_see_the_draft_at_once(house: House) -> None:
    assert "Enlarged heart" in text_of(house, PATH, Role.VIEWER)
    house.settings = Settings()
    assert "Enlarged heart" in text_of(house, PATH, Role.RADIOLOGIST)


def signed_in_as(house: House, name: str) -> TestClient:
    browser = client(house)
    browser.headers.update(PAGE)
    assert browser.post("/sign-in", data={"token": house.token(Role.RADIOLOGIST, name=name)}).status_code == 303
    return browser


@pytest.mark.parametrize("asked", ["quality", "tasks/impression", "completion"])
def test_what_is_derived_from_the_draft_waits_too(radiologist: TestClient, asked: str) -> None:
    headers = {"X-CSRF-Token": csrf_of(radiologist.get(PATH))}
    answer = radiologist.post(
        f"/api{STUDY}/{asked}", json={"prefix": ""} if asked == "completion" else {}, headers=headers
    )
    assert answer.status_code == 409, answer.text
    assert "before your first read" in answer.text
