"""QIDO-RS at the front door (PS3.18 10.6)."""

from __future__ import annotations

import pytest

from service.domain.account import Role
from service.domain.audit import AuditKind
from tests.support.web_client import TestClient, bearer, client
from tests.support.web_records import uid
from tests.support.web_scene import hospital

STUDIES = "/dicom-web/studies"
PATIENT_ID, STUDY_UID, SERIES_UID = "00100020", "0020000D", "0020000E"


@pytest.fixture
def viewer() -> TestClient:
    house = hospital()
    made = client(house)
    made.house = house  # type: ignore[attr-defined]
    made.headers.update(bearer(house, Role.VIEWER))
    return made


def uids(viewer: TestClient, query: str = "") -> list[str]:
    answer = viewer.get(STUDIES + query)
    assert answer.status_code in {200, 204}, answer.text
    return [row[STUDY_UID]["Value"][0] for row in answer.json()] if answer.content else []


def test_a_study_is_told_in_the_dicom_json_model(viewer: TestClient) -> None:
    answer = viewer.get(f"{STUDIES}?StudyInstanceUID={uid(2)}")
    (row,) = answer.json()
    assert answer.headers["content-type"] == "application/dicom+json"
    assert row["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Lindqvist^Maja^^Dr"}]}
    assert row["00201208"] == {"vr": "IS", "Value": [1]}
    assert row["00080090"] == {"vr": "PN"}
    assert row["00081190"]["Value"] == [f"http://preread.test{STUDIES}/{uid(2)}"]


@pytest.mark.parametrize("name", [PATIENT_ID, "PatientID"])
def test_a_patient_s_studies_are_that_patient_s_alone(viewer: TestClient, name: str) -> None:
    assert uids(viewer, f"?{name}=MRN70002") == [uid(2)]
    assert uids(viewer, f"?{name}=MRN7000") == []
    assert len(uids(viewer, f"?{name}=MRN7000*")) == 8


def test_nothing_found_is_no_content(viewer: TestClient) -> None:
    assert viewer.get(f"{STUDIES}?AccessionNumber=none").status_code == 204


def test_pages_follow_each_other_and_say_that_more_is_there(viewer: TestClient) -> None:
    everything = uids(viewer)
    assert uids(viewer, "?limit=3") + uids(viewer, "?limit=3&offset=3") + uids(viewer, "?offset=6") == everything
    assert "additional results" in viewer.get(f"{STUDIES}?limit=3").headers["warning"]
    assert "warning" not in viewer.get(f"{STUDIES}?limit=8").headers


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("?limit=-1", "limit"), ("?offset=x", "offset"), ("?Nonsense=1", "does not know"),
        ("?00189999=1", "does not know"), ("?PatientWeight=70", "PatientWeight"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_rather_than_left_out(viewer: TestClient, query: str, word: str) -> None:
    answer = viewer.get(STUDIES + query)
    assert answer.status_code == 400
    assert word in answer.json()["detail"]


def test_fuzzy_matching_is_said_not_to_be_done(viewer: TestClient) -> None:
    assert "fuzzymatching" in viewer.get(f"{STUDIES}?fuzzymatching=true&includefield=all").headers["warning"]


def test_series_and_instances_of_a_study_are_listed(viewer: TestClient) -> None:
    (series,) = viewer.get(f"{STUDIES}/{uid(2)}/series?Modality=DX").json()
    assert series[SERIES_UID]["Value"] == [f"{uid(2)}.1"]
    assert series["00201209"] == {"vr": "IS", "Value": [1]}
    for path in (f"{STUDIES}/{uid(2)}/instances", f"{STUDIES}/{uid(2)}/series/{uid(2)}.1/instances"):
        (instance,) = viewer.get(path).json()
        assert instance["00080018"]["Value"] == [f"{uid(2)}.1.1"]
    assert viewer.get(f"{STUDIES}/{uid(2)}/series?Modality=CT").status_code == 204


@pytest.mark.parametrize(
    "path", ["1.2.3/series", "1.2.3/instances", f"{uid(2)}/series/1.2/instances", "x" * 99 + "/series"]
)
def test_what_is_not_here_is_not_found(viewer: TestClient, path: str) -> None:
    answer = viewer.get(f"{STUDIES}/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_xml_is_not_offered(viewer: TestClient) -> None:
    xml = {"accept": 'multipart/related; type="application/dicom+xml"'}
    assert viewer.get(STUDIES, headers=xml).status_code == 406


def test_a_search_is_recorded_by_its_names_and_never_by_their_values(viewer: TestClient) -> None:
    viewer.get(f"{STUDIES}?PatientName=Lindqvist*&00100020=MRN70002")
    (event,) = (e for e in viewer.house.audit.events if e.kind is AuditKind.QUERY)  # type: ignore[attr-defined]
    assert event.detail == "DICOMweb, searched by PatientID, PatientName; 1 study listed"
