"""What the pages about studies say and what their buttons do."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from service.domain.account import Role
from service.domain.delivery import DeliveryState
from service.domain.job import JobState
from service.domain.lane import READ
from service.domain.rejection import Reason
from service.web.search import PAGE, Search
from tests.support.fake_catalogue import FakeCatalogue
from tests.support.fake_house import House
from tests.support.web_client import Tags, post, signed_in, text_of
from tests.support.web_records import delivery, job, record, uid
from tests.support.web_scene import done, hospital


class TestStudies:
    def test_a_study_is_found_by_the_beginning_of_a_name_in_any_case(self) -> None:
        text = post(signed_in(hospital()), "/studies", patient_name="garc").text
        assert "García Márquez, Inés" in text
        assert "Lindqvist" not in text

    @pytest.mark.parametrize(
        ("field", "value"),
        [("patient_id", "MRN70004"), ("accession_number", "A26-4404"), ("study_instance_uid", str(uid(4)))],
    )
    def test_a_study_is_found_by_each_of_its_numbers(self, field: str, value: str) -> None:
        text = post(signed_in(hospital()), "/studies", **{field: value}).text
        assert "García" in text
        assert "1 shown" in text

    def test_a_study_is_found_by_state_and_modality(self) -> None:
        browser = signed_in(hospital())
        assert "2 shown" in browser.get("/studies?state=attention").text
        assert "1 shown" in browser.get("/studies?modality=ct").text

    def test_days_are_those_of_the_site_and_the_last_one_counts(self) -> None:
        query = Search(since="2026-03-04", until="2026-03-04").query(ZoneInfo("Europe/Berlin"))
        assert query.received_since == datetime(2026, 3, 4, tzinfo=ZoneInfo("Europe/Berlin"))
        assert query.received_until == datetime(2026, 3, 5, tzinfo=ZoneInfo("Europe/Berlin"))

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("since", "4.3.2026", "A day is written as YYYY-MM-DD"),
            ("state", "lost", "Known states: receiving"),
            ("study_instance_uid", "1.2.x", "digits and dots only"),
            ("before_at", "yesterday", "Search again"),
            ("before_at", "2026-03-04T10:00:00", "Search again"),
        ],
    )
    def test_what_cannot_be_read_is_said_in_a_sentence(self, field: str, value: str, sentence: str) -> None:
        answer = post(signed_in(hospital()), "/studies", **{field: value})
        assert answer.status_code == 422
        assert sentence in answer.text

    def test_pages_follow_each_other_without_gap_or_repetition(self) -> None:
        house = House()
        total = 2 * PAGE + 7
        made = [record(n, f"Patient^{n:03}", "done", "x", minutes=(n // 2)) for n in range(1, total + 1)]
        house.catalogue = FakeCatalogue(records=made)
        browser = signed_in(house)
        seen: list[str] = []
        answer = post(browser, "/studies", patient_name="Patient")
        while True:
            tags = Tags(answer.text).tags
            seen += [
                attributes["href"] or ""
                for tag, attributes in tags
                if tag == "a" and (attributes.get("href") or "").startswith("/studies/")
            ]
            hidden = {
                attributes["name"]: attributes["value"]
                for tag, attributes in tags
                if tag == "input" and attributes.get("type") == "hidden"
            }
            if "before_at" not in hidden:
                break
            assert hidden["patient_name"] == "Patient"
            answer = browser.post("/studies", data=hidden)
        assert len(seen) == len(set(seen)) == total

    def test_a_study_without_a_name_can_still_be_opened(self) -> None:
        house = House()
        house.catalogue.records = [record(1, "", "done", "x")]
        assert "No name" in text_of(house, "/studies")


class TestStudy:
    def test_the_draft_is_labelled_and_every_sentence_shows_what_it_rests_on(self) -> None:
        text = text_of(hospital(), f"/studies/{uid(2)}")
        assert "PRELIMINARY AI DRAFT - not read by a radiologist. Demo model trained on phantoms" in text
        assert "Enlarged heart, 162 mm across. Cardiomegaly 71 % heart diameter 162 mm" in text
        assert "columns 1480–2010, rows 1710–2290" in text
        assert "chest_demo 1 2a0fd244fb46…" in text

    def test_findings_come_before_conclusions(self) -> None:
        text = text_of(hospital(), f"/studies/{uid(2)}")
        assert text.index("Small left pleural effusion.") < text.index("Small left effusion with cardiomegaly.")

    def test_a_report_that_cannot_be_read_back_is_said_and_not_hidden(self) -> None:
        house = hospital()
        broken = replace(done().jobs[0], report='{"outcome": "analysed"}')
        house.catalogue.records = [replace(done(), jobs=(broken,))]
        assert "not of the form that this version reads" in text_of(house, f"/studies/{uid(2)}")

    def test_a_study_that_never_came_is_404_in_a_sentence(self) -> None:
        for path in ("/studies/1.2.3", "/studies/not-a-uid", f"/studies/{'1.' * 60}1"):
            answer = signed_in(hospital()).get(path)
            assert answer.status_code == 404
            assert "No study with this UID has arrived here." in answer.text

    def test_it_answers_why_it_was_not_processed(self) -> None:
        text = text_of(hospital(), f"/studies/{uid(6)}")
        assert "No rule of configuration version 7 took this study, so no model has read it." in text
        assert "body part: wanted CHEST or THORAX*, found HAND" in text

    def test_rerun_schedules_wakes_a_worker_and_is_recorded(self) -> None:
        house = hospital()
        answer = post(signed_in(house), "/jobs/j-5/rerun", back=f"/studies/{uid(5)}")
        assert answer.headers["location"] == f"/studies/{uid(5)}"
        assert house.bell.rung == [READ]
        assert (house.audit.events[-1].detail, house.audit.events[-1].study_instance_uid) == (
            "rerun of job j-5",
            uid(5),
        )

    def test_a_draft_is_withdrawn_by_an_operator_for_a_named_reason_and_that_is_recorded(self) -> None:
        house = hospital()
        assert "Withdraw" in text_of(house, f"/studies/{uid(2)}")
        assert "Withdraw" not in text_of(house, f"/studies/{uid(2)}", Role.VIEWER)
        answer = post(signed_in(house), "/jobs/j-2/recall", back=f"/studies/{uid(2)}", why="safety")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/studies/{uid(2)}")
        assert house.ledger.recalled == [("j-2", Reason.SAFETY)]
        last = house.audit.events[-1]
        assert last.detail == "recall of job j-2 (Rejected for Patient Safety Reasons)"
        assert last.study_instance_uid == uid(2)

    def test_a_recall_for_an_unknown_reason_or_of_nothing_withdraws_nothing(self) -> None:
        house = hospital()
        browser = signed_in(house)
        assert post(browser, "/jobs/j-2/recall", why="boredom").status_code == 422
        assert post(browser, "/jobs/j-99/recall", why="safety").status_code == 404
        assert house.ledger.recalled == []
        house.ledger.refuses_recall = True
        assert post(browser, "/jobs/j-2/recall", why="quality").status_code == 409

    def test_an_unmatched_study_is_routed_again_by_an_operator(self) -> None:
        house = hospital()
        assert "Route again" in text_of(house, f"/studies/{uid(6)}")
        assert "Route again" not in text_of(house, f"/studies/{uid(6)}", Role.VIEWER)
        assert "Route again" not in text_of(house, f"/studies/{uid(2)}")
        answer = post(signed_in(house), f"/studies/{uid(6)}/route", back=f"/studies/{uid(6)}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/studies/{uid(6)}")
        assert house.ledger.told[0] == "anna routes the study again under version 7"
        last = house.audit.events[-1]
        assert (last.detail, last.study_instance_uid) == ("routed again", uid(6))

    def test_a_study_that_still_arrives_or_never_came_is_not_routed_again(self) -> None:
        browser = signed_in(hospital())
        assert post(browser, f"/studies/{uid(1)}/route").status_code == 409
        assert post(browser, "/studies/1.2.3/route").status_code == 404
        assert post(browser, "/studies/nonsense/route").status_code == 404

    def test_send_again_wakes_the_lane_of_the_destination(self) -> None:
        house = hospital()
        answer = post(signed_in(house), "/deliveries/d-4-PACS/resend", back="//evil.example")
        assert answer.headers["location"] == "/operations"
        assert house.ledger.retried == ["d-4-PACS"]
        assert house.bell.rung == ["deliver:PACS"]

    def test_what_cannot_be_done_again_is_said(self) -> None:
        house = hospital()
        house.ledger.refuses_retry = True
        browser = signed_in(house)
        assert post(browser, "/deliveries/d-2-PACS/resend").status_code == 409
        assert post(browser, "/jobs/j-99/rerun").status_code == 404
        house.ledger.jobs.clear()
        assert post(browser, "/jobs/j-5/rerun").status_code == 409


class TestLists:
    def test_what_failed_comes_first(self) -> None:
        house = hospital()
        jobs = text_of(house, "/jobs")
        assert jobs.index("the model server was away until the deadline") < jobs.index("head-ct-shadow")
        deliveries = text_of(house, "/deliveries")
        assert deliveries.index("0x0122") < deliveries.index("connection refused")

    def test_a_canceled_job_that_was_run_again_is_no_failure_any_more(self) -> None:
        house = House()
        old = job(1, JobState.CANCELED, reason="away")
        new = replace(old, job=replace(old.job, job_id="j-1b", run_number=2, state=JobState.COMPLETED, reason=""))
        house.catalogue.records = [record(1, "A", "done", "x", jobs=(old, new))]
        assert "Newest first" in text_of(house, "/jobs")

    def test_lists_are_narrowed_by_state_and_destination(self) -> None:
        house = hospital()
        house.catalogue.records.append(record(9, "A", "done", "x", deliveries=(delivery(9, DeliveryState.SENT),)))
        research, refused, given_up = "connection refused", "0x0122", "the model server was away"
        everything = text_of(house, "/deliveries")
        assert research in everything
        assert refused in everything
        assert research not in text_of(house, "/deliveries?destination=PACS")
        assert refused not in text_of(house, "/deliveries?state=SENT")
        assert given_up in text_of(house, "/jobs")
        assert given_up not in text_of(house, "/jobs?state=COMPLETED")

    def test_an_unknown_state_is_said(self) -> None:
        answer = signed_in(hospital()).get("/jobs?state=LOST")
        assert answer.status_code == 422
        assert "Known states: SCHEDULED, IN PROGRESS" in answer.text
