"""The second opinion and the tasks on reports, over the API."""

from __future__ import annotations

from service.domain.account import Role
from tests.support.web_client import bearer, client, csrf_of, signed_in
from tests.support.web_records import uid
from tests.support.web_scene import hospital

LEFT_AND_RIGHT = "Findings:\nSmall left effusion.\nConclusions:\nLarge right effusion.\n"


def test_a_draft_is_questioned_as_it_stands_and_a_text_beside_the_same_reading() -> None:
    house = hospital()
    program, headers = client(house), bearer(house, Role.VIEWER)
    own = program.post(f"/api/studies/{uid(2)}/quality", json={}, headers=headers).json()
    assert (own["by"], own["text"][:9]) == ("rules", "Findings:")
    assert own["stages"] == "No model here checks reports: rules alone."
    sent = program.post(f"/api/studies/{uid(2)}/quality", json={"text": LEFT_AND_RIGHT}, headers=headers).json()
    found = {issue["rule"]: issue for issue in sent["issues"]}
    place = found["laterality.sections"]
    assert sent["text"][place["start"] : place["end"]] == "right"
    assert (place["likely"], place["by"]) == (True, "rules")
    assert house.edits.kept == {}


def test_what_a_radiologist_dismisses_stays_dismissed_and_is_counted_by_kind() -> None:
    house = hospital()
    person = signed_in(house, Role.RADIOLOGIST)
    form = {
        "csrf": csrf_of(person.get("/studies")),
        "kind": "laterality",
        "rule": "laterality.sections",
        "words": "right",
    }
    path = f"/studies/{uid(2)}/review/j-2/dismiss"
    assert [person.post(path, data=form).json() for _ in range(2)] == [{"dismissals": {"laterality": 1}}] * 2
    assert house.audit.events[-1].detail == "issue of job j-2 dismissed: laterality"
    sent = (
        client(house)
        .post(f"/api/studies/{uid(2)}/quality", json={"text": LEFT_AND_RIGHT}, headers=bearer(house, Role.VIEWER))
        .json()
    )
    assert {issue["rule"] for issue in sent["issues"] if issue["dismissed"]} == {"laterality.sections"}
    assert sent["dismissals"] == {"laterality": 1}
    assert person.post(path, data=form | {"kind": "taste"}).status_code == 422


def test_what_was_dismissed_is_brought_back_once_and_the_count_is_right_again() -> None:
    house = hospital()
    person = signed_in(house, Role.RADIOLOGIST)
    path = f"/studies/{uid(2)}/review/j-2/dismiss"
    form = {"csrf": csrf_of(person.get("/studies")), "kind": "laterality", "rule": "laterality.sections"}
    form["words"] = "right"
    assert person.post(f"{path}/undo", data=form).status_code == 409
    person.post(path, data=form)
    assert person.post(f"{path}/undo", data=form).json() == {"dismissals": {}}
    assert house.audit.events[-1].detail == "issue of job j-2 brought back: laterality"
    assert person.post(f"{path}/undo", data=form).status_code == 409
    sent = client(house).post(
        f"/api/studies/{uid(2)}/quality", json={"text": LEFT_AND_RIGHT}, headers=bearer(house, Role.VIEWER)
    )
    assert not any(issue["dismissed"] for issue in sent.json()["issues"])
    assert person.post(f"{path}/undo", data=form | {"csrf": "0" * 64}).status_code == 403


def test_a_study_that_nobody_read_has_no_second_opinion() -> None:
    house = hospital()
    answer = client(house).post(f"/api/studies/{uid(6)}/quality", json={}, headers=bearer(house, Role.VIEWER))
    assert answer.status_code == 404


def test_a_text_of_no_study_is_questioned_by_what_is_sent_beside_it() -> None:
    house = hospital()
    asked = {"text": "FINDINGS: The prostate is normal.\nIMPRESSION: Normal.", "sex": "F"}
    answer = client(house).post("/api/quality", json=asked, headers=bearer(house, Role.VIEWER)).json()
    assert [issue["kind"] for issue in answer["issues"]] == ["sex and anatomy"]


def test_tasks_say_who_answered_and_refuse_what_they_cannot() -> None:
    house = hospital()
    program, headers = client(house), bearer(house, Role.VIEWER)
    for task in ("sections", "labels", "devices", "impression"):
        answer = program.post(f"/api/reports/{task}", json={"text": LEFT_AND_RIGHT}, headers=headers).json()
        assert (answer["task"], answer["by"]) == (task, "rules")
    alone = program.post("/api/reports/change", json={"text": LEFT_AND_RIGHT}, headers=headers)
    assert (alone.status_code, "prior report of the same patient" in alone.text) == (422, True)
    assert program.post("/api/reports/poem", json={"text": "x"}, headers=headers).status_code == 404
    assert program.post("/api/reports/labels", json={"text": "x" * 20_001}, headers=headers).status_code == 422
