"""Which language a page is in, and how a visitor changes it."""

from __future__ import annotations

import pytest

from service.settings import Settings, Web
from service.web.languages.language import Language, accepted
from tests.support.fake_house import House
from tests.support.web_client import PAGE, client, signed_in
from tests.support.web_scene import hospital


@pytest.mark.parametrize(
    ("header", "language"),
    [("de", Language.DE), ("de-CH,fr;q=0.9", Language.DE), ("en-US,en;q=0.9,de;q=0.8", Language.EN),
     ("fr, de;q=0.3, en;q=0.2", Language.DE), ("fr", None), ("", None), ("*", None), ("de;q=0, en;q=0.1", Language.EN),
     ("de;q=x", None), ("de ; q=0.4", Language.DE), ("," * 400, None)],
)  # fmt: skip
def test_a_browser_asks_by_its_weights(header: str, language: Language | None) -> None:
    assert accepted(header) is language


def test_a_page_says_which_language_it_is_in_and_on_what_that_depends() -> None:
    answer = client(House()).get("/sign-in", headers={**PAGE, "accept-language": "de-DE"})
    assert '<html lang="de">' in answer.text
    assert "Zugangstoken" in answer.text
    assert answer.headers["content-language"] == "de"
    assert answer.headers["vary"] == "Accept-Language, Cookie"
    assert answer.headers["cache-control"] == "no-store"


def test_the_switch_needs_no_script_and_no_account_and_wins_over_the_browser() -> None:
    browser = client(House())
    browser.headers.update({**PAGE, "accept-language": "en"})
    answer = browser.post("/language", data={"language": "de", "back": "/sign-in?next=/models"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/models")
    assert '<html lang="de">' in browser.get("/sign-in").text


def test_the_switch_leads_nowhere_else_and_knows_its_languages() -> None:
    browser = client(House())
    assert browser.post("/language", data={"language": "de", "back": "//evil.test"}).headers["location"] == "/"
    assert browser.post("/language", data={"language": "xx"}).status_code == 422


def test_a_visitor_who_asks_for_nothing_reads_the_site_s_language() -> None:
    house = House()
    house.settings = replace_web(house.settings, language="de")
    assert '<html lang="de">' in client(house).get("/sign-in", headers=PAGE).text


def replace_web(settings: Settings, **values: object) -> Settings:
    return settings.model_copy(update={"web": Web(**{**settings.web.model_dump(), **values})})


def test_an_answer_to_a_form_has_no_switch_because_it_cannot_be_asked_again() -> None:
    browser = signed_in(hospital())
    assert 'action="/language"' in browser.get("/studies?state=done").text
    assert 'value="/studies?state=done"' in browser.get("/studies?state=done").text
    assert 'action="/language"' not in browser.post("/studies", data={"csrf": "x"}).text


def test_what_programs_read_is_english_whatever_they_accept() -> None:
    house = hospital()
    answer = client(house).get("/api/studies", headers={"accept-language": "de"})
    assert answer.json()["detail"].startswith("Sign in first")


def test_a_language_script_is_kept_by_browsers_and_changes_with_the_language() -> None:
    browser = client(House())
    for language in Language:
        answer = browser.get(f"/static/language.{language.value}.js")
        assert answer.headers["content-type"].startswith("text/javascript")
        assert "immutable" in answer.headers["cache-control"]
    assert browser.get("/static/language.xx.js").status_code == 404
