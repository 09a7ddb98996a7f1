"""Every route says who may use it; nobody else gets through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from fastapi import Depends, FastAPI

from service.domain.account import Account, Role
from service.domain.errors import Misconfigured
from service.ports.exhibits import Compared, MemoryExhibits
from service.ports.image_models import LabelMap
from service.web import routes
from service.web.app import create_app
from service.web.door import ANYONE, Door, allow, door_of, locked
from tests.support.fake_house import House
from tests.support.web_client import PAGE, TestClient, bearer, client, csrf_of, signed_in
from tests.support.web_records import instance, uid
from tests.support.web_scene import hospital

PUBLIC = {
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/language"),
    ("GET", "/static/{name:path}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
}
SIGNED_IN = {("GET", "/"), ("POST", "/sign-out")}
OPERATOR = {
    ("POST", "/nodes/{name}/echo"), ("POST", "/jobs/{job_id}/rerun"), ("POST", "/jobs/{job_id}/recall"),
    ("POST", "/deliveries/{delivery_id}/resend"),
    ("POST", "/api/nodes/{name}/echo"), ("POST", "/api/jobs/{job_id}/rerun"), ("POST", "/api/jobs/{job_id}/recall"),
    ("POST", "/api/deliveries/{delivery_id}/resend"), ("POST", "/studies/{study_uid}/route"),
    ("POST", "/api/studies/{study_uid}/route"),
}  # fmt: skip
AUDITOR = {("GET", "/audit")}
SENDER = {("POST", "/dicom-web/studies"), ("POST", "/dicom-web/studies/{study_uid}")}
PERSON = {
    ("POST", "/studies/{study_uid}/review/{job_id}/impression"),
    ("POST", "/studies/{study_uid}/review/{job_id}/dismiss"),
    ("POST", "/studies/{study_uid}/review/{job_id}/dismiss/undo"), ("POST", "/studies/{study_uid}/review/{job_id}"),
    ("POST", "/studies/{study_uid}/template/{job_id}"), ("POST", "/api/studies/{study_uid}/completion"),
    ("POST", "/api/studies/{study_uid}/completion/{completion_id}"),
    ("POST", "/api/studies/{study_uid}/tasks/{task}/taken"),
    ("POST", "/api/studies/{study_uid}/reports/{job_id}/signature"),
    ("POST", "/api/studies/{study_uid}/reports/{job_id}/addendum"),
    ("POST", "/api/studies/{study_uid}/reports/{job_id}/rejection"),
    ("POST", "/api/studies/{study_uid}/reports/{job_id}/encoding"),
}  # fmt: skip
"""For a radiologist who has signed in; a token opens none of these, whatever its roles."""
MASK = LabelMap.of(np.ones((1, 2, 2), np.uint8))
PROGRAMS = ("/api/", "/dicom-web/")
VIEWING = {Role.VIEWER, Role.RADIOLOGIST, Role.OPERATOR, Role.ADMIN}
EXAMPLES = {
    "{study_uid}": "1.2.826.0.1.3680043.10.1001.2", "{job_id}": "j-5", "{delivery_id}": "d-4-PACS", "{name}": "PACS",
    "{name:path}": "app.css", "{completion_id}": "c", "{series_uid}": "1.2.826.0.1.3680043.10.1001.2.1",
    "{instance_uid}": "1.2.826.0.1.3680043.10.1001.2.1.1", "{numbers}": "1", "{path:path}": "00282000",
    "{task}": "labels",
    "{template}": "every-kind", "{sha256}": MASK.sha256,
    "{of_study}": "1.2.826.0.1.3680043.10.1001.2", "{of_job}": "j-2",
}  # fmt: skip
ROWS = (*routes.PAGES, *routes.DICOMWEB, *routes.PRIORS, *routes.API)


def allowed(method: str, path: str) -> set[Role]:
    """What the design says, apart from the table that the code uses."""
    if (method, path) in PUBLIC | SIGNED_IN:
        return set(Role)
    if (method, path) in OPERATOR:
        return {Role.OPERATOR, Role.ADMIN}
    if (method, path) in PERSON:
        return set()
    if (method, path) in SENDER:
        return {Role.SENDER}
    return {Role.AUDITOR} if (method, path) in AUDITOR else VIEWING


def every_route() -> list[tuple[str, str]]:
    app = create_app(House().services(), watch_nodes=False)
    return sorted({(next(iter(r.methods - {"HEAD"})), r.path) for r in app.routes})  # type: ignore[attr-defined]


@dataclass
class Town:
    """One hospital and one client for the whole matrix; no route changes what the next one needs."""

    house: House
    client: TestClient


@pytest.fixture(scope="module")
def town() -> Town:
    house = hospital()
    compared = Compared(study_instance_uid=uid(2), day="2025-03-04", images=(instance(2),))
    house.exhibits = MemoryExhibits(MASK, earlier=compared)
    return Town(house, client(house))


INCOMPLETE = {
    ("POST", "/sign-in", 401), ("POST", "/language", 422), ("POST", "/api/studies/{study_uid}/question", 422),
    *((*route, 415) for route in SENDER),
}  # fmt: skip
"""What an empty body is answered with by those who let anybody, or the right ones, so far."""
MATRIX = [(method, path, role) for method, path in every_route() for role in Role]


@pytest.mark.parametrize(("method", "path", "role"), MATRIX)
def test_a_route_lets_exactly_its_roles_pass(method: str, path: str, role: Role, town: Town) -> None:
    if path.endswith("/live") and role in allowed(method, path):
        assert _door(method, path).admits(Account(name="anna", roles=frozenset({role})))  # its stream does not end
        return
    headers = bearer(town.house, role) | ({} if path.startswith(PROGRAMS) or "/prior/" in path else PAGE)
    answer = town.client.request(method, _filled(path), headers=headers, json={})
    if role in allowed(method, path):
        assert answer.status_code < 400 or (method, path, answer.status_code) in INCOMPLETE, answer.text
    else:
        assert answer.status_code == 403
        assert "needs the role" in answer.text or (method, path) in PERSON


@pytest.mark.parametrize(("method", "path"), sorted(PERSON))
@pytest.mark.parametrize("role", Role)
def test_what_only_a_person_may_do_is_done_by_a_radiologist_who_has_signed_in(
    method: str, path: str, role: Role, town: Town
) -> None:
    person = signed_in(town.house, role, Role.VIEWER)
    secret, address = csrf_of(person.get("/studies")), _filled(path).replace("j-5", "j-2")
    if path.startswith("/api/"):
        body = {"lines": [], "base": "", "text": " ", "seen": 0, "reason": " "}
        answer = person.request(method, address, json=body, headers={"x-csrf-token": secret})
    else:
        form = {"csrf": secret, "lines": "[]", "base": "of another text"}
        answer = person.request(method, address, data=form)
    # Past the door a preview keeps nothing; all else says what is wrong with the form or the state of the report.
    past = {200} if "/template/" in path else {303} if path.endswith("/impression") else {409, 422}
    assert answer.status_code in (past if role is Role.RADIOLOGIST else {403})


@pytest.mark.parametrize(("method", "path"), sorted(PERSON))
def test_a_person_s_cookie_alone_signs_nothing_for_another_site(method: str, path: str, town: Town) -> None:
    person = signed_in(town.house, Role.RADIOLOGIST)
    answer = person.request(method, _filled(path), json={})
    assert answer.status_code == 403
    assert "out of date" in answer.text


def test_a_token_with_every_role_is_no_person(town: Town) -> None:
    for method, path in PERSON:
        answer = town.client.request(method, _filled(path), headers=bearer(town.house, *Role), data={"lines": "[]"})
        assert answer.status_code == 403
        assert "a token alone cannot" in answer.text


def _door(method: str, path: str) -> Door:
    return next(row.door for row in ROWS if (row.method, row.path) == (method, path))


def _filled(path: str) -> str:
    for mark, example in EXAMPLES.items():
        path = path.replace(mark, example)
    return path


@pytest.mark.parametrize(("method", "path"), every_route())
def test_a_route_that_is_not_public_asks_a_stranger_to_sign_in(method: str, path: str, town: Town) -> None:
    stranger = town.client
    as_browser = stranger.request(method, _filled(path), headers=PAGE)
    as_program = stranger.request(method, _filled(path))
    if (method, path) in PUBLIC:
        assert as_program.status_code not in {303, 403}
    elif path.startswith(PROGRAMS):
        assert as_browser.status_code == as_program.status_code == 401
    else:
        assert as_browser.status_code == 303
        assert as_browser.headers["location"].startswith("/sign-in")
        assert as_program.status_code == 401
        assert as_program.headers["www-authenticate"] == "Bearer"


def test_the_table_of_the_design_names_every_route() -> None:
    named = PUBLIC | SIGNED_IN | OPERATOR | AUDITOR | SENDER | PERSON
    assert named <= set(every_route())


def test_who_may_send_may_do_nothing_else() -> None:
    sender = Account(name="gateway", roles=frozenset({Role.SENDER}))
    let_in = {(row.method, row.path) for row in ROWS if row.door.admits(sender)}
    assert let_in == PUBLIC | SIGNED_IN | SENDER  # of those signed in, one leads to the first page, one signs out


def test_an_application_with_a_route_without_a_door_is_refused() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/open", lambda: None)
    with pytest.raises(Misconfigured, match="/open"):
        locked(app)


def test_an_application_with_a_mounted_folder_is_refused() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.mount("/files", FastAPI(openapi_url=None))
    with pytest.raises(Misconfigured, match="declares no door"):
        locked(app)


def test_fastapis_own_pages_would_be_refused_as_well() -> None:
    with pytest.raises(Misconfigured, match=r"/openapi\.json"):
        locked(FastAPI())


def test_two_doors_are_as_bad_as_none() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/twice", lambda: None, dependencies=[Depends(ANYONE), Depends(allow(Role.ADMIN))])
    assert door_of(app.routes[-1]) is None


def test_a_door_that_names_nobody_admits_nobody() -> None:
    everything = Account(name="root", roles=frozenset(Role))
    assert not Door().admits(everything)


def test_every_row_of_the_table_has_a_route() -> None:
    rows = {(row.method, row.path) for row in ROWS}
    assert rows == set(every_route())


class TestMetrics:
    def test_a_scraper_on_this_machine_needs_no_token(self) -> None:
        local = client(hospital(), address="127.0.0.1")
        assert local.get("/metrics", headers={"host": "127.0.0.1:8042"}).status_code == 200

    def test_a_scraper_from_elsewhere_needs_one(self) -> None:
        assert client(hospital()).get("/metrics").status_code == 401

    def test_somebody_behind_a_proxy_on_this_machine_is_from_elsewhere(self) -> None:
        local = client(hospital(), address="127.0.0.1")
        headers = {"host": "127.0.0.1", "x-forwarded-for": "203.0.113.9"}
        assert local.get("/metrics", headers=headers).status_code == 401

    def test_a_page_of_another_site_cannot_rebind_its_name_to_this_machine(self) -> None:
        local = client(hospital(), address="127.0.0.1")
        assert local.get("/metrics", headers={"host": "evil.example"}).status_code == 401
