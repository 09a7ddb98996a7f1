"""A hospital served on loopback, and one browser that looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.domain.account import Role
from service.web.app import create_app
from tests.support.browser import Browser, browser, missing
from tests.support.fake_house import House
from tests.support.serve import served
from tests.support.web_scene import hospital


@pytest.fixture(scope="session")
def window() -> Iterator[Browser]:
    if why := missing():
        pytest.skip(why)
    with browser() as opened:
        yield opened


@pytest.fixture
def house() -> House:
    return hospital()


@pytest.fixture
def site(house: House) -> Iterator[str]:
    with served(create_app(house.services())) as address:
        yield address


@pytest.fixture
def page(window: Browser, house: House, site: str) -> Iterator[Browser]:
    """The browser, signed in with every role; what its console says of errors fails the test."""
    window.forget()
    window.resize(1440, 900)
    window.sign_in(site, house.token(Role.ADMIN, Role.AUDITOR, name="m.keller"))
    window.open(f"{site}/operations")
    window.complaints()
    yield window
    complaints = [line for line in window.complaints() if not line.startswith(("DEBUG", "INFO"))]
    window.open("about:blank")
    assert complaints == []


@pytest.fixture
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of the pages go."""
    folder = tmp_path_factory.getbasetemp() / "shots"
    folder.mkdir(exist_ok=True)
    return folder
