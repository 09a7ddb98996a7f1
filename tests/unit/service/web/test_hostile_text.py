"""Text from outside stays text: on every page, in every field, whatever it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any
from urllib.parse import quote

import pytest
from pydicom.uid import UID

from service.domain.edit import Edit, EditClass
from service.domain.report import Report
from service.domain.returned import Arrived, Returned
from service.domain.review import Observer, Review, Verdict
from service.flow.record import report_json
from service.ports.catalogue import JobRecord
from service.web.live import message
from tests.support.fake_house import NOW, House
from tests.support.web_client import Tags, csrf_of, post, signed_in
from tests.support.web_records import draft, uid
from tests.support.web_scene import hospital

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "</title></style></textarea><svg/onload=alert(1)>",
    "{{7*7}}{% raw %}${7*7}",
    "javascript:alert(1)//",
    "<!--<base href=//evil.example>-->",
    "data: x\r\n\r\nevent: evil\r\ndata: <img src=x>",
)
KEEP = {
    "job_id", "delivery_id", "state", "outcome", "location", "sha256", "url", "networks", "provenance", "report",
    "study_date", "birth_date", "lane", "language", "ae_title",
}  # fmt: skip
PAGES = (
    "/worklist", "/operations", "/studies", "/jobs", "/deliveries", "/configuration", "/models", "/audit",
    *(f"/studies/1.2.826.0.1.3680043.10.1001.{number}" for number in range(1, 9)),
    *(f"/studies/1.2.826.0.1.3680043.10.1001.{number}/review" for number in (2, 4, 7, 8)),
    "/studies/1.2.826.0.1.3680043.10.1001.2/template",
)  # fmt: skip


SIGNED = Review(
    study_instance_uid=uid(4), job_id="j-4", number=1, verdict=Verdict.SIGNED, at=NOW, text="signed",
    observer=Observer(name="Weiß", organization="Clinic"),
)  # fmt: skip
RETURNED = Returned(
    arrived=Arrived(
        sop_instance_uid=UID("1.2.9"), study_instance_uid=uid(8), location="main:x", source="viewer", at=NOW
    ),
    words="changed", job_id="j-8", person="Weiß", verified=True, text="text",
    edits=(Edit(at=0, before="before", after="after", classes=(EditClass.REWORD,)),),
)  # fmt: skip


def poisoned(thing: Any, text: str) -> Any:
    """A copy of `thing` in which every free text is `text`."""
    if isinstance(thing, (UID, Enum)):
        return thing
    if isinstance(thing, str):
        return text
    if isinstance(thing, tuple | list):
        return type(thing)(poisoned(one, text) for one in thing)
    if isinstance(thing, Mapping):
        return {key: poisoned(value, text) for key, value in thing.items()}
    if isinstance(thing, JobRecord):
        thing = replace(thing, report=report_json(poisoned(draft(1), text)) if thing.report else "")
    if is_dataclass(thing) and not isinstance(thing, type):
        return replace(thing, **dict(_changes(thing, text)))
    return thing


def _changes(thing: Any, text: str) -> Iterator[tuple[str, Any]]:
    skip = KEEP | ({"tracking_id"} if isinstance(thing, Report) else set())
    for one in fields(thing):
        value = getattr(thing, one.name)
        if one.name == "findings" and value and isinstance(value[0], str):
            continue
        if one.name not in skip | {"tracking_id"} and one.init:
            yield one.name, poisoned(value, text)


def poisoned_hospital(text: str) -> House:
    house = hospital()
    house.catalogue.records = poisoned(house.catalogue.records, text)
    house.catalogue.stages = poisoned(house.catalogue.stages, text)
    house.configurations.versions = poisoned(house.configurations.versions, text)
    house.ledger.alive = poisoned(house.ledger.alive, text)
    house.ledger.known = {uid: poisoned(study, text) for uid, study in house.ledger.known.items()}
    house.models.server = poisoned(house.models.server, text)
    house.models.cards = {text: poisoned(next(iter(house.models.cards.values())), text)}
    house.nodes.down = {text}
    house.signing.kept = [poisoned(each, text) for each in (SIGNED, replace(SIGNED, number=2, verdict=Verdict.ADDED))]
    house.returning.kept = [replace(poisoned(RETURNED, text), arrived=RETURNED.arrived)]
    return house


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_page_carries_out_what_a_field_says(payload: str) -> None:
    house = poisoned_hospital(payload)
    browser = signed_in(house)
    for page in PAGES:
        answer = browser.get(page)
        assert answer.status_code == 200, (page, answer.text[-500:])
        harmless(answer.text, page)
    seen = browser.get("/studies").text
    assert Tags(seen).text.count(payload.split("\r")[0].split("=")[0]) > 0, "the payload was not shown at all"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_was_searched_comes_back_as_text(payload: str) -> None:
    browser = signed_in(hospital())
    answer = post(browser, "/studies", patient_name=payload, patient_id=payload, accession_number=payload)
    assert answer.status_code == 200
    harmless(answer.text, "search")
    values = [attributes.get("value") for tag, attributes in Tags(answer.text).tags if tag == "input"]
    assert any((value or "").replace("\n", "").startswith(payload[:8]) for value in values)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_names_in_addresses_come_back_as_text(payload: str) -> None:
    browser = signed_in(hospital())
    for path in (f"/studies/{payload}", f"/{payload}", f"/studies?state={payload}", f"/sign-in?next={payload}"):
        answer = browser.get(path.replace("#", "%23").replace("\r\n", "%0D%0A"))
        assert answer.status_code < 500
        harmless(answer.text, path)
    secret = csrf_of(browser.get("/studies"))
    name = quote(payload, safe="")
    harmless(browser.post(f"/nodes/{name}/echo", data={"csrf": secret}).text, "echo")
    harmless(browser.post(f"/jobs/{name}/rerun", data={"csrf": secret, "back": payload}).text, "rerun")


def harmless(text: str, page: str) -> None:
    for tag, attributes in Tags(text).tags:
        assert tag not in {"base", "iframe", "object", "embed", "style"}, page
        if tag == "script":
            assert (attributes.get("src") or "").startswith("/static/"), page
        for name, value in attributes.items():
            assert not name.startswith("on"), (page, tag, name)
            assert name != "style", (page, tag)
            if name in {"href", "src", "action", "hx-post", "hx-get", "formaction", "hx-sse:connect"}:
                assert (value or "").startswith(("/", "#main")), (page, tag, name, value)
                assert not (value or "").startswith("//"), (page, tag, name, value)


def test_a_stream_message_cannot_be_broken_out_of() -> None:
    sent = message("<p>one\r\nevent: evil\r\n\r\ndata: two\u2028three\x85four</p>")
    assert all(line.startswith("data: ") for line in sent.rstrip("\n").split("\n"))
    assert sent.endswith("\n\n")
    assert "\r" not in sent
