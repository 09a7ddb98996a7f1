"""Configuration, models, audit, and pages for what went wrong."""

from __future__ import annotations

from dataclasses import replace

from service.domain.account import Role
from service.domain.tally import Count
from service.flow.review import named
from tests.support.fake_house import House
from tests.support.web_client import bearer, client, signed_in, text_of
from tests.support.web_records import ALGORITHM, uid
from tests.support.web_scene import hospital


class TestOthers:
    def test_configuration_shows_rules_and_nodes_as_they_are_active(self) -> None:
        text = text_of(hospital(), "/configuration")
        assert "version 7, active" in text
        assert "body part CHEST or THORAX*" in text
        assert "age 18 years or more" in text
        assert "dicom://PACS@10.1.0.5:104" in text
        assert '[[rule]] name = "chest-radiograph"' in text

    def test_an_older_version_says_that_it_is_not_active(self) -> None:
        assert "version 6, not active" in text_of(hospital(), "/configuration?version=6")

    def test_before_anything_was_applied_it_says_how(self) -> None:
        answer = signed_in(House()).get("/configuration")
        assert answer.status_code == 409
        assert "preread config apply" in answer.text

    def test_models_show_their_card_and_a_missing_one(self) -> None:
        house = hospital()
        assert "frontal chest radiographs of phantoms" in text_of(house, "/models")
        house.models.cards.clear()
        assert "has no card.toml" in text_of(house, "/models")

    def test_models_say_what_they_really_run_on_or_why_they_do_not_run(self) -> None:
        house = hospital()
        assert "Runs on CPUExecutionProvider" in text_of(house, "/models")
        [model] = house.models.server.models
        broken = replace(model, ready=False, provider="", reason="was to run on CUDAExecutionProvider")
        house.models.server = replace(house.models.server, ready=False, models=(broken,))
        text = text_of(house, "/models")
        assert "was to run on CUDAExecutionProvider" in text
        assert "Runs on" not in text

    def test_models_say_what_people_made_of_their_drafts_served_or_not(self) -> None:
        house, of = hospital(), named(ALGORITHM)
        numbers = {
            "drafts": 7, "signed": 5, "unchanged": 12, "edited": 3, "laterality": 2, "suggestions answered": 4,
            "suggestions taken": 1, "dismissed typo": 6,
        }  # fmt: skip
        house.counts.kept = [Count(model=of, prompt="9f" * 32, what=what, number=n) for what, n in numbers.items()]
        house.counts.kept.append(Count(model="former 0 sha256:aa", what="drafts", number=3))
        text = text_of(house, "/models")
        assert "7 5 signed, 0 rejected 12 unchanged 3 edited, 0 removed, 0 added by people laterality 2" in text
        assert "1 of 4 taken" in text
        assert "typo 6" in text
        assert "versions that are not served now" in text
        told = client(house).get("/api/models", headers=bearer(house, Role.VIEWER)).json()["models"]
        assert {one["model"]: (one["served"], one["numbers"]) for one in told} == {
            of: (True, numbers), "former 0 sha256:aa": (False, {"drafts": 3})
        }  # fmt: skip

    def test_an_auditor_sees_who_did_what(self) -> None:
        house = hospital()
        signed_in(house).get(f"/studies/{uid(2)}")
        text = text_of(house, "/audit", Role.AUDITOR)
        assert "anna study viewed yes" in text
        assert str(uid(2)) in text

    def test_a_site_that_keeps_its_record_elsewhere_says_so(self) -> None:
        house = hospital()
        services = replace(house.services(), trail=None)
        house.services = lambda: services  # type: ignore[method-assign]
        assert "does not read it back here" in text_of(house, "/audit")

    def test_times_are_local_with_utc_beside_them(self) -> None:
        text = signed_in(hospital()).get("/operations").text
        assert 'title="2026-03-04 09:20:11 UTC">10:20:11</time>' in text


class TestErrors:
    def test_nothing_at_an_address_is_a_page_for_people_and_a_document_for_programs(self) -> None:
        browser = signed_in(hospital())
        assert "There is nothing at this address." in browser.get("/nowhere").text
        problem = client(hospital()).get("/api/nowhere")
        assert problem.status_code == 404
        assert problem.headers["content-type"] == "application/problem+json"
        assert problem.json()["detail"].startswith("There is nothing at this address.")

    def test_the_wrong_method_is_said(self) -> None:
        answer = signed_in(hospital()).put("/jobs")
        assert answer.status_code == 405
        assert "does not answer that kind of request" in answer.text
        assert answer.headers["allow"] == "GET"

    def test_a_wrong_field_is_named_and_its_value_not_repeated(self) -> None:
        house = hospital()
        headers = {"authorization": f"Bearer {house.token(Role.VIEWER)}"}
        answer = client(house).post("/api/studies/search", json={"patient_name": "Lindqvist" * 99}, headers=headers)
        assert answer.status_code == 422
        assert "patient_name" in answer.text
        assert "Lindqvist" not in answer.text

    def test_a_large_body_is_refused_announced_or_not(self) -> None:
        browser = signed_in(hospital())
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert browser.post("/studies", content=b"x" * 70_000, headers=form).status_code == 413
        assert browser.post("/studies", content=iter([b"x" * 40_000] * 2), headers=form).status_code == 413

    def test_a_bug_is_a_sentence_and_not_a_trace(self) -> None:
        house = hospital()
        browser = signed_in(house)
        house.catalogue.lanes = [object()]  # type: ignore[list-item]
        answer = browser.get("/operations")
        assert answer.status_code == 500
        assert "Something is wrong in the service itself." in answer.text
        assert "Traceback" not in answer.text
