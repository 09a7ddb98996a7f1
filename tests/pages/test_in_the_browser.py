"""The pages in a real browser: live, by keyboard, dark, without a word in the console."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from service.domain.account import Role
from service.domain.delivery import DeliveryState
from service.domain.event import Event, EventKind
from tests.support.accessibility import faults
from tests.support.browser import Browser
from tests.support.fake_house import House
from tests.support.waiting import wait_for
from tests.support.web_records import delivery, uid
from tests.support.web_scene import finished

pytestmark = pytest.mark.pages

PAGES = (
    "worklist", "operations", "studies", f"studies/{uid(2)}", f"studies/{uid(4)}", f"studies/{uid(6)}", "jobs",
    "deliveries", "configuration", "models", "audit",
)  # fmt: skip
ALL = (Role.ADMIN, Role.AUDITOR)
CHOOSE = """
const field = document.querySelector(arguments[0]);
field.value = arguments[1];
field.dispatchEvent(new Event('change', {bubbles: true}));
"""
FOREIGN = "return performance.getEntriesByType('resource').filter(r => !r.name.startsWith(origin)).length"
LIVE = "return document.querySelector('.pulse')?.textContent === 'live'"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_dark_complete_and_silent(page: Browser, site: str, shots: Path, path: str) -> None:
    page.open(f"{site}/{path}")
    picture = page.shoot(shots / f"{path.replace('/', '_')}.png")
    assert picture.stat().st_size > 20_000, "a blank page"
    background = page.run("return getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in background[4:-1].split(",")) < 40
    page.wait("return document.fonts.status === 'loaded'")
    assert (
        page.run("return performance.getEntriesByType('resource').filter(r => !r.name.startsWith(origin)).length") == 0
    )
    assert faults(page) == [], "not everybody can use it"


@pytest.mark.parametrize("width", [1920, 1024, 700, 400])
def test_a_page_fits_its_window(page: Browser, site: str, shots: Path, width: int) -> None:
    for path in ("operations", "studies", f"studies/{uid(4)}"):
        page.open(f"{site}/{path}")
        page.resize(width, 900)
        assert page.run("return document.documentElement.scrollWidth - innerWidth") <= 0, path


def test_german_words_fit_the_narrowest_window(page: Browser, site: str) -> None:
    page.click(".languages button")
    page.wait("return document.documentElement.lang === 'de'")
    page.resize(400, 900)
    for path in ("worklist", "operations", "studies", f"studies/{uid(4)}"):
        page.open(f"{site}/{path}")
        wide, window = page.run("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide <= window <= 500, path


def test_the_work_list_is_walked_and_opened_by_keys(page: Browser, site: str) -> None:
    page.open(f"{site}/worklist")
    page.press("j", "ArrowDown", "k", "ArrowDown", "ArrowDown", "Enter")
    page.wait(f"return location.pathname === '/studies/{uid(8)}/review'")
    page.wait("return document.querySelector('#review').dataset.ready")
    page.leave()  # its images are not here


def test_operations_follows_what_happens(page: Browser, house: House) -> None:
    page.wait(LIVE)
    assert "given up" in page.text("#live")
    lanes = house.catalogue.lanes
    house.catalogue.lanes = [replace(lanes[0], waiting=137), *lanes[1:]]
    house.catalogue.loose_events = [
        Event(at=house.clock.at, kind=EventKind.OPERATOR, text="<b>a colleague</b> restarted worker 2")
    ]
    house.clock.at += timedelta(seconds=2)
    page.wait("return document.querySelector('#flow').innerText.includes('137')")
    assert "<b>a colleague</b> restarted worker 2" in page.text("#live")


def test_the_focus_stays_where_it_is_while_the_page_lives(page: Browser, house: House) -> None:
    page.wait(LIVE)
    page.run("document.querySelector('#node-PACS button').focus()")
    house.catalogue.lanes = [replace(house.catalogue.lanes[0], waiting=99)]
    house.clock.at += timedelta(seconds=2)
    page.wait("return document.querySelector('#flow').innerText.includes('99')")
    assert page.run("return document.activeElement.closest('tr')?.id") == "node-PACS"


def test_the_live_view_can_be_paused_and_resumed(page: Browser, house: House) -> None:
    page.wait(LIVE)
    page.click("[data-pause]")
    assert page.text(".pulse") == "paused"
    house.catalogue.lanes = [replace(house.catalogue.lanes[0], waiting=77)]
    house.clock.at += timedelta(seconds=2)
    with pytest.raises(AssertionError, match="not within"):
        page.wait("return document.querySelector('#flow').innerText.includes('77')", seconds=3)
    page.click("[data-pause]")
    house.catalogue.lanes = [replace(house.catalogue.lanes[0], waiting=78)]
    house.clock.at += timedelta(seconds=2)
    page.wait("return document.querySelector('#flow').innerText.includes('78')")


def test_a_revoked_token_ends_the_live_view(page: Browser, house: House) -> None:
    page.wait(LIVE)
    house.accounts.revoke("t-1")
    page.wait("return ['reconnecting', 'not live'].includes(document.querySelector('.pulse').textContent)")
    page.leave()  # the refused reconnection is what we wanted


def test_echo_answers_in_its_row(page: Browser, house: House) -> None:
    page.wait(LIVE)
    house.nodes.down = {"PACS"}
    page.click("#node-PACS button")
    page.wait("return document.querySelector('#node-PACS').innerText.includes('connection refused')")
    assert page.run("return location.pathname") == "/operations"


def test_rerun_comes_back_to_its_page(page: Browser, house: House, site: str) -> None:
    page.open(f"{site}/studies/{uid(5)}")
    page.click("#job-j-5 button")
    wait_for(lambda: house.bell.rung == ["read"], what="nobody rang")
    page.wait(f"return location.pathname === '/studies/{uid(5)}'")


def test_typing_searches_and_the_address_stays_clean(page: Browser, site: str) -> None:
    page.open(f"{site}/studies")
    page.fill("[data-search]", "garc")
    page.wait("return document.querySelectorAll('#found tbody tr').length === 1")
    assert "García Márquez, Inés" in page.text("#found")
    assert page.url == f"{site}/studies"
    assert page.title == "Studies · preread"
    page.run(CHOOSE, "select[name=state]", "done")
    page.wait("return document.querySelector('#found').innerText.includes('No study fits')")


def test_a_search_that_cannot_be_read_is_said_and_the_next_one_works(page: Browser, site: str) -> None:
    page.open(f"{site}/studies")
    page.fill("input[name=study_instance_uid]", "1.2.x")
    page.press("Enter")
    page.wait("return document.querySelector('#found').innerText.includes('digits and dots only')")
    page.run(CHOOSE, "input[name=study_instance_uid]", "")
    page.fill("[data-search]", "garc")
    page.wait("return document.querySelectorAll('#found tbody tr').length === 1")
    page.leave()  # the console names the refused search


def test_a_study_that_is_read_is_followed_until_it_is_done(page: Browser, house: House, site: str) -> None:
    page.open(f"{site}/studies/{uid(3)}")
    page.wait("return document.querySelector('#why-h').innerText.includes('A worker is reading')")
    place = next(n for n, record in enumerate(house.catalogue.records) if record.row.study_instance_uid == uid(3))
    report = finished(3, "Tanaka^Hiroshi", "delivered to PACS", delivery(3, DeliveryState.SENT))
    house.catalogue.records[place] = report
    page.wait("return document.querySelector('.banner')?.innerText.includes('PRELIMINARY')")
    page.wait("return !document.querySelector('#live')._htmx?.sse")


def test_an_act_that_fails_leaves_the_row_as_it_was(page: Browser, house: House) -> None:
    page.wait(LIVE)
    page.click("[data-pause]")
    house.configurations.versions.clear()
    page.click("#node-PACS button")
    page.wait("return !document.querySelector('#node-PACS form.htmx-request, #node-PACS .htmx-request')")
    assert "PACS" in page.text("#node-PACS")
    page.leave()  # the console names the refused act


def test_enter_searches_without_waiting(page: Browser, site: str) -> None:
    page.open(f"{site}/studies")
    page.fill("input[name=accession_number]", "A26-4402")
    page.press("Enter")
    page.wait("return document.querySelectorAll('#found tbody tr').length === 1")
    assert page.url == f"{site}/studies"


def led_by(page: Browser, *keys: str, to: str) -> None:
    """Two keys belong together for about a second; where a busy machine takes longer, they are pressed again."""
    there = "return location.pathname === arguments[0] && document.readyState === 'complete'"
    for _ in range(5):
        page.press(*keys)
        with suppress(AssertionError):
            page.wait(there, to, seconds=10)
            return
    raise AssertionError(f"{keys} do not lead to {to}")


def test_keys_lead_everywhere(page: Browser, site: str) -> None:
    for key, path in {"s": "/studies", "j": "/jobs", "d": "/deliveries", "c": "/configuration", "m": "/models"}.items():
        led_by(page, "g", key, to=path)
    page.press("/")
    page.wait("return location.pathname === '/studies' && document.readyState === 'complete'")
    page.press("/")
    assert page.run("return document.activeElement.name") == "patient_name"
    page.press("Escape")
    page.press("j", "j")
    assert page.run("return document.activeElement.closest('tr').rowIndex") == 2
    page.press("Enter")
    page.wait(f"return location.pathname === '/studies/{uid(3)}'")


def test_the_keys_are_explained_and_can_be_turned_off(page: Browser, site: str, shots: Path) -> None:
    page.open(f"{site}/studies")
    page.press("?")
    assert page.run("return document.getElementById('keys').open") is True
    page.shoot(shots / "keys.png")
    page.click("#keys-off")
    page.press("Escape")
    page.run("document.activeElement.blur()")
    page.press("g", "j")
    assert page.run("return location.pathname") == "/studies"
    page.run("localStorage.clear()")


def test_letters_typed_into_a_field_lead_nowhere(page: Browser, site: str) -> None:
    page.open(f"{site}/studies")
    page.click("input[name=patient_id]")
    page.press("g", "j")
    assert page.run("return [location.pathname, document.activeElement.value]") == ["/studies", "gj"]


def test_the_first_tab_skips_to_the_content(page: Browser, site: str) -> None:
    page.open(f"{site}/jobs")
    page.press("Tab")
    assert page.run("return document.activeElement.textContent") == "Skip to content"
    page.press("Enter")
    assert page.run("return document.activeElement.id") == "main"


def test_scripts_of_a_hostile_name_do_not_run(page: Browser, house: House, site: str) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    first = house.catalogue.records[0]
    row = replace(first.row, note=evil, source=evil)
    house.catalogue.records[0] = replace(first, row=row)
    page.open(f"{site}/studies")
    assert page.title == "Studies · preread"
    assert evil in page.text("#found")


def test_every_page_reads_without_scripts(house: House, site: str) -> None:
    with httpx.Client(base_url=site, follow_redirects=True, headers={"accept": "text/html"}, timeout=60) as plain:
        plain.post("/sign-in", data={"token": house.token(*ALL)})
        for path in PAGES:
            answer = plain.get(f"/{path}")
            assert answer.status_code == 200, path
            main = answer.text.split("<main")[1].split("</main>")[0]  # every page has the table of keys after it
            assert "connecting" not in main.lower()
            assert "<table" in main or "facts" in main, path


def test_sign_in_is_plain_and_dark(window: Browser, site: str, shots: Path) -> None:
    window.forget()
    window.open(f"{site}/operations")
    assert window.url == f"{site}/sign-in?next=/operations"
    window.shoot(shots / "sign-in.png")
    window.fill("input[name=token]", "wrong")
    window.click("button.main")
    window.wait("return document.querySelector('[role=alert]')")
    assert "does not open the door" in window.text("[role=alert]")
    window.complaints()
