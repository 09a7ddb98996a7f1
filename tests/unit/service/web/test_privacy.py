"""Patient data stands in the body of a page and nowhere else; who looked at it is recorded."""

from __future__ import annotations

import logging
import re

import httpx
import pytest

from service.domain.account import Role
from service.domain.audit import AuditKind
from service.domain.errors import Unavailable
from service.web.app import create_app
from service.web.search import PERSONAL
from tests.support.fake_house import House
from tests.support.serve import served
from tests.support.web_client import Tags, bearer, client, post, signed_in
from tests.support.web_records import uid
from tests.support.web_scene import hospital

CANARIES = ("Lindqvist", "Maja", "MRN70002", "A26-4402")
STUDY = f"/studies/{uid(2)}"


def pages(house: House) -> dict[str, str]:
    browser = signed_in(house)
    found = {path: browser.get(path).text for path in (STUDY, "/studies", "/operations", "/jobs", "/deliveries")}
    found["search"] = post(browser, "/studies", patient_name="Lindq").text
    return found


def test_the_canary_is_where_it_belongs() -> None:
    assert "Lindqvist" in pages(hospital())[STUDY]


def test_no_address_and_no_title_names_a_patient() -> None:
    for path, text in pages(hospital()).items():
        title = re.search(r"<title>(.*?)</title>", text)
        assert title
        addresses = [
            value or ""
            for _, attributes in Tags(text).tags
            for name, value in attributes.items()
            if name in {"href", "src", "action", "hx-post", "hx-sse:connect"}
        ]
        for canary in CANARIES:
            assert canary not in title.group(1), path
            assert not [address for address in addresses if canary in address], path


def test_what_may_name_a_patient_is_only_ever_posted() -> None:
    for path, text in pages(hospital()).items():
        forms = re.findall(r"<form[^>]*>.*?</form>", text, re.DOTALL)
        for form in forms:
            if any(f'name="{field}"' in form for field in PERSONAL):
                assert 'method="post"' in form, path
                assert "hx-get" not in form, path


def test_a_name_in_an_address_finds_nothing() -> None:
    house = hospital()
    signed_in(house).get("/studies?patient_name=Lindqvist&patient_id=MRN70002")
    asked = house.catalogue.asked[-1]
    assert (asked.patient_name, asked.patient_id) == ("", "")


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/healthz", "/operations", "/jobs", "/deliveries", "/audit"])
def test_what_is_not_about_one_patient_names_none(path: str) -> None:
    house = hospital()
    signed_in(house).get(STUDY)
    text = client(house).get(path, headers=bearer(house, Role.ADMIN, Role.AUDITOR)).text
    assert not [canary for canary in CANARIES if canary in text]


def test_metrics_have_no_label_that_grows_with_the_studies() -> None:
    house = hospital()
    text = client(house).get("/metrics", headers=bearer(house, Role.VIEWER)).text
    assert "1.2.826" not in text
    assert set(re.findall(r"(\w+)=\"", text)) <= {"lane", "state", "stage", "quantile", "node", "process", "host"}


def test_nothing_that_is_logged_or_audited_names_a_patient(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    house = hospital()
    caplog.set_level(logging.DEBUG)
    browser = signed_in(house)
    browser.get(STUDY)
    post(browser, "/studies", patient_name="Lindqvist", patient_id="MRN70002", accession_number="A26-4402")
    post(browser, "/studies", patient_name="Lindqvist", since="not a day Lindqvist")
    house.catalogue.record = broken  # type: ignore[method-assign,assignment]
    browser.get(STUDY)
    house.catalogue.studies = broken  # type: ignore[method-assign,assignment]
    post(browser, "/studies", patient_name="Lindqvist")
    house.catalogue.studies = buggy  # type: ignore[method-assign,assignment]
    assert browser.get("/studies").status_code == 500
    kept = caplog.text + "".join(capsys.readouterr()) + repr(house.audit.events)
    assert not [canary for canary in CANARIES if canary in kept]


def broken(*_: object, **__: object) -> None:
    raise Unavailable("the database is locked")


def buggy(*_: object, **__: object) -> None:
    raise KeyError("Lindqvist^Maja MRN70002")


def test_a_bug_is_logged_by_its_place_and_not_by_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    house = hospital()
    browser = signed_in(house)
    house.catalogue.record = buggy  # type: ignore[method-assign,assignment]
    with served(create_app(house.services(), watch_nodes=False)) as address:
        token = house.token(Role.VIEWER)
        answer = httpx.get(f"{address}{STUDY}", headers={"authorization": f"Bearer {token}"})
    said = "".join(capsys.readouterr())
    assert answer.status_code == 500
    assert "test_privacy.py" in said
    assert not [canary for canary in CANARIES if canary in said + answer.text]
    assert browser.get(STUDY).status_code == 500


def test_every_view_of_a_study_is_an_event() -> None:
    house = hospital()
    browser = signed_in(house)
    browser.get(STUDY)
    client(house).get(f"/api{STUDY}", headers=bearer(house, Role.VIEWER))
    client(house).get(f"/api{STUDY}/explanation", headers=bearer(house, Role.VIEWER))
    views = [event for event in house.audit.events if event.kind is AuditKind.INSTANCES_ACCESSED]
    assert [event.study_instance_uid for event in views] == [uid(2)] * 3
    assert {event.who for event in views} == {"anna"}


def test_a_search_by_patient_is_an_event_that_does_not_repeat_the_name() -> None:
    house = hospital()
    post(signed_in(house), "/studies", patient_name="Lindqvist")
    event = house.audit.events[-1]
    assert (event.kind, event.detail) == (AuditKind.QUERY, "searched by patient_name")


def test_a_view_that_cannot_be_audited_does_not_happen() -> None:
    house = hospital()
    browser = signed_in(house)
    house.audit.record = broken  # type: ignore[method-assign,assignment]
    answer = browser.get(STUDY)
    assert answer.status_code == 503
    assert "Lindqvist" not in answer.text


def test_every_answer_forbids_what_no_page_needs() -> None:
    house = hospital()
    browser = signed_in(house)
    for path in ("/operations", STUDY, "/nothing", "/static/app.js", "/healthz", "/api/jobs", "/sign-in"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers


def test_pages_are_not_kept_by_the_browser_but_the_style_sheet_is() -> None:
    browser = signed_in(hospital())
    assert browser.get(STUDY).headers["cache-control"] == "no-store"
    assert "immutable" in browser.get("/static/app.css").headers["cache-control"]
