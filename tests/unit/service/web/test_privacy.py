"""Patient data stands in the body of a page and nowhere else; who looked at it is recorded."""

from __future__ import annotations

import logging
import re
from dataclasses import replace

import httpx
import pytest

from service.domain.account import Role
from service.domain.audit import AuditKind
from service.domain.errors import Unavailable
from service.web.app import create_app
from service.web.pages import study
from service.web.search import PERSONAL
from tests.support.fake_house import NOW, House
from tests.support.serve import served
from tests.support.web_client import Tags, bearer, client, csrf_of, post, signed_in
from tests.support.web_records import uid
from tests.support.web_scene import done, hospital, reading

CANARIES = ("Lindqvist", "Maja", "MRN70002", "A26-4402")
STUDY = f"/studies/{uid(2)}"


def pages(house: House) -> dict[str, str]:
    browser = signed_in(house)
    answers = {path: browser.get(path) for path in (STUDY, "/studies", "/operations", "/jobs", "/deliveries")}
    answers["search"] = post(browser, "/studies", patient_name="Lindq")
    assert {answer.status_code for answer in answers.values()} == {200}, answers
    return {path: answer.text for path, answer in answers.items()}


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
    naming = {
        path: form
        for path, text in pages(hospital()).items()
        for form in re.findall(r"<form[^>]*>.*?</form>", text, re.DOTALL)
        if any(f'name="{field}"' in form for field in PERSONAL)
    }
    assert set(naming) == {"/studies", "search"}
    for path, form in naming.items():
        assert 'method="post"' in form, path
        assert "hx-get" not in form, path


def test_a_name_in_an_address_finds_nothing() -> None:
    house = hospital()
    signed_in(house).get("/studies?patient_name=Lindqvist&patient_id=MRN70002")
    asked = house.catalogue.asked[-1]
    assert (asked.patient_name, asked.patient_id) == ("", "")


@pytest.mark.parametrize(
    "path",
    [
        "/metrics", "/readyz", "/healthz", "/operations", "/jobs", "/deliveries", "/configuration", "/models", "/audit",
        "/api/jobs", "/api/deliveries", "/api/config", "/api/health", "/api/openapi.json",
    ],
)  # fmt: skip
def test_what_is_not_about_one_patient_names_none(path: str) -> None:
    house = hospital()
    signed_in(house).get(STUDY)
    answer = client(house).get(path, headers=bearer(house, Role.ADMIN, Role.AUDITOR))
    assert answer.status_code == 200
    assert answer.text
    assert not [canary for canary in CANARIES if canary in answer.text]


def test_metrics_have_no_label_that_grows_with_the_studies() -> None:
    house = hospital()
    text = client(house).get("/metrics", headers=bearer(house, Role.VIEWER)).text
    labels = set(re.findall(r"(\w+)=\"", text))
    assert "1.2.826" not in text
    assert "lane" in labels
    assert labels <= {"lane", "state", "stage", "quantile", "node", "process", "host"}


