"""Signing over HTTP: a person signs, adds and rejects; the second of two sees both versions and loses nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from httpx import Response

from service.adapters.templates.shelf import OURS, read_template
from service.domain.account import Role
from service.domain.edit import text_digest
from service.domain.filled import Filled
from service.domain.job import JobState
from service.domain.phrase import Told
from service.domain.rejection import Reason
from service.domain.report import Outcome, Section
from service.domain.review import Verdict
from service.domain.rule import Mode
from service.domain.submitted import Submitted
from service.flow.form import lines_of_form
from service.flow.review import draft_text, save
from service.ports.catalogue import JobRecord
from service.settings import Settings, Site
from tests.support.fake_house import NOW, House
from tests.support.web_client import TestClient, bearer, client, csrf_of, signed_in, text_of
from tests.support.web_records import draft, job, uid
from tests.support.web_scene import hospital

REPORT = f"/api/studies/{uid(2)}/reports/j-2"
PAGE = f"/studies/{uid(2)}/review"
LINES = [["findings", "Small right pleural effusion."], ["conclusions", "Effusion. <script>x</script>"]]
TEXT = "Findings:\nSmall right pleural effusion.\nConclusions:\nEffusion. <script>x</script>\n"
SIGNATURE = {"base": text_digest(draft_text(draft(2))), "lines": LINES, "seconds": 31.0, "accepted": 1}


@pytest.fixture
def house() -> House:
    made = hospital()
    made.settings = Settings(site=Site(institution="Example Clinic"))
    return made


@pytest.fixture
def radiologist(house: House) -> TestClient:
    return signed_in(house, Role.RADIOLOGIST)


def post(person: TestClient, what: str, **body: object) -> Response:
    secret = csrf_of(person.get("/studies"))
    return person.post(f"{REPORT}/{what}", json=body, headers={"x-csrf-token": secret})


def sign(person: TestClient, **other: object) -> Response:
    return post(person, "signature", **{**SIGNATURE, **other})


def reject(person: TestClient, **other: object) -> Response:
    return post(person, "rejection", **{"base": SIGNATURE["base"], "reason": "Wrong side.", **other})


def change(house: House, *more: JobRecord, **study: object) -> None:
    """Let study 2 have further jobs."""
    records = house.catalogue.records
    made = next(each for each in records if each.row.study_instance_uid == uid(2))
    house.catalogue.records = [replace(made, jobs=(*made.jobs, *more)) if each is made else each for each in records]


def again(name: str, *, reading: int, state: JobState = JobState.COMPLETED, reason: str = "") -> JobRecord:
    """A later job of study 2; `reading` 0 is another reading than j-2."""
    made = job(2, state, minutes=1, report=draft(2) if state is JobState.COMPLETED else None, reason=reason)
    return replace(made, job=replace(made.job, job_id=name), generation=reading)


def test_what_a_draft_did_not_see_is_told_of_the_draft_and_not_of_the_signed_text(house: House) -> None:
    unread = replace(
        draft(2),
        outcome=Outcome.NOT_ANALYSED,
        findings=(),
        sentences=(),
        reason="not a chest",
        notes=("3 of 9 slices",),
    )
    made = next(each for each in house.catalogue.records if each.row.study_instance_uid == uid(2))
    house.catalogue.records = [replace(made, jobs=(job(2, JobState.COMPLETED, report=unread),))]
    about = "that nothing is named here says nothing about its images."
    before, *_ = text_of(house, PAGE, Role.RADIOLOGIST).partition("Second opinion")
    assert about in before
    assert "3 of 9 slices." in before
    person = signed_in(house, Role.RADIOLOGIST)
    assert sign(person, base=text_digest(draft_text(unread))).status_code == 200
    after = text_of(house, PAGE, Role.RADIOLOGIST)
    report, made_of = after[after.index("FINAL") :].split("Ask w", 1)
    assert about not in after
    assert "slices" not in report
    assert "The AI draft said: 3 of 9 slices." in made_of
    assert "No model looked at this study: the AI draft said nothing about its images." in made_of


def test_a_refused_signature_is_told_in_the_language_of_the_page(house: House, radiologist: TestClient) -> None:
    secret = csrf_of(radiologist.get("/studies"))
    body = {**SIGNATURE, "lines": []}
    headers = {"x-csrf-token": secret, "accept-language": "de"}
    told = radiologist.post(f"{REPORT}/signature", json=body, headers=headers).json()
    assert told["detail"] == "An empty report cannot be signed: reject the draft, or write what you see."
    assert told["said"].startswith("Ein leerer Befund kann nicht signiert werden: den Entwurf verwerfen")
    assert told["said"].endswith(".")


def test_a_signature_is_the_text_its_log_and_an_event(house: House, radiologist: TestClient) -> None:
    assert sign(radiologist).json() == {"done": "signed"}
    (review,) = house.signing.kept
    assert (review.verdict, review.text, review.job_id) == (Verdict.SIGNED, TEXT, "j-2")
    assert (review.observer.name, review.observer.organization) == ("anna", "Example Clinic")
    line = review.statements[0]
    assert (line.section, line.text, line.findings) == ("findings", LINES[0][1], ("effusion-left",))
    history = house.edits.kept["j-2"]
    assert history.text == review.text
    assert (history.revisions[-1].seconds, history.revisions[-1].accepted) == (31.0, 1)
    assert [event.detail for event in house.audit.events if "j-2" in event.detail] == [
        "report of job j-2 is being signed", "report of job j-2 signed",
    ]  # fmt: skip


def fill(house: House, *sentences: str) -> None:
    """Put a form of the template `any` into the report, in place of what stands there."""
    template = read_template(OURS / "any.html")
    filled = Filled(template=template, values={"findings-text": "\n".join(sentences)})
    told = tuple(Told(section=Section.FINDINGS, text=each, fields=("findings-text",)) for each in sentences)
    form = Submitted(filled=filled, told=told)
    before = house.edits.history("j-2")
    assert save(
        house.edits, report=draft(2), job_id="j-2", study_instance_uid=str(uid(2)), lines=lines_of_form(form, {}),
        base_sha256=text_digest(before.text if before else draft_text(draft(2))), reviewer="berta", seconds=1,
        accepted=0, now=NOW, form=form,
    )  # fmt: skip


def signed_with(house: House, person: TestClient, *forms: int, lines: object = None) -> Response:
    history = house.edits.kept["j-2"]
    text = [["findings", line] for line in history.text.splitlines()[1:]]
    return sign(person, base=text_digest(history.text), lines=lines or text, forms=forms)


def test_a_form_is_signed_where_who_signs_names_it(house: House, radiologist: TestClient) -> None:
    fill(house, "Small effusion.")
    assert signed_with(house, radiologist, 1).json() == {"done": "signed"}
    assert house.signing.kept[0].forms == (1,)
    assert "Signed with the report, as coded answers." in text_of(house, PAGE, Role.RADIOLOGIST)


def test_a_form_that_nobody_named_is_not_signed(house: House, radiologist: TestClient) -> None:
    fill(house, "Small effusion.")
    assert signed_with(house, radiologist).json() == {"done": "signed"}
    assert house.signing.kept[0].forms == ()
    assert "Not signed: only the text is." in text_of(house, PAGE, Role.RADIOLOGIST)


def test_a_form_of_which_the_report_says_something_else_is_not_signed_and_nothing_is(
    house: House, radiologist: TestClient
) -> None:
    fill(house, "Small effusion.", "No nodule.")
    answer = signed_with(house, radiologist, 1, lines=[["findings", "Small effusion."], ["findings", "A nodule."]])
    assert answer.status_code == 409
    assert "The report no longer says what the form Any examination says" in answer.json()["detail"]
    assert not house.signing.kept
    assert len(house.edits.kept["j-2"].revisions) == 1


def test_a_form_that_another_has_replaced_is_not_signed(house: House, radiologist: TestClient) -> None:
    fill(house, "Small effusion.")
    fill(house, "Small effusion.")  # the same text: its digest tells nobody
    assert signed_with(house, radiologist, 1).status_code == 409
    assert not house.signing.kept
    assert signed_with(house, radiologist, 2).json() == {"done": "signed"}
    assert house.signing.kept[0].forms == (2,)


def test_the_pages_say_that_it_is_final_and_the_draft_superseded(house: House, radiologist: TestClient) -> None:
    sign(radiologist)
    said = text_of(house, PAGE, Role.RADIOLOGIST)
    assert "FINAL Report signed by anna, Example Clinic" in said
    assert "PRELIMINARY" not in said
    study = text_of(house, f"/studies/{uid(2)}", Role.VIEWER)
    assert "FINAL Report signed by anna" in study
    assert "SUPERSEDED" in study
    assert "report signed" in text_of(house, "/studies", Role.VIEWER)
    assert "<script>x" not in radiologist.get(PAGE).text
    told = client(house).get(f"/api/studies/{uid(2)}/reviews", headers=bearer(house, Role.VIEWER)).json()
    assert [(one["verdict"], one["by"], one["text"]) for one in told] == [("signed", "anna", TEXT)]


def test_the_second_who_signs_sees_both_versions(house: House, radiologist: TestClient) -> None:
    sign(radiologist)
    answer = sign(signed_in(house, Role.RADIOLOGIST), lines=[["findings", "Nothing."]])
    assert answer.status_code == 409
    body = answer.json()
    assert "Somebody else has signed this report" in body["detail"]
    assert (body["yours"], body["theirs"]["text"], body["theirs"]["by"]) == ("Findings:\nNothing.\n", TEXT, "anna")
    assert len(house.signing.kept) == 1


def test_who_signs_an_older_text_sees_both_versions_and_nothing_is_signed(
    house: House, radiologist: TestClient
) -> None:
    form = {"csrf": csrf_of(radiologist.get("/studies")), "base": SIGNATURE["base"], "lines": "[]"}
    assert radiologist.post(f"{PAGE}/j-2", data=form).status_code == 200
    body = sign(radiologist).json()
    assert ("saved this report" in body["detail"], body["yours"], body["theirs"]["text"]) == (True, TEXT, "")
    assert not house.signing.kept


def test_a_signed_text_is_saved_by_nobody_any_more(house: House, radiologist: TestClient) -> None:
    sign(radiologist)
    form = {"csrf": csrf_of(radiologist.get("/studies")), "base": text_digest(TEXT), "lines": '[["findings", "No."]]'}
    answer = radiologist.post(f"{PAGE}/j-2", data=form)
    assert (answer.status_code, answer.json()["yours"]) == (409, "Findings:\nNo.\n")
    assert house.edits.kept["j-2"].text == TEXT


def test_an_addendum_keeps_the_text_and_the_second_of_two_sees_the_first(house: House, radiologist: TestClient) -> None:
    assert "only a signed report" in post(radiologist, "addendum", text="Called.", seen=0).json()["detail"].lower()
    sign(radiologist)
    assert post(radiologist, "addendum", text=" Called. ", seen=1).status_code == 200
    answer = post(radiologist, "addendum", text="Called, too.", seen=1)
    assert (answer.status_code, answer.json()["theirs"]["reviews"][-1]["text"]) == (409, "Called.")
    assert [(one.verdict, one.text) for one in house.signing.kept[1:]] == [(Verdict.ADDED, "Called.")]
    said = text_of(house, PAGE, Role.VIEWER)
    assert "Addendum by anna" in said
    assert "Called." in said


def test_a_rejection_withdraws_the_draft_and_leaves_its_reason(house: House, radiologist: TestClient) -> None:
    assert reject(radiologist, reason=" ").status_code == 409
    assert reject(radiologist, why="nobody").status_code == 422
    assert reject(radiologist, why="quality").status_code == 200
    assert house.signing.withdrawn == [Reason.QUALITY]
    said = text_of(house, PAGE, Role.VIEWER)
    assert "REJECTED Rejected by anna" in said
    assert "Wrong side." in said
    assert sign(radiologist).status_code == 409


def test_who_rejects_has_seen_the_last_text(house: House, radiologist: TestClient) -> None:
    form = {"csrf": csrf_of(radiologist.get("/studies")), "base": SIGNATURE["base"], "lines": json.dumps(LINES)}
    assert radiologist.post(f"{PAGE}/j-2", data=form).status_code == 200
    answer = reject(signed_in(house, Role.RADIOLOGIST))
    assert (answer.status_code, answer.json()["theirs"]["text"], answer.json()["yours"]) == (409, TEXT, "Wrong side.")
    assert "saved this report" in answer.json()["detail"]
    assert not house.signing.kept
    assert post(radiologist, "rejection", reason="Wrong side.").status_code == 422
    assert reject(radiologist, base=text_digest(TEXT)).status_code == 200


def test_of_two_at_once_one_rejects_and_the_other_signs_nothing(house: House, radiologist: TestClient) -> None:
    other = signed_in(house, Role.RADIOLOGIST)
    assert reject(other).status_code == 200
    assert "rejected this report" in sign(radiologist).json()["detail"]
    assert "rejected this report" in reject(radiologist).json()["detail"]
    assert [one.verdict for one in house.signing.kept] == [Verdict.REJECTED]


def test_a_page_that_stood_open_signs_rejects_and_saves_no_reading_that_is_not_the_newest(
    house: House, radiologist: TestClient
) -> None:
    change(house, again("j-9", reading=0))
    form = {"csrf": csrf_of(radiologist.get("/studies")), "base": SIGNATURE["base"], "lines": "[]"}
    saved = radiologist.post(f"{PAGE}/j-2", data=form, headers={"accept": "application/json"})
    for answer in (sign(radiologist), reject(radiologist), saved):
        assert answer.status_code == 409
        assert "newe" in answer.json()["detail"]
    assert not house.signing.kept
    assert not house.edits.kept


def test_the_review_of_an_older_reading_leads_to_the_newer_one_signed_or_not(
    house: House, radiologist: TestClient
) -> None:
    sign(radiologist)
    change(house, again("j-9", reading=0))
    answer = radiologist.get(f"{PAGE}?job=j-2", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?job=j-9")
    assert "PRELIMINARY" in radiologist.get(answer.headers["location"]).text
    assert "FINAL Report signed by anna" in text_of(house, f"/studies/{uid(2)}", Role.VIEWER)
    assert post(radiologist, "addendum", text="Called.", seen=1).status_code == 200


def test_a_signed_report_that_could_not_be_written_is_written_again_by_its_signer(
    house: House, radiologist: TestClient
) -> None:
    first = replace(again("j-2", reading=2), created_at=NOW - timedelta(minutes=9))
    records = house.catalogue.records
    made = next(each for each in records if each.row.study_instance_uid == uid(2))
    canceled = again("j-8", reading=2, state=JobState.CANCELED, reason="no room for it")
    house.catalogue.records = [replace(made, jobs=(first, canceled)) if each is made else each for each in records]
    secret = csrf_of(radiologist.get("/studies"))
    address = f"/api/studies/{uid(2)}/reports/2"
    assert "no room for it" not in radiologist.get(PAGE).text
    signed = radiologist.post(f"{address}/signature", json=SIGNATURE, headers={"x-csrf-token": secret})
    assert signed.status_code == 200
    assert "could not be written: no room for it" in text_of(house, PAGE, Role.VIEWER)
    assert "Write it again" in radiologist.get(PAGE).text
    house.signing.unwritten = {"j-8"}
    other = signed_in(house, Role.RADIOLOGIST, name="berta")
    refused = other.post(f"{address}/encoding", headers={"x-csrf-token": csrf_of(other.get("/studies"))})
    assert (refused.status_code, house.signing.unwritten) == (409, {"j-8"})
    kept = list(house.signing.kept)
    answer = radiologist.post(f"{address}/encoding", headers={"x-csrf-token": secret})
    assert (answer.json(), house.signing.kept) == ({"job_id": "j-8-again"}, kept)
    assert radiologist.post(f"{address}/encoding", headers={"x-csrf-token": secret}).status_code == 409


def test_an_operator_who_runs_its_job_again_has_it_written_and_nothing_read(house: House) -> None:
    house.signing.unwritten = {"j-2"}
    operator = client(house)
    answer = operator.post("/api/jobs/j-2/rerun", headers=bearer(house, Role.OPERATOR))
    assert (answer.status_code, answer.json()["job_id"]) == (200, "j-2-again")
    assert not house.signing.unwritten


def test_what_can_never_be_signed_says_what_to_do(house: House, radiologist: TestClient) -> None:
    assert "cannot be signed" in sign(radiologist, lines=[]).json()["detail"]
    house.settings = Settings()
    assert "set site.institution" in sign(signed_in(house, Role.RADIOLOGIST)).json()["detail"]
    house.settings = Settings(site=Site(institution="Example Clinic"))
    records = house.catalogue.records
    made = next(each for each in records if each.row.study_instance_uid == uid(2))
    (job,) = made.jobs
    shadow = replace(made, jobs=(replace(job, job=replace(job.job, mode=Mode.SHADOW)),))
    house.catalogue.records = [shadow if each is made else each for each in records]
    assert "in shadow" in sign(signed_in(house, Role.RADIOLOGIST)).json()["detail"]
    assert not house.signing.kept


def test_a_report_that_is_no_report_is_refused(radiologist: TestClient) -> None:
    assert sign(radiologist, lines=[["elsewhere", "x"]]).status_code == 422
    assert sign(radiologist, lines=[["findings", "x" * 60_001]]).status_code == 413
    assert sign(radiologist, seconds=-1).status_code == 422
    other = f"/api/studies/{uid(2)}/reports/j-4/signature"
    secret = csrf_of(radiologist.get("/studies"))
    assert radiologist.post(other, json=SIGNATURE, headers={"x-csrf-token": secret}).status_code == 404
