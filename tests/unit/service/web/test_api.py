"""The JSON API answers what the pages show."""

from __future__ import annotations

from service.domain.account import Role
from service.web.search import PAGE
from tests.support.fake_catalogue import FakeCatalogue
from tests.support.fake_house import House
from tests.support.web_client import bearer, client
from tests.support.web_records import record, uid
from tests.support.web_scene import hospital


def test_studies_are_searched_by_post_a_page_at_a_time() -> None:
    house = House()
    house.catalogue = FakeCatalogue(records=[record(n, f"P^{n}", "done", "x") for n in range(1, PAGE + 11)])
    program, headers = client(house), bearer(house, Role.VIEWER)
    first = program.post("/api/studies/search", json={"patient_name": "p"}, headers=headers).json()
    rest = program.post("/api/studies/search", json={"patient_name": "p", **first["next"]}, headers=headers).json()
    seen = [study["study_instance_uid"] for study in first["studies"] + rest["studies"]]
    assert len(seen) == len(set(seen)) == PAGE + 10
    assert rest["next"] is None


def test_a_study_comes_with_everything_that_is_known_of_it() -> None:
    house = hospital()
    body = client(house).get(f"/api/studies/{uid(4)}", headers=bearer(house, Role.VIEWER)).json()
    assert body["study"]["patient"]["patient_id"] == "MRN70004"
    assert body["deliveries"][0]["state"] == "REFUSED"
    assert body["explanation"]["headline"] == "A person has to look at this study."
    assert body["reports"]["j-4"]["first_line"].startswith("AI DRAFT")
    assert body["objects"][0]["role"] == "tid1500"


def test_the_explanation_names_rule_clause_and_values() -> None:
    house = hospital()
    body = client(house).get(f"/api/studies/{uid(6)}/explanation", headers=bearer(house, Role.VIEWER)).json()
    failed = [clause for clause in body["rules"][0]["clauses"] if not clause["holds"]]
    assert {"name": "body part", "wanted": "CHEST or THORAX*", "found": "HAND", "holds": False} in failed


def test_jobs_and_deliveries_are_narrowed_by_state() -> None:
    house = hospital()
    program, headers = client(house), bearer(house, Role.VIEWER)
    jobs = program.get("/api/jobs?state=CANCELED", headers=headers).json()
    assert [job["job_id"] for job in jobs] == ["j-5"]
    deliveries = program.get("/api/deliveries?state=REFUSED&destination=PACS", headers=headers).json()
    assert [one["delivery_id"] for one in deliveries] == ["d-4-PACS"]


def test_rerun_names_the_new_job() -> None:
    house = hospital()
    answer = client(house).post("/api/jobs/j-5/rerun", headers=bearer(house, Role.OPERATOR))
    assert answer.json() == {"done": "scheduled", "job_id": "j-5-again"}


def test_routing_again_says_what_came_of_it() -> None:
    house = hospital()
    answer = client(house).post(f"/api/studies/{uid(6)}/route", headers=bearer(house, Role.OPERATOR))
    assert answer.json()["done"].startswith("No rule of version 7 takes the study: chest-radiograph (body part")
    answer = client(house).post(f"/api/studies/{uid(2)}/route", headers=bearer(house, Role.OPERATOR))
    assert answer.json()["job_id"] == "chest-radiograph-1"


def test_the_configuration_comes_as_it_was_applied() -> None:
    house = hospital()
    body = client(house).get("/api/config", headers=bearer(house, Role.VIEWER)).json()
    assert body["number"] == 7
    assert body["texts"]["nodes.toml"] == "[[source]]\n"


def test_a_viewer_may_not_act() -> None:
    house = hospital()
    answer = client(house).post("/api/jobs/j-5/rerun", headers=bearer(house, Role.VIEWER))
    assert answer.status_code == 403
    assert answer.json()["detail"] == "This needs the role operator; your account does not have it."