def test_nothing_that_is_logged_or_audited_names_a_patient(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    house = hospital()
    caplog.set_level(logging.DEBUG)
    browser = signed_in(house)
    secret = csrf_of(browser.get(STUDY))
    post(browser, "/studies", patient_name="Lindqvist", patient_id="MRN70002", accession_number="A26-4402")
    post(browser, "/studies", patient_name="Lindqvist", since="not a day Lindqvist")
    house.catalogue.record = broken  # type: ignore[method-assign,assignment]
    browser.get(STUDY)
    house.catalogue.studies = broken  # type: ignore[method-assign,assignment]
    browser.post("/studies", data={"csrf": secret, "patient_name": "Lindqvist"})
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
        answer = httpx.get(f"{address}{STUDY}", headers={"authorization": f"Bearer {token}"}, timeout=60)
    said = "".join(capsys.readouterr())
    assert answer.status_code == 500
    assert "test_privacy.py" in said
    assert not [canary for canary in CANARIES if canary in said + answer.text]
    assert browser.get(STUDY).status_code == 500


def test_every_view_of_a_study_is_an_event() -> None:
    house = hospital()
    browser = signed_in(house)
    program, headers = client(house), bearer(house, Role.VIEWER)
    answers = [
        browser.get(STUDY),
        program.get(f"/api{STUDY}", headers=headers),
        program.get(f"/api{STUDY}/explanation", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [200] * 3
    views = [event for event in house.audit.events if event.kind is AuditKind.INSTANCES_ACCESSED]
    assert [event.study_instance_uid for event in views] == [uid(2)] * 3
    assert {event.who for event in views} == {"anna"}


LISTS: list[tuple[str, dict[str, str], str]] = [
    ("", {}, "newest; 8 studies listed"),
    ("?state=attention", {}, "searched by state; 2 studies listed"),
    ("?modality=CT", {}, "searched by modality; 1 study listed"),
    ("", {"state": "done", "modality": "CT"}, "searched by modality, state; 1 study listed"),
    ("", {"study_instance_uid": uid(2)}, "searched by study_instance_uid; 1 study listed"),
    ("", {"since": "2026-03-04", "until": "2026-03-04"}, "searched by since, until; 8 studies listed"),
    ("", {"patient_name": "Lindqvist"}, "searched by patient_name; 1 study listed"),
    ("", {"patient_id": "MRN7", "accession_number": "Lindqvist"},
     "searched by patient_id, accession_number; 0 studies listed"),
    ("", {"modality": "Lindqvist"}, "searched by modality; 0 studies listed"),
    ("", {"before_at": NOW.isoformat(), "before_uid": "1.2"}, "newest, an older page; 8 studies listed"),
]  # fmt: skip
"""What is asked (in the address, or as a form where there is one), and what the record says of it."""


@pytest.mark.parametrize(("address", "form", "said"), LISTS)
def test_every_list_of_studies_is_an_event(address: str, form: dict[str, str], said: str) -> None:
    house = hospital()
    browser = signed_in(house)
    secret = csrf_of(browser.get(STUDY))
    program, headers = client(house), bearer(house, Role.VIEWER)
    if form:
        answers = [
            browser.post("/studies", data={"csrf": secret, **form}),
            program.post("/api/studies/search", json=form, headers=headers),
        ]
    else:
        answers = [browser.get(f"/studies{address}"), program.get(f"/api/studies{address}", headers=headers)]
    assert [answer.status_code for answer in answers] == [200, 200]
    events = [event for event in house.audit.events if event.kind is AuditKind.QUERY]
    assert [(event.who, event.where, event.detail) for event in events] == [("anna", "10.9.8.7", said)] * 2


def test_a_live_view_is_one_event_however_often_it_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "EVERY_S", 0)
    house = hospital()
    browser = signed_in(house)
    looks = iter([reading(), reading(), replace(reading(), identity_version=2), done()])
    house.catalogue.record = lambda _: next(looks)  # type: ignore[method-assign]
    sent = browser.get(f"/studies/{uid(3)}/live").text
    assert sent.count('class="head person"') == 3
    views = [event for event in house.audit.events if event.kind is AuditKind.INSTANCES_ACCESSED]
    assert [(event.study_instance_uid, event.detail) for event in views] == [(uid(3), "live view")]


@pytest.mark.parametrize(
    "path", [STUDY, f"{STUDY}/live", f"/api{STUDY}", f"/api{STUDY}/explanation", "/studies", "/api/studies"]
)
def test_a_view_that_cannot_be_audited_does_not_happen(path: str) -> None:
    house = hospital()
    browser = signed_in(house)
    house.audit.record = broken  # type: ignore[method-assign,assignment]
    answer = browser.get(path)
    assert answer.status_code == 503
    assert not [canary for canary in CANARIES if canary in answer.text]


@pytest.mark.parametrize("path", ["/studies", "/api/studies/search"])
def test_a_search_that_cannot_be_audited_finds_nothing(path: str) -> None:
    house = hospital()
    browser = signed_in(house)
    secret = csrf_of(browser.get(STUDY))
    house.audit.record = broken  # type: ignore[method-assign,assignment]
    form = {"data": {"csrf": secret}} if path == "/studies" else {"json": {}, "headers": {"x-csrf-token": secret}}
    answer = browser.post(path, **form)  # type: ignore[arg-type]
    assert answer.status_code == 503
    assert not [canary for canary in CANARIES if canary in answer.text]


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
