"""The earlier study beside the current one: what the reading was compared with, else what is here; no stranger's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydicom.uid import UID

from service.domain.account import Role
from service.ports.catalogue import StudyRecord
from service.ports.exhibits import Compared
from tests.support.fake_house import House
from tests.support.web_client import client, signed_in, text_of
from tests.support.web_records import instance, record, uid
from tests.support.web_scene import hospital

PATH = f"/studies/{uid(2)}/review"
EARLIER = uid(90)
JSON = {"accept": "application/dicom+json"}


@pytest.fixture
def house() -> House:
    return hospital()


def earlier(house: House, **changed: Any) -> StudyRecord:
    """A study of a year before, of the patient of study 2 but for `changed`."""
    (now,) = (each for each in house.catalogue.records if each.row.study_instance_uid == uid(2))
    made = record(90, "x", "done", "read", minutes=9000)
    patient = replace(now.row.identity.patient, **{k: v for k, v in changed.items() if k != "study_date"})
    identity = replace(
        now.row.identity, patient=patient, study_date=changed.get("study_date", "20250304"), study_description="Before"
    )
    return replace(made, row=replace(made.row, identity=identity))


def test_an_earlier_study_that_is_here_stands_beside(house: House) -> None:
    house.catalogue.records.append(earlier(house))
    page = signed_in(house, Role.VIEWER).get(PATH).text
    assert f'data-root="/dicom-web" data-study="{EARLIER}"' in page
    assert "PRIOR 2025-03-04" in page
    assert "The AI has not seen it." in page


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"patient_id": "another"}, "No earlier study of this patient is here."),
        ({"study_date": "20990101"}, "No earlier study of this patient is here."),
        ({"birth_date": "19700101"}, "1 that is here is possibly, and not shown."),
        ({"issuer": "ELSEWHERE"}, "1 that is here is possibly, and not shown."),
        ({"sex": "M"}, "1 that is here is possibly, and not shown."),
    ],
)
def test_who_is_not_certainly_the_same_is_not_shown(house: House, changed: dict[str, str], said: str) -> None:
    house.catalogue.records.append(earlier(house, **changed))
    assert said in text_of(house, PATH, Role.VIEWER)
    assert str(EARLIER) not in signed_in(house, Role.VIEWER).get(PATH).text


def test_what_the_reading_was_compared_with_comes_before_and_is_served_for_this_reading_alone(house: House) -> None:
    stored = instance(91)
    brought = replace(stored, instance=replace(stored.instance, study_instance_uid=uid(91)))
    house.exhibits.earlier = Compared(study_instance_uid=uid(91), day="2024-05-06", images=(brought,))
    house.catalogue.records.append(earlier(house))
    browser = signed_in(house, Role.VIEWER)
    page = browser.get(PATH).text
    root = f"{PATH}/j-2/prior"
    assert f'data-root="{root}" data-study="{uid(91)}"' in page
    assert "The AI draft was compared with it." in page
    series = browser.get(f"{root}/studies/{uid(91)}/series", headers=JSON).json()
    assert [each["0020000E"]["Value"] for each in series] == [[stored.instance.series_instance_uid]]
    image = f"{root}/studies/{uid(91)}/series/{uid(91)}.1/instances/{uid(91)}.1.1/frames/1"
    assert browser.get(image, headers={"accept": "application/octet-stream"}).content == b"frame 1"
    assert uid(91) in {event.study_instance_uid for event in house.audit.events}
    assert browser.get(image.replace(f"{uid(91)}.1.1", f"{uid(91)}.1.2"), headers=JSON).status_code == 404
    for other in (f"{root}/studies/{uid(2)}/series", f"/studies/{UID('1.2.3')}/review/j-2/prior/studies/1.2.3/series"):
        assert browser.get(other, headers=JSON).status_code == 404
    assert client(house).get(image, headers=JSON).status_code == 401
