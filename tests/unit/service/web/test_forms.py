"""Forms of other sites do nothing, and nobody listens to the world without a token."""

from __future__ import annotations

import pytest

from service.domain.account import Role
from service.domain.errors import Misconfigured
from service.settings import Settings, Web
from service.web.app import check_bind
from service.web.sessions import open_session
from tests.support.fake_house import NOW, FakeAccounts, House
from tests.support.web_client import bearer, client, csrf_of, signed_in
from tests.support.web_scene import hospital


class TestForms:
    def test_a_form_without_the_secret_is_refused(self) -> None:
        house = hospital()
        answer = signed_in(house).post("/jobs/j-5/rerun")
        assert answer.status_code == 403
        assert "out of date" in answer.text
        assert house.bell.rung == []

    def test_a_form_with_the_secret_of_another_session_is_refused(self) -> None:
        house = hospital()
        foreign = csrf_of(signed_in(house).get("/studies"))
        assert signed_in(house).post("/jobs/j-5/rerun", data={"csrf": foreign}).status_code == 403

    def test_json_with_a_cookie_needs_the_secret_as_well(self) -> None:
        browser = signed_in(hospital())
        assert browser.post("/api/jobs/j-5/rerun", json={}).status_code == 403
        secret = csrf_of(browser.get("/studies"))
        assert browser.post("/api/jobs/j-5/rerun", headers={"x-csrf-token": secret}).status_code == 200

    @pytest.mark.parametrize(
        "headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}]
    )
    def test_a_form_of_another_site_is_refused_even_before_signing_in(self, headers: dict[str, str]) -> None:
        house = hospital()
        answer = client(house).post("/sign-in", data={"token": house.token(Role.VIEWER)}, headers=headers)
        assert answer.status_code == 403
        assert "another site" in answer.text

    def test_a_program_with_a_bearer_token_needs_no_secret(self) -> None:
        house = hospital()
        assert client(house).post("/api/jobs/j-5/rerun", headers=bearer(house, Role.OPERATOR)).status_code == 200


class TestBind:
    def settings(self, host: str) -> Settings:
        return Settings(web=Web(host=host))

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
    def test_this_machine_alone_may_be_served_without_a_token(self, host: str) -> None:
        check_bind(self.settings(host), FakeAccounts())

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "preread.hospital.example", ""])
    def test_others_may_not(self, host: str) -> None:
        with pytest.raises(Misconfigured, match="no token was issued"):
            check_bind(self.settings(host), FakeAccounts())

    def test_with_a_token_they_may(self) -> None:
        house = House()
        house.token(Role.VIEWER)
        check_bind(self.settings("0.0.0.0"), house.accounts)

    def test_a_left_over_session_is_no_token(self) -> None:
        house = House()
        token = house.token(Role.VIEWER)
        open_session(house.accounts, token, hours=1, now=NOW)
        house.accounts.revoke("t-1")
        with pytest.raises(Misconfigured):
            check_bind(self.settings("0.0.0.0"), house.accounts)
