"""A client of the front door, without a socket."""

from __future__ import annotations

import re
import warnings
from html.parser import HTMLParser

from httpx import Response

with warnings.catch_warnings():
    # Starlette asks for httpx2; what it needs of httpx is there.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

from service.domain.account import Role
from service.web.app import create_app
from tests.support.fake_house import House

PAGE = {"accept": "text/html"}
ALL = (Role.ADMIN, Role.AUDITOR)


def client(house: House, *, address: str = "10.9.8.7") -> TestClient:
    """A client at `address`; errors of the service come back as answers, as they do to a browser."""
    app = create_app(house.services(), watch_nodes=False)
    return TestClient(
        app, base_url="http://preread.test", client=(address, 50000), follow_redirects=False,
        raise_server_exceptions=False,
    )  # fmt: skip


def bearer(house: House, *roles: Role) -> dict[str, str]:
    return {"authorization": f"Bearer {house.token(*roles)}"}


def signed_in(house: House, *roles: Role, address: str = "10.9.8.7", name: str = "anna") -> TestClient:
    """A browser that has signed in."""
    browser = client(house, address=address)
    browser.headers.update(PAGE)
    answer = browser.post("/sign-in", data={"token": house.token(*(roles or ALL), name=name)})
    assert answer.status_code == 303, answer.text
    return browser


def csrf_of(answer: Response) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', answer.text)
    assert found, "the page has no form with a secret"
    return found.group(1)


def post(browser: TestClient, path: str, **fields: str) -> Response:
    """Post as a form of the studies page would."""
    return browser.post(path, data={"csrf": csrf_of(browser.get("/studies")), **fields})


def text_of(house: House, path: str, *roles: Role) -> str:
    """What a visitor with these roles reads at `path`, on one line."""
    answer = signed_in(house, *roles).get(path)
    assert answer.status_code == 200, answer.text
    return " ".join(Tags(answer.text).text.split())


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and its visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "
