"""Live views: bounded, ended when their visitor may no longer see them, and built of files that nobody changed."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request

from service.domain.account import Role
from service.domain.errors import Unavailable
from service.web import live
from service.web.app import create_app
from service.web.live import LAST, Fragment, message, stream
from tests.support.fake_house import House
from tests.support.web_scene import hospital


def request(app: FastAPI, token: str) -> Request:
    route = next(route for route in app.routes if getattr(route, "path", "") == "/operations/live")
    headers = [(b"authorization", f"Bearer {token}".encode())]

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    scope = {"type": "http", "app": app, "route": route, "headers": headers, "client": ("10.0.0.1", 1), "method": "GET"}
    return Request(scope, receive)


def sent(house: House, token: str, fragment: Callable[[], Fragment], *, most: int = 4) -> list[str]:
    """The first events of a stream."""

    async def collect() -> list[str]:
        app = create_app(house.services(), watch_nodes=False)
        found: list[str] = []
        async for event in stream(request(app, token), fragment, every_s=0).body_iterator:
            found.append(str(event))
            if len(found) == most:
                break
        return found

    return asyncio.run(collect())


def said(*texts: str) -> Callable[[], Fragment]:
    left = iter(texts)
    return lambda: Fragment(next(left))


def test_after_the_last_fragment_the_page_is_told_to_close_its_stream() -> None:
    house = hospital()
    events = sent(house, house.token(Role.VIEWER), lambda: Fragment("<p>done", last=True))
    assert events == ["data: <p>done\n\n", LAST]


def test_what_has_not_changed_is_not_sent_again() -> None:
    house = hospital()
    events = sent(house, house.token(Role.VIEWER), said("<p>1", "<p>1", "<p>2", "<p>2"))
    assert events == ["data: <p>1\n\n", ": nothing new\n\n", "data: <p>2\n\n", ": nothing new\n\n"]


def test_a_revoked_token_ends_the_stream() -> None:
    house = hospital()
    token = house.token(Role.VIEWER)

    def fragment() -> Fragment:
        house.accounts.revoke("t-1")
        return Fragment("<p>last")

    assert sent(house, token, fragment) == ["data: <p>last\n\n"]


def test_a_role_that_may_not_see_it_gets_nothing() -> None:
    house = hospital()
    assert sent(house, house.token(Role.AUDITOR), said("<p>secret")) == []


def test_a_ledger_that_is_away_for_a_while_does_not_end_the_stream() -> None:
    house = hospital()
    answers = iter(["<p>1", None, "<p>2"])

    def fragment() -> Fragment:
        answer = next(answers)
        if answer is None:
            raise Unavailable("the database is locked")
        return Fragment(answer)

    events = sent(house, house.token(Role.VIEWER), fragment, most=3)
    assert events == ["data: <p>1\n\n", ": nothing new\n\n", "data: <p>2\n\n"]


def test_one_process_serves_a_bounded_number_of_streams() -> None:
    app = create_app(hospital().services(), watch_nodes=False)
    app.state.streams.open = live.MAX_STREAMS
    with pytest.raises(HTTPException, match="Too many live views"):
        stream(request(app, ""), said())


def test_a_message_has_one_data_line_for_each_line_of_text() -> None:
    assert message("<p>\n\n  two</p>\n") == "data: <p>\ndata:   two</p>\n\n"


def test_vendored_files_are_those_that_the_list_names() -> None:
    folder = files("service.web") / "static" / "vendor"
    rows = re.findall(r"^\| (\S+\.js) .* ([0-9a-f]{64}) \|$", (folder / "README.md").read_text(), re.MULTILINE)
    assert len(rows) == 2
    for name, digest in rows:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
