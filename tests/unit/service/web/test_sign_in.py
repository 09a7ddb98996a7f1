"""A token opens a session; nothing else does, and not too often."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import combinations

import pytest

from service.domain.account import Account, Role
from service.domain.audit import AuditKind
from service.domain.errors import Unavailable
from service.web import routes
from service.web.attempts import MAX_ADDRESSES, Attempts
from service.web.sessions import COOKIE, by_bearer, by_cookie, open_session
from tests.support.fake_house import NOW, FakeAccounts
from tests.support.web_client import PAGE, Tags, bearer, client, csrf_of, signed_in
from tests.support.web_scene import hospital


def test_a_session_cookie_cannot_be_read_by_scripts_or_sent_by_other_sites() -> None:
    house = hospital()
    answer = client(house).post("/sign-in", data={"token": house.token(Role.VIEWER)})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert answer.status_code == 303


def test_over_tls_the_cookie_is_secure_and_the_browser_told_to_stay_there() -> None:
    house = hospital()
    browser = client(house)
    browser.base_url = "https://preread.test"  # type: ignore[assignment]
    answer = browser.post("/sign-in", data={"token": house.token(Role.VIEWER)})
    assert "Secure" in answer.headers["set-cookie"]
    assert "strict-transport-security" in answer.headers


def test_the_cookie_holds_a_new_secret_and_not_the_token() -> None:
    house = hospital()
    token = house.token(Role.VIEWER)
    browser = client(house)
    browser.post("/sign-in", data={"token": token})
    assert browser.cookies[COOKIE] != token


def test_a_wrong_token_is_told_so_audited_and_never_repeated() -> None:
    house = hospital()
    answer = client(house).post("/sign-in", data={"token": "guess-4711"}, headers=PAGE)
    assert answer.status_code == 401
    assert "does not open the door" in answer.text
    assert "guess-4711" not in answer.text
    event = house.audit.events[-1]
    assert (event.kind, event.success, event.where) == (AuditKind.USER_AUTHENTICATION, False, "10.9.8.7")
    assert "guess" not in repr(house.audit.events)


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ((Role.SENDER,), "This token is for a program that sends objects (STOW-RS), and opens no page."),
        ((), "This token holds no role, and opens no page."),
    ],
)
def test_a_token_that_opens_no_page_signs_nobody_in_and_is_told_what_it_is_for(
    roles: tuple[Role, ...], said: str
) -> None:
    house = hospital()
    browser = client(house)
    for _ in range(12):
        answer = browser.post("/sign-in", data={"token": house.token(*roles, name="gateway")}, headers=PAGE)
        assert answer.status_code == 403, "no guess, so nobody has to wait"
    text = " ".join(Tags(answer.text).text.split())
    assert said in text
    assert "ask whoever administers this service for a token of another role" in text
    assert COOKIE not in browser.cookies
    event = house.audit.events[-1]
    assert (event.kind, event.success, event.who) == (AuditKind.USER_AUTHENTICATION, False, "gateway")
    assert event.detail == "sign-in refused: the token opens no page"
    assert all("/session/" not in token.account.name for token in house.accounts.tokens())


def test_every_token_that_signs_in_has_a_first_page() -> None:
    house = hospital()
    browser = client(house)
    for roles in (*combinations(Role, 1), *combinations(Role, 2)):
        browser.cookies.clear()
        answer = browser.post("/sign-in", data={"token": house.token(*roles)}, headers=PAGE)
        opens = any(row.method == "GET" and row.door.roles & _held(roles) for row in routes.PAGES)
        assert (answer.status_code == 303) == opens, roles
        if opens:
            assert browser.get(browser.get("/").headers["location"]).status_code == 200


def _held(roles: tuple[Role, ...]) -> set[Role]:
    return {role for role in Role if Account(name="", roles=frozenset(roles)).may(role)}


def test_a_wrong_bearer_token_is_audited() -> None:
    house = hospital()
    assert client(house).get("/api/jobs", headers={"authorization": "Bearer nonsense"}).status_code == 401
    assert house.audit.events[-1].success is False


def test_an_address_that_fails_too_often_has_to_wait() -> None:
    house = hospital()
    browser = client(house)
    codes = [browser.post("/sign-in", data={"token": f"guess {n}"}).status_code for n in range(11)]
    assert codes == [401] * 10 + [429]
    late = browser.post("/sign-in", data={"token": "guess again"})
    assert int(late.headers["retry-after"]) == 300
    assert "Try again in 300 seconds." in late.json()["detail"]
    assert len(house.audit.events) == 10, "a flood of guesses does not flood the audit record"
    house.clock.at += timedelta(minutes=5)
    assert browser.post("/sign-in", data={"token": "guess"}).status_code == 401


def test_a_right_token_opens_the_door_whatever_others_at_its_address_did() -> None:
    house = hospital()
    browser = client(house)
    for number in range(12):
        browser.get("/api/jobs", headers={"authorization": f"Bearer {number}"})
    assert browser.get("/api/jobs", headers=bearer(house, Role.VIEWER)).status_code == 200
    assert browser.post("/sign-in", data={"token": house.token(Role.VIEWER)}).status_code == 303


def test_credentials_that_are_meant_for_a_proxy_do_not_disturb_a_session() -> None:
    browser = signed_in(hospital())
    assert browser.get("/studies", headers={"authorization": "Basic YTpi"}).status_code == 200


def test_one_address_does_not_shut_another_out() -> None:
    attempts = Attempts(limit=1)
    attempts.failed("10.0.0.1", now=NOW)
    assert attempts.wait("10.0.0.1", now=NOW)
    assert attempts.wait("10.0.0.2", now=NOW) is None


def test_the_memory_of_failures_is_bounded() -> None:
    attempts = Attempts(limit=1)
    for number in range(MAX_ADDRESSES + 10):
        attempts.failed(f"a{number}", now=NOW)
    assert attempts.wait("a0", now=NOW) is None
    assert attempts.wait(f"a{MAX_ADDRESSES + 9}", now=NOW)


ELSEWHERE = ("//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a\r\nSet-Cookie: x")


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nobody_is_sent_elsewhere_after_signing_in(target: str) -> None:
    house = hospital()
    answer = client(house).post("/sign-in", data={"token": house.token(Role.VIEWER), "next": target})
    assert answer.headers["location"] == "/"


def test_one_comes_back_to_the_page_one_wanted() -> None:
    house = hospital()
    first = client(house).get("/studies/1.2.3", headers=PAGE)
    assert first.headers["location"] == "/sign-in?next=/studies/1.2.3"
    answer = client(house).post("/sign-in", data={"token": house.token(Role.VIEWER), "next": "/studies/1.2.3"})
    assert answer.headers["location"] == "/studies/1.2.3"


def test_a_fragment_without_a_session_sends_the_whole_page_to_sign_in() -> None:
    answer = client(hospital()).get("/operations", headers={**PAGE, "hx-request": "true"})
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/sign-in?next=/operations"


def test_signing_out_ends_the_session_for_good() -> None:
    house = hospital()
    browser = signed_in(house)
    secret = browser.cookies[COOKIE]
    answer = browser.post("/sign-out", data={"csrf": csrf_of(browser.get("/studies"))})
    assert answer.headers["location"] == "/sign-in"
    assert by_cookie(house.accounts, secret, now=NOW) is None


class TestSessions:
    def opened(self, accounts: FakeAccounts, *, hours: float = 12) -> tuple[str, str]:
        token = accounts.issue("anna", frozenset({Role.VIEWER}), expires_at=NOW + timedelta(hours=20))
        opened = open_session(accounts, token, hours=hours, now=NOW)
        assert opened
        return token, opened[0]

    def test_a_session_bears_the_name_and_roles_of_its_account(self) -> None:
        accounts = FakeAccounts()
        _, secret = self.opened(accounts)
        visitor = by_cookie(accounts, secret, now=NOW)
        assert visitor
        assert (visitor.account.name, visitor.account.roles) == ("anna", {Role.VIEWER})

    def test_a_session_is_no_bearer_token_and_a_token_no_session(self) -> None:
        accounts = FakeAccounts()
        token, secret = self.opened(accounts)
        assert by_bearer(accounts, secret, now=NOW) is None
        assert by_cookie(accounts, token, now=NOW) is None
        assert open_session(accounts, secret, hours=1, now=NOW) is None

    def test_revoking_a_token_ends_the_sessions_that_it_opened(self) -> None:
        accounts = FakeAccounts()
        _, secret = self.opened(accounts)
        accounts.revoke("t-1")
        assert by_cookie(accounts, secret, now=NOW) is None

    def test_a_session_ends_by_itself_and_never_outlives_its_token(self) -> None:
        accounts = FakeAccounts()
        _, short = self.opened(accounts, hours=1)
        _, long = self.opened(accounts, hours=100)
        assert by_cookie(accounts, short, now=NOW + timedelta(hours=1)) is None
        assert by_cookie(accounts, long, now=NOW + timedelta(hours=19))
        assert by_cookie(accounts, long, now=NOW + timedelta(hours=20)) is None

    def test_expired_sessions_are_swept_at_the_next_sign_in(self) -> None:
        accounts = FakeAccounts()
        self.opened(accounts, hours=1)
        later = NOW + timedelta(hours=2)
        token = accounts.issue("bert", frozenset({Role.VIEWER}), expires_at=NOW + timedelta(days=1))
        open_session(accounts, token, hours=1, now=later)
        assert [t.account.name for t in accounts.tokens() if "anna/session/" in t.account.name] == []


def test_everybody_starts_where_their_work_is() -> None:
    house = hospital()
    assert signed_in(house, Role.RADIOLOGIST).get("/").headers["location"] == "/worklist"
    for operating in (Role.OPERATOR, Role.ADMIN):
        assert signed_in(house, Role.RADIOLOGIST, operating).get("/").headers["location"] == "/operations"
    assert signed_in(house, Role.AUDITOR).get("/").headers["location"] == "/audit"
    assert signed_in(house, Role.VIEWER).get("/").headers["location"] == "/operations"


def test_without_a_ledger_nobody_gets_in_but_the_probes_answer() -> None:
    house = hospital()
    services = replace(house.services(), accounts=BrokenAccounts())
    house.services = lambda: services  # type: ignore[method-assign]
    away = client(house)
    away.cookies.set(COOKIE, "x")
    assert away.get("/studies", headers=PAGE).status_code == 503
    assert away.get("/healthz").status_code == 200
    assert away.get("/readyz").status_code == 200
    assert away.get("/static/app.css").status_code == 200


class BrokenAccounts(FakeAccounts):
    def who(self, secret: str, *, now: object) -> None:
        raise Unavailable("the ledger is locked")
