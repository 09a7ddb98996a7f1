"""What the operations page says and what its buttons do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from service.domain.account import Role
from tests.support.fake_house import NOW, House
from tests.support.web_client import csrf_of, post, signed_in, text_of
from tests.support.web_records import uid
from tests.support.web_scene import hospital


class TestOperations:
    def test_what_hears_of_the_live_views_connection_is_there_before_what_makes_it(self) -> None:
        """Scripts that are deferred run in their order, with pauses in which an answer may come."""
        page = signed_in(hospital()).get("/operations").text
        assert page.count(" defer></script>") == 4
        assert page.index("/app.") < page.index("/htmx.min.") < page.index("/hx-sse.min.")

    def test_it_says_what_moves_and_what_waits(self) -> None:
        text = text_of(hospital(), "/operations")
        assert "Arriving 1" in text
        assert "To read 4 oldest waits 38 s" in text
        assert "Needs a person 2" in text
        assert "read 4 2 1 38 s" in text
        assert "read 204 6.4 s 12 s" in text
        assert "Triton 2.51.0 on CPU" in text
        assert "412 GB free" in text

    def test_what_needs_a_person_is_the_studies_in_attention(self) -> None:
        house = hospital()
        house.catalogue.records = [replace(one, jobs=(), deliveries=()) for one in house.catalogue.records]
        text = text_of(house, "/operations")
        assert "Needs a person 2" in text
        assert "Older than what is listed here: 2 studies" in text

    def test_it_says_when_there_is_no_triton(self) -> None:
        house = hospital()
        house.models.server = replace(house.models.server, engine="local engine, no Triton")
        assert "local engine, no Triton" in text_of(house, "/operations")

    def test_a_model_server_that_is_away_comes_first(self) -> None:
        house = hospital()
        house.models.server = replace(house.models.server, ready=False, reason="connection refused", models=())
        assert "The model server is not ready (connection refused). Studies are kept and wait." in text_of(
            house, "/operations"
        )

    def test_without_a_ledger_the_page_still_says_what_it_knows(self) -> None:
        house = hospital()
        house.ledger.away = True
        text = text_of(house, "/operations")
        assert "The ledger cannot be read: the database is locked." in text
        assert "Triton 2.51.0" in text

    def test_a_disk_below_its_reserve_is_said(self) -> None:
        house = hospital()
        house.disk.room, house.disk.free = False, 900_000_000
        assert "The disk is below its reserve: 900 MB free." in text_of(house, "/operations")

    def test_a_silent_process_is_said_and_a_restarted_one_is_not(self) -> None:
        house = hospital()
        old = replace(house.ledger.alive[0], pid=99, at=NOW - timedelta(minutes=5))
        house.ledger.alive = [old, *house.ledger.alive]
        assert "silent" not in text_of(house, "/operations")
        house.ledger.alive = [old]
        assert "Process scp on pre-1 has been silent for 5 min." in text_of(house, "/operations")

    def test_an_empty_house_says_so_calmly(self) -> None:
        text = text_of(House(), "/operations")
        assert "No rules were applied yet" in text
        assert "No work waits and none is being done." in text

    def test_echo_asks_the_destination_and_shows_what_it_said(self) -> None:
        house = hospital()
        browser = signed_in(house)
        secret = csrf_of(browser.get("/studies"))
        row = browser.post("/nodes/RESEARCH/echo", data={"csrf": secret}, headers={"hx-request": "true"})
        assert "connection refused" in row.text
        assert row.text.lstrip().startswith("<tr")
        plain = browser.post("/nodes/PACS/echo", data={"csrf": secret})
        assert plain.headers["location"] == "/operations#nodes"
        assert "0x0000" in browser.get("/operations").text
        assert house.audit.events[-1].detail == "C-ECHO PACS"

    def test_echo_of_nobody_is_404(self) -> None:
        assert post(signed_in(hospital()), "/nodes/NOBODY/echo").status_code == 404

    def test_a_viewer_sees_no_buttons_that_are_not_theirs(self) -> None:
        buttons = {"Rerun", "Send again", "Echo"}
        operators: set[str] = set()
        for path in ("/operations", "/jobs", "/deliveries", f"/studies/{uid(4)}"):
            operators |= {button for button in buttons if button in text_of(hospital(), path, Role.OPERATOR)}
            assert not [button for button in buttons if button in text_of(hospital(), path, Role.VIEWER)], path
        assert operators == buttons
