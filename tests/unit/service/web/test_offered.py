"""No page offers what its door refuses: every button and form of a page, in each state and for each role, is carried
out. Reports are signed, rejected, withdrawn, in shadow, drafted by no model, not readable; deliveries and jobs are
overtaken or rest on rejected images."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from httpx import Response

from service.adapters.templates.shelf import OURS, read_template
from service.domain.account import Role
from service.domain.delivery import DeliveryState
from service.domain.edit import text_digest
from service.domain.job import JobState
from service.domain.report import Outcome
from service.domain.rule import Mode
from service.flow.review import draft_text
from service.ports.catalogue import JobRecord
from service.ports.templates import MemoryTemplates
from service.settings import Settings, Site
from tests.support.fake_house import House
from tests.support.web_client import Tags, TestClient, csrf_of, signed_in, text_of
from tests.support.web_records import VERSION, delivery, draft, job, uid
from tests.support.web_scene import finished, hospital

STUDY = f"/studies/{uid(2)}"
REVIEW, TEMPLATE = f"{STUDY}/review", f"{STUDY}/template"
REPORT = f"/api{STUDY}/reports/j-2"
BASE = text_digest(draft_text(draft(2)))
LINES = [["findings", "Small right pleural effusion."]]
REFUSED = {403, 404, 409}
UNREAD = replace(draft(2), outcome=Outcome.NOT_ANALYSED, findings=(), sentences=(), reason="not a chest")
FORM = {"name": "any", "field-findings-text": "No nodule.", "field-conclusion": "Normal.", "act": "put", "checked": "1"}


@pytest.fixture
def house() -> House:
    made = hospital()
    made.settings = Settings(site=Site(institution="Example Clinic"))
    made.templates = MemoryTemplates(read_template(OURS / "any.html"))
    made.configurations.versions = [replace(VERSION, number=number) for number in range(1, VERSION.number + 1)]
    return made


class Offers(HTMLParser):
    """Links of a page, and forms that it sends by POST, each with what its fields hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.sent: list[tuple[str, dict[str, str]]] = []
        self._open = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = told.get("method") == "post"
            if self._open:
                self.sent.append((told["action"], {}))
        elif tag == "a" and told.get("href", "").startswith("/"):
            self.links.add(told["href"])
        elif self._open and told.get("name"):
            self.sent[-1][1].setdefault(told["name"], told.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "form"


def change(house: House, *jobs: JobRecord) -> None:
    """Let study 2 have these jobs."""
    house.ledger.jobs |= {each.job.job_id: each.job for each in jobs}
    house.catalogue.records = [
        replace(each, jobs=jobs) if each.row.study_instance_uid == uid(2) else each for each in house.catalogue.records
    ]


def reading(house: House) -> JobRecord:
    return next(each for each in house.catalogue.records if each.row.study_instance_uid == uid(2)).jobs[0]


def put(person: TestClient, **fields: str) -> Response:
    shown = person.get(f"{TEMPLATE}?name=any").text
    base = re.search(r'name="base" value="(\w+)"', shown)
    given = FORM | {"csrf": csrf_of(person.get("/studies")), "base": base.group(1) if base else "", "seen": "0"}
    return person.post(f"{TEMPLATE}/j-2", data=given | fields)


def send(person: TestClient, what: str, **body: object) -> Response:
    return person.post(f"{REPORT}/{what}", json=body, headers={"x-csrf-token": csrf_of(person.get("/studies"))})


def a_draft(house: House) -> None:
    pass


def filled_and_signed(house: House) -> None:
    person = signed_in(house, Role.RADIOLOGIST, name="berta")
    assert put(person).status_code == 303
    history = house.edits.kept["j-2"]
    lines = [["findings", "No nodule."], ["conclusions", "Normal."]]
    answer = send(person, "signature", base=text_digest(history.text), lines=lines, forms=[])
    assert answer.status_code == 200, answer.text


def signed(house: House) -> None:
    person = signed_in(house, Role.RADIOLOGIST, name="berta")
    assert send(person, "signature", base=BASE, lines=LINES).status_code == 200


def signed_but_not_written(house: House) -> None:
    signed(house)
    later = replace(job(2, JobState.CANCELED, minutes=1, reason="no disk"), generation=0)
    encoding = replace(later, job=replace(later.job, job_id="j-2b"))
    first = reading(house)
    change(house, replace(first, generation=2, job=replace(first.job, job_id="2")), replace(encoding, generation=2))
    house.signing.kept[:] = [replace(each, job_id="2") for each in house.signing.kept]


def rejected(house: House) -> None:
    person = signed_in(house, Role.RADIOLOGIST, name="berta")
    assert send(person, "rejection", base=BASE, reason="Wrong side.").status_code == 200
    withdrawn(house)


def withdrawn(house: House) -> None:
    first = reading(house)
    change(house, replace(first, job=replace(first.job, state=JobState.RECALLED, reason="recalled by anna")))


def in_shadow(house: House) -> None:
    first = reading(house)
    change(house, replace(first, job=replace(first.job, mode=Mode.SHADOW)))


def of_no_model(house: House) -> None:
    change(house, job(2, JobState.COMPLETED, report=UNREAD))


def not_readable(house: House) -> None:
    change(house, replace(reading(house), report="{}"))


def nobody_to_sign_for(house: House) -> None:
    house.settings = Settings()


def images_rejected_since(house: House) -> None:
    change(house, replace(reading(house), on_rejected=True))


STATES: dict[str, Callable[[House], None]] = {
    each.__name__: each
    for each in (
        a_draft, signed, filled_and_signed, signed_but_not_written, rejected, withdrawn, in_shadow, of_no_model,
        not_readable, nobody_to_sign_for, images_rejected_since,
    )
}  # fmt: skip
BOTH = (Role.RADIOLOGIST, Role.OPERATOR)
OF_A_STUDY = (STUDY, REVIEW, TEMPLATE, "/jobs")
OF_ALL = ("/operations", "/worklist", "/studies", "/jobs", "/deliveries", "/configuration", "/models", "/audit")
ELSEWHERE = {"/sign-out", "/language"}


def buttons(text: str) -> set[str]:
    """What sign.js and review.js may send, by the names of their buttons."""
    return set(re.findall(r'data-(?:sign|act)="(\w+)"', text))


@pytest.mark.parametrize("state", STATES)
def test_what_pages_of_a_study_link_to_or_send_is_not_refused_in_any_state(house: House, state: str) -> None:
    STATES[state](house)
    carried_out(signed_in(house, *BOTH), OF_A_STUDY, of=str(uid(2)))
    if state in {"a_draft", "filled_and_signed"}:
        carried_out(signed_in(house, Role.VIEWER), OF_A_STUDY, of=str(uid(2)))


@pytest.mark.parametrize("roles", [(Role.VIEWER,), BOTH, (Role.AUDITOR,)])
def test_what_the_other_pages_link_to_or_send_is_not_refused(house: House, roles: tuple[Role, ...]) -> None:
    carried_out(signed_in(house, *roles), OF_ALL)


def carried_out(person: TestClient, pages: Sequence[str], *, of: str = "") -> None:
    """Follow every link and send every form of the pages, as far as `of` is in their address."""
    done: set[str] = set(ELSEWHERE)
    for path in pages:
        shown = person.get(path)
        if shown.status_code in REFUSED:
            continue  # what leads there is followed where it stands
        found = Offers(shown.text)
        for link in {each for each in found.links if of in each} - done:
            done.add(link)
            assert person.get(link.split("#")[0]).status_code not in REFUSED, (path, link)
        for action, fields in found.sent:
            if action not in done:
                done.add(action)
                answer = person.post(action, data=fields)
                assert answer.status_code not in REFUSED, (path, action, " ".join(Tags(answer.text).text.split()))


OFFERED = {
    "a_draft": {"save", "signature", "rejection"}, "signed": {"addendum"}, "filled_and_signed": {"addendum"},
    "signed_but_not_written": {"addendum"}, "rejected": set(), "withdrawn": set(),
    "in_shadow": {"save", "rejection"}, "of_no_model": {"save", "signature", "rejection"},
    "nobody_to_sign_for": {"save", "rejection"}, "images_rejected_since": {"save", "signature", "rejection"},
}  # fmt: skip


@pytest.mark.parametrize("state", OFFERED)
def test_review_offers_what_can_be_done_in_that_state_its_help_the_same_keys_and_it_is_done(
    house: House, state: str
) -> None:
    STATES[state](house)
    person = signed_in(house, Role.RADIOLOGIST)
    shown = person.get(REVIEW).text
    offered = buttons(shown) & {"save", "signature", "rejection", "addendum", "encoding"}
    assert offered == OFFERED[state]
    keys = set(re.findall("<kbd>([SXAe])</kbd>", shown.partition('<dialog id="keys"')[2].partition("</dialog>")[0]))
    of = {"e": "save", "S": "signature", "X": "rejection", "A": "addendum"}
    assert keys == {key for key, act in of.items() if act in offered}
    secret = csrf_of(person.get("/studies"))
    if "save" in offered:
        form = {"csrf": secret, "base": _in(shown, "data-base"), "lines": '[["findings", "Small effusion."]]'}
        assert person.post(_in(shown, "data-save"), data=form).status_code == 200
        shown = person.get(REVIEW).text
    base, last = {"base": _in(shown, "data-base")}, next((each for each in ORDER if each in offered), "")
    bodies: dict[str, dict[str, object]] = {
        "addendum": {"text": "Seen again.", "seen": int(_in(shown, "data-seen"))},
        "signature": base | {"lines": LINES}, "rejection": base | {"reason": "Wrong side."},
    }  # fmt: skip
    if last:
        to = _in(shown, "data-to").rpartition("/")[0]
        answer = person.post(f"{to}/{last}", json=bodies[last], headers={"x-csrf-token": secret})
        assert answer.status_code == 200, answer.text


ORDER = ("addendum", "signature", "rejection")


def _in(text: str, name: str) -> str:
    found = re.search(rf'{name}="([^"]+)"', text)
    assert found, name
    return found.group(1)


def test_review_offers_a_viewer_nothing_to_change(house: House) -> None:
    shown = signed_in(house, Role.VIEWER).get(REVIEW).text
    assert buttons(shown) & {"save", "accept", "signature", "rejection", "addendum"} == set()
    assert not re.search("<kbd>[SXAe]</kbd>", shown)


def test_who_cannot_sign_is_told_why(house: House) -> None:
    in_shadow(house)
    assert "make its rule live before you sign." in text_of(house, REVIEW, Role.RADIOLOGIST)
    nobody_to_sign_for(house)
    assert "A signature names the organisation: set site.institution" in text_of(house, REVIEW, Role.RADIOLOGIST)


def test_only_who_signed_is_offered_to_have_it_written_again(house: House) -> None:
    signed_but_not_written(house)
    berta, carl = (signed_in(house, Role.RADIOLOGIST, name=name).get(REVIEW).text for name in ("berta", "carl"))
    assert 'data-sign="encoding"' in berta
    assert 'data-sign="encoding"' not in carl
    assert "so can an operator" in carl


def test_the_form_of_a_signed_report_is_read_only_and_says_what_to_do(house: House) -> None:
    filled_and_signed(house)
    person = signed_in(house, Role.RADIOLOGIST)
    shown = person.get(TEMPLATE).text
    said = " ".join(Tags(shown).text.split())
    assert "What is to be said now is an addendum: on Review, key A." in said
    assert "FINAL Report signed by berta" in said
    assert "As berta put it into the report" in said
    assert "No nodule." in said
    assert "Not signed: only the text is." in said
    main = shown.partition("<main")[2].partition("</main>")[0]
    assert not re.search("<(form|input|select|textarea|button)", main)
    assert person.get(f"{TEMPLATE}?name=any&anew=true").text.count("<textarea") == 0
    viewer = text_of(house, TEMPLATE, Role.VIEWER)
    assert "A radiologist can add to the report on Review." in viewer


def test_what_is_put_into_a_signed_report_by_an_older_page_is_refused_with_the_form_as_it_was(house: House) -> None:
    filled_and_signed(house)
    answer = put(signed_in(house, Role.RADIOLOGIST))
    assert answer.status_code == 409
    assert "This report is signed" in answer.text
    assert len(house.edits.kept["j-2"].saves) == 2  # the form, and what was signed


@pytest.mark.parametrize("state", ["rejected", "withdrawn"])
def test_nothing_is_put_into_a_draft_that_is_used_no_more(house: House, state: str) -> None:
    STATES[state](house)
    person = signed_in(house, Role.RADIOLOGIST)
    assert "This draft is not used any more" in person.get(TEMPLATE).text
    assert "No form of this template was put into this report." in person.get(TEMPLATE).text
    assert f"{TEMPLATE}?job" not in person.get(REVIEW).text
    assert put(person).status_code == 409
    assert house.edits.kept == {}


def test_a_line_is_taken_into_a_draft_that_no_model_made_and_into_no_signed_report(house: House) -> None:
    of_no_model(house)
    person = signed_in(house, Role.RADIOLOGIST)
    headers = {"x-csrf-token": csrf_of(person.get("/studies"))}
    path, text = f"/api{STUDY}/tasks/impression", "Findings:\nLarge left pleural effusion.\n"
    (first, *_) = person.post(path, json={"text": text}, headers=headers).json()["impression"]
    line = {"line": first["line"], "section": "conclusions", "text": text}
    assert person.post(f"{path}/taken", json=line, headers=headers).status_code == 200
    assert "data-model" not in person.get(REVIEW).text
    house.catalogue.records = [each for each in house.catalogue.records if each.row.study_instance_uid != uid(2)]
    house.catalogue.records.append(finished(2, "Lindqvist^Maja", "", delivery(2, DeliveryState.COMMITTED)))
    house.edits.kept.clear()
    signed(house)
    answer = person.post(f"{path}/taken", json=line, headers=headers)
    assert answer.status_code == 409
    assert "it is signed, rejected or withdrawn" in answer.text


def test_a_delivery_that_leaves_no_more_has_no_button(house: House) -> None:
    owed = replace(delivery(2, DeliveryState.HELD), overtaken=True)
    record = finished(2, "Lindqvist^Maja", "held", owed, state="attention")
    house.catalogue.records = [record]
    operator = signed_in(house, Role.OPERATOR)
    for path in ("/deliveries", "/operations", STUDY):
        shown = operator.get(path).text
        assert "PACS" in shown
        assert "/resend" not in shown, path
    house.catalogue.records = [replace(record, deliveries=(replace(owed, overtaken=False),))]
    assert "/resend" in operator.get("/deliveries").text


def test_keys_lead_only_where_the_visitor_may_go(house: House) -> None:
    person = signed_in(house, Role.VIEWER)
    auditor, viewer = signed_in(house, Role.AUDITOR).get("/audit").text, person.get("/jobs").text
    assert 'data-places="a/audit "' in auditor
    assert "<kbd>/</kbd>" not in auditor
    places = re.search('data-places="([^"]+)"', viewer)
    assert places
    for key, path in [(each[0], each[1:]) for each in places.group(1).split()]:
        assert key in "wosjdcm"
        assert person.get(path).status_code == 200


def test_a_form_of_a_reading_that_a_newer_one_replaced_is_told_so_and_the_page_shows_the_newer(house: House) -> None:
    first, newer = reading(house), job(2, JobState.COMPLETED, minutes=1, report=draft(2))
    newer = replace(newer, generation=9, job=replace(newer.job, job_id="9"))
    change(house, first, newer)
    person = signed_in(house, Role.RADIOLOGIST)
    shown = person.get(f"{TEMPLATE}?job=j-2")
    assert (shown.status_code, shown.headers["location"]) == (303, f"{TEMPLATE}?job=9")
    answer = put(person)
    assert answer.status_code == 409
    assert "A newer reading of this study has come" in answer.text
