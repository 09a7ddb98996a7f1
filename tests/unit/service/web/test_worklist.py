"""The work list: what waits for a radiologist, and the next case in its order."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from service.domain.account import Role
from service.domain.audit import AuditKind
from service.domain.edit import Revision, text_digest
from service.domain.job import JobState
from service.domain.review import Observer, Review, Verdict
from service.domain.rule import Priority
from service.flow.review import draft_text
from tests.support.fake_house import NOW, House
from tests.support.web_client import signed_in, text_of
from tests.support.web_records import draft, job, record, uid
from tests.support.web_scene import hospital

NEXT = re.compile(r'href="/studies/([\d.]+)/review" data-next')


@pytest.fixture
def house() -> House:
    """Drafts of studies 2, 4 and 8 wait since the same minute, a STAT one of study 20 since one minute."""
    made = hospital()
    waiting = job(20, JobState.COMPLETED, minutes=1, report=draft(20))
    urgent = replace(waiting, job=replace(waiting.job, priority=Priority.STAT))
    made.catalogue.records.append(record(20, "Urgent^Ute", "done", "read", minutes=1, jobs=(urgent,)))
    return made


def rows(house: House, path: str = "/worklist") -> list[int]:
    """Numbers of the listed studies, in their order."""
    page = signed_in(house, Role.RADIOLOGIST).get(path).text
    return [int(found.rsplit(".", 1)[1]) for found in re.findall(r'<td><a href="/studies/([\d.]+)/review">', page)]


def following(house: House, number: int) -> int | None:
    found = NEXT.search(signed_in(house, Role.RADIOLOGIST).get(f"/studies/{uid(number)}/review").text)
    return int(found[1].rsplit(".", 1)[1]) if found else None


def speak(house: House, number: int, verdict: Verdict) -> None:
    house.signing.kept.append(
        Review(
            study_instance_uid=str(uid(number)), job_id=f"j-{number}", number=1, verdict=verdict, at=NOW, text="x",
            observer=Observer(name="Weiß", organization="Clinic"), statements=(),
        )
    )  # fmt: skip


def test_urgent_drafts_stand_first_and_readings_in_shadow_not_at_all(house: House) -> None:
    assert rows(house) == [20, 2, 4, 8]
    said = text_of(house, "/worklist", Role.RADIOLOGIST)
    assert "Urgent, Ute MRN70020 · 1958-02-11 · F STAT" in said
    assert "DX Chest PA 2026-03-04 · A26-4420 1 min since 10:29:00 analysed nobody yet" in said
    assert "Haddad" not in said


@pytest.mark.parametrize("verdict", [Verdict.SIGNED, Verdict.REJECTED])
def test_what_somebody_has_spoken_of_waits_no_more(house: House, verdict: Verdict) -> None:
    speak(house, 2, verdict)
    assert rows(house) == [20, 4, 8]


def test_who_saved_a_draft_last_is_named(house: House) -> None:
    text = draft_text(draft(4))
    house.edits.record(
        Revision(
            study_instance_uid=str(uid(4)), job_id="j-4", model="m", adapter="", reviewer="dr.weiss", at=NOW,
            seconds=1.0, before_sha256=text_digest(text), after_sha256=text_digest(text), edits=(),
        ),
        draft=text,
    )  # fmt: skip
    said = text_of(house, "/worklist", Role.RADIOLOGIST)
    assert said.count("dr.weiss") == 1
    assert said.count("nobody yet") == 3


def test_the_next_case_follows_the_list_and_begins_again_at_its_end(house: House) -> None:
    assert [following(house, number) for number in (20, 2, 4, 8)] == [2, 4, 8, 20]
    speak(house, 4, Verdict.SIGNED)
    assert following(house, 4) == 8, "a signed case goes on from where it stood"
    assert following(house, 2) == 8
    for number in (2, 8, 20):
        speak(house, number, Verdict.SIGNED)
    assert following(house, 4) is None


def test_a_long_list_has_pages_that_name_nobody(house: House) -> None:
    for number in range(100, 160):
        jobs = (job(number, JobState.COMPLETED, report=draft(number)),)
        house.catalogue.records.append(record(number, f"Long^{number}", "done", "", minutes=number, jobs=jobs))
    first = signed_in(house, Role.RADIOLOGIST).get("/worklist")
    (after,) = re.findall(r'href="(/worklist\?after=[^"]*)"', first.text)
    assert "Long" not in after
    listed = rows(house)
    assert len(listed) == 50
    assert listed[:3] == [20, 159, 158], "the longest wait first"
    rest = rows(house, after)
    assert len(rest) == 14
    assert not set(rest) & set(listed)


@pytest.mark.parametrize(
    "place", ["x", "9,2026-03-04T09:00:00+00:00,1.2", "1,2026-03-04T09:00:00,1.2", "1,now,1.2", "1,,"]
)
def test_a_place_that_cannot_be_read_is_refused(house: House, place: str) -> None:
    answer = signed_in(house, Role.RADIOLOGIST).get("/worklist", params={"after": place})
    assert answer.status_code == 422
    assert "Open the work list again." in answer.text


def test_a_look_at_the_list_is_recorded(house: House) -> None:
    signed_in(house, Role.RADIOLOGIST).get("/worklist")
    event = house.audit.events[-1]
    assert (event.kind, event.action, event.detail) == (AuditKind.QUERY, "E", "work list; 4 studies listed")


def test_an_empty_list_says_that_nothing_waits() -> None:
    assert "Nothing waits: every draft is signed or rejected." in text_of(House(), "/worklist", Role.RADIOLOGIST)
    assert '<a href="/worklist"' not in signed_in(House(), Role.VIEWER).get("/studies").text
    assert '<a href="/worklist"' in signed_in(House(), Role.RADIOLOGIST).get("/studies").text
